"""No fights, no rampage, no storm: when it stops closing, and when it tells of many in one message."""

import time

from harness.guard import PRIVATE, guarded, permission
from harness.pasted import commands_of, paste
from harness.wait import until
from test_alerts import validator

WORLD = "0.0.0.0/0"


def outcomes(document):
    return [finding["outcome"] for finding in document["findings"]]


def open_by_a_tool(guard, group, *permissions):
    """Open it as Terraform does, which says so in its user agent: a person is closed each time."""

    def as_terraform(request, **_):
        request.headers["User-Agent"] = "APN/1.0 HashiCorp/1.0 Terraform/1.14.0"

    guard.ec2.meta.events.register_last("request-created", as_terraform)
    try:
        return guard.open(group, *permissions)
    finally:
        guard.ec2.meta.events.unregister("request-created", as_terraform)


def early_in_a_minute():
    """Counts are of minutes: a test that is about one does not begin at the end of it."""
    until("a minute begins", lambda: time.gmtime().tm_sec < 30, 35)


def test_a_rule_that_comes_back_for_the_third_time_stays_open(guard, name):
    """Closed three times; then it stays open for an hour, and somebody is called."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    for number in range(1, 4):
        open_by_a_tool(guard, group, permission("tcp", 6379, WORLD))
        document, mail = guard.alerts.wait(group, number)
        assert outcomes(document) == ["done"] and guard.look(group) == before
        came_back = document["findings"][0]["cameBack"]
        assert (came_back and came_back["times"]) == (number - 1 or None)
        until("it is written", lambda: not held(guard, group))
    ((rule, value),) = open_by_a_tool(guard, group, permission("tcp", 6379, WORLD)).items()
    document, mail = guard.alerts.wait(group, 4)
    (finding,) = document["findings"]
    assert finding["outcome"] == "withheld" and document["severity"] in ("high", "critical")
    who, via = document["actor"]["name"], document["actor"]["via"]
    assert f"it recurred 3 times within an hour after a revoke, the last time by {who}" in finding["because"]
    assert not via or via in finding["because"]
    assert finding["because"] in " ".join(mail["body"].split()), "and so does the mail"
    assert "left open" in mail["subject"] and "stop" in mail["body"]
    assert guard.look(group) == {**before, "rules": {**before["rules"], rule: value}}
    guard.handled("ingress", rule)
    (item,) = guard.ledger.of(group).values()
    assert (item["state"], item["times"], item["returns"]) == ("open", 4, 3)
    assert [coming["back"] for coming in item["comings"]] == [False, True, True, True]
    assert {coming["by"] for coming in item["comings"]} == {who}
    (line,) = [line for line in paste("portcullis findings", guard.account).splitlines() if item["id"] in line]
    assert "3 times" in line and "open" in line and who in line
    (command,) = commands_of(mail, "Close it:")
    paste(command, guard.account)
    assert guard.look(group) == before


def held(guard, group):
    return [coming for item in guard.ledger.of(group).values() for coming in item["comings"] if coming.get("held")]


def test_another_rule_of_the_group_is_no_fight(guard, name):
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    for number in range(1, 6):
        guard.open(group, permission("tcp", 7000 + number, WORLD))
        document, _ = guard.alerts.wait(group, number)
        assert outcomes(document) == ["done"] and document["findings"][0]["cameBack"] is None
    assert guard.look(group) == before


def test_how_often_is_a_setting():
    with guarded(ComebacksPerHour="1") as guard:
        group = guard.group("once", permission("tcp", 6379, PRIVATE))
        before = guard.look(group)
        open_by_a_tool(guard, group, permission("tcp", 6379, WORLD))
        assert outcomes(guard.alerts.wait(group)[0]) == ["done"] and guard.look(group) == before
        until("it is written", lambda: not held(guard, group))
        ((rule, value),) = open_by_a_tool(guard, group, permission("tcp", 6379, WORLD)).items()
        assert outcomes(guard.alerts.wait(group, 2)[0]) == ["withheld"]
        assert guard.look(group) == {**before, "rules": {**before["rules"], rule: value}}


def test_one_event_has_only_so_many_rules_closed(guard, name):
    """25 at once, unless set; the others wait for the next minute, and all are told in the same alert."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    opened = guard.open(group, *[permission("tcp", port, WORLD) for port in range(20000, 20030)])
    document, mail = guard.alerts.wait(group)
    left = {rule: value for rule, value in guard.look(group)["rules"].items() if rule in opened}
    assert len(left) == 5 and guard.look(group) == {**before, "rules": {**before["rules"], **left}}
    by_rule = {finding["evidence"]["rule"]["id"]: finding["outcome"] for finding in document["findings"]}
    assert by_rule == {rule: "withheld" if rule in left else "done" for rule in opened}
    assert "ActionsPerEvent" in mail["body"]
    guard.handled("ingress", group, 2)
    states = [item["state"] for item in guard.ledger.of(group).values()]
    assert sorted(states) == ["closed"] * 25 + ["open"] * 5


def test_a_minute_has_only_so_many_rules_closed():
    with guarded(ActionsPerMinute="3") as guard:
        groups = [guard.group(f"g{number}", permission("tcp", 6379, PRIVATE)) for number in range(5)]
        before = {group: guard.look(group) for group in groups}
        early_in_a_minute()
        told = []
        for group in groups:
            guard.open(group, permission("tcp", 6379, WORLD))
            told.append(guard.alerts.wait(group)[0])
        assert [outcomes(document) for document in told] == [["done"]] * 3 + [["withheld"]] * 2
        assert "ActionsPerMinute" in told[3]["findings"][0]["because"]
        assert [guard.look(group) == before[group] for group in groups] == [True] * 3 + [False] * 2
        assert sum(int(minute["alerts"]) for minute in guard.ledger.minutes().values()) == 5


def test_beyond_so_many_alerts_a_minute_there_is_one_message():
    """All are closed at once all the same."""
    with guarded(AlertsPerMinute="2") as guard:
        groups = [guard.group(f"g{number}", permission("tcp", 6379, PRIVATE)) for number in range(6)]
        before = {group: guard.look(group) for group in groups}
        early_in_a_minute()
        for group in groups:
            rules = guard.open(group, permission("tcp", 6379, WORLD))
            assert guard.gone(group, rules) == before[group]
            guard.handled("ingress", group, 2)

        def in_digests():
            return [row["subject"]["id"] for digest in guard.alerts.digests() for row in digest["rows"]]

        until("four are told together", lambda: len(in_digests()) == 4)
        alone = [document["subject"]["id"] for document in guard.alerts.documents()]
        assert sorted(alone + in_digests()) == sorted(groups) and alone == groups[:2]
        for document in guard.alerts.documents():
            validator().validate(document)
        for group in groups:
            (item,) = guard.ledger.of(group).values()
            assert item["state"] == "closed" and item["comings"][0]["told"], "those of a digest are told as well"
        for group in in_digests():
            assert guard.alerts.mails(group), "each is in the table of a mail"
