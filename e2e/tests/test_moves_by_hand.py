"""Moves by hand, with the rights that docs/operations.md names; refusals; tokens; time that runs out; fresh caches."""

import json
import re
import subprocess

import pytest
from harness import caches, deploy, places
from harness.caches import make_cluster, make_group
from harness.guard import PRIVATE, guarded, permission
from harness.moves import Moves
from harness.wait import until

#: From a port that is no default port, a cache moves only to one that is asked for.
PORT = 17321
NOTHING = {"caches": [], "snapshots": [], "rules": []}
#: Days to answer are seconds; the caches are there a while before they are available.
QUICK = ("--creating-seconds", "1", "--retry-seconds", "0.1", "--wait-scale", "0.0005", "--timeout-scale", "0.00005")


# The command line ------------------------------------------------------------------------


class Operator:
    """A user with what the command line needs, and not more."""

    def __init__(self, moves):
        account, self.moves = moves.guard.account, moves
        iam = account.client("iam")
        table = account.client("dynamodb").describe_table(TableName=moves.table)["Table"]["TableArn"]
        iam.create_user(UserName="oncall")
        policy = {"Version": "2012-10-17", "Statement": [*answering(table), *starting(moves.machine), *looking()]}
        iam.put_user_policy(UserName="oncall", PolicyName="moves", PolicyDocument=json.dumps(policy))
        keys = iam.create_access_key(UserName="oncall")["AccessKey"]
        own = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
        self.environment = {**account.environment(), **own}

    def run(self, *words, status=0):
        """What `portcullis` prints."""
        command = [places.binary("portcullis"), *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


def answering(table):
    yield {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"], "Resource": table}
    yield {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": "*"}


def starting(machine):
    yield {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}


def looking():
    """The same rights to look that the function has."""
    resources = deploy.template()["Resources"]
    for policy, wanted in (("MoveCache", "Look"), ("MoveSurroundings", "Look"), ("CloseIngress", "")):
        for statement in resources[policy]["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            reads = all(re.search(":(Describe|List|Get)", action) for action in actions)
            if reads and statement.get("Sid", "").startswith(wanted) and "ecret" not in str(actions):
                yield {"Effect": "Allow", "Action": actions, "Resource": "*"}


@pytest.fixture(scope="module")
def operator(moves):
    return Operator(moves)


def test_a_move_by_the_command_line(moves, operator, name):
    guard, name = moves.guard, name[:20].rstrip("-")
    group = guard.group(name, permission("tcp", 7000, PRIVATE))
    old = caches.available(guard.elasticache, make_group(guard, name, [group], Port=7000))
    plan = json.loads(operator.run("plan", name, "--port", str(PORT), "--json"))
    assert str(PORT) in json.dumps(plan) and moves.of(old) == []
    said = operator.run("move", name, "--port", str(PORT), "--reason", "the audit of March")
    move = moves.begun(old)
    assert f"Started: re-creation {move.id}" in said
    document, mail = move.told("ask")
    assert document["newCache"] == {"id": f"{name}-{PORT}", "port": PORT}
    assert document["askedBy"].endswith(":user/oncall") and "the audit of March" in mail["body"]
    assert f"    portcullis approve {move.id}\n" in mail["body"]
    assert any(
        move.id in line and "approval to re-create, until" in line for line in operator.run("moves").splitlines()
    )
    operator.run("approve", move.id, "--yes", "--reason", "now is good")
    move.told("ask-deletion")
    answer = move.item()["move"]["M"]["answer"]["M"]
    assert (answer["through"]["S"], answer["reason"]["S"]) == ("command-line", "now is good")
    assert answer["by"]["S"] == "arn:aws:iam::111122223333:user/oncall"
    assert any(move.id in line and "to delete" in line for line in operator.run("moves").splitlines())
    operator.run("approve", move.id, "--yes")
    move.ended()
    assert caches.look(guard.elasticache, old) is None and move.stage() == "done"
    assert "oncall" in operator.run("approve", move.id, "--yes", status=1), "it was answered"


def test_no_by_the_command_line(moves, operator, name):
    guard, name = moves.guard, name[:20].rstrip("-")
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    move = moves.begun(make_group(guard, name, [group]))
    move.told("ask")
    operator.run("reject", move.id, "--yes", status=2)
    operator.run("reject", move.id, "--yes", "--reason", "not in the freeze")
    move.ended()
    document, _ = move.told("rejected")
    assert document["by"].endswith(":user/oncall") and document["reason"] == "not in the freeze"
    assert move.made() == NOTHING
    assert "not in the freeze" in operator.run("approve", move.id, "--yes", status=1)
    operator.run("approve", f"{move.id}0", "--yes", status=2)


def test_the_command_line_refuses_what_the_workflow_refuses(moves, operator, name):
    guard, name = moves.guard, name[:20].rstrip("-")
    group = guard.group(name, permission("tcp", 7000, PRIVATE))
    tags = [{"Key": "portcullis:protect", "Value": ""}]
    old = caches.available(guard.elasticache, make_group(guard, name, [group], Port=7000, Tags=tags))
    assert "portcullis:protect" in operator.run("move", name, "--port", str(PORT), status=1)
    assert moves.of(old) == []


# Refusals --------------------------------------------------------------------------------


def refused(moves, old, *words):
    """It is refused, with all of these in the mail; nothing is made, and nobody holds the cache."""
    caches.available(moves.guard.elasticache, old)
    move = moves.start(old, f"refused-{old.split(':')[6]}-00000001", PORT)
    document, mail = move.told("refused")
    move.ended()
    assert move.kinds() == ["refused"] and move.made() == NOTHING
    assert move.item() is None and move.lock() is None
    for word in words:
        assert word in mail["body"], mail["body"]
    assert document["reasons"] and all(reason["remedy"] for reason in document["reasons"])
    return mail


REASONS = {
    "terraform": (
        {"Tags": [{"Key": "ManagedBy", "Value": "terraform"}]},
        ["Terraform owns the cache", 'resource "aws_'],
    ),
    "protected": ({"Tags": [{"Key": "portcullis:protect", "Value": "yes"}]}, ["portcullis:protect"]),
    "token": ({"AuthToken": "correct-horse-battery-staple", "TransitEncryptionEnabled": True}, ["AuthToken", "secret"]),
}


@pytest.mark.parametrize("reason", REASONS)
def test_refused(moves, name, reason):
    more, words = REASONS[reason]
    name = f"{reason}-{name[:3].rstrip('-')}"
    group = moves.guard.group(name, permission("tcp", 7000, PRIVATE))
    before = moves.guard.look(group)
    mail = refused(moves, make_group(moves.guard, name, [group], Port=7000, **more), *words)
    assert "correct-horse" not in mail["body"] and moves.guard.look(group) == before


def test_what_cloudformation_owns_is_refused_with_a_patch(moves):
    """By its own event. The stack's name and the logical id are in tags that CloudFormation alone can set."""
    guard, name = moves.guard, "of-a-stack"
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    properties = {
        "ReplicationGroupId": name,
        "ReplicationGroupDescription": "sessions of the shop",
        "Engine": "valkey",
        "TransitEncryptionEnabled": False,
        "NumCacheClusters": 1,
        "SecurityGroupIds": [group],
        **caches.NODES,
    }
    resources = {"Sessions": {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": properties}}
    guard.account.client("cloudformation").create_stack(
        StackName="shop", TemplateBody=json.dumps({"Resources": resources})
    )
    move = moves.begun(f"arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:{name}")
    document, mail = move.told("refused")
    move.ended()
    assert "Owner" in {reason["field"] for reason in document["reasons"]}
    for line in ("stack shop", "Type: AWS::ElastiCache::ReplicationGroup", "Type: AWS::EC2::SecurityGroupIngress"):
        assert line in mail["body"], mail["body"]
    assert move.made() == NOTHING and move.item() is None and move.lock() is None and guard.look(group) == before


def test_a_global_datastore_is_refused(moves, name):
    guard, name = moves.guard, name[:20].rstrip("-")
    group = guard.group(name, permission("tcp", 7000, PRIVATE))
    old = caches.available(guard.elasticache, make_group(guard, name, [group], Port=7000))
    shown = caches.look(guard.elasticache, old)
    members = shown.pop("Members")
    shown["GlobalReplicationGroupInfo"] = {
        "GlobalReplicationGroupId": "ldgnf-shop",
        "GlobalReplicationGroupMemberRole": "PRIMARY",
    }
    document = {"ReplicationGroups": [shown], "CacheClusters": members}
    guard.account.seed(json.loads(json.dumps(document, default=lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}")))
    refused(moves, old, "Global datastore, ldgnf-shop")


def test_everything_against_it_is_told_at_once(moves, name):
    guard, name = moves.guard, name[:20].rstrip("-")
    tags = [{"Key": "ManagedBy", "Value": "terraform"}, {"Key": "portcullis:protect", "Value": ""}]
    group = guard.group(name, permission("tcp", 7000, PRIVATE))
    more = {"AuthToken": "correct-horse-battery-staple", "TransitEncryptionEnabled": True}
    old = make_group(guard, name, [group], Port=7000, Tags=tags, **more)
    refused(moves, old, "Terraform owns the cache", "portcullis:protect", "AuthToken")


# AUTH tokens -----------------------------------------------------------------------------

TOKEN = "velvet-giraffe-umbrella-99"


def secret(guard, name, text, **tags):
    given = [{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]
    client = guard.account.client("secretsmanager")
    return client.create_secret(Name=name, SecretString=text, Tags=given)["ARN"]


def with_token(guard, name):
    group = guard.group(name, permission("tcp", 7000, PRIVATE))
    more = {"AuthToken": TOKEN, "TransitEncryptionEnabled": True}
    return caches.available(guard.elasticache, make_group(guard, name, [group], Port=7000, **more))


def everything_said(moves):
    """All that is kept or sent of moves: logs, histories, the table, mails, messages for machines."""
    guard = moves.guard
    for group in guard.account.client("logs").describe_log_groups()["logGroups"]:
        yield from (event["message"] for event in guard.stack.log_events(group["logGroupName"]))
    for execution in moves.sfn.list_executions(stateMachineArn=moves.machine)["executions"]:
        arn = execution["executionArn"]
        pages = moves.sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
        yield from (json.dumps(event, default=str) for page in pages for event in page["events"])
        yield json.dumps(moves.sfn.describe_execution(executionArn=arn), default=str)
    for item in moves.dynamodb.scan(TableName=moves.table)["Items"]:
        packed = item.pop("document", {}).get("B")
        yield json.dumps(item) + (caches.unpacked(packed) if packed else "")
    yield from (mail["subject"] + mail["body"] for mail in guard.alerts.mails())
    yield from (json.dumps(document) for document in guard.alerts.queue.read())
    yield from (json.dumps(event["detail"]) for event in moves.calls.queue.read())


def test_the_token_goes_to_the_new_cache_and_nowhere_else(moves, operator, name):
    guard, name = moves.guard, name[:20].rstrip("-")
    old = with_token(guard, name)
    arn = secret(guard, f"token/{name}", TOKEN, **{"portcullis_auth-token": "yes"})
    said = operator.run("move", name, "--port", str(PORT), "--auth-token-secret", arn)
    move = moves.begun(old).answer("move").answer("deletion").ended()
    shown = caches.look(guard.elasticache, move.new())
    assert shown["AuthTokenEnabled"] and shown["TransitEncryptionEnabled"]
    _, mail = move.told("handed-over")
    assert arn in mail["body"] and "REDISCLI_AUTH" in mail["body"]
    texts = [said, *everything_said(moves)]
    assert any(move.id in text for text in texts) and len(texts) > 100
    assert [text for text in texts if TOKEN in text] == []


@pytest.mark.parametrize(
    ("text", "tag", "why"),
    [
        (TOKEN, {}, "it needs the tag portcullis:auth-token=yes"),
        ("short", {"portcullis_auth-token": "yes"}, "contains no AUTH token"),
        ('{"password": "%s"}' % TOKEN, {"portcullis_auth-token": "yes"}, "contains no AUTH token"),
    ],
    ids=["untagged", "short", "other-json"],
)
def test_a_secret_that_is_none_makes_nothing(moves, request, text, tag, why):
    guard, name = moves.guard, f"secret-{request.node.callspec.id}"
    old = with_token(guard, name)
    before = caches.portrait(guard.elasticache, old)
    arn = secret(guard, f"token/{name}", text, **tag)
    move = moves.start(old, f"{name}-00000001", PORT, arn).answer("move").ended("FAILED")
    document, mail = move.told("failed")
    assert document["step"] == "create" and why in mail["body"] and TOKEN not in mail["body"]
    assert move.made() == NOTHING and caches.portrait(guard.elasticache, old) == before


# Other settings of the stack -------------------------------------------------------------


@pytest.fixture(scope="module")
def quick():
    """A stack that moves on request only; a day to answer is over in seconds."""
    with guarded(*QUICK, MoveCaches="on-request", ApprovalPage="yes", AnswerDays="1", Alarms="none") as guard:
        yield Moves(guard)


def settled(moves, name, **more):
    group = moves.guard.group(name, permission("tcp", 6379, PRIVATE))
    return caches.available(moves.guard.elasticache, make_group(moves.guard, name, [group], **more))


def test_on_request_nothing_begins_by_itself(quick):
    old = settled(quick, "quiet")
    document, _ = quick.guard.alerts.wait("quiet")
    assert "default-port" in {finding["check"] for finding in document["findings"]}
    assert quick.of(old) == []


def test_nobody_answers(quick):
    move = quick.start(settled(quick, "silence"), "silence-00000001").ended()
    assert move.kinds() == ["ask", "nobody-answered"]
    assert move.stage() == "nobody answered" and move.lock() is None and move.made() == NOTHING


def test_nobody_answers_whether_the_old_one_may_go(quick):
    old = settled(quick, "undecided")
    before = caches.portrait(quick.guard.elasticache, old)
    move = quick.start(old, "undecided-00000001").answer("move").ended()
    assert move.kinds() == ["ask", "handed-over", "ask-deletion", "kept"]
    assert caches.portrait(quick.guard.elasticache, old) == before
    assert caches.portrait(quick.guard.elasticache, move.new()) == before
    assert "nobody approved or rejected its deletion" in move.told("kept")[0]["reason"] and move.lock() is None


def test_an_answer_of_the_last_second_counts(quick):
    """It is in the table, and the workflow was not woken."""
    move = quick.start(settled(quick, "late"), "late-00000001")
    move.told("ask")
    answer = {
        "yes": {"BOOL": True},
        "by": {"S": "Ada"},
        "reason": {"S": ""},
        "at": {"N": "1"},
        "through": {"S": "command-line"},
    }
    quick.dynamodb.update_item(
        TableName=quick.table,
        Key={"id": {"S": move.id}},
        UpdateExpression="SET #move.answer = :answer",
        ExpressionAttributeNames={"#move": "move"},
        ExpressionAttributeValues={":answer": {"M": answer}},
    )
    move.told("handed-over")
    assert "Nobody answered" in move.states()
    move.ended()


@pytest.fixture(scope="module")
def fresh_moves():
    """A stack that moves fresh caches without asking, to a port that is the same for all."""
    with guarded(*QUICK, MoveCaches="fresh", CachePort="17400", AnswerDays="1", Alarms="none") as guard:
        yield Moves(guard)


def test_a_fresh_cache_moves_without_asking_and_is_not_deleted_without(fresh_moves):
    guard = fresh_moves.guard
    move = fresh_moves.begun(settled(fresh_moves, "fresh"))
    move.ended()
    assert move.kinds() == ["handed-over", "ask-deletion", "kept"]
    assert move.new().endswith(":fresh-17400") and caches.ports(guard.elasticache, move.new()) == {17400}
    answer = move.item()["move"]["M"]["answer"]["M"]
    assert (answer["through"]["S"], answer["by"]["S"]) == ("setting", "the stack's parameter MoveCaches")
    assert caches.status(guard.elasticache, move.cache) == "available"


def test_a_new_cache_that_is_used_is_asked_about(fresh_moves):
    guard = fresh_moves.guard
    group = guard.group("busy", permission("tcp", 11211, PRIVATE))
    old = make_cluster(guard, "busy", [group])
    guard.account.control("POST", "cache-metrics", {"CacheClusterId": "busy", "Values": {"CurrItems": 3}})
    move = fresh_moves.begun(old).ended()
    assert move.kinds() == ["ask", "nobody-answered"] and move.made() == NOTHING
    _, mail = move.told("ask")
    assert "/?about=" not in mail["body"] and "&sig=" not in mail["body"], "there is no page"


def test_a_fresh_cache_is_watched_before_it_is_moved(fresh_moves):
    """CloudWatch has no values of the first minutes: it waits for some."""
    guard = fresh_moves.guard
    group = guard.group("young", permission("tcp", 6379, PRIVATE))
    old = make_group(guard, "young", [group])
    guard.account.control("POST", "cache-metrics", {"CacheClusterId": "young-001", "Minutes": 2})
    move = fresh_moves.begun(old)
    until("it is there, and was looked at", lambda: move.states().count("Settle") >= 25)
    assert caches.status(guard.elasticache, old) == "available" and move.kinds() == []
    guard.account.control("DELETE", "cache-metrics")
    move.ended()
    assert move.kinds()[0] == "handed-over"
