"""The stack with moves and without them: what there is, what its roles may do, and how it goes again."""

import json
import urllib.error

import pytest
from botocore.exceptions import ClientError
from harness import deploy
from harness.guard import PRIVATE, guarded, permission
from harness.wait import until
from test_operations import operate
from test_stack import as_function

#: New caches stay as they are being made, so that a move of one stays under way.
SLOW = ("--creating-seconds", "600", "--retry-seconds", "0.1")
OF_MOVES = {
    "AWS::KMS::Key",
    "AWS::Lambda::Url",
    "AWS::StepFunctions::StateMachine",
}
REFUSED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthorizationError")
TYPE = "cache.t4g.micro"


def tags(**mapping):
    return [{"Key": f"portcullis:{key.replace('_', '-')}", "Value": value} for key, value in mapping.items()]


@pytest.fixture(scope="module")
def moving():
    """A stack that moves caches on request, with the page."""
    with guarded(MoveCaches="on-request", ApprovalPage="yes", Alarms="none") as deployed:
        yield deployed


def replication_group(client, name, **more):
    return client.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="of a test",
        Engine="valkey",
        CacheNodeType=TYPE,
        CacheSubnetGroupName="caches",
        **more,
    )["ReplicationGroup"]["ARN"]


def available(guard, name):
    def look():
        (found,) = guard.elasticache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        return found["Status"] == "available"

    until(f"{name} is there", look)


def refused(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] in REFUSED, error.value


def groups(guard):
    found = guard.elasticache.describe_replication_groups()["ReplicationGroups"]
    return {group["ReplicationGroupId"] for group in found}


# Rights -----------------------------------------------------------------------------------------


def test_fences_of_a_move(moving, name):
    """Whatever the code thinks: what no move made stays, and what clients were told of does."""
    recreate = as_function(moving, "recreate", "elasticache")
    arn = replication_group(moving.elasticache, name)
    available(moving, name)
    refused(recreate.delete_replication_group, ReplicationGroupId=name)
    refused(recreate.modify_replication_group, ReplicationGroupId=name, NotificationTopicStatus="inactive")
    refused(recreate.add_tags_to_resource, ResourceName=arn, Tags=tags(handed_over="x"))
    refused(recreate.add_tags_to_resource, ResourceName=arn, Tags=[{"Key": "owner", "Value": "x"}])
    both = tags(deletion_approved="x") + [{"Key": "owner", "Value": "x"}]
    refused(recreate.add_tags_to_resource, ResourceName=arn, Tags=both)
    refused(recreate.remove_tags_from_resource, ResourceName=arn, TagKeys=["portcullis:protect"])
    refused(lambda: replication_group(recreate, f"{name}-bare"))
    assert f"{name}-bare" not in groups(moving)

    new = f"{name}-new"
    copy = replication_group(recreate, new, Tags=tags(moved_from=arn))
    available(moving, new)
    recreate.modify_replication_group(ReplicationGroupId=new, SnapshotRetentionLimit=1, ApplyImmediately=True)
    recreate.add_tags_to_resource(ResourceName=copy, Tags=tags(handed_over="x"))
    available(moving, new)
    refused(recreate.delete_replication_group, ReplicationGroupId=new)
    refused(recreate.modify_replication_group, ReplicationGroupId=new, SnapshotRetentionLimit=0)
    assert {name, new} <= groups(moving)


def test_what_a_move_made_may_be_taken_back(moving, name):
    recreate = as_function(moving, "recreate", "elasticache")
    arn = replication_group(recreate, name, Tags=tags(moved_from="arn:of:another"))
    available(moving, name)
    moving.elasticache.add_tags_to_resource(ResourceName=arn, Tags=tags(protect="yes"))
    refused(recreate.delete_replication_group, ReplicationGroupId=name)
    moving.elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=["portcullis:protect"])
    recreate.delete_replication_group(ReplicationGroupId=name)
    until(f"{name} is gone", lambda: name not in groups(moving))


def test_a_cache_goes_only_with_the_mark_and_never_when_protected(moving, name):
    recreate = as_function(moving, "recreate", "elasticache")
    arn = replication_group(moving.elasticache, name, Tags=tags(protect="yes"))
    available(moving, name)
    refused(recreate.add_tags_to_resource, ResourceName=arn, Tags=tags(deletion_approved="x"))
    moving.elasticache.add_tags_to_resource(ResourceName=arn, Tags=tags(deletion_approved="x"))
    last = {"ReplicationGroupId": name, "FinalSnapshotIdentifier": f"{name}-last"}
    refused(recreate.delete_replication_group, **last)
    moving.elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=["portcullis:protect"])
    recreate.delete_replication_group(**last)
    until(f"{name} is gone", lambda: name not in groups(moving))
    snapshots = moving.elasticache.describe_snapshots(SnapshotName=f"{name}-last")["Snapshots"]
    assert [snapshot["SnapshotName"] for snapshot in snapshots] == [f"{name}-last"]


def test_snapshots_go_only_if_a_move_took_them(moving, name):
    recreate = as_function(moving, "recreate", "elasticache")
    replication_group(moving.elasticache, name)
    available(moving, name)
    for snapshot, marks in ((f"{name}-theirs", []), (f"{name}-ours", tags(moved_from="x"))):
        moving.elasticache.create_snapshot(ReplicationGroupId=name, SnapshotName=snapshot, Tags=marks)
        available(moving, name)
    refused(recreate.delete_snapshot, SnapshotName=f"{name}-theirs")
    recreate.delete_snapshot(SnapshotName=f"{name}-ours")


def test_nothing_is_opened_in_a_protected_group(moving, name):
    ec2 = as_function(moving, "recreate", "ec2")
    protected = moving.group(f"{name}-1", tags={"portcullis:protect": "yes"})
    open_to = moving.group(f"{name}-2")
    rule = permission("tcp", 17321, PRIVATE)
    marked = [{"ResourceType": "security-group-rule", "Tags": tags(moved_from="x")}]
    before, rules = moving.look(protected), set(moving.look(open_to)["rules"])
    for more in ({}, {"TagSpecifications": marked}):
        refused(ec2.authorize_security_group_ingress, GroupId=protected, IpPermissions=[rule], **more)
    assert moving.look(protected) == before
    made = ec2.authorize_security_group_ingress(GroupId=open_to, IpPermissions=[rule], TagSpecifications=marked)
    (made,) = made["SecurityGroupRules"]
    assert set(moving.look(open_to)["rules"]) - rules == {made["SecurityGroupRuleId"]}
    refused(ec2.create_tags, Resources=[open_to], Tags=tags(protect="no"))


def test_only_a_secret_that_says_so_is_read(moving, name):
    secrets, recreate = moving.account.client("secretsmanager"), as_function(moving, "recreate", "secretsmanager")
    for suffix, marks in (("bare", []), ("other", tags(auth_token="no")), ("meant", tags(auth_token="yes"))):
        secrets.create_secret(Name=f"{name}-{suffix}", SecretString="of a test, no token", Tags=marks)
    refused(recreate.get_secret_value, SecretId=f"{name}-bare")
    refused(recreate.get_secret_value, SecretId=f"{name}-other")
    assert recreate.get_secret_value(SecretId=f"{name}-meant")["SecretString"] == "of a test, no token"


@pytest.mark.parametrize("function", ["ingress", "cache", "trail", "approve"])
def test_the_other_functions_may_move_nothing(moving, function):
    table = moving.stack.outputs["MovesTableName"]
    item = {"id": {"S": "x"}}
    refused(as_function(moving, function, "elasticache").delete_replication_group, ReplicationGroupId="x")
    refused(as_function(moving, function, "ec2").authorize_security_group_ingress, GroupId="sg-1", IpPermissions=[])
    refused(as_function(moving, function, "dynamodb").put_item, TableName=table, Item=item)
    refused(as_function(moving, function, "dynamodb").scan, TableName=table)
    refused(as_function(moving, function, "secretsmanager").get_secret_value, SecretId="x")
    machine = moving.stack.outputs["RecreateStateMachineArn"]
    refused(as_function(moving, function, "stepfunctions").start_execution, stateMachineArn=machine)


def test_the_page_checks_links_and_makes_none(moving):
    (key,) = moving.stack.resources("AWS::KMS::Key").values()
    given = {"KeyId": key, "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    mac = as_function(moving, "recreate", "kms").generate_mac(**given)["Mac"]
    assert as_function(moving, "approve", "kms").verify_mac(**given, Mac=mac)["MacValid"]
    refused(as_function(moving, "approve", "kms").generate_mac, **given)
    refused(as_function(moving, "recreate", "kms").verify_mac, **given, Mac=mac)
    refused(as_function(moving, "ingress", "kms").verify_mac, **given, Mac=mac)


def test_the_page_is_open_by_its_url_alone(moving):
    url = moving.stack.outputs["ApprovalPageUrl"]
    with pytest.raises(urllib.error.HTTPError) as answer:
        moving.account.open(url)
    assert answer.value.code == 403 and b"This link is not valid" in answer.value.read()
    client = moving.account.client("lambda")
    policy = json.loads(client.get_policy(FunctionName=moving.stack.functions["approve"])["Policy"])
    open_to_all = {statement["Action"]: statement["Condition"] for statement in policy["Statement"]}
    assert set(open_to_all) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert open_to_all["lambda:InvokeFunction"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    assert open_to_all["lambda:InvokeFunctionUrl"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    permissions = moving.stack.resources("AWS::Lambda::Permission")
    assert not [name for name in permissions if name.startswith("Recreate")], "the workflow has its role for that"


# On and off -------------------------------------------------------------------------------------


def stack_resources(guard):
    pages = guard.account.client("cloudformation").get_paginator("list_stack_resources")
    found = (item for page in pages.paginate(StackName=deploy.STACK) for item in page["StackResourceSummaries"])
    return {
        item["LogicalResourceId"]: item["ResourceType"] for item in found if item["ResourceStatus"] != "DELETE_COMPLETE"
    }


def settings(guard):
    client = guard.account.client("lambda")
    names = guard.stack.functions
    return {
        kind: client.get_function_configuration(FunctionName=names[kind])["Environment"]["Variables"] for kind in names
    }


def test_without_moves_nothing_of_them_is_there_and_switched_off_it_is_gone():
    with guarded() as guard:
        before, variables = stack_resources(guard), settings(guard)
        assert not set(before.values()) & OF_MOVES
        assert "PORTCULLIS_RECREATE_STATE_MACHINE_ARN" not in variables["cache"]
        assert variables["cache"]["PORTCULLIS_MOVES"] == "no"
        assert not [name for name in before if name.startswith(("Recreate", "Approve", "Move", "Link"))]

        added = {}
        for moves, page in (("on-request", "no"), ("ask", "no"), ("fresh", "no"), ("fresh", "yes")):
            guard.stack = deploy.update(guard.stack, MoveCaches=moves, ApprovalPage=page)
            now = stack_resources(guard)
            assert before.items() <= now.items(), "what was there stays"
            added[moves, page] = set(now) - set(before)
            started = settings(guard)["cache"].get("PORTCULLIS_RECREATE_STATE_MACHINE_ARN")
            assert bool(started) == (moves != "on-request"), moves
            assert settings(guard)["cache"]["PORTCULLIS_MOVES"] == "yes", moves
            assert settings(guard)["recreate"]["PORTCULLIS_MOVE_FRESH"] == ("yes" if moves == "fresh" else "no")
        assert added["ask", "no"] == added["fresh", "no"] == added["on-request", "no"] | {"CacheStartsMoves"}
        of_page = added["fresh", "yes"] - added["fresh", "no"]
        assert {name for name in of_page if not name.startswith("Approve")} == {"LinkKey", "RecreateSignsLinks"}

        guard.stack = deploy.update(guard.stack, MoveCaches="no", ApprovalPage="no")
        assert stack_resources(guard) == before and settings(guard) == variables


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ApprovalPage": "yes"}, "MoveCaches must not be no"),
        ({"MoveCaches": "yes"}, "MoveCaches"),
        ({"MoveCaches": "ask", "CachePort": "8005"}, "a port from 1150 to 65535 but 8005"),
        ({"MoveCaches": "ask", "CachePort": "80"}, "a port from 1150 to 65535 but 8005"),
        ({"MoveCaches": "ask", "AnswerDays": "31"}, "AnswerDays"),
    ],
    ids=lambda value: ",".join(value.values()) if isinstance(value, dict) else "",
)
def test_wrong_parameters_are_refused_in_words(moving, parameters, said):
    cloudformation = moving.account.client("cloudformation")
    with pytest.raises(ClientError, match=said):
        cloudformation.create_stack(
            StackName="wrong",
            TemplateURL=f"{moving.account.endpoint}/{deploy.TEMPLATE}",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )


@pytest.fixture
def under_way():
    """A stack that is asked to move a cache which is never done being made; and the move's execution."""
    with guarded(*SLOW, MoveCaches="on-request", ApprovalPage="yes", Alarms="none") as guard:
        arn = replication_group(guard.elasticache, "orders")
        sfn, machine = guard.account.client("stepfunctions"), guard.stack.outputs["RecreateStateMachineArn"]
        given = {"move": "orders-0a1b2c3d", "cache": arn, "port": None, "authTokenSecret": None}
        given |= {"askedBy": "a test", "why": "it asked"}
        started = sfn.start_execution(stateMachineArn=machine, name=given["move"], input=json.dumps(given))
        guard.handled("recreate", "orders-0a1b2c3d")
        yield guard, started["executionArn"]


def status(guard, execution):
    return guard.account.client("stepfunctions").describe_execution(executionArn=execution)["status"]


def test_neither_destroyed_nor_switched_off_in_the_middle_of_a_move(under_way):
    guard, execution = under_way
    before = stack_resources(guard)
    code, said = operate(guard.account, "destroy.py")
    assert code == 1 and "is re-creating caches: orders-0a1b2c3d" in said and "FORCE=1" in said, said
    code, said = operate(guard.account, "deploy.py", "--parameters", "MoveCaches=no")
    assert code == 2 and "would end what is under way in portcullis: orders-0a1b2c3d" in said, said
    assert status(guard, execution) == "RUNNING" and stack_resources(guard) == before


def test_forced_it_stops_the_move_and_takes_everything_but_the_caches(under_way):
    guard, execution = under_way
    (key,) = guard.stack.resources("AWS::KMS::Key").values()
    code, said = operate(guard.account, "destroy.py", "--force")
    assert code == 0, said
    for told in ("orders-0a1b2c3d is stopped", "portcullis:moved-from", "35 days", "in 7 days"):
        assert told in said, said
    client = guard.account.client
    assert client("dynamodb").list_tables()["TableNames"] == []
    assert client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert client("lambda").list_functions()["Functions"] == []
    assert [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]] == []
    metadata = client("kms").describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "PendingDeletion"
    assert groups(guard) == {"orders"}


def test_pause_reaches_every_function(moving):
    code, said = operate(moving.account, "mode.py", "pause")
    assert code == 0, said
    assert {kind: found["PORTCULLIS_MODE"] for kind, found in settings(moving).items()} == dict.fromkeys(
        ("ingress", "cache", "trail", "digest", "sweep", "recreate", "approve"), "observe"
    )
    code, said = operate(moving.account, "mode.py", "resume")
    assert code == 0, said
    assert {found["PORTCULLIS_MODE"] for found in settings(moving).values()} == {"enforce"}
