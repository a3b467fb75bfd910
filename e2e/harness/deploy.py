"""Deploys the real `infra/template.yaml` through the account's CloudFormation.

The only things rewritten are those that `sam build` and `sam package` rewrite: where the code is.
"""

import io
import json
import shlex
import sys
import zipfile

import yaml

from . import places
from .wait import until

sys.path.append(str(places.REPO / "infra" / "stacksets" / "package"))
import binaries  # noqa: E402

BUCKET = "portcullis-artifacts"
#: A template that is larger than a request may be is read from a bucket (CloudFormation quotas, 51,200 bytes).
TEMPLATE = f"{BUCKET}/template.json"
STACK = "portcullis"
#: Tests share an account, and do in a minute what an account sees in weeks. Those of the limits set them.
PATIENT = {"ActionsPerMinute": "100000", "AlertsPerMinute": "100000"}
FAILED = ("FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_IN_PROGRESS")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML with CloudFormation's short forms: `!Ref x` is `{"Ref": "x"}`."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def template(path=places.TEMPLATE):
    """The template, or another one, as data."""
    return yaml.load(path.read_text(), Loader=_Loader)


def functions(document):
    """Logical id and binary of each function."""
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield name, resource["Metadata"]["BuildProperties"]["Binary"]


def workflows(document):
    """Logical id and file of each state machine's definition."""
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            yield name, places.TEMPLATE.parent / resource["Properties"]["DefinitionUri"]


def layers(document):
    """Logical id and directory of each layer's files."""
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            yield name, places.TEMPLATE.parent / resource["Properties"]["ContentUri"]


def package(path):
    """A function's zip. Its `bootstrap` starts the binary where it is: those of the dev profile have 100 MB each, and
    every account of the tests would pack, upload and unpack them. test_sam.py and test_many_accounts.py deploy them
    whole.
    """
    bootstrap = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    bootstrap.external_attr = 0o100755 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.writestr(bootstrap, f'#!/bin/bash\nexec -a "$0" {shlex.quote(str(path))}\n')
    return content.getvalue()


def deploy(account, exceptions=None, **parameters):
    """Create the stack; `exceptions` is another directory of policies than the repository's."""
    account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=publish(account, prepared(account, exceptions)),
        Parameters=_parameters(parameters),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    return Stack(account, _finished(cloudformation, "CREATE_COMPLETE"))


def prepared(account, exceptions=None):
    """The template, with everything that it is made of in a bucket."""
    document = template()
    s3 = account.client("s3")
    for name, binary in functions(document):
        key = f"{binary}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=package(places.binary(binary)))
        document["Resources"][name]["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": key}
    for name, directory in layers(document):
        content = binaries.package_layer(exceptions or directory)
        key = f"{name}-{binaries.digest(content)}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        document["Resources"][name]["Properties"]["ContentUri"] = {"Bucket": BUCKET, "Key": key}
    for name, path in workflows(document):
        s3.put_object(Bucket=BUCKET, Key=path.name, Body=path.read_bytes())
        document["Resources"][name]["Properties"]["DefinitionUri"] = {"Bucket": BUCKET, "Key": path.name}
    del document["Globals"]["Function"]["CodeUri"]
    return document


def publish(account, document):
    """Puts a template where CloudFormation reads it; gives its URL."""
    bucket, key = TEMPLATE.split("/")
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())
    return f"{account.endpoint}/{TEMPLATE}"


def update(stack, exceptions=None, **parameters):
    """Update a deployed stack to other parameters, and to other policies if a directory of them is given."""
    if exceptions:
        publish(stack.account, prepared(stack.account, exceptions))
    cloudformation = stack.account.client("cloudformation")
    cloudformation.update_stack(
        StackName=STACK,
        TemplateURL=f"{stack.account.endpoint}/{TEMPLATE}",
        Parameters=_parameters(parameters),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    return Stack(stack.account, _finished(cloudformation, "UPDATE_COMPLETE"))


def _parameters(given):
    given = {"Architecture": places.architecture(), **PATIENT, **given}
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]


def _finished(cloudformation, wanted):
    def look():
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if any(word in stack["StackStatus"] for word in FAILED):
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events]
            raise RuntimeError(f"the stack is {stack['StackStatus']}:\n" + "\n".join(reasons))
        return stack if stack["StackStatus"] == wanted else None

    return until(f"the stack is {wanted}", look)


class Stack:
    """A deployed stack by its outputs."""

    def __init__(self, account, description):
        self.account = account
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
        self.topic = self.outputs["AlertTopicArn"]
        self.chat_topic = self.outputs.get("ChatTopicArn")
        self.failure_queue = self.outputs["FailureQueueUrl"]
        self.log_groups = {}
        self.read = {}
        self.undelivered_queue = self.outputs["UndeliveredQueueUrl"]
        self.functions = {
            output.removesuffix("FunctionName").lower(): name
            for output, name in self.outputs.items()
            if output.endswith("FunctionName")
        }

    def resources(self, kind):
        """Physical id of each resource of a type, by logical id."""
        found = self.account.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found if r["ResourceType"] == kind}

    def role(self, function):
        configuration = self.account.client("lambda").get_function_configuration(FunctionName=self.functions[function])
        return configuration["Role"]

    def log_group(self, function):
        if function not in self.log_groups:
            configuration = self.account.client("lambda").get_function_configuration(
                FunctionName=self.functions[function]
            )
            self.log_groups[function] = configuration["LoggingConfig"]["LogGroup"]
        return self.log_groups[function]

    def invocations(self, function):
        """The log lines of each invocation that has ended: Lambda puts its own lines around them."""
        streams = {}
        for event in self.log_events(self.log_group(function)):
            streams.setdefault(event["logStreamName"], []).append(event["message"])
        found = []
        for lines in streams.values():
            for line in lines:
                if line.startswith("START RequestId:"):
                    lines_of_one = []
                elif line.startswith("END RequestId:"):
                    found.append(lines_of_one)
                else:
                    lines_of_one.append(line)
        return found

    def log_events(self, group):
        """All events of a log group, in order. Only the last seconds are read again: the emulated account
        gives the oldest 10,000 without a token for the rest, and a long run has more."""
        known = self.read.get(group, [])
        while True:
            since = known[-1]["timestamp"] - 10_000 if known else 0
            answer = self.account.client("logs").filter_log_events(logGroupName=group, startTime=max(since, 0))
            before = len(known)
            known = [event for event in known if event["timestamp"] < since] + answer["events"]
            self.read[group] = known
            if len(answer["events"]) < 10_000 or len(known) == before:
                return known

    def invoke(self, function, event):
        """Invoke and wait for the answer: (payload, error or None). `event` is JSON data, or bytes as they are."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        answer = self.account.client("lambda").invoke(FunctionName=self.functions[function], Payload=payload)
        text = answer["Payload"].read().decode()
        return (json.loads(text) if text else None), answer.get("FunctionError")

    def deliver(self, function, event):
        """Invoke as EventBridge does: asynchronously, with retries and the failure queue behind it."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.account.client("lambda").invoke(
            FunctionName=self.functions[function], InvocationType="Event", Payload=payload
        )
