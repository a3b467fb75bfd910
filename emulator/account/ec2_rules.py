"""Security-group rules as AWS stores them: one per source, with an id that never changes.

A rule is kept in MiniStack's own store as a permission with exactly one source
and a ``SecurityGroupRuleId``, so that MiniStack's other services still read it.
"""

import ipaddress
import secrets

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from .wire import AwsError

#: The lists of an IpPermission and the member that names the source in each.
SOURCES = (
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId"),
    ("UserIdGroupPairs", "GroupId"),
)
PROTOCOL_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
PORTED = ("tcp", "udp", "icmp", "icmpv6")
RULE_QUOTA = 60
MOST_TAGS = 50


def new_rule_id():
    return f"sgr-0{secrets.token_hex(8)}"


def tags_for(request, resource_type):
    """The tags that a create or authorize request gives to one type of resource."""
    return [
        {"Key": tag["Key"], "Value": tag.get("Value", "")}
        for specification in request.get("TagSpecifications") or []
        if specification.get("ResourceType") == resource_type
        for tag in specification.get("Tags") or []
    ]


def new_tags(request, resource_type):
    """The same, of which AWS refuses those that are none. The message: hashicorp/packer-plugin-amazon#141."""
    for specification in request.get("TagSpecifications") or []:
        if not specification.get("Tags"):
            raise AwsError("InvalidTagKey.Malformed", "Tag specification must have at least one tag")
        check_tags(specification["Tags"])
    return tags_for(request, resource_type)


def check_tags(tags):
    """Using_Tags.html in the EC2 guide; the first message: aws/aws-cli#3283."""
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not key:
            message = "Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty."
            raise AwsError("InvalidParameterValue", message)
        if key.startswith("aws:"):
            raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        if len(key) > 127 or len(value) > 255:
            raise AwsError("InvalidParameterValue", f"Tag {key} is too long.")
    if len({tag["Key"] for tag in tags}) > MOST_TAGS:
        raise AwsError("TagLimitExceeded", f"A resource has at most {MOST_TAGS} tags.")


def side(egress):
    return "IpPermissionsEgress" if egress else "IpPermissions"


def canonical_cidr(text, version):
    """AWS stores 100.68.0.18/18 as 100.68.0.0/18: host bits are cleared."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        network = None
    if network is None or network.version != version or "/" not in text:
        raise AwsError("InvalidParameterValue", f"CIDR block {text} is malformed")
    return str(network)


def canonical_protocol(text):
    """AWS answers tcp for 6, udp for 17, icmp for 1 and icmpv6 for 58."""
    text = str(text).lower()
    return PROTOCOL_NAMES.get(text, text)


def _check_ports(protocol, low, high):
    if protocol in ("tcp", "udp"):
        if low is None or high is None:
            raise AwsError(
                "InvalidParameterValue",
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
            )
        if not (0 <= low <= 65535 and 0 <= high <= 65535):
            raise AwsError("InvalidParameterValue", f"Invalid value '{low}-{high}' for portRange. Ports are 0-65535.")
        if low > high:
            raise AwsError("InvalidParameterValue", f"Invalid TCP/UDP port range ({low}:{high})")


def _check_prefix_list(prefix_list_id):
    known = prefix_list_id in ec2._prefix_lists or ec2._resolve_aws_pl_by_id(prefix_list_id)
    if not known:
        raise AwsError("InvalidPrefixListID.NotFound", f"The prefix list ID '{prefix_list_id}' does not exist")


def _group_source(group, source):
    """A referenced group by id, or by name in the same VPC, with the owner filled in."""
    owner = source.get("UserId") or get_account_id()
    group_id = source.get("GroupId")
    if not group_id:
        named = [
            other
            for other in ec2._security_groups.values()
            if other["GroupName"] == source.get("GroupName") and other["VpcId"] == group["VpcId"]
        ]
        if not named:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{source.get('GroupName')}' does not exist")
        group_id = named[0]["GroupId"]
    if group_id not in ec2._security_groups and owner == get_account_id():
        raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return {"GroupId": group_id, "UserId": owner}


def canonical_source(group, kind, source):
    """One source in the form in which AWS stores it."""
    if kind == "IpRanges":
        stored = {"CidrIp": canonical_cidr(source.get("CidrIp", ""), 4)}
    elif kind == "Ipv6Ranges":
        stored = {"CidrIpv6": canonical_cidr(source.get("CidrIpv6", ""), 6)}
    elif kind == "PrefixListIds":
        _check_prefix_list(source["PrefixListId"])
        stored = {"PrefixListId": source["PrefixListId"]}
    else:
        stored = _group_source(group, source)
    if source.get("Description"):
        stored["Description"] = source["Description"]
    return stored


def make_rule(protocol, low, high, kind, source):
    """A stored rule. Ports mean something only for tcp, udp, icmp and icmpv6."""
    rule = {"IpProtocol": protocol, **{name: [] for name, _ in SOURCES}}
    if protocol in PORTED:
        rule["FromPort"] = -1 if low is None else low
        rule["ToPort"] = -1 if high is None else high
    rule[kind] = [source]
    return rule


def split(group, permission):
    """The single-source rules of one IpPermission, canonical, without ids."""
    if not permission.get("IpProtocol"):
        raise AwsError("MissingParameter", "The request must contain the parameter IpProtocol")
    protocol = canonical_protocol(permission["IpProtocol"])
    low, high = permission.get("FromPort"), permission.get("ToPort")
    _check_ports(protocol, low, high)
    return [
        make_rule(protocol, low, high, kind, canonical_source(group, kind, source))
        for kind, _ in SOURCES
        for source in permission.get(kind) or []
    ]


def source_of(rule):
    """The list name and the entry of a rule's only source."""
    for kind, _ in SOURCES:
        if rule.get(kind):
            return kind, rule[kind][0]
    return None, {}


def identity(rule):
    """What makes two rules duplicates: everything but the description and the id."""
    kind, source = source_of(rule)
    name = dict(SOURCES).get(kind)
    return rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"), kind, source.get(name)


def rules_of(group, egress):
    """The stored rules of one side; rules that other parts of MiniStack wrote are split and named on first sight."""
    stored = group.setdefault(side(egress), [])
    if all(rule.get("SecurityGroupRuleId") for rule in stored):
        return stored
    adopted = []
    for permission in stored:
        if permission.get("SecurityGroupRuleId"):
            adopted.append(permission)
            continue
        for rule in split(group, permission):
            adopted.append({**rule, "SecurityGroupRuleId": new_rule_id()})
    stored[:] = adopted
    return stored


def check_quota(group, egress, added):
    """60 rules for IPv4 and 60 for IPv6 on each side; a prefix list counts as its MaxEntries."""
    for family in (("IpRanges", "4"), ("Ipv6Ranges", "6")):
        count = 0
        for rule in rules_of(group, egress) + added:
            kind, source = source_of(rule)
            if kind == family[0] or kind == "UserIdGroupPairs":
                count += 1
            elif kind == "PrefixListIds":
                prefix_list = ec2._prefix_lists.get(source["PrefixListId"]) or {"AddressFamily": "IPv4"}
                if prefix_list.get("AddressFamily", "IPv4")[-1] == family[1]:
                    count += int(prefix_list.get("MaxEntries", 1))
        if count > RULE_QUOTA:
            raise AwsError(
                "RulesPerSecurityGroupLimitExceeded",
                "The maximum number of rules per security group has been reached.",
            )


def rule_view(group, egress, rule, tags=True):
    """A rule as DescribeSecurityGroupRules gives it; -1 reads ports -1/-1."""
    kind, source = source_of(rule)
    rule_id = rule["SecurityGroupRuleId"]
    view = {
        "SecurityGroupRuleId": rule_id,
        "GroupId": group["GroupId"],
        "GroupOwnerId": group["OwnerId"],
        "IsEgress": egress,
        "IpProtocol": rule["IpProtocol"],
        "FromPort": rule.get("FromPort", -1),
        "ToPort": rule.get("ToPort", -1),
        "SecurityGroupRuleArn": f"arn:aws:ec2:{get_region()}:{group['OwnerId']}:security-group-rule/{rule_id}",
    }
    if source.get("Description"):
        view["Description"] = source["Description"]
    if kind == "IpRanges":
        view["CidrIpv4"] = source["CidrIp"]
    elif kind == "Ipv6Ranges":
        view["CidrIpv6"] = source["CidrIpv6"]
    elif kind == "PrefixListIds":
        view["PrefixListId"] = source["PrefixListId"]
    elif kind == "UserIdGroupPairs":
        view["ReferencedGroupInfo"] = {"GroupId": source["GroupId"], "UserId": source.get("UserId", group["OwnerId"])}
    if tags:
        view["Tags"] = list(ec2._tags.get(rule_id) or [])
    return view


def revoked_view(group, egress, rule):
    """A rule as RevokeSecurityGroupIngress reports it gone."""
    view = rule_view(group, egress, rule, tags=False)
    referenced = view.pop("ReferencedGroupInfo", None)
    if referenced:
        view["ReferencedGroupId"] = referenced["GroupId"]
    for member in ("GroupOwnerId", "SecurityGroupRuleArn"):
        view.pop(member)
    return view


def permissions_view(group, egress):
    """The rules of one side joined by protocol and ports, as DescribeSecurityGroups gives them."""
    joined = {}
    for rule in rules_of(group, egress):
        key = (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
        permission = joined.setdefault(key, {"IpProtocol": rule["IpProtocol"], **{name: [] for name, _ in SOURCES}})
        if key[1] is not None:
            permission["FromPort"], permission["ToPort"] = key[1], key[2]
        kind, source = source_of(rule)
        if kind:
            permission[kind].append(dict(source))
    return list(joined.values())


def group_view(group):
    """A group as DescribeSecurityGroups gives it."""
    return {
        "GroupId": group["GroupId"],
        "GroupName": group["GroupName"],
        "Description": group["Description"],
        "OwnerId": group["OwnerId"],
        "VpcId": group["VpcId"],
        "SecurityGroupArn": f"arn:aws:ec2:{get_region()}:{group['OwnerId']}:security-group/{group['GroupId']}",
        "IpPermissions": permissions_view(group, False),
        "IpPermissionsEgress": permissions_view(group, True),
        "Tags": list(ec2._tags.get(group["GroupId"]) or []),
    }
