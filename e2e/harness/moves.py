"""Moves of caches: what people are asked, what they answer, and what the workflow leaves behind."""

import json
import re
import time
import urllib.error
import urllib.parse

from . import caches
from .calls import Calls
from .wait import until

#: A Wait of a minute takes 50 ms, seven days to answer take ten minutes.
FAST = (
    *("--creating-seconds", "0.2", "--retry-seconds", "0.1", "--window-scale", "0.017"),
    *("--wait-scale", "0.0005", "--timeout-scale", "0.001"),
)
#: The question that a mail asks.
QUESTIONS = {"move": "ask", "deletion": "ask-deletion"}
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Moves:
    """All moves of a stack that moves caches."""

    def __init__(self, guard, proxy=None):
        self.guard, self.proxy, outputs = guard, proxy, guard.stack.outputs
        self.sfn = guard.account.client("stepfunctions")
        self.dynamodb = guard.account.client("dynamodb")
        self.machine, self.table = outputs["RecreateStateMachineArn"], outputs["MovesTableName"]
        self.role = guard.stack.role("recreate")
        self.calls = Calls(guard.account)

    def of(self, cache):
        """The ids of the moves of a cache, by its ARN, oldest first."""
        pages = self.sfn.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        stem = f"{cache.split(':')[6][:40]}-"
        found = [item for page in pages for item in page["executions"] if item["name"].startswith(stem)]
        found = [item for item in found if re.fullmatch("[0-9a-f]{8}", item["name"].removeprefix(stem))]
        return [item["name"] for item in sorted(found, key=lambda item: item["startDate"])]

    def begun(self, cache, number=1):
        """The first, or second, ... move of a cache, as soon as it has begun."""
        found = until(f"move {number} of {cache}", lambda: self.of(cache)[number - 1 : number])
        return Move(self, found[0], cache)

    def start(self, cache, name, port=None, secret=None):
        """Starts a move past the command line."""
        given = {
            "move": name,
            "cache": cache,
            "port": port,
            "authTokenSecret": secret,
            "askedBy": "a test",
            "why": "it asked",
        }
        self.sfn.start_execution(stateMachineArn=self.machine, name=name, input=json.dumps(given))
        return Move(self, name, cache)


class Move:
    """One move, seen from outside."""

    def __init__(self, moves, name, cache):
        self.moves, self.id, self.cache = moves, name, cache
        self.guard, self.elasticache = moves.guard, moves.guard.elasticache
        self.execution = f"{moves.machine.replace(':stateMachine:', ':execution:')}:{name}"

    # What people get

    def documents(self):
        """The messages for machines, in the order in which they came."""
        return [document for document in self.guard.alerts.moves() if document["move"] == self.id]

    def kinds(self):
        return [document["kind"] for document in self.documents()]

    def letters(self):
        """The same as mails."""
        return [mail for mail in self.guard.alerts.mails() if f"\nMove:      {self.id}\n" in mail["body"]]

    def told(self, kind, number=1, seconds=30.0):
        """The first, or second, ... message of a kind: (document, mail)."""

        def look():
            at = [place for place, found in enumerate(self.kinds()) if found == kind][number - 1 : number]
            if not at and self.status() in ENDED:
                assert self.kinds().count(kind) >= number, self.summary()
            return at

        (place,) = until(f"{self.id} tells {kind}, message {number}", look, seconds)
        mails = until(f"the mail of {kind} of {self.id}", lambda: self.letters()[place : place + 1])
        return self.documents()[place], mails[0]

    def link(self, about, number=1):
        """The link of the page in the mail that asks."""
        _, mail = self.told(QUESTIONS[about], number)
        (link,) = [line.strip() for line in mail["body"].splitlines() if "/?" not in line and "&sig=" in line]
        return link

    # What people do

    def open(self, link):
        """The status and the text of the page."""
        return self._request(link)

    def post(self, link, decision="approve", name="Ada", reason="as planned", plan=None):
        """Fills in the form."""
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        form = {"decision": decision, "name": name, "reason": reason, "plan": plan or asked["plan"][0]}
        return self._request(link, urllib.parse.urlencode(form).encode())

    def _request(self, link, data=None):
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if data else {}
        try:
            with self.guard.account.open(link, data, headers) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 429:
                    return error.code, error.read().decode()
                # Tests are faster than people: the page checks a few links a second.
                time.sleep(int(error.headers["Retry-After"]))
        return self._request(link, data)

    def answer(self, about, decision="approve", number=1, **more):
        """Answers on the page, as soon as it is asked."""
        status, text = self.post(self.link(about, number), decision, **more)
        assert status == 200, text
        return self

    # What is there

    def describe(self):
        return self.moves.sfn.describe_execution(executionArn=self.execution)

    def status(self):
        return self.describe()["status"]

    def ended(self, status="SUCCEEDED", seconds=60.0):
        """Waits until the workflow has ended, which must be so."""
        found = until(f"{self.id} ends", lambda: (seen := self.describe())["status"] in ENDED and seen, seconds)
        assert found["status"] == status, self.summary()
        return self

    def summary(self):
        """For an assertion that fails."""
        seen = self.describe()
        last = [mail["subject"] + "\n" + mail["body"][:2000] for mail in self.letters()[-1:]]
        return "\n".join([self.id, seen["status"], seen.get("cause", ""), ", ".join(self.kinds()), *last])

    def stop(self):
        self.moves.sfn.stop_execution(executionArn=self.execution)

    def history(self):
        pages = self.moves.sfn.get_paginator("get_execution_history").paginate(executionArn=self.execution)
        return [event for page in pages for event in page["events"]]

    def states(self):
        """The states that it went through, in order."""
        entered = (event.get("stateEnteredEventDetails") for event in self.history())
        return [details["name"] for details in entered if details]

    def at(self, state, seconds=30.0):
        """Waits until it is in this state."""
        until(f"{self.id} is at {state}", lambda: self.states()[-1:] == [state], seconds)
        return self

    def item(self, key=None):
        """What the table keeps of it; None if it keeps nothing."""
        answer = self.moves.dynamodb.get_item(
            TableName=self.moves.table, Key={"id": {"S": key or self.id}}, ConsistentRead=True
        )
        return answer.get("Item")

    def stage(self):
        return self.item()["stage"]["S"]

    def lock(self):
        """Which move holds the cache; None if none does."""
        found = self.item(f"lock#{self.cache}")
        return found and found["by"]["S"]

    def new(self):
        """The ARN of the new cache, by what people were told."""
        document = next(document for document in self.documents() if document["newCache"])
        return caches.beside(self.guard.elasticache, self.cache, document["newCache"]["id"])

    def opened(self):
        """The ingress rules that moves of the cache opened, by id: (group, port, source, plan)."""
        found = self.guard.ec2.describe_security_group_rules(
            Filters=[{"Name": "tag:portcullis:moved-from", "Values": [self.cache]}]
        )["SecurityGroupRules"]
        return sorted(
            (rule["GroupId"], rule["FromPort"], rule.get("CidrIpv4") or rule["ReferencedGroupInfo"]["GroupId"])
            for rule in found
        )

    def made(self):
        """All that moves of the cache made: caches, snapshots, rules."""
        stem, kind = self.cache.split(":")[6], self.cache.split(":")[5]
        if kind == "cluster":
            items = caches.everything(self.elasticache, "describe_cache_clusters", "CacheClusters")
            names = [item["CacheClusterId"] for item in items if "ReplicationGroupId" not in item]
        else:
            items = caches.everything(self.elasticache, "describe_replication_groups", "ReplicationGroups")
            names = [item["ReplicationGroupId"] for item in items]
        copies = [name for name in names if re.fullmatch(rf"{re.escape(stem)}-\d+", name)]
        return {
            "caches": copies,
            "snapshots": sorted(caches.snapshots(self.elasticache, stem)),
            "rules": self.opened(),
        }
