"""The emulated account as a process of its own, and clients for it."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

import boto3
from botocore.config import Config

from .places import REPO, STATE
from .wait import until

REGION = "eu-west-1"
ACCOUNT_ID = "111122223333"
#: The root user's; nothing else is accepted unless IAM made it.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
FAST = ("--creating-seconds", "0.3", "--retry-seconds", "0.1")


class Account:
    """Use it as a context manager: the account and its functions end with the block."""

    def __init__(self, *options):
        self.options = options
        self.process = None
        self.clients = {}

    def __enter__(self):
        STATE.mkdir(parents=True, exist_ok=True)
        self.directory = tempfile.mkdtemp(prefix="account-", dir=STATE)
        ready = os.path.join(self.directory, "ready")
        self.log = os.path.join(self.directory, "log")
        command = [sys.executable, "-m", "account", "--port", "0", "--region", REGION, "--account-id", ACCOUNT_ID,
                   "--state-dir", self.directory, "--ready-file", ready, *self.options]
        with open(self.log, "wb") as log:
            # A session of its own: ctrl-C reaches us alone, and we end the whole process group.
            self.process = subprocess.Popen(
                command, cwd=REPO, env={**os.environ, "PYTHONPATH": str(REPO / "emulator")},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        atexit.register(self.stop)
        try:
            until("the emulated account starts", lambda: self._check_alive() or os.path.exists(ready), 60)
            with open(ready) as file:
                self.endpoint = file.read().strip()
            self.mail_dir = self.get("health")["mail"]
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _check_alive(self):
        if self.process.poll() is not None:
            with open(self.log) as log:
                raise RuntimeError(f"the emulated account ended with {self.process.returncode}:\n{log.read()[-4000:]}")

    def stop(self):
        """End the account with everything it started, and remove what it wrote."""
        process, self.process = self.process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        _signal_group(process, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        _signal_group(process, signal.SIGKILL)  # also whatever outlived its parent
        process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self, service):
        """A boto3 client of the root user."""
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service, endpoint_url=self.endpoint, region_name=REGION,
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self.clients[service]

    def environment(self):
        """For command-line tools: the account, and nothing of the caller's own AWS setup."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, **CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    def get(self, path):
        with urllib.request.urlopen(f"{self.endpoint}/_account/{path}", timeout=30) as answer:
            return json.load(answer)

    def seed(self, document):
        """Put resources there as Describe shows them, ids and all, past the API and without an event."""
        request = urllib.request.Request(f"{self.endpoint}/_account/seed", json.dumps(document).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
