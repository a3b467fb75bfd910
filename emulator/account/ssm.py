"""Systems Manager's Run Command: documents with versions and hashes, servers on which they run, associations.

A server is what a test or the demo says that it is (`POST /_account/server`): an instance, its agent, and how a command
gets into it. Documents run as the agent runs them: one shell script for each step, its parameters in variables.

AWS: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html (and of the other actions),
https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-syntax-data-elements-parameters.html,
https://docs.aws.amazon.com/general/latest/gr/ssm.html (64 KB for a document, 24,000 characters of output)
"""

import hashlib
import json
import re
import subprocess
import threading
import time
import uuid

from ministack import app
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    request_scope,
)
from ministack.services import ssm
from ministack.services.cloudformation import provisioners

from . import patching
from .settings import SETTINGS

LARGEST_DOCUMENT, STDOUT, STDERR = 64 * 1024, 24_000, 8_000
NAME = re.compile(r"[a-zA-Z0-9_\-.]{3,128}")
RESERVED = ("aws", "amazon", "amzn")
#: The first agent that hands parameters over as variables (interpolationType ENV_VAR).
WITH_VARIABLES = (3, 3, 2746, 0)
#: name -> {"Versions": {number: {"Content", "Hash"}}, "Default": number}
_DOCUMENTS = AccountRegionScopedDict()
#: Instance -> what was said of it.
_SERVERS = AccountRegionScopedDict()
_COMMANDS = AccountRegionScopedDict()
#: Id -> the command that an association ran when it was made, and what it is.
_ASSOCIATIONS = AccountRegionScopedDict()
SCHEDULE = re.compile(r"rate\(\d+ (minute|hour|day)s?\)|cron\(.+\)")


class Refused(Exception):
    """What AWS answers with in place of a result."""


def install():
    patching.require(ssm, "handle_request")
    patching.require(app, "SERVICE_HANDLERS")
    patching.require(provisioners, "_RESOURCE_HANDLERS")
    others = ssm.handle_request

    async def handle(method, path, headers, body, query_params):
        action = ACTIONS.get(headers.get("x-amz-target", "").split(".")[-1])
        if action is None:
            return await others(method, path, headers, body, query_params)
        try:
            answer = action(json.loads(body or b"{}"))
        except Refused as refused:
            return error_response_json(*refused.args, 400)
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    app.SERVICE_HANDLERS["ssm"] = handle
    provisioners._RESOURCE_HANDLERS["AWS::SSM::Document"] = {"create": made, "update": changed, "delete": removed}


def server(said):
    """An instance that Systems Manager manages: `{"InstanceId", "Enter": [...]}`, and what differs from the usual."""
    usual = {"PingStatus": "Online", "PlatformType": "Linux", "AgentVersion": "3.3.2746.0", "Tags": {}}
    with request_scope(SETTINGS.account_id, SETTINGS.region):
        _SERVERS[said["InstanceId"]] = {**usual, **said}
        return {"servers": sorted(_SERVERS)}


# Documents ---------------------------------------------------------------------------------------


def create_document(request):
    name = request.get("Name") or ""
    if not NAME.fullmatch(name) or name.lower().startswith(RESERVED):
        raise Refused("ValidationException", f"The document name {name} is not valid.")
    if name in _DOCUMENTS:
        raise Refused("DocumentAlreadyExists", "The specified document already exists.")
    _DOCUMENTS[name] = {"Versions": {1: version(request.get("Content") or "")}, "Default": 1}
    return {"DocumentDescription": description(name, 1)}


def update_document(request):
    """A new version, which is not the default yet."""
    document, content = find(request.get("Name")), version(request.get("Content") or "")
    if content["Hash"] in [one["Hash"] for one in document["Versions"].values()]:
        raise Refused("DuplicateDocumentContent", "The content of the association document matches another document.")
    number = max(document["Versions"]) + 1
    document["Versions"][number] = content
    return {"DocumentDescription": description(request["Name"], number)}


def update_default(request):
    document = find(request.get("Name"))
    document["Default"] = numbered(document, request.get("DocumentVersion"))
    return {"Description": {"Name": request["Name"], "DefaultVersion": str(document["Default"])}}


def describe_document(request):
    document = find(request.get("Name"))
    return {"Document": description(request["Name"], numbered(document, request.get("DocumentVersion")))}


def get_document(request):
    document = find(request.get("Name"))
    number = numbered(document, request.get("DocumentVersion"))
    content = document["Versions"][number]["Content"]
    return {**head(request["Name"], number), "Content": content}


def delete_document(request):
    find(request.get("Name"))
    del _DOCUMENTS[request["Name"]]
    return {}


def version(content):
    """A document of schema 2.2 whose parameters and steps are what AWS takes."""
    if len(content.encode()) > LARGEST_DOCUMENT:
        raise Refused("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
    try:
        read = json.loads(content)
        steps = read["mainSteps"]
        right = read["schemaVersion"] == "2.2" and all(step["action"] == "aws:runShellScript" for step in steps)
        right = right and all(one["type"] == "String" for one in read.get("parameters", {}).values())
    except (ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise Refused("InvalidDocumentContent", "The content for the document isn't valid.")
    return {"Content": content, "Hash": hashlib.sha256(content.encode()).hexdigest()}


def find(name):
    if name not in _DOCUMENTS:
        raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
    return _DOCUMENTS[name]


def numbered(document, asked):
    if asked in (None, "", "$DEFAULT"):
        return document["Default"]
    number = max(document["Versions"]) if asked == "$LATEST" else int(asked) if str(asked).isdigit() else 0
    if number not in document["Versions"]:
        raise Refused("InvalidDocumentVersion", "The document version isn't valid or doesn't exist.")
    return number


def head(name, number):
    return {
        **{"Name": name, "DocumentVersion": str(number), "Status": "Active"},
        **{"DocumentType": "Command", "DocumentFormat": "JSON"},
    }


def description(name, number):
    document = _DOCUMENTS[name]
    return {
        **head(name, number),
        **{"Hash": document["Versions"][number]["Hash"], "HashType": "Sha256", "SchemaVersion": "2.2"},
        **{"PlatformTypes": ["Linux"], "DefaultVersion": str(document["Default"])},
        **{"LatestVersion": str(max(document["Versions"])), "Owner": get_account_id()},
    }


# CloudFormation -----------------------------------------------------------------------------------


def made(logical_id, props, stack_name):
    name = props.get("Name") or f"{stack_name}-{logical_id}-{uuid.uuid4().hex[:12].upper()}"
    told(create_document, {"Name": name, "Content": text_of(props)})
    return name, {}


def changed(name, old_props, new_props, stack_name, logical_id=None):
    if new_props.get("UpdateMethod") != "NewVersion":
        raise ValueError(
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing: {name}"
        )
    if text_of(new_props) != text_of(old_props):
        update = told(update_document, {"Name": name, "Content": text_of(new_props)})
        told(update_default, {"Name": name, "DocumentVersion": update["DocumentDescription"]["DocumentVersion"]})
    return name, {}


def removed(name, props):
    _DOCUMENTS.pop(name, None)


def told(action, request):
    try:
        return action(request)
    except Refused as refused:
        raise ValueError(": ".join(refused.args)) from refused


def text_of(props):
    content = props["Content"]
    return content if isinstance(content, str) else json.dumps(content)


# Commands -----------------------------------------------------------------------------------------


def describe_instance_information(request):
    wanted = {
        value for item in request.get("Filters") or [] if item["Key"] == "InstanceIds" for value in item["Values"]
    }
    shown = ("InstanceId", "PingStatus", "PlatformType", "AgentVersion")
    found = [
        {name: one[name] for name in shown} | {"LastPingDateTime": time.time(), "ResourceType": "EC2Instance"}
        for one in _SERVERS.values()
        if not wanted or one["InstanceId"] in wanted
    ]
    return {"InstanceInformationList": found}


def send_command(request):
    name = (request.get("DocumentName") or "").rsplit("document/", 1)[-1]
    document = find(name)
    number = numbered(document, request.get("DocumentVersion"))
    chosen = document["Versions"][number]
    if request.get("DocumentHash") not in (None, chosen["Hash"]):
        raise Refused("InvalidDocument", "The document hash does not match the document.")
    content = json.loads(chosen["Content"])
    parameters = checked(content.get("parameters") or {}, request.get("Parameters") or {})
    instances = request.get("InstanceIds") or []
    unknown = [one for one in instances if (_SERVERS.get(one) or {}).get("PingStatus") != "Online"]
    if unknown or not instances:
        raise Refused(
            "InvalidInstanceId",
            f"Instances [[{', '.join(unknown)}]] not in a valid state for account {get_account_id()}",
        )
    command = {"Content": content, "Parameters": parameters, "Version": number, "Name": name}
    command["Invocations"] = {one: {"Status": "Pending", "ResponseCode": -1, "Late": True} for one in instances}
    command_id = str(uuid.uuid4())
    _COMMANDS[command_id] = command
    for one in instances:
        arguments = (_SERVERS[one], command, command["Invocations"][one])
        threading.Thread(target=run, args=arguments, daemon=True).start()
    return {
        "Command": {
            **{"CommandId": command_id, "DocumentName": name, "DocumentVersion": str(number), "Status": "Pending"},
            **{
                "InstanceIds": instances,
                "Parameters": request.get("Parameters") or {},
                "RequestedDateTime": time.time(),
            },
        }
    }


def checked(declared, given):
    """One value for each parameter: the one given, or the default."""
    values = {}
    for name in given:
        if name not in declared:
            raise Refused("InvalidParameters", f"Parameter {name} is not declared in the document.")
    for name, one in declared.items():
        value = given.get(name, [one.get("default")])
        if len(value) != 1 or value[0] is None:
            raise Refused("InvalidParameters", f"Parameter {name} needs one value.")
        allowed, pattern = one.get("allowedValues"), one.get("allowedPattern")
        if (allowed and value[0] not in allowed) or (pattern and not re.search(pattern, value[0])):
            raise Refused("InvalidParameters", f"Parameter {name} has a value that the document does not allow.")
        values[name] = value[0]
    return values


def run(server, command, invocation):
    """As the agent: skipped on another platform, else one script, with the parameters in variables or in its text."""
    (step,) = command["Content"]["mainSteps"]
    if step.get("precondition", {}).get("StringEquals", ["platformType", "Linux"])[1] != server["PlatformType"]:
        invocation.update(Status="Success", ResponseCode=0, StandardOutputContent="")
        return
    declared, values = command["Content"]["parameters"], command["Parameters"]
    modern = tuple(int(part) for part in server["AgentVersion"].split(".")) >= WITH_VARIABLES
    by_variable = {name for name in values if modern and declared[name].get("interpolationType") == "ENV_VAR"}
    text = "\n".join(step["inputs"]["runCommand"])
    for name, value in values.items():
        if name not in by_variable:
            text = re.sub(r"\{\{ *" + name + r" *\}\}", lambda _, value=value: value, text)
    variables = [f"SSM_{name}={values[name]}" for name in by_variable]
    invocation["Status"] = "InProgress"
    try:
        done = subprocess.run(
            [*server.get("Enter", []), "env", *variables, "sh", "/dev/stdin"],
            **{"input": text, "capture_output": True, "text": True, "cwd": "/"},
            timeout=float(step["inputs"].get("timeoutSeconds", 3600)),
        )
        code, out, error = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, out, error = 137, "", "the time is over"
    invocation.update(StandardOutputContent=out[:STDOUT], StandardErrorContent=error[:STDERR], ResponseCode=code)
    # Last: who sees the end sees the output.
    invocation["Status"] = "Success" if code == 0 else "Failed"


def get_command_invocation(request):
    command = _COMMANDS.get(request.get("CommandId")) or {}
    invocation = command.get("Invocations", {}).get(request.get("InstanceId"))
    # It is not there at once: who asks the first time asks too early.
    if invocation is None or invocation.pop("Late", False):
        raise Refused("InvocationDoesNotExist", "")
    empty = {"StandardOutputContent": "", "StandardErrorContent": ""}
    return {
        **{"CommandId": request["CommandId"], "InstanceId": request["InstanceId"]},
        **{"DocumentName": command["Name"], "DocumentVersion": str(command["Version"])},
        **empty,
        **invocation,
        "StatusDetails": invocation["Status"],
    }


# State Manager ------------------------------------------------------------------------------------


def create_association(request):
    """It runs at once, and then by its schedule, which nobody here waits for."""
    if not SCHEDULE.fullmatch(request.get("ScheduleExpression") or "rate(1 day)"):
        raise Refused("InvalidSchedule", "The schedule is invalid.")
    wanted = {target["Key"]: target["Values"] for target in request.get("Targets") or []}
    if not wanted or not all(key.startswith("tag:") for key in wanted):
        raise Refused("InvalidTarget", "The target isn't valid or doesn't exist.")
    tagged = [
        one["InstanceId"]
        for one in _SERVERS.values()
        if all(one["Tags"].get(key.removeprefix("tag:")) in values for key, values in wanted.items())
    ]
    sent = send_command({**request, "DocumentName": request.get("Name"), "InstanceIds": tagged})
    identity = str(uuid.uuid4())
    shown = {name: request[name] for name in ("Name", "Parameters", "Targets", "ScheduleExpression") if name in request}
    _ASSOCIATIONS[identity] = {"AssociationId": identity, **shown}, sent["Command"]["CommandId"]
    return {"AssociationDescription": {"AssociationId": identity, **shown, "Overview": {"Status": "Pending"}}}


def describe_association(request):
    if request.get("AssociationId") not in _ASSOCIATIONS:
        raise Refused("AssociationDoesNotExist", "The specified association does not exist.")
    shown, command = _ASSOCIATIONS[request["AssociationId"]]
    states = {one["Status"] for one in _COMMANDS[command]["Invocations"].values()}
    status = "Failed" if "Failed" in states else "Success" if states == {"Success"} else "Pending"
    return {"AssociationDescription": {**shown, "Overview": {"Status": status}}}


def resources(action, body):
    """What SendCommand is authorized on: the document, and each instance (Service Authorization Reference, SSM)."""
    place = f"{get_region()}:{get_account_id()}"
    name = (body.get("DocumentName") or body.get("Name") or "").rsplit("document/", 1)[-1]
    if action == "SendCommand":
        yield f"arn:aws:ssm:{place}:document/{name}", {}
        for one in body.get("InstanceIds") or []:
            tags = (_SERVERS.get(one) or {}).get("Tags", {})
            yield f"arn:aws:ec2:{place}:instance/{one}", {f"ssm:resourceTag/{key}": tags[key] for key in tags}
    elif action in ("GetDocument", "DescribeDocument"):
        yield f"arn:aws:ssm:{place}:document/{name}", {}


ACTIONS = {
    "CreateDocument": create_document,
    "UpdateDocument": update_document,
    "UpdateDocumentDefaultVersion": update_default,
    "DescribeDocument": describe_document,
    "GetDocument": get_document,
    "DeleteDocument": delete_document,
    "DescribeInstanceInformation": describe_instance_information,
    "SendCommand": send_command,
    "GetCommandInvocation": get_command_invocation,
    "CreateAssociation": create_association,
    "DescribeAssociation": describe_association,
}
