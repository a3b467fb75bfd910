"""What the template promises its users, as deployed."""

import json

import pytest
from botocore.exceptions import ClientError
from harness.guard import guarded, permission


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
    roles = {configuration(guard, function)["Role"] for function in guard.stack.functions}
    for function in guard.stack.functions:
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


def as_function(guard, function, service):
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
        service, access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"], session_token=keys["SessionToken"]
    )
