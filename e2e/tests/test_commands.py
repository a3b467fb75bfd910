"""Every command of the AWS CLI that the code can print has a test that runs it, or says here why it has none.

What is found in the sources is a file with a service and an action, as `shared/recreation/src/steps/commands.rs: elasticache
create-snapshot`. A branch of the code that prints another is not in the table, and fails.
"""

import re

import pytest
from harness import guided, places
from harness.account import FAST, Account

ENGINE, PLAN = "shared/engine/src", "shared/recreation/src"
GUIDANCE = "test_guidance_commands.py::test_the_steps_of_an_event_leave_what_they_promise"
BY_PLAN = "test_plan_commands.py::test_the_commands_of_a_plan_move_the_cache"
FAILED_MOVE = "test_moves_failures.py::test_what_cannot_be_taken_back_is_told_with_its_commands"
LOOKED = "test_commands.py::test_what_only_looks_is_taken_by_the_account"
#: Who runs the commands of a file, by their beginning.
RUN = {
    f"{ENGINE}/alert/command.rs: ec2 authorize": "test_overruling.py::test_undo_of_every_kind_of_source",
    f"{ENGINE}/alert/command.rs: ec2 revoke": (
        "test_limits.py::test_a_rule_that_comes_back_for_the_third_time_stays_open"
    ),
    f"{ENGINE}/alert/command.rs: ec2 create-tags": "test_overruling.py::test_the_mail_says_how_to_keep_a_rule_for_good",
    f"{ENGINE}/alert/command.rs: dynamodb": (
        "test_overruling.py::test_the_commands_of_the_mail_put_a_rule_back_and_it_stays"
    ),
    f"{ENGINE}/alert/command.rs: secretsmanager": GUIDANCE,
    f"{ENGINE}/alert/guidance": GUIDANCE,
    f"{PLAN}/secret.rs: secretsmanager": BY_PLAN,
    f"{PLAN}/steps/commands.rs: ": BY_PLAN,
    "functions/recreate/src/steps/ended.rs: ": FAILED_MOVE,
    f"{PLAN}/around.rs: application-autoscaling": LOOKED,
    f"{PLAN}/around.rs: cloudwatch": LOOKED,
    f"{PLAN}/around.rs: iam": LOOKED,
    f"{PLAN}/ingress.rs: ": LOOKED,
    f"{PLAN}/mail/failed.rs: resourcegroupstaggingapi": LOOKED,
    f"{PLAN}/mail/ended.rs: ec2 describe-security-group-rules": LOOKED,
    f"{PLAN}/recover.rs: elasticache list-tags-for-resource": LOOKED,
    f"{ENGINE}/trail.rs: cloudtrail start-logging": LOOKED,
    "cli/src/plan.rs: ": LOOKED,
    "cli/src/live.rs: ": LOOKED,
    "cli/src/advice/call.rs: sts": LOOKED,
    "cli/src/advice/credentials.rs: sts": LOOKED,
    f"{PLAN}/document/choose.rs: ": LOOKED,
}
#: What no test runs, and why.
NOT_RUN = {
    "cli/src/advice/call.rs: sso": "it opens a browser",
    "cli/src/advice/credentials.rs: sso": "it opens a browser",
    "cli/src/advice/credentials.rs: configure": "it prints the credentials of a profile",
    f"{ENGINE}/alert/owner/advice.rs: cloudformation": "the emulated account shows resources by stack only",
    f"{PLAN}/around.rs: route53": "ZONE is a hosted zone of the reader's",
    f"{ENGINE}/trail.rs: cloudtrail create-trail": "the beginning of a command: which bucket is the reader's choice",
    f"{ENGINE}/trail.rs: cloudtrail put-event-selectors": "the beginning of a command: `…` are the reader's selectors",
    f"{PLAN}/mail/ended.rs: elasticache create-": "it ends in `...`: the settings are to be added from the plan",
    f"{PLAN}/mail/ended.rs: elasticache delete-snapshot": "the name of the snapshot in a call without a choice",
    f"{PLAN}/mail/ended.rs: elasticache {{call}}": "the same as of functions/recreate/src/steps/ended.rs",
    f"{PLAN}/mail/ended.rs: ec2 revoke": "GROUP and RULE come from the command before it",
    f"{PLAN}/mail/failed.rs: stepfunctions": "it only looks, at an execution of Step Functions",
    f"{PLAN}/plan/earlier.rs: elasticache delete-": "the id in a call without a choice",
    f"{ENGINE}/alert/command.rs: ec2 delete-tags": "the tag of a group, which create-tags has set",
    f"{ENGINE}/alert/command.rs: stepfunctions": "the execution in a call without a choice",
    "functions/recreate/src/steps/plan.rs: stepfunctions": "the same",
}


def printed():
    """`file: service action` of every command in a text of the code, tests and comments aside."""
    found = set()
    for top in ("shared", "functions", "cli"):
        for path in (places.REPO / top).glob("**/src/**/*.rs"):
            name = path.relative_to(places.REPO).as_posix()
            if "/tests" in name or path.name == "tests.rs":
                continue
            code = path.read_text().partition("#[cfg(test)]")[0]
            code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("//"))
            for service, action in re.findall(r"\baws ([a-z0-9-]+) ([a-z][a-z-]+|\{[a-z0-9_.]*\})", code):
                found.add(f"{name}: {service} {action}")
    return found


def test_every_command_has_a_test_that_runs_it_or_a_reason():
    known = [*RUN, *NOT_RUN]
    missing = sorted(item for item in printed() if not item.startswith(tuple(known)))
    assert not missing, f"no test runs {missing}"
    unused = [start for start in known if not any(item.startswith(start) for item in printed())]
    assert not unused, f"nothing prints {unused}"


def test_the_tests_that_run_them_are_there():
    for file, _, name in (where.partition("::") for where in set(RUN.values())):
        text = (places.REPO / "e2e" / "tests" / file).read_text()
        body = text.partition(f"def {name}(")[2].partition("\ndef test_")[0]
        assert re.search(r"paste\(|\.run\(|\.follow\(", body), f"{file}: {name} runs nothing"


# What only looks --------------------------------------------------------------------------------

LOOKS = {
    "aws sts get-caller-identity": "Account",
    "aws application-autoscaling describe-scalable-targets --service-namespace elasticache": "ScalableTargets",
    "aws cloudwatch describe-alarms": "MetricAlarms",
    "aws iam get-account-authorization-details": "RoleDetailList",
    "aws ec2 describe-security-group-rules --filters Name=group-id,Values={group}": "SecurityGroupRules",
    "aws ec2 describe-security-group-rules --filters Name=tag:portcullis:moved-from,Values={arn}": "SecurityGroupRules",
    "aws resourcegroupstaggingapi get-resources --tag-filters Key=portcullis:moved-from,Values={arn}": (
        "ResourceTagMappingList"
    ),
    "aws elasticache describe-replication-groups --replication-group-id carts": "ReplicationGroups",
    "aws elasticache describe-cache-clusters --show-cache-node-info": "CacheClusters",
    "aws elasticache describe-cache-clusters": "CacheClusters",
    "aws elasticache list-tags-for-resource --resource-name {arn}": "TagList",
    "aws elasticache describe-cache-subnet-groups": "CacheSubnetGroups",
    "aws elasticache describe-snapshots": "Snapshots",
    "aws cloudtrail start-logging --region eu-west-1 --name {trail}": None,
}


@pytest.fixture(scope="module")
def account():
    with Account(*FAST) as running:
        group = running.client("ec2").create_security_group(GroupName="carts", Description="d")["GroupId"]
        made = running.client("elasticache").create_replication_group(
            ReplicationGroupId="carts",
            ReplicationGroupDescription="d",
            Engine="valkey",
            NumCacheClusters=1,
            CacheNodeType="cache.t4g.micro",
            SecurityGroupIds=[group],
        )["ReplicationGroup"]
        waiter = running.client("elasticache").get_waiter("replication_group_available")
        waiter.wait(ReplicationGroupId="carts", WaiterConfig={"Delay": 1})
        running.client("s3").create_bucket(
            Bucket="trails", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        trail = running.client("cloudtrail").create_trail(Name="all", S3BucketName="trails", IsMultiRegionTrail=True)
        running.names = {"group": group, "arn": made["ARN"], "trail": trail["TrailARN"]}
        yield running


@pytest.mark.parametrize("command", LOOKS)
def test_what_only_looks_is_taken_by_the_account(account, tmp_path, command):
    said = guided.Shell(account, tmp_path).run(command.format(**account.names))
    assert (
        f'"{LOOKS[command]}"' in said
        if LOOKS[command]
        else account.client("cloudtrail").get_trail_status(Name=account.names["trail"])["IsLogging"]
    )


def test_everything_that_only_looks_is_run():
    starts = tuple(start for start, where in RUN.items() if where == LOOKED)
    wanted = {item.partition(": ")[2] for item in printed() if item.startswith(starts)}
    assert wanted <= {" ".join(command.split()[1:3]) for command in LOOKS}
