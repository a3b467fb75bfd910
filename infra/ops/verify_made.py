"""What `verify_aws.py` makes, by kind, and how each is awaited and removed."""

import time

import stack as stacks
from botocore.exceptions import ClientError

#: Every name that a run makes begins with this and six digits of its own.
STEM = "portcullis-verify-"
#: AWS needs 5 to 15 minutes for a small cache.
PATIENCE = 40 * 60
GONE = ("CacheClusterNotFound", "ReplicationGroupNotFoundFault", "SnapshotNotFoundFault", "NoSuchEntity")
#: A cache that is being made, changed or snapshotted: try again.
BUSY = ("InvalidCacheClusterState", "InvalidReplicationGroupState", "InvalidSnapshotState")


class Made:
    """The things of one run, oldest first."""

    def __init__(self, account, stem, pause):
        self.account, self.stem, self.pause, self.things = account, stem, pause, []
        self.cache = account.client("elasticache")

    @classmethod
    def found(cls, account, stem, pause):
        """What an earlier run left."""
        made = cls(account, stem, pause)
        for kind, (service, call, member, name) in LISTS.items():
            pages = account.client(service).get_paginator(call).paginate()
            for item in (item for page in pages for item in page[member]):
                of_a_group = kind == "cluster" and item.get("ReplicationGroupId")
                if item[name].startswith(stem) and not of_a_group:
                    made.things.append((kind, item[name]))
        return made

    def name(self, what):
        return f"{self.stem}-{what}"

    def add(self, kind, name):
        """From here on it is removed at the end. Said before the call, whose answer may be lost."""
        self.things.append((kind, name))
        return name

    def names(self):
        return [f"{kind} {name}" for kind, name in self.things]

    # Waiting

    def status(self, kind, name):
        """The status of a cache or snapshot; None if it is not there."""
        call, option, member, key = STATUS[kind]
        try:
            return getattr(self.cache, call)(**{option: name})[member][0][key]
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return None
            raise

    def available(self, kind, name):
        """Waits until it is available; what else it became is a failure."""
        print(f"  waiting for {kind} {name}, some minutes", flush=True)
        deadline = time.monotonic() + PATIENCE
        while True:
            status = self.status(kind, name)
            if status == "available":
                return
            if status in (None, "create-failed", "failed", "incompatible-network", "restore-failed"):
                raise stacks.Failure(f"{kind} {name} became {status or 'nothing'}")
            if time.monotonic() > deadline:
                raise stacks.Failure(f"{kind} {name} is still {status}")
            time.sleep(self.pause)

    # Removing

    def remove(self):
        """Newest first, all side by side; what is left when patience is at its end, and why."""
        deadline = time.monotonic() + PATIENCE
        reasons, asked = {}, set()
        while self.things:
            for thing in reversed(list(self.things)):
                try:
                    if self._is_gone(*thing, asked):
                        self.things.remove(thing)
                except ClientError as error:
                    reasons[thing] = stacks.in_words(error)
            waiting = [thing for thing in self.things if thing not in reasons]
            if not waiting or time.monotonic() > deadline:
                break
            time.sleep(self.pause)
        return [f"{kind} {name}: {reasons.get((kind, name), 'it takes too long')}" for kind, name in self.things]

    def _is_gone(self, kind, name, asked):
        """Whether it is gone; asks for it once, as soon as it can be asked."""
        if kind in STATUS:
            status = self.status(kind, name)
            if status is None or (kind, name) in asked:
                return status is None
        try:
            REMOVE[kind](self, name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in BUSY:
                return False
            if code not in GONE:
                raise
            return True
        asked.add((kind, name))
        return kind not in STATUS


def _remove_role(made, name):
    iam = made.account.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _remove_stack(made, name):
    cloudformation = made.account.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    stacks.finished(cloudformation, name, "stack_delete_complete", attempts=60)


STATUS = {
    "cluster": ("describe_cache_clusters", "CacheClusterId", "CacheClusters", "CacheClusterStatus"),
    "group": ("describe_replication_groups", "ReplicationGroupId", "ReplicationGroups", "Status"),
    "snapshot": ("describe_snapshots", "SnapshotName", "Snapshots", "SnapshotStatus"),
}
REMOVE = {
    "cluster": lambda made, name: made.cache.delete_cache_cluster(CacheClusterId=name),
    "group": lambda made, name: made.cache.delete_replication_group(ReplicationGroupId=name),
    "snapshot": lambda made, name: made.cache.delete_snapshot(SnapshotName=name),
    "stack": _remove_stack,
    "role": _remove_role,
}
LISTS = {
    "role": ("iam", "list_roles", "Roles", "RoleName"),
    "stack": ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    "snapshot": ("elasticache", "describe_snapshots", "Snapshots", "SnapshotName"),
    "group": ("elasticache", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId"),
    "cluster": ("elasticache", "describe_cache_clusters", "CacheClusters", "CacheClusterId"),
}
