"""Packages the functions and the template for CloudFormation StackSets.

The code goes to one bucket per Region, named by its content. The template comes out as plain
CloudFormation, because StackSets with service-managed permissions take no transforms, and
`AWS::Serverless` is one; and without the approval page, because not every Region has function
URLs, and a stack set is refused where one of its types is unknown: docs/many-accounts.md.
"""

import argparse
import json
import pathlib
import re
import sys

import binaries
import boto3
import buckets
import translation
from botocore.exceptions import BotoCoreError, ClientError

REPO = pathlib.Path(__file__).resolve().parents[3]
#: What CreateStackSet takes: inline, and from S3.
INLINE_LIMIT, URL_LIMIT = 51_200, 1_048_576
DIRECTORY = "portcullis"
#: Without function URLs: the registry of CloudFormation, as cfn-lint 1.58 has it, and for eu-south-2 the Lambda
#: developer guide, "Creating and managing Lambda function URLs".
NO_URLS = frozenset(
    "ap-east-2 ap-south-2 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-west-1 cn-northwest-1 "
    "eu-central-2 eu-south-2 il-central-1 me-central-1 mx-central-1 us-gov-east-1 us-gov-west-1".split()
)
#: A state machine's name has 80 characters, and in a stack set it is StackSet-<name>-<36 characters>-recreate.
SET_NAME = 80 - len("StackSet--") - 36 - len("-recreate")


def main():
    options = arguments()
    try:
        run(options)
    except (binaries.Unbuilt, buckets.Unusable, BotoCoreError, ClientError) as problem:
        sys.exit(f"package: {problem}")


def arguments():
    parser = argparse.ArgumentParser(prog="package", description=__doc__.split("\n")[0])
    parser.add_argument("--bucket", required=True, metavar="PREFIX", help="buckets are called PREFIX-REGION")
    parser.add_argument("--regions", required=True, nargs="+", metavar="REGION", help="where stacks will be")
    parser.add_argument("--arch", default="arm64", choices=sorted(binaries.MACHINES), help="default: arm64")
    parser.add_argument("--page", action="store_true", help="keep the approval page")
    parser.add_argument(
        "--print", action="store_true", help="only print the template, with names of code that is nowhere"
    )
    parser.add_argument("--create-buckets", action="store_true", help="make the buckets that do not exist")
    parser.add_argument("--organization-id", metavar="o-…", help="who may read from the buckets that are made")
    parser.add_argument("--target", type=pathlib.Path, default=binaries.target(REPO), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.create_buckets != bool(options.organization_id):
        parser.error("--create-buckets and --organization-id belong together")
    if options.organization_id and not re.fullmatch(r"o-[a-z0-9]{10,32}", options.organization_id):
        parser.error(f"`{options.organization_id}` is not the id of an organization, o-…")
    options.regions = list(dict.fromkeys(options.regions))
    without = sorted(NO_URLS & set(options.regions))
    if options.page and without:
        parser.error(f"there are no function URLs in {', '.join(without)}, and so no approval page: leave --page out")
    return options


def run(options):
    partition = one_partition(options.regions)
    template = translation.read(REPO / "infra" / "template.yaml")
    template = template if options.page else translation.without_page(template)
    if options.print:
        keys = {
            name: name
            for part in (translation.binaries, translation.layers, translation.definitions)
            for name in part(template)
        }
        print(json.dumps(translation.translate(template, options.bucket, keys, options.arch, options.regions[0])))
        return
    paths = {name: binaries.find(options.target, name, options.arch) for name in translation.binaries(template)}
    account = boto3.client("sts", region_name=options.regions[0]).get_caller_identity()["Account"]
    places = [buckets.Bucket(options.bucket, region, partition, account) for region in options.regions]
    for bucket in places:
        bucket.ready(options.organization_id)

    files = {name: binaries.package(path) for name, path in paths.items()}
    keys = {name: f"{DIRECTORY}/{name}-{binaries.digest(content)}.zip" for name, content in files.items()}
    for name in translation.layers(template):
        files[name] = binaries.package_layer(REPO / "infra" / name)
        keys[name] = f"{DIRECTORY}/{name.rstrip('/')}-{binaries.digest(files[name])}.zip"
    for name in translation.definitions(template):
        files[name] = (REPO / "infra" / name).read_bytes()
        keys[name] = f"{DIRECTORY}/{name.removesuffix('.json')}-{binaries.digest(files[name])}.json"
    document = translation.translate(template, options.bucket, keys, options.arch, options.regions[0])
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    if len(text) > URL_LIMIT:
        sys.exit(f"package: the template has {len(text):,} bytes, and StackSets take {URL_LIMIT:,}")
    for bucket in places:
        for name, content in files.items():
            say(bucket, keys[name], bucket.upload(keys[name], content))
    template_key = f"{DIRECTORY}/portcullis-{binaries.digest(text)}.json"
    say(places[0], template_key, places[0].upload(template_key, text))

    path = options.target / "portcullis.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    how = "inline or from S3" if len(text) <= INLINE_LIMIT else "from S3 only"
    print(f"{path}: {len(text):,} bytes; StackSets take it {how} (inline up to {INLINE_LIMIT:,})")
    print(f"name of a stack set: at most {SET_NAME} characters, or moves cannot be turned on")
    print(f"template URL: {places[0].url(template_key)}")


def one_partition(regions):
    """`aws`, `aws-cn` or `aws-us-gov`: an organization, its topics and its buckets are in one of them."""
    found = {boto3.Session().get_partition_for_region(region) for region in regions}
    if len(found) > 1:
        sys.exit(f"package: {', '.join(regions)} are in the partitions {', '.join(sorted(found))}: package each alone")
    return found.pop()


def say(bucket, key, uploaded):
    print(f"s3://{bucket.name}/{key}: {'uploaded' if uploaded else 'there already'}")


if __name__ == "__main__":
    main()
