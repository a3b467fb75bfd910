"""Lambda on ``provided.al2023``: environment, credentials, retries, destinations, dead letters."""

import json
import time
import uuid

from conftest import arn_of, code, code_of, new_queue, on_event, put, received, wait_for


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


def started(aws, function):
    """The request of each invocation, by Lambda's own lines in the log."""
    lines = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern="START")["events"]
    lines = [event["message"].split() for event in lines if event["message"].startswith("START RequestId:")]
    return [words[2] for words in lines]


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
    assert started(aws, function) == [record["requestContext"]["requestId"]] * 3, "one request, however often tried"
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


# Many at once --------------------------------------------------------------------------


def reserve(aws, function, number):
    aws("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=number)


def test_a_synchronous_call_over_the_reserved_concurrency_is_refused(aws, function):
    reserve(aws, function, 1)
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"sleep": 1}')
    time.sleep(0.3)
    assert code_of(aws("lambda").invoke, FunctionName=function, Payload=b"{}") == "TooManyRequestsException"


def test_a_throttled_event_waits_and_is_not_lost(aws, function, tmp_path):
    """Throttled attempts do not count as failed ones, so that no retry is needed to get through."""
    reserve(aws, function, 1)
    aws("lambda").put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    ran = tmp_path / "ran"
    for _ in range(5):
        event = json.dumps({"sleep": 0.1, "write": str(ran)}).encode()
        aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=event)
    wait_for(lambda: total(aws, "Invocations", function) == 5)
    assert ran.read_text() == "x" * 5 and total(aws, "Throttles", function) > 0


def test_without_any_concurrency_an_event_is_kept_at_once(aws, function, queue):
    url, arn = queue
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    reserve(aws, function, 0)
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"number": 13}')
    (message,) = wait_for(lambda: received(aws, url))
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"number": 13} and record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_hundreds_of_events_at_once_are_all_handled(aws, function, tmp_path):
    """By as few processes as the account works with at once."""
    source, ran = on_event(aws, arn_of(aws, function)), tmp_path / "ran"
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps({"write": str(ran)})}
    for _ in range(30):
        assert aws("events").put_events(Entries=[entry] * 10)["FailedEntryCount"] == 0
    wait_for(lambda: total(aws, "Invocations", function) >= 300, seconds=30)
    time.sleep(0.3)
    assert ran.read_text() == "x" * 300 and total(aws, "Invocations", function) == 300


def total(aws, metric, function):
    now = time.time()
    answer = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=86400,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in answer["Datapoints"])


def test_a_function_logs_with_the_rights_of_its_role(aws, function):
    logs, group = aws("logs"), f"/aws/lambda/{function}"
    aws("lambda").invoke(FunctionName=function, Payload=b'{"print": "heard"}')
    events = wait_for(lambda: logs.filter_log_events(logGroupName=group, filterPattern="heard")["events"])
    assert len(events) == 1
    logs.delete_log_group(logGroupName=group)
    aws("iam").delete_role_policy(RoleName=function, PolicyName="send")
    aws("lambda").invoke(FunctionName=function, Payload=b'{"print": "unheard"}')
    time.sleep(0.2)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_who_may_read_the_concurrency_of_a_function_may_not_set_it(account, aws, function):
    aws("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=3)
    read = {"Effect": "Allow", "Action": "lambda:GetFunctionConcurrency", "Resource": arn_of(aws, function)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [read]})
    aws("iam").put_role_policy(RoleName=function, PolicyName="read", PolicyDocument=policy)
    shown = json.load(aws("lambda").invoke(FunctionName=function, Payload=b"{}")["Payload"])
    keys = [shown[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    client = account.client("lambda", "eu-west-1", *keys)
    assert client.get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"] == 3
    asked = {"FunctionName": function, "ReservedConcurrentExecutions": 0}
    assert code_of(client.put_function_concurrency, **asked) == "AccessDeniedException"
    assert code_of(client.delete_function_concurrency, FunctionName=function) == "AccessDeniedException"
    assert aws("lambda").get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"] == 3


def test_a_role_may_invoke_its_own_function_and_no_other(account, aws, function):
    """By name and by ARN, as a function that gives itself an event does."""
    own = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn_of(aws, function)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [own]})
    aws("iam").put_role_policy(RoleName=function, PolicyName="tell-again", PolicyDocument=policy)
    shown = json.load(aws("lambda").invoke(FunctionName=function, Payload=b"{}")["Payload"])
    keys = [shown[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    client = account.client("lambda", "eu-west-1", *keys)
    for name in (function, arn_of(aws, function)):
        assert client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")["StatusCode"] == 202
    wait_for(lambda: total(aws, "Invocations", function) == 3)
    assert code_of(client.invoke, FunctionName="another", Payload=b"{}") == "AccessDeniedException"
