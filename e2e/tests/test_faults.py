"""Faults between the functions and AWS: whatever fails, no open rule, no alert and no event is lost.

Every event meets faults of its own, so often as its seed says. What the SDK's attempts and Lambda's do not
ride out must lie in a queue, and `make redrive` must settle it once the faults are over.
"""

import json
import random

import pytest
from harness import deploy, faults
from harness.account import FAST
from harness.faults import DESCRIBE, PUBLISH, REMEMBER, REMEMBERED, REMEMBERED_BY_KEY, REVOKE, Fault
from harness.storm import Storm
from harness.wait import until

pytestmark = pytest.mark.alone

SEED = 20
#: Of each kind. A redrive waits some seconds for each rule that is gone and untold, so of these kinds there are few.
GROUPS, CACHES, FEW = 8, 3, 2
#: Ridden out by the SDK's 4 attempts, by Lambda's second attempt, by its third, and by none.
RISING = (3, 5, 9, None)


def each(calls, effect, rising=RISING):
    return [[Fault(call, effect, times)] for call in calls for times in rising]


def forgetful(effect):
    """All calls, for a function that could not read does not write."""
    return [[Fault(call, effect, times) for call in (REMEMBERED, REMEMBERED_BY_KEY, REMEMBER)] for times in RISING]


#: For each kind of fault what may meet an event: one of these.
KINDS = {
    "reading-is-throttled": each([DESCRIBE], faults.THROTTLED),
    "revoking-is-throttled": each([REVOKE], faults.THROTTLED),
    "publishing-is-throttled": each([PUBLISH], faults.THROTTLED_ELSEWHERE),
    "servers-fail": each([DESCRIBE, REVOKE, PUBLISH], faults.BROKEN),
    "connections-are-reset": each([DESCRIBE, REVOKE, PUBLISH], faults.RESET),
    "answers-do-not-come": each([DESCRIBE, REVOKE, PUBLISH], faults.SILENT, (1, 4)),
    "answers-are-torn": each([DESCRIBE, REVOKE, PUBLISH], faults.ANSWER_TORN),
    "answers-are-short": each([DESCRIBE, REVOKE, PUBLISH], faults.ANSWER_SHORT),
    "revoked-and-the-answer-is-lost": each([REVOKE], faults.ANSWER_LOST),
    "revoked-and-the-answer-is-late": each([REVOKE], faults.ANSWER_SLOW, (1, 4)),
    "published-and-the-answer-is-lost": each([PUBLISH], faults.ANSWER_LOST),
    "memory-is-throttled": forgetful(faults.TABLE_THROTTLED),
    "memory-does-not-answer": forgetful(faults.SILENT),
    "the-answers-of-memory-are-lost": forgetful(faults.ANSWER_LOST),
    "ec2-is-down": [[Fault(DESCRIBE, faults.BROKEN)]],
    "ec2-is-down-after-the-first-look": [
        [Fault(DESCRIBE, faults.PASSES, 1), Fault(DESCRIBE, faults.BROKEN, 8), Fault(REVOKE, faults.BROKEN, 8)]
    ],
    "ec2-is-down-after-the-revoke": [
        [Fault(DESCRIBE, faults.PASSES, 1), Fault(DESCRIBE, faults.BROKEN, times)] for times in (8, 24)
    ],
    "revoking-is-throttled-and-reading-empty": [
        [Fault(DESCRIBE, faults.PASSES, 1), Fault(DESCRIBE, faults.ANSWER_EMPTY, 6), Fault(REVOKE, faults.THROTTLED, 4)]
    ],
    "sns-is-down": [[Fault(PUBLISH, faults.BROKEN)]],
    "sns-is-down-and-an-answer-is-lost": [[Fault(REVOKE, faults.ANSWER_LOST, 1), Fault(PUBLISH, faults.BROKEN)]],
}


SLOW = ("sns-is-down-and-an-answer-is-lost",)


def cases(names):
    """Each name for groups and for caches."""
    return [pytest.param(name, made, id=f"{name}-{made}") for name in names for made in ("groups", "caches")]


@pytest.fixture(scope="module")
def behind_proxy():
    # Most of the time the functions wait to try again, so many more run at once than there are processors. With too
    # many the account is so slow that every call times out, and the machine is tested instead of the faults.
    with faults.guarded_behind_proxy(*FAST, "--concurrency", "48", Alarms="none") as pair:
        yield pair


class Passed:
    """The storm with all kinds side by side, and all of them mixed: when it has come to rest, and after a redrive."""

    def __init__(self, storm):
        dice, self.targets = random.Random(SEED), {}
        for kind in [*KINDS, "mixed"]:
            groups = FEW if kind in SLOW else GROUPS
            for made, targets in (("groups", storm.groups(groups)), ("caches", storm.caches(CACHES))):
                for target in targets:
                    drawn = dice.sample(list(KINDS), 2) if kind == "mixed" else [kind]
                    target.faults = [fault for one in drawn for fault in dice.choice(KINDS[one])]
                self.targets[kind, made] = targets
        storm.strike()
        storm.rest()
        self.rested, self.struck = storm.books(), storm.struck()
        print(self.rested)
        storm.proxy.clear()
        storm.redrive()
        storm.rest()
        self.redriven = storm.books()
        print(self.redriven)


@pytest.fixture(scope="module")
def passed(behind_proxy):
    return Passed(Storm(*behind_proxy))


@pytest.mark.parametrize(("kind", "made"), cases([*KINDS, "mixed"]))
def test_nothing_is_lost_when(passed, kind, made):
    targets = passed.targets[kind, made]
    assert all(any(times for _, times in passed.struck[target.subject]) for target in targets), "each met its fault"
    assert passed.rested.losses(targets) == []


@pytest.mark.parametrize(("kind", "made"), cases([*KINDS, "mixed"]))
def test_redrive_settles_what_is_left_when(passed, kind, made):
    assert passed.redriven.unfinished(passed.targets[kind, made]) == []


def test_faults_leave_work_for_a_redrive(passed):
    assert len(passed.rested.kept["failure"]) > len(KINDS), "else the tests above would show little"
    assert passed.redriven.kept == {"failure": [], "undelivered": []}


def test_no_private_rule_is_touched(passed):
    assert passed.rested.touched() == [] and passed.redriven.touched() == []


def test_alerts_are_repeated_only_for_a_reason(passed):
    assert passed.rested.repeated(passed.struck) == []


#: In the middle of what a function is killed: calls that are held until then.
MOMENTS = {
    "before-the-revoke": Fault(REVOKE, faults.SILENT),
    "after-the-revoke": Fault(REVOKE, faults.ANSWER_SLOW),
    "before-the-alert": Fault(PUBLISH, faults.SILENT),
}


@pytest.fixture(scope="module")
def killed(behind_proxy):
    """Functions killed in the middle of every event, then nothing in the way of the next attempt."""
    guard, proxy = behind_proxy
    storm, targets = Storm(guard, proxy), {}
    for moment, fault in MOMENTS.items():
        targets[moment, "groups"], targets[moment, "caches"] = storm.groups(3), storm.caches(3)
        for target in targets[moment, "groups"] + targets[moment, "caches"]:
            target.faults = [fault]
    storm.strike()
    until("every function is in the middle", lambda: all(proxy.fired()))
    assert faults.kill_functions(guard.account) >= len(storm.targets)
    proxy.clear()
    storm.rest()
    books = storm.books()
    print(books)
    return books, targets


@pytest.mark.parametrize(("moment", "made"), cases(MOMENTS))
def test_function_killed_in_the_middle_loses_nothing(killed, moment, made):
    books, targets = killed
    assert books.unfinished(targets[moment, made]) == [] and books.touched() == []


def test_events_that_lambda_throttles_wait_and_are_dealt_with(behind_proxy):
    guard, proxy = behind_proxy
    deploy.update(guard.stack, Alarms="none", ReservedConcurrency="1")
    try:
        storm = Storm(guard, proxy)
        storm.groups(24)
        throttles = storm.metric("ingress", "Throttles")
        storm.strike()
        storm.rest()
        books = storm.books()
    finally:
        deploy.update(guard.stack, Alarms="none", ReservedConcurrency="")
    print(books)
    assert storm.metric("ingress", "Throttles") > throttles, "else nothing waited"
    assert books.unfinished(storm.targets) == [] and books.touched() == []


def test_events_that_may_not_reach_the_function_are_kept_and_redriven(behind_proxy):
    guard, proxy = behind_proxy
    aws, function = guard.account.client("lambda"), guard.stack.functions["ingress"]
    statements = json.loads(aws.get_policy(FunctionName=function)["Policy"])["Statement"]
    storm = Storm(guard, proxy)
    storm.groups(5)
    for statement in statements:
        aws.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    try:
        storm.strike()
        until("all are undelivered", lambda: len(storm.books().kept["undelivered"]) == len(storm.targets))
        books = storm.books()
    finally:
        for statement in statements:
            aws.add_permission(
                FunctionName=function,
                StatementId=statement["Sid"],
                Action=statement["Action"],
                Principal=statement["Principal"]["Service"],
                SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
            )
    assert all(books.open(target) for target in storm.targets) and books.losses(storm.targets) == []
    storm.redrive()
    books = storm.books()
    assert books.unfinished(storm.targets) == [] and books.touched() == []
