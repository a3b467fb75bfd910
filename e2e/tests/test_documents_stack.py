"""What the documentation says of the template, of moves, of the page and of the construct. Needs no account.

test_documents.py lists every table, with what holds it.
"""

import json
import re

from harness import deploy, places
from harness.documents import code, defaults, names, read, rows

ERRORS = "| error | cause, and what to do |"

# The template ------------------------------------------------------------------------------------


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


def test_the_document_for_memcached_servers_runs_the_script():
    properties = deploy.template()["Resources"]["HardenDocument"]["Properties"]
    ((step,), parameters) = (properties["Content"]["mainSteps"], properties["Content"]["parameters"])
    script = read("infra/documents/harden-memcached.sh")
    before, last = step["inputs"]["runCommand"]
    assert last == script, "make document"
    # The quota of Systems Manager. JSON's quotes and escapes are counted.
    assert len(json.dumps(properties["Content"]).encode()) < 64 * 1024
    # Nothing is written into the text but what an old agent is allowed to do, which is one of three words.
    assert set(re.findall(r"{{.*?}}", before)) == {"{{ Mode }}"} and "{{" not in script
    assert parameters["Mode"]["allowedValues"] == ["report", "apply", "undo"]
    for name, one in parameters.items():
        assert (one["type"], one["interpolationType"]) == ("String", "ENV_VAR"), name
        assert name == "Mode" or f"$SSM_{name}" in before
    for shell in ('a"b', "a'b", "a b", "$(id)", "`id`", "a;b", "a\nb", "a\\b", "-x", "{{ Mode }}"):
        for name in ("Listen", "Expected", "Id"):
            pattern = parameters[name]["allowedPattern"]
            assert name == "Id" and shell == "-x" or not re.fullmatch(pattern.strip("^$"), shell), (name, shell)


def test_statements_of_a_move():
    resources = deploy.template()["Resources"]
    policies = [one for name, one in resources.items() if one["Type"] == "AWS::IAM::ManagedPolicy" and "Move" in name]
    statements = [one for policy in policies for one in policy["Properties"]["PolicyDocument"]["Statement"]]
    listed = names("docs/operations.md", "| statement | allows | why, and what bounds it |")
    # Policies of their own, which are named as a whole.
    own = {"ask", resources["RecreateSignsLinks"]["Properties"]["PolicyName"]}
    assert own < set(listed) and set(listed) - own == {statement["Sid"] for statement in statements}


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
    listed = names("docs/moving-a-cache.md", "| question | what is asked | what Portcullis does until it is answered |")
    asked = re.search(r"^ALL.*?\{(.*?)^\}", read("infra/ops/verify_questions.py"), re.DOTALL | re.MULTILINE).group(1)
    assert [name for name in listed if not name[0].isupper()] == re.findall(r'"([a-z-]+)":', asked)


def test_headers_of_the_page():
    sent = {
        name.lower() for name in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', read("functions/approval-page/src/headers.rs"))
    }
    source = read("functions/approval-page/src/headers.rs").lower()
    for row in rows("docs/operations.md", "| header | against |"):
        for name in code(row[0]):
            name = name.partition(":")[0].partition(" ")[0].lower()
            found = name in source or (name.endswith("*") and any(one.startswith(name[:-1]) for one in sent))
            assert found or name in read_all("functions/approval-page/src"), name


def read_all(directory):
    return "".join(path.read_text().lower() for path in (places.REPO / directory).rglob("*.rs"))


def test_exit_codes():
    text = read("cli/src/main.rs")
    codes = ["0", *re.findall(r"ExitCode::from\((\d)\)", text)]
    (interrupted,) = re.findall(r"INTERRUPTED: u8 = (\d+)", read("cli/src/audit/stop.rs"))
    of_audit = [row[0] for row in rows("docs/audit.md", "| status | |")]
    assert "ExitCode::SUCCESS" in text and of_audit == [*codes, interrupted]
    assert [row[0] for row in rows("docs/operations.md", "| exit code | |")] == codes[:-1]


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


# The construct ---------------------------------------------------------------------------------


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
