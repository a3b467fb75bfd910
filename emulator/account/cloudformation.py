"""CloudFormation: the rules of a security group are made and removed by calls, as AWS does it.

So they are checked, get ids, and leave CloudTrail events that name CloudFormation. DescribeStackResources finds the
stack of a resource by the resource.
AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

import re

from ministack.services import cloudformation, ec2
from ministack.services.cloudformation import handlers as actions
from ministack.services.cloudformation import provisioners

from . import patching

RESOURCE = "AWS::EC2::SecurityGroup"
SIDES = {"SecurityGroupIngress": "Ingress", "SecurityGroupEgress": "Egress"}
#: A template's members and where they are in the parameters of a call.
SOURCES = {
    "CidrIp": "IpRanges.1.CidrIp",
    "CidrIpv6": "Ipv6Ranges.1.CidrIpv6",
    "SourcePrefixListId": "PrefixListIds.1.PrefixListId",
    "DestinationPrefixListId": "PrefixListIds.1.PrefixListId",
    "SourceSecurityGroupId": "Groups.1.GroupId",
    "DestinationSecurityGroupId": "Groups.1.GroupId",
    "SourceSecurityGroupName": "Groups.1.GroupName",
    "SourceSecurityGroupOwnerId": "Groups.1.UserId",
}


def install():
    patching.require(provisioners, "_RESOURCE_HANDLERS")
    handlers = provisioners._RESOURCE_HANDLERS.get(RESOURCE) or {}
    if not {"create", "update"} <= set(handlers):
        raise patching.IncompatibleMiniStack(f"CloudFormation does not create and update {RESOURCE}")
    create, update = handlers["create"], handlers["update"]

    def create_with_calls(logical_id, props, stack_name):
        physical_id, attributes = create(logical_id, without_rules(props), stack_name)
        change(physical_id, {}, props)
        return physical_id, attributes

    def update_with_calls(physical_id, old_props, new_props, *rest, **named):
        new_id, attributes = update(physical_id, without_rules(old_props), without_rules(new_props), *rest, **named)
        change(new_id, old_props if new_id == physical_id else {}, new_props)
        return new_id, attributes

    handlers.update(create=create_with_calls, update=update_with_calls)
    patching.require(cloudformation, "_stacks")
    patching.require(actions, "_error", "_p")
    patching.replace_action(actions._ACTION_HANDLERS, "DescribeStackResources", describe_stack_resources)


_describe_of_stack = patching.original(actions, "_describe_stack_resources")


def describe_stack_resources(params):
    """All resources of a stack, which may be named by one of them."""
    physical_id = actions._p(params, "PhysicalResourceId")
    if not physical_id:
        return _describe_of_stack(params)
    if actions._p(params, "StackName"):
        return actions._error("ValidationError", "StackName and PhysicalResourceId cannot be used together")
    for stack in cloudformation._stacks.values():
        if any(item.get("PhysicalResourceId") == physical_id for item in stack.get("_resources", {}).values()):
            return _describe_of_stack({**params, "StackName": [stack["StackName"]]})
    return actions._error("ValidationError", f"Stack for {physical_id} does not exist")


def without_rules(props):
    return {key: value for key, value in props.items() if key not in SIDES}


def change(group_id, old_props, new_props):
    """Revoke what the template no longer has and authorize what is new in it."""
    for key, side in SIDES.items():
        old, new = rules_of(old_props, key), rules_of(new_props, key)
        if side == "Egress" and new and not old:
            old = [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]  # the rule that every new group has
        call(f"RevokeSecurityGroup{side}", group_id, [rule for rule in old if rule not in new])
        call(f"AuthorizeSecurityGroup{side}", group_id, [rule for rule in new if rule not in old])


def rules_of(props, key):
    rules = props.get(key) or []
    return [rules] if isinstance(rules, dict) else [rule for rule in rules if isinstance(rule, dict)]


def call(action, group_id, rules):
    if not rules:
        return
    params = {"Action": action, "GroupId": group_id}
    for number, rule in enumerate(rules, 1):
        prefix = f"IpPermissions.{number}."
        for member in ("IpProtocol", "FromPort", "ToPort"):
            if member in rule:
                params[prefix + member] = str(rule[member])
        for member, place in SOURCES.items():
            if member in rule:
                params[prefix + place] = str(rule[member])
                if rule.get("Description"):
                    params[prefix + place.rsplit(".", 1)[0] + ".Description"] = rule["Description"]
    status, _, body = ec2._ACTION_MAP[action](params)
    if status >= 400:
        text = body.decode()
        found = re.search(r"<Code>(.*?)</Code><Message>(.*?)</Message>", text, re.S)
        raise ValueError(f"{RESOURCE} {group_id}: {': '.join(found.groups()) if found else text}")
