"""Every place of the code that makes a command has a test that runs it as it is printed, or says here why it has none.

A place is what `harness/printed.py` finds: the beginning of a command, the name of an action that is put into one, an
option that is added to one. PLACES has a test for each, so many tests as there are places. A new branch that makes a
command is one place more, and fails here until a test runs what it prints.
"""

import re

from harness import pasted, places, printed

ALERTS, RECREATION, PAGE = "shared/alerts/src", "shared/recreation/src", "functions/approval-page/src"
GUIDANCE = "test_guidance_commands.py::test_the_steps_of_an_event_leave_what_they_promise"
BY_PLAN = "test_plan_commands.py::test_the_commands_of_a_plan_move_the_cache"
UNDO = "test_overruling.py::test_the_commands_of_the_mail_put_a_rule_back_and_it_stays"
KEPT_FOR_GOOD = "test_overruling.py::test_the_mail_says_how_to_keep_a_rule_for_good"
LEFT_OPEN = "test_limits.py::test_a_rule_that_comes_back_for_the_third_time_stays_open"
IN_CHAT = "test_commands_alerts.py::test_the_chat_says_how_far_a_move_is"
DIGEST = "test_commands_alerts.py::test_a_digest_says_how_to_put_a_rule_back"
HALF_WAY = "test_commands_alerts.py::test_an_undo_that_stops_half_way_says_both_ways_on"
UNDONE = "test_commands_alerts.py::test_the_command_line_says_how_to_undo_and_how_to_end_that"
OTHER_STACK = "test_commands_alerts.py::test_in_a_stack_of_another_name_the_commands_name_it"
HELP = "test_commands_looks.py::test_the_commands_of_the_help_make_a_document_of_the_same_plan"
EXCEPTIONS = "test_commands_looks.py::test_the_commands_of_the_help_check_the_exceptions"
AROUND = "test_commands_looks.py::test_what_a_plan_does_not_know_is_looked_up"
RULES = "test_commands_looks.py::test_rules_that_are_missing_are_described"
TAGS = "test_commands_looks.py::test_tags_that_are_missing_are_listed"
MEMBER = "test_commands_looks.py::test_the_group_of_a_member_alone_is_described"
NO_CACHE = "test_commands_looks.py::test_an_input_without_a_cache_says_what_to_print"
NOT_THERE = "test_commands_looks.py::test_a_cache_that_is_not_there_says_how_to_list_them"
AUDIT = "test_audit.py::test_the_commands_of_the_help_audit"
CREDENTIALS = "test_commands_looks.py::test_credentials_that_are_not_taken_say_how_to_look"
ASKED = "test_commands_moves.py::test_the_commands_of_the_questions_answer_them"
AGAIN = "test_commands_moves.py::test_after_a_no_the_command_of_the_mail_asks_again"
STARTED = "test_commands_moves.py::test_what_the_command_line_says_of_a_move_it_started"
NO_ID = "test_commands_moves.py::test_ids_that_are_none_say_where_to_look"
ON_PAGE = "test_commands_moves.py::test_the_commands_of_the_page_do_the_same"
PAGE_AGAIN = "test_commands_moves.py::test_the_page_of_a_move_that_was_stopped_says_how_to_start_another"
STOP = "test_commands_moves.py::test_an_alert_says_how_to_stop_the_move"
STOP_FIRST = "test_commands_moves.py::test_a_second_move_says_how_to_stop_the_first"
DELETED = "test_commands_moves.py::test_a_deleted_cache_is_made_again_and_its_snapshots_go"
KEPT = "test_commands_moves.py::test_who_keeps_both_can_end_with_either"
LEFT = "test_commands_moves.py::test_what_is_left_is_removed_by_its_commands"
FAILED = "test_commands_moves.py::test_a_failed_move_says_how_to_see_what_is_left"
CHANGED = "../memcached/test_asking.py::test_a_server_that_was_changed_since_is_left_as_it_is"
LINKED = "../memcached/test_asking.py::test_a_server_is_hardened_by_the_link_of_a_mail_and_put_back"
HARDENED = "../memcached/test_systems_manager.py::test_a_server_is_hardened_from_the_command_line_and_put_back"
BEHIND = "../memcached/test_systems_manager.py::test_an_alert_says_what_runs_behind_the_rule_and_how_to_harden_it"
ATTACHED = "test_security_groups.py::test_an_open_group_that_is_attached_is_closed_where_nothing_else_carries_it"
EARLIER = "test_commands_moves.py::test_what_is_in_the_way_of_a_plan_is_deleted_by_its_command"

# Why no test runs what is printed there.
EXPLAINED = "no test: cli/tests/explain.rs runs the examples of the README"
REPLAYED = "no test: cli/tests/replay.rs runs it"
NAMED = "no test: a sentence names the command, and there is nothing to paste"
NO_COMMAND = "no test: it is no command"
CHOICE = "no test: the beginning of a command, whose rest is the reader's choice"
BROWSER = "no test: it opens a browser"
NEWER_CLI = "no test: AWS CLI 2 alone has it, and PyPI has none"
LISTED = "test_security_groups.py::test_an_entry_that_opens_a_prefix_list_is_reported_with_the_command_that_removes_it"
HISTORY = "no test: test_audit.py asks for the event history by portcullis replay --last"
REDIS_CLI = "no test: an option of redis-cli, which needs a server of the engine"
AGENT = "no test: it updates an agent by a document of AWS's own"
NEVER_OVER = "no test: it shows a command that was not over after four minutes"
TOO_LONG = "no test: the same command as in other mails, where SNS does not take the whole"

#: The tests of the places, by file and by what is made there.
PLACES = {
    "shared/engine/src/report.rs": {"portcullis findings": [NAMED]},
    "cli/src/audit/arguments.rs": {"portcullis audit": [AUDIT] * 5},
    "cli/src/audit/output.rs": {"portcullis audit": [AUDIT] * 2},
    "shared/approval/src/link.rs": {"portcullis approval": [NO_COMMAND]},
    "shared/approval/src/record.rs": {"portcullis {verb}": [ON_PAGE, OTHER_STACK]},
    f"{ALERTS}/chat.rs": {"portcullis moves": [IN_CHAT]},
    f"{ALERTS}/command.rs": {
        "--tag-specifications": [UNDO],
        "aws ec2 authorize-security-group-ingress": ["test_overruling.py::test_undo_of_every_kind_of_source"],
        "aws dynamodb put-item": [UNDO],
        "aws ec2 revoke-security-group-ingress": [LEFT_OPEN],
        "aws ec2 modify-network-interface-attribute": [ATTACHED],
        "aws ec2 create-tags": [KEPT_FOR_GOOD],
        "aws ec2 delete-tags": [KEPT_FOR_GOOD],
        "aws cloudtrail lookup-events": [HISTORY],
        "aws stepfunctions stop-execution": [STOP],
        "aws ec2 modify-managed-prefix-list": [LISTED],
        "aws ec2 describe-managed-prefix-lists": [LISTED],
        "portcullis undo": ["test_overruling.py::test_portcullis_undo_puts_a_rule_back_and_it_stays"],
        "portcullis audit": ["test_adversary.py::test_a_call_whose_record_is_cut_off_to_nothing_is_told_once"],
        "portcullis plan": [GUIDANCE],
        "portcullis move": ["test_guidance_commands.py::test_the_command_of_an_alert_starts_the_move"],
        "portcullis harden": [BEHIND, BEHIND],
        "--region": [STOP],
        "--tags": [GUIDANCE],
        "aws secretsmanager create-secret": [GUIDANCE],
        "aws secretsmanager get-random-password": [GUIDANCE],
        "aws secretsmanager get-secret-value": [GUIDANCE],
    },
    f"{ALERTS}/footer.rs": {"portcullis move": [NAMED]},
    f"{ALERTS}/guidance/authentication.rs": {
        "aws elasticache create-user": [GUIDANCE] * 2,
        "aws elasticache create-user-group": [GUIDANCE],
        "aws elasticache describe-user-groups": [GUIDANCE],
        "aws elasticache modify-serverless-cache": [GUIDANCE],
        "aws elasticache modify-replication-group": [GUIDANCE] * 2,
        "aws elasticache modify-user": [GUIDANCE],
        "aws elasticache create-replication-group": [GUIDANCE],
        "portcullis plan": [NAMED],
    },
    f"{ALERTS}/guidance/encryption.rs": {
        "portcullis plan": [NAMED] * 2,
        "aws elasticache create-replication-group": [GUIDANCE],
        "aws elasticache wait": [GUIDANCE],
        "aws elasticache modify-replication-group": [GUIDANCE],
    },
    f"{ALERTS}/guidance/network.rs": {
        "aws elasticache create-cache-subnet-group": [GUIDANCE],
        "portcullis plan": [NAMED],
        "aws elasticache describe-serverless-cache-snapshots": [GUIDANCE],
        "aws elasticache create-serverless-cache-snapshot": [GUIDANCE],
        "aws elasticache describe-serverless-caches": [GUIDANCE],
        "aws elasticache list-tags-for-resource": [GUIDANCE],
        "aws elasticache create-serverless-cache": [GUIDANCE],
        "aws ec2 replace-route-table-association": [GUIDANCE],
        "aws ec2 associate-route-table": [GUIDANCE],
    },
    f"{ALERTS}/guidance/target.rs": {
        "aws elasticache wait": [GUIDANCE] * 2,
        "aws elasticache describe-serverless-caches": [GUIDANCE],
        "--cache-cluster-id": [GUIDANCE],
        "aws elasticache describe-cache-clusters": [GUIDANCE],
    },
    f"{ALERTS}/outcome.rs": {"portcullis moves": [STOP]},
    f"{ALERTS}/owner/advice.rs": {
        "aws cloudformation describe-stack-resources": [
            "test_commands_alerts.py::test_the_stack_of_a_cache_whose_tags_are_not_read_is_found"
        ],
        "aws emr put-block-public-access-configuration": [NAMED],
    },
    f"{ALERTS}/digest/mail.rs": {"portcullis findings": [DIGEST], "portcullis undo": [DIGEST]},
    f"{ALERTS}/digest.rs": {
        "portcullis findings": [DIGEST],
        "portcullis undo": [DIGEST],
        "portcullis digest": [NO_COMMAND],
    },
    f"{ALERTS}/sweep.rs": {"portcullis findings": [DIGEST], "portcullis sweep": [NO_COMMAND]},
    f"{ALERTS}/sweep/mail.rs": {
        "portcullis findings": [DIGEST] * 2,
        "portcullis audit": [AUDIT],
        "portcullis undo": [
            "test_sweep.py::test_what_was_reported_is_closed_after_its_notice_and_the_ways_out_prevent_it"
        ],
    },
    f"{ALERTS}/sweep/told.rs": {"--region": [DIGEST]},
    "shared/engine/src/sweep/older.rs": {
        "portcullis sweep": [
            "test_sweep.py::test_what_was_reported_is_closed_after_its_notice_and_the_ways_out_prevent_it"
        ]
    },
    "functions/sweep/src/remediate.rs": {
        "portcullis undo": [
            "test_sweep.py::test_what_was_reported_is_closed_after_its_notice_and_the_ways_out_prevent_it"
        ]
    },
    "shared/engine/src/settings.rs": {"--stack": [OTHER_STACK]},
    "functions/trail/src/coverage.rs": {
        "aws cloudtrail create-trail": [CHOICE],
        "aws cloudtrail start-logging": [NAMED, "test_watch.py::test_silence_is_told_and_its_end_too"],
        "aws cloudtrail put-event-selectors": [CHOICE],
    },
    "functions/trail/src/switches.rs": {
        "aws events enable-rule": ["test_watch.py::test_a_rule_that_somebody_disabled_is_off_and_says_how_to_go_on"],
        "aws lambda delete-function-concurrency": [
            "test_watch.py::test_a_function_that_may_not_run_is_off_and_says_how_to_go_on"
        ],
    },
    f"{RECREATION}/around.rs": {
        "aws application-autoscaling describe-scalable-targets": [AROUND],
        "aws cloudwatch describe-alarms": [AROUND],
        "aws route53 list-resource-record-sets": [AROUND],
        "aws iam get-account-authorization-details": [AROUND],
    },
    f"{RECREATION}/document/choose.rs": {
        "aws elasticache describe-replication-groups": [NO_CACHE, MEMBER],
        "aws elasticache describe-cache-clusters": [NO_CACHE],
    },
    f"{RECREATION}/ingress.rs": {"aws ec2 describe-security-group-rules": [RULES]},
    f"{RECREATION}/mail/answer.rs": {"--reason": [ASKED]},
    f"{RECREATION}/mail/asked.rs": {"portcullis move": [AGAIN]},
    f"{RECREATION}/mail/ended.rs": {
        "aws elasticache delete-snapshot": [DELETED],
        "create-replication-group": [DELETED],
        "create-cache-cluster": [DELETED],
        "aws elasticache {call}": [DELETED, KEPT],
        "delete-replication-group": [KEPT],
        "delete-cache-cluster": [KEPT],
        "aws ec2 describe-security-group-rules": [KEPT],
        "aws ec2 revoke-security-group-ingress": [KEPT],
    },
    f"{RECREATION}/mail/failed.rs": {
        "aws resourcegroupstaggingapi get-resources": [FAILED],
        "aws stepfunctions get-execution-history": [FAILED],
    },
    f"{RECREATION}/mail/handed_over.rs": {"--tls": [REDIS_CLI], "--user": [REDIS_CLI]},
    f"{RECREATION}/mail/draft.rs": {"portcullis {verb}": [ASKED], "--region": [KEPT], "portcullis plan": [TOO_LONG]},
    f"{RECREATION}/plan/earlier.rs": {
        "aws elasticache delete-replication-group": [EARLIER],
        "aws elasticache delete-cache-cluster": [EARLIER],
    },
    f"{RECREATION}/plan/fingerprint.rs": {"portcullis plan": [NO_COMMAND]},
    f"{RECREATION}/recover.rs": {
        "portcullis plan": [NAMED] * 2,
        "aws elasticache list-tags-for-resource": [TAGS],
    },
    f"{RECREATION}/region.rs": {"--region": [BY_PLAN]},
    f"{RECREATION}/secret.rs": {"aws secretsmanager get-secret-value": [BY_PLAN]},
    f"{RECREATION}/steps/commands.rs": {
        "aws elasticache create-snapshot": [BY_PLAN],
        "aws elasticache describe-snapshots": [BY_PLAN],
        "aws ec2 authorize-security-group-ingress": [BY_PLAN],
        "create-replication-group": [BY_PLAN],
        "create-cache-cluster": [BY_PLAN],
        "aws elasticache {command}": [BY_PLAN],
        "portcullis plan": [BY_PLAN],
        "aws elasticache describe-replication-groups": [BY_PLAN],
        "aws elasticache describe-cache-clusters": [BY_PLAN],
        "modify-replication-group": [BY_PLAN],
        "modify-cache-cluster": [BY_PLAN],
        "--notification-topic-status": [BY_PLAN],
        "--snapshotting-cluster-id": [BY_PLAN],
        "aws elasticache {}": [BY_PLAN] * 2,
        "delete-replication-group": [BY_PLAN],
        "delete-cache-cluster": [BY_PLAN],
        "--final-snapshot-identifier": [BY_PLAN],
        "aws ec2 revoke-security-group-ingress": [BY_PLAN],
    },
    f"{RECREATION}/text.rs": {"portcullis move": [NAMED]},
    f"{PAGE}/page/notice.rs": {
        "portcullis plan": [PAGE_AGAIN],
        "portcullis move": [PAGE_AGAIN],
        "portcullis approve": [ON_PAGE],
        "portcullis reject": [ON_PAGE],
    },
    "functions/recreate/src/steps/ended.rs": {
        "delete-replication-group": [LEFT],
        "delete-cache-cluster": [LEFT],
        "aws elasticache {call}": [LEFT],
        "aws ec2 revoke-security-group-ingress": [LEFT],
        "aws elasticache delete-snapshot": [LEFT],
    },
    "functions/recreate/src/steps/plan.rs": {"aws stepfunctions stop-execution": [STOP_FIRST]},
    "cli/src/advice/call.rs": {
        "aws sts get-caller-identity": [CREDENTIALS],
        "aws sso login": [BROWSER],
        "--profile": [CREDENTIALS],
    },
    "cli/src/advice/credentials.rs": {
        "aws configure export-credentials": [NEWER_CLI],
        "aws sts get-caller-identity": [CREDENTIALS],
        "aws sso login": [BROWSER],
    },
    "cli/src/answer.rs": {"portcullis moves": [NO_ID, NAMED], "portcullis move": [NAMED], "portcullis harden": [NAMED]},
    "functions/harden/src/mail.rs": {
        "portcullis harden": [BEHIND, LINKED],
        "portcullis {verb}": [CHANGED],
        "--report": [BEHIND] * 2,
        "--region": [CHANGED],
    },
    "cli/src/exceptions.rs": {"portcullis exceptions": [EXCEPTIONS] * 2},
    "cli/src/explain.rs": {"portcullis explain": [EXPLAINED] * 3},
    "cli/src/findings/one.rs": {"portcullis undo": [UNDONE]},
    "cli/src/findings.rs": {"portcullis undo": [NAMED], "portcullis findings": [NO_ID]},
    "cli/src/harden.rs": {"portcullis harden": [HARDENED]},
    "shared/audit/src/table.rs": {"portcullis harden": [HARDENED]},
    "cli/src/harden/run.rs": {"aws ssm send-command": [AGENT], "aws ssm get-command-invocation": [NEVER_OVER]},
    "cli/src/live.rs": {"aws elasticache describe-cache-clusters": [NOT_THERE]},
    "cli/src/moves.rs": {"portcullis approve": [NAMED], "portcullis reject": [NAMED]},
    "cli/src/plan.rs": {
        "portcullis plan": [HELP] * 4,
        "aws elasticache describe-replication-groups": [HELP],
        "aws elasticache describe-cache-clusters": [HELP],
        "aws elasticache list-tags-for-resource": [HELP],
        "aws elasticache describe-cache-subnet-groups": [HELP],
        "aws elasticache describe-snapshots": [HELP],
        "aws ec2 describe-security-group-rules": [HELP],
    },
    "cli/src/replay.rs": {"portcullis replay": [REPLAYED] * 6, "aws cloudtrail lookup-events": [HISTORY]},
    "shared/replay/src/input.rs": {"aws cloudtrail lookup-events": [HISTORY]},
    "cli/src/start.rs": {
        "portcullis moves": [NAMED, NAMED, NAMED, STARTED],
        "portcullis approve": [NAMED, STARTED],
        "portcullis plan": [NAMED],
        "portcullis reject": [STARTED],
    },
    "cli/src/undo.rs": {"portcullis undo": [UNDONE, HALF_WAY]},
    "cli/src/undo/again.rs": {"portcullis undo": [NO_COMMAND]},
}


def flat(table):
    """How many places each piece of a file has, in one table."""
    return {(file, piece): count for file, pieces in table.items() for piece, count in pieces.items()}


def test_every_place_that_makes_a_command_has_a_test_that_runs_it_or_a_reason():
    known = flat({file: {piece: len(tests) for piece, tests in of.items()} for file, of in PLACES.items()})
    there = flat(printed.found())
    differs = {place: (there.get(place, 0), known.get(place, 0)) for place in {*there, *known}}
    differs = {place: counts for place, counts in differs.items() if counts[0] != counts[1]}
    assert not differs, f"places in the code, and tests or reasons for them here: {differs}"


def test_the_tests_that_run_them_are_there_and_run_something():
    tests = {test for of in PLACES.values() for tests in of.values() for test in tests}
    for file, _, name in (test.partition("::") for test in tests if not test.startswith("no test: ")):
        text = (places.REPO / "e2e" / "tests" / file).read_text()
        body = text.partition(f"def {name}(")[2].partition("\ndef test_")[0]
        assert re.search(r"paste\(|typed\(|back\(|\.run\(|\.follow\(|pasted\.run\(", body), (
            f"{file}: {name} runs nothing"
        )


def test_a_branch_more_is_a_place_more():
    """What the reader of the sources must not miss: breaks of lines, names in a placeholder, options of their own."""
    code = r"""
        // aws ec2 in-a-comment
        let call = if group { "delete-replication-group" } else { "delete-cache-cluster" };
        let quote = '"';
        text.push_str("\nSee:\nportcullis findings\n\
             or aws elasticache {call}{region}, and \"aws sts get-caller-identity\"");
        options.push_str(" --stack guard");
        let raw = r#"portcullis undo "f-1""#;
        #[cfg(test)] mod tests { "aws ec2 in-a-test" }
    """
    known = printed.actions()
    assert [piece for text in printed.texts(code) for piece in printed.pieces(text, known)] == [
        "delete-replication-group",
        "delete-cache-cluster",
        "portcullis findings",
        "aws elasticache {call}",
        "aws sts get-caller-identity",
        "--stack",
        "portcullis undo",
    ]


def test_every_command_of_portcullis_that_is_named_is_one():
    """Also where a sentence names it only."""
    named = {piece.split()[1] for of in PLACES.values() for piece, tests in of.items() if real(piece, tests)}
    listed = {word for word in named if "{" not in word}
    assert {"approve", "findings", "move", "moves", "plan", "reject", "undo"} <= listed
    for command in sorted(listed):
        done = pasted.help_of(command)
        assert done.returncode == 0 and "Usage: portcullis" in done.stdout, command


def real(piece, tests):
    return piece.startswith("portcullis ") and tests != [NO_COMMAND]
