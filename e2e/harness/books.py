"""What became of each target of a storm: its rules, its alerts, and what the queues keep of it."""

import time

from . import groups
from .faults import PUBLISH

CLOSED = ("done", "already-gone")
#: Lambda's, of one event.
ATTEMPTS = 3


class Books:
    """Every target at one moment."""

    def __init__(self, storm):
        self.targets, self.seconds = list(storm.targets), time.monotonic() - storm.started
        self.now = {target.group: storm.guard.look(target.group) for target in self.targets}
        self.alerts = {}
        for document in storm.guard.alerts.documents():
            self.alerts.setdefault(document["subject"]["id"], []).append(document)
        #: What a digest said was closed: alerts that SNS refused while the ledger was away.
        self.digested = {
            row["subject"]["id"]
            for digest in storm.guard.alerts.digests()
            for row in digest["rows"]
            if any(outcome in CLOSED for tally in row["tally"].values() for outcome in tally)
        }
        sqs, stack = storm.guard.account.client("sqs"), storm.guard.stack
        self.kept = {
            "failure": peek(sqs, stack.failure_queue),
            "undelivered": peek(sqs, stack.undelivered_queue),
        }
        self.counts = [now - then for now, then in zip(storm.counts(), storm.before, strict=True)]

    def open(self, target):
        return target.public & set(self.now[target.group]["rules"])

    def untold(self, target):
        """Rules that are gone without an alert."""
        if target.subject in self.digested:
            return set()
        told = {
            finding["evidence"]["rule"]["id"]
            for document in self.alerts.get(target.subject, [])
            for finding in document["findings"]
            if finding["outcome"] in CLOSED and finding["evidence"]["group"] == target.group
        }
        return target.public - self.open(target) - told

    def queues(self, target):
        return [name for name, messages in self.kept.items() if any(target.subject in text for text in messages)]

    def losses(self, targets):
        """What is open, or closed without an alert, and lies in no queue."""
        return [self.tell(target) for target in targets if self._owed(target) and not self.queues(target)]

    def touched(self):
        """Groups that differ in more than their public rules."""
        return [
            f"{target}: {self.now[target.group]} instead of {target.closed}"
            for target in self.targets
            if groups.without(self.now[target.group], self.open(target)) != target.closed
        ]

    def unfinished(self, targets):
        """What is open, untold, or in a queue."""
        return [self.tell(target) for target in targets if self._owed(target) or self.queues(target)]

    def repeated(self, struck):
        """Targets with more alerts than their attempts and the lost answers of SNS account for."""
        found = []
        for target in self.targets:
            publishing = [(fault, times) for fault, times in struck.get(target.subject, []) if fault.call == PUBLISH]
            most = ATTEMPTS
            most += sum(times for fault, times in publishing if "response" in fault.effect)
            alerts = len(self.alerts.get(target.subject, []))
            if alerts > most:
                found.append(f"{alerts} alerts instead of {most} at most: {self.tell(target)}")
        return found

    def tell(self, target):
        outcomes = [
            f"{finding['check']}: {finding['outcome']}"
            for document in self.alerts.get(target.subject, [])
            for finding in document["findings"]
        ]
        return (
            f"{target}: open {sorted(self.open(target))}, closed without an alert {sorted(self.untold(target))}, "
            f"in the queues {self.queues(target)}, told {outcomes}"
        )

    def _owed(self, target):
        return self.open(target) | self.untold(target)

    def __str__(self):
        alerts = [len(self.alerts.get(target.subject, [])) for target in self.targets]
        still = sum(bool(self.open(target)) for target in self.targets)
        queues = ", ".join(f"{len(messages)} in the {name} queue" for name, messages in self.kept.items())
        requests, faulted, invocations = self.counts
        return (
            f"after {self.seconds:.1f} s: {len(self.targets)} events, {invocations} invocations, {requests} requests, "
            f"{faulted} faults, {still} open, {sum(alerts)} alerts, at most {max(alerts)} of one event, {queues}"
        )


def peek(sqs, url):
    """The bodies of all messages, which stay in the queue."""
    bodies, handles = [], []
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60)
        messages = answer.get("Messages", [])
        if not messages:
            break
        bodies += [message["Body"] for message in messages]
        handles += [message["ReceiptHandle"] for message in messages]
    for handle in handles:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return bodies
