"""Starting and stopping the account from another program, such as a test.

with EmulatedAccount(seed=["events"]) as account:
    account.client("ec2").describe_security_groups()
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

PACKAGE_PARENT = pathlib.Path(__file__).resolve().parent.parent
START_SECONDS = 30


class EmulatedAccount:
    """An account in a process group of its own, on a free loopback port unless told otherwise."""

    def __init__(self, *options, port=0, seed=(), state_dir=None, python=sys.executable, environment=None):
        self._own_dir = state_dir is None
        self.state_dir = pathlib.Path(state_dir or tempfile.mkdtemp(prefix="portcullis-account-"))
        self.log_file = self.state_dir / "account.log"
        self.endpoint = None
        self._ready_file = self.state_dir / "endpoint"
        self._command = [
            python,
            "-m",
            "account",
            "--port",
            str(port),
            "--state-dir",
            str(self.state_dir),
            "--ready-file",
            str(self._ready_file),
            *options,
        ]
        for directory in seed:
            self._command += ["--seed", str(pathlib.Path(directory).resolve())]
        self._environment = {**os.environ, **(environment or {}), "PYTHONPATH": str(PACKAGE_PARENT)}
        self._process = None

    @property
    def mail_dir(self):
        return self.state_dir / "mail"

    def start(self):
        """Start and wait until requests are answered."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._ready_file.unlink(missing_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the emulated account did not start:\n{self.log_file.read_text()}")
            time.sleep(0.02)
        self.endpoint = self._ready_file.read_text().strip()
        return self

    def stop(self):
        """End the process, then whatever of its group is left, and remove the state unless it was given."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            self._process = None
        if self._own_dir:
            shutil.rmtree(self.state_dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def client(self, service, region="eu-west-1", access_key="test", secret_key="test", session_token=None):
        """A boto3 client of the account; without keys, as its root user."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            config=Config(retries={"max_attempts": 0}, inject_host_prefix=False, parameter_validation=True),
        )

    def open(self, url, data=None, headers=None, timeout=30):
        """Get (or, with data, post to) a function URL: its host is this account, which not every resolver knows."""
        parts = urllib.parse.urlsplit(url)
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        target = self.endpoint + parts.path + (f"?{parts.query}" if parts.query else "")
        request = urllib.request.Request(target, data=data, headers={**sent, "Host": parts.netloc})
        return urllib.request.urlopen(request, timeout=timeout)

    def seed(self, document):
        """Add the resources of a facts document (a dict, or a path to a JSON file)."""
        if not isinstance(document, dict):
            document = json.loads(pathlib.Path(document).read_text())
        return self.control("POST", "seed", document)

    def forward(self, seconds):
        """Move the clock of the account and of its functions; it was started with ``--movable-clock``."""
        return self.control("POST", "clock", {"Forward": seconds})

    def clock(self):
        """What the environment of another process needs for the same clock."""
        from .movable import environment

        return environment(self.state_dir.resolve())

    def mails(self):
        """The mails delivered so far, oldest first."""
        return self.control("GET", "mail")["mails"]

    def clear_mails(self):
        self.control("DELETE", "mail")

    def control(self, method, path, document=None):
        """Call one of the account's own endpoints under ``/_account/``."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.endpoint}/_account/{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
