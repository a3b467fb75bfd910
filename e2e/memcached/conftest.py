"""A fresh host for each test, or one reason for all why there is none."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from host import Host, missing  # noqa: E402

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
