"""What CloudTrail tells of an account: every changing call of EC2 and ElastiCache, and who made it."""

import json

from .inbox import feed

SOURCES = ["aws.ec2", "aws.elasticache"]


class Calls:
    """A queue behind a rule of the default bus, in which all calls are from now on."""

    def __init__(self, account):
        bus = account.client("events")
        pattern = {"source": SOURCES, "detail-type": ["AWS API Call via CloudTrail"]}
        rule = bus.put_rule(Name="calls", EventPattern=json.dumps(pattern))["RuleArn"]
        self.queue, arn = feed(account, "calls", "events", rule)
        bus.put_targets(Rule="calls", Targets=[{"Id": "queue", "Arn": arn}])

    def events(self, name, text=""):
        """The events of a call in which this text is, in the order in which they came."""
        return [
            event
            for event in self.queue.read()
            if event["detail"]["eventName"] == name and text in json.dumps(event["detail"])
        ]

    def of(self, role, text=""):
        """The calls of a role that changed something, by name, in the order in which they came."""
        made = [event["detail"] for event in self.queue.read() if text in json.dumps(event["detail"])]
        made = [detail for detail in made if "errorCode" not in detail]
        return [detail["eventName"] for detail in made if issuer(detail) == role]


def issuer(detail):
    """The ARN of the role that made a call; None if it was no role."""
    return detail["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {}).get("arn")
