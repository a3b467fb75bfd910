"""ElastiCache: what values may be: names, ports, windows, tags, tokens, numbers.

AWS: the parameters of API_CreateReplicationGroup and API_CreateCacheCluster in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/, whose text botocore has too. Where AWS's message is
known, the report that has it is named; other messages are ours, with the code that the API reference gives.
"""

import re

from .wire import AwsError

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>\-]{16,128}")
_TAG = re.compile(r"[\w\s+\-=.:/@]*")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CLOCK = r"([01]\d|2[0-3]):([0-5]\d)"
_WEEKLY = re.compile(f"({'|'.join(_DAYS)}):{_CLOCK}-({'|'.join(_DAYS)}):{_CLOCK}")
_DAILY = re.compile(f"{_CLOCK}-{_CLOCK}")
_HOUR, _DAY, _WEEK = 60, 24 * 60, 7 * 24 * 60
MOST_TAGS = 50
#: The one between what AWS lets a node listen on: 1150 to 8004 and 8006 to 65535.
_LOWEST_PORT, _TAKEN_PORT, _HIGHEST_PORT = 1150, 8005, 65535


def new_id(request, member, longest):
    """Identifiers are lower-cased; letters, digits and single hyphens; a letter first, no hyphen last."""
    name = request[member].lower()
    if len(name) > longest or not _ID.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
        )
    return name


def port_of(request, default):
    port = request.get("Port", default)
    if not _LOWEST_PORT <= port <= _HIGHEST_PORT or port == _TAKEN_PORT:
        raise AwsError("InvalidParameterValue", f"Invalid port {port}. Valid values are 1150-8004 and 8006-65535.")
    return port


def check_number(request, member, lowest, highest):
    number = request.get(member)
    if number is not None and not lowest <= number <= highest:
        raise AwsError("InvalidParameterValue", f"{member} must be within {lowest} and {highest}, not {number}.")


def check_token(token):
    """Letters, digits and ``! & # $ ^ < > -``, 16 to 128. The message: hashicorp/terraform#23993."""
    if not _TOKEN.fullmatch(token):
        raise AwsError("InvalidParameterValue", "Invalid AuthToken provided.")


# Tags -----------------------------------------------------------------------------


def check_tags(tags):
    """At most 50, none of AWS's own, of the characters that Tagging-Resources.html in the guide allows."""
    for tag in tags or []:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", f"Tag keys that start with aws: are reserved: {key}")
        if not 1 <= len(key) <= 128 or len(value) > 256 or not (_TAG.fullmatch(key) and _TAG.fullmatch(value)):
            raise AwsError("InvalidParameterValue", f"Invalid tag: {key}")
    check_tag_count(tag["Key"] for tag in tags or [])


def check_tag_count(keys):
    if len(set(keys)) > MOST_TAGS:
        raise AwsError("TagQuotaPerResourceExceeded", f"A resource has at most {MOST_TAGS} tags.")


# Windows --------------------------------------------------------------------------


def check_windows(maintenance, snapshot):
    """Both at least an hour long, and apart.

    The messages: hashicorp/terraform-provider-aws#2153, hashicorp/terraform#17247.
    """
    if maintenance and _length(_weekly(maintenance), _WEEK) < _HOUR:
        raise AwsError("InvalidParameterValue", "Maintenance window must be at least 60 minutes.")
    if snapshot and _length(_daily(snapshot), _DAY) < _HOUR:
        raise AwsError("InvalidParameterValue", "Snapshot window must be at least 60 minutes.")
    if maintenance and snapshot and overlap(maintenance, snapshot):
        raise AwsError("InvalidParameterValue", "The snapshot window and maintenance window must not overlap.")


def windows_of(request):
    """The windows asked for; where one is left out, AWS chooses one that does not meet the other."""
    maintenance, snapshot = request.get("PreferredMaintenanceWindow"), request.get("SnapshotWindow")
    if not maintenance:
        hours = [f"sun:{hour:02d}:00-sun:{hour + 1:02d}:00" for hour in (5, 12, 20)]
        maintenance = next(window for window in hours if not (snapshot and overlap(window, snapshot)))
    if not snapshot:
        hours = [f"{hour:02d}:00-{hour + 1:02d}:00" for hour in (3, 10, 18)]
        snapshot = next(window for window in hours if not overlap(maintenance, window))
    return {"PreferredMaintenanceWindow": maintenance, "SnapshotWindow": snapshot}


def overlap(maintenance, snapshot):
    (first, end), (low, high) = _weekly(maintenance), _daily(snapshot)
    busy = {minute % _WEEK for minute in range(first, first + _length((first, end), _WEEK))}
    length = _length((low, high), _DAY)
    return any((day * _DAY + low + minute) % _WEEK in busy for day in range(7) for minute in range(length))


def _weekly(text):
    found = _WEEKLY.fullmatch(text)
    if not found:
        raise AwsError("InvalidParameterValue", f"Invalid maintenance window: {text}. It is ddd:hh24:mi-ddd:hh24:mi.")
    day, hour, minute, last_day, last_hour, last_minute = found.groups()
    return (
        _DAYS.index(day) * _DAY + int(hour) * 60 + int(minute),
        _DAYS.index(last_day) * _DAY + int(last_hour) * 60 + int(last_minute),
    )


def _daily(text):
    found = _DAILY.fullmatch(text)
    if not found:
        raise AwsError("InvalidParameterValue", f"Invalid snapshot window: {text}. It is hh24:mi-hh24:mi.")
    hour, minute, last_hour, last_minute = (int(part) for part in found.groups())
    return hour * 60 + minute, last_hour * 60 + last_minute


def _length(window, cycle):
    start, end = window
    return (end - start) % cycle
