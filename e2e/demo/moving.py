"""The last scene: a cache on its default port becomes one on a port of its own, when people agree."""

import os
import subprocess
import time

from harness import browser, caches, places
from harness.deploy import update
from harness.guard import PRIVATE, permission
from harness.moves import Moves
from harness.wait import NotInTime, until

CACHE = "carts"
PICTURE = places.TARGET / "demo" / "approval.png"
#: States of the workflow that are steps, as one tells them.
STEPS = {
    "Check": "the cache has not changed since the plan",
    "Snapshot": "a snapshot is taken",
    "Open port": "the new port is opened to the private sources of the old one",
    "Create": "the new cache is created from the snapshot",
    "Verify": "every setting of the new cache is compared with the plan",
    "Hand over": "the cutover: a mail has the new endpoints",
    "Watch": "does anybody still use the old cache?",
    "Ask deletion": "nobody does, so a person is asked to approve the deletion",
    "Delete": "the old cache is deleted, with a final snapshot",
    "Close port": "the rules of the old port are revoked",
}


class Moving:
    """A Valkey group with a replica on 6379, in a group of its own."""

    def __init__(self, scene, guard, screen):
        self.scene, self.guard, self.screen = scene, guard, screen
        self.shown = 0

    def tell(self):
        try:
            self.begin()
            self.agree()
            self.hand_over()
            self.delete()
        except (NotInTime, AssertionError) as error:
            self.scene.check(False, str(error))

    def begin(self):
        self.screen.call("aws cloudformation update-stack ... MoveCaches=ask ApprovalPage=yes")
        self.guard.stack = update(self.guard.stack, MoveCaches="ask", ApprovalPage="yes")
        self.moves = Moves(self.guard)
        self.group = self.guard.group(
            "carts-valkey", permission("tcp", 6379, PRIVATE, description="application subnets")
        )
        self.rules = self.guard.look(self.group)["rules"]
        old = self.scene.call(
            f"aws elasticache create-replication-group --replication-group-id {CACHE} --engine valkey "
            "--num-cache-clusters 2 ...",
            caches.make_group,
            guard=self.guard,
            name=CACHE,
            groups=[self.group],
            NumCacheClusters=2,
            AutomaticFailoverEnabled=True,
        )
        self.move = self.moves.begun(old)
        _, mail = self.move.told("ask")
        self.before = caches.portrait(self.guard.elasticache, old)
        self.mail(mail, "In short")
        self.scene.check(self.move.made() == {"caches": [], "snapshots": [], "rules": []}, "nothing is created before")

    def agree(self):
        link = self.move.link("move")
        if browser.executable():
            self.on_the_page(link)
        else:
            self.screen.line(
                "   No Chromium is here, so there is no picture of the page; it is answered all the same.", "dim"
            )
            self.move.answer("move", name="Ada Lovelace")
        self.screen.line("   Ada Lovelace approves the re-creation on the page, and the workflow continues:")
        self.steps("Ask deletion")

    def on_the_page(self, link):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        with browser.browser() as chromium, chromium.open(link) as page:
            page.screenshot(path=PICTURE, full_page=True)
            self.screen.line(f"   The page behind the link: {os.path.relpath(PICTURE, places.REPO)}", "bold")
            page.locator("#approve-name").fill("Ada Lovelace")
            page.locator("#approve-reason").fill("before the sale begins")
            page.get_by_role("button", name="Approve the re-creation").click()
            page.get_by_role("heading", name="Approved").wait_for()

    def steps(self, last):
        """Says each step as it begins, up to this one."""

        def look():
            states = [state for state in self.move.states() if state in STEPS]
            told = list(dict.fromkeys(states))
            for state in told[self.shown :]:
                self.screen.line(f"   {time.monotonic() - self.scene.started:6.2f} s  {STEPS[state]}", "dim")
            self.shown = max(self.shown, len(told))
            return last in told or self.move.status() != "RUNNING"

        until(f"the step {last}", look)

    def hand_over(self):
        document, mail = self.move.told("handed-over")
        self.mail(mail, "What clients must change")
        self.new = self.move.new()
        (port,) = caches.ports(self.guard.elasticache, self.new)
        self.scene.check(port not in (6379, 11211), f"{document['newCache']['id']} listens on {port}")
        same = caches.portrait(self.guard.elasticache, self.new) == self.before
        self.scene.check(same, "every other setting is that of the old one")

    def delete(self):
        _, mail = self.move.told("ask-deletion")
        self.mail(mail, "To answer")
        self.screen.call(f"portcullis approve {self.move.id} --yes")
        said = approve(self.move.id, self.guard.account)
        self.screen.line(f"   {said}")
        self.steps("Close port")
        self.move.ended()
        self.scene.seconds = time.monotonic() - self.scene.started
        self.scene.outcome = "re-created"
        elasticache = self.guard.elasticache
        self.scene.check(caches.look(elasticache, self.move.cache) is None, f"{CACHE} is gone")
        last = [name for name in caches.snapshots(elasticache, f"{CACHE}-") if name.endswith("-last")]
        self.scene.check(len(last) == 1, f"its last state is in the snapshot {', '.join(last)}")
        after = self.guard.look(self.group)["rules"]
        going = {key: rule for key, rule in self.rules.items() if not rule["egress"]}
        self.scene.rules_table({**going, **after}, after, going, "open")
        sources = [rule["source"] for rule in after.values() if not rule["egress"]]
        self.scene.check(
            not set(going) & set(after) and sources == [PRIVATE], "only the new port is open, to the same sources"
        )

    def mail(self, mail, end):
        """A mail up to this heading."""
        lines = mail["body"].splitlines()
        stop = next((at for at, line in enumerate(lines) if line.startswith(end)), len(lines))
        self.screen.mail({**mail, "body": "\n".join(lines[:stop]).rstrip() + "\n\n[...]"})


def approve(move, account):
    """What the command line says in the end."""
    command = [places.binary("portcullis"), "approve", move, "--yes"]
    done = subprocess.run(command, env=account.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().splitlines()[-1]
