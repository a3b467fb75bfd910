"""Faults between the functions and the account: microburst, through which only the functions' calls go.

https://github.com/pingedbrain/microburst
"""

import contextlib
import dataclasses
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request

from .account import FAST, Account
from .guard import Guard
from .places import REPO
from .wait import until

#: The SDK of the functions gives up an attempt after 3 s (shared/aws/src/clients.rs).
LONGER_THAN_AN_ATTEMPT = 3500

# What goes wrong. Error codes are AWS's: EC2's of its own, the others' of the query protocol.
THROTTLED = {"error": {"code": "RequestLimitExceeded", "status": 503, "message": "Request limit exceeded."}}
THROTTLED_ELSEWHERE = {"error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}
BROKEN = {"error": {"code": "InternalError", "status": 500, "message": "An internal error has occurred"}}
#: What DynamoDB says while a table grows, or when one item is asked for too often.
TABLE_THROTTLED = {
    "error": {"code": "ProvisionedThroughputExceededException", "status": 400, "message": "The level was exceeded."}
}
DENIED = {"error": {"code": "AuthorizationError", "status": 403, "message": "User is not authorized"}}
SILENT = {"timeout_ms": LONGER_THAN_AN_ATTEMPT}
RESET = {"reset": True}
#: Done in the account, but the connection ends before the answer is there.
ANSWER_LOST = {"response": {"abort_bytes": 0}}
#: The same, in the middle of the answer.
ANSWER_TORN = {"response": {"abort_frac": 0.5}}
#: The answer ends early, and as if that were its end.
ANSWER_SHORT = {"response": {"truncate_frac": 0.5}}
#: The same, before anything of interest: a list without members.
ANSWER_EMPTY = {"response": {"truncate_frac": 0.2}}
#: Done in the account, and the answer does not come for a long time.
ANSWER_SLOW = {"response": {"bandwidth_kbps": 0.02}}
#: Nothing: for calls to let pass before a fault begins, for the first rule that fits is the one.
PASSES = {"latency": 1}


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of the functions, and where its body says what it is about."""

    service: str
    operation: str
    about: str


DESCRIBE = Call("ec2", "DescribeSecurityGroupRules", "\"Filter.1.Value.1\" == '{group}'")
REVOKE = Call("ec2", "RevokeSecurityGroupIngress", "GroupId == '{group}'")
PUBLISH = Call("sns", "Publish", "contains(Message, '{subject}')")
REMEMBERED = Call("dynamodb", "Query", "contains(to_string(@), '{subject}')")
#: What the event itself names, such as a cache.
REMEMBERED_BY_KEY = Call("dynamodb", "BatchGetItem", "contains(to_string(@), '{subject}')")
REMEMBER = Call("dynamodb", "PutItem", "contains(to_string(@), '{subject}')")
COUNT = Call("dynamodb", "UpdateItem", "contains(to_string(@), 'minute')")


@dataclasses.dataclass(frozen=True)
class Fault:
    """A call about one group, or its cache, that goes wrong so often; None: until the faults end."""

    call: Call
    effect: dict = dataclasses.field(hash=False)
    times: int | None = None

    def rule(self, group, subject):
        """As microburst wants it."""
        about = self.call.about.format(group=group, subject=subject)
        rule = {"service": self.call.service, "operation": self.call.operation, "body": about, **self.effect}
        if self.times is not None:
            rule["times"] = self.times
        return rule

    def __str__(self):
        return f"{self.call.operation} {self.times or 'for ever'} x {json.dumps(self.effect)}"


class Proxy:
    """microburst in a process group of its own; use it as a context manager."""

    def __init__(self, port, log_file):
        self.port, self.log_file, self.process = port, log_file, None

    def start(self, upstream):
        command = [sys.executable, "-m", "harness.faults", "--upstream", upstream, "--port", str(self.port)]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=REPO / "e2e",
                start_new_session=True,
            )
        until("the proxy answers", self._answers)

    def stop(self):
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def set(self, rules):
        """These faults from now on, and no others."""
        self._control("POST", "rules", list(rules))

    def clear(self):
        self.set([])

    def fired(self):
        """How often each rule has struck, in the order they were set."""
        return [rule["fired_count"] for rule in self._control("GET", "rules")]

    def requests(self):
        """All requests of the functions, and how many of them met a fault."""
        counts = self._control("GET", "stats")["requests"]
        return counts["total"], counts["faulted"]

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"microburst did not start: see {self.log_file}")
        with contextlib.suppress(OSError):
            return self._control("GET", "health")

    def _control(self, method, path, document=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/_microburst/{path}",
            data=None if document is None else json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def guarded_behind_proxy(*options, **parameters):
    """A new account with the stack in it, whose functions reach it through a proxy: (guard, proxy)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Account(*(options or FAST), "--lambda-endpoint", f"http://127.0.0.1:{port}") as account:
        proxy = Proxy(port, account.state_dir / "proxy.log")
        try:
            proxy.start(account.endpoint)
            yield Guard(account).deploy(**parameters), proxy
        finally:
            proxy.stop()


def kill_functions(account):
    """Kill every running function of the account, as Lambda does with one that takes all memory; gives their number."""
    listing = subprocess.run(["ps", "-axwwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    processes = [line.split(None, 1) for line in listing.splitlines()]
    ours = f"{account.state_dir}/"
    found = [int(pid) for pid, command in processes if command.startswith(ours) and command.endswith("/bootstrap")]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _serve():
    """microburst with three changes for the calls of functions."""
    from microburst import cli, detection, forward

    outbound = forward.Upstream._outbound_headers

    def signed(upstream, request):
        kept = {name: request.headers[name] for name in ("host", "content-length") if name in request.headers}
        return {**outbound(upstream, request), **kept}

    # The functions' signatures cover both headers.
    forward.Upstream._outbound_headers = signed
    # Else the body of Invoke is not looked into.
    detection._STREAMING_OPS = detection._STREAMING_OPS - {("lambda", "Invoke")}
    # The functions call 127.0.0.1, which names no service; to find that out, it would read all of botocore's models
    # first.
    detection.parse_host = lambda host: (None, None, None)
    # A line for each request, and a trace for each connection that a function gave up.
    logging.disable(logging.ERROR)
    return cli.main()


if __name__ == "__main__":
    sys.exit(_serve())
