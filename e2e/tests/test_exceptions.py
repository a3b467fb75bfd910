"""What is tolerated, by the policies that travel with the stack as its layer."""

import json
import shutil

import pytest
from harness import groups, places
from harness.account import FAST, Account
from harness.caches import make_group
from harness.deploy import update
from harness.guard import PRIVATE, Guard, guarded, made, permission
from harness.pasted import paste
from harness.wait import until

SHIPPED = places.REPO / "infra" / "exceptions"
WORLD = "0.0.0.0/0"
#: Wider than narrow networks may be.
WIDE = ["20.0.0.0/7"]
OURS = """
@id("web-tier")
@reason("The web tier serves its API on 8443.")
permit (principal, action == Portcullis::Action::"open-ingress", resource)
when {
  resource.hasTag("exposure") && resource.getTag("exposure") == "web" &&
  context.protocol == "tcp" && context.fromPort == 8443 && context.toPort == 8443
};

@id("break-glass")
@reason("Incident response opens what it has to.")
permit (principal, action == Portcullis::Action::"open-ingress", resource)
when { principal has role && principal.role == "break-glass" };

@id("partners")
@reason("Partners, by their prefix list.")
permit (principal, action == Portcullis::Action::"open-ingress", resource)
when {
  context has prefixList && context.prefixList == "%(partners)s" &&
  context.protocol == "tcp" && context.fromPort == 6380 && context.toPort == 6380
};

@id("vendor-cache-port")
@reason("The vendor's appliance knows no other port.")
permit (principal, action == Portcullis::Action::"default-port", resource == Portcullis::Cache::"appliance");

@id("vendor-caches")
@reason("Caches of the vendor, by their tag and where they lie.")
permit (principal, action == Portcullis::Action::"default-port", resource is Portcullis::Cache)
when {
  resource.hasTag("vendor") && resource.getTag("vendor") == "acme" && resource has vpc && resource.vpc like "vpc-*"
};

@id("migration")
@reason("The migration to the new database.")
@until("2026-01-31")
permit (principal, action == Portcullis::Action::"open-ingress", resource)
when { context.protocol == "tcp" && context.fromPort == 5432 && context.toPort == 5432 };
"""


def prefix_list(guard, name):
    return guard.ec2.create_managed_prefix_list(
        PrefixListName=name, AddressFamily="IPv4", MaxEntries=5, Entries=[{"Cidr": cidr} for cidr in WIDE]
    )["PrefixList"]["PrefixListId"]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A stack with the shipped policies and some of its own: (guard, the partners' prefix list)."""
    with Account(*FAST) as account:
        guard = Guard(account)
        partners = prefix_list(guard, "partners")
        directory = tmp_path_factory.mktemp("exceptions")
        for path in SHIPPED.glob("*.cedar*"):
            shutil.copy(path, directory)
        (directory / "ours.cedar").write_text(OURS % {"partners": partners})
        yield guard.deploy(exceptions=directory), partners


def as_role(guard, name):
    """EC2 with the rights of a role of this name, which may do all of it."""
    iam, sts = guard.account.client("iam"), guard.account.client("sts")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    allow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    trust, allow = [{"Version": "2012-10-17", "Statement": [statement]} for statement in (trust, allow)]
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="ec2", PolicyDocument=json.dumps(allow))
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="dave")["Credentials"]
    return guard.account.client(
        "ec2",
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        session_token=keys["SessionToken"],
    )


def tolerates(guard, group, rules):
    """The function looked at these rules; they stay, nobody is told, and nothing is remembered."""
    opened = guard.look(group)
    for rule in rules:
        guard.handled("ingress", rule)
    assert set(rules) <= set(opened["rules"]) and guard.look(group) == opened
    assert guard.alerts.documents(group) == [] and guard.alerts.mails(group) == []
    assert guard.ledger.of(group) == {}


def closes(guard, group, before, number=1):
    """The group is as it was, and that is told: (document, mail)."""
    document, mail = guard.alerts.wait(group, number)
    assert [finding["outcome"] for finding in document["findings"]] == ["done"] * len(document["findings"])
    assert guard.look(group) == before
    return document, mail


# As shipped --------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize("source", [WORLD, "::/0"])
def test_web_ports_may_face_the_internet(guard, name, port, source):
    group = guard.group(name, permission("tcp", port, PRIVATE))
    tolerates(guard, group, guard.open(group, permission("tcp", port, source)))


@pytest.mark.parametrize(
    "near", [("tcp", 81), ("tcp", (80, 443)), ("tcp", (443, 444)), ("udp", 80), ("tcp", 8080)], ids=str
)
def test_what_is_near_them_is_closed(guard, name, near):
    protocol, ports = near
    group = guard.group(name, permission("tcp", 443, PRIVATE))
    before = guard.look(group)
    guard.open(group, permission(protocol, ports, WORLD))
    document, _ = closes(guard, group, before)
    assert document["tolerated"] == []


def test_what_is_tolerated_stays_beside_what_goes_and_is_named(guard, name):
    """443 and 6379 in one call."""
    group = guard.group(name, permission("tcp", 6379, PRIVATE))
    before = guard.look(group)
    opened = guard.open(group, permission("tcp", 443, WORLD), permission("tcp", 6379, WORLD))
    (web,) = [rule for rule, value in opened.items() if value["ports"] == (443, 443)]
    kept = {**before, "rules": {**before["rules"], web: opened[web]}}
    document, mail = closes(guard, group, kept)
    assert [finding["evidence"]["rule"]["fromPort"] for finding in document["findings"]] == [6379]
    (tolerated,) = document["tolerated"]
    assert (tolerated["check"], tolerated["rule"]) == ("open-ingress", web)
    assert tolerated["exception"]["id"] == "public-https" and tolerated["exception"]["reason"]
    assert f"Suppressed in the same event:\n- TCP 443 from {WORLD} {web} [open-ingress] by public-https" in mail["body"]
    assert len(guard.ledger.of(group)) == 1, "only what was closed is remembered"


def test_the_stricter_policy_takes_one_line(tmp_path):
    """As the README says: the file of strict/ over the other. Only tagged groups may face the internet then."""
    for path in SHIPPED.glob("*.cedar*"):
        shutil.copy(path, tmp_path)
    shutil.copy(SHIPPED / "strict" / "public-web.cedar", tmp_path / "public-web.cedar")
    with guarded(exceptions=tmp_path) as guard:
        web = guard.group("web", tags={"exposure": "web"})
        tolerates(guard, web, guard.open(web, permission("tcp", 443, WORLD)))
        plain = guard.group("plain", permission("tcp", 443, PRIVATE))
        before = guard.look(plain)
        guard.open(plain, permission("tcp", 443, WORLD))
        closes(guard, plain, before)


def test_the_exception_that_an_alert_offers_tolerates_that_very_rule(tmp_path):
    """Taken from the mail into the directory, checked by the command line, deployed; then the same call once more."""
    with guarded() as guard:
        group = guard.group("vendor", permission("tcp", 8883, PRIVATE))
        before = guard.look(group)
        guard.open(group, permission("tcp", 8883, WORLD))
        _, mail = closes(guard, group, before)
        offered = mail["body"][mail["body"].index("@id(") :]
        offered = offered[: offered.index("};") + 2].replace("<why, and who says so>", "The vendor, says Ines.")
        for path in SHIPPED.glob("*.cedar*"):
            shutil.copy(path, tmp_path)
        (tmp_path / "vendor.cedar").write_text(offered)
        assert f"{group}-tcp-8883" in paste(f"portcullis exceptions check {tmp_path}", guard.account)
        guard.stack = update(guard.stack, exceptions=tmp_path)
        ((rule, value),) = guard.open(group, permission("tcp", 8883, WORLD)).items()
        guard.handled("ingress", rule)
        kept = {**before, "rules": {**before["rules"], rule: value}}
        assert guard.look(group) == kept and len(guard.alerts.documents(group)) == 1
        guard.open(group, permission("tcp", 8884, WORLD))
        closes(guard, group, kept, 2)


# Of one's own ------------------------------------------------------------------------------------


def test_by_tag_of_the_group(ours):
    guard, _ = ours
    web = guard.group("tagged", tags={"exposure": "web"})
    tolerates(guard, web, guard.open(web, permission("tcp", 8443, WORLD)))
    for name, tags, port in (("other", {"exposure": "internal"}, 8443), ("tagged-near", {"exposure": "web"}, 8444)):
        group = guard.group(name, tags=tags)
        before = guard.look(group)
        guard.open(group, permission("tcp", port, WORLD))
        closes(guard, group, before)


def test_by_role_but_never_memcached_over_udp(ours):
    guard, _ = ours
    group = guard.group("incident", permission("tcp", 22, PRIVATE))
    glass = as_role(guard, "break-glass")
    answer = glass.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("tcp", 22, WORLD)])
    tolerates(guard, group, made(answer))
    before = guard.look(group)
    glass.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("udp", 11211, WORLD)])
    closes(guard, group, before)
    near = guard.group("no-incident", permission("tcp", 22, PRIVATE))
    before = guard.look(near)
    as_role(guard, "break-glass-2").authorize_security_group_ingress(
        GroupId=near, IpPermissions=[permission("tcp", 22, WORLD)]
    )
    document, _ = closes(guard, near, before)
    assert document["actor"]["name"] == "break-glass-2/dave"


def test_by_prefix_list(ours):
    guard, partners = ours
    group = guard.group("partners", permission("tcp", 6380, PRIVATE))
    tolerates(guard, group, guard.open(group, permission("tcp", 6380, partners)))
    for name, source, port in (("same-list", partners, 6381), ("same-addresses", prefix_list(guard, "not"), 6380)):
        near = guard.group(name, permission("tcp", port, PRIVATE))
        before = guard.look(near)
        guard.open(near, permission("tcp", port, source))
        closes(guard, near, before)


def test_a_cache_on_its_default_port(ours):
    """Its port is tolerated; that the internet reaches it is not, and other caches' ports are not."""
    guard, _ = ours
    for name, tags, exception in (
        ("appliance", [], "vendor-cache-port"),
        ("appliance-2", [], None),
        ("acme-1", [{"Key": "vendor", "Value": "acme"}], "vendor-caches"),
        ("acme-2", [{"Key": "vendor", "Value": "other"}], None),
    ):
        group = guard.group(name, permission("tcp", 6379, PRIVATE))
        before = guard.look(group)
        make_group(guard, name, [group], Tags=tags)
        document, _ = guard.alerts.wait(name)
        at_fault = "default-port" in {finding["check"] for finding in document["findings"]}
        tolerated = [item["exception"]["id"] for item in document["tolerated"]]
        assert (at_fault, tolerated) == ((False, [exception]) if exception else (True, []))
        assert guard.look(group) == before


def test_an_exception_that_has_ended_is_named(ours):
    guard, _ = ours
    group = guard.group("migrated", permission("tcp", 5432, PRIVATE))
    before = guard.look(group)
    ((rule, _),) = guard.open(group, permission("tcp", 5432, WORLD)).items()
    document, mail = closes(guard, group, before)
    (ended,) = document["ended"]
    assert (ended["check"], ended["rule"], ended["exception"]["id"]) == ("open-ingress", rule, "migration")
    said = "the exception migration suppressed it until 2026-01-31: The migration to the new database."
    assert said in mail["body"]


# Broken ------------------------------------------------------------------------------------------

BROKEN = {
    "syntax": "permit (principal, action, resource) when {",
    "unknown-attribute": '@id("x") @reason("y") permit (principal, action, resource) when { principal.nam == "z" };',
    "no-reason": '@id("x") permit (principal, action, resource);',
}


@pytest.mark.parametrize("kind", BROKEN)
def test_with_policies_that_are_not_in_order_it_tells_and_does_nothing(tmp_path, kind):
    """Not even what the others tolerate is tolerated, and nothing is closed."""
    for path in SHIPPED.glob("*.cedar*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "broken.cedar").write_text(BROKEN[kind])
    with guarded(exceptions=tmp_path) as guard:
        group = guard.group("open", permission("tcp", 6379, PRIVATE))
        guard.handled("ingress", group)
        rules = guard.open(group, permission("tcp", 443, WORLD), permission("tcp", 6379, WORLD))
        opened = guard.look(group)
        document, mail = guard.alerts.wait(group)
        assert {f["evidence"]["rule"]["id"]: f["outcome"] for f in document["findings"]} == dict.fromkeys(
            rules, "withheld"
        )
        assert all("broken.cedar:1:" in finding["because"] for finding in document["findings"])
        assert "the exceptions cannot be read, so nothing is suppressed and nothing is remediated" in mail["body"]
        assert document["tolerated"] == [] and "left open" in mail["subject"]
        assert guard.look(group) == opened and set(rules) <= set(opened["rules"])
        until("the log says so at the start", lambda: "findings are only reported" in log(guard, "ingress"))
        paste(f"portcullis exceptions check {tmp_path}", guard.account, 1)


def log(guard, function):
    return "\n".join(event["message"] for event in guard.stack.log_events(guard.stack.log_group(function)))


def test_nothing_else_in_a_group_is_touched_by_a_tolerated_rule(guard, name):
    """An older fault beside what is tolerated stays, as ever, and is no reason to tell."""
    group = guard.group(name, tags={"portcullis:protect": "yes"})
    (older,) = guard.open(group, permission("tcp", 22, WORLD))
    guard.alerts.wait(group)
    guard.ec2.delete_tags(Resources=[group], Tags=[{"Key": "portcullis:protect"}])
    (web,) = guard.open(group, permission("tcp", 443, WORLD))
    guard.handled("ingress", web)
    whole = guard.look(group)
    assert {older, web} <= set(whole["rules"]) and len(guard.alerts.documents(group)) == 1
    assert groups.without(whole, [web, older])["rules"].keys() == {
        key for key, value in whole["rules"].items() if value["egress"]
    }
