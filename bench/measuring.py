"""How long the functions' invocations are billed, and what they log, in the emulated account."""

import pathlib
import re
import statistics
import sys

REPO = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "e2e"))

from harness import deploy, places  # noqa: E402
from harness.guard import guarded, permission  # noqa: E402

ROUNDS = 15
#: Warm-up: a new process is a cold start, which the tables allow for by themselves.
COLD = 3
#: CloudWatch Logs bills this much more for every line.
LINE_BYTES = 26


def measure():
    """Medians by case, and the size of all zips together."""
    with guarded() as guard:
        cases = {
            "clean": opened(guard, "clean", permission("tcp", 6379, "10.0.0.0/8")),
            "found": opened(guard, "found", permission("tcp", 6379, "0.0.0.0/0")),
            "trail": checked(guard),
        }
        measured = {case: figures(found) for case, found in cases.items()}
    binaries = [binary for _, binary in deploy.functions(deploy.template())]
    return {**measured, "zip_bytes": sum(len(deploy.package(places.binary(binary))) for binary in binaries)}


def opened(guard, name, rule):
    """The invocations for groups that are opened one after the other."""
    groups = []
    for number in range(ROUNDS):
        group = guard.group(f"{name}-{number}")
        guard.open(group, rule)
        guard.handled("ingress", group)
        groups.append(group)
    return [lines for lines in reported(guard, "ingress") if any(group in line for group in groups for line in lines)]


def checked(guard):
    for _ in range(ROUNDS):
        answer, error = guard.stack.invoke("trail", {})
        if error:
            raise RuntimeError(f"the check of the trail failed: {answer}")
    return reported(guard, "trail")


def reported(guard, function):
    """The lines of each invocation, Lambda's own included."""
    logs = guard.account.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=guard.stack.log_group(function))
    streams, found = {}, []
    for event in (event for page in pages for event in page["events"]):
        lines = streams.setdefault(event["logStreamName"], [])
        lines.append(event["message"])
        if event["message"].startswith("REPORT "):
            found.append(list(lines))
            lines.clear()
    return found


def figures(invocations):
    warm = invocations[COLD:]
    billed = [int(re.search(r"Billed Duration: (\d+) ms", lines[-1]).group(1)) for lines in warm]
    sizes = [sum(len(line.encode()) + LINE_BYTES for line in lines) for lines in warm]
    return {"billed_ms": statistics.median(billed), "log_bytes": round(statistics.median(sizes))}
