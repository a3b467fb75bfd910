"""Ask a real account what AWS's documents leave open about moving a cache. It takes about an hour, and costs money.

Five questions (docs/moving-a-cache.md, "What was not verified"), each asked by making the smallest thing that AWS
could refuse: cache.t4g.micro, with nothing in it. A call that AWS refuses is made again without what is in question:
only if that is taken, the refusal says anything. The answers go into a file, as AWS gives them. What was made is
removed, also after a failure and after Ctrl-C; what could not be removed is named, with the command for it.

Eight nodes at most for an hour: less than one dollar. It asks before it makes anything.

exit codes: 0 every question has an answer, and nothing is left; 1 not so; 2 could not start, or nobody agreed
"""

import argparse
import datetime
import json
import pathlib
import re
import secrets
import signal
import sys

import stack as stacks
import verify_questions as questions
from botocore.exceptions import BotoCoreError, ClientError
from verify_made import STEM, Made

WARNING = """\
In {place}, this makes up to {caches} small caches ({node}), two stacks without resources that cost
anything, a role of IAM and a snapshot, all named {stem}-..., and removes them.
That costs less than one US dollar, and takes about an hour.
"""


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is removed
    options = arguments().parse_args()
    account = stacks.Account()
    if options.clean_up:
        return cleaned(Made.found(account, options.clean_up, options.poll))
    wanted = options.only or list(questions.ALL)
    stem = f"{STEM}{secrets.token_hex(3)}"
    if not options.yes and not agreed(account, stem):
        return stacks.complain("nothing was made", stacks.NOT_STARTED)
    made = Made(account, stem, options.poll)
    answers = Answers(pathlib.Path(options.file), account, stem)
    try:
        for name in wanted:
            ask(name, account, made, options.subnet_group, answers)
    finally:
        left = cleaned(made)
    return stacks.DONE if left == stacks.DONE and answers.complete(wanted) else stacks.NOT_ALL


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", default="verify-aws.json", help="where the answers go (default: verify-aws.json)")
    parser.add_argument("--only", action="append", choices=list(questions.ALL), help="one question; may be repeated")
    parser.add_argument(
        "--subnet-group", metavar="NAME", help="of ElastiCache, where to make the caches (default: the default one)"
    )
    parser.add_argument(
        "--poll",
        type=float,
        default=15,
        metavar="SECONDS",
        help="how often to look at what is being made (default: 15)",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before it makes anything")
    parser.add_argument(
        "--clean-up", metavar="STEM", type=stem_of, help=f"only remove what an earlier run left, by its {STEM}..."
    )
    return parser


def stem_of(text):
    """Nothing but a run of this script may be removed."""
    if not re.fullmatch(rf"{STEM}[0-9a-f]{{6}}", text):
        raise argparse.ArgumentTypeError(f"it is {STEM} and six digits, as the run printed it")
    return text


def agreed(account, stem):
    print(WARNING.format(place=account.place(), caches=questions.CACHES, node=questions.NODE, stem=stem))
    print("Type yes to go on: ", end="", flush=True)
    return sys.stdin.readline().strip() == "yes"


def ask(name, account, made, subnet_group, answers):
    """One question; what goes wrong is its answer, and the next is asked."""
    question = questions.ALL[name]
    print(f"\n{name}: {question.__doc__.splitlines()[0]}", flush=True)
    try:
        answer = question(account, made, subnet_group)
    except ClientError as error:
        answer = {"answer": "not known", "why": stacks.in_words(error)}
    except (BotoCoreError, stacks.Problem) as error:
        answer = {"answer": "not known", "why": str(error)}
    print(f"  {answer['answer']}" + (f": {stacks.plain(answer['why'])}" if answer.get("why") else ""), flush=True)
    answers.add(name, {"question": question.__doc__.splitlines()[0], **answer})


class Answers:
    """The file, written anew after each answer, so that none is lost."""

    def __init__(self, path, account, stem):
        self.path, self.found = path, {}
        now = datetime.datetime.now(datetime.timezone.utc)
        self.head = {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "region": account.region, "run": stem}

    def add(self, name, answer):
        self.found[name] = answer
        text = json.dumps({**self.head, "answers": self.found}, indent=2, default=str)
        self.path.write_text(text + "\n", encoding="utf-8")

    def complete(self, wanted):
        return all(self.found.get(name, {}).get("answer", "not known") != "not known" for name in wanted)


def cleaned(made):
    """Remove everything; what is left is said, with the command that removes it."""
    print("\nRemoving what was made. Leave it running: a cache can be removed only when it is available.", flush=True)
    try:
        left = made.remove()
    except KeyboardInterrupt:
        left = made.names()
    for line in left:
        print(f"  NOT removed: {line}", flush=True)
    if left:
        return stacks.complain(
            f"what is left costs money: infra/ops/verify_aws.py --clean-up {made.stem}", stacks.NOT_ALL
        )
    print("  nothing is left", flush=True)
    return stacks.DONE


if __name__ == "__main__":
    stacks.run(main)
