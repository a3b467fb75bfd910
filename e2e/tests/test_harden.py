"""Memcached servers of one's own: a real one in namespaces, hardened through Systems Manager from the command line."""

import importlib.util
import json
import re
import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import pasted, places
from harness.guard import guarded
from harness.wait import until

HERE = places.REPO / "e2e" / "memcached"
INSTANCE = "i-0123456789abcdef0"
#: As the oldest builds ran: on all addresses, with UDP.
OPEN = "-u memcache\n-m 64\n-U 11211\n"
WIDE = {"tcp 0.0.0.0:11211", "tcp [::]:11211", "udp 0.0.0.0:11211", "udp [::]:11211"}


def host_module():
    specification = importlib.util.spec_from_file_location("memcached_host", HERE / "host.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reporting():
    with guarded(HardenMemcached="report", Alarms="none") as guard:
        yield guard


@pytest.fixture
def server(reporting):
    """A host whose memcached is open to all, as an instance that Systems Manager manages."""
    hosts = host_module()
    if hosts.missing():
        pytest.skip(hosts.missing())
    host = hosts.Host()
    manage(reporting, host)
    host.debian(OPEN)
    yield host
    host.close()


def manage(guard, host, **said):
    enter = ["nsenter", "-t", str(host.pid), "-n", "-m", "-p", "--"]
    guard.account.control("POST", "server", {"InstanceId": INSTANCE, "Enter": enter, **said})


def run(guard, *words):
    command = [places.binary("portcullis"), "harden", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=guard.account.environment())
    return done.returncode, done.stdout, done.stderr


def test_a_server_is_hardened_from_the_command_line_and_put_back(reporting, server):
    guard, before = reporting, server.files()
    assert server.listening() == WIDE and server.amplification("198.51.100.7") > 10

    code, out, error = run(guard, INSTANCE, "--report")
    assert code == 0, error
    assert "UDP 0.0.0.0:11211" in out and "UDP answers, exposed" in out and "+-U 0" in out
    assert (server.files(), server.listening()) == (before, WIDE), "a report changes nothing"

    code, out, error = run(guard, INSTANCE)
    assert code == 2 and "nothing was changed: there is no terminal" in error
    assert (server.files(), server.listening()) == (before, WIDE)

    out = pasted.typed(f"portcullis harden {INSTANCE} --listen loopback", guard.account, "yes\n")
    assert server.listening() == {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}
    assert server.amplification("198.51.100.7") == 0 and not server.reachable("198.51.100.7")
    (undo,) = re.findall(r"^To undo it: (portcullis .*?)\r?$", out, re.MULTILINE)

    code, out, error = run(guard, INSTANCE, "--yes")
    assert (code, error) == (0, "Nothing to do.\n")

    pasted.paste(undo, guard.account)
    assert server.listening() == WIDE and server.read("/etc/memcached.conf").decode() == OPEN


def test_an_old_agent_only_reports(reporting, server):
    guard, before = reporting, server.files()
    manage(guard, server, AgentVersion="3.2.2303.0")
    code, out, error = run(guard, INSTANCE, "--report")
    assert code == 0 and "exposed" in out, error
    code, out, error = run(guard, INSTANCE, "--yes")
    assert code == 2 and "3.3.2746.0 is needed" in error
    # The document holds that too, whoever sends it.
    ssm, name = guard.account.client("ssm"), guard.stack.outputs["HardenDocumentName"]
    sent = ssm.send_command(DocumentName=name, InstanceIds=[INSTANCE], Parameters={"Mode": ["apply"]})["Command"]
    said = said_by(ssm, sent["CommandId"])
    assert (said["Status"], said["ResponseCode"]) == ("Failed", 2)
    told = json.loads(said["StandardOutputContent"])
    assert (told["result"], told["mode"]) == ("refused", "apply") and "older" in told["because"]
    assert (server.files(), server.listening()) == (before, WIDE)


def said_by(ssm, command):
    def look():
        try:
            found = ssm.get_command_invocation(CommandId=command, InstanceId=INSTANCE)
        except ClientError:
            return None
        return found if found["Status"] in ("Success", "Failed") else None

    return until("the command to end", look)


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
