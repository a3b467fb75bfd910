"""What is installed is pinned, hashed, and said to Dependabot. Needs no account."""

import re
import subprocess

import yaml
from harness import places

#: Installed as they are: what they need is listed beside them, or left out on purpose (.ci/requirements).
ALONE = {"e2e/requirements-tools", "e2e/requirements-check", "infra/ops/requirements-cross"}
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(\[[^]]*\])?==([^\s;]+)(?: *; *(.*?))?(?: \\)?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def tracked(pattern):
    found = subprocess.run(["git", "ls-files", pattern], cwd=places.REPO, capture_output=True, text=True, check=True)
    return found.stdout.split()


def files():
    """Each requirements file without its ending."""
    asked, pinned = ({name.rsplit(".", 1)[0] for name in tracked(f"*requirements*.{end}")} for end in ("in", "txt"))
    assert asked == pinned
    return sorted(asked)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(name):
    """What a .in file asks for by name, with its version, where it says one."""
    for line in (places.REPO / f"{name}.in").read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line and not line.startswith("-c "):
            package, _, version = line.partition("==")
            yield normal(package.partition("[")[0]), version or None


def pinned(name):
    """What a .txt file installs: the package, its version, and the lines below it."""
    lines = (places.REPO / f"{name}.txt").read_text().splitlines()
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    starts = [at for at, line in enumerate(lines) if not line.startswith(" ")]
    for at, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = PIN.match(lines[at])
        assert found, f"{name}.txt: {lines[at]}"
        yield normal(found.group(1)), found.group(3), lines[at + 1 : end]


def test_every_file_of_every_package_has_its_hash():
    for name in files():
        packages = list(pinned(name))
        assert packages, name
        for package, version, below in packages:
            assert below, f"{name}.txt: {package}=={version} has no hash"
            assert all(HASH.match(line) for line in below), f"{name}.txt: {package}"


def test_what_is_asked_for_is_what_is_pinned():
    for name in files():
        pins = {(package, version) for package, version, _ in pinned(name)}
        for package, version in asked_for(name):
            assert version is None or (package, version) in pins, f"{name}: make requirements"
            assert package in {package for package, _ in pins}, f"{name}: make requirements"
        if name in ALONE:
            assert pins == set(asked_for(name)), f"{name} is installed without what it needs"


def test_one_environment_has_one_version_of_each_package():
    """They are installed together, by one pip that resolves nothing."""
    seen = {}
    for name in ("emulator/requirements", "e2e/requirements", "e2e/requirements-tools"):
        for package, version, _ in pinned(name):
            seen.setdefault(package, {}).setdefault(name, set()).add(version)
    for package, versions in seen.items():
        assert len({frozenset(found) for found in versions.values()}) == 1, (package, versions)


def test_no_file_says_where_it_was_downloaded():
    for name in tracked("*requirements*.txt"):
        text = (places.REPO / name).read_text()
        assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text), name


def test_dependabot_looks_at_every_directory():
    updates = yaml.safe_load((places.REPO / ".github" / "dependabot.yml").read_text())["updates"]
    told = {update["package-ecosystem"]: update.get("directories") or [update["directory"]] for update in updates}

    def directories(pattern):
        return {f"/{name.rpartition('/')[0]}" for name in tracked(pattern)}

    assert set(told["pip"]) == directories("*requirements*.in")
    assert set(told["npm"]) == directories("*package-lock.json")
    assert set(told["cargo"]) == directories("Cargo.lock")
    assert set(told["github-actions"]) == {"/"} | directories(".github/actions/*/action.yml")
