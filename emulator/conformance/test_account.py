"""Starting, stopping and seeding the account itself."""

import json
import os
import pathlib
import subprocess
import sys
import uuid

import pytest
from account.process import PACKAGE_PARENT, EmulatedAccount
from conftest import code_of, ingress
from test_lambda import code

CORPUS = PACKAGE_PARENT.parent / "events"
GROUP = {
    "GroupId": "sg-0d0d0d0d0d0d0d0d1",
    "GroupName": "redis",
    "Description": "caches",
    "OwnerId": "111122223333",
    "VpcId": "vpc-0d0d0d0d0d0d0d0d1",
    "Tags": [{"Key": "team", "Value": "data"}],
    "SecurityGroupRules": [
        {
            "SecurityGroupRuleId": "sgr-0d0d0d0d0d0d0d0d1",
            "IsEgress": False,
            "IpProtocol": "tcp",
            "FromPort": 6379,
            "ToPort": 6379,
            "CidrIpv4": "0.0.0.0/0",
            "Description": "temporary",
            "Tags": [{"Key": "k", "Value": "v"}],
        },
        {
            "SecurityGroupRuleId": "sgr-0d0d0d0d0d0d0d0d2",
            "IsEgress": False,
            "IpProtocol": "-1",
            "FromPort": -1,
            "ToPort": -1,
            "ReferencedGroupInfo": {"GroupId": "sg-0d0d0d0d0d0d0d0d1", "UserId": "111122223333"},
        },
        {
            "SecurityGroupRuleId": "sgr-0d0d0d0d0d0d0d0d3",
            "IsEgress": False,
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "PrefixListId": "pl-0d0d0d0d0d0d0d0d1",
        },
    ],
}


def run(*options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "account", *options],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT), **environment},
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_only_loopback_addresses(host):
    refused = run("--port", "0", "--host", host)
    assert refused.returncode != 0 and "not a loopback address" in refused.stderr
    assert run("--port", "0", BIND_HOST=host).returncode != 0


def test_a_taken_port_and_an_empty_seed_directory_are_told(account, tmp_path):
    taken = run("--port", account.endpoint.rsplit(":", 1)[1])
    assert taken.returncode != 0 and "emulated account: " in taken.stderr.splitlines()[-1]
    empty = run("--port", "0", "--seed", str(tmp_path))
    assert empty.returncode != 0 and "has no *.facts.json" in empty.stderr.splitlines()[-1]


def test_only_the_pinned_version(tmp_path):
    """Another version is refused before any of it runs."""
    info = tmp_path / "ministack-9.9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
    refused = run("--port", "0", PYTHONPATH=f"{tmp_path}{os.pathsep}{PACKAGE_PARENT}")
    assert refused.returncode != 0 and "9.9.9 is installed" in refused.stderr


def test_a_missing_private_function_is_named():
    script = "from ministack.services import ec2; del ec2._glob_match\nfrom account import ec2 as ours; ours.install()"
    refused = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)},
    )
    assert refused.returncode != 0 and "ministack.services.ec2 has no _glob_match" in refused.stderr


def test_stopping_leaves_nothing_behind(tmp_path):
    with EmulatedAccount("--account-id", "444455556666", "--region", "us-east-1", state_dir=tmp_path) as other:
        identity = other.client("sts", region="us-east-1").get_caller_identity()
        assert identity["Account"] == "444455556666"
        process = other._process
    assert process.returncode == 0, (tmp_path / "account.log").read_text()
    assert not (tmp_path / "endpoint").exists()
    assert not [file for file in pathlib.Path("/tmp").glob("ministack-*.pid")]


def test_a_role_is_limited_by_the_tags_of_a_group(account, aws):
    """aws:ResourceTag in a policy is the tag of the security group that the call names."""
    iam, name = aws("iam"), f"u{uuid.uuid4().hex[:8]}"
    group = aws("ec2").create_security_group(GroupName=name, Description="d")["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    aws("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    condition = {"StringEquals": {"aws:ResourceTag/guarded": "yes"}}
    allow = {"Effect": "Allow", "Action": "ec2:RevokeSecurityGroupIngress", "Resource": "*", "Condition": condition}
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = account.client("ec2", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    call = {"GroupId": group, "IpPermissions": [permission]}
    assert code_of(user.revoke_security_group_ingress, **call) == "UnauthorizedOperation"
    assert len(ingress(aws("ec2"), group)) == 1
    aws("ec2").create_tags(Resources=[group], Tags=[{"Key": "guarded", "Value": "yes"}])
    user.revoke_security_group_ingress(**call)
    assert ingress(aws("ec2"), group) == []


def test_stopping_ends_the_functions_too(tmp_path):
    """On SIGTERM alone, without killing the process group."""
    with EmulatedAccount(state_dir=tmp_path) as other:
        other.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        other.client("lambda").create_function(
            FunctionName="f",
            Runtime="provided.al2023",
            Handler="bootstrap",
            Code={"ZipFile": code()},
            Role="arn:aws:iam::111122223333:role/r",
        )
        answer = other.client("lambda").invoke(FunctionName="f", Payload=b"{}")
        bootstrap = json.load(answer["Payload"])["SHOWN_PID"]
        os.kill(bootstrap, 0)
        other._process.terminate()
        other._process.wait(10)
        with pytest.raises(ProcessLookupError):
            os.kill(bootstrap, 0)


def test_seeded_rules_keep_their_ids_and_texts(account, aws):
    account.seed({"SecurityGroups": [GROUP]})
    rules = {rule["SecurityGroupRuleId"]: rule for rule in ingress(aws("ec2"), GROUP["GroupId"])}
    for expected in GROUP["SecurityGroupRules"]:
        actual = rules[expected["SecurityGroupRuleId"]]
        assert {key: actual[key] for key in expected} == expected
    described = aws("ec2").describe_security_groups(GroupIds=[GROUP["GroupId"]])["SecurityGroups"][0]
    assert described["Tags"] == GROUP["Tags"] and described["OwnerId"] == "111122223333"
    assert not aws("ec2").describe_vpcs(VpcIds=[GROUP["VpcId"]])["Vpcs"][0]["IsDefault"]


def test_seeding_again_replaces(account, aws):
    account.seed({"SecurityGroups": [GROUP]})
    account.seed({"SecurityGroups": [{**GROUP, "SecurityGroupRules": GROUP["SecurityGroupRules"][:1]}]})
    assert [rule["CidrIpv4"] for rule in ingress(aws("ec2"), GROUP["GroupId"])] == ["0.0.0.0/0"]


def test_seeded_rules_can_be_revoked(account, aws):
    account.seed({"SecurityGroups": [GROUP]})
    aws("ec2").revoke_security_group_ingress(GroupId=GROUP["GroupId"], SecurityGroupRuleIds=["sgr-0d0d0d0d0d0d0d0d1"])
    assert "sgr-0d0d0d0d0d0d0d0d1" not in [
        rule["SecurityGroupRuleId"] for rule in ingress(aws("ec2"), GROUP["GroupId"])
    ]


def test_the_blocks_of_a_seeded_vpc_have_ids_and_can_be_disassociated(account, aws):
    state = {"CidrBlockState": {"State": "associated"}}
    blocks = [{"CidrBlock": block, **state} for block in ("10.0.0.0/16", "52.95.64.0/20")]
    vpc = {"VpcId": "vpc-0d0d0d0d0d0d0d0d2", "CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": blocks}
    account.seed({"Vpcs": [vpc]})

    def shown():
        return aws("ec2").describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"][0]["CidrBlockAssociationSet"]

    first, second = shown()
    assert first["AssociationId"] != second["AssociationId"]
    aws("ec2").disassociate_vpc_cidr_block(AssociationId=second["AssociationId"])
    assert shown() == [first]


def test_another_accounts_group_is_seen_but_not_changed(account, aws):
    foreign = {**GROUP, "GroupId": "sg-0e0e0e0e0e0e0e0e1", "OwnerId": "444455556666"}
    account.seed({"SecurityGroups": [foreign]})
    rules = ingress(aws("ec2"), foreign["GroupId"])
    assert {rule["GroupOwnerId"] for rule in rules} == {"444455556666"}
    call = {"GroupId": foreign["GroupId"], "SecurityGroupRuleIds": [rules[0]["SecurityGroupRuleId"]]}
    assert code_of(aws("ec2").revoke_security_group_ingress, **call) == "UnauthorizedOperation"


def test_unknown_keys_are_reported(account):
    assert account.seed({"SecurityGroup": []}) == {"seeded": {}, "ignored": ["SecurityGroup"]}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no event corpus beside this directory")
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.facts.json")), ids=lambda path: path.name.split(".")[0])
def test_the_event_corpus_reads_back_as_written(account, aws, path):
    """Every member of every fact is what the Describe actions then answer."""
    document = json.loads(path.read_text())
    # What the ledger has is of no service of AWS.
    assert set(account.seed(document)["ignored"]) <= {"Ledger"}
    for expected in document.get("SecurityGroups", []):
        described = aws("ec2").describe_security_groups(GroupIds=[expected["GroupId"]])["SecurityGroups"][0]
        described["SecurityGroupRules"] = all_rules(aws("ec2"), expected["GroupId"])
        assert_contains(described, expected)
    for expected in document.get("NetworkInterfaces", []):
        call = {"NetworkInterfaceIds": [expected["NetworkInterfaceId"]]}
        assert_contains(aws("ec2").describe_network_interfaces(**call)["NetworkInterfaces"][0], expected)
    cache = aws("elasticache")
    for expected in document.get("CacheClusters", []):
        call = {"CacheClusterId": expected["CacheClusterId"], "ShowCacheNodeInfo": True}
        assert_contains(cache.describe_cache_clusters(**call)["CacheClusters"][0], expected)
    for expected in document.get("ReplicationGroups", []):
        call = {"ReplicationGroupId": expected["ReplicationGroupId"]}
        assert_contains(cache.describe_replication_groups(**call)["ReplicationGroups"][0], expected)
    for expected in document.get("ServerlessCaches", []):
        call = {"ServerlessCacheName": expected["ServerlessCacheName"]}
        assert_contains(cache.describe_serverless_caches(**call)["ServerlessCaches"][0], expected)


def all_rules(ec2, group):
    answer = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return answer["SecurityGroupRules"]


def assert_contains(actual, expected):
    """Every member that was written is there, at any depth; an empty list may be absent."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            if value not in ([], None, {}):
                assert key in actual, f"{key} is missing"
            if key in actual:
                assert_contains(actual[key], value)
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_contains(one, other)
    else:
        assert str(actual) == str(expected)
