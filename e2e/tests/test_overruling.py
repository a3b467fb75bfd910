"""Observe mode changes nothing, and what was closed can be put back exactly, and stays."""

import datetime
import time

import pytest
from botocore.exceptions import ClientError
from harness.deploy import update
from harness.guard import PRIVATE, guarded, permission
from harness.pasted import commands_of, paste
from harness.wait import until
from test_stack import as_function

HOSTILE = 'it\'s "quoted"; $(id) `id` \\ #1 @x <ok> https://example.com/a'[:255]
ALLOWED = "rule for Bob - see wiki/Redis (2026) a@b.c; x=[1,2] {3} !$*&"
TAGS = {"owner": "web", "note": HOSTILE, "größe": "Ж 🙂 'x'", "empty": ""}
WORLD = permission("tcp", 6379, "0.0.0.0/0", description=ALLOWED)
SHAPE = "exempt#tcp#6379#6379#0.0.0.0/0"


def closed(guard, group, number=1):
    """Opens a rule with a description and tags, and waits until it is closed and told: (its id, rule, mail, group)."""
    ((rule, value),) = guard.open(group, WORLD, tags=TAGS).items()
    document, mail = guard.alerts.wait(group, number)
    assert [finding["outcome"] for finding in document["findings"]] == ["done"]
    left = guard.look(group)
    assert rule not in left["rules"] and value["description"] == ALLOWED and value["tags"] == TAGS
    return rule, value, mail, left


def back(guard, group, left):
    """The rules of a group that were not there before, which must be all the difference; by id."""
    now = guard.look(group)
    new = {key: value for key, value in now["rules"].items() if key not in left["rules"]}
    assert {**now, "rules": {key: value for key, value in now["rules"].items() if key not in new}} == left
    return new


def finding_of(guard, group):
    """The one finding that is remembered of a group."""
    (found,) = [item for key, item in guard.ledger.of(group).items() if not key.startswith("exempt#")]
    return found


def told(guard, group):
    """How many documents and mails are about a group."""
    return len(guard.alerts.documents(group)), len(guard.alerts.mails(group))


def stays(guard, group, left, value, number=1):
    """A rule is back as it was; the function looked at it, let it stay and told nobody. Gives its id."""
    ((rule, again),) = back(guard, group, left).items()
    assert again == value
    guard.handled("ingress", rule)
    assert back(guard, group, left) == {rule: value}
    assert told(guard, group) == (number, number)
    return rule


def edit(guard, group, rule):
    """An event on a rule, which stays what it is."""
    same = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "CidrIpv4": "0.0.0.0/0", "Description": ALLOWED}
    guard.ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": same}]
    )


def closed_again(guard, group, left, number=2):
    """It was closed once more, and told to have come back."""
    document, mail = guard.alerts.wait(group, number)
    (finding,) = document["findings"]
    assert finding["outcome"] == "done" and finding["cameBack"]["times"] == number - 1
    assert "Recurred: " in mail["body"]
    assert guard.look(group) == left
    found = finding_of(guard, group)
    assert (found["state"], found["times"], found["returns"]) == ("closed", number, number - 1)


def test_observe_changes_nothing_and_tells(observer):
    group = observer.group("watched", permission("tcp", 6379, PRIVATE))
    rules = observer.open(group, permission("tcp", 6379, "0.0.0.0/0"), permission("udp", 11211, "8.8.8.8/32"))
    opened = observer.look(group)
    document, mail = observer.alerts.wait(group)
    assert observer.look(group) == opened and set(rules) <= set(opened["rules"])
    assert document["mode"] == "observe"
    assert {finding["outcome"] for finding in document["findings"]} == {"withheld"}
    assert "observe mode" in mail["body"].lower() and "left open" in mail["subject"]
    (command,) = commands_of(mail, "To close the 2 rules that are open:")
    paste(command, observer.account)
    assert not set(rules) & set(observer.look(group)["rules"]), "one command closes all of it"


def test_the_commands_of_the_mail_put_a_rule_back_and_it_stays(guard, name):
    """Both of them, pasted, in enforce mode: byte for byte as it was, not closed again, and nobody is told."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    _, value, mail, left = closed(guard, group)
    exempt, open_again = commands_of(mail, "Or: ")
    assert exempt.startswith("aws dynamodb put-item") and open_again.startswith("aws ec2 authorize-security-group")
    paste(exempt, guard.account)
    paste(open_again, guard.account)
    stays(guard, group, left, value)
    exemption = guard.ledger.of(group)[SHAPE]
    ends = datetime.datetime.fromisoformat(exemption["until"])
    assert exemption["by"] == "the person who ran it" and exemption["expires"] == ends.timestamp()
    day = ends - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=23, minutes=58) < day <= datetime.timedelta(hours=24)
    assert finding_of(guard, group)["state"] == "closed", "what is left alone is no finding"


def test_portcullis_undo_puts_a_rule_back_and_it_stays(guard, name):
    """The first command of the mail, pasted; then once more; then its end; then for a group that is gone."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    _, value, mail, left = closed(guard, group)
    finding = finding_of(guard, group)["id"]
    (command,) = commands_of(mail, "Undo: ")
    assert command == f"portcullis undo {finding} --region eu-west-1 --reason '<why>'"
    said = paste(command, guard.account)
    rule = stays(guard, group, left, value)
    assert f"Restored in {group}, as {rule}: TCP 6379 from 0.0.0.0/0" in said
    exemption = guard.ledger.of(group)[SHAPE]
    assert exemption["reason"] == "<why>" and exemption["by"] == "arn:aws:iam::111122223333:root"
    assert f"The rule exists already, as {rule} in {group}: nothing was opened" in paste(command, guard.account)
    assert back(guard, group, left) == {rule: value}
    assert "<why>" in paste("portcullis findings", guard.account)
    said = paste(f"portcullis undo {finding} --end", guard.account)
    assert rule in said and "no longer snoozed" in said
    assert "Nothing to end" in paste(f"portcullis undo {finding} --end", guard.account, 1)
    edit(guard, group, rule)
    closed_again(guard, group, left)
    guard.ec2.delete_security_group(GroupId=group)
    before = guard.ledger.of(group)
    assert f"{group} does not exist any more" in paste(command, guard.account, 1)
    assert guard.ledger.of(group) == before


def test_known_networks_have_what_was_closed_and_undo_takes_both_back():
    """They get its port before it is closed; that call is decided as any other."""
    office, branch = "52.94.5.0/24", "203.0.113.0/24"
    with guarded(KnownNetworks=f"{office},{branch}") as guard:
        group = guard.group("office", permission("tcp", 6379, PRIVATE))
        before = guard.look(group)
        ((opened, value),) = guard.open(group, WORLD, tags=TAGS).items()
        document, mail = guard.alerts.wait(group)
        finding = finding_of(guard, group)
        has = {rule: new for rule, new in guard.look(group)["rules"].items() if rule not in before["rules"]}
        assert opened not in has and sorted(new["source"] for new in has.values()) == [branch, office]
        for new in has.values():
            assert new["tags"] == {"portcullis:replaces": finding["id"]}
            assert new["description"] == f"Portcullis: known networks in place of 0.0.0.0/0 ({finding['id']})"
        (told_of,) = document["findings"]
        assert {made["rule"] for made in told_of["grants"]["made"]} == set(has)
        assert {kept["rule"] for kept in finding["grants"]} == set(has)
        assert "Granted: " in mail["body"] and told_of["outcome"] == "done"
        guard.handled("ingress", group, 2)
        assert told(guard, group) == (1, 1) and set(has) <= set(guard.look(group)["rules"])
        (command,) = commands_of(mail, "Undo: ")
        assert "Removed what known networks got in its place" in paste(command, guard.account)
        ((_, again),) = back(guard, group, before).items()
        assert again == value
        for function, key in (("ingress", "owner"), ("cache", "portcullis:replaces")):
            tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": key, "Value": "x"}]}]
            rule = [permission("tcp", 22, office)]
            with pytest.raises(ClientError, match="UnauthorizedOperation"):
                as_function(guard, function, "ec2").authorize_security_group_ingress(
                    GroupId=group, IpPermissions=rule, TagSpecifications=tags
                )


def test_what_was_never_closed_is_not_opened_and_only_snoozed(observer):
    group = observer.group("never-closed")
    observer.open(group, WORLD)
    observer.alerts.wait(group)
    found = finding_of(observer, group)
    before, items = observer.look(group), observer.ledger.of(group)
    assert "there is no finding `f-000000000000`" in paste(
        "portcullis undo f-000000000000 --reason why", observer.account, 2
    )
    assert observer.look(group) == before and observer.ledger.of(group) == items
    assert "nothing was opened" in paste(f"portcullis undo {found['id']} --reason why", observer.account)
    assert observer.look(group) == before and set(observer.ledger.of(group)) == {*items, SHAPE}


def test_an_exemption_ends_by_its_time(guard, name):
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    _, value, _, left = closed(guard, group)
    ends = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=4)
    item = {"subject": group, "finding": SHAPE, "until": f"{ends:%Y-%m-%dT%H:%M:%SZ}", "reason": "a test", "by": "me"}
    guard.ledger.put({key: {"S": text} for key, text in item.items()} | {"expires": {"N": "4102444800"}})
    guard.open(group, WORLD, tags=TAGS)
    rule = stays(guard, group, left, value)
    until("the exemption is over", lambda: time.time() >= ends.timestamp())
    edit(guard, group, rule)
    closed_again(guard, group, left)


def test_another_rule_is_not_exempt(guard, name):
    """The exemption is of one rule: the same port from the other family, and the next port, go."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    _, value, mail, left = closed(guard, group)
    for command in commands_of(mail, "Or: "):
        paste(command, guard.account)
    rule = stays(guard, group, left, value)
    others = guard.open(group, permission("tcp", 6379, "::/0"), permission("tcp", 6380, "0.0.0.0/0"))
    guard.gone(group, others)
    document, mail = guard.alerts.wait(group, 2)
    assert {finding["evidence"]["rule"]["id"] for finding in document["findings"]} == set(others)
    assert [item["rule"] for item in document["tolerated"]] == [rule]
    assert back(guard, group, left) == {rule: value}


def test_the_mail_says_how_to_keep_a_rule_for_good(guard, name):
    """The tag, then the rule: it is back, and told, and stays, until the tag is removed as the next mail says."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    _, value, mail, left = closed(guard, group)
    (tag,) = commands_of(mail, "To protect the group")
    paste(tag, guard.account)
    (open_again,) = [command for command in commands_of(mail, "Or: ") if command.startswith("aws ec2")]
    paste(open_again, guard.account)
    document, mail = guard.alerts.wait(group, 2)
    assert [finding["outcome"] for finding in document["findings"]] == ["withheld"]
    kept = {**left, "tags": {**left["tags"], "portcullis:protect": "true"}}
    ((rule, again),) = back(guard, group, kept).items()
    assert again == value
    (untag,) = [line for line in mail["body"].splitlines() if line.startswith("aws ec2 delete-tags")]
    paste(untag, guard.account)
    assert back(guard, group, left) == {rule: value}
    edit(guard, group, rule)
    until("it is closed again", lambda: guard.look(group) == left)


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
        paste(command, fresh.account)
    assert ingress(fresh, group) == sorted(opened.values(), key=str)


def test_portcullis_undo_of_every_kind_of_source(guard, name):
    """Each by its finding, in enforce mode: all are back, and stay."""
    group = guard.group(name)
    wide = guard.ec2.create_managed_prefix_list(
        PrefixListName=name, AddressFamily="IPv4", MaxEntries=3, Entries=[{"Cidr": "64.0.0.0/3"}]
    )["PrefixList"]["PrefixListId"]
    opened = guard.open(
        group,
        permission("tcp", (6000, 7000), "0.0.0.0/0"),
        permission("tcp", 6379, "::/0", description="v6"),
        permission("-1", None, "0.0.0.0/0"),
        permission("6", 6380, "0.0.0.0/0"),
        permission("tcp", 22, wide),
        permission("udp", 11211, "8.8.8.8/32"),
    )
    document, _ = guard.alerts.wait(group)
    assert not set(opened) & set(guard.look(group)["rules"])
    of_rule = {finding["evidence"]["rule"]["id"]: finding["id"] for finding in document["findings"]}
    assert set(of_rule) == set(opened)
    for finding in of_rule.values():
        paste(f"portcullis undo {finding} --for 1h --reason why", guard.account)
    assert ingress(guard, group) == sorted(opened.values(), key=str)
    for rule, value in guard.look(group)["rules"].items():
        if not value["egress"]:
            guard.handled("ingress", rule)
    assert ingress(guard, group) == sorted(opened.values(), key=str)
    assert told(guard, group) == (1, 1)


def ingress(guard, group):
    return sorted((rule for rule in guard.look(group)["rules"].values() if not rule["egress"]), key=str)
