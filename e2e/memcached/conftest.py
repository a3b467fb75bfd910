"""A fresh host for each test, or one reason for all why there is none."""

import pytest
from host import Host, missing

MISSING = missing()


@pytest.fixture
def host():
    yield from made()


@pytest.fixture(scope="module")
def shared():
    yield from made()


def made():
    if MISSING:
        pytest.skip(MISSING)
    host = Host()
    yield host
    host.close()
