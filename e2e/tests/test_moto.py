"""Security groups once more, against moto: a second opinion on what EC2 does, by other people.

moto is no account that runs functions, so the binary is fed through the Lambda Runtime API, with
events made of what moto answered. moto is not thread-safe: one client at a time.
"""

import os
import pathlib
import signal
import socket
import subprocess
import urllib.request

import boto3
import pytest
from harness import events, groups, places
from harness.guard import PRIVATE, permission
from harness.runtime_api import Function
from harness.wait import until

SERVER = pathlib.Path(os.environ.get("MOTO_SERVER") or places.TARGET / "venv-moto" / "bin" / "moto_server")
REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="module")
def moto():
    if not SERVER.exists():
        pytest.fail(f"{SERVER} is missing: make setup")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(SERVER), "-H", "127.0.0.1", "-p", str(port)],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        until("moto to start", lambda: answers(endpoint))
        yield endpoint
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(endpoint):
    try:
        with urllib.request.urlopen(f"{endpoint}/moto-api/data.json", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def clients(moto):
    def client(service):
        return boto3.client(
            service, endpoint_url=moto, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    keys = {"subject": "HASH", "finding": "RANGE"}
    table = client("dynamodb").create_table(
        TableName="portcullis-ledger",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        BillingMode="PAY_PER_REQUEST",
    )
    return {
        "ec2": client("ec2"),
        "topic": client("sns").create_topic(Name="alerts")["TopicArn"],
        "ledger": table["TableDescription"]["TableName"],
    }


@pytest.fixture(scope="module")
def function(moto, clients):
    environment = {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": moto,
        "AWS_REGION": REGION,
        "PORTCULLIS_ALERT_TOPIC_ARN": clients["topic"],
        "PORTCULLIS_EXCEPTIONS_DIR": str(places.TEMPLATE.parent / "exceptions"),
        "PORTCULLIS_LEDGER_TABLE": clients["ledger"],
    }
    with Function(places.binary("ingress"), environment) as running:
        yield running


def in_moto(ec2, group):
    """The rules as moto describes them: by source, because it gives out ids only when asked."""
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    return [item for page in pages for item in page["SecurityGroupRules"]]


@pytest.mark.parametrize(
    ("public", "private"),
    [
        ([permission("tcp", 6379, "0.0.0.0/0")], []),
        ([permission("tcp", 6379, "::/0")], []),
        ([permission("-1", None, "0.0.0.0/0")], []),
        ([permission("tcp", 6379, "0.0.0.0/1", "128.0.0.0/1")], []),
        ([permission("udp", 11211, "52.0.0.0/8")], []),
        ([permission("tcp", 6379, "0.0.0.0/0", "::/0")], [permission("tcp", 6379, "172.16.0.0/12", "fd00::/8")]),
        (
            [permission("tcp", (6000, 7000), "0.0.0.0/0"), permission("tcp", 22, "0.0.0.0/0")],
            [permission("tcp", 22, "192.168.0.0/16")],
        ),
    ],
    ids=["v4", "v6", "all-traffic", "two-halves", "memcached-udp", "private-beside-public", "several"],
)
def test_only_public_rules_go(clients, function, request, public, private):
    ec2 = clients["ec2"]
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=request.node.name[:200], Description="d", VpcId=vpc)["GroupId"]
    peers = ec2.create_security_group(GroupName="peers-" + request.node.name[:200], Description="d", VpcId=vpc)[
        "GroupId"
    ]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("tcp", 6379, PRIVATE, peers)])
    if private:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=private)
    before = in_moto(ec2, group)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=public)
    known = {item["SecurityGroupRuleId"] for item in before}
    # The ids that Describe gives, not those of the answer: moto's answer has others.
    added = [item for item in in_moto(ec2, group) if item["SecurityGroupRuleId"] not in known]
    assert added
    answer, error = function.invoke(events.authorize(group, added, "33333333-0000-0000-0000-000000000001"))
    assert error is None, error
    assert sorted(map(str, map(groups.rule, in_moto(ec2, group)))) == sorted(map(str, map(groups.rule, before)))
    after = {item["SecurityGroupRuleId"] for item in in_moto(ec2, group)}
    assert after == known, answer
