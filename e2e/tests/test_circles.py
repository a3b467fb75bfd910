"""Whatever names something lies above it: no circle is left, neither between crates nor between their files."""

import json
import pathlib
import subprocess

import pytest
from harness import modules, places

#: The crates from the lowest: each may need those of lower rows, and of its own row none.
LAYERS = (
    {"engine"},
    {"exceptions", "recreation"},
    {"alerts"},
    {"aws"},
    {"inventory", "approval"},
    {"ingress", "cache", "digest", "trail", "recreate", "approval-page", "cli"},
)
#: Where circles are still to be opened.
NOT_YET = {"shared/aws"}


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
    circles = modules.Crate(places.REPO / crate / "src").circles()
    if crate in NOT_YET:
        assert circles != [], f"take {crate} out of NOT_YET"
    else:
        assert circles == []


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
