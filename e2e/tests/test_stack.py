"""What the template promises its users, as deployed."""

import json

import pytest
from botocore.exceptions import ClientError
from harness import deploy, places
from harness.account import FAST, Account
from harness.guard import PRIVATE, Guard, guarded, permission


def configuration(guard, function):
    return guard.account.client("lambda").get_function_configuration(FunctionName=guard.stack.functions[function])


def test_alert_email_parameter_subscribes(name):
    with guarded(AlertEmail="ops@example.com") as guard:
        group = guard.group(name)
        guard.open(group, permission("tcp", 6379, "0.0.0.0/0"))
        guard.alerts.wait(group)
        assert {mail["to"] for mail in guard.alerts.mails(group)} == {"ops@example.com", "security@example.com"}
        assert {mail["from"] for mail in guard.alerts.mails(group)} == {"Portcullis <no-reply@sns.amazonaws.com>"}


def test_without_the_parameter_nobody_is_subscribed(guard):
    subscriptions = guard.account.client("sns").list_subscriptions_by_topic(TopicArn=guard.stack.topic)
    assert [s["Endpoint"] for s in subscriptions["Subscriptions"] if s["Protocol"] == "email"] == [
        "security@example.com"
    ]


@pytest.mark.parametrize("function", ["ingress", "cache"])
def test_failures_are_kept_and_logs_expire(guard, function):
    client = guard.account.client("lambda")
    name = guard.stack.functions[function]
    options = client.get_function_event_invoke_config(FunctionName=name, Qualifier="$LATEST")
    assert options["MaximumRetryAttempts"] == 2
    assert options["DestinationConfig"]["OnFailure"]["Destination"] == guard.stack.outputs["FailureQueueArn"]
    (group,) = guard.account.client("logs").describe_log_groups(logGroupNamePrefix=guard.stack.log_group(function))[
        "logGroups"
    ]
    assert group["retentionInDays"] == 90


def test_functions_know_their_own_roles(guard):
    roles = {guard.stack.role(function) for function in ("ingress", "cache")}
    for function in ("ingress", "cache"):
        variables = configuration(guard, function)["Environment"]["Variables"]
        assert set(variables["PORTCULLIS_OWN_ROLE_ARNS"].split(",")) == roles and len(roles) == 2
        assert variables["PORTCULLIS_ALERT_TOPIC_ARN"] == guard.stack.topic
        assert variables["PORTCULLIS_MODE"] == "enforce"


@pytest.mark.parametrize("function", ["ingress", "cache"])
@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ec2", "authorize_security_group_ingress", {"GroupId": "sg-1", "IpPermissions": []}),
        ("ec2", "delete_security_group", {"GroupId": "sg-1"}),
        ("ec2", "revoke_security_group_egress", {"GroupId": "sg-1", "IpPermissions": []}),
        ("elasticache", "delete_replication_group", {"ReplicationGroupId": "x"}),
        ("elasticache", "describe_users", {}),
        ("sns", "create_topic", {"Name": "x"}),
        ("sqs", "create_queue", {"QueueName": "x"}),
        ("iam", "list_roles", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_roles_may_do_nothing_else(guard, function, service, operation, parameters):
    client = as_function(guard, function, service)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] in (
        "UnauthorizedOperation",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
    ), refused.value


def test_the_role_for_groups_may_not_look_at_caches(guard):
    with pytest.raises(ClientError, match="AccessDenied"):
        as_function(guard, "ingress", "elasticache").describe_cache_clusters()
    assert as_function(guard, "cache", "elasticache").describe_cache_clusters()["CacheClusters"] is not None


def test_the_digest_may_read_its_queue_and_publish_and_nothing_else(guard):
    url = guard.stack.outputs["DigestQueueUrl"]
    sqs = as_function(guard, "digest", "sqs")
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    for refused in (
        lambda: sqs.send_message(QueueUrl=url, MessageBody="{}"),
        lambda: sqs.receive_message(QueueUrl=guard.stack.failure_queue),
        lambda: as_function(guard, "digest", "ec2").describe_security_groups(),
        lambda: as_function(guard, "digest", "dynamodb").query(
            TableName=guard.ledger.table,
            KeyConditionExpression="subject = :s",
            ExpressionAttributeValues={":s": {"S": "sg-1"}},
        ),
    ):
        with pytest.raises(ClientError, match="UnauthorizedOperation|AccessDenied"):
            refused()


@pytest.mark.parametrize("function", ["ingress", "cache"])
def test_those_who_decide_may_remember_and_not_read_back(guard, function):
    """They remember by subject, delete nothing, list nothing, and read no queue."""
    table, url = guard.ledger.table, guard.stack.outputs["DigestQueueUrl"]
    dynamodb, sqs = as_function(guard, function, "dynamodb"), as_function(guard, function, "sqs")
    key = {"subject": {"S": f"a test of {function}"}, "finding": {"S": "x"}}
    dynamodb.put_item(TableName=table, Item=key)
    assert guard.ledger.of(f"a test of {function}") == {"x": {"subject": f"a test of {function}", "finding": "x"}}
    for refused in (
        lambda: dynamodb.delete_item(TableName=table, Key=key),
        lambda: dynamodb.scan(TableName=table),
        lambda: dynamodb.delete_table(TableName=table),
        lambda: sqs.receive_message(QueueUrl=url),
        lambda: sqs.purge_queue(QueueUrl=url),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    guard.account.client("dynamodb").delete_item(TableName=table, Key=key)


def test_the_exceptions_are_a_layer_and_a_change_of_them_a_new_version(tmp_path):
    with guarded() as guard:
        layers = {name: configuration(guard, name).get("Layers") for name in guard.stack.functions}
        (first,) = {layer["Arn"] for name in ("ingress", "cache", "sweep") for layer in layers.pop(name)}
        assert not any(layers.values()), "nobody else has them"
        assert configuration(guard, "ingress")["Environment"]["Variables"]["PORTCULLIS_EXCEPTIONS_DIR"] == "/opt"
        (tmp_path / "ours.cedar").write_bytes((places.REPO / "infra" / "exceptions" / "default.cedar").read_bytes())
        guard.stack = deploy.update(guard.stack, exceptions=tmp_path)
        (second,) = configuration(guard, "ingress")["Layers"]
        assert second["Arn"] != first and configuration(guard, "cache")["Layers"] == [second]
        client = guard.account.client("lambda")
        versions = [
            item["LayerVersionArn"]
            for item in client.list_layer_versions(LayerName=first.split(":")[6])["LayerVersions"]
        ]
        assert versions == [second["Arn"]], "the older one is gone"


def test_without_a_topic_for_chat_there_is_none(guard):
    assert guard.stack.chat_topic is None
    for function in ("ingress", "cache", "digest"):
        assert "PORTCULLIS_CHAT_TOPIC_ARN" not in configuration(guard, function)["Environment"]["Variables"]


def test_a_topic_for_chat_is_known_to_those_who_tell():
    with guarded(ChatTopic="yes") as guard:
        for function in ("ingress", "cache", "digest"):
            variables = configuration(guard, function)["Environment"]["Variables"]
            assert variables["PORTCULLIS_CHAT_TOPIC_ARN"] == guard.stack.chat_topic
            as_function(guard, function, "sns").publish(TopicArn=guard.stack.chat_topic, Message=json.dumps(function))
            assert guard.chat.wait(function) == function
        with pytest.raises(ClientError, match="AuthorizationError|AccessDenied"):
            as_function(guard, "trail", "sns").publish(TopicArn=guard.stack.chat_topic, Message="x")


def test_function_with_another_functions_role_is_denied_and_the_event_is_kept(fresh):
    """Somebody mixed up the roles. The user finds the event, and the call that was refused, in the failure queue."""
    fresh.account.client("lambda").update_function_configuration(
        FunctionName=fresh.stack.functions["cache"], Role=fresh.stack.role("ingress")
    )
    group = fresh.group("mixed-up", permission("tcp", 6379, PRIVATE))
    fresh.elasticache.create_replication_group(
        ReplicationGroupId="mixed-up",
        ReplicationGroupDescription="of a test",
        Engine="valkey",
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName="caches",
        SecurityGroupIds=[group],
    )
    record = fresh.failures.wait(
        "the failure queue has the event", lambda r: "mixed-up" in json.dumps(r.get("requestPayload")), 60
    )
    said = record["responsePayload"]["errorMessage"]
    assert "DescribeReplicationGroups" in said and "AccessDenied" in said, said
    assert fresh.alerts.documents("mixed-up") == [], "nothing is said of a cache that could not be looked at"


def test_protected_group_is_told_and_not_even_the_role_may_change_it(guard, name):
    """Two lines: the code withholds, and IAM refuses whatever the code thinks."""
    group = guard.group(name, tags={"portcullis:protect": "because of an audit"})
    (rule,) = guard.open(group, permission("tcp", 6379, "0.0.0.0/0"))
    document, mail = guard.alerts.wait(group)
    assert [finding["outcome"] for finding in document["findings"]] == ["withheld"]
    assert "portcullis:protect" in mail["body"]
    before = guard.look(group)
    assert rule in before["rules"]
    for function in ("ingress", "cache"):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            as_function(guard, function, "ec2").revoke_security_group_ingress(
                GroupId=group, SecurityGroupRuleIds=[rule]
            )
    assert guard.look(group) == before
    guard.ec2.delete_tags(Resources=[group], Tags=[{"Key": "portcullis:protect"}])
    as_function(guard, "ingress", "ec2").revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    after = guard.look(group)["rules"]
    assert rule not in after and set(after) == set(before["rules"]) - {rule}


def test_roles_look_only_in_their_own_region(guard):
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        as_function(guard, "ingress", "ec2", region="us-east-1").describe_security_groups()


def as_function(guard, function, service, **options):
    """A client with the rights of the function: its role, assumed by a user who may."""
    iam, sts = guard.account.client("iam"), guard.account.client("sts")
    arn = configuration(guard, function)["Role"]
    name = arn.rsplit("/", 1)[-1]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    trust = json.loads(trust) if isinstance(trust, str) else trust
    if len(trust["Statement"]) == 1:
        trust["Statement"].append(
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
        )
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return guard.account.client(
        service,
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        session_token=keys["SessionToken"],
        **options,
    )


# Parameters -------------------------------------------------------------------------------------


def closes_and_tells(guard, alerts):
    """A public rule goes, and the private one beside it stays."""
    group = guard.group("parameters", permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    assert guard.gone(group, guard.open(group, permission("tcp", 6379, "0.0.0.0/0"))) == before
    alerts.wait(group)


def test_everything_with_a_key_a_boundary_a_trace_and_a_reservation():
    with Account(*FAST) as account:
        guard = Guard(account)
        key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        boundary = account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(allow))
        boundary = boundary["Policy"]["Arn"]
        asked = {"Tracing": "yes", "ReservedConcurrency": "5", "ChatTopic": "yes"}
        guard.deploy(KmsKeyArn=key, PermissionsBoundaryArn=boundary, **asked)
        closes_and_tells(guard, guard.alerts)
        for function in guard.stack.functions:
            found = configuration(guard, function)
            assert found["KMSKeyArn"] == key and found["TracingConfig"] == {"Mode": "Active"}
            role = account.client("iam").get_role(RoleName=found["Role"].rsplit("/", 1)[-1])["Role"]
            assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
        for function in ("ingress", "cache"):
            reserved = account.client("lambda").get_function_concurrency(FunctionName=guard.stack.functions[function])
            assert reserved["ReservedConcurrentExecutions"] == 5
        topic = account.client("sns").get_topic_attributes(TopicArn=guard.stack.topic)["Attributes"]
        assert topic["KmsMasterKeyId"] == key
        chat = account.client("sns").get_topic_attributes(TopicArn=guard.stack.chat_topic)["Attributes"]
        assert chat["KmsMasterKeyId"] == key
        table = account.client("dynamodb").describe_table(TableName=guard.ledger.table)["Table"]
        assert table["SSEDescription"]["KMSMasterKeyArn"] == key
        for url in (guard.stack.undelivered_queue, guard.stack.failure_queue, guard.stack.outputs["DigestQueueUrl"]):
            queue = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            assert queue["KmsMasterKeyId"] == key
        for group in account.client("logs").describe_log_groups()["logGroups"]:
            assert group["kmsKeyId"] == key


def test_a_boundary_that_allows_nothing_allows_nothing():
    with Account(*FAST) as account:
        guard = Guard(account)
        # Without the right to read its queue Lambda would not take the digest's mapping, and there would be no stack.
        allow = {"Effect": "Allow", "Action": ["logs:*", "sqs:*"], "Resource": "*"}
        only = {"Version": "2012-10-17", "Statement": [allow]}
        boundary = account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(only))
        guard.deploy(PermissionsBoundaryArn=boundary["Policy"]["Arn"])
        group = guard.group("bound")
        guard.open(group, permission("tcp", 6379, "0.0.0.0/0"))
        before = guard.look(group)
        guard.handled("ingress", "UnauthorizedOperation")
        assert guard.look(group) == before


def test_a_topic_of_yours_instead():
    with Account(*FAST) as account:
        guard = Guard(account)
        topic = account.client("sns").create_topic(Name="security")["TopicArn"]
        guard.deploy(AlertTopicArn=topic)
        assert guard.stack.topic == topic and guard.stack.resources("AWS::SNS::Topic") == {}
        closes_and_tells(guard, guard.alerts)
        names = list(guard.stack.resources("AWS::CloudWatch::Alarm").values())
        for alarm in account.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]:
            assert alarm["AlarmActions"] == [topic], alarm["AlarmName"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Mode": "off"}, "Mode"),
        ({"AlertEmail": "nobody"}, "an e-mail address"),
        ({"KmsKeyArn": "alias/mine"}, "the ARN of a KMS key"),
        ({"ReservedConcurrency": "0"}, "1 to 9999"),
        ({"ActionsPerEvent": "0"}, "ActionsPerEvent"),
        ({"ComebacksPerHour": "11"}, "ComebacksPerHour"),
        ({"ChatTopic": "slack"}, "ChatTopic"),
        ({"AlertTopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "AlertEmail": "a@b.c"}, "stack's own topic"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_wrong_parameters_are_refused_in_words(guard, parameters, said):
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    cloudformation = guard.account.client("cloudformation")
    with pytest.raises(ClientError, match=said):
        cloudformation.create_stack(
            StackName="wrong",
            TemplateURL=f"{guard.account.endpoint}/{deploy.TEMPLATE}",
            Parameters=given,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="wrong")
