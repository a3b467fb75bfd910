"""What the code host, contributors and releases are told agrees with what is here. Needs no account."""

import json
import re
import subprocess

import pytest
import yaml
from harness import places

WORKFLOW = places.REPO / ".github" / "workflows" / "check.yml"
PREPARE = places.REPO / ".github" / "actions" / "prepare" / "action.yml"
#: An action by its commit, with the version that this is.
USES = re.compile(r"^[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def read(path):
    return (places.REPO / path).read_text()


def tracked(pattern):
    found = subprocess.run(["git", "ls-files", pattern], cwd=places.REPO, capture_output=True, text=True, check=True)
    return found.stdout.split()


def workflow():
    return yaml.safe_load(WORKFLOW.read_text())


def steps():
    for job in workflow()["jobs"].values():
        yield from job["steps"]


def targets():
    return set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


# The code host -----------------------------------------------------------------------------------


def test_actions_are_pinned_by_commit_and_alike_everywhere():
    seen = {}
    for path in (places.REPO / ".github").rglob("*.yml"):
        for uses in re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(), re.MULTILINE):
            if uses.startswith("$/"):
                assert (places.REPO / uses.removeprefix("$/") / "action.yml").is_file()
                continue
            assert USES.match(uses), f"{path.name}: {uses}"
            name = "/".join(uses.split("@")[0].split("/")[:2])
            seen.setdefault(name, set()).add(uses.split("@")[1])
    assert seen
    assert {name: pins for name, pins in seen.items() if len(pins) > 1} == {}


def test_jobs_call_what_the_makefile_has():
    called = set()
    for step in steps():
        called |= set(re.findall(r"\bmake ([a-z-]+)(?=\s|$)", step.get("run", "")))
    assert called and called <= targets()


def test_every_test_of_the_makefile_has_a_job():
    """What `.ci/run` does on one machine is in some job, too."""
    called = " ".join(step.get("run", "") for step in steps())
    for target in targets():
        if target.startswith("test-") and target not in ("test-quick", "test-tools"):
            assert re.search(rf"\bmake {target}(\s|$)", called), f"no job calls make {target}"


def test_the_shards_are_all_there():
    shards = workflow()["jobs"]["account"]["strategy"]["matrix"]["shard"]
    assert shards == [f"{part}/{len(shards)}" for part in range(1, len(shards) + 1)]


def test_one_job_waits_for_all_that_a_pull_request_runs():
    jobs = workflow()["jobs"]
    sometimes = {name for name, job in jobs.items() if "schedule" in str(job.get("if", ""))}
    assert set(jobs["checked"]["needs"]) == set(jobs) - sometimes - {"checked"}


def test_what_is_saved_is_what_is_restored_and_by_main_only():
    (restored,) = (s for s in yaml.safe_load(PREPARE.read_text())["runs"]["steps"] if "cache/restore" in s["uses"])
    saved = [step for step in steps() if "cache/save" in step.get("uses", "")]
    assert saved
    for step in saved:
        assert step["with"]["path"] == restored["with"]["path"]
        assert "github.ref == 'refs/heads/main'" in step["if"]
    hashed = re.findall(r"'([^']+)'", restored["with"]["key"])
    assert {"Cargo.lock", "rust-toolchain.toml"} <= set(hashed)
    for pattern in hashed:
        assert tracked(f":(glob){pattern}"), f"there is no {pattern}"


def test_nothing_is_written_and_no_secret_is_used():
    text = WORKFLOW.read_text() + PREPARE.read_text()
    assert "secrets." not in text and "pull_request_target" not in text
    assert workflow()["permissions"] == {}
    for name, job in workflow()["jobs"].items():
        assert job["permissions"] in ({}, {"contents": "read"}), name
        assert job["timeout-minutes"] <= 90, name
    checkouts = [step for step in steps() if "checkout" in step.get("uses", "")]
    assert checkouts and all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_owned_path_is_there_and_exceptions_have_an_owner():
    lines = [line.split() for line in read(".github/CODEOWNERS").splitlines() if line and not line.startswith("#")]
    for path, *owners in lines:
        assert owners and all(owner.startswith("@") for owner in owners), path
        assert path == "*" or (places.REPO / path.strip("/")).exists(), path
    assert "/infra/exceptions/" in {path for path, *_ in lines}


@pytest.mark.parametrize("path", sorted((places.REPO / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml")))
def test_forms_have_what_the_code_host_asks_for(path):
    """GitHub documentation, "Syntax for issue forms": without these a form is not shown."""
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert ids and len(ids) == len(set(ids))


# Versions ----------------------------------------------------------------------------------------


def version():
    return re.search(r'^version = "(\d+\.\d+\.\d+)"$', read("Cargo.toml"), re.MULTILINE).group(1)


def sections():
    return re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)


def test_the_newest_release_in_the_changelog_is_the_version():
    unreleased, *released = sections()
    assert unreleased == "Unreleased"
    names = [re.fullmatch(r"(\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}", section) for section in released]
    assert all(names), released
    assert names[0].group(1) == version()
    numbers = [tuple(map(int, name.group(1).split("."))) for name in names]
    assert numbers == sorted(numbers, reverse=True)


def test_the_changelog_is_in_sections():
    kinds = re.findall(r"^### (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert kinds and set(kinds) <= CHANGES
    # Nothing stands beside them.
    for section in re.split(r"^## .*$", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]:
        assert not section.partition("###")[0].strip()


def test_every_version_that_is_said_is_that_of_cargo():
    for path in ("infra/cdk", "infra/asl", "e2e/axe"):
        for name in ("package.json", "package-lock.json"):
            assert json.loads(read(f"{path}/{name}"))["version"] == version(), f"{path}/{name}"
    lock = re.findall(r'name = "portcullis-[\w-]+"\nversion = "(.*)"', read("Cargo.lock"))
    assert set(lock) == {version()}


def test_documents_name_no_tag_that_is_no_release():
    releases = {section.split()[0] for section in sections()[1:]}
    for name in tracked("*.md"):
        for tag in re.findall(r"\b(?:checkout|switch) v(\d+\.\d+\.\d+)", read(name)):
            assert tag in releases, f"{name}: v{tag}"


def test_the_pinned_rust_compiles_what_cargo_asks_for():
    pinned = re.search(r'^channel = "([\d.]+)"$', read("rust-toolchain.toml"), re.MULTILINE).group(1)
    oldest = re.search(r'^rust-version = "([\d.]+)"$', read("Cargo.toml"), re.MULTILINE).group(1)
    assert tuple(map(int, pinned.split("."))) >= tuple(map(int, oldest.split(".")))
    assert set(
        re.findall(r'"(\w+)"', re.search(r"^components = (.*)$", read("rust-toolchain.toml"), re.M).group(1))
    ) == {
        "clippy",
        "rustfmt",
    }
