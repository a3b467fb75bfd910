"""Whatever names something lies above it: no circle is left, neither between crates nor between their files."""

import json
import pathlib
import subprocess

import pytest
from harness import modules, places

#: The crates from the lowest: each may need those of lower rows, and of its own row none.
LAYERS = (
    {"engine"},
    {"exceptions", "recreation", "testkit"},
    {"alerts"},
    {"aws", "audit", "replay"},
    {"inventory", "approval"},
    {"ingress", "cache", "digest", "trail", "sweep", "recreate", "harden", "approval-page", "cli"},
)


def crates():
    """Each crate of the code that is shipped, by its folder: its name, and the crates of ours that it is built with."""
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    ran = subprocess.run(command, cwd=places.REPO, capture_output=True, text=True, check=True)
    for package in json.loads(ran.stdout)["packages"]:
        folder = pathlib.Path(package["manifest_path"]).parent.relative_to(places.REPO).as_posix()
        needed = {name_of(each) for each in package["dependencies"] if each["kind"] != "dev" and "path" in each}
        if not folder.startswith("bench"):
            yield folder, name_of(package), needed


def name_of(package):
    return package["name"].removeprefix("portcullis-")


def test_every_crate_needs_lower_ones_only():
    graph = {name: needed for _, name, needed in crates()}
    assert set(graph) == set().union(*LAYERS)
    lower = set()
    for layer in LAYERS:
        assert {name: graph[name] - lower for name in layer if graph[name] - lower} == {}
        lower |= layer


@pytest.mark.parametrize("crate", [folder for folder, _, _ in crates()])
def test_no_file_names_one_that_names_it(crate):
    assert modules.Crate(places.REPO / crate / "src").circles() == []


@pytest.mark.parametrize(
    ("files", "circles"),
    [
        ({"lib.rs": "mod a; mod b;", "a.rs": "use crate::b::B;", "b.rs": "pub struct B;"}, []),
        (
            {"lib.rs": "mod a; mod b;", "a.rs": "use crate::b::B;", "b.rs": "fn b() { crate::a::f() }"},
            [["a.rs", "b.rs"]],
        ),
        ({"lib.rs": "mod a;", "a.rs": "mod b; use b::f; struct A;", "a/b.rs": "use super::A;"}, [["a.rs", "a/b.rs"]]),
        ({"lib.rs": "mod a;", "a.rs": "mod b; pub use b::f; struct A;", "a/b.rs": "use super::A;"}, []),
        (
            {"lib.rs": "mod a; mod b; pub use b::{B, c};", "a.rs": "use crate::{B};", "b.rs": "use super::a::f;"},
            [["a.rs", "b.rs"]],
        ),
        (
            {
                "lib.rs": "mod a; mod b;",
                "a.rs": "use crate::b::B;",
                "b.rs": "#[cfg(test)]\nmod tests {\n use crate::a;\n}\n",
            },
            [],
        ),
        (
            {"main.rs": "mod a; struct Common; fn main() { a::run() }", "a.rs": "use crate::Common;"},
            [["a.rs", "main.rs"]],
        ),
        (
            {
                "lib.rs": "mod a; mod b;",
                "a.rs": "// crate::b\nuse other::b::C;",
                "b.rs": 'use crate::a; const T: &str = "x";',
            },
            [],
        ),
    ],
)
def test_a_circle_is_seen(tmp_path, files, circles):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert modules.Crate(tmp_path).circles() == circles


def test_what_a_program_uses_is_found_through_other_crates(tmp_path):
    files = {
        "aws/src/lib.rs": "mod a; mod b; mod c; pub use a::A; pub use c::C;",
        "aws/src/a.rs": "use crate::b::B; pub struct A;",
        "aws/src/b.rs": "pub struct B;",
        "aws/src/c.rs": "pub struct C;",
        "page/src/lib.rs": "mod d; pub use d::D;",
        "page/src/d.rs": "pub struct D;",
        "page/src/main.rs": "use portcullis_aws as aws; fn main() { aws::A::new() }",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    workspace = modules.Workspace({name: tmp_path / name for name in ("aws", "page")})
    of_page = {("page", ()), ("page", ("d",)), ("page", ("main",))}
    assert workspace.used("page") == of_page | {("aws", ("a",)), ("aws", ("b",))}
