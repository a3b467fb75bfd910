"""`portcullis audit`: an account with a past, without a stack, read with no more rights than its policy gives."""

import csv
import json
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import referencing
from harness import browser as browsers
from harness import deploy, guided, pasted, places
from harness.account import ACCOUNT_ID, CREDENTIALS, FAST, REGION, Account
from harness.calls import Calls
from harness.guard import PRIVATE, Guard, permission
from harness.wait import until

sys.path.insert(0, str(places.REPO / "bench"))
import trail

POLICY = json.loads((places.REPO / "infra" / "audit-policy.json").read_text())
#: What the account has from before: a fault of each check, one of another account's, one that is protected, one that an
#: exception permits, one behind a list that nobody may read.
PAST = (
    "authorize-redis-to-the-world",
    "authorize-block-that-completes-a-union",
    "authorize-https-to-the-world",
    "authorize-in-a-protected-group",
    "authorize-unreadable-prefix-list",
    "authorize-memcached-udp-from-one-address",
    "create-redis-without-security",
    "create-valkey-open-to-the-internet",
    "create-serverless-cache-public",
    "create-redis-in-a-public-subnet",
)
CHECKS = {
    "open-ingress",
    "memcached-udp",
    "open-cache",
    "default-port",
    "plaintext-transit",
    "no-auth",
    "public-subnet",
    "public-endpoint",
}


class Auditor:
    """The account, and whoever audits it."""

    def __init__(self, account):
        self.account = account
        self.guard = Guard(account)
        for name in PAST:
            account.seed(json.loads((places.EVENTS / f"{name}.facts.json").read_text()))
        self.clean = self.guard.group("clean", permission("tcp", 6379, PRIVATE))
        self.calls = Calls(account)

    def run(self, *arguments, lacking=(), environment=None, command="audit"):
        """The finished process, by a user with the rights of the policy but these."""
        own = environment or self.user(lacking)
        return subprocess.run(
            [places.PROGRAMS / "portcullis", command, *arguments],
            cwd=places.REPO,
            env={**self.account.environment(), **own},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def user(self, lacking=(), also=()):
        name = "-".join(["auditor", *(right.split(":")[1] for right in (*lacking, *also))])
        iam, (statement,) = self.account.client("iam"), POLICY["Statement"]
        actions = [action for action in (*statement["Action"], *also) if action not in lacking]
        document = {**POLICY, "Statement": [{**statement, "Action": actions}]}
        if name not in {user["UserName"] for user in iam.list_users()["Users"]}:
            iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="audit", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def report(self, *arguments, **options):
        done = self.run("--format", "json", *arguments, **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def auditor():
    with Account(*FAST) as account:
        yield Auditor(account)


@pytest.fixture(scope="module")
def report(auditor):
    """Of all Regions that are enabled, by the policy alone."""
    return auditor.report("--unused")


def validator():
    schema, alert = (
        json.loads((places.REPO / "docs" / f"{name}.schema.json").read_text()) for name in ("audit", "alert")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    registry = referencing.Registry().with_resource(alert["$id"], referencing.Resource.from_contents(alert))
    return jsonschema.Draft202012Validator(schema, registry=registry)


def test_each_fault_is_found_and_nothing_that_is_clean(auditor, report):
    validator().validate(report)
    assert {row["finding"]["check"] for row in report["findings"]} == CHECKS
    severities = [row["finding"]["severity"] for row in report["findings"]]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low"].index)
    assert auditor.clean not in json.dumps([report["findings"], report["suppressed"]])
    assert auditor.clean in {row["id"] for row in report["unused"]}, "no interface carries it"
    assert {row["exception"] for row in report["suppressed"]} == {"public-https"}
    regions = [scope["region"] for scope in report["scopes"]]
    assert len(regions) > 10 and REGION in regions


def test_it_decides_as_about_an_event(report):
    """Unions, protected groups, and lists that nobody may read."""
    told = [row["finding"] for row in report["findings"]]
    assert any(finding["evidence"].get("togetherWith") for finding in told)
    because = {finding["because"] for finding in told}
    assert "the group has the tag portcullis:protect" in because
    (unreadable,) = [finding for finding in told if "could not be evaluated" in finding["title"]]
    assert unreadable["severity"] == "high" and "pl-" in unreadable["because"]


def test_an_audit_changes_nothing_and_its_commands_do(auditor, report):
    """Whoever audits has no right to change anything, and CloudTrail has no call of theirs that did."""
    assert auditor.calls.queue.read() == []
    row = next(row for row in report["findings"] if row["command"] and row["finding"]["outcome"] == "withheld")
    assert row["finding"]["because"] == "an audit changes nothing"
    rule, group = row["finding"]["evidence"]["rule"]["id"], row["subject"]["id"]
    before = auditor.guard.look(group)
    pasted.paste(row["command"], auditor.account)
    del before["rules"][rule]
    assert auditor.guard.look(group) == before


@pytest.mark.parametrize(
    ("right", "effect"),
    [
        ("ec2:GetManagedPrefixListEntries", "rules that name the prefix list are unknown"),
        ("ec2:DescribeNetworkInterfaces", "such findings count as high"),
        ("ec2:DescribeSecurityGroupRules", "the rules of some security groups were not looked at"),
        ("elasticache:DescribeCacheClusters", "no Memcached cache"),
    ],
)
def test_what_may_not_be_read_is_unknown_with_the_right_that_is_missing(auditor, right, effect):
    partial = auditor.report("--regions", REGION, lacking=[right])
    validator().validate(partial)
    assert not partial["complete"]
    (unknown,) = [row for row in partial["unknown"] if row["right"] == right]
    assert effect in unknown["effect"] and unknown["region"] == REGION
    if right == "ec2:DescribeNetworkInterfaces":
        assert {row["finding"]["severity"] for row in partial["findings"] if row["reach"]} <= {"high", "medium"}
    text = auditor.run("--regions", REGION, "--require-complete", lacking=[right])
    assert text.returncode == 3 and right in text.stdout and "INCOMPLETE" in text.stdout


def test_how_it_ends_is_its_status(auditor, report, tmp_path):
    kept = tmp_path / "audit.json"
    kept.write_text(json.dumps(report))
    offline = {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    for arguments, status in [
        ((), 0),
        (("--fail-on", "low"), 1),
        (("--fail-on", "critical"), int("critical" in report["summary"]["bySeverity"])),
        (("--require-complete",), 3),
    ]:
        done = auditor.run("--from", kept, *arguments, environment=offline)
        assert done.returncode == status, (arguments, done.stderr)
        assert done.stderr == "", "a pipe sees no bars"
    twice = auditor.run("--from", kept, kept, "--format", "json", environment=offline)
    merged = json.loads(twice.stdout)
    validator().validate(merged)
    assert len(merged["findings"]) == 2 * len(report["findings"])
    (tmp_path / "other.json").write_text("{}")
    wrong = auditor.run("--from", tmp_path / "other.json", environment=offline)
    assert wrong.returncode == 2 and "no report of an audit" in wrong.stderr
    nobody = auditor.run(environment={"AWS_ACCESS_KEY_ID": "AKIANOBODY", "AWS_SECRET_ACCESS_KEY": "x"})
    assert nobody.returncode == 2 and nobody.stderr.startswith("error: ") and "help: " in nobody.stderr


def test_another_account_is_read_by_a_role_and_one_that_refuses_is_unknown(auditor):
    both = auditor.report("--regions", REGION, "--accounts", f"{ACCOUNT_ID},444455556666", "--role-name", "nobody")
    assert [scope["account"] for scope in both["scopes"]] == [ACCOUNT_ID]
    (refused,) = [row for row in both["unknown"] if row["call"] == "AssumeRole"]
    assert refused["account"] == "444455556666" and "role/nobody" in refused["error"]


def test_what_ends_early_prints_what_it_has_and_what_it_has_not(auditor):
    """Ctrl-C, and a time-out, while EC2 does not answer."""
    user, arguments = auditor.user(), ("--regions", REGION, "--format", "json")
    nobody = lambda: socket.create_server(("127.0.0.1", 0))  # noqa: E731
    with nobody() as silent, nobody() as mute:
        of = lambda server: {**user, "AWS_ENDPOINT_URL_EC2": f"http://127.0.0.1:{server.getsockname()[1]}"}  # noqa: E731
        late = auditor.run(*arguments, "--timeout", "100ms", "--require-complete", environment=of(silent))
        running = subprocess.Popen(
            [places.PROGRAMS / "portcullis", "audit", *arguments],
            env={**auditor.account.environment(), **of(mute)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert select.select([mute], [], [], 60)[0], "EC2 was not called"
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=30)
    assert late.returncode == 3 and running.returncode == 130
    for text, why in ((late.stdout, "the time of --timeout was over"), (said, "it was interrupted")):
        report = json.loads(text)
        validator().validate(report)
        (unknown,) = report["unknown"]
        assert unknown["error"] == why and unknown["region"] == REGION
        assert [(scope["region"], scope["complete"]) for scope in report["scopes"]] == [(REGION, False)]


def test_the_accounts_of_an_organization_are_read_by_the_role_of_the_template(auditor):
    """One has an open port for Memcached, and a group that nobody uses; the other a server behind such a port."""
    account, organizations = auditor.account, auditor.account.client("organizations")
    made = organizations.create_account(Email="shop@example.com", AccountName="shop")["CreateAccountStatus"]
    member = made["AccountId"]
    path = places.REPO / "infra" / "stacksets" / "audit-role.yaml"
    (attached,) = deploy.template(path)["Resources"]["AuditRole"]["Properties"]["Policies"]
    (statement,), (own,) = attached["PolicyDocument"]["Statement"], POLICY["Statement"]
    assert {**own, "Action": [one for one in own["Action"] if one != "organizations:ListAccounts"]} == statement
    cloudformation = account.client("cloudformation", access_key=member)
    cloudformation.create_stack(
        StackName="portcullis-audit",
        TemplateBody=path.read_text(),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (("Auditor", ACCOUNT_ID), ("ExternalId", "of-the-shop"))
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    complete = lambda: cloudformation.describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"  # noqa: E731
    until("the role is there", complete)
    ec2 = account.client("ec2", access_key=member)
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    open_one, unused = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("cache", "left")
    )
    ec2.authorize_security_group_ingress(GroupId=open_one, IpPermissions=[permission("udp", 11211, "0.0.0.0/0")])
    ec2.create_network_interface(SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"], Groups=[open_one])
    group, instance = auditor.guard.group("behind", permission("tcp", 11211, "0.0.0.0/0")), "i-0123456789abcdef0"
    carrier = {"NetworkInterfaceId": "eni-0123456789abcdef0", "Groups": [{"GroupId": group}]}
    attached = {"InstanceId": instance, "Status": "attached"}
    account.seed({"NetworkInterfaces": [{**carrier, "Attachment": attached}]})
    account.control("POST", "server", {"InstanceId": instance})

    asked = ("--regions", REGION, "--organization", "--role-name", "portcullis-audit", "--unused")
    user = auditor.user(also=("sts:AssumeRole",))
    report = auditor.report(*asked, "--external-id", "of-the-shop", environment=user)
    validator().validate(report)
    assert {scope["account"]: scope["accountName"] for scope in report["scopes"]}[member] == "shop"
    of_member = [row["finding"]["check"] for row in report["findings"] if row["account"] == member]
    assert sorted(of_member) == ["memcached-udp", "open-ingress"]
    assert report["servers"] == [
        {"account": ACCOUNT_ID, "region": REGION, "instance": instance, "subject": group, "managed": "Online"}
    ]
    left = [row["id"] for row in report["unused"] if row["account"] == member]
    assert left == [unused]
    stranger = auditor.report(*asked, environment=user)
    (refused,) = [row for row in stranger["unknown"] if row["account"] == member]
    assert refused["right"] == "sts:AssumeRole" and not stranger["complete"]
    nobody = auditor.run(*asked, lacking=["organizations:ListAccounts"])
    assert nobody.returncode == 2 and "accounts of the organization cannot be listed" in nobody.stderr


def test_the_commands_of_the_help_audit(auditor, tmp_path):
    """As they are printed, but for the ids of accounts and the Regions, one of which is enough here."""
    shell = guided.Shell(auditor.account, tmp_path)
    commands = [line.strip() for line in shell.run("portcullis audit --help").splitlines() if "  portcullis " in line]
    assert len(commands) == 5
    for command in commands:
        command = command.replace("444455556666", ACCOUNT_ID)
        if "--organization" in command:  # many Regions of each account, which another test has
            command = f"{command} --regions {REGION}"
        said = shell.run(command)
        assert "f-" in (said or (tmp_path / "audit.html").read_text()), command
    kept = json.loads((tmp_path / "audit.json").read_text())
    assert {scope["region"] for scope in kept["scopes"]} == {REGION}


@pytest.fixture(scope="module")
def kept(report, tmp_path_factory):
    """The report as it is kept, with what a stranger might have written."""
    hostile = json.loads(json.dumps(report).replace('"name": "', '"name": "</summary><script>alert(1)</script> '))
    path = tmp_path_factory.mktemp("kept") / "audit.json"
    path.write_text(json.dumps(hostile))
    return path


def test_a_spreadsheet_and_a_siem_get_every_finding(auditor, kept):
    report = json.loads(kept.read_text())
    rows = list(csv.DictReader(auditor.run("--from", kept, "--format", "csv").stdout.splitlines()))
    assert [row["finding_id"] for row in rows if row["status"] == "open"] == [
        row["finding"]["id"] for row in report["findings"]
    ]
    assert {row["status"] for row in rows} == {"open", "suppressed", "unknown"}
    schema = json.loads((places.REPO / "docs" / "ocsf-compliance-finding.schema.json").read_text())
    events = [json.loads(line) for line in auditor.run("--from", kept, "--format", "ocsf").stdout.splitlines()]
    for event in events:
        jsonschema.validate(event, schema)
    assert len(events) == len(rows)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_reads_well_everywhere(auditor, kept, browser, scheme, tmp_path):
    path = tmp_path / "audit.html"
    assert auditor.run("--from", kept, "--format", "html", "--output", path).returncode == 0
    with browser.open(path.as_uri(), scheme=scheme) as page:
        assert page.locator("h1").count() == page.locator("main").count() == 1
        first = page.locator("section h2").first
        assert first.inner_text() == "Not everything could be read"
        assert page.locator("article").count() == len(json.loads(kept.read_text())["findings"])
        assert page.locator("script").count() == 0 and "<script>" in page.locator("main").inner_text()
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert browsers.overflow(page) == []
            browsers.screenshot(page, f"audit-{width}-{scheme}")
        assert browsers.axe(page) == []
        assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_replay_reads_as_well(auditor, browser, scheme, tmp_path):
    """Of what the account's past was made by, and of a file that is none; in the browser of the audit's page."""
    files = [places.EVENTS / f"{name}{ending}" for name in PAST for ending in (".json", ".facts.json")]
    path, offline = tmp_path / "replay.html", {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    compared = ("--compare", "infra/exceptions/strict", "--format", "html")
    done = auditor.run(*files, *compared, command="replay", environment=offline)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    path.write_text(done.stdout)
    with browser.open(path.as_uri(), scheme=scheme) as page:
        assert page.locator("h1").count() == page.locator("main").count() == 1
        assert page.locator("figure svg").count() == 2 and page.locator("script").count() == 0
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert browsers.overflow(page) == []
            browsers.screenshot(page, f"replay-{width}-{scheme}")
        assert browsers.axe(page) == []
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 718, "height": 1000})  # A4
        assert browsers.overflow(page) == []
        assert page.complaints == []


def test_the_event_history_is_replayed_from_the_account_itself(auditor, tmp_path):
    """The account throttles who asks more than twice a second, as AWS does; and what is kept needs no account."""
    guard, kept = auditor.guard, tmp_path / "history.jsonl"
    group = guard.group("history", permission("tcp", 6379, "0.0.0.0/0"))
    last = ("--last", "1h", "--keep", kept, "--format", "json")
    refused = auditor.run(*last, command="replay")
    assert refused.returncode == 2 and f"--keep {kept}" in refused.stderr
    assert "may not cloudtrail:LookupEvents" in refused.stderr, refused.stderr
    reader = auditor.user(also=["cloudtrail:LookupEvents"])
    done = auditor.run(*last, command="replay", environment=reader)
    assert done.returncode == 0, done.stderr
    of_group = [one for one in json.loads(done.stdout)["findings"] if one["group"] == group]
    assert [(one["check"], one["verdict"], one["life"]["closed"]) for one in of_group] == [
        ("open-ingress", "closed", None)
    ]
    offline = {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    again = auditor.run(kept, "--format", "json", command="replay", environment=offline)
    assert json.loads(again.stdout)["findings"] == json.loads(done.stdout)["findings"]
    live = auditor.run(kept, "--live", "--format", "json", command="replay")
    assert live.returncode == 0, live.stderr
    (of_group,) = [one for one in json.loads(live.stdout)["findings"] if one["group"] == group]
    assert (of_group["verdict"], of_group["severity"]) == ("closed", "low"), "nothing carries the group"
    assert "network interfaces" in of_group["asOfToday"]


def test_a_trail_in_a_bucket_is_the_same_history_as_its_files(auditor, tmp_path):
    """Listed by day where the days are given, without digests; and whoever may not read the bucket is told so."""
    trail.make(tmp_path / "logs", 1)
    s3 = auditor.account.client("s3")
    s3.create_bucket(Bucket="my-trail", CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in filter(Path.is_file, (tmp_path / "logs").rglob("*")):
        s3.put_object(Bucket="my-trail", Key=f"org/{path.relative_to(tmp_path / 'logs')}", Body=path.read_bytes())
    refused = auditor.run("s3://my-trail/org/", command="replay")
    assert refused.returncode == 2 and "ListObjectsV2" in refused.stderr and "s3:ListBucket" in refused.stderr
    reader = auditor.user(also=["s3:ListBucket", "s3:GetObject"])
    offline = {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}

    def report(source, *options, environment):
        done = auditor.run(source, *options, "--format", "json", command="replay", environment=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    there = report("s3://my-trail/org/", environment=reader)
    here = report(tmp_path / "logs", environment=offline)
    assert {**there["inputs"], "problems": []} == {**here["inputs"], "problems": []}
    assert (there["findings"], there["statistics"]) == (here["findings"], here["statistics"])
    written = sorted("-".join(path.parts[-4:-1]) for path in (tmp_path / "logs").rglob("*_CloudTrail_*.json.gz"))
    day = next(day for day in written if day > written[0])
    few = report("s3://my-trail/org/AWSLogs/", "--from", day, "--to", day, environment=reader)
    assert 0 < few["inputs"]["files"] < here["inputs"]["files"] / 2
    assert all(one["event"]["time"].startswith(day) for one in few["findings"])
    nothing = auditor.run("s3://my-trail/elsewhere/", command="replay", environment=reader)
    assert nothing.returncode == 2 and "there is nothing for these days" in nothing.stderr
