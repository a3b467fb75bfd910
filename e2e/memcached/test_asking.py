"""With HardenMemcached=ask: people are asked whether a server may be hardened. What they agreed to is what is done."""

import json
import urllib.parse

import jsonschema
import pytest
from harness import pasted, places
from harness.guard import guarded, permission
from harness.wait import until
from host import PUBLIC, missing

MISSING = missing()
SCHEMA = json.loads((places.REPO / "docs" / "hardening.schema.json").read_text())
#: As the oldest builds ran: on all addresses, with UDP.
OPEN = "-u memcache\n-m 64\n-U 11211\n"
WIDE = {"tcp 0.0.0.0:11211", "tcp [::]:11211", "udp 0.0.0.0:11211", "udp [::]:11211"}
LOOPBACK = {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}
#: A day to answer takes some seconds.
SOON = ("--timeout-scale", "0.0001")


@pytest.fixture(scope="module")
def asking():
    if MISSING or not all((places.PROGRAMS / name).is_file() for name in ("harden", "approval-page", "portcullis")):
        pytest.skip(MISSING or "the functions and the command line are not built: make programs")
    with guarded(*SOON, HardenMemcached="ask", ApprovalPage="yes", AnswerDays="1", Alarms="none") as guard:
        yield guard


class Request:
    """A request about a server that is open to all, seen from outside."""

    def __init__(self, guard, host, number):
        self.guard, self.host, self.instance = guard, host, f"i-{number:017x}"
        enter = ["nsenter", "-t", str(host.pid), "-n", "-m", "-p", "--"]
        guard.account.control("POST", "server", {"InstanceId": self.instance, "Enter": enter})
        host.debian(OPEN)
        self.before = host.files()

    def found(self):
        """A rule exposes it, is closed, and people are asked."""
        group = self.guard.group(f"of-{self.instance}")
        carrier = {"NetworkInterfaceId": f"eni-{self.instance[2:]}", "Groups": [{"GroupId": group}]}
        attached = {"InstanceId": self.instance, "Status": "attached"}
        self.guard.account.seed({"NetworkInterfaces": [{**carrier, "Attachment": attached}]})
        self.guard.gone(group, self.guard.open(group, permission("udp", 11211, "0.0.0.0/0")))
        return self.told("ask")

    def reported(self, name):
        """The workflow of reports alone, as a finding starts it: only once in two minutes would a finding ask."""
        machine = self.guard.stack.outputs["HardenAskStateMachineArn"].removesuffix("-ask") + "-harden"
        given = json.dumps({"instance": self.instance, "ask": True})
        self.guard.account.client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=given)
        return name

    def documents(self):
        found = [one for one in self.guard.alerts.hardenings() if one["instance"] == self.instance]
        for one in found:
            jsonschema.validate(one, SCHEMA)
        return found

    def told(self, kind, seconds=30.0):
        """The message of a kind: (document, body of the mail)."""

        def look():
            return next((one for one in self.documents() if one["kind"] == kind), None)

        document = until(f"{kind} about {self.instance}", look, seconds)
        number = [one["kind"] for one in self.documents()].index(kind)
        ours = f"[HARDEN] {self.instance}: "

        def letters():
            return [mail for mail in self.guard.alerts.mails() if mail["subject"].startswith(ours)][number : number + 1]

        return document, until(f"the mail of {kind}", letters)[0]["body"]

    def approve(self, body):
        (link,) = [line.strip() for line in body.splitlines() if "&sig=" in line]
        with self.guard.account.open(link, None, {}) as page:
            text = page.read().decode()
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        form = {"decision": "approve", "name": "Ada", "reason": "", "plan": asked["plan"][0]}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with self.guard.account.open(link, urllib.parse.urlencode(form).encode(), headers) as answer:
            assert answer.status == 200
        return text

    def stage(self, name):
        table = self.guard.stack.outputs["MovesTableName"]
        item = self.guard.account.client("dynamodb").get_item(TableName=table, Key={"id": {"S": name}}).get("Item")
        return item and item["stage"]["S"]

    def is_untouched(self):
        return (self.host.files(), self.host.listening()) == (self.before, WIDE)


def test_a_server_is_hardened_by_the_link_of_a_mail_and_put_back(asking, host):
    request = Request(asking, host, 1)
    document, body = request.found()
    assert request.is_untouched() and host.amplification(PUBLIC) > 10
    page = request.approve(body)
    for text in ("+-U 0", "empties its cache", "/etc/", request.instance):
        assert text in page, text
    done, body = request.told("hardened")
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0 and not host.reachable(PUBLIC)
    assert done["fingerprint"] == document["fingerprint"] and done["answer"]["by"].startswith("Ada (from ")
    assert "A second look confirms it" in body
    until("the record", lambda: request.stage(document["request"]) == "hardened")
    (undo,) = [line.strip() for line in body.splitlines() if "harden undo" in line]
    pasted.paste(undo, asking.account)
    assert host.listening() == WIDE and host.read("/etc/memcached.conf").decode() == OPEN


def test_a_server_that_was_changed_since_is_left_as_it_is(asking, host):
    request = Request(asking, host, 2)
    request.reported(f"{request.instance}-10000001")
    _, body = request.told("ask")
    changed = OPEN + "-m 128\n"
    host.write("/etc/memcached.conf", changed)
    command = next(line.strip() for line in body.splitlines() if line.strip().startswith("portcullis approve"))
    shown = pasted.typed(command, asking.account, "yes\n")
    assert "empties its cache" in shown and "+-U 0" in shown and "Recorded." in shown
    _, body = request.told("refused")
    assert "nothing was changed: no file has the expected hash" in body
    assert host.read("/etc/memcached.conf").decode() == changed and host.listening() == WIDE


def test_nothing_is_done_if_somebody_rejects_and_the_same_is_not_asked_again(asking, host):
    request = Request(asking, host, 3)
    first = request.reported(f"{request.instance}-10000001")
    _, body = request.told("ask")
    listed = pasted.run("portcullis moves", asking.account).stdout
    assert f"{first}  {request.instance}" in listed and "approval to harden the server" in listed
    command = next(line.strip() for line in body.splitlines() if line.strip().startswith("portcullis reject"))
    pasted.typed(command.replace("'...'", "'not on Friday'"), asking.account, "yes\n")
    _, body = request.told("rejected")
    assert "not on Friday" in body and request.is_untouched()
    sfn = asking.account.client("stepfunctions")
    machine = asking.stack.outputs["HardenAskStateMachineArn"]
    again = request.reported(f"{request.instance}-10000002")
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{again}"

    def ended():
        found = [
            one for one in sfn.list_executions(stateMachineArn=machine)["executions"] if one["executionArn"] == arn
        ]
        return found and found[0]["status"] == "SUCCEEDED"

    until("the second request", ended)
    assert [one["kind"] for one in request.documents()] == ["ask", "rejected"] and request.stage(again) is None


def test_nothing_is_done_if_nobody_answers(asking, host):
    request = Request(asking, host, 4)
    name = request.reported(f"{request.instance}-10000001")
    _, body = request.told("nobody-answered")
    assert "Nothing was changed." in body and request.is_untouched()
    until("the record", lambda: request.stage(name) == "nobody answered")
