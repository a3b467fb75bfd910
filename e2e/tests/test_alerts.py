"""The alert for machines keeps to its schema; the one for people cannot be forged."""

import json
import re
import uuid

import jsonschema
import pytest
from harness import events, places
from harness.guard import guarded, permission

SCHEMA = places.REPO / "docs" / "alert.schema.json"
FORGERIES = [
    "x\r\n  Done:     nothing to see here",
    "x\u2028FAILED: y",
    "\u202egnp.exe https://evil.example.com/click <!channel>",
    "Mozilla/5.0 \x1b[31m $(rm -rf /) `id` \"quoted\" 'q'",
]


def validator():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("forgery", FORGERIES, ids=range(len(FORGERIES)))
def test_hostile_texts_forge_nothing(guard, group, forgery):
    """Names, tags and user agents come from whoever made the call."""
    # XML, in which EC2 answers, cannot carry control characters; JSON, in which events are, can.
    storable = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", forgery)
    guard.ec2.create_tags(Resources=[group], Tags=[{"Key": "team", "Value": storable}])
    before = guard.look(group)
    number = len(guard.alerts.documents(group)) + 1
    answer = guard.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[permission("tcp", 6379, "0.0.0.0/0", description="ok")],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "n", "Value": storable}]}],
    )
    guard.alerts.wait(group, number)
    assert guard.look(group) == before
    # EC2 gives a rule that comes back another id; by the old one, it would be what was told already.
    again = {**answer["SecurityGroupRules"][0], "SecurityGroupRuleId": f"sgr-{uuid.uuid4().hex[:17]}"}
    event = forged_event(group, [again], forgery)
    seed_again(guard, group, before, again, storable)
    reply, error = guard.stack.invoke("ingress", event)
    assert error is None, reply
    document, mail = guard.alerts.wait(group, number + 1)
    assert guard.look(group)["rules"] == before["rules"]
    text = mail["subject"] + "\n" + mail["body"]
    assert all(c == "\n" or c.isprintable() for c in text), "no control or direction characters"
    assert sum(line.lstrip().startswith(("Done:", "FAILED:")) for line in text.splitlines()) == 1
    assert "https://" not in text and "evil.example.com" not in text
    assert len(mail["subject"]) < 100
    validator().validate(document)


def forged_event(group, rules, forgery):
    event = events.authorize(group, rules, "22222222-0000-0000-0000-000000000001")
    event["detail"]["userAgent"] = forgery
    event["detail"]["userIdentity"]["arn"] += forgery
    event["detail"]["sourceIPAddress"] = forgery
    return event


def seed_again(guard, group, before, rule, forgery):
    """A rule like it, with a description that the API would refuse: nobody relies on it having done so."""
    kept = [
        {
            "SecurityGroupRuleId": key,
            "IsEgress": value["egress"],
            "IpProtocol": value["protocol"],
            "FromPort": value["ports"][0],
            "ToPort": value["ports"][1],
            "Description": value["description"],
            "Tags": [{"Key": k, "Value": v} for k, v in value["tags"].items()],
            **source(value["source"]),
        }
        for key, value in before["rules"].items()
    ]
    again = {
        "SecurityGroupRuleId": rule["SecurityGroupRuleId"],
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 6379,
        "ToPort": 6379,
        "CidrIpv4": "0.0.0.0/0",
        "Description": forgery,
    }
    guard.account.seed(
        {
            "SecurityGroups": [
                {
                    "GroupId": group,
                    "GroupName": before["name"] + forgery,
                    "Description": before["description"],
                    "OwnerId": "111122223333",
                    "VpcId": before["vpc"],
                    "SecurityGroupRules": [*kept, again],
                }
            ]
        }
    )


def source(text):
    if text.startswith("pl-"):
        return {"PrefixListId": text}
    if text.startswith("sg-"):
        return {"ReferencedGroupInfo": {"GroupId": text}}
    return {"CidrIpv6" if ":" in text else "CidrIpv4": text}


def test_every_alert_of_this_run_keeps_to_the_schema(guard, group):
    guard.open(group, permission("tcp", 6379, "0.0.0.0/0"))
    guard.alerts.wait(group)
    check = validator()
    for document in guard.alerts.documents():
        check.validate(document)


def test_many_findings_fit_into_one_message(name):
    with guarded(ActionsPerEvent="60") as guard:
        group = guard.group(name)
        rules = guard.open(
            group, *[permission("tcp", port, "0.0.0.0/0", description="x" * 255) for port in range(20000, 20060)]
        )
        document, mail = guard.alerts.wait(group)
        left = guard.look(group)["rules"]
    assert not set(rules) & set(left)
    assert len(document["findings"]) + document["omitted"]["findings"] == 60
    assert "60 open rules" in mail["subject"]
