"""Through Systems Manager: a finding asks the server behind the rule, and the command line hardens it."""

import json
import re
import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import pasted, places
from harness.guard import guarded, permission
from harness.wait import until
from host import PUBLIC, missing

MISSING = missing()
INSTANCE = "i-0123456789abcdef0"
#: As the oldest builds ran: on all addresses, with UDP.
OPEN = "-u memcache\n-m 64\n-U 11211\n"
WIDE = {"tcp 0.0.0.0:11211", "tcp [::]:11211", "udp 0.0.0.0:11211", "udp [::]:11211"}


@pytest.fixture(scope="module")
def reporting():
    if MISSING or not all((places.PROGRAMS / name).is_file() for name in ("ingress", "portcullis")):
        pytest.skip(MISSING or "the functions and the command line are not built: make programs")
    with guarded(HardenMemcached="report", Alarms="none") as guard:
        yield guard


@pytest.fixture
def server(reporting, host):
    """A host whose memcached is open to all, as an instance that Systems Manager manages."""
    manage(reporting, host)
    host.debian(OPEN)
    return host


def manage(guard, host, **said):
    enter = ["nsenter", "-t", str(host.pid), "-n", "-m", "-p", "--"]
    guard.account.control("POST", "server", {"InstanceId": INSTANCE, "Enter": enter, **said})


def run(guard, *words):
    command = [places.binary("portcullis"), "harden", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=guard.account.environment())
    return done.returncode, done.stdout, done.stderr


def test_a_server_is_hardened_from_the_command_line_and_put_back(reporting, server):
    guard, before = reporting, server.files()
    assert server.listening() == WIDE and server.amplification(PUBLIC) > 10

    code, out, error = run(guard, INSTANCE, "--report")
    assert code == 0, error
    assert "UDP 0.0.0.0:11211" in out and "UDP answers, exposed" in out and "+-U 0" in out
    assert (server.files(), server.listening()) == (before, WIDE), "a report changes nothing"

    code, out, error = run(guard, INSTANCE)
    assert code == 2 and "nothing was changed: there is no terminal" in error
    assert (server.files(), server.listening()) == (before, WIDE)

    out = pasted.typed(f"portcullis harden {INSTANCE} --listen loopback", guard.account, "yes\n")
    assert server.listening() == {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}
    assert server.amplification(PUBLIC) == 0 and not server.reachable(PUBLIC)
    (undo,) = re.findall(r"^To undo it: (portcullis .*?)\r?$", out, re.MULTILINE)

    code, out, error = run(guard, INSTANCE, "--yes")
    assert (code, error) == (0, "Nothing to do.\n")

    pasted.paste(undo, guard.account)
    assert server.listening() == WIDE and server.read("/etc/memcached.conf").decode() == OPEN


def test_an_alert_says_what_runs_behind_the_rule_and_how_to_harden_it(reporting, server):
    guard, before = reporting, server.files()
    group, other = guard.group("behind"), "i-0aaaaaaaaaaaaaaaa"
    carriers = [
        {
            "NetworkInterfaceId": f"eni-0000000000000000{number}",
            "Groups": [{"GroupId": group}],
            "Attachment": {"InstanceId": instance, "Status": "attached"},
        }
        for number, instance in enumerate((INSTANCE, other))
    ]
    guard.account.seed({"NetworkInterfaces": carriers})
    rules = guard.open(group, permission("udp", 11211, "0.0.0.0/0"))
    guard.gone(group, rules)
    document, mail = guard.alerts.wait(group)
    assert (server.files(), server.listening()) == (before, WIDE), "only a report was made"
    (found, unknown) = document["servers"]
    assert unknown == {"instance": other, "unknown": "Systems Manager does not manage it"}
    (memcached,) = found["memcached"]
    assert (found["instance"], memcached["verdict"], memcached["udpAnswered"]) == (INSTANCE, "exposed", True)
    assert memcached["udp"] == ["0.0.0.0:11211", "[::]:11211"]
    assert f"{INSTANCE}: memcached {memcached['version']}, TCP 0.0.0.0:11211" in mail["body"]
    # Both commands of the mail do what they say.
    inspect, harden = re.findall(r"^ *(portcullis harden .*)$", mail["body"], re.MULTILINE)[::-1]
    pasted.paste(inspect, guard.account, status=2)
    pasted.typed(harden, guard.account, "yes\n")
    assert server.amplification(PUBLIC) == 0 and not server.reachable(PUBLIC)


def test_the_association_of_the_guide_reports_and_changes_nothing(reporting, server):
    guard, before = reporting, server.files()
    manage(guard, server, Tags={"Role": "cache"})
    guide = (places.REPO / "docs" / "memcached.md").read_text()
    (command,) = re.findall(r"^`(aws ssm create-association .*)`\.$", guide, re.MULTILINE)
    made = json.loads(pasted.paste(command, guard.account))["AssociationDescription"]
    ssm = guard.account.client("ssm")

    def is_over():
        found = ssm.describe_association(AssociationId=made["AssociationId"])["AssociationDescription"]
        return found["Overview"]["Status"] == "Success" and found

    assert until("the association", is_over)["Parameters"] == {"Mode": ["report"]}
    assert (server.files(), server.listening()) == (before, WIDE)


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
