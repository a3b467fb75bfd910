"""The scenes, in the order in which they are told."""

import time

from harness.guard import PRIVATE, made, permission
from harness.pasted import commands_of, paste
from harness.wait import NotInTime
from memcached import host as hosts

from .moving import Moving
from .scene import Scene, by_source
from .servers import Servers

NODES = {"CacheNodeType": "cache.t4g.small", "CacheSubnetGroupName": "caches"}


class Story:
    """What exists before the stack does, then one method per scene."""

    def __init__(self, guard, screen):
        self.guard, self.screen, self.scenes = guard, screen, []
        # Opened before anybody watched: no event will ever tell of this rule.
        self.legacy = guard.group("sessions-valkey")
        guard.open(self.legacy, permission("tcp", 6379, PRIVATE, description="application subnets"))
        guard.open(self.legacy, permission("tcp", 6379, "0.0.0.0/0", description="from before Portcullis"))

    def tell(self):
        for scene in (
            self.redis,
            self.halves,
            self.amplifier,
            self.edited,
            self.memcached,
            self.valkey,
            self.compliant,
            self.tolerated,
            self.overruled,
            self.servers,
            self.moved,
        ):
            scene()
        return self.scenes

    def scene(self, title):
        scene = Scene(self.guard, self.screen, len(self.scenes) + 1, title)
        self.scenes.append(scene)
        return scene

    def group(self, name, port, protocol="tcp"):
        """A group with a private rule that has to stay."""
        return self.guard.group(name, permission(protocol, port, PRIVATE, description="application subnets"))

    def authorize(self, scene, group, what, text, mail="essence", **more):
        before = self.guard.look(group)
        answer = scene.call(
            f"aws ec2 authorize-security-group-ingress --group-id {group} {text}",
            self.guard.ec2.authorize_security_group_ingress,
            GroupId=group,
            IpPermissions=[what],
            **more,
        )
        scene.closes(group, before, made(answer), mail)

    def redis(self):
        scene = self.scene("Redis, opened to the world beside a private rule")
        self.shop = self.group("shop-redis", 6379)
        # An instance with a public address carries the group.
        self.guard.account.seed(
            {
                "NetworkInterfaces": [
                    {
                        "NetworkInterfaceId": "eni-0d3c1f5a7b9e2c4d6",
                        "Groups": [{"GroupId": self.shop}],
                        "InterfaceType": "interface",
                        "Description": "shop-1",
                        "PrivateIpAddress": "10.20.0.15",
                        "SubnetId": self.guard.subnet,
                        "VpcId": self.guard.vpc,
                        "Association": {"PublicIp": "52.94.76.11"},
                    }
                ]
            }
        )
        self.authorize(
            scene,
            self.shop,
            permission("tcp", 6379, "0.0.0.0/0", description="for the migration"),
            "--protocol tcp --port 6379 --cidr 0.0.0.0/0",
            "full",
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "dave"}]}],
        )

    def halves(self):
        scene = self.scene("The same in two halves, which no search for 0.0.0.0/0 finds")
        group = self.group("cart-redis", 6379)
        self.authorize(
            scene,
            group,
            permission("tcp", 6379, "0.0.0.0/1", "128.0.0.0/1"),
            "--ip-permissions '... 0.0.0.0/1, 128.0.0.0/1'",
        )

    def amplifier(self):
        scene = self.scene("Memcached over UDP, for one public address")
        group = self.group("feed-memcached", 11211)
        self.authorize(
            scene,
            group,
            permission("udp", 11211, "52.94.76.10/32", description="monitoring"),
            "--protocol udp --port 11211 --cidr 52.94.76.10/32",
        )

    def edited(self):
        scene = self.scene("A private rule, edited to a public one in place")
        group = self.group("search-redis", 6379)
        (rule_id,) = self.guard.open(group, permission("tcp", 6379, "192.168.10.0/24", description="harmless"))
        before = self.guard.look(group)
        rule = {**before["rules"][rule_id], "source": "0.0.0.0/0"}
        scene.call(
            f"aws ec2 modify-security-group-rules --group-id {group} '{rule_id}: 192.168.10.0/24 -> 0.0.0.0/0'",
            self.guard.ec2.modify_security_group_rules,
            GroupId=group,
            SecurityGroupRules=[
                {
                    "SecurityGroupRuleId": rule_id,
                    "SecurityGroupRule": {
                        "IpProtocol": "tcp",
                        "FromPort": 6379,
                        "ToPort": 6379,
                        "CidrIpv4": "0.0.0.0/0",
                    },
                }
            ],
        )
        scene.closes(group, before, {rule_id: rule})

    def memcached(self):
        scene = self.scene("A Memcached cluster on its default port: reported, with the way out")
        group = self.group("news-memcached", 11211)
        before = self.guard.look(group)
        scene.call(
            "aws elasticache create-cache-cluster --cache-cluster-id news --engine memcached ...",
            self.guard.elasticache.create_cache_cluster,
            CacheClusterId="news",
            Engine="memcached",
            NumCacheNodes=2,
            SecurityGroupIds=[group],
            **NODES,
        )
        scene.told("news", "by-hand", "full", check="default-port")
        scene.check(self.guard.look(group) == before, "its security group is as it was")

    def valkey(self):
        scene = self.scene("A Valkey group on its default port, in a group that was open long before")
        before = self.guard.look(self.legacy)
        public = by_source(self.guard, self.legacy, "0.0.0.0/0")
        scene.call(
            "aws elasticache create-replication-group --replication-group-id sessions --engine valkey ...",
            self.guard.elasticache.create_replication_group,
            ReplicationGroupId="sessions",
            ReplicationGroupDescription="Sessions",
            Engine="valkey",
            NumCacheClusters=2,
            AutomaticFailoverEnabled=True,
            SecurityGroupIds=[self.legacy],
            **NODES,
        )
        try:
            after = self.guard.gone(self.legacy, public)
            scene.seconds = time.monotonic() - scene.started
        except NotInTime:
            after = self.guard.look(self.legacy)
        scene.rules_table(before["rules"], after["rules"], public, "open")
        kept = {key: rule for key, rule in before["rules"].items() if key not in public}
        scene.check(
            len(public) == 1 and after == {**before, "rules": kept},
            "only caches carry the group, so the public rule is closed; the private one stays",
        )
        scene.told("sessions", "done", check="open-cache")

    def compliant(self):
        scene = self.scene("A cache as it should be: nobody is bothered")
        self.guard.elasticache.create_user(
            UserId="app",
            UserName="default",
            Engine="valkey",
            AccessString="on ~* +@all",
            Passwords=["correct-horse-battery-staple"],
        )
        self.guard.elasticache.create_user_group(UserGroupId="apps", Engine="valkey", UserIds=["app"])
        group = self.group("orders-valkey", 7380)
        before = self.guard.look(group)
        scene.call(
            "aws elasticache create-replication-group --replication-group-id orders --port 7380 "
            "--transit-encryption-enabled --user-group-ids apps ...",
            self.guard.elasticache.create_replication_group,
            ReplicationGroupId="orders",
            ReplicationGroupDescription="Orders",
            Engine="valkey",
            NumCacheClusters=1,
            Port=7380,
            TransitEncryptionEnabled=True,
            UserGroupIds=["apps"],
            SecurityGroupIds=[group],
            **NODES,
        )
        self.guard.handled("cache", "orders")
        silent = not self.guard.alerts.documents("orders") and not self.guard.alerts.mails("orders")
        scene.outcome = "silent"
        scene.check(silent, "looked at, and no alert")
        scene.check(self.guard.look(group) == before, "its security group is as it was")

    def tolerated(self):
        """443 is tolerated by a policy that is shipped; what comes with it in the same call is not."""
        scene = self.scene("443 and 6379 in one call: an exception suppresses the one, by name")
        group = self.group("web", 6379)
        before = self.guard.look(group)
        answer = scene.call(
            f"aws ec2 authorize-security-group-ingress --group-id {group} --ip-permissions '... 443 ..., 6379 ...'",
            self.guard.ec2.authorize_security_group_ingress,
            GroupId=group,
            IpPermissions=[permission("tcp", 443, "0.0.0.0/0"), permission("tcp", 6379, "0.0.0.0/0")],
        )
        opened = made(answer)
        web = {key: rule for key, rule in opened.items() if rule["ports"] == (443, 443)}
        redis = {key: rule for key, rule in opened.items() if key not in web}
        scene.closes(group, {**before, "rules": {**before["rules"], **web}}, redis)
        named = f"{next(iter(web))} [open-ingress] by public-https" in (scene.mail or {"body": ""})["body"]
        scene.check(named, "the mail names what is suppressed, and by which exception")

    def overruled(self):
        """As the mail of the first scene says."""
        scene = self.scene("Overruled: the first mail's command, pasted")
        if not self.scenes[0].mail:
            scene.check(False, "there is no first mail")
            return
        (command,) = commands_of(self.scenes[0].mail, "Undo: ")
        before = self.guard.look(self.shop)
        said = scene.call(command, paste, command=command, account=self.guard.account)
        self.screen.line("   " + next(line for line in said.splitlines() if line.startswith("Snoozed")))
        after = self.guard.look(self.shop)
        back = {key: rule for key, rule in after["rules"].items() if key not in before["rules"]}
        for rule in back:
            self.guard.handled("ingress", rule)
        after = self.guard.look(self.shop)
        scene.rules_table(after["rules"], after["rules"], back, "closed")
        good = [(rule["source"], rule["description"], rule["tags"]) for rule in back.values()]
        scene.check(
            good == [("0.0.0.0/0", "for the migration", {"owner": "dave"})],
            "the rule is back with its description and tags",
        )
        scene.check(
            after == {**before, "rules": {**before["rules"], **back}}, "Portcullis saw it, and it is still there"
        )
        scene.outcome = "snoozed"
        scene.check(len(self.guard.alerts.documents(self.shop)) == 1, "and it is not reported again")

    def servers(self):
        missing = hosts.missing()
        if missing:
            self.screen.line()
            self.screen.line(f"Left out, a Memcached server that is hardened: {missing}.", "dim")
            return
        scene = self.scene("A Memcached server behind a rule: the alert reports it, and a person agrees to harden it")
        Servers(scene, self.guard, self.screen).tell()

    def moved(self):
        scene = self.scene("A Valkey group on its default port is re-created on another port, when people approve")
        Moving(scene, self.guard, self.screen).tell()
