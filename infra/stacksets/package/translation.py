"""infra/template.yaml as plain CloudFormation, by the translator that runs behind the transform in AWS."""

import copy

import boto3
from samtranslator.yaml_helper import yaml_parse

FUNCTION = "AWS::Serverless::Function"


def read(path):
    return yaml_parse(path.read_text(encoding="utf-8"))


def functions(template):
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == FUNCTION}


def binaries(template):
    """The binary of each function."""
    return [resource["Metadata"]["BuildProperties"]["Binary"] for resource in functions(template).values()]


def translate(template, bucket, keys, architecture, region):
    """The template without a transform, with its code in `<bucket>-<Region>` under these keys.

    `region` tells the translator the partition; nothing else of it gets into the template.
    """
    # They take a second to import, which whoever has made a mistake need not wait for.
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    document = copy.deepcopy(template)
    del document["Globals"]["Function"]["CodeUri"]
    for resource in functions(document).values():
        # Tells `sam build` how to build, and would be copied to everything that is made of the function.
        binary = resource.pop("Metadata")["BuildProperties"]["Binary"]
        location = {"Bucket": {"Fn::Sub": f"{bucket}-${{AWS::Region}}"}, "Key": keys[binary]}
        resource["Properties"]["CodeUri"] = location
    # The zips are for this processor, so no stack may ask for another.
    document["Parameters"]["Architecture"].update(Default=architecture, AllowedValues=[architecture])
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    return translator.translate(document, parameter_values={})
