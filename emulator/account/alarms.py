"""CloudWatch alarms: the state they are in, by themselves, and what they tell.

A window of one period ends now; it and those before it are the datapoints. So an alarm goes off at once, and goes back
after its period, which `--period-scale` shortens.

AWS: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import time

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from . import alarm_messages, clock, metric_math, patching
from .settings import SETTINGS

SHORTEST_PERIOD = 0.5
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
#: What an alarm on a metric has and one on an expression has not.
OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


def install():
    patching.require(cloudwatch, "_alarms", "_metrics", "_calc_stats", "_stat_value", "_dims_key", "_record_history")
    patching.require(cloudwatch, "_evaluate_parent_alarms")
    # The clock evaluates, as CloudWatch does; not whoever puts data or an alarm.
    patching.replace(cloudwatch, "_evaluate_alarm", lambda alarm: None)
    patching.replace(cloudwatch, "_evaluate_all_alarms", lambda: None)
    patching.replace(cloudwatch, "_dispatch_alarm_actions", alarm_messages.tell)
    record_of_template = patching.original(provisioners, "_cw_metric_alarm_record")
    put_alarm = patching.original(cloudwatch, "_put_metric_alarm")

    def template_record(name, props):
        return with_metrics(record_of_template, name, props)

    def put_alarm_with_metrics(params, data, is_cbor, is_json=False):
        try:
            metrics = checked(data.get("Metrics"), data)
        except ValueError as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        answer = put_alarm(params, data, is_cbor, is_json)
        if metrics and answer[0] == 200:
            on_metrics(cloudwatch._alarms[data["AlarmName"]], metrics)
        return answer

    provisioners._cw_metric_alarm_record = template_record
    cloudwatch._put_metric_alarm = put_alarm_with_metrics
    clock.every_tick(evaluate_alarms)


def with_metrics(record, name, props):
    metrics = checked(props.get("Metrics"), props)
    if not metrics:
        return record(name, props)
    plain = {key: value for key, value in props.items() if key != "Metrics"}
    return on_metrics(record(name, {**plain, "MetricName": "-", "Namespace": "-"}), metrics)


def on_metrics(alarm, metrics):
    for member in OF_ONE_METRIC:
        alarm.pop(member, None)
    alarm["Metrics"] = metrics
    return alarm


def checked(metrics, request):
    """The queries of an alarm, as AWS answers them; ValueError for what PutMetricAlarm refuses."""
    if not metrics:
        return []
    if any(request.get(member) for member in OF_ONE_METRIC):
        raise ValueError("An alarm is on one metric or on Metrics, not both")
    queries = [{**query, "ReturnData": str(query.get("ReturnData", True)).lower() == "true"} for query in metrics]
    for query in queries:
        if "MetricStat" in query:
            query["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
        else:
            metric_math.check(query.get("Expression", ""), [other["Id"] for other in queries if "MetricStat" in other])
    if sum(query["ReturnData"] for query in queries) != 1:
        raise ValueError("Exactly one element of the metrics list should return data")
    return queries


# Evaluation -------------------------------------------------------------------------


def evaluate_alarms():
    for _ in clock.scopes(cloudwatch._alarms):
        for alarm in cloudwatch._alarms.values():
            evaluate(alarm, time.time())


def evaluate(alarm, now):
    needed = int(alarm.get("EvaluationPeriods") or 1)
    wanted = int(alarm.get("DatapointsToAlarm") or needed)
    points = [point for point in datapoints(alarm, now, needed) if point is not None]
    compare, threshold = COMPARISONS.get(alarm.get("ComparisonOperator")), alarm.get("Threshold", 0)
    if compare is None:  # anomaly detection
        return
    breaching = [compare(point, threshold) for point in points]
    state = state_of(breaching, needed, wanted, alarm.get("TreatMissingData") or "missing")
    if state and state != alarm["StateValue"]:
        transit(alarm, state, reason(alarm, points, sum(breaching), state))


def state_of(breaching, needed, wanted, treatment):
    """The state after these datapoints, newest first; None to stay as it is."""
    missing = needed - len(breaching)
    if treatment == "breaching":
        breaching = breaching + [True] * missing
    if sum(breaching) >= wanted:
        return "ALARM"
    if not missing or treatment in ("breaching", "notBreaching") or not all(breaching):
        return "OK"
    if treatment == "ignore":
        return None
    return "ALARM" if breaching else "INSUFFICIENT_DATA"


def datapoints(alarm, now, number):
    """The values of the last periods, newest first; None where there is no data."""
    period = max(SHORTEST_PERIOD, period_of(alarm) * SETTINGS.period_scale)
    for back in range(number):
        window = now - (back + 1) * period, now - back * period
        if "Metrics" not in alarm:
            statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
            yield metric_value(alarm, statistic, window)
        else:
            yield expression_value(alarm["Metrics"], window)


def period_of(alarm):
    if "Metrics" not in alarm:
        return int(alarm.get("Period") or 60)
    return max((query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query), default=60)


def expression_value(queries, window):
    values = {}
    for query in queries:
        if "MetricStat" in query:
            statistic = query["MetricStat"]
            values[query["Id"]] = metric_value(statistic["Metric"], statistic["Stat"], window)
    returned = next(query for query in queries if query["ReturnData"])
    return values[returned["Id"]] if "MetricStat" in returned else metric_math.evaluate(returned["Expression"], values)


def metric_value(metric, statistic, window):
    """A statistic of exactly this metric: other dimensions are another metric."""
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions") or []}
    key = metric.get("Namespace"), metric.get("MetricName"), cloudwatch._dims_key(dimensions)
    points = [p for p in list(cloudwatch._metrics.get(key) or []) if window[0] < p["Timestamp"] <= window[1]]
    return cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None


def reason(alarm, points, breaching, state):
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {alarm.get('EvaluationPeriods', 1)} datapoint(s) were unknown."
    if not points:
        return "Threshold Crossed: no datapoints were received and missing datapoints were treated as " + (
            "[Breaching]." if state == "ALARM" else "[NonBreaching]."
        )
    relation = "were" if state == "ALARM" else "were not"
    shown = ", ".join(str(point) for point in points)
    return (
        f"Threshold Crossed: {breaching if state == 'ALARM' else len(points) - breaching} out of the last "
        f"{len(points)} datapoints [{shown}] {relation} {alarm_messages.COMPARED[alarm['ComparisonOperator']]} "
        f"the threshold ({alarm.get('Threshold', 0)})."
    )


def transit(alarm, state, why):
    old = alarm["StateValue"]
    now = int(time.time())
    alarm.update(StateValue=state, StateReason=why, StateUpdatedTimestamp=now, StateTransitionedTimestamp=now)
    cloudwatch._record_history(alarm["AlarmName"], old, state, why)
    alarm_messages.tell(alarm, old, state, why)
    cloudwatch._evaluate_parent_alarms(alarm)
