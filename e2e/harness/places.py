"""Where things are."""

import functools
import os
import pathlib
import platform
import subprocess

REPO = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or REPO / "target").resolve()
#: Everything that a run writes, one directory per account.
STATE = TARGET / "e2e"
EVENTS = REPO / "events"
TEMPLATE = REPO / "infra" / "template.yaml"


@functools.cache
def built():
    """Where cargo leaves the dev profile, for the processor and system of this machine: .cargo/config.toml names it."""
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    return TARGET / host / "debug"


def binary(name):
    """A function, or `portcullis`, as `make programs` leaves it."""
    path = built() / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: make programs")
    return path


def architecture():
    """The host's, in Lambda's words: the functions run on it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
