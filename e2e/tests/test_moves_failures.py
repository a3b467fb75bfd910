"""Whatever fails on the way, what was made is taken back or gone on with, nothing is made twice, and people know."""

import os
import subprocess
import sys

import pytest
from harness import caches, faults
from harness.caches import make_cluster, make_group
from harness.faults import Call, Fault
from harness.guard import PRIVATE, permission
from harness.wait import until

#: From a port that is no default port, a cache moves only to one that is asked for.
PORT = 17500
NOTHING = {"caches": [], "snapshots": [], "rules": []}

#: The calls of a move that change something.
SNAPSHOT = Call("elasticache", "CreateSnapshot", "starts_with(SnapshotName, '{subject}-')")
AUTHORIZE = Call("ec2", "AuthorizeSecurityGroupIngress", "GroupId == '{group}'")
CREATE = Call("elasticache", "CreateReplicationGroup", "starts_with(ReplicationGroupId, '{subject}-')")
TAGS = Call("elasticache", "ListTagsForResource", "contains(ResourceName, 'replicationgroup:{subject}-')")
MODIFY = Call("elasticache", "ModifyReplicationGroup", "starts_with(ReplicationGroupId, '{subject}-')")
TAG = Call("elasticache", "AddTagsToResource", "contains(ResourceName, ':{subject}')")
DELETE = Call("elasticache", "DeleteReplicationGroup", "ReplicationGroupId == '{subject}'")
REVOKE = Call("ec2", "RevokeSecurityGroupIngress", "GroupId == '{group}'")
WRITE = Call("dynamodb", "UpdateItem", "starts_with(Key.id.S, '{subject}-')")
PLAN = Call("dynamodb", "PutItem", "starts_with(Item.id.S, '{subject}-')")


def mail(kind):
    """The mail with this in its subject."""
    return Call("sns", "Publish", f"starts_with(Subject, '[MOVE] {{subject}}: ') && contains(Subject, '{kind}')")


@pytest.fixture
def fails(moves):
    """What a test wants to go wrong; forgotten afterwards."""
    yield lambda **entry: moves.guard.account.control("POST", "failures", entry)
    moves.guard.account.control("DELETE", "failures")


@pytest.fixture(autouse=True)
def in_order(moves):
    yield
    moves.proxy.clear()


class Cache:
    """A Valkey group with all that a move changes, on a port of which no alert tells, and a move of it."""

    def __init__(self, moves, name):
        self.moves, self.guard, self.name = moves, moves.guard, name[:20].rstrip("-")
        self.group = self.guard.group(self.name, permission("tcp", 7000, PRIVATE, description="stays"))
        topic = self.guard.account.client("sns").create_topic(Name="of-caches")["TopicArn"]
        more = {"NumCacheClusters": 2, "AutomaticFailoverEnabled": True, "NotificationTopicArn": topic}
        self.old = make_group(self.guard, self.name, [self.group], Port=7000, **more)
        self.number = 0

    def settle(self):
        """So that there is something left for Modify to do."""
        caches.available(self.guard.elasticache, self.old)
        self.guard.elasticache.modify_replication_group(
            ReplicationGroupId=self.name, NotificationTopicStatus="inactive", SnapshottingClusterId=f"{self.name}-002"
        )
        caches.available(self.guard.elasticache, self.old)
        self.before, self.rules = caches.portrait(self.guard.elasticache, self.old), self.guard.look(self.group)
        return self

    def ask(self):
        self.number += 1
        self.move = self.moves.start(self.old, f"{self.name}-{self.number:08x}", PORT)
        self.move.told("ask")
        return self

    def rule(self, fault):
        return fault.rule(self.group, self.name)

    def as_it_was(self):
        """The old cache, its group, and nothing beside them."""
        assert caches.portrait(self.guard.elasticache, self.old) == self.before
        assert self.guard.look(self.group) == self.rules
        assert self.move.made() == NOTHING and self.move.lock() is None

    def calls(self):
        """The calls of the role about this cache and its group that changed something."""
        made = self.moves.calls.of(self.moves.role, f"{self.name}")
        return made + [call for call in self.moves.calls.of(self.moves.role, self.group) if call not in made]

    def moved(self):
        """To its end, and once."""
        elasticache, port = self.guard.elasticache, PORT
        assert caches.look(elasticache, self.old) is None
        assert self.move.made() == {
            "caches": [f"{self.name}-{port}"],
            "snapshots": [f"{self.name}-{port}-last", f"{self.name}-{port}-snap"],
            "rules": [(self.group, port, PRIVATE)],
        }
        assert caches.portrait(elasticache, self.move.new()) == self.before
        rules = self.guard.look(self.group)["rules"].values()
        assert [rule["ports"] for rule in rules if not rule["egress"]] == [(port, port)]
        assert self.move.stage() == "done" and self.move.lock() is None


@pytest.fixture
def cache(moves, name):
    return Cache(moves, name.replace("test-", "")).settle()


# What fails before clients were told is taken back ------------------------------------------


def undone(cache, step):
    """The move failed at this step, and all is as it was; gives the mail of it."""
    cache.move.ended("FAILED")
    document, mail = cache.move.told("failed")
    assert document["step"] == step and document["left"] == []
    assert cache.move.kinds() == ["ask", "failed"]
    cache.as_it_was()
    assert cache.move.stage() == "failed, rolled back"
    return mail


def test_a_snapshot_that_fails(cache, fails):
    fails(Kind="snapshot", Id=f"{cache.name}-*")
    cache.ask().move.answer("move")
    undone(cache, "snapshot")


def test_a_port_that_may_not_be_opened(cache, fails):
    fails(Action="AuthorizeSecurityGroupIngress", Code="UnauthorizedOperation", Message="No.")
    cache.ask().move.answer("move")
    assert "UnauthorizedOperation" in undone(cache, "open-port")["body"]


def test_a_group_that_is_full(cache, fails):
    fails(Action="AuthorizeSecurityGroupIngress", Code="RulesPerSecurityGroupLimitExceeded", Message="60 rules.")
    cache.ask().move.answer("move")
    undone(cache, "open-port")


def test_a_cache_that_cannot_be_made(cache, fails):
    fails(Action="CreateReplicationGroup", Code="NodeQuotaForCustomerExceeded", Message="No more nodes.")
    cache.ask().move.answer("move")
    assert "NodeQuotaForCustomerExceeded" in undone(cache, "create")["body"]


def test_a_cache_that_ends_create_failed(cache, fails):
    fails(Kind="replication-group", Id=f"{cache.name}-*")
    cache.ask().move.answer("move")
    assert "create-failed" in undone(cache, "create")["body"]


def test_no_room_for_too_long(cache, fails):
    fails(Action="CreateReplicationGroup", Code="InsufficientCacheClusterCapacity", Message="No room.", Times=99)
    cache.ask().move.answer("move")
    undone(cache, "create")


def test_no_room_for_a_while_is_waited_for(cache, fails):
    fails(Action="CreateReplicationGroup", Code="InsufficientCacheClusterCapacity", Message="No room.", Times=3)
    cache.ask().move.answer("move").answer("deletion").ended()
    cache.moved()


def test_a_slow_answer_is_waited_for_and_nothing_is_asked_twice(moves, cache):
    """Longer than the functions wait that close ports: shared/aws/src/clients.rs."""
    moves.proxy.set([cache.rule(Fault(CREATE, {"latency": 5000}, 1))])
    cache.ask().move.answer("move").answer("deletion").ended()
    assert moves.proxy.fired() == [1]
    cache.moved()
    assert cache.calls().count("CreateReplicationGroup") == 1


def test_a_setting_that_is_refused(cache, fails):
    fails(Action="ModifyReplicationGroup", Code="InvalidParameterValue", Message="No such topic.")
    cache.ask().move.answer("move")
    undone(cache, "set-the-rest")


def test_a_copy_that_somebody_changed_is_not_handed_over(cache, moves):
    cache.ask()
    moves.proxy.set([cache.rule(Fault(TAGS, faults.BROKEN))])
    cache.move.answer("move")
    until("the copy is there, and its tags are asked for", lambda: any(moves.proxy.fired()))
    (copy,) = cache.move.made()["caches"]
    cache.guard.elasticache.modify_replication_group(
        ReplicationGroupId=copy, SnapshotRetentionLimit=7, ApplyImmediately=True
    )
    moves.proxy.clear()
    assert "SnapshotRetentionLimit" in undone(cache, "verify")["body"]


def test_what_cannot_be_taken_back_is_told_with_its_commands(cache, fails, moves):
    fails(Action="ModifyReplicationGroup", Code="InvalidParameterValue", Message="No such topic.")
    fails(Action="DeleteReplicationGroup", Code="InvalidParameterValue", Message="Not now.", Times=9)
    cache.ask().move.answer("move").ended("FAILED")
    document, mail = cache.move.told("failed")
    assert document["step"] == "set-the-rest" and "Not now." in mail["body"]
    assert cache.move.stage() == "failed, not rolled back" and cache.move.lock() is None
    assert caches.portrait(cache.guard.elasticache, cache.old) == cache.before
    assert len(cache.move.made()["caches"]) == 1
    moves.guard.account.control("DELETE", "failures")
    for command in document["left"]:
        if command.startswith("aws "):
            assert f"\n    {command}\n" in mail["body"]
            paste(command, cache.guard.account)
    until("it is gone", lambda: cache.move.made() == NOTHING)
    cache.as_it_was()


def paste(command, account):
    """Runs a command of a mail, with the tools of this Python environment."""
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    done = subprocess.run(
        ["sh", "-c", command], env={**account.environment(), "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_a_lone_cluster_that_cannot_be_made(moves, name, fails):
    guard, name = moves.guard, name[:20].rstrip("-")
    group = guard.group(name, permission("tcp", 7000, PRIVATE))
    before = guard.look(group)
    old = caches.available(guard.elasticache, make_cluster(guard, name, [group], Port=7000))
    fails(Kind="cache-cluster", Id=f"{name}-*")
    move = moves.start(old, f"{name}-00000001", PORT).answer("move").ended("FAILED")
    document, _ = move.told("failed")
    assert document["step"] == "create" and move.made() == NOTHING and guard.look(group) == before


# What fails after clients were told is kept -------------------------------------------------


def kept(cache):
    """Both caches are there, with what lets clients reach them."""
    elasticache = cache.guard.elasticache
    assert caches.portrait(elasticache, cache.old) == caches.portrait(elasticache, cache.move.new()) == cache.before
    rules = cache.guard.look(cache.group)["rules"]
    assert {key: rules[key] for key in cache.rules["rules"]} == cache.rules["rules"]
    assert len(cache.move.opened()) == 1 and cache.move.lock() is None
    assert cache.move.stage() == "both kept" and cache.move.kinds()[-1] == "kept"


def test_a_hand_over_that_cannot_be_told(cache, moves):
    cache.ask()
    moves.proxy.set([cache.rule(Fault(mail("is ready"), faults.DENIED))])
    cache.move.answer("move").ended("FAILED", 90)
    assert cache.move.kinds() == ["ask", "kept"]
    kept(cache)
    assert caches.tags(cache.guard.elasticache, cache.move.new())["portcullis:handed-over"] == cache.move.id


def test_a_deletion_that_is_refused(cache, fails):
    cache.ask().move.answer("move").told("ask-deletion")
    fails(Action="DeleteReplicationGroup", Code="InvalidParameterCombination", Message="Not this one.")
    cache.move.answer("deletion").ended("FAILED")
    assert "Not this one." in cache.move.told("kept")[0]["reason"]
    kept(cache)


def test_a_cache_that_its_owner_protects_meanwhile_is_not_deleted(cache):
    cache.ask().move.answer("move").told("ask-deletion")
    mark = [{"Key": "portcullis:protect", "Value": ""}]
    cache.guard.elasticache.add_tags_to_resource(ResourceName=cache.old, Tags=mark)
    cache.move.answer("deletion").ended("FAILED")
    assert "AddTagsToResource" in cache.move.told("kept")[0]["reason"]
    kept(cache)


def test_a_cache_whose_copy_is_gone_is_not_deleted(cache):
    cache.ask().move.answer("move").told("ask-deletion")
    copy = cache.move.new()
    cache.guard.elasticache.delete_replication_group(ReplicationGroupId=copy.split(":")[6])
    until("it is gone", lambda: caches.look(cache.guard.elasticache, copy) is None)
    cache.move.answer("deletion").ended("FAILED")
    assert f"{copy.split(':')[6]} is gone" in cache.move.told("kept")[0]["reason"]
    assert caches.portrait(cache.guard.elasticache, cache.old) == cache.before


# Lost answers and functions that die --------------------------------------------------------

#: What a move does, each once.
EACH = {
    "plan": PLAN,
    "ask": mail("?"),
    "snapshot": SNAPSHOT,
    "authorize": AUTHORIZE,
    "create": CREATE,
    "modify": MODIFY,
    "tag": TAG,
    "tell": mail("is ready"),
    "delete": DELETE,
    "revoke": REVOKE,
    "end": mail("deleted, replaced by"),
}
ONCE = ("CreateSnapshot", "CreateReplicationGroup", "AuthorizeSecurityGroupIngress", "DeleteReplicationGroup")


def side_by_side(moves, word):
    """A cache for each of the calls, with something in its way."""
    made = {what: Cache(moves, f"{word}-{what}") for what in EACH}
    return {what: cache.settle() for what, cache in made.items()}


def begin(cache):
    cache.number = 1
    cache.move = cache.moves.start(cache.old, f"{cache.name}-00000001", PORT)


def finish(made):
    for about in ("move", "deletion"):
        for cache in made.values():
            cache.move.answer(about)
    for cache in made.values():
        cache.move.ended()


@pytest.fixture(scope="module")
def lost(moves):
    """Each call was carried out, and its answer did not come."""
    made = side_by_side(moves, "lost")
    moves.proxy.set(cache.rule(Fault(EACH[what], faults.ANSWER_LOST, 1)) for what, cache in made.items())
    for cache in made.values():
        begin(cache)
    finish(made)
    fired = dict(zip(made, moves.proxy.fired(), strict=True))
    return made, fired


@pytest.mark.parametrize("what", EACH)
def test_an_answer_that_is_lost_makes_nothing_twice(lost, what):
    made, fired = lost
    assert fired[what] == 1
    made[what].moved()
    calls = made[what].calls()
    assert [calls.count(call) for call in ONCE] == [1] * len(ONCE), calls


@pytest.fixture(scope="module")
def killed(moves):
    """The function dies in the middle of each call: carried out or not, that nobody knows."""
    made = side_by_side(moves, "kill")
    effects = {what: faults.SILENT if at % 2 else faults.ANSWER_SLOW for at, what in enumerate(made)}
    moves.proxy.set(cache.rule(Fault(EACH[what], effects[what])) for what, cache in made.items())
    for cache in made.values():
        begin(cache)
    # Those that are stuck before a question cannot be answered yet.
    for what, cache in made.items():
        if what not in ("plan", "ask"):
            cache.move.answer("move")
    for what in ("delete", "revoke", "end"):
        made[what].move.answer("deletion")
    until("every function is in the middle", lambda: all(moves.proxy.fired()))
    assert faults.kill_functions(moves.guard.account) >= 1
    moves.proxy.clear()
    for cache in made.values():
        for about in ("move", "deletion"):
            cache.move.told({"move": "ask", "deletion": "ask-deletion"}[about])
            if "answer" not in cache.move.item()[about]["M"]:
                cache.move.answer(about)
    for cache in made.values():
        cache.move.ended()
    return made


@pytest.mark.parametrize("what", EACH)
def test_a_function_that_dies_in_the_middle_makes_nothing_twice(killed, what):
    killed[what].moved()
    calls = killed[what].calls()
    assert [calls.count(call) for call in ONCE] == [1] * len(ONCE), calls


# Stopped and begun again --------------------------------------------------------------------

PLACES = ("Before Snapshot again", "Before Create again", "Before Set the rest again", "Watch", "Ask deletion")


@pytest.mark.parametrize("place", PLACES)
def test_one_that_was_stopped_is_gone_on_with(cache, place):
    cache.ask()
    plan = cache.move.item()["fingerprint"]
    cache.move.answer("move")
    until(f"it was at {place}", lambda: place in cache.move.states())
    cache.move.stop()
    first = cache.move
    cache.ask()
    assert cache.move.item()["fingerprint"] == plan, "what was made meanwhile is of the same plan"
    cache.move.answer("move").answer("deletion").ended()
    assert first.status() == "ABORTED"
    cache.moved()
    assert cache.calls().count("CreateReplicationGroup") == 1
