"""EC2 managed prefix lists and network interfaces, on the emulated account."""

import uuid

import pytest
from conftest import code_of


@pytest.fixture
def ec2(aws):
    return aws("ec2")


@pytest.fixture
def prefix_list(ec2):
    return ec2.create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=5, Entries=[{"Cidr": "192.0.2.0/24"}]
    )["PrefixList"]["PrefixListId"]


def entries(ec2, prefix_list, **options):
    answer = ec2.get_managed_prefix_list_entries(PrefixListId=prefix_list, **options)
    return [entry["Cidr"] for entry in answer["Entries"]]


def test_entries_are_added_and_removed(ec2, prefix_list):
    ec2.modify_managed_prefix_list(
        PrefixListId=prefix_list,
        CurrentVersion=1,
        AddEntries=[{"Cidr": "198.51.100.7/24"}],
        RemoveEntries=[{"Cidr": "192.0.2.0/24"}],
    )
    assert entries(ec2, prefix_list) == ["198.51.100.0/24"]
    (described,) = ec2.describe_managed_prefix_lists(PrefixListIds=[prefix_list])["PrefixLists"]
    assert described["Version"] == 2


def test_a_stale_version_changes_nothing(ec2, prefix_list):
    call = {"PrefixListId": prefix_list, "CurrentVersion": 7, "AddEntries": [{"Cidr": "198.51.100.0/24"}]}
    assert code_of(ec2.modify_managed_prefix_list, **call) == "PrefixListVersionMismatch"
    assert entries(ec2, prefix_list) == ["192.0.2.0/24"]


def test_an_earlier_version_can_be_restored(ec2, prefix_list):
    ec2.modify_managed_prefix_list(PrefixListId=prefix_list, CurrentVersion=1, AddEntries=[{"Cidr": "0.0.0.0/0"}])
    ec2.restore_managed_prefix_list_version(PrefixListId=prefix_list, PreviousVersion=1, CurrentVersion=2)
    assert entries(ec2, prefix_list) == ["192.0.2.0/24"]


def test_entries_come_in_pages(account, ec2):
    many = [{"Cidr": f"10.0.{n}.0/24"} for n in range(120)]
    account.seed({"PrefixLists": [{"PrefixListId": "pl-0aaaaaaaaaaaaaaa1", "PrefixListName": "many", "Entries": many}]})
    pages = ec2.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId="pl-0aaaaaaaaaaaaaaa1")
    assert [len(page["Entries"]) for page in pages] == [100, 20]


def test_aws_has_lists_of_its_own(ec2):
    filters = [{"Name": "owner-id", "Values": ["AWS"]}]
    lists = ec2.describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    (cloudfront,) = [
        item for item in lists if item["PrefixListName"] == "com.amazonaws.global.cloudfront.origin-facing"
    ]
    assert cloudfront["OwnerId"] == "AWS"
    assert entries(ec2, cloudfront["PrefixListId"])
    call = {"PrefixListId": cloudfront["PrefixListId"], "AddEntries": [{"Cidr": "0.0.0.0/0"}]}
    assert code_of(ec2.modify_managed_prefix_list, **call) == "UnsupportedOperation"


def test_a_list_that_is_no_longer_shared_cannot_be_read(account, ec2):
    account.seed({"PrefixLists": [{"PrefixListId": "pl-0bbbbbbbbbbbbbbb1", "Unreadable": "UnauthorizedOperation"}]})
    call = {"PrefixListId": "pl-0bbbbbbbbbbbbbbb1"}
    assert code_of(ec2.get_managed_prefix_list_entries, **call) == "UnauthorizedOperation"


def test_associations_name_the_groups(ec2, prefix_list):
    vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=uuid.uuid4().hex, Description="d", VpcId=vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": prefix_list}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    answer = ec2.get_managed_prefix_list_associations(PrefixListId=prefix_list)
    assert [item["ResourceId"] for item in answer["PrefixListAssociations"]] == [group]


def test_interfaces_show_what_makes_them_reachable(account, ec2):
    account.seed(
        {
            "SecurityGroups": [
                {"GroupId": "sg-0c0c0c0c0c0c0c0c1", "GroupName": "seen", "VpcId": "vpc-0c0c0c0c0c0c0c0c1"}
            ],
            "NetworkInterfaces": [
                {
                    "NetworkInterfaceId": "eni-0c0c0c0c0c0c0c0c1",
                    "Groups": [{"GroupId": "sg-0c0c0c0c0c0c0c0c1"}],
                    "InterfaceType": "interface",
                    "RequesterManaged": False,
                    "Description": "web",
                    "PrivateIpAddress": "10.0.0.5",
                    "Association": {"PublicIp": "203.0.113.9"},
                    "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}],
                }
            ],
        }
    )
    filters = [{"Name": "group-id", "Values": ["sg-0c0c0c0c0c0c0c0c1"]}]
    (interface,) = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert interface["Association"]["PublicIp"] == "203.0.113.9"
    assert [item["Ipv6Address"] for item in interface["Ipv6Addresses"]] == ["2001:db8::5"]
    assert (interface["PrivateIpAddress"], interface["RequesterManaged"]) == ("10.0.0.5", False)
    assert interface["Groups"] == [{"GroupId": "sg-0c0c0c0c0c0c0c0c1", "GroupName": "seen"}]


def test_interfaces_come_in_pages(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.31.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.31.1.0/24")["Subnet"]["SubnetId"]
    for _ in range(7):
        ec2.create_network_interface(SubnetId=subnet)
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=[{"Name": "subnet-id", "Values": [subnet]}], PaginationConfig={"PageSize": 5}
    )
    assert [len(page["NetworkInterfaces"]) for page in pages] == [5, 2]


def test_an_unknown_filter_is_an_error(ec2):
    call = {"Filters": [{"Name": "group-identifier", "Values": ["x"]}]}
    assert code_of(ec2.describe_network_interfaces, **call) == "InvalidParameterValue"
