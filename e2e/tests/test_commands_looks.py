"""What only looks: the commands of plans, errors and the help, taken from the text, and what they show put to use."""

import json
import re

import pytest
from harness import caches, guided, pasted, places
from harness.account import FAST, Account
from harness.guard import PRIVATE, Guard, permission

NAME = "carts"


@pytest.fixture(scope="module")
def guard():
    """An account without a stack, with a cache that has users."""
    with Account(*FAST) as account:
        guard = Guard(account)
        guard.elasticache.create_user(
            UserId="nobody", UserName="default", Engine="redis", NoPasswordRequired=True, AccessString="off -@all"
        )
        guard.elasticache.create_user_group(UserGroupId="users", Engine="redis", UserIds=["nobody"])
        guard.rules = guard.group(NAME, permission("tcp", 6379, PRIVATE))
        more = {"TransitEncryptionEnabled": True, "UserGroupIds": ["users"]}
        guard.arn = caches.make_group(guard, NAME, [guard.rules], Engine="redis", EngineVersion="7.1", **more)
        caches.available(guard.elasticache, guard.arn)
        yield guard


@pytest.fixture
def shell(guard, tmp_path):
    return guided.Shell(guard.account, tmp_path)


def aws(text):
    """The commands of the AWS CLI in a text, with their options and without the sentence; none is broken at a line."""
    words = r"\baws [a-z0-9-]+ [a-z-]+(?: --[a-z-]+(?: (?!--)[^\s;`)]+)?)*"
    return [found.rstrip(",.") for found in re.findall(words, text)]


def document(shell, without=()):
    """What `--document` prints of the cache, as a file, some of its lists left out."""
    whole = json.loads(shell.run(f"portcullis plan {NAME} --document"))
    missing = {name: whole.pop(name) for name in without}
    (shell.directory / "cache.json").write_text(json.dumps(whole))
    return missing


def fingerprint(text):
    return re.search(r"\b[0-9a-f]{16}\b", text)[0]


def test_the_commands_of_the_help_make_a_document_of_the_same_plan(guard, shell):
    """`portcullis plan --help`: each line that begins with a command, ID, ARN and SG filled in."""
    live = shell.run(f"portcullis plan {NAME}")
    # As wide as most terminals are: a command that is broken over two lines would not be one.
    text = shell.run("COLUMNS=80 portcullis plan --help").replace("\\\n", "")
    commands = [line.strip() for line in text.splitlines() if re.match("  (aws|cat|portcullis) ", line)]
    assert len(commands) > 9
    for command in commands:
        for word, meant in {"orders": NAME, "ID": NAME, "ARN": guard.arn, "SG": guard.rules}.items():
            command = re.sub(rf"\b{word}\b", meant, command)
        said = shell.run(command)
    assert said.startswith("Plan: ") and fingerprint(said) == fingerprint(live)


def test_the_commands_of_the_help_check_the_exceptions(guard):
    shell = guided.Shell(guard.account, places.REPO)
    lines = shell.run("portcullis exceptions check --help").splitlines()
    commands = [line.strip() for line in lines if line.startswith("  portcullis ")]
    assert len(commands) == 2
    for command in commands:
        assert "public-https: open-ingress" in shell.run(command)


def test_what_a_plan_does_not_know_is_looked_up(guard, shell):
    """Each `look` of the plan, and the list that it prints."""
    document(shell)
    text = shell.run("jq 'del(.ScalableTargets, .MetricAlarms)' cache.json | portcullis plan -")
    zone = guard.account.client("route53").create_hosted_zone(Name="example.com", CallerReference="one")
    shown = {
        "describe-scalable-targets": "ScalableTargets",
        "describe-alarms": "MetricAlarms",
        "list-resource-record-sets": "ResourceRecordSets",
        "get-account-authorization-details": "RoleDetailList",
    }
    looks = {command.split()[2]: command for command in aws(text.partition("\nSteps\n")[0])}
    assert set(shown) == set(looks), text
    for action, command in looks.items():
        said = json.loads(shell.run(command.replace("ZONE", zone["HostedZone"]["Id"])))
        assert isinstance(said[shown[action]], list)


def test_rules_that_are_missing_are_described(guard, shell):
    document(shell, ["SecurityGroupRules"])
    (command,) = aws(shell.run("portcullis plan cache.json", (1,)))
    shell.run(f"{command} > rules.json")
    assert shell.run("cat cache.json rules.json | portcullis plan -").startswith(f"Plan: {NAME}")


def test_tags_that_are_missing_are_listed(guard, shell):
    document(shell, ["TagList"])
    (command,) = aws(shell.run("portcullis plan cache.json", (1,)))
    shell.run(f"{command} > tags.json")
    assert shell.run("cat cache.json tags.json | portcullis plan -").startswith(f"Plan: {NAME}")


def test_the_group_of_a_member_alone_is_described(guard, shell):
    """`describe-cache-clusters` without its group, and what the error says to add."""
    groups = document(shell, ["ReplicationGroups", "Cache"])["ReplicationGroups"]
    said = shell.run("portcullis plan cache.json", (2,))
    (command,) = aws(said)
    assert NAME in said and "--region eu-west-1" in command
    assert [group["ReplicationGroupId"] for group in groups] == [NAME]
    shell.run(f"{command} > groups.json")
    assert shell.run("cat cache.json groups.json | portcullis plan -").startswith(f"Plan: {NAME}")


def test_an_input_without_a_cache_says_what_to_print(guard, shell):
    """Both commands, and the file that they make together: only its rules and tags are missing."""
    said = shell.run("echo '{}' | portcullis plan -", (2,))
    commands = [line.strip() for line in said.splitlines() if line.strip().startswith("aws ")]
    assert len(commands) == 2
    for command in commands:
        shell.run(f"{command} >> printed.json")
    told = shell.run(f"portcullis plan printed.json --cache {NAME}", (1,))
    assert told.startswith(f"Refused: {NAME}") and "aws elasticache list-tags-for-resource" in told


def test_a_cache_that_is_not_there_says_how_to_list_them(guard, shell):
    said = shell.run("portcullis plan no-such-cache", (2,))
    (command,) = aws(said)
    listed = json.loads(shell.run(command))["CacheClusters"]
    assert {cluster["CacheClusterId"] for cluster in listed} == {f"{NAME}-001"}


#: A configuration of the AWS CLI that gives no credentials that are any good.
BAD = {
    "keys": "[profile dev]\naws_access_key_id = AKIANOBODY\naws_secret_access_key = x\n",
    "process": "[profile dev]\ncredential_process = sh -c 'echo no vault >&2; exit 3'\n",
}
GOOD = "[profile dev]\naws_access_key_id = test\naws_secret_access_key = test\n"


@pytest.mark.parametrize("where", ["environment", *BAD])
def test_credentials_that_are_not_taken_say_how_to_look(guard, tmp_path, where):
    """The command of the error, with the same credentials: it fails like them, and works when they are right."""
    environment, config = pasted.environment(guard.account), tmp_path / "config"
    environment["AWS_CONFIG_FILE"] = str(config)
    config.write_text(BAD.get(where, ""))
    if where == "environment":
        environment["AWS_ACCESS_KEY_ID"] = "AKIANOBODY"
    tried = f"portcullis findings{' --profile dev' if where in BAD else ''}"
    told = pasted.run(tried, guard.account, environment)
    assert told.returncode == 2 and len(told.stderr.splitlines()) == 2, told.stderr
    (command,) = re.findall(r"`(aws sts get-caller-identity[^`]*)`", told.stderr)
    assert pasted.run(command, guard.account, environment).returncode != 0
    config.write_text(GOOD)
    environment["AWS_ACCESS_KEY_ID"] = "test"
    assert '"Account": "111122223333"' in pasted.run(command, guard.account, environment).stdout
