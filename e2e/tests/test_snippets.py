"""What is given for a template is taken by the tools, and is what the plan of the same cache would make."""

import json
import subprocess

import pytest
import yaml
from harness import guided, places, snippets

EXAMPLES = places.REPO / "shared" / "recreation" / "examples"
MAILS = places.REPO / "shared" / "recreation" / "tests" / "mails"
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:checkout/auth-AbCdEf"
HANDED_OVER = sorted(path.name.removesuffix(".handed-over.snap") for path in MAILS.glob("*.handed-over.snap"))
#: Those that a tool owns, by its tags.
OWNED = ("memcached-of-terraform", "valkey-of-a-stack")
CLOUDFORMATION, TERRAFORM = "CloudFormation, below Resources:", "Terraform:"


def planned(name, tmp_path):
    """The plan of an example as JSON, by the program; nobody owns the cache."""
    document = json.loads((EXAMPLES / f"{name}.json").read_text())
    owners = ("aws:cloudformation", "ManagedBy")
    document["TagList"] = [tag for tag in document["TagList"] if not tag["Key"].startswith(owners)]
    path = tmp_path / "cache.json"
    path.write_text(json.dumps(document))
    command = [places.binary("portcullis"), "plan", path, "--json"]
    if document.get("ReplicationGroups", [{}])[0].get("AuthTokenEnabled"):
        command += ["--auth-token-secret", SECRET]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def given(name):
    """The mail in which the snippets are."""
    kind = "refused" if name in OWNED else "handed-over"
    return (MAILS / f"{name}.{kind}.snap").read_text()


def rules_of(plan):
    return sorted(
        (rule["group"], rule["protocol"], rule["port"], rule["port"], rule["source"], rule["sourceOwner"] or "")
        for rule in plan["ingress"]["open"]
    )


def is_of(cache, plan, least):
    """What a snippet gives of the new cache is in the inputs of the plan, and all that must differ is given."""
    wanted = plan["create"]["parameters"]
    assert {name: wanted.get(name) for name in cache} == cache
    missing = {"Port", "SnapshotName", "ReplicationGroupId", "CacheClusterId"} & set(wanted) - set(cache)
    assert not missing and len(cache) >= least


@pytest.mark.parametrize("name", [*HANDED_OVER, "valkey-of-a-stack"])
def test_cloudformation_takes_it_and_makes_what_the_plan_does(name, tmp_path):
    plan = planned(name, tmp_path)
    resources = snippets.cloudformation(snippets.block(given(name), CLOUDFORMATION))
    rules = [item for item in resources.values() if item["Type"] == snippets.RULES[0]]
    (cache,) = [item for item in resources.values() if item not in rules]
    is_of(snippets.of_api(cache["Properties"], lambda key: snippets.PROPERTIES.get(key, key)), plan, 2)
    assert sorted(snippets.rule(item["Properties"]) for item in rules) == rules_of(plan)
    # "Every other property as in the old resource": those of the plan, which carries them over.
    names = {api: name for name, api in snippets.PROPERTIES.items()} if "Cluster" in cache["Type"][-12:] else {}
    whole = {names.get(key, key): value for key, value in plan["create"]["parameters"].items()}
    for log in whole.get("LogDeliveryConfigurations", []):
        del log["Enabled"]  # the API's; a resource has the deliveries that it names
    cache["Properties"] = {**whole, **cache["Properties"]}
    assert snippets.lint(resources, tmp_path / "template.json") == ""


@pytest.mark.parametrize("name", [*HANDED_OVER, "memcached-of-terraform"])
def test_terraform_takes_it_and_makes_what_the_plan_does(name, tmp_path):
    plan = planned(name, tmp_path)
    resources = list(snippets.terraform(snippets.block(given(name), TERRAFORM)))
    rules = [arguments for kind, _, arguments in resources if kind == snippets.RULES[1]]
    ((kind, _, cache),) = [item for item in resources if item[0] != snippets.RULES[1]]
    is_of(snippets.of_api(cache, snippets.ARGUMENTS.__getitem__), plan, 2)
    assert sorted(map(snippets.rule, rules)) == rules_of(plan)
    of = {"CreateReplicationGroup": "replication_group", "CreateCacheCluster": "cluster"}
    assert kind == f"aws_elasticache_{of[plan['create']['operation']]}"
    assert len({name for _, name, _ in resources}) == len(resources)


def in_place():
    """The steps of alerts that change what is there, by the event: (type, CloudFormation, Terraform)."""
    for name in guided.events():
        for step in guided.steps(name):
            if step.kind == "in-place":
                yield name, step.words


@pytest.mark.parametrize(("name", "words"), list(in_place()))
def test_what_an_alert_gives_for_what_is_there_is_the_same_for_both_tools(name, words, tmp_path):
    first, _, second = words.partition("\nIn Terraform, in the existing ")
    kind = first.splitlines()[0].split("on the existing ")[1].rstrip(":")
    properties = yaml.safe_load("\n".join(first.splitlines()[1:]))
    assert second.split(":")[0] == snippets.TYPES[kind]
    body = "\n".join(second.splitlines()[1:])
    ((_, _, arguments),) = snippets.terraform(f'resource "{snippets.TYPES[kind]}" "it" {{\n{body}\n}}\n')
    assert snippets.of_api(arguments, snippets.ARGUMENTS.__getitem__) == properties != {}
    group = {"ReplicationGroupDescription": "d", "Engine": "redis", "CacheNodeType": "cache.t4g.micro"}
    group |= {"NumCacheClusters": 1, "AutomaticFailoverEnabled": False, "TransitEncryptionEnabled": True}
    old = {"ServerlessCacheName": "it", "Engine": "redis"} if kind.endswith("ServerlessCache") else group
    there = {"Type": kind, "Properties": {**old, **properties}}
    assert snippets.lint({"It": there}, tmp_path / "template.json") == ""


def test_the_linter_and_the_parser_find_what_is_wrong(tmp_path):
    bad = {"It": {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": {"Ports": 1}}}
    assert "Ports" in snippets.lint(bad, tmp_path / "template.json")
    with pytest.raises(AssertionError):
        list(snippets.terraform('resource "a" "b" {\n  port = \n}\n'))
