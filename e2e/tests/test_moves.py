"""A cache moves to a port of its own: every kind of cache, from its finding to the last rule of the old port."""

import json

import pytest
from harness import caches
from harness.caches import make_cluster, make_group
from harness.guard import PRIVATE, permission

TOKEN = "correct-horse-battery-staple"
ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
OFTEN = {
    "PreferredMaintenanceWindow": "mon:02:00-mon:03:00",
    "AutoMinorVersionUpgrade": False,
    "Tags": [{"Key": "team", "Value": "shop"}, {"Key": "cost centre", "Value": "äöü / 7"}],
}
KEPT = {"SnapshotRetentionLimit": 5, "SnapshotWindow": "04:00-05:00"}
LOGS = {
    "LogType": "slow-log",
    "DestinationType": "cloudwatch-logs",
    "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "/caches/slow"}},
    "LogFormat": "json",
}
ENCRYPTED = {"TransitEncryptionEnabled": True, "AtRestEncryptionEnabled": True}


def topic(guard):
    return guard.account.client("sns").create_topic(Name="of-caches")["TopicArn"]


def memcached_of_one_node(guard, name, groups):
    return make_cluster(guard, name, groups, PreferredAvailabilityZone="eu-west-1b", **OFTEN)


def memcached_of_three_nodes(guard, name, groups):
    zones = {"AZMode": "cross-az", "PreferredAvailabilityZones": ["eu-west-1a", "eu-west-1c", "eu-west-1c"]}
    return make_cluster(
        guard,
        name,
        groups,
        NumCacheNodes=3,
        EngineVersion="1.6.22",
        NotificationTopicArn=topic(guard),
        **zones,
        **OFTEN,
    )


def valkey_of_one_node(guard, name, groups):
    """Made as Redis OSS, because CreateCacheCluster knows no Valkey; upgraded before it moves."""
    return make_cluster(guard, name, groups, Engine="redis", EngineVersion="7.1", **KEPT, **OFTEN)


def redis_of_one_node(guard, name, groups):
    return make_cluster(
        guard, name, groups, Engine="redis", EngineVersion="7.0", LogDeliveryConfigurations=[LOGS], **KEPT, **OFTEN
    )


def valkey_with_replicas(guard, name, groups):
    return make_group(
        guard,
        name,
        groups,
        EngineVersion="8.0",
        NumCacheClusters=3,
        PreferredCacheClusterAZs=[ZONES[2], ZONES[0], ZONES[1]],
        AutomaticFailoverEnabled=True,
        MultiAZEnabled=True,
        NotificationTopicArn=topic(guard),
        LogDeliveryConfigurations=[LOGS],
        **KEPT,
        **OFTEN,
    )


def valkey_of_three_shards(guard, name, groups):
    slots = ["0-5000", "5001-9999", "10000-16383"]
    shards = [
        {
            "NodeGroupId": f"000{number + 1}",
            "Slots": slots[number],
            "ReplicaCount": 1,
            "PrimaryAvailabilityZone": ZONES[number],
            "ReplicaAvailabilityZones": [ZONES[number - 1]],
        }
        for number in range(3)
    ]
    return make_group(
        guard, name, groups, NumNodeGroups=3, NodeGroupConfiguration=shards, AutomaticFailoverEnabled=True, **OFTEN
    )


def redis_with_users(guard, name, groups):
    rights = {"AccessString": "on ~* +@all", "Passwords": [TOKEN]}
    guard.elasticache.create_user(UserId="app", UserName="default", Engine="redis", **rights)
    guard.elasticache.create_user_group(UserGroupId="apps", Engine="redis", UserIds=["app"])
    return make_group(
        guard,
        name,
        groups,
        Engine="redis",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        UserGroupIds=["apps"],
        **ENCRYPTED,
    )


def valkey_with_a_token(guard, name, groups):
    """The tag of the cache names the secret, and the tag of the secret admits the reader."""
    secret = guard.account.client("secretsmanager").create_secret(
        Name="of-a-cache",
        SecretString=json.dumps({"authToken": TOKEN}),
        Tags=[{"Key": "portcullis:auth-token", "Value": "yes"}],
    )["ARN"]
    tags = [{"Key": "portcullis:auth-token-secret", "Value": secret}]
    return make_group(guard, name, groups, AuthToken=TOKEN, Tags=tags, **ENCRYPTED)


KINDS = {
    "mc-one": memcached_of_one_node,
    "mc-three": memcached_of_three_nodes,
    "redis-node": redis_of_one_node,
    "valkey-node": valkey_of_one_node,
    "replicas": valkey_with_replicas,
    "shards": valkey_of_three_shards,
    "users": redis_with_users,
    "token": valkey_with_a_token,
}


def with_a_silent_topic(guard, old):
    """What only Modify sets: a topic that is silent, and the member that snapshots are taken of."""
    name = old.split(":")[6]
    guard.elasticache.modify_replication_group(
        ReplicationGroupId=name, NotificationTopicStatus="inactive", SnapshottingClusterId=f"{name}-002"
    )


def with_the_topic_of_a_cluster_silent(guard, old):
    guard.elasticache.modify_cache_cluster(CacheClusterId=old.split(":")[6], NotificationTopicStatus="inactive")


def with_slots_in_several_ranges(guard, old):
    """As resharding leaves them."""
    shown = caches.look(guard.elasticache, old)
    del shown["Members"]
    tags = [{"Key": key, "Value": value} for key, value in caches.tags(guard.elasticache, old).items()]
    for shard, slots in zip(shown["NodeGroups"], ["0-99,200-5000", "100-199,5001-9999", "10000-16383"], strict=True):
        shard["Slots"] = slots
    document = {"ReplicationGroups": [{**shown, "Tags": tags}]}
    guard.account.seed(json.loads(json.dumps(document, default=lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}")))


def with_valkey_instead(guard, old):
    """As ModifyCacheCluster upgrades a node, encrypted at rest as one that was the primary of a group may be."""
    shown = caches.look(guard.elasticache, old)
    tags = [{"Key": key, "Value": value} for key, value in caches.tags(guard.elasticache, old).items()]
    parameters = {**shown["CacheParameterGroup"], "CacheParameterGroupName": "default.valkey8"}
    engine = {"Engine": "valkey", "EngineVersion": "8.0.1", "CacheParameterGroup": parameters}
    shown |= {**engine, "AtRestEncryptionEnabled": True, "TransitEncryptionEnabled": False, "Tags": tags}
    guard.account.seed(
        json.loads(json.dumps({"CacheClusters": [shown]}, default=lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}"))
    )


#: Each kind of cache that moves.
EVERY_KIND = list(KINDS)
#: What is done to a cache before it moves.
CHANGES = {
    "mc-three": with_the_topic_of_a_cluster_silent,
    "replicas": with_a_silent_topic,
    "shards": with_slots_in_several_ranges,
    "valkey-node": with_valkey_instead,
}


class Moved:
    """A cache that moved, as it was before, after the hand-over, and in the end."""

    def __init__(self, moves, name, make):
        self.moves, self.guard, self.name = moves, moves.guard, name
        self.port = 11211 if name.startswith("mc") else 6379
        self.peers = self.guard.group(f"{name}-peers")
        self.group = self.guard.group(
            name, permission("tcp", self.port, PRIVATE, self.peers, description="stays"), permission("tcp", 22, PRIVATE)
        )
        self.rules = self.guard.look(self.group)["rules"]
        self.old = make(self.guard, name, [self.group])

    def begin(self):
        self.move = self.moves.begun(self.old)
        self.move.told("ask")
        if self.name in CHANGES:
            self.change()
        caches.available(self.guard.elasticache, self.old)
        self.before = caches.portrait(self.guard.elasticache, self.old)
        return self

    def change(self):
        self.move.answer("move", "reject").ended()
        CHANGES[self.name](self.guard, self.old)
        caches.available(self.guard.elasticache, self.old)
        self.move = self.moves.start(self.old, f"{self.name}-00000002")
        self.move.told("ask")

    def agree(self):
        self.move.answer("move")
        return self

    def hand_over(self):
        self.move.told("ask-deletion")
        self.new = self.move.new()
        self.after = caches.portrait(self.guard.elasticache, self.new)
        self.marks = caches.tags(self.guard.elasticache, self.new)
        self.between = self.guard.look(self.group)["rules"]
        self.still = caches.portrait(self.guard.elasticache, self.old)
        self.move.answer("deletion")
        return self


@pytest.fixture(scope="module")
def moved(moves):
    """All kinds side by side."""
    all_of_them = {kind: Moved(moves, kind, make) for kind, make in KINDS.items()}
    for step in (Moved.begin, Moved.agree, Moved.hand_over):
        for one in all_of_them.values():
            step(one)
    for one in all_of_them.values():
        one.move.ended()
    return all_of_them


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_new_cache_is_the_old_one_on_another_port(moved, kind):
    one = moved[kind]
    assert one.before == one.still and caches.differences(one.before, one.after) == {}
    (port,) = caches.ports(one.guard.elasticache, one.new)
    assert one.new.endswith(f"-{port}") and port not in (6379, 11211)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_it_carries_the_marks_of_its_move(moved, kind):
    one = moved[kind]
    marks = {key: value for key, value in one.marks.items() if key != "portcullis:auth-token-secret"}
    marks = {key: value for key, value in marks.items() if key.startswith("portcullis:")}
    assert marks == {
        "portcullis:moved-from": one.old,
        "portcullis:plan": one.move.item()["fingerprint"]["S"],
        "portcullis:handed-over": one.move.id,
    }


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_clients_reach_it_as_they_reached_the_old_one(moved, kind):
    one = moved[kind]
    (port,) = caches.ports(one.guard.elasticache, one.new)
    assert {key: one.between[key] for key in one.rules} == one.rules, "the old rules stay until the end"
    added = [rule for key, rule in one.between.items() if key not in one.rules]
    tags = {"portcullis:moved-from": one.old, "portcullis:plan": one.move.item()["fingerprint"]["S"]}
    like = [
        {**rule, "ports": (port, port), "tags": tags, "description": f"portcullis: {kind} on its new port, like {key}"}
        for key, rule in one.rules.items()
        if rule["ports"] == (one.port, one.port) and not rule["egress"]
    ]
    assert len(added) == 2 and sorted(added, key=str) == sorted(like, key=str)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_in_the_end_the_old_port_is_closed_and_nothing_else(moved, kind):
    one = moved[kind]
    left = {key: rule for key, rule in one.between.items() if rule["ports"] != (one.port, one.port)}
    assert one.guard.look(one.group)["rules"] == left


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_old_cache_is_gone_and_its_last_state_is_kept(moved, kind):
    one = moved[kind]
    assert caches.look(one.guard.elasticache, one.old) is None
    assert caches.status(one.guard.elasticache, one.new) == "available"
    (port,) = caches.ports(one.guard.elasticache, one.new)
    found = caches.snapshots(one.guard.elasticache, f"{one.name}-")
    wanted = set() if kind.startswith("mc") else {f"{one.name}-{port}-snap", f"{one.name}-{port}-last"}
    assert set(found) == wanted and all(item["SnapshotStatus"] == "available" for item in found.values())


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_people_are_asked_twice_and_told_twice(moved, kind):
    one = moved[kind]
    assert one.move.kinds() == ["ask", "handed-over", "ask-deletion", "deleted"]
    assert [mail["subject"].split(" (")[0] for mail in one.move.letters()] == [
        f"[MOVE] {one.name}: re-create it on port {one.move.documents()[0]['newCache']['port']}?",
        f"[MOVE] {one.name}: {one.new.split(':')[6]} is ready, change the clients to port "
        f"{one.move.documents()[0]['newCache']['port']}",
        f"[MOVE] {one.name}: delete the old cache?",
        f"[MOVE] {one.name}: deleted, replaced by {one.new.split(':')[6]}",
    ]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_mail_of_the_hand_over_has_every_endpoint(moved, kind):
    one = moved[kind]
    document, mail = one.move.told("handed-over")
    new = endpoints(caches.look(one.guard.elasticache, one.new))
    assert new and {item["new"] for item in document["endpoints"]} <= new
    old = [item["old"] for item in document["endpoints"] if item["old"]]
    assert all(place.endswith(f":{one.port}") for place in old)
    # A lone node has one endpoint, and the group that it becomes has three.
    form = kind == "valkey-node"
    assert len(old) == (1 if form else len(document["endpoints"]))
    assert ("The endpoint has another form" in mail["body"]) == form
    for item in document["endpoints"]:
        assert item["new"] in mail["body"] and (item["old"] or "none") in mail["body"]


def endpoints(value):
    """All that are somewhere in what Describe shows, as address:port."""
    if isinstance(value, list):
        return set().union(*map(endpoints, value))
    if not isinstance(value, dict):
        return set()
    if set(value) == {"Address", "Port"}:
        return {f"{value['Address']}:{value['Port']}"}
    return set().union(*map(endpoints, value.values()))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_table_keeps_who_agreed_to_what(moved, kind):
    one = moved[kind]
    item = one.move.item()
    assert one.move.stage() == "done" and one.move.lock() is None
    assert item["cache"]["S"] == one.old and item["execution"]["S"] == one.move.execution
    for about in ("move", "deletion"):
        answer = item[about]["M"]["answer"]["M"]
        assert answer["yes"]["BOOL"] and answer["by"]["S"].startswith("Ada (from 127.0.0.1")
        assert (answer["through"]["S"], answer["reason"]["S"]) == ("page", "as planned")
        assert item[about]["M"]["passedOn"]["BOOL"] and item[about]["M"]["plan"] == item["fingerprint"]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_what_the_move_itself_does_is_not_looked_at(moved, kind):
    """Calls of the role start no move and close no rule, so nobody is told of them."""
    one = moved[kind]
    assert one.moves.of(one.new) == []
    assert len(one.moves.of(one.old)) == (2 if kind in CHANGES else 1)
    assert one.guard.alerts.documents(one.new.split(":")[6]) == one.guard.alerts.documents(one.group) == []
