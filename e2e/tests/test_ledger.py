"""What is remembered: everything is told once, however often and at the same time it comes, and without memory too."""

import concurrent.futures
import uuid

import pytest
from harness import events, faults
from harness.account import ACCOUNT_ID, FAST
from harness.caches import make_group
from harness.faults import COUNT, PUBLISH, REMEMBER, REMEMBERED, REMEMBERED_BY_KEY, REVOKE, Fault
from harness.guard import PRIVATE, permission
from harness.pasted import paste
from harness.wait import until
from test_alerts import validator

WORLD = "0.0.0.0/0"


def seeded(guard, name):
    """A group with a private and a public rule, put there past the API: (group before the rule, the rule)."""
    group, rules = f"sg-{uuid.uuid4().hex[:17]}", []
    for source in (PRIVATE, WORLD):
        rules.append(
            {
                "SecurityGroupRuleId": f"sgr-{uuid.uuid4().hex[:17]}",
                "GroupId": group,
                "IsEgress": False,
                "IpProtocol": "tcp",
                "FromPort": 6379,
                "ToPort": 6379,
                "CidrIpv4": source,
            }
        )
    facts = {"GroupId": group, "GroupName": name, "Description": "seeded", "OwnerId": ACCOUNT_ID, "VpcId": guard.vpc}
    guard.account.seed({"SecurityGroups": [{**facts, "SecurityGroupRules": rules}]})
    whole = guard.look(group)
    public = rules[1]["SecurityGroupRuleId"]
    return {**whole, "rules": {key: value for key, value in whole["rules"].items() if key != public}}, rules[1]


def at_once(works):
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


def findings(guard, group):
    """The outcome of each finding that was told of a group, by its rule."""
    found = {}
    for document in guard.alerts.documents(group):
        for finding in document["findings"]:
            found.setdefault(finding["evidence"]["rule"]["id"], []).append(finding["outcome"])
    return found


def settled(item, returns=0):
    """An item of something that was closed, and that nobody holds any more."""
    assert (item["state"], item["times"], item["returns"]) == ("closed", returns + 1, returns), item
    for coming in item["comings"]:
        assert coming["outcome"] == "done" and coming["told"]["outcome"] == "done", item
        assert coming.get("held") is None, item


def test_what_was_closed_is_remembered_whole(guard, name):
    """With all that it takes to put it back, and listed by the command line."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    described = permission("tcp", 6379, WORLD, description="for the migration")
    ((rule, _),) = guard.open(group, described, tags={"owner": "dave"}).items()
    document, _ = guard.alerts.wait(group)
    assert guard.look(group) == before and document["memory"] is None
    ((key, item),) = guard.ledger.of(group).items()
    settled(item)
    assert key == item["finding"] and item["id"] == document["findings"][0]["id"] and item["check"] == "open-ingress"
    assert item["rule"] == {
        "group": group,
        "rule": rule,
        "protocol": "tcp",
        "fromPort": 6379,
        "toPort": 6379,
        "source": WORLD,
        "description": "for the migration",
        "tags": {"owner": "dave"},
    }
    assert item["comings"][0]["by"] == document["actor"]["name"]
    assert group not in paste("portcullis findings", guard.account), "it is not open"
    said = paste("portcullis findings --all", guard.account)
    (line,) = [line for line in said.splitlines() if item["id"] in line]
    assert group in line and "closed" in line and "TCP 6379 from 0.0.0.0/0" in line
    assert "for the migration" in paste(f"portcullis findings {item['id']}", guard.account)


def test_an_event_that_is_delivered_five_times_at_once_is_told_once(guard, name):
    before, rule = seeded(guard, name)
    group, event_id = before["id"], str(uuid.uuid4())
    event = events.authorize(group, [rule], event_id)
    at_once([lambda: guard.stack.deliver("ingress", event)] * 5)
    guard.handled("ingress", event_id, 5, 60)
    assert guard.look(group) == before
    assert findings(guard, group) == {rule["SecurityGroupRuleId"]: ["done"]} and len(guard.alerts.mails(group)) == 1
    (item,) = guard.ledger.of(group).values()
    settled(item)
    assert not [record for record in guard.failures.read() if event_id in str(record)]


def test_two_events_that_race_on_one_rule_tell_of_it_once(guard, name):
    """One of the making of the rule, one of the same by another id, as a replay of EventBridge brings it."""
    before, rule = seeded(guard, name)
    group, ids = before["id"], [str(uuid.uuid4()) for _ in range(2)]
    made = [events.authorize(group, [rule], event_id) for event_id in ids]
    at_once([lambda event=event: guard.stack.deliver("ingress", event) for event in made])
    for event_id in ids:
        guard.handled("ingress", event_id, 1, 60)
    assert guard.look(group) == before
    assert findings(guard, group) == {rule["SecurityGroupRuleId"]: ["done"]}
    (item,) = guard.ledger.of(group).values()
    settled(item)


def test_events_that_race_on_one_group_lose_nothing(guard, name):
    """Eight calls at once, each opens a rule of its own."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    wanted = [permission("tcp", port, source) for port in range(6380, 6384) for source in (WORLD, "::/0")]
    opened = at_once([lambda what=what: guard.open(group, what) for what in wanted])
    rules = {rule for made in opened for rule in made}
    assert len(rules) == len(wanted)
    assert guard.gone(group, rules, 60) == before
    until("each is told", lambda: findings(guard, group).keys() >= rules)
    for rule in rules:
        guard.handled("ingress", rule, 1, 60)
    assert findings(guard, group) == {rule: ["done"] for rule in rules}
    items = guard.ledger.of(group)
    assert {item["rule"]["rule"] for item in items.values()} == rules and len(items) == len(rules)
    for item in items.values():
        settled(item)
    assert not [record for record in guard.failures.read() if group in str(record)]


def test_a_cache_and_its_group_are_remembered_apart(guard, name):
    """What is closed for a cache is remembered of its group; its settings of the cache. One invocation does it all."""
    before, rule = seeded(guard, name)
    group, name = before["id"], name[:30].rstrip("-")
    make_group(guard, name, [group])
    document, _ = guard.alerts.wait(name)
    assert guard.look(group) == before and len(guard.alerts.documents(name)) == 1
    outcomes = {finding["check"]: finding["outcome"] for finding in document["findings"]}
    assert outcomes["open-cache"] == "done" and outcomes["default-port"] == "by-hand"
    (item,) = guard.ledger.of(group).values()
    settled(item)
    assert item["check"] == "open-cache" and item["rule"]["rule"] == rule["SecurityGroupRuleId"]
    # Beside them is the record of the revisit of a cache that is still being created.
    items = [item for item in guard.ledger.items() if not item["subject"].startswith("revisit/")]
    of_cache = [item for item in items if item["subject"].endswith(f"/{name}")]
    assert {item["check"] for item in of_cache} == set(outcomes) - {"open-cache"}
    assert {item["state"] for item in of_cache} == {"open"}
    listed = paste("portcullis findings", guard.account)
    assert all(item["id"] in listed for item in of_cache)


def test_what_somebody_else_removes_is_told_to_be_gone(guard, name):
    """Left open, told, then removed by a person: the next event on the group brings the good news, once."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE), tags={"portcullis:protect": "yes"})
    ((rule, _),) = guard.open(group, permission("tcp", 6379, WORLD)).items()
    document, _ = guard.alerts.wait(group)
    assert [finding["outcome"] for finding in document["findings"]] == ["withheld"]
    (item,) = guard.ledger.of(group).values()
    assert item["state"] == "open" and item["id"] in paste("portcullis findings", guard.account)
    guard.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    told_long_ago(guard, item)
    guard.open(group, permission("tcp", 6380, PRIVATE))
    document, mail = guard.alerts.wait(group, 2)
    (gone,) = document["recovered"]
    assert gone["id"] == item["id"] and document["findings"] == []
    assert mail["subject"].startswith("[RESOLVED]") and "Resolved, reported before and gone now:" in mail["body"]
    validator().validate(document)
    guard.handled("ingress", group, 3)
    (item,) = guard.ledger.of(group).values()
    assert item["state"] == "recovered" and item["comings"][-1]["outcome"] == "recovered"
    assert item["id"] not in paste("portcullis findings", guard.account)
    guard.open(group, permission("tcp", 6381, PRIVATE))
    guard.handled("ingress", group, 4)
    assert len(guard.alerts.documents(group)) == 2, "good news is told once"


def told_long_ago(guard, item):
    """Nobody waits a minute here: for that long a finding that EC2 does not show may only be late."""
    guard.ledger.dynamodb.update_item(
        TableName=guard.ledger.table,
        Key={name: {"S": item[name]} for name in ("subject", "finding")},
        UpdateExpression="SET comings[0].told.#at = :then",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":then": {"S": "2026-01-01T00:00:00Z"}},
    )


# Without the ledger ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind_proxy():
    with faults.guarded_behind_proxy(*FAST, Alarms="none") as pair:
        yield pair


LOST = {
    "reading-is-throttled": [Fault(REMEMBERED, faults.TABLE_THROTTLED)],
    "reading-is-denied": [Fault(REMEMBERED, faults.DENIED)],
    "reading-is-broken": [Fault(REMEMBERED, faults.BROKEN)],
    "reading-is-not-answered": [Fault(REMEMBERED, faults.SILENT)],
    "writing-is-throttled": [Fault(REMEMBER, faults.TABLE_THROTTLED)],
    "writing-is-not-answered": [Fault(REMEMBER, faults.SILENT)],
    "everything-is-down": [Fault(call, faults.RESET) for call in (REMEMBERED, REMEMBER, COUNT)],
}


@pytest.mark.parametrize("kind", LOST)
def test_without_memory_it_closes_and_tells_and_says_so(behind_proxy, kind):
    guard, proxy = behind_proxy
    group = guard.group(f"lost-{kind}", permission("tcp", 6379, PRIVATE))
    guard.handled("ingress", group)
    before = guard.look(group)
    proxy.set(fault.rule(group, group) for fault in LOST[kind])
    ((rule, _),) = guard.open(group, permission("tcp", 6379, WORLD)).items()
    document, mail = guard.alerts.wait(group)
    assert proxy.fired()[0] > 0, "it met its fault"
    assert guard.look(group) == before
    assert [finding["outcome"] for finding in document["findings"]] == ["done"]
    assert document["memory"] and "Ledger unavailable: " in mail["body"]
    assert "portcullis undo" not in mail["body"], "the table does not know of it"
    validator().validate(document)
    guard.handled("ingress", rule)
    # It asks once more at the end, and the ledger is still away.
    assert guard.ledger.of(group) == {}
    proxy.clear()
    guard.open(group, permission("tcp", 6380, WORLD))
    document, mail = guard.alerts.wait(group, 2)
    assert document["memory"] is None and "Ledger unavailable" not in mail["body"]
    assert guard.look(group) == before
    (item,) = guard.ledger.of(group).values()
    settled(item)
    assert not [record for record in guard.failures.read() if group in str(record)]


def test_a_minute_that_cannot_be_counted_limits_nothing(behind_proxy):
    guard, proxy = behind_proxy
    group = guard.group("uncounted", permission("tcp", 6379, PRIVATE))
    guard.handled("ingress", group)
    before = guard.look(group)
    proxy.set([Fault(COUNT, faults.TABLE_THROTTLED).rule(group, group)])
    guard.open(group, permission("tcp", 6379, WORLD))
    document, _ = guard.alerts.wait(group)
    assert proxy.fired()[0] > 0, "it met its fault"
    proxy.clear()
    assert guard.look(group) == before and document["memory"] is None
    until("it is remembered", lambda: [item["state"] for item in guard.ledger.of(group).values()] == ["closed"])
    (item,) = guard.ledger.of(group).values()
    settled(item)


def test_a_table_that_is_gone_stops_nothing(fresh):
    group = fresh.group("forgotten", permission("tcp", 6379, PRIVATE))
    fresh.handled("ingress", group)
    before = fresh.look(group)
    fresh.account.client("dynamodb").delete_table(TableName=fresh.ledger.table)
    fresh.open(group, permission("tcp", 6379, WORLD))
    document, mail = fresh.alerts.wait(group)
    assert fresh.look(group) == before and document["memory"] and "ResourceNotFound" in mail["body"]


@pytest.mark.parametrize("effect", ["ANSWER_LOST", "SILENT"])
def test_an_invocation_that_dies_is_made_up_for_and_told_once(behind_proxy, effect):
    """Killed while it revokes: the next attempt finds in the table what it was about to do."""
    guard, proxy = behind_proxy
    group = guard.group(f"killed-{effect.lower()}", permission("tcp", 6379, PRIVATE))
    guard.handled("ingress", group)
    before = guard.look(group)
    held = faults.ANSWER_SLOW if effect == "ANSWER_LOST" else faults.SILENT
    proxy.set([Fault(REVOKE, held).rule(group, group)])
    ((rule, _),) = guard.open(group, permission("tcp", 6379, WORLD)).items()
    until("it revokes", lambda: proxy.fired()[0])
    (item,) = guard.ledger.of(group).values()
    assert item["comings"][0]["outcome"] == "revoke-ingress" and item["comings"][0]["held"]
    assert faults.kill_functions(guard.account)
    proxy.clear()
    guard.alerts.wait(group)
    guard.handled("ingress", rule)
    assert guard.look(group) == before
    ((_, outcomes),) = findings(guard, group).items()
    assert len(outcomes) == 1 and outcomes[0] in ("done", "already-gone")
    (item,) = guard.ledger.of(group).values()
    assert item["state"] == "closed" and item["comings"][0].get("held") is None


def test_what_was_closed_for_a_cache_and_told_to_nobody_is_told_by_the_next_try(behind_proxy):
    """Its event names no rule, and SNS does not take the alert: the table knows what was closed."""
    guard, proxy = behind_proxy
    before, rule = seeded(guard, "untold")
    group = before["id"]
    proxy.set([Fault(PUBLISH, faults.BROKEN).rule(group, "untold-cache")])
    make_group(guard, "untold-cache", [group])
    record = guard.failures.wait("the event is kept", lambda record: "untold-cache" in str(record), 60)
    assert guard.look(group) == before and guard.alerts.documents("untold-cache") == []
    (item,) = guard.ledger.of(group).values()
    assert item["state"] == "closed" and item["comings"][0]["told"] is None
    proxy.clear()
    answer, error = guard.stack.invoke("cache", record["requestPayload"])
    assert error is None, answer
    document, _ = guard.alerts.wait("untold-cache")
    outcomes = {finding["check"]: finding["outcome"] for finding in document["findings"]}
    assert outcomes["open-cache"] == "already-gone" and len(guard.alerts.documents("untold-cache")) == 1
    (item,) = guard.ledger.of(group).values()
    assert item["rule"]["rule"] == rule["SecurityGroupRuleId"] and item["comings"][0]["told"]
    assert guard.look(group) == before


def digested(guard, subject):
    """The rows about a subject in all digests so far."""
    rows = [row for digest in guard.alerts.digests() for row in digest["rows"]]
    return [row for row in rows if row["subject"]["id"] == subject]


def test_what_neither_sns_takes_nor_the_table_remembers_is_told_by_the_digest(behind_proxy):
    """The next attempt would know of nothing to tell, so the digest's queue keeps it."""
    guard, proxy = behind_proxy
    before, rule = seeded(guard, "twice")
    group = before["id"]
    proxy.set(
        fault.rule(group, "twice-cache")
        for fault in (
            Fault(REMEMBERED_BY_KEY, faults.DENIED),
            Fault(REMEMBER, faults.DENIED),
            Fault(PUBLISH, faults.DENIED, 1),
        )
    )
    make_group(guard, "twice-cache", [group])
    (row,) = until("a digest tells it", lambda: digested(guard, "twice-cache"))
    assert proxy.fired()[0] > 0 and proxy.fired()[2] == 1, "it met its faults"
    # Only the ledger knows what was revoked for a cache: each attempt without it fails, and the event is kept.
    record = guard.failures.wait("the event is kept", lambda record: "twice-cache" in str(record), 60)
    proxy.clear()
    assert guard.look(group) == before and guard.ledger.of(group) == {}
    assert "open-cache" in row["checks"] and "done" in str(row["tally"])
    assert len(digested(guard, "twice-cache")) == 1
    found = [finding["check"] for told in guard.alerts.documents("twice-cache") for finding in told["findings"]]
    assert found and "open-cache" not in found
    answer, error = guard.stack.invoke("cache", record["requestPayload"])
    assert error is None, answer
