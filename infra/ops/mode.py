"""Turn everything to observe at once (pause), or back to enforce (resume).

In observe mode the functions find and tell the same, and change nothing. Two steps: the functions'
own setting, which works within seconds, then the stack's parameter Mode, so that the stack says
what the functions do and no later deployment undoes it. What is open already stays as it is:
`resume` closes nothing that was opened in between, and the alerts of that time say what that is.

exit codes: 0 in that mode, or it was already; 1 not all of it, and why is printed; 2 could not start
"""

import stack as stacks
from botocore.exceptions import ClientError

MODES = {"pause": "observe", "resume": "enforce"}
SETTING = "PORTCULLIS_MODE"
#: The template's, for its roles and for SAM's transform.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def main():
    parser = stacks.parser(__doc__)
    parser.add_argument("verb", choices=tuple(MODES))
    options = parser.parse_args()
    stack, wanted = stacks.Stack(options.stack), MODES[options.verb]
    before = stack.parameters["Mode"]
    switched = [function for function in stack.functions.values() if switch(stack.client("lambda"), function, wanted)]
    if before == wanted and not switched:
        print(f"{stack.name} is in {wanted} mode already")
        return stacks.DONE
    print(f"{stacks.number(len(switched), 'function')} of {stack.name} switched to {wanted} mode")
    if before != wanted:
        update(stack, wanted)
    print(f"{stack.name}: was in {before} mode, is in {wanted} mode")
    if wanted == "enforce":
        print("What was opened meanwhile is still open: the alerts name it, and docs/operations.md how to find it.")
    return stacks.DONE


def switch(client, function, wanted):
    """Change one function's own setting; whether it had to be."""
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    if variables.get(SETTING) == wanted:
        return False
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, SETTING: wanted}}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return True


def update(stack, wanted):
    """The stack with one parameter changed, everything else as it is."""
    cloudformation = stack.client("cloudformation")
    parameters = [{"ParameterKey": name, "UsePreviousValue": True} for name in stack.parameters if name != "Mode"]
    print(f"updating the stack ({stack.account.region}), about a minute")
    try:
        cloudformation.update_stack(
            StackName=stack.name,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": "Mode", "ParameterValue": wanted}, *parameters],
            Capabilities=CAPABILITIES,
        )
    except ClientError as error:
        raise stacks.Failure(half_done(stack, wanted, stacks.in_words(error))) from error
    if not stacks.finished(cloudformation, stack.id, "stack_update_complete"):
        stack.read()
        raise stacks.Failure(
            half_done(stack, wanted, f"the stack is {stack.status}: {stacks.why(cloudformation, stack.id)}")
        )
    stack.read()


def half_done(stack, wanted, why):
    """Which functions do what, now that the stack does not follow."""
    client, modes = stack.client("lambda"), []
    for kind, function in stack.functions.items():
        variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        modes.append(f"{kind} {variables.get(SETTING)}")
    return (
        f"the stack did not follow to {wanted} mode: {why}\nThe functions are, as of now: {', '.join(modes)}. "
        "Run this again once the stack can be updated: until then the next deployment may undo it."
    )


if __name__ == "__main__":
    stacks.run(main)
