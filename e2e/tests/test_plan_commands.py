"""A plan that is followed by hand: every command that `portcullis plan` prints, run by the AWS CLI, and its result."""

import pytest
from harness import caches, guided
from harness.account import FAST, Account
from harness.guard import PRIVATE, Guard, permission
from harness.wait import until
from test_moves import CHANGES, EVERY_KIND, KINDS


@pytest.fixture(scope="module")
def unguarded():
    """An account with a network, and no stack in it."""
    with Account(*FAST) as account:
        yield Guard(account)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_commands_of_a_plan_move_the_cache(unguarded, tmp_path, kind):
    guard = unguarded
    port = 11211 if kind.startswith("mc") else 6379
    peers = guard.group(f"{kind}-peers")
    group = guard.group(
        kind, permission("tcp", port, PRIVATE, peers, description="stays"), permission("tcp", 22, PRIVATE)
    )
    rules = guard.look(group)["rules"]
    old = caches.available(guard.elasticache, KINDS[kind](guard, kind, [group]))
    if kind in CHANGES:
        CHANGES[kind](guard, old)
        caches.available(guard.elasticache, old)
    before = caches.portrait(guard.elasticache, old)
    shell, plan = guided.Shell(guard.account, tmp_path), f"portcullis plan {kind}"
    text = shell.run(plan)

    done = shell.follow(plan)
    new = caches.available(guard.elasticache, caches.beside(guard.elasticache, old, new_id(done)))
    assert caches.portrait(guard.elasticache, old) == before
    assert caches.differences(before, caches.portrait(guard.elasticache, new)) == {}
    (new_port,) = caches.ports(guard.elasticache, new)
    assert new_port not in (6379, 11211)
    opened = {key: rule for key, rule in guard.look(group)["rules"].items() if key not in rules}
    assert sorted(str((rule["ports"], rule["source"])) for rule in opened.values()) == sorted(
        str(((new_port, new_port), rule["source"]))
        for rule in rules.values()
        if rule["ports"] == (port, port) and not rule["egress"]
    )

    last = guided.plan_steps(text)
    for command in last["delete"] + last["close-port"]:
        shell.run(command)
    until(f"{old} is gone", lambda: caches.look(guard.elasticache, old) is None)
    assert caches.status(guard.elasticache, new) == "available"
    left = {key: rule for key, rule in rules.items() if rule["ports"] != (port, port)} | opened
    assert guard.look(group)["rules"] == left
    snapshots = set(caches.snapshots(guard.elasticache, f"{kind}-"))
    assert snapshots == (set() if kind.startswith("mc") else {f"{kind}-{new_port}-snap", f"{kind}-{new_port}-last"})


def new_id(done):
    """The id in the commands of the step that makes the new cache."""
    (command,) = [command for step, command in done if step == "create" and "describe-" in command]
    found = guided.options(command)
    return (found.get("--replication-group-id") or found["--cache-cluster-id"])[0]
