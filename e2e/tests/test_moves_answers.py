"""Who is asked, who may answer, and what is done about it: nothing, unless a person said so."""

import base64
import json
import time
import urllib.parse

import pytest
from harness import caches
from harness.caches import make_cluster, make_group
from harness.guard import PRIVATE, permission
from harness.wait import until


@pytest.fixture
def sessions(moves, name):
    """A Valkey group on 6379, and its move, of which people were asked."""
    return asked(moves, name)


def asked(moves, name, **more):
    name = short(name)
    group = moves.guard.group(name, permission("tcp", 6379, PRIVATE))
    move = moves.begun(make_group(moves.guard, name, [group], **more))
    move.told("ask")
    return move


def short(name):
    """So that the ids of the new cache and of its snapshots are not cut."""
    return name[:20].rstrip("-")


def nothing_was_made(move):
    assert move.made() == {"caches": [], "snapshots": [], "rules": []}
    assert caches.status(move.elasticache, move.cache) == "available"


def handed_over(moves, name, **more):
    """A cache whose move is at the question of its deletion."""
    move = asked(moves, name, **more).answer("move")
    move.told("ask-deletion")
    return move


# The beginning ---------------------------------------------------------------------------


def test_an_event_that_comes_three_times_begins_one_move(moves, sessions):
    stack, cache = moves.guard.stack, sessions.cache.split(":")[6]
    event = until("the event", lambda: moves.calls.events("CreateReplicationGroup", cache))[0]
    for _ in range(2):
        stack.deliver("cache", event)
    moves.guard.handled("cache", cache, 3)
    assert moves.of(sessions.cache) == [sessions.id]
    assert sessions.kinds() == ["ask"]
    given = json.loads(sessions.describe()["input"])
    assert given["cache"] == sessions.cache and event["detail"]["eventID"] in given["askedBy"]
    sessions.answer("move", "reject").ended()
    stack.deliver("cache", event)
    moves.guard.handled("cache", cache, 4)
    assert moves.of(sessions.cache) == [sessions.id], "nor one that was rejected"


def test_two_moves_of_a_cache_at_once_are_one(moves, sessions):
    second = moves.start(sessions.cache, "another-00000001")
    _, mail = second.told("failed")
    second.ended("FAILED")
    assert f"the re-creation {sessions.id} of this cache is in progress" in mail["body"]
    assert second.kinds() == ["failed"] and second.item() is None
    assert sessions.lock() == sessions.id and sessions.status() == "RUNNING"
    nothing_was_made(sessions)
    sessions.answer("move", "reject").ended()
    third = moves.start(sessions.cache, "another-00000002")
    third.told("ask")
    assert third.lock() == third.id
    third.answer("move", "reject").ended()


def test_the_move_of_one_that_was_stopped_may_begin_again(moves, sessions):
    sessions.stop()
    second = moves.start(sessions.cache, "stopped-00000001")
    second.told("ask")
    assert second.lock() == second.id
    second.answer("move", "reject").ended()
    assert second.lock() is None


# The page --------------------------------------------------------------------------------


def test_whoever_only_looks_changes_nothing(moves, sessions):
    link = sessions.link("move")
    pages = {sessions.open(link) for _ in range(4)}
    assert len(pages) == 1
    status, text = pages.pop()
    assert status == 200 and "<form" in text
    question = sessions.item()["move"]["M"]
    assert "answer" not in question and sessions.states()[-1] == "Ask" and sessions.kinds() == ["ask"]
    nothing_was_made(sessions)
    sessions.answer("move", "reject").ended()


def test_the_first_answer_holds(moves, sessions):
    link = sessions.link("move")
    assert sessions.post(link, "reject", "Ada", "not before Monday")[0] == 200
    status, text = sessions.post(link, "approve", "Eve", "now")
    assert status == 409 and "Already answered" in text and "not before Monday" in text
    sessions.ended()
    document, mail = sessions.told("rejected")
    assert sessions.kinds() == ["ask", "rejected"]
    assert document["reason"] == "not before Monday" and document["by"].startswith("Ada (from ")
    assert "not before Monday" in mail["body"]
    assert sessions.stage() == "rejected" and sessions.lock() is None
    nothing_was_made(sessions)


def signed_by_the_owner(moves, message):
    """Who may change the policy of the key may sign with it, once it is changed: nobody else can."""
    key = moves.guard.stack.resources("AWS::KMS::Key")["LinkKey"]
    kms = moves.guard.account.client("kms")
    given = {"KeyId": key, "MacAlgorithm": "HMAC_SHA_256", "Message": message}
    with pytest.raises(kms.exceptions.ClientError) as refused:
        kms.generate_mac(**given)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    policy = kms.get_key_policy(KeyId=key)["Policy"]
    open_policy = json.loads(policy)
    open_policy["Statement"] = [one for one in open_policy["Statement"] if one["Effect"] == "Allow"]
    kms.put_key_policy(KeyId=key, Policy=json.dumps(open_policy))
    try:
        return kms.generate_mac(**given)["Mac"]
    finally:
        kms.put_key_policy(KeyId=key, Policy=policy)


def forged(moves, move, link, **more):
    """The link with other words in it; with `sign`, as the owner of the key would sign them."""
    parts = urllib.parse.urlsplit(link)
    words = {key: value[0] for key, value in urllib.parse.parse_qs(parts.query).items()}
    sign = more.pop("sign", False)
    words.update(more)
    if sign:
        text = "\n".join(["portcullis approval 1", move.id, words["about"], words["plan"], words["until"]])
        mac = signed_by_the_owner(moves, text.encode())
        words["sig"] = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(words)))


def test_links_that_are_not_good_answer_nothing(moves, sessions):
    link = sessions.link("move")
    assert forged(moves, sessions, link, sign=True) == link, "else the links below are not signed as they should be"
    past, later = str(int(time.time()) - 1), str(int(time.time()) + 3600)
    bad = {
        forged(moves, sessions, link, sig="A" * 43): 403,
        forged(moves, sessions, link, about="deletion"): 403,
        forged(moves, sessions, link, until=later): 403,
        forged(moves, sessions, link, until=past, sign=True): 410,
        forged(moves, sessions, link, about="deletion", sign=True): 409,
        forged(moves, sessions, link, plan="00000000", sign=True): 409,
        forged(moves, sessions, link, until=later, sign=True): 409,
    }
    assert len(bad) == 7
    for one, status in bad.items():
        assert sessions.open(one)[0] == sessions.post(one)[0] == status, one
    assert sessions.post(link, plan="00000000")[0] == 409
    assert sessions.post(link, name="")[0] == 422
    assert "answer" not in sessions.item()["move"]["M"] and sessions.states()[-1] == "Ask"
    nothing_was_made(sessions)
    sessions.answer("move", "reject").ended()


# Waking without an answer ----------------------------------------------------------------


def wake(moves, move, about):
    token = move.item()[about]["M"]["token"]["S"]
    moves.sfn.send_task_success(taskToken=token, output=json.dumps({"state": "yes", "yes": True, "answer": "yes"}))


def test_waking_the_workflow_is_no_answer(moves, sessions):
    link = sessions.link("move")
    wake(moves, sessions, "move")
    sessions.told("ask", 2)
    assert sessions.link("move", 2) == link, "the same question, until the same time"
    assert sessions.kinds() == ["ask", "ask"] and "answer" not in sessions.item()["move"]["M"]
    nothing_was_made(sessions)
    assert sessions.post(link, "reject", reason="no")[0] == 200
    sessions.ended()
    assert sessions.kinds() == ["ask", "ask", "rejected"]


def test_waking_it_at_the_second_question_deletes_nothing(moves, name):
    move = handed_over(moves, name)
    wake(moves, move, "deletion")
    move.told("ask-deletion", 2)
    assert caches.status(move.elasticache, move.cache) == "available"
    move.answer("deletion", "reject", reason="it stays").ended()
    assert move.kinds() == ["ask", "handed-over", "ask-deletion", "ask-deletion", "kept"]
    assert caches.status(move.elasticache, move.cache) == "available"


def test_who_wakes_it_for_ever_ends_it(moves, sessions):
    for number in range(1, 22):
        sessions.told("ask", number)
        until("the token of this question", lambda: sessions.states()[-1] == "Ask")
        wake(moves, sessions, "move")
    sessions.ended("FAILED")
    assert sessions.kinds() == ["ask"] * 21 + ["failed"]
    assert sessions.lock() is None
    nothing_was_made(sessions)


# The second question ---------------------------------------------------------------------


def test_a_deletion_that_is_rejected_keeps_both(moves, name):
    move = handed_over(moves, name)
    before = caches.portrait(move.elasticache, move.cache)
    move.answer("deletion", "reject", reason="the night jobs").ended()
    document, mail = move.told("kept")
    assert "the night jobs" in document["reason"] and "the night jobs" in mail["body"]
    assert caches.portrait(move.elasticache, move.cache) == caches.portrait(move.elasticache, move.new()) == before
    assert "portcullis:deletion-approved" not in caches.tags(move.elasticache, move.cache)
    assert len(move.opened()) == 1 and move.lock() is None
    group = move.guard.look(move.opened()[0][0])
    assert 6379 in {rule["ports"][0] for rule in group["rules"].values()}
    assert not [name for name in move.made()["snapshots"] if name.endswith("-last")]


def uses(move, connections):
    cache = caches.look(move.elasticache, move.cache)
    for member in cache.get("MemberClusters") or [cache["CacheClusterId"]]:
        document = {"CacheClusterId": member, "Values": {"CurrConnections": connections}}
        move.guard.account.control("POST", "cache-metrics", document)


def test_nobody_is_asked_while_the_old_cache_is_used(moves, sessions):
    uses(sessions, 12)
    sessions.answer("move").told("handed-over")
    until("it was looked at twice", lambda: sessions.states().count("Watch") >= 2)
    assert sessions.kinds() == ["ask", "handed-over"]
    uses(sessions, 5)
    document, _ = sessions.told("ask-deletion")
    assert "none had more than 5 connections" in document["seen"]
    sessions.answer("deletion").ended()
    assert caches.look(sessions.elasticache, sessions.cache) is None


def test_clients_that_come_back_keep_the_old_cache(moves, name):
    move = handed_over(moves, name)
    uses(move, 30)
    move.answer("deletion")
    document, _ = move.told("used-again")
    assert "30 connections" in document["seen"]
    assert caches.status(move.elasticache, move.cache) == "available"
    assert "deletion" not in move.item(), "it will be asked anew"
    uses(move, 4)
    move.told("ask-deletion", 2)
    assert "answer" not in move.item()["deletion"]["M"]
    move.answer("deletion", number=2).ended()
    assert move.kinds() == ["ask", "handed-over", "ask-deletion", "used-again", "ask-deletion", "deleted"]
    assert caches.look(move.elasticache, move.cache) is None


def test_an_old_cache_that_somebody_else_deleted_is_not_asked_about(moves, sessions):
    uses(sessions, 12)
    sessions.answer("move").told("handed-over")
    sessions.elasticache.delete_replication_group(ReplicationGroupId=sessions.cache.split(":")[6])
    sessions.ended()
    assert sessions.kinds() == ["ask", "handed-over", "gone"]
    (group, port, _) = sessions.opened()[0]
    assert {rule["ports"][0] for rule in sessions.guard.look(group)["rules"].values() if not rule["egress"]} == {port}


# What is not as it was planned -----------------------------------------------------------


def test_a_cache_that_changed_since_it_was_asked_is_not_moved(moves, sessions):
    sessions.elasticache.modify_replication_group(
        ReplicationGroupId=sessions.cache.split(":")[6], SnapshotRetentionLimit=9, ApplyImmediately=True
    )
    sessions.answer("move").ended()
    assert sessions.kinds() == ["ask", "changed"]
    assert sessions.stage() == "changed meanwhile" and sessions.lock() is None
    nothing_was_made(sessions)


def test_a_cache_that_is_gone_is_not_moved(moves, sessions):
    sessions.elasticache.delete_replication_group(ReplicationGroupId=sessions.cache.split(":")[6])
    until("it is gone", lambda: caches.look(sessions.elasticache, sessions.cache) is None)
    sessions.answer("move").ended("FAILED")
    assert sessions.kinds() == ["ask", "failed"] and sessions.lock() is None
    assert sessions.made() == {"caches": [], "snapshots": [], "rules": []}


# Groups that others carry too ------------------------------------------------------------


def test_what_is_public_is_never_opened_and_a_shared_group_is_not_closed(moves, name):
    name, guard = short(name), moves.guard
    group = guard.group(name)
    guard.ec2.create_network_interface(SubnetId=guard.subnet, Groups=[group], Description="a web server")
    seed(guard, group, name, "0.0.0.0/0", PRIVATE, "52.94.76.10/32")
    before = guard.look(group)["rules"]
    move = moves.begun(make_group(guard, name, [group]))
    move.answer("move")
    move.answer("deletion").ended()
    port = move.documents()[0]["newCache"]["port"]
    after = guard.look(group)["rules"]
    assert {key: after.get(key) for key in before} == before
    added = [(rule["source"], rule["ports"]) for key, rule in after.items() if key not in before]
    assert added == [(PRIVATE, (port, port))]
    document, _ = move.told("deleted")
    assert document["closed"] == [] and len(document["left"]) == len([r for r in before.values() if not r["egress"]])


def seed(guard, group, name, *sources):
    """Rules that were there before anybody watched: no event tells of them."""
    rules = [
        {"IsEgress": False, "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "CidrIpv4": source}
        for source in sources
    ]
    rules = [{**rule, "SecurityGroupRuleId": f"sgr-{abs(hash((name, at))):017x}"[:21]} for at, rule in enumerate(rules)]
    guard.account.seed(
        {
            "SecurityGroups": [
                {
                    "GroupId": group,
                    "GroupName": name,
                    "Description": name,
                    "OwnerId": "111122223333",
                    "VpcId": guard.vpc,
                    "SecurityGroupRules": rules,
                }
            ]
        }
    )


def test_memcached_is_told_that_its_data_is_lost(moves, name):
    guard, name = moves.guard, short(name)
    move = moves.begun(make_cluster(guard, name, [guard.group(name, permission("tcp", 11211, PRIVATE))]))
    document, mail = move.told("ask")
    assert "Memcached has no snapshots, so the new cache starts empty" in mail["body"]
    assert any("data" in loss.lower() or "item" in loss.lower() for loss in document["losses"]), document["losses"]
    move.answer("move", "reject").ended()
