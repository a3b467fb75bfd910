"""EventBridge's scheduled rules and Scheduler's schedules really fire.

`--schedule-scale` makes rules fire sooner, and for schedules the clock is moved.
"""

import datetime
import json
import time
import uuid

import pytest
from account.process import EmulatedAccount
from botocore.exceptions import ClientError
from conftest import allow, arn_of, code, code_of, document, ingress, new_group, new_queue, received, tcp, wait_for


@pytest.fixture(scope="module")
def hurried():
    """An account in which a quarter of an hour is 0.45 s."""
    with EmulatedAccount("--schedule-scale", "0.0005", "--movable-clock") as running:
        yield running


@pytest.fixture
def queue(hurried):
    sqs = hurried.client("sqs")
    policy = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, '
    policy += '"Action": "sqs:SendMessage", "Resource": "*"}]}'
    url = sqs.create_queue(QueueName="scheduled", Attributes={"Policy": policy})["QueueUrl"]
    yield url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.delete_queue(QueueUrl=url)


def test_a_rate_fires_again_and_again_until_it_is_disabled(hurried, queue):
    events, (url, arn) = hurried.client("events"), queue
    events.put_rule(Name="often", ScheduleExpression="rate(15 minutes)")
    events.put_rule(Name="seldom", ScheduleExpression="rate(1 day)")
    for rule in ("often", "seldom"):
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    seen = []

    def fired():
        seen.extend(message["Body"] for message in received(hurried.client, url) or [])
        return len(seen) >= 3

    wait_for(fired)
    assert all('"detail-type": "Scheduled Event"' in body and ":rule/often" in body for body in seen)
    events.disable_rule(Name="often")
    time.sleep(0.3)
    received(hurried.client, url)
    time.sleep(0.9)
    assert received(hurried.client, url) is None


# Schedules of one time -------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan(hurried):
    """A function, and what a schedule needs to invoke it."""
    return Plan(hurried)


class Plan:
    def __init__(self, account):
        self.account, self.aws = account, account.client
        self.scheduler = self.aws("scheduler")
        self.group = self.scheduler.create_schedule_group(Name="ours")["ScheduleGroupArn"]
        self.scheduler.create_schedule_group(Name="theirs")
        self.name = "invoked"
        self.role("function", "lambda.amazonaws.com", {}, allow("logs:*"))
        self.function = self.aws("lambda").create_function(
            FunctionName=self.name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=self.arn("function"),
            Code={"ZipFile": code()},
        )["FunctionArn"]
        self.url, self.queue = new_queue(self.aws)
        trusted = {"StringEquals": {"aws:SourceArn": self.group}}
        may = [allow("lambda:InvokeFunction", self.function), allow("sqs:SendMessage", self.queue)]
        self.role("schedule", "scheduler.amazonaws.com", trusted, *may)
        self.role("powerless", "scheduler.amazonaws.com", trusted, allow("sqs:SendMessage", self.queue))

    def arn(self, role):
        return self.aws("iam").get_role(RoleName=role)["Role"]["Arn"]

    def role(self, name, service, condition, *statements):
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
        self.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        self.aws("iam").put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(*statements))

    def moment(self, seconds):
        moment = datetime.datetime.fromtimestamp(self.account.forward(0)["Now"] + seconds, datetime.timezone.utc)
        return moment.strftime("at(%Y-%m-%dT%H:%M:%S)")

    def asked(self, seconds=60, role="schedule", text="{}", **more):
        target = {
            "Arn": self.function,
            "RoleArn": self.arn(role),
            "Input": text,
            "DeadLetterConfig": {"Arn": self.queue},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 3600},
        }
        return {
            "Name": f"s-{uuid.uuid4().hex[:8]}",
            "GroupName": "ours",
            "ScheduleExpression": self.moment(seconds),
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": target,
            **more,
        }

    def names(self):
        return {item["Name"] for item in self.scheduler.list_schedules(GroupName="ours")["Schedules"]}


def test_a_schedule_invokes_its_function_once_at_its_time_and_is_gone(plan, tmp_path):
    told = tmp_path / "told"
    asked = plan.asked(600, text=json.dumps({"in": str(told), "keep": "at its time"}))
    plan.scheduler.create_schedule(**asked)
    plan.account.forward(590)
    time.sleep(0.6)
    assert asked["Name"] in plan.names() and not told.exists(), "not yet"
    plan.account.forward(20)
    wait_for(lambda: asked["Name"] not in plan.names())
    wait_for(told.exists)
    assert told.read_text() == "at its time"


def test_the_clock_of_the_functions_is_moved_with_the_account_s(hurried, plan, tmp_path):
    told = tmp_path / "told"
    before = hurried.forward(0)["Moved"]
    assert hurried.forward(3600)["Moved"] == before + 3600
    answer = plan.aws("lambda").invoke(FunctionName=plan.name, Payload=json.dumps({"in": str(told), "keep": "x"}))
    shown = json.load(answer["Payload"])
    assert float(shown["SHOWN_NOW"]) == pytest.approx(time.time() + before + 3600, abs=30)


def test_a_schedule_with_the_same_token_is_the_same_and_another_of_its_name_a_conflict(plan):
    asked = plan.asked(ClientToken="t-1")
    first = plan.scheduler.create_schedule(**asked)["ScheduleArn"]
    assert plan.scheduler.create_schedule(**asked)["ScheduleArn"] == first
    assert first.endswith(f":schedule/ours/{asked['Name']}")
    for other in ({"ClientToken": "t-2"}, {"ScheduleExpression": plan.moment(7200)}):
        assert code_of(plan.scheduler.create_schedule, **{**asked, **other}) == "ConflictException"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ScheduleExpression": "at(2026-01-01T00:00:00)"},
        {"ScheduleExpression": "at(tomorrow)"},
        {"Name": "n" * 65},
        {"role": "function"},
        {"GroupName": "theirs"},
    ],
    ids=["past", "no time", "long", "a role that does not trust", "a role that trusts another group"],
)
def test_what_scheduler_refuses(plan, wrong):
    asked = plan.asked(role=wrong["role"]) if "role" in wrong else {**plan.asked(), **wrong}
    before = plan.names()
    assert code_of(plan.scheduler.create_schedule, **asked) == "ValidationException"
    assert plan.names() == before
    assert code_of(plan.scheduler.create_schedule, **plan.asked(GroupName="none")) == "ValidationException"


def test_who_makes_a_schedule_needs_the_right_in_its_group_and_to_pass_the_role_on(hurried, plan):
    schedules = allow("scheduler:CreateSchedule", plan.group.replace(":schedule-group/", ":schedule/") + "/*")
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    passes = allow("iam:PassRole", plan.arn("schedule"), **to_scheduler)
    made = session(hurried, schedules, passes).create_schedule(**plan.asked())
    assert made["ScheduleArn"]
    for statements, asked in [
        ([schedules], plan.asked()),
        ([schedules, passes], plan.asked(role="powerless")),
        ([passes], plan.asked()),
        ([schedules, passes], plan.asked(GroupName="theirs")),
    ]:
        with pytest.raises(ClientError, match="AccessDenied"):
            session(hurried, *statements).create_schedule(**asked)


def session(account, *statements):
    """Scheduler, for whoever may do this."""
    iam, name = account.client("iam"), f"r{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(*statements))
    keys = account.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    secrets = [keys[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    return account.client("scheduler", "eu-west-1", *secrets)


def test_what_the_role_may_not_deliver_is_in_the_dead_letter_queue(plan):
    asked = plan.asked(role="powerless", text='{"detail": 1}')
    plan.scheduler.create_schedule(**asked)
    plan.account.forward(61)
    (message,) = wait_for(lambda: received(plan.aws, plan.url))
    assert message["Body"] == '{"detail": 1}'
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"] == plan.function == arn_of(plan.aws, plan.name)
    assert attributes["SCHEDULE_ARN"].endswith(f":schedule/ours/{asked['Name']}")
    assert attributes["ERROR_CODE"] == "AccessDeniedException"
    assert asked["Name"] not in plan.names()


def test_a_rule_that_ec2_shows_late_is_there_and_shown_when_its_time_has_come(hurried):
    ec2 = hurried.client("ec2")
    group = new_group(ec2, ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"])
    hurried.control("POST", "late", {"GroupId": group, "Seconds": 60})
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(6379, "0.0.0.0/0")])
    (rule,) = (item["SecurityGroupRuleId"] for item in made["SecurityGroupRules"])
    assert ingress(ec2, group) == []
    missing = code_of(ec2.describe_security_group_rules, SecurityGroupRuleIds=[rule])
    assert missing == "InvalidSecurityGroupRuleId.NotFound"
    hurried.forward(60)
    assert [item["SecurityGroupRuleId"] for item in ingress(ec2, group)] == [rule]
