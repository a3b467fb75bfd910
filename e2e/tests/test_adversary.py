"""What an adversary tries in order to keep a rule open, and what becomes of it.

The clock of the account is moved, so that minutes and hours pass without waiting for them.
"""

import json

import pytest
from harness.account import MOVABLE
from harness.guard import guarded, permission
from harness.wait import until
from test_operations import operate

NO_INVOKE = {"Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": "*"}
SSH = permission("tcp", 22, "0.0.0.0/0")
#: A revisit is due at the first whole minute after what it waits for.
MINUTE = 60


@pytest.fixture(scope="module")
def guard():
    with guarded(*MOVABLE) as deployed:
        yield deployed


def due(guard, subject):
    """The record of the one revisit of a subject that is not settled."""
    (record,) = (record for record in guard.ledger.revisits(subject).values() if not record["settled"])
    return record


# EC2 is late -----------------------------------------------------------------------------------


def test_a_rule_that_ec2_shows_late_is_closed_and_no_all_clear_is_given(guard):
    """An adversary cannot choose how late, and may be lucky. The event is young for five minutes."""
    groups = {}
    for seconds in (5, 10, 60, 200):
        group = guard.group(f"late-{seconds}")
        before = guard.look(group)
        guard.late(group, seconds)
        groups[seconds] = group, before, guard.open(group, SSH)
    for seconds in (10, 60, 200):
        group, *_ = groups[seconds]
        until(f"{group} is looked at again", lambda group=group: guard.ledger.revisits(group))
        assert due(guard, group)["why"] == "lag"
    group, before, rules = groups[5]
    assert guard.gone(group, rules) == before, "while it waits"
    for forward, shown in ((3 * MINUTE, (10, 60)), (30, (200,))):
        guard.account.forward(forward)
        for seconds in shown:
            group, before, rules = groups[seconds]
            assert guard.gone(group, rules) == before
    for group, *_ in groups.values():
        alert, _ = guard.alerts.wait(group)
        assert [finding["outcome"] for finding in alert["findings"]] == ["done"]
        until("nothing is left to look at", lambda group=group: not unsettled(guard, group))
        assert guard.alerts.documents(group) == [alert], "once, and not as gone"


def test_a_deleted_schedule_is_made_up_for_and_an_undelivered_revisit_redriven(guard):
    groups = {name: guard.group(name) for name in ("deleted-schedule", "refused-schedule")}
    rules = {}
    for name, group in groups.items():
        guard.late(group, 60)
        rules[name] = guard.open(group, SSH)
    for group in groups.values():
        until("it is scheduled", lambda group=group: guard.schedules(group))
    (deleted,) = guard.schedules(groups["deleted-schedule"])
    scheduler, iam = guard.account.client("scheduler"), guard.account.client("iam")
    scheduler.delete_schedule(GroupName=guard.stack.outputs["RevisitGroupName"], Name=deleted)
    role = guard.stack.outputs["RevisitRoleArn"].rsplit("/", 1)[-1]
    iam.put_role_policy(RoleName=role, PolicyName="no", PolicyDocument=json.dumps({"Statement": [NO_INVOKE]}))
    guard.account.forward(3 * MINUTE)
    until("it is a dead letter", lambda: waiting(guard, guard.stack.undelivered_queue))
    iam.delete_role_policy(RoleName=role, PolicyName="no")
    code, said = operate(guard.account, "redrive.py")
    assert code == 0 and f"revisit  {groups['refused-schedule']}" in said, said
    guard.gone(groups["refused-schedule"], rules["refused-schedule"])

    guard.account.forward(12 * MINUTE)
    guard.account.client("lambda").invoke(FunctionName=guard.stack.functions["trail"])
    guard.account.forward(MINUTE)
    guard.gone(groups["deleted-schedule"], rules["deleted-schedule"])


def waiting(guard, url):
    """How many messages are in a queue."""
    name = "ApproximateNumberOfMessages"
    answer = guard.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def unsettled(guard, subject):
    return [record for record in guard.ledger.revisits(subject).values() if not record["settled"]]
