"""Commands of a mail, run as a person would: pasted into a shell that has the AWS CLI and `portcullis`."""

import os
import re
import subprocess
import sys

from . import aws_cli, places


def commands_of(mail, heading):
    """The commands below a heading of the mail, which is a regular expression."""
    found = re.search(rf"^ *{heading}.*\n((?: *(?:aws|portcullis) .+(?:\n|\Z))+)", mail["body"], re.MULTILINE)
    assert found, mail["body"]
    return [line.strip() for line in found.group(1).splitlines()]


def run(command, account, given=None):
    """How it ended: everything of it. ``given``: another environment than that of the account's owner."""
    return subprocess.run(
        ["sh", "-c", command], env=given or environment(account), capture_output=True, text=True, timeout=60
    )


def typed(command, account, answer):
    """The same at a terminal, where this is typed when it asks; it must succeed."""
    ours, theirs = os.openpty()
    try:
        os.write(ours, answer.encode())
        done = subprocess.run(
            ["sh", "-c", command],
            env=environment(account),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def help_of(command):
    """What `portcullis` says of one of its commands; it needs no account."""
    return subprocess.run(
        [places.binary("portcullis"), command, "--help"], capture_output=True, text=True, timeout=60, check=False
    )


def environment(account):
    """A person's, who has the AWS CLI and `portcullis`."""
    tools = [
        aws_cli.directory(),
        os.path.dirname(sys.executable),
        str(places.binary("portcullis").parent),
        os.environ["PATH"],
    ]
    return {**account.environment(), "PATH": os.pathsep.join(tools)}


def paste(command, account, status=0):
    """Runs a command, which must end with this status; gives what it said."""
    done = run(command, account)
    assert done.returncode == status, f"{command}\n{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
