"""Replacing private functions of MiniStack, and refusing when they are not there."""


class IncompatibleMiniStack(SystemExit):
    """MiniStack is not the one these patches were written for."""

    def __init__(self, message):
        super().__init__(f"emulated account: {message}")


def require(module, *names):
    """Fail unless every name exists in the module: a patch on thin air would go unnoticed."""
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise IncompatibleMiniStack(
            f"{module.__name__} has no {', '.join(missing)}; these patches do not fit this MiniStack"
        )


def original(module, name):
    """MiniStack's function, for a replacement that goes on to call it."""
    require(module, name)
    return getattr(module, name)


def replace(module, name, function):
    """Put our function in place of MiniStack's."""
    require(module, name)
    setattr(module, name, function)


def replace_action(action_map, action, function):
    """The same for an entry of a service's action table."""
    if action not in action_map:
        raise IncompatibleMiniStack(f"MiniStack does not know the action {action}")
    action_map[action] = function
