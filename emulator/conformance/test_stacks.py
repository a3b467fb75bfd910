"""CloudFormation as a production stack relies on it: what it refuses, what it makes whole, what it leaves behind."""

import json
import pathlib
import time

import pytest
from conftest import code, code_of, outputs, wait_for


def with_topic(**sections):
    return {**sections, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


RULES = with_topic(
    Parameters={
        "Email": {"Type": "String", "Default": ""},
        "Topic": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "^$|^arn:.+$",
            "ConstraintDescription": "the ARN of a topic",
        },
        "Mode": {"Type": "String", "Default": "enforce", "AllowedValues": ["enforce", "observe"]},
    },
    Rules={
        "OneTopic": {
            "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Topic"}, ""]}]},
            "Assertions": [
                {"Assert": {"Fn::Equals": [{"Ref": "Email"}, ""]}, "AssertDescription": "Email or Topic, not both."}
            ],
        }
    },
)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Topic": "arn:x", "Email": "a@example.com"}, "Email or Topic, not both."),
        ({"Topic": "x"}, "the ARN of a topic"),
        ({"Mode": "sleep"}, "Mode"),
    ],
)
def test_what_parameters_and_rules_refuse_makes_no_stack(aws, stack, parameters, message):
    client = aws("cloudformation")
    with pytest.raises(client.exceptions.ClientError, match=message) as refused:
        stack(RULES, parameters)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert code_of(client.describe_stacks, StackName=stack.name) == "ValidationError"


def test_a_cache_of_a_stack_says_which(aws, stack):
    """Nobody else can set these tags: ElastiCache refuses them."""
    properties = {
        "ReplicationGroupId": stack.name,
        "ReplicationGroupDescription": "d",
        "Engine": "valkey",
        "TransitEncryptionEnabled": False,
        "CacheNodeType": "cache.t4g.micro",
        "NumCacheClusters": 1,
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    made = stack({"Resources": {"Sessions": {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": properties}}})
    arn = f"arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:{stack.name}"
    cache = aws("elasticache")
    find = lambda: cache.describe_replication_groups(ReplicationGroupId=stack.name)["ReplicationGroups"][0]
    wait_for(lambda: find()["Status"] == "available")
    tags = {tag["Key"]: tag["Value"] for tag in cache.list_tags_for_resource(ResourceName=arn)["TagList"]}
    assert tags == {
        "team": "shop",
        "aws:cloudformation:stack-name": stack.name,
        "aws:cloudformation:stack-id": made["StackId"],
        "aws:cloudformation:logical-id": "Sessions",
    }


def test_a_rule_whose_condition_does_not_hold_asserts_nothing(stack):
    stack(RULES, {"Email": "a@example.com"})


@pytest.mark.parametrize(
    ("arn", "same"), [("arn:aws:sns:eu-west-1:1:t", "yes"), ("arn:aws:sns:x:1:t", "no"), ("", "no")]
)
def test_conditions_take_texts_apart(stack, arn, same):
    third = {"Fn::Select": [3, {"Fn::Split": [":", {"Fn::Sub": "${Arn}:::::"}]}]}
    template = with_topic(
        Parameters={"Arn": {"Type": "String"}},
        Conditions={"Here": {"Fn::Equals": [third, {"Ref": "AWS::Region"}]}},
        Outputs={"Same": {"Value": {"Fn::If": ["Here", "yes", "no"]}}},
    )
    assert outputs(stack(template, {"Arn": arn}))["Same"] == same


def test_statements_of_a_policy_may_be_left_out(aws, stack):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    maybe = {"Fn::If": ["Never", {**statement, "Sid": "Organization"}, {"Ref": "AWS::NoValue"}]}
    statements = [{**statement, "Sid": "Always", "Condition": condition}, maybe]
    template = with_topic(
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}}, Outputs={"Topic": {"Value": {"Ref": "Topic"}}}
    )
    template["Resources"]["Policy"] = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Statement": statements}},
    }
    topic = outputs(stack(template))["Topic"]
    policy = aws("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert [entry["Sid"] for entry in json.loads(policy)["Statement"]] == ["Always"]


SERVERLESS = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Key: { Type: String }
  Boundary: { Type: String }
  Object: { Type: String, Default: code.zip }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { KmsMasterKeyId: !Ref Key }
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: { RetentionInDays: 30, KmsKeyId: !Ref Key }
  Queue:
    Type: AWS::SQS::Queue
  Role:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !Ref Boundary
      AssumeRolePolicyDocument:
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }]
  More:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: more
      Roles: [!Ref Role]
      PolicyDocument: { Statement: [{ Effect: Allow, Action: lambda:InvokeFunction, Resource: !GetAtt Function.Arn }] }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: { Bucket: BUCKET, Key: !Ref Object }
      Role: !GetAtt Role.Arn
      KmsKeyArn: !Ref Key
      Tracing: Active
      ReservedConcurrentExecutions: 2
      LoggingConfig: { LogGroup: !Ref Logs }
      Events:
        Regularly:
          Type: Schedule
          Properties: { Schedule: rate(15 minutes) }
        Deployed:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.cloudformation]
              detail-type: [CloudFormation Stack Status Change]
              detail: { stack-id: [!Ref AWS::StackId], status-details: { status: [CREATE_COMPLETE] } }
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties: { DashboardBody: !Sub '{"widgets": [], "start": "-PT${AWS::Region}"}' }
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{ Name: QueueName, Value: !GetAtt Queue.QueueName }]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 0
Outputs:
  Topic: { Value: !Ref Topic }
  Logs: { Value: !Ref Logs }
  Queue: { Value: !Ref Queue }
  Role: { Value: !Ref Role }
  Function: { Value: !Ref Function }
  Dashboard: { Value: !Ref Dashboard }
  Alarm: { Value: !GetAtt Alarm.Arn }
  Rule: { Value: !GetAtt FunctionDeployed.Arn }
"""


@pytest.fixture
def serverless(aws, stack):
    """The stack above with the tag ``owner``: its outputs, its key and its boundary."""
    bucket = stack.name
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_object(Bucket=bucket, Key="code.zip", Body=code())
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boundary = aws("iam").create_policy(PolicyName=bucket, PolicyDocument=document)["Policy"]["Arn"]

    def make(ends="CREATE_COMPLETE", **parameters):
        parameters = {"Key": key, "Boundary": boundary, **parameters}
        template = SERVERLESS.replace("BUCKET", bucket)
        described = stack(template, parameters, ends, Tags=[{"Key": "owner", "Value": "security"}])
        return outputs(described) if "Outputs" in described else {}

    make.key, make.boundary = key, boundary
    return make


def test_properties_reach_the_resources(aws, serverless):
    made = serverless()
    function = aws("lambda").get_function(FunctionName=made["Function"])
    assert function["Configuration"]["KMSKeyArn"] == serverless.key
    assert function["Configuration"]["TracingConfig"] == {"Mode": "Active"}
    assert function["Concurrency"] == {"ReservedConcurrentExecutions": 2}
    role = aws("iam").get_role(RoleName=made["Role"])["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == serverless.boundary
    assert aws("iam").list_role_policies(RoleName=made["Role"])["PolicyNames"] == ["more"]
    assert aws("sns").get_topic_attributes(TopicArn=made["Topic"])["Attributes"]["KmsMasterKeyId"] == serverless.key
    (group,) = aws("logs").describe_log_groups(logGroupNamePrefix=made["Logs"])["logGroups"]
    assert group["retentionInDays"] == 30 and group["kmsKeyId"] == serverless.key
    assert json.loads(aws("cloudwatch").get_dashboard(DashboardName=made["Dashboard"])["DashboardBody"])


def test_a_resource_tells_its_stack(aws, stack):
    made = stack(json.dumps(with_topic()), {})
    cloudformation = aws("cloudformation")
    of_stack = cloudformation.describe_stack_resources(StackName=made["StackName"])["StackResources"]
    (topic,) = [item["PhysicalResourceId"] for item in of_stack]
    assert cloudformation.describe_stack_resources(PhysicalResourceId=topic)["StackResources"] == of_stack
    with pytest.raises(cloudformation.exceptions.ClientError, match="Stack for sg-0 does not exist"):
        cloudformation.describe_stack_resources(PhysicalResourceId="sg-0")


def test_stack_tags_reach_every_resource_that_has_tags(aws, serverless):
    """Managed policies have none in CloudFormation; everything here has."""
    made = serverless()
    logs = aws("logs").list_tags_log_group(logGroupName=made["Logs"])["tags"]
    found = {
        "topic": pairs(aws("sns").list_tags_for_resource(ResourceArn=made["Topic"])["Tags"]),
        "queue": aws("sqs").list_queue_tags(QueueUrl=made["Queue"])["Tags"],
        "role": pairs(aws("iam").list_role_tags(RoleName=made["Role"])["Tags"]),
        "function": aws("lambda").get_function(FunctionName=made["Function"])["Tags"],
        "alarm": pairs(aws("cloudwatch").list_tags_for_resource(ResourceARN=made["Alarm"])["Tags"]),
        "rule": pairs(aws("events").list_tags_for_resource(ResourceARN=made["Rule"])["Tags"]),
        "logs": logs,
    }
    assert {kind: tags.get("owner") for kind, tags in found.items()} == dict.fromkeys(found, "security")


def pairs(tags):
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_a_rule_of_the_stack_hears_that_the_stack_is_complete(aws, serverless):
    made = serverless()

    def invocations():
        metrics = aws("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="AsyncEventsReceived")["Metrics"]
        return [m for m in metrics if m["Dimensions"][0]["Value"] == made["Function"]]

    wait_for(invocations)


def test_code_that_is_not_there_fails_the_stack(aws, stack, serverless):
    serverless("ROLLBACK_COMPLETE", Object="missing.zip")
    events = aws("cloudformation").describe_stack_events(StackName=stack.name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert "NoSuchKey" in failed[0]["ResourceStatusReason"]


def test_deleting_a_stack_leaves_nothing(account, aws, stack, serverless):
    before = everything(aws)
    made = serverless()
    aws("lambda").invoke(FunctionName=made["Function"], Payload=b"{}")
    assert everything(aws) != before and made["Function"] in processes(account)
    aws("lambda").invoke(FunctionName=made["Function"], InvocationType="Event", Payload=b'{"sleep": 2}')
    aws("cloudformation").delete_stack(StackName=stack.name)
    wait_for(lambda: made["Function"] not in processes(account))
    time.sleep(0.5)
    assert everything(aws) == before


def everything(aws):
    return {
        "functions": [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]],
        "rules": [rule["Name"] for rule in aws("events").list_rules()["Rules"]],
        "logs": [group["logGroupName"] for group in aws("logs").describe_log_groups()["logGroups"]],
        "roles": [role["RoleName"] for role in aws("iam").list_roles()["Roles"]],
        "topics": [topic["TopicArn"] for topic in aws("sns").list_topics()["Topics"]],
        "queues": aws("sqs").list_queues().get("QueueUrls"),
        "alarms": [alarm["AlarmName"] for alarm in aws("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboards": [entry["DashboardName"] for entry in aws("cloudwatch").list_dashboards()["DashboardEntries"]],
    }


def processes(account):
    """The environments of all processes of functions of this account."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if account.endpoint in environment and "AWS_LAMBDA_FUNCTION_NAME" in environment:
            found.append(environment)
    return " ".join(found)
