"""The commands in the mails of moves, in what the command line says of them, and on the page: what they leave."""

import re

import pytest
from harness import caches, pasted
from harness.caches import make_cluster, make_group
from harness.guard import PRIVATE, permission
from harness.wait import until

#: From a port that is no default port, a cache moves only to one that is asked for.
PORT = 17500
NOTHING = {"caches": [], "snapshots": [], "rules": []}


def group(guard, name, groups, **other):
    more = {"NumCacheClusters": 2, "AutomaticFailoverEnabled": True, "Tags": [{"Key": "note", "Value": "a @ b / c"}]}
    hostile = 'it\'s "quoted" $(touch x) `touch y` \\ <a> & https://example.com'
    return make_group(guard, name, groups, **{"Port": 7000, "ReplicationGroupDescription": hostile, **more, **other})


def cluster(guard, name, groups, **other):
    """One node of Redis OSS by itself, which stays one."""
    more = {"Port": 7000, "Engine": "redis", "EngineVersion": "7.0", "SnapshotRetentionLimit": 3}
    return make_cluster(guard, name, groups, **{**more, **other})


def with_a_token(guard, name, groups):
    """The tag of the cache names the secret."""
    token = "correct-horse-battery-staple"
    mark = [{"Key": "portcullis:auth-token", "Value": "yes"}]
    secrets = guard.account.client("secretsmanager")
    arn = secrets.create_secret(Name=f"{name}-token", SecretString=token, Tags=mark)["ARN"]
    more = {"AuthToken": token, "TransitEncryptionEnabled": True}
    return make_group(
        guard, name, groups, Port=7000, Tags=[{"Key": "portcullis:auth-token-secret", "Value": arn}], **more
    )


MAKE = {"group": group, "cluster": cluster, "token": with_a_token}


class Case:
    """A cache on a port of which no alert tells, a move of it, and what is pasted."""

    def __init__(self, moves, word, make=group):
        self.moves, self.guard, self.name = moves, moves.guard, word
        self.group = self.guard.group(word, permission("tcp", 7000, PRIVATE, description="stays"))
        self.old = caches.available(self.guard.elasticache, make(self.guard, word, [self.group]))
        self.before, self.rules = caches.portrait(self.guard.elasticache, self.old), self.guard.look(self.group)

    def ask(self, number=1):
        self.move = self.moves.start(self.old, f"{self.name}-{number:08x}", PORT)
        return self

    def paste(self, command, status=0):
        return pasted.paste(command, self.guard.account, status)

    def typed(self, command):
        """At a terminal, with a yes to the question whether it is meant."""
        return pasted.typed(command, self.guard.account, "yes\n")

    def is_there(self, arn):
        return caches.look(self.guard.elasticache, arn)

    def as_it_was(self):
        """The old cache and its rules, and nothing beside them."""
        assert caches.portrait(self.guard.elasticache, self.old) == self.before
        assert self.guard.look(self.group) == self.rules

    def ports(self):
        return sorted(rule["ports"][0] for rule in self.guard.look(self.group)["rules"].values() if not rule["egress"])


@pytest.fixture
def fails(moves):
    """What a test wants to go wrong; forgotten afterwards."""
    yield lambda **entry: moves.guard.account.control("POST", "failures", entry)
    moves.guard.account.control("DELETE", "failures")


def short(name, word):
    return f"{name.split('-')[0]}-{word}"


def lines(text, begins):
    """The lines of a text that begin so, in order."""
    found = [line.strip() for line in text.splitlines() if line.strip().startswith(begins)]
    assert found, text
    return found


def line(text, begins, *holds):
    """The one line that begins so and has these words."""
    (found,) = [item for item in lines(text, begins) if all(word in item for word in holds)]
    return found


# Questions ----------------------------------------------------------------------------------


def test_the_commands_of_the_questions_answer_them(moves, name):
    case = Case(moves, short(name, "asked")).ask()
    _, mail = case.move.told("ask")
    case.typed(line(mail["body"], "portcullis approve"))
    _, mail = case.move.told("ask-deletion")
    assert case.move.item()["move"]["M"]["answer"]["M"]["yes"]["BOOL"] is True
    case.typed(line(mail["body"], "portcullis reject"))
    case.move.ended()
    answer = case.move.item()["deletion"]["M"]["answer"]["M"]
    assert (answer["yes"]["BOOL"], answer["reason"]["S"]) == (False, "...")
    assert caches.portrait(moves.guard.elasticache, case.old) == case.before


def test_after_a_no_the_command_of_the_mail_asks_again(moves, name):
    case = Case(moves, short(name, "no")).ask()
    case.move.answer("move", "reject").ended()
    _, mail = case.move.told("rejected")
    case.as_it_was()
    again = line(mail["body"], "portcullis move")
    assert str(PORT) not in again and "which is no default port" in case.paste(again, 1)
    case.paste(f"{again} --port {PORT}")
    second = moves.begun(case.old, 2)
    second.told("ask")
    assert second.lock() == second.id


def test_what_the_command_line_says_of_a_move_it_started(moves, name):
    """Each of its commands: it is listed, agreed to, and at the second question refused."""
    case = Case(moves, short(name, "by-hand"))
    said = case.paste(f"portcullis move {case.name} --port {PORT}")
    listed, agree, refuse = (
        said.partition(words)[2].splitlines()[0].strip() for words in ("progress:", "Approve:", "Reject:")
    )
    case.move = moves.begun(case.old)
    case.move.told("ask")
    assert case.move.id in case.paste(listed)
    case.typed(agree)
    case.move.told("ask-deletion")
    case.typed(refuse)
    case.move.ended()
    assert case.move.kinds()[-1] == "kept" and case.is_there(case.old)


def test_ids_that_are_none_say_where_to_look(moves):
    for tried, lists in (("approve nobody-00000000 --yes", "moves"), ("undo f-000000000000 --reason x", "findings")):
        said = pasted.paste(f"portcullis {tried}", moves.guard.account, 2)
        (command,) = re.findall(r"`(portcullis [^`]*)`", said)
        assert command.split()[1] == lists
        pasted.paste(command, moves.guard.account)


def page_commands(text):
    """What stands in the block of commands of a page."""
    block = re.search(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)[1]
    return re.sub("<[^>]*>", "", block).strip().splitlines()


def test_the_commands_of_the_page_do_the_same(moves, name):
    case = Case(moves, short(name, "page")).ask()
    link = case.move.link("move")
    _, asked = case.move.open(link)
    assert f"portcullis approve {case.move.id}<" in asked
    status, text = case.move.open(link.replace("&sig=", "&sig=x"))
    assert status == 403
    approve, reject = page_commands(text)
    case.typed(reject.replace("ID", case.move.id))
    case.move.ended()
    assert case.move.kinds()[-1] == "rejected"
    assert "..." in case.paste(approve.replace("ID", case.move.id), 1), "it is answered, so it does not ask"
    case.as_it_was()


def test_the_page_of_a_move_that_was_stopped_says_how_to_start_another(moves, name):
    guard, name = moves.guard, short(name, "again")
    old = make_group(guard, name, [guard.group(name, permission("tcp", 6379, PRIVATE))])
    move = moves.begun(old)
    link = move.link("move")
    move.stop()
    move.ended("ABORTED")
    status, text = move.post(link)
    assert status in (409, 410), text
    plan, start = (command.replace("CACHE", name) for command in page_commands(text))
    assert pasted.paste(plan, guard.account).startswith(f"Plan: {name}") and len(moves.of(old)) == 1
    pasted.paste(start, guard.account)
    moves.begun(old, 2).told("ask")


# Stopping -----------------------------------------------------------------------------------


def test_an_alert_says_how_to_stop_the_move(moves, name):
    guard, name = moves.guard, short(name, "stop")
    old = make_group(guard, name, [guard.group(name, permission("tcp", 6379, PRIVATE))])
    move = moves.begun(old)
    move.told("ask")
    _, mail = guard.alerts.wait(name)
    assert move.id in pasted.paste(line(mail["body"], "Follow:").removeprefix("Follow:"), guard.account)
    pasted.paste(line(mail["body"], "aws stepfunctions stop-execution"), guard.account)
    move.ended("ABORTED")
    assert move.made() == NOTHING and caches.status(guard.elasticache, old) == "available"


def test_a_second_move_says_how_to_stop_the_first(moves, name):
    case = Case(moves, short(name, "twice")).ask()
    case.move.told("ask")
    first = case.move
    case.ask(2).move.ended("FAILED")
    _, mail = case.move.told("failed")
    (command,) = set(re.findall(r"aws stepfunctions stop-execution --execution-arn \S+", mail["body"]))
    case.paste(command)
    first.ended("ABORTED")
    case.ask(3).move.told("ask")
    case.as_it_was()


# Ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKE)
def test_a_deleted_cache_is_made_again_and_its_snapshots_go(moves, name, kind):
    case = Case(moves, short(name, kind), MAKE[kind]).ask()
    case.move.answer("move").answer("deletion").ended()
    _, mail = case.move.told("deleted")
    assert case.is_there(case.old) is None
    restore = line(mail["body"], ("aws elasticache create-", "TOKEN="))
    case.paste(restore)
    caches.available(moves.guard.elasticache, case.old)
    assert caches.portrait(moves.guard.elasticache, case.old) == case.before
    for command in lines(mail["body"], "aws elasticache delete-snapshot"):
        case.paste(command)
    until("its snapshots are gone", lambda: not caches.snapshots(moves.guard.elasticache, f"{case.name}-"))


@pytest.mark.parametrize("kind", ["group", "cluster"])
@pytest.mark.parametrize("clients_use", ["new", "old"])
def test_who_keeps_both_can_end_with_either(moves, name, kind, clients_use):
    case = Case(moves, short(name, f"{kind[0]}-{clients_use}"), MAKE[kind]).ask()
    case.move.answer("move").answer("deletion", "reject").ended()
    _, mail = case.move.told("kept")
    new = case.move.new()
    goes = case.old if clients_use == "new" else new
    heading = f"If the clients use {(new if goes == case.old else case.old).split(':')[6]}, "
    section = mail["body"].partition(heading)[2].partition("\nIf the clients use")[0].partition("\nMove: ")[0]
    for command in lines(section, "aws "):
        case.paste(command)
    until(f"{goes} is gone", lambda: case.is_there(goes) is None)
    assert case.ports() == [PORT if goes == case.old else 7000]
    if goes == new:
        case.as_it_was()


def with_a_silent_topic(case):
    """So that there is something for Modify to do, which can fail."""
    topic = case.guard.account.client("sns").create_topic(Name="of-caches")["TopicArn"]
    name = {"ReplicationGroupId": case.name} if ":replicationgroup:" in case.old else {"CacheClusterId": case.name}
    cache = case.guard.elasticache
    modify = cache.modify_replication_group if "ReplicationGroupId" in name else cache.modify_cache_cluster
    for change in ({"NotificationTopicArn": topic}, {"NotificationTopicStatus": "inactive"}):
        modify(**name, **change)
        caches.available(cache, case.old)
    case.before = caches.portrait(cache, case.old)


@pytest.fixture(params=["group", "cluster"])
def failed(request, moves, name, fails):
    """A move that failed, of which nothing could be taken back; and its mail."""
    case = Case(moves, short(name, request.param), MAKE[request.param])
    with_a_silent_topic(case)
    kind = "ReplicationGroup" if request.param == "group" else "CacheCluster"
    for action in (f"Modify{kind}", f"Delete{kind}", "RevokeSecurityGroupIngress", "DeleteSnapshot"):
        fails(Action=action, Code="InvalidParameterValue", Message="Not now.", Times=9)
    case.ask().move.answer("move").ended("FAILED")
    document, mail = case.move.told("failed")
    moves.guard.account.control("DELETE", "failures")
    (case.new,) = case.move.made()["caches"]
    assert case.move.opened() and case.move.made()["snapshots"]
    return case, document, mail["body"]


def test_what_is_left_is_removed_by_its_commands(failed):
    """The cache, the rules and the snapshot, a command for each."""
    case, document, text = failed
    commands = [command for command in document["left"] if command.startswith("aws ")]
    assert len(commands) == 3
    for command in commands:
        assert f"\n    {command}\n" in text
        case.paste(command)
    until("all of it is gone", lambda: case.move.made() == NOTHING)
    case.as_it_was()


def test_a_failed_move_says_how_to_see_what_is_left(failed):
    """The look at the marks, the rules that it revokes, and the history of the workflow."""
    case, _, text = failed
    assert f":{case.new}" in case.paste(line(text, "aws resourcegroupstaggingapi get-resources"))
    case.paste(line(text, "aws ec2 describe-security-group-rules"))
    assert case.move.opened() == [] and case.guard.look(case.group) == case.rules
    assert "ExecutionFailed" in case.paste(line(text, "aws stepfunctions get-execution-history"))


# What an earlier run left -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["group", "cluster"])
def test_what_is_in_the_way_of_a_plan_is_deleted_by_its_command(moves, name, kind):
    """A cache of an earlier move of this one to another port: the plan says what to do."""
    case = Case(moves, short(name, kind), MAKE[kind])
    stray = MAKE[kind](moves.guard, f"{case.name}-17321", [case.group], Port=17321)
    caches.available(moves.guard.elasticache, stray)
    mark = [{"Key": "portcullis:moved-from", "Value": case.old}]
    moves.guard.elasticache.add_tags_to_resource(ResourceName=stray, Tags=mark)
    said = case.paste(f"portcullis plan {case.name} --port {PORT}", 1)
    (command,) = re.findall(r"aws elasticache delete-\S+(?: --[a-z-]+ [^\s`]+)+", said)
    case.paste(command)
    until("it is gone", lambda: case.is_there(stray) is None)
    case.paste(f"portcullis plan {case.name} --port {PORT}")
    case.as_it_was()


def test_a_stack_that_is_not_there_says_how_to_give_another(moves, name):
    """From every command that needs it: two lines, and nothing is started."""
    case = Case(moves, short(name, "nobody"))
    asked = ("moves", f"move {case.name} --port {PORT}", "approve x-00000000 --yes", "findings")
    for command in asked:
        done = pasted.run(f"portcullis {command} --stack nobody", moves.guard.account)
        what, todo = done.stderr.splitlines()[-2:]
        assert (done.returncode, what[:7], todo[:6]) == (2, "error: ", "help: "), done.stderr
        assert "nobody" in what and "--stack" in todo, done.stderr
    assert moves.of(case.old) == []
