"""The template through the real SAM CLI, by `make deploy` and by hand, and what `make destroy` leaves."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest
from harness import places
from harness.account import FAST, Account
from harness.deploy import Stack, functions, template
from harness.guard import Guard, permission
from test_operations import OPENED, operate

BUILT = places.TARGET / "sam" / "build"
SAM = places.TARGET / "venv-sam" / "bin" / "sam"
TAGS = {"owner": "security team", "cost-center": "4711"}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compiled():
    """Everything that cargo has made for the functions, with the time of each."""
    (dependencies,) = places.TARGET.glob("*/debug/deps")
    return {path.name: path.stat().st_mtime_ns for path in dependencies.iterdir()}


@pytest.fixture(scope="module", autouse=True)
def as_built():
    """`sam build` in its debug mode, with the feature of `make programs`: it finds all of it built."""
    settings = {"SAM_BUILD_MODE": "debug", "CARGO_LAMBDA_GLOBAL": str(places.REPO / "e2e" / "cargo-lambda.toml")}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        yield


def everything(account):
    """Names of all that a stack could leave in an account."""
    client = account.client

    def names(service, operation, members, name, **options):
        pages = client(service).get_paginator(operation).paginate(**options)
        return sorted(item[name] if name else item for page in pages for item in page.get(members, []))

    stacks = client("cloudformation").get_paginator("list_stacks").paginate()
    return {
        "stacks": sorted(
            stack["StackName"]
            for page in stacks
            for stack in page["StackSummaries"]
            if stack["StackStatus"] != "DELETE_COMPLETE"
        ),
        "roles": names("iam", "list_roles", "Roles", "RoleName"),
        "policies": names("iam", "list_policies", "Policies", "PolicyName", Scope="Local"),
        "functions": names("lambda", "list_functions", "Functions", "FunctionName"),
        "rules": names("events", "list_rules", "Rules", "Name"),
        "topics": names("sns", "list_topics", "Topics", "TopicArn"),
        "subscriptions": names("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
        "queues": names("sqs", "list_queues", "QueueUrls", None),
        "tables": names("dynamodb", "list_tables", "TableNames", None),
        "layers": names("lambda", "list_layers", "Layers", "LayerName"),
        "mappings": names("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
        "log groups": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "alarms": names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "dashboards": names("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        "buckets": sorted(bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]),
    }


@pytest.fixture(scope="module")
def deployed():
    """(the guarded network, the account before, what cargo had made before, what `make deploy` said)"""
    with Account(*FAST) as account:
        guard = Guard(account)
        before, made = everything(account), compiled()
        code, said = operate(
            account,
            "deploy.py",
            *("--arch", places.architecture(), "--email", "ops@example.com", "--parameters", "LogRetentionDays=30"),
            *("--tags", " ".join(f"{key}='{value}'" for key, value in TAGS.items())),
        )
        assert code == 0, said
        guard.stack = described(account)
        yield guard, before, made, said


def described(account):
    return Stack(account, account.client("cloudformation").describe_stacks(StackName="portcullis")["Stacks"][0])


def test_sam_builds_nothing_that_make_has_built(deployed):
    _, _, made, _ = deployed
    assert compiled() == made, "something was compiled again: make programs"
    for name, binary in functions(template()):
        assert digest(BUILT / name / "bootstrap") == digest(places.binary(binary))


def test_deployed_by_sam_it_closes_exactly_one_rule(deployed, name):
    guard, *_ = deployed
    group = guard.group(name, permission("tcp", 6379, "10.0.0.0/8"))
    before = guard.look(group)
    assert guard.gone(group, guard.open(group, OPENED)) == before


def test_deploy_says_whether_anything_is_seen_and_what_is_next(deployed):
    *_, said = deployed
    assert "portcullis is CREATE_COMPLETE, in enforce mode" in said
    assert "Check: what Portcullis watches is logged" in said and "make canary" in said


def test_every_resource_that_can_have_tags_has_the_stack_s(deployed):
    guard, *_ = deployed
    client = guard.account.client
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="portcullis")
    place = "eu-west-1:111122223333"
    readers = {
        "AWS::SQS::Queue": lambda i: client("sqs").list_queue_tags(QueueUrl=i)["Tags"],
        "AWS::SNS::Topic": lambda i: client("sns").list_tags_for_resource(ResourceArn=i)["Tags"],
        "AWS::IAM::Role": lambda i: client("iam").list_role_tags(RoleName=i)["Tags"],
        "AWS::Logs::LogGroup": lambda i: client("logs").list_tags_log_group(logGroupName=i)["tags"],
        "AWS::Lambda::Function": lambda i: client("lambda").list_tags(Resource=f"arn:aws:lambda:{place}:function:{i}")[
            "Tags"
        ],
        "AWS::DynamoDB::Table": lambda i: client("dynamodb").list_tags_of_resource(
            ResourceArn=f"arn:aws:dynamodb:{place}:table/{i}"
        )["Tags"],
        "AWS::CloudWatch::Alarm": lambda i: client("cloudwatch").list_tags_for_resource(
            ResourceARN=f"arn:aws:cloudwatch:{place}:alarm:{i}"
        )["Tags"],
    }
    seen = dict.fromkeys(readers, 0)
    for item in (item for page in pages for item in page["StackResourceSummaries"]):
        if item["ResourceType"] not in readers:
            continue
        tags = readers[item["ResourceType"]](item["PhysicalResourceId"])
        if isinstance(tags, list):
            tags = {tag["Key"]: tag["Value"] for tag in tags}
        assert TAGS.items() <= tags.items(), item["LogicalResourceId"]
        seen[item["ResourceType"]] += 1
    # Without MoveCaches, nothing of the moves is there, and without ChatTopic no topic for it.
    absent = (
        "Moves",
        "MovesBegin",
        "HasMovesAlarm",
        "HasPage",
        "HasChat",
        "HasChatAlarm",
        "Hardens",
        "HasSweepStoppedAlarm",
    )
    absent += ("HardensByAsking", "HasHardenAlarm", "HardeningsHavePage", "MovesHavePage", "Asks")
    resources = template()["Resources"].values()
    wanted = [resource["Type"] for resource in resources if resource.get("Condition") not in absent]
    wanted = {kind: wanted.count(kind.replace("AWS::Lambda::", "AWS::Serverless::")) for kind in readers}
    assert seen == wanted


def test_deploying_again_keeps_what_is_not_said_anew(deployed):
    guard, *_ = deployed
    cloudformation = guard.account.client("cloudformation")

    def look():
        (stack,) = cloudformation.describe_stacks(StackName="portcullis")["Stacks"]
        parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
        return parameters, {item["Key"]: item["Value"] for item in stack["Tags"]}

    parameters, tags = look()
    assert parameters["AlertEmail"] == "ops@example.com" and parameters["LogRetentionDays"] == "30" and tags == TAGS
    code, said = operate(guard.account, "deploy.py", "--mode", "observe", "--tags", "stage=test")
    assert code == 0, said
    assert look() == ({**parameters, "Mode": "observe"}, {**TAGS, "stage": "test"})
    code, said = operate(guard.account, "deploy.py")
    assert code == 0 and "No changes to deploy" in said, said
    assert look() == ({**parameters, "Mode": "observe"}, {**TAGS, "stage": "test"})


def test_destroy_leaves_the_account_as_it_was(deployed):
    guard, before, *_ = deployed
    account, s3 = guard.account, guard.account.client("s3")
    (bucket,) = set(everything(account)["buckets"]) - set(before["buckets"])
    s3.put_object(Bucket=bucket, Key="portcullis-two/of-another-stack", Body=b"")
    code, said = operate(account, "destroy.py")
    assert code == 0 and "other stacks of SAM have artifacts there" in said, said
    left = everything(account)
    assert left == {
        **before,
        "buckets": sorted([*before["buckets"], bucket]),
        "stacks": sorted([*before["stacks"], "aws-sam-cli-managed-default"]),
    }
    versions = s3.list_object_versions(Bucket=bucket)
    assert [item["Key"] for item in versions["Versions"]] == ["portcullis-two/of-another-stack"]
    assert "DeleteMarkers" not in versions

    s3.delete_object(
        Bucket=bucket, Key="portcullis-two/of-another-stack", VersionId=versions["Versions"][0]["VersionId"]
    )
    code, said = operate(account, "destroy.py")
    assert code == 0 and "there is no stack portcullis" in said, said
    assert everything(account) == before


def test_sam_alone_deploys_it_too(name):
    """`sam build --template infra/template.yaml && sam deploy --guided`, every question answered with Enter."""
    with Account(*FAST) as account:
        guard = Guard(account)
        environment = {
            **account.environment(),
            "PATH": f"{places.TARGET / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CARGO_LAMBDA_COMPILER": "cargo",
            "SAM_CLI_TELEMETRY": "0",
        }
        parameters = [f"Architecture={places.architecture()}"]
        # The last question is whether to keep the answers in samconfig.toml.
        answers = "\n" * (2 + len(template()["Parameters"]) + 3) + "n\n"

        def sam(*arguments, answers=None):
            ran = subprocess.run(
                [str(SAM), *arguments],
                cwd=places.REPO,
                env=environment,
                input=answers,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
            )
            assert ran.returncode == 0, ran.stdout

        before = digest(places.REPO / "samconfig.toml")
        try:
            sam("build", "--template", "infra/template.yaml", "--parameter-overrides", *parameters)
            sam("deploy", "--guided", "--parameter-overrides", *parameters, answers=answers)
        finally:
            shutil.rmtree(places.REPO / ".aws-sam", ignore_errors=True)
        assert digest(places.REPO / "samconfig.toml") == before
        guard.stack = described(account)
        group = guard.group(name)
        before = guard.look(group)
        assert guard.gone(group, guard.open(group, OPENED)) == before


def test_functions_of_another_processor_are_refused():
    """What Lambda could not start is never deployed."""
    wrong = {"x86_64": "arm64", "arm64": "x86_64"}[places.architecture()]
    check = f"import build; build.check_binary({str(places.binary('ingress'))!r}, {wrong!r}, False)"
    ran = subprocess.run(
        [sys.executable, "-c", check], cwd=places.REPO / "infra" / "ops", capture_output=True, text=True
    )
    assert ran.returncode != 0 and f"is not for {wrong}" in ran.stderr
