"""What re-creations of caches cost, beside the caches themselves.

A re-creation is counted along the workflow, infra/recreate.asl.json: a step that waits is looked at as often as is said
here, and each look is three transitions.
"""

import json
import pathlib
import re

REPO = pathlib.Path(__file__).resolve().parents[1]
WORKFLOW = REPO / "infra" / "recreate.asl.json"
#: The metrics of a node that each look of `watch` asks for.
METRICS = REPO / "shared" / "recreation" / "src" / "idle" / "metrics.rs"
MOVES, NODES = 10, 3
#: Looks of each step that waits: minutes for all but `watch`, which looks every 30 minutes, here for two days.
LOOKS = {"settle": 5, "snapshot": 10, "create": 15, "set-the-rest": 2, "watch": 96, "delete": 10}
#: Steps that only tell how it ended otherwise.
OTHERWISE = {"nobody-answered", "kept", "still-used", "undo", "stuck", "stopped", "keep"}
CALLS = 4
CALL_MS, START_MS, OWN_MS = 100, 150, 50
#: What Step Functions logs of a state, at level ALL and without data: entered, exited, and of a task what became of it.
EVENTS = {"Task": 5, "Choice": 2, "Wait": 2}
EVENT_BYTES, STEP_BYTES = 500, 800
#: Writes are counted by the kilobyte: a record is some ten of them, and most writes say no more than a step.
RECORD_KB, WRITES, MAILS = 10, 30, 4
LINKS, KEY_USES = 2, 3


def steps():
    states = json.loads(WORKFLOW.read_text())["States"].values()
    return [s["Arguments"]["Payload"]["step"] for s in states if s["Type"] == "Task"]


def metrics_of_a_node():
    """Of Valkey and Redis OSS, the most common."""
    (listed,) = re.findall(r"const REDIS: &\[Metric\] = &\[(.*?)\n\];", METRICS.read_text(), re.DOTALL)
    return len(re.findall(r"^    (?:most|sum)\(", listed, re.MULTILINE))


def usage(template, moves=MOVES):
    """What so many complete re-creations use, by the names of prices.json."""
    once = [step for step in steps() if step not in OTHERWISE]
    assert set(LOOKS) <= set(once), "infra/recreate.asl.json has other steps now"
    invocations = sum(LOOKS.get(step, 1) for step in once)
    # Each task has a choice behind it, or nearly; each look again a wait.
    waits = sum(looks - 1 for looks in LOOKS.values())
    transitions = 2 * invocations + waits
    events = (EVENTS["Task"] + EVENTS["Choice"]) * invocations + EVENTS["Wait"] * waits
    logged = (events * EVENT_BYTES + invocations * STEP_BYTES) / 10**9
    seconds = invocations * (START_MS + OWN_MS + CALLS * CALL_MS) / 1000
    used = {
        "states": transitions,
        "lambda-requests": invocations,
        "lambda-arm64": seconds * template.memory / 1024,
        "metric-data": LOOKS["watch"] * metrics_of_a_node() * NODES,
        "logs-ingestion": logged,
        "logs-storage": logged * template.retention / (730 / 24),
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
        ("a re-creation: reads of the steps that wait", looks),
        ("metrics that each read of watch asks for", f"{metrics_of_a_node()} (code) of each of {NODES} nodes"),
        ("logs of a re-creation: an event of the workflow, a step", f"{EVENT_BYTES} bytes, {STEP_BYTES} bytes"),
        ("calls to AWS of each step, and allowed for each", f"{CALLS}, {CALL_MS} ms"),
        ("the record of a re-creation, and how often it is written", f"{RECORD_KB} KB, {WRITES} times"),
        ("mails of a re-creation, and links in them", f"{MAILS}, {LINKS}"),
    ]
