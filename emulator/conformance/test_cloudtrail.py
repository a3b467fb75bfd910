"""CloudTrail events on the default bus, in the shapes that AWS records."""

import json
import re
import uuid

import pytest
from conftest import code_of, ingress, new_group, tcp, wait_for

QUEUE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
    ],
}


@pytest.fixture(scope="module")
def bus(account):
    """Everything of EC2 and ElastiCache on the default bus, by way of a rule and a queue."""
    events, sqs = account.client("events"), account.client("sqs")
    url = sqs.create_queue(QueueName="trail", Attributes={"Policy": json.dumps(QUEUE_POLICY)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.ec2", "aws.elasticache"], "detail-type": ["AWS API Call via CloudTrail"]}
    events.put_rule(Name="trail", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="trail", Targets=[{"Id": "queue", "Arn": arn}])
    seen = []

    def event(name, matching=lambda detail: True):
        """The first event of this name that matches."""

        def look():
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                seen.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found = [item for item in seen if item["detail"]["eventName"] == name and matching(item["detail"])]
            return found[0] if found else None

        return wait_for(look)

    event.seen = seen
    return event


@pytest.fixture
def ec2(aws):
    return aws("ec2")


@pytest.fixture
def cache(aws):
    return aws("elasticache")


def about(group):
    return lambda detail: group in json.dumps(detail)


def test_the_envelope(bus, ec2, group):
    event = bus("CreateSecurityGroup", about(group))
    assert event["detail-type"] == "AWS API Call via CloudTrail" and event["source"] == "aws.ec2"
    assert (event["account"], event["region"], event["resources"]) == ("111122223333", "eu-west-1", [])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    detail = event["detail"]
    assert detail["eventSource"] == "ec2.amazonaws.com" and detail["awsRegion"] == "eu-west-1"
    assert detail["readOnly"] is False and detail["recipientAccountId"] == "111122223333"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", detail["eventTime"])
    assert uuid.UUID(detail["eventID"]) and detail["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in detail["userAgent"] and "errorCode" not in detail


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(ec2, vpc):
    return new_group(ec2, vpc)


def test_authorize_nested(bus, ec2, group):
    permission = {**tcp(6379, "10.1.2.3/0"), "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "all"}]}
    answer = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    detail = bus("AuthorizeSecurityGroupIngress", about(group))["detail"]
    assert detail["requestParameters"] == {
        "groupId": group,
        "ipPermissions": {
            "items": [
                {
                    "ipProtocol": "tcp",
                    "fromPort": 6379,
                    "toPort": 6379,
                    "groups": {},
                    "ipRanges": {"items": [{"cidrIp": "10.1.2.3/0"}]},  # as typed
                    "ipv6Ranges": {"items": [{"cidrIpv6": "::/0", "description": "all"}]},
                    "prefixListIds": {},
                }
            ]
        },
    }
    response = detail["responseElements"]
    assert response["_return"] is True and response["requestId"] == detail["requestID"]
    first, second = response["securityGroupRuleSet"]["items"]
    assert first == {
        "groupOwnerId": "111122223333",
        "groupId": group,
        "securityGroupRuleId": answer["SecurityGroupRules"][0]["SecurityGroupRuleId"],
        "securityGroupRuleArn": answer["SecurityGroupRules"][0]["SecurityGroupRuleArn"],
        "isEgress": False,
        "ipProtocol": "tcp",
        "fromPort": 6379,
        "toPort": 6379,
        "cidrIpv4": "0.0.0.0/0",  # as stored
    }
    assert (second["cidrIpv6"], second["description"]) == ("::/0", "all")


def test_authorize_all_traffic_has_no_ports_in_the_request(bus, ec2, group):
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    )
    detail = bus("AuthorizeSecurityGroupIngress", about(group))["detail"]
    (item,) = detail["requestParameters"]["ipPermissions"]["items"]
    assert "fromPort" not in item and item["ipProtocol"] == "-1"
    (rule,) = detail["responseElements"]["securityGroupRuleSet"]["items"]
    assert (rule["fromPort"], rule["toPort"]) == (-1, -1)


def test_authorize_flat(bus, ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    detail = bus("AuthorizeSecurityGroupIngress", about(group))["detail"]
    assert detail["requestParameters"] == {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": "0.0.0.0/0",
    }


def test_authorize_by_name_has_no_group_id_in_the_request(bus, ec2):
    name = f"named-{uuid.uuid4().hex[:6]}"
    made = ec2.create_security_group(GroupName=name, Description="d")["GroupId"]
    ec2.authorize_security_group_ingress(GroupName=name, IpPermissions=[tcp(22, "0.0.0.0/0")])
    detail = bus("AuthorizeSecurityGroupIngress", about(made))["detail"]
    assert detail["requestParameters"]["groupName"] == name and "groupId" not in detail["requestParameters"]
    assert detail["responseElements"]["securityGroupRuleSet"]["items"][0]["groupId"] == made


def test_authorize_a_group_as_source(bus, ec2, vpc, group):
    other = new_group(ec2, vpc)
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**tcp(22), "UserIdGroupPairs": [{"GroupId": other}]}]
    )
    detail = bus("AuthorizeSecurityGroupIngress", about(group))["detail"]
    (item,) = detail["requestParameters"]["ipPermissions"]["items"]
    assert item["groups"] == {"items": [{"groupId": other}]} and item["ipRanges"] == {}
    (rule,) = detail["responseElements"]["securityGroupRuleSet"]["items"]
    assert rule["referencedGroupInfo"] == {"userId": "111122223333", "groupId": other}


def test_a_failed_call_has_an_error_code_and_no_response(bus, ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, "0.0.0.0/0")])
    assert code_of(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[tcp(22, "0.0.0.0/0")])
    detail = bus("AuthorizeSecurityGroupIngress", lambda d: group in json.dumps(d) and "errorCode" in d)["detail"]
    assert detail["errorCode"] == "Client.InvalidPermission.Duplicate" and detail["errorMessage"]
    assert detail["responseElements"] is None and detail["requestParameters"]["groupId"] == group


def test_a_dry_run_is_a_failed_call(bus, ec2, group):
    call = {"GroupId": group, "IpPermissions": [tcp(22, "0.0.0.0/0")], "DryRun": True}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "DryRunOperation"
    detail = bus("AuthorizeSecurityGroupIngress", about(group))["detail"]
    assert detail["errorCode"] == "Client.DryRunOperation" and "dryRun" not in detail["requestParameters"]


def modify(ec2, group, rules):
    ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule} for rule_id, rule in rules],
    )


def test_modifying_one_rule_is_an_object(bus, ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(443, "10.0.0.0/8")])
    rule_id = ingress(ec2, group)[0]["SecurityGroupRuleId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"}
    modify(ec2, group, [(rule_id, rule)])
    detail = bus("ModifySecurityGroupRules", about(group))["detail"]
    assert detail["requestParameters"] == {
        "ModifySecurityGroupRulesRequest": {
            "GroupId": group,
            "SecurityGroupRule": {"SecurityGroupRuleId": rule_id, "tag": 1, "SecurityGroupRule": rule},
        }
    }
    response = detail["responseElements"]["ModifySecurityGroupRulesResponse"]
    assert response == {
        "xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/",
        "requestId": detail["requestID"],
        "return": True,
    }


def test_modifying_several_rules_is_an_array_and_types_are_guessed(bus, ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, "10.0.0.0/8"), tcp(23, "10.0.0.0/8")])
    first, second = [rule["SecurityGroupRuleId"] for rule in ingress(ec2, group)]
    modify(
        ec2,
        group,
        [
            (first, {"IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0", "Description": "443"}),
            (second, {"IpProtocol": "6", "FromPort": 23, "ToPort": 23, "CidrIpv6": "::/0"}),
        ],
    )
    detail = bus("ModifySecurityGroupRules", about(group))["detail"]
    changed = detail["requestParameters"]["ModifySecurityGroupRulesRequest"]["SecurityGroupRule"]
    assert [item["tag"] for item in changed] == [1, 2]
    assert changed[0]["SecurityGroupRule"]["IpProtocol"] == -1 and changed[0]["SecurityGroupRule"]["Description"] == 443
    assert changed[1]["SecurityGroupRule"] == {"IpProtocol": 6, "FromPort": 23, "ToPort": 23, "CidrIpv6": "::/0"}


def test_modifying_a_prefix_list(bus, ec2):
    prefix_list = ec2.create_managed_prefix_list(
        PrefixListName="p", AddressFamily="IPv4", MaxEntries=3, Entries=[{"Cidr": "192.0.2.0/24"}]
    )["PrefixList"]["PrefixListId"]
    ec2.modify_managed_prefix_list(
        PrefixListId=prefix_list, CurrentVersion=1, AddEntries=[{"Cidr": "0.0.0.0/0", "Description": "oops"}]
    )
    detail = bus("ModifyManagedPrefixList", about(prefix_list))["detail"]
    assert detail["requestParameters"]["ModifyManagedPrefixListRequest"] == {
        "PrefixListId": prefix_list,
        "CurrentVersion": 1,
        "AddEntry": {"Cidr": "0.0.0.0/0", "Description": "oops", "tag": 1},
    }
    changed = detail["responseElements"]["ModifyManagedPrefixListResponse"]["prefixList"]
    assert changed["prefixListId"] == prefix_list and changed["ownerId"] == 111122223333


def test_attaching_a_group_has_a_group_set(bus, ec2, group):
    """Inferred: as CreateNetworkInterface, and as parsers in the field read it."""
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[group])
    detail = bus("ModifyNetworkInterfaceAttribute")["detail"]
    expected = {"networkInterfaceId": interface, "groupSet": {"items": [{"groupId": group}]}}
    assert detail["requestParameters"] == expected
    assert detail["responseElements"]["_return"] is True


def test_create_cache_cluster(bus, cache):
    name = f"c{uuid.uuid4().hex[:8]}"
    cache.create_cache_cluster(
        CacheClusterId=name, Engine="memcached", NumCacheNodes=2, CacheNodeType="cache.t3.micro", Port=12000
    )
    event = bus("CreateCacheCluster", about(name))
    assert event["source"] == "aws.elasticache" and event["detail"]["eventSource"] == "elasticache.amazonaws.com"
    assert event["detail"]["requestParameters"] == {
        "cacheClusterId": name,
        "engine": "memcached",
        "numCacheNodes": 2,
        "cacheNodeType": "cache.t3.micro",
        "port": 12000,
    }
    response = event["detail"]["responseElements"]
    assert response["cacheClusterId"] == name and response["cacheClusterStatus"] == "creating"
    assert not {"port", "configurationEndpoint", "cacheNodes", "cacheCluster"} & set(response)
    assert response["pendingModifiedValues"] == {} and response["securityGroups"][0]["status"] == "active"


def test_create_replication_group_hides_the_auth_token(bus, cache):
    name = f"r{uuid.uuid4().hex[:8]}"
    cache.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="d",
        NumCacheClusters=1,
        TransitEncryptionEnabled=True,
        AuthToken="correct-horse-battery-staple",
    )
    detail = bus("CreateReplicationGroup", about(name))["detail"]
    assert detail["requestParameters"]["authToken"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert "correct-horse" not in json.dumps(detail) and "port" not in detail["requestParameters"]
    assert detail["responseElements"]["memberClusters"] == [f"{name}-001"]
    assert not {"port", "nodeGroups", "engine", "securityGroups"} & set(detail["responseElements"])


def test_create_serverless_cache(bus, cache):
    name = f"s{uuid.uuid4().hex[:8]}"
    cache.create_serverless_cache(ServerlessCacheName=name, Engine="valkey")
    detail = bus("CreateServerlessCache", about(name))["detail"]
    assert detail["requestParameters"] == {"serverlessCacheName": name, "engine": "valkey"}
    assert detail["responseElements"]["serverlessCache"]["serverlessCacheName"] == name


def test_callers_are_named(bus, account, aws, ec2):
    """The root user, an IAM user and a role session, and a denied call."""
    iam, name = aws("iam"), f"u{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = account.client("ec2", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    assert code_of(user.create_security_group, GroupName=name, Description="d") == "UnauthorizedOperation"
    detail = bus("CreateSecurityGroup", about(name))["detail"]
    assert detail["errorCode"] == "Client.UnauthorizedOperation" and detail["responseElements"] is None
    assert detail["userIdentity"]["type"] == "IAMUser" and detail["userIdentity"]["userName"] == name

    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName=name, Path="/teams/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow))
    session = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="jane@example.com")["Credentials"]
    caller = account.client(
        "ec2",
        access_key=session["AccessKeyId"],
        secret_key=session["SecretAccessKey"],
        session_token=session["SessionToken"],
    )
    made = caller.create_security_group(GroupName=f"{name}-2", Description="d")["GroupId"]
    identity = bus("CreateSecurityGroup", about(made))["detail"]["userIdentity"]
    assert identity["type"] == "AssumedRole" and identity["arn"].endswith(f":assumed-role/{name}/jane@example.com")
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert (issuer["arn"], issuer["userName"], issuer["type"]) == (role["Arn"], name, "Role")

    ec2.delete_security_group(GroupId=made)
    assert bus("DeleteSecurityGroup", about(made))["detail"]["userIdentity"]["type"] == "Root"


def test_reading_leaves_no_event(bus, ec2, group):
    ec2.describe_security_groups(GroupIds=[group])
    ec2.delete_security_group(GroupId=group)
    bus("DeleteSecurityGroup", about(group))
    assert not [item for item in bus.seen if item["detail"]["eventName"].startswith(("Describe", "Get", "List"))]


TEMPLATE = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: from a template
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 6379, ToPort: 6379, CidrIp: 0.0.0.0/0, Description: PURPOSE }
        - { IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8 }
  Cache:
    Type: AWS::ElastiCache::ReplicationGroup
    Properties:
      ReplicationGroupDescription: from a template
      ReplicationGroupId: NAME
      NumCacheClusters: 1
      CacheNodeType: cache.t3.micro
      Port: 7333
      SecurityGroupIds: [!GetAtt Group.GroupId]
Outputs:
  Group: { Value: !GetAtt Group.GroupId }
"""


def test_what_cloudformation_does_names_cloudformation(bus, aws, ec2):
    cloudformation, name = aws("cloudformation"), f"stack-{uuid.uuid4().hex[:8]}"

    def finished():
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    body = TEMPLATE.replace("NAME", name)
    cloudformation.create_stack(StackName=name, TemplateBody=body.replace("PURPOSE", "first"))
    stack = wait_for(finished, 20)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    group = stack["Outputs"][0]["OutputValue"]
    assert sorted(rule["CidrIpv4"] for rule in ingress(ec2, group)) == ["0.0.0.0/0", "10.0.0.0/8"]
    for event in ("AuthorizeSecurityGroupIngress", "CreateReplicationGroup"):
        detail = bus(event, about(group))["detail"]
        assert detail["userIdentity"]["invokedBy"] == detail["sourceIPAddress"] == "cloudformation.amazonaws.com"
        assert "accessKeyId" not in detail["userIdentity"] and "errorCode" not in detail

    cloudformation.update_stack(StackName=name, TemplateBody=body.replace("0.0.0.0/0", "192.0.2.0/24"))
    assert wait_for(finished, 20)["StackStatus"] == "UPDATE_COMPLETE"
    assert sorted(rule["CidrIpv4"] for rule in ingress(ec2, group)) == ["10.0.0.0/8", "192.0.2.0/24"]
    assert (
        len([1 for item in bus.seen if item["detail"]["eventName"] == "CreateReplicationGroup" and group in str(item)])
        == 1
    )


def test_what_a_state_machine_does_names_step_functions(bus, aws):
    name = f"m{uuid.uuid4().hex[:8]}"
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:elasticache:createCacheCluster",
        "Parameters": {
            "CacheClusterId": name,
            "Engine": "redis",
            "NumCacheNodes": 1,
            "CacheNodeType": "cache.t3.micro",
        },
        "End": True,
    }
    machine = aws("stepfunctions").create_state_machine(
        name=name, roleArn=role, definition=json.dumps({"StartAt": "Create", "States": {"Create": task}})
    )["stateMachineArn"]
    aws("stepfunctions").start_execution(stateMachineArn=machine, name="once")
    detail = bus("CreateCacheCluster", about(name))["detail"]
    assert detail["userIdentity"]["invokedBy"] == "states.amazonaws.com"
    assert detail["responseElements"]["cacheClusterId"] == name
