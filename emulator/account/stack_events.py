"""CloudFormation to EventBridge: changes of stacks and of their resources are events, trail or no trail.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-events.html
"""

from ministack.services.cloudformation import changesets, handlers, stacks

from . import bus, patching

STACK = "AWS::CloudFormation::Stack"


def install():
    add_event = patching.original(stacks, "_add_event")

    def add_event_and_tell(
        stack_id, stack_name, logical_id, resource_type, status, reason="", physical_id="", detailed_status=""
    ):
        add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
        if resource_type == STACK and logical_id == stack_name:
            tell("CloudFormation Stack Status Change", stack_id, detail_of(stack_id, status, reason))
        else:
            resource = {"logical-resource-id": logical_id, "physical-resource-id": physical_id}
            detail = {**detail_of(stack_id, status, reason), **resource, "resource-type": resource_type}
            tell("CloudFormation Resource Status Change", stack_id, detail)

    for module in (stacks, handlers, changesets):
        patching.replace(module, "_add_event", add_event_and_tell)


def detail_of(stack_id, status, reason):
    return {
        "stack-id": stack_id,
        "status-details": {"status": status, "status-reason": reason or ""},
        "client-request-token": stacks.CLIENT_REQUEST_TOKEN.get(),
    }


def tell(detail_type, stack_id, detail):
    bus.put_soon("aws.cloudformation", detail_type, detail, [stack_id])
