"""A Linux host with a "public" address, and a second one with clients, in network, mount and process namespaces."""

import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
REPO = HERE.parents[1]
SCRIPT = REPO / "infra" / "documents" / "harden-memcached.sh"
#: For the script every address that is not private is public, those for documentation too.
PUBLIC, PRIVATE, PRIVATE_V6, CLIENT = "198.51.100.7", "10.9.0.5", "fd00:9::5", "10.9.0.9"
PROBE = b"\0\1\0\0\0\1\0\0stats\r\n"
NEW_NETWORK = 0x40000000

#: Copies of /etc and /usr that are written to and thrown away; nothing of the machine changes.
SETUP = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for name in etc usr; do
    mkdir /mnt/$name /mnt/$name.work
    mount -t overlay overlay -o lowerdir=/$name,upperdir=/mnt/$name,workdir=/mnt/$name.work /$name
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p -m 755 /run/memcached && chown memcache /run/memcached
mount -t tmpfs tmpfs /var/log
ip link set lo up
rm -f /etc/memcached*.conf /etc/sysconfig/memcached*
echo ready
# As process 1 bash collects whoever has died; sleep would not.
while :; do sleep infinity & wait $!; done
"""


def missing():
    """What the tests need and is not there, with the command that enables them; nothing if all is there."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.getuid():
        return "network namespaces need root: sudo make test-memcached"
    wanted = {"memcached": "memcached", "ip": "iproute2", "unshare": "util-linux", "busybox": "busybox", "dash": "dash"}
    packages = [
        package
        for command, package in wanted.items()
        if not shutil.which(command, path=os.defpath + ":/usr/sbin:/sbin")
    ]
    if not pathlib.Path("/usr/share/memcached/scripts/start-memcached").exists():
        packages.append("memcached")
    if packages:
        return f"{' '.join(sorted(set(packages)))} missing: apt-get install {' '.join(sorted(set(packages)))}"
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "this machine allows no namespaces (a container? docker run --privileged)"
    return None


def _inside(unshared):
    """The one child that unshare has made."""
    for _ in range(500):
        children = pathlib.Path(f"/proc/{unshared.pid}/task/{unshared.pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise TimeoutError("unshare has made no process")


class Host:
    def __init__(self):
        self.unshared = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SETUP],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.unshared.stdout.readline() == "ready\n"
        self.pid = _inside(self.unshared)
        self.other = subprocess.Popen(["unshare", "--net", "--fork", "--kill-child", "sleep", "infinity"])
        self.client = _inside(self.other)
        self._join()
        self.sockets = []

    def _join(self):
        ip = lambda *words: subprocess.run(["ip", *words], check=True)
        ip(
            "link",
            "add",
            "eth0",
            "netns",
            str(self.pid),
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            str(self.client),
        )
        self.run("ip", "addr", "add", f"{PRIVATE}/24", "dev", "eth0")
        self.run("ip", "addr", "add", f"{PRIVATE_V6}/64", "dev", "eth0", "nodad")
        self.run("ip", "link", "set", "eth0", "up")
        # Linux answers for an address on whatever interface it is; not every kernel has dummy ones.
        self.run("ip", "addr", "add", f"{PUBLIC}/32", "dev", "lo")
        beyond = ["nsenter", "-t", str(self.client), "-n", "ip"]
        for words in (
            ["link", "set", "lo", "up"],
            ["addr", "add", f"{CLIENT}/24", "dev", "eth0"],
            ["addr", "add", "fd00:9::9/64", "dev", "eth0", "nodad"],
            ["link", "set", "eth0", "up"],
            ["route", "add", f"{PUBLIC}/32", "via", PRIVATE],
        ):
            subprocess.run([*beyond, *words], check=True)

    def close(self):
        for connection in self.sockets:
            connection.close()
        for process in (self.unshared, self.other):
            process.kill()
            process.wait()
        self.unshared.stdout.close()

    # Commands and files ---------------------------------------------------------------------------

    def run(self, *words, check=True, **how):
        enter = ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", "--"]
        return subprocess.run([*enter, *map(str, words)], check=check, capture_output=True, text=True, **how)

    def sh(self, line, check=True):
        """A line of bash, in which `up` waits until something listens."""
        up = "up() { for _ in {1..100}; do ss -Htuln | grep -q : && return; sleep 0.05; done; }\n"
        return self.run("bash", "-c", up + line, check=check).stdout

    def path(self, name):
        return pathlib.Path(f"/proc/{self.pid}/root{name}")

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)

    def read(self, name):
        return self.path(name).read_bytes()

    def files(self):
        """Every file in which options may be, with its bytes and its mode."""
        found = {}
        for pattern in (
            "memcached*",
            "sysconfig/memcached*",
            "systemd/system/memcached*/*",
            "systemd/system/memcached*.service",
        ):
            for path in self.path("/etc").glob(pattern):
                if path.is_file():
                    state = path.stat()
                    found["/etc/" + str(path.relative_to(self.path("/etc")))] = (
                        path.read_bytes(),
                        state.st_mode,
                        state.st_uid,
                        state.st_gid,
                    )
        return found

    def systemd(self):
        """A host that systemd has started, as far as the script looks."""
        self.path("/run/systemd/system").mkdir(parents=True)
        stand_in = (HERE / "systemctl.py").read_text()
        self.write("/usr/bin/systemctl", f"#!{sys.executable} -IS\n{stand_in}", 0o755)

    def harden(self, *arguments, shell="dash", check=None):
        """The status and the line of JSON; the JSON is bounded and printable whatever was found."""
        done = self.run(*shell.split(), SCRIPT, *arguments, check=False)
        if done.returncode == 64:
            return 64, done.stderr
        assert done.stdout.count("\n") == 1 and len(done.stdout) < 12_000, (done.stdout, done.stderr)
        assert done.stdout.strip().isascii() and done.stdout.strip().isprintable()
        answer = json.loads(done.stdout)
        assert check is None or done.returncode == check, (done.returncode, answer, done.stderr)
        return done.returncode, answer

    # What is to be seen from outside --------------------------------------------------------------

    def pids(self):
        return {int(pid) for pid in self.sh("pgrep -x memcached || true").split()}

    def listening(self):
        """`tcp ADDRESS:PORT` and `udp ADDRESS:PORT`, as ss has them."""
        found = set()
        for kind, letter in (("tcp", "t"), ("udp", "u")):
            for line in self.run("ss", f"-H{letter}ln").stdout.splitlines():
                found.add(f"{kind} {line.split()[3]}")
        return found

    def wait(self, *wanted):
        """Until exactly this is listened on."""
        end = time.monotonic() + 10
        while self.listening() != set(wanted):
            assert time.monotonic() < end, (self.listening(), wanted)
            time.sleep(0.05)

    @contextlib.contextmanager
    def _beyond(self):
        """This thread in the clients' network: what sockets are made here stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.client}/ns/net") as there:
            assert libc.setns(there.fileno(), NEW_NETWORK) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), NEW_NETWORK) == 0

    def socket(self, kind, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self._beyond():
            made = socket.socket(family, kind)
        made.settimeout(2)
        self.sockets.append(made)
        return made

    def connect(self, address=PRIVATE, port=11211):
        """A client on the second host that stays."""
        connection = self.socket(socket.SOCK_STREAM, address)
        connection.connect((address, port))
        connection.sendall(b"version\r\n")
        assert connection.recv(64).startswith(b"VERSION")
        return connection

    def reachable(self, address, port=11211):
        connection = self.socket(socket.SOCK_STREAM, address)
        try:
            connection.connect((address, port))
            connection.sendall(b"version\r\n")
            return connection.recv(64).startswith(b"VERSION")
        except OSError:
            return False
        finally:
            connection.close()

    def amplification(self, address, port=11211):
        """Bytes that come back over UDP for each byte sent; 0 if nothing answers. One datagram is sent."""
        probe = self.socket(socket.SOCK_DGRAM, address)
        # Not connected: a server that listens on all addresses may answer from another one.
        probe.sendto(PROBE, (address, port))
        probe.settimeout(0.3)
        answered = 0
        with contextlib.suppress(OSError):
            while answered < 65536:
                answered += len(probe.recv(65536))
        return answered / len(PROBE)

    # Starting ------------------------------------------------------------------------------------

    def debian(self, text, name="memcached", start=True):
        """The package of Debian as it comes, with this file, started by its init script."""
        self.write(f"/etc/{name}.conf", text)
        if start:
            self.sh(
                "/etc/init.d/memcached start" + ("" if name == "memcached" else f" {name.removeprefix('memcached_')}")
            )
            end = time.monotonic() + 5
            while not self.path(f"/run/{name}.pid").exists() or not self.listening():
                assert time.monotonic() < end
                time.sleep(0.02)

    def unit(self, text, name="memcached.service", start=True):
        self.write(f"/usr/lib/systemd/system/{name}", text)
        if start:
            self.sh(f"systemctl start {name}; up")


def sha256(data):
    return hashlib.sha256(data).hexdigest()
