"""Lambda on ``provided.al2023``: environment, credentials, retries, destinations, dead letters."""

import io
import json
import time
import uuid
import zipfile

import pytest
from conftest import wait_for

#: A bootstrap needs no compiler when it is a script; the runtime API is the same.
BOOTSTRAP = """#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as answer:
        request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    shown = {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "SHOWN_"))}
    shown["SHOWN_PID"] = os.getpid()
    failing = event.get("detail", event).get("fail")
    kind, body = ("error", {"errorType": "Broken", "errorMessage": "as asked"}) if failing else ("response", shown)
    request = urllib.request.Request(api + request_id + "/" + kind, data=json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(request).read()
"""


def code():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        file.writestr(entry, BOOTSTRAP)
    return archive.getvalue()


@pytest.fixture
def queue(aws):
    """A queue to which the services may send: its URL and its ARN."""
    return new_queue(aws)


def new_queue(aws, effect="Allow"):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=f"q{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": effect,
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


@pytest.fixture
def function(aws):
    """A function with a role of its own, named after both."""
    name = f"f{uuid.uuid4().hex[:8]}"
    allow = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    may_send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:q*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    aws("iam").put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=policy)
    aws("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Code={"ZipFile": code()},
        Environment={"Variables": {"SHOWN_MODE": "enforce"}},
        Timeout=5,
    )
    aws("lambda").add_permission(
        FunctionName=name, StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    yield name
    aws("lambda").delete_function(FunctionName=name)


def received(aws, url):
    return aws("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")


def on_event(aws, target, **options):
    """A rule that sends events of a new source to a target; gives the source."""
    events, source = aws("events"), f"test.{uuid.uuid4().hex[:8]}"
    name = source.replace(".", "-")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": target, **options}])
    return source


def put(aws, source, detail):
    aws("events").put_events(Entries=[{"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}])


def arn_of(aws, function):
    return aws("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]


def test_functions_reach_the_account_as_their_own_role(account, aws, function):
    answer = aws("lambda").invoke(FunctionName=function, Payload=b"{}")
    shown = json.load(answer["Payload"])
    assert shown["SHOWN_MODE"] == "enforce" and shown["AWS_ENDPOINT_URL"] == account.endpoint
    assert shown["AWS_REGION"] == "eu-west-1" and shown["AWS_LAMBDA_FUNCTION_NAME"] == function
    own = account.client(
        "sts",
        access_key=shown["AWS_ACCESS_KEY_ID"],
        secret_key=shown["AWS_SECRET_ACCESS_KEY"],
        session_token=shown["AWS_SESSION_TOKEN"],
    )
    assert f":assumed-role/{function}/" in own.get_caller_identity()["Arn"]


def test_an_error_is_told_to_who_waits_for_the_answer(aws, function):
    answer = aws("lambda").invoke(FunctionName=function, Payload=b'{"fail": true}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorMessage"] == "as asked"


def test_a_failed_event_is_tried_three_times_and_then_kept(aws, function, queue):
    url, arn = queue
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    put(aws, on_event(aws, arn_of(aws, function)), {"fail": True, "number": 7})
    (message,) = wait_for(lambda: received(aws, url))
    record = json.loads(message["Body"])
    assert record["version"] == "1.0" and record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"].endswith(f":function:{function}:$LATEST")
    assert record["requestPayload"]["detail"] == {"fail": True, "number": 7}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorType"] == "Broken"


def test_the_number_of_retries_is_configured(aws, function, queue):
    url, arn = queue
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": true}')
    (message,) = wait_for(lambda: received(aws, url))
    assert json.loads(message["Body"])["requestContext"]["approximateInvokeCount"] == 1


def test_a_dead_letter_queue_gets_the_event_itself(aws, function, queue):
    url, arn = queue
    aws("lambda").update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": arn})
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": true, "number": 8}')
    (message,) = wait_for(lambda: received(aws, url))
    assert json.loads(message["Body"]) == {"fail": True, "number": 8}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "as asked"


def test_a_successful_event_reaches_no_queue(aws, function, queue):
    url, arn = queue
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    put(aws, on_event(aws, arn_of(aws, function)), {"number": 9})
    time.sleep(0.5)
    assert received(aws, url) is None


def test_an_event_for_a_missing_function_is_a_dead_letter(aws, function, queue):
    url, arn = queue
    missing = arn_of(aws, function).replace(function, "gone")
    put(aws, on_event(aws, missing, DeadLetterConfig={"Arn": arn}), {"number": 10})
    (message,) = wait_for(lambda: received(aws, url))
    assert json.loads(message["Body"])["detail"] == {"number": 10}
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == missing


def test_a_function_that_does_not_admit_eventbridge_gets_no_events(aws, function, queue):
    url, arn = queue
    aws("lambda").remove_permission(FunctionName=function, StatementId="events")
    put(aws, on_event(aws, arn_of(aws, function), DeadLetterConfig={"Arn": arn}), {"number": 11})
    (message,) = wait_for(lambda: received(aws, url))
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_a_queue_that_does_not_admit_eventbridge_gets_no_dead_letters(aws, function):
    url, arn = new_queue(aws, effect="Deny")
    missing = arn_of(aws, function).replace(function, "gone")
    put(aws, on_event(aws, missing, DeadLetterConfig={"Arn": arn}), {"number": 12})
    time.sleep(0.3)
    assert received(aws, url) is None


def test_a_role_that_may_not_send_loses_the_failure(aws, function, queue):
    url, arn = queue
    aws("iam").delete_role_policy(RoleName=function, PolicyName="send")
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": true}')
    time.sleep(0.5)
    assert received(aws, url) is None


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Failures:
    Type: AWS::SQS::Queue
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: { Bucket: BUCKET, Key: code.zip }
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Failures.Arn } }
      Events:
        Calls:
          Type: EventBridgeRule
          Properties: { Pattern: { source: [test.BUCKET] } }
Outputs:
  Failures: { Value: !Ref Failures }
"""


def test_a_deployed_sam_template_keeps_failures(aws):
    """CloudFormation, SAM's permissions and the on-failure destination together."""
    bucket = f"b{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_object(Bucket=bucket, Key="code.zip", Body=code())
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName=bucket,
        TemplateBody=TEMPLATE.replace("BUCKET", bucket),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def finished():
        stack = cloudformation.describe_stacks(StackName=bucket)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    stack = wait_for(finished, 20)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    put(aws, f"test.{bucket}", {"fail": True})
    (message,) = wait_for(lambda: received(aws, stack["Outputs"][0]["OutputValue"]))
    assert json.loads(message["Body"])["requestContext"]["approximateInvokeCount"] == 2
