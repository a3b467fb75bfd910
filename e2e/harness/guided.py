"""What alerts and plans tell a person to do: the steps with their commands, and an account in which they are followed.

The steps of alerts are those of `shared/alerts/tests/corpus/guidance/`: one file an event, in brackets the kind of each
step, and `$ ` before each command.
"""

import dataclasses
import json
import re
import shlex
import subprocess

from . import pasted, places
from .wait import until

GUIDANCE = places.REPO / "shared" / "alerts" / "tests" / "corpus" / "guidance"


@dataclasses.dataclass
class Step:
    """One step: for which check, of which kind, in which words, with which commands."""

    check: str
    kind: str
    words: str
    commands: list


def events():
    """The events with steps, by name."""
    return {path.stem: path for path in sorted(GUIDANCE.glob("*.snap"))}


def steps(name):
    """The steps of an event, in order."""
    text = events()[name].read_text().split("---\n", 2)[2]
    found, check = [], None
    for line in text.splitlines():
        mark = re.match(r"  \[([a-z-]+)\] (.*)", line)
        if line and not line.startswith(" "):
            check = line
        elif mark:
            found.append(Step(check, mark[1], mark[2], []))
        elif line.startswith("  $ "):
            found[-1].commands.append(line.removeprefix("  $ "))
        else:
            found[-1].words += "\n" + line.removeprefix("    ")
    return found


def facts(name):
    return json.loads((places.EVENTS / f"{name}.facts.json").read_text())


def options(command):
    """The options of the last command of a line: `{"--region": ["eu-west-1"], …}`."""
    words = shlex.split(command, comments=True)
    found, name = {}, None
    for word in words:
        if word.startswith("--"):
            name, found[word] = word, []
        elif name:
            found[name].append(word)
    return found


def option(command, name):
    """The one value of an option."""
    (value,) = options(command)[name]
    return value


def plan_steps(text):
    """The commands of each step that `portcullis plan` prints, by the step's name, in order."""
    found, name = {}, None
    for line in text.partition("\nSteps\n")[2].splitlines():
        mark = re.match(r" ?\d+\. ([a-z-]+)( \(you\))?\. ", line)
        if mark:
            name = mark[1]
            found[name] = []
        elif name and line.startswith("    $ "):
            found[name].append(line.removeprefix("    $ "))
    return found


class Shell:
    """A person's shell in a directory of its own."""

    def __init__(self, account, directory):
        self.account, self.directory = account, directory

    def run(self, command, ends=(0,)):
        """Runs a command, which must end so; gives what it printed."""
        environment = pasted.environment(self.account)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            env=environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode in ends, f"{command}\n{done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if done.returncode else "")

    def follow(self, plan_of, inputs=None, until_step="delete"):
        """The steps of a plan up to one, each waited for. ``inputs``: another create.json than the plan's."""
        done = []
        for step, commands in plan_steps(self.run(plan_of)).items():
            if step == until_step:
                break
            for command in commands:
                self._one(command, plan_of, inputs)
                done.append((step, command))
        return done

    def _one(self, command, plan_of, inputs):
        if command.startswith("portcullis plan FILE"):
            how = command.partition("#")[0].replace("portcullis plan FILE", plan_of)
            if inputs is None:
                self.run(how)
            return
        if "describe-" in command and "Status" in command:
            until(f"{command} says available", lambda: "available" in self.run(command))
            return
        self.run(command)
