//! `portcullis findings` and `portcullis undo` as they are run: what they send, leave behind and say.

mod account;
mod bare;

use std::collections::BTreeMap;
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use account::{Account, CALLER, Rule};
use portcullis_engine::event::{Lead, Touched};
use portcullis_engine::ledger::{Entry, GrantRecord, Key, Occurrence, RuleRecord, Snooze, State};
use portcullis_engine::resolution::{Resolution, Standing};
use portcullis_engine::time::{iso, seconds};

const ID: &str = "f-0123456789ab";
const UNDO: [&str; 4] = ["undo", ID, "--reason", "the demo"];

/// A finding about TCP 6379 that was closed.
fn closed() -> Entry {
    let text = str::to_owned;
    Entry {
        key: Key { subject: text("sg-1"), finding: text("open-ingress#tcp#6379#6379#0.0.0.0/0") },
        id: text(ID),
        check: text("open-ingress"),
        severity: text("critical"),
        title: text("TCP 6379 from 0.0.0.0/0 lets the internet in"),
        state: State::Closed,
        first_seen: text("2026-11-21T10:00:00Z"),
        last_seen: text("2026-11-21T10:00:00Z"),
        times: 1,
        returns: 0,
        occurrences: vec![Occurrence {
            event: text("e-1"),
            at: text("2026-11-21T10:00:00Z"),
            rule: Some(text("sgr-1")),
            by: text("bob"),
            via: None,
            recurred: false,
            outcome: Standing::Ended(Resolution::Done),
            reported: None,
            lease: None,
        }],
        rule: Some(RuleRecord {
            group: text("sg-1"),
            rule: text("sgr-1"),
            protocol: text("tcp"),
            from_port: 6379,
            to_port: 6379,
            source: text("0.0.0.0/0"),
            description: Some(text("for the demo")),
            tags_apart: false,
            tags: BTreeMap::from([
                (text("aws:cloudformation:stack-name"), text("web")),
                (text("owner"), text("web & co")),
            ]),
        }),
        grants: Vec::new(),
        list: None,
        spared: None,
        version: 2,
    }
}

fn rule(id: &str) -> Rule {
    Rule {
        id: id.to_owned(),
        protocol: "tcp".to_owned(),
        from_port: 6379,
        to_port: 6379,
        cidr: "0.0.0.0/0".to_owned(),
        description: "for the demo".to_owned(),
        tags: vec![("owner".to_owned(), "web & co".to_owned())],
    }
}

fn private() -> Rule {
    Rule {
        cidr: "10.0.0.0/8".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        ..rule("sgr-2")
    }
}

/// A snooze of the rule that runs for so many seconds more.
fn snooze(seconds: i64) -> Snooze {
    Snooze {
        subject: "sg-1".to_owned(),
        finding: "exempt#tcp#6379#6379#0.0.0.0/0".to_owned(),
        until: iso(now() + seconds),
        reason: "the sale".to_owned(),
        by: "carol".to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of a program that reads the clock")]
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn printed(output: &Output) -> (i32, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Whether a snooze ends as long after now as was asked.
fn ends_in(snooze: &Snooze, asked: i64) -> bool {
    (asked - 60..=asked).contains(&(seconds(&snooze.until) - now()))
}

#[test]
fn the_very_rule_is_back_with_its_description_and_tags_and_left_alone_for_a_day() {
    let account = Account::new().remembering(closed());
    account.now().group.as_mut().unwrap().push(private());
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 0 && error.is_empty(), "{error}");
    assert_eq!(account.group().unwrap(), [private(), rule("sgr-new-1")]);
    let revisits = account.revisits();
    let [revisit] = revisits.as_slice() else { panic!("{revisits:?}") };
    assert!((24 * 3600 - 60..=24 * 3600 + 120).contains(&(revisit.due - now())), "{revisit:?}");
    let snoozes = account.snoozes();
    let [(written, expires)] = snoozes.as_slice() else { panic!("{snoozes:?}") };
    let until = written.until.clone();
    let expected =
        Snooze { reason: "the demo".to_owned(), by: CALLER.to_owned(), until, ..snooze(0) };
    assert_eq!(*written, expected);
    assert!(ends_in(written, 86_400), "{written:?}");
    assert_eq!(*expires, seconds(&written.until) + 34_560_000, "it is remembered like a finding");
    assert_eq!(account.entries(), [closed()], "the finding is the functions' to change");
    for part in [
        "Restored in sg-1, as sgr-new-1: TCP 6379 from 0.0.0.0/0\n",
        "Without its tags that begin with aws:",
        &format!("by {CALLER}: the demo.\n"),
        "  sgr-2  TCP 6379 from 10.0.0.0/8\n",
        "  sgr-new-1  TCP 6379 from 0.0.0.0/0 (for the demo)  <- restored\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn the_exemption_is_written_before_the_rule_is_opened() {
    let account = Account::new().remembering(closed());
    account.run(&UNDO);
    let changing = ["PutItem", "AuthorizeSecurityGroupIngress"];
    let calls = account.calls();
    let changed: Vec<_> = calls.iter().filter(|call| changing.contains(&call.as_str())).collect();
    let [exempted, opened] = changing;
    assert_eq!(changed, [exempted, opened, exempted], "and then what is looked at again");
    let sent = account.sent("AuthorizeSecurityGroupIngress");
    assert!(!sent.contains("aws%3Acloudformation") && !sent.contains("Tag.2"), "{sent}");
}

#[test]
fn undoing_twice_opens_nothing_twice_and_says_so() {
    let account = Account::new().remembering(closed());
    account.run(&UNDO);
    let before = (account.group(), account.snoozes()[0].0.reason.clone());
    let output = account.run(&["undo", ID, "--reason", "again", "--for", "1h"]);
    let (status, out, _) = printed(&output);
    assert_eq!(status, 0);
    assert!(out.starts_with(
        "The rule exists already, as sgr-new-0 in sg-1: nothing was opened.\nSnoozed until"
    ));
    assert!(out.ends_with(": the demo, as before.\n"), "{out}");
    assert_eq!((account.group(), account.snoozes()[0].0.reason.clone()), before);
    account.sent("AuthorizeSecurityGroupIngress");
    assert_eq!(account.snoozes().len(), 1);
}

#[test]
fn what_somebody_else_put_back_is_left_alone_from_now_on() {
    let account = Account::new().remembering(closed());
    account.now().group.as_mut().unwrap().push(rule("sgr-9"));
    let output = account.run(&["undo", ID, "--reason", "the demo", "--for", "7d"]);
    let (status, out, _) = printed(&output);
    assert!(status == 0 && out.starts_with("The rule exists already, as sgr-9 in sg-1"), "{out}");
    let snoozes = account.snoozes();
    assert!(snoozes.len() == 1 && ends_in(&snoozes[0].0, 604_800), "{snoozes:?}");
    assert!(!account.calls().contains(&"AuthorizeSecurityGroupIngress".to_owned()));
}

#[test]
fn an_exemption_is_made_longer_and_never_shorter() {
    for (runs, longest, why) in
        [(3_600, 86_400, "the demo"), (172_800, 172_800, "the sale"), (-60, 86_400, "the demo")]
    {
        let account = Account::new().remembering(closed()).remembering(snooze(runs));
        let output = account.run(&UNDO);
        assert_eq!(printed(&output).0, 0);
        let snoozes = account.snoozes();
        assert_eq!(snoozes.len(), 1);
        assert!(ends_in(&snoozes[0].0, longest), "{snoozes:?}");
        assert_eq!(snoozes[0].0.reason, why);
        assert_eq!(account.group().unwrap(), [rule("sgr-new-0")]);
    }
}

#[test]
fn a_group_that_is_gone_stays_gone_and_nothing_is_written() {
    let account = Account::new().remembering(closed());
    account.now().group = None;
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 1 && out.is_empty());
    assert!(
        error.starts_with(
            "Nothing was changed: sg-1 does not exist any more, and neither do its rules."
        ),
        "{error}"
    );
    assert!(account.snoozes().is_empty());
}

#[test]
fn what_was_never_closed_is_not_undone() {
    let bare = Entry { rule: None, state: State::Open, ..closed() };
    for entry in [Entry { state: State::Open, ..closed() }, bare] {
        let account = Account::new().remembering(entry);
        let output = account.run(&UNDO);
        let (status, out, error) = printed(&output);
        assert!(
            status == 1 && out.is_empty() && error.starts_with("Nothing to undo: it "),
            "{error}"
        );
        assert!(account.snoozes().is_empty());
        assert_eq!(account.group(), Some(Vec::new()));
    }
}

#[test]
fn an_id_that_is_none_says_where_they_are() {
    let account = Account::new().remembering(closed());
    let output = account.run(&["undo", "f-000000000000", "--reason", "x"]);
    let (status, _, error) = printed(&output);
    assert_eq!(status, 2);
    assert!(
        error.contains("no finding `f-000000000000` in the ledger of stack portcullis"),
        "{error}"
    );
}

#[test]
fn without_an_exemption_nothing_is_opened() {
    let account = Account::new().remembering(closed());
    account.now().refused.push(("PutItem", "AccessDeniedException"));
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 2 && out.is_empty());
    assert!(
        error.starts_with("error: no rule was opened") && error.contains("AccessDeniedException")
    );
    assert_eq!(account.group(), Some(Vec::new()));
}

#[test]
fn a_rule_that_ec2_refuses_is_told_with_the_exemption_that_is_there() {
    let account = Account::new().remembering(closed());
    account
        .now()
        .refused
        .push(("AuthorizeSecurityGroupIngress", "RulesPerSecurityGroupLimitExceeded"));
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 2 && out.is_empty());
    for part in [
        "error: the snooze is written, and the rule is NOT restored: AuthorizeSecurityGroupIngress in eu-west-1: \
         RulesPerSecurityGroupLimitExceeded: as told\nhelp: change what AWS names here, then run it again. Snoozed until ",
        "aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id sg-1",
        "portcullis undo f-0123456789ab --end",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(account.snoozes().len(), 1);
    assert_eq!(account.group(), Some(Vec::new()));
}

/// The rule may be open though nobody said so: the group is looked at before anything is claimed.
#[test]
fn an_answer_that_was_lost_is_made_up_for_by_a_look() {
    let account = Account::new().remembering(closed());
    account.now().answer_lost = true;
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 0 && out.starts_with("Restored in sg-1, as sgr-new-0"), "{out}{error}");
    assert_eq!(account.group().unwrap(), [rule("sgr-new-0")]);
}

#[test]
fn what_cannot_be_seen_is_not_claimed() {
    let account = Account::new().remembering(closed());
    account.now().blind_afterwards = true;
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 2 && out.is_empty());
    let says = "error: the snooze is written, and it is unknown whether the rule is restored: ";
    assert!(error.starts_with(says) && error.contains("UnauthorizedOperation"), "{error}");
    assert_eq!(account.group().unwrap(), [rule("sgr-new-0")]);
}

#[test]
fn a_running_exemption_is_ended_and_the_rule_stays() {
    let account = Account::new().remembering(closed()).remembering(snooze(3_600));
    account.now().group.as_mut().unwrap().push(rule("sgr-9"));
    let output = account.run(&["undo", ID, "--end"]);
    let (status, out, error) = printed(&output);
    assert!(status == 0 && error.is_empty(), "{error}");
    for part in [
        "Ended: the rule is no longer snoozed.\nIt is still open, as sgr-9. Portcullis looks",
        "aws ec2 revoke-security-group-ingress --region eu-west-1 --group-id sg-1 --security-group-rule-ids sgr-9",
    ] {
        assert!(out.contains(part), "{out}");
    }
    let snoozes = account.snoozes();
    assert!(snoozes.len() == 1 && seconds(&snoozes[0].0.until) <= now(), "{snoozes:?}");
    assert_eq!(snoozes[0].0.by, CALLER);
    assert_eq!(snoozes[0].0.reason, "ended early, was: the sale (carol)");
    assert_eq!(account.group().unwrap(), [rule("sgr-9")]);
    let revisits = account.revisits();
    let [revisit] = revisits.as_slice() else { panic!("{revisits:?}") };
    assert!((0..=120).contains(&(revisit.due - now())), "{revisit:?}");
    assert_eq!((revisit.subject.as_str(), revisit.call.actor.arn.as_str()), ("sg-1", CALLER));
    let Lead::Group(lead) = &revisit.call.lead else { panic!("{revisit:?}") };
    let Touched::Rules(touched) = &lead.touched else { panic!("{revisit:?}") };
    assert_eq!(touched[0].id.as_deref(), Some("sgr-9"));
    let again = account.run(&["undo", ID, "--end"]);
    let (status, out, error) = printed(&again);
    assert!(status == 1 && out.is_empty(), "{out}");
    assert_eq!(error, "Nothing to end: there is no snooze for the rule of f-0123456789ab.\n");
}

#[test]
fn a_reason_is_asked_for_and_a_time_has_bounds() {
    let account = Account::new().remembering(closed());
    for (arguments, says) in [
        (&["undo", ID][..], "--reason <TEXT>"),
        (&["undo", ID, "--reason", ""], "a value is required for '--reason <TEXT>'"),
        (
            &["undo", ID, "--reason", "x", "--for", "31d"],
            "at most 30 days (30d): for longer, write",
        ),
        (&["undo", ID, "--reason", "x", "--for", "10"], "give a number with a unit"),
        (&["undo", ID, "--end", "--for", "1h"], "cannot be used with"),
    ] {
        let output = account.run(arguments);
        let (status, out, error) = printed(&output);
        assert!(status == 2 && out.is_empty() && error.contains(says), "{error}");
    }
    assert!(account.calls().is_empty());
}

#[test]
fn a_stack_without_a_ledger_says_what_to_look_at() {
    let account = Account::new();
    account.now().refused.push(("Scan", "ResourceNotFoundException"));
    for arguments in [&UNDO[..], &["findings"]] {
        let output = account.run(arguments);
        let (status, _, error) = printed(&output);
        assert_eq!(status, 2);
        assert!(
            error.starts_with("error: there is no table portcullis-ledger in eu-west-1"),
            "{error}"
        );
    }
}

#[test]
fn findings_are_listed_from_the_table_and_nothing_is_changed() {
    let open = Entry { state: State::Open, id: "f-00000000000a".to_owned(), ..closed() };
    let account =
        Account::new().remembering(closed()).remembering(snooze(3_600)).remembering(Entry {
            key: Key { finding: "no-auth".to_owned(), ..open.key.clone() },
            ..open
        });
    let ids = |arguments: &[&str]| {
        let output = account.run(arguments);
        let (status, out, error) = printed(&output);
        assert!(status == 0 && error.is_empty(), "{error}");
        let words = out.split_whitespace().filter(|word| word.starts_with("f-"));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&["findings"]),
        ["f-00000000000a", "f-00000000000a,", ID],
        "the exemption names both"
    );
    assert_eq!(ids(&["findings", "--all"])[..2], ["f-00000000000a", ID]);
    assert_eq!(ids(&["findings", ID])[0], format!("{ID}:"));
    assert!(account.calls().iter().all(|call| call == "Scan"), "{:?}", account.calls());
}

/// What known networks got in place of a rule goes once the rule is back; what somebody edited since is theirs.
#[test]
fn undo_removes_what_known_networks_got_and_keeps_what_was_edited() {
    let entry = Entry {
        grants: [("sgr-5", "198.51.100.0/24"), ("sgr-6", "203.0.113.0/24"), ("sgr-gone", "pl-1")]
            .map(|(rule, source)| GrantRecord { rule: rule.to_owned(), source: source.to_owned() })
            .to_vec(),
        ..closed()
    };
    let granted = |id: &str, cidr: &str| Rule {
        cidr: cidr.to_owned(),
        description: format!("Portcullis: known networks in place of 0.0.0.0/0 ({})", closed().id),
        tags: Vec::new(),
        ..rule(id)
    };
    let edited = Rule { to_port: 6380, ..granted("sgr-6", "203.0.113.0/24") };
    let account = Account::new().remembering(entry);
    account
        .now()
        .group
        .as_mut()
        .unwrap()
        .extend([granted("sgr-5", "198.51.100.0/24"), edited.clone()]);
    let output = account.run(&UNDO);
    let (status, out, error) = printed(&output);
    assert!(status == 0 && error.is_empty(), "{error}");
    assert_eq!(account.group().unwrap(), [edited, rule("sgr-new-2")]);
    for part in [
        "Removed what known networks got in its place: sgr-5.\n",
        "sgr-6 was granted to a known network in its place, and was edited since, so it stays",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains("  sgr-5  "), "it is not listed: {out}");
    let calls = account.calls();
    let at = |call: &str| calls.iter().position(|made| made == call);
    assert!(at("AuthorizeSecurityGroupIngress") < at("RevokeSecurityGroupIngress"), "{calls:?}");
}
