"""CloudTrail: whether a trail logs a call, for without one EventBridge hears nothing of it.

AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
"""

from ministack.core.responses import get_account_id, request_scope
from ministack.services import cloudtrail

from . import patching
from .settings import SETTINGS

FIRST_TRAIL = "management-events"
#: The operators of advanced event selectors; a field may match any of the values, or none where it must not.
OPERATORS = {
    "Equals": lambda value, wanted: value in wanted,
    "StartsWith": lambda value, wanted: value.startswith(tuple(wanted)),
    "EndsWith": lambda value, wanted: value.endswith(tuple(wanted)),
    "NotEquals": lambda value, wanted: value not in wanted,
    "NotStartsWith": lambda value, wanted: not value.startswith(tuple(wanted)),
    "NotEndsWith": lambda value, wanted: not value.endswith(tuple(wanted)),
}


def install():
    patching.require(cloudtrail, "_create_trail", "_start_logging", "_visible_trail_items", "_event_selectors")
    forget_everything = patching.original(cloudtrail, "reset")

    def reset():
        forget_everything()
        make_first_trail()

    cloudtrail.reset = reset
    make_first_trail()


def make_first_trail():
    """An account usually has a trail for all Regions; `--no-trail` is for one that has not."""
    if not SETTINGS.trail:
        return
    with request_scope(SETTINGS.account_id, SETTINGS.region):
        bucket = f"trail-{SETTINGS.account_id}"
        cloudtrail._create_trail({"Name": FIRST_TRAIL, "S3BucketName": bucket, "IsMultiRegionTrail": True})
        cloudtrail._start_logging({"Name": FIRST_TRAIL})


def logs(record):
    """Whether a trail that logs has this record selected, in the Region of the call."""
    for region, name, trail in cloudtrail._visible_trail_items():
        selectors = cloudtrail._event_selectors.get_scoped(get_account_id(), region, name)
        if trail.get("IsLogging") and selected(record, selectors or cloudtrail._DEFAULT_EVENT_SELECTORS):
            return True
    return False


def selected(record, selectors):
    return any((advanced if "FieldSelectors" in selector else basic)(record, selector) for selector in selectors)


def basic(record, selector):
    kind = "ReadOnly" if record["readOnly"] else "WriteOnly"
    return (
        selector.get("IncludeManagementEvents", True)
        and selector.get("ReadWriteType", "All") in ("All", kind)
        and record["eventSource"] not in selector.get("ExcludeManagementEventSources", [])
    )


def advanced(record, selector):
    """All fields must match."""
    values = {
        **record,
        "readOnly": str(record["readOnly"]).lower(),
        "userIdentity.arn": record["userIdentity"].get("arn", ""),
    }
    return all(field_matches(str(values.get(field["Field"], "")), field) for field in selector["FieldSelectors"])


def field_matches(value, field):
    return all(OPERATORS[name](value, wanted) for name, wanted in field.items() if name in OPERATORS and wanted)
