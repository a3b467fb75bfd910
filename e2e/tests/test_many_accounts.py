"""docs/many-accounts.md, as written: a central account with the topics, and a member with a stack in two Regions.

The emulated account knows other accounts and organizations, but no StackSets: their commands are checked against the
CLI's own model and recorded, and what the recorded stack set holds is deployed into the member by hand.
"""

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile

import pytest
from botocore.exceptions import ClientError
from harness import deploy, groups, places
from harness.account import ACCOUNT_ID, FAST, Account
from harness.guard import made, permission
from harness.inbox import subscribe
from harness.wait import until

HOME, AWAY = REGIONS = ["eu-west-1", "us-east-1"]
MEMBER, OUTSIDER = "444455556666", "777788889999"
PAGES = ("HasPage", "MovesHavePage", "HardeningsHavePage")
PREFIX = "code-for-all"
GUIDE = (places.REPO / "docs" / "many-accounts.md").read_text()
BLOCK = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TRIPLES = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}

AWS_STUB = """#!{python}
import json, os, sys
words = sys.argv[1:]
not_here = "stack-set" in words[1] or "stack-instances" in words[1]
if not_here or os.environ.get("ONLY_CHECK") and not words[1].startswith("describe-"):
    with open({log!r}, "a") as log:
        print(json.dumps(words), file=log)
    words += ["--generate-cli-skeleton", "output"]
os.execv({aws!r}, [{aws!r}, *words])
"""
MAKE_STUB = """#!/bin/bash
declare "${{@:2}}"
[ "$1" = package ] && exec {python} {package} --bucket "$BUCKET" --regions $REGIONS --arch {arch} \\
  ${{ORG:+--create-buckets --organization-id "$ORG"}} --target {target}
"""


class Workplace:
    """A directory to follow the guide in, with the functions as built, and stand-ins for what it cannot run."""

    def __init__(self, account, directory):
        self.account, self.directory, self.target = account, directory, directory / "target"
        self.log, self.arch = directory / "recorded", places.architecture()
        self.built = self.target / TRIPLES[self.arch] / "release"
        self.built.mkdir(parents=True)
        for _, name in deploy.functions(deploy.template()):
            (self.built / name).symlink_to(places.binary(name))
        self.organization = organization(account, MEMBER)
        stubs = {
            "aws": AWS_STUB.format(python=sys.executable, log=str(self.log), aws=aws_cli()),
            "make": MAKE_STUB.format(python=sys.executable, package=package(), arch=self.arch, target=self.target),
            "cargo": "#!/bin/bash\n",
        }
        for name, text in stubs.items():
            path = directory / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def follow(self, blocks, regions=REGIONS):
        """Run blocks of the guide in one shell; the first says what the names are, and here they are others."""
        own = f'ORG={self.organization}\nREGIONS="{" ".join(regions)}"\nBUCKET={PREFIX}\nCENTRAL={ACCOUNT_ID}\n'
        script = "set -eu -o pipefail\n" + blocks[0] + own + "".join(blocks[1:])
        path = f"{self.directory / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            env={**self.account.environment(), "PATH": path},
            cwd=self.directory,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def package(self, prefix=PREFIX, regions=REGIONS, *options):
        command = [sys.executable, package(), "--bucket", prefix, "--regions", *regions, "--arch", self.arch, *options]
        command += ["--target", self.target]
        return subprocess.run(command, env=self.account.environment(), capture_output=True, text=True)

    def calls(self):
        """The words of each recorded call."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def recorded(self, operation):
        return [words for words in self.calls() if words[1] == operation]


def package():
    return places.REPO / "infra" / "stacksets" / "package"


def aws_cli():
    return os.path.join(os.path.dirname(sys.executable), "aws")


def organization(account, member):
    return account.client("organizations", access_key=member).describe_organization()["Organization"]["Id"]


def blocks(kind="sh", label="", until_heading=None):
    text = GUIDE if until_heading is None else GUIDE[: GUIDE.index(until_heading)]
    return [body for language, word, body in BLOCK.findall(text) if (language, word) == (kind, label)]


def fetched(account, url):
    """What StackSets would read, with the rights of the account that makes the stack set."""
    bucket, key = re.fullmatch(r"https://([^./]+)\.s3\.[a-z0-9-]+\.amazonaws\.com/(.+)", url).groups()
    return account.client("s3", region=HOME).get_object(Bucket=bucket, Key=key)["Body"].read()


class Member:
    """The member's stack in one Region."""

    def __init__(self, workplace, region, topic):
        self.account, self.region = workplace.account, region
        words = next(words for words in workplace.recorded("create-stack-set") if f"portcullis-{region}" in words)
        self.template = json.loads(fetched(workplace.account, words[words.index("--template-url") + 1]))
        pairs = [re.fullmatch(r"ParameterKey=(\w+),ParameterValue=(.+)", word) for word in words]
        parameters = {pair.group(1): pair.group(2) for pair in pairs if pair}
        self.given, self.name = dict(parameters), f"StackSet-portcullis-{region}-0123"
        self.copy_code()
        template = json.dumps(self.template).replace(f"{PREFIX}-$", "copies-$")
        self.client("s3").put_object(Bucket=f"copies-{region}", Key="template.json", Body=template.encode())
        parameters.update(AlertTopicArn=topic, Mode="enforce")
        self.client("cloudformation").create_stack(
            StackName=self.name,
            TemplateURL=f"{self.account.endpoint}/copies-{region}/template.json",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=words[words.index("--capabilities") + 1].split(","),
        )
        until(f"the member's stack in {region}", self.complete)

    def client(self, service):
        return self.account.client(service, region=self.region, access_key=MEMBER)

    def complete(self):
        client = self.client("cloudformation")
        status = client.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]
        if any(word in status for word in deploy.FAILED):
            events = client.describe_stack_events(StackName=self.name)["StackEvents"]
            raise RuntimeError([(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in events])
        return status == "CREATE_COMPLETE"

    def copy_code(self):
        """Read with the rights of the member, as Lambda does; the emulated one sees its own account's buckets only."""
        s3, copies = self.client("s3"), f"copies-{self.region}"
        where = {} if self.region == AWAY else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        s3.create_bucket(Bucket=copies, **where)
        for resource in self.template["Resources"].values():
            if resource["Type"] == "AWS::Lambda::Function":
                key = resource["Properties"]["Code"]["S3Key"]
                self.copy(s3, key, copies)
            elif resource["Type"] == "AWS::Lambda::LayerVersion":
                self.copy(s3, resource["Properties"]["Content"]["S3Key"], copies)
            elif resource["Type"] == "AWS::StepFunctions::StateMachine":
                self.copy(s3, resource["Properties"]["DefinitionS3Location"]["Key"], copies)

    def copy(self, s3, key, copies):
        body = s3.get_object(Bucket=f"{PREFIX}-{self.region}", Key=key)["Body"].read()
        s3.put_object(Bucket=copies, Key=key, Body=body)


class Company:
    """The central account after step 3 of the guide, and the member with the first Region's topic in both Regions."""

    def __init__(self, account, directory):
        self.account, self.workplace = account, Workplace(account, directory)
        self.workplace.follow(blocks(until_heading="## 4."))
        stacks = account.client("cloudformation").describe_stacks(StackName="portcullis")["Stacks"]
        self.stack = deploy.Stack(account, stacks[0])
        self.topic = self.stack.topic
        self.make_trail()
        self.members = {region: Member(self.workplace, region, self.topic) for region in REGIONS}
        self.alerts = subscribe(account, self.topic, "all")

    def make_trail(self):
        """One for all Regions, as the organization's would be."""
        cloudtrail = self.account.client("cloudtrail", region=HOME, access_key=MEMBER)
        cloudtrail.create_trail(Name="organization", S3BucketName="trail-of-the-organization", IsMultiRegionTrail=True)
        cloudtrail.start_logging(Name="organization")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    with Account(*FAST) as account:
        yield Company(account, tmp_path_factory.mktemp("guide"))


def alert(envelope):
    return json.loads(envelope["Message"])


# Packaging ------------------------------------------------------------------------------------


def test_template_is_plain_and_complete(company):
    text = (company.workplace.target / "portcullis.json").read_bytes()
    template, source = json.loads(text), deploy.template()
    assert len(text) <= 1_048_576, "StackSets take it from S3"
    assert "Transform" not in template and b"AWS::Serverless" not in text
    assert template["Metadata"] == source["Metadata"] and template["Mappings"] == source["Mappings"]
    assert source["Rules"].pop("PageOfMoves") and template["Rules"] == source["Rules"]
    assert all(source["Conditions"].pop(name) for name in PAGES) and template["Conditions"] == source["Conditions"]
    page = {name for name, output in source["Outputs"].items() if output.get("Condition") == "HasPage"}
    assert template["Outputs"] == {name: o for name, o in source["Outputs"].items() if name not in page} and page
    (processor, _), (answer, _) = (
        (template["Parameters"].pop(name), source["Parameters"].pop(name)) for name in ("Architecture", "ApprovalPage")
    )
    assert template["Parameters"] == source["Parameters"]
    assert processor["AllowedValues"] == [places.architecture()] == [processor["Default"]]
    assert answer["AllowedValues"] == ["no"] == [answer["Default"]]


def test_packaged_template_has_no_page_and_all_else(company):
    """Some Regions have no function URLs, and a stack set is refused there for the type alone."""
    packaged = json.loads((company.workplace.target / "portcullis.json").read_text())
    done = company.workplace.package("lint", [HOME], "--page", "--print")
    assert done.returncode == 0, done.stderr
    whole = json.loads(done.stdout)["Resources"]
    gone = {name for name, resource in whole.items() if resource.get("Condition") in PAGES}
    assert {whole[name]["Type"] for name in gone} == {
        *("AWS::Lambda::Function", "AWS::Lambda::Url", "AWS::Lambda::Permission", "AWS::IAM::Role"),
        *("AWS::IAM::Policy", "AWS::Logs::LogGroup", "AWS::KMS::Key"),
    }
    # A layer's name has its content in it, and there is none of what is only printed.
    left = {name for name, resource in whole.items() if resource["Type"] != "AWS::Lambda::LayerVersion"} - gone
    assert left == {n for n, r in packaged["Resources"].items() if r["Type"] != "AWS::Lambda::LayerVersion"}
    text = json.dumps(packaged["Resources"])
    assert not re.search("Ha(s|ve)Page|Approve(Function|Role|Logs)|LinkKey|GenerateMac|AWS::Lambda::Url", text)
    variables = packaged["Resources"]["RecreateFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["PORTCULLIS_LINK_KEY_ARN"] == variables["PORTCULLIS_APPROVAL_URL"] == ""


def test_regions_without_function_urls_are_known(workplace, tmp_path):
    """cfn-lint has the types of each Region from CloudFormation; `make test-template` asks it about the rest."""
    page = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE", "TargetFunctionArn": "f"}}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"Page": page}}))
    command = [
        places.TARGET / "venv-sam" / "bin" / "cfn-lint",
        "--regions",
        "ALL_REGIONS",
        "--format",
        "json",
        "--",
        path,
    ]
    found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    without = {re.search(r"'([a-z0-9-]+)'$", item["Message"])[1] for item in found if item["Rule"]["Id"] == "E3006"}
    assert len(without) > 10
    for region in sorted(without | {"eu-south-2"}):
        done = workplace.package("none", [region], "--page")
        assert done.returncode == 2 and f"no function URLs in {region}" in done.stderr, done.stderr
    assert workplace.account.client("s3").list_buckets()["Buckets"] == []


def test_code_is_in_every_region_and_named_by_its_content(company):
    template = json.loads((company.workplace.target / "portcullis.json").read_text())
    codes = [r["Properties"]["Code"] for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert len(codes) == len(list(deploy.functions(deploy.template()))) - 1, "all but the page"
    for region in REGIONS:
        s3 = company.account.client("s3", region=region)
        for code in codes:
            assert code["S3Bucket"] == {"Fn::Sub": f"{PREFIX}-${{AWS::Region}}"}
            body = s3.get_object(Bucket=f"{PREFIX}-{region}", Key=code["S3Key"])["Body"].read()
            assert hashlib.sha256(body).hexdigest()[:16] in code["S3Key"]


def test_workflow_is_in_every_region_and_named_by_its_content(company):
    template = json.loads((company.workplace.target / "portcullis.json").read_text())
    machines = [r for r in template["Resources"].values() if r["Type"] == "AWS::StepFunctions::StateMachine"]
    for machine, name in zip(machines, ("recreate", "harden", "harden-ask"), strict=True):
        place = machine["Properties"]["DefinitionS3Location"]
        assert place["Bucket"] == {"Fn::Sub": f"{PREFIX}-${{AWS::Region}}"}
        body = (places.REPO / "infra" / f"{name}.asl.json").read_bytes()
        assert hashlib.sha256(body).hexdigest()[:16] in place["Key"]
        for region in REGIONS:
            s3 = company.account.client("s3", region=region)
            assert s3.get_object(Bucket=f"{PREFIX}-{region}", Key=place["Key"])["Body"].read() == body


def test_exceptions_are_in_every_region_and_named_by_their_content(company):
    template = json.loads((company.workplace.target / "portcullis.json").read_text())
    (layer,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::LayerVersion"]
    place = layer["Properties"]["Content"]
    assert place["S3Bucket"] == {"Fn::Sub": f"{PREFIX}-${{AWS::Region}}"}
    policies = places.REPO / "infra" / "exceptions"
    for region in REGIONS:
        body = (
            company.account.client("s3", region=region)
            .get_object(Bucket=f"{PREFIX}-{region}", Key=place["S3Key"])["Body"]
            .read()
        )
        assert hashlib.sha256(body).hexdigest()[:16] in place["S3Key"]
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.read("default.cedar") == (policies / "default.cedar").read_bytes()
            assert {name for name in archive.namelist() if "/" not in name} == {
                path.name for path in policies.iterdir() if path.is_file()
            }


def test_member_without_moves_has_nothing_of_them(company):
    for member in company.members.values():
        resources = member.client("cloudformation").describe_stack_resources(StackName=member.name)["StackResources"]
        kinds = {resource["ResourceType"] for resource in resources}
        assert "AWS::Lambda::Function" in kinds
        assert not kinds & {"AWS::StepFunctions::StateMachine", "AWS::KMS::Key", "AWS::Lambda::Url"}
        tables = [r["LogicalResourceId"] for r in resources if r["ResourceType"] == "AWS::DynamoDB::Table"]
        assert tables == ["Ledger"]


def contents(account, prefix=PREFIX):
    found = {}
    for region in REGIONS:
        # What `aws cloudformation deploy` uploads is elsewhere.
        listed = account.client("s3", region=region).list_objects_v2(Bucket=f"{prefix}-{region}", Prefix="portcullis/")
        found.update({(region, item["Key"]): item["LastModified"] for item in listed["Contents"]})
    return found


def test_unchanged_code_is_not_uploaded_again(company):
    before = contents(company.account)
    done = company.workplace.package()
    assert done.returncode == 0 and "uploaded" not in done.stdout, done.stdout + done.stderr
    code = len(list(deploy.functions(deploy.template()))) - 1 + 4
    assert contents(company.account) == before
    assert len(before) == 2 * code + 1 == 23, "seven functions, a layer, three workflows in two Regions, one template"


@pytest.fixture
def workplace(tmp_path):
    """A workplace without a company, in an account that fails no other test."""
    with Account(*FAST) as account:
        yield Workplace(account, tmp_path)


def test_refusals(workplace):
    other = workplace.account.client("s3", access_key=MEMBER)
    where = {"LocationConstraint": HOME}
    other.create_bucket(Bucket=f"theirs-{HOME}", CreateBucketConfiguration=where)
    workplace.account.client("s3").create_bucket(Bucket=f"astray-{AWAY}", CreateBucketConfiguration=where)

    def refused(words, **options):
        done = workplace.package(**options)
        assert done.returncode == 1 and words in done.stderr, done.stdout + done.stderr
        assert "Traceback" not in done.stderr

    refused(f"bucket absent-{HOME} does not exist", prefix="absent")
    refused(f"bucket theirs-{HOME} belongs to another account", prefix="theirs", regions=[HOME])
    refused(f"bucket astray-{AWAY} is in {HOME}", prefix="astray", regions=[AWAY])
    refused("aws, aws-cn", regions=[HOME, "cn-north-1"])
    ingress = workplace.built / "ingress"
    code = ingress.read_bytes()
    foreign = {"arm64": b"\x3e\x00", "x86_64": b"\xb7\x00"}[workplace.arch]
    for content, words in (
        (code[:18] + foreign + code[20:], f"not {workplace.arch}; cargo lambda build"),
        (b"#!/bin/sh\n", "is no ELF file"),
        (code + b"GLIBC_2.99", "needs glibc 2.99, and Lambda has 2.34"),
    ):
        ingress.unlink()
        ingress.write_bytes(content)
        refused(words)
    ingress.unlink()
    refused("ingress is not built")
    assert workplace.account.client("s3").list_buckets()["Buckets"][0]["Name"] == f"astray-{AWAY}"


def test_bucket_is_for_the_organization_only(company):
    name = f"{PREFIX}-{AWAY}"
    s3 = company.account.client("s3", region=AWAY)
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    documented = blocks("json")[0].replace("o-exampleorgid", company.workplace.organization)
    documented = documented.replace(f"example-portcullis-{HOME}", name)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == json.loads(documented)
    key = next(key for region, key in contents(company.account) if region == AWAY)
    for account, action in ((OUTSIDER, "get_object"), (MEMBER, "delete_object")):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(company.account.client("s3", region=AWAY, access_key=account), action)(Bucket=name, Key=key)
    assert company.account.client("s3", region=AWAY, access_key=MEMBER).get_object(Bucket=name, Key=key)["ETag"]


# Running --------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", REGIONS)
def test_port_is_closed_in_each_region_and_told_at_the_one_topic(company, name, region):
    ec2 = company.members[region].client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    kept = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("tcp", 6379, "10.0.0.0/8")])
    before = groups.whole(ec2, group)
    opened = made(
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("tcp", 6379, "0.0.0.0/0")])
    )
    until(f"{group} to be closed", lambda: not set(opened) & set(groups.rules(ec2, group)))
    assert groups.whole(ec2, group) == before and set(made(kept)) < set(before["rules"])
    told = alert(company.alerts.wait(f"the alert about {group}", lambda e: alert(e)["subject"]["id"] == group))
    assert (told["account"], told["region"]) == (MEMBER, region)
    assert [finding["outcome"] for finding in told["findings"]] == ["done"]


def test_alarms_go_to_the_topic_of_their_own_region_only(company):
    for region, actions in ((HOME, [company.topic]), (AWAY, [])):
        alarms = company.members[region].client("cloudwatch").describe_alarms()["MetricAlarms"]
        assert alarms and all(alarm["AlarmActions"] == actions for alarm in alarms)


def test_recommended_sets_hold_the_topic_of_their_region(company):
    for region, member in company.members.items():
        (stack,) = company.account.client("cloudformation", region=region).describe_stacks()["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        assert member.given["AlertTopicArn"] == outputs["AlertTopicArn"] and f":{region}:" in outputs["AlertTopicArn"]
        assert member.given["Mode"] == outputs["Mode"] == "observe"


def test_topic_takes_messages_of_the_organization_and_nobody_else(company):
    def client(account):
        return company.account.client("sns", region=HOME, access_key=account)

    assert client(MEMBER).publish(TopicArn=company.topic, Message="{}")["MessageId"]
    for account, action, more in (
        (OUTSIDER, "publish", {"Message": "{}"}),
        (MEMBER, "subscribe", {"Protocol": "email", "Endpoint": "x@example.com"}),
        (MEMBER, "delete_topic", {}),
    ):
        with pytest.raises(ClientError, match="AuthorizationError"):
            getattr(client(account), action)(TopicArn=company.topic, **more)
    attributes = client("test").get_topic_attributes(TopicArn=company.topic)["Attributes"]
    allowed = [s for s in json.loads(attributes["Policy"])["Statement"] if s["Effect"] == "Allow"]
    of_services = [s for s in allowed if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    # The emulated account does not evaluate aws:SourceOrgID, so this is what the policy says, not what it does.
    assert [s["Condition"] for s in of_services] == [
        {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}},
        {"StringEquals": {"aws:SourceOrgID": company.workplace.organization}},
    ]
    assert len(allowed) == 3 and all(s["Action"] == "sns:Publish" for s in allowed)


# The guide ------------------------------------------------------------------------------------


def test_json_in_the_guide_is_json():
    found = [json.loads(text) for text in blocks("json")]
    assert len(found) == GUIDE.count("```json") > 0


def test_filters_of_the_guide(company):
    """Each on a queue of its own."""
    filters = {f"filter-{number}": text for number, text in enumerate(blocks("json")) if text.startswith("{ ")}
    attributes = re.search(r"'({.*})'", blocks("sh", "filter")[0]).group(1)
    filters["filter-team"] = json.loads(attributes)["FilterPolicy"]
    queues = {
        name: subscribe(company.account, company.topic, name, FilterPolicyScope="MessageBody", FilterPolicy=text)
        for name, text in filters.items()
    }
    document = {"schema": "portcullis.alert.v1", "account": MEMBER, "region": HOME, "severity": "high"}
    messages = {
        "group": {**document, "checks": ["open-ingress"]},
        "cache": {**document, "checks": ["default-port", "no-auth"], "severity": "low"},
        "alarm": {"AlarmName": "Silence", "AWSAccountId": MEMBER, "NewStateValue": "ALARM"},
        "digest": {
            **{"schema": "portcullis.digest.v1", "account": ["777788889999", MEMBER], "region": [HOME]},
            **{"severity": ["high", "low"], "checks": ["default-port", "open-ingress"]},
        },
    }
    sns = company.account.client("sns")
    for message in messages.values():
        both = {"default": json.dumps(message), "email": "a text"}
        sns.publish(TopicArn=company.topic, Message=json.dumps(both), MessageStructure="json")

    def taken():
        return {name: [key for key in messages if messages[key] in map(alert, queues[name].read())] for name in queues}

    everything = [["alarm"], ["group", "cache", "digest"], ["group", "digest"], ["group", "digest"]]
    until("each queue to have what its filter takes", lambda: sorted(taken().values()) == everything)
    assert taken()["filter-team"] == ["group", "digest"]


def test_guide_runs_from_beginning_to_end(workplace):
    """In one Region, for the sake of time."""
    workplace.follow(blocks(), regions=[AWAY])
    operations = ("create-stack-set", "create-stack-instances", "update-stack-instances", "update-stack-set")
    counts = [len(workplace.recorded(operation)) for operation in operations]
    assert counts == [1, 1, 3, 2], "made; enforce, one account, pause; enforce for all, upgrade"
    assert len(workplace.recorded("delete-stack-instances")) == len(workplace.recorded("delete-stack-set")) == 1
    kept = workplace.account.client("cloudformation", region=AWAY).describe_stacks()["Stacks"]
    assert [stack for stack in kept if stack["StackStatus"] != "DELETE_COMPLETE"] == []
    assert workplace.account.client("s3").list_buckets()["Buckets"] == []


def test_other_commands_are_of_the_cli(company):
    """Not run, as they are for other accounts, or other ways: the CLI checks them against its model."""
    names, *_, sets = blocks(until_heading="## 4.")
    definitions = [re.search(r"^topic\(\) .*?^}$", GUIDE, re.MULTILINE | re.DOTALL).group(), sets.split("\n\n")[0]]
    others = [text for label in ("management", "alternative", "member", "filter") for text in blocks("sh", label)]
    assert len(others) == 4
    only_check = (
        "export ONLY_CHECK=1 TEMPLATE=https://bucket/template.json QUEUE_ARN=arn:aws:sqs:eu-west-1:111122223333:team"
    )
    company.workplace.follow([names, *(f"{text}\n" for text in (*definitions, only_check, *others))])
    recorded = [(words[0], words[1]) for words in company.workplace.calls()]
    assert {("organizations", "register-delegated-administrator"), ("sns", "subscribe")} < set(recorded)


def test_cost_tables_are_what_the_command_prints():
    command = [sys.executable, places.REPO / "bench" / "costs.py"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = (places.REPO / "docs" / "costs.md").read_text()
    begin, end = (f"<!-- What `bench/costs.py` prints {verb} here. -->" for verb in ("begins", "ends"))
    assert page.split(begin)[1].split(end)[0].strip() == printed.strip()
