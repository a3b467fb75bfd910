"""`--movable-clock`: the account's clock can be moved forward, and that of its functions with it.

So a test sees what happens an hour later without waiting for it. The functions know nothing of this: a library that is
preloaded into every process of the account answers `clock_gettime`. Time that passes while something waits (pauses,
time-outs, scaled periods) is real time, and stays as it is.
"""

import os
import pathlib
import struct
import subprocess
import sys
import time

from . import patching

SOURCE = pathlib.Path(__file__).with_name("clock_shim.c")
#: The file with the offset; a process that has it has the library, too.
VARIABLE = "ACCOUNT_CLOCK"


def environment(state_dir):
    """What a process needs in order to have the same clock."""
    return {VARIABLE: str(state_dir / "clock"), "LD_PRELOAD": str(state_dir / "clock.so")}


def preload(state_dir):
    """Start this process again with the library, unless it has it."""
    wanted = environment(state_dir)
    if os.environ.get(VARIABLE) == wanted[VARIABLE]:
        return
    state_dir.mkdir(parents=True, exist_ok=True)
    pathlib.Path(wanted[VARIABLE]).write_bytes(struct.pack("=q", 0))
    compiler = os.environ.get("CC", "cc")
    try:
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", wanted["LD_PRELOAD"], SOURCE], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"emulated account: --movable-clock needs a C compiler, glibc and Linux: {error}")
    os.execve(sys.executable, [sys.executable, "-m", "account", *sys.argv[1:]], {**os.environ, **wanted})


def install():
    """People and tests sign their requests by clocks that were not moved."""
    from ministack.core import sigv4

    if os.environ.get(VARIABLE):
        patching.replace(sigv4, "request_time_failure", lambda signature: None)


def forward(seconds):
    """Move the clock; answers by how much it was moved in all, and what time it is."""
    if not os.environ.get(VARIABLE):
        raise ValueError("the account was started without --movable-clock")
    with open(os.environ[VARIABLE], "r+b") as file:
        moved = struct.unpack("=q", file.read(8))[0] + int(seconds)
        file.seek(0)
        file.write(struct.pack("=q", moved))
    return {"Moved": moved, "Now": time.time()}
