"""Debian and Ubuntu: the package as it comes, its init script, its unit and wrapper, every way to write its file."""

import pytest
from host import CLIENT, PRIVATE, PUBLIC, SCRIPT, sha256

WIDE = {"tcp 0.0.0.0:11211", "tcp [::]:11211"}
LOOPBACK = {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}
BOTH = "127.0.0.1,::1"
#: What the package of Debian writes, without most of its comments.
PACKAGED = (
    "# memcached default config file\n-d\nlogfile /var/log/memcached.log\n# -v\n-m 64\n-p 11211\n-u memcache\n"
    "-l 127.0.0.1\n# -c 1024\n-P /var/run/memcached/memcached.pid\n"
)
#: As the oldest builds ran: on all addresses, with UDP.
OLD = PACKAGED.replace("-l 127.0.0.1\n", "") + "-U 11211\n"


@pytest.mark.parametrize("shell", ["dash", "busybox sh", "bash --posix"])
def test_from_an_open_server_to_a_closed_one_and_back(host, shell):
    host.debian(OLD)
    assert host.listening() == WIDE | {"udp 0.0.0.0:11211", "udp [::]:11211"}
    assert host.amplification(PUBLIC) > 10 and host.reachable(PUBLIC)

    before, running = host.files(), host.pids()
    _, report = host.harden("report", shell=shell, check=0)
    assert (host.files(), host.pids()) == (before, running), "report changes nothing"
    (server,) = report["servers"]
    assert server["file"] == "/etc/memcached.conf" and server["sha256"] == sha256(OLD.encode())
    assert (server["verdict"], server["udp_answered"], server["started_by"]) == ("exposed", True, "init")
    assert server["pid"] in running and server["version"].startswith("1.")
    assert server["would"] == {"listen": BOTH, "diff": f"--U 11211\n+-U 0\n+-l {BOTH}"}

    _, applied = host.harden("apply", "--id", "one", "--expected", server["sha256"], shell=shell, check=0)
    assert applied["servers"][0]["verdict"] == "closed"
    hardened = OLD.replace("-U 11211", "-U 0") + f"-l {BOTH}\n"
    assert host.read("/etc/memcached.conf").decode() == hardened
    assert host.listening() == LOOPBACK
    assert host.amplification(PUBLIC) == host.amplification(PRIVATE) == 0 and not host.reachable(PUBLIC)
    backup = f"/etc/memcached.conf.portcullis-one-{sha256(hardened.encode())[:16]}"
    assert set(host.files()) == {"/etc/memcached.conf", backup} and host.read(backup).decode() == OLD

    before, running = host.files(), host.pids()
    _, again = host.harden("apply", shell=shell, check=0)
    assert again["because"] == "nothing to do" and (host.files(), host.pids()) == (before, running)

    host.harden("undo", "one", shell=shell, check=0)
    assert host.read("/etc/memcached.conf").decode() == OLD
    assert host.amplification(PUBLIC) > 10
    running = host.pids()
    _, again = host.harden("undo", "one", shell=shell, check=0)
    assert again["because"] == "nothing to do" and host.pids() == running


FILES = {
    "all addresses": ("-u memcache\n-l 0.0.0.0\n", f"-u memcache\n-l {BOTH}\n-U 0\n"),
    "no address": ("-u memcache\n", f"-u memcache\n-l {BOTH}\n-U 0\n"),
    "two lines": (f"-u memcache\n-l 0.0.0.0\n-m 32\n-l {PRIVATE}\n", f"-u memcache\n-l {BOTH}\n-m 32\n-U 0\n"),
    "public and loopback": (f"-l {PUBLIC}\n-u memcache\n-l 127.0.0.1\n", f"-l {BOTH}\n-u memcache\n-U 0\n"),
    "UDP twice": ("-U 11211\n-u memcache\n-U 0\n-l 0.0.0.0\n-U 11211\n", f"-U 0\n-u memcache\n-l {BOTH}\n"),
    "long forms": ("--listen=0.0.0.0\n--user memcache\n--udp-port=11211\n", f"-l {BOTH}\n--user memcache\n-U 0\n"),
    "long forms with a blank, shortened": (
        "--listen 0.0.0.0\n-u memcache\n--ud 11211\n",
        f"-l {BOTH}\n-u memcache\n-U 0\n",
    ),
    "glued and bundled": ("-vl0.0.0.0\n-umemcache\n-U11211\n", f"-v -l {BOTH}\n-umemcache\n-U 0\n"),
    "several on a line": (
        "-u memcache -l 0.0.0.0 -m 32 # wide\n-c 99\n",
        f"-u memcache -l {BOTH} -m 32 # wide\n-c 99\n-U 0\n",
    ),
    "comments": (
        "#-l 127.0.0.1\n  -l 0.0.0.0   # all\n-U 11211 # old\n-u memcache\n# -U 0\n",
        f"#-l 127.0.0.1\n  -l {BOTH}   # all\n-U 0 # old\n-u memcache\n# -U 0\n",
    ),
    "lines that the wrapper skips": (
        "-d -l 127.0.0.1\n-h\nlogfile /var/log/m.log\n-u memcache\n",
        f"-d -l 127.0.0.1\n-h\nlogfile /var/log/m.log\n-u memcache\n-l {BOTH}\n-U 0\n",
    ),
    "CRLF": ("-u memcache\r\n-l 0.0.0.0\r\n-m 32\r\n", f"-u memcache\r\n-l {BOTH}\r\n-m 32\r\n-U 0\r\n"),
    "no newline at the end": ("-u memcache\n-m 32", f"-u memcache\n-m 32\n-l {BOTH}\n-U 0\n"),
    "separators": (f"-u memcache\n-l 0.0.0.0,{PUBLIC}:11212\n", "-u memcache\n-l 127.0.0.1,127.0.0.1:11212\n-U 0\n"),
    "a port of its own": ("-u memcache\n-l 0.0.0.0:11212\n-U 11211\n", "-u memcache\n-l 127.0.0.1:11212\n-U 0\n"),
    "a tag": ("-u memcache\n-l proto[ascii]:0.0.0.0:11212\n", "-u memcache\n-l proto[ascii]:127.0.0.1:11212\n-U 0\n"),
    "TCP on the port of UDP": ("-u memcache\n-U 11212\n", f"-u memcache\n-U 0 -p 11212\n-l {BOTH}\n"),
    "prefixes": ("-u memcache\n-l 127.0.0.10\n-l 127.0.0.1\n-U 11211\n", "-u memcache\n-l 127.0.0.10\n-U 0\n"),
    "a private address stays": (f"-u memcache\n-l {PRIVATE}\n-U 11211\n", f"-u memcache\n-l {PRIVATE}\n-U 0\n"),
    "quotes": ('-u "memcache"\n-l "0.0.0.0"\n', f'-u "memcache"\n-l {BOTH}\n-U 0\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_spelling_is_replaced_and_nothing_else(host, name):
    """Through the unit of the package: its wrapper reads the new file, and the real memcached what the wrapper says."""
    before, after = FILES[name]
    host.systemd()
    host.write("/etc/memcached.conf", before, mode=0o640)
    host.sh("chgrp memcache /etc/memcached.conf; systemctl start memcached; up")
    ports = {line.rpartition(":")[2] for line in host.listening() if line.startswith("tcp")}
    host.harden("apply", "--id", "one", check=0)
    content, mode, owner, group = host.files()["/etc/memcached.conf"]
    assert content.decode() == after
    assert (mode & 0o777, owner, group) == (0o640, 0, int(host.sh("id -g memcache")))
    wanted = {address for address in (PRIVATE, "127.0.0.10") if address in after} or {"127.0.0.1"}
    if BOTH in after:
        wanted.add("[::1]")
    assert host.listening() == {f"tcp {address}:{port}" for address in wanted for port in ports}
    for port in ports:
        assert not host.reachable(PUBLIC, int(port)) and host.amplification(PUBLIC, int(port)) == 0


@pytest.mark.parametrize("text", [PACKAGED, PACKAGED + "-l ::1\n"], ids=["Debian", "Ubuntu"])
def test_the_file_of_the_distribution_is_left_alone(host, text):
    host.debian(text)
    before, running = host.files(), host.pids()
    _, applied = host.harden("apply", check=0)
    assert applied["because"] == "nothing to do" and applied["servers"][0]["verdict"] == "closed"
    assert (host.files(), host.pids()) == (before, running)


def test_without_a_file_one_is_made_and_undo_removes_it(host):
    host.systemd()
    host.run("systemctl", "start", "memcached")
    host.wait(*WIDE)
    host.harden("apply", "--id", "one", check=0)
    # The wrapper adds `-u root` to nothing at all; who it runs as is not for this script to change.
    assert host.read("/etc/memcached.conf").decode() == f"-u root\n-l {BOTH}\n-U 0\n"
    assert host.listening() == LOOPBACK
    host.harden("undo", "one", check=0)
    assert not host.path("/etc/memcached.conf").exists() and host.listening() == WIDE


def test_two_instances_each_keep_their_own(host):
    host.debian("-u memcache\n-p 11311\n-U 11311\n", name="memcached_one", start=False)
    host.debian(f"-u memcache\n-p 11312\n-l {PRIVATE}\n", name="memcached_two", start=False)
    host.sh("/etc/init.d/memcached start")
    host.wait("tcp 0.0.0.0:11311", "tcp [::]:11311", "udp 0.0.0.0:11311", "udp [::]:11311", f"tcp {PRIVATE}:11312")
    client = host.connect(port=11312)
    host.harden("apply", check=0)
    assert host.listening() == {"tcp 127.0.0.1:11311", "tcp [::1]:11311", f"tcp {PRIVATE}:11312"}
    assert host.read("/etc/memcached_two.conf").decode() == f"-u memcache\n-p 11312\n-l {PRIVATE}\n"
    client.sendall(b"version\r\n")
    assert client.recv(64).startswith(b"VERSION"), "the other instance was not restarted"


# Where it listens ----------------------------------------------------------------------------------


def test_a_client_on_another_host_keeps_its_way(host):
    host.debian(OLD)
    host.connect()
    _, report = host.harden("report", check=0)
    assert report["servers"][0]["clients"] == {"local": 0, "remote": [CLIENT], "more": 0}
    host.harden("apply", check=0)
    assert host.listening() == LOOPBACK | {f"tcp {PRIVATE}:11211"}
    assert host.reachable(PRIVATE) and not host.reachable(PUBLIC) and host.amplification(PRIVATE) == 0


def test_clients_over_a_public_address_only_are_for_a_person(host):
    host.debian(OLD)
    host.connect(PUBLIC)
    before, running = host.files(), host.pids()
    _, refused = host.harden("apply", check=2)
    assert "public address only" in refused["because"]
    assert (host.files(), host.pids()) == (before, running)
    host.harden("apply", "--listen", PRIVATE, check=0)
    assert host.listening() == {f"tcp {PRIVATE}:11211"}


@pytest.mark.parametrize(
    ("listen", "status"),
    [
        (PUBLIC, 2),
        ("0.0.0.0", 2),
        ("::", 2),
        ("10.1.2.3", 2),
        ("1.2.3", 64),
        ("localhost", 64),
        ("127.0.0.1,", 64),
        ("$(id)", 64),
    ],
)
def test_an_address_that_is_public_or_elsewhere_is_refused(host, listen, status):
    host.debian(OLD, start=False)
    before = host.files()
    host.harden("apply", "--listen", listen, check=status)
    assert host.files() == before


def test_without_ipv6_its_loopback_is_not_asked_for(host):
    host.sh("sysctl -q net.ipv6.conf.all.disable_ipv6=1")
    host.debian("-u memcache\n-U 11211\n")
    host.harden("apply", check=0)
    assert host.read("/etc/memcached.conf").decode() == "-u memcache\n-U 0\n-l 127.0.0.1\n"
    assert host.listening() == {"tcp 127.0.0.1:11211"}


# Refused, failed, stopped --------------------------------------------------------------------------


def test_only_the_file_that_was_agreed_to_is_changed(host):
    host.debian(OLD)
    before, running = host.files(), host.pids()
    host.harden("apply", "--expected", "0" * 64, check=2)
    assert (host.files(), host.pids()) == (before, running)


def test_options_that_do_not_start_are_tried_first(host):
    """Somebody broke the file since the last start: a restart would have found out."""
    host.debian(OLD)
    host.write("/etc/memcached.conf", OLD + "-o no_such_option\n")
    before, running = host.files(), host.pids()
    _, refused = host.harden("apply", check=2)
    assert "does not start with the new options" in refused["because"]
    assert (host.files(), host.pids()) == (before, running) and host.reachable(PUBLIC)


#: In the place of memcached: starts it only with certain words, and so plays a service that fails after the try.
PICKY = '#!/bin/sh\ncase " $* " in {}) exec /opt/memcached "$@" ;; esac\nexit 1\n'


def picky(host, words):
    host.sh("mkdir -p /run/opt; cp /usr/bin/memcached /run/opt/memcached")
    host.write("/usr/bin/memcached", PICKY.format(words).replace("/opt/memcached", "/run/opt/memcached"), mode=0o755)


def test_a_service_that_does_not_come_back_gets_its_old_file(host):
    host.systemd()
    picky(host, "*'-U 11211 '*|*'-p -1 '*")
    host.write("/etc/memcached.conf", OLD)
    host.sh("systemctl start memcached; up")
    before = host.files()
    _, restored = host.harden("apply", check=3)
    assert restored["result"] == "restored" and "the server runs" in restored["because"]
    assert host.files() == before and host.reachable(PUBLIC)


def test_a_service_that_never_comes_back_is_said_to_be_down(host):
    host.systemd()
    host.write("/etc/memcached.conf", OLD)
    host.sh("systemctl start memcached; up")
    picky(host, "*'-p -1 '*")
    before = host.files()
    _, down = host.harden("apply", check=4)
    assert down["result"] == "down" and "systemctl restart memcached.service" in down["manual"][0]
    assert host.files() == before and host.pids() == set()


def test_what_listens_wide_all_the_same_is_put_back(host):
    """A drop-in that comes later, a wrapper of somebody: whatever it is, the sockets decide."""
    host.systemd()
    host.write("/etc/memcached.conf", OLD)
    host.sh("mkdir -p /run/opt; cp /usr/bin/memcached /run/opt/memcached")
    host.write(
        "/usr/bin/memcached",
        '#!/bin/sh\ncase "$*" in *"-p -1 "*) exec /run/opt/memcached "$@" ;; esac\n'
        "exec /run/opt/memcached -u memcache\n",
        mode=0o755,
    )
    host.sh("systemctl start memcached; up")
    before = host.files()
    host.harden("apply", check=3)
    assert host.files() == before and host.listening() == WIDE


def test_a_file_that_cannot_be_replaced(host):
    host.debian(OLD)
    host.sh("mount --bind /etc/memcached.conf /etc/memcached.conf")
    before, running = host.files(), host.pids()
    _, refused = host.harden("apply", check=2)
    assert "mounted" in refused["because"] and "-U 0" in refused["manual"][0]
    assert (host.files(), host.pids()) == (before, running)
    host.sh("umount /etc/memcached.conf; mount --bind /etc /etc; mount -o remount,ro,bind /etc")
    _, refused = host.harden("apply", check=2)
    assert "cannot be written" in refused["because"]
    assert (host.files(), host.pids()) == (before, running)


def test_a_full_disk_changes_nothing(host):
    host.debian(OLD)
    host.sh("mkdir /run/small; mount -t tmpfs -o size=8k tmpfs /run/small; mv /etc/memcached.conf /run/small/")
    host.sh("ln -s /run/small/memcached.conf /etc/memcached.conf; cat /dev/zero >/run/small/rest || true")
    running = host.pids()
    host.harden("apply", check=2)
    assert host.read("/run/small/memcached.conf").decode() == OLD and host.pids() == running
    assert sorted(path.name for path in host.path("/run/small").iterdir()) == ["memcached.conf", "rest"]


def test_a_link_stays_a_link(host):
    host.write("/etc/site/memcached.conf", OLD)
    host.sh("ln -s site/memcached.conf /etc/memcached.conf; /etc/init.d/memcached start; up")
    host.harden("apply", check=0)
    assert (
        host.path("/etc/memcached.conf").is_symlink() and f"-l {BOTH}" in host.read("/etc/site/memcached.conf").decode()
    )
    assert host.listening() == LOOPBACK


def test_without_root_it_says_so(host):
    host.debian(OLD)
    before, running = host.files(), host.pids()
    host.write("/run/script", '#!/bin/sh\nexec setpriv --reuid nobody --clear-groups dash "$@"\n', mode=0o755)
    _, refused = host.harden("apply", shell="/run/script", check=2)
    assert "root" in refused["because"] and refused["manual"][0].startswith("sudo ")
    assert (host.files(), host.pids()) == (before, running)
    _, report = host.harden("report", shell="/run/script", check=0)
    assert report["servers"][0]["verdict"] != "closed", "what cannot be seen is not closed"


def test_one_run_at_a_time_and_a_dead_one_is_no_hindrance(host):
    host.debian(OLD)
    host.sh("mkdir /run/portcullis-memcached; sleep 60 >/dev/null 2>&1 & echo $! >/run/portcullis-memcached/pid")
    before = host.files()
    _, refused = host.harden("apply", check=2)
    assert refused["because"] == "another run is under way" and host.files() == before
    host.sh("kill $(cat /run/portcullis-memcached/pid)")
    host.harden("apply", check=0)
    assert host.listening() == LOOPBACK and not host.path("/run/portcullis-memcached").exists()


@pytest.mark.parametrize("step", ["cp -p", "mv -f", "restart"])
def test_a_run_that_is_killed_is_finished_by_the_next(host, step):
    """Killed before the backup, between backup and replacement, and before the restart."""
    host.debian(OLD)
    kill = {"cp -p": "cp", "mv -f": "mv", "restart": None}[step]
    if kill:
        host.sh(f"mkdir -p /run/opt; cp /usr/bin/{kill} /run/opt/{kill}")
        host.write(f"/usr/bin/{kill}", "#!/bin/sh\nkill -9 $PPID\n", mode=0o755)
    else:
        host.sh("cp -p /etc/init.d/memcached /run/init")
        host.write("/etc/init.d/memcached", "#!/bin/sh\nkill -9 $PPID\n", mode=0o755)
    assert host.run("dash", SCRIPT, "apply", "--id", "one", check=False).returncode == -9
    assert host.reachable(PUBLIC), "still the old server"
    host.sh(
        f"mv /run/opt/{kill} /usr/bin/{kill}"
        if kill and kill != "mv"
        else "/run/opt/mv /run/opt/mv /usr/bin/mv"
        if kill
        else "cp -p /run/init /etc/init.d/memcached"
    )
    host.harden("apply", "--id", "two", check=0)
    assert host.listening() == LOOPBACK
    host.harden("undo", "two" if kill else "one", check=0)
    assert host.read("/etc/memcached.conf").decode() == OLD and host.amplification(PUBLIC) > 10
    assert not list(host.path("/etc").glob("*portcullis-new*"))


def test_undo_refuses_what_was_edited_since(host):
    host.debian(OLD)
    host.harden("apply", "--id", "one", check=0)
    host.sh("echo '-m 32' >>/etc/memcached.conf")
    before, running = host.files(), host.pids()
    _, refused = host.harden("undo", "one", check=2)
    assert "changed since" in refused["because"] and (host.files(), host.pids()) == (before, running)
    host.harden("undo", "two", check=2)
    assert (host.files(), host.pids()) == (before, running)


def test_a_hardened_file_that_was_not_restarted_is_restarted(host):
    host.debian(OLD)
    host.write("/etc/memcached.conf", PACKAGED + "-U 0\n")
    host.harden("apply", check=0)
    assert host.listening() in (LOOPBACK, {"tcp 127.0.0.1:11211"})


def test_a_stopped_server_is_hardened_and_stays_stopped(host):
    host.debian(OLD, start=False)
    _, applied = host.harden("apply", check=0)
    assert applied["servers"][0]["pid"] is None and host.pids() == set()
    host.sh("/etc/init.d/memcached start")
    host.wait(*LOOPBACK)
