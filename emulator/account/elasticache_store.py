"""What all ElastiCache actions share: ids, statuses that change with time, names, security groups and interfaces.

Records live in MiniStack's own stores, in the shape of the Describe actions; keys
that begin with an underscore are ours.
"""

import contextvars
import re
import threading
import zlib

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2
from ministack.services import elasticache as ec

from . import ec2_network, failures
from .settings import SETTINGS
from .wire import LOCK, AwsError

DEFAULT_PORTS = {"redis": 6379, "valkey": 6379, "memcached": 11211}
DEFAULT_VERSIONS = {"redis": "7.1.0", "valkey": "8.0.1", "memcached": "1.6.22"}
#: A short version in a request and the full one that the service then reports.
FULL_VERSIONS = {
    ("redis", "6.x"): "6.2.6",
    ("redis", "6.0"): "6.0.5",
    ("redis", "6.2"): "6.2.6",
    ("redis", "7.0"): "7.0.7",
    ("redis", "7.1"): "7.1.0",
    ("valkey", "7.2"): "7.2.6",
    ("valkey", "8.0"): "8.0.1",
    ("valkey", "8.1"): "8.1.0",
    ("valkey", "9.0"): "9.0.0",
}
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_AUTH_TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>\-]{16,128}")


def new_id(request, member, longest):
    """Identifiers are lower-cased; letters, digits and single hyphens; a letter first, no hyphen last."""
    name = request[member].lower()
    if len(name) > longest or not _ID.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
        )
    return name


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


def check_zones(names, count):
    """Zones asked for: one for each node, of this Region."""
    if names and len(names) != count:
        raise AwsError("InvalidParameterCombination", "There must be as many availability zones as nodes.")
    for name in names:
        if not name.startswith(get_region()):
            raise AwsError("InvalidParameterValue", f"Invalid availability zone {name}")
    return names


# Parameters ---------------------------------------------------------------------


def engine_of(request, source=None, fallback="redis"):
    """Engine and full version: those asked for, else those of the snapshot or cluster that it is made from."""
    source = source or {}
    engine = (request.get("Engine") or source.get("Engine") or fallback).lower()
    if engine not in DEFAULT_PORTS:
        raise AwsError("InvalidParameterValue", f"Invalid engine {engine}")
    version = request.get("EngineVersion")
    if not version and source.get("Engine") == engine:
        return engine, source.get("EngineVersion") or DEFAULT_VERSIONS[engine]
    version = version or DEFAULT_VERSIONS[engine]
    check_version(engine, request.get("EngineVersion"))
    return engine, FULL_VERSIONS.get((engine, version), version)


def check_version(engine, version):
    """From Redis OSS 6 on, and of Valkey, the patch is AWS's to choose."""
    numbers = (version or "").split(".")
    if engine == "memcached" or len(numbers) < 3 or (engine == "redis" and int(numbers[0]) < 6):
        return
    raise AwsError(
        "InvalidParameterValue",
        f"Specific version selection is not allowed for '{version}', please use '{'.'.join(numbers[:2])}'",
    )


def port_of(request, default):
    port = request.get("Port", default)
    if not 1 <= port <= 65535:
        raise AwsError("InvalidParameterValue", f"Invalid port {port}")
    return port


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


def check_auth_token(request):
    token = request.get("AuthToken")
    if not token:
        return
    if not request.get("TransitEncryptionEnabled"):
        raise AwsError(
            "InvalidParameterCombination", "The AUTH token is only supported when encryption-in-transit is enabled"
        )
    if request.get("UserGroupIds"):
        raise AwsError("InvalidParameterCombination", "AuthToken and UserGroupIds cannot be used together")
    if not _AUTH_TOKEN.fullmatch(token):
        raise AwsError("InvalidParameterValue", "Invalid AuthToken provided.")


def notification_of(request):
    topic = request.get("NotificationTopicArn")
    return {"TopicArn": topic, "TopicStatus": "active"} if topic else None


def parameter_group_of(request, engine, version, clustered=False):
    name = request.get("CacheParameterGroupName")
    if name and name not in ec._param_groups:
        raise AwsError("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.", 404)
    return name or ec._default_param_group_for_engine(engine, version, clustered)


def save_tags(arn, request):
    ec._tags[arn] = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in request.get("Tags") or []]


# Interfaces ---------------------------------------------------------------------


def attach_interface(node_id, subnet_group, index, group_ids):
    """A node's interface, as ElastiCache makes it: requester-managed, private address only, in the cache's groups."""
    subnets = subnet_group.get("Subnets") or [{"SubnetIdentifier": ec2._DEFAULT_SUBNET_ID}]
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
