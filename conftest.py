"""For all Python tests: a part of them by `--shard 2/4`, and skipped tests that nobody overlooks."""

import collections
import os
import pathlib

import pytest

#: What was skipped in this run of `make test`, a line a reason. `.ci/steps` empties it first and shows it last.
SKIPPED = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or pathlib.Path(__file__).parent / "target") / "skipped"


def pytest_addoption(parser):
    parser.addoption(
        "--shard", metavar="I/N", help="of the test files, in order of their names, every N-th from the I-th on"
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--shard"):
        return
    at, of = map(int, config.getoption("--shard").split("/"))
    if not 1 <= at <= of:
        raise pytest.UsageError(f"--shard {at}/{of}: there is no such part")
    files = sorted({item.path for item in items})
    kept = [item for item in items if files.index(item.path) % of == at - 1]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """With CI set a skipped test is a failure: there, everything can be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(session.config, "workerinput") or reporter is None:
        return
    # A part of the files may have none of the tests that a mark asks for.
    if session.config.getoption("--shard") and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
    reasons = collections.Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])
    )
    if not reasons:
        return
    SKIPPED.parent.mkdir(parents=True, exist_ok=True)
    with SKIPPED.open("a") as file:
        file.writelines(f"{count} tests: {reason}\n" for reason, count in reasons.items())
    if os.environ.get("CI"):
        reporter.write_line(
            f"CI is set, and {sum(reasons.values())} tests were skipped: {'; '.join(reasons)}", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
