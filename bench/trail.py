"""Makes a trail as it lies in S3: noise of an account, with the project's events and some stories of people among it.

    bench/trail.py DIRECTORY --megabytes 100 [--days 90] [--seed 7] [--large]
    bench/trail.py DIRECTORY --findings 40000

The same seed makes the same files. `--large` makes files of 100 MB, unpacked, instead of many small ones.
`--findings N` makes nothing but N rules open to the internet, each in a group of its own.
Nothing is of a real account.
"""

import argparse
import datetime
import gzip
import json
import pathlib
import random
import sys

EVENTS = pathlib.Path(__file__).resolve().parent.parent / "events"
ACCOUNT = "111122223333"
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2")
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
#: What accounts mostly do, by the shares of the SANS lab's trail.
NOISE = (
    ("DescribeInstances", "ec2.amazonaws.com", 9),
    ("AssumeRole", "sts.amazonaws.com", 8),
    ("GetObject", "s3.amazonaws.com", 8),
    ("DescribeSecurityGroups", "ec2.amazonaws.com", 4),
    ("Decrypt", "kms.amazonaws.com", 6),
    ("GetBucketAcl", "s3.amazonaws.com", 3),
    ("DescribeCacheClusters", "elasticache.amazonaws.com", 2),
    ("RunInstances", "ec2.amazonaws.com", 1),
    ("CreateTags", "ec2.amazonaws.com", 1),
    ("UpdateInstanceInformation", "ssm.amazonaws.com", 5),
)
#: People who open a rule: the name, after how many minutes they revoke it, and whether they open it again.
STORIES = (
    ("bob", 12, False),
    ("bob", 40, False),
    ("erin", 3 * 24 * 60, False),
    ("erin", None, False),
    ("ci-4711", 90, True),
    ("frank", 30 * 60, True),
)


def hexes(chance, length):
    return f"{chance.getrandbits(4 * length):0{length}x}"


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def record(chance, time, region, name, source, who="app"):
    """A record of a call, with about as many bytes as real ones have."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE{hexes(chance, 8).upper()}:{who}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{who}/{who}",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROAEXAMPLE{hexes(chance, 8).upper()}",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/{who}",
                    "accountId": ACCOUNT,
                    "userName": who,
                },
                "attributes": {"creationDate": stamp(time), "mfaAuthenticated": "false"},
            },
        },
        "eventTime": stamp(time),
        "eventSource": source,
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": f"192.0.2.{chance.randrange(256)}",
        "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 md/arch#x86_64 lang/python#3.13.7",
        "requestParameters": {"filterSet": {}, "note": f'a {{brace}} and a "quote" of {hexes(chance, 32)}'},
        "responseElements": None,
        "requestID": hexes(chance, 32),
        "eventID": hexes(chance, 32),
        "readOnly": name.startswith(("Describe", "Get")),
        "resources": [{"accountId": ACCOUNT, "type": "AWS::EC2::Instance", "ARN": f"i-{hexes(chance, 17)}"}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def stories(chance, minutes):
    """Rules that people open to the internet; most are revoked again, by those who opened them."""
    for who, after, again in STORIES:
        group, port = f"sg-{hexes(chance, 17)}", chance.choice((22, 3389, 5432, 6379))
        shape = {"ipProtocol": "tcp", "fromPort": port, "toPort": port}
        begin = START + datetime.timedelta(minutes=chance.randrange(minutes // 3))

        def call(time, name, request, response, who=who):
            made = record(chance, time, "eu-west-1", name, "ec2.amazonaws.com", who)
            return time, {**made, "requestParameters": request, "responseElements": response, "readOnly": False}

        yield call(begin, "CreateSecurityGroup", {"groupName": f"{who}-{port}", "vpcId": "vpc-1"}, {"groupId": group})
        for at in (begin, begin + datetime.timedelta(days=2)) if again else (begin,):
            rule = f"sgr-{hexes(chance, 17)}"
            item = {"groupId": group, "securityGroupRuleId": rule, "isEgress": False, **shape, "cidrIpv4": "0.0.0.0/0"}
            request = {"groupId": group, **shape, "cidrIp": "0.0.0.0/0", "ipPermissions": {}}
            opened = at + datetime.timedelta(minutes=1)
            yield call(opened, "AuthorizeSecurityGroupIngress", request, {"securityGroupRuleSet": {"items": [item]}})
            if after is not None:
                ids = {"items": [{"securityGroupRuleId": rule}]}
                closed = opened + datetime.timedelta(minutes=after)
                yield call(
                    closed,
                    "RevokeSecurityGroupIngress",
                    {"groupId": group, "securityGroupRuleIds": ids},
                    {"_return": True},
                )


def planted(chance, minutes):
    """The project's events that are records, and the stories, each with its time."""
    for path in sorted(EVENTS.glob("*.json")):
        event = json.loads(path.read_text())
        detail = event.get("detail") if isinstance(event, dict) else None
        if not path.name.endswith(".facts.json") and isinstance(detail, dict) and "eventName" in detail:
            time = START + datetime.timedelta(minutes=chance.randrange(minutes))
            yield time, {**detail, "eventTime": stamp(time), "recipientAccountId": ACCOUNT}
    yield from stories(chance, minutes)


def records(seed, megabytes, days):
    """All records in the order of time, each as text."""
    chance = random.Random(seed)
    minutes = days * 24 * 60
    special = sorted(planted(chance, minutes), key=lambda one: (stamp(one[0]), one[1]["eventID"]))
    names, sources, weights = zip(*NOISE, strict=True)
    patterns = [
        json.dumps(record(chance, START, "REGION", name, source), separators=(",", ":"))
        for name, source in zip(names, sources, strict=True)
    ]
    size = sum(len(text) * weight for text, weight in zip(patterns, weights, strict=True)) // sum(weights)
    count = megabytes * 1_000_000 // size
    at = 0
    for number in range(count):
        time = START + datetime.timedelta(minutes=minutes * number / count)
        while at < len(special) and special[at][0] <= time:
            yield (
                special[at][0],
                special[at][1].get("awsRegion", "eu-west-1"),
                json.dumps(special[at][1], separators=(",", ":")),
            )
            at += 1
        region = chance.choice(REGIONS)
        (text,) = chance.choices(patterns, weights)
        fresh = hexes(chance, 32)
        text = text.replace("REGION", region).replace(stamp(START), stamp(time))
        yield time, region, f'{text[:-1]},"sharedEventID":"{fresh}"}}'
    for time, one in special[at:]:
        yield time, one.get("awsRegion", "eu-west-1"), json.dumps(one, separators=(",", ":"))


def write(directory, time, region, name, texts):
    folder = directory / "AWSLogs" / ACCOUNT / "CloudTrail" / region / time.strftime("%Y/%m/%d")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ACCOUNT}_CloudTrail_{region}_{time.strftime('%Y%m%dT%H%MZ')}_{name}.json.gz"
    path.write_bytes(gzip.compress(f'{{"Records":[{",".join(texts)}]}}'.encode(), 6, mtime=0))


def make(directory, megabytes, days=90, seed=7, large=False):
    """Writes the files; each is of one Region, as CloudTrail's are."""
    chance = random.Random(seed + 1)
    most = 100_000_000 if large else 150_000
    held = {}
    for time, region, text in records(seed, megabytes, days):
        begin, texts, size = held.setdefault(region, (time, [], [0]))
        texts.append(text)
        size[0] += len(text)
        if size[0] >= most:
            write(directory, begin, region, hexes(chance, 16), texts)
            del held[region]
    for region, (begin, texts, _) in held.items():
        write(directory, begin, region, hexes(chance, 16), texts)
    digest = directory / "AWSLogs" / ACCOUNT / "CloudTrail-Digest"
    digest.mkdir(parents=True, exist_ok=True)
    (digest / f"{ACCOUNT}_CloudTrail-Digest_eu-west-1_trail.json.gz").write_bytes(gzip.compress(b"{}", mtime=0))


def make_findings(directory, count, days=90, seed=7):
    """Writes one file in which each record opens a rule to the internet that nobody closes."""
    chance = random.Random(seed)
    texts = []
    for number in range(count):
        time = START + datetime.timedelta(days=days * number / count)
        group, shape = f"sg-{hexes(chance, 17)}", {"ipProtocol": "tcp", "fromPort": 6379, "toPort": 6379}
        rule = {"groupId": group, "securityGroupRuleId": f"sgr-{hexes(chance, 17)}", "isEgress": False}
        made = record(chance, time, "eu-west-1", "AuthorizeSecurityGroupIngress", "ec2.amazonaws.com", "deploy")
        made["requestParameters"] = {"groupId": group, **shape, "cidrIp": "0.0.0.0/0", "ipPermissions": {}}
        made["responseElements"] = {"securityGroupRuleSet": {"items": [{**rule, **shape, "cidrIpv4": "0.0.0.0/0"}]}}
        texts.append(json.dumps(made, separators=(",", ":")))
    write(directory, START, "eu-west-1", hexes(chance, 16), texts)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("directory", type=pathlib.Path)
    arguments.add_argument("--megabytes", type=int, default=100)
    arguments.add_argument("--days", type=int, default=90)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--large", action="store_true")
    arguments.add_argument("--findings", type=int)
    chosen = arguments.parse_args()
    if chosen.findings is not None:
        sys.exit(make_findings(chosen.directory, chosen.findings, chosen.days, chosen.seed))
    make(chosen.directory, chosen.megabytes, chosen.days, chosen.seed, chosen.large)
