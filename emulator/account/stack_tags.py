"""CloudFormation: a cache that a stack makes has the tags by which its stack is known.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html, "aws: prefix"
"""

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners

from . import patching
from .elasticache_store import TAGS_OF_STACK

TYPES = ("AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup")


def install():
    patching.require(cloudformation, "_stacks")
    patching.require(provisioners, "_RESOURCE_HANDLERS")
    for resource_type in TYPES:
        handlers = provisioners._RESOURCE_HANDLERS.get(resource_type) or {}
        if "create" not in handlers:
            raise patching.IncompatibleMiniStack(f"CloudFormation does not create {resource_type}")
        handlers["create"] = with_tags(handlers["create"])


def with_tags(create):
    def create_tagged(logical_id, props, stack_name):
        stack = cloudformation._stacks.get(stack_name) or {}
        tags = {"stack-name": stack_name, "stack-id": stack.get("StackId", ""), "logical-id": logical_id}
        token = TAGS_OF_STACK.set({f"aws:cloudformation:{key}": value for key, value in tags.items()})
        try:
            return create(logical_id, props, stack_name)
        finally:
            TAGS_OF_STACK.reset(token)

    return create_tagged
