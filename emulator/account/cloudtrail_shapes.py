"""How CloudTrail writes the parameters and the answer of a call.

There are three families, known from recorded events:

* EC2's older actions: lower camel case, every list wrapped as ``{"items": [...]}``, an
  empty one as ``{}``; ``_return`` in the answer.
* EC2's newer actions: the XML request turned into JSON, so members keep their capitals,
  the whole is wrapped in ``<Action>Request``, a list of one is an object with ``tag: 1``,
  a longer one an array with tags, and values that look like numbers or booleans are such.
* ElastiCache: lower camel case, plain lists, no wrapper around the answer.

AWS: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import datetime
import re
import xml.etree.ElementTree as ElementTree

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
#: EC2 actions of the newer family.
WRAPPED = {
    "ModifySecurityGroupRules",
    "CreateManagedPrefixList",
    "ModifyManagedPrefixList",
    "DeleteManagedPrefixList",
    "RestoreManagedPrefixListVersion",
    "AssociateSecurityGroupVpc",
    "DisassociateSecurityGroupVpc",
}
#: Members that the older EC2 family calls differently from the API reference.
RENAMED = {
    "UserIdGroupPairs": "groups",
    "TagSpecifications": "tagSpecificationSet",
    "Resources": "resourcesSet",
    "Description": "description",
}
#: No record of them with groups has been published. Parsers in the field read `groupSet`, as in CreateNetworkInterface.
ATTACHING = ("ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute")
RULE_ACTIONS = re.compile(r"(Authorize|Revoke)SecurityGroup(Ingress|Egress)")


def camel(name):
    """``ARN`` becomes ``aRN`` and ``AZMode`` ``aZMode``: only the first letter changes."""
    return name[0].lower() + name[1:]


# EC2, older family ----------------------------------------------------------------


def ec2_request(action, request):
    """The parameters of an older EC2 action."""
    out = {}
    for member, value in request.items():
        if member == "DryRun":
            continue
        if action == "CreateSecurityGroup" and member == "Description":
            out["groupDescription"] = value
        elif action in ("CreateTags", "DeleteTags") and member == "Tags":
            out["tagSet"] = _items(value)
        elif action in ("CreateTags", "DeleteTags") and member == "Resources":
            out["resourcesSet"] = {"items": [{"resourceId": item} for item in value]}
        elif action in ATTACHING and member == "Groups":
            out["groupSet"] = {"items": [{"groupId": item} for item in value]}
        elif member == "TagSpecifications":
            out["tagSpecificationSet"] = {"items": [_tag_specification(item) for item in value]}
        elif member == "IpPermissions":
            out["ipPermissions"] = {"items": [_permission(item) for item in value]} if value else {}
        elif member == "SecurityGroupRuleIds":
            out["securityGroupRuleIds"] = {"items": [{"securityGroupRuleId": item} for item in value]}
        else:
            out[RENAMED.get(member, camel(member))] = _plain(value)
    if RULE_ACTIONS.fullmatch(action):
        out.setdefault("ipPermissions", {})
    return out


def _tag_specification(item):
    tags = [{camel(key): value for key, value in tag.items()} for tag in item.get("Tags") or []]
    return {"resourceType": item.get("ResourceType"), "tags": tags}


def _permission(item):
    out = {camel(key): item[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in item}
    out["groups"] = _items(item.get("UserIdGroupPairs"))
    out["ipRanges"] = _items(item.get("IpRanges"))
    out["ipv6Ranges"] = _items(item.get("Ipv6Ranges"))
    out["prefixListIds"] = _items(item.get("PrefixListIds"))
    return out


def _items(values):
    """A list in the older EC2 family; an empty one is an empty object."""
    return {"items": [_plain(value) for value in values]} if values else {}


def _plain(value):
    if isinstance(value, dict):
        return {RENAMED.get(key, camel(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return _items(value)
    return value


def ec2_response(shape, parsed, body):
    """The answer of an older EC2 action, named as on the wire."""
    out = {"requestId": parsed.get("ResponseMetadata", {}).get("RequestId")}
    if b"<return>true</return>" in body:
        out["_return"] = True
    if shape is not None:
        for name, value in _wire_names(shape, parsed).items():
            if name != "return":
                out[name] = value
    return out


def _wire_names(shape, value):
    kind = shape.type_name
    if kind == "structure":
        return {
            member.serialization.get("name", camel(name)): _wire_names(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) not in (None, [])
        }
    if kind == "list":
        return {"items": [_wire_names(shape.member, item) for item in value]}
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


# EC2, newer family ----------------------------------------------------------------


def wrapped_request(action, tree):
    """The parameters of a newer EC2 action from the parameters as sent."""
    members = {key: value for key, value in tree.items() if key not in ("Action", "Version")}
    return {f"{action}Request": _from_tree(members)}


def _from_tree(node):
    if not isinstance(node, dict):
        return coerced(node)
    if node and all(key.isdigit() for key in node):
        items = []
        for key in sorted(node, key=int):
            item = _from_tree(node[key])
            items.append({**item, "tag": int(key)} if isinstance(item, dict) else {"content": item, "tag": int(key)})
        return items[0] if len(items) == 1 else items
    return {key: _from_tree(value) for key, value in node.items()}


def wrapped_response(action, body):
    """The answer of a newer EC2 action: its XML as JSON, ``return`` without underscore."""
    root = ElementTree.fromstring(body)
    namespace, _, name = root.tag[1:].partition("}")
    return {name or f"{action}Response": {"xmlns": namespace, **_from_xml(root)}}


def _from_xml(element):
    if not len(element):
        return coerced(element.text or "")
    out = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        value = _from_xml(child)
        if name in out:
            out[name] = (out[name] if isinstance(out[name], list) else [out[name]]) + [value]
        else:
            out[name] = value
    return out


def coerced(text):
    """Texts that look like numbers or booleans lose their type in this family; CIDRs and names do not."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9]\d*)", text):
        return int(text)
    return text


# ElastiCache ----------------------------------------------------------------------


def cache_request(request):
    """The parameters of an ElastiCache action; the AUTH token is masked."""
    out = _cache_value(request)
    if "authToken" in out:
        out["authToken"] = HIDDEN
    return out


def cache_response(parsed):
    """The answer of an ElastiCache action without its wrapper, except that of serverless caches."""
    members = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
    if len(members) == 1:
        name, value = next(iter(members.items()))
        if isinstance(value, dict) and name != "ServerlessCache":
            members = value
    out = _cache_value(members)
    if "memberClusters" in out:  # a replication group: engine and nodes are not told
        for name in ("engine", "nodeGroups", "configurationEndpoint"):
            out.pop(name, None)
    else:
        out.pop("cacheNodes", None)
    return out


def _cache_value(value):
    if isinstance(value, dict):
        return {camel(key): _cache_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cache_value(item) for item in value]
    if isinstance(value, datetime.datetime):
        hour = value.hour % 12 or 12
        return f"{value:%b} {value.day}, {value.year} {hour}:{value:%M:%S %p}"
    return value
