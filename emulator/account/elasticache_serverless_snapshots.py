"""ElastiCache: snapshots of serverless caches. They hold settings, not data.

AWS: API_CreateServerlessCacheSnapshot and its neighbours in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

import time

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from . import elasticache_limits as limits
from . import elasticache_store as store
from .wire import AwsError, paged

_SNAPSHOTS = AccountRegionScopedDict()


def find(name):
    return store.find(_SNAPSHOTS, name, "ServerlessCacheSnapshotNotFoundFault", "Serverless cache snapshot")


def create(request):
    """CreateServerlessCacheSnapshot: of a cache that is available; `creating` at first."""
    cache = store.find_serverless(request["ServerlessCacheName"])
    name = limits.new_id(request, "ServerlessCacheSnapshotName", 40)
    if name in _SNAPSHOTS:
        message = f"Serverless cache snapshot {name} already exists."
        raise AwsError("ServerlessCacheSnapshotAlreadyExistsFault", message)
    if cache["Status"] != "available":
        raise AwsError("InvalidServerlessCacheStateFault", f"{cache['ServerlessCacheName']} is not available.")
    limits.check_tags(request.get("Tags"))
    taken = ("ServerlessCacheName", "Engine", "MajorEngineVersion")
    snapshot = {
        "ServerlessCacheSnapshotName": name,
        "ARN": f"arn:aws:elasticache:{get_region()}:{get_account_id()}:serverlesscachesnapshot:{name}",
        "KmsKeyId": request.get("KmsKeyId"),
        "SnapshotType": "manual",
        "Status": "creating",
        "CreateTime": time.time(),
        "ServerlessCacheConfiguration": {member: cache.get(member) for member in taken},
    }
    _SNAPSHOTS[name] = snapshot
    store.save_tags(snapshot["ARN"], request)
    store.becomes(_SNAPSHOTS, name, snapshot, "Status", "available")
    return {"ServerlessCacheSnapshot": snapshot}


def describe(request):
    """DescribeServerlessCacheSnapshots: by name, by cache, or all; MaxResults, NextToken."""
    found = sorted(_SNAPSHOTS.values(), key=lambda record: record["ServerlessCacheSnapshotName"])
    if request.get("ServerlessCacheSnapshotName"):
        found = [find(request["ServerlessCacheSnapshotName"])]
    if request.get("ServerlessCacheName"):
        name = request["ServerlessCacheName"].lower()
        found = [item for item in found if item["ServerlessCacheConfiguration"]["ServerlessCacheName"] == name]
    page, token = paged(found, request.get("MaxResults") or 50, request.get("NextToken"))
    return {"ServerlessCacheSnapshots": page, "NextToken": token}


def delete(request):
    """DeleteServerlessCacheSnapshot: deleting, then gone."""
    snapshot = find(request["ServerlessCacheSnapshotName"])
    snapshot["Status"] = "deleting"
    store.vanishes(_SNAPSHOTS, snapshot["ServerlessCacheSnapshotName"], snapshot)
    return {"ServerlessCacheSnapshot": snapshot}


def check_restore(request, engine):
    """CreateServerlessCache from snapshots: they are there, available, and of the engine."""
    by_arn = {snapshot["ARN"]: snapshot for snapshot in _SNAPSHOTS.values()}
    for arn in request.get("SnapshotArnsToRestore") or []:
        snapshot = by_arn.get(arn)
        if snapshot is None or snapshot["Status"] != "available":
            raise AwsError("InvalidParameterValue", f"The snapshot {arn} is not there or not available.")
        if snapshot["ServerlessCacheConfiguration"]["Engine"] != engine:
            raise AwsError("InvalidParameterCombination", f"The snapshot {arn} is of another engine.")


#: MiniStack does not know these.
ADDED = {
    "CreateServerlessCacheSnapshot": create,
    "DescribeServerlessCacheSnapshots": describe,
    "DeleteServerlessCacheSnapshot": delete,
}
