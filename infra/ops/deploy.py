"""Build the functions and make or update the stack, then say whether Portcullis can see anything.

Parameters that are not given keep the value that the stack has, or the template's default for a
new stack. `sam build` and `sam deploy` do the work; the artifacts go to SAM's own bucket, below
the name of the stack.

exit codes: 0 deployed; 1 AWS refused, and why is printed; 2 could not start
"""

import re
import shlex

import build
import ears
import stack as stacks

#: Of a stack's name: AWS takes 80 characters of a state machine's, which is that of the stack with `-recreate`.
LONGEST_NAME = 71
#: A stack in one of these can only be removed.
HOPELESS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


def main():
    parser = stacks.parser(__doc__)
    parser.add_argument("--mode", choices=("enforce", "observe"), help="observe tells what it would close")
    parser.add_argument("--email", metavar="ADDRESS", help="subscribe this address to the alerts")
    parser.add_argument("--arch", choices=tuple(build.TRIPLES), help="processor (default: the stack's, else arm64)")
    parser.add_argument("--parameters", default="", metavar="'NAME=VALUE ...'", help="of the template")
    parser.add_argument("--tags", default="", metavar="'KEY=VALUE ...'", help="of the stack and all that is in it")
    options = parser.parse_args()
    if len(options.stack) > LONGEST_NAME:
        raise stacks.Problem(
            f"the name of the stack has {len(options.stack)} characters, and the workflow and a queue are called after "
            f"it: at most {LONGEST_NAME}"
        )
    account = stacks.Account()
    current = stacks.describe(account, options.stack) or {}
    if current.get("StackStatus") in HOPELESS:
        raise stacks.Problem(
            f"the stack {options.stack} in {account.place()} is {current['StackStatus']}, and CloudFormation "
            "cannot update it: `make destroy`, then deploy again"
        )
    parameters = chosen(options, current)
    if parameters.get("MoveCaches") == "no":
        refuse_with_moves(account, options.stack, current)
    print(f"{'Updating' if current else 'Making'} the stack {options.stack} in {account.place()}")
    build.check_exceptions()
    build.build(parameters["Architecture"])
    # SAM takes away the tags that it is not given.
    tags = {item["Key"]: item["Value"] for item in current.get("Tags", [])} | pairs(options.tags, "TAGS")
    build.sam(command(options.stack, account.region, parameters, tags))
    return report(stacks.Stack(options.stack))


def refuse_with_moves(account, name, current):
    """What they know and wait for would be gone in the middle of them."""
    under_way = stacks.moves_under_way(account, current)
    if under_way:
        raise stacks.Problem(
            f"MoveCaches=no would end what is under way in {name}: {', '.join(sorted(under_way))}. Let it end, answer "
            "it (`portcullis approve`, `portcullis reject`), or stop it: docs/operations.md, MovesAlarm"
        )


def chosen(options, current):
    """The parameters to give: what was asked for, and the processor in any case, for which is built."""
    parameters = pairs(options.parameters, "PARAMETERS")
    given = {"Mode": options.mode, "AlertEmail": options.email, "Architecture": options.arch}
    parameters.update({name: value for name, value in given.items() if value})
    deployed = {item["ParameterKey"]: item["ParameterValue"] for item in current.get("Parameters", [])}
    parameters.setdefault("Architecture", deployed.get("Architecture", "arm64"))
    if parameters["Architecture"] not in build.TRIPLES:
        raise stacks.Problem(f"Architecture={parameters['Architecture']}: it is arm64 or x86_64")
    return parameters


def pairs(text, what):
    """`Name=Value Other='with space'` as a dictionary."""
    found = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or not re.fullmatch(r"[\w.:/+@-]+", name):
            raise stacks.Problem(f"{what}: {word!r} is not NAME=VALUE")
        found[name] = value
    return found


def command(name, region, parameters, tags):
    """The whole of `sam deploy`: nothing of it comes from a samconfig.toml."""
    made = ["deploy", "--template-file", str(build.BUILT / "template.yaml"), "--stack-name", name, "--region", region]
    made += ["--resolve-s3", "--s3-prefix", name, "--no-fail-on-empty-changeset", "--no-confirm-changeset"]
    made += ["--no-progressbar", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    made += ["--parameter-overrides", *(f"{key}={quoted(value)}" for key, value in parameters.items())]
    return made + (["--tags", *(f"{key}={quoted(value)}" for key, value in tags.items())] if tags else [])


def quoted(value):
    """As SAM reads it: it takes its arguments apart at blanks once more."""
    return '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))


def report(stack):
    """What was deployed, whether it sees anything, and what to do next."""
    print(
        f"\n{stack.name} is {stack.status}, in {stack.parameters['Mode']} mode, on {stack.parameters['Architecture']}."
    )
    print(f"Alerts go to {stack.outputs['AlertTopicArn']}.")
    blind, said = stack.invoke(stack.functions["trail"], {})
    if blind:
        print(f"\n{'!' * 80}\nTHE CHECK FAILED: {stacks.plain(blind)}\n{'!' * 80}\n")
    else:
        print(f"Check: {stacks.plain(said)}")
    print("Next:")
    for step in next_steps(stack, blind):
        print(f"  - {step}")
    return stacks.DONE


def next_steps(stack, blind):
    if blind and "blind" in blind:
        yield f"let a trail log the management events of {stack.account.region}, then: make deploy (it checks again)"
    if not stack.parameters["AlertTopicArn"]:
        yield from ears.steps(stack)
    yield "see it work: make canary"
    if stack.parameters["Mode"] == "observe":
        yield "read the alerts for some days, then: make resume (enforce mode)"


if __name__ == "__main__":
    stacks.run(main)
