"""The emulated account with its files under target/, and clients for it."""

import atexit
import os
import shutil
import sys
import tempfile

import boto3

from .places import REPO, STATE

sys.path.insert(0, str(REPO / "emulator"))
from account.process import EmulatedAccount  # noqa: E402

REGION = "eu-west-1"
ACCOUNT_ID = "111122223333"
#: The root user's; nothing else is accepted unless IAM made it.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
#: Caches come up at once, failed events are tried again at once, and a minute of a digest is one second.
FAST = ("--creating-seconds", "0.3", "--retry-seconds", "0.1", "--window-scale", "0.017")

#: The same, and the clock can be moved: `account.forward(60)`.
MOVABLE = (*FAST, "--movable-clock")

AGENT = f"Boto3/{boto3.__version__}"


def _call_as(request, **_):
    request.headers["User-Agent"] = AGENT


class Account(EmulatedAccount):
    """Use it as a context manager: the account, its functions and its files end with the block."""

    def __init__(self, *options):
        STATE.mkdir(parents=True, exist_ok=True)
        directory = tempfile.mkdtemp(prefix="account-", dir=STATE)
        super().__init__("--region", REGION, "--account-id", ACCOUNT_ID, *options, state_dir=directory)
        self.clients = {}
        atexit.register(self.stop)

    def stop(self):
        super().stop()
        atexit.unregister(self.stop)
        shutil.rmtree(self.state_dir, ignore_errors=True)

    def client(self, service, **options):
        """A boto3 client, by default of the root user, made once."""
        key = (service, *sorted(options.items()))
        if key not in self.clients:
            self.clients[key] = super().client(service, **options)
            # What an alert shows of the caller; boto3's own would tell of the machine it runs on.
            self.clients[key].meta.events.register("request-created", _call_as)
        return self.clients[key]

    def as_tool(self, service, agent):
        """A client of the root user that calls itself so, as a tool of its own would."""
        client = super().client(service)

        def call_as(request, **_):
            request.headers["User-Agent"] = agent

        client.meta.events.register("request-created", call_as)
        return client

    def environment(self):
        """For command-line tools: the account, and nothing of the caller's own AWS setup."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **own,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_PAGER": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PYTHONPATH": str(REPO / "e2e" / "zips"),
        }
