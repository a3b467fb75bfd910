"""Memcached servers through Systems Manager, as far as no server is needed: e2e/memcached has the others."""

import pytest
from harness import pasted
from harness.deploy import update
from harness.guard import guarded, permission

INSTANCE = "i-0123456789abcdef0"


@pytest.fixture(scope="module")
def reporting():
    with guarded(HardenMemcached="report", Alarms="none") as guard:
        yield guard


def run(guard, instance):
    done = pasted.run(f"portcullis harden {instance}", guard.account)
    return done.returncode, done.stdout, done.stderr


def test_what_cannot_be_reached_says_what_to_do_instead(reporting):
    guard, other = reporting, "i-0fedcba9876543210"
    code, _, error = run(guard, other)
    assert code == 2 and f"does not manage {other}" in error and "sudo sh harden-memcached.sh report" in error
    guard.account.control("POST", "server", {"InstanceId": INSTANCE, "PingStatus": "ConnectionLost"})
    code, _, error = run(guard, INSTANCE)
    assert code == 2 and "does not answer" in error
    # A document that somebody has changed is not run.
    ssm, name = guard.account.client("ssm"), guard.stack.outputs["HardenDocumentName"]
    content = ssm.get_document(Name=name)["Content"].replace("set -u", "set -e", 1)
    ssm.update_document(Name=name, Content=content, DocumentVersion="$LATEST")
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    code, _, error = run(guard, INSTANCE)
    assert code == 2 and "runs another script" in error
    ssm.update_document_default_version(Name=name, DocumentVersion="1")


def test_with_a_tag_only_instances_that_have_it_are_asked(reporting):
    guard, group, instance = reporting, reporting.group("untagged"), "i-0bbbbbbbbbbbbbbbb"
    guard.account.control("POST", "server", {"InstanceId": instance})
    carrier = {"NetworkInterfaceId": "eni-00000000000000009", "Groups": [{"GroupId": group}]}
    attached = {"InstanceId": instance, "Status": "attached"}
    guard.account.seed({"NetworkInterfaces": [{**carrier, "Attachment": attached}]})
    update(guard.stack, HardenMemcached="report", Alarms="none", HardenTag="yes")
    guard.gone(group, guard.open(group, permission("tcp", 11211, "0.0.0.0/0")))
    document, _ = guard.alerts.wait(group)
    (found,) = document["servers"]
    assert "is not authorized to perform: ssm:SendCommand" in found["unknown"]
