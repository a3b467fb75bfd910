"""A stand-in for systemctl, as far as the script and the guide call it.

It reads the unit, its drop-ins and its environment in the order of systemd.unit(5) and systemd.exec(5),
and runs the real `ExecStart=`.
"""

import os
import pathlib
import re
import shlex
import signal
import sys
import time

ROOTS = [pathlib.Path(root) for root in ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system")]
STATE = pathlib.Path("/run/systemctl")


def template(unit):
    return re.sub(r"@[^.]*\.", "@.", unit)


def instance(unit):
    return unit.partition("@")[2].removesuffix(".service")


def fragment(unit):
    for name in (unit, template(unit)):
        for root in ROOTS:
            path = root / name
            if path.is_symlink() and os.readlink(path) == "/dev/null":
                return None
            if path.is_file():
                return path
    raise SystemExit(f"Unit {unit} could not be found.")


def files(unit):
    """The unit and its drop-ins, sorted by name whatever their directory; of two alike that of the first root."""
    found = {}
    for root in reversed(ROOTS):
        for name in (template(unit), unit):
            for path in (root / f"{name}.d").glob("*.conf"):
                found[path.name] = path
    return [fragment(unit)] + [found[name] for name in sorted(found)]


def lines(text):
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip() and line.strip()[0] not in "#;":
            yield line.strip()


def service(unit):
    settings = {}
    for path in files(unit):
        section = ""
        for line in lines(path.read_text()):
            if line.startswith("["):
                section = line
            elif section == "[Service]":
                name, _, value = line.partition("=")
                name, value = name.strip(), value.strip().replace("%i", instance(unit))
                settings[name] = settings.get(name, []) + [value] if value else []
    return settings


def environment(settings):
    """Files count for more than `Environment=`, and later ones for more than earlier ones."""
    found = dict(pair.partition("=")[::2] for line in settings.get("Environment", []) for pair in shlex.split(line))
    for path in settings.get("EnvironmentFile", []):
        optional, path = path.startswith("-"), pathlib.Path(path.removeprefix("-"))
        if optional and not path.exists():
            continue
        for line in lines(path.read_text().replace("\r", "\n")):
            name, _, value = line.partition("=")
            quoted = re.match(r"""\s*(?:"([^"]*)"|'([^']*)')""", value)
            found[name.strip()] = next(filter(None, quoted.groups()), "") if quoted else value.strip()
    return found


def command(settings):
    variables = environment(settings)
    words = []
    (line,) = settings["ExecStart"]
    for word in shlex.split(line.lstrip("-+!:")):
        if re.fullmatch(r"\$\w+", word):
            words += shlex.split(variables.get(word[1:], ""))
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda found: variables.get(found.group(1), ""), word))
    return words, variables


def main_pid(unit):
    path = STATE / unit
    pid = int(path.read_text()) if path.exists() else 0
    try:
        return pid if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" else 0
    except OSError:
        return 0


def stop(unit):
    pid = main_pid(unit)
    if pid:
        # systemd.kill(5): all processes of the unit.
        os.killpg(pid, signal.SIGTERM)
        try:
            while True:
                os.killpg(pid, 0)
                time.sleep(0.01)
        except ProcessLookupError:
            pass


def start(unit):
    if fragment(unit) is None:
        raise SystemExit(f"Failed to start {unit}: Unit {unit} is masked.")
    if main_pid(unit):
        return
    import subprocess  # the only verb that needs it, and half of the time that this takes to start

    settings = service(unit)
    words, variables = command(settings)
    STATE.mkdir(exist_ok=True)
    process = subprocess.Popen(
        words,
        env={"PATH": os.environ["PATH"]} | variables,
        user=(settings.get("User") or [None])[-1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (STATE / unit).write_text(str(process.pid))
    group = pathlib.Path("/run/cgroup") / unit
    if group.parent.is_dir():
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text(str(process.pid))


def show(unit, names):
    masked = fragment(unit) is None
    settings = {} if masked else service(unit)
    known = {
        "MainPID": [str(main_pid(unit))],
        "LoadState": ["masked" if masked else "loaded"],
        "UnitFileState": ["masked" if masked else "enabled"],
        "User": settings.get("User", [""])[-1:],
        "Environment": [" ".join(settings.get("Environment", []))],
        "EnvironmentFiles": [
            f"{path.removeprefix('-')} (ignore_errors={'yes' if path.startswith('-') else 'no'})"
            for path in settings.get("EnvironmentFile", [])
        ],
    }
    for name in names:
        for value in known[name]:
            print(f"{name}={value}")


def all_units():
    found = {path.name for root in ROOTS if root.is_dir() for path in root.glob("memcached*.service")}
    return sorted(found)


def main(verb, *rest):
    units = [word for word in rest if word.endswith(".service") or word == "memcached"]
    units = [unit if unit.endswith(".service") else f"{unit}.service" for unit in units]
    if verb == "show":
        show(units[0], [word for before, word in zip(rest, rest[1:], strict=False) if before == "-p"])
    elif verb == "cat":
        for path in files(units[0]):
            if path is None:
                raise SystemExit(f"# Unit {units[0]} is masked.")
            print(f"# {path}\n{path.read_text()}")
    elif verb == "list-unit-files":
        print("\n".join(f"{name} enabled" for name in all_units()))
    elif verb == "list-units":
        print("\n".join(f"{path.name} loaded active running" for path in sorted(STATE.glob("*.service"))))
    elif verb in ("restart", "start", "stop"):
        if verb != "start" and fragment(units[0]) is not None:
            stop(units[0])
        if verb != "stop":
            start(units[0])
    elif verb == "mask":
        ROOTS[0].joinpath(units[0]).symlink_to("/dev/null")
    elif verb not in ("daemon-reload", "reset-failed"):
        raise SystemExit(f"Unknown command verb {verb}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
