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
from harness.documents import code, read, rows, tables_of

#: Each table by the file and its first line, and what holds it: a test of this file or of another one, a program that
#: writes it, or nothing but its readers ("prose": it says what no code knows, or a measurement).
TABLES = {
    ("GLOSSARY.md", "| word | meaning | stored or printed as | not |"): "test_words_of_the_documents",
    ("ARCHITECTURE.md", "| to follow | begin at |"): "tidy.rs: every_invariant_names_tests_and_files_that_exist",
    ("ARCHITECTURE.md", "| to see | read |"): "tidy.rs: every_invariant_names_tests_and_files_that_exist",
    ("README.md", "| id | fault | remediation |"): "test_checks_are_those_of_the_engine",
    ("README.md", "| parameter | default | |"): "test_documents_stack.py: test_parameters_and_their_defaults",
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
    ("bench/README.md", "| public rule | start to the revoke on the wire | start to the alert on the wire |"): "prose",
    ("bench/README.md", "| zip | bytes |"): "prose",
    ("bench/README.md", "| unpacked | files | way | seconds | of the floor | memory |"): "prose",
    ("docs/alerts.md", "| what | to whom | form |"): "test_schemas_that_are_named_exist",
    ("docs/alerts.md", "| member | values |"): "test_what_subscriptions_filter_by",
    ("docs/audit.md", "| option | |"): "test_options_of_the_audit",
    ("docs/audit.md", "| status | |"): "test_documents_stack.py: test_exit_codes",
    ("docs/audit.md", "| step | in the report |"): "prose",
    ("docs/sweep.md", "| the ledger has | the run sees | reported as | in the ledger |"): "prose",
    ("docs/checks.md", "| | |"): "test_severities",
    ("docs/checks.md", "| owner | recognised by | what the owner changes |"): "prose",
    ("docs/checks.md", "| cache | what can be done |"): "test_versions_that_guidance_depends_on",
    ("docs/checks.md", "| engine | what can be done |"): "test_versions_that_guidance_depends_on",
    ("docs/checks.md", "| | groups closed | groups let the internet in | and a public subnet too |"): "test_severities",
    ("docs/exceptions.md", "| id | file | |"): "test_exceptions_that_are_shipped",
    ("docs/exceptions.md", "| | | |"): "test_what_a_policy_can_ask",
    ("docs/many-accounts.md", "| where | what |"): "prose",
    (
        "docs/moving-a-cache.md",
        "| `MoveCaches` | what it does |",
    ): "test_documents_stack.py: test_values_of_move_caches",
    (
        "docs/moving-a-cache.md",
        "| step | what it does | how long | if it fails |",
    ): "test_documents_stack.py: test_steps_of_a_move",
    (
        "docs/moving-a-cache.md",
        "| inputs | AWS refuses | who says so |",
    ): "constraints.rs: the_documentation_has_every_constraint",
    ("docs/moving-a-cache.md", "| when | what to do |"): "prose",
    (
        "docs/moving-a-cache.md",
        "| question | what is asked | what Portcullis does until it is answered |",
    ): "test_documents_stack.py: test_questions_to_aws",
    ("docs/moving-a-cache.md", "| setting | what happens |"): "prose",
    ("docs/moving-a-cache.md", "| right | on | for |"): "test_documents_stack.py: test_rights_that_are_named_are_given",
    (
        "docs/moving-a-cache.md",
        "| member | from | for |",
    ): "model.rs: every_member_that_the_documentation_names_is_read",
    ("docs/operations.md", "| at two in the morning | |"): "test_documents_stack.py: test_commands_exist",
    (
        "docs/operations.md",
        "| parameter | when to change it |",
    ): "test_documents_stack.py: test_parameters_of_operations",
    ("docs/operations.md", "| error | cause, and what to do |"): "test_documents_stack.py: test_errors_of_a_move",
    (
        "docs/operations.md",
        "| it ended in | what is there now | what to do |",
    ): "test_documents_stack.py: test_steps_of_a_move",
    ("docs/operations.md", "| exit code | |"): "test_documents_stack.py: test_exit_codes",
    ("docs/operations.md", "| limit | default | why this number |"): "test_documents_stack.py: test_limits",
    ("docs/operations.md", "| header | against |"): "test_documents_stack.py: test_headers_of_the_page",
    (
        "docs/operations.md",
        "| statement | allows | why, and what bounds it |",
    ): "test_documents_stack.py: test_statements_of_a_move",
    ("docs/operations.md", "| metric | dimensions | counts |"): "test_documents_stack.py: test_metrics",
    ("docs/operations.md", "| graph | how to read it |"): "test_documents_stack.py: test_graphs",
    ("docs/operations.md", "| | |"): "prose",
    ("docs/operations.md", "| command | rights |"): "test_documents_stack.py: test_commands_exist",
    ("docs/replay.md", "| you have | do |"): "prose",
    (
        "docs/replay.md",
        "| verdict | meaning |",
    ): "test_replay.py: test_the_words_of_the_document_are_those_of_the_report",
    ("docs/replay.md", "| figure | how it is counted |"): "prose",
    (
        "docs/replay.md",
        "| exception | what the records have | what changes |",
    ): "cookbook.rs: the_table_of_the_document_is_what_a_replay_says",
    ("docs/traps.md", "| | trap | held by |"): "tidy.rs: every_trap_names_tests_and_events_that_exist",
    ("e2e/README.md", "| where | what |"): "test_files_of_the_tests_exist",
    ("emulator/README.md", "| option | default | |"): "test_options_of_the_account",
    ("emulator/README.md", "| | |"): "test_endpoints_of_the_account",
    ("emulator/README.md", "| patch | AWS behaviour restored | MiniStack behaviour replaced |"): "prose",
    ("events/README.md", "| event | function | what it shows | outcome |"): "test_events",
    ("infra/cdk/README.md", "| property | default | |"): "test_documents_stack.py: test_properties_of_the_construct",
    ("infra/cdk/README.md", "| attribute | |"): "test_documents_stack.py: test_attributes_of_the_construct",
}
#: These are written by bench/costs.py; test_many_accounts.py compares.
GENERATED = {"docs/costs.md"}


def test_every_table_is_held_by_something():
    listed = [*documents(), "GLOSSARY.md"]
    found = {(path, head) for path in listed for head, _ in tables_of(path) if path not in GENERATED}
    assert found - set(TABLES) == set(), "what holds it?"
    assert set(TABLES) - found == set(), "it is gone"


@pytest.mark.parametrize("held", sorted(set(TABLES.values()) - {"prose"}))
def test_what_holds_a_table_exists(held):
    if ": " not in held:
        assert held in globals()
        return
    file, test = held.split(": ")
    files = [path for root in ("shared", "e2e/tests") for path in (places.REPO / root).rglob(file)]
    assert len([path for path in files if re.search(rf"\b(fn|def) {test}\(", path.read_text())]) == 1


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
    held = [before[0], before[1].replace("revoke", "not remediated: the mode is observe")]
    assert tables.outcome(held) == "critical `open-ingress`: not revoked: the mode is observe"
    with pytest.raises(tables.Unknown):
        tables.outcome([before[0], "something that nobody knows"])


# The engine --------------------------------------------------------------------------------------


def engine(path):
    return read(f"shared/engine/src/{path}")


def checks():
    block = re.search(r"fn as_str\(.*?\n    \}\n", engine("finding.rs"), re.DOTALL).group()
    return re.findall(r'"([a-z-]+)"', block)


def severities():
    block = re.search(r"pub enum Severity \{(.*?)\n\}", engine("severity.rs"), re.DOTALL).group(1)
    return [name.lower() for name in re.findall(r"^    (\w+),", block, re.MULTILINE)]


def test_checks_are_those_of_the_engine():
    listed = [
        re.match(r"\[`([a-z-]+)`\]\(docs/checks\.md#\1\)$", row[0])
        for row in rows("README.md", "| id | fault | remediation |")
    ]
    assert sorted(row.group(1) for row in listed) == sorted(checks())


@pytest.mark.parametrize(
    ("file", "head"),
    [
        ("encryption", "| cache | what can be done |"),
        ("authentication", "| engine | what can be done |"),
    ],
)
def test_versions_that_guidance_depends_on(file, head):
    """Each bound of the code stands in the table, and no other version does."""
    bounds = re.findall(
        r"^const \w+: \[u32; 3\] = \[(\d+), (\d+), (\d+)\];", read(f"shared/alerts/src/guidance/{file}.rs"), re.M
    )
    of_code = {".".join(bound).removesuffix(".0").removesuffix(".0") for bound in bounds}
    text = " ".join(cell for row in rows("docs/checks.md", head) for cell in row)
    of_table = {version.removesuffix(".0") for version in re.findall(r"\b\d+(?:\.\d+)*\b", text)}
    assert bounds and of_table == of_code


def test_severities():
    listed = [row[0] for row in rows("docs/checks.md", "| | |")]
    assert listed == severities()[::-1]
    of_a_cache = rows("docs/checks.md", "| | groups closed | groups let the internet in | and a public subnet too |")
    named = [name for row in of_a_cache for name in code(row[0])]
    assert sorted(named) == sorted(set(checks()) - {"open-ingress", "memcached-udp"})
    for row in of_a_cache:
        for cell in row[1:]:
            assert not cell or cell.split()[-1] in ("above", *severities()), row
    # With closed groups it is what each check is by itself.
    block = re.search(r"fn of_setting\(.*?\n\}\n", engine("severity.rs"), re.DOTALL).group()
    alone = {}
    for variants, severity in re.findall(r"((?:Check::\w+[\s|]*)+)=> \{?\s*Severity::(\w+)", block):
        for variant in re.findall(r"Check::(\w+)", variants):
            alone[re.sub(r"(?<=[a-z])(?=[A-Z])", "-", variant).lower()] = severity.lower()
    for row in of_a_cache:
        for name in code(row[0]):
            if row[1]:
                assert alone[name] == row[1], name


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


def test_options_of_the_audit():
    arguments = read("cli/src/audit/arguments.rs").split("pub(crate) struct Arguments")[1].split("\n}")[0]
    options = {name.replace("_", "-") for name in re.findall(r"pub\(super\) (\w+):", arguments)}
    listed = [option for row in rows("docs/audit.md", "| option | |") for option in code(row[0])]
    assert sorted(listed) == sorted(f"--{name}" for name in options)


def test_settings_and_their_defaults():
    text = engine("settings.rs")
    constants = dict(re.findall(r'^const (\w+): &str = "(PORTCULLIS_\w+)";', text, re.MULTILINE))
    limits = {name: int(number) for name, number in re.findall(r"pub const (\w+): \w+ = (\d+);", engine("limits.rs"))}
    table = {code(row[0])[0]: row[1] for row in rows("README.md", "| variable | | |")}
    assert set(table) == set(constants.values())
    limits["ALERTS_PER_MINUTE"] = int(re.search(r"limit\(ALERTS_PER_MINUTE, (\d+)\)", text).group(1))
    for constant, variable in constants.items():
        if constant in limits:
            assert int(table[variable]) == limits[constant], variable
    assert table[constants["MODE"]] == "`enforce`" and 'None | Some("enforce") => Mode::Enforce' in text
    required = {constants[constant] for constant in re.findall(r"self\.required\((\w+), ", text)}
    required -= {
        constants[name] for name in ("REVISIT_GROUP", "REVISIT_ROLE", "UNDELIVERED")
    }  # together, or not at all
    assert len(required) == 2 and required == {variable for variable, word in table.items() if word == "required"}


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


# Links -------------------------------------------------------------------------------------------


def anchors(path):
    """Each heading as the code host writes it into an address."""
    text = re.sub(r"^ *```.*?^ *```$", "", read(path), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings_that_exist():
    dead = []
    for path in [*documents(), "GLOSSARY.md"]:
        for link in re.findall(r"\]\(([^)\s]+)\)", read(path)):
            file, _, anchor = link.partition("#")
            if re.match(r"https?:", link):
                continue
            target = (places.REPO / path).parent / file if file else places.REPO / path
            if not target.exists() or (anchor and anchor not in anchors(target.resolve().relative_to(places.REPO))):
                dead.append((path, link))
    assert dead == []


# Words -------------------------------------------------------------------------------------------


def prose(path):
    """A document without its code, its addresses and, of the changelog, the releases: what was released is history."""
    text = read(path).partition("\n## 0.1.0")[0]
    for code_or_address in (r"^ *```.*?^ *```$", r"`[^`]*`", r"\]\([^)]*\)"):
        text = re.sub(code_or_address, " ", text, flags=re.MULTILINE | re.DOTALL)
    return " ".join(text.split())


def words_to_avoid():
    """Each word that the glossary has in its column "not", with the word that is used for it."""
    table = rows("GLOSSARY.md", "| word | meaning | stored or printed as | not |")
    return {word: row[0] for row in table for word in row[3].split(", ") if word}


def avoided_in(text):
    """Each word of the text that the glossary avoids, with its word."""
    known = words_to_avoid()
    found = re.findall(rf"(?<![\w-])(?:{'|'.join(sorted(known, key=len, reverse=True))})\b", text, re.IGNORECASE)
    return sorted({f"{word.lower()}: say {known[word.lower()]}" for word in found})


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=places.REPO, capture_output=True, text=True, check=True)
    return sorted(set(listed.stdout.split()) - {"GLOSSARY.md"})


def test_words_of_the_documents():
    found = {path: avoided_in(prose(path)) for path in documents()}
    assert {path: words for path, words in found.items() if words} == {}


def texts(value):
    """What people read of the template: descriptions, labels, and the dashboard's titles."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if not isinstance(value, dict):
        return []
    own = [text for name, text in value.items() if re.search(r"Description$|^[Ll]abel$|^default$", name)]
    return [text for text in own if isinstance(text, str)] + [text for item in value.values() for text in texts(item)]


def test_words_of_the_template():
    template = deploy.template()
    dashboard = re.findall(r'"(?:title|label)": "([^"]*)"', read("infra/template.yaml"))
    # A managed policy with another description is another policy to CloudFormation, which replaces it.
    policies = {"Properties": {"Description": ""}}
    template["Resources"] = {
        name: policies if resource["Type"] == "AWS::IAM::ManagedPolicy" else resource
        for name, resource in template["Resources"].items()
    }
    read_by_people = texts(template) + dashboard
    assert len(read_by_people) > 80
    assert {text: avoided_in(re.sub("`[^`]*`", "", text)) for text in read_by_people if avoided_in(text)} == {}


#: What the tests of the engine, the alerts and the planner have recorded of the texts for people.
RECORDED = (
    "shared/alerts/tests/snapshots/mails__*.snap",
    "shared/engine/tests/corpus/snapshots/*.snap",
    "shared/alerts/tests/corpus/guidance/*.snap",
    "shared/recreation/tests/mails/*.snap",
    "shared/recreation/tests/examples/snapshots/*.snap",
)


@pytest.mark.parametrize("pattern", RECORDED)
def test_words_of_the_texts_that_are_recorded(pattern):
    found = {}
    paths = sorted(places.REPO.glob(pattern))
    for path in paths:
        text = path.read_text().split("---\n", 2)[2]
        # Without commands and the name of a step of the workflow, which have stored words.
        own = re.sub(r"^ *(?:aws|portcullis|[A-Z]+=|\w+ = ) ?.*$|\bhand-over\b", "", text, flags=re.MULTILINE)
        if words := avoided_in(" ".join(own.split())):
            found[path.name] = words
    assert len(paths) >= 8 and found == {}


def test_a_word_that_is_avoided_is_seen():
    assert avoided_in("It was told\nof, and MENDED.") == ["mended: say remediate, remediation", "told: say reported"]
    assert avoided_in("It was reported, and fixed; the movement untold, the event in the on-failure queue.") == []
    assert len(words_to_avoid()) > 50


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
