"""A cache on a default port is reported; an open group that only caches carry is closed."""

from harness import caches
from harness.groups import opened_before, tcp
from harness.guard import PRIVATE, permission


def checks(document):
    return {finding["check"]: finding["outcome"] for finding in document["findings"]}


def test_memcached_on_its_default_port(guard, name):
    group = guard.group(name, permission("tcp", 11211, PRIVATE))
    before = guard.look(group)
    guard.elasticache.create_cache_cluster(
        CacheClusterId=name,
        Engine="memcached",
        NumCacheNodes=2,
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName="caches",
        SecurityGroupIds=[group],
    )
    document, mail = guard.alerts.wait(name)
    assert checks(document)["default-port"] == "by-hand"
    assert document["subject"]["type"] == "cache-cluster"
    assert "11211" in mail["body"] and f"\nportcullis plan {name} --region " in mail["body"]
    assert "create-cache-cluster" not in mail["body"], "the planner knows every setting, and no other recipe does"
    assert guard.look(group) == before


def test_valkey_in_an_open_group_that_only_caches_carry(guard, name):
    group = guard.group(name)
    public, private = opened_before(guard, group, name, tcp(6379, "0.0.0.0/0"), tcp(6379, PRIVATE))
    before = guard.look(group)
    guard.elasticache.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="sessions",
        Engine="valkey",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName="caches",
        SecurityGroupIds=[group],
    )
    document, mail = guard.alerts.wait(name)
    assert checks(document)["open-cache"] == "done" and checks(document)["default-port"] == "by-hand"
    after = guard.look(group)
    assert public not in after["rules"]
    assert after == {**before, "rules": {k: v for k, v in before["rules"].items() if k != public}}
    assert private in after["rules"]
    assert "revoked. The group was read again, and the rule is gone." in mail["body"]
    assert len(guard.alerts.documents(name)) == 1, "one alert per replication group, not one per member"


def test_open_group_that_others_carry_too_is_left_to_a_person(guard, name):
    group = guard.group(name)
    opened_before(guard, group, name, tcp(6379, "0.0.0.0/0"))
    guard.ec2.create_network_interface(SubnetId=guard.subnet, Groups=[group], Description="a web server")
    before = guard.look(group)
    guard.elasticache.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="sessions",
        Engine="valkey",
        NumCacheClusters=1,
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName="caches",
        SecurityGroupIds=[group],
    )
    document, mail = guard.alerts.wait(name)
    assert checks(document)["open-cache"] == "by-hand"
    assert "revoke-security-group-ingress" in mail["body"]
    assert guard.look(group) == before


def test_compliant_cache_is_silent_until_it_is_put_behind_an_open_group(guard, name):
    group = guard.group(name, permission("tcp", 7380, PRIVATE))
    before = guard.look(group)
    user_group = compliant_users(guard, name)
    made = guard.elasticache.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="sessions",
        Engine="valkey",
        NumCacheClusters=1,
        Port=7380,
        TransitEncryptionEnabled=True,
        UserGroupIds=[user_group],
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName="caches",
        SecurityGroupIds=[group],
    )
    guard.handled("cache", name)
    assert guard.alerts.documents(name) == []
    assert guard.look(group) == before
    public, private = opened_before(
        guard, f"{group[:-4]}cafe", f"{name}-open", tcp(7380, "0.0.0.0/0"), tcp(22, PRIVATE)
    )
    caches.available(guard.elasticache, made["ReplicationGroup"]["ARN"])
    guard.elasticache.modify_replication_group(
        ReplicationGroupId=name, SecurityGroupIds=[f"{group[:-4]}cafe"], ApplyImmediately=True
    )
    document, _ = guard.alerts.wait(name)
    assert checks(document) == {"open-cache": "done"}
    assert document["event"]["name"] == "ModifyReplicationGroup"
    assert list(guard.look(f"{group[:-4]}cafe")["rules"]) == [private]
    assert guard.look(group) == before


def compliant_users(guard, name):
    """A user group with one user who has a password."""
    user = f"u-{name}"[:36].rstrip("-")
    guard.elasticache.create_user(
        UserId=user,
        UserName="default",
        Engine="valkey",
        AccessString="on ~* +@all",
        Passwords=["correct-horse-battery-staple"],
    )
    guard.elasticache.create_user_group(UserGroupId=user + "-g", Engine="valkey", UserIds=[user])
    return user + "-g"


def test_serverless_cache_has_no_port_to_change(guard, name):
    group = guard.group(name, permission("tcp", (6379, 6380), PRIVATE))
    guard.elasticache.create_serverless_cache(
        ServerlessCacheName=name, Engine="valkey", SecurityGroupIds=[group], SubnetIds=[guard.subnet]
    )
    guard.handled("cache", name)
    assert all("default-port" not in checks(document) for document in guard.alerts.documents(name))
