"""The build and the test run themselves: what would make them slow, or quiet about what they left out."""

import os
import re
import subprocess
import sys

import pytest
from harness import places

MAKEFILE = (places.REPO / "Makefile").read_text()
#: The crates that take minutes, and what they are made of.
SLOW = "aws-sdk-ec2"


def packages(variable):
    """The packages of a variable of the Makefile, as arguments for cargo."""
    (names,) = re.findall(rf"^{variable} := \$\(addprefix -p portcullis-,([\w -]+)\)", MAKEFILE, re.MULTILINE)
    return [word for name in names.split() for word in ("-p", f"portcullis-{name}")]


def tree(*arguments):
    """Crates with version and features, as cargo would compile them for these packages."""
    command = ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", *arguments]
    ran = subprocess.run(command, cwd=places.REPO, capture_output=True, text=True, check=True)
    lines = {re.sub(r" \(.*?\)", "", line) for line in ran.stdout.splitlines() if line}
    return {tuple(line.split("|")) for line in lines}


def test_the_sdk_is_compiled_once():
    """A feature more for one selection of packages, and cargo compiles minutes of code again for it."""
    slow = {crate for crate, _ in tree("-p", SLOW, "-e", "normal,build")}
    # `cargo lambda watch` and `sam build` take the default members: the functions, without the command line.
    functions = packages("PROGRAMS")[:-2]
    selections = {
        "cargo lambda watch": tree(*functions, "--features", "test-util", "-e", "normal,build"),
        "make programs": tree(*packages("PROGRAMS"), "--features", "test-util", "-e", "normal,build"),
        "make test-shell": tree(*packages("SHELLS"), "--features", "test-util", "-e", "normal,build,dev"),
        "make test-quick": tree(
            *packages("ENGINE"), *packages("SHELLS"), "--features", "test-util", "-e", "normal,build,dev"
        ),
    }
    asked = {name: {item for item in found if item[0] in slow} for name, found in selections.items()}
    assert any(crate.startswith(SLOW) for crate, _ in asked["make programs"])
    for name, found in asked.items():
        assert found == asked["make programs"], f"{name} compiles the SDK anew"
    # So that the first `cargo lambda invoke` after `make demo` compiles nothing.
    assert selections["cargo lambda watch"] <= selections["make programs"]


def test_a_release_is_built_without_the_feature_of_the_tests():
    """It would compile nothing wrong, but nobody should have to check that: the crate refuses."""
    text = (places.REPO / "shared" / "aws" / "src" / "lib.rs").read_text()
    assert '#[cfg(all(feature = "test-util", not(debug_assertions)))]\ncompile_error!' in text
    metadata = (places.REPO / "Cargo.toml").read_text()
    (build,) = re.findall(r"^\[workspace.metadata.lambda.build\]\n(.*?)\n\n", metadata, re.MULTILINE | re.DOTALL)
    assert build == "disable_optimizations = true"


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_a_skipped_test_is_told_and_with_ci_it_fails(tmp_path, ci, status):
    (tmp_path / "conftest.py").write_text((places.REPO / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text('import pytest\ndef test_one(): pytest.skip("no browser here: install one")\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CARGO"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        env={**environment, "CI": ci, "CARGO_TARGET_DIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == status, ran.stdout
    assert (tmp_path / "skipped").read_text() == "1 tests: no browser here: install one\n"


@pytest.mark.parametrize(
    ("shard", "said", "status"), [("1/2", "1 passed", 0), ("2/2", "2 deselected", 0), ("3/2", "no such part", 4)]
)
def test_the_parts_of_the_tests_are_all_of_them(tmp_path, shard, said, status):
    """A part without a test of the mark is no failure, and a part that is not there is one."""
    (tmp_path / "conftest.py").write_text((places.REPO / "conftest.py").read_text())
    (tmp_path / "test_a.py").write_text("import pytest\n@pytest.mark.alone\ndef test_one(): pass\n")
    (tmp_path / "test_b.py").write_text("def test_two(): pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, "--shard", shard]
    ran = subprocess.run([*command, "-m", "alone", tmp_path], cwd=tmp_path, capture_output=True, text=True)
    assert said in ran.stdout + ran.stderr and ran.returncode == status, ran.stdout + ran.stderr
