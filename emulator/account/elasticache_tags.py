"""ElastiCache: tags of caches, which must be available for it, and of everything else.

AWS: API_ListTagsForResource, API_AddTagsToResource and API_RemoveTagsFromResource in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from ministack.services import elasticache as ec

from . import elasticache_limits as limits
from .wire import AwsError

#: The type in an ARN: where its resources are, their status if it matters, and the error for one that is missing.
KINDS = {
    "cluster": ("_clusters", "CacheClusterStatus", "CacheClusterNotFound"),
    "replicationgroup": ("_replication_groups", "Status", "ReplicationGroupNotFoundFault"),
    "snapshot": ("_snapshots", None, "SnapshotNotFoundFault"),
    "serverlesscache": ("_serverless_caches", "Status", "ServerlessCacheNotFoundFault"),
    "subnetgroup": ("_subnet_groups", None, "CacheSubnetGroupNotFoundFault"),
    "parametergroup": ("_param_groups", None, "CacheParameterGroupNotFound"),
    "user": ("_users", None, "UserNotFound"),
    "usergroup": ("_user_groups", None, "UserGroupNotFound"),
}


def resource_of(request):
    """The ARN of a resource that exists and can be asked for its tags."""
    arn = request["ResourceName"]
    kind, _, name = arn.split(":", 5)[-1].partition(":")
    if kind not in KINDS or not arn.startswith("arn:aws:elasticache:"):
        raise AwsError("InvalidARN", f"Invalid ARN {arn}")
    store, status, missing = KINDS[kind]
    record = getattr(ec, store).get(name)
    if record is None or (record.get("ARN") or arn) != arn:
        raise AwsError(missing, f"{name} is either not present or not available.", 404)
    if status and record[status] not in ("available", "modifying"):
        raise unavailable(kind, name)
    return arn


def unavailable(kind, name):
    if kind == "cluster":
        return AwsError("CacheClusterNotFound", f"{name} is either not present or not available.", 404)
    if kind == "serverlesscache":
        message = "Serverless cache is not in an available state to perform the requested action."
        return AwsError("InvalidServerlessCacheStateFault", message)
    message = "Cluster not in available state to perform tagging operations."
    return AwsError("InvalidReplicationGroupState", message)


def listed(arn):
    return {"TagList": list(ec._tags.get(arn) or [])}


def list_tags(request):
    return listed(resource_of(request))


def add(request):
    arn = resource_of(request)
    given = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in request["Tags"]]
    limits.check_tags(given)
    limits.check_tag_count(tag["Key"] for tag in (ec._tags.get(arn) or []) + given)
    ec._merge_tags_for_arn(arn, given)
    return listed(arn)


def remove(request):
    arn = resource_of(request)
    ec._remove_tag_keys_for_arn(arn, request["TagKeys"])
    return listed(arn)


ACTIONS = {
    "ListTagsForResource": ("_list_tags", list_tags),
    "AddTagsToResource": ("_add_tags", add),
    "RemoveTagsFromResource": ("_remove_tags", remove),
}
