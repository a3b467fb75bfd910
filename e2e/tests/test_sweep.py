"""An account with a past: what no event told is told by the sweep, once, and what is gone is resolved."""

import json
import time
import uuid

import jsonschema
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from harness import places
from harness.guard import guarded, permission
from harness.pasted import paste
from harness.wait import until
from test_ledger import seeded
from test_stack import as_function

WORLD = "0.0.0.0/0"
LONG_AGO = "2026-01-01T00:00:00Z"
DENIED = {"Effect": "Deny", "Action": "ec2:DescribeSecurityGroupRules", "Resource": "*"}


@pytest.fixture(scope="module")
def past():
    with guarded(Alarms="none", AlertsPerMinute="100000") as guard:
        yield guard


def sweep(guard):
    """A run; what it answers."""
    answer, error = guard.stack.invoke("sweep", {})
    assert error is None, answer
    return answer


def told(guard, number):
    """What runs told: so many messages, and the last of them."""
    until(f"message {number} of the sweep", lambda: len(guard.alerts.sweeps()) >= number)
    sweeps = guard.alerts.sweeps()
    assert len(sweeps) == number
    schema = json.loads((places.REPO / "docs" / "sweep.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(sweeps[-1])
    return sweeps[-1]


def some_hours_later(guard):
    """What was written just now is somebody's who is still at it: the sweep leaves it alone for five minutes."""
    for item in guard.ledger.items():
        if item.get("comings"):
            guard.ledger.dynamodb.update_item(
                TableName=guard.ledger.table,
                Key={name: {"S": item[name]} for name in ("subject", "finding")},
                UpdateExpression="SET comings[0].told.#at = :then, lastSeen = :then",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":then": {"S": LONG_AGO}},
            )


def follow_up(guard):
    """The follow-up of the last run, with what its schedule hands over, half an hour later; what it answers."""
    scheduler, group = guard.account.client("scheduler"), guard.stack.outputs["RevisitGroupName"]
    names = [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]]
    target = scheduler.get_schedule(GroupName=group, Name=max(name for name in names if name[:2] == "s-"))["Target"]
    assert target["Arn"].endswith(f":{guard.stack.functions['sweep']}")
    assert guard.stack.invoke("sweep", json.loads(target["Input"])) == ("nothing is to be followed up", None), (
        "too early"
    )
    guard.ledger.dynamodb.update_item(
        TableName=guard.ledger.table,
        Key={"subject": {"S": "sweep"}, "finding": {"S": "state"}},
        UpdateExpression="SET follow.seen = :then",
        ExpressionAttributeValues={":then": {"S": LONG_AGO}},
    )
    answer, error = guard.stack.invoke("sweep", json.loads(target["Input"]))
    assert error is None, answer
    return answer


def overdue(guard, group, rule):
    """The record of a revisit that was due, and that nothing invokes."""
    shape = {"protocol": "tcp", "from": 6379, "to": 6379, "source": WORLD}
    actor = {"arn": "arn:aws:iam::111122223333:user/dave", "name": "dave", "kind": "IAMUser", "account": "111122223333"}
    record = {
        **{"subject": f"revisit/{group}", "finding": str(uuid.uuid4()), "why": "limit", "tries": 1, "version": 1},
        **{"due": time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() - 3600)), "settled": False},
        "call": {
            **{"name": "AuthorizeSecurityGroupIngress", "time": LONG_AGO, "account": "111122223333"},
            **{"region": "eu-west-1", "actor": {**actor, "role": None, "via": None, "ip": "192.0.2.1", "agent": "cli"}},
            "lead": {
                "group": {
                    **{"id": group, "name": None, "unknown": None},
                    "rules": [{"id": rule["SecurityGroupRuleId"], "shape": shape, "edit": False}],
                }
            },
        },
    }
    guard.ledger.put({name: TypeSerializer().serialize(value) for name, value in record.items()})


def test_a_past_is_one_message_and_then_only_news_are_told(past):
    _, old = seeded(past, "legacy")
    group = old["GroupId"]
    sweep(past)
    baseline = told(past, 1)
    assert baseline["run"]["baseline"] and baseline["counts"]["suspects"] >= 1
    row = next(row for row in baseline["new"] if row["subject"] == group)
    assert (row["check"], baseline["open"][row["severity"]] >= 1) == ("open-ingress", True)
    (item,) = past.ledger.of(group).values()
    assert (item["state"], item["id"], item["comings"][0]["by"]) == ("open", row["id"], "found by the sweep")
    assert old["SecurityGroupRuleId"] in past.look(group)["rules"], "it closes nothing"

    some_hours_later(past)
    assert "nothing to say" in sweep(past)

    # No event tells of the one; somebody closes the other by hand; a third was to be looked at again.
    some_hours_later(past)
    _, new = seeded(past, "opened-behind-our-back")
    past.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[old["SecurityGroupRuleId"]])
    before, late = seeded(past, "left-open-by-a-limit")
    overdue(past, late["GroupId"], late)
    assert "nothing to say" in sweep(past), "what is new may be under way"
    follow_up(past)
    news = told(past, 2)
    assert not news["run"]["baseline"] and [row["id"] for row in news["resolved"]] == [item["id"]]
    assert [row["subject"] for row in news["new"]] == [new["GroupId"]], "the late one is the revisit's to tell"
    assert news["new"][0]["note"] == "no call was found in the event history"
    assert [(one["subject"], one["failed"]) for one in news["dueLate"]] == [(late["GroupId"], None)]
    (mail,) = [mail for mail in past.alerts.mails() if "1 revisited late" in mail["subject"]]
    assert "RESOLVED: reported before, and gone" in mail["body"]
    assert past.ledger.of(group)[item["finding"]]["state"] == "recovered"
    # The function for security groups closes it, with its own rights.
    assert past.gone(late["GroupId"], {late["SecurityGroupRuleId"]}, 60) == before
    past.alerts.wait(late["GroupId"])

    # What cannot be read is unknown, and not resolved.
    some_hours_later(past)
    rights = {"RoleName": past.stack.role("sweep").rsplit("/", 1)[-1], "PolicyName": "no"}
    past.account.client("iam").put_role_policy(**rights, PolicyDocument=json.dumps({"Statement": [DENIED]}))
    still = seeded(past, "unread")[1]["GroupId"]
    assert "1 unknown" in sweep(past)
    assert [item["state"] for item in past.ledger.of(new["GroupId"]).values()] == ["open"]
    assert not past.ledger.of(still)
    past.account.client("iam").delete_role_policy(**rights)


def test_the_role_of_the_sweep_cannot_revoke(past):
    """With Sweep=report, the default."""
    _, rule = seeded(past, "stays")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        as_function(past, "sweep", "ec2").revoke_security_group_ingress(
            GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
        )


def test_a_call_that_nothing_delivered_is_closed_by_the_normal_path_after_the_follow_up(past):
    sweep(past)
    if any("follow" in item for item in past.ledger.items()):
        follow_up(past)
    events, rule = past.account.client("events"), past.stack.resources("AWS::Events::Rule")["IngressFunctionCalls"]
    before = len(past.alerts.sweeps())
    events.disable_rule(Name=rule)
    group = past.group("nobody-was-told")
    clean = past.look(group)
    opened = past.open(group, permission("tcp", 22, WORLD))
    time.sleep(1)  # the bus is not told when it matches
    events.enable_rule(Name=rule)
    assert "nothing to say" in sweep(past)
    assert set(opened) <= set(past.look(group)["rules"])
    follow_up(past)
    assert past.gone(group, opened, 60) == clean
    alert, mail = past.alerts.wait(group)
    assert alert["redeliveredBy"] == "sweep" and alert["event"]["name"] == "AuthorizeSecurityGroupIngress"
    assert alert["actor"]["arn"].startswith("arn:aws:iam::"), alert["actor"]
    assert mail["body"].startswith("Delivered late: found by the sweep; CloudTrail recorded the call at 20")
    assert [item["state"] for item in past.ledger.of(group).values()] == ["closed"]
    # The function told it: the sweep has nothing to add.
    assert "nothing to say" in sweep(past)
    assert len(past.alerts.sweeps()) == before


@pytest.fixture(scope="module")
def closer():
    with guarded(Alarms="none", AlertsPerMinute="100000", Sweep="enforce") as guard:
        yield guard


def ramp(guard):
    return next(item for item in guard.ledger.items() if item["finding"] == "ramp")


def the_notice_is_over(guard):
    some_hours_later(guard)
    guard.ledger.dynamodb.update_item(
        TableName=guard.ledger.table,
        Key={"subject": {"S": "sweep"}, "finding": {"S": "ramp"}},
        UpdateExpression="SET since = :then",
        ExpressionAttributeValues={":then": {"S": LONG_AGO}},
    )


def test_what_was_reported_is_closed_after_its_notice_and_the_ways_out_prevent_it(closer):
    (old, tagged, snoozed) = (seeded(closer, name)[1] for name in ("legacy", "tagged", "snoozed"))
    groups = [rule["GroupId"] for rule in (old, tagged, snoozed)]

    def rules():
        return [rule["SecurityGroupRuleId"] in closer.look(rule["GroupId"])["rules"] for rule in (old, tagged, snoozed)]

    sweep(closer)
    rows = {row["subject"]: row for row in told(closer, 1)["new"]}
    assert all(rows[group]["note"].startswith("will be closed after ") for group in groups)
    some_hours_later(closer)
    assert "nothing to say" in sweep(closer) and all(rules()), "inside the notice nothing is closed"

    the_notice_is_over(closer)
    closer.ec2.create_tags(Resources=[tagged["GroupId"]], Tags=[{"Key": "portcullis:protect", "Value": "yes"}])
    paste(f"portcullis undo {rows[snoozed['GroupId']]['id']} --for 30d --reason 'a vendor'", closer.account)
    before = closer.look(old["GroupId"])
    sweep(closer)
    message = told(closer, 2)
    assert rules() == [False, True, True]
    (row,) = message["remediated"]
    assert row["id"] == rows[old["GroupId"]]["id"]
    (item,) = [item for item in closer.ledger.of(old["GroupId"]).values() if item.get("comings")]
    assert (item["state"], item["comings"][0]["told"]["outcome"]) == ("closed", "done")
    (mail,) = [mail for mail in closer.alerts.mails() if "1 closed" in mail["subject"]]
    command = row["note"].removeprefix("undo: ")
    assert command in " ".join(mail["body"].split()) and len(ramp(closer)["closed"]) == 1

    paste(command.replace("'<why>'", "'a partner needs it'"), closer.account)
    back = closer.look(old["GroupId"])
    assert list(back["rules"].values()) == list(before["rules"].values())
    some_hours_later(closer)
    sweep(closer)
    assert list(closer.look(old["GroupId"])["rules"].values()) == list(before["rules"].values())
    assert (ramp(closer)["step"], [one["back"] for one in ramp(closer)["closed"]]) == (0, [True])
    assert "has not stopped" in paste("portcullis sweep resume", closer.account, 1)
