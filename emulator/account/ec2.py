"""EC2: security groups and their rules.

AWS: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/ (one page an action);
the words "exactly", "all or nothing" and "canonical" below are those of
API_RevokeSecurityGroupIngress and API_AuthorizeSecurityGroupIngress.
"""

import secrets

from ministack.core.responses import get_account_id
from ministack.services import ec2

from . import ec2_network, ec2_public_access, ec2_vpcs, late, patching
from .ec2_describe import describe_groups, describe_rules, find_group, is_default_vpc
from .ec2_rules import (
    SOURCES,
    check_quota,
    check_tags,
    group_view,
    identity,
    make_rule,
    new_rule_id,
    new_tags,
    revoked_view,
    rule_view,
    rules_of,
    source_of,
    split,
)
from .wire import AwsError, endpoint


def check_dry_run(request):
    """A dry run that would have succeeded is reported as an error, after all other checks."""
    if request.get("DryRun"):
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def own_group(request):
    """A group that the caller may change: another account's can be seen but not touched."""
    group = find_group(request)
    if group["OwnerId"] != get_account_id():
        raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    return group


def requested_permissions(request):
    """The nested form, or the flat form of one permission with top-level members."""
    if request.get("IpPermissions"):
        return request["IpPermissions"]
    if request.get("SourceSecurityGroupName"):
        pair = {"GroupName": request["SourceSecurityGroupName"]}
        if request.get("SourceSecurityGroupOwnerId"):
            pair["UserId"] = request["SourceSecurityGroupOwnerId"]
        # The flat form with a group and no protocol grants all ICMP, UDP and TCP traffic.
        if not request.get("IpProtocol"):
            everything = (("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1))
            return [
                {"IpProtocol": name, "FromPort": low, "ToPort": high, "UserIdGroupPairs": [pair]}
                for name, low, high in everything
            ]
        source = {"UserIdGroupPairs": [pair]}
    elif request.get("CidrIp"):
        source = {"IpRanges": [{"CidrIp": request["CidrIp"]}]}
    else:
        raise AwsError("MissingParameter", "The request must contain the parameter ipPermissions")
    return [{**{k: request[k] for k in ("IpProtocol", "FromPort", "ToPort") if k in request}, **source}]


def authorize(egress):
    """AuthorizeSecurityGroupIngress/Egress: one rule a source, canonical, never twice."""

    def handler(request):
        group = own_group(request)
        added = [rule for permission in requested_permissions(request) for rule in split(group, permission)]
        if not added:
            raise AwsError("InvalidParameterValue", "The request names no source")
        seen = {identity(rule) for rule in rules_of(group, egress)}
        for rule in added:
            if identity(rule) in seen:
                raise AwsError("InvalidPermission.Duplicate", f'the specified rule "{_described(rule)}" already exists')
            seen.add(identity(rule))
        check_quota(group, egress, added)
        check_dry_run(request)
        tags = new_tags(request, "security-group-rule")
        for rule in added:
            rule["SecurityGroupRuleId"] = new_rule_id()
            late.made(group["GroupId"], rule["SecurityGroupRuleId"])
            rules_of(group, egress).append(rule)
            if tags:
                ec2._tags[rule["SecurityGroupRuleId"]] = list(tags)
        return {"Return": True, "SecurityGroupRules": [rule_view(group, egress, rule) for rule in added]}

    return handler


def _described(rule):
    kind, source = source_of(rule)
    peer = source.get(dict(SOURCES)[kind])
    ports = f", from port: {rule['FromPort']}, to port: {rule['ToPort']}" if "FromPort" in rule else ""
    return f"peer: {peer}, {rule['IpProtocol'].upper()}{ports}, ALLOW"


def revoke(egress):
    """RevokeSecurityGroupIngress/Egress, by rule ids or by exactly matching permissions."""

    def handler(request):
        group = own_group(request)
        if request.get("SecurityGroupRuleIds"):
            gone, unknown = _by_ids(group, egress, request["SecurityGroupRuleIds"]), []
        else:
            gone, unknown = _by_permissions(group, egress, requested_permissions(request))
        check_dry_run(request)
        doomed = {rule["SecurityGroupRuleId"] for rule in gone}
        stored = rules_of(group, egress)
        stored[:] = [rule for rule in stored if rule["SecurityGroupRuleId"] not in doomed]
        for rule_id in doomed:
            ec2._tags.pop(rule_id, None)
        return {
            "Return": True,
            "UnknownIpPermissions": unknown,
            "RevokedSecurityGroupRules": [revoked_view(group, egress, rule) for rule in gone],
        }

    return handler


def _by_ids(group, egress, rule_ids):
    known = {rule["SecurityGroupRuleId"]: rule for rule in rules_of(group, egress)}
    for rule_id in rule_ids:
        if rule_id not in known:
            raise AwsError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
    return [known[rule_id] for rule_id in dict.fromkeys(rule_ids)]


def _by_permissions(group, egress, permissions):
    """All or nothing outside the default VPC; in it, what does not match is reported and the rest goes."""
    known = {identity(rule): rule for rule in rules_of(group, egress)}
    gone, unknown = {}, []
    for permission in permissions:
        rules = split(group, permission)
        missing = [rule for rule in rules if identity(rule) not in known]
        if missing and not is_default_vpc(group["VpcId"]):
            raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        if missing:
            unknown.append(permission)
        for rule in rules:
            if identity(rule) in known:
                gone[identity(rule)] = known[identity(rule)]
    return list(gone.values()), unknown


def modify_rules(request):
    """ModifySecurityGroupRules: changes rules in place; ids and tags stay; all or nothing."""
    group = own_group(request)
    changed = {}
    for update in request["SecurityGroupRules"]:
        rule_id = update["SecurityGroupRuleId"]
        egress, rule = find_rule(group, rule_id)
        changed[rule_id] = (
            egress,
            {**_modified(group, rule, update.get("SecurityGroupRule") or {}), "SecurityGroupRuleId": rule_id},
        )
    for egress in (False, True):
        after = [changed.get(rule["SecurityGroupRuleId"], (egress, rule))[1] for rule in rules_of(group, egress)]
        if len({identity(rule) for rule in after}) < len(after):
            raise AwsError("InvalidPermission.Duplicate", "the specified rule already exists")
    check_dry_run(request)
    for egress in (False, True):
        stored = rules_of(group, egress)
        stored[:] = [changed.get(rule["SecurityGroupRuleId"], (egress, rule))[1] for rule in stored]
    return {"Return": True}


def find_rule(group, rule_id):
    for egress in (False, True):
        for rule in rules_of(group, egress):
            if rule["SecurityGroupRuleId"] == rule_id:
                return egress, rule
    raise AwsError("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist")


def _modified(group, rule, update):
    """The rule after the update; members that the update leaves out keep their value."""
    kind, source = source_of(rule)
    source = dict(source)
    requested = {
        "IpRanges": {"CidrIp": update.get("CidrIpv4")},
        "Ipv6Ranges": {"CidrIpv6": update.get("CidrIpv6")},
        "PrefixListIds": {"PrefixListId": update.get("PrefixListId")},
        "UserIdGroupPairs": {"GroupId": update.get("ReferencedGroupId")},
    }
    given = [name for name, entry in requested.items() if any(entry.values())]
    if len(given) > 1:
        raise AwsError("InvalidParameterCombination", "Only one source can be specified for a security group rule")
    if given:
        kind, source = given[0], {**requested[given[0]], "Description": source.get("Description")}
    if "Description" in update:
        source["Description"] = update["Description"]
    permission = {
        "IpProtocol": update.get("IpProtocol", rule["IpProtocol"]),
        "FromPort": update.get("FromPort", rule.get("FromPort")),
        "ToPort": update.get("ToPort", rule.get("ToPort")),
        kind: [source],
    }
    return split(group, permission)[0]


def update_descriptions(egress):
    """UpdateSecurityGroupRuleDescriptionsIngress/Egress, by rule ids or by permissions."""

    def handler(request):
        group = own_group(request)
        for item in request.get("SecurityGroupRuleDescriptions") or []:
            _, rule = find_rule(group, item["SecurityGroupRuleId"])
            _describe_source(rule, item.get("Description"))
        known = {identity(rule): rule for rule in rules_of(group, egress)}
        for permission in request.get("IpPermissions") or []:
            for wanted in split(group, permission):
                if identity(wanted) not in known:
                    raise AwsError(
                        "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
                    )
                _describe_source(known[identity(wanted)], source_of(wanted)[1].get("Description"))
        return {"Return": True}

    return handler


def _describe_source(rule, text):
    _, source = source_of(rule)
    source.pop("Description", None)
    if text:
        source["Description"] = text


def create_group(request):
    """CreateSecurityGroup: a name is unique in its VPC; the new group lets everything out and has its tags."""
    vpc_id = request.get("VpcId") or ec2._DEFAULT_VPC_ID
    if vpc_id not in ec2._vpcs:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    name = request["GroupName"]
    if any(group["GroupName"] == name and group["VpcId"] == vpc_id for group in ec2._security_groups.values()):
        raise AwsError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc_id}'")
    check_dry_run(request)
    group = {
        "GroupId": f"sg-0{secrets.token_hex(8)}",
        "GroupName": name,
        "Description": request["Description"],
        "VpcId": vpc_id,
        "OwnerId": get_account_id(),
        "IpPermissions": [],
        "IpPermissionsEgress": [],
    }
    everything = make_rule("-1", None, None, "IpRanges", {"CidrIp": "0.0.0.0/0"})
    group["IpPermissionsEgress"].append({**everything, "SecurityGroupRuleId": new_rule_id()})
    ec2._security_groups[group["GroupId"]] = group
    tags = new_tags(request, "security-group")
    if tags:
        ec2._tags[group["GroupId"]] = tags
    view = group_view(group)
    return {"GroupId": group["GroupId"], "Tags": tags or None, "SecurityGroupArn": view["SecurityGroupArn"]}


def delete_group(request):
    """DeleteSecurityGroup: refused while an interface or another group's rule uses the group."""
    group = own_group(request)
    group_id = group["GroupId"]
    if group["GroupName"] == "default":
        raise AwsError("CannotDelete", f'the specified group: "{group_id}" name: "default" cannot be deleted by a user')
    used = any(
        member["GroupId"] == group_id
        for interface in ec2._network_interfaces.values()
        for member in interface.get("Groups", [])
    )
    referenced = any(
        source_of(rule)[1].get("GroupId") == group_id
        for other in ec2._security_groups.values()
        if other is not group
        for egress in (False, True)
        for rule in rules_of(other, egress)
    )
    if used or referenced:
        raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")
    check_dry_run(request)
    del ec2._security_groups[group_id]
    ec2._tags.pop(group_id, None)
    return {"Return": True, "GroupId": group_id}


def create_tags(request):
    """CreateTags: at least one. The message: dask/dask-ec2#90."""
    tags = [{"Key": tag.get("Key"), "Value": tag.get("Value", "")} for tag in request.get("Tags") or []]
    if not tags:
        raise AwsError("InvalidParameterValue", "You must specify one or more tags to create")
    check_tags(tags)
    for resource_id in request.get("Resources") or []:
        both = [*(ec2._tags.get(resource_id) or []), *tags]
        merged = list({tag["Key"]: tag for tag in both}.values())
        check_tags([tag for tag in merged if not tag["Key"].startswith("aws:")])
        ec2._tags[resource_id] = merged
    return {"Return": True}


ACTIONS = {
    "AuthorizeSecurityGroupIngress": authorize(False),
    "AuthorizeSecurityGroupEgress": authorize(True),
    "RevokeSecurityGroupIngress": revoke(False),
    "RevokeSecurityGroupEgress": revoke(True),
    "ModifySecurityGroupRules": modify_rules,
    "DescribeSecurityGroupRules": describe_rules,
    "DescribeSecurityGroups": describe_groups,
    "CreateSecurityGroup": create_group,
    "DeleteSecurityGroup": delete_group,
}
#: MiniStack may not know these; adding them replaces nothing.
ADDED = {
    "UpdateSecurityGroupRuleDescriptionsIngress": update_descriptions(False),
    "UpdateSecurityGroupRuleDescriptionsEgress": update_descriptions(True),
}


def install():
    """Put these actions in place of MiniStack's."""
    patching.require(
        ec2,
        "_DEFAULT_VPC_ID",
        "_security_groups",
        "_vpcs",
        "_tags",
        "_network_interfaces",
        "_prefix_lists",
        "_glob_match",
        "_resource_matches_tag_filters",
        "_resolve_aws_pl_by_id",
        "_SECURITY_GROUP_ID_RE",
    )
    for action, function in ACTIONS.items():
        patching.replace_action(ec2._ACTION_MAP, action, endpoint("ec2", action, function))
    patching.replace_action(ec2._ACTION_MAP, "CreateTags", endpoint("ec2", "CreateTags", create_tags, required=False))
    for action, function in ADDED.items():
        ec2._ACTION_MAP[action] = endpoint("ec2", action, function)
    ec2_network.install()
    ec2_public_access.install()
    ec2_vpcs.install()
