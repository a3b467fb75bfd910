"""A security group as a whole, as a value to compare."""


def rule(item):
    """One rule: everything that a person could miss, and nothing else."""
    reference = item.get("ReferencedGroupInfo") or {}
    source = item.get("CidrIpv4") or item.get("CidrIpv6") or item.get("PrefixListId") or reference.get("GroupId")
    return {
        "protocol": item["IpProtocol"],
        "ports": (item.get("FromPort", -1), item.get("ToPort", -1)),
        "source": source,
        "description": item.get("Description"),
        "tags": tags(item.get("Tags")),
        "egress": item["IsEgress"],
    }


def tags(items):
    return {tag["Key"]: tag["Value"] for tag in items or []}


def rules(ec2, group_id):
    """Every rule of a group by its id, both directions."""
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    return {item["SecurityGroupRuleId"]: rule(item) for page in pages for item in page["SecurityGroupRules"]}


def whole(ec2, group_id):
    """The group: its name, VPC, tags and every rule."""
    group = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    return {
        "id": group_id,
        "name": group["GroupName"],
        "description": group["Description"],
        "vpc": group.get("VpcId"),
        "tags": tags(group.get("Tags")),
        "rules": rules(ec2, group_id),
    }


def without(group, rule_ids):
    """The same group, had these rules never been there."""
    missing = set(rule_ids) - set(group["rules"])
    assert not missing, f"{missing} are not in the group"
    kept = {key: value for key, value in group["rules"].items() if key not in rule_ids}
    return {**group, "rules": kept}


def ids(group, source):
    """The ids of the ingress rules from this source."""
    return [key for key, value in group["rules"].items() if value["source"] == source and not value["egress"]]
