"""Open a port on a security group that nothing uses, and see that Portcullis closes it.

Makes a group without network interfaces, opens tcp 6379 to 0.0.0.0/0 in it, waits until the rule is
gone, says how long that took, and removes the group, however it ends. One alert about a group
named portcullis-canary-... goes out: it proves the mail as well. In observe mode the rule stays by
design; then this waits until the function has looked, and takes the rule away itself.

exit codes: 0 it works; 1 it does not, and what to look at is printed; 2 could not start
"""

import datetime
import signal
import sys
import time

import diagnosis
import ears
import stack as stacks
from botocore.exceptions import ClientError

PORT = 6379
TAGS = {
    "Name": "portcullis-canary",
    "portcullis:canary": "made by make canary, nothing uses it, may be deleted",
}
#: How long the log of what was closed may lag behind.
LOG_SECONDS = 90


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the group is removed
    parser = stacks.parser(__doc__)
    parser.add_argument("--vpc", metavar="VPC", help="where to make the group (default: the default VPC)")
    parser.add_argument("--minutes", type=float, default=15, help="how long to wait (default: 15)")
    options = parser.parse_args()
    stack = stacks.Stack(options.stack)
    canary = Canary(stack, options.vpc)
    try:
        status = watch(stack, canary, options.minutes * 60)
        if not stack.parameters["AlertTopicArn"]:
            for step in ears.steps(stack):
                print(f"note: {step}")
        return status
    finally:
        canary.remove()


def watch(stack, canary, seconds):
    mode = stack.parameters["Mode"]
    canary.open()
    print(f"opened tcp {PORT} to 0.0.0.0/0 in {canary.group} ({canary.rule}); {stack.name} is in {mode} mode")
    if mode == "observe":
        took = wait(lambda: looked(stack, canary), seconds)
        if took is None or not canary.is_open():
            what = "did not look" if took is None else "did not leave the rule open"
            return failed(stack, canary, f"the function {what} within {seconds:g} s")
        print(f"the function looked within {took:.1f} s, and left the rule open, as observe mode is meant to")
        return stacks.DONE
    took = wait(lambda: not canary.is_open(), seconds)
    if took is None:
        return failed(stack, canary, f"the rule is still open after {seconds:g} s")
    print(f"closed {took:.1f} s after it was opened")
    if wait(lambda: looked(stack, canary), LOG_SECONDS) is None:
        return failed(stack, canary, f"the log does not name {canary.group}: something else closed the rule")
    return stacks.DONE


def failed(stack, canary, what):
    stacks.complain(what, None)
    print("Where to look, with what is there now:")
    for line in diagnosis.lines(stack, canary.since):
        print(f"  {line}")
    return stacks.NOT_ALL


def wait(probe, seconds):
    """Seconds until the probe answers yes, or None."""
    started = time.monotonic()
    while True:
        if probe():
            return time.monotonic() - started
        if time.monotonic() - started > seconds:
            return None
        time.sleep(0.5)


def looked(stack, canary):
    """Whether the function's log names the group."""
    return diagnosis.log_lines(stack, "ingress", canary.since, f'"{canary.group}"')


class Canary:
    """The group, and its one rule."""

    def __init__(self, stack, vpc):
        self.ec2, self.group, self.rule = stack.client("ec2"), None, None
        self.since = int(time.time() * 1000)
        self.vpc = vpc or self.default_vpc(stack)

    def default_vpc(self, stack):
        found = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        if not found:
            raise stacks.Problem(f"{stack.account.place()} has no default VPC: name one with VPC=vpc-...")
        return found[0]["VpcId"]

    def open(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        self.group = self.ec2.create_security_group(
            GroupName=f"portcullis-canary-{now:%Y%m%d-%H%M%S}",
            Description="Made by make canary of Portcullis: nothing uses it, and it may be deleted",
            VpcId=self.vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
        )["GroupId"]
        answer = self.ec2.authorize_security_group_ingress(
            GroupId=self.group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": PORT,
                    "ToPort": PORT,
                    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "make canary"}],
                }
            ],
        )
        self.rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def is_open(self):
        pages = self.ec2.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": [self.group]}]
        )
        return any(rule["SecurityGroupRuleId"] == self.rule for page in pages for rule in page["SecurityGroupRules"])

    def remove(self):
        """Deleting the group takes its rules along. Nothing waits for it, so nothing can be in its way."""
        if self.group is None:
            return
        try:
            self.ec2.delete_security_group(GroupId=self.group)
        except ClientError as error:
            raise stacks.Failure(
                f"{self.group} could not be removed: {stacks.in_words(error)}\n"
                f"Remove it: aws ec2 delete-security-group --group-id {self.group}"
            ) from error
        print(f"{self.group} is removed")


if __name__ == "__main__":
    stacks.run(main)
