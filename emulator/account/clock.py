"""What the account does by itself, every so often: one thread, each duty in every account and Region that has data."""

import logging
import threading
import time

from ministack.core.responses import request_scope

logger = logging.getLogger("account.clock")
TICK_SECONDS = 0.25
_DUTIES = []


def every_tick(duty):
    """Call this function four times a second."""
    _DUTIES.append(duty)


def start():
    threading.Thread(target=_run, daemon=True, name="clock").start()


def _run():
    while True:
        time.sleep(TICK_SECONDS)
        for duty in _DUTIES:
            try:
                duty()
            except Exception:  # one duty must not end the others
                logger.exception("%s failed", duty.__name__)


def scopes(store):
    """Enter each account and Region that has something in a store of MiniStack's."""
    for account, region in sorted({key[:2] for key, _ in store.all_items()}):
        with request_scope(account, region):
            yield account, region
