"""What mails, plans and alerts give for a template: CloudFormation and Terraform, read as the tools read them."""

import json
import subprocess

import yaml

from . import places

TOOLS = places.TARGET / "venv-sam" / "bin"
#: The Terraform arguments that are given, as ElastiCache's API names them (the provider's documentation of
#: aws_elasticache_replication_group, aws_elasticache_cluster and aws_elasticache_serverless_cache).
ARGUMENTS = {
    "automatic_failover_enabled": "AutomaticFailoverEnabled",
    "cluster_id": "CacheClusterId",
    "description": "ReplicationGroupDescription",
    "num_cache_clusters": "NumCacheClusters",
    "port": "Port",
    "replication_group_id": "ReplicationGroupId",
    "snapshot_name": "SnapshotName",
    "transit_encryption_enabled": "TransitEncryptionEnabled",
    "transit_encryption_mode": "TransitEncryptionMode",
    "user_group_id": "UserGroupId",
    "user_group_ids": "UserGroupIds",
}
#: Properties of AWS::ElastiCache::CacheCluster that have another name in the API.
PROPERTIES = {"ClusterName": "CacheClusterId", "VpcSecurityGroupIds": "SecurityGroupIds"}
TYPES = {
    "AWS::ElastiCache::ReplicationGroup": "aws_elasticache_replication_group",
    "AWS::ElastiCache::CacheCluster": "aws_elasticache_cluster",
    "AWS::ElastiCache::ServerlessCache": "aws_elasticache_serverless_cache",
}
RULES = ("AWS::EC2::SecurityGroupIngress", "aws_vpc_security_group_ingress_rule")
SOURCES = {"CidrIp", "CidrIpv6", "SourcePrefixListId", "SourceSecurityGroupId"}
SOURCES |= {"cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"}
PARSE = """
import hcl2, json, sys
from hcl2.utils import SerializationOptions
print(json.dumps(hcl2.loads(sys.stdin.read(), serialization_options=SerializationOptions(
    with_comments=False, strip_string_quotes=True, explicit_blocks=False))))
"""


def block(text, heading):
    """The lines below a heading, up to one that is empty."""
    return text.partition(f"\n{heading}\n")[2].partition("\n\n")[0] + "\n"


def cloudformation(text):
    """The resources, by logical id."""
    return yaml.safe_load(text)


def terraform(text):
    """The resources: (type, name, arguments)."""
    done = subprocess.run([TOOLS / "python", "-c", PARSE], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    for item in json.loads(done.stdout)["resource"]:
        for kind, named in item.items():
            for name, arguments in named.items():
                yield kind, name, arguments


def lint(resources, path):
    """What cfn-lint says of a template of these resources: errors, as it would not deploy."""
    path.write_text(json.dumps({"Resources": resources}))
    command = [TOOLS / "cfn-lint", "--ignore-checks", "W", "I", "--regions", "eu-west-1", "--", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def rule(resource):
    """(group, protocol, from, to, source, the account of a group elsewhere or "") of a rule of either tool."""
    (given,) = [value for key, value in resource.items() if key in SOURCES]
    account, _, source = given.rpartition("/") if given.rpartition("/")[2].startswith("sg-") else ("", "", given)
    names = ("GroupId", "IpProtocol", "FromPort", "ToPort")
    if "GroupId" not in resource:
        names = ("security_group_id", "ip_protocol", "from_port", "to_port")
    return (*(resource[name] for name in names), source, resource.get("SourceSecurityGroupOwnerId", account))


def of_api(properties, names):
    """Properties or arguments under the names of the API; a name that is not known is a KeyError for Terraform."""
    return {names(name): value for name, value in properties.items()}
