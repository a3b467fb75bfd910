"""Metric math for alarms: the functions and operators that take one value of each metric to one value.

A metric without data in the period is None; FILL gives it a value, the other functions leave it out.
AWS: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import operator

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
AGGREGATES = {"SUM": sum, "MAX": max, "MIN": min, "AVG": lambda values: sum(values) / len(values)}


class Unsupported(ValueError):
    """An expression that this account cannot evaluate."""


def check(expression, ids):
    """Refuse what `evaluate` would not understand, and names of no metric."""
    evaluate(expression, dict.fromkeys(ids, 1.0))


def evaluate(expression, values):
    """The value of an expression, or None if it has no data."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise Unsupported(f"Error in expression: {expression}") from None
    return _value(tree, values)


def _value(node, values):
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _combine(OPERATORS[type(node.op)], _value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _combine(operator.sub, 0.0, _value(node.operand, values))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args, values)
    raise Unsupported(f"Unsupported in an expression: {ast.unparse(node)}")


def _combine(operation, left, right):
    if left is None or right is None:
        return None
    try:
        return operation(left, right)
    except ZeroDivisionError:
        return None


def _call(name, arguments, values):
    if name == "FILL" and len(arguments) == 2:
        value = _value(arguments[0], values)
        return _value(arguments[1], values) if value is None else value
    if name in AGGREGATES and len(arguments) == 1:
        members = arguments[0].elts if isinstance(arguments[0], ast.List) else arguments
        present = [value for value in (_value(member, values) for member in members) if value is not None]
        return AGGREGATES[name](present) if present else None
    raise Unsupported(f"Unsupported in an expression: {name} with {len(arguments)} arguments")
