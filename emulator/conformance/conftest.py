"""One running account for all tests, and moto beside it where it is installed."""

import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from account.process import EmulatedAccount  # noqa: E402

ACCOUNT, REGION = "111122223333", "eu-west-1"


@pytest.fixture(scope="session")
def account():
    """The emulated account; caches take 0.3 s to come up, failed invocations are retried and alarms look at once."""
    scales = (
        *("--period-scale", "0.001", "--wait-scale", "0.001", "--timeout-scale", "0.01"),
        *("--window-scale", "0.025"),
    )
    with EmulatedAccount("--creating-seconds", "0.3", "--retry-seconds", "0.05", *scales) as running:
        yield running


@pytest.fixture(scope="session")
def moto():
    """moto's server, single client thread, as the second opinion. MOTO_SERVER names it if it is not on PATH."""
    server = os.environ.get("MOTO_SERVER") or shutil.which("moto_server")
    if not server:
        pytest.skip("no moto here: make test-emulator installs it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(endpoint, timeout=1)
                break
            except OSError:
                assert time.monotonic() < deadline, "moto did not start"
                time.sleep(0.1)
        yield endpoint
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def aws(account):
    """``aws("ec2")``: a client of the emulated account."""
    return account.client


@pytest.fixture(params=["account", "moto"])
def ec2(request):
    """EC2 of the emulated account, and of moto: both should pass."""
    if request.param == "account":
        return request.getfixturevalue("account").client("ec2")
    return boto3.client(
        "ec2",
        endpoint_url=request.getfixturevalue("moto"),
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


@pytest.fixture
def differs(request, ec2):
    """``differs(moto="why")`` marks a behaviour of AWS that moto does not have; it must then really fail there."""

    def mark(moto):
        if "moto" in request.node.callspec.params.values():
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=f"moto: {moto}"))

    return mark


@pytest.fixture
def vpc(ec2):
    """A VPC that is not the default one."""
    return ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(ec2, vpc):
    """An empty security group outside the default VPC."""
    return new_group(ec2, vpc)


def new_group(ec2, vpc, name=None):
    name = name or f"group-{uuid.uuid4().hex[:8]}"
    return ec2.create_security_group(GroupName=name, Description="conformance", VpcId=vpc)["GroupId"]


def tcp(port, *cidrs, to=None):
    """An IpPermission for a TCP port and some CIDRs of both families."""
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": to or port, "IpRanges": [], "Ipv6Ranges": []}
    for cidr in cidrs:
        if ":" in cidr:
            permission["Ipv6Ranges"].append({"CidrIpv6": cidr})
        else:
            permission["IpRanges"].append({"CidrIp": cidr})
    return permission


def ingress(ec2, group_id):
    """The ingress rules of a group as AWS now has them."""
    answer = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group_id]}])
    return [rule for rule in answer["SecurityGroupRules"] if not rule["IsEgress"]]


def sources(ec2, group_id):
    """The sources that the ingress rules of a group admit, as a sorted list."""
    found = []
    for rule in ingress(ec2, group_id):
        referenced = rule.get("ReferencedGroupInfo", {}).get("GroupId")
        found.append(rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or referenced)
    return sorted(found)


def code_of(function, *arguments, **parameters):
    """The error code of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        function(*arguments, **parameters)
    return caught.value.response["Error"]["Code"]


def refused(function, code, message, **call):
    """A call that must fail with this code and with these words in its message."""
    with pytest.raises(ClientError) as caught:
        function(**call)
    error = caught.value.response["Error"]
    assert error["Code"] == code and message in error["Message"]


def wait_for(function, seconds=10):
    """The first true answer of a function."""
    deadline = time.monotonic() + seconds
    while True:
        answer = function()
        if answer:
            return answer
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


# Functions, queues and events -----------------------------------------------------------

#: A bootstrap needs no compiler when it is a script; the runtime API is the same.
BOOTSTRAP = """#!/usr/bin/env python3
import json, os, time, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as answer:
        request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    shown = {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "SHOWN_"))}
    shown.update(SHOWN_PID=os.getpid(), SHOWN_NOW=time.time())
    event = event.get("detail", event)
    if "print" in event:
        print(event["print"], flush=True)
    time.sleep(event.get("sleep", 0))
    if "write" in event:
        open(event["write"], "a").write("x")
    if "keep" in event:
        open(event["in"] + ".part", "w").write(event["keep"])
        os.rename(event["in"] + ".part", event["in"])
    if "exit" in event:
        os._exit(event["exit"])
    failing = event.get("fail")
    problem = {"errorType": failing if isinstance(failing, str) else "Broken", "errorMessage": "as asked"}
    kind, body = ("error", problem) if failing else ("response", event.get("answer", shown))
    request = urllib.request.Request(api + request_id + "/" + kind, data=json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(request).read()
"""


def code(bootstrap=BOOTSTRAP):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        file.writestr(entry, bootstrap)
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
    may_log = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send, may_log]})
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


# Roles ---------------------------------------------------------------------------------


@pytest.fixture
def role(account, aws):
    """``role(statement, …)``: ``client(service, region)`` of a new role that has these statements as its policy."""

    def make(*statements, boundary=None):
        iam, name = aws("iam"), f"r{uuid.uuid4().hex[:8]}"
        allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        limit = {"PermissionsBoundary": policy(iam, boundary)} if boundary else {}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(allow), **limit)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document(*statements))
        keys = aws("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        secrets = [keys[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        return lambda service, region=REGION: account.client(service, region, *secrets)

    return make


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def policy(iam, statement):
    return iam.create_policy(PolicyName=f"p{uuid.uuid4().hex[:8]}", PolicyDocument=document(statement))["Policy"]["Arn"]


def allow(action, resource="*", **condition):
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def arn(service, resource, account=ACCOUNT):
    return f"arn:aws:{service}:{REGION}:{account}:{resource}"


# Stacks --------------------------------------------------------------------------------


@pytest.fixture
def stack(aws):
    """``stack(template, …)``: creates it, waits, and gives its description; deleted afterwards."""
    client, name = aws("cloudformation"), f"s{uuid.uuid4().hex[:8]}"

    def make(template, parameters=None, ends="CREATE_COMPLETE", **options):
        body = template if isinstance(template, str) else json.dumps(template)
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
        options = {"Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"], **options}
        client.create_stack(StackName=name, TemplateBody=body, Parameters=given, **options)
        return wait_for(lambda: ended(client, name, ends))

    make.name = name
    yield make
    client.delete_stack(StackName=name)


def ended(client, name, wanted):
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    return stack if stack["StackStatus"] == wanted else None


def outputs(described):
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
