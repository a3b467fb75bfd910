"""Every command of docs/memcached.md, as it stands there, on a host of the kind that its section is about."""

import re

import pytest
from host import PUBLIC, REPO, SCRIPT

GUIDE = REPO / "docs" / "memcached.md"
LOOPBACK = {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}
DEBIAN = "-u memcache\n-l 0.0.0.0\n# the end\n-U 11211\n"
RED_HAT = (
    "[Service]\nEnvironmentFile=/etc/sysconfig/memcached\n"
    "ExecStart=/usr/bin/memcached -p ${PORT} -u ${USER} -m ${CACHESIZE} -c ${MAXCONN} $OPTIONS\n"
)
SYSCONFIG = 'PORT="11211"\nUSER="memcache"\nMAXCONN="1024"\nCACHESIZE="64"\nOPTIONS="-U 11211"\n'
ARCH = "[Service]\nUser=memcache\nExecStart=/usr/bin/memcached -l 0.0.0.0 -U 11211 -o modern\n"


def blocks():
    """The commands below each heading, a text a block."""
    found, heading, text = {}, "", None
    for line in GUIDE.read_text().splitlines():
        if text is not None:
            if line == "```":
                found.setdefault(heading, []).append("".join(text))
                text = None
            else:
                text.append(line + "\n")
        elif re.match(r"#+ ", line):
            heading = line.lstrip("# ")
        elif line == "```sh":
            text = []
        else:
            assert not line.startswith("```"), "a block that no test runs"
    return found


@pytest.fixture
def ready(host):
    host.systemd()
    host.write("/usr/bin/sudo", '#!/bin/sh\nexec "$@"\n', mode=0o755)
    host.sh(f"cp {SCRIPT} /run/harden-memcached.sh")
    return host


def run(host, text):
    """As somebody pastes it: the first command that fails ends it."""
    done = host.run("bash", "-c", f"set -e -o pipefail; cd /run\n{text}", check=False)
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout


def debian(host, text=DEBIAN):
    host.write("/etc/memcached.conf", text)
    host.sh("systemctl start memcached; up")


def test_sections_with_commands_are_those_that_are_tested():
    assert {heading: len(found) for heading, found in blocks().items()} == {
        "Look first": 2,
        "Debian and Ubuntu": 2,
        "Red Hat, Fedora, Amazon Linux, SUSE": 1,
        "Arch, and units of your own": 1,
        "The script": 3,
    }


def test_look_first(ready):
    debian(ready)
    sockets, udp = blocks()["Look first"]
    seen = run(ready, sockets)
    assert "udp" in seen and "0.0.0.0:11211" in seen and "no client is connected" in seen
    assert int(run(ready, udp)) > 0
    ready.connect()
    assert "10.9.0.9" in run(ready, sockets)
    ready.harden("apply", "--listen", "loopback", check=0)
    seen = run(ready, sockets)
    assert "udp" not in seen and "0.0.0.0:11211" not in seen
    assert int(run(ready, udp)) == 0


def test_debian(ready):
    debian(ready)
    assert ready.amplification(PUBLIC) > 10
    apply, undo = blocks()["Debian and Ubuntu"]
    run(ready, apply)
    ready.wait(*LOOPBACK)
    assert ready.read("/etc/memcached.conf").decode() == "-l 127.0.0.1,::1\n-U 0\n-u memcache\n# the end\n"
    assert ready.amplification(PUBLIC) == 0 and not ready.reachable(PUBLIC)
    run(ready, undo)
    assert ready.read("/etc/memcached.conf").decode() == DEBIAN
    ready.wait("tcp 0.0.0.0:11211", "udp 0.0.0.0:11211")


def test_red_hat(ready):
    ready.write("/etc/sysconfig/memcached", SYSCONFIG)
    ready.unit(RED_HAT)
    assert ready.amplification(PUBLIC) > 10
    run(ready, *blocks()["Red Hat, Fedora, Amazon Linux, SUSE"])
    ready.wait(*LOOPBACK)
    assert ready.amplification(PUBLIC) == 0


def test_arch(ready):
    ready.unit(ARCH)
    assert ready.amplification(PUBLIC) > 10
    run(ready, *blocks()["Arch, and units of your own"])
    ready.wait(*LOOPBACK)
    assert ready.amplification(PUBLIC) == 0


def test_the_script(ready):
    debian(ready)
    report, apply, undo = blocks()["The script"]
    assert '"verdict":"exposed"' in run(ready, report)
    run(ready, apply)
    assert ready.listening() == LOOPBACK and ready.amplification(PUBLIC) == 0
    run(ready, undo)
    assert ready.read("/etc/memcached.conf").decode() == DEBIAN and ready.amplification(PUBLIC) > 10


def test_appending_as_older_guides_say_takes_the_server_down_or_is_ignored(ready):
    """What the guide warns of is so: `-l` adds up, and a part of what is there is dropped."""
    debian(ready, DEBIAN + "-l 127.0.0.1\n")
    assert ready.pids() == set()
    debian(ready, "-u memcache\n-l 127.0.0.10\n-l 127.0.0.1\n")
    assert ready.listening() == {"tcp 127.0.0.10:11211"}


def test_the_statistics_lie_about_udp(ready):
    debian(ready, "-u memcache\n-l 10.9.0.5:11212\n-U 11211\n")
    assert ready.listening() == {"tcp 10.9.0.5:11212", "udp 10.9.0.5:11212"}
    connection = ready.connect(port=11212)
    connection.sendall(b"stats settings\r\n")
    assert b"STAT udpport 11211" in connection.recv(65536)
