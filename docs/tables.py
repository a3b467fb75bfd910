"""The tables of the documentation that repeat what tests have recorded.

    target/venv/bin/python docs/tables.py           say what is out of date, and fail if anything is
    target/venv/bin/python docs/tables.py --write   bring it up to date

In events/README.md these are the columns "function", by the event's source, and "outcome", by the snapshot of the
decision about it. The others are written by hand.
"""

import argparse
import json
import pathlib
import re
import sys

REPO = pathlib.Path(__file__).resolve().parents[1]
EVENTS = REPO / "events" / "README.md"
SNAPSHOTS = REPO / "shared" / "engine" / "tests" / "corpus" / "snapshots"
ROW = re.compile(r"^\| \[`(?P<name>[\w-]+)\.json`\]")
FINDING = re.compile(r"^(?P<severity>critical|high|medium|low) (?P<check>[a-z-]+) (?P<on>.*) -> (?P<outcome>.*)$")
RULE = re.compile(r"\bsgr-[0-9a-f]+")
#: After it: what is decided once the event is old.
LATER = "ten minutes after the call:"
#: What a snapshot calls it, and what the table does. Of the first there may be several rules.
OUTCOMES = {"revoke": "revoked"}


class Unknown(Exception):
    """A line of a snapshot that nothing here knows."""


def events():
    """events/README.md as it should be."""
    return "".join(
        with_outcome(line, ROW.match(line)) for line in EVENTS.read_text(encoding="utf-8").splitlines(keepends=True)
    )


def with_outcome(line, row):
    if not row:
        return line
    cells = line.rstrip("\n").rstrip("|").split(" | ")
    source = json.loads((EVENTS.parent / f"{row['name']}.json").read_text(encoding="utf-8"))["source"]
    function = "cache" if source == "aws.elasticache" else "ingress"
    return " | ".join([cells[0], function, *cells[2:-1], f"{outcome(snapshot(row['name']))} |\n"])


def snapshot(name):
    path = SNAPSHOTS / f"{name}.snap"
    if not path.is_file():
        raise Unknown(f"{name} has no snapshot: INSTA_UPDATE=always cargo test -p portcullis-engine")
    return path.read_text(encoding="utf-8").split("---\n", 2)[2].strip().splitlines()


def outcome(lines):
    """What is decided about an event, in a few words."""
    if LATER in lines:
        soon, later = lines[: lines.index(LATER)], lines[lines.index(LATER) + 1 :]
        return f"{outcome(soon)}; after five minutes: {outcome([lines[0], *later])}"
    first, *rest = lines
    if first.startswith("ignored: "):
        return first
    if first.startswith("malformed event: "):
        return f"an error, so that the event is not lost: {first.removeprefix('malformed event: ')}"
    if not first.startswith("event "):
        raise Unknown(first)
    kinds = {"": [], "clean": [], "older": [], "suppressed": [], "unseen": [], "note": []}
    for line in rest:
        kind, finding = next(((kind, "") for kind in kinds if kind and re.match(rf"{kind}[ :]", line)), ("", line))
        kinds[kind].append(line.removeprefix(f"{kind}: ") if kind else FINDING.match(finding) or unknown(finding))
    return "; ".join(
        [
            *(["clean"] if kinds["clean"] and not kinds["unseen"] else []),
            *found(kinds[""]),
            *([f"{count(kinds['older'], 'older finding')} reported in the same alert"] if kinds["older"] else []),
            *suppressed(kinds["suppressed"]),
            *(["not visible yet: looked at again"] if kinds["unseen"] else []),
            *([] if kinds["unseen"] else notes(kinds["note"])),
        ]
    )


def unknown(line):
    raise Unknown(line)


def found(findings):
    """Of all findings: the checks, their severity, and what is done."""
    rules = {}
    for finding in findings:
        rule = RULE.search(finding["on"])
        key = (finding["severity"], finding["outcome"], finding["check"])
        rules.setdefault(key, []).append(rule.group() if rule else finding["on"])
    checks = {}
    for (severity, done, check), on in rules.items():
        checks.setdefault((severity, done, tuple(on)), []).append(f"`{check}`")
    for (severity, done, on), names in checks.items():
        done = OUTCOMES.get(done, done.replace("not remediated: ", "not revoked: "))
        yield f"{severity} {', '.join(names)}: {f'{len(on)} rules ' if len(on) > 1 else ''}{done}"


def suppressed(lines):
    """How many rules each exception suppresses."""
    by = {}
    for line in lines:
        policy = re.search(r" by ([\w-]+): ", line) or unknown(line)
        by.setdefault(policy.group(1), []).append(line)
    for policy, rules in by.items():
        yield f"{count(rules, 'rule')} suppressed by `{policy}`"


def notes(lines):
    """What else is to be known, but for what an outcome says already."""
    return [RULE.sub("the rule", line) for line in lines if not re.fullmatch(rf"{RULE.pattern} is gone", line)]


def count(things, name):
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="bring it up to date")
    options = parser.parse_args()
    now, should = EVENTS.read_text(encoding="utf-8"), events()
    if options.write:
        EVENTS.write_text(should, encoding="utf-8")
    elif now != should:
        for before, after in zip(now.splitlines(), should.splitlines(), strict=True):
            if before != after:
                print(f"- {before}\n+ {after}")
        sys.exit("events/README.md is out of date: target/venv/bin/python docs/tables.py --write")


if __name__ == "__main__":
    main()
