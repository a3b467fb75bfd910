"""What alerts tell a person to do about a cache, done: the commands of the steps of each event of the corpus.

They are run by the AWS CLI and by `portcullis`, in the account that the event's facts describe. Afterwards the
resource is what the words of the step say.
"""

import json
import re

import pytest
from harness import caches, guided, pasted
from harness.account import FAST, Account
from harness.guard import PRIVATE, guarded, permission
from harness.moves import Moves
from harness.wait import until

EVENTS = guided.events()
#: Started in a stack that moves caches: test_the_command_of_an_alert_starts_the_move.
IN_A_STACK = {"move"}
#: What the planner says of what nobody shows it.
UNKNOWN = re.compile("not in the document|does not show")
#: Events whose new cache the planner refuses at first, and the field that it names.
REFUSED = {"create-redis-in-a-public-subnet": "AuthToken"}


@pytest.fixture(scope="module")
def account():
    """An account without a stack, for the facts of one event after the other."""
    with Account(*FAST) as running:
        yield running


class Person:
    """Who follows the steps of one event, and looks at what they left."""

    def __init__(self, account, name, directory):
        self.name, self.facts, self.account = name, guided.facts(name), account
        self.shell = guided.Shell(account, directory)
        self.cache, self.ec2 = account.client("elasticache"), account.client("ec2")
        self.secrets, self.directory = account.client("secretsmanager"), directory
        account.seed(guided.facts(name))
        self.make_user_groups()
        self.before = self.caches()

    def follow(self, step):
        """Runs the commands of a step, and has its kind looked at."""
        if step.kind == "wait":
            self.comes_up()
        if step.kind in IN_A_STACK:
            return
        commands = [self.filled(command) for command in step.commands]
        said = [self.run(step, command) for command in commands]
        LEFT[step.kind](self, step, commands, said)

    def run(self, step, command):
        """What a command printed. Where the planner refuses, it says why, and works after what it says."""
        if command.startswith("portcullis plan") and " --json" not in command:
            return self.shell.run(command, (0, 1))
        if command.startswith("portcullis plan") and self.name in REFUSED:
            assert REFUSED[self.name] in self.shell.run(command, (5,))
            self.put_the_token_into_a_secret()
        if step.kind == "group-with-token" and command.startswith("TOKEN="):
            # "By the steps that `portcullis plan` prints, with these commands to make it": the snapshot comes first.
            self.shell.follow(step.commands[0], inputs={}, until_step="create")
        return self.shell.run(command)

    def put_the_token_into_a_secret(self):
        """The remedy for a cache whose AUTH token nobody but its owner knows."""
        arn = self.facts["ReplicationGroups"][0]["ARN"]
        mark = [{"Key": "portcullis:auth-token", "Value": "yes"}]
        secret = self.secrets.create_secret(Name="its-token", SecretString="correct-horse-battery-staple", Tags=mark)
        tag = {"Key": "portcullis:auth-token-secret", "Value": secret["ARN"]}
        self.cache.add_tags_to_resource(ResourceName=arn, Tags=[tag])

    def make_user_groups(self):
        """Those that the facts name."""
        found = [name for item in self.facts.get("ReplicationGroups") or [] for name in item.get("UserGroupIds") or []]
        found += [item["UserGroupId"] for item in self.facts.get("ServerlessCaches") or [] if item.get("UserGroupId")]
        known = {group["UserGroupId"] for group in self.cache.describe_user_groups()["UserGroups"]}
        for name in set(found) - known:
            self.cache.create_user_group(UserGroupId=name, Engine="redis", UserIds=["default"])

    def filled(self, command):
        """With what only the person knows."""
        if "<" not in command:
            return command
        if not hasattr(self, "private"):
            self.choose(self.facts.get("SecurityGroups"))
        command = command.replace("<private subnets>", " ".join(self.private)).replace("<private table>", self.table)
        return command.replace("<its groups>", self.own)

    def choose(self, groups):
        """Private subnets, a table for them, and a security group, in the VPC of the cache if it has one."""
        if groups:
            self.own, vpc = groups[0]["GroupId"], groups[0]["VpcId"]
        else:
            vpc = self.ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
            self.own = self.ec2.create_security_group(GroupName="own", Description="d", VpcId=vpc)["GroupId"]
        subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.99.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")
            for number, zone in enumerate("abc")
        ]
        self.private = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
        self.table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]

    def comes_up(self):
        """The cache is made in the meantime: the facts again, with everything available."""
        seeded = guided.facts(self.name)
        for kind, status in (("ReplicationGroups", "Status"), ("CacheClusters", "CacheClusterStatus")):
            for item in seeded.get(kind) or []:
                item[status] = "available"
        for item in seeded.get("CacheClusters") or []:
            if item.get("Engine") == "memcached":
                endpoint = {"Address": f"{item['CacheClusterId']}.example.cache.amazonaws.com", "Port": 11211}
                node = {"CacheNodeStatus": "available", "Endpoint": endpoint, "CustomerAvailabilityZone": "eu-west-1a"}
                ids = [f"{number:04d}" for number in range(1, item.get("NumCacheNodes", 1) + 1)]
                item["CacheNodes"] = [{**node, "CacheNodeId": node_id} for node_id in ids]
                item["ConfigurationEndpoint"] = endpoint
        for item in seeded.get("ReplicationGroups") or []:
            if not item.get("NodeGroups"):
                seeded["CacheClusters"] = come_up(item, seeded)
        self.account.seed(seeded)

    # Looking

    def caches(self):
        """Every cache, as Describe shows it."""
        shown = self.cache.describe_replication_groups()["ReplicationGroups"]
        shown += self.cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        return json.loads(json.dumps(shown, default=str))

    def group(self, name):
        return self.cache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]

    def cluster(self, name):
        return caches.one_cluster(self.cache, name)

    def serverless(self, name):
        return self.cache.describe_serverless_caches(ServerlessCacheName=name)["ServerlessCaches"][0]

    def user(self, name):
        return self.cache.describe_users(UserId=name)["Users"][0]

    def secret(self, name):
        return self.secrets.get_secret_value(SecretId=name)["SecretString"]

    def inputs(self):
        """The create.json that a step wrote."""
        return json.loads((self.directory / "create.json").read_text())

    def made(self, plan):
        """The new cache, made by the steps of the plan with the create.json of the step; and those inputs."""
        inputs = self.inputs()
        self.shell.follow(plan, inputs=inputs, until_step="verify")
        if "ReplicationGroupId" in inputs:
            find = lambda: self.group(inputs["ReplicationGroupId"])
            return until("it is available", lambda: find()["Status"] == "available" and find()), inputs
        find = lambda: self.cluster(inputs["CacheClusterId"])
        return until("it is available", lambda: find()["CacheClusterStatus"] == "available" and find()), inputs


def come_up(group, seeded):
    """A group that was being made when the event came gets its shard; gives its nodes, at least one."""
    names = group["MemberClusters"] = group.get("MemberClusters") or [f"{group['ReplicationGroupId']}-001"]
    endpoint = {"Address": f"{group['ReplicationGroupId']}.example.cache.amazonaws.com", "Port": 6379}
    group["NodeGroups"] = [{"NodeGroupId": "0001", "Status": "available", "PrimaryEndpoint": endpoint}]
    groups = [{"SecurityGroupId": item["GroupId"], "Status": "active"} for item in seeded.get("SecurityGroups") or []]
    nodes = [{"CacheNodeId": "0001", "CacheNodeStatus": "available", "Endpoint": endpoint}]
    known = {item["CacheClusterId"]: item for item in seeded.get("CacheClusters") or []}
    shared = {"ReplicationGroupId": group["ReplicationGroupId"], "Engine": group["Engine"], "SecurityGroups": groups}
    return [{"CacheClusterId": name, **shared, **known.get(name, {}), "CacheNodes": nodes} for name in names]


def plan_in(command):
    """The plan whose output a command works on."""
    return command.partition(" --json")[0]


# What each kind of step leaves behind ---------------------------------------------------------


def waited(person, step, commands, said):
    found = guided.options(commands[0])
    if "--replication-group-id" in found:
        assert person.group(found["--replication-group-id"][0])["Status"] == "available"
    else:
        assert person.cluster(found["--cache-cluster-id"][0])["CacheClusterStatus"] == "available"


def version_seen(person, step, commands, said):
    lines = [line.split("\t") for line in said[0].splitlines()]
    assert lines
    for name, engine, version in lines:
        cluster = person.cluster(name)
        assert (cluster["Engine"], cluster["EngineVersion"]) == (engine, version)


def in_place(person, step, commands, said):
    """Read as the tools read it by test_snippets.py."""
    assert "CloudFormation" in step.words and "Terraform" in step.words and commands == []


def planned(person, step, commands, said):
    """A plan, or what is against it and what to do about that; never that the account does not say enough."""
    assert said[0].startswith(("Plan: ", "Refused: "))
    assert said[0].startswith("Plan: ") or not UNKNOWN.search(said[0]), said[0]


def joined_group(person, step, commands, said):
    group, node = (guided.option(commands[0], name) for name in ("--replication-group-id", "--primary-cluster-id"))
    assert person.group(group)["MemberClusters"] == [node]
    (before,) = [item for item in person.before if item.get("CacheClusterId") == node]
    after = json.loads(json.dumps(person.cluster(node), default=str))
    for member in ("CacheNodes", "EngineVersion", "SecurityGroups", "CacheSubnetGroupName"):
        assert after.get(member) == before.get(member), "the node, its data and its endpoint stay"


def encrypted(mode):
    def look(person, step, commands, said):
        group = person.group(guided.option(commands[0], "--replication-group-id"))
        assert (group["TransitEncryptionEnabled"], group["TransitEncryptionMode"]) == (True, mode)

    return look


def made_encrypted(person, step, commands, said):
    new, inputs = person.made(plan_in(commands[-1]))
    assert new["TransitEncryptionEnabled"] is True and inputs["TransitEncryptionEnabled"] is True


def made_newer(person, step, commands, said):
    new, _ = person.made(plan_in(commands[-1]))
    assert new["TransitEncryptionEnabled"] is True and new["EngineVersion"] == "1.6.22"


def iam_user(person, step, commands, said):
    user = person.user(guided.option(commands[0], "--user-id"))
    assert user["Authentication"]["Type"] == "iam" and "-@dangerous" in user["AccessString"]


def password_user(person, step, commands, said):
    user = person.user(guided.option(commands[0].partition(" && ")[2], "--user-id"))
    assert user["Authentication"] == {"Type": "password", "PasswordCount": 1} and "-@dangerous" in user["AccessString"]


def default_user(person, step, commands, said):
    user = person.user(guided.option(commands[0], "--user-id"))
    assert user["UserName"] == "default" and user["Authentication"]["Type"] == "no-password"


def user_group(person, step, commands, said):
    name = guided.option(commands[0], "--user-group-id")
    group = person.cache.describe_user_groups(UserGroupId=name)["UserGroups"][0]
    assert group["UserIds"] == guided.options(commands[0])["--user-ids"] and said[1].strip() == "active"


def attached_to_group(person, step, commands, said):
    group = person.group(guided.option(commands[0], "--replication-group-id"))
    assert group["UserGroupIds"] == guided.options(commands[0])["--user-group-ids-to-add"]


def attached_to_serverless(person, step, commands, said):
    found = person.serverless(guided.option(commands[0], "--serverless-cache-name"))
    assert found["UserGroupId"] == guided.option(commands[0], "--user-group-id")


def default_turned_off(person, step, commands, said):
    assert person.user(guided.option(commands[0], "--user-id"))["AccessString"] == "off -@all"


def secret_made(person, step, commands, said):
    name = guided.options(commands[0])["--name"][0]
    secret = person.secret(name)
    assert len(secret) == 64 and secret.isalnum()
    tags = {tag["Key"]: tag["Value"] for tag in person.secrets.describe_secret(SecretId=name).get("Tags") or []}
    assert tags == ({"portcullis:auth-token": "yes"} if step.kind == "token" else {})


def token_given(person, step, commands, said):
    group = person.group(guided.option(commands[0].rpartition(" && ")[2], "--replication-group-id"))
    assert group["AuthTokenEnabled"] is True


def made_with_token(person, step, commands, said):
    """Its second command makes the cache, so the snapshot of the plan has to come before."""
    inputs = person.inputs()
    assert person.group(inputs["ReplicationGroupId"])["AuthTokenEnabled"] is True


def table_given(person, step, commands, said):
    tables = person.ec2.describe_route_tables(RouteTableIds=[person.table])["RouteTables"]
    assert len(tables[0]["Associations"]) == len(commands)


def subnet_group_made(person, step, commands, said):
    name = guided.option(commands[0], "--cache-subnet-group-name")
    (found,) = person.cache.describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"]
    assert [subnet["SubnetIdentifier"] for subnet in found["Subnets"]] == person.private


def made_in_subnet_group(person, step, commands, said):
    new, inputs = person.made(plan_in(commands[-1]))
    for member in new.get("MemberClusters") or [inputs.get("CacheClusterId")]:
        assert person.cluster(member)["CacheSubnetGroupName"] == inputs["CacheSubnetGroupName"]


def serverless_snapshot(person, step, commands, said):
    name = guided.option(commands[0], "--serverless-cache-snapshot-name")
    find = lambda: person.cache.describe_serverless_cache_snapshots(ServerlessCacheSnapshotName=name)
    until("the snapshot is available", lambda: find()["ServerlessCacheSnapshots"][0]["Status"] == "available")


def serverless_inputs(person, step, commands, said):
    old = person.serverless(guided.options(commands[0])["--serverless-cache-name"][0])
    inputs = person.inputs()
    assert inputs["Engine"] == old["Engine"] and inputs["MajorEngineVersion"] == old["MajorEngineVersion"]


def serverless_in_vpc(person, step, commands, said):
    inputs = person.inputs()
    new = person.serverless(guided.options(commands[0])["--serverless-cache-name"][0])
    assert new["ConnectionType"] == "vpc" and new["SubnetIds"] == person.private
    assert {member: new[member] for member in inputs if member != "Tags"} == {
        member: value for member, value in inputs.items() if member != "Tags"
    }


LEFT = {
    "wait": waited,
    "note": lambda *_: None,
    "see-version": version_seen,
    "in-place": in_place,
    "plan": planned,
    "join-group": joined_group,
    "prefer-encryption": encrypted("preferred"),
    "require-encryption": encrypted("required"),
    "encrypted-group": made_encrypted,
    "encrypted-memcached": made_encrypted,
    "encrypted-newer-memcached": made_newer,
    "iam-user": iam_user,
    "password": secret_made,
    "password-user": password_user,
    "default-user": default_user,
    "user-group": user_group,
    "attach-to-group": attached_to_group,
    "attach-to-serverless": attached_to_serverless,
    "turn-off-default": default_turned_off,
    "token": secret_made,
    "rotate-token": token_given,
    "set-token": token_given,
    "group-with-token": made_with_token,
    "route-table": table_given,
    "subnet-group": subnet_group_made,
    "in-subnet-group": made_in_subnet_group,
    "serverless-snapshot": serverless_snapshot,
    "serverless-inputs": serverless_inputs,
    "serverless-in-vpc": serverless_in_vpc,
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_steps_of_an_event_leave_what_they_promise(account, tmp_path, name):
    person = Person(account, name, tmp_path)
    for step in guided.steps(name):
        person.follow(step)


def test_every_kind_of_step_is_followed():
    """A new kind needs an event that shows it, and here what it leaves behind."""
    assert {step.kind for name in EVENTS for step in guided.steps(name)} == set(LEFT) | IN_A_STACK


def test_the_command_of_an_alert_starts_the_move():
    with guarded(MoveCaches="on-request", ApprovalPage="yes", Alarms="none") as guard:
        old = caches.make_group(guard, "carts", [guard.group("carts", permission("tcp", 6379, PRIVATE))])
        _, mail = guard.alerts.wait("carts")
        (command,) = [line for line in mail["body"].splitlines() if line.startswith("portcullis move ")]
        caches.available(guard.elasticache, old)
        said = pasted.paste(command, guard.account)
        assert Moves(guard).begun(old).id in said
