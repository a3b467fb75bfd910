"""The functions as they were built, checked for what Lambda would only find out at their first event; and layers."""

import hashlib
import io
import os
import pathlib
import re
import zipfile

#: ELF's e_machine, and the triple of a build for the same processor without cargo-lambda.
MACHINES = {"arm64": (0xB7, "aarch64-unknown-linux-gnu"), "x86_64": (0x3E, "x86_64-unknown-linux-gnu")}
#: Of Amazon Linux 2023, on which provided.al2023 runs.
GLIBC = (2, 34)


class Unbuilt(Exception):
    """No binary that Lambda could run; the message says how to build one."""


def target(repo):
    """Cargo's target directory."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or repo / "target").resolve()


def package(path):
    """The zip of a function; the same bytes for the same binary."""
    return archive({"bootstrap": (path, 0o100755)})


def package_layer(directory):
    """The zip of a layer: all files of a directory; the same bytes for the same files."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    if not files:
        raise Unbuilt(f"{directory} has no files: the layer would be empty")
    return archive({path.relative_to(directory).as_posix(): (path, 0o100644) for path in files})


def archive(files):
    """A zip of files by name, each a path and a mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, (path, mode) in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, path.read_bytes(), compresslevel=6)
    return buffer.getvalue()


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def find(directory, name, architecture):
    """The latest build of a function for this processor, by cargo-lambda or by cargo."""
    places = [directory / "lambda" / name / "bootstrap", directory / MACHINES[architecture][1] / "release" / name]
    built = sorted((path for path in places if path.is_file()), key=lambda path: path.stat().st_mtime)
    if not built:
        looked = " nor ".join(str(path) for path in places)
        raise Unbuilt(f"{name} is not built: neither {looked} is there; {how_to_build(architecture)}")
    fitting = [path for path in built if machine(path) == MACHINES[architecture][0]]
    if not fitting:
        raise Unbuilt(f"{built[-1]} is {what(built[-1])}, not {architecture}; {how_to_build(architecture)}")
    needed = newest_glibc(fitting[-1])
    if needed > GLIBC:
        wanted, there = (".".join(map(str, version)) for version in (needed, GLIBC))
        raise Unbuilt(f"{fitting[-1]} needs glibc {wanted}, and Lambda has {there}; {how_to_build(architecture)}")
    return fitting[-1]


def how_to_build(architecture):
    return f"cargo lambda build --release --{architecture.replace('_', '-')}"


def machine(path):
    """e_machine of a 64-bit little-endian ELF file, or None."""
    with path.open("rb") as file:
        header = file.read(20)
    return int.from_bytes(header[18:20], "little") if header[:6] == b"\x7fELF\x02\x01" else None


def what(path):
    found = machine(path)
    known = {number: f"for {name}" for name, (number, _) in MACHINES.items()}
    return "no ELF file" if found is None else known.get(found, f"for ELF machine {found:#x}")


def newest_glibc(path):
    """The highest version of glibc that the binary names, as a tuple; (0,) for none."""
    names = re.findall(rb"GLIBC_(\d+)\.(\d+)", path.read_bytes())
    return max(((int(major), int(minor)) for major, minor in names), default=(0,))
