"""A security group as a whole, as a value to compare."""

import uuid


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


def opened_before(guard, group_id, name, *rules):
    """A group that was open before anybody watched: put there past the API, so no event tells of it."""
    made = [{"SecurityGroupRuleId": f"sgr-{uuid.uuid4().hex[:17]}", "IsEgress": False, **rule} for rule in rules]
    guard.account.seed(
        {
            "SecurityGroups": [
                {
                    "GroupId": group_id,
                    "GroupName": name,
                    "Description": name,
                    "OwnerId": "111122223333",
                    "VpcId": guard.vpc,
                    "SecurityGroupRules": made,
                }
            ]
        }
    )
    return [rule["SecurityGroupRuleId"] for rule in made]


def tcp(port, cidr):
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": cidr}
