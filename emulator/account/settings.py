"""What the command line decides, for every part of the account to read."""

import pathlib
from dataclasses import dataclass
from typing import Optional


@dataclass
class Settings:
    """Set once by ``__main__`` before the first request."""

    account_id: str = "111122223333"
    region: str = "eu-west-1"
    #: Where the account listens; the host names of function URLs carry it.
    port: int = 4566
    #: How long a new cache stays ``creating`` and a deleted one ``deleting``.
    creating_seconds: float = 1.0
    #: Pause between a call and its CloudTrail event on the bus.
    event_delay: float = 0.0
    #: Lambda waits 1 then 2 minutes between async attempts; here it is this many seconds, then twice that.
    retry_seconds: float = 0.5
    #: The periods of alarms take this fraction of their time, but at least half a second; messages age so much faster.
    period_scale: float = 1.0
    #: `rate` rules take this fraction of their time.
    schedule_scale: float = 1.0
    #: Wait states and pauses before retries of workflows take this fraction of their time.
    wait_scale: float = 1.0
    #: TimeoutSeconds and HeartbeatSeconds of workflows take this fraction of their time.
    timeout_scale: float = 1.0
    #: The batching windows of queues that functions read take this fraction of their time.
    window_scale: float = 1.0
    #: How many asynchronous events are worked on at once.
    concurrency: int = 8
    #: Whether the account starts with a trail that logs management events.
    trail: bool = True
    #: Where e-mails are written; set by ``__main__``.
    mail_dir: Optional[pathlib.Path] = None


SETTINGS = Settings()
