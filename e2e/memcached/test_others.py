"""Red Hat and its kin, SUSE, Arch, plain units, several instances; what is refused; a system with next to nothing."""

import os
import pathlib
import shutil

import pytest
from host import PRIVATE, PRIVATE_V6, PUBLIC

LOOPBACK = {"tcp 127.0.0.1:11211", "tcp [::1]:11211"}
BOTH = "127.0.0.1,::1"
RHEL = """[Unit]
Description=memcached daemon
[Service]
EnvironmentFile=/etc/sysconfig/memcached
ExecStart=/usr/bin/memcached -p ${PORT} -u ${USER} -m ${CACHESIZE} -c ${MAXCONN} $OPTIONS
"""
SYSCONFIG = 'PORT="11211"\nUSER="memcache"\nMAXCONN="1024"\nCACHESIZE="64"\n'
SUSE = """[Service]
EnvironmentFile=-/etc/sysconfig/memcached
ExecStart=/usr/bin/memcached -u $MEMCACHED_USER $MEMCACHED_PARAMS
"""
ARCH = """[Service]
User=memcache
ExecStart=/usr/bin/memcached -l 0.0.0.0 -o modern
"""


def start(host, unit, sysconfig=None, name="memcached.service"):
    host.systemd()
    if sysconfig is not None:
        host.write("/etc/sysconfig/memcached", sysconfig)
    host.unit(unit, name)
    assert host.reachable(PUBLIC), host.listening()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Red Hat 6 and 7 (access.redhat.com/solutions/3369081): all addresses, and UDP by default.
        ('OPTIONS=""\n', f'OPTIONS="-l {BOTH} -U 0"\n'),
        ('OPTIONS="-l 0.0.0.0 -U 11211"', f'OPTIONS="-l {BOTH} -U 0"'),
        ("OPTIONS=-U 11211 -M\n", f"OPTIONS=-U 0 -M -l {BOTH}\n"),
        (f"OPTIONS='-vv -l {PRIVATE};{PUBLIC}' # a\n#OPTIONS=''\n", f"OPTIONS='-vv -l {BOTH} -U 0' # a\n#OPTIONS=''\n"),
        ('OPTIONS="-l 127.0.0.1"\nOPTIONS="-M"\n', f'OPTIONS="-l 127.0.0.1"\nOPTIONS="-M -l {BOTH} -U 0"\n'),
        ("", f'OPTIONS="-l {BOTH} -U 0"\n'),
        ('OPTIONS=""\r\n', f'OPTIONS="-l {BOTH} -U 0"\r\n'),
        ('OPTIONS="-l 0.0.0.0:11211"\n', 'OPTIONS="-l 127.0.0.1:11211,[::1]:11211 -U 0"\n'),
    ],
)  # fmt: skip
def test_red_hat(host, before, after):
    start(host, RHEL, SYSCONFIG + before)
    host.harden("apply", "--id", "one", check=0)
    assert host.read("/etc/sysconfig/memcached").decode() == SYSCONFIG + after
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0
    assert not host.path("/etc/systemd/system/memcached.service.d").exists()
    host.harden("undo", "one", check=0)
    assert host.read("/etc/sysconfig/memcached").decode() == SYSCONFIG + before and host.reachable(PUBLIC)


def test_red_hat_6_through_its_init_script(host):
    host.sh("rm -r /usr/share/memcached/scripts")
    host.write("/etc/sysconfig/memcached", SYSCONFIG + 'OPTIONS="-U 11211"\n')
    host.write(
        "/etc/init.d/memcached",
        "#!/bin/sh\n. /etc/sysconfig/memcached\npidfile=/var/run/memcached/memcached.pid\n"
        "[ ! -f $pidfile ] || { pid=$(cat $pidfile); kill $pid; while kill -0 $pid; do sleep 0.05; done; }\n"
        "memcached -d -p $PORT -u $USER -m $CACHESIZE -c $MAXCONN -P $pidfile $OPTIONS\n",
        mode=0o755,
    )  # fmt: skip
    host.sh("/etc/init.d/memcached start >/dev/null 2>&1; up")
    assert host.amplification(PUBLIC) > 10
    host.harden("apply", check=0)
    assert host.read("/etc/sysconfig/memcached").decode() == SYSCONFIG + f'OPTIONS="-U 0 -l {BOTH}"\n'
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0


def test_environment_in_a_drop_in_loses_against_the_file(host):
    """systemd.exec(5): `EnvironmentFile=` counts for more. What the unit's own comment proposes closes nothing."""
    host.write("/etc/systemd/system/memcached.service.d/local.conf", f'[Service]\nEnvironment="OPTIONS=-l {BOTH}"\n')
    start(host, RHEL, SYSCONFIG + 'OPTIONS=""\n')
    host.harden("apply", check=0)
    assert host.listening() == LOOPBACK


def test_suse(host):
    start(host, SUSE, 'MEMCACHED_USER="memcache"\nMEMCACHED_PARAMS="-l 0.0.0.0 -U 11211"\n')
    host.harden("apply", check=0)
    assert (
        host.read("/etc/sysconfig/memcached").decode()
        == f'MEMCACHED_USER="memcache"\nMEMCACHED_PARAMS="-l {BOTH} -U 0"\n'
    )
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0


DROP_IN = "/etc/systemd/system/memcached.service.d/portcullis.conf"


@pytest.mark.parametrize(
    ("exec_start", "hardened"),
    [
        ("/usr/bin/memcached -l 0.0.0.0 -o modern", f"/usr/bin/memcached -l {BOTH} -o modern -U 0"),
        ("/usr/bin/memcached \\\n  --listen=0.0.0.0 \\\n  -U 11211", f"/usr/bin/memcached   -l {BOTH}   -U 0"),
        ("/usr/bin/memcached", f"/usr/bin/memcached -l {BOTH} -U 0"),
    ],
)
def test_arch_and_plain_units_get_a_drop_in(host, exec_start, hardened):
    start(host, ARCH.replace("/usr/bin/memcached -l 0.0.0.0 -o modern", exec_start))
    fragment = host.read("/usr/lib/systemd/system/memcached.service")
    host.harden("apply", "--id", "one", check=0)
    assert host.read(DROP_IN).decode().endswith(f"[Service]\nExecStart=\nExecStart={hardened}\n")
    assert host.path(DROP_IN).stat().st_mode & 0o777 == 0o644
    assert host.read("/usr/lib/systemd/system/memcached.service") == fragment, "an upgrade would undo it there"
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0
    _, again = host.harden("apply", check=0)
    assert again["because"] == "nothing to do"
    host.harden("undo", "one", check=0)
    assert not host.path(DROP_IN).exists() and host.reachable(PUBLIC)


def test_an_option_in_the_command_line_and_in_the_file(host):
    """Both count: the drop-in has the options of the file in it, without their addresses."""
    start(host, RHEL.replace("$OPTIONS", "-U 11211 $OPTIONS"), SYSCONFIG + 'OPTIONS="-l 0.0.0.0 -M"\n')
    host.harden("apply", check=0)
    assert f"-c ${{MAXCONN}} -U 0 -l {BOTH} -M\n" in host.read(DROP_IN).decode()
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0


def test_instances_of_one_template(host):
    host.systemd()
    unit = (
        "[Service]\nEnvironmentFile=/etc/sysconfig/memcached\nEnvironmentFile=-/etc/sysconfig/memcached.%i\n"
        "ExecStart=/usr/bin/memcached -p %i -u ${USER} -m ${CACHESIZE} $OPTIONS\n"
    )
    host.write("/usr/lib/systemd/system/memcached@.service", unit)
    host.write("/etc/sysconfig/memcached", SYSCONFIG + f'OPTIONS="-l {BOTH}"\n')
    host.write("/etc/sysconfig/memcached.11311", 'OPTIONS="-l 0.0.0.0 -U 11311"\n')
    host.sh("systemctl start memcached@11311.service; systemctl start memcached@11312.service; up; sleep 0.5")
    shared = host.read("/etc/sysconfig/memcached")
    host.harden("apply", check=0)
    assert host.read("/etc/sysconfig/memcached") == shared
    assert host.read("/etc/sysconfig/memcached.11311").decode() == f'OPTIONS="-l {BOTH} -U 0"\n'
    assert host.listening() == {
        f"tcp {address}:{port}" for address in ("127.0.0.1", "[::1]") for port in (11311, 11312)
    }


def test_a_private_ipv6_address(host):
    start(host, ARCH)
    host.harden("apply", "--listen", f"FD00:9:0::5,{PRIVATE}", check=0)
    assert host.listening() == {f"tcp [{PRIVATE_V6}]:11211", f"tcp {PRIVATE}:11211"}
    assert host.reachable(PRIVATE_V6)


def test_systemd_itself_finds_nothing_wrong_with_the_drop_in(host):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd missing: apt-get install systemd")
    start(host, ARCH)
    host.harden("apply", check=0)
    verify = lambda: host.run("systemd-analyze", "verify", "--man=no", "memcached.service", check=False).stderr
    assert DROP_IN not in verify()
    host.write(DROP_IN, host.read(DROP_IN).decode().replace("ExecStart=\n", "ExecStar=\n"))
    assert DROP_IN in verify(), "it does look at it"


# What is for a person ------------------------------------------------------------------------------


def refused(host, *words, because):
    before, running, listening = host.files(), host.pids(), host.listening()
    _, answer = host.harden("apply", check=2)
    assert because in answer["because"]
    assert all(any(word in line for line in answer["manual"]) for word in words), answer["manual"]
    assert (host.files(), host.pids(), host.listening()) == (before, running, listening)
    return answer


def test_a_masked_unit(host):
    start(host, ARCH)
    host.run("systemctl", "mask", "memcached")
    refused(host, "systemctl unmask memcached.service", because="masked")


def test_by_hand(host):
    host.sh("memcached -d -u memcache -U 11211 -l 0.0.0.0 >/dev/null 2>&1; up")
    answer = refused(host, f"-u memcache -U 0 -l {BOTH}", "kill ", because="by hand")
    # What it says to type is right.
    command = answer["manual"][0].partition("start it with: ")[2]
    host.sh(f"kill {answer['servers'][0]['pid']}; while pgrep -x memcached; do sleep 0.05; done; {command} -d")
    host.wait(*LOOPBACK)
    assert host.listening() == LOOPBACK and host.amplification(PUBLIC) == 0


def test_a_program_that_others_may_write_is_never_run_by_root(host):
    """Who may write the directory of the pid file could name a process of theirs as the server of the init script."""
    host.sh("cp /usr/bin/memcached /run/memcached/memcached; chown memcache /run/memcached/memcached")
    host.sh("setpriv --reuid memcache --clear-groups /run/memcached/memcached -d -P /run/memcached/memcached.pid")
    host.wait("tcp 0.0.0.0:11211", "tcp [::]:11211")
    host.write("/etc/memcached.conf", "-u memcache\n")
    assert host.read("/run/memcached/memcached.pid")
    refused(host, because="by hand")


def test_a_container_by_its_process_namespace(host):
    host.sh(
        "unshare --pid --fork --net --kill-child bash -c 'ip link set lo up; exec memcached -u memcache' &>/dev/null &"
        "while ! pgrep -x memcached; do sleep 0.05; done; up"
    )
    answer = refused(host, "docker run -p 127.0.0.1:11211:11211", because="container")
    assert answer["servers"][0]["started_by"] == "container" and answer["servers"][0]["verdict"] == "unknown"
    assert answer["servers"][0]["listen"] == ["0.0.0.0:11211", "[::]:11211"], "seen in its own network"


@pytest.mark.parametrize("group", ["docker-0123.scope", "cache.service"])
def test_a_container_and_a_unit_by_their_control_group(host, group):
    host.systemd()
    host.unit(ARCH, "cache.service", start=False)
    made = host.sh(
        "mkdir -p /run/cg && mount -t cgroup2 cgroup2 /run/cg && mktemp -d /run/cg/portcullis-XXXXXX"
    ).strip()
    try:
        host.sh(f"mkdir {made}/{group}; ln -s {made} /run/cgroup")
        if group == "cache.service":
            host.sh("systemctl start cache.service; up")
            host.harden("apply", check=0)
            assert (
                host.listening() == LOOPBACK
                and host.path("/etc/systemd/system/cache.service.d/portcullis.conf").exists()
            )
        else:
            host.sh(f"memcached -d -u memcache >/dev/null 2>&1; up; pgrep -x memcached >{made}/{group}/cgroup.procs")
            refused(host, because="container")
    finally:
        host.sh("pkill -x memcached; while pgrep -x memcached; do sleep 0.05; done")
        host.sh(f"rmdir {made}/{group} {made}")


def test_one_of_two_is_refused_and_the_other_is_left_alone_until_it_is_named(host):
    """All or nothing: a run that does half of it could not be told from one that did all."""
    start(host, ARCH)
    host.sh("memcached -d -u memcache -p 11300 >/dev/null 2>&1; up")
    refused(host, because="by hand")
    (unit,) = (s for s in host.harden("report")[1]["servers"] if s["unit"])
    assert unit["sha256"] is None, "there is no file yet"


def test_udp_only_has_nothing_that_would_be_left(host):
    host.debian("-u memcache\n-p 0\n-U 11211\n")
    refused(host, because="UDP only")


def test_a_unix_socket_is_no_network(host):
    host.debian("-u memcache\n-s /run/memcached/socket\n", start=False)
    host.sh("/etc/init.d/memcached start; up")
    _, report = host.harden("apply", check=0)
    assert report["because"] == "nothing to do" and report["servers"][0]["verdict"] == "closed"


def test_nothing_is_there(host):
    host.sh("rm /etc/init.d/memcached")
    _, report = host.harden("report", check=0)
    assert report["servers"] == [] and report["because"] == "no Memcached server was found"
    host.harden("apply", check=0)
    assert host.files() == {}


@pytest.mark.parametrize(
    "arguments",
    ["", "harden", "report --force x", "apply --listen", "undo", "undo ../x", "apply --id A", "apply --expected abc"],
)
def test_wrong_arguments(host, arguments):
    status, said = host.harden(*arguments.split())
    assert status == 64 and "report | apply" in said


def test_text_of_others_stays_text(host):
    """Options and names are a stranger's: quotes, backslashes and control characters end no string and no line."""
    host.debian('-u memcache\n-o hashpower=20 # "\\\x1b[31m\n-l 0.0.0.0 # \u202e"}\\x\t\x07\n')
    _, report = host.harden("report", check=0)
    assert '"}\\x' in report["servers"][0]["would"]["diff"] and "\x1b" not in str(report)


def test_many_servers_stay_within_the_bound(host):
    long = " ".join(f"-o hashpower=2{number % 8}" for number in range(60))
    for number in range(9):
        host.debian(
            f"-u memcache\n-p 113{number:02}\n{long}\n-l 0.0.0.0 # {'x' * 3000}\n",
            name=f"memcached_{number}",
            start=False,
        )
    _, report = host.harden("report", check=0)
    assert len(report["servers"]) == 6 and all(s["verdict"] == "exposed" for s in report["servers"])


# Next to nothing installed -------------------------------------------------------------------------


def test_with_busybox_alone(host):
    """No ss, no bash, no Python, no GNU: sockets come from /proc, and what cannot be asked is said to be unknown."""
    start(host, ARCH.replace("0.0.0.0", "0.0.0.0 -U 11211"))
    host.connect(PRIVATE)
    host.sh("mkdir /run/kept; cp -a /usr/bin/busybox /usr/bin/systemctl /usr/bin/memcached /run/kept/")
    busybox = pathlib.Path("/run/kept/busybox")
    host.sh(
        f"mount -t tmpfs tmpfs /usr/sbin; mkdir /run/bin; {busybox} --install -s /run/bin; cd /run/bin; rm -f nc;"
        f"cp /run/kept/systemctl /usr/bin/memcached .; {busybox} mount -o bind /run/bin /usr/bin"
    )
    done = host.run("/run/kept/busybox", "sh", "-c", "command -v ss bash python3 socat nc", check=False)
    assert done.stdout == ""
    _, report = host.harden("report", shell="/run/kept/busybox sh", check=0)
    (server,) = report["servers"]
    assert (
        server["listen"] == ["0.0.0.0:11211"] and server["udp"] == ["0.0.0.0:11211"] and server["udp_answered"] is None
    )
    assert server["clients"]["remote"] == ["10.9.0.9"] and server["verdict"] == "exposed"
    host.harden("apply", shell="/run/kept/busybox sh", check=0)
    assert host.amplification(PUBLIC) == host.amplification(PRIVATE) == 0
    assert host.reachable(PRIVATE) and not host.reachable(PUBLIC)


def test_mode_owner_and_selinux_context_are_kept(host):
    start(host, RHEL, SYSCONFIG + 'OPTIONS=""\n')
    host.sh("chmod 640 /etc/sysconfig/memcached; chgrp memcache /etc/sysconfig/memcached")
    for name in ("selinuxenabled", "chcon"):
        host.write(f"/usr/sbin/{name}", f'#!/bin/sh\necho {name} "$@" >>/run/selinux\n', mode=0o755)
    state = host.files()["/etc/sysconfig/memcached"][1:]
    host.harden("apply", "--id", "one", check=0)
    assert {found[1:] for found in host.files().values() if found} == {state}
    named = [line.split()[-1] for line in host.read("/run/selinux").decode().splitlines() if line.startswith("chcon")]
    assert "/etc/sysconfig/memcached.portcullis-new" in named and os.fsdecode(named[1]).startswith(
        "/etc/sysconfig/memcached.portcullis-one-"
    )
