"""What must agree across files, and is easily forgotten. Needs no account."""

import functools
import json
import re
import uuid

import boto3
from harness import deploy, modules, places

WATCHERS = frozenset({"ingress", "cache"})
MOVERS = frozenset({"recreate"})
HARDEN = frozenset({"harden"})
PAGE = frozenset({"approval-page"})
DIGEST = frozenset({"digest"})
SWEEP = frozenset({"sweep"})
EVERYONE = WATCHERS | MOVERS | HARDEN | DIGEST | PAGE | SWEEP | {"trail"}
#: A role allows what the files call that its function names, directly or through others. Calls of a file that not all
#: of the functions make which name it.
ONLY = {
    "dynamodb:BatchGetItem": WATCHERS | SWEEP,
    "dynamodb:DeleteItem": MOVERS,
    "dynamodb:PutItem": WATCHERS | MOVERS | HARDEN | SWEEP,
    "dynamodb:Scan": {"trail"} | SWEEP,  # and the command line, with the rights of whoever runs it
    "dynamodb:UpdateItem": WATCHERS | MOVERS | HARDEN | PAGE | SWEEP,
    "kms:GenerateMac": MOVERS | HARDEN,
    "kms:VerifyMac": PAGE,
    # The command line too, with the rights of whoever runs it. The function for caches never grants.
    "ec2:AuthorizeSecurityGroupIngress": {"ingress"} | MOVERS | SWEEP,
    # Only the function for groups gets events of prefix lists.
    "ec2:DescribeManagedPrefixLists": {"ingress"},
    "ec2:GetManagedPrefixListAssociations": {"ingress"},
    # No event about a group has a cache read.
    "ec2:DescribeRouteTables": {"cache"} | SWEEP,
    "elasticache:DescribeCacheClusters": {"cache"} | MOVERS | SWEEP,
    "elasticache:DescribeCacheSubnetGroups": {"cache"} | MOVERS | SWEEP,
    "elasticache:DescribeReplicationGroups": {"cache"} | MOVERS | SWEEP,
    "elasticache:DescribeServerlessCaches": {"cache"} | MOVERS | SWEEP,
}
#: What AWS itself does with the rights of a function: its logs, what failed, reading its queue, and, on request, keys
#: and traces.
BY_THE_PLATFORM = {
    "logs:CreateLogStream": EVERYONE,
    "logs:PutLogEvents": EVERYONE,
    "sqs:SendMessage": WATCHERS | SWEEP,
    "sqs:ReceiveMessage": DIGEST,
    "sqs:DeleteMessage": DIGEST,
    "sqs:GetQueueAttributes": DIGEST,
    # What Scheduler asks of whoever gives it a role: CreateSchedule, "dependent actions".
    "iam:PassRole": WATCHERS | SWEEP | {"trail"},
    "kms:Decrypt": EVERYONE,
    "kms:GenerateDataKey": EVERYONE,
    "xray:PutTraceSegments": EVERYONE,
    "xray:PutTelemetryRecords": EVERYONE,
    # What EC2 and ElastiCache ask of whoever makes rules with tags, or a cache: Service Authorization Reference,
    # "dependent actions", and the user guide on log delivery and keys. On every resource, but for the key.
    "ec2:CreateTags": MOVERS | {"ingress"} | SWEEP,
    "ec2:CreateNetworkInterface": MOVERS,
    "ec2:DeleteNetworkInterface": MOVERS,
    "ec2:DescribeVpcs": MOVERS,
    "firehose:TagDeliveryStream": MOVERS,
    "kms:CreateGrant": MOVERS,
    "kms:DescribeKey": MOVERS,
    "logs:CreateLogDelivery": MOVERS,
    "logs:DeleteLogDelivery": MOVERS,
    "logs:DescribeLogGroups": MOVERS,
    "logs:DescribeResourcePolicies": MOVERS,
    "logs:GetLogDelivery": MOVERS,
    "logs:ListLogDeliveries": MOVERS,
    "logs:PutResourcePolicy": MOVERS,
    "logs:UpdateLogDelivery": MOVERS,
}
#: Actions that change something and know no resources: traces, a task by its token, and what ElastiCache asks for.
KNOW_NO_RESOURCES = re.compile(
    r"xray:Put|states:SendTaskSuccess$|ec2:(Create|Delete)NetworkInterface$|logs:\w+(Delivery|Policy)$"
)
#: IAM's name of each SDK's service, and the names of its clients.
SERVICES = {
    "applicationautoscaling": ("application-autoscaling", "scaling"),
    "cloudtrail": ("cloudtrail", "cloudtrail"),
    "eventbridge": ("events", "events"),
    "cloudwatch": ("cloudwatch", "cloudwatch"),
    "dynamodb": ("dynamodb", "client"),
    "ec2": ("ec2", "ec2"),
    "elasticache": ("elasticache", "elasticache"),
    "kms": ("kms", "kms"),
    "lambda": ("lambda", "lambda"),
    "scheduler": ("scheduler", "scheduler"),
    "secretsmanager": ("secretsmanager", "secrets"),
    "sfn": ("states", "sfn"),
    "sns": ("sns", "sns"),
    "sqs": ("sqs", "sqs"),
}
#: The same of those that only the command line calls.
OF_COMMAND_LINE = {"organizations": ("organizations", "organizations"), "ssm": ("ssm", "ssm")}
PREFIXES = {client: prefix for prefix, client in {**SERVICES, **OF_COMMAND_LINE}.values()}
VERBS = "describe|get|list|revoke|authorize|modify|create|delete|publish|invoke|put|send|start|stop|update|add|remove"
#: `client.operation()` of the SDK, at the end of which an operation is sent or paged through; or its input, made first.
MORE_VERBS = "scan|query|batch|transact|generate|verify|lookup"
CALL = re.compile(rf"\b({'|'.join(PREFIXES)})\s*\.\s*((?:{VERBS}|{MORE_VERBS})\w*)\(\)")
INPUT = re.compile(r"\baws_sdk_(\w+)::operation::(\w+)::builders\b|\baws_sdk_(\w+)::operation::(\w+)::\w+InputBuilder")


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
    return {
        (pattern["source"][0], name)
        for pattern in patterns()
        for either in pattern["detail"].get("$or", [pattern["detail"]])
        for name in either["eventName"]
    }


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


def test_patterns_are_of_this_account_and_region():
    """A bus may be given the events of others; what they name is not here, or is another of the same name."""
    for resource in deploy.template()["Resources"].values():
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "EventBridgeRule":
                pattern = event["Properties"]["Pattern"]
                assert pattern["account"] == [{"Ref": "AWS::AccountId"}], pattern
                assert pattern["region"] == [{"Ref": "AWS::Region"}], pattern


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


def statements_of(document, condition):
    """Each statement, with the condition that it is under."""
    for statement in document["Statement"]:
        if "Fn::If" in statement:
            name, statement, otherwise = statement["Fn::If"]
            assert otherwise == {"Ref": "AWS::NoValue"}
            yield statement, name
        else:
            yield statement, condition


def managed(role):
    """The managed policies that a role names, each with the condition under which it does."""
    for policy in deploy.template()["Resources"][role]["Properties"].get("ManagedPolicyArns", []):
        condition, policy, otherwise = policy.get("Fn::If", (None, policy, None))
        assert otherwise in (None, {"Ref": "AWS::NoValue"})
        yield policy["Ref"], condition


def attached(policy):
    """The roles that have a policy of its own."""
    return [role["Ref"] for role in policy["Properties"]["Roles"]]


#: Conditions of the template that hold where others do.
ANDED = {"SweepCloseNetworks": {"SweepCloses", "HasNetworks"}}


def documents(role):
    """The policies of a role, by its logical id, each with the condition that it is under."""
    resources = deploy.template()["Resources"]
    properties = resources[role]["Properties"]
    for policy in properties.get("Policies", []):
        yield policy["PolicyDocument"], resources[role].get("Condition")
    for name, condition in managed(role):
        policy = resources[name]
        own = policy.get("Condition")
        if condition in ANDED:
            assert own in ANDED[condition], name
            own = condition
        assert own in (None, condition, resources[role].get("Condition")), name
        yield policy["Properties"]["PolicyDocument"], own or resources[role].get("Condition")
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy" and role in attached(resource):
            yield (
                resource["Properties"]["PolicyDocument"],
                resource.get("Condition", resources[role].get("Condition")),
            )


def allowed(role):
    """Every action that a role may use, on what, and under which condition of the template."""
    for document, condition in documents(role):
        for statement, under in statements_of(document, condition):
            assert statement["Effect"] == "Allow"
            for action in one_or_more(statement["Action"]):
                for resource in one_or_more(statement["Resource"]):
                    yield action, resource, under


def roles():
    """Each function's binary and the logical id of its role."""
    resources = deploy.template()["Resources"]
    for name, binary in deploy.functions(deploy.template()):
        role, attribute = resources[name]["Properties"]["Role"]["Fn::GetAtt"]
        assert attribute == "Arn"
        yield binary, role


@functools.cache
def workspace():
    """The crates that the functions are made of."""
    folders = [folder for top in ("shared", "functions") for folder in (places.REPO / top).iterdir()]
    return modules.Workspace({folder.name: folder for folder in folders if (folder / "Cargo.toml").exists()})


@functools.cache
def code():
    """The files that call AWS, by crate and module: the calls of each, as IAM actions."""
    texts = {(name, module): text for name, crate in workspace().crates.items() for module, text in crate.texts.items()}
    return {file: actions for file, text in texts.items() if (actions := set(calls(text)))}


def calls(text):
    """Every AWS call of a module, as an IAM action."""
    found = [(PREFIXES[client], name) for client, name in CALL.findall(text)]
    found += [(SERVICES[a or c][0], b or d) for a, b, c, d in INPUT.findall(text)]
    for service, name in found:
        action = f"{service}:{''.join(word.capitalize() for word in name.split('_'))}"
        # IAM calls one of them otherwise than its API does: Service Authorization Reference, Lambda.
        yield action.replace("lambda:Invoke", "lambda:InvokeFunction")


def used(function):
    """The files that a function uses. Those of the survey are parts of one, and name each other nowhere."""
    files = workspace().used(function)
    return files | of_audit() if ("inventory", ("survey",)) in files else files


def called(function):
    """Every AWS call of the files that a function uses."""
    made = set().union(*(code().get(file, set()) for file in used(function)))
    return {action for action in made if function in ONLY.get(action, EVERYONE)}


def of_audit():
    """The files of the audit, which the sweep uses too: whoever audits needs `infra/audit-policy.json`."""
    return {file for file in code() if file[:1] == ("inventory",) and file[1][:1] == ("survey",)}


def test_every_call_is_some_functions():
    """What nobody uses would be seen by none of these tests."""
    by_all = set().union(*(used(function) for function in EVERYONE))
    assert set(code()) <= by_all and of_audit()
    assert {binary for binary, _ in roles()} == EVERYONE


def test_every_client_of_the_shell_is_looked_for():
    texts = [text for crate in workspace().crates.values() for text in crate.texts.values()]
    assert {service for text in texts for service in re.findall(r"\baws_sdk_(\w+)", text)} == set(SERVICES)


def test_calls_that_only_some_make_are_made_by_more():
    """Else the table says nothing."""
    for action, functions in ONLY.items():
        using = {f for f in EVERYONE for file in used(f) if action in code().get(file, set())}
        assert using > functions, action


def test_roles_allow_exactly_what_the_code_of_their_function_calls():
    for function, role in roles():
        of_platform = {action for action, functions in BY_THE_PLATFORM.items() if function in functions}
        made = called(function)
        assert made, f"no call of {function} was found"
        assert {action for action, _, _ in allowed(role)} == made | of_platform, role


def test_the_policy_of_the_audit_allows_exactly_what_it_calls_and_only_reads():
    (statement,) = json.loads((places.REPO / "infra" / "audit-policy.json").read_text())["Statement"]
    made = set().union(*(code()[file] for file in of_audit()))
    own = (places.REPO / "cli" / "src" / "audit" / name for name in ("accounts.rs", "servers.rs"))
    assert set(statement["Action"]) == made.union(*(calls(path.read_text()) for path in own))
    assert statement["Action"] == sorted(statement["Action"])
    assert all(re.match(r"\w+:(Describe|Get|List)", action) for action in statement["Action"])


def test_what_is_asked_for_is_allowed_on_request_only():
    """Keys, traces, chat, moves and the page."""
    resources = deploy.template()["Resources"]
    for _, role in roles():
        for action, resource, condition in allowed(role):
            expected = resources[role].get("Condition")
            if resource == {"Ref": "KmsKeyArn"}:
                expected = "HasKey"
            elif action.startswith("xray:"):
                expected = "Traced"
            elif action == "states:StartExecution":
                expected = "Hardens" if role == "IngressRole" else "MovesBegin"
            elif role == "IngressRole" and action == "states:DescribeExecution":
                expected = "Hardens"
            elif action in ("kms:GenerateMac", "kms:VerifyMac"):
                expected = {"RecreateRole": "MovesHavePage", "HardenRole": "HardeningsHavePage"}.get(role, "HasPage")
            elif resource == {"Ref": "ChatAlerts"}:
                expected = "HasChat"
            elif role == "IngressRole" and action in ("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"):
                expected = "HasNetworks"
            elif role == "SweepRole" and action in ("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"):
                expected = "SweepCloseNetworks"
            elif role == "SweepRole" and action in ("ec2:RevokeSecurityGroupIngress", "dynamodb:UpdateItem"):
                expected = "SweepCloses"
            assert condition == expected, action


def test_what_changes_or_sends_is_bound_to_resources():
    for _, role in roles():
        for action, resource, _ in allowed(role):
            if resource == "*":
                known = re.match(r"[\w-]+:(Describe|Get|List|Lookup)", action) or KNOW_NO_RESOURCES.match(action)
                assert known, f"{action} on everything"


def test_every_policy_belongs_to_a_role_that_is_looked_at():
    """What no function's role has would be seen by none of these tests."""
    resources = deploy.template()["Resources"]
    of_functions = {role for _, role in roles()}
    looked_at = of_functions | {"RecreateStateMachineRole", "HardenStateMachineRole", "HardenAskStateMachineRole"}
    looked_at.add("RevisitRole")
    assert {name for name, r in resources.items() if r["Type"] == "AWS::IAM::Role"} == looked_at
    used = {policy for role in of_functions for policy, _ in managed(role)}
    assert {name for name, r in resources.items() if r["Type"] == "AWS::IAM::ManagedPolicy"} == used
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy":
            assert set(attached(resource)) <= looked_at
        if resource["Type"] in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
            assert "Policies" not in resource["Properties"], "a role of its own says it all"


def test_the_key_of_the_links_denies_all_but_the_role_that_makes_them_and_the_one_that_checks():
    """An allowing policy, wherever it is, gives nobody else the right: a denial in the key's policy goes before it."""
    key = deploy.template()["Resources"]["LinkKey"]["Properties"]
    denied = {}
    for statement in key["KeyPolicy"]["Statement"]:
        if statement["Effect"] == "Deny":
            assert statement["Principal"] == {"AWS": "*"} and statement["Resource"] == "*"
            ((operator, condition),) = statement["Condition"].items()
            assert operator == "ArnNotEquals"
            denied[statement["Action"]] = principals(condition["aws:PrincipalArn"])
    rights = {role: {action for action, _, _ in allowed(role)} for _, role in roles()}
    users = {action: {role for role, actions in rights.items() if action in actions} for action in denied}
    assert denied == {"kms:GenerateMac": {"RecreateRole", "HardenRole"}, "kms:VerifyMac": {"ApproveRole"}}
    assert users == denied


def principals(found):
    """The roles of a condition, each under the condition under which it is there."""
    if isinstance(found, dict):
        return {found["Fn::GetAtt"][0]}
    resources = deploy.template()["Resources"]
    roles = set()
    for choice in found:
        condition, role, nothing = choice["Fn::If"]
        assert nothing == {"Ref": "AWS::NoValue"} and resources[role["Fn::GetAtt"][0]]["Condition"] == condition
        roles.add(role["Fn::GetAtt"][0])
    return roles


def test_the_workflow_may_invoke_its_function_and_write_its_logs():
    changes = {}
    for action, resource, condition in allowed("RecreateStateMachineRole"):
        assert condition == "Moves"
        changes.setdefault(json.dumps(resource), set()).add(action)
    assert changes.pop(json.dumps({"Fn::GetAtt": ["RecreateFunction", "Arn"]})) == {"lambda:InvokeFunction"}
    (on_everything,) = changes.values()
    assert {action.split(":")[0] for action in on_everything} == {"logs", "xray"}


def test_the_workflow_that_asks_servers_may_send_its_document_to_instances_and_nobody_else_may():
    template = deploy.template()
    instances = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"}
    sent = [resource for action, resource, _ in allowed("HardenStateMachineRole") if action == "ssm:SendCommand"]
    document = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/${HardenDocument}"
    assert sent == [{"Fn::Sub": document}, instances]
    (policy,) = template["Resources"]["HardenStateMachineRole"]["Properties"]["Policies"]
    (bound,) = [one["Condition"] for one in policy["PolicyDocument"]["Statement"] if one["Resource"] == instances]
    tagged = {"StringEquals": {"ssm:resourceTag/portcullis:harden": {"Ref": "HardenTag"}}}
    assert bound == {"Fn::If": ["HasHardenTag", tagged, {"Ref": "AWS::NoValue"}]}
    others = {action for _, role in roles() for action, _, _ in allowed(role)}
    assert not [action for action in others if action.startswith("ssm:")]
    # So does the workflow that people were asked for, with another role, under the same condition.
    (policy,) = template["Resources"]["HardenAskStateMachineRole"]["Properties"]["Policies"]
    sent = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "ssm:SendCommand"]
    assert [one["Resource"] for one in sent] == [{"Fn::Sub": document}, instances]
    assert "Condition" not in sent[0] and sent[1]["Condition"] == bound
    assert {condition for _, _, condition in allowed("HardenAskStateMachineRole")} == {"HardensByAsking"}
    # Reports cannot be told to do anything else; what is applied is what the record says.
    text = (places.REPO / "infra" / "harden.asl.json").read_text()
    assert text.count("sendCommand") == 1 and re.findall(r'"Mode": \[\s*"(\w+)"', text) == ["report"]
    states = json.loads((places.REPO / "infra" / "harden-ask.asl.json").read_text())["States"]
    sends = {name: state["Arguments"] for name, state in states.items() if "sendCommand" in state.get("Resource", "")}
    assert set(sends) == {"Apply", "Verify"}
    for given in sends.values():
        assert given["DocumentVersion"] == "{% $agreed.documentVersion %}"
        assert given["DocumentHash"] == "{% $agreed.documentHash %}"
    assert sends["Apply"]["Parameters"] == {
        "Mode": ["apply"],
        "Listen": ["{% $agreed.listen %}"],
        "Expected": ["{% $agreed.expected %}"],
        "Id": ["{% $agreed.id %}"],
    }
    assert sends["Verify"]["Parameters"] == {"Mode": ["report"]}


#: The follow-up of a run.
SWEEP_FUNCTION = {"Fn::If": ["HasSweep", {"Fn::GetAtt": ["SweepFunction", "Arn"]}, {"Ref": "AWS::NoValue"}]}


def test_a_schedule_may_invoke_the_functions_and_leave_what_it_could_not_deliver():
    """Only Scheduler may assume the role, and only for the schedules of the stack's own group."""
    role = deploy.template()["Resources"]["RevisitRole"]["Properties"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    group = {"Fn::GetAtt": ["RevisitGroup", "Arn"]}
    assert trusted["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": group}
    }
    rights = [(action, resource, condition) for action, resource, condition in allowed("RevisitRole")]
    assert [right for right in rights if right[2] != "HasKey"] == [
        ("lambda:InvokeFunction", {"Fn::GetAtt": ["IngressFunction", "Arn"]}, None),
        ("lambda:InvokeFunction", {"Fn::GetAtt": ["CacheFunction", "Arn"]}, None),
        ("lambda:InvokeFunction", SWEEP_FUNCTION, None),
        ("sqs:SendMessage", {"Fn::GetAtt": ["UndeliveredQueue", "Arn"]}, None),
    ]
    assert {resource["Ref"] for _, resource, condition in rights if condition == "HasKey"} == {"KmsKeyArn"}


def test_only_the_role_of_revisits_is_handed_on_and_only_to_scheduler():
    passed = [
        (statement["Resource"], statement["Condition"])
        for _, role in roles()
        for document, condition in documents(role)
        for statement, _ in statements_of(document, condition)
        if statement["Action"] == "iam:PassRole"
    ]
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    assert passed == [({"Fn::GetAtt": ["RevisitRole", "Arn"]}, to_scheduler)] * len(WATCHERS | SWEEP | {"trail"})


#: The partition and the Region with the longest names, and a stack of a stack set that turns moves on.
LONGEST = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "us-isof-south-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com.cn",
    "AWS::StackName": f"StackSet-portcullis-ap-southeast-1-{uuid.UUID(int=0)}",
    "RevisitGroup": "x" * 64,
    "HardenDocument": "x" * 78,
}
#: What IAM takes, blanks not counted: of a managed policy, of all inline policies of a role together, and of who may
#: assume a role (IAM user guide, "IAM and STS quotas").
MANAGED, INLINE, TRUST = 6_144, 10_240, 2_048
#: Names that the template gives itself, and how long AWS lets them be: the service models of Step Functions, DynamoDB,
#: Lambda and CloudWatch Logs; for SQS its developer guide, "Quotas".
NAMES = {"Name": 80, "QueueName": 80, "TableName": 255, "LayerName": 140, "LogGroupName": 512}


def rendered(value):
    """A value as it is deployed, with the longest names, where every condition holds."""
    if isinstance(value, list):
        return [rendered(item) for item in value if item != {"Ref": "AWS::NoValue"}]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        return rendered(value["Fn::If"][1])
    if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        return re.sub(r"\$\{([\w:]+)\}", lambda name: LONGEST[name[1]], value["Fn::Sub"])
    if set(value) == {"Ref"} and value["Ref"] in LONGEST:
        return LONGEST[value["Ref"]]
    if set(value) in ({"Ref"}, {"Fn::GetAtt"}):
        # A role, a queue, a table: an ARN with the name of the stack, of the resource, and what CloudFormation adds.
        return f"arn:{LONGEST['AWS::Partition']}:states:{LONGEST['AWS::Region']}:111122223333:stateMachine:{'x' * 80}"
    return {name: rendered(item) for name, item in value.items()}


def size(document):
    return len(re.sub(r"\s", "", json.dumps(rendered(document), separators=(",", ":"))))


def test_policies_fit_into_iam_wherever_the_stack_is():
    assert len(LONGEST["AWS::Region"]) == max(map(len, regions())), "there is a longer one"
    sizes = {}
    for name, resource in deploy.template()["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            sizes[name] = size(properties["PolicyDocument"]), MANAGED
        elif resource["Type"] == "AWS::IAM::Role":
            own = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            own += [
                r["Properties"]["PolicyDocument"] for r in deploy.template()["Resources"].values() if inline(r, name)
            ]
            sizes[name] = sum(map(size, own)), INLINE
            sizes[f"{name}, trust"] = size(properties["AssumeRolePolicyDocument"]), TRUST
            assert len(list(managed(name))) <= 10, f"{name} has more managed policies than IAM takes"
    assert len(sizes) > 20 and all(found > 100 for found, _ in sizes.values()), sizes
    # A fifth is left, so that the next statement does not break the deployment of the day.
    assert {name: found for name, found in sizes.items() if found[0] > 0.8 * found[1]} == {}


def inline(resource, role):
    return resource["Type"] == "AWS::IAM::Policy" and role in attached(resource)


def regions(isolated=True):
    """Of all partitions that the SDK knows, those without a way to the internet included."""
    session = boto3.Session()
    for partition in session.get_available_partitions():
        if isolated or "-iso" not in partition:
            yield from session.get_available_regions("lambda", partition_name=partition)


def test_names_fit_in_a_stack_of_a_stack_set():
    """It is called StackSet-<set>-<uuid>, and the sets of the guide portcullis-<Region>."""
    sets = re.findall(r"--stack-set-name (\S+)", (places.REPO / "docs" / "many-accounts.md").read_text())
    assert set(sets) == {"portcullis-$region", "portcullis", "$1"}
    longest = max(regions(isolated=False), key=len)
    assert len(LONGEST["AWS::StackName"]) == len(f"StackSet-portcullis-{longest}-{uuid.UUID(int=0)}") == 71
    found = {}
    for name, resource in deploy.template()["Resources"].items():
        for member, most in NAMES.items():
            if "AWS::StackName" in json.dumps(resource["Properties"].get(member, "")):
                found[name] = len(rendered(resource["Properties"][member])), most
    assert {"RecreateStateMachine", "DigestQueue", "Ledger", "MovesTable", "Exceptions"} <= set(found)
    assert {name: (length, most) for name, (length, most) in found.items() if length > most} == {}


def test_nobody_but_those_who_are_meant_puts_messages_into_a_queue():
    """Neither with a right to send, nor by naming it as the dead-letter queue of another."""
    resources = deploy.template()["Resources"]
    functions = [{"Fn::GetAtt": ["IngressRole", "Arn"]}, {"Fn::GetAtt": ["CacheRole", "Arn"]}]
    swept = {"Fn::If": ["HasSweep", {"Fn::GetAtt": ["SweepRole", "Arn"]}, {"Ref": "AWS::NoValue"}]}
    rules = [{"Fn::GetAtt": ["IngressFunctionCalls", "Arn"]}, {"Fn::GetAtt": ["CacheFunctionCalls", "Arn"]}]
    senders = {
        "DigestQueue": {"aws:PrincipalArn": functions},
        "FailureQueue": {"aws:PrincipalArn": [*functions, swept]},
        # Scheduler's come with the role of revisits, and name no source.
        "UndeliveredQueue": {"aws:SourceArn": rules, "aws:PrincipalArn": {"Fn::GetAtt": ["RevisitRole", "Arn"]}},
    }
    assert {name for name, r in resources.items() if r["Type"] == "AWS::SQS::Queue"} == set(senders)
    for queue, expected in senders.items():
        statements = resources[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        denied = [s for s in statements if s["Effect"] == "Deny" and s["Action"] == "sqs:SendMessage"]
        assert [(s["Principal"], s["Condition"]) for s in denied] == [("*", {"ArnNotEquals": expected})], queue
        redrive = resources[queue]["Properties"]["RedriveAllowPolicy"]
        feeds = [
            r["Properties"]["QueueName"]
            for r in resources.values()
            if r["Properties"].get("RedrivePolicy", {}).get("deadLetterTargetArn") == {"Fn::GetAtt": [queue, "Arn"]}
        ]
        if feeds:
            arns = [f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{f['Fn::Sub']}" for f in feeds]
            assert redrive == {"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": arn} for arn in arns]}
        else:
            assert redrive == {"redrivePermission": "denyAll"}, queue


def test_alarms_that_fill_what_is_missing_look_back():
    """The guide to metric math warns of one period: data that come late would be a 0 that was judged already."""
    filled = 0
    for name, resource in deploy.template()["Resources"].items():
        if "FILL(" in json.dumps(resource["Properties"].get("Metrics", [])):
            filled += 1
            properties = resource["Properties"]
            assert (properties["EvaluationPeriods"], properties["DatapointsToAlarm"]) == (3, 1), name
    assert filled == 5


def test_names_of_endpoints_and_consoles_are_of_the_partition():
    text = places.TEMPLATE.read_text()
    assert not re.search(r"\$\{AWS::Region\}\.amazonaws\.com", text), "in China it ends in .cn: ${AWS::URLSuffix}"
    consoles = deploy.template()["Mappings"]["Partitions"]
    assert {"aws", "aws-cn", "aws-us-gov"} <= set(consoles)
    assert re.findall(r"https://\S*console\S*", text) == [] and text.count("https://${AWS::Region}.${Console}/") == 1


def test_a_last_snapshot_may_be_tagged_with_and_without_the_marker():
    snapshots = {"Fn::Sub": "arn:${AWS::Partition}:elasticache:${AWS::Region}:${AWS::AccountId}:snapshot:*"}
    marker = set()
    for statement, _ in statements_of(
        deploy.template()["Resources"]["MoveCache"]["Properties"]["PolicyDocument"], None
    ):
        adds = "elasticache:AddTagsToResource" in one_or_more(statement["Action"])
        if adds and snapshots in one_or_more(statement["Resource"]):
            marker.add(statement["Condition"]["Null"]["aws:RequestTag/portcullis:moved-from"])
    assert marker == {"false", "true"}


def test_a_digest_has_time_and_is_tried_again():
    """What AWS advises for a queue that Lambda reads: developer guide, "Using Lambda with Amazon SQS"."""
    resources = deploy.template()["Resources"]
    queue = resources["DigestQueue"]["Properties"]
    (function,) = of_functions(DIGEST)
    (mapping,) = (event["Properties"] for event in function["Properties"]["Events"].values())
    window = mapping["MaximumBatchingWindowInSeconds"]
    assert mapping["Queue"] == {"Fn::GetAtt": ["DigestQueue", "Arn"]} and window == 60
    assert queue["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"] + window
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert queue["MessageRetentionPeriod"] < resources["FailureQueue"]["Properties"]["MessageRetentionPeriod"]
    # The alarm goes off before the third attempt, after which SQS leaves a message out of the metric.
    assert resources["DigestAlarm"]["Properties"]["Threshold"] < window + 2 * queue["VisibilityTimeout"]


def test_exceptions_and_memory_are_given_to_those_who_decide():
    resources = deploy.template()["Resources"]
    for name, binary in deploy.functions(deploy.template()):
        properties = resources[name]["Properties"]
        own = set(properties.get("Environment", {}).get("Variables", {}))
        assert ("Layers" in properties) == (binary in WATCHERS | SWEEP), name
        assert ({"PORTCULLIS_EXCEPTIONS_DIR", "PORTCULLIS_LEDGER_TABLE"} <= own) == (binary in WATCHERS | SWEEP), name


def test_limits_are_those_of_the_engine():
    engine = places.REPO / "shared" / "engine" / "src"
    text = "".join((engine / name).read_text() for name in ("limits.rs", "ledger/entry.rs"))
    constants = {name: int(value) for name, value in re.findall(r"pub const (\w+): \w+ = (\d+);", text)}
    settings = (engine / "settings.rs").read_text()
    constants["ALERTS_PER_MINUTE"] = int(re.search(r"limit\(ALERTS_PER_MINUTE, (\d+)\)", settings).group(1))
    parameters = deploy.template()["Parameters"]
    for name in ("ActionsPerEvent", "ActionsPerMinute", "ComebacksPerHour", "AlertsPerMinute"):
        setting = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
        assert parameters[name]["Default"] == constants[setting], name
        for resource in of_functions(WATCHERS):
            assert resource["Properties"]["Environment"]["Variables"][f"PORTCULLIS_{setting}"] == {"Ref": name}
    assert parameters["ComebacksPerHour"]["MaxValue"] == constants["OCCURRENCES"]


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
