"""`make account`: leaves a guarded network running to play with, until ctrl-C.

The account has the topic of the stack with a queue and a mailbox, and the very resources that the
sample events name. The deployed functions watch the bus, as they would in AWS; `cargo lambda`
runs yours beside them.
"""

import argparse
import json
import os
import signal
import subprocess
import sys

from demo.screen import Screen
from harness import places
from harness.account import CREDENTIALS, REGION, Account
from harness.guard import Guard
from harness.inbox import read_mail
from harness.wait import until

TOPIC = "PORTCULLIS_ALERT_TOPIC_ARN"


def main():
    parser = argparse.ArgumentParser(prog="play.py", description=__doc__)
    parser.add_argument("--mode", choices=("enforce", "observe"), default="enforce", help="of the deployed functions")
    parser.add_argument("--env-file", default=str(places.TARGET / "account.env"), help="where the settings are written")
    parser.add_argument("command", nargs="*", help="run this in the account's environment, and end with it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the account is stopped
    screen = Screen()
    # A minute of a workflow is half a second.
    with Account("--creating-seconds", "2", "--wait-scale", "0.01", "--timeout-scale", "0.1") as account:
        guard = Guard(account).deploy(Mode=options.mode, MoveCaches="ask", ApprovalPage="yes")
        seeded = sum(seed(account, path) for path in sorted(places.EVENTS.glob("*.facts.json")))
        settings = environment(guard)
        write(options.env_file, settings)
        try:
            if options.command:
                return subprocess.call(options.command, env={**account.environment(), **settings})
            explain(screen, guard, settings, seeded, options.env_file)
            watch_mail(screen, account)
        except KeyboardInterrupt:
            screen.line("\nThe account is gone.")
        finally:
            os.remove(options.env_file)
    return 0


def seed(account, path):
    return sum(account.seed(json.loads(path.read_text()))["seeded"].values())


def environment(guard):
    """What the SDK, the AWS CLI and the functions read."""
    return {
        "AWS_ENDPOINT_URL": guard.account.endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **CREDENTIALS,
        TOPIC: guard.stack.topic,
        "PORTCULLIS_EXCEPTIONS_DIR": str(places.TEMPLATE.parent / "exceptions"),
        "PORTCULLIS_LEDGER_TABLE": guard.ledger.table,
        "PORTCULLIS_DIGEST_QUEUE_URL": guard.stack.outputs["DigestQueueUrl"],
    }


def write(path, settings):
    with open(path, "w") as file:
        file.write("".join(f"{name}={value}\n" for name, value in settings.items()))


def explain(screen, guard, settings, seeded, env_file):
    tools = os.path.dirname(sys.executable)
    screen.line(f"\nAccount 111122223333 in {REGION}, with {seeded} resources of the sample events.", "title")
    screen.line("\nIn another terminal:", "bold")
    for name, value in settings.items():
        screen.line(f"  export {name}={value}")
    screen.line(f'  export PATH="{tools}:$PATH"   # aws, cargo-lambda')
    screen.line(f"  (or: set -a; . {os.path.relpath(env_file, places.REPO)}; set +a)", "dim")
    screen.line("\nOpen a port, and watch it close: the deployed functions are on guard.", "bold")
    group = guard.group("playground")
    screen.line(
        f"  aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 6379 --cidr 0.0.0.0/0"
    )
    screen.line(f"  aws ec2 describe-security-group-rules --filters Name=group-id,Values={group}")
    screen.line("\nMake a cache on its default port, and move it: the mail asks, with a link for a browser.", "bold")
    screen.line(
        "  aws elasticache create-replication-group --replication-group-id carts --replication-group-description carts"
    )
    screen.line(
        "    --engine valkey --cache-node-type cache.t4g.small --num-cache-clusters 2 --automatic-failover-enabled"
    )
    screen.line(f"    --cache-subnet-group-name caches --security-group-ids {group}")
    command = os.path.relpath(places.binary("portcullis"), places.REPO)
    screen.line(f"  {command} moves     # and approve ID, reject ID, plan carts")
    screen.line("\nYour own build, on a sample event and the resources that it names:", "bold")
    screen.line(
        "  cargo lambda watch -A 127.0.0.1     # once, leave it running; builds what has changed at each invoke"
    )
    for function, event in (("ingress", "authorize-redis-to-the-world"), ("cache", "create-memcached-on-default-port")):
        screen.line(f"  cargo lambda invoke {function} -A 127.0.0.1 --data-file events/{event}.json")
    screen.line(f"\nMails arrive in {os.path.relpath(guard.account.mail_dir, places.REPO)} and below.", "bold")
    # Version 1 of the AWS CLI asks for SQS elsewhere, whatever AWS_ENDPOINT_URL says.
    sqs = "--endpoint-url $AWS_ENDPOINT_URL --queue-url"
    screen.line(f"Alerts for machines: aws sqs receive-message {sqs} {guard.alerts.queue.url}")
    screen.line(f"What failed:         aws sqs receive-message {sqs} {guard.stack.failure_queue}")
    screen.line("\nCtrl-C ends the account.", "dim")


def watch_mail(screen, account):
    """Show mails as they arrive, until interrupted."""
    shown = set()

    def new():
        return sorted(n for n in os.listdir(account.mail_dir) if n.endswith(".eml") and n not in shown)

    while True:
        for name in until("a mail", new, float("inf")):
            shown.add(name)
            screen.line()
            screen.mail(read_mail(os.path.join(account.mail_dir, name)))


if __name__ == "__main__":
    sys.exit(main())
