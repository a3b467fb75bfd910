"""EC2: finding security groups and their rules.

AWS: API_DescribeSecurityGroups and API_DescribeSecurityGroupRules in
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
"""

from ministack.services import ec2

from . import late
from .ec2_rules import group_view, rule_view, rules_of, source_of
from .wire import AwsError, paged


def is_default_vpc(vpc_id):
    return bool((ec2._vpcs.get(vpc_id) or {}).get("IsDefault"))


def find_group(request):
    """The group by id, or by name, which AWS looks up in the default VPC only."""
    group_id, name = request.get("GroupId"), request.get("GroupName")
    if not group_id and not name:
        raise AwsError("MissingParameter", "The request must contain the parameter groupName or groupId")
    if group_id:
        if group_id not in ec2._security_groups and not ec2._SECURITY_GROUP_ID_RE.fullmatch(group_id):
            raise AwsError("InvalidGroupId.Malformed", f'Invalid id: "{group_id}"')
        if group_id not in ec2._security_groups:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return ec2._security_groups[group_id]
    for group in ec2._security_groups.values():
        if group["GroupName"] == name and is_default_vpc(group["VpcId"]):
            return group
    raise AwsError("InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC")


def describe_rules(request):
    """DescribeSecurityGroupRules: by ids or filters, MaxResults 5 to 1000."""
    filters = {item["Name"]: item.get("Values") or [] for item in request.get("Filters") or []}
    rule_ids = request.get("SecurityGroupRuleIds") or []
    if rule_ids and request.get("MaxResults"):
        raise AwsError(
            "InvalidParameterCombination", "The parameter SecurityGroupRuleIds cannot be used with MaxResults"
        )
    views = [
        rule_view(group, egress, rule)
        for group in ec2._security_groups.values()
        for egress in (False, True)
        for rule in rules_of(group, egress)
        if late.is_shown(rule["SecurityGroupRuleId"])
    ]
    known = {view["SecurityGroupRuleId"] for view in views}
    for rule_id in rule_ids:
        if rule_id not in known:
            raise AwsError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
    chosen = [view for view in views if _rule_matches(view, rule_ids, filters)]
    page, token = paged(chosen, request.get("MaxResults"), request.get("NextToken"))
    return {"SecurityGroupRules": page, "NextToken": token}


def _rule_matches(view, rule_ids, filters):
    if rule_ids and view["SecurityGroupRuleId"] not in rule_ids:
        return False
    if "group-id" in filters and view["GroupId"] not in filters["group-id"]:
        return False
    if "security-group-rule-id" in filters and view["SecurityGroupRuleId"] not in filters["security-group-rule-id"]:
        return False
    return ec2._resource_matches_tag_filters(view["SecurityGroupRuleId"], filters)


def describe_groups(request):
    """DescribeSecurityGroups: by ids, names (default VPC), filters; paged by MaxResults."""
    ids, names = request.get("GroupIds") or [], request.get("GroupNames") or []
    if (ids or names) and request.get("MaxResults"):
        raise AwsError("InvalidParameterCombination", "The parameter MaxResults cannot be used with group ids or names")
    for group_id in ids:
        find_group({"GroupId": group_id})
    named = [find_group({"GroupName": name})["GroupId"] for name in names]
    filters = {item["Name"]: item.get("Values") or [] for item in request.get("Filters") or []}
    groups = [
        group
        for group in ec2._security_groups.values()
        if (not ids and not named or group["GroupId"] in ids + named) and _group_matches(group, filters)
    ]
    page, token = paged(groups, request.get("MaxResults"), request.get("NextToken"))
    return {"SecurityGroups": [group_view(group) for group in page], "NextToken": token}


def _group_matches(group, filters):
    if not ec2._resource_matches_tag_filters(group["GroupId"], filters):
        return False
    members = {
        "vpc-id": "VpcId",
        "group-name": "GroupName",
        "group-id": "GroupId",
        "description": "Description",
        "owner-id": "OwnerId",
    }
    for name, values in filters.items():
        if name in members and not any(ec2._glob_match(value, group[members[name]]) for value in values):
            return False
        for prefix, egress in (("ip-permission.", False), ("egress.ip-permission.", True)):
            if name.startswith(prefix):
                found = (_rule_values(rule, name[len(prefix) :]) for rule in rules_of(group, egress))
                if not any(
                    ec2._glob_match(value, actual) for values_of in found for actual in values_of for value in values
                ):
                    return False
    return True


def _rule_values(rule, name):
    kind, source = source_of(rule)
    values = {
        "protocol": rule["IpProtocol"],
        "from-port": rule.get("FromPort"),
        "to-port": rule.get("ToPort"),
        "cidr": source.get("CidrIp"),
        "ipv6-cidr": source.get("CidrIpv6"),
        "prefix-list-id": source.get("PrefixListId"),
        "group-id": source.get("GroupId"),
        "user-id": source.get("UserId"),
    }
    value = values.get(name)
    return [] if value is None else [str(value)]
