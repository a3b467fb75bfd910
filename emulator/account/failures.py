"""What the tests want to go wrong: calls that answer an error, and caches and snapshots that do not come up.

The statuses are AWS's: DescribeReplicationGroups, DescribeCacheClusters, and for snapshots the event
`ElastiCache:SnapshotFailed` in https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ECEvents.SNS.html
"""

import fnmatch
import threading

from .wire import CHECKS, AwsError

#: What may be made to fail, and the statuses in which that ends; the first is the default.
KINDS = {
    "replication-group": ("create-failed",),
    "cache-cluster": ("incompatible-network", "restore-failed"),
    "snapshot": ("failed",),
}
_LOCK = threading.Lock()
_PLANNED = []


def install():
    CHECKS.append(check)


def plan(document):
    """{"Kind", "Id", "Status", "Times"} or {"Action", "Code", "Message", "Times"}: ids and actions are patterns."""
    entry = {"Times": 1, **document}
    if "Kind" in entry:
        allowed = KINDS.get(entry["Kind"])
        if not allowed or entry.setdefault("Status", allowed[0]) not in allowed:
            raise ValueError(f"Kind and Status must be one of {KINDS}")
        entry.setdefault("Id", "*")
    elif not {"Action", "Code"} <= set(entry):
        raise ValueError("either Kind or Action and Code are needed")
    with _LOCK:
        _PLANNED.append(entry)
    return planned()


def planned():
    with _LOCK:
        return {"failures": [dict(entry) for entry in _PLANNED]}


def forget():
    with _LOCK:
        _PLANNED.clear()
    return planned()


def status_of(kind, name):
    """The status in which this resource ends instead of `available`, once for each time that is planned."""
    entry = _take(lambda entry: entry.get("Kind") == kind and fnmatch.fnmatchcase(name, entry["Id"].lower()))
    return entry and entry["Status"]


def check(service, action):
    """Answer the error that is planned for a call."""
    wanted = (action, f"{service}:{action}")
    entry = _take(lambda entry: any(fnmatch.fnmatchcase(name, entry.get("Action", "")) for name in wanted))
    if entry:
        raise AwsError(entry["Code"], entry.get("Message") or "As the test wants it.")


def _take(matches):
    with _LOCK:
        entry = next((entry for entry in _PLANNED if matches(entry)), None)
        if entry:
            entry["Times"] -= 1
            if entry["Times"] <= 0:
                _PLANNED.remove(entry)
        return entry
