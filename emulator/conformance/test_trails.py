"""CloudTrail: without a trail that logs a call, EventBridge hears nothing of it."""

import json
import time
import uuid

import pytest
from account.process import EmulatedAccount
from conftest import code_of, new_group, tcp, wait_for

ARN = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/management-events"


@pytest.fixture(scope="module")
def other():
    """An account whose trails a test may stop."""
    with EmulatedAccount() as running:
        yield running


@pytest.fixture
def trail(other):
    """The trail of the new account, logging everything; put back afterwards."""
    client = other.client("cloudtrail")
    yield client
    for name in [trail["Name"] for trail in client.describe_trails()["trailList"]]:
        client.delete_trail(Name=name)
    client.create_trail(Name="management-events", S3BucketName="trails", IsMultiRegionTrail=True)
    client.start_logging(Name="management-events")


@pytest.fixture
def heard(other):
    """``heard(region)``: whether a call in that Region is seen as an event within half a second."""

    def look(region="eu-west-1"):
        sqs, events, ec2 = (other.client(service, region) for service in ("sqs", "events", "ec2"))
        name = f"h{uuid.uuid4().hex[:8]}"
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        admit = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "*", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_rule(Name=name, EventPattern=json.dumps({"detail-type": ["AWS API Call via CloudTrail"]}))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        group = new_group(ec2, ec2.describe_vpcs()["Vpcs"][0]["VpcId"])
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(6379, "10.0.0.0/8")])
        deadline = time.monotonic() + 0.5
        seen = []
        while time.monotonic() < deadline and len(seen) < 2:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                seen.append(json.loads(message["Body"])["detail"]["eventName"])
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
        assert seen in ([], ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress"])
        return bool(seen)

    return look


def test_an_account_starts_with_a_trail_for_all_regions(trail, heard):
    (described,) = trail.describe_trails()["trailList"]
    assert described["TrailARN"] == ARN and described["IsMultiRegionTrail"] and described["HomeRegion"] == "eu-west-1"
    assert heard() and heard("eu-central-1")


def test_stopping_and_starting(trail, heard):
    trail.stop_logging(Name="management-events")
    status = trail.get_trail_status(Name="management-events")
    assert status["IsLogging"] is False and "StopLoggingTime" in status
    assert not heard() and not heard("eu-central-1")
    trail.start_logging(Name="management-events")
    assert trail.get_trail_status(Name=ARN)["IsLogging"] is True
    assert heard()


def test_a_deleted_trail_logs_nothing(trail, heard):
    trail.delete_trail(Name="management-events")
    assert trail.describe_trails()["trailList"] == []
    assert code_of(trail.get_trail_status, Name=ARN) == "TrailNotFoundException"
    assert not heard()


def test_a_trail_of_one_region_logs_only_there(trail, heard):
    trail.delete_trail(Name="management-events")
    trail.create_trail(Name="here", S3BucketName="trails")
    assert not heard()  # a new trail does not log yet
    trail.start_logging(Name="here")
    assert heard() and not heard("eu-central-1")


def test_a_trail_of_all_regions_is_seen_in_others_too(trail, other):
    elsewhere = other.client("cloudtrail", "eu-central-1")
    assert [trail["TrailARN"] for trail in elsewhere.describe_trails()["trailList"]] == [ARN]
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert elsewhere.get_trail_status(Name=ARN)["IsLogging"] is True
    assert elsewhere.get_event_selectors(TrailName=ARN)["EventSelectors"][0]["ReadWriteType"] == "All"
    assert code_of(elsewhere.stop_logging, Name=ARN) == "InvalidHomeRegionException"


MANAGEMENT = {"ReadWriteType": "All", "IncludeManagementEvents": True}


def fields(**equals):
    selectors = [{"Field": field, "Equals": values} for field, values in equals.items()]
    return {"AdvancedEventSelectors": [{"Name": "all", "FieldSelectors": selectors}]}


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ({"EventSelectors": [{**MANAGEMENT, "ReadWriteType": "WriteOnly"}]}, True),
        ({"EventSelectors": [{**MANAGEMENT, "ReadWriteType": "ReadOnly"}]}, False),
        ({"EventSelectors": [{**MANAGEMENT, "IncludeManagementEvents": False}]}, False),
        ({"EventSelectors": [{**MANAGEMENT, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}]}, True),
        (fields(eventCategory=["Management"]), True),
        (fields(eventCategory=["Management"], readOnly=["false"]), True),
        (fields(eventCategory=["Management"], readOnly=["true"]), False),
        (fields(eventCategory=["Data"]), False),
        (fields(eventCategory=["Management"], eventSource=["rds.amazonaws.com"]), False),
    ],
)
def test_selectors_decide(trail, heard, selectors, expected):
    trail.put_event_selectors(TrailName="management-events", **selectors)
    answer = trail.get_event_selectors(TrailName=ARN)
    (kind,) = selectors
    assert len(answer[kind]) == 1 and answer["TrailARN"] == ARN
    assert heard() is expected


def test_an_account_without_a_trail():
    with EmulatedAccount("--no-trail") as without:
        assert without.client("cloudtrail").describe_trails()["trailList"] == []


def test_cloudformations_own_calls_need_a_trail_too(trail, other):
    """The stack's own events do not."""
    trail.stop_logging(Name="management-events")
    sqs, events = other.client("sqs"), other.client("events")
    url = sqs.create_queue(QueueName="stacks")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="stacks", EventPattern=json.dumps({"source": ["aws.ec2", "aws.cloudformation"]}))
    events.put_targets(Rule="stacks", Targets=[{"Id": "queue", "Arn": arn}])
    rule = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "CidrIp": "10.0.0.0/8"}
    properties = {"GroupDescription": "by a stack", "SecurityGroupIngress": [rule]}
    template = {"Resources": {"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}}}
    stack_id = other.client("cloudformation").create_stack(StackName="quiet", TemplateBody=json.dumps(template))
    stack_id = stack_id["StackId"]
    seen = []

    def complete():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in seen if event["detail"]["status-details"]["status"] == "CREATE_COMPLETE"][1:]

    wait_for(complete)
    assert {event["source"] for event in seen} == {"aws.cloudformation"}
    stacks = [event for event in seen if event["detail-type"] == "CloudFormation Stack Status Change"]
    assert [event["detail"]["status-details"]["status"] for event in stacks] == [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ]
    assert {event["detail"]["stack-id"] for event in stacks} == {stack_id} == set(stacks[0]["resources"])
    assert set(stacks[0]["detail"]["status-details"]) == {"status", "status-reason"}
    resources = [event["detail"] for event in seen if event["detail-type"] == "CloudFormation Resource Status Change"]
    assert {resource["logical-resource-id"] for resource in resources} == {"Group"}
