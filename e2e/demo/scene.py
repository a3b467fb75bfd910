"""One scene: a group or a cache, a call, what became of it, and whether that was right."""

import time

from harness import groups
from harness.wait import NotInTime

#: The lines of a mail that say what happened, what was done, and how to undo it.
ESSENCE = (
    "CRITICAL:",
    "HIGH:",
    "MEDIUM:",
    "LOW:",
    "* ",
    "Done:",
    "FAILED:",
    "Not remediated:",
    "Manual:",
    "Undo:",
    "portcullis undo",
    "aws dynamodb put-item",
    "aws ec2 authorize",
    "Suppressed in the same event:",
    "- TCP 443",
    "Close it:",
    "aws ec2 revoke",
    "Next:",
)


class Scene:
    """Tells itself on the screen and keeps its verdicts."""

    def __init__(self, guard, screen, number, title):
        self.guard, self.screen, self.title = guard, screen, title
        self.verdicts, self.seconds, self.outcome, self.mail = [], None, "", None
        screen.heading(number, title)

    @property
    def passed(self):
        return bool(self.verdicts) and all(self.verdicts)

    def check(self, good, text):
        self.verdicts.append(bool(good))
        self.screen.verdict(good, text)

    def call(self, text, function, **parameters):
        """Make the call, say it, and start the clock."""
        self.screen.call(text)
        self.started = time.monotonic()
        return function(**parameters)

    def closes(self, group_id, before, touched, mail="essence"):
        """Wait until the touched rules are gone; nothing else may have changed."""
        try:
            after = self.guard.gone(group_id, touched)
            self.seconds = time.monotonic() - self.started
        except NotInTime:
            after = self.guard.look(group_id)
        self.rules_table({**before["rules"], **touched}, after["rules"], touched)
        closed = not set(touched) & set(after["rules"])
        self.check(closed, f"closed {self.seconds:.2f} s after the call" if closed else "still open")
        kept = {key: rule for key, rule in before["rules"].items() if key not in touched}
        stays = sum(not rule["egress"] for rule in kept.values())
        self.check(
            after == {**before, "rules": kept},
            f"the rest of the group is as it was, {stays} ingress rule{'s'[: stays != 1]} included",
        )
        self.told(group_id, "done", mail)

    def told(self, subject, outcome, mail="essence", check=None):
        """An alert arrived, in the queue and as mail, and says what became of it."""
        try:
            document, letter = self.guard.alerts.wait(subject)
        except NotInTime as error:
            self.check(False, str(error))
            return None
        self.mail = letter
        self.screen.mail(letter, None if mail == "full" else essence)
        found = {finding["outcome"] for finding in document["findings"] if check in (None, finding["check"])}
        self.outcome = outcome
        self.check(found == {outcome}, f"one alert, and it says: {', '.join(sorted(found))}")
        return document

    def rules_table(self, rules, after, touched, word="opened"):
        """`word` says what the touched rules were before."""
        rows, styles = [], {}
        for rule_id, rule in sorted(rules.items(), key=lambda item: item[0] in touched):
            if rule["egress"]:
                continue
            now = "open" if rule_id in after else "closed"
            if rule_id in touched and word != "closed":
                styles[len(rows)] = "good" if now == "closed" else "bad"
            rows.append(
                [
                    rule_id,
                    traffic(rule),
                    rule["source"],
                    rule["description"] or "",
                    word if rule_id in touched else "open",
                    now,
                ]
            )
        self.screen.table(["rule", "traffic", "from", "description", "before", "after"], rows, styles)


def essence(line):
    return line.strip().startswith(ESSENCE)


def traffic(rule):
    first, last = rule["ports"]
    if rule["protocol"] == "-1":
        return "all traffic"
    return f"{rule['protocol'].upper()} {first}" + (f"-{last}" if last != first else "")


def by_source(guard, group_id, source):
    """The rules from this source, by id."""
    group = guard.look(group_id)
    return {key: group["rules"][key] for key in groups.ids(group, source)}
