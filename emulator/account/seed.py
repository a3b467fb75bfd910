"""Filling the account with resources as the Describe actions show them, ids preserved.

The documents are those of the repository's event corpus (``events/*.facts.json``).
Seeding goes past the API: nothing is validated, and no CloudTrail event appears.
"""

import json
import pathlib

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ec2
from ministack.services import elasticache as ec

from . import ec2_network, ec2_vpcs
from . import elasticache_store as store
from . import elasticache_versions as versions
from .ec2_rules import canonical_protocol, make_rule, new_rule_id, side
from .settings import SETTINGS
from .wire import LOCK


def seed_directory(directory, account_id=None, region=None):
    """Seed every ``*.facts.json`` of a directory, in the order of the names."""
    paths = sorted(pathlib.Path(directory).glob("*.facts.json"))
    if not paths:
        raise FileNotFoundError(f"{directory} has no *.facts.json")
    counts = {}
    for path in paths:
        counts[path.name] = seed_document(json.loads(path.read_text()), account_id, region)
    return counts


def seed_document(document, account_id=None, region=None):
    """Seed one document and say what was taken and what was ignored."""
    with LOCK, request_scope(account_id or SETTINGS.account_id, region or SETTINGS.region):
        ec2._ensure_defaults_initialized()
        ec._seed_default_param_groups()
        seeded = {}
        for key, function in SEEDERS:
            for item in document.get(key) or []:
                function(dict(item))
                seeded[key] = seeded.get(key, 0) + 1
        known = {key for key, _ in SEEDERS}
        return {"seeded": seeded, "ignored": sorted(key for key in document if key not in known)}


# EC2 ------------------------------------------------------------------------------


def _tag(resource_id, tags):
    if tags is not None:
        ec2._tags[resource_id] = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in tags]


def ensure_vpc(vpc_id, **members):
    """A VPC that something refers to is made, with its default group, unless it is there."""
    vpc_id = vpc_id or ec2._DEFAULT_VPC_ID
    if vpc_id not in ec2._vpcs:
        default_group = f"sg-{vpc_id.split('-', 1)[-1]}"
        ec2._vpcs[vpc_id] = {
            "VpcId": vpc_id,
            "CidrBlock": "10.0.0.0/16",
            "State": "available",
            "IsDefault": False,
            "DhcpOptionsId": "dopt-00000001",
            "InstanceTenancy": "default",
            "OwnerId": get_account_id(),
            "DefaultNetworkAclId": ec2._DEFAULT_ACL_ID,
            "DefaultSecurityGroupId": default_group,
            "MainRouteTableId": main_route_table(vpc_id),
        }
        ec2._security_groups.setdefault(
            default_group,
            {
                "GroupId": default_group,
                "GroupName": "default",
                "Description": "default VPC security group",
                "VpcId": vpc_id,
                "OwnerId": get_account_id(),
                "IpPermissions": [],
                "IpPermissionsEgress": [],
            },
        )
    ec2._vpcs[vpc_id].update(members)
    return vpc_id


def main_route_table(vpc_id):
    """Every VPC has one, which holds for the subnets without one of their own; this one leads nowhere else."""
    table_id = f"rtb-{vpc_id.split('-', 1)[-1]}"
    ec2._route_tables[table_id] = {
        "RouteTableId": table_id,
        "VpcId": vpc_id,
        "OwnerId": get_account_id(),
        "Routes": [
            {
                "DestinationCidrBlock": "10.0.0.0/16",
                "GatewayId": "local",
                "State": "active",
                "Origin": "CreateRouteTable",
            }
        ],
        "Associations": [
            {
                "RouteTableAssociationId": f"rtbassoc-{vpc_id.split('-', 1)[-1]}",
                "RouteTableId": table_id,
                "Main": True,
            }
        ],
    }
    return table_id


def ensure_subnet(subnet_id, vpc_id, **members):
    if subnet_id not in ec2._subnets:
        zone = f"{get_region()}a"
        ec2._subnets[subnet_id] = {
            "SubnetId": subnet_id,
            "VpcId": ensure_vpc(vpc_id),
            "CidrBlock": "10.0.0.0/20",
            "AvailabilityZone": zone,
            "AvailabilityZoneId": ec2._az_id_for_zone_name(zone),
            "AvailableIpAddressCount": 4091,
            "State": "available",
            "DefaultForAz": False,
            "MapPublicIpOnLaunch": False,
            "OwnerId": get_account_id(),
        }
    ec2._subnets[subnet_id].update(members)
    return subnet_id


def _subnet_of_vpc(vpc_id):
    for subnet in ec2._subnets.values():
        if subnet["VpcId"] == vpc_id:
            return subnet["SubnetId"]
    return ensure_subnet(f"subnet-{vpc_id.split('-', 1)[-1]}", vpc_id)


def _subnet_in(vpc_id, zone):
    """A subnet of the VPC in this zone, made if there is none."""
    for subnet in ec2._subnets.values():
        if subnet["VpcId"] == vpc_id and subnet["AvailabilityZone"] == zone:
            return subnet
    members = {"AvailabilityZone": zone, "AvailabilityZoneId": ec2._az_id_for_zone_name(zone)}
    return ec2._subnets[ensure_subnet(f"subnet-{vpc_id.split('-', 1)[-1][:-1]}{zone[-1]}", vpc_id, **members)]


def seed_vpc(item):
    _tag(item["VpcId"], item.pop("Tags", None))
    ensure_vpc(item.pop("VpcId"), **item)


def seed_subnet(item):
    _tag(item["SubnetId"], item.pop("Tags", None))
    ensure_subnet(item.pop("SubnetId"), item.get("VpcId"), **item)


def seed_route_table(item):
    _tag(item["RouteTableId"], item.pop("Tags", None))
    ensure_vpc(item.get("VpcId"))
    defaults = {"OwnerId": get_account_id(), "Routes": [], "Associations": [], "PropagatingVgws": []}
    ec2._route_tables[item["RouteTableId"]] = {**defaults, **item}


def seed_security_group(item):
    group = {
        "GroupId": item["GroupId"],
        "GroupName": item.get("GroupName", item["GroupId"]),
        "Description": item.get("Description", item.get("GroupName", "")),
        "OwnerId": item.get("OwnerId", get_account_id()),
        "VpcId": ensure_vpc(item.get("VpcId")),
        "IpPermissions": [],
        "IpPermissionsEgress": [],
    }
    _tag(group["GroupId"], item.get("Tags"))
    for rule in item.get("SecurityGroupRules") or []:
        group[side(rule.get("IsEgress", False))].append(_rule(rule, group))
    ec2._security_groups[group["GroupId"]] = group


def _rule(rule, group):
    """A rule in the shape of DescribeSecurityGroupRules as it is stored."""
    if "CidrIpv4" in rule:
        kind, source = "IpRanges", {"CidrIp": rule["CidrIpv4"]}
    elif "CidrIpv6" in rule:
        kind, source = "Ipv6Ranges", {"CidrIpv6": rule["CidrIpv6"]}
    elif "PrefixListId" in rule:
        kind, source = "PrefixListIds", {"PrefixListId": rule["PrefixListId"]}
    else:
        referenced = rule["ReferencedGroupInfo"]
        kind, source = (
            "UserIdGroupPairs",
            {"GroupId": referenced["GroupId"], "UserId": referenced.get("UserId", group["OwnerId"])},
        )
    if rule.get("Description"):
        source["Description"] = rule["Description"]
    stored = make_rule(canonical_protocol(rule["IpProtocol"]), rule.get("FromPort"), rule.get("ToPort"), kind, source)
    stored["SecurityGroupRuleId"] = rule.get("SecurityGroupRuleId") or new_rule_id()
    _tag(stored["SecurityGroupRuleId"], rule.get("Tags"))
    return stored


def seed_prefix_list(item):
    """With ``Unreadable`` (an error code) the list's entries cannot be read, as after a share has ended."""
    _tag(item["PrefixListId"], item.pop("Tags", None))
    defaults = {
        "OwnerId": get_account_id(),
        "AddressFamily": "IPv4",
        "PrefixListName": "",
        "Version": 1,
        "State": "create-complete",
        "Entries": [],
    }
    entries = item.get("Entries") or []
    ec2._prefix_lists[item["PrefixListId"]] = {
        **defaults,
        "MaxEntries": max(1, len(entries)),
        **item,
        "_Hidden": bool(item.get("Unreadable")),
    }


def seed_interface(item):
    _tag(item["NetworkInterfaceId"], item.pop("TagSet", None))
    group_ids = [group["GroupId"] for group in item.get("Groups") or []]
    vpc_id = item.get("VpcId")
    for group_id in group_ids:
        vpc_id = vpc_id or (ec2._security_groups.get(group_id) or {}).get("VpcId")
    vpc_id = ensure_vpc(vpc_id)
    subnet_id = item.get("SubnetId") or _subnet_of_vpc(vpc_id)
    ensure_subnet(subnet_id, vpc_id)
    fresh = ec2_network.new_interface(subnet_id, group_ids, item.get("Description", ""))
    record = ec2._network_interfaces.pop(fresh)
    ec2._network_interfaces[item["NetworkInterfaceId"]] = {
        **record,
        **item,
        "Groups": ec2_network.group_names(group_ids),
        "SubnetId": subnet_id,
        "VpcId": vpc_id,
    }


# ElastiCache ------------------------------------------------------------------------


def _cache_tags(arn, item):
    ec._tags[arn] = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in item.pop("Tags", None) or []]


def _interfaces_of(description):
    return [
        interface["NetworkInterfaceId"]
        for interface in ec2._network_interfaces.values()
        if interface.get("Description") == description
    ]


def seed_subnet_group(item):
    vpc_id = ensure_vpc(item.get("VpcId"))
    for subnet in item.get("Subnets") or []:
        ensure_subnet(subnet["SubnetIdentifier"], vpc_id)
    name = item["CacheSubnetGroupName"].lower()
    ec._subnet_groups[name] = {
        "CacheSubnetGroupDescription": "",
        "Subnets": [],
        "ARN": ec._arn_subnet_group(name),
        **item,
        "VpcId": vpc_id,
    }


def _ensure_subnet_group(name, group_ids):
    """The subnet group of a cache, in the VPC of its security groups, with a subnet in each zone."""
    if name and name not in ec._subnet_groups:
        vpcs = [ec2._security_groups[group_id]["VpcId"] for group_id in group_ids if group_id in ec2._security_groups]
        vpc_id = ensure_vpc(vpcs[0] if vpcs else ec2._DEFAULT_VPC_ID)
        store.make_subnet_group(name, [_subnet_in(vpc_id, zone) for zone in store.zones()])
    return ec._subnet_groups.get(name) or store.subnet_group_of({})


#: What AWS shows of every cache, and facts may leave out.
SHOWN_ALWAYS = {
    "AtRestEncryptionEnabled": False,
    "AutoMinorVersionUpgrade": True,
    "IpDiscovery": "ipv4",
    "NetworkType": "ipv4",
    "SnapshotRetentionLimit": 0,
    "SnapshotWindow": "03:00-04:00",
}


def shown_always(item):
    return {**SHOWN_ALWAYS, **({"TransitEncryptionMode": "required"} if item.get("TransitEncryptionEnabled") else {})}


def seed_cluster(item):
    name = item["CacheClusterId"]
    arn = item.get("ARN") or ec._arn_cluster(name)
    _cache_tags(arn, item)
    endpoints = [item.get("ConfigurationEndpoint")] + [node.get("Endpoint") for node in item.get("CacheNodes") or []]
    endpoints = [endpoint for endpoint in endpoints if endpoint]
    group = ec._replication_groups.get(item.get("ReplicationGroupId") or "") or {}
    engine = item.get("Engine") or group.get("Engine") or "redis"
    port = endpoints[0]["Port"] if endpoints else group.get("_Port", store.DEFAULT_PORTS[engine])
    version = item.get("EngineVersion") or versions.DEFAULT_VERSIONS[engine]
    parameters = ec._default_param_group_for_engine(engine, version, bool(group.get("ClusterEnabled")))
    defaults = {
        **shown_always(item),
        "CacheClusterStatus": "available",
        "Engine": engine,
        "EngineVersion": version,
        "CacheParameterGroup": {"CacheParameterGroupName": parameters, "ParameterApplyStatus": "in-sync"},
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "PreferredAvailabilityZone": store.zones()[0],
        "CacheNodeType": "cache.t3.micro",
        "NumCacheNodes": 1,
        "PendingModifiedValues": {},
        "SecurityGroups": [],
        "CacheNodes": [],
        "CacheSubnetGroupName": "default",
    }
    group_ids = [member["SecurityGroupId"] for member in item.get("SecurityGroups") or []]
    _ensure_subnet_group(item.get("CacheSubnetGroupName", "default"), group_ids)
    ec._clusters[name] = {
        **defaults,
        **item,
        "ARN": arn,
        "CacheClusterArn": arn,
        "_Port": port,
        "_endpoint": endpoints[0] if endpoints else {},
        "_Interfaces": _interfaces_of(f"ElastiCache {name}"),
    }


def _members(group):
    """The nodes of the one shard, as AWS shows them: roles without cluster mode only."""
    roles = ["primary"] + ["replica"] * len(group.get("MemberClusters") or [])
    return [
        {
            "CacheClusterId": name,
            "CacheNodeId": "0001",
            "PreferredAvailabilityZone": store.zones()[number % 3],
            **({} if group.get("ClusterEnabled") else {"CurrentRole": roles[number]}),
        }
        for number, name in enumerate(group.get("MemberClusters") or [])
    ]


def seed_replication_group(item):
    name = item["ReplicationGroupId"]
    arn = item.get("ARN") or ec._arn_replication_group(name)
    _cache_tags(arn, item)
    shards = item.get("NodeGroups") or []
    if len(shards) == 1 and not shards[0].get("NodeGroupMembers"):
        shards[0]["NodeGroupMembers"] = _members(item)
    endpoint = item.get("ConfigurationEndpoint") or (shards[0].get("PrimaryEndpoint") if shards else None) or {}
    engine = item.get("Engine") or "redis"
    port = endpoint.get("Port", store.DEFAULT_PORTS[engine])
    defaults = {
        **shown_always(item),
        "DataTiering": "disabled",
        "ClusterMode": "enabled" if item.get("ClusterEnabled") else "disabled",
        "Description": " ",
        "Status": "available",
        "PendingModifiedValues": {},
        "MemberClusters": [],
        "AutomaticFailover": "disabled",
        "MultiAZ": "disabled",
        "ClusterEnabled": False,
        "UserGroupIds": [],
        "CacheNodeType": "cache.t3.micro",
        "TransitEncryptionEnabled": False,
        "NodeGroups": [],
        "Engine": engine,
    }
    ec._replication_groups[name] = {
        **defaults,
        **item,
        "ARN": arn,
        "_Port": port,
        "_SubnetGroup": store.subnet_group_of({}),
        "_Members": {
            "Engine": engine,
            "_Port": port,
            "ReplicationGroupId": name,
            "EngineVersion": versions.DEFAULT_VERSIONS[engine],
            "CacheNodeType": item.get("CacheNodeType", "cache.t3.micro"),
        },
    }


def seed_serverless(item):
    name = item["ServerlessCacheName"]
    arn = item.get("ARN") or ec._arn_serverless_cache(name)
    _cache_tags(arn, item)
    defaults = {"Status": "available", "SecurityGroupIds": [], "SubnetIds": []}
    ec._serverless_caches[name] = {**defaults, **item, "ARN": arn, "_Interfaces": []}


#: In the order in which they refer to each other. The first three and CacheSubnetGroups are optional extras.
SEEDERS = (
    ("Vpcs", seed_vpc),
    ("Subnets", seed_subnet),
    ("RouteTables", seed_route_table),
    ("PrefixLists", seed_prefix_list),
    ("SecurityGroups", seed_security_group),
    ("SecurityGroupVpcAssociations", ec2_vpcs.seed_association),
    ("NetworkInterfaces", seed_interface),
    ("CacheSubnetGroups", seed_subnet_group),
    ("ReplicationGroups", seed_replication_group),
    ("CacheClusters", seed_cluster),
    ("ServerlessCaches", seed_serverless),
)
