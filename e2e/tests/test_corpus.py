"""Every event of the corpus, with the very resources it names, through the deployed function.

What must go is what the engine's snapshot of the decision marks `-> revoke`; nothing else may change.
"""

import json
import re

import pytest
from harness import places

SNAPSHOTS = places.REPO / "shared" / "engine" / "tests" / "corpus" / "snapshots"
NAMES = sorted(path.stem for path in places.EVENTS.glob("*.json") if not path.name.endswith(".facts.json"))
REVOKED = re.compile(r"^(?!older:).*?\b(sgr-[0-9a-f]+)\b.* -> revoke$", re.MULTILINE)


def function_of(event):
    source = event.get("source") or ""
    return "cache" if source == "aws.elasticache" else "ingress"


@pytest.mark.parametrize("name", NAMES)
def test_event(guard, name):
    event = json.loads((places.EVENTS / f"{name}.json").read_text())
    snapshot = (SNAPSHOTS / f"{name}.snap").read_text()
    groups = seed(guard, name)
    before = {group: guard.look(group) for group in groups}
    answer, error = guard.stack.invoke(function_of(event), event)
    if "\nmalformed event: " in snapshot:
        assert error and "malformed" in answer["errorMessage"], answer
    else:
        assert error is None, answer
    after = {group: guard.look(group) for group in groups}
    revoked = set(REVOKED.findall(snapshot))
    expected = {
        group: {**whole, "rules": {key: rule for key, rule in whole["rules"].items() if key not in revoked}}
        for group, whole in before.items()
    }
    assert after == expected
    assert revoked <= {key for whole in before.values() for key in whole["rules"]}


def seed(guard, name):
    """Put the facts into the account; gives the ids of their groups."""
    path = places.EVENTS / f"{name}.facts.json"
    if not path.exists():
        return []
    facts = json.loads(path.read_text())
    guard.account.seed(facts)
    return [group["GroupId"] for group in facts.get("SecurityGroups", [])]
