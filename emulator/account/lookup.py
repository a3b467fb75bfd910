"""LookupEvents: the event history, with the records that `cloudtrail.py` makes and the limits of AWS.

AWS: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: management events of this
account and Region, the newest first; at most 50 a page, one attribute a request, two requests a second.
"""

import collections
import datetime
import json
import time

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudtrail

from . import patching

MOST = 50
KEYS = {"EventId": "eventID", "EventName": "eventName", "EventSource": "eventSource"}

#: Records of an account and Region, the oldest first; and when it was asked last.
_records = AccountRegionScopedDict()
_asked = AccountRegionScopedDict()


def install():
    patching.require(cloudtrail, "_ok", "_err")
    patching.replace_action(cloudtrail._DISPATCH, "LookupEvents", lookup_events)


def keep(record):
    _records.setdefault("records", []).append(record)


def lookup_events(body):
    attributes = body.get("LookupAttributes", [])
    if len(attributes) > 1:
        return cloudtrail._err("InvalidLookupAttributesException", "Only one lookup attribute is allowed.")
    most = body.get("MaxResults", MOST)
    if not 1 <= most <= MOST:
        return cloudtrail._err("InvalidMaxResultsException", f"A max results value of {most} is invalid.")
    asked = _asked.setdefault("times", collections.deque(maxlen=2))
    if len(asked) == 2 and time.monotonic() - asked[0] < 0.95:
        return cloudtrail._err("ThrottlingException", "Rate exceeded")
    asked.append(time.monotonic())
    found = [record for record in reversed(_records.get("records", [])) if matches(record, attributes, body)]
    begin = int(body.get("NextToken") or 0)
    more = {"NextToken": str(begin + most)} if begin + most < len(found) else {}
    return cloudtrail._ok({"Events": [event(record) for record in found[begin : begin + most]], **more})


def matches(record, attributes, body):
    at = moment(record)
    if not body.get("StartTime", at) <= at <= body.get("EndTime", at):
        return False
    return all(record.get(KEYS[one["AttributeKey"]]) == one["AttributeValue"] for one in attributes)


def moment(record):
    return datetime.datetime.fromisoformat(record["eventTime"]).timestamp()


def event(record):
    identity = record["userIdentity"]
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "EventSource": record["eventSource"],
        "EventTime": moment(record),
        "ReadOnly": "false",
        "Username": identity["arn"].rsplit("/", 1)[-1],
        "CloudTrailEvent": json.dumps(record),
    }
