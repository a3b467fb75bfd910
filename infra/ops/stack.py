"""A deployed stack, seen from outside; and every failure in words that say what, where, and what to do."""

import argparse
import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, WaiterError

#: Exit codes of every script here: done; not all of it, and why is printed; could not start.
DONE, NOT_ALL, NOT_STARTED = 0, 1, 2
NO_STACK = "does not exist"
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
#: To invoke a function and wait: longer than it may take, and once, for a second attempt would invoke it twice.
PATIENT = Config(read_timeout=150, retries={"total_max_attempts": 1})
REFUSED = ("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch")


class Problem(Exception):
    """What is wrong, where, and what to do; nothing was begun."""

    code = NOT_STARTED


class Failure(Problem):
    """The same of something that was begun, and did not get to its end."""

    code = NOT_ALL


def parser(text):
    """A parser of arguments whose help is the text, as it was written."""
    made = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--stack",
        default=os.environ.get("STACK") or "portcullis",
        metavar="NAME",
        help="name of the stack (default: $STACK, else portcullis)",
    )
    return made


def run(main):
    """Run a script to its exit code."""
    try:
        code = main()
    except KeyboardInterrupt:
        code = complain("interrupted", 130)
    except Problem as problem:
        code = complain(problem, problem.code)
    except NoCredentialsError:
        code = complain("no AWS credentials: `aws sso login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID", NOT_STARTED)
    except NoRegionError:
        code = complain("no Region: set AWS_REGION, or a region in your AWS profile", NOT_STARTED)
    except ClientError as error:
        code = complain(in_words(error), NOT_ALL)
    except (BotoCoreError, WaiterError) as error:
        code = complain(error, NOT_ALL)
    sys.stdout.flush()
    sys.exit(code)


def complain(what, code):
    sys.stdout.flush()
    print(f"{os.path.basename(sys.argv[0])}: {what}", file=sys.stderr)
    return code


def in_words(error):
    """A refusal of AWS: which call, what AWS says, and what to do about it if that is known."""
    code = error.response["Error"]["Code"]
    advice = ""
    if code in EXPIRED:
        advice = "; the credentials have expired: get new ones (`aws sso login`)"
    elif code in REFUSED:
        advice = "; AWS does not know these credentials: `aws sts get-caller-identity` must work first"
    elif "AccessDenied" in code or code in ("UnauthorizedOperation", "AuthorizationError"):
        advice = "; your own identity lacks this right: docs/operations.md lists what each command needs"
    return f"{error.operation_name}: {code}: {error.response['Error'].get('Message', '')}{advice}"


class Account:
    """Clients of the account and Region that the environment names, each made once."""

    def __init__(self):
        self.session = boto3.Session()
        if not self.session.region_name:
            raise NoRegionError()
        if self.session.get_credentials() is None:
            raise NoCredentialsError()
        self.region = self.session.region_name
        self._clients = {}

    def client(self, service, config=None):
        key = (service, config)
        if key not in self._clients:
            self._clients[key] = self.session.client(service, config=config)
        return self._clients[key]

    def place(self):
        """Where we are, for messages."""
        return f"account {self.client('sts').get_caller_identity()['Account']}, {self.region}"


class Stack:
    """The stack by its name: outputs, parameters, functions and queues as they are now."""

    def __init__(self, name):
        self.name, self.account = name, Account()
        self.client = self.account.client
        self.read()

    def read(self):
        """Look at the stack (again)."""
        found = describe(self.account, self.name)
        if found is None:
            raise Problem(
                f"there is no stack {self.name} in {self.account.place()}: `make deploy` makes it; "
                "or name another with STACK=, another Region with AWS_REGION="
            )
        self.id, self.status = found["StackId"], found["StackStatus"]
        self.outputs = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
        self.parameters = {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])}
        missing = {"FailureQueueUrl", "UndeliveredQueueUrl", "IngressFunctionName"} - set(self.outputs)
        if missing:
            raise Problem(
                f"the stack {self.name} ({self.status}) is no working Portcullis: it lacks the outputs "
                f"{', '.join(sorted(missing))}. `make deploy` makes or repairs it, `make destroy` removes it"
            )
        return self

    @property
    def functions(self):
        """Names of the functions by what they are: ingress, cache, digest, trail, and those that are asked for."""
        kinds = ("Ingress", "Cache", "Digest", "Trail", "Sweep", "Recreate", "Approve")
        names = {kind.lower(): self.outputs.get(f"{kind}FunctionName") for kind in kinds}
        return {kind: name for kind, name in names.items() if name}

    @property
    def queues(self):
        """URLs of the on-failure queue and the dead-letter queue."""
        return {"undelivered": self.outputs["UndeliveredQueueUrl"], "failed": self.outputs["FailureQueueUrl"]}

    def waiting(self):
        """How many messages lie in each queue, those that are being looked at included."""
        return {name: messages(self.client("sqs"), url) for name, url in self.queues.items()}

    def invoke(self, function, event):
        """Invoke a function and wait: (None, what it said), or (the error, None)."""
        client = self.client("lambda", config=PATIENT)
        try:
            answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
            said = json.loads(answer["Payload"].read() or b"null")
        except ClientError as error:
            return in_words(error), None
        except (BotoCoreError, ValueError) as error:
            return f"no answer: {error}", None
        text = said if isinstance(said, str) else json.dumps(said)
        if not answer.get("FunctionError"):
            return None, text
        return (said.get("errorMessage") if isinstance(said, dict) else None) or text, None

    def resources(self, kind):
        """Physical ids of the stack's resources of a type, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = (resource for page in pages for resource in page["StackResourceSummaries"])
        return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found if item["ResourceType"] == kind}


def describe(account, name):
    """CloudFormation's description of a stack, or None if there is none of this name."""
    try:
        return account.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if NO_STACK in error.response["Error"].get("Message", ""):
            return None
        raise


def moves_under_way(account, description):
    """Names and ARNs of the moves of caches that are not at their end, of a stack as `describe` gives it."""
    outputs = {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}
    machine = outputs.get("RecreateStateMachineArn")
    if not machine:
        return {}
    pages = account.client("stepfunctions").get_paginator("list_executions")
    pages = pages.paginate(stateMachineArn=machine, statusFilter="RUNNING")
    return {item["name"]: item["executionArn"] for page in pages for item in page["executions"]}


def messages(sqs, url):
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)
    return sum(int(answer["Attributes"][name]) for name in counts)


def number(count, what):
    """`1 event`, `2 events`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def plain(text):
    """On one line, without anything that a terminal would obey: events hold what anybody wrote."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text).strip())


def finished(cloudformation, stack_id, waiter, delay=2, attempts=900):
    """Wait for CloudFormation; whether it ended well."""
    try:
        cloudformation.get_waiter(waiter).wait(
            StackName=stack_id, WaiterConfig={"Delay": delay, "MaxAttempts": attempts}
        )
    except WaiterError:
        return False
    return True


def why(cloudformation, stack_id):
    """The failures that CloudFormation reports last."""
    events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    failures = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    lines = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failures[:5]]
    return "; ".join(lines) or "see its events in CloudFormation"
