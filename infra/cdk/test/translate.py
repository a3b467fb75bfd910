"""Templates as CloudFormation sees them: translated by SAM, with parameters and conditions put in.

Reads `[{"parameters": {}, "synthesised": {}}, ...]`, and answers with `[{"sam": {}, "cdk": {}}, ...]`, where
`sam` is infra/template.yaml with these parameters, and `cdk` what the CDK made of it.
"""

import json
import os
import pathlib
import re
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "e2e"))

from harness import deploy  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402

#: For conditions; elsewhere it stays what the stack is asked.
REGION = {"AWS::Region": "eu-west-1"}
GONE = {"Ref": "AWS::NoValue"}


def translated(template, given):
    """The plain CloudFormation template, with no parameter or condition left but those that the CDK adds."""
    functions = dict(deploy.functions(deploy.template()))
    for name, binary in functions.items():
        if name not in template["Resources"]:
            continue
        template["Resources"][name]["Properties"]["CodeUri"] = f"s3://code/{binary}"
        template["Resources"][name].pop("Metadata", None)
    template["Globals"]["Function"].pop("CodeUri", None)
    for name, path in deploy.workflows(deploy.template()):
        if name in template["Resources"]:
            template["Resources"][name]["Properties"]["DefinitionUri"] = f"s3://code/{path.name}"
            template["Resources"][name].pop("Metadata", None)
    for name, path in deploy.layers(deploy.template()):
        template["Resources"][name]["Properties"]["ContentUri"] = f"s3://code/{path.name}"
        template["Resources"][name].pop("Metadata", None)
    for unlike in ("Metadata", "Rules"):
        template.pop(unlike, None)
    defaults = {name: parameter["Default"] for name, parameter in template.get("Parameters", {}).items()}
    values = {**defaults, **given}
    plain = transform(template, dict(values), None)
    values = {name: values.get(name, default) for name, default in defaults.items()}
    conditions = Settled({**values, **REGION}, plain.pop("Conditions", {}))
    settled = Settled(values, {name: conditions.holds(name) for name in conditions.conditions})
    plain.pop("Parameters", None)
    for section in ("Resources", "Outputs"):
        kept = {name: item for name, item in plain[section].items() if settled.holds(item.pop("Condition", None))}
        plain[section] = settled.value(kept)
    for resource in plain["Resources"].values():
        if not resource.get("Properties", True):
            del resource["Properties"]
    used = {names[0] for names in looked_up([plain["Resources"], plain["Outputs"]])}
    plain["Mappings"] = {name: mapping for name, mapping in plain.get("Mappings", {}).items() if name in used}
    return plain


def looked_up(item):
    """The arguments of every `Fn::FindInMap`."""
    for name, value in item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ():
        if name == "Fn::FindInMap":
            yield value
        yield from looked_up(value)


class Settled:
    """Values and conditions are known, so what depends on them is."""

    def __init__(self, values, conditions):
        self.values, self.conditions = values, conditions

    def holds(self, condition):
        return True if condition is None else self.value(self.conditions[condition])

    def value(self, item):
        if isinstance(item, list):
            return [value for value in map(self.value, item) if value != GONE]
        if not isinstance(item, dict):
            return item
        if len(item) == 1:
            ((name, argument),) = item.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name](self, argument)
        values = {name: self.value(value) for name, value in item.items()}
        return {name: value for name, value in values.items() if value != GONE}

    def reference(self, name):
        return self.values.get(name, {"Ref": name})

    def choice(self, argument):
        condition, this, that = argument
        return self.value(this if self.holds(condition) else that)

    def select(self, argument):
        index, items = argument[0], self.value(argument[1])
        return items[int(index)] if isinstance(items, list) else {"Fn::Select": [index, items]}

    def split(self, argument):
        separator, text = argument[0], self.value(argument[1])
        return text.split(separator) if isinstance(text, str) else {"Fn::Split": [separator, text]}

    def substitute(self, argument):
        text, names = argument if isinstance(argument, list) else (argument, {})
        names = self.value(names)
        values = {name: value for name, value in {**self.values, **names}.items() if isinstance(value, str)}
        text = re.sub(r"\$\{([\w:]+)\}", lambda match: values.get(match[1], match[0]), text)
        left = {name: value for name, value in names.items() if not isinstance(value, str)}
        return {"Fn::Sub": [text, left] if left else text} if "${" in text else text


FUNCTIONS = {
    "Ref": Settled.reference,
    "Condition": lambda settled, name: (
        settled.holds(name) if isinstance(name, str) else {"Condition": settled.value(name)}
    ),
    "Fn::GetAtt": lambda _, argument: {"Fn::GetAtt": argument.split(".", 1) if isinstance(argument, str) else argument},
    "Fn::If": Settled.choice,
    "Fn::Equals": lambda settled, argument: str(settled.value(argument[0])) == str(settled.value(argument[1])),
    "Fn::Not": lambda settled, argument: not settled.value(argument[0]),
    "Fn::And": lambda settled, argument: all(map(settled.value, argument)),
    "Fn::Or": lambda settled, argument: any(map(settled.value, argument)),
    "Fn::Select": Settled.select,
    "Fn::Split": Settled.split,
    "Fn::Sub": Settled.substitute,
}


if __name__ == "__main__":
    answers = []
    for case in json.load(sys.stdin):
        answers.append(
            {
                "sam": translated(deploy.template(), case["parameters"]),
                "cdk": translated(case["synthesised"], {}),
            }
        )
    json.dump(answers, sys.stdout)
