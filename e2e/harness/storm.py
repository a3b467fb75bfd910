"""Many events at once, each with faults of its own in its way, until Lambda has none left."""

import concurrent.futures
import dataclasses
import datetime
import subprocess
import sys
import time
import uuid

from . import groups
from .account import ACCOUNT_ID
from .books import Books
from .guard import PRIVATE, permission
from .places import REPO
from .wait import until

WORLD = "0.0.0.0/0"
#: How an alert lies in the digest's queue, or in the failure queue.
ROW = "portcullis.digest-row.v1"
#: In place of the seven minutes between two attempts of the digest, in seconds.
PATIENCE = 4
REDRIVE = REPO / "infra" / "ops" / "redrive.py"


@dataclasses.dataclass
class Target:
    """A group whose public rules must go, and whose private ones must stay."""

    #: What the event and the alert are about: the group, or the cache that carries it.
    subject: str
    group: str
    #: The group as it must be in the end.
    closed: dict
    public: set = dataclasses.field(default_factory=set)
    faults: list = dataclasses.field(default_factory=list)

    def __str__(self):
        faults = "; ".join(map(str, self.faults)) or "none"
        return f"{self.subject} (group {self.group}, public {', '.join(sorted(self.public))}, faults: {faults})"


class Storm:
    """Targets in a guarded account at rest. Nothing here goes through the proxy but what the functions call."""

    def __init__(self, guard, proxy):
        self.guard, self.proxy, self.targets = guard, proxy, []
        self.digest = guard.stack.outputs["DigestQueueUrl"]
        attributes = {"VisibilityTimeout": str(PATIENCE)}
        guard.account.client("sqs").set_queue_attributes(QueueUrl=self.digest, Attributes=attributes)
        self.received, self.level = self._metrics()

    def groups(self, number):
        """New groups with private rules, made past the API so that no event tells of them."""
        new = []
        for group in self._seed(number, [PRIVATE, "192.168.7.0/24"]):
            new.append(Target(group, group, self.guard.look(group)))
        self.targets += new
        return new

    def caches(self, number):
        """Groups that have been open all the time, for caches that are still to be made."""
        new = []
        for group in self._seed(number, [PRIVATE, WORLD]):
            now = self.guard.look(group)
            public = set(groups.ids(now, WORLD))
            new.append(Target(f"c{group[-16:]}", group, groups.without(now, public), public))
        self.targets += new
        return new

    def strike(self):
        """Set the faults, then open every group and make every cache, as fast as the account takes them."""
        self.faults = [(target, fault) for target in self.targets for fault in target.faults]
        self.proxy.set(fault.rule(target.group, target.subject) for target, fault in self.faults)
        self.started, self.before = time.monotonic(), self.counts()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(self._open, self.targets))

    def counts(self):
        """Of everything so far: requests of the functions, how many of them met a fault, and invocations."""
        return (*self.proxy.requests(), self._sum("Invocations"))

    def struck(self):
        """How often each target has met each of its faults."""
        found = {}
        for (target, fault), times in zip(self.faults, self.proxy.fired(), strict=True):
            found.setdefault(target.subject, []).append((fault, times))
        return found

    def rest(self, seconds=240):
        """Wait until Lambda has processed every event that it took, or given it up, by its own metrics.

        So it has each alert that waits for the digest.
        """

        def look():
            received, owed = self._metrics()
            done = received - self.received >= len(self.targets) and owed == self.level
            return done and not self._waiting()

        until("Lambda is done with all events", look, seconds)

    def redrive(self):
        """As a person does it, some minutes later: `make redrive`."""
        self.guard.ledger.release()
        kept = self.books().kept
        done = subprocess.run(
            [sys.executable, REDRIVE], env=self.guard.account.environment(), capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.level -= sum(ROW not in text for texts in kept.values() for text in texts)

    def books(self):
        """What became of each target, at this moment."""
        return Books(self)

    def metric(self, function, name):
        """The sum of a metric of Lambda's for a function, since it was made."""
        now, hour = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(hours=1)
        answer = self.guard.account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": self.guard.stack.functions[function]}],
            StartTime=now - hour,
            EndTime=now + hour,
            Period=60,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in answer["Datapoints"]))

    def _waiting(self):
        """How many alerts lie in the digest's queue, whether somebody reads them just now or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.guard.account.client("sqs").get_queue_attributes(QueueUrl=self.digest, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def _metrics(self):
        """Events that Lambda took, and how many of them it still owes an attempt.

        Invocations by hand succeed without having been owed, so only the difference between two moments counts.
        """
        names = ("AsyncEventsReceived", "AsyncEventsDropped", "Invocations", "Errors")
        received, dropped, invocations, errors = map(self._sum, names)
        return received, received - dropped - (invocations - errors)

    def _sum(self, name):
        return self.metric("ingress", name) + self.metric("cache", name)

    def _seed(self, number, sources):
        ids = [f"sg-{uuid.uuid4().hex[:17]}" for _ in range(number)]
        self.guard.account.seed({"SecurityGroups": [self._facts(group, sources) for group in ids]})
        return ids

    def _facts(self, group, sources):
        rules = [
            {
                "SecurityGroupRuleId": f"sgr-{uuid.uuid4().hex[:17]}",
                "IsEgress": False,
                "IpProtocol": "tcp",
                "FromPort": 6379,
                "ToPort": 6379,
                "CidrIpv4": source,
                "Description": "of a test",
                "Tags": [{"Key": "keep", "Value": "yes"}],
            }
            for source in sources
        ]
        return {
            "GroupId": group,
            "GroupName": f"storm-{group}",
            "Description": "made by a test",
            "OwnerId": ACCOUNT_ID,
            "VpcId": self.guard.vpc,
            "SecurityGroupRules": rules,
        }

    def _open(self, target):
        if target.subject == target.group:
            target.public = set(self.guard.open(target.group, permission("tcp", 6379, WORLD)))
            return
        self.guard.elasticache.create_replication_group(
            ReplicationGroupId=target.subject,
            ReplicationGroupDescription="sessions",
            Engine="valkey",
            NumCacheClusters=1,
            CacheNodeType="cache.t4g.micro",
            CacheSubnetGroupName="caches",
            SecurityGroupIds=[target.group],
        )
