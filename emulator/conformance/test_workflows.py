"""Step Functions as a long workflow with approvals relies on it: errors, retries, tokens, names, rights and time."""

import json
import time
import uuid

import pytest
from conftest import ACCOUNT, REGION, allow, arn_of, code_of, document, outputs, wait_for

INVOKE = "arn:aws:states:::lambda:invoke"
CALLBACK = f"{INVOKE}.waitForTaskToken"
TRUST = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def machine(aws, function):
    """``machine(states, …)``: the ARN of a state machine that may invoke the function, in JSONata."""
    made = []

    def make(states, *, rights=None, start=None, **more):
        name = f"m{uuid.uuid4().hex[:8]}"
        role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
        rights = rights or allow("lambda:InvokeFunction", arn_of(aws, function))
        aws("iam").put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(rights))
        definition = {"QueryLanguage": "JSONata", "StartAt": start or next(iter(states)), "States": states, **more}
        sfn = aws("stepfunctions")
        made.append(sfn.create_state_machine(name=name, roleArn=role, definition=json.dumps(definition)))
        return made[-1]["stateMachineArn"]

    yield make
    for item in made:
        aws("stepfunctions").delete_state_machine(stateMachineArn=item["stateMachineArn"])


@pytest.fixture
def call(aws, function):
    """``call(payload, …)``: a task that invokes the function."""

    def task(payload, **more):
        arguments = {"FunctionName": arn_of(aws, function), "Payload": payload}
        return {"Type": "Task", "Resource": INVOKE, "Arguments": arguments, "End": True, **more}

    return task


@pytest.fixture
def run(aws, machine):
    """``run(states, …)``: starts a workflow, waits until it ended, and gives its description."""

    def execute(states, given=None, **more):
        execution = start(aws, machine(states, **more), given)
        return ended(aws, execution)

    return execute


def start(aws, machine, given=None, **more):
    return aws("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(given or {}), **more)[
        "executionArn"
    ]


def describe(aws, execution):
    return aws("stepfunctions").describe_execution(executionArn=execution)


def ended(aws, execution):
    return wait_for(lambda: (found := describe(aws, execution))["status"] != "RUNNING" and found)


def output(described):
    assert described["status"] == "SUCCEEDED", described
    return json.loads(described["output"])


def attempts(aws, execution):
    history = aws("stepfunctions").get_execution_history(executionArn=execution)["events"]
    return sum(event["type"] == "TaskScheduled" for event in history)


def loop(*errors, **more):
    return [{"ErrorEquals": list(errors), "IntervalSeconds": 1, "MaxAttempts": 2, **more}]


# Data ------------------------------------------------------------------------------------


def test_variables_are_assigned_from_what_they_were_before(run):
    states = {
        "First": {"Type": "Pass", "Assign": {"a": 1, "b": 10}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Last"},
        "Last": {"Type": "Pass", "Output": {"a": "{% $a %}", "b": "{% $b %}"}, "End": True},
    }
    assert output(run(states)) == {"a": 10, "b": 1}


def test_a_choice_leads_on_what_a_function_answered(run, call):
    ask = call({"answer": {"state": "busy", "count": 3}}, Assign={"seen": "{% $states.result.Payload.count %}"})
    del ask["End"]
    states = {
        "Ask": {**ask, "Output": "{% $states.result.Payload %}", "Next": "Busy"},
        "Busy": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.state = 'busy' and $seen > 2 %}", "Next": "Yes"}],
            "Default": "No",
        },
        "Yes": {"Type": "Pass", "Output": {"seen": "{% $seen %}"}, "End": True},
        "No": {"Type": "Fail", "Error": "Wrong"},
    }
    assert output(run(states)) == {"seen": 3}


def test_the_context_names_the_execution(aws, machine):
    context = {"id": "{% $states.context.Execution.Id %}", "name": "{% $states.context.Execution.Name %}"}
    execution = start(aws, machine({"Tell": {"Type": "Pass", "Output": context, "End": True}}), name="cache-1a2b3c4d")
    assert output(ended(aws, execution)) == {"id": execution, "name": "cache-1a2b3c4d"}


# Errors ----------------------------------------------------------------------------------


def test_the_error_type_of_a_function_is_the_name_of_the_error(run, call):
    caught = {"ErrorEquals": ["Portcullis.Final"], "Output": "{% $states.errorOutput %}", "Next": "Told"}
    failing = call({"fail": "Portcullis.Final"}, Catch=[caught])
    states = {"Fail": failing, "Told": {"Type": "Pass", "End": True}}
    told = output(run(states))
    assert told["Error"] == "Portcullis.Final" and json.loads(told["Cause"])["errorMessage"] == "as asked"


def test_an_execution_that_fails_has_an_error_and_no_output(run, call):
    described = run({"Fail": call({"fail": "Portcullis.Final"})})
    assert (described["status"], described["error"]) == ("FAILED", "Portcullis.Final")
    assert "output" not in described


def test_a_process_that_dies_is_an_exit_error(run, call):
    assert run({"Die": call({"exit": 1})})["error"] == "Runtime.ExitError"


def test_only_the_errors_that_are_named_are_tried_again(aws, machine, call):
    retry = loop("Portcullis.Retry")
    again = start(aws, machine({"Fail": call({"fail": "Portcullis.Retry"}, Retry=retry)}))
    once = start(aws, machine({"Fail": call({"fail": "Portcullis.Final"}, Retry=retry)}))
    assert ended(aws, again)["status"] == ended(aws, once)["status"] == "FAILED"
    assert (attempts(aws, again), attempts(aws, once)) == (3, 1)


def test_pauses_grow_up_to_their_maximum(run, call):
    """Scaled by 0.001: two pauses of 200 s, where 10 000 times as much would follow without a maximum."""
    retry = loop("Broken", IntervalSeconds=200, BackoffRate=10000, MaxDelaySeconds=200, JitterStrategy="NONE")
    begun = time.monotonic()
    run({"Fail": call({"fail": True}, Retry=retry)})
    assert 0.4 < time.monotonic() - begun < 5


def test_jitter_shortens_pauses(run, call):
    retry = loop("Broken", IntervalSeconds=3000, BackoffRate=1, MaxAttempts=3, JitterStrategy="FULL")
    begun = time.monotonic()
    run({"Fail": call({"fail": True}, Retry=retry)})
    assert time.monotonic() - begun < 9


def test_no_wildcard_means_a_runtime_error(aws, machine, call):
    unknown = call({}, Resource="arn:aws:states:::nothing:here", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "End"}])
    execution = start(aws, machine({"Do": unknown, "End": {"Type": "Succeed"}}))
    assert ended(aws, execution)["error"] == "States.Runtime"


def test_a_result_may_not_be_too_large(run, call):
    assert run({"Much": call({"answer": "x" * 263000})})["error"] == "States.DataLimitExceeded"


# Time ------------------------------------------------------------------------------------


def test_a_wait_takes_its_scaled_time(run):
    begun = time.monotonic()
    run({"Wait": {"Type": "Wait", "Seconds": 1000, "Next": "End"}, "End": {"Type": "Succeed"}})
    assert 1 < time.monotonic() - begun < 4


def test_a_short_wait_still_takes_a_moment(run):
    begun = time.monotonic()
    states = {f"W{n}": {"Type": "Wait", "Seconds": "{% 5 %}", "Next": f"W{n + 1}"} for n in range(10)}
    run({**states, "W10": {"Type": "Succeed"}})
    assert time.monotonic() - begun > 0.5


def test_the_time_of_a_whole_workflow_is_limited(run):
    described = run({"Wait": {"Type": "Wait", "Seconds": 100000, "End": True}}, TimeoutSeconds=1)
    assert described["status"] == "TIMED_OUT" and "error" not in described


# Names -----------------------------------------------------------------------------------

WAITING = {"Wait": {"Type": "Wait", "Seconds": 600000, "Next": "End"}, "End": {"Type": "Succeed"}}


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(aws, machine):
    arn, sfn = machine(WAITING), aws("stepfunctions")
    first = start(aws, arn, {"cache": "a"}, name="same")
    assert start(aws, arn, {"cache": "a"}, name="same") == first
    other = json.dumps({"cache": "b"})
    assert code_of(sfn.start_execution, stateMachineArn=arn, name="same", input=other) == "ExecutionAlreadyExists"
    assert len(sfn.list_executions(stateMachineArn=arn)["executions"]) == 1
    sfn.stop_execution(executionArn=first)
    same = json.dumps({"cache": "a"})
    assert code_of(sfn.start_execution, stateMachineArn=arn, name="same", input=same) == "ExecutionAlreadyExists"


def test_names_and_inputs_are_checked(aws, machine):
    arn, sfn = machine(WAITING), aws("stepfunctions")
    assert code_of(sfn.start_execution, stateMachineArn=arn, name="a b") == "InvalidName"
    assert code_of(sfn.start_execution, stateMachineArn=arn, name="x" * 81) == "InvalidName"
    assert code_of(sfn.start_execution, stateMachineArn=arn, input="{") == "InvalidExecutionInput"
    assert sfn.list_executions(stateMachineArn=arn)["executions"] == []


def test_executions_are_listed_by_status(aws, machine):
    arn, sfn = machine(WAITING), aws("stepfunctions")
    stopped, running = start(aws, arn), start(aws, arn)
    sfn.stop_execution(executionArn=stopped)
    for status, wanted in (("RUNNING", [running]), ("ABORTED", [stopped]), ("FAILED", [])):
        listed = sfn.list_executions(stateMachineArn=arn, statusFilter=status)["executions"]
        assert [item["executionArn"] for item in listed] == wanted
    sfn.stop_execution(executionArn=running)


# Task tokens -----------------------------------------------------------------------------


@pytest.fixture
def asking(aws, machine, function, tmp_path):
    """``asking(…)``: a workflow that waits for an answer, and the token that its function was given."""

    def begin(payload=None, **more):
        file = tmp_path / uuid.uuid4().hex
        given = {"keep": "{% $states.context.Task.Token %}", "in": str(file), **(payload or {})}
        arguments = {"FunctionName": arn_of(aws, function), "Payload": given}
        states = {"Ask": {"Type": "Task", "Resource": CALLBACK, "Arguments": arguments, "End": True, **more}}
        execution = start(aws, machine({**states, "Late": {"Type": "Pass", "Output": "late", "End": True}}))
        return execution, wait_for(lambda: file.exists() and file.read_text()) if not payload else None

    return begin


def test_an_answer_wakes_the_workflow_once(aws, asking):
    execution, token = asking()
    sfn = aws("stepfunctions")
    time.sleep(0.3)
    assert describe(aws, execution)["status"] == "RUNNING"
    sfn.send_task_success(taskToken=token, output='{"yes": true}')
    assert output(ended(aws, execution)) == {"yes": True}
    assert code_of(sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert code_of(sfn.send_task_failure, taskToken=token) == "TaskTimedOut"


def test_a_failure_sent_back_is_the_error_of_the_task(aws, asking):
    execution, token = asking()
    aws("stepfunctions").send_task_failure(taskToken=token, error="Portcullis.No", cause="not now")
    described = ended(aws, execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Portcullis.No", "not now")


def test_an_answer_must_be_json_and_a_token_a_token(aws, asking):
    execution, token = asking()
    sfn = aws("stepfunctions")
    assert code_of(sfn.send_task_success, taskToken=token, output="yes") == "InvalidOutput"
    assert code_of(sfn.send_task_success, taskToken="guessed", output="{}") == "InvalidToken"
    unknown = ("B" if token[0] == "A" else "A") + token[1:]
    assert code_of(sfn.send_task_success, taskToken=unknown, output="{}") == "TaskDoesNotExist"
    assert describe(aws, execution)["status"] == "RUNNING"
    sfn.stop_execution(executionArn=execution)


def test_waiting_for_an_answer_times_out(aws, asking):
    """Scaled by 0.01."""
    late = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    execution, token = asking(TimeoutSeconds="{% 20 + 30 %}", Catch=late)
    assert output(ended(aws, execution)) == "late"
    assert code_of(aws("stepfunctions").send_task_success, taskToken=token, output="{}") == "TaskTimedOut"


def test_a_heartbeat_keeps_a_task_waiting(aws, asking):
    execution, token = asking(HeartbeatSeconds=50)
    begun = time.monotonic()
    while time.monotonic() - begun < 1.2:
        aws("stepfunctions").send_task_heartbeat(taskToken=token)
        time.sleep(0.1)
    assert describe(aws, execution)["status"] == "RUNNING"
    assert ended(aws, execution)["error"] == "States.Timeout"


def test_a_question_that_cannot_be_asked_fails_the_task(aws, asking):
    execution, _ = asking({"fail": "Portcullis.Final"})
    assert ended(aws, execution)["error"] == "Portcullis.Final"


def test_stopping_ends_a_workflow_that_waits(aws, asking):
    execution, token = asking()
    sfn = aws("stepfunctions")
    sfn.stop_execution(executionArn=execution, error="Portcullis.Stopped", cause="by hand")
    described = describe(aws, execution)
    assert (described["status"], described["error"]) == ("ABORTED", "Portcullis.Stopped")
    assert code_of(sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert describe(aws, execution)["status"] == "ABORTED"


def test_nothing_follows_the_state_in_which_a_workflow_was_stopped(aws, machine, call, tmp_path):
    file = tmp_path / "written"
    states = {
        "Wait": {"Type": "Wait", "Seconds": 1000, "Next": "Write"},
        "Write": call({"write": str(file)}),
    }
    execution = start(aws, machine(states))
    aws("stepfunctions").stop_execution(executionArn=execution)
    time.sleep(1.5)
    assert not file.exists() and attempts(aws, execution) == 0


def test_executions_are_counted_by_how_they_end(aws, machine, call):
    cloudwatch, sfn = aws("cloudwatch"), aws("stepfunctions")
    arn = machine({"Fail": call({"fail": "Portcullis.Final"})})
    waiting = machine(WAITING)
    ended(aws, start(aws, arn))
    sfn.stop_execution(executionArn=start(aws, waiting))
    now = time.time()

    def counted(name, state_machine):
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/States",
            MetricName=name,
            Dimensions=[{"Name": "StateMachineArn", "Value": state_machine}],
            StartTime=now - 600,
            EndTime=now + 600,
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    assert (counted("ExecutionsStarted", arn), counted("ExecutionsFailed", arn)) == (1, 1)
    assert (counted("ExecutionsAborted", waiting), counted("ExecutionsFailed", waiting)) == (1, 0)


# Rights ----------------------------------------------------------------------------------


def test_the_role_of_the_state_machine_invokes_the_function(run, call):
    elsewhere = allow("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other")
    described = run({"Call": call({})}, rights=elsewhere)
    assert described["error"] == "Lambda.AWSLambdaException" and "not authorized" in described["cause"]


def test_workflows_and_executions_are_resources(aws, role, machine):
    arn, other = machine(WAITING), machine(WAITING)
    executions = arn.replace(":stateMachine:", ":execution:") + ":*"
    client = role(allow("states:StartExecution", arn), allow(["states:DescribeExecution"], executions))("stepfunctions")
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert code_of(client.start_execution, stateMachineArn=other) == "AccessDeniedException"
    foreign = start(aws, other)
    assert code_of(client.describe_execution, executionArn=foreign) == "AccessDeniedException"
    assert code_of(client.stop_execution, executionArn=execution) == "AccessDeniedException"
    assert code_of(client.send_task_success, taskToken="x", output="{}") == "AccessDeniedException"
    for item in (execution, foreign):
        aws("stepfunctions").stop_execution(executionArn=item)


def test_who_may_send_answers_may_send_them_to_any_task(asking, aws, role):
    execution, token = asking()
    role(allow("states:SendTaskSuccess"))("stepfunctions").send_task_success(taskToken=token, output="1")
    assert output(ended(aws, execution)) == 1


# Deployed -------------------------------------------------------------------------------

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Bucket: {Type: String}
  Function: {Type: String}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: invoke
          PolicyDocument:
            Statement: [{Effect: Allow, Action: lambda:InvokeFunction, Resource: !Ref Function}]
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub "${AWS::StackName}-recreate"
      Type: STANDARD
      DefinitionUri: {Bucket: !Ref Bucket, Key: recreate.asl.json}
      DefinitionSubstitutions: {Partition: !Ref AWS::Partition, FunctionArn: !Ref Function, Days: "7"}
      Role: !GetAtt Role.Arn
Outputs:
  Machine: {Value: !Ref Machine}
"""
DEFINITION = {
    "QueryLanguage": "JSONata",
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::lambda:invoke",
            "Arguments": {"FunctionName": "${FunctionArn}", "Payload": {"answer": "{% $number('${Days}') * 2 %}"}},
            "Output": "{% $states.result.Payload %}",
            "End": True,
        }
    },
}


def test_a_workflow_is_deployed_from_a_file(aws, stack, function):
    bucket = f"b{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws("s3").put_object(Bucket=bucket, Key="recreate.asl.json", Body=json.dumps(DEFINITION))
    made = outputs(stack(TEMPLATE, {"Bucket": bucket, "Function": arn_of(aws, function)}))["Machine"]
    assert made.endswith(f":stateMachine:{stack.name}-recreate")
    assert output(ended(aws, start(aws, made))) == 14
