"""The script that asks a real account what the documents leave open, run in the emulated account."""

import json
import os
import signal
import subprocess
import sys

import pytest
from harness import places
from harness.account import FAST, Account
from harness.wait import until

SCRIPT = places.REPO / "infra" / "ops" / "verify_aws.py"
STEM = "portcullis-verify-"


@pytest.fixture
def account():
    with Account(*FAST, "--creating-seconds", "0.5") as running:
        yield running


@pytest.fixture
def slow():
    """An account in which a cache takes longer to be made than a busy machine takes to send a signal."""
    with Account(*FAST, "--creating-seconds", "4") as running:
        yield running


def start(account, tmp_path, *options):
    command = [sys.executable, str(SCRIPT), "--poll", "0.1", "--file", str(tmp_path / "answers.json"), *options]
    environment = {**os.environ, **account.environment()}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def run(account, tmp_path, *options, said="", status=0):
    with start(account, tmp_path, *options) as script:
        text, _ = script.communicate(said, timeout=120)
    assert script.returncode == status, text
    return text


def answers(tmp_path):
    return json.loads((tmp_path / "answers.json").read_text())["answers"]


def left(account):
    """Everything that such a run makes, by name."""
    cache, iam = account.client("elasticache"), account.client("iam")
    stacks = account.client("cloudformation").describe_stacks()["Stacks"]
    found = [item["CacheClusterId"] for item in cache.describe_cache_clusters()["CacheClusters"]]
    found += [item["ReplicationGroupId"] for item in cache.describe_replication_groups()["ReplicationGroups"]]
    found += [item["SnapshotName"] for item in cache.describe_snapshots()["Snapshots"]]
    found += [item["RoleName"] for item in iam.list_roles()["Roles"]]
    found += [item["StackName"] for item in stacks if item["StackStatus"] != "DELETE_COMPLETE"]
    return [name for name in found if name.startswith(STEM)]


def other_cache(account):
    """A cache that is none of the run's business."""
    account.client("elasticache").create_cache_cluster(
        CacheClusterId="portcullis-verified", Engine="redis", NumCacheNodes=1, CacheNodeType="cache.t4g.micro"
    )
    return lambda: [
        item["CacheClusterId"] for item in account.client("elasticache").describe_cache_clusters()["CacheClusters"]
    ]


def test_every_question_gets_an_answer_and_nothing_is_left(account, tmp_path):
    caches = other_cache(account)
    text = run(account, tmp_path, "--yes")
    found = answers(tmp_path)
    assert {name: answer["answer"] for name, answer in found.items()} == {
        "tls-off": "refused",
        "slots": "refused",
        "shards": "refused",
        "inherited-tags": "refused",
        "unknown-type": "taken",
    }
    assert found["tls-off"]["why"].endswith("Encryption feature is not supported for engine REDIS.")
    assert "TransitEncryptionEnabled" in found["tls-off"]["call"]
    assert "TransitEncryptionEnabled" not in found["tls-off"]["takenInstead"]
    assert "AccessDenied" in found["inherited-tags"]["why"] and "AddTagsToResource" in found["inherited-tags"]["why"]
    assert "nothing is left" in text and left(account) == [] and caches() == ["portcullis-verified"]


def test_an_account_that_asks_for_no_right_to_tag(tmp_path):
    with Account(*FAST, "--no-iam") as account:
        run(account, tmp_path, "--yes", "--only", "inherited-tags")
        found = answers(tmp_path)["inherited-tags"]
        assert found["answer"] == "taken"
        assert [tag["Key"] for tag in found["tagsOfTheSnapshot"]] == ["portcullis-verify"]
        assert left(account) == []


def test_nobody_agrees_and_nothing_is_made(account, tmp_path):
    text = run(account, tmp_path, said="no\n", status=2)
    assert "111122223333" in text and "less than one US dollar" in text and "Type yes" in text
    assert left(account) == [] and not (tmp_path / "answers.json").exists()


def test_somebody_agrees_and_one_question_is_asked(account, tmp_path):
    run(account, tmp_path, "--only", "unknown-type", said="yes\n")
    assert list(answers(tmp_path)) == ["unknown-type"] and left(account) == []


def test_a_refusal_of_everything_is_no_answer(account, tmp_path):
    """A quota, say: then the call without what is in question is refused too."""
    refusal = {"Action": "CreateReplicationGroup", "Code": "ClusterQuotaForCustomerExceeded", "Times": 99}
    account.control("POST", "failures", refusal)
    run(account, tmp_path, "--yes", "--only", "slots", status=1)
    found = answers(tmp_path)["slots"]
    assert found["answer"] == "not known" and found["why"].count("ClusterQuotaForCustomerExceeded") == 2
    assert left(account) == []


def test_a_cache_that_does_not_come_up_is_removed_and_the_next_is_asked(account, tmp_path):
    account.control("POST", "failures", {"Kind": "cache-cluster", "Id": f"{STEM}*-tagged"})
    run(account, tmp_path, "--yes", "--only", "inherited-tags", "--only", "unknown-type", status=1)
    found = answers(tmp_path)
    assert found["inherited-tags"]["answer"] == "not known" and "incompatible-network" in found["inherited-tags"]["why"]
    assert found["unknown-type"]["answer"] == "taken" and left(account) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_is_stopped_removes_what_was_made(slow, tmp_path, number, status):
    with start(slow, tmp_path, "--yes", "--only", "inherited-tags") as script:
        until("a cache is being made", lambda: left(slow))
        script.send_signal(number)
        text, _ = script.communicate(timeout=60)
    assert script.returncode == status and "nothing is left" in text, text
    assert left(slow) == []


def test_what_cannot_be_removed_is_named_and_removed_later(account, tmp_path):
    account.control("POST", "failures", {"Action": "DeleteCacheCluster", "Code": "AccessDenied", "Times": 9})
    text = run(account, tmp_path, "--yes", "--only", "tls-off", status=1)
    (name,) = left(account)
    assert f"NOT removed: cluster {name}" in text and "AccessDenied" in text
    account.control("DELETE", "failures")
    stem = name.removesuffix("-tls-known")
    assert f"--clean-up {stem}" in text
    caches = other_cache(account)
    run(account, tmp_path, "--clean-up", stem)
    assert left(account) == [] and caches() == ["portcullis-verified"]


def test_it_removes_nothing_but_its_own(account, tmp_path):
    caches = other_cache(account)
    run(account, tmp_path, "--clean-up", "portcullis-verif", status=2)
    assert caches() == ["portcullis-verified"]
