"""Public ingress is closed, and nothing beside it is touched. Each test compares the whole group."""

import pytest
from harness import groups, pasted
from harness.guard import PRIVATE, made, permission
from harness.wait import until


def opens(guard, group_id, call):
    """Make the call, wait for its alert; gives (what the call made, the alert document, the mail, the group)."""
    number = len(guard.alerts.documents(group_id)) + 1
    rules = made(call())
    document, mail = guard.alerts.wait(group_id, number)
    return rules, document, mail, guard.look(group_id)


def outcomes(document):
    return {finding["evidence"]["rule"]["id"]: finding["outcome"] for finding in document["findings"]}


@pytest.mark.parametrize(
    "what",
    [
        permission("tcp", 6379, "0.0.0.0/0"),
        permission("tcp", 6379, "::/0"),
        permission("tcp", 6379, "2000::/3"),
        permission("tcp", (0, 65535), "0.0.0.0/0"),
        permission("tcp", 0, "0.0.0.0/0"),
        permission("tcp", 6379, "64.0.0.0/2"),
        permission("udp", 11211, "52.94.76.10/32"),
        permission("udp", (11000, 12000), "8.8.8.8/32"),
        permission("-1", None, "0.0.0.0/0"),
        permission("-1", None, "::/0"),
        permission("6", 6380, "0.0.0.0/0"),
    ],
    ids=lambda what: f"{what['IpProtocol']}-{what.get('FromPort', 'all')}",
)
def test_public_rule_is_closed(guard, group, what):
    before = guard.look(group)
    rules, document, mail, after = opens(
        guard, group, lambda: guard.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[what])
    )
    assert after == before
    assert outcomes(document) == {rule: "done" for rule in rules}
    assert "revoked. The group was read again, and the rule is gone." in mail["body"]


@pytest.mark.parametrize(
    "what",
    [
        permission("tcp", 6379, "10.0.0.0/8"),
        permission("tcp", 6379, "0.0.0.0/32"),
        permission("tcp", 6379, "198.51.100.7/32"),
        permission("tcp", 6379, "2a00:1450:4000::/48"),
        permission("udp", 11211, "10.1.0.0/16"),
        permission("-1", None, "172.16.0.0/12"),
    ],
    ids=lambda what: str(what.get("IpRanges") or what.get("Ipv6Ranges"))[:60],
)
def test_narrow_rule_stays_and_nobody_is_told(guard, name, what):
    group = guard.group(name)
    guard.open(group, what)
    opened = guard.look(group)
    guard.handled("ingress", group)
    assert guard.look(group) == opened and len(opened["rules"]) > 0
    assert guard.alerts.documents(group) == []


def test_an_open_group_that_is_attached_is_closed_where_nothing_else_carries_it(guard, name):
    """Its rules are older than the call: the first interface is the only one, the second one is not."""
    own = guard.group(name)
    group = f"{own[:-4]}cafe"
    first, second = (
        guard.ec2.create_network_interface(SubnetId=guard.subnet, Groups=[own])["NetworkInterface"] for _ in range(2)
    )
    for number, (interface, outcome) in enumerate([(first, "done"), (second, "by-hand")], start=1):
        (rule,) = groups.opened_before(guard, group, f"{name}-open", groups.tcp(21 + number, "0.0.0.0/0"))
        before = guard.look(group)
        carrier = interface["NetworkInterfaceId"]
        guard.ec2.modify_network_interface_attribute(NetworkInterfaceId=carrier, Description={"Value": "batch"})
        guard.ec2.modify_network_interface_attribute(NetworkInterfaceId=carrier, Groups=[own, group])
        document, mail = guard.alerts.wait(group, number)
        assert outcomes(document) == {rule: outcome}
        assert guard.look(group) == (before if outcome == "by-hand" else {**before, "rules": {}})
        assert f" called ModifyNetworkInterfaceAttribute for {carrier} " in mail["body"]
        commands = [line for line in mail["body"].splitlines() if line.startswith("aws ec2 modify-network-interface")]
        assert len(commands) == (outcome == "by-hand")
        for detach in commands:
            pasted.paste(detach, guard.account)
            (found,) = guard.ec2.describe_network_interfaces(NetworkInterfaceIds=[carrier])["NetworkInterfaces"]
            assert [carried["GroupId"] for carried in found["Groups"]] == [own]
            assert guard.look(group) == before
        said = [line for lines in guard.stack.invocations("ingress") for line in lines]
        assert not any(f"nothing of `{carrier}`" in line for line in said), "the event rule has a filter"
    assert guard.alerts.documents(own) == []


def test_flat_form(guard, group):
    before = guard.look(group)
    _, _, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=6379, ToPort=6379, CidrIp="0.0.0.0/0"
        ),
    )
    assert after == before


def test_host_bits_do_not_hide_the_internet(guard, group):
    before = guard.look(group)
    _, _, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, "10.1.2.3/0")]
        ),
    )
    assert after == before


def test_private_and_public_in_one_permission(guard, group):
    """Trap 1: sending the described permission back would revoke the private sources too."""
    before = guard.look(group)
    rules, document, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, "172.16.0.0/12", "0.0.0.0/0", "::/0", "fd00::/8")]
        ),
    )
    private = {key: value for key, value in rules.items() if value["source"] in ("172.16.0.0/12", "fd00::/8")}
    assert len(private) == 2
    assert after == {**before, "rules": {**before["rules"], **private}}
    assert set(outcomes(document)) == set(rules) - set(private)


def test_several_public_rules_in_one_call(guard, group):
    before = guard.look(group)
    rules, document, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                permission("tcp", 22, "0.0.0.0/0"),
                permission("tcp", (6379, 6380), "0.0.0.0/0", "::/0"),
                permission("udp", 11211, "52.94.76.10/32"),
                permission("tcp", 5432, PRIVATE),
            ],
        ),
    )
    private = {key: value for key, value in rules.items() if value["source"] == PRIVATE}
    assert after == {**before, "rules": {**before["rules"], **private}}
    assert outcomes(document) == {rule: "done" for rule in rules if rule not in private}


def test_two_halves_of_the_internet(guard, group):
    before = guard.look(group)
    rules, _, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, "0.0.0.0/1", "128.0.0.0/1")]
        ),
    )
    assert len(rules) == 2 and after == before


def test_the_rule_that_completes_a_union_is_closed(guard, group):
    """Each of the blocks is narrow; all together they are the size of a /8. The last one goes."""
    blocks = [f"8.{second}.0.0/10" for second in (0, 64, 128)]
    kept = guard.open(group, permission("tcp", 6379, *blocks))
    guard.handled("ingress", group, 2)
    assert guard.alerts.documents(group) == []
    before = guard.look(group)
    assert set(kept) <= set(before["rules"])
    rules, document, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, "8.192.0.0/10")]
        ),
    )
    assert after == before
    assert outcomes(document)[next(iter(rules))] == "done"


def test_default_vpc_by_group_name(guard, name):
    """Trap 14: CloudTrail has the name only; the id is in the response."""
    default = guard.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = guard.group(name, permission("tcp", 6379, PRIVATE), vpc=default)
    before = guard.look(group)
    _, _, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupName=name, IpPermissions=[permission("tcp", 6379, "0.0.0.0/0")]
        ),
    )
    assert after == before


def prefix_list(guard, name, *cidrs):
    return guard.ec2.create_managed_prefix_list(
        PrefixListName=name,
        AddressFamily="IPv4",
        MaxEntries=10,
        Entries=[{"Cidr": cidr} for cidr in cidrs],
    )["PrefixList"]["PrefixListId"]


def test_prefix_list_with_a_wide_block(guard, group, name):
    """Trap 2, the other way round: the wide list goes, the list of offices stays."""
    wide = prefix_list(guard, f"{name}-wide", "192.0.2.0/24", "64.0.0.0/3")
    before = guard.look(group)
    _, document, _, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, wide)]
        ),
    )
    assert after == before
    assert [finding["evidence"]["rule"]["source"] for finding in document["findings"]] == [wide]


def test_unreadable_prefix_list_is_unknown_not_closed(guard, group):
    secret = "pl-0123456789abcdef0"
    guard.account.seed(
        {
            "PrefixLists": [
                {"PrefixListId": secret, "Unreadable": "UnauthorizedOperation", "Entries": [{"Cidr": "0.0.0.0/0"}]}
            ]
        }
    )
    rules, document, mail, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, secret)]
        ),
    )
    assert set(rules) <= set(after["rules"])
    (finding,) = document["findings"]
    assert finding["outcome"] in ("withheld", "by-hand") and finding["evidence"]["unknown"]
    assert "could not be evaluated" in mail["body"]


def test_rule_edited_to_public(guard, group):
    """Trap 15: create a harmless rule, then edit it."""
    (harmless,) = guard.open(group, permission("tcp", 6379, "192.168.0.0/16", description="harmless"))
    guard.handled("ingress", group, 2)
    before = guard.look(group)
    guard.ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[
            {
                "SecurityGroupRuleId": harmless,
                "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "CidrIpv4": "0.0.0.0/0"},
            }
        ],
    )
    document, _ = guard.alerts.wait(group)
    assert guard.look(group) == groups.without(before, [harmless])
    assert outcomes(document) == {harmless: "done"}


def test_two_rules_edited_in_one_call(guard, group):
    (first,) = guard.open(group, permission("tcp", 6379, "192.168.0.0/16"))
    (second,) = guard.open(group, permission("tcp", 22, "192.168.0.0/16"))
    (third,) = guard.open(group, permission("tcp", 23, "192.168.0.0/16"))
    edit = [(first, "::/0", "CidrIpv6"), (second, "0.0.0.0/0", "CidrIpv4"), (third, "10.0.0.0/8", "CidrIpv4")]
    # Or their own events may find them edited, and be the ones that close them.
    guard.handled("ingress", group, 4)
    before = guard.look(group)
    ports = {first: 6379, second: 22, third: 23}
    guard.ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[
            {
                "SecurityGroupRuleId": rule,
                "SecurityGroupRule": {
                    "IpProtocol": "tcp",
                    "FromPort": ports[rule],
                    "ToPort": ports[rule],
                    kind: source,
                },
            }
            for rule, source, kind in edit
        ],
    )
    document, _ = guard.alerts.wait(group)
    after = guard.look(group)
    expected = groups.without(before, [first, second])
    expected["rules"][third] = {**before["rules"][third], "source": "10.0.0.0/8"}
    assert after == expected
    assert outcomes(document) == {first: "done", second: "done"}


def test_older_fault_is_told_and_left(guard, name):
    """Only what the event touched is acted on."""
    group = guard.group(name)
    guard.account.seed(
        {
            "SecurityGroups": [
                {
                    "GroupId": group,
                    "GroupName": name,
                    "Description": "seeded",
                    "OwnerId": "111122223333",
                    "VpcId": guard.vpc,
                    "SecurityGroupRules": [
                        {
                            "SecurityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa1",
                            "IsEgress": False,
                            "IpProtocol": "tcp",
                            "FromPort": 22,
                            "ToPort": 22,
                            "CidrIpv4": "0.0.0.0/0",
                        }
                    ],
                }
            ]
        }
    )
    before = guard.look(group)
    _, document, mail, after = opens(
        guard,
        group,
        lambda: guard.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission("tcp", 6379, "0.0.0.0/0")]
        ),
    )
    assert after == before
    assert [finding["evidence"]["rule"]["id"] for finding in document["older"]] == ["sgr-0aaaaaaaaaaaaaaa1"]
    assert "sgr-0aaaaaaaaaaaaaaa1" in mail["body"]


def test_an_entry_that_opens_a_prefix_list_is_reported_with_the_command_that_removes_it(guard, name):
    """The other entry of the same call stays, and so does the rule that names the list."""
    made = guard.ec2.create_managed_prefix_list(
        PrefixListName=name, AddressFamily="IPv4", MaxEntries=5, Entries=[{"Cidr": PRIVATE, "Description": "office"}]
    )
    prefix_list = made["PrefixList"]["PrefixListId"]
    group = guard.group(name, permission("tcp", 6379, prefix_list))
    guard.handled("ingress", group)
    before = guard.look(group)
    entries = lambda: {  # noqa: E731
        entry["Cidr"] for entry in guard.ec2.get_managed_prefix_list_entries(PrefixListId=prefix_list)["Entries"]
    }
    guard.ec2.modify_managed_prefix_list(
        PrefixListId=prefix_list,
        CurrentVersion=1,
        AddEntries=[{"Cidr": "0.0.0.0/0", "Description": "for the demo"}, {"Cidr": "192.168.0.0/16"}],
    )
    document, mail = guard.alerts.wait(prefix_list)
    assert document["subject"]["type"] == "prefix-list" and document["event"]["name"] == "ModifyManagedPrefixList"
    (finding,) = document["findings"]
    assert finding["outcome"] == "by-hand"
    assert finding["evidence"]["entries"] == [{"cidr": "0.0.0.0/0", "description": "for the demo"}]
    assert [worst["group"] for worst in finding["evidence"]["worst"]] == [group]
    assert entries() == {PRIVATE, "0.0.0.0/0", "192.168.0.0/16"} and guard.look(group) == before
    (command,) = [line for line in mail["body"].splitlines() if line.startswith("aws ec2 modify-managed-prefix-list")]
    pasted.paste(command, guard.account)
    until("the entry is gone", lambda: entries() == {PRIVATE, "192.168.0.0/16"})
    assert guard.look(group) == before
