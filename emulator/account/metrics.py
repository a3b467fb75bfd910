"""CloudWatch metrics that arise by themselves: those of Lambda's invocations, and embedded ones in log lines.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import threading
import time

from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

from . import patching

logger = logging.getLogger("account.metrics")
#: Invocations end in several threads, and the first value of a metric makes its list.
_LOCK = threading.Lock()


def install():
    patching.require(cloudwatch, "_metric_bucket", "_dims_key", "_store_datum")
    patching.require(cloudwatch, "TWO_WEEKS_SECONDS")
    patching.replace(cloudwatch, "_evict_old_metrics", evict)
    patching.replace(lambda_svc, "_emit_lambda_metrics", count_throttle)
    dimensions_of = patching.original(cloudwatch, "_dims_from_list")
    cloudwatch._dims_from_list = lambda given: Dimensions(dimensions_of(given))
    execute = patching.original(lambda_svc, "_execute_function_dispatch")
    append = patching.original(cloudwatch_logs, "_append_log_events")

    def execute_and_measure(function, configuration, event, request_id, started):
        result = execute(function, configuration, event, request_id, started)
        name = configuration.get("FunctionName", "")
        count("AWS/Lambda", "Invocations", FunctionName=name)
        count("AWS/Lambda", "Errors", int(bool(result.get("error"))), FunctionName=name)
        count("AWS/Lambda", "Throttles", 0, FunctionName=name)
        put("AWS/Lambda", "Duration", (time.time() - started) * 1000, "Milliseconds", {"FunctionName": name})
        return result

    def append_and_extract(stream, events):
        append(stream, events)
        for event in events:
            extract(event["message"])

    lambda_svc._execute_function_dispatch = execute_and_measure
    cloudwatch_logs._append_log_events = append_and_extract


class Dimensions(dict):
    """True even if empty: asking for no dimensions asks for the metric without any, not for the sum of all."""

    def __bool__(self):
        return True


def count_throttle(function_name, duration_ms, error, throttle):
    """MiniStack counts where an invocation is asked for; only what it says before one has run is right."""
    if throttle and not duration_ms:
        count("AWS/Lambda", "Throttles", FunctionName=function_name)


def count(namespace, name, value=1, **dimensions):
    put(namespace, name, value, "Count", dimensions)


def put(namespace, name, value, unit, dimensions, timestamp=None):
    """One value of a metric of this account and Region."""
    values = value if isinstance(value, list) else None
    single = None if values is not None else value
    with _LOCK:
        cloudwatch._store_datum(namespace, name, dimensions, timestamp or time.time(), unit, single, values, None, None)


def evict():
    """Forget what is old, in place: MiniStack makes new lists and loses what arrives meanwhile."""
    oldest = time.time() - cloudwatch.TWO_WEEKS_SECONDS
    for points in cloudwatch._metrics.values():
        if points and points[0]["Timestamp"] < oldest:
            with _LOCK:
                points[:] = [point for point in points if point["Timestamp"] >= oldest]


# Embedded metric format --------------------------------------------------------------------


def extract(line):
    """The metrics that a log line declares; anything else is only a line."""
    if '"_aws"' not in line:
        return
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
        timestamp = document["_aws"]["Timestamp"] / 1000
        for directive in directives:
            _put_directive(document, directive, timestamp)
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("not in the embedded metric format (%s): %s", error, line[:200])


def _put_directive(document, directive, timestamp):
    """Each metric once under each set of dimensions; the empty set is the metric without dimensions."""
    for names in directive.get("Dimensions") or [[]]:
        dimensions = {name: str(document[name]) for name in names}
        for metric in directive["Metrics"]:
            if metric["Name"] in document:
                unit = metric.get("Unit", "None")
                put(directive["Namespace"], metric["Name"], document[metric["Name"]], unit, dimensions, timestamp)
