"""What must agree across files, and is easily forgotten. Needs no account."""

import json
import re

from harness import deploy, places

SHELL = places.REPO / "shared" / "aws" / "src"
WATCHERS = frozenset({"ingress", "cache"})
EVERYONE = WATCHERS | {"trail"}
#: Which functions use a module of the shell. A role allows what the modules of its function call.
MODULES = {
    "act.rs": WATCHERS,
    "again.rs": WATCHERS,
    "clients.rs": EVERYONE,
    "error.rs": EVERYONE,
    "gather.rs": WATCHERS,
    "gather/cache.rs": {"cache"},
    "gather/group.rs": WATCHERS,
    "handle.rs": WATCHERS,
    "lib.rs": EVERYONE,
    "metrics.rs": WATCHERS,
    "publish.rs": WATCHERS,
    "run.rs": EVERYONE,
    "trail.rs": {"trail"},
    "whole.rs": WATCHERS,
}
#: What AWS itself does with the rights of a function: its logs, what failed, and, on request, keys and traces.
BY_THE_PLATFORM = {
    "logs:CreateLogStream": EVERYONE,
    "logs:PutLogEvents": EVERYONE,
    "sqs:SendMessage": WATCHERS,
    "kms:Decrypt": EVERYONE,
    "kms:GenerateDataKey": EVERYONE,
    "xray:PutTraceSegments": EVERYONE,
    "xray:PutTelemetryRecords": EVERYONE,
}
#: Those of them that a role has only under a condition of the template.
ON_REQUEST = {"kms": "HasKey", "xray": "Traced"}
#: Actions that are called otherwise than the operation.
OTHERWISE_NAMED = {"lambda:Invoke": "lambda:InvokeFunction"}
#: `client.operation()` of the SDK, at the end of which an operation is sent or paged through.
SERVICES = ("cloudtrail", "ec2", "elasticache", "lambda", "sns")
CALL = re.compile(
    rf"\b({'|'.join(SERVICES)})\s*\.\s*"
    r"((?:describe|get|list|revoke|authorize|modify|create|delete|publish|invoke|put|send|start|stop|update|add|remove)\w*)\(\)"
)


def of_functions(binaries):
    """The function resources of the template that run one of the binaries."""
    resources = deploy.template()["Resources"]
    return [resources[name] for name, binary in deploy.functions(deploy.template()) if binary in binaries]


def patterns():
    """What the functions that act are sent."""
    for function in of_functions(WATCHERS):
        for event in function["Properties"]["Events"].values():
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


def test_the_trail_is_checked_by_the_clock_and_after_a_deployment_without_one():
    """It has to run when no event of CloudTrail comes."""
    (function,) = of_functions({"trail"})
    kinds = {}
    for event in function["Properties"]["Events"].values():
        kinds.setdefault(event["Type"], []).append(event["Properties"])
    assert set(kinds) == {"Schedule", "EventBridgeRule"}
    for properties in kinds["EventBridgeRule"]:
        assert properties["Pattern"]["detail-type"] != ["AWS API Call via CloudTrail"]


def one_or_more(value):
    return value if isinstance(value, list) else [value]


def documents(role):
    """The policies of a role, by its logical id, each with the condition that it is under."""
    resources = deploy.template()["Resources"]
    properties = resources[role]["Properties"]
    for policy in properties.get("Policies", []):
        yield policy["PolicyDocument"], None
    for managed in properties.get("ManagedPolicyArns", []):
        policy = resources[managed["Ref"]]
        yield policy["Properties"]["PolicyDocument"], policy.get("Condition")
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"]:
            yield resource["Properties"]["PolicyDocument"], resource.get("Condition")


def allowed(role):
    """Every action that a role may use, on what, and under which condition of the template."""
    for document, condition in documents(role):
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in one_or_more(statement["Action"]):
                for resource in one_or_more(statement["Resource"]):
                    yield action, resource, condition


def roles():
    """Each function's binary and the logical id of its role."""
    resources = deploy.template()["Resources"]
    for name, binary in deploy.functions(deploy.template()):
        role, attribute = resources[name]["Properties"]["Role"]["Fn::GetAtt"]
        assert attribute == "Arn"
        yield binary, role


def code():
    """The modules of the shell, without tests and the account that they script."""
    for path in sorted(SHELL.rglob("*.rs")):
        module = path.relative_to(SHELL)
        if not {"tests", "scripted"} & {part.removesuffix(".rs") for part in module.parts}:
            yield module.as_posix(), path.read_text().partition("\n#[cfg(test)]\nmod tests {")[0]


def called(function):
    """Every AWS call of the modules that a function uses, as an IAM action."""
    actions = set()
    for module, text in code():
        if function in MODULES[module]:
            for service, name in CALL.findall(re.sub(r"//.*", "", text)):
                action = f"{service}:{''.join(word.capitalize() for word in name.split('_'))}"
                actions.add(OTHERWISE_NAMED.get(action, action))
    return actions


def test_every_module_of_the_shell_is_some_functions():
    assert {module for module, _ in code()} == set(MODULES)
    assert {binary for binary, _ in roles()} == EVERYONE


def test_every_client_of_the_shell_is_looked_for():
    assert {service for _, text in code() for service in re.findall(r"\baws_sdk_(\w+)", text)} == set(SERVICES)


def test_roles_allow_exactly_what_the_code_of_their_function_calls():
    for function, role in roles():
        of_platform = {action for action, functions in BY_THE_PLATFORM.items() if function in functions}
        calls = called(function)
        assert calls, f"no call of {function} was found"
        assert {action for action, _, _ in allowed(role)} == calls | of_platform, role


def test_keys_and_traces_are_allowed_on_request_only():
    for _, role in roles():
        for action, _, condition in allowed(role):
            assert condition == ON_REQUEST.get(action.split(":")[0]), action


def test_what_changes_or_sends_is_bound_to_resources():
    for _, role in roles():
        for action, resource, _ in allowed(role):
            if resource == "*":
                # X-Ray's know no resources.
                assert re.match(r"\w+:(Describe|Get)|xray:Put", action), f"{action} on everything"


def test_every_policy_belongs_to_the_role_of_a_function():
    """What no function's role has would be seen by none of these tests."""
    resources = deploy.template()["Resources"]
    of_functions = {role for _, role in roles()}
    assert {name for name, r in resources.items() if r["Type"] == "AWS::IAM::Role"} == of_functions
    managed = [resources[role]["Properties"].get("ManagedPolicyArns", []) for role in of_functions]
    attached = {policy["Ref"] for policies in managed for policy in policies}
    assert {name for name, r in resources.items() if r["Type"] == "AWS::IAM::ManagedPolicy"} == attached
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy":
            assert {ref["Ref"] for ref in resource["Properties"]["Roles"]} <= of_functions
        if resource["Type"] == "AWS::Serverless::Function":
            assert "Policies" not in resource["Properties"], "a role of its own says it all"


def test_one_role_per_function():
    resources = deploy.template()["Resources"]
    roles = [
        json.dumps(r["Properties"]["Role"]) for r in resources.values() if r["Type"] == "AWS::Serverless::Function"
    ]
    assert len(set(roles)) == len(roles) > 0


def test_readme_lists_every_parameter():
    readme = (places.REPO / "README.md").read_text()
    table = {name for row in re.findall(r"^\| (`.*?) \|", readme, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert set(deploy.template()["Parameters"]) <= table
