"""Events that nobody delivers but we: repeated, old, broken, or about another account of the emulator."""

import copy
import json

from . import places


def corpus(name):
    """One of the repository's events."""
    return json.loads((places.EVENTS / f"{name}.json").read_text())


def authorize(group_id, rules, event_id):
    """An AuthorizeSecurityGroupIngress event, from the corpus, about these rules of this group.

    `rules` are as AuthorizeSecurityGroupIngress returns them.
    """
    event = copy.deepcopy(corpus("authorize-redis-to-the-world"))
    detail = event["detail"]
    detail["eventID"] = event_id
    detail["requestParameters"] = {
        "groupId": group_id,
        "ipPermissions": {"items": [_permission(rule) for rule in rules]},
    }
    detail["responseElements"]["securityGroupRuleSet"] = {"items": [_returned(rule) for rule in rules]}
    return event


def _permission(rule):
    item = {"ipProtocol": rule["IpProtocol"], "groups": {}, "ipRanges": {}, "ipv6Ranges": {}, "prefixListIds": {}}
    if rule.get("FromPort", -1) != -1:
        item.update(fromPort=rule["FromPort"], toPort=rule["ToPort"])
    for member, kind, key in (
        ("CidrIpv4", "ipRanges", "cidrIp"),
        ("CidrIpv6", "ipv6Ranges", "cidrIpv6"),
        ("PrefixListId", "prefixListIds", "prefixListId"),
    ):
        if member in rule:
            item[kind] = {"items": [{key: rule[member]}]}
    return item


def _returned(rule):
    names = {
        "SecurityGroupRuleId": "securityGroupRuleId",
        "GroupId": "groupId",
        "GroupOwnerId": "groupOwnerId",
        "IsEgress": "isEgress",
        "IpProtocol": "ipProtocol",
        "FromPort": "fromPort",
        "ToPort": "toPort",
        "CidrIpv4": "cidrIpv4",
        "CidrIpv6": "cidrIpv6",
        "PrefixListId": "prefixListId",
    }
    return {names[key]: value for key, value in rule.items() if key in names}
