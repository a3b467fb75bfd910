"""What an operator runs at two in the morning: redrive, pause, resume, canary, destroy."""

import contextlib
import json
import os
import re
import subprocess
import sys

import pytest
from harness import places
from harness.deploy import template
from harness.guard import guarded, permission
from harness.wait import until

OPS = places.REPO / "infra" / "ops"
OPENED = permission("tcp", 6379, "0.0.0.0/0")
NO_REVOKE = {"Effect": "Deny", "Action": "ec2:RevokeSecurityGroupIngress", "Resource": "*"}


def operate(account, script, *arguments, environment=None):
    """Run one of the scripts as `make` does: (exit code, all that it printed)."""
    ran = subprocess.run(
        [sys.executable, str(OPS / script), *arguments],
        env=account.environment() if environment is None else environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    print(ran.stdout)
    return ran.returncode, ran.stdout


@pytest.fixture(scope="module")
def stack():
    """An account of these tests alone: each leaves the queues empty and the stack in enforce mode.

    Without alarms, which would go off, rightly, and be among the alerts.
    """
    with guarded(Alarms="none") as deployed:
        yield deployed


@pytest.fixture
def guard(stack):
    yield stack
    for url in (stack.stack.failure_queue, stack.stack.undelivered_queue):
        stack.account.client("sqs").purge_queue(QueueUrl=url)


def lying(guard, url):
    """Id and body of each message that anybody could take now; all are left as they are."""
    sqs = guard.account.client("sqs")
    found = {}
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60)
        if not answer.get("Messages"):
            break
        found.update({message["MessageId"]: message for message in answer["Messages"]})
    for message in found.values():
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return {key: message["Body"] for key, message in found.items()}


def refuse_revokes(guard, function="ingress"):
    """The function may not revoke any more; gives what makes it so, to be called in the end."""
    iam, role = guard.account.client("iam"), guard.stack.role(function).rsplit("/", 1)[-1]
    document = json.dumps({"Version": "2012-10-17", "Statement": [NO_REVOKE]})
    iam.put_role_policy(RoleName=role, PolicyName="no-revoke", PolicyDocument=document)
    return lambda: iam.delete_role_policy(RoleName=role, PolicyName="no-revoke")


def close_to_events(guard, function="ingress"):
    """The function admits EventBridge no more; gives what undoes that."""
    client, name = guard.account.client("lambda"), guard.stack.functions[function]
    (statement,) = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    client.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    return lambda: client.add_permission(
        FunctionName=name,
        StatementId=statement["Sid"],
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=next(iter(statement["Condition"].values()))["AWS:SourceArn"],
    )


def left_open(guard, name, queue):
    """A group with a public rule whose event was not processed: (the group before, the group, the rule's ids)."""
    group = guard.group(name, permission("tcp", 6379, "10.0.0.0/8"))
    guard.handled("ingress", group)
    before = guard.look(group)
    rules = guard.open(group, OPENED)
    until(f"the event of {group} is kept", lambda: any(group in body for body in lying(guard, queue).values()))
    assert set(rules) <= set(guard.look(group)["rules"])
    return before, group, rules


# redrive --------------------------------------------------------------------------------------


def test_undelivered_event_is_dealt_with_by_redrive(guard, name):
    queue = guard.stack.undelivered_queue
    mend = close_to_events(guard)
    group = guard.group(name)
    before = guard.look(group)
    guard.open(group, OPENED)
    until("the event is in the queue", lambda: lying(guard, queue))
    mend()
    code, said = operate(guard.account, "redrive.py")
    assert code == 0, said
    assert guard.look(group) == before, "closed, and nothing else"
    assert lying(guard, queue) == {}
    assert "NO_PERMISSIONS" in said and group in said and "1 processed, nothing stays" in said


def test_failed_event_stays_until_its_cause_is_mended(guard, name):
    queue, mend = guard.stack.failure_queue, refuse_revokes(guard)
    try:
        before, group, rules = left_open(guard, name, queue)
        kept = lying(guard, queue)
        attempts = len(guard.stack.invocations("ingress"))
        code, said = operate(guard.account, "redrive.py", "--queue", "failed")
        assert code == 1 and "stays" in said and "UnauthorizedOperation" in said, said
        assert lying(guard, queue) == kept, "there for all to see, unchanged"
        assert set(rules) <= set(guard.look(group)["rules"])
        assert len(guard.stack.invocations("ingress")) == attempts + len(kept), "each once"
    finally:
        mend()
    code, said = operate(guard.account, "redrive.py", "--queue", "failed")
    assert code == 0, said
    assert guard.look(group) == before and lying(guard, queue) == {}


def test_what_is_not_understood_stays_and_holds_up_nothing(guard, name):
    queue = guard.stack.failure_queue
    mend = refuse_revokes(guard)
    try:
        before, group, _ = left_open(guard, name, queue)
    finally:
        mend()
    (record,) = (json.loads(body) for body in lying(guard, queue).values())
    arn = record["requestContext"]["functionArn"]
    foreign = [arn.replace("Ingress", "Other"), arn.replace("111122223333", "444455556666"), "arn:aws:s3:::bucket"]
    garbage = ["no JSON at all", "[]", "{}", json.dumps({"requestContext": {"functionArn": arn}})]
    garbage += [json.dumps({**record, "requestContext": {"functionArn": other}}) for other in foreign]
    guard.put(queue, *garbage)
    guard.put(guard.stack.undelivered_queue, json.dumps(record["requestPayload"]))
    code, said = operate(guard.account, "redrive.py")
    assert code == 1 and f"1 processed, {len(garbage) + 1} left" in said, said
    assert guard.look(group) == before
    stays = lying(guard, queue)
    assert sorted(stays.values()) == sorted(garbage)
    assert all(message in said for message in stays), "each is named"
    assert said.count("is not a function of this stack") == len(foreign)
    assert len(lying(guard, guard.stack.undelivered_queue)) == 1 and "TARGET_ARN" in said


def test_dry_run_shows_and_touches_nothing(guard, name):
    queue, mend = guard.stack.failure_queue, refuse_revokes(guard)
    try:
        _, group, rules = left_open(guard, name, queue)
    finally:
        mend()
    kept, attempts = lying(guard, queue), len(guard.stack.invocations("ingress"))
    code, said = operate(guard.account, "redrive.py", "--dry-run")
    assert code == 0, said
    assert lying(guard, queue) == kept and set(rules) <= set(guard.look(group)["rules"])
    assert len(guard.stack.invocations("ingress")) == attempts, "no function was invoked"
    for shown in ("AuthorizeSecurityGroupIngress", group, ":root", "UnauthorizedOperation", "not changed"):
        assert shown in said


def full_pipe():
    """A pipe whose writer waits until somebody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\n" * 4096)
    os.set_blocking(writer, True)
    return reader, writer


def hidden(guard, url):
    name = "ApproximateNumberOfMessagesNotVisible"
    answer = guard.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def test_interrupted_redrive_leaves_every_message(guard, name):
    queue, mend = guard.stack.failure_queue, refuse_revokes(guard)
    try:
        left_open(guard, f"{name}-1", queue)
        left_open(guard, f"{name}-2", queue)
        kept = until("both events are kept", lambda: found if len(found := lying(guard, queue)) == 2 else None)
        reader, writer = full_pipe()
        run = subprocess.Popen(
            [sys.executable, "-u", str(OPS / "redrive.py"), "--queue", "failed"],
            env=guard.account.environment(),
            stdout=writer,
        )
        os.close(writer)
        until("both are received", lambda: hidden(guard, queue) == 2)
        run.terminate()  # it cannot have come further than to its first line, which the pipe does not take
        with open(reader) as pipe:
            said = pipe.read()
        assert run.wait(30) == 143 and "interrupted" in said
        assert lying(guard, queue) == kept
    finally:
        mend()


#: Releases two messages, and is told to stop while it does.
STOPPED_IN_RELEASE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import redrive
released = []
class Sqs:
    def change_message_visibility(self, ReceiptHandle, **_):
        os.kill(os.getpid(), signal.SIGTERM)
        released.append(ReceiptHandle)
class Stack:
    queues = {"failed": "url"}
    def client(self, _):
        return Sqs()
stopped = redrive.stops()
with redrive.Queue(Stack(), "failed") as queue:
    queue.handles = {"1": "first", "2": "second"}
print(*released, len(stopped))
"""


def test_a_signal_does_not_interrupt_the_release():
    ran = subprocess.run([sys.executable, "-c", STOPPED_IN_RELEASE, str(OPS)], capture_output=True, text=True)
    assert ran.stdout == "first second 2\n", ran.stderr


def test_text_of_strangers_cannot_drive_the_terminal(guard):
    record = {
        "requestContext": {"functionArn": f"arn:aws:lambda:x:{chr(27)}[2J"},
        "requestPayload": {},
        "responsePayload": {"errorMessage": "\r\x1b]0;owned\x07"},
    }
    guard.put(guard.stack.failure_queue, json.dumps(record))
    code, said = operate(guard.account, "redrive.py")
    assert code == 1 and "not understood" in said
    assert not any(letter in said for letter in "\x1b\r\x07")


# pause and resume ------------------------------------------------------------------------------


def modes(guard):
    """What the stack says, and what each function does."""
    client = guard.account.client("lambda")
    settings = [
        client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for name in guard.stack.functions.values()
    ]
    return parameters(guard)["Mode"], {variables["PORTCULLIS_MODE"] for variables in settings}


def parameters(guard):
    (found,) = guard.account.client("cloudformation").describe_stacks(StackName="portcullis")["Stacks"]
    return {item["ParameterKey"]: item["ParameterValue"] for item in found["Parameters"]}


def settings(guard):
    client = guard.account.client("lambda")
    return {
        kind: {
            **client.get_function_configuration(FunctionName=name)["Environment"]["Variables"],
            "PORTCULLIS_MODE": None,
            "PORTCULLIS_STACK_MODE": None,
        }
        for kind, name in guard.stack.functions.items()
    }


def test_pause_leaves_ports_open_and_resume_closes_the_next(guard, name):
    before_parameters, before_settings = parameters(guard), settings(guard)
    code, said = operate(guard.account, "mode.py", "pause")
    assert code == 0 and "was in enforce mode, is in observe mode" in said
    assert modes(guard) == ("observe", {"observe"})
    assert parameters(guard) == {**before_parameters, "Mode": "observe"} and settings(guard) == before_settings
    group = guard.group(name)
    paused = guard.open(group, OPENED)
    guard.alerts.wait(group)
    assert set(paused) <= set(guard.look(group)["rules"]), "told, and left open"

    code, said = operate(guard.account, "mode.py", "pause")
    assert code == 0 and "is in observe mode already" in said

    code, said = operate(guard.account, "mode.py", "resume")
    assert code == 0 and "was in observe mode, is in enforce mode" in said
    assert modes(guard) == ("enforce", {"enforce"})
    assert parameters(guard) == before_parameters and settings(guard) == before_settings
    before = guard.look(group)
    assert guard.gone(group, guard.open(group, permission("tcp", 11211, "0.0.0.0/0"))) == before


def test_pause_that_was_cut_short_is_completed(guard):
    """The functions observe, and the stack says enforce: both commands bring them together."""
    client = guard.account.client("lambda")
    for verb, mode in (("resume", "enforce"), ("pause", "observe"), ("resume", "enforce")):
        function = guard.stack.functions["ingress"]
        variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        other = {"enforce": "observe", "observe": "enforce"}[mode]
        client.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**variables, "PORTCULLIS_MODE": other}}
        )
        code, said = operate(guard.account, "mode.py", verb)
        assert code == 0, said
        assert modes(guard) == (mode, {mode})


def test_pause_works_even_if_the_stack_cannot_follow(guard):
    """Whoever may not update stacks still stops the functions, and is told that the stack lags behind."""
    iam = guard.account.client("iam")
    iam.create_user(UserName="on-call")
    allowed = ["cloudformation:DescribeStacks", "lambda:*FunctionConfiguration", "lambda:GetFunction"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
    iam.put_user_policy(UserName="on-call", PolicyName="pause", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="on-call")["AccessKey"]
    environment = {
        **guard.account.environment(),
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    code, said = operate(guard.account, "mode.py", "pause", environment=environment)
    assert code == 1 and "UpdateStack" in said and "ingress observe" in said, said
    assert modes(guard) == ("enforce", {"observe"})
    code, said = operate(guard.account, "mode.py", "resume")
    assert code == 0 and modes(guard) == ("enforce", {"enforce"})


# canary -----------------------------------------------------------------------------------------


def names_of_groups(guard):
    return {group["GroupId"]: group["GroupName"] for group in guard.ec2.describe_security_groups()["SecurityGroups"]}


def test_canary_proves_that_ports_are_closed(guard):
    before, alerts = names_of_groups(guard), len(guard.alerts.documents())
    code, said = operate(guard.account, "canary.py", "--vpc", guard.vpc)
    assert code == 0 and "closed" in said and "is removed" in said, said
    assert names_of_groups(guard) == before
    until("the alert", lambda: len(guard.alerts.documents()) == alerts + 1)
    assert guard.alerts.documents()[-1]["findings"][0]["outcome"] == "done"


def test_canary_in_observe_mode_leaves_nothing_open():
    with guarded(Mode="observe") as guard:
        before = names_of_groups(guard)
        code, said = operate(guard.account, "canary.py", "--vpc", guard.vpc)
        assert code == 0 and "the function looked" in said and "left the rule open" in said, said
        assert names_of_groups(guard) == before


def test_canary_names_what_is_broken(guard):
    events = guard.account.client("events")
    (rule,) = [name["Name"] for name in events.list_rules()["Rules"] if "IngressFunctionCalls" in name["Name"]]
    before = names_of_groups(guard)
    events.disable_rule(Name=rule)
    try:
        code, said = operate(guard.account, "canary.py", "--vpc", guard.vpc, "--minutes", "0.03")
    finally:
        events.enable_rule(Name=rule)
    assert code == 1 and "still open" in said, said
    assert names_of_groups(guard) == before
    assert f"rule {rule} (IngressFunctionCalls): DISABLED (!)" in said
    assert f"check: FAILED: Portcullis is off: the event rule {rule} is disabled" in said
    for part in ("function portcullis-Ingress", "log ", "queue failed: 0"):
        assert part in said


def test_canary_without_a_network_says_so(guard):
    code, said = operate(guard.account, "canary.py", "--vpc", "vpc-00000000000000000")
    assert code == 1 and "InvalidVpcID.NotFound" in said
    (vpc,) = default_vpc(guard)
    here = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
    for gateway in guard.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
        guard.ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"])
    for subnet in guard.ec2.describe_subnets(Filters=here)["Subnets"]:
        guard.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    guard.ec2.delete_vpc(VpcId=vpc["VpcId"])
    code, said = operate(guard.account, "canary.py")
    assert code == 2 and "has no default VPC: name one with VPC=" in said


# docs/operations.md ------------------------------------------------------------------------------


def sections():
    """Its text by heading."""
    parts = re.split(r"^#+ (.+)$", (places.REPO / "docs" / "operations.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)), parts[2]


def commands(text):
    """Its last block of commands, to be run as it stands after the shorthands."""
    _, top = sections()
    blocks = [re.findall(r"```sh\n(.*?)```", part, flags=re.DOTALL)[-1] for part in (top, text)]
    return "set -eu -o pipefail\n" + "\n".join(blocks)


def shell(guard, text):
    tools = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", commands(text)],
        env={**guard.account.environment(), "PATH": tools},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_every_alarm_has_its_section():
    found, _ = sections()
    alarms = [name for name, item in template()["Resources"].items() if item["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms and {name.removesuffix("Alarm") for name in alarms} <= set(found)


def test_documented_key_policy_is_one():
    found, _ = sections()
    (policy,) = re.findall(r"```json\n(.*?)```", found["Your own KMS key"], flags=re.DOTALL)
    statements = json.loads(policy)["Statement"]
    assert [statement["Effect"] for statement in statements] == ["Allow"] * 5
    bound = {statement["Principal"].get("Service"): "Condition" in statement for statement in statements}
    services = ("cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com", "logs.eu-west-1.amazonaws.com")
    assert bound == {None: False, **dict.fromkeys(services, True), "events.amazonaws.com": False}


def test_documented_canary_runs_as_it_stands(guard):
    if not default_vpc(guard):
        guard.ec2.create_default_vpc()
    before = names_of_groups(guard)
    said = shell(guard, sections()[0]["Canary"])
    assert re.search(r"^\d+ s$", said, flags=re.MULTILINE), said
    assert names_of_groups(guard) == before


def test_documented_pause_runs_as_it_stands(guard):
    before = parameters(guard)
    shell(guard, sections()[0]["Pause and resume"])
    assert modes(guard) == ("observe", {"observe"}) and parameters(guard) == {**before, "Mode": "observe"}
    code, said = operate(guard.account, "mode.py", "resume")
    assert code == 0 and parameters(guard) == before, said


def default_vpc(guard):
    return guard.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]


# destroy, and what is said of mistakes -----------------------------------------------------------


def test_destroy_refuses_while_events_wait():
    with guarded() as guard:
        cloudformation, sqs = guard.account.client("cloudformation"), guard.account.client("sqs")
        guard.put(guard.stack.undelivered_queue, "{}")
        group = guard.group("shown-late")
        guard.late(group, 3600)
        guard.open(group, permission("tcp", 22, "0.0.0.0/0"))
        until("a look at it is scheduled", lambda: guard.schedules(group))
        code, said = operate(guard.account, "destroy.py")
        assert code == 1 and "1 event in the queue undelivered, 0 events in the queue failed" in said, said
        (found,) = cloudformation.describe_stacks(StackName="portcullis")["Stacks"]
        assert found["StackStatus"] == "CREATE_COMPLETE" and len(lying(guard, guard.stack.undelivered_queue)) == 1

        code, said = operate(guard.account, "destroy.py", "--force")
        assert code == 0 and "1 revisit will not take place" in said, said
        with pytest.raises(cloudformation.exceptions.ClientError, match="does not exist"):
            cloudformation.describe_stacks(StackName="portcullis")
        assert not [url for url in sqs.list_queues().get("QueueUrls", []) if "portcullis-" in url]


@pytest.mark.parametrize("script", [["redrive.py"], ["mode.py", "pause"], ["canary.py"]], ids=lambda words: words[0])
def test_mistakes_are_told_in_words(guard, script):
    environment = guard.account.environment()
    code, said = operate(guard.account, *script, "--stack", "porticullis")
    assert code == 2 and "no stack porticullis in account 111122223333, eu-west-1" in said and "STACK=" in said

    without = {name: value for name, value in environment.items() if "REGION" not in name}
    code, said = operate(guard.account, *script, environment=without)
    assert code == 2 and "no Region: set AWS_REGION" in said

    keyless = {name: value for name, value in environment.items() if "ACCESS_KEY" not in name}
    keyless["AWS_EC2_METADATA_DISABLED"] = "true"
    code, said = operate(guard.account, *script, environment=keyless)
    assert code == 2 and "no AWS credentials" in said
    assert "Traceback" not in said


def test_a_stack_whose_name_leaves_no_room_is_not_begun(guard):
    name = "x" * 72
    code, said = operate(guard.account, "deploy.py", "--stack", name)
    assert code == 2 and "has 72 characters" in said and "at most 71" in said, said
    stacks = guard.account.client("cloudformation").describe_stacks()["Stacks"]
    assert name not in {stack["StackName"] for stack in stacks}


@pytest.mark.parametrize("script", ["deploy.py", "destroy.py", "redrive.py", "mode.py", "canary.py"])
def test_help_says_what_happens_and_the_exit_codes(script):
    ran = subprocess.run([sys.executable, str(OPS / script), "--help"], capture_output=True, text=True, check=True)
    assert "exit codes: 0" in ran.stdout and "$STACK" in ran.stdout


def test_make_hands_its_variables_over(tmp_path):
    """To a Python that only tells what it was given."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nprintf \'%s|\' "$STACK" "$@"\necho\n')
    python.chmod(0o755)
    (tmp_path / "stamp").touch()
    said = subprocess.run(
        [
            *("make", "-s", "deploy", "redrive", "canary", "pause", "resume", "destroy"),
            *(f"{tools}={tmp_path}" for tools in ("OPERATE", "VENV", "SAM")),
            *("STACK=two", "MODE=observe", "EMAIL=o'hara@example.com", "ARCH=x86_64", "PARAMETERS=A=1 B='2 3'"),
            *('TAGS=owner="sec team"', "QUEUE=failed", "DRY_RUN=1", "VPC=vpc-1", "FORCE=1"),
        ],
        cwd=places.REPO,
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    ).stdout
    assert [line.rstrip("|").split("|") for line in said.splitlines()] == [
        [
            *("two", "infra/ops/deploy.py", "--mode", "observe", "--email", "o'hara@example.com", "--arch", "x86_64"),
            *("--parameters", "A=1 B='2 3'", "--tags", 'owner="sec team"'),
        ],
        ["two", "infra/ops/redrive.py", "--queue", "failed", "--dry-run"],
        ["two", "infra/ops/canary.py", "--vpc", "vpc-1"],
        ["two", "infra/ops/mode.py", "pause"],
        ["two", "infra/ops/mode.py", "resume"],
        ["two", "infra/ops/destroy.py", "--force"],
    ]
