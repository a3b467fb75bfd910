"""The workflow of a move, as written: where each state leads, and what it tells the function. Needs no account."""

import json
import re

import pytest
from harness import places

DEFINITION = json.loads((places.REPO / "infra" / "recreate.asl.json").read_text())
STATES = DEFINITION["States"]
STEPS = places.REPO / "functions" / "recreate" / "src" / "steps.rs"
#: Tell people how it ended. If even that fails, the execution does, and the alarm tells.
TELLERS = {"Still used", "Stuck", "Stopped", "Keep"}
#: What a step is told besides its name: whose move it is, and what the workflow alone knows.
GIVEN = {"move": "{% $states.context.Execution.Input %}", "execution": "{% $states.context.Execution.Id %}"}
OF_THE_WORKFLOW = {
    "token": "{% $states.context.Task.Token %}",
    "failed": "{% $failed %}",
    "left": "{% $left %}",
}
#: A Standard workflow ends, without any Catch, at its event 25,000.
MOST_EVENTS = 25_000
#: Entered, scheduled, started, succeeded, exited; and for a retry: scheduled, started, failed.
EVENTS = {"Task": 5, "Choice": 2, "Pass": 2, "Wait": 2, "Succeed": 1, "Fail": 1}
RETRY_EVENTS = 3
FINISH = {"Succeed", "Fail"}


def ways(state):
    """Every way out of a state: (where to, under which condition, what is assigned)."""
    if state["Type"] == "Choice":
        for choice in state["Choices"]:
            yield choice["Next"], choice["Condition"], choice.get("Assign", {})
        yield state["Default"], None, state.get("Assign", {})
    elif "Next" in state:
        yield state["Next"], None, state.get("Assign", {})
    for catch in state.get("Catch", []):
        yield catch["Next"], "caught", catch.get("Assign", {})


def reachable(begin):
    seen, left = set(), [begin]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += [to for to, *_ in ways(STATES[name])]
    return seen


def tasks():
    return {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def payload(state):
    return state["Arguments"]["Payload"]


def test_every_state_is_reachable_and_none_is_a_dead_end():
    assert reachable(DEFINITION["StartAt"]) == set(STATES)
    for name, state in STATES.items():
        assert state["Type"] in FINISH or list(ways(state)), name
        assert {STATES[end]["Type"] for end in reachable(name)} & FINISH, f"{name} leads nowhere"


def test_no_way_leads_back_to_what_is_taken_back_once_clients_were_told():
    after = reachable("Hand over")
    assert "Watch" in after and "Keep" in after
    assert not after & {"Undo", "Stuck", "Stopped", "Plan", "Snapshot", "Open port", "Create"}


def test_a_failure_before_anything_was_made_changes_nothing():
    """And after that, everything leads to what takes it back or keeps it."""
    for name, state in tasks().items():
        caught = {catch["Next"] for catch in state.get("Catch", []) if catch["ErrorEquals"] == ["States.ALL"]}
        made, handed = "Snapshot" not in reachable(name), "Hand over" not in reachable(name)
        if name in TELLERS | {"Undo"}:
            continue
        if not made:
            assert caught == ({"Undo"} if name == "Snapshot" else {"Stopped"}), name
        else:
            assert caught == ({"Keep"} if handed or name == "Hand over" else {"Undo"}), name


def test_every_task_tries_again_and_catches():
    for name, state in tasks().items():
        *_, last = state["Retry"]
        final = state["Retry"][0]
        assert "Portcullis.Final" in final["ErrorEquals"] and final["MaxAttempts"] == 0, name
        assert last["ErrorEquals"] == ["States.ALL"] and 3 <= last["MaxAttempts"] <= 10, name
        catches = [catch["ErrorEquals"] for catch in state.get("Catch", [])]
        assert (catches[-1:] == [["States.ALL"]]) != (name in TELLERS), name


def test_questions_end_and_nothing_else_waits_for_people():
    """Without a time-out a task waits for a year."""
    for name, state in tasks().items():
        asks = state["Resource"].endswith(".waitForTaskToken")
        assert asks == ("TimeoutSeconds" in state) == ("token" in payload(state)), name
        if asks:
            assert state["Catch"][0]["ErrorEquals"] == ["States.Timeout"], name
            assert "States.Timeout" in state["Retry"][0]["ErrorEquals"], f"{name} would ask twice"


def test_nothing_is_passed_on_but_what_the_execution_was_started_with():
    for name, state in STATES.items():
        if state["Type"] == "Task":
            given = dict(payload(state))
            assert re.fullmatch(r"[a-z-]+", given.pop("step"))
            assert GIVEN.items() <= given.items(), name
            more = {key: value for key, value in given.items() if key not in GIVEN}
            assert more.items() <= OF_THE_WORKFLOW.items(), name
        if state["Type"] in ("Task", "Pass"):
            assert state.get("Output", {}) == {}, f"{name} hands something on"
        taken = re.findall(r"\$states\.result[\w.]*", json.dumps(state))
        assert set(taken) <= {"$states.result.Payload.state"}, name


def test_steps_are_those_of_the_function():
    """A step that the one names and the other does not know ends a move in the middle."""
    known = re.search(r"match step \{(.*?)\n        \}", STEPS.read_text(), re.DOTALL).group(1)
    told = [payload(state)["step"] for state in tasks().values()]
    assert sorted(told) == sorted(set(told)), "each has a state of its own"
    assert set(told) == set(re.findall(r'^ +"([a-z-]+)" =>', known, re.MULTILINE))


def test_variables_are_assigned_before_they_are_used():
    begin = set(STATES[DEFINITION["StartAt"]]["Assign"])
    for name, state in STATES.items():
        used = set(re.findall(r"\$(?!states\b|number\b)([a-z]\w*)", json.dumps(state)))
        # `left` is what could not be taken back: every way to where it is told assigns it.
        if name == "Stuck":
            into = [assigned for other in STATES.values() for to, _, assigned in ways(other) if to == name]
            assert into and all("left" in assigned for assigned in into)
            used.discard("left")
        assert used <= begin, name


# How long it can get ----------------------------------------------------------------------------


def limit(condition, counter):
    """The count at which a condition ends a loop."""
    found = re.search(rf"\${counter} >= (\d+)", condition or "")
    return int(found.group(1)) if found else None


def counted(counter):
    """States from which a loop goes on, with how often it can: those that add one to the counter."""
    for name, state in STATES.items():
        for to, condition, assigned in ways(state):
            if f"${counter} + 1" in str(assigned.get(counter, "")):
                yield name, to, condition


def cycles_without(removed):
    """Whether a state can be come back to without one of these transitions."""
    for begin in STATES:
        seen, left = set(), [begin]
        while left:
            name = left.pop()
            for to, *_ in ways(STATES[name]):
                if (name, to) in removed:
                    continue
                if to == begin:
                    return begin
                if to not in seen:
                    seen.add(to)
                    left.append(to)
    return None


def test_every_loop_counts():
    """Whoever goes round adds one to a counter, and some choice on the way ends it at a number."""
    counting = {(name, to) for counter in ("looks", "woken") for name, to, _ in counted(counter)}
    assert counting and cycles_without(set()) is not None, "there are loops"
    assert cycles_without(counting) is None
    for counter in ("looks", "woken"):
        for name, *_ in counted(counter):
            for end in into(name):
                limits = [limit(condition, counter) for _, condition, _ in ways(STATES[end])]
                assert any(limits), f"{end} leads to {name}, which counts, and does not look at the count"


def into(name):
    """The choices that lead to a state, or the state if it is one."""
    choices = [other for other, state in STATES.items() if state["Type"] == "Choice"]
    leading = [other for other in choices if any(to == name for to, *_ in ways(STATES[other]))]
    return [name] if name in choices else leading


def rounds():
    """How often each counting state can be passed, at the most: (state, times)."""
    for counter in ("looks", "woken"):
        for name, *_ in counted(counter):
            limits = [limit(c, counter) for end in into(name) for _, c, _ in ways(STATES[end])]
            yield name, max(limit for limit in limits if limit)


def events(names, retries):
    return sum(
        EVENTS[STATES[name]["Type"]] + (RETRY_EVENTS * retries if STATES[name]["Type"] == "Task" else 0)
        for name in names
    )


def around(name):
    """The states of the shortest way from a counting state back to itself."""
    paths = [[name]]
    while paths:
        path = paths.pop(0)
        for to, *_ in ways(STATES[path[-1]]):
            if to == name:
                return path
            if to not in path:
                paths.append([*path, to])
    raise AssertionError(f"{name} counts, and is in no loop")


@pytest.mark.parametrize("retries", [0, 1])
def test_the_longest_move_fits_into_the_history(retries):
    """Every loop to its limit, and each state once more; also where every call is made twice."""
    for never in ("Hand over", "Undo"):
        left = set(STATES) - reachable(never)
        longest = events(left, retries)
        longest += sum(times * events(around(name), retries) for name, times in rounds() if name in left)
        assert 10_000 < longest < MOST_EVENTS, never
