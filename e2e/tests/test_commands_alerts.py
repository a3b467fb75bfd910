"""The commands of alerts that no other test runs: in the chat, in a digest, and about a stack that is not known."""

import json
import re

import pytest
from harness import caches, deploy, pasted
from harness.guard import PRIVATE, guarded, permission
from harness.moves import FAST, Moves
from harness.wait import until

WORLD = permission("tcp", 6379, "0.0.0.0/0")


@pytest.fixture(scope="module")
def told():
    """A stack that tells a chat, and that asks before it moves a cache."""
    more = {"MoveCaches": "ask", "ApprovalPage": "yes", "Alarms": "none", "ChatTopic": "yes"}
    with guarded(*FAST, **more) as guard:
        yield guard


def in_chat(guard, subject, number=1):
    """The commands in a message of the chat, which stand in code."""
    return re.findall(r"`((?:aws|portcullis) [^`]*)`", json.dumps(guard.chat.wait(subject, number), ensure_ascii=False))


def test_the_chat_says_how_to_close_what_was_left_open(told):
    group = told.group("watched", permission("tcp", 6379, PRIVATE), tags={"portcullis:protect": "true"})
    before = told.look(group)
    ((rule, _),) = told.open(group, WORLD).items()
    (close,) = [command for command in in_chat(told, group) if command.startswith("aws ec2 revoke")]
    assert rule in told.look(group)["rules"]
    pasted.paste(close, told.account)
    assert told.look(group) == before


def test_the_chat_says_how_far_a_move_is(told):
    old = caches.make_group(told, "orders", [told.group("orders", permission("tcp", 6379, PRIVATE))])
    (listed,) = [command for command in in_chat(told, "orders") if command.startswith("portcullis moves")]
    move = Moves(told).begun(old)
    move.told("ask")
    lines = pasted.paste(listed, told.account).splitlines()
    assert any(move.id in line and "approval to re-create" in line for line in lines)


def test_the_stack_of_a_cache_whose_tags_are_not_read_is_found(told):
    """The command finds the stack that made it."""
    told.account.control(
        "POST", "failures", {"Action": "ListTagsForResource", "Code": "AccessDenied", "Message": "No.", "Times": 99}
    )
    properties = {
        "ReplicationGroupId": "baskets",
        "ReplicationGroupDescription": "sessions of the shop",
        "Engine": "valkey",
        "TransitEncryptionEnabled": False,
        "NumCacheClusters": 1,
        "SecurityGroupIds": [told.group("baskets", permission("tcp", 6379, PRIVATE))],
        **caches.NODES,
    }
    resources = {"Baskets": {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": properties}}
    try:
        told.account.client("cloudformation").create_stack(
            StackName="shop", TemplateBody=json.dumps({"Resources": resources})
        )
        _, mail = told.alerts.wait("baskets")
    finally:
        told.account.control("DELETE", "failures")
    (command,) = re.findall(r"aws cloudformation describe-stack-resources(?: --[a-z-]+ \S+)+", mail["body"])
    found = json.loads(pasted.paste(command, told.account))["StackResources"]
    assert {(item["StackName"], item["LogicalResourceId"]) for item in found} == {("shop", "Baskets")}


def test_a_digest_says_how_to_put_a_rule_back():
    """In the mail and in the chat: each of their commands, with the id of a row."""
    with guarded(AlertsPerMinute="1", ChatTopic="yes") as guard:
        groups = [guard.group(f"g{number}", permission("tcp", 6379, PRIVATE)) for number in range(4)]
        opened = {group: guard.open(group, WORLD) for group in groups}
        for group in groups:
            guard.gone(group, opened[group])
        rows = lambda: [row for digest in guard.alerts.digests() for row in digest["rows"]]
        until("two are told together", lambda: len(rows()) >= 2)
        first, second = (row["subject"]["id"] for row in rows()[:2])
        ids = {group: next(iter(guard.ledger.of(group).values()))["id"] for group in (first, second)}
        mail = next(mail for mail in guard.alerts.mails(first) if "portcullis findings" in mail["body"])
        lines = mail["body"].splitlines()
        assert ids[first] in pasted.paste(lines[lines.index("portcullis findings")] + " --all", guard.account)
        (undo,) = [line for line in lines if line.startswith("portcullis undo")]
        back(guard, first, undo.replace("f-...", ids[first]))
        listed, undo = in_chat(guard, "portcullis undo f-...")
        pasted.paste(listed, guard.account)
        back(guard, second, undo.replace("f-...", ids[second]))


def back(guard, group, command):
    """It is pasted, and the rule from everywhere is there again."""
    assert not public(guard, group)
    said = pasted.paste(command, guard.account)
    assert public(guard, group)
    return said


def public(guard, group):
    rules = guard.look(group)["rules"].values()
    return [rule for rule in rules if rule["source"] == "0.0.0.0/0" and not rule["egress"]]


# Of the command line ------------------------------------------------------------------------


def finding(guard, name):
    """A rule that was closed: its group and the id of its finding."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    guard.gone(group, guard.open(group, WORLD))
    guard.alerts.wait(group)
    (item,) = guard.ledger.of(group).values()
    return group, item["id"]


def runs(guard, group):
    """Whether an exemption of the rule from everywhere runs."""
    return [item for key, item in guard.ledger.of(group).items() if key.startswith("exempt#") and not ended(item)]


def ended(item):
    return item["reason"].startswith("ended early")


def test_the_command_line_says_how_to_undo_and_how_to_end_that(guard, name):
    group, found = finding(guard, name)
    said = pasted.paste(f"portcullis findings {found}", guard.account)
    (undo,) = re.findall(r"^ *(portcullis undo .*)$", said, re.MULTILINE)
    said = back(guard, group, undo)
    assert runs(guard, group)
    (end,) = re.findall(r"portcullis undo \S+ --end.*", said)
    pasted.paste(end, guard.account)
    assert public(guard, group) and not runs(guard, group)


@pytest.mark.parametrize("goes_on", [True, False])
def test_an_undo_that_stops_half_way_says_both_ways_on(guard, name, goes_on):
    """The exemption is there, and EC2 refused the rule: open it by hand, or take the exemption back."""
    group, found = finding(guard, name)
    refusal = {
        "Action": "AuthorizeSecurityGroupIngress",
        "Code": "RulesPerSecurityGroupLimitExceeded",
        "Message": "60.",
    }
    guard.account.control("POST", "failures", {**refusal, "Times": 9})
    try:
        said = pasted.paste(f"portcullis undo {found} --reason why", guard.account, 2)
    finally:
        guard.account.control("DELETE", "failures")
    (by_hand,) = re.findall(r"^ *(aws ec2 authorize-.*)$", said, re.MULTILINE)
    (take_back,) = re.findall(r"^ *(portcullis undo .* --end.*)$", said, re.MULTILINE)
    if goes_on:
        back(guard, group, by_hand)
        assert runs(guard, group)
    else:
        pasted.paste(take_back, guard.account)
        assert not public(guard, group) and not runs(guard, group)


def test_in_a_stack_of_another_name_the_commands_name_it(monkeypatch):
    """Those of an alert, of the mail of a move and of its page, each pasted."""
    monkeypatch.setattr(deploy, "STACK", "guard")
    with guarded(*FAST, MoveCaches="ask", ApprovalPage="yes", Alarms="none") as guard:
        group, found = finding(guard, "web")
        _, mail = guard.alerts.wait(group)
        (undo,) = pasted.commands_of(mail, "Undo: ")
        assert "--stack guard" in undo
        back(guard, group, undo)
        moves = Moves(guard)
        cache = caches.make_group(guard, "orders", [guard.group("orders", permission("tcp", 6379, PRIVATE))])
        move = moves.begun(cache)
        _, mail = move.told("ask")
        in_mail = re.search(r"portcullis approve \S+ --stack guard", mail["body"])[0]
        assert in_mail in move.open(move.link("move"))[1]
        pasted.typed(in_mail, guard.account, "yes\n")
        move.told("ask-deletion")
        assert move.item()["move"]["M"]["answer"]["M"]["yes"]["BOOL"] is True
