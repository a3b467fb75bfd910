"""What CloudTrail, EventBridge and Lambda do to events: repeated, late, failed, broken, undeliverable."""

import json

import pytest
from botocore.exceptions import ClientError
from harness import events
from harness.guard import permission


def opened(guard, group, *permissions):
    """Authorize, wait until it is closed and told; gives the rules as the API returned them."""
    number = len(guard.alerts.documents(group)) + 1
    answer = guard.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))
    guard.alerts.wait(group, number)
    return answer["SecurityGroupRules"]


def test_repeated_event_changes_nothing_more(guard, group):
    before = guard.look(group)
    rules = opened(guard, group, permission("tcp", 6379, "0.0.0.0/0"))
    event = events.authorize(group, rules, "11111111-0000-0000-0000-000000000001")
    for _ in range(2):
        answer, error = guard.stack.invoke("ingress", event)
        assert error is None, answer
    assert guard.look(group) == before
    outcomes = [alert["findings"][0]["outcome"] for alert in guard.alerts.documents(group)]
    assert outcomes == ["done"], "nothing is done twice, and nothing told twice"
    (item,) = guard.ledger.of(group).values()
    assert (item["state"], item["times"], item["returns"]) == ("closed", 1, 0)


def test_rule_that_came_back_is_not_taken_for_the_old_one(guard, group):
    """The event names a rule that is gone; a private rule on the same port now must stay."""
    rules = opened(guard, group, permission("tcp", 6379, "0.0.0.0/0"))
    guard.open(group, permission("tcp", 6379, "192.168.7.0/24"))
    before = guard.look(group)
    _, error = guard.stack.invoke("ingress", events.authorize(group, rules, "11111111-0000-0000-0000-000000000002"))
    assert error is None and guard.look(group) == before


def test_group_that_is_gone_is_no_error(guard, name):
    group = guard.group(name)
    rules = opened(guard, group, permission("tcp", 6379, "0.0.0.0/0"))
    guard.ec2.delete_security_group(GroupId=group)
    answer, error = guard.stack.invoke(
        "ingress", events.authorize(group, rules, "11111111-0000-0000-0000-000000000003")
    )
    assert error is None, answer


def test_forged_event_can_only_make_us_look(guard, group):
    """The event claims the whole group to be public; the live rules are what counts."""
    before = guard.look(group)
    forged = [
        {
            "SecurityGroupRuleId": rule,
            "GroupId": group,
            "IsEgress": False,
            "IpProtocol": "tcp",
            "FromPort": 6379,
            "ToPort": 6379,
            "CidrIpv4": "0.0.0.0/0",
        }
        for rule in before["rules"]
    ]
    answer, error = guard.stack.invoke(
        "ingress", events.authorize(group, forged, "11111111-0000-0000-0000-000000000004")
    )
    assert error is None, answer
    assert guard.look(group) == before and guard.alerts.documents(group) == []


def test_failed_call_never_reaches_the_function(guard, group):
    """The rule on the bus leaves out events with an errorCode; the function ignores one all the same."""
    before = guard.look(group)
    with pytest.raises(ClientError, match="DryRunOperation"):
        guard.ec2.authorize_security_group_ingress(
            GroupId=group, DryRun=True, IpPermissions=[permission("tcp", 6379, "0.0.0.0/0")]
        )
    answer, error = guard.stack.invoke("ingress", events.corpus("authorize-failed"))
    assert error is None, answer
    opened(guard, group, permission("tcp", 6379, "0.0.0.0/0"))
    assert guard.look(group) == before
    assert len(guard.alerts.documents(group)) == 1


def subject_of_failure(record):
    return json.dumps(record.get("requestPayload"))


@pytest.mark.parametrize(
    "broken",
    [
        "malformed-empty-detail",
        "malformed-from-an-older-version",
    ],
)
def test_malformed_event_is_kept_and_the_next_one_is_served(guard, group, broken):
    before = guard.look(group)
    event = {**events.corpus(broken), "id": f"broken-{group}"}
    guard.stack.deliver("ingress", event)
    record = guard.failures.wait(
        "the failure queue has the event", lambda r: f"broken-{group}" in subject_of_failure(r)
    )
    assert record["requestPayload"] == event
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorMessage"], "it says what is wrong"
    opened(guard, group, permission("tcp", 6379, "0.0.0.0/0"))
    assert guard.look(group) == before


@pytest.mark.parametrize(
    "garbage",
    ["text", 7, [], None, {"detail": [1, 2]}, {"detail": "{"}, {"Records": [{}]}],
    ids=lambda value: json.dumps(value)[:20],
)
@pytest.mark.parametrize("function", ["ingress", "cache"])
def test_garbage_is_refused_in_words(guard, function, garbage):
    answer, error = guard.stack.invoke(function, garbage)
    assert error and answer["errorMessage"], answer
    _, error = guard.stack.invoke(function, events.corpus("authorize-failed"))
    assert error is None, "the same process goes on"


def test_closed_even_if_the_alert_cannot_go_out(fresh):
    """Trap 30: the alert must not hold up the revoke. The event is kept, for the alert is owed."""
    group = fresh.group("silent", permission("tcp", 6379, "10.0.0.0/8"))
    fresh.handled("ingress", group)
    before = fresh.look(group)
    fresh.account.client("sns").delete_topic(TopicArn=fresh.stack.topic)
    rules = fresh.open(group, permission("tcp", 6379, "0.0.0.0/0"))
    assert fresh.gone(group, rules) == before
    fresh.handled("ingress", "NotFound")


def test_event_whose_alert_could_not_go_out_is_kept(fresh):
    """Nobody was told of what was closed: the event ends where a person looks, and is reported when it is redriven."""
    iam, role = fresh.account.client("iam"), fresh.stack.role("ingress").rsplit("/", 1)[-1]
    mute = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName="mute", PolicyDocument=json.dumps(mute))
    group = fresh.group("untold")
    fresh.gone(group, fresh.open(group, permission("tcp", 6379, "0.0.0.0/0")))
    record = fresh.failures.wait("the failure queue has the event", lambda r: group in subject_of_failure(r))
    assert record["requestPayload"]["detail"]["eventName"] == "AuthorizeSecurityGroupIngress"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert "AuthorizationError" in record["responsePayload"]["errorMessage"]
    assert fresh.alerts.documents(group) == []
    (item,) = fresh.ledger.of(group).values()
    assert item["state"] == "closed" and item["comings"][0]["told"] is None
    iam.delete_role_policy(RoleName=role, PolicyName="mute")
    for _ in range(2):
        answer, error = fresh.stack.invoke("ingress", record["requestPayload"])
        assert error is None, answer
    document, mail = fresh.alerts.wait(group)
    assert [finding["outcome"] for finding in document["findings"]] == ["already-gone"]
    assert group in mail["subject"] and "authorize-security-group-ingress" in mail["body"]
    assert len(fresh.alerts.documents(group)) == 1, "and once"
    (item,) = fresh.ledger.of(group).values()
    assert item["comings"][0]["told"]


def test_event_that_cannot_be_dealt_with_is_kept(fresh):
    """Without the right to revoke, the rule stays, people are told so, and the event ends in the queue."""
    iam = fresh.account.client("iam")
    role = (
        fresh.account.client("lambda")
        .get_function_configuration(FunctionName=fresh.stack.functions["ingress"])["Role"]
        .rsplit("/", 1)[-1]
    )
    iam.put_role_policy(
        RoleName=role,
        PolicyName="no-revoke",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Action": "ec2:RevokeSecurityGroupIngress", "Resource": "*"}],
            }
        ),
    )
    group = fresh.group("stuck")
    rules = fresh.open(group, permission("tcp", 6379, "0.0.0.0/0"))
    document, mail = fresh.alerts.wait(group)
    assert [finding["outcome"] for finding in document["findings"]] == ["failed"]
    assert "NOT CLOSED" in mail["subject"] and "UnauthorizedOperation" in mail["body"]
    record = fresh.failures.wait("the failure queue has the event", lambda r: group in subject_of_failure(r))
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert set(rules) <= set(fresh.look(group)["rules"])


def test_event_whose_function_is_gone_is_kept(fresh):
    """What EventBridge cannot hand over has a queue of its own."""
    fresh.account.client("lambda").delete_function(FunctionName=fresh.stack.functions["ingress"])
    group = fresh.group("orphan", permission("tcp", 6379, "0.0.0.0/0"))
    event = fresh.undelivered.wait("the event is in the queue", lambda e: group in json.dumps(e))
    assert event["detail"]["eventName"] == "AuthorizeSecurityGroupIngress"
