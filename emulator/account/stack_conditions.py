"""CloudFormation: conditions that take a text apart, which MiniStack compares as they stand.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from ministack.services.cloudformation import changesets, engine, handlers, stacks

from . import patching

#: What MiniStack does not resolve in a condition; none of them can refer to a resource there.
FUNCTIONS = ("Fn::Sub", "Fn::Split", "Fn::Join", "Fn::FindInMap")


def install():
    patching.require(engine, "_resolve_refs")
    evaluate = patching.original(engine, "_evaluate_conditions")

    def evaluate_resolved(template, params):
        mappings = template.get("Mappings") or {}
        conditions = {
            name: resolved(definition, params, mappings)
            for name, definition in (template.get("Conditions") or {}).items()
        }
        return evaluate({**template, "Conditions": conditions}, params)

    for module in (engine, changesets, handlers, stacks):
        patching.replace(module, "_evaluate_conditions", evaluate_resolved)


def resolved(node, params, mappings):
    """The same expression, with texts and lists instead of the functions that make them."""
    if isinstance(node, list):
        return [resolved(item, params, mappings) for item in node]
    if not isinstance(node, dict):
        return node
    function, argument = next(iter(node.items())) if len(node) == 1 else (None, None)
    if function in FUNCTIONS or (function == "Ref" and str(argument).startswith("AWS::")):
        return engine._resolve_refs(node, {}, params, {}, mappings, "", "")
    return {key: resolved(value, params, mappings) for key, value in node.items()}
