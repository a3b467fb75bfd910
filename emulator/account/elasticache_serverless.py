"""ElastiCache: serverless caches, which have no port setting.

AWS: API_CreateServerlessCache and its neighbours in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

import secrets
import time

from ministack.services import ec2
from ministack.services import elasticache as ec

from . import ec2_network
from . import elasticache_limits as limits
from . import elasticache_store as store
from . import elasticache_versions as versions
from .elasticache_serverless_snapshots import check_restore
from .wire import AwsError, paged

#: Endpoint and reader endpoint by engine.
PORTS = {"redis": (6379, 6380), "valkey": (6379, 6380), "memcached": (11211, 11212)}
MAJORS = {"redis": "7", "valkey": "8", "memcached": "1.6"}


def create(request):
    """CreateServerlessCache: reachable in the VPC, or public for Valkey 9 and later."""
    name = limits.new_id(request, "ServerlessCacheName", 40)
    if name in ec._serverless_caches:
        raise AwsError("ServerlessCacheAlreadyExistsFault", f"Serverless cache {name} already exists.")
    engine = (request.get("Engine") or "").lower()
    if engine not in PORTS:
        raise AwsError("InvalidParameterValue", f"Invalid engine {engine}")
    major = request.get("MajorEngineVersion") or MAJORS[engine]
    limits.check_tags(request.get("Tags"))
    public = request.get("ConnectionType") == "public"
    if public and (engine != "valkey" or int(major.split(".")[0]) < 9):
        raise AwsError("InvalidParameterCombination", "ConnectionType public needs Valkey 9 or later")
    if request.get("UserGroupId") and request["UserGroupId"] not in ec._user_groups:
        raise AwsError("UserGroupNotFound", "The user group was not found or does not exist", 404)
    check_restore(request, engine)
    subnets, group_ids = _placement(request, public)
    host = store.host(f"{name}-{store.host_hash()}.serverless")
    record = {
        "ServerlessCacheName": name,
        "Description": request.get("Description") or " ",
        "CreateTime": time.time(),
        "Status": "creating",
        "Engine": engine,
        "MajorEngineVersion": major,
        "FullEngineVersion": versions.FULL_VERSIONS.get((engine, f"{major}.0"), versions.DEFAULT_VERSIONS[engine]),
        "CacheUsageLimits": request.get("CacheUsageLimits"),
        "KmsKeyId": request.get("KmsKeyId"),
        "SecurityGroupIds": group_ids,
        "SubnetIds": subnets,
        "Endpoint": {"Address": host, "Port": PORTS[engine][0]},
        "ReaderEndpoint": {"Address": host, "Port": PORTS[engine][1]},
        "ARN": ec._arn_serverless_cache(name),
        "UserGroupId": request.get("UserGroupId"),
        "SnapshotRetentionLimit": request.get("SnapshotRetentionLimit", 0),
        "DailySnapshotTime": request.get("DailySnapshotTime"),
        "NetworkType": request.get("NetworkType") or "ipv4",
        "ConnectionType": "public" if public else "vpc",
        "_Interfaces": [_endpoint_interface(subnet_id, group_ids) for subnet_id in subnets],
    }
    ec._serverless_caches[name] = record
    store.save_tags(record["ARN"], request)
    store.becomes(ec._serverless_caches, name, record, "Status", "available")
    ec._record_event(name, "serverless-cache", "Serverless cache created")
    return {"ServerlessCache": serverless_view(record)}


def _placement(request, public):
    """Subnets and groups; a public cache has neither, others default to the default VPC."""
    if public:
        if request.get("SubnetIds") or request.get("SecurityGroupIds"):
            raise AwsError("InvalidParameterCombination", "A public cache takes no subnets and no security groups")
        return [], []
    subnets = request.get("SubnetIds") or []
    for subnet_id in subnets:
        if subnet_id not in ec2._subnets:
            raise AwsError("InvalidParameterValue", f"The subnet ID '{subnet_id}' does not exist")
    if not subnets:
        subnets = [item["SubnetIdentifier"] for item in store.subnet_group_of({})["Subnets"]]
    vpc_id = ec2._subnets[subnets[0]]["VpcId"]
    return subnets, store.security_groups_of(request, vpc_id)


def _endpoint_interface(subnet_id, group_ids):
    """A serverless cache is reached through a VPC endpoint, so its interfaces are of that type."""
    return ec2_network.new_interface(
        subnet_id,
        group_ids,
        f"VPC Endpoint Interface vpce-0{secrets.token_hex(8)}",
        InterfaceType="vpc_endpoint",
        RequesterManaged=True,
    )


def serverless_view(record):
    view = dict(record)
    if record["Status"] == "creating":
        view.pop("Endpoint", None)
        view.pop("ReaderEndpoint", None)
    return view


def describe(request):
    """DescribeServerlessCaches: MaxResults, NextToken."""
    if request.get("ServerlessCacheName"):
        records = [store.find_serverless(request["ServerlessCacheName"])]
    else:
        records = sorted(ec._serverless_caches.values(), key=lambda record: record["ServerlessCacheName"])
    page, token = paged(records, request.get("MaxResults") or 50, request.get("NextToken"))
    return {"ServerlessCaches": [serverless_view(record) for record in page], "NextToken": token}


def _available(request):
    record = store.find_serverless(request["ServerlessCacheName"])
    if record["Status"] != "available":
        raise AwsError(
            "InvalidServerlessCacheStateFault", f"Serverless cache {record['ServerlessCacheName']} is not available."
        )
    return record


def modify(request):
    """ModifyServerlessCache: security groups, user group, limits and texts; not the connection type."""
    record = _available(request)
    if request.get("SecurityGroupIds"):
        record["SecurityGroupIds"] = store.security_groups_of(request, None)
        store.regroup_interfaces(record["_Interfaces"], record["SecurityGroupIds"])
    for member in ("Description", "CacheUsageLimits", "UserGroupId", "SnapshotRetentionLimit", "DailySnapshotTime"):
        if request.get(member) is not None:
            record[member] = request[member]
    if request.get("RemoveUserGroup"):
        record["UserGroupId"] = None
    return {"ServerlessCache": serverless_view(record)}


def delete(request):
    """DeleteServerlessCache: deleting, then gone."""
    record = _available(request)
    record["Status"] = "deleting"
    store.vanishes(ec._serverless_caches, record["ServerlessCacheName"], record, record["_Interfaces"])
    return {"ServerlessCache": serverless_view(record)}


ACTIONS = {
    "CreateServerlessCache": ("_create_serverless_cache", create),
    "DescribeServerlessCaches": ("_describe_serverless_caches", describe),
    "ModifyServerlessCache": ("_modify_serverless_cache", modify),
    "DeleteServerlessCache": ("_delete_serverless_cache", delete),
}
