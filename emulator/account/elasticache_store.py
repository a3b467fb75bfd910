"""What all ElastiCache actions share: statuses that change with time, names, security groups and interfaces.

Records live in MiniStack's own stores, in the shape of the Describe actions; keys
that begin with an underscore are ours.
"""

import contextvars
import threading
import zlib

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2
from ministack.services import elasticache as ec

from . import ec2_network, failures
from .settings import SETTINGS
from .wire import LOCK, AwsError

#: The tags of what is being made, if a stack makes it.
TAGS_OF_STACK = contextvars.ContextVar("tags_of_stack", default={})  # noqa: B039
DEFAULT_PORTS = {"redis": 6379, "valkey": 6379, "memcached": 11211}


def find(store, name, code, kind):
    record = store.get((name or "").lower())
    if record is None:
        raise AwsError(code, f"{kind} {name} not found.", 404)
    return record


def find_cluster(name):
    return find(ec._clusters, name, "CacheClusterNotFound", "CacheCluster")


def find_group(name):
    return find(ec._replication_groups, name, "ReplicationGroupNotFoundFault", "ReplicationGroup")


def find_snapshot(name):
    return find(ec._snapshots, name, "SnapshotNotFoundFault", "Snapshot")


def find_serverless(name):
    return find(ec._serverless_caches, name, "ServerlessCacheNotFoundFault", "Serverless cache")


def later(function, *arguments):
    """Call after ``creating_seconds`` in the account and Region of this request."""
    context = contextvars.copy_context()

    def run():
        with LOCK:
            context.run(function, *arguments)

    timer = threading.Timer(SETTINGS.creating_seconds, run)
    timer.daemon = True
    timer.start()


def becomes(store, name, record, status_key, status):
    """After the creating time the record gets the status, if it is still the same one, and in the same status."""
    before = record[status_key]

    def change():
        if store.get(name) is record and record[status_key] == before:
            record[status_key] = status

    later(change)


def comes_up(store, name, record, status_key, kind):
    """After the creating time the record is available, or what a test wants it to be instead."""
    becomes(store, name, record, status_key, failures.status_of(kind, name) or "available")


def vanishes(store, name, record, *interface_lists):
    """After the deleting time the record, its tags and its interfaces are gone; the id can be used again."""

    def drop():
        if store.get(name) is record:
            store.pop(name, None)
            ec._tags.pop(record.get("ARN"), None)
        for interface_ids in interface_lists:
            for interface_id in interface_ids:
                ec2._network_interfaces.pop(interface_id, None)

    later(drop)


# Names --------------------------------------------------------------------------


def short_region():
    """eu-west-1 is euw1 in cache host names."""
    area, *middle, number = get_region().split("-")
    return area + "".join(word[0] for word in middle) + number


def host_hash():
    """The six characters that an account's cache names have in common."""
    return f"{zlib.crc32(f'{get_account_id()}/{get_region()}'.encode()):08x}"[:6]


def host(label):
    return f"{label}.{short_region()}.cache.amazonaws.com"


def zones():
    return [f"{get_region()}{letter}" for letter in "abc"]


def zones_of(subnet_group):
    """The zones of a subnet group's subnets, which are those where its caches can be; in order."""
    found = {subnet["SubnetAvailabilityZone"]["Name"] for subnet in subnet_group.get("Subnets") or []}
    return sorted(found & set(zones())) or zones()


def check_zones(names, count, subnet_group):
    """Zones asked for: one for each node, of this Region, each with a subnet (botocore, PreferredCacheClusterAZs)."""
    if names and len(names) != count:
        raise AwsError("InvalidParameterCombination", "There must be as many availability zones as nodes.")
    for name in names:
        if name not in zones():
            raise AwsError("InvalidParameterValue", f"Invalid availability zone {name}")
        if name not in zones_of(subnet_group):
            label = subnet_group["CacheSubnetGroupName"]
            raise AwsError("InvalidParameterValue", f"The subnet group {label} has no subnet in {name}.")
    return names


# Parameters ---------------------------------------------------------------------


def subnet_group_of(request):
    """The subnet group; without one, a group over the default VPC's subnets."""
    name = request.get("CacheSubnetGroupName")
    if name and name.lower() not in ec._subnet_groups:
        raise AwsError("CacheSubnetGroupNotFoundFault", f"Cache Subnet Group {name} does not exist.")
    name = (name or "default").lower()
    if name not in ec._subnet_groups:
        ec2._ensure_defaults_initialized()
        make_subnet_group(name, [s for s in ec2._subnets.values() if s["VpcId"] == ec2._DEFAULT_VPC_ID])
    return ec._subnet_groups[name]


def make_subnet_group(name, subnets):
    ec._subnet_groups[name] = {
        "CacheSubnetGroupName": name,
        "CacheSubnetGroupDescription": f"{name} subnet group",
        "VpcId": subnets[0]["VpcId"] if subnets else ec2._DEFAULT_VPC_ID,
        "Subnets": [
            {"SubnetIdentifier": s["SubnetId"], "SubnetAvailabilityZone": {"Name": s["AvailabilityZone"]}}
            for s in subnets
        ],
        "ARN": ec._arn_subnet_group(name),
    }


def security_groups_of(request, vpc_id):
    """The ids asked for, which must exist; without any, the default group of the VPC."""
    group_ids = request.get("SecurityGroupIds") or [
        group["GroupId"]
        for group in ec2._security_groups.values()
        if group["VpcId"] == vpc_id and group["GroupName"] == "default"
    ]
    for group_id in group_ids:
        if group_id not in ec2._security_groups:
            raise AwsError("InvalidParameterValue", f"Some security group ids do not exist: {group_id}")
    return list(group_ids)


def memberships(group_ids):
    return [{"SecurityGroupId": group_id, "Status": "active"} for group_id in group_ids]


def notification_of(request):
    topic = request.get("NotificationTopicArn")
    return {"TopicArn": topic, "TopicStatus": "active"} if topic else None


def save_tags(arn, request):
    """The tags asked for, and CloudFormation's own."""
    given = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in request.get("Tags") or []]
    ec._tags[arn] = given + [{"Key": key, "Value": value} for key, value in TAGS_OF_STACK.get().items()]


# Interfaces ---------------------------------------------------------------------


def attach_interface(node_id, subnet_group, zone, index, group_ids):
    """A node's interface, as ElastiCache makes it: requester-managed, private address only, in the cache's groups."""
    subnets = subnet_group.get("Subnets") or []
    subnets = [subnet for subnet in subnets if subnet["SubnetAvailabilityZone"]["Name"] == zone] or subnets
    subnets = subnets or [{"SubnetIdentifier": ec2._DEFAULT_SUBNET_ID}]
    return ec2_network.new_interface(
        subnets[index % len(subnets)]["SubnetIdentifier"],
        group_ids,
        f"ElastiCache {node_id}",
        RequesterId="amazon-elasticache",
        RequesterManaged=True,
    )


def regroup_interfaces(interface_ids, group_ids):
    for interface_id in interface_ids:
        if interface_id in ec2._network_interfaces:
            ec2._network_interfaces[interface_id]["Groups"] = ec2_network.group_names(group_ids)


def detach(interface_ids):
    for interface_id in interface_ids:
        ec2._network_interfaces.pop(interface_id, None)
