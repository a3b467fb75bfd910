"""The script as text: its size, its shells, what it never does. Needs no root and no memcached."""

import re
import shutil
import subprocess

import pytest
from host import SCRIPT

TEXT = SCRIPT.read_text()


def test_it_fits_into_a_command_document():
    """AWS Systems Manager, quotas: a document has at most 64 KB, of which JSON's quotes and escapes need some."""
    assert len(TEXT.encode()) + TEXT.count('"') + TEXT.count("\\") + TEXT.count("\n") < 53_000


@pytest.mark.parametrize("shell", ["dash", "busybox sh", "bash --posix"])
def test_every_shell_reads_it(shell):
    words = shell.split()
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} missing: apt-get install {words[0]}")
    subprocess.run([*words, "-n", SCRIPT], check=True)


def test_it_opens_no_connection_but_to_the_server():
    """No client of a network by name; what `ask` sends goes to addresses that the server listens on."""
    assert not re.search(r"(^|[|;&(]) *(curl|wget|ssh|dig|host|getent|apt-get|yum|pip)\s", TEXT, re.MULTILINE)
    assert TEXT.count("/dev/$1/$2/$3") == 1


def test_nothing_is_done_before_all_of_it_was_read():
    """A copy that was cut off does nothing: the last line starts it."""
    assert TEXT.endswith('\nmain "$@"\n') and TEXT.count('\nmain "$@"') == 1
