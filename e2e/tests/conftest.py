"""One guarded account for the tests that can share it, and new ones for those that break something."""

import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import browser as browsers  # noqa: E402
from harness.faults import guarded_behind_proxy  # noqa: E402
from harness.guard import PRIVATE, guarded, permission  # noqa: E402
from harness.moves import FAST as FAST_MOVES  # noqa: E402
from harness.moves import Moves  # noqa: E402

_NUMBERS = itertools.count(1)
#: Files with few tests that take minutes. They begin first, or one worker has them in the end while the others wait.
SLOW = ("test_sam.py", "test_many_accounts.py", "test_cdk.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in SLOW)


@pytest.fixture(scope="session")
def guard():
    """The stack in enforce mode. Every test uses groups and caches of its own."""
    with guarded() as deployed:
        yield deployed


@pytest.fixture
def fresh():
    """A guarded account that a test may break."""
    with guarded() as deployed:
        yield deployed


@pytest.fixture(scope="module")
def observer():
    """The stack in observe mode, for the tests of a file."""
    with guarded(Mode="observe") as deployed:
        yield deployed


@pytest.fixture
def name(request):
    """A name that no other test uses, fit for groups and caches."""
    return f"t{next(_NUMBERS)}-" + request.node.originalname.replace("test_", "", 1).replace("_", "-")[:30].strip("-")


@pytest.fixture
def group(guard, name):
    """A group with what must survive beside a public rule on 6379: a private rule, a group, a prefix list."""
    return furnished(guard, name)


@pytest.fixture(scope="module")
def browser():
    """One browser for the tests of a file."""
    found, axe = browsers.executable(), browsers.AXE.is_file()
    missing = browsers.MISSING if found is None else None if axe else browsers.NO_AXE
    if missing:
        pytest.skip(missing)
    with browsers.browser() as started:
        yield started


def furnished(guard, name):
    """A private range, another group and a prefix list of offices, all on Redis's port."""
    peers = guard.group(f"{name}-peers")
    offices = guard.ec2.create_managed_prefix_list(
        PrefixListName=f"{name}-offices",
        AddressFamily="IPv4",
        MaxEntries=5,
        Entries=[{"Cidr": "198.51.100.0/28", "Description": "office"}],
    )["PrefixList"]["PrefixListId"]
    group_id = guard.group(name)
    guard.open(group_id, permission("tcp", 6379, PRIVATE, peers, offices, description="stays"), tags={"keep": "yes"})
    return group_id


@pytest.fixture(scope="session")
def moves():
    """A stack that asks before it moves a cache; its functions reach the account through a proxy."""
    with guarded_behind_proxy(*FAST_MOVES, MoveCaches="ask", ApprovalPage="yes", Alarms="none") as (guard, proxy):
        yield Moves(guard, proxy)
