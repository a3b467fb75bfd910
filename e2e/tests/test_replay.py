"""`portcullis replay` over a trail as it lies in S3: the project's events and stories of people, found among noise."""

import gzip
import json
import random
import re
import shutil
import subprocess
import sys

import duckdb
import pytest
import sqlglot
from harness import places

sys.path.insert(0, str(places.REPO / "bench"))
import trail

NOISE_MB = 3


def replay(*arguments, status=0):
    command = [places.binary("portcullis"), "replay", *map(str, arguments)]
    ran = subprocess.run(command, cwd=places.REPO, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == status, ran.stderr
    assert not ran.stderr, "progress is for a terminal only"
    return ran.stdout


def document(*arguments, status=0):
    return json.loads(replay(*arguments, "--format", "json", status=status))


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("trail")
    trail.make(directory, NOISE_MB)
    return directory


@pytest.fixture(scope="module")
def report(logs):
    return document(logs)


def test_what_is_planted_is_found_and_nothing_else(logs, report):
    planted = list(trail.planted(random.Random(7), 90 * 24 * 60))
    inputs = report["inputs"]
    assert inputs["records"] > 10 * len(planted)
    assert inputs["passedOver"] == 1
    events = {one["eventID"] for _, one in planted if one["eventName"] in watched()}
    assert {one["event"]["id"] for one in report["findings"]} <= events
    assert len(inputs["problems"]) == 1, "that of the event that is malformed, in a file of its own"
    assert all("malformed event" in one["problem"] for one in inputs["problems"])


def watched():
    return {
        "AuthorizeSecurityGroupIngress",
        "ModifySecurityGroupRules",
        "ModifyNetworkInterfaceAttribute",
        "ModifyInstanceAttribute",
        "AssociateSecurityGroupVpc",
        "ModifyManagedPrefixList",
        "RestoreManagedPrefixListVersion",
        "CreateCacheCluster",
        "CreateReplicationGroup",
        "CreateServerlessCache",
        "ModifyCacheCluster",
        "ModifyReplicationGroup",
        "ModifyServerlessCache",
    }


def test_the_stories_of_people_are_told_as_they_were(report):
    """Each opens a rule; the report says how long it was really open, and whether somebody opened it again."""
    told = {}
    for one in report["findings"]:
        who = one["actor"]["role"]
        if who in {story[0] for story in trail.STORIES} and one["actor"]["name"] == f"{who}/{who}":
            closed = one["life"]["closed"]
            minutes = one["life"]["openSeconds"] // 60 if closed else None
            told.setdefault(who, []).append((one["verdict"], minutes, one["life"]["openedAgain"] is not None))
    expected = {}
    for who, after, again in trail.STORIES:
        expected.setdefault(who, []).append(("closed", after, again))
        if again:
            expected[who].append(("closed", after, False))
    assert {who: sorted(all, key=str) for who, all in told.items()} == {
        who: sorted(all, key=str) for who, all in expected.items()
    }
    assert report["statistics"]["shortLived"] == 2
    assert report["statistics"]["openedAgain"] == 2
    assert report["statistics"]["undone"] is None, "Portcullis was not there: it cannot be measured"


def test_one_file_of_lines_in_any_order_is_the_same_history(logs, report, tmp_path):
    lines = []
    for path in logs.rglob("*_CloudTrail_*.json.gz"):
        unpacked = subprocess.run(["gzip", "-dc", path], capture_output=True, check=True).stdout
        lines += [json.dumps(one) for one in json.loads(unpacked)["Records"]]
    random.Random(1).shuffle(lines)
    (tmp_path / "all.jsonl").write_text("\n".join(lines))
    again = document(tmp_path / "all.jsonl")
    assert again["findings"] == report["findings"]
    assert again["statistics"] == report["statistics"]


def test_a_file_that_is_damaged_or_foreign_is_one_line_and_the_rest_is_read(logs, report, tmp_path):
    shutil.copytree(logs, tmp_path / "logs")
    (tmp_path / "logs" / "history.csv").write_text("Event name,Event time\nRunInstances,now\n")
    (tmp_path / "logs" / "broken.json.gz").write_bytes(b"\x1f\x8b\x08 broken")
    (tmp_path / "logs" / "empty.json").write_text("")
    found = document(tmp_path / "logs")
    assert found["findings"] == report["findings"]
    problems = {one["name"].rsplit("/", 1)[1]: one["problem"] for one in found["inputs"]["problems"]}
    assert "CSV" in problems["history.csv"] and "lookup-events" in problems["history.csv"]
    assert "it is damaged" in problems["broken.json.gz"] and "empty" in problems["empty.json"]
    assert len(problems) == len(report["inputs"]["problems"]) + 3


def test_the_words_of_the_document_are_those_of_the_report(report):
    text = (places.REPO / "docs" / "replay.md").read_text()
    table = text.partition("| verdict | meaning |\n")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`([\w-]+)`", "".join(row.split("|")[1] for row in table.splitlines()[1:])))
    assert documented == {"closed", "reported", "suppressed", "limit", "flapping", "unknown"}
    assert {one["verdict"] for one in report["findings"]} <= documented


ATHENA = places.REPO / "infra" / "athena"


def statement(name):
    return (ATHENA / f"{name}.sql").read_text()


def calls_that_matter():
    """As the program knows them."""
    source = (places.REPO / "shared" / "engine" / "src" / "event" / "history.rs").read_text()
    changes = source.partition("pub const CHANGES")[2].partition("];")[0]
    return watched() | set(re.findall(r'"(\w+)"', changes))


def lower(value):
    return {name.lower(): lower(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def as_athena_sees(logs):
    """The records as rows: names of columns in lower case, and requests and responses as the text that they have."""
    for path in logs.rglob("*_CloudTrail_*.json.gz"):
        account, _, region, *day = path.relative_to(logs / "AWSLogs").parts[:-1]
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
            texts = {
                name: json.dumps(record[name])
                for name in ("requestParameters", "responseElements")
                if record.get(name) is not None
            }
            row = lower({**record, **texts})
            yield {**row, "account": account, "region": region, "day": "/".join(day)}


def test_what_athena_unloads_is_the_same_history(logs, report, tmp_path):
    """The statements in a dialect that can be run here: Athena itself did not run them."""
    table, narrow = (sqlglot.parse_one(statement(name), dialect="athena") for name in ("table", "narrow"))
    columns = [one for one in table.find_all(sqlglot.exp.ColumnDef) if isinstance(one.parent, sqlglot.exp.Schema)]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in as_athena_sees(logs)))
    shape = ", ".join(f"{one.name}: '{one.kind.sql(dialect='duckdb')}'" for one in columns)
    database = duckdb.connect()
    name = table.find(sqlglot.exp.Table).name
    database.execute(f"CREATE TABLE {name} AS FROM read_json('{rows}', columns={{{shape}}})")
    unloaded = tmp_path / "unloaded.json"
    database.execute(f"COPY ({narrow.sql(dialect='duckdb')}) TO '{unloaded}' (FORMAT json)")
    again = document(unloaded)
    assert again["findings"] == report["findings"]
    assert again["statistics"] == report["statistics"]
    assert again["inputs"]["duplicates"] == 0
    assert again["inputs"]["records"] < report["inputs"]["records"] / 10, "and hardly anything else"


def test_the_statements_name_the_calls_that_matter():
    """What is unloaded is the query that was run here; the rest of its statement is Athena's own."""
    narrow = "\n".join(line for line in statement("narrow").splitlines() if not line.startswith("--"))
    unload = " ".join(statement("unload").split())
    assert f"UNLOAD ( {' '.join(narrow.split())} ) TO" in unload
    named = re.search(r"eventname IN \((.*?)\)", " ".join(narrow.split())).group(1)
    assert set(re.findall(r"'(\w+)'", named)) == calls_that_matter()
