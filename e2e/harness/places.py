"""Where things are."""

import os
import pathlib
import platform

REPO = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or REPO / "target").resolve()
#: Everything that a run writes, one directory per account.
STATE = TARGET / "e2e"
EVENTS = REPO / "events"
TEMPLATE = REPO / "infra" / "template.yaml"


#: Where `make programs` leaves the functions, the command line and the server of pages. Cargo's own directory is no
#: place to take them from: `cargo lambda build` moves what it finds there.
PROGRAMS = TARGET / "programs"


def binary(name):
    """A function, `portcullis`, or `serve`."""
    path = PROGRAMS / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: make programs")
    return path


def architecture():
    """The host's, in Lambda's words: the functions run on it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
