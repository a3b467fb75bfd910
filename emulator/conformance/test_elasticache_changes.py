"""What ModifyReplicationGroup refuses. The sources are in the modules that refuse."""

from conftest import refused
from test_elasticache import cache, cluster, create_group, ec2, group, network, up
from test_elasticache_groups import COMBINATION, REDIS, TLS, TOKEN, TWO_SHARDS, VALKEY, VALUE
from test_elasticache_users import users

__all__ = ["cache", "ec2", "network", "users"]


def change(cache, made, **changes):
    return cache.modify_replication_group(ReplicationGroupId=made["ReplicationGroupId"], **changes)["ReplicationGroup"]


def refuse(cache, made, code, message, **changes):
    """The change is refused, and the group is as it was."""
    before = group(cache, made["ReplicationGroupId"])
    refused(cache.modify_replication_group, code, message, ReplicationGroupId=made["ReplicationGroupId"], **changes)
    assert group(cache, made["ReplicationGroupId"]) == before


def test_failover_needs_a_replica(cache):
    made = up(cache, create_group(cache, **VALKEY))
    refuse(cache, made, COMBINATION, "must have at least one read replica", AutomaticFailoverEnabled=True)
    cache.increase_replica_count(
        ReplicationGroupId=made["ReplicationGroupId"], NewReplicaCount=1, ApplyImmediately=True
    )
    refuse(cache, made, COMBINATION, "AutomaticFailoverEnabled", MultiAZEnabled=True)
    changed = change(cache, made, AutomaticFailoverEnabled=True, MultiAZEnabled=True)
    assert (changed["AutomaticFailover"], changed["MultiAZ"]) == ("enabled", "enabled")


def test_cluster_mode_keeps_its_failover(cache):
    made = up(cache, create_group(cache, **TWO_SHARDS))
    refuse(cache, made, COMBINATION, "Turning off automatic failover", AutomaticFailoverEnabled=False)


def test_tls_comes_in_two_steps_and_from_7_0_5_on(cache, users):
    old = up(cache, create_group(cache, **REDIS, EngineVersion="6.2"))
    on = {"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"}
    refuse(cache, old, COMBINATION, "Please use engine version 7.0.5 or higher.", **on)
    made = up(cache, create_group(cache, **REDIS, EngineVersion="7.0"))
    refuse(cache, made, COMBINATION, "preferred before", TransitEncryptionEnabled=True)
    refuse(cache, made, COMBINATION, "preferred before", **{**on, "TransitEncryptionMode": "required"})
    change(cache, made, **on)
    assert group(cache, made["ReplicationGroupId"])["TransitEncryptionMode"] == "preferred"
    refuse(cache, made, COMBINATION, "not supported with redis access control", UserGroupIdsToAdd=[users])
    change(cache, made, TransitEncryptionMode="required")
    assert cluster(cache, made["MemberClusters"][0])["TransitEncryptionMode"] == "required"


def test_a_token_comes_by_rotate_then_set(cache):
    plain = up(cache, create_group(cache, **VALKEY))
    refuse(cache, plain, COMBINATION, "in-transit", AuthToken=TOKEN)
    made = up(cache, create_group(cache, **VALKEY, **TLS))
    refuse(cache, made, COMBINATION, "after ROTATE", AuthToken=TOKEN, AuthTokenUpdateStrategy="SET")
    refuse(cache, made, VALUE, "Invalid AuthToken", AuthToken="short", AuthTokenUpdateStrategy="ROTATE")
    for strategy in ("ROTATE", "SET"):
        changed = change(cache, made, AuthToken=TOKEN, AuthTokenUpdateStrategy=strategy)
    assert changed["AuthTokenEnabled"] is True
    refuse(cache, made, COMBINATION, "DELETE", AuthTokenUpdateStrategy="DELETE")


def test_a_group_with_a_token_goes_to_users_by_delete(cache, users):
    made = up(cache, create_group(cache, **VALKEY, **TLS, AuthToken=TOKEN))
    refuse(cache, made, COMBINATION, "together", UserGroupIdsToAdd=[users])
    changed = change(cache, made, UserGroupIdsToAdd=[users], AuthTokenUpdateStrategy="DELETE")
    assert changed["AuthTokenEnabled"] is False and changed["UserGroupIds"] == [users]


def test_windows_are_held_apart_when_one_changes(cache):
    made = up(cache, create_group(cache, **VALKEY, SnapshotWindow="03:00-04:00"))
    overlap = "The snapshot window and maintenance window must not overlap."
    refuse(cache, made, VALUE, overlap, PreferredMaintenanceWindow="tue:03:30-tue:05:00")
    change(cache, made, PreferredMaintenanceWindow="tue:04:00-tue:05:00")
    assert cluster(cache, made["MemberClusters"][0])["PreferredMaintenanceWindow"] == "tue:04:00-tue:05:00"
