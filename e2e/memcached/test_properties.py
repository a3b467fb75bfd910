"""Whatever somebody wrote into the file: afterwards the options are what they should be, and all else is as it was.

The judges are the real wrapper of Debian, which says what it makes of a file, an independent reader of options, and the
sockets of the real memcached."""

import getopt

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

SHORT = "a:Ap:s:U:m:Mc:khiVrvdl:u:P:f:n:t:D:LR:Cb:B:I:SFXWY:e:Zo:N:"
LONG = (
    "port= udp-port= unix-socket= memory-limit= disable-evictions conn-limit= verbose daemon listen= listen-backlog= "
    "license lock-memory user= threads= extended= max-item-size="
).split()
LETTERS = {"--listen": "-l", "--udp-port": "-U", "--port": "-p"}
NEUTRAL = [
    *("", "# a comment -l 0.0.0.0", "#-U 11211", "-m 32", "-c 512", "-vv", "-M", "--threads=2", "-t2", "-o modern"),
    *("-I 2m", "-d", "-d -l 127.0.0.1", "logfile /var/log/memcached.log", "--conn-limit 99 --disable-evictions"),
    "\t-R 30  # more",
]

hosts = st.sampled_from(["0.0.0.0", "127.0.0.1", "127.0.0.10", "10.9.0.5", "198.51.100.7", "::", "::1"])
entries = st.one_of(
    hosts, st.sampled_from(["0.0.0.0:11212", "10.9.0.5:11213", "127.0.0.1:11212", "proto[ascii]:0.0.0.0"])
)
values = st.tuples(st.lists(entries, min_size=1, max_size=3)).map(lambda found: ",".join(found[0]))
listen = st.tuples(
    st.sampled_from(["-l {}", "-l{}", "--listen={}", "--listen {}", "-vl {}", "-Ml{}", "-m 48 -l {}"]), values
).map(lambda pair: pair[0].format(pair[1]))
udp = st.tuples(
    st.sampled_from(["-U {}", "-U{}", "--udp-port={}", "--udp {}", "-vU{}", "-U {} -c 77"]),
    st.sampled_from([0, 11211, 11214]),
).map(lambda pair: pair[0].format(pair[1]))
port = st.sampled_from(["-p 11215", "--port=11216", "-p11211"])
dressed = st.tuples(
    st.sampled_from(["", " ", "\t"]), st.one_of(listen, listen, udp, port), st.sampled_from(["", "  ", " # why"])
).map("".join)
lines = st.lists(st.one_of(st.sampled_from(NEUTRAL), dressed), max_size=9)


@pytest.fixture(scope="module")
def recorder(shared):
    """The wrapper of the package, with a program in place of memcached that says which words it got."""
    shared.write("/run/words", '#!/bin/sh\nprintf "%s\\n" "$@"\n', mode=0o755)
    shared.sh(
        "sed 's|/usr/bin/memcached|/run/words|' /usr/share/memcached/scripts/systemd-memcached-wrapper >/run/wrapper"
    )
    return shared


def options(host):
    """What memcached is started with: the options in order, those of where it listens apart."""
    words = host.run("perl", "/run/wrapper", "/etc/memcached.conf").stdout.split("\n")[:-1]
    found, rest = getopt.gnu_getopt(words, SHORT, LONG)
    assert rest == []
    return [(LETTERS.get(name, name), value) for name, value in found]


def listeners(found):
    """As memcached adds up -l: what is a part of what is there already counts for nothing."""
    added = ""
    for name, value in found:
        if name == "-l" and value not in added:
            added += ("," if added else "") + value
    return [entry for entry in added.split(",") if entry] or ["*"]


def last(found, wanted, default):
    return ([value for name, value in found if name == wanted] or [default])[-1]


def split(entry, default):
    entry = entry.removeprefix("proto[ascii]:")
    if entry.startswith("["):
        address, _, port = entry[1:].partition("]:")
        return address, port or default
    return (entry.split(":")[0], entry.split(":")[1]) if entry.count(":") == 1 else (entry, default)


def effective(found):
    """Pairs of address and port for TCP, and the UDP port."""
    udp = int(last(found, "-U", 0))
    default = last(found, "-p", str(udp or 11211))
    return {split(entry, default) for entry in listeners(found)}, udp


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(lines=lines, end=st.sampled_from(["\n", "\r\n"]), ended=st.booleans())
def test_effective_options_are_right_and_nothing_else_changed(recorder, lines, end, ended):
    host = recorder
    lines = ["-u memcache", *lines]
    before = end.join(lines) + (end if ended else "")
    end = end if end in before else "\n"
    host.sh("rm -f /etc/memcached*")
    host.write("/etc/memcached.conf", before)
    was = options(host)
    tcp, udp = effective(was)
    assume(len(listeners(was)) <= 8)
    wide = udp or any(address in ("*", "::", "0.0.0.0", "198.51.100.7") for address, _ in tcp)

    host.harden("apply", "--listen", "loopback", check=0)

    after = host.read("/etc/memcached.conf").decode()
    if not wide:
        assert after == before
        return
    now = options(host)
    assert [name for name, _ in now if name in ("-l", "-U")].count("-l") == 1 and ("-U", "0") in now
    now_tcp, now_udp = effective(now)
    assert now_udp == 0 and {address for address, _ in now_tcp} <= {"127.0.0.1", "::1"}
    assert {port for _, port in now_tcp} == {port for _, port in tcp}, "clients find it on the same ports"
    others = lambda found: [pair for pair in found if pair[0] not in ("-l", "-U")]
    added = [("-p", str(udp))] if udp not in (0, 11211) and not [pair for pair in was if pair[0] == "-p"] else []
    assert sorted(others(now)) == sorted(others(was) + added)
    untouched = [
        line
        for line in lines
        if not any(word in line.split("#")[0] for word in ("-l", "-U", "listen", "udp", "vl", "Ml", "vU"))
        or line.startswith("-d")
    ]
    remaining = iter(after.split(end))
    assert all(line in remaining for line in untouched), "every other line is there, byte by byte and in order"
    assert after.replace("\r\n", "").count("\r") == 0 and (end == "\n" or "\n" not in after.replace("\r\n", ""))

    # The real thing, as the unit of the package starts it.
    host.sh("/usr/share/memcached/scripts/systemd-memcached-wrapper /etc/memcached.conf >/dev/null 2>&1 &")
    try:
        host.wait(
            *(f"tcp [{address}]:{port}" if ":" in address else f"tcp {address}:{port}" for address, port in now_tcp)
        )
    finally:
        host.sh("pkill -9 -x memcached; while pgrep -x memcached; do sleep 0.02; done")
