"""infra/template.yaml as plain CloudFormation, by the translator that runs behind the transform in AWS."""

import copy

import boto3
from samtranslator.yaml_helper import yaml_parse

FUNCTION = "AWS::Serverless::Function"
STATE_MACHINE = "AWS::Serverless::StateMachine"
LAYER = "AWS::Serverless::LayerVersion"
NOTHING = {"Ref": "AWS::NoValue"}


def read(path):
    return yaml_parse(path.read_text(encoding="utf-8"))


#: The conditions of the page, and of what signs its links; those that need another one come first.
PAGES = ("MovesHavePage", "HardeningsHavePage", "HasPage")


def without_page(template):
    """The template without the approval page.

    CloudFormation refuses a type that a Region does not have, also under a condition that does not hold: stack sets
    always do (cdklabs/cdk-stacksets#898), and function URLs are not everywhere.
    """
    document = template
    for condition in PAGES:
        document = never(document, condition)
    # Kept, so that what is said of a stack that has it can be said again.
    document["Parameters"]["ApprovalPage"].update(
        AllowedValues=["no"], Description="This template has no approval page."
    )
    del document["Rules"]["PageOfMoves"]
    return document


def never(template, condition):
    """The template without a condition that does not hold, and without what is there only where it does."""
    document = settled(template, condition)
    del document["Conditions"][condition]
    for section in ("Resources", "Outputs"):
        kept = {name: item for name, item in document[section].items() if item.get("Condition") != condition}
        document[section] = kept
    return document


def settled(item, condition):
    """A copy in which every `Fn::If` of the condition is what it is without."""
    if isinstance(item, list):
        return [settled(value, condition) for value in item if not is_nothing(value, condition)]
    if not isinstance(item, dict):
        return item
    if list(item) == ["Fn::If"] and item["Fn::If"][0] == condition:
        return settled(item["Fn::If"][2], condition)
    return {name: settled(value, condition) for name, value in item.items() if not is_nothing(value, condition)}


def is_nothing(item, condition):
    return isinstance(item, dict) and item.get("Fn::If", [None])[0] == condition and item["Fn::If"][2] == NOTHING


def of_type(template, kind):
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]


def binaries(template):
    """The binary of each function."""
    return [resource["Metadata"]["BuildProperties"]["Binary"] for resource in of_type(template, FUNCTION)]


def definitions(template):
    """The file of each workflow, as the template names it."""
    return [resource["Properties"]["DefinitionUri"] for resource in of_type(template, STATE_MACHINE)]


def layers(template):
    """The directory of each layer, as the template names it."""
    return [resource["Properties"]["ContentUri"] for resource in of_type(template, LAYER)]


def translate(template, bucket, keys, architecture, region):
    """The template without a transform, with code, layers and workflows in `<bucket>-<Region>` under these keys.

    `region` tells the translator the partition; nothing else of it gets into the template.
    """
    # They take a second to import, which whoever has made a mistake need not wait for.
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    def location(name):
        return {"Bucket": {"Fn::Sub": f"{bucket}-${{AWS::Region}}"}, "Key": keys[name]}

    document = copy.deepcopy(template)
    del document["Globals"]["Function"]["CodeUri"]
    for resource in of_type(document, FUNCTION):
        # Tells `sam build` how to build, and would be copied to everything that is made of the function.
        binary = resource.pop("Metadata")["BuildProperties"]["Binary"]
        resource["Properties"]["CodeUri"] = location(binary)
    for resource in of_type(document, STATE_MACHINE):
        resource["Properties"]["DefinitionUri"] = location(resource["Properties"]["DefinitionUri"])
    for resource in of_type(document, LAYER):
        resource["Properties"]["ContentUri"] = location(resource["Properties"]["ContentUri"])
    # The zips are for this processor, so no stack may ask for another.
    document["Parameters"]["Architecture"].update(Default=architecture, AllowedValues=[architecture])
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    return translator.translate(document, parameter_values={})
