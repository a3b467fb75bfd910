"""VPC block public access, on the emulated account."""

import pytest
from conftest import code_of


@pytest.fixture
def ec2(aws):
    client = aws("ec2")
    yield client
    client.modify_vpc_block_public_access_options(InternetGatewayBlockMode="off")


@pytest.fixture
def subnet(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]


def options(ec2):
    return ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]


def test_it_is_off_until_somebody_sets_it(aws):
    found = options(aws("ec2", region="eu-west-3"))
    assert (found["InternetGatewayBlockMode"], found["State"]) == ("off", "default-state")


def test_a_mode_is_kept_and_shown_with_whose_it_is(ec2):
    for mode in ("block-ingress", "block-bidirectional"):
        ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)
        found = options(ec2)
        assert (found["InternetGatewayBlockMode"], found["State"]) == (mode, "update-complete")
        assert (found["AwsAccountId"], found["AwsRegion"]) == ("111122223333", "eu-west-1")


def test_a_mode_that_aws_does_not_have_is_refused(ec2):
    modify = ec2.modify_vpc_block_public_access_options
    assert code_of(modify, InternetGatewayBlockMode="block-egress") == "InvalidParameterValue"
    assert options(ec2)["InternetGatewayBlockMode"] == "off"


def test_exclusions_name_what_they_exclude_and_come_in_pages(ec2, subnet):
    made = [
        ec2.create_vpc_block_public_access_exclusion(SubnetId=subnet, InternetGatewayExclusionMode=mode)
        for mode in ("allow-egress", "allow-bidirectional") * 3
    ]
    ids = [answer["VpcBlockPublicAccessExclusion"]["ExclusionId"] for answer in made]
    first = ec2.describe_vpc_block_public_access_exclusions(MaxResults=5)
    rest = ec2.describe_vpc_block_public_access_exclusions(MaxResults=5, NextToken=first["NextToken"])
    found = first["VpcBlockPublicAccessExclusions"] + rest["VpcBlockPublicAccessExclusions"]
    assert [exclusion["ExclusionId"] for exclusion in found] == ids
    assert {exclusion["ResourceArn"] for exclusion in found} == {f"arn:aws:ec2:eu-west-1:111122223333:subnet/{subnet}"}
    assert {exclusion["State"] for exclusion in found} == {"create-complete"}
    for exclusion_id in ids:
        ec2.delete_vpc_block_public_access_exclusion(ExclusionId=exclusion_id)
    assert ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"] == []


def test_an_exclusion_is_of_one_thing_that_is_there(ec2, subnet):
    create = ec2.create_vpc_block_public_access_exclusion
    mode = {"InternetGatewayExclusionMode": "allow-egress"}
    assert code_of(create, **mode) == "InvalidParameterCombination"
    assert code_of(create, VpcId="vpc-0c", SubnetId=subnet, **mode) == "InvalidParameterCombination"
    assert code_of(create, VpcId="vpc-0c", **mode) == "InvalidVpcID.NotFound"
    assert ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"] == []
