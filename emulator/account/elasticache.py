"""ElastiCache: puts the actions of the ``elasticache_*`` modules in place of MiniStack's.

MiniStack looks its handlers up by name at every call, and its CloudFormation calls
them by the same names, so replacing the module's functions reaches both.
"""

from urllib.parse import parse_qs

from ministack.services import elasticache as ec

from . import (
    elasticache_clusters,
    elasticache_groups,
    elasticache_serverless,
    elasticache_serverless_snapshots,
    elasticache_snapshots,
    elasticache_tags,
    elasticache_users,
    elasticache_versions,
    patching,
)
from .wire import endpoint


def install():
    patching.require(
        ec,
        "_clusters",
        "_replication_groups",
        "_snapshots",
        "_serverless_caches",
        "_subnet_groups",
        "_param_groups",
        "_user_groups",
        "_tags",
        "_arn_cluster",
        "_arn_replication_group",
        "_arn_snapshot",
        "_arn_subnet_group",
        "_arn_serverless_cache",
        "_arn_user",
        "_arn_user_group",
        "_default_param_group_for_engine",
        "_param_group_family_for_engine",
        "_record_event",
        "_users",
        "_merge_tags_for_arn",
        "_remove_tag_keys_for_arn",
        "_propagate_replication_group_tags",
        "_stamp_replication_group_on_user_groups",
        "_unstamp_replication_group_from_user_groups",
    )
    caches = (elasticache_clusters, elasticache_groups, elasticache_serverless)
    for module in (*caches, elasticache_snapshots, elasticache_tags, elasticache_users, elasticache_versions):
        for action, (name, function) in module.ACTIONS.items():
            patching.replace(ec, name, endpoint("elasticache", action, function))
    add(elasticache_serverless_snapshots.ADDED)


def add(actions):
    """Actions that MiniStack does not know, before it says so."""
    original = patching.original(ec, "handle_request")
    handlers = {action: endpoint("elasticache", action, function) for action, function in actions.items()}

    async def handle_request(method, path, headers, body, query_params):
        form = parse_qs((body or b"").decode("utf-8", "replace"), keep_blank_values=True)
        params = {**query_params, **form}
        action = params.get("Action") or [""]
        handler = handlers.get(action if isinstance(action, str) else action[0])
        return handler(params) if handler else await original(method, path, headers, body, query_params)

    patching.replace(ec, "handle_request", handle_request)
