"""What a CloudWatch alarm sends to a topic, and whether the topic lets it.

AWS: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

import json
import logging
import time
from datetime import datetime, timezone

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region
from ministack.services import sns

logger = logging.getLogger("account.alarms")
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
COMPARED = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
#: CloudWatch names the Region in words; others than these keep their code here.
REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
}


def tell(alarm, old, new, reason):
    """Send a change to the topics that the alarm names for its new state."""
    if not alarm.get("ActionsEnabled", True):
        return
    for action in alarm.get(ACTIONS[new]) or []:
        if not _is_topic_here(action):
            continue
        if not sns.topic_policy_allows(action, "cloudwatch.amazonaws.com", alarm["AlarmArn"], get_account_id()):
            logger.error("the policy of %s keeps out CloudWatch and the alarm %s", action, alarm["AlarmName"])
            continue
        document = document_of(alarm, old, new, reason)
        parts = {"default": json.dumps(document), "email": mail_of(document)}
        subject = f'{new}: "{alarm["AlarmName"]}" in {document["Region"]}'
        sns.publish_internal(action, json.dumps(parts), short(subject), message_structure="json")


def short(subject):
    """SNS takes subjects of less than 100 characters."""
    return subject if len(subject) < 100 else subject[:96] + "..."


def _is_topic_here(action):
    """An alarm reaches topics of its own Region, in any account."""
    try:
        arn = parse_arn(action)
    except ArnParseError:
        return False
    return arn.service == "sns" and arn.region == get_region()


def document_of(alarm, old, new, reason):
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": get_account_id(),
        "AlarmConfigurationUpdatedTimestamp": _time(alarm.get("AlarmConfigurationUpdatedTimestamp") or time.time()),
        "NewStateValue": new,
        "NewStateReason": reason,
        "StateChangeTime": _time(time.time()),
        "Region": REGIONS.get(get_region(), get_region()),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old,
        **{field: alarm.get(field) or [] for field in ("OKActions", "AlarmActions", "InsufficientDataActions")},
        "Trigger": _trigger(alarm),
    }


def _time(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _trigger(alarm):
    trigger = {
        "Period": alarm.get("Period"),
        "EvaluationPeriods": alarm.get("EvaluationPeriods", 1),
        "DatapointsToAlarm": alarm.get("DatapointsToAlarm"),
        "ComparisonOperator": alarm.get("ComparisonOperator"),
        "Threshold": alarm.get("Threshold", 0),
        "TreatMissingData": alarm.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": "",
    }
    if "Metrics" in alarm:
        metrics = [_query(query) for query in alarm["Metrics"]]
        periods = [query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query]
        return {**trigger, "Period": max(periods, default=None), "Metrics": metrics}
    return {
        "MetricName": alarm.get("MetricName"),
        "Namespace": alarm.get("Namespace"),
        "StatisticType": "ExtendedStatistic" if alarm.get("ExtendedStatistic") else "Statistic",
        "Statistic": alarm.get("ExtendedStatistic") or (alarm.get("Statistic") or "Average").upper(),
        "Unit": alarm.get("Unit"),
        "Dimensions": _dimensions(alarm.get("Dimensions")),
        **trigger,
    }


def _query(query):
    if "MetricStat" not in query:
        return query
    metric = query["MetricStat"]["Metric"]
    metric = {**metric, "Dimensions": _dimensions(metric.get("Dimensions"))}
    return {**query, "MetricStat": {**query["MetricStat"], "Metric": metric}}


def _dimensions(dimensions):
    return [{"value": item["Value"], "name": item["Name"]} for item in dimensions or []]


def mail_of(document):
    """The text for e-mail subscriptions; AWS's has more words around it."""
    return "\n".join(
        [
            f'You are receiving this email because your Amazon CloudWatch Alarm "{document["AlarmName"]}" in the '
            f"{document['Region']} region has entered the {document['NewStateValue']} state, because "
            f'"{document["NewStateReason"]}" at "{document["StateChangeTime"]}".',
            "",
            "Alarm Details:",
            f"- Name: {document['AlarmName']}",
            f"- Description: {document['AlarmDescription'] or ''}",
            f"- State Change: {document['OldStateValue']} -> {document['NewStateValue']}",
            f"- Reason for State Change: {document['NewStateReason']}",
            f"- Timestamp: {document['StateChangeTime']}",
            f"- AWS Account: {document['AWSAccountId']}",
            f"- Alarm Arn: {document['AlarmArn']}",
        ]
    )
