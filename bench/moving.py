"""What moves of caches cost, beside the caches themselves.

A move is counted along the workflow, infra/recreate.asl.json: a step that waits is looked at as often as is said
here, and each look is three transitions.
"""

import json
import pathlib

WORKFLOW = pathlib.Path(__file__).resolve().parents[1] / "infra" / "recreate.asl.json"
MOVES = 10
#: Looks of each step that waits: minutes for all but `watch`, which looks every 30 minutes, here for two days.
LOOKS = {"settle": 5, "snapshot": 10, "create": 15, "set-the-rest": 2, "watch": 96, "delete": 10}
#: Steps that only tell how it ended otherwise.
OTHERWISE = {"nobody-answered", "kept", "still-used", "undo", "stuck", "stopped", "keep"}
CALLS = 4
CALL_MS, START_MS, OWN_MS = 100, 150, 50
#: Writes are counted by the kilobyte: a record is some ten of them, and most writes say no more than a step.
RECORD_KB, WRITES, MAILS = 10, 30, 4
LINKS, KEY_USES = 2, 3


def steps():
    states = json.loads(WORKFLOW.read_text())["States"].values()
    return [s["Arguments"]["Payload"]["step"] for s in states if s["Type"] == "Task"]


def usage(template, moves=MOVES):
    """What so many moves use that go through, by the names of prices.json."""
    once = [step for step in steps() if step not in OTHERWISE]
    assert set(LOOKS) <= set(once), "infra/recreate.asl.json has other steps now"
    invocations = sum(LOOKS.get(step, 1) for step in once)
    # Each task has a choice behind it, or nearly; each look again a wait.
    transitions = 2 * invocations + sum(looks - 1 for looks in LOOKS.values())
    seconds = invocations * (START_MS + OWN_MS + CALLS * CALL_MS) / 1000
    used = {
        "states": transitions,
        "lambda-requests": invocations,
        "lambda-arm64": seconds * template.memory / 1024,
        "dynamodb-writes": RECORD_KB * 2 + WRITES * RECORD_KB,
        "dynamodb-reads": invocations * RECORD_KB / 4,
        "sns-requests": MAILS,
        "sns-mails": MAILS,
        "kms-requests": LINKS * KEY_USES,
    }
    return {name: quantity * moves for name, quantity in used.items()}


def said():
    looks = ", ".join(f"{step} {count}" for step, count in LOOKS.items())
    return [
        ("a move: looks of the steps that wait", looks),
        ("calls to AWS of each step, and allowed for each", f"{CALLS}, {CALL_MS} ms"),
        ("the record of a move, and how often it is written", f"{RECORD_KB} KB, {WRITES} times"),
        ("mails of a move, and links in them", f"{MAILS}, {LINKS}"),
    ]
