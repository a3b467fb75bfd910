"""Observe mode changes nothing, and what was closed can be put back exactly."""

import os
import re
import subprocess
import sys

from harness.deploy import update
from harness.guard import PRIVATE, permission

HOSTILE = 'it\'s "quoted"; $(id) `id` \\ #1 @x <ok> https://example.com/a'[:255]
ALLOWED = "rule for Bob - see wiki/Redis (2026) a@b.c; x=[1,2] {3} !$*&"


def run(command, account):
    """Run a command from a mail as a person would: pasted into a shell."""
    tools = os.path.dirname(sys.executable)
    environment = {**account.environment(), "PATH": tools + os.pathsep + os.environ["PATH"]}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def command_of(mail, after):
    """The `aws` command below a heading of the mail."""
    match = re.search(rf"^\s*{after}:\n\s*(aws .+)$", mail["body"], re.MULTILINE)
    assert match, mail["body"]
    return match.group(1)


def test_observe_changes_nothing_and_tells(observer):
    group = observer.group("watched", permission("tcp", 6379, PRIVATE))
    rules = observer.open(group, permission("tcp", 6379, "0.0.0.0/0"), permission("udp", 11211, "8.8.8.8/32"))
    opened = observer.look(group)
    document, mail = observer.alerts.wait(group)
    assert observer.look(group) == opened and set(rules) <= set(opened["rules"])
    assert document["mode"] == "observe"
    assert {finding["outcome"] for finding in document["findings"]} == {"withheld"}
    assert "Portcullis changed nothing" in mail["body"] and "left open" in mail["subject"]
    run(command_of(mail, "Close it"), observer.account)
    assert len(set(rules) & set(observer.look(group)["rules"])) == len(rules) - 1, "the command closes it by hand"


def test_undo_restores_the_rule_byte_for_byte(fresh):
    """In observe mode, by the command of the mail."""
    group = fresh.group("undone", permission("tcp", 6379, PRIVATE))
    tags = {"owner": "web", "note": HOSTILE, "größe": "Ж 🙂 'x'", "empty": ""}
    opened = fresh.open(
        group,
        permission("tcp", 6379, "0.0.0.0/0", description=ALLOWED),
        tags=tags,
    )
    ((rule, value),) = opened.items()
    _, mail = fresh.alerts.wait(group)
    closed = fresh.look(group)
    assert rule not in closed["rules"]
    update(fresh.stack, Mode="observe")
    run(command_of(mail, "Undo"), fresh.account)
    document, _ = fresh.alerts.wait(group, 2)
    assert document["mode"] == "observe"
    restored = fresh.look(group)
    again = [value for key, value in restored["rules"].items() if key not in closed["rules"]]
    assert again == [value] and value["description"] == ALLOWED and value["tags"] == tags


def test_the_mail_says_how_to_keep_a_rule_for_good(guard, name):
    """Its two commands, pasted: the tag, then the undo. The rule is back, and stays; what is opened next is told."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    ((rule, value),) = guard.open(group, permission("tcp", 6379, "0.0.0.0/0")).items()
    _, mail = guard.alerts.wait(group)
    closed = guard.look(group)
    run(command_of(mail, "To keep it as it was.*"), guard.account)
    run(command_of(mail, "Undo"), guard.account)
    document, _ = guard.alerts.wait(group, 2)
    assert [finding["outcome"] for finding in document["findings"]] == ["withheld"]
    kept = guard.look(group)["rules"]
    assert [kept[new] for new in kept if new not in closed["rules"]] == [value]


def test_undo_of_every_kind_of_source(fresh):
    group = fresh.group("undone")
    wide = fresh.ec2.create_managed_prefix_list(
        PrefixListName="wide",
        AddressFamily="IPv4",
        MaxEntries=3,
        Entries=[{"Cidr": "64.0.0.0/3"}],
    )["PrefixList"]["PrefixListId"]
    opened = fresh.open(
        group,
        permission("tcp", (6000, 7000), "0.0.0.0/0"),
        permission("tcp", 6379, "::/0", description="v6"),
        permission("-1", None, "0.0.0.0/0"),
        permission("tcp", 22, wide),
        permission("udp", 11211, "8.8.8.8/32"),
    )
    document, _ = fresh.alerts.wait(group)
    assert not set(opened) & set(fresh.look(group)["rules"])
    update(fresh.stack, Mode="observe")
    by_rule = {finding["evidence"]["rule"]["id"]: finding["undo"] for finding in document["findings"]}
    assert set(by_rule) == set(opened) and all(by_rule.values())
    for command in by_rule.values():
        run(command, fresh.account)
    restored = [rule for rule in fresh.look(group)["rules"].values() if not rule["egress"]]
    key = str
    assert sorted(restored, key=key) == sorted(opened.values(), key=key)
