"""KMS, DynamoDB and Secrets Manager as approvals rely on them: made by a template, held to exact resources by IAM."""

import concurrent.futures
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION, allow, code_of, outputs

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
          - &owner
            Effect: Allow
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
  Signer: &role
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]
  Checker: *role
  Links:
    Type: AWS::KMS::Key
    Properties:
      KeySpec: HMAC_256
      KeyUsage: GENERATE_VERIFY_MAC
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - *owner
          - Effect: Deny
            Principal: {AWS: "*"}
            Action: kms:GenerateMac
            Resource: "*"
            Condition: {ArnNotEquals: {"aws:PrincipalArn": !GetAtt Signer.Arn}}
          - Effect: Deny
            Principal: {AWS: "*"}
            Action: kms:VerifyMac
            Resource: "*"
            Condition: {ArnNotEquals: {"aws:PrincipalArn": !GetAtt Checker.Arn}}
  Use:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: use
      Roles: [!Ref Signer, !Ref Checker]
      PolicyDocument:
        Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]
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
  Ledger:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub "${AWS::StackName}-ledger"
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: subject, KeyType: HASH}, {AttributeName: finding, KeyType: RANGE}]
      AttributeDefinitions:
        [{AttributeName: subject, AttributeType: S}, {AttributeName: finding, AttributeType: S}]
Outputs:
  Key: {Value: !GetAtt Key.Arn}
  Closed: {Value: !GetAtt Closed.Arn}
  Links: {Value: !GetAtt Links.Arn}
  Signer: {Value: !GetAtt Signer.Arn}
  Checker: {Value: !GetAtt Checker.Arn}
  Table: {Value: !Ref Table}
  TableArn: {Value: !GetAtt Table.Arn}
  Ledger: {Value: !Ref Ledger}
  LedgerArn: {Value: !GetAtt Ledger.Arn}
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


def test_what_a_key_policy_denies_no_policy_of_the_account_gives(aws, role, made):
    """Not to a role with every right, not to one of a like name, and not to the root user."""

    def session(arn):
        keys = aws("sts").assume_role(RoleArn=arn, RoleSessionName="links")["Credentials"]
        return aws("kms", REGION, *(keys[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")))

    given = {"KeyId": made["Links"], "Message": b"link", **ALGORITHM}
    signer, checker = session(made["Signer"]), session(made["Checker"])
    mac = signer.generate_mac(**given)["Mac"]
    assert checker.verify_mac(Mac=mac, **given)["MacValid"] is True
    everything = role(allow("*"))("kms")
    for client in (checker, everything, aws("kms")):
        assert code_of(client.generate_mac, **given) == "AccessDeniedException"
    for client in (signer, everything, aws("kms")):
        assert code_of(client.verify_mac, Mac=mac, **given) == "AccessDeniedException"
    # Who may change the policy is another matter: the account still manages its key.
    owner = aws("kms")
    policy = json.loads(owner.get_key_policy(KeyId=made["Links"])["Policy"])
    policy["Statement"] = policy["Statement"][:1]
    owner.put_key_policy(KeyId=made["Links"], Policy=json.dumps(policy))
    assert everything.generate_mac(**given)["Mac"] == owner.generate_mac(**given)["Mac"] == mac


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


def entry(subject, finding, version, **more):
    item = {"subject": {"S": subject}, "finding": {"S": finding}, "version": {"N": str(version)}}
    return {**item, **{name: {"S": value} for name, value in more.items()}}


def asked(subject):
    return {
        "KeyConditionExpression": "#subject = :subject",
        "ExpressionAttributeNames": {"#subject": "subject"},
        "ExpressionAttributeValues": {":subject": {"S": subject}},
        "ConsistentRead": True,
    }


def test_a_query_gives_what_is_under_a_subject_by_page(aws, made):
    client, table = aws("dynamodb"), made["Ledger"]
    for subject, finding in (("sg-1", "b"), ("sg-2", "a"), ("sg-1", "a"), ("sg-1", "c")):
        client.put_item(TableName=table, Item=entry(subject, finding, 1))
    pages = client.get_paginator("query").paginate(TableName=table, **asked("sg-1"), PaginationConfig={"PageSize": 2})
    assert [[item["finding"]["S"] for item in page["Items"]] for page in pages] == [["a", "b"], ["c"]]
    assert client.query(TableName=table, **asked("sg-3"))["Items"] == []


def test_an_older_version_has_lost_and_is_told_what_is_there(aws, made):
    client, table = aws("dynamodb"), made["Ledger"]
    told = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD", "ExpressionAttributeNames": {"#version": "version"}}
    new = {"ConditionExpression": "attribute_not_exists(#version)", **told}
    following = {
        "ConditionExpression": "#version = :before",
        "ExpressionAttributeValues": {":before": {"N": "1"}},
        **told,
    }
    client.put_item(TableName=table, Item=entry("sg-1", "a", 1), **new)
    client.put_item(TableName=table, Item=entry("sg-1", "a", 2, by="theirs"), **following)
    for late in (following, new):
        with pytest.raises(ClientError) as lost:
            client.put_item(TableName=table, Item=entry("sg-1", "a", 2, by="mine"), **late)
        assert lost.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
        assert lost.value.response["Item"] == entry("sg-1", "a", 2, by="theirs")
    assert client.query(TableName=table, **asked("sg-1"))["Items"] == [entry("sg-1", "a", 2, by="theirs")]
    refused = code_of(client.put_item, TableName=table, Item=entry("sg-1", "b", 2), **following)
    assert refused == "ConditionalCheckFailedException", "what is gone was not the one that was read"


def test_of_many_who_write_the_first_version_at_once_one_wins(aws, made):
    client, condition = aws("dynamodb"), {"ConditionExpression": "attribute_not_exists(version)"}

    def write(number):
        item = entry("sg-1", "a", 1, by=str(number))
        try:
            client.put_item(TableName=made["Ledger"], Item=item, **condition)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return item

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(16)))
    (won,) = [answer for answer in answers if isinstance(answer, dict)]
    assert answers.count("ConditionalCheckFailedException") == 15
    assert client.query(TableName=made["Ledger"], **asked("sg-1"))["Items"] == [won]


def test_counts_are_added_by_all_at_once_and_each_is_told_its_sum(aws, made):
    client, key = aws("dynamodb"), {"subject": {"S": "minute"}, "finding": {"S": "2026-11-21T16:40"}}

    def count(_):
        answer = client.update_item(
            TableName=made["Ledger"],
            Key=key,
            UpdateExpression="ADD #actions :actions, #alerts :alerts SET #expires = :expires",
            ExpressionAttributeNames={"#actions": "actions", "#alerts": "alerts", "#expires": "expires"},
            ExpressionAttributeValues={":actions": {"N": "2"}, ":alerts": {"N": "1"}, ":expires": {"N": "7"}},
            ReturnValues="UPDATED_NEW",
        )["Attributes"]
        return int(answer["actions"]["N"]), int(answer["alerts"]["N"])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sums = sorted(pool.map(count, range(16)))
    assert sums == [(2 * number, number) for number in range(1, 17)]
    item = client.get_item(TableName=made["Ledger"], Key=key)["Item"]
    assert item == {**key, "actions": {"N": "32"}, "alerts": {"N": "16"}, "expires": {"N": "7"}}


def test_who_reads_may_not_write_and_a_scan_is_another_right(aws, role, made):
    table, item = made["Ledger"], entry("sg-1", "a", 1)
    writer = role(allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], made["LedgerArn"]))("dynamodb")
    reader = role(allow("dynamodb:Query", made["LedgerArn"]))("dynamodb")
    getter = role(allow("dynamodb:BatchGetItem", made["LedgerArn"]))("dynamodb")
    writer.put_item(TableName=table, Item=item)
    key = {name: item[name] for name in ("subject", "finding")}
    change = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    writer.update_item(TableName=table, Key=key, **change)
    (found,) = reader.query(TableName=table, **asked("sg-1"))["Items"]
    assert found == {**item, "n": {"N": "1"}}
    batch = {"RequestItems": {table: {"Keys": [key], "ConsistentRead": True}}}
    assert getter.batch_get_item(**batch)["Responses"][table] == [found]
    assert code_of(reader.batch_get_item, **batch) == "AccessDeniedException"
    assert code_of(getter.query, TableName=table, **asked("sg-1")) == "AccessDeniedException"
    assert code_of(reader.put_item, TableName=table, Item=item) == "AccessDeniedException"
    assert code_of(reader.update_item, TableName=table, Key=key, **change) == "AccessDeniedException"
    assert code_of(reader.scan, TableName=table) == "AccessDeniedException"
    assert code_of(writer.query, TableName=table, **asked("sg-1")) == "AccessDeniedException"
    assert code_of(reader.query, TableName=made["Table"], **asked("sg-1")) == "AccessDeniedException"


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
