"""The default event bus, for events of AWS's own services."""

import contextvars
import json

from ministack import app
from ministack.services import eventbridge

from . import patching


def install():
    patching.require(eventbridge, "_put_events")
    patching.require(app, "_MAIN_LOOP")


def put_soon(source, detail_type, detail, resources=(), delay=0.0):
    """Put an event on the bus of this account and Region, once the caller has its answer."""
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": list(resources)}
    context = contextvars.copy_context()
    loop = app._MAIN_LOOP
    loop.call_soon_threadsafe(loop.call_later, delay, context.run, _put, entry)


def _put(entry):
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
