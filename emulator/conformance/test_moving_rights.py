"""The rights under which a cache is moved: on which resources a call is asked for, and what a mark lets happen."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import allow, arn, code_of, ingress, new_group, tcp, wait_for
from test_elasticache import cache, create_cluster, create_group, ec2, group, new_name, snapshot, up

__all__ = ["cache", "ec2"]
MARK = [{"Key": "portcullis:moved-from", "Value": "arn"}]
OVER = [{"Key": "portcullis:handed-over", "Value": "yes"}]
MARKED = {"Null": {"aws:RequestTag/portcullis:moved-from": "false"}}
CREATE = ["elasticache:CreateReplicationGroup", "elasticache:CreateCacheCluster"]
NEW = [arn("elasticache", "replicationgroup:*"), arn("elasticache", "cluster:*")]
GIVEN = [arn("elasticache", f"{kind}:*") for kind in ("parametergroup", "subnetgroup", "snapshot", "usergroup")]


def denial(function, **call):
    """The action and the resource that a call was denied for."""
    with pytest.raises(ClientError) as caught:
        function(**call)
    error = caught.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "UnauthorizedOperation"), error
    return error["Message"]


def new_group_call(**more):
    return {"ReplicationGroupId": new_name(), "ReplicationGroupDescription": "d", "NumCacheClusters": 1, **more}


# Creating ---------------------------------------------------------------------------------


def test_a_cache_is_made_with_its_mark_only(cache, role):
    tag = allow("elasticache:AddTagsToResource", NEW)
    client = role(allow(CREATE, NEW, **MARKED), allow(CREATE, GIVEN), tag)("elasticache")
    made = client.create_replication_group(**new_group_call(Tags=MARK))["ReplicationGroup"]
    assert up(cache, made)["Status"] == "available"
    bare = new_group_call()
    assert bare["ReplicationGroupId"] in denial(client.create_replication_group, **bare)
    assert code_of(cache.describe_replication_groups, ReplicationGroupId=bare["ReplicationGroupId"]).endswith("Fault")
    single = {"CacheClusterId": new_name(), "Engine": "memcached"}
    client.create_cache_cluster(**single, Tags=MARK)
    assert "CreateCacheCluster" in denial(client.create_cache_cluster, **{**single, "CacheClusterId": new_name()})


def test_tags_at_creation_are_a_right_of_their_own(role):
    client = role(allow(CREATE, NEW), allow(CREATE, GIVEN))("elasticache")
    assert "elasticache:AddTagsToResource" in denial(client.create_replication_group, **new_group_call(Tags=MARK))
    client.create_replication_group(**new_group_call())


def test_all_that_a_cache_is_made_from_is_asked_for(cache, role):
    """The mark is said of the new cache, not of its parameter group, subnet group, snapshot and users."""
    tag = allow("elasticache:AddTagsToResource", NEW)
    marked = role(allow(CREATE, NEW + GIVEN, **MARKED), tag)("elasticache")
    assert "parametergroup:default." in denial(marked.create_replication_group, **new_group_call(Tags=MARK))
    single = up(cache, create_cluster(cache, Engine="redis"))
    name = new_name()
    cache.create_snapshot(CacheClusterId=single["CacheClusterId"], SnapshotName=name)
    snapshot(cache, name)
    some = role(allow(CREATE, NEW), allow(CREATE, arn("elasticache", "parametergroup:*")))("elasticache")
    some.create_replication_group(**new_group_call(CacheParameterGroupName="default.redis7"))
    denied = denial(some.create_replication_group, **new_group_call(SnapshotName=name))
    assert f"snapshot:{name}" in denied


# Deleting ---------------------------------------------------------------------------------


def test_what_a_move_made_may_be_deleted_until_it_is_handed_over(cache, role):
    marks = {"aws:ResourceTag/portcullis:moved-from": "false", "aws:ResourceTag/portcullis:handed-over": "true"}
    client = role(allow(["elasticache:DeleteReplicationGroup", "elasticache:DeleteCacheCluster"], NEW, Null=marks))
    client = client("elasticache")
    foreign = up(cache, create_group(cache, NumCacheClusters=1))
    over = up(cache, create_group(cache, NumCacheClusters=1, Tags=MARK + OVER))
    mine = up(cache, create_group(cache, NumCacheClusters=1, Tags=MARK))
    single = up(cache, create_cluster(cache, Engine="memcached", Tags=MARK))
    for kept in (foreign, over):
        denial(client.delete_replication_group, ReplicationGroupId=kept["ReplicationGroupId"])
        assert group(cache, kept["ReplicationGroupId"])["Status"] == "available"
    client.delete_replication_group(ReplicationGroupId=mine["ReplicationGroupId"])
    client.delete_cache_cluster(CacheClusterId=single["CacheClusterId"])
    assert group(cache, mine["ReplicationGroupId"])["Status"] == "deleting"


def test_a_last_snapshot_is_a_right_of_its_own(cache, role):
    seen = up(cache, create_group(cache, NumCacheClusters=1))
    name = new_name()
    call = {"ReplicationGroupId": seen["ReplicationGroupId"], "FinalSnapshotIdentifier": name}
    snapshots = arn("elasticache", "snapshot:*")
    delete = "elasticache:DeleteReplicationGroup"
    deleter = role(allow(delete, NEW))("elasticache")
    assert f"snapshot:{name}" in denial(deleter.delete_replication_group, **call)
    without = role(allow(delete, [*NEW, snapshots]))("elasticache")
    assert "elasticache:CreateSnapshot" in denial(without.delete_replication_group, **call)
    assert group(cache, seen["ReplicationGroupId"])["Status"] == "available"
    both = role(allow([delete, "elasticache:CreateSnapshot"], [*NEW, snapshots]))("elasticache")
    both.delete_replication_group(**call)
    assert snapshot(cache, name)["SnapshotStatus"] == "available"


@pytest.mark.parametrize("tags", [[{"Key": "team", "Value": "shop"}], MARK], ids=["without the marker", "with it"])
def test_a_last_snapshot_gets_the_tags_of_the_cache_and_that_is_a_right_too(cache, role, tags):
    seen = up(cache, create_group(cache, NumCacheClusters=1, Tags=tags))
    name = new_name()
    call = {"ReplicationGroupId": seen["ReplicationGroupId"], "FinalSnapshotIdentifier": name}
    snapshots = arn("elasticache", "snapshot:*")
    rights = allow(["elasticache:DeleteReplicationGroup", "elasticache:CreateSnapshot"], [*NEW, snapshots])
    half = "true" if tags == MARK else "false"
    other = allow("elasticache:AddTagsToResource", snapshots, Null={"aws:RequestTag/portcullis:moved-from": half})
    for some in ([rights], [rights, other]):
        denied = denial(role(*some)("elasticache").delete_replication_group, **call)
        assert "elasticache:AddTagsToResource" in denied and f"snapshot:{name}" in denied
    assert group(cache, seen["ReplicationGroupId"])["Status"] == "available"
    role(rights, allow("elasticache:AddTagsToResource", snapshots))("elasticache").delete_replication_group(**call)
    assert snapshot(cache, name)["SnapshotStatus"] == "available"
    assert cache.list_tags_for_resource(ResourceName=arn("elasticache", f"snapshot:{name}"))["TagList"] == tags


def test_snapshots_are_resources(cache, role):
    seen = up(cache, create_cluster(cache, Engine="redis"))
    name, snapshots = new_name(), arn("elasticache", "snapshot:*")
    call = {"CacheClusterId": seen["CacheClusterId"], "SnapshotName": name}
    half = role(allow("elasticache:CreateSnapshot", snapshots))("elasticache")
    assert f"cluster:{seen['CacheClusterId']}" in denial(half.create_snapshot, **call)
    taker = role(
        allow("elasticache:CreateSnapshot", [snapshots, *NEW]),
        allow("elasticache:AddTagsToResource", snapshots),
        allow("elasticache:DescribeSnapshots", arn("elasticache", f"snapshot:{name}")),
        allow("elasticache:DeleteSnapshot", snapshots, Null={"aws:ResourceTag/portcullis:moved-from": "false"}),
    )("elasticache")
    taker.create_snapshot(**call, Tags=MARK)
    assert snapshot(taker, name)["SnapshotStatus"] == "available"
    denial(taker.describe_snapshots)
    up(cache, seen)
    other = new_name()
    cache.create_snapshot(CacheClusterId=seen["CacheClusterId"], SnapshotName=other)
    snapshot(cache, other)
    denial(taker.delete_snapshot, SnapshotName=other)
    taker.delete_snapshot(SnapshotName=name)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("describe_cache_subnet_groups", "subnetgroup"),
        ("describe_cache_parameter_groups", "parametergroup"),
        ("describe_user_groups", "usergroup"),
    ],
)
def test_what_belongs_to_a_cache_is_described_on_resources(role, operation, kind):
    action = "elasticache:" + "".join(word.title() for word in operation.split("_"))
    getattr(role(allow(action, arn("elasticache", f"{kind}:*")))("elasticache"), operation)()
    denial(getattr(role(allow(action, NEW))("elasticache"), operation))


def test_tags_are_read_and_written_on_the_resource(cache, role):
    seen, other = (up(cache, create_cluster(cache, Engine="redis")) for _ in range(2))
    actions = ["elasticache:ListTagsForResource", "elasticache:AddTagsToResource"]
    client = role(allow(actions, seen["ARN"]))("elasticache")
    client.add_tags_to_resource(ResourceName=seen["ARN"], Tags=MARK)
    assert client.list_tags_for_resource(ResourceName=seen["ARN"])["TagList"] == MARK
    denial(client.add_tags_to_resource, ResourceName=other["ARN"], Tags=MARK)


def test_a_right_to_set_one_tag_sets_no_other(cache, role):
    """With Null and ForAllValues on aws:TagKeys; a group's tags count, and so do those of the request."""
    single_tag = {
        "Null": {"aws:TagKeys": "false", "aws:ResourceTag/portcullis:moved-from": "false"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["portcullis:handed-over"]},
    }
    client = role(allow("elasticache:AddTagsToResource", NEW, **single_tag))("elasticache")
    mine = up(cache, create_group(cache, NumCacheClusters=1, Tags=MARK))
    foreign = up(cache, create_group(cache, NumCacheClusters=1))
    denial(client.add_tags_to_resource, ResourceName=foreign["ARN"], Tags=OVER)
    approved = [{"Key": "portcullis:deletion-approved", "Value": "x"}]
    for tags in (approved, OVER + approved):
        denial(client.add_tags_to_resource, ResourceName=mine["ARN"], Tags=tags)
    client.add_tags_to_resource(ResourceName=mine["ARN"], Tags=OVER)
    assert sorted(cache.list_tags_for_resource(ResourceName=mine["ARN"])["TagList"], key=str) == sorted(
        MARK + OVER, key=str
    )


# Security groups --------------------------------------------------------------------------

RULES, GROUPS = arn("ec2", "security-group-rule/*"), arn("ec2", "security-group/*")
AUTHORIZE = "ec2:AuthorizeSecurityGroupIngress"
SPECIFICATION = [{"ResourceType": "security-group-rule", "Tags": MARK}]
CREATED_BY = {"StringEquals": {"ec2:CreateAction": "AuthorizeSecurityGroupIngress"}}


def test_a_rule_with_its_mark_needs_three_rights(ec2, vpc, role):
    target = new_group(ec2, vpc)
    call = {"GroupId": target, "IpPermissions": [tcp(7380, "10.0.0.0/8")], "TagSpecifications": SPECIFICATION}
    rights = [allow(AUTHORIZE, GROUPS), allow(AUTHORIZE, RULES, **MARKED), allow("ec2:CreateTags", RULES, **CREATED_BY)]
    for missing in rights:
        client = role(*[right for right in rights if right is not missing])("ec2")
        denial(client.authorize_security_group_ingress, **call)
        assert ingress(ec2, target) == []
    client = role(*rights)("ec2")
    client.authorize_security_group_ingress(**call)
    (rule,) = ingress(ec2, target)
    assert rule["Tags"] == MARK and (rule["FromPort"], rule["CidrIpv4"]) == (7380, "10.0.0.0/8")
    assert code_of(client.authorize_security_group_ingress, **call) == "InvalidPermission.Duplicate"
    unmarked = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "other", "Value": ""}]}]
    denial(client.authorize_security_group_ingress, **{**call, "TagSpecifications": unmarked})
    denial(client.create_tags, Resources=[rule["SecurityGroupRuleId"]], Tags=OVER)


@pytest.mark.parametrize("key", ["aws:ResourceTag", "ec2:ResourceTag"])
def test_the_tags_of_a_group_decide_who_may_open_it(ec2, vpc, role, key):
    mine, protected = new_group(ec2, vpc), new_group(ec2, vpc)
    ec2.create_tags(Resources=[protected], Tags=[{"Key": "portcullis:protect", "Value": ""}])
    client = role(
        allow(AUTHORIZE, GROUPS, Null={f"{key}/portcullis:protect": "true"}),
        allow([AUTHORIZE, "ec2:CreateTags"], RULES),
    )("ec2")
    call = {"IpPermissions": [tcp(7380, "10.0.0.0/8")], "TagSpecifications": SPECIFICATION}
    client.authorize_security_group_ingress(GroupId=mine, **call)
    assert protected in denial(client.authorize_security_group_ingress, GroupId=protected, **call)
    assert len(ingress(ec2, mine)) == 1 and ingress(ec2, protected) == []


def test_only_marked_rules_may_be_taken_back(ec2, vpc, role):
    """Revoking is authorized on the group; which rules are marked is read from the rules themselves."""
    target = new_group(ec2, vpc)
    ec2.authorize_security_group_ingress(GroupId=target, IpPermissions=[tcp(6379, "10.0.0.0/8")])
    ec2.authorize_security_group_ingress(
        GroupId=target, IpPermissions=[tcp(7380, "10.0.0.0/8")], TagSpecifications=SPECIFICATION
    )
    marked = ec2.describe_security_group_rules(Filters=[{"Name": "tag:portcullis:moved-from", "Values": ["arn"]}])
    ids = [rule["SecurityGroupRuleId"] for rule in marked["SecurityGroupRules"] if rule["GroupId"] == target]
    client = role(allow("ec2:RevokeSecurityGroupIngress", GROUPS))("ec2")
    client.revoke_security_group_ingress(GroupId=target, SecurityGroupRuleIds=ids)
    assert [rule["FromPort"] for rule in ingress(ec2, target)] == [6379]


# Events -----------------------------------------------------------------------------------


def test_what_a_role_does_is_put_down_to_its_session(aws, account, role, cache):
    """So a workflow can tell its own calls from those of others."""
    sqs, events, name = aws("sqs"), aws("events"), f"moves-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {**allow("sqs:SendMessage", queue), "Principal": {"Service": "events.amazonaws.com"}}
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [admit]})}
    )
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.elasticache"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    client = role(allow("elasticache:*"))("elasticache")
    call = new_group_call(Tags=MARK, Port=7380)
    client.create_replication_group(**call)
    (message,) = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    detail = json.loads(message["Body"])["detail"]
    identity = detail["userIdentity"]
    assert detail["eventName"] == "CreateReplicationGroup" and identity["type"] == "AssumedRole"
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert issuer["type"] == "Role" and identity["arn"].endswith(f":assumed-role/{issuer['userName']}/test")
    assert detail["requestParameters"]["port"] == 7380
    assert detail["responseElements"]["replicationGroupId"] == call["ReplicationGroupId"]
