"""Which action and resource a call is authorized on, where MiniStack says `*` or the wrong one.

AWS: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

import json

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region

from . import ec2_network, patching, wire
from .ec2_describe import find_group

#: Describe actions of ElastiCache are authorized on a type of resource, and on all of them if the call names none.
CACHES = {
    "DescribeCacheClusters": ("CacheClusterId", "cluster"),
    "DescribeReplicationGroups": ("ReplicationGroupId", "replicationgroup"),
    "DescribeSnapshots": ("SnapshotName", "snapshot"),
    "DescribeCacheSubnetGroups": ("CacheSubnetGroupName", "subnetgroup"),
    "DescribeCacheParameterGroups": ("CacheParameterGroupName", "parametergroup"),
    "DescribeCacheParameters": ("CacheParameterGroupName", "parametergroup"),
    "DescribeUserGroups": ("UserGroupId", "usergroup"),
    "DescribeUsers": ("UserId", "user"),
    "DeleteSnapshot": ("SnapshotName", "snapshot"),
    "DescribeServerlessCaches": ("ServerlessCacheName", "serverlesscache"),
    "CreateServerlessCache": ("ServerlessCacheName", "serverlesscache"),
    "DeleteServerlessCache": ("ServerlessCacheName", "serverlesscache"),
    "ModifyServerlessCache": ("ServerlessCacheName", "serverlesscache"),
}
#: Of the path `/functions/NAME/concurrency`.
CONCURRENCY = {
    "GET": "GetFunctionConcurrency",
    "PUT": "PutFunctionConcurrency",
    "DELETE": "DeleteFunctionConcurrency",
}


def install():
    extract = patching.original(iam_actions, "extract_resource_arn")

    def extract_resource(service, method, path, headers, body, query_params, region, account_id):
        parameters = {key: value[0] if isinstance(value, list) else value for key, value in query_params.items()}
        own = {"ec2": ec2_resource, "elasticache": cache_resource}.get(service)
        arn = own(parameters) if own else rule_of(headers, body) if service == "events" else None
        return arn or extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource
    act = patching.original(iam_actions, "_lambda_action")

    def lambda_action(method, path):
        return CONCURRENCY.get(method) if path.rstrip("/").endswith("/concurrency") else act(method, path)

    iam_actions._lambda_action = lambda_action


def rule_of(headers, body):
    """DescribeRule is authorized on the rule (Service Authorization Reference, EventBridge)."""
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if not target.endswith(".DescribeRule"):
        return None
    return f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{json.loads(body).get('Name', '')}"


def ec2_resource(parameters):
    action = parameters.get("Action", "")
    if action.startswith("Describe"):  # these know no resources
        return "*"
    if parameters.get("PrefixListId"):
        return prefix_list_arn(parameters["PrefixListId"])
    if "SecurityGroup" in action and parameters.get("GroupName") and not action.startswith("Create"):
        return group_arn(parameters)
    return None


def prefix_list_arn(prefix_list_id):
    """AWS's own lists belong to `aws`, shared ones to who shares them."""
    try:
        owner = ec2_network.find_prefix_list(prefix_list_id).get("OwnerId", get_account_id())
    except wire.AwsError:
        owner = get_account_id()
    return f"arn:aws:ec2:{get_region()}:{'aws' if owner == 'AWS' else owner}:prefix-list/{prefix_list_id}"


def group_arn(parameters):
    """A group by name is still the resource with its id."""
    try:
        group = find_group(parameters)
    except wire.AwsError:
        return None
    return f"arn:aws:ec2:{get_region()}:{get_account_id()}:security-group/{group['GroupId']}"


def cache_resource(parameters):
    if parameters.get("Action", "").endswith(("TagsForResource", "TagsToResource", "TagsFromResource")):
        return parameters.get("ResourceName", "*")
    if parameters.get("Action") not in CACHES:
        return None
    member, kind = CACHES[parameters["Action"]]
    return f"arn:aws:elasticache:{get_region()}:{get_account_id()}:{kind}:{parameters.get(member, '*').lower()}"
