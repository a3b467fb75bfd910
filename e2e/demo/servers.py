"""A Memcached server of one's own behind a rule: the alert says what runs there, a person agrees to harden it."""

import time

from harness.deploy import update
from harness.guard import permission
from harness.pasted import typed
from harness.wait import NotInTime, until
from memcached import host as hosts

INSTANCE = "i-0c4c8e4d5e6f7a8b9"
#: As the oldest builds ran: on all addresses, with UDP.
OPEN = "-u memcache\n-m 64\n-U 11211\n"


class Servers:
    """A host with a public address, in network namespaces of this machine, as an instance of the account."""

    def __init__(self, scene, guard, screen):
        self.scene, self.guard, self.screen = scene, guard, screen
        self.host = hosts.Host()

    def tell(self):
        try:
            self.host.debian(OPEN)
            self.begin()
            self.harden()
        except (NotInTime, AssertionError) as error:
            self.scene.check(False, str(error))
        finally:
            self.host.close()

    def begin(self):
        self.screen.call("aws cloudformation update-stack ... HardenMemcached=ask")
        self.guard.stack = update(self.guard.stack, HardenMemcached="ask")
        enter = ["nsenter", "-t", str(self.host.pid), "-n", "-m", "-p", "--"]
        self.guard.account.control("POST", "server", {"InstanceId": INSTANCE, "Enter": enter})
        group = self.guard.group("tags-memcached")
        carrier = {"NetworkInterfaceId": "eni-0e1f2a3b4c5d6e7f8", "Groups": [{"GroupId": group}]}
        attached = {"InstanceId": INSTANCE, "Status": "attached"}
        self.guard.account.seed({"NetworkInterfaces": [{**carrier, "Attachment": attached}]})
        rules = self.scene.call(
            f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol udp --port 11211 --cidr 0.0.0.0/0",
            lambda: self.guard.open(group, permission("udp", 11211, "0.0.0.0/0")),
        )
        self.guard.gone(group, rules)
        self.scene.seconds = time.monotonic() - self.scene.started
        document, mail = self.guard.alerts.wait(group)
        self.screen.mail(mail, lambda line: INSTANCE in line or line.startswith(("Next:", "Servers behind")))
        (behind,) = document["servers"]
        told = behind["memcached"][0]
        self.scene.check(told["verdict"] == "exposed", f"the alert says what runs on {INSTANCE}: exposed, UDP answers")
        self.scene.outcome = "done"

    def harden(self):
        before = self.host.amplification(hosts.PUBLIC)
        mail = self.mail("harden memcached?")
        commands = [line.strip() for line in mail["body"].splitlines() if line.strip().startswith("portcullis approve")]
        self.screen.mail(
            mail, lambda line: line.startswith(("This restarts", "It will", "    +", "    -", "    portcullis ap"))
        )
        self.screen.call(commands[0])
        typed(commands[0], self.guard.account, "yes\n")
        self.screen.mail(self.mail("hardened ("), lambda line: "second look" in line or "harden undo" in line)
        after = self.host.amplification(hosts.PUBLIC)
        self.scene.check(
            before > 10 and after == 0,
            f"one forged byte was answered with {before:.0f} before, and with {after:.0f} now",
        )
        self.scene.check(self.host.listening() == {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}, "it listens on loopback")

    def mail(self, what):
        """The mail about the request whose subject says so."""
        subject = f"[HARDEN] {INSTANCE}: {what}"
        mails = self.guard.alerts.mails
        return until(subject, lambda: [mail for mail in mails() if mail["subject"].startswith(subject)])[0]
