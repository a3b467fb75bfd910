"""Waiting for something to become true, never for a fixed time."""

import time


class NotInTime(AssertionError):
    """What was waited for did not happen."""


def until(what, probe, seconds=20.0):
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
