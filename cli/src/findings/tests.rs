use std::collections::BTreeMap;

use portcullis_engine::event::{GroupLead, GroupRef, Lead, Touched};
use portcullis_engine::ledger::{Key, Occurrence, ReportedAs, RuleRecord, Why};
use portcullis_engine::resolution::{Resolution, Standing};
use serde_json::Value;

use super::*;
use portcullis_testkit::example;
use portcullis_testkit::hostile::{shows_all, texts};

/// 2026-11-21 10:00:30 UTC
const NOW: i64 = 1_795_255_230;

fn entry(id: &str, severity: &str, state: State, last_seen: &str, returns: u64) -> Entry {
    let text = str::to_owned;
    let occurrence = |at: &str, by: &str, recurred: bool| Occurrence {
        event: text("e-1"),
        at: text(at),
        rule: Some(text("sgr-01")),
        by: text(by),
        via: recurred.then(|| text("Terraform")),
        recurred,
        outcome: Standing::Ended(Resolution::Done),
        reported: (!recurred).then(|| ReportedAs {
            at: text(at),
            outcome: Resolution::Done,
            severity: text(severity),
        }),
        lease: None,
    };
    Entry {
        key: Key { subject: text("sg-01"), finding: format!("open-ingress#{id}") },
        id: text(id),
        check: text("open-ingress"),
        severity: text(severity),
        title: text("TCP 6379 from 0.0.0.0/0 lets the internet in"),
        state,
        first_seen: text("2026-11-20T09:00:00Z"),
        last_seen: text(last_seen),
        times: returns + 1,
        returns,
        occurrences: vec![
            occurrence("2026-11-20T09:00:00Z", "bob", false),
            occurrence(last_seen, "alice\u{1b}[2J", true),
        ],
        rule: Some(RuleRecord {
            group: text("sg-01"),
            rule: text("sgr-01"),
            protocol: text("tcp"),
            from_port: 6379,
            to_port: 6379,
            source: text("0.0.0.0/0"),
            description: Some(text("for the\ndemo")),
            tags: BTreeMap::from([(text("owner"), text("web"))]),
            tags_apart: false,
        }),
        grants: Vec::new(),
        list: None,
        spared: None,
        version: 1,
    }
}

fn snoozed(finding: &str, until: &str) -> Snooze {
    Snooze {
        subject: "sg-01".to_owned(),
        finding: finding.to_owned(),
        until: until.to_owned(),
        reason: "the demo".to_owned(),
        by: "arn:aws:iam::111122223333:user/carol".to_owned(),
    }
}

fn memory() -> Memory {
    let mut memory = Memory::default();
    for entry in [
        entry("f-closed", "critical", State::Closed, "2026-11-21T09:00:00Z", 2),
        entry("f-low", "low", State::Open, "2026-11-21T09:59:00Z", 0),
        entry("f-new", "high", State::Open, "2026-11-21T09:30:00Z", 1),
        entry("f-old", "high", State::Open, "2026-11-20T09:30:00Z", 3),
        entry("f-strange", "dreadful", State::Resolved, "yesterday", 0),
    ] {
        let other = RuleRecord { to_port: 6380, ..entry.rule.clone().unwrap() };
        let rule = if entry.id == "f-closed" { entry.rule.clone() } else { Some(other) };
        memory.entries.insert(entry.key.clone(), Entry { rule, ..entry });
    }
    for snooze in [
        snoozed("exempt#tcp#6379#6379#0.0.0.0/0", "2026-11-21T10:00:31Z"),
        snoozed("exempt#-1#-1#-1#::/0", "2026-11-21T10:00:30Z"),
    ] {
        let key = Key { subject: snooze.subject.clone(), finding: snooze.finding.clone() };
        memory.snoozes.insert(key, snooze);
    }
    memory
}

#[test]
fn open_findings_are_listed_the_worst_first_and_what_is_left_alone() {
    insta::assert_snapshot!(List::of(&memory(), &[], false, NOW).text());
}

#[test]
fn with_all_those_that_are_over_come_last() {
    insta::assert_snapshot!(List::of(&memory(), &[], true, NOW).text());
}

#[test]
fn an_empty_ledger_says_so() {
    let empty = Memory::default();
    let open = List::of(&empty, &[], false, NOW).text();
    assert_eq!(open, "No open findings. --all also lists remediated and resolved ones.\n");
    assert_eq!(List::of(&empty, &[], true, NOW).text(), "No findings.\n");
}

#[test]
fn the_list_for_machines_is_as_the_ledger_has_it() {
    let list: Value = serde_json::from_str(&List::of(&memory(), &[], false, NOW).json()).unwrap();
    let ids: Vec<_> =
        list["findings"].as_array().unwrap().iter().map(|f| f["id"].clone()).collect();
    assert_eq!(ids, ["f-new", "f-old", "f-low"]);
    assert_eq!(list["findings"][0]["firstSeen"], "2026-11-20T09:00:00Z");
    assert_eq!(list["exemptions"].as_array().unwrap().len(), 1);
    assert_eq!(list["exemptions"][0]["until"], "2026-11-21T10:00:31Z");
}

#[test]
fn one_finding_is_shown_whole() {
    let memory = memory();
    let shown = |id: &str, stack: &str| {
        let entry = memory.entries.values().find(|entry| entry.id == id).unwrap();
        one::text(entry, snooze(&memory, entry), &[], NOW, stack)
    };
    insta::assert_snapshot!(shown("f-closed", ""));
    let guard = shown("f-closed", " --stack guard");
    assert!(guard.contains("portcullis undo f-closed --reason '...' --stack guard\n"), "{guard}");
    let open = shown("f-new", "");
    assert!(open.contains("The rule was not revoked.") && !open.contains("Snoozed"), "{open}");
}

/// A revisit that is due so many seconds from now, or was.
fn revisit(event: &str, due: i64) -> Revisit {
    let touched = Touched::Rules(Vec::new());
    let lead = GroupLead { group: GroupRef::Id("sg-01".to_owned()), touched };
    Revisit {
        subject: "sg-01".to_owned(),
        event: event.to_owned(),
        due: NOW - 30 + due,
        why: Why::Limit,
        tries: 1,
        call: example::event(Lead::Group(lead)),
        version: 1,
        settled: false,
    }
}

#[test]
fn what_is_looked_at_again_is_listed_and_what_should_have_been() {
    let revisits = [revisit("e-2", 3600), revisit("e-1", 60), revisit("e-3", -3600)];
    let memory = memory();
    let list = List::of(&memory, &revisits, false, NOW);
    let text = list.text();
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("LOOKED")).collect();
    assert_eq!(
        rows,
        [
            "LOOKED AT AGAIN                SUBJECT  BECAUSE  CALL OF       EVENT",
            "2026-11-21 09:00 UTC, overdue  sg-01    limit    deploy/alice  e-3",
            "2026-11-21 10:01 UTC           sg-01    limit    deploy/alice  e-1",
            "2026-11-21 11:00 UTC           sg-01    limit    deploy/alice  e-2",
        ]
    );
    let json: Value = serde_json::from_str(&list.json()).unwrap();
    assert_eq!(json["revisits"][1]["due"], "2026-11-21T10:01:00Z");
    assert_eq!(json["revisits"][1]["why"], "limit");
    let entry = memory.entries.values().find(|entry| entry.id == "f-new").unwrap();
    let of_entry = again::of(entry, &revisits);
    let text = one::text(entry, None, &of_entry, NOW, "");
    assert!(text.contains("Next look    2026-11-21 10:01 UTC: limit\n"), "{text}");
    assert_eq!(of_entry.len(), 1, "of its own event alone");
}

#[test]
fn an_exemption_is_told_in_words() {
    for (finding, expected) in [
        ("exempt#tcp#6379#6379#0.0.0.0/0", "TCP 6379 from 0.0.0.0/0"),
        ("exempt#udp#11000#12000#2000::/3", "UDP 11000-12000 from 2000::/3"),
        ("exempt#-1#-1#-1#pl-1", "all traffic from pl-1"),
        ("exempt#50#-1#-1#0.0.0.0/0", "IP protocol 50 from 0.0.0.0/0"),
        ("something else", "something else"),
    ] {
        assert_eq!(words(finding), expected);
    }
}

#[test]
fn nothing_that_others_wrote_acts_upon_a_terminal() {
    for text in texts() {
        let mut entry = entry("f-closed", "critical", State::Closed, "2026-11-21T09:00:00Z", 2);
        for part in [
            &mut entry.id,
            &mut entry.title,
            &mut entry.severity,
            &mut entry.check,
            &mut entry.key.subject,
            &mut entry.last_seen,
        ] {
            part.clone_from(&text);
        }
        for occurrence in &mut entry.occurrences {
            occurrence.by.clone_from(&text);
            (occurrence.via, occurrence.rule) = (Some(text.clone()), Some(text.clone()));
        }
        let rule = entry.rule.as_mut().unwrap();
        (rule.group, rule.source, rule.description) =
            (text.clone(), text.clone(), Some(text.clone()));
        rule.tags = BTreeMap::from([(text.clone(), text.clone())]);
        let snooze = Snooze {
            subject: text.clone(),
            reason: text.clone(),
            by: text.clone(),
            ..snoozed(&Snooze::finding(&rule.rule()), "2026-11-21T10:00:31Z")
        };
        let mut memory = Memory::default();
        let key = Key { subject: snooze.subject.clone(), finding: snooze.finding.clone() };
        memory.snoozes.insert(key, snooze.clone());
        memory.entries.insert(entry.key.clone(), entry.clone());
        let mut again = revisit(&text, 60);
        (again.subject, again.call.actor.name) = (text.clone(), text.clone());
        let revisits = [again];
        let list = List::of(&memory, &revisits, true, NOW);
        shows_all("the list", &list.text());
        shows_all("the list as JSON", &list.json());
        assert_eq!(list.text().lines().count(), 8, "a row a line: {}", list.text());
        shows_all("a finding", &one::text(&entry, Some(&snooze), &[&revisits[0]], NOW, ""));
    }
}
