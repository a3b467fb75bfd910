"""KMS, DynamoDB and Secrets Manager as approvals rely on them: made by a template, held to exact resources by IAM."""

import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, allow, code_of, outputs

TEMPLATE = """
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeySpec: HMAC_256
      KeyUsage: GENERATE_VERIFY_MAC
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
            Action: "kms:*"
            Resource: "*"
  Closed:
    Type: AWS::KMS::Key
    Properties:
      KeySpec: HMAC_256
      KeyUsage: GENERATE_VERIFY_MAC
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
            Action: ["kms:Describe*", "kms:Put*", "kms:ScheduleKeyDeletion"]
            Resource: "*"
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub "${AWS::StackName}-moves"
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      SSESpecification: {SSEEnabled: true}
      Tags: [{Key: portcullis, Value: moves}]
Outputs:
  Key: {Value: !GetAtt Key.Arn}
  Closed: {Value: !GetAtt Closed.Arn}
  Table: {Value: !Ref Table}
  TableArn: {Value: !GetAtt Table.Arn}
"""
ALGORITHM = {"MacAlgorithm": "HMAC_SHA_256"}


@pytest.fixture
def made(stack):
    return outputs(stack(TEMPLATE))


# KMS -------------------------------------------------------------------------------------


def test_a_mac_is_verified_by_the_key_that_made_it(aws, made):
    kms = aws("kms")
    mac = kms.generate_mac(KeyId=made["Key"], Message=b"link", **ALGORITHM)["Mac"]
    assert len(mac) == 32
    verified = kms.verify_mac(KeyId=made["Key"], Message=b"link", Mac=mac, **ALGORITHM)
    assert verified["MacValid"] is True and verified["KeyId"] == made["Key"]
    for message, forged in ((b"lines", mac), (b"link", bytes(32)), (b"link", mac[:31])):
        code = code_of(kms.verify_mac, KeyId=made["Key"], Message=message, Mac=forged, **ALGORITHM)
        assert code == "KMSInvalidMacException"
    described = kms.describe_key(KeyId=made["Key"])["KeyMetadata"]
    assert (described["KeySpec"], described["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")


def test_making_and_verifying_macs_are_different_rights(aws, role, made):
    mac = aws("kms").generate_mac(KeyId=made["Key"], Message=b"link", **ALGORITHM)["Mac"]
    signer = role(allow("kms:GenerateMac", made["Key"]))("kms")
    verifier = role(allow("kms:VerifyMac", made["Key"]))("kms")
    assert signer.generate_mac(KeyId=made["Key"], Message=b"link", **ALGORITHM)["Mac"] == mac
    assert verifier.verify_mac(KeyId=made["Key"], Message=b"link", Mac=mac, **ALGORITHM)["MacValid"]
    given = {"KeyId": made["Key"], "Message": b"link", **ALGORITHM}
    assert code_of(signer.verify_mac, Mac=mac, **given) == "AccessDeniedException"
    assert code_of(verifier.generate_mac, **given) == "AccessDeniedException"
    other = {**given, "KeyId": made["Closed"]}
    assert code_of(signer.generate_mac, **other) == "AccessDeniedException"


def test_a_key_policy_that_admits_nobody_shuts_roles_out(role, made):
    client = role(allow("kms:*"))("kms")
    assert client.generate_mac(KeyId=made["Key"], Message=b"link", **ALGORITHM)["Mac"]
    denied = code_of(client.generate_mac, KeyId=made["Closed"], Message=b"link", **ALGORITHM)
    assert denied == "AccessDeniedException"


# DynamoDB --------------------------------------------------------------------------------


def test_a_table_is_made_with_all_its_settings(aws, made):
    client, name = aws("dynamodb"), made["Table"]
    table = client.describe_table(TableName=name)["Table"]
    assert name.endswith("-moves") and table["TableArn"] == made["TableArn"] and table["TableStatus"] == "ACTIVE"
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert (table["SSEDescription"]["Status"], table["SSEDescription"]["SSEType"]) == ("ENABLED", "KMS")
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = client.list_tags_of_resource(ResourceArn=made["TableArn"])["Tags"]
    assert {"Key": "portcullis", "Value": "moves"} in tags


def test_a_condition_lets_one_answer_in(aws, made):
    client, key = aws("dynamodb"), {"TableName": made["Table"], "Key": {"id": {"S": "cache-1"}}}
    client.put_item(TableName=made["Table"], Item={"id": {"S": "cache-1"}, "stage": {"S": "asked"}})
    again = {"TableName": made["Table"], "Item": {"id": {"S": "cache-1"}}}
    refused = code_of(client.put_item, ConditionExpression="attribute_not_exists(id)", **again)
    assert refused == "ConditionalCheckFailedException"
    record = {
        "UpdateExpression": "SET #a.#m = :yes",
        "ConditionExpression": "attribute_exists(#a) AND attribute_not_exists(#a.#m) AND stage = :asked",
        "ExpressionAttributeNames": {"#a": "answers", "#m": "move"},
        "ExpressionAttributeValues": {":yes": {"M": {"yes": {"BOOL": True}}}, ":asked": {"S": "asked"}},
    }
    assert code_of(client.update_item, **key, **record) == "ConditionalCheckFailedException"
    client.update_item(**key, UpdateExpression="SET answers = :none", ExpressionAttributeValues={":none": {"M": {}}})
    client.update_item(**key, **record)
    with pytest.raises(ClientError) as second:
        client.update_item(**key, **record, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert second.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    kept = second.value.response["Item"]["answers"]
    assert kept == {"M": {"move": {"M": {"yes": {"BOOL": True}}}}}
    assert kept == client.get_item(**key, ConsistentRead=True)["Item"]["answers"]
    held = {"ConditionExpression": "stage = :s", "ExpressionAttributeValues": {":s": {"S": "done"}}}
    assert code_of(client.delete_item, **key, **held) == "ConditionalCheckFailedException"
    held["ExpressionAttributeValues"][":s"]["S"] = "asked"
    client.delete_item(**key, **held)
    assert "Item" not in client.get_item(**key)


def test_a_table_is_a_resource(role, made):
    client = role(allow(["dynamodb:GetItem", "dynamodb:PutItem"], made["TableArn"]))("dynamodb")
    item = {"id": {"S": "a"}}
    client.put_item(TableName=made["Table"], Item=item)
    assert client.get_item(TableName=made["Table"], Key=item)["Item"] == item
    assert code_of(client.update_item, TableName=made["Table"], Key=item) == "AccessDeniedException"
    assert code_of(client.scan, TableName=made["Table"]) == "AccessDeniedException"
    assert code_of(client.get_item, TableName=f"{made['Table']}-2", Key=item) == "AccessDeniedException"


def test_a_stack_that_is_deleted_takes_its_table_along(aws, stack, made):
    aws("cloudformation").delete_stack(StackName=stack.name)
    deadline = time.monotonic() + 10
    while made["Table"] in aws("dynamodb").list_tables()["TableNames"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


# Secrets Manager -------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["aws:ResourceTag", "secretsmanager:ResourceTag"])
def test_only_a_secret_with_the_tag_is_given_out(aws, role, key):
    secrets, name = aws("secretsmanager"), f"token-{uuid.uuid4().hex[:8]}"
    token, tags = json.dumps({"authToken": "x" * 16}), [{"Key": "portcullis:auth-token", "Value": "yes"}]
    tagged = secrets.create_secret(Name=name, SecretString=token, Tags=tags)["ARN"]
    other = secrets.create_secret(Name=f"{name}-2", SecretString="secret")["ARN"]
    condition = {"StringEquals": {f"{key}/portcullis:auth-token": "yes"}}
    everywhere = f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:*"
    client = role(allow("secretsmanager:GetSecretValue", everywhere, **condition))("secretsmanager")
    assert json.loads(client.get_secret_value(SecretId=tagged)["SecretString"]) == {"authToken": "x" * 16}
    assert client.get_secret_value(SecretId=name)["ARN"] == tagged
    assert code_of(client.get_secret_value, SecretId=other) == "AccessDeniedException"


def test_scalable_targets_are_described(aws, role):
    """Targets that scale by themselves keep the id of the cache that they were registered for."""
    target = {
        "ServiceNamespace": "elasticache",
        "ResourceId": f"replication-group/g{uuid.uuid4().hex[:8]}",
        "ScalableDimension": "elasticache:replication-group:Replicas",
    }
    owner = aws("application-autoscaling")
    owner.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    client = role(allow("application-autoscaling:DescribeScalableTargets"))("application-autoscaling")
    asked = {"ServiceNamespace": "elasticache", "ResourceIds": [target["ResourceId"]]}
    (described,) = client.describe_scalable_targets(**asked)["ScalableTargets"]
    assert (described["MinCapacity"], described["MaxCapacity"]) == (1, 3)
    other = {**asked, "ResourceIds": ["replication-group/other"]}
    assert client.describe_scalable_targets(**other)["ScalableTargets"] == []
    assert code_of(client.deregister_scalable_target, **target) == "AccessDeniedException"
    owner.deregister_scalable_target(**target)
    assert client.describe_scalable_targets(**asked)["ScalableTargets"] == []
