"""The stack as `cdk` deploys it: bootstrap, deploy, guard, destroy, with the real CLI and IAM enforced."""

import json
import re
import shutil
import subprocess

import pytest
from harness import places
from harness.account import ACCOUNT_ID, FAST, REGION, Account
from harness.deploy import Stack
from harness.guard import PRIVATE, Guard, permission
from harness.inbox import Alerts

CDK = places.REPO / "infra" / "cdk"
STACK = "portcullis"
#: What the CLI says before it goes on with the caller's own rights.
NOT_ASSUMED = re.compile(r"could not be used to assume|Proceeding anyway", re.IGNORECASE)


@pytest.fixture(scope="module")
def cli():
    """The CDK's CLI, as `npm ci` installs it."""
    missing = [tool for tool in ("node", "npm") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} here: install Node.js 20 or later")
    path = CDK / "node_modules" / ".bin" / "cdk"
    if not path.exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CDK, check=True, timeout=300)
    return str(path)


@pytest.fixture
def cdk(cli, tmp_path):
    """An account, and `cdk` to run in it on an app that was synthesised once."""
    environments = tmp_path / "environments.json"
    tags = {"owner": "security"}
    environments.write_text(json.dumps([{"account": ACCOUNT_ID, "region": REGION, "tags": tags}]))
    settings = {
        "environments": environments,
        "functionsDirectory": places.binary("ingress").parent,
        "architecture": places.architecture(),
        "alertEmail": "ops@example.com",
        "moveCaches": "ask",
        "approvalPage": "yes",
    }
    context = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with Account(*FAST) as account:

        def run(*words):
            command = [cli, *words, "--no-notices", "--ci"]
            done = subprocess.run(
                command, cwd=CDK, env=account.environment(), capture_output=True, text=True, timeout=300
            )
            output = done.stdout + done.stderr
            assert done.returncode == 0, output
            assert not NOT_ASSUMED.search(output), output
            return output

        assembly = str(tmp_path / "cdk.out")
        run("synth", "--quiet", *context, "--output", assembly)
        run("bootstrap", f"aws://{ACCOUNT_ID}/{REGION}", "--app", assembly)
        yield account, lambda *words: run(*words, "--all", "--app", assembly)


def test_deploy_guard_and_destroy(cdk, name):
    account, run = cdk
    without = inventory(account)
    run("deploy", "--require-approval", "never")
    assert not [kind for kind, items in inventory(account).items() if not items - without[kind]]
    guard = guarded(account)
    assert owners(account, guard.stack) == {"security"}
    (definition,) = workflows(account)
    assert json.loads(definition)["StartAt"] == "Begin" and "${" not in definition

    group = guard.group(name)
    guard.open(group, permission("tcp", 6379, PRIVATE, description="stays"))
    before = guard.look(group)
    rules = guard.open(group, permission("tcp", 6379, "0.0.0.0/0"))
    assert guard.gone(group, rules) == before
    document, _ = guard.alerts.wait(group)
    assert [finding["check"] for finding in document["findings"]] == ["open-ingress"]
    assert "ops@example.com" in {mail["to"] for mail in guard.alerts.mails(group)}

    run("destroy", "--force")
    account.client("sqs").delete_queue(QueueUrl=guard.alerts.queue.url)
    assert inventory(account) == without


def guarded(account):
    """The account with the stack that is in it by now."""
    guard = Guard(account)
    (description,) = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert description["StackStatus"] == "CREATE_COMPLETE"
    guard.stack = Stack(account, description)
    guard.alerts = Alerts(guard.stack)
    return guard


def owners(account, stack):
    """Who owns the functions, by their tags."""
    client = account.client("lambda")
    arns = [client.get_function_configuration(FunctionName=name)["FunctionArn"] for name in stack.functions.values()]
    return {client.list_tags(Resource=arn)["Tags"].get("owner") for arn in arns}


def workflows(account):
    client = account.client("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    return [client.describe_state_machine(stateMachineArn=m["stateMachineArn"])["definition"] for m in machines]


def enabled_keys(account):
    """A key that is deleted goes days later."""
    client = account.client("kms")
    keys = [client.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in client.list_keys()["Keys"]]
    return [key["KeyId"] for key in keys if key["KeyState"] == "Enabled" and key["KeySpec"] == "HMAC_256"]


def inventory(account):
    """What there is in the account of every kind that the stack makes."""
    sqs, sns, iam, logs = (account.client(service) for service in ("sqs", "sns", "iam", "logs"))
    cloudwatch, events = account.client("cloudwatch"), account.client("events")
    kinds = {
        "functions": [item["FunctionName"] for item in account.client("lambda").list_functions()["Functions"]],
        "queues": sqs.list_queues().get("QueueUrls", []),
        "topics": [item["TopicArn"] for item in sns.list_topics()["Topics"]],
        "subscriptions": [item["TopicArn"] for item in sns.list_subscriptions()["Subscriptions"]],
        "roles": [item["RoleName"] for item in iam.list_roles()["Roles"]],
        "policies": [item["PolicyName"] for item in iam.list_policies(Scope="Local")["Policies"]],
        "log groups": [item["logGroupName"] for item in logs.describe_log_groups()["logGroups"]],
        "alarms": [item["AlarmName"] for item in cloudwatch.describe_alarms()["MetricAlarms"]],
        "dashboards": [item["DashboardName"] for item in cloudwatch.list_dashboards()["DashboardEntries"]],
        "rules": [item["Name"] for item in events.list_rules()["Rules"]],
        "workflows": workflows(account),
        "layers": [item["LayerName"] for item in account.client("lambda").list_layers()["Layers"]],
        "mappings": [m["UUID"] for m in account.client("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "tables": account.client("dynamodb").list_tables()["TableNames"],
        "keys of links": enabled_keys(account),
    }
    return {kind: set(items) for kind, items in kinds.items()}
