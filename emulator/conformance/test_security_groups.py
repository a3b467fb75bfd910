"""EC2 security groups as AWS documents them, on the emulated account and on moto.

Each test names a behaviour and looks at what is left behind. Where moto differs, the
test says how; such a test must fail on moto, so that we learn when it no longer does.
"""

import pytest
from conftest import code_of, ingress, new_group, sources, tcp


def authorize(ec2, group, *permissions):
    return ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))


def default_vpc(ec2):
    return ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]


# Authorize ----------------------------------------------------------------------


def test_every_source_becomes_a_rule_with_its_own_id(ec2, group):
    answer = authorize(ec2, group, tcp(6379, "0.0.0.0/0", "10.0.0.0/8", "::/0"))["SecurityGroupRules"]
    assert len({rule["SecurityGroupRuleId"] for rule in answer}) == 3
    assert {rule["SecurityGroupRuleId"] for rule in ingress(ec2, group)} == {r["SecurityGroupRuleId"] for r in answer}


def test_all_source_kinds_are_stored(ec2, vpc, group):
    other = new_group(ec2, vpc)
    prefix_list = ec2.create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=5, Entries=[{"Cidr": "192.0.2.0/24"}]
    )["PrefixList"]["PrefixListId"]
    permission = tcp(6379, "10.0.0.0/8", "2001:db8::/32")
    permission["PrefixListIds"] = [{"PrefixListId": prefix_list}]
    permission["UserIdGroupPairs"] = [{"GroupId": other}]
    authorize(ec2, group, permission)
    stored = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert len(stored) == 1, "one permission for the same protocol and ports"
    assert [item["CidrIp"] for item in stored[0]["IpRanges"]] == ["10.0.0.0/8"]
    assert [item["CidrIpv6"] for item in stored[0]["Ipv6Ranges"]] == ["2001:db8::/32"]
    assert [item["PrefixListId"] for item in stored[0]["PrefixListIds"]] == [prefix_list]
    assert [item["GroupId"] for item in stored[0]["UserIdGroupPairs"]] == [other]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("100.68.0.18/18", "100.68.0.0/18"),
        ("10.1.2.3/0", "0.0.0.0/0"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("0::0/0", "::/0"),
    ],
)
def test_cidrs_are_stored_in_canonical_form(ec2, group, differs, typed, stored):
    differs(moto="stores the CIDR as typed")
    authorize(ec2, group, tcp(6379, typed))
    assert sources(ec2, group) == [stored]


def test_duplicates_are_refused_on_the_canonical_form(ec2, group, differs):
    differs(moto="compares the CIDRs as typed")
    authorize(ec2, group, tcp(6379, "0.0.0.0/0"))
    duplicate = {"GroupId": group, "IpPermissions": [tcp(6379, "10.1.2.3/0")]}
    assert code_of(ec2.authorize_security_group_ingress, **duplicate) == "InvalidPermission.Duplicate"
    assert sources(ec2, group) == ["0.0.0.0/0"]


def test_a_duplicate_refuses_the_whole_call(ec2, group, differs):
    differs(moto="adds the sources before the duplicate")
    authorize(ec2, group, tcp(6379, "10.0.0.0/8"))
    call = {"GroupId": group, "IpPermissions": [tcp(6379, "192.0.2.0/24", "10.0.0.0/8")]}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidPermission.Duplicate"
    assert sources(ec2, group) == ["10.0.0.0/8"]


def test_the_flat_form_makes_the_same_rule(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="192.0.2.0/24")
    (rule,) = ingress(ec2, group)
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 22, 22)
    assert rule["CidrIpv4"] == "192.0.2.0/24"


def test_all_traffic_reads_ports_minus_one(ec2, group):
    authorize(ec2, group, {"IpProtocol": "-1", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]})
    (rule,) = ingress(ec2, group)
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("-1", -1, -1)
    (permission,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert "FromPort" not in permission


@pytest.mark.parametrize(("number", "name"), [("6", "tcp"), ("17", "udp"), ("1", "icmp"), ("58", "icmpv6")])
def test_protocol_numbers_become_names(ec2, group, differs, number, name):
    if number == "58":
        differs(moto="does not know that 58 is icmpv6")
    source = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]} if name == "icmpv6" else {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    authorize(ec2, group, {"IpProtocol": number, "FromPort": 8, "ToPort": 8, **source})
    assert [rule["IpProtocol"] for rule in ingress(ec2, group)] == [name]


def test_tcp_needs_ports(ec2, group, differs):
    differs(moto="answers 500")
    call = {"GroupId": group, "IpPermissions": [{"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidParameterValue"
    assert ingress(ec2, group) == []


def test_malformed_cidrs_are_refused(ec2, group):
    call = {"GroupId": group, "IpPermissions": [tcp(22, "10.0.0.0/33")]}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidParameterValue"
    assert ingress(ec2, group) == []


def test_unknown_groups_and_lists_are_refused(ec2, group, differs):
    differs(moto="takes a prefix list that does not exist")
    permission = {**tcp(22), "PrefixListIds": [{"PrefixListId": "pl-0123456789abcdef1"}]}
    call = {"GroupId": group, "IpPermissions": [permission]}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidPrefixListID.NotFound"
    missing = {"GroupId": "sg-0fedcba9876543210", "IpPermissions": [tcp(22, "10.0.0.0/8")]}
    assert code_of(ec2.authorize_security_group_ingress, **missing) == "InvalidGroup.NotFound"


def test_sixty_rules_a_family(ec2, group, differs):
    differs(moto="counts IPv4 and IPv6 rules together")
    authorize(ec2, group, *[tcp(6379, f"10.{n}.0.0/16") for n in range(60)])
    call = {"GroupId": group, "IpPermissions": [tcp(6379, "10.200.0.0/16")]}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "RulesPerSecurityGroupLimitExceeded"
    authorize(ec2, group, tcp(6379, "2001:db8::/32"))
    assert len(ingress(ec2, group)) == 61


def test_rules_keep_their_descriptions(ec2, group):
    authorize(ec2, group, {**tcp(22), "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "office & home"}]})
    assert [rule.get("Description") for rule in ingress(ec2, group)] == ["office & home"]


def test_rules_have_tags(ec2, group):
    tags = [{"Key": "exposure", "Value": "web"}]
    specification = [{"ResourceType": "security-group-rule", "Tags": tags}]
    answer = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[tcp(443, "0.0.0.0/0")], TagSpecifications=specification
    )
    rule_id = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    assert answer["SecurityGroupRules"][0]["Tags"] == tags
    ec2.create_tags(Resources=[rule_id], Tags=[{"Key": "owner", "Value": "web-team"}])
    (rule,) = ingress(ec2, group)
    assert {tag["Key"] for tag in rule["Tags"]} == {"exposure", "owner"}


def test_a_name_means_the_default_vpc(ec2):
    group = new_group(ec2, default_vpc(ec2))
    name = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["GroupName"]
    ec2.authorize_security_group_ingress(GroupName=name, IpPermissions=[tcp(22, "192.0.2.0/24")])
    assert sources(ec2, group) == ["192.0.2.0/24"]
    ec2.revoke_security_group_ingress(GroupName=name, IpPermissions=[tcp(22, "192.0.2.0/24")])
    assert ingress(ec2, group) == []


def test_a_name_never_means_another_vpc(ec2, group, differs):
    differs(moto="finds a name in any VPC")
    name = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["GroupName"]
    call = {"GroupName": name, "IpPermissions": [tcp(22, "192.0.2.0/24")]}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidGroup.NotFound"


def test_a_dry_run_changes_nothing(ec2, group):
    call = {"GroupId": group, "IpPermissions": [tcp(22, "192.0.2.0/24")], "DryRun": True}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "DryRunOperation"
    assert ingress(ec2, group) == []


# Revoke -------------------------------------------------------------------------


def test_revoking_one_source_leaves_the_others(ec2, group):
    authorize(ec2, group, tcp(6379, "0.0.0.0/0", "10.0.0.0/8", "::/0"))
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[tcp(6379, "0.0.0.0/0")])
    assert sources(ec2, group) == ["10.0.0.0/8", "::/0"]


def test_revoking_by_id_removes_exactly_that_rule(ec2, group):
    authorize(ec2, group, tcp(6379, "0.0.0.0/0", "10.0.0.0/8"))
    doomed = [rule["SecurityGroupRuleId"] for rule in ingress(ec2, group) if rule["CidrIpv4"] == "0.0.0.0/0"]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=doomed)
    assert sources(ec2, group) == ["10.0.0.0/8"]


def test_revoke_says_what_it_removed(ec2, group, differs):
    differs(moto="answers no RevokedSecurityGroupRules")
    authorize(ec2, group, tcp(6379, "0.0.0.0/0"))
    (rule,) = ingress(ec2, group)
    answer = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    (revoked,) = answer["RevokedSecurityGroupRules"]
    assert revoked["SecurityGroupRuleId"] == rule["SecurityGroupRuleId"]
    assert (revoked["GroupId"], revoked["CidrIpv4"], revoked["IsEgress"]) == (group, "0.0.0.0/0", False)


def test_an_unknown_rule_id_revokes_nothing(ec2, group, differs):
    differs(moto="answers InvalidPermission.NotFound")
    authorize(ec2, group, tcp(6379, "0.0.0.0/0"))
    known = ingress(ec2, group)[0]["SecurityGroupRuleId"]
    call = {"GroupId": group, "SecurityGroupRuleIds": [known, "sgr-0123456789abcdef0"]}
    assert code_of(ec2.revoke_security_group_ingress, **call) == "InvalidSecurityGroupRuleId.NotFound"
    assert sources(ec2, group) == ["0.0.0.0/0"]


def test_a_rule_is_gone_only_once(ec2, group, differs):
    differs(moto="answers InvalidPermission.NotFound")
    authorize(ec2, group, tcp(6379, "0.0.0.0/0"))
    call = {"GroupId": group, "SecurityGroupRuleIds": [ingress(ec2, group)[0]["SecurityGroupRuleId"]]}
    ec2.revoke_security_group_ingress(**call)
    assert code_of(ec2.revoke_security_group_ingress, **call) == "InvalidSecurityGroupRuleId.NotFound"


def test_outside_the_default_vpc_one_miss_revokes_nothing(ec2, group, differs):
    differs(moto="revokes the permissions before the miss")
    authorize(ec2, group, tcp(6379, "10.0.0.0/8"))
    call = {"GroupId": group, "IpPermissions": [tcp(6379, "10.0.0.0/8"), tcp(6380, "10.0.0.0/8")]}
    assert code_of(ec2.revoke_security_group_ingress, **call) == "InvalidPermission.NotFound"
    assert sources(ec2, group) == ["10.0.0.0/8"]


def test_in_the_default_vpc_a_miss_is_reported_and_the_rest_revoked(ec2, differs):
    differs(moto="answers InvalidPermission.NotFound in the default VPC too")
    group = new_group(ec2, default_vpc(ec2))
    authorize(ec2, group, tcp(6379, "10.0.0.0/8"))
    answer = ec2.revoke_security_group_ingress(
        GroupId=group, IpPermissions=[tcp(6379, "10.0.0.0/8"), tcp(6380, "10.0.0.0/8")]
    )
    assert [permission["FromPort"] for permission in answer["UnknownIpPermissions"]] == [6380]
    assert ingress(ec2, group) == []


def test_the_description_does_not_matter_when_revoking(ec2, group):
    authorize(ec2, group, {**tcp(22), "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "office"}]})
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, "192.0.2.0/24")])
    assert ingress(ec2, group) == []


def test_revoke_matches_protocol_and_ports_exactly(ec2, group):
    authorize(ec2, group, tcp(6000, "10.0.0.0/8", to=7000))
    call = {"GroupId": group, "IpPermissions": [tcp(6379, "10.0.0.0/8")]}
    assert code_of(ec2.revoke_security_group_ingress, **call) == "InvalidPermission.NotFound"
    assert len(ingress(ec2, group)) == 1


# Modify -------------------------------------------------------------------------


def modify(ec2, group, *changes):
    rules = [{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule} for rule_id, rule in changes]
    return ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=rules)


def test_modify_keeps_the_rule_id(ec2, group):
    authorize(ec2, group, tcp(6379, "10.0.0.0/8"))
    rule_id = ingress(ec2, group)[0]["SecurityGroupRuleId"]
    modify(ec2, group, (rule_id, {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "CidrIpv4": "0.0.0.0/0"}))
    (rule,) = ingress(ec2, group)
    assert (rule["SecurityGroupRuleId"], rule["CidrIpv4"]) == (rule_id, "0.0.0.0/0")


def test_modify_changes_several_rules_at_once(ec2, group):
    authorize(ec2, group, tcp(22, "10.0.0.0/8"), tcp(6379, "10.0.0.0/8"))
    first, second = [rule["SecurityGroupRuleId"] for rule in ingress(ec2, group)]
    everyone = {"IpProtocol": "tcp", "CidrIpv4": "0.0.0.0/0"}
    modify(
        ec2,
        group,
        (first, {**everyone, "FromPort": 23, "ToPort": 23}),
        (second, {**everyone, "FromPort": 24, "ToPort": 24}),
    )
    assert sorted((rule["FromPort"], rule["CidrIpv4"]) for rule in ingress(ec2, group)) == [
        (23, "0.0.0.0/0"),
        (24, "0.0.0.0/0"),
    ]


def test_modify_is_all_or_nothing(ec2, group, differs):
    differs(moto="applies the first change before it finds the second rule missing")
    authorize(ec2, group, tcp(22, "10.0.0.0/8"))
    rule_id = ingress(ec2, group)[0]["SecurityGroupRuleId"]
    change = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
    rules = [{"SecurityGroupRuleId": item, "SecurityGroupRule": change} for item in (rule_id, "sgr-0123456789abcdef0")]
    code = code_of(ec2.modify_security_group_rules, GroupId=group, SecurityGroupRules=rules)
    assert code == "InvalidSecurityGroupRuleId.NotFound"
    assert sources(ec2, group) == ["10.0.0.0/8"]


# Create -------------------------------------------------------------------------


def test_tags_are_not_none_and_not_of_aws(ec2, group, differs):
    differs(moto="takes a specification without tags, and tags of AWS")
    specification = [{"ResourceType": "security-group-rule", "Tags": []}]
    call = {"GroupId": group, "IpPermissions": [tcp(6379, "10.0.0.0/8")], "TagSpecifications": specification}
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidTagKey.Malformed"
    specification[0]["Tags"] = [{"Key": "aws:cloudformation:stack-id", "Value": "s"}]
    assert code_of(ec2.authorize_security_group_ingress, **call) == "InvalidParameterValue"
    assert ingress(ec2, group) == []
    assert code_of(ec2.create_tags, Resources=[group], Tags=[]) == "InvalidParameterValue"
    specification[0]["Tags"] = [{"Key": "exposure", "Value": ""}]
    ec2.authorize_security_group_ingress(**call)
    (rule,) = ingress(ec2, group)
    assert rule["Tags"] == specification[0]["Tags"]


def test_a_new_group_has_tags_and_lets_everything_out(ec2, vpc, differs):
    differs(moto="answers no tags")
    tags = [{"Key": "team", "Value": "<data & co>"}]
    made = ec2.create_security_group(
        GroupName="new",
        Description="d",
        VpcId=vpc,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    assert made["Tags"] == tags
    described = ec2.describe_security_groups(GroupIds=[made["GroupId"]])["SecurityGroups"][0]
    assert described["Tags"] == tags and described["IpPermissions"] == []
    (egress,) = described["IpPermissionsEgress"]
    assert egress["IpProtocol"] == "-1" and [item["CidrIp"] for item in egress["IpRanges"]] == ["0.0.0.0/0"]


def test_a_name_is_unique_in_its_vpc(ec2, vpc, differs):
    differs(moto="takes a VPC that does not exist")
    call = {"GroupName": "once", "Description": "d", "VpcId": vpc}
    ec2.create_security_group(**call)
    assert code_of(ec2.create_security_group, **call) == "InvalidGroup.Duplicate"
    assert code_of(ec2.create_security_group, **{**call, "GroupName": "dry"}, DryRun=True) == "DryRunOperation"
    assert code_of(ec2.create_security_group, **{**call, "VpcId": "vpc-0fedcba9876543210"}) == "InvalidVpcID.NotFound"


# Describe -----------------------------------------------------------------------


def test_rules_are_described_by_id(ec2, group):
    authorize(ec2, group, tcp(22, "10.0.0.0/8"), tcp(23, "10.0.0.0/8"))
    wanted = ingress(ec2, group)[0]["SecurityGroupRuleId"]
    answer = ec2.describe_security_group_rules(SecurityGroupRuleIds=[wanted])["SecurityGroupRules"]
    assert [rule["SecurityGroupRuleId"] for rule in answer] == [wanted]
    unknown = {"SecurityGroupRuleIds": ["sgr-0123456789abcdef0"]}
    assert code_of(ec2.describe_security_group_rules, **unknown) == "InvalidSecurityGroupRuleId.NotFound"


def test_rules_come_in_pages(ec2, group, differs):
    differs(moto="ignores MaxResults")
    authorize(ec2, group, *[tcp(port, "10.0.0.0/8") for port in range(1, 13)])
    call = {"Filters": [{"Name": "group-id", "Values": [group]}], "MaxResults": 5}
    pages, token = [], {}
    while True:
        answer = ec2.describe_security_group_rules(**call, **token)
        pages.append([rule["SecurityGroupRuleId"] for rule in answer["SecurityGroupRules"]])
        if not answer.get("NextToken"):
            break
        token = {"NextToken": answer["NextToken"]}
    assert [len(page) for page in pages] == [5, 5, 3], "12 of ours and the egress rule"
    assert len({rule_id for page in pages for rule_id in page}) == 13


def test_groups_are_found_by_the_cidr_of_their_rules(ec2, vpc, group):
    authorize(ec2, group, tcp(6379, "0.0.0.0/0"))
    new_group(ec2, vpc)
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "ip-permission.cidr", "Values": ["0.0.0.0/0"]}]
    assert [item["GroupId"] for item in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]] == [group]


def test_groups_are_found_by_the_ipv6_cidr_of_their_rules(ec2, vpc, group, differs):
    differs(moto="answers 500 to the filter ip-permission.ipv6-cidr")
    authorize(ec2, group, tcp(6379, "::/0"))
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "ip-permission.ipv6-cidr", "Values": ["::/0"]}]
    assert [item["GroupId"] for item in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]] == [group]


def test_groups_come_in_pages(ec2, vpc, differs):
    differs(moto="ignores MaxResults")
    for _ in range(6):
        new_group(ec2, vpc)
    pages = ec2.get_paginator("describe_security_groups").paginate(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}], PaginationConfig={"PageSize": 5}
    )
    assert [len(page["SecurityGroups"]) for page in pages] == [5, 2], "6 of ours and the default group"


def test_missing_groups_are_an_error(ec2):
    assert code_of(ec2.describe_security_groups, GroupIds=["sg-0fedcba9876543210"]) == "InvalidGroup.NotFound"


def test_a_group_in_use_cannot_be_deleted(ec2, vpc, group, differs):
    differs(moto="deletes it")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    assert code_of(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)
    assert code_of(ec2.describe_security_groups, GroupIds=[group]) == "InvalidGroup.NotFound"


def test_interfaces_are_found_by_group(ec2, vpc, group):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    wanted = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_network_interface(SubnetId=subnet, Groups=[new_group(ec2, vpc)])
    found = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]
    assert [item["NetworkInterfaceId"] for item in found] == [wanted]
    assert [item["GroupId"] for item in found[0]["Groups"]] == [group]
