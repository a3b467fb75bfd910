"""Systems Manager's documents and Run Command. A server is a shell of this machine."""

import hashlib
import json
import uuid

import pytest
from conftest import allow, arn, code_of, wait_for

SAYS = """printf '{{Plain}}' >&2
if [ -n "${SSM_Word+x}" ]; then printf '%s' "$SSM_Word"; exit 3; else printf '%s' '{{ Word }}'; fi"""
PARAMETERS = {
    "Word": {"type": "String", "allowedPattern": "^[a-z;$ ()]{1,20}$", "interpolationType": "ENV_VAR"},
    "Plain": {"type": "String", "allowedValues": ["one", "two"], "default": "one"},
}


def content(*lines, parameters=PARAMETERS):
    inputs = {"timeoutSeconds": "2", "runCommand": list(lines)}
    only_linux = {"StringEquals": ["platformType", "Linux"]}
    step = {"action": "aws:runShellScript", "name": "say", "precondition": only_linux, "inputs": inputs}
    return json.dumps({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]})


@pytest.fixture(scope="module")
def ssm(account):
    return account.client("ssm")


@pytest.fixture
def name(ssm):
    name = f"Say-{uuid.uuid4().hex[:8]}"
    ssm.create_document(Name=name, Content=content(SAYS), DocumentType="Command", DocumentFormat="JSON")
    yield name
    ssm.delete_document(Name=name)


@pytest.fixture
def server(account):
    """``server(…)``: the id of an instance that Systems Manager manages."""

    def make(**said):
        instance = f"i-{uuid.uuid4().hex[:17]}"
        account.control("POST", "server", {"InstanceId": instance, **said})
        return instance

    return make


def finished(ssm, name, instance, **more):
    command = ssm.send_command(DocumentName=name, InstanceIds=[instance], **more)["Command"]
    wanted = {"CommandId": command["CommandId"], "InstanceId": instance}
    assert code_of(ssm.get_command_invocation, **wanted) == "InvocationDoesNotExist", "it is not there at once"

    def over():
        found = ssm.get_command_invocation(**wanted)
        return found if found["Status"] not in ("Pending", "InProgress") else None

    return wait_for(over)


def test_a_document_has_versions_each_with_its_hash(ssm, name):
    described = ssm.describe_document(Name=name)["Document"]
    assert described["Hash"] == hashlib.sha256(content(SAYS).encode()).hexdigest()
    assert (described["DocumentVersion"], described["DefaultVersion"]) == ("1", "1")
    assert ssm.get_document(Name=name)["Content"] == content(SAYS)
    assert code_of(ssm.update_document, Name=name, Content=content(SAYS)) == "DuplicateDocumentContent"
    ssm.update_document(Name=name, Content=content("true"), DocumentVersion="$LATEST")
    assert ssm.get_document(Name=name)["DocumentVersion"] == "1", "the new version is not the default yet"
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    assert ssm.get_document(Name=name)["Content"] == content("true")
    assert code_of(ssm.get_document, Name=name, DocumentVersion="3") == "InvalidDocumentVersion"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("amazon-say", content("true"), "ValidationException"),
        ("Say-no-json", "true", "InvalidDocumentContent"),
        ("Say-no-steps", '{"schemaVersion": "2.2"}', "InvalidDocumentContent"),
        ("Say-too-long", content("#" * 64 * 1024), "MaxDocumentSizeExceeded"),
    ],
)
def test_documents_that_are_refused(ssm, name, text, code):
    assert code_of(ssm.create_document, Name=name, Content=text, DocumentType="Command") == code
    assert code_of(ssm.get_document, Name=name) == "InvalidDocument"


def test_a_command_runs_with_its_parameters_in_variables(ssm, name, server):
    found = finished(ssm, name, server(), Parameters={"Word": ["$(id) ;"], "Plain": ["two"]})
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 3), "another status than 0 is a failure"
    assert found["StandardOutputContent"] == "$(id) ;", "no shell has read it"
    assert found["StandardErrorContent"] == "two"


def test_an_old_agent_writes_them_into_the_text(ssm, name, server):
    found = finished(ssm, name, server(AgentVersion="3.2.1.0"), Parameters={"Word": ["plain"]})
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "plain")


def test_another_platform_skips_the_step(ssm, name, server):
    found = finished(ssm, name, server(PlatformType="Windows"), Parameters={"Word": ["plain"]})
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "")


def test_long_output_is_cut(ssm, name, server):
    loud = content("head -c 30000 /dev/zero | tr '\\0' x; head -c 9000 /dev/zero | tr '\\0' y >&2", parameters={})
    ssm.update_document(Name=name, Content=loud, DocumentVersion="$LATEST")
    found = finished(ssm, name, server(), DocumentVersion="2")
    assert (len(found["StandardOutputContent"]), len(found["StandardErrorContent"])) == (24_000, 8_000)


def test_commands_that_are_refused(ssm, name, server):
    there = server()
    send = {"DocumentName": name, "InstanceIds": [there], "Parameters": {"Word": ["plain"]}}

    def refused(**changed):
        return code_of(ssm.send_command, **{**send, **changed})

    assert refused(DocumentName="Say-nothing") == "InvalidDocument"
    assert refused(DocumentVersion="9") == "InvalidDocumentVersion"
    assert refused(DocumentHash="0" * 64, DocumentHashType="Sha256") == "InvalidDocument"
    assert refused(Parameters={}) == "InvalidParameters", "it has no default"
    assert refused(Parameters={"Word": ["UP"]}) == "InvalidParameters"
    assert refused(Parameters={"Word": ["plain"], "Plain": ["three"]}) == "InvalidParameters"
    assert refused(Parameters={"Word": ["plain"], "Other": ["x"]}) == "InvalidParameters"
    assert refused(InstanceIds=["i-00000000000000000"]) == "InvalidInstanceId"
    assert refused(InstanceIds=[server(PingStatus="ConnectionLost")]) == "InvalidInstanceId"
    right = ssm.describe_document(Name=name)["Document"]["Hash"]
    assert ssm.send_command(**send, DocumentHash=right, DocumentHashType="Sha256")["Command"]["DocumentVersion"] == "1"


def test_only_what_is_managed_is_shown(ssm, server):
    instance = server(PingStatus="ConnectionLost", AgentVersion="3.1.0.0")
    (shown,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [instance]}])[
        "InstanceInformationList"
    ]
    assert (shown["PingStatus"], shown["AgentVersion"]) == ("ConnectionLost", "3.1.0.0")
    other = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": ["i-00000000000000000"]}])
    assert other["InstanceInformationList"] == []


def test_a_command_needs_the_document_and_each_instance(role, name, server):
    tagged, plain = server(Tags={"harden": "yes"}), server()
    documents = allow("ssm:SendCommand", arn("ssm", f"document/{name}"))
    instances = allow("ssm:SendCommand", arn("ec2", "instance/*"), StringEquals={"ssm:resourceTag/harden": "yes"})
    client = role(documents, instances)("ssm")
    send = {"DocumentName": name, "Parameters": {"Word": ["plain"]}}
    assert code_of(client.send_command, **send, InstanceIds=[plain]) == "AccessDeniedException"
    assert code_of(client.send_command, **send, InstanceIds=[tagged, plain]) == "AccessDeniedException"
    assert client.send_command(**send, InstanceIds=[tagged])["Command"]["InstanceIds"] == [tagged]
    only_instances = role(instances)("ssm")
    assert code_of(only_instances.send_command, **send, InstanceIds=[tagged]) == "AccessDeniedException"


def test_a_stack_gives_its_document_another_version(ssm, stack, aws):
    def template(line):
        properties = {"Name": name, "DocumentType": "Command", "UpdateMethod": "NewVersion"}
        properties["Content"] = json.loads(content(line))
        return {"Resources": {"Say": {"Type": "AWS::SSM::Document", "Properties": properties}}}

    name = f"Say-{uuid.uuid4().hex[:8]}"
    made = stack(template("true"))
    assert ssm.describe_document(Name=name)["Document"]["DefaultVersion"] == "1"
    aws("cloudformation").update_stack(StackName=made["StackName"], TemplateBody=json.dumps(template("false")))
    wait_for(lambda: ssm.describe_document(Name=name)["Document"]["DefaultVersion"] == "2")
    (step,) = json.loads(ssm.get_document(Name=name)["Content"])["mainSteps"]
    assert step["inputs"]["runCommand"] == ["false"]
