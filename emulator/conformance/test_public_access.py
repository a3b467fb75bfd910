"""VPC block public access, and the address space of VPCs, on the emulated account."""

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


def blocks(ec2, vpc):
    [shown] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    v4 = [(block["CidrBlock"], block["CidrBlockState"]["State"]) for block in shown["CidrBlockAssociationSet"]]
    v6 = shown.get("Ipv6CidrBlockAssociationSet", [])
    return v4, [(block["Ipv6CidrBlock"], block["Ipv6CidrBlockState"]["State"]) for block in v6]


def test_a_vpc_shows_the_blocks_of_both_families_that_it_was_given(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    assert blocks(ec2, vpc) == ([("10.9.0.0/16", "associated")], [])
    more = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="52.95.64.0/20")["CidrBlockAssociation"]
    given = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    v4, v6 = blocks(ec2, vpc)
    assert v4 == [("10.9.0.0/16", "associated"), ("52.95.64.0/20", "associated")]
    assert v6 == [(given["Ipv6CidrBlock"], "associated")] and given["Ipv6CidrBlock"].endswith("/56")
    for block in (more, given):
        ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])
    assert blocks(ec2, vpc) == ([("10.9.0.0/16", "associated")], [])
    assert code_of(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="52.0.0.0/8") == "InvalidVpc.Range"
    assert code_of(ec2.describe_vpcs, VpcIds=[vpc, "vpc-0c"]) == "InvalidVpcID.NotFound"


def test_a_group_is_associated_with_vpcs_beside_its_own(ec2):
    own, other = (ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    group = ec2.create_security_group(GroupName="shared", Description="d", VpcId=own)["GroupId"]

    def associated():
        found = ec2.describe_security_group_vpc_associations(Filters=[{"Name": "group-id", "Values": [group]}])
        return [(one["VpcId"], one["State"]) for one in found["SecurityGroupVpcAssociations"]]

    assert associated() == []
    ec2.associate_security_group_vpc(GroupId=group, VpcId=other)
    assert associated() == [(other, "associated")]
    assert code_of(ec2.associate_security_group_vpc, GroupId=group, VpcId=own) == "InvalidParameterValue"
    ec2.disassociate_security_group_vpc(GroupId=group, VpcId=other)
    assert associated() == []
