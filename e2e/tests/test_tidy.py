"""What must agree across files, and is easily forgotten. Needs no account."""

import json
import re

from harness import deploy, places

SHELL = places.REPO / "shared" / "aws" / "src"
#: Used in the function's name by Lambda itself, not by our code.
BY_THE_PLATFORM = {"sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"}
#: `client.operation()` of the SDK, at the end of which an operation is sent or paged through.
CALL = re.compile(
    r"\b(ec2|elasticache|sns)\s*\.\s*((?:describe|get|list|revoke|authorize|modify|create|delete|publish)\w*)\(\)"
)


def patterns():
    for resource in deploy.template()["Resources"].values():
        for event in (resource.get("Properties", {}).get("Events") or {}).values():
            yield event["Properties"]["Pattern"]


def watched_by_template():
    return {(pattern["source"][0], name) for pattern in patterns() for name in pattern["detail"]["eventName"]}


def watched_by_engine():
    text = (places.REPO / "shared" / "engine" / "src" / "event.rs").read_text()
    block = re.search(r"pub enum EventName \{(.*?)\n\}", text, re.DOTALL).group(1)
    return set(re.findall(r"`(\w+):(\w+)`", block))


def corpus():
    for path in sorted(places.EVENTS.glob("*.json")):
        if not path.name.endswith(".facts.json"):
            event = json.loads(path.read_text())
            detail = event.get("detail")
            detail = json.loads(detail) if isinstance(detail, str) else detail
            yield path.stem, event, detail or {}


def test_patterns_watch_what_the_engine_knows():
    assert {(source.split(".")[1], name) for source, name in watched_by_template()} == watched_by_engine()


def test_every_watched_call_has_an_event_and_the_other_way_round():
    in_corpus = {
        (event.get("source"), detail.get("eventName"))
        for name, event, detail in corpus()
        if detail.get("eventName") and not name.startswith("unwatched-")
    }
    assert in_corpus == watched_by_template()


def test_patterns_leave_out_failed_calls_and_other_services():
    for pattern in patterns():
        assert pattern["detail"]["errorCode"] == [{"exists": False}]
        assert pattern["detail-type"] == ["AWS API Call via CloudTrail"]
        assert pattern["detail"]["eventSource"] == [pattern["source"][0].replace("aws.", "") + ".amazonaws.com"]


def allowed():
    """Every action that a policy of the template allows, and on what."""
    for resource in deploy.template()["Resources"].values():
        properties = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies") or []]
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents.append(properties["PolicyDocument"])
        for statement in (statement for document in documents for statement in document["Statement"]):
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                yield action, statement["Resource"]


def called():
    """Every AWS call in the shell's code, as an IAM action."""
    text = "\n".join(path.read_text() for path in sorted(SHELL.rglob("*.rs")))
    text = re.sub(r"//.*", "", text)
    return {
        f"{service}:{''.join(word.capitalize() for word in name.split('_'))}" for service, name in CALL.findall(text)
    }


def test_roles_allow_exactly_what_the_code_calls():
    assert {action for action, _ in allowed()} - BY_THE_PLATFORM == called()
    assert BY_THE_PLATFORM <= {action for action, _ in allowed()}


def test_what_changes_or_sends_is_bound_to_resources():
    for action, resource in allowed():
        if resource == "*":
            assert re.match(r"\w+:(Describe|Get)", action), f"{action} on everything"


def test_one_role_per_function():
    resources = deploy.template()["Resources"]
    roles = [
        json.dumps(r["Properties"]["Role"]) for r in resources.values() if r["Type"] == "AWS::Serverless::Function"
    ]
    assert len(set(roles)) == len(roles) > 0
