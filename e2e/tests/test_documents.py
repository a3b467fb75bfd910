"""The tables of the documentation say what the code says. Needs no account.

Every table is in TABLES, with what holds it; a new one is missed here. What is written by hand in a table, in words, is
not compared: a name, a default or a number is.
"""

import importlib.util
import json
import re
import subprocess

import pytest
from account.settings import SETTINGS
from harness import deploy, places

#: Each table by the file and its first line, and what holds it: a test of this file or of another one, a program that
#: writes it, or nothing but its readers ("prose": it says what no code knows, or a measurement).
TABLES = {
    ("ARCHITECTURE.md", "| to see | look at |"): "tidy.rs: every_invariant_names_tests_and_files_that_exist",
    ("README.md", "| id | fault | what is done |"): "test_checks_are_those_of_the_engine",
    ("README.md", "| parameter | default | |"): "test_parameters_and_their_defaults",
    ("README.md", "| variable | | |"): "test_settings_and_their_defaults",
    ("README.md", "| | start to first event | answer to a clean event, warm p50 | peak memory |"): "test_speed",
    ("README.md", "| | better at | why Portcullis all the same |"): "prose",
    ("SECURITY.md", "| when | what |"): "prose",
    ("THREAT_MODEL.md", "| who | tries | what holds |"): "test_tests_that_are_named_exist",
    ("bench/README.md", "| group | what it is |"): "prose",
    ("bench/README.md", "| group | 60 rules, list of 20 | 1,000 rules, list of 1,000 |"): "prose",
    ("bench/README.md", "| group | 125 | 250 | 500 | 1,000 | 2,000 | 4,000 |"): "prose",
    (
        "bench/README.md",
        "| | start to first `/next` | to the answer, ignored event | to the answer, clean event | warm p50 | warm p99"
        " | peak memory |",
    ): "prose",
    ("bench/README.md", "| zip | bytes |"): "prose",
    ("docs/alerts.md", "| what | to whom | form |"): "test_schemas_that_are_named_exist",
    ("docs/alerts.md", "| member | values |"): "test_what_subscriptions_filter_by",
    ("docs/checks.md", "| | |"): "test_severities",
    ("docs/checks.md", "| owner | told by | what it changes |"): "prose",
    ("docs/checks.md", "| | groups closed | groups let the internet in | and a public subnet too |"): "test_severities",
    ("docs/exceptions.md", "| id | file | |"): "test_exceptions_that_are_shipped",
    ("docs/exceptions.md", "| | | |"): "test_what_a_policy_can_ask",
    ("docs/many-accounts.md", "| where | what |"): "prose",
    ("docs/moving-a-cache.md", "| `MoveCaches` | what it does |"): "test_values_of_move_caches",
    ("docs/moving-a-cache.md", "| step | what it does | how long | if it fails |"): "test_steps_of_a_move",
    ("docs/moving-a-cache.md", "| when | what to do |"): "prose",
    ("docs/moving-a-cache.md", "| question | what is asked | until it is answered |"): "test_questions_to_aws",
    ("docs/moving-a-cache.md", "| setting | what happens |"): "prose",
    ("docs/moving-a-cache.md", "| right | on | for |"): "test_rights_that_are_named_are_given",
    (
        "docs/moving-a-cache.md",
        "| member | from | for |",
    ): "model.rs: every_member_that_the_documentation_names_is_read",
    ("docs/operations.md", "| at two in the morning | |"): "test_commands_exist",
    ("docs/operations.md", "| parameter | when to change it |"): "test_parameters_of_operations",
    ("docs/operations.md", "| error | cause, and what to do |"): "test_errors_of_a_move",
    ("docs/operations.md", "| it ended in | what is there now | what to do |"): "test_steps_of_a_move",
    ("docs/operations.md", "| exit code | |"): "test_exit_codes",
    ("docs/operations.md", "| limit | default | why this number |"): "test_limits",
    ("docs/operations.md", "| header | against |"): "test_headers_of_the_page",
    ("docs/operations.md", "| statement | allows | why, and what bounds it |"): "test_statements_of_a_move",
    ("docs/operations.md", "| metric | dimensions | counts |"): "test_metrics",
    ("docs/operations.md", "| graph | how to read it |"): "test_graphs",
    ("docs/operations.md", "| | |"): "prose",
    ("docs/operations.md", "| command | rights |"): "test_commands_exist",
    ("docs/traps.md", "| | trap | held by |"): "tidy.rs: every_trap_names_tests_and_events_that_exist",
    ("e2e/README.md", "| where | what |"): "test_files_of_the_tests_exist",
    ("emulator/README.md", "| option | default | |"): "test_options_of_the_account",
    ("emulator/README.md", "| | |"): "test_endpoints_of_the_account",
    ("emulator/README.md", "| patch | AWS behaviour restored | MiniStack behaviour replaced |"): "prose",
    ("events/README.md", "| event | function | what it shows | what becomes of it |"): "test_events",
    ("infra/cdk/README.md", "| property | default | |"): "test_properties_of_the_construct",
    ("infra/cdk/README.md", "| attribute | |"): "test_attributes_of_the_construct",
}
#: These are written by bench/costs.py; test_many_accounts.py compares.
GENERATED = {"docs/costs.md"}


ERRORS = "| error | cause, and what to do |"


def read(path):
    return (places.REPO / path).read_text()


def tables_of(path):
    """Each table of a document: its head, and its rows as lists of cells."""
    lines = read(path).splitlines()
    for at, line in enumerate(lines[:-1]):
        if line.startswith("|") and re.fullmatch(r"\|[-|: ]+\|", lines[at + 1]):
            rows = []
            for row in lines[at + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]])
            yield line, rows


def rows(path, head):
    """The rows of the tables with this head."""
    found = [row for first, cells in tables_of(path) for row in cells if first == head]
    assert found, f"{path} has no table {head}"
    return found


def code(cell):
    """What is written as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def names(path, head):
    """What the first cells of a table name."""
    return [name for row in rows(path, head) for name in code(row[0])]


def test_every_table_is_held_by_something():
    documents = subprocess.run(["git", "ls-files", "*.md"], cwd=places.REPO, capture_output=True, text=True, check=True)
    found = {(path, head) for path in documents.stdout.split() for head, _ in tables_of(path) if path not in GENERATED}
    assert found - set(TABLES) == set(), "what holds it?"
    assert set(TABLES) - found == set(), "it is gone"


@pytest.mark.parametrize("held", sorted(set(TABLES.values()) - {"prose"}))
def test_what_holds_a_table_exists(held):
    if ": " not in held:
        assert held in globals()
        return
    file, test = held.split(": ")
    found = [path for path in (places.REPO / "shared").rglob(file) if f"fn {test}(" in path.read_text()]
    assert len(found) == 1


# What events lead to -----------------------------------------------------------------------------


def generator():
    spec = importlib.util.spec_from_file_location("tables", places.REPO / "docs" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_events():
    should = generator().events()
    assert should == read("events/README.md"), "target/venv/bin/python docs/tables.py --write"


def test_a_decision_that_changes_is_seen():
    tables = generator()
    before = ["event X by Y on sg-1", "critical open-ingress sg-1 sgr-0a TCP 22 from 0.0.0.0/0 -> revoke"]
    assert tables.outcome(before) == "critical `open-ingress`: revoked"
    both = [*before, before[1].replace("sgr-0a", "sgr-0b")]
    assert tables.outcome(both) == "critical `open-ingress`: 2 rules revoked"
    held = [before[0], before[1].replace("revoke", "withheld: the mode is observe")]
    assert tables.outcome(held) == "critical `open-ingress`: not revoked: the mode is observe"
    with pytest.raises(tables.Unknown):
        tables.outcome([before[0], "something that nobody knows"])


# The engine --------------------------------------------------------------------------------------


def engine(path):
    return read(f"shared/engine/src/{path}")


def checks():
    block = re.search(r"fn as_str\(.*?\n    \}\n", engine("checks.rs"), re.DOTALL).group()
    return re.findall(r'"([a-z-]+)"', block)


def severities():
    block = re.search(r"pub enum Severity \{(.*?)\n\}", engine("checks.rs"), re.DOTALL).group(1)
    return [name.lower() for name in re.findall(r"^    (\w+),", block, re.MULTILINE)]


def test_checks_are_those_of_the_engine():
    listed = [
        re.match(r"\[`([a-z-]+)`\]\(docs/checks\.md#\1\)$", row[0])
        for row in rows("README.md", "| id | fault | what is done |")
    ]
    assert sorted(row.group(1) for row in listed) == sorted(checks())


def test_severities():
    listed = [row[0] for row in rows("docs/checks.md", "| | |")]
    assert listed == severities()[::-1]
    of_a_cache = rows("docs/checks.md", "| | groups closed | groups let the internet in | and a public subnet too |")
    named = [name for row in of_a_cache for name in code(row[0])]
    assert sorted(named) == sorted(set(checks()) - {"open-ingress", "memcached-udp"})
    for row in of_a_cache:
        for cell in row[1:]:
            assert not cell or cell.split()[-1] in ("above", *severities()), row
    # With closed groups it is what each check says by itself.
    for row in of_a_cache:
        for name in code(row[0]):
            said = re.search(
                r"^        severity: Severity::(\w+),", engine(f"checks/{name.replace('-', '_')}.rs"), re.M
            )
            if row[1]:
                assert said and said.group(1).lower() == row[1], name


def test_what_subscriptions_filter_by():
    table = {code(row[0])[0]: row[1] for row in rows("docs/alerts.md", "| member | values |")}
    assert code(table["severity"]) == severities()[::-1]
    assert set(code(table["checks"])) <= set(checks())
    for schema in ("alert", "digest"):
        assert set(table) <= set(json.loads(read(f"docs/{schema}.schema.json"))["properties"])


def test_schemas_that_are_named_exist():
    for row in rows("docs/alerts.md", "| what | to whom | form |"):
        for link in re.findall(r"\]\((\w+\.schema\.json)\)", row[2]):
            named = code(row[2])
            assert not named or named[0] in read(f"docs/{link}")


def test_settings_and_their_defaults():
    text = engine("settings.rs")
    constants = dict(re.findall(r'^const (\w+): &str = "(PORTCULLIS_\w+)";', text, re.MULTILINE))
    limits = {name: int(number) for name, number in re.findall(r"pub const (\w+): \w+ = (\d+);", ledger())}
    table = {code(row[0])[0]: row[1] for row in rows("README.md", "| variable | | |")}
    assert set(table) == set(constants.values())
    limits["ALERTS_PER_MINUTE"] = int(re.search(r"limit\(ALERTS_PER_MINUTE, (\d+)\)", text).group(1))
    for constant, variable in constants.items():
        if constant in limits:
            assert int(table[variable]) == limits[constant], variable
    assert table[constants["MODE"]] == "`enforce`" and 'None | Some("enforce") => Mode::Enforce' in text
    assert table[constants["TOPIC"]] == "required" and "{TOPIC} is not set" in text


def ledger():
    return "".join(path.read_text() for path in (places.REPO / "shared" / "engine" / "src" / "ledger").glob("*.rs"))


# Exceptions --------------------------------------------------------------------------------------


def test_exceptions_that_are_shipped():
    shipped = {
        policy: path.name
        for path in (places.REPO / "infra" / "exceptions").glob("*.cedar")
        for policy in re.findall(r'^@id\("([\w-]+)"\)', path.read_text(), re.MULTILINE)
    }
    listed = {name: code(row[1])[0] for row in rows("docs/exceptions.md", "| id | file | |") for name in code(row[0])}
    assert listed == shipped


def test_what_a_policy_can_ask():
    """Every attribute in the table is one of the schema, and the other way round."""
    schema = re.sub(r"//.*", "", read("infra/exceptions/portcullis.cedarschema"))
    attributes = set(re.findall(r'^\s+"?(\w+)"?\??\s*:', schema, re.MULTILINE)) - {"principal", "resource", "context"}
    table = rows("docs/exceptions.md", "| | | |")
    named = {part for row in table for name in code(row[1]) for part in re.findall(r"\.(\w+)\??(?!\w*\()", name)}
    assert named - {"hasTag", "getTag"} == attributes
    assert code(next(row[2] for row in table if row[1] == "`action`")) == checks()


# The template ------------------------------------------------------------------------------------


def defaults(path, head):
    """Each name of a first cell with its default; several share a row in the same order."""
    for row in rows(path, head):
        keys, values = code(row[0]), [value.strip() for value in row[1].split(",")]
        assert len(values) in (1, len(keys)), row
        for at, key in enumerate(keys):
            yield key, values[at if len(values) > 1 else 0].strip('`"')


def test_parameters_and_their_defaults():
    table = dict(defaults("README.md", "| parameter | default | |"))
    assert table == {name: str(one.get("Default", "")) for name, one in deploy.template()["Parameters"].items()}


def test_parameters_of_operations():
    assert set(names("docs/operations.md", "| parameter | when to change it |")) <= set(deploy.template()["Parameters"])


def test_limits():
    parameters = deploy.template()["Parameters"]
    for row in rows("docs/operations.md", "| limit | default | why this number |"):
        (name,) = code(row[0])
        default, _, most = row[1].partition(", at most ")
        assert int(default) == parameters[name]["Default"], name
        assert not most or int(most) == parameters[name]["MaxValue"], name


def test_values_of_move_caches():
    table = [row[0] for row in rows("docs/moving-a-cache.md", "| `MoveCaches` | what it does |")]
    parameter = deploy.template()["Parameters"]["MoveCaches"]
    assert [code(cell)[0] for cell in table] == parameter["AllowedValues"]
    assert [code(cell)[0] for cell in table if "(default)" in cell] == [parameter["Default"]]


def test_statements_of_a_move():
    resources = deploy.template()["Resources"]
    policies = [one for name, one in resources.items() if one["Type"] == "AWS::IAM::ManagedPolicy" and "Move" in name]
    statements = [one for policy in policies for one in policy["Properties"]["PolicyDocument"]["Statement"]]
    listed = names("docs/operations.md", "| statement | allows | why, and what bounds it |")
    assert set(listed) - {"ask"} == {statement["Sid"] for statement in statements}


def test_rights_that_are_named_are_given():
    given = {action for action in re.findall(r"\b[a-z0-9-]+:[A-Z]\w+", read("infra/template.yaml"))}
    for row in rows("docs/moving-a-cache.md", "| right | on | for |"):
        prefix = None
        for name in code(row[0]):
            if re.fullmatch(r"[a-z0-9-]+:[A-Z][\w*]+", name):
                prefix = name.split(":")[0]
            elif not re.fullmatch(r"[A-Z][\w*]+", name):
                continue
            action = name if ":" in name else f"{prefix}:{name}"
            assert any(re.fullmatch(action.replace("*", r"\w*"), one) for one in given), action


def test_metrics():
    code_of = read("shared/aws/src/metrics.rs").split("#[cfg(test)]")[0]
    emitted = set(re.findall(r'(?:about\([^"\n]*|metric\()"(\w+)"', code_of))
    table = {code(row[0])[0]: code(row[1]) for row in rows("docs/operations.md", "| metric | dimensions | counts |")}
    assert set(table) == emitted
    named = " ".join(re.findall(r"vec!\[(\(.*?\))\]", code_of))
    dimensions = set(re.findall(r'\("(\w+)"', named))
    assert {name for found in table.values() for name in found if name[0].isupper()} == dimensions


def test_graphs():
    titles = re.findall(r'"title": "([^"]+)"', read("infra/template.yaml"))
    listed = [row[0] for row in rows("docs/operations.md", "| graph | how to read it |")]
    assert [title.partition(":")[0] for title in titles] == listed


# Moves, the page, the command line ---------------------------------------------------------------


def test_steps_of_a_move():
    steps = set(re.findall(r'"step": "([a-z-]+)"', read("infra/recreate.asl.json")))
    listed = names("docs/moving-a-cache.md", "| step | what it does | how long | if it fails |")
    assert {name for name in listed if name != "AnswerDays"} <= steps
    ended = names("docs/operations.md", "| it ended in | what is there now | what to do |")
    assert set(ended) <= steps
    order = [name for name in listed if name in steps]
    spans = [
        (code(row[0])[0], code(row[0])[-1])
        for row in rows("docs/operations.md", "| it ended in | what is there now | what to do |")
        if len(code(row[0])) > 1
    ]
    assert spans and all(order.index(first) < order.index(last) for first, last in spans)


def test_errors_of_a_move():
    """Of the workflow itself and of its function."""
    listed = [name for row in rows("docs/operations.md", ERRORS) for name in code(row[0])]
    kinds = re.search(r"fn kind\(.*?\n\}", read("functions/recreate/src/error.rs"), re.DOTALL).group()
    ours = set(re.findall(r"Portcullis\.\w+", read("infra/recreate.asl.json")))
    ours |= {f"Portcullis.{kind}" for kind in re.findall(r'"(\w+)"', kinds)}
    assert {name for name in listed if name.startswith("Portcullis.")} == ours


def test_questions_to_aws():
    listed = names("docs/moving-a-cache.md", "| question | what is asked | until it is answered |")
    asked = re.search(r"^ALL.*?\{(.*?)^\}", read("infra/ops/verify_questions.py"), re.DOTALL | re.MULTILINE).group(1)
    assert [name for name in listed if not name[0].isupper()] == re.findall(r'"([a-z-]+)":', asked)


def test_headers_of_the_page():
    sent = {name.lower() for name in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', read("functions/approve/src/headers.rs"))}
    source = read("functions/approve/src/headers.rs").lower()
    for row in rows("docs/operations.md", "| header | against |"):
        for name in code(row[0]):
            name = name.partition(":")[0].partition(" ")[0].lower()
            found = name in source or (name.endswith("*") and any(one.startswith(name[:-1]) for one in sent))
            assert found or name in read_all("functions/approve/src"), name


def read_all(directory):
    return "".join(path.read_text().lower() for path in (places.REPO / directory).rglob("*.rs"))


def test_exit_codes():
    text = read("cli/src/main.rs")
    documented = [row[0] for row in rows("docs/operations.md", "| exit code | |")]
    assert documented == ["0", *re.findall(r"ExitCode::from\((\d)\)", text)] and "ExitCode::SUCCESS" in text


def test_commands_exist():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    subcommands = set(re.findall(r"\b(?:portcullis) ([a-z]+)", read("README.md")))
    for head in ("| at two in the morning | |", "| command | rights |"):
        for row in rows("docs/operations.md", head):
            for command in code(" ".join(row)):
                if made := re.match(r"make ([a-z-]+)", command):
                    assert made.group(1) in targets, command
                if told := re.match(r"portcullis ([a-z]+)\b(?!:)", command):
                    assert told.group(1) in subcommands | {"approve", "reject"}, command


# Everything else ---------------------------------------------------------------------------------


def test_options_of_the_account():
    """With the defaults that are numbers."""
    options = re.findall(r'add_argument\(\s*("--.*?)\)\n', read("emulator/account/__main__.py"), re.DOTALL)
    known = {name: one for one in options for name in re.findall(r'"(--[a-z-]+)"', one)}
    table = rows("emulator/README.md", "| option | default | |")
    assert {name.split()[0] for row in table for name in code(row[0])} == set(known)
    for row in table:
        option = code(row[0])[0].split()[0]
        if re.fullmatch(r"[\d.]+", row[1]):
            default = re.search(r"default=(?:SETTINGS\.(\w+)|([\d.]+))", known[option])
            number = (
                getattr(SETTINGS, default.group(1)) if default and default.group(1) else default and default.group(2)
            )
            assert float(number or 0) == float(row[1]), option


def test_endpoints_of_the_account():
    text = read("emulator/account/control.py")
    for row in rows("emulator/README.md", "| | |"):
        for endpoint in code(row[0]):
            assert endpoint.split("/")[-1] in text, endpoint


def test_files_of_the_tests_exist():
    for row in rows("e2e/README.md", "| where | what |"):
        for name in code(" ".join(row)):
            if re.fullmatch(r"[\w./-]+(\.py|/)", name):
                base = places.REPO / "e2e"
                places_of_it = [base, base / "harness", base / "tests", places.REPO]
                assert any((place / name).exists() for place in places_of_it), name


def test_properties_of_the_construct():
    props = set(re.findall(r"^  readonly (\w+)\?:", read("infra/cdk/lib/props.ts"), re.MULTILINE))
    table = dict(defaults("infra/cdk/README.md", "| property | default | |"))
    assert set(table) == props
    parameters = deploy.template()["Parameters"]
    booleans = {"true": "yes", "false": "no"}
    for name, default in table.items():
        parameter = parameters.get(name[0].upper() + name[1:])
        if parameter and (default.isdigit() or default in booleans):
            assert booleans.get(default, default) == str(parameter["Default"]), name


def test_attributes_of_the_construct():
    attributes = set(re.findall(r"^  readonly (\w+): ", read("infra/cdk/lib/portcullis.ts"), re.MULTILINE))
    assert set(names("infra/cdk/README.md", "| attribute | |")) == attributes


def test_tests_that_are_named_exist():
    roots = ("shared", "functions", "cli", "e2e", "emulator")
    files = [path for root in roots for end in ("*.rs", "*.py") for path in (places.REPO / root).rglob(end)]
    defined = set(re.findall(r"\b(?:fn|def) (\w+)\(", "".join(path.read_text() for path in files)))
    named = {name for name in code(read("THREAT_MODEL.md")) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){3,}", name)}
    assert len(named) > 20 and named <= defined


def test_speed():
    """The figures of README.md are those of bench/README.md, rounded."""
    head = next(head for path, head in TABLES if path == "bench/README.md" and "warm p99" in head)
    measured = {row[0]: row for row in rows("bench/README.md", head)}
    short = rows("README.md", "| | start to first event | answer to a clean event, warm p50 | peak memory |")
    for row in short:
        names_of_it = {
            "an empty Rust function with the same clients": "empty",
            "Cloud Custodian, one policy, the same event": "Cloud Custodian",
        }
        figures = measured[names_of_it.get(row[0], row[0].strip("`"))]
        for cell, figure in zip(row[1:], (figures[1], figures[4], figures[6]), strict=True):
            if cell:
                said, unit = cell.split()
                exact, same = figure.split()[:2]
                decimals = len(said.partition(".")[2])
                assert unit == same and abs(float(said) - float(exact)) <= 0.51 * 10**-decimals, (row[0], cell, figure)
