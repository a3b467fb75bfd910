"""What EC2 shows late: it is eventually consistent, and a test says by how much.

AWS: https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

import time

#: Seconds, by the id of a security group, after which DescribeSecurityGroupRules shows a new rule of it.
LATE = {}
#: When a rule that is late is shown, by its id.
SHOWN = {}


def say(document):
    """{"GroupId", "Seconds"}: of the rules that are made from now on, by the account's own clock."""
    LATE[document["GroupId"]] = float(document["Seconds"])
    return {"late": LATE}


def made(group_id, rule_id):
    if group_id in LATE:
        SHOWN[rule_id] = time.time() + LATE[group_id]


def is_shown(rule_id):
    return SHOWN.get(rule_id, 0.0) <= time.time()
