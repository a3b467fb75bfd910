"""Waiting for something to become true, never for a fixed time."""

import time

#: Seconds. Long, for a busy machine: what comes in time is not waited for.
PATIENCE = 60.0


class NotInTime(AssertionError):
    """What was waited for did not happen."""


def until(what, probe, seconds=PATIENCE):
    """Ask `probe` until it answers with something true, and give that back."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} s (last answer: {answer!r})")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
