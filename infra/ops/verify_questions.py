"""The questions that `verify_aws.py` asks. Each gives `answer`, and beside it what AWS said and showed.

The answers are `taken` and `refused`; `not known` if AWS refuses also what it is known to take.
"""

import json
import time

import stack as stacks
from botocore.exceptions import ClientError

NODE = "cache.t4g.micro"
#: How many caches a run makes if AWS refuses all that is in question.
CACHES = 5
#: IAM needs some seconds until everybody knows a new role.
ROLE_SECONDS = 120
SLOTS = (("0-99,200-8191", "0-8191"), ("100-199,8192-16383", "8192-16383"))
UNKNOWN_TYPE = "AWS::Lambda::UrlOfNoRegion"


def tls_off(account, made, subnet_group):
    """Does CreateCacheCluster take TransitEncryptionEnabled=false for Redis OSS?"""
    call = {"Engine": "redis", "NumCacheNodes": 1, "TransitEncryptionEnabled": False, **place(subnet_group)}
    known = {key: value for key, value in call.items() if key != "TransitEncryptionEnabled"}
    return tried(made, "cluster", "tls", call, known, ["TransitEncryptionEnabled"])


def slots(account, made, subnet_group):
    """Does CreateReplicationGroup take several ranges of slots for a shard?"""
    several = [{"Slots": ranges, "ReplicaCount": 0} for ranges, _ in SLOTS]
    one = [{"Slots": single, "ReplicaCount": 0} for _, single in SLOTS]
    call = {**sharded(subnet_group), "NumNodeGroups": 2, "NodeGroupConfiguration": several}
    return tried(made, "group", "slots", call, {**call, "NodeGroupConfiguration": one}, ["NodeGroups"])


def shards(account, made, subnet_group):
    """Does CreateReplicationGroup take two shards without NumNodeGroups?"""
    call = {**sharded(subnet_group), "NodeGroupConfiguration": [{"ReplicaCount": 0}, {"ReplicaCount": 0}]}
    return tried(made, "group", "shards", call, {**call, "NumNodeGroups": 2}, ["NodeGroups"])


def inherited_tags(account, made, subnet_group):
    """Is AddTagsToResource asked for, where a last snapshot inherits the tags of its cache? (taken: it is not)"""
    name = made.add("cluster", made.name("tagged"))
    tags = [{"Key": "portcullis-verify", "Value": made.stem}]
    made.cache.create_cache_cluster(
        CacheClusterId=name, CacheNodeType=NODE, Engine="redis", NumCacheNodes=1, Tags=tags, **place(subnet_group)
    )
    made.available("cluster", name)
    snapshot = made.add("snapshot", made.name("last"))
    call = {"CacheClusterId": name, "FinalSnapshotIdentifier": snapshot}
    try:
        as_a_role_without_tags(account, made, name, snapshot).delete_cache_cluster(**call)
    except ClientError as error:
        return {"answer": "refused", "why": said(error), "call": call}
    made.available("snapshot", snapshot)
    arn = made.cache.describe_snapshots(SnapshotName=snapshot)["Snapshots"][0]["ARN"]
    shown = made.cache.list_tags_for_resource(ResourceName=arn)["TagList"]
    return {"answer": "taken", "call": call, "tagsOfTheSnapshot": shown}


def unknown_type(account, made, subnet_group):
    """Does CloudFormation take a template with an unknown type under a condition that is false, outside a stack set?"""
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Always": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Unknown": {"Type": UNKNOWN_TYPE, "Condition": "Never", "Properties": {}},
        },
    }
    known = {**template, "Resources": {"Always": template["Resources"]["Always"]}}
    cloudformation = account.client("cloudformation")
    for place_in, text in (("unknown", template), ("known", known)):
        name = made.add("stack", made.name(place_in))
        try:
            cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(text))
            stacks.finished(cloudformation, name, "stack_create_complete")
            status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            why = "" if status == "CREATE_COMPLETE" else f"{status}: {stacks.why(cloudformation, name)}"
        except ClientError as error:
            why = said(error)
        if place_in == "unknown":
            refusal = why
            if not refusal:
                return {"answer": "taken", "template": template}
        elif why:
            return {"answer": "not known", "why": f"a stack without it is refused too: {why}"}
    return {"answer": "refused", "why": refusal, "template": template}


ALL = {
    "tls-off": tls_off,
    "slots": slots,
    "shards": shards,
    "inherited-tags": inherited_tags,
    "unknown-type": unknown_type,
}


def place(subnet_group):
    return {"CacheSubnetGroupName": subnet_group} if subnet_group else {}


def sharded(subnet_group):
    return {"Engine": "valkey", "AutomaticFailoverEnabled": True, **place(subnet_group)}


def tried(made, kind, what, call, known, shown):
    """Make it; if AWS refuses, make it as AWS is known to take it. ``shown``: what to record of what came up."""
    refusal = create(made, kind, made.name(what), call)
    if not refusal:
        made.available(kind, made.name(what))
        return {"answer": "taken", "call": call, "shown": description(made, kind, made.name(what), shown)}
    other = create(made, kind, made.name(f"{what}-known"), known)
    if other:
        return {"answer": "not known", "why": f"{refusal}; and without what is in question: {other}", "call": call}
    return {"answer": "refused", "why": refusal, "call": call, "takenInstead": known}


def create(made, kind, name, call):
    """The refusal, or None."""
    made.add(kind, name)
    try:
        if kind == "cluster":
            made.cache.create_cache_cluster(CacheClusterId=name, CacheNodeType=NODE, **call)
        else:
            text = "asks what AWS takes, may be deleted"
            made.cache.create_replication_group(
                ReplicationGroupId=name, ReplicationGroupDescription=text, CacheNodeType=NODE, **call
            )
    except ClientError as error:
        return said(error)
    return None


def description(made, kind, name, members):
    if kind == "cluster":
        found = made.cache.describe_cache_clusters(CacheClusterId=name)["CacheClusters"][0]
    else:
        found = made.cache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]
    return {member: found.get(member) for member in members}


def as_a_role_without_tags(account, made, cluster, snapshot):
    """ElastiCache as a role that may delete this cache with a last snapshot, and may tag nothing."""
    iam, sts = account.client("iam"), account.client("sts")
    caller = sts.get_caller_identity()
    partition, number = caller["Arn"].split(":")[1], caller["Account"]
    name = made.add("role", made.name("role"))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:{partition}:iam::{number}:root"}}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    within = f"arn:{partition}:elasticache:{account.region}:{number}"
    resources = [f"{within}:cluster:{cluster}", f"{within}:snapshot:{snapshot}"]
    rights = {"Effect": "Allow", "Action": ["elasticache:DeleteCacheCluster", "elasticache:CreateSnapshot"]}
    look = {"Effect": "Allow", "Action": "elasticache:DescribeCacheClusters", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name, PolicyName="delete", PolicyDocument=document({**rights, "Resource": resources}, look)
    )
    arn = f"arn:{partition}:iam::{number}:role/{name}"
    deadline = time.monotonic() + ROLE_SECONDS
    while True:
        try:
            keys = sts.assume_role(RoleArn=arn, RoleSessionName="verify")["Credentials"]
            client = account.session.client(
                "elasticache",
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )
            client.describe_cache_clusters(CacheClusterId=cluster)
            return client
        except ClientError as error:
            if time.monotonic() > deadline:
                raise stacks.Failure(f"the role {name} cannot be used: {said(error)}") from error
            time.sleep(5)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def said(error):
    found = error.response["Error"]
    return f"{found['Code']}: {found.get('Message', '')}"
