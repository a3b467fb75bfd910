"""Every event of the corpus, with the very resources it names, through the deployed function.

What must go is what the engine's snapshot of the decision marks `-> revoke`; nothing else may change.
"""

import json
import re

import pytest
from boto3.dynamodb.types import TypeSerializer
from harness import places

SNAPSHOTS = places.REPO / "shared" / "engine" / "tests" / "corpus" / "snapshots"
#: Prefix lists in a state that only AWS gives them, or with a past that only calls make: the engine's corpus has them.
OF_AWS = {"failed", "in-progress", "that-was-open", "whose-past-is-not-readable"}
NAMES = sorted(
    path.stem
    for path in places.EVENTS.glob("*.json")
    if not path.name.endswith(".facts.json") and path.stem.removeprefix("prefix-list-") not in OF_AWS
)
REVOKED = re.compile(r"^(?!older:).*?\b(sgr-[0-9a-f]+)\b.* -> revoke$", re.MULTILINE)


#: The role of the corpus that makes our own calls; in a deployed stack they are the functions' roles.
OWN_ROLE = "arn:aws:iam::111122223333:role/portcullis-recreate"


def function_of(event):
    source = event.get("source") or ""
    return "cache" if source == "aws.elasticache" else "ingress"


@pytest.mark.parametrize("name", NAMES)
def test_event(guard, name):
    role = guard.stack.role("ingress")
    event = json.loads((places.EVENTS / f"{name}.json").read_text().replace(OWN_ROLE, role))
    snapshot = (SNAPSHOTS / f"{name}.snap").read_text().replace(OWN_ROLE, role)
    groups = seed(guard, name)
    # Several tell of the same rules, which would have come back.
    guard.ledger.forget()
    for item in facts(name).get("Ledger", []):
        guard.ledger.put({key: TypeSerializer().serialize(value) for key, value in item.items()})
    before = {group: guard.look(group) for group in groups}
    answer, error = guard.stack.invoke(function_of(event), event)
    if "\nmalformed event: " in snapshot:
        assert error and "malformed" in answer["errorMessage"], answer
    else:
        assert error is None, answer
        assert decided(answer)[: len(decided(decision(snapshot)))] == decided(decision(snapshot))
    revoked = set(REVOKED.findall(snapshot))
    expected = {
        group: {**whole, "rules": {key: rule for key, rule in whole["rules"].items() if key not in revoked}}
        for group, whole in before.items()
    }
    assert {group: guard.look(group) for group in groups} == expected
    assert revoked <= {key for whole in before.values() for key in whole["rules"]}


def decision(snapshot):
    """The decision's text, without what the snapshot says around it. The events of the corpus are old by now."""
    snapshot = re.sub(
        r"(---\n)(event [^\n]*\n).*^ten minutes after the call:\n", r"\1\2", snapshot, flags=re.DOTALL | re.M
    )
    body = snapshot.split("---\n", 2)[2].strip()
    return body.partition("\n")[2] if body.startswith("event ") else body


def decided(text):
    """What was decided, line by line, without what was done, and without why something could not be read."""
    lines = [re.sub(r"unknown, .*?(?=; | -> )", "unknown", line) for line in text.splitlines()]
    return [re.sub(r"( -> [a-z ]+): .*", r"\1", line) for line in lines if not line.startswith(("note: ", "sgr-"))]


def seed(guard, name):
    """Put the facts into the account; gives the ids of their groups."""
    met = facts(name)
    guard.account.seed({kind: there for kind, there in met.items() if kind != "Ledger"})
    return [group["GroupId"] for group in met.get("SecurityGroups", [])]


def facts(name):
    path = places.EVENTS / f"{name}.facts.json"
    return json.loads(path.read_text()) if path.exists() else {}
