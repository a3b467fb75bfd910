"""An account with the stack in it, and the few verbs that tests and the demo are written in."""

import collections
import contextlib

from . import groups
from .account import FAST, Account
from .deploy import deploy
from .inbox import Alerts, Chat, Queue
from .ledger import Ledger
from .wait import PATIENCE, until

PRIVATE = "10.20.0.0/16"


class Guard:
    """An account with a network in it, seen from outside."""

    def __init__(self, account):
        self.account = account
        self.names = collections.Counter()
        self.ec2, self.elasticache = account.client("ec2"), account.client("elasticache")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}"
            )
            for number, zone in enumerate("abc")
        ]
        subnets = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
        self.subnet = subnets[0]
        self.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="caches", CacheSubnetGroupDescription="For caches", SubnetIds=subnets
        )

    def deploy(self, exceptions=None, **parameters):
        """From here on the account is guarded, and its alerts are read."""
        self.stack = deploy(self.account, exceptions, **parameters)
        self.alerts = Alerts(self.stack)
        self.chat = Chat(self.stack) if self.stack.chat_topic else None
        self.ledger = Ledger(self.stack)
        self.failures = Queue(self.account, self.stack.failure_queue)
        self.undelivered = Queue(self.account, self.stack.undelivered_queue)
        return self

    def group(self, name, *permissions, tags=None, vpc=None):
        """A new security group with these ingress rules and tags; numbered, if a test that runs again asks for it."""
        self.names[name] += 1
        if self.names[name] > 1:
            name += f"-{self.names[name]}"
        specification = {"ResourceType": "security-group", "Tags": _tags(tags or {"team": "shop"})}
        group_id = self.ec2.create_security_group(
            GroupName=name,
            Description=f"{name}, made by a test",
            VpcId=vpc or self.vpc,
            TagSpecifications=[specification],
        )["GroupId"]
        if permissions:
            self.open(group_id, *permissions)
        return group_id

    def open(self, group_id, *permissions, tags=None):
        """Authorize ingress; gives the new rules by id, as they were made."""
        more = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": _tags(tags)}]} if tags else {}
        answer = self.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=list(permissions), **more)
        return made(answer)

    def put(self, url, *bodies):
        """Put messages into a queue of the stack. Its policy refuses us: as an administrator, we lift it meanwhile."""
        sqs = self.account.client("sqs")
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def look(self, group_id):
        return groups.whole(self.ec2, group_id)

    def gone(self, group_id, rule_ids, seconds=PATIENCE):
        """Wait until none of these rules is there; gives the group as it is then."""
        rule_ids = set(rule_ids)

        def look():
            group = self.look(group_id)
            return None if rule_ids & set(group["rules"]) else group

        return until(f"{', '.join(sorted(rule_ids))} of {group_id} to be closed", look, seconds)

    def late(self, group_id, seconds):
        """From now on, EC2 shows new rules of this group so many seconds after they were made."""
        self.account.control("POST", "late", {"GroupId": group_id, "Seconds": seconds})

    def schedules(self, subject):
        """The schedules, by name, that invoke a function to look at a group or a cache again."""
        scheduler, group = self.account.client("scheduler"), self.stack.outputs["RevisitGroupName"]
        names = [item["Name"] for item in scheduler.list_schedules(GroupName=group)["Schedules"]]
        found = {name: scheduler.get_schedule(GroupName=group, Name=name)["Target"]["Input"] for name in names}
        return [name for name, text in found.items() if subject in text]

    def handled(self, function, subject, times=1, seconds=PATIENCE):
        """Wait until so many invocations have ended that tell of this subject in their log."""

        def look():
            ended = self.stack.invocations(function)
            return sum(any(subject in line for line in lines) for lines in ended) >= times

        until(f"{function} to deal with {subject}", look, seconds)


def made(answer):
    """The rules that AuthorizeSecurityGroupIngress made, by id."""
    return {item["SecurityGroupRuleId"]: groups.rule(item) for item in answer["SecurityGroupRules"]}


def permission(protocol, ports, *sources, description=None):
    """An IpPermission. `ports` is one port, a pair, or None; a source is a CIDR, a prefix list or a group."""
    item = {"IpProtocol": protocol}
    if ports is not None:
        item["FromPort"], item["ToPort"] = ports if isinstance(ports, tuple) else (ports, ports)
    for source in sources:
        if source.startswith("pl-"):
            kind, entry = "PrefixListIds", {"PrefixListId": source}
        elif source.startswith("sg-"):
            kind, entry = "UserIdGroupPairs", {"GroupId": source}
        elif ":" in source:
            kind, entry = "Ipv6Ranges", {"CidrIpv6": source}
        else:
            kind, entry = "IpRanges", {"CidrIp": source}
        item.setdefault(kind, []).append({**entry, **({"Description": description} if description else {})})
    return item


def _tags(mapping):
    return [{"Key": key, "Value": value} for key, value in mapping.items()]


@contextlib.contextmanager
def guarded(*options, **parameters):
    """A new account with the stack in it; both end with the block."""
    with Account(*(options or FAST)) as account:
        yield Guard(account).deploy(**parameters)
