"""IAM as the functions' roles rely on it: each role is assumed, and does what its policy lets it and nothing else."""

import json
import uuid

import pytest
from conftest import REGION, allow, arn, code_of, document, ingress, new_group, tcp


@pytest.fixture
def ec2(account):
    return account.client("ec2")


def test_requested_region_is_the_endpoints(role):
    condition = {"StringEquals": {"aws:RequestedRegion": REGION}}
    client = role(allow("ec2:DescribeSecurityGroups", **condition))
    assert client("ec2").describe_security_groups()["SecurityGroups"]
    assert code_of(client("ec2", "eu-central-1").describe_security_groups) == "UnauthorizedOperation"


@pytest.mark.parametrize("value", ["yes", ""], ids=["with a value", "without one"])
def test_a_null_condition_protects_what_has_the_tag(role, ec2, vpc, value):
    """Whatever the tag's value: the revoke of a tagged group is denied, others are not."""
    groups = arn("ec2", "security-group/*")
    client = role(allow("ec2:RevokeSecurityGroupIngress", groups, Null={"aws:ResourceTag/portcullis:protect": "true"}))
    protected, other = new_group(ec2, vpc), new_group(ec2, vpc)
    ec2.create_tags(Resources=[protected], Tags=[{"Key": "portcullis:protect", "Value": value}])
    ec2.create_tags(Resources=[other], Tags=[{"Key": "team", "Value": "shop"}])
    for group in (protected, other):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(6379, "0.0.0.0/0")])
    rules = [ingress(ec2, group)[0]["SecurityGroupRuleId"] for group in (protected, other)]
    revoke = client("ec2").revoke_security_group_ingress
    assert code_of(revoke, GroupId=protected, SecurityGroupRuleIds=rules[:1]) == "UnauthorizedOperation"
    revoke(GroupId=other, SecurityGroupRuleIds=rules[1:])
    assert len(ingress(ec2, protected)) == 1 and ingress(ec2, other) == []


def test_a_group_by_name_is_the_same_resource(role, ec2):
    """A name in the default VPC does not get around a condition on the group's tags."""
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    name = f"group-{uuid.uuid4().hex[:8]}"
    group = new_group(ec2, default, name)
    ec2.create_tags(Resources=[group], Tags=[{"Key": "portcullis:protect", "Value": ""}])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(6379, "0.0.0.0/0")])
    groups = arn("ec2", "security-group/*")
    client = role(allow("ec2:RevokeSecurityGroupIngress", groups, Null={"aws:ResourceTag/portcullis:protect": "true"}))
    call = {"GroupName": name, "IpPermissions": [tcp(6379, "0.0.0.0/0")]}
    assert code_of(client("ec2").revoke_security_group_ingress, **call) == "UnauthorizedOperation"
    assert len(ingress(ec2, group)) == 1


CACHES = [
    ("describe_cache_clusters", "cluster", "CacheClusterId"),
    ("describe_replication_groups", "replicationgroup", "ReplicationGroupId"),
    ("describe_serverless_caches", "serverlesscache", "ServerlessCacheName"),
]


@pytest.mark.parametrize(("operation", "kind", "member"), CACHES, ids=[kind for _, kind, _ in CACHES])
def test_caches_are_described_on_resources(role, operation, kind, member):
    """With an id on that cache, without one on all of the kind; another kind's ARN does not help."""
    action = "elasticache:" + "".join(word.title() for word in operation.split("_"))
    may = getattr(role(allow(action, arn("elasticache", f"{kind}:*")))("elasticache"), operation)
    may()
    assert code_of(may, **{member: "missing"}).endswith(("NotFound", "NotFoundFault"))
    one = getattr(role(allow(action, arn("elasticache", f"{kind}:mine")))("elasticache"), operation)
    assert code_of(one) == "AccessDenied"
    assert code_of(one, **{member: "yours"}) == "AccessDenied"
    assert code_of(one, **{member: "mine"}).endswith(("NotFound", "NotFoundFault"))
    other = getattr(role(allow(action, arn("elasticache", "snapshot:*")))("elasticache"), operation)
    assert code_of(other) == "AccessDenied"


def test_prefix_lists_are_resources_of_their_owner(role, account, ec2):
    own = ec2.create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=1, Entries=[{"Cidr": "198.51.100.0/28"}]
    )["PrefixList"]["PrefixListId"]
    lists = ec2.describe_managed_prefix_lists()["PrefixLists"]
    aws_owned = next(item["PrefixListId"] for item in lists if item["OwnerId"] == "AWS")
    account.seed({"PrefixLists": [{"PrefixListId": "pl-0f0f0f0f0f0f0f0f1", "OwnerId": "444455556666", "Entries": []}]})
    every = role(allow("ec2:GetManagedPrefixListEntries", arn("ec2", "prefix-list/*", "*")))("ec2")
    mine = role(allow("ec2:GetManagedPrefixListEntries", arn("ec2", "prefix-list/*")))("ec2")
    for client in (every, mine):
        (entry,) = client.get_managed_prefix_list_entries(PrefixListId=own)["Entries"]
        assert entry["Cidr"] == "198.51.100.0/28"
    for prefix_list in (aws_owned, "pl-0f0f0f0f0f0f0f0f1"):
        assert "Entries" in every.get_managed_prefix_list_entries(PrefixListId=prefix_list)
        denied = code_of(mine.get_managed_prefix_list_entries, PrefixListId=prefix_list)
        assert denied == "UnauthorizedOperation"


def test_a_permissions_boundary_limits_a_role(role):
    """Both the policy and the boundary must allow."""
    client = role(allow(["sqs:ListQueues", "sns:ListTopics"]), boundary=allow(["sqs:ListQueues", "iam:ListRoles"]))
    client("sqs").list_queues()
    assert code_of(client("sns").list_topics) == "AuthorizationError"
    assert code_of(client("iam").list_roles) == "AccessDenied"


def test_a_role_publishes_in_another_region(role, aws):
    topic = aws("sns", "eu-central-1").create_topic(Name="central")["TopicArn"]
    queue = aws("sqs", "eu-central-1").create_queue(QueueName=f"q{uuid.uuid4().hex[:8]}")["QueueUrl"]
    queue_arn = aws("sqs", "eu-central-1").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    queue_arn = queue_arn["Attributes"]["QueueArn"]
    aws("sqs", "eu-central-1").set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": document({**allow("sqs:SendMessage", queue_arn), "Principal": "*"})}
    )
    aws("sns", "eu-central-1").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    client = role(allow("sns:Publish", topic))
    client("sns", "eu-central-1").publish(TopicArn=topic, Message="across")
    (message,) = aws("sqs", "eu-central-1").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["Message"] == "across"
    local = aws("sns").create_topic(Name="local")["TopicArn"]
    assert code_of(client("sns").publish, TopicArn=local, Message="here") == "AuthorizationError"


def test_trails_are_resources_and_describe_trails_is_not(role):
    trails = "arn:aws:cloudtrail:*:*:trail/*"
    client = role(allow("cloudtrail:DescribeTrails"), allow(["cloudtrail:GetTrailStatus"], trails))("cloudtrail")
    client.describe_trails()
    assert code_of(client.get_trail_status, Name="missing") == "TrailNotFoundException"
    assert code_of(client.get_event_selectors, TrailName="missing") == "AccessDeniedException"


# Policies of queues and topics ---------------------------------------------------------


@pytest.fixture
def encrypted_only(aws):
    """A queue that refuses whoever comes without TLS: its URL and its ARN."""
    url = aws("sqs").create_queue(QueueName=f"q{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "sns.amazonaws.com"}}
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(admit, without_tls("sqs:*", arn))})
    return url, arn


def without_tls(action, resource):
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, "Condition": condition}


def test_calls_and_deliveries_count_as_secure(role, aws, encrypted_only):
    """AWS's endpoints are HTTPS, and so are the services among themselves."""
    url, queue_arn = encrypted_only
    topic = aws("sns").create_topic(Name=f"t{uuid.uuid4().hex[:8]}")["TopicArn"]
    aws("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=document(without_tls("sns:Publish", topic))
    )
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    role(allow("sns:Publish", topic))("sns").publish(TopicArn=topic, Message="by a role")
    role(allow("sqs:SendMessage", queue_arn))("sqs").send_message(QueueUrl=url, MessageBody="{}")
    received = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(json.loads(message["Body"]).get("Message", "") for message in received) == ["", "by a role"]
