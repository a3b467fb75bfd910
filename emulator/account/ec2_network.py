"""EC2: network interfaces and managed prefix lists.

AWS: API_DescribeNetworkInterfaces, API_GetManagedPrefixListEntries and
API_ModifyManagedPrefixList in https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
"""

import ipaddress
import secrets

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from . import patching
from .ec2_rules import canonical_cidr, new_tags
from .wire import AwsError, endpoint, paged

# Network interfaces -------------------------------------------------------------


def new_interface(subnet_id, group_ids, description, **members):
    """Store an interface in a subnet with the next free private address and give back its id."""
    subnet = ec2._subnets.get(subnet_id) or {}
    interface_id = f"eni-0{secrets.token_hex(8)}"
    ec2._network_interfaces[interface_id] = {
        "NetworkInterfaceId": interface_id,
        "SubnetId": subnet_id,
        "VpcId": subnet.get("VpcId", ec2._DEFAULT_VPC_ID),
        "AvailabilityZone": subnet.get("AvailabilityZone", f"{get_region()}a"),
        "Description": description,
        "OwnerId": get_account_id(),
        "Status": "in-use",
        "PrivateIpAddress": _free_address(subnet_id, subnet.get("CidrBlock", "10.0.0.0/16")),
        "InterfaceType": "interface",
        "SourceDestCheck": True,
        "MacAddress": "02:" + ":".join(secrets.token_hex(1) for _ in range(5)),
        "Groups": group_names(group_ids),
        "Attachment": None,
        **members,
    }
    return interface_id


def group_names(group_ids):
    return [
        {"GroupId": group_id, "GroupName": (ec2._security_groups.get(group_id) or {}).get("GroupName", group_id)}
        for group_id in group_ids
    ]


def _free_address(subnet_id, cidr):
    """The first address that is free; AWS keeps the first four and the last."""
    taken = {
        interface["PrivateIpAddress"]
        for interface in ec2._network_interfaces.values()
        if interface.get("SubnetId") == subnet_id
    }
    network = ipaddress.ip_network(cidr)
    for offset in range(4, network.num_addresses - 1):
        address = str(network[offset])
        if address not in taken:
            return address
    raise AwsError("InsufficientFreeAddressesInSubnet", f"The subnet {subnet_id} has no free address")


def interface_view(interface):
    """An interface as DescribeNetworkInterfaces gives it."""
    view = {key: value for key, value in interface.items() if value is not None}
    view.setdefault("RequesterManaged", False)
    view["TagSet"] = list(ec2._tags.get(interface["NetworkInterfaceId"]) or [])
    if not view.get("Association"):
        view.pop("Association", None)
        elastic = _elastic_address(interface["NetworkInterfaceId"])
        if elastic:
            view["Association"] = {"PublicIp": elastic["PublicIp"], "AllocationId": elastic["AllocationId"]}
    if view.get("PrivateIpAddress") and not view.get("PrivateIpAddresses"):
        primary = {"PrivateIpAddress": view["PrivateIpAddress"], "Primary": True}
        if view.get("Association"):
            primary["Association"] = view["Association"]
        view["PrivateIpAddresses"] = [primary]
    return view


def _elastic_address(interface_id):
    for address in ec2._addresses.values():
        if address.get("NetworkInterfaceId") == interface_id:
            return address
    return None


_INTERFACE_FILTERS = {
    "group-id": lambda view: [group["GroupId"] for group in view.get("Groups", [])],
    "group-name": lambda view: [group.get("GroupName") for group in view.get("Groups", [])],
    "network-interface-id": lambda view: [view["NetworkInterfaceId"]],
    "vpc-id": lambda view: [view.get("VpcId")],
    "subnet-id": lambda view: [view.get("SubnetId")],
    "status": lambda view: [view.get("Status")],
    "description": lambda view: [view.get("Description")],
    "interface-type": lambda view: [view.get("InterfaceType")],
    "requester-id": lambda view: [view.get("RequesterId")],
    "requester-managed": lambda view: ["true" if view.get("RequesterManaged") else "false"],
    "association.public-ip": lambda view: [view.get("Association", {}).get("PublicIp")],
    "private-ip-address": lambda view: [view.get("PrivateIpAddress")],
}


def describe_interfaces(request):
    """DescribeNetworkInterfaces: filters are applied, pages are cut by MaxResults."""
    ids = request.get("NetworkInterfaceIds") or []
    for interface_id in ids:
        if interface_id not in ec2._network_interfaces:
            raise AwsError(
                "InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{interface_id}' does not exist"
            )
    chosen = []
    for interface in ec2._network_interfaces.values():
        view = interface_view(interface)
        if (not ids or view["NetworkInterfaceId"] in ids) and _interface_matches(view, request.get("Filters") or []):
            chosen.append(view)
    page, token = paged(chosen, request.get("MaxResults"), request.get("NextToken"))
    return {"NetworkInterfaces": page, "NextToken": token}


def _interface_matches(view, filters):
    named = {item["Name"]: item.get("Values") or [] for item in filters}
    if not ec2._resource_matches_tag_filters(view["NetworkInterfaceId"], named):
        return False
    for name, values in named.items():
        if name.startswith("tag"):
            continue
        if name not in _INTERFACE_FILTERS:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        actual = [value for value in _INTERFACE_FILTERS[name](view) if value]
        if not any(ec2._glob_match(pattern, value) for pattern in values for value in actual):
            return False
    return True


def modify_interface(request):
    """ModifyNetworkInterfaceAttribute: Groups replaces the groups of the interface."""
    interface = ec2._network_interfaces.get(request["NetworkInterfaceId"])
    if interface is None:
        raise AwsError(
            "InvalidNetworkInterfaceID.NotFound",
            f"The networkInterface ID '{request['NetworkInterfaceId']}' does not exist",
        )
    for group_id in request.get("Groups") or []:
        if group_id not in ec2._security_groups:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    if request.get("Groups"):
        interface["Groups"] = group_names(request["Groups"])
    if request.get("Description"):
        interface["Description"] = request["Description"].get("Value", "")
    return {}


# Managed prefix lists -----------------------------------------------------------


def find_prefix_list(prefix_list_id):
    """A list of the account, or one of AWS's own."""
    if prefix_list_id in ec2._prefix_lists:
        return ec2._prefix_lists[prefix_list_id]
    own = ec2._resolve_aws_pl_by_id(prefix_list_id)
    if own:
        return {
            **own,
            "OwnerId": "AWS",
            "State": "create-complete",
            "Entries": [{"Cidr": own["Cidr"], "Description": own["PrefixListName"]}],
        }
    raise AwsError("InvalidPrefixListID.NotFound", f"The prefix list ID '{prefix_list_id}' does not exist")


def prefix_list_view(prefix_list):
    owner = prefix_list.get("OwnerId", get_account_id())
    view = {
        "PrefixListId": prefix_list["PrefixListId"],
        "PrefixListName": prefix_list.get("PrefixListName", ""),
        "AddressFamily": prefix_list.get("AddressFamily", "IPv4"),
        "State": prefix_list.get("State", "create-complete"),
        "OwnerId": owner,
        "MaxEntries": int(prefix_list.get("MaxEntries") or max(1, len(prefix_list.get("Entries", [])))),
        "PrefixListArn": f"arn:aws:ec2:{get_region()}:{'aws' if owner == 'AWS' else owner}:prefix-list/"
        f"{prefix_list['PrefixListId']}",
        "Tags": list(ec2._tags.get(prefix_list["PrefixListId"]) or []),
    }
    if owner != "AWS":  # AWS-managed lists have no version
        view["Version"] = int(prefix_list.get("Version", 1))
    return view


def describe_prefix_lists(request):
    """DescribeManagedPrefixLists: the account's lists, those shared with it and AWS's own."""
    ids = request.get("PrefixListIds") or []
    for prefix_list_id in ids:
        find_prefix_list(prefix_list_id)
    every = [find_prefix_list(item["PrefixListId"]) for item in ec2._get_aws_managed_prefix_lists()]
    seeded = {item.get("PrefixListName") for item in ec2._prefix_lists.values() if item.get("OwnerId") == "AWS"}
    every = [item for item in every if item["PrefixListName"] not in seeded]
    every += [item for item in ec2._prefix_lists.values() if not item.get("_Hidden")]
    filters = {item["Name"]: item.get("Values") or [] for item in request.get("Filters") or []}
    members = {"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"}
    views = []
    for view in map(prefix_list_view, every):
        wanted = all(view[members[name]] in values for name, values in filters.items() if name in members)
        if wanted and (not ids or view["PrefixListId"] in ids):
            if ec2._resource_matches_tag_filters(view["PrefixListId"], filters):
                views.append(view)
    page, token = paged(views, request.get("MaxResults"), request.get("NextToken"), maximum=100)
    return {"PrefixLists": page, "NextToken": token}


def prefix_list_entries(request):
    """GetManagedPrefixListEntries: 1 to 100 a page; an unreadable list fails with the seeded code."""
    prefix_list = find_prefix_list(request["PrefixListId"])
    if prefix_list.get("Unreadable"):
        status = 403 if prefix_list["Unreadable"] == "UnauthorizedOperation" else 400
        raise AwsError(prefix_list["Unreadable"], "You are not authorized to perform this operation.", status)
    entries = prefix_list.get("Entries", [])
    version = request.get("TargetVersion")
    if version and version != prefix_list.get("Version", 1):
        entries = prefix_list.get("_Versions", {}).get(version, [])
    page, token = paged(entries, request.get("MaxResults") or 100, request.get("NextToken"), maximum=100)
    return {"Entries": page, "NextToken": token}


def _checked_entry(prefix_list, entry):
    version = 6 if prefix_list.get("AddressFamily") == "IPv6" else 4
    return {"Cidr": canonical_cidr(entry["Cidr"], version), "Description": entry.get("Description", "")}


def create_prefix_list(request):
    """CreateManagedPrefixList: up to MaxEntries entries of one family, and tags."""
    if request["PrefixListName"].startswith("com.amazonaws"):
        raise AwsError("InvalidParameterValue", "The prefix list name cannot start with com.amazonaws")
    prefix_list = {
        "PrefixListId": f"pl-0{secrets.token_hex(8)}",
        "PrefixListName": request["PrefixListName"],
        "AddressFamily": request["AddressFamily"],
        "MaxEntries": request["MaxEntries"],
        "OwnerId": get_account_id(),
        "State": "create-complete",
        "Version": 1,
    }
    prefix_list["Entries"] = [_checked_entry(prefix_list, entry) for entry in request.get("Entries") or []]
    if len(prefix_list["Entries"]) > request["MaxEntries"]:
        raise AwsError(
            "PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list."
        )
    ec2._prefix_lists[prefix_list["PrefixListId"]] = prefix_list
    ec2._tags[prefix_list["PrefixListId"]] = new_tags(request, "prefix-list")
    return {"PrefixList": {**prefix_list_view(prefix_list), "State": "create-in-progress"}}


def modify_prefix_list(request):
    """ModifyManagedPrefixList: CurrentVersion must be the current one; entries add up to MaxEntries at most."""
    prefix_list = find_prefix_list(request["PrefixListId"])
    if prefix_list.get("OwnerId") == "AWS":
        raise AwsError("UnsupportedOperation", "The action is not supported for an AWS-managed prefix list.")
    if prefix_list.get("OwnerId", get_account_id()) != get_account_id():
        raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    version = int(prefix_list.get("Version", 1))
    changes_entries = request.get("AddEntries") or request.get("RemoveEntries")
    if changes_entries and request.get("CurrentVersion") not in (None, version):
        raise AwsError("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
    maximum = int(request.get("MaxEntries") or prefix_list.get("MaxEntries", 10))
    removed = {_checked_entry(prefix_list, entry)["Cidr"] for entry in request.get("RemoveEntries") or []}
    added = [_checked_entry(prefix_list, entry) for entry in request.get("AddEntries") or []]
    renewed = removed | {entry["Cidr"] for entry in added}
    entries = [entry for entry in prefix_list["Entries"] if entry["Cidr"] not in renewed] + added
    if len(entries) > maximum:
        raise AwsError(
            "PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list."
        )
    if changes_entries:
        prefix_list.setdefault("_Versions", {})[version] = list(prefix_list["Entries"])
        prefix_list.update(Entries=entries, Version=version + 1)
    prefix_list.update(MaxEntries=maximum, State="modify-complete")
    if request.get("PrefixListName"):
        prefix_list["PrefixListName"] = request["PrefixListName"]
    return {"PrefixList": {**prefix_list_view(prefix_list), "State": "modify-in-progress"}}


def restore_prefix_list(request):
    """RestoreManagedPrefixListVersion: the entries of an earlier version, as a new version."""
    prefix_list = find_prefix_list(request["PrefixListId"])
    if request["PreviousVersion"] not in prefix_list.get("_Versions", {}):
        raise AwsError("InvalidPrefixListVersion", "The specified version does not exist")
    if request["CurrentVersion"] != int(prefix_list.get("Version", 1)):
        raise AwsError("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
    versions = prefix_list["_Versions"]
    versions[request["CurrentVersion"]] = list(prefix_list["Entries"])
    prefix_list.update(Entries=list(versions[request["PreviousVersion"]]), Version=request["CurrentVersion"] + 1)
    return {"PrefixList": {**prefix_list_view(prefix_list), "State": "restore-in-progress"}}


def prefix_list_associations(request):
    """GetManagedPrefixListAssociations: which security groups refer to the list."""
    from .ec2_rules import rules_of, source_of

    prefix_list_id = find_prefix_list(request["PrefixListId"])["PrefixListId"]
    found = [
        {"ResourceId": group["GroupId"], "ResourceOwner": group["OwnerId"]}
        for group in ec2._security_groups.values()
        if any(
            source_of(rule)[1].get("PrefixListId") == prefix_list_id
            for egress in (False, True)
            for rule in rules_of(group, egress)
        )
    ]
    page, token = paged(found, request.get("MaxResults"), request.get("NextToken"))
    return {"PrefixListAssociations": page, "NextToken": token}


ACTIONS = {
    "DescribeNetworkInterfaces": describe_interfaces,
    "DescribeManagedPrefixLists": describe_prefix_lists,
    "GetManagedPrefixListEntries": prefix_list_entries,
    "CreateManagedPrefixList": create_prefix_list,
    "ModifyManagedPrefixList": modify_prefix_list,
}
ADDED = {
    "ModifyNetworkInterfaceAttribute": modify_interface,
    "RestoreManagedPrefixListVersion": restore_prefix_list,
    "GetManagedPrefixListAssociations": prefix_list_associations,
}


def install():
    """Put these actions in place of MiniStack's."""
    patching.require(
        ec2, "_subnets", "_addresses", "_DEFAULT_VPC_ID", "_get_aws_managed_prefix_lists", "_resolve_aws_pl_by_id"
    )
    for action, function in ACTIONS.items():
        patching.replace_action(ec2._ACTION_MAP, action, endpoint("ec2", action, function))
    for action, function in ADDED.items():
        ec2._ACTION_MAP[action] = endpoint("ec2", action, function)
