"""The functions, built by `sam build` for the processor that they will run on."""

import argparse
import os
import pathlib
import platform
import re
import subprocess
import sys

import stack as stacks

REPO = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or REPO / "target").resolve()
TEMPLATE = REPO / "infra" / "template.yaml"
BUILT = TARGET / "sam" / "build"
SAM = TARGET / "venv-sam" / "bin" / "sam"
#: Rust's names of Lambda's processors.
TRIPLES = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
#: The same in an ELF header.
MACHINES = {"arm64": 183, "x86_64": 62}
#: Amazon Linux 2023, on which provided.al2023 runs, has glibc 2.34.
GLIBC = 34


def build(architecture):
    """Build for it; afterwards BUILT has the template and the binaries."""
    if not SAM.is_file():
        raise stacks.Problem(f"{SAM} is missing: run this as `make deploy`, which installs it")
    native = host() == TRIPLES[architecture]
    environment = environment_of_tools()
    if native:
        # The same compiler, target and directory as plain cargo: what it built is not built again.
        environment["CARGO_LAMBDA_COMPILER"] = "cargo"
    else:
        check_cross(architecture, environment)
    compile(architecture, environment)
    command = ["build", "--template", str(TEMPLATE), "--build-dir", str(BUILT)]
    sam(command + ["--parameter-overrides", f"Architecture={architecture}"], environment)
    for binary in sorted(BUILT.glob("*/bootstrap")):
        check_binary(binary, architecture, native)


def compile(architecture, environment):
    """All functions at once and in sight of the user, which `sam build` does one by one and in silence."""
    command = ["cargo", "lambda", "build", f"--{architecture.replace('_', '-')}"]
    # SAM's own switch for a build that is not optimised: the tests deploy what `make programs` has built.
    if environment.get("SAM_BUILD_MODE") != "debug":
        command.append("--release")
        print("Compiling the functions, optimised: a quarter of an hour on 2 cores the first time, seconds once built")
    sys.stdout.flush()
    if subprocess.run(command, cwd=REPO, env=environment).returncode:
        raise stacks.Failure("the functions do not compile: see above")


def check_exceptions():
    """Functions whose exceptions cannot be read close nothing: then there is nothing to deploy."""
    sys.stdout.flush()
    if subprocess.run(["make", "exceptions", "DIR=infra/exceptions"], cwd=REPO).returncode:
        raise stacks.Problem("infra/exceptions is not in order, see above: nothing was deployed")


def sam(arguments, environment=None):
    """Run the SAM CLI in sight of the user."""
    sys.stdout.flush()
    if subprocess.run([str(SAM), *arguments], cwd=REPO, env=environment or environment_of_tools()).returncode:
        raise stacks.Failure(f"`sam {arguments[0]}` failed: see above")


def environment_of_tools():
    """Ours, with cargo-lambda (and zig) of the repository's own tools before any other."""
    path = f"{TARGET / 'venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": os.environ.get("SAM_CLI_TELEMETRY", "0")}


def host():
    """This machine's triple, as the Rust compiler names it."""
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))


def check_cross(architecture, environment):
    """Another processor's or system's code needs its standard library, and zig to link with."""
    triple = TRIPLES[architecture]
    roots = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    if not (pathlib.Path(roots) / "lib" / "rustlib" / triple / "lib").is_dir():
        raise stacks.Problem(
            f"functions for {architecture} are cross-compiled on {host()}, and Rust's standard library for {triple} "
            f"is not installed: `rustup target add {triple}`, or deploy with ARCH={own_architecture()}"
        )
    zig = subprocess.run([str(TARGET / "venv" / "bin" / "python"), "-m", "ziglang", "version"], capture_output=True)
    if zig.returncode:
        raise stacks.Problem(
            f"functions for {architecture} are cross-compiled on {host()}, which needs zig (about 100 MB): "
            f"`{TARGET / 'venv' / 'bin' / 'pip'} install -r {REPO / 'infra/ops/requirements-cross.txt'}`, "
            f"or deploy with ARCH={own_architecture()}"
        )


def own_architecture():
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def check_binary(binary, architecture, native):
    """Lambda starts it: the processor is the right one, and the C library that it wants is not newer than Lambda's."""
    with open(binary, "rb") as file:
        header = file.read(20)
    if header[:4] != b"\x7fELF" or int.from_bytes(header[18:20], "little") != MACHINES[architecture]:
        raise stacks.Problem(
            f"{binary} is not for {architecture}: `sam build` made it for this machine. "
            f"Deploy with ARCH={own_architecture()}, or build on a machine that is {architecture}"
        )
    # What zig links here wants glibc as old as it was told; what cc links wants this machine's.
    if not native or not sys.platform.startswith("linux"):
        return
    versions = subprocess.run(["readelf", "-V", str(binary)], capture_output=True, text=True, check=True).stdout
    wanted = [int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)\S*\s+Flags: none", versions)]
    if max(wanted, default=0) > GLIBC:
        raise stacks.Problem(
            f"{binary} wants glibc 2.{max(wanted)}, and Lambda has 2.{GLIBC}: this system is newer than Amazon "
            "Linux 2023. Build on an older one (Debian 12, Ubuntu 22.04, Amazon Linux 2023), in CI for example"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("architecture", choices=TRIPLES)
    build(parser.parse_args().architecture)
    return stacks.DONE


if __name__ == "__main__":
    stacks.run(main)
