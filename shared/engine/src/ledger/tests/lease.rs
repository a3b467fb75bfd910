use super::*;
use crate::facts::Tag;
use crate::fixtures::{public_interface, with_interfaces};

fn open(id: &str) -> IngressRule {
    rule(id, "tcp 6379", WORLD)
}

fn facts(rules: &[&IngressRule]) -> GroupFacts {
    fixtures::group(rules.iter().copied().cloned().collect())
}

#[test]
fn what_is_new_is_told_and_remembered() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let dealt = desk.deal(&event("e-1", &[&one]), &facts(&[&one]));
    assert_eq!(dealt.reported(), ["sgr-1"]);
    let occurrence = &dealt.leased.entries[0].occurrences[0];
    assert_eq!(occurrence.outcome, Standing::Leased(Intent::RevokeIngress));
    assert_eq!(occurrence.lease, Some(Lease { by: "r-1".to_owned(), until: NOW + 30 }));
    let entry = desk.entry();
    assert_eq!((entry.state, entry.times, entry.returns), (State::Closed, 1, 0));
    assert_eq!(entry.rule.as_ref().map(RuleRecord::rule), Some(one));
    let occurrence = entry.latest().unwrap();
    assert_eq!((occurrence.outcome.as_str(), &occurrence.lease), ("done", &None));
    assert_eq!(occurrence.reported.as_ref().unwrap().outcome, Resolution::Done);
}

#[test]
fn the_same_event_again_is_silent() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let event = event("e-1", &[&one]);
    desk.deal(&event, &facts(&[&one]));
    let before = desk.memory.clone();
    let dealt = desk.deal(&event, &facts(&[]));
    assert_eq!(dealt.decision.findings.len(), 1);
    assert!(dealt.reported().is_empty() && dealt.leased.entries.is_empty());
    assert_eq!(desk.memory, before);
}

#[test]
fn another_class_of_outcome_is_told_again() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let event = event("e-1", &[&one]);
    desk.outcome = Outcome::Failed("throttled".to_owned());
    assert_eq!(desk.deal(&event, &facts(&[&one])).reported(), ["sgr-1"]);
    assert_eq!(desk.entry().state, State::Open);
    assert!(desk.deal(&event, &facts(&[&one])).reported().is_empty());
    desk.outcome = Outcome::Done(None);
    assert_eq!(desk.deal(&event, &facts(&[&one])).reported(), ["sgr-1"]);
    assert_eq!(desk.entry().state, State::Closed);
    desk.outcome = Outcome::AlreadyGone;
    assert!(desk.deal(&event, &facts(&[&one])).reported().is_empty());
    // What was not told is not remembered as told.
    assert_eq!(desk.entry().latest().unwrap().reported.as_ref().unwrap().outcome, Resolution::Done);
    // It was shown late: it is gone for good.
    desk.outcome = Outcome::Failed("throttled".to_owned());
    assert!(desk.deal(&event, &facts(&[&one])).reported().is_empty());
    assert_eq!(desk.entry().times, 1);
}

#[test]
fn what_is_worse_than_it_was_told_is_told_again() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    desk.limits.actions_per_event = 0;
    let quiet = facts(&[&one]);
    let public = with_interfaces(quiet.clone(), vec![public_interface("eni-1")]);
    assert_eq!(desk.deal(&event("e-1", &[&one]), &quiet).reported(), ["sgr-1"]);
    assert!(desk.deal(&event("e-2", &[&one]), &quiet).reported().is_empty());
    assert_eq!(desk.deal(&event("e-3", &[&one]), &public).reported(), ["sgr-1"]);
    assert!(desk.deal(&event("e-4", &[&one]), &quiet).reported().is_empty());
}

#[test]
fn what_was_closed_and_is_there_with_another_id_came_back() {
    let (mut desk, one, two) = (Desk::new(), open("sgr-1"), open("sgr-2"));
    desk.deal(&event("e-1", &[&one]), &facts(&[&one]));
    let later = Event { time: "2026-11-21T10:07:00Z".to_owned(), ..event("e-2", &[&two]) };
    let dealt = desk.deal(&later, &facts(&[&two]));
    assert_eq!(dealt.reported(), ["sgr-2"]);
    let comeback = dealt.leased.recurrences.values().next().unwrap();
    let first = "2026-11-21T10:00:00Z".to_owned();
    assert_eq!(*comeback, Recurrence { times: 1, last: first.clone(), first });
    assert_eq!((desk.entry().times, desk.entry().returns), (2, 1));
    assert_eq!(desk.entry().last_seen, later.time);
}

#[test]
fn a_rule_that_was_edited_away_and_back_came_again() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    desk.limits.actions_per_event = 0;
    desk.deal(&event("e-1", &[&one]), &facts(&[&one]));
    desk.now += 600;
    let private = rule("sgr-1", "tcp 6379", "10.0.0.0/8");
    let gone = desk.deal(&event("e-2", &[&private]), &facts(&[&private]));
    assert_eq!(gone.leased.resolved.len(), 1);
    assert_eq!(desk.entry().state, State::Resolved);
    let back = Event { time: "2026-11-21T11:00:00Z".to_owned(), ..event("e-3", &[&one]) };
    assert_eq!(desk.deal(&back, &facts(&[&one])).reported(), ["sgr-1"]);
    assert_eq!((desk.entry().times, desk.entry().returns), (2, 0));
    assert_eq!(desk.entry().state, State::Open);
}

#[test]
fn what_another_invocation_holds_is_left_to_it_until_it_must_be_over() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let event = event("e-1", &[&one]);
    let (_, remembered) = desk.lease(&event, &facts(&[&one]));
    desk.write(remembered.entries);
    desk.by = "r-2";
    desk.now += 29;
    let (decision, busy) = desk.lease(&event, &facts(&[&one]));
    assert_eq!((decision.leased, busy.entries), (vec![desk.entry().id.clone()], vec![]));
    assert!(decision.findings.is_empty());
    assert_eq!(
        decision.notes,
        [format!(
            "another invocation is processing {}; this event will be retried",
            desk.entry().id
        )]
    );
    desk.now += 1;
    assert_eq!(desk.deal(&event, &facts(&[&one])).reported(), ["sgr-1"]);
}

#[test]
fn an_invocation_that_is_tried_again_goes_on_with_what_it_held() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let event = event("e-1", &[&one]);
    let (_, remembered) = desk.lease(&event, &facts(&[&one]));
    desk.write(remembered.entries);
    let dealt = desk.deal(&event, &facts(&[]));
    assert_eq!(dealt.reported(), ["sgr-1"]);
    assert_eq!((desk.entry().times, desk.entry().state), (1, State::Closed));
}

#[test]
fn what_a_dead_invocation_held_of_a_told_coming_is_put_right_in_silence() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let event = event("e-1", &[&one]);
    desk.deal(&event, &facts(&[&one]));
    let (_, late) = desk.lease(&event, &facts(&[&one]));
    desk.write(late.entries);
    assert_eq!(desk.entry().latest().unwrap().outcome, Standing::Leased(Intent::RevokeIngress));
    assert!(desk.deal(&event, &facts(&[])).reported().is_empty());
    let occurrence = desk.entry().latest().unwrap();
    assert_eq!((occurrence.outcome.as_str(), &occurrence.lease), ("already-gone", &None));
    assert_eq!(desk.entry().state, State::Closed);
}

#[test]
fn a_newer_coming_does_not_wait_for_whoever_is_at_the_one_before() {
    let (mut desk, one, two) = (Desk::new(), open("sgr-1"), open("sgr-2"));
    let (decision, first) = desk.lease(&event("e-1", &[&one]), &facts(&[&one]));
    desk.write(first.entries.clone());
    desk.by = "r-2";
    desk.limits.actions_per_event = 0;
    assert_eq!(desk.deal(&event("e-2", &[&two]), &facts(&[&two])).reported(), ["sgr-2"]);
    assert_eq!((desk.entry().times, desk.entry().returns), (2, 1));
    // The first one lost, and writes its own coming only.
    let outcomes = Outcomes::from([("sgr-1".to_owned(), Outcome::Done(None))]);
    let lost = [desk.entry().key.clone()];
    let again = Rewrite { lost: &lost, memory: &desk.memory };
    let reported = Some("2026-11-21T10:00:09Z");
    let writes = settled(&first, &decision, &outcomes, reported, Some(again));
    desk.write(writes);
    let entry = desk.entry();
    assert_eq!((entry.state, entry.rule.as_ref().unwrap().rule.as_str()), (State::Open, "sgr-2"));
    let reported: Vec<_> =
        entry.occurrences.iter().map(|occurrence| occurrence.reported.is_some()).collect();
    assert_eq!((reported, entry.times), (vec![true, true], 2));
    assert!(entry.occurrences.iter().all(|occurrence| occurrence.lease.is_none()));
}

#[test]
fn a_rule_that_is_gone_is_told_with_what_is_remembered_of_it() {
    let (mut desk, mut one) = (Desk::new(), open("sgr-1"));
    one.description = Some("for the demo".to_owned());
    one.tags = vec![Tag { key: "owner".to_owned(), value: "web".to_owned() }];
    let event = event("e-1", &[&one]);
    let (_, remembered) = desk.lease(&event, &facts(&[&one]));
    desk.write(remembered.entries);
    let dealt = desk.deal(&event, &facts(&[]));
    let Remedy::Gone(action) = &dealt.report.findings[0].finding.remedy else {
        panic!("it is there")
    };
    assert_eq!(action.revokes(), Some(("sg-01", &one)));
    assert_eq!(dealt.report.findings[0].rule(), Some(&one));
}

#[test]
fn an_old_event_that_comes_late_is_a_coming_of_its_own() {
    let (mut desk, one, two) = (Desk::new(), open("sgr-1"), open("sgr-2"));
    let late = Event { time: "2026-11-21T09:00:00Z".to_owned(), ..event("e-1", &[&one]) };
    desk.deal(&event("e-2", &[&two]), &facts(&[&two]));
    assert_eq!(desk.deal(&late, &facts(&[])).reported(), ["sgr-1"]);
    let entry = desk.entry();
    assert_eq!(
        (entry.times, entry.state, entry.first_seen.as_str()),
        (2, State::Closed, late.time.as_str())
    );
    assert_eq!(entry.rule.as_ref().unwrap().rule, "sgr-2");
    let events: Vec<_> =
        entry.occurrences.iter().map(|occurrence| occurrence.event.as_str()).collect();
    assert_eq!(events, ["e-1", "e-2"]);
}

#[test]
fn the_rule_is_kept_as_it_was_when_it_went() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let edited = rule("sgr-1", "tcp 6380", WORLD);
    desk.outcome = Outcome::Done(Some(Box::new(edited.clone())));
    desk.deal(&event("e-1", &[&one]), &facts(&[&one]));
    assert_eq!(desk.entry().rule.as_ref().map(RuleRecord::rule), Some(edited));
}

#[test]
fn an_alert_that_did_not_go_out_is_told_by_the_next_try() {
    let (mut desk, one) = (Desk::new(), open("sgr-1"));
    let event = event("e-1", &[&one]);
    let (decision, remembered) = desk.lease(&event, &facts(&[&one]));
    desk.write(remembered.entries.clone());
    let outcomes = desk.act(&decision);
    desk.write(settled(&remembered, &decision, &outcomes, None, None));
    assert_eq!(desk.entry().state, State::Closed);
    assert_eq!(desk.entry().latest().unwrap().reported, None);
    desk.by = "r-2";
    assert_eq!(desk.deal(&event, &facts(&[])).reported(), ["sgr-1"]);
    assert_eq!(desk.entry().state, State::Closed);
}

#[test]
fn as_many_comings_are_kept_as_said_and_all_are_counted() {
    let mut desk = Desk::new();
    desk.limits.actions_per_event = 0;
    for at in 0..OCCURRENCES + 5 {
        let one = open(&format!("sgr-{at}"));
        desk.deal(&event(&format!("e-{at}"), &[&one]), &facts(&[&one]));
    }
    assert_eq!(desk.entry().occurrences.len(), OCCURRENCES);
    assert_eq!(desk.entry().times, u64::try_from(OCCURRENCES + 5).unwrap());
    assert_eq!(desk.entry().latest().unwrap().event, "e-14");
}

#[test]
fn a_time_that_cannot_be_read_changes_nothing_about_closing_and_telling() {
    let (mut desk, one, two) = (Desk::new(), open("sgr-1"), open("sgr-2"));
    for (id, rule) in [("e-1", &one), ("e-2", &two)] {
        let event = Event { time: "soon".to_owned(), ..event(id, &[rule]) };
        let dealt = desk.deal(&event, &facts(&[rule]));
        assert_eq!((dealt.reported(), dealt.decision.actions().len()), (vec![rule.id.as_str()], 1));
    }
    assert_eq!(desk.entry().times, 2);
}

mod write_snooze {
    use super::*;

    fn snoozed(desk: &mut Desk, rule: &IngressRule, until: &str) {
        let snooze = Snooze {
            subject: "sg-01".to_owned(),
            finding: Snooze::finding(rule),
            until: until.to_owned(),
            reason: "the vendor's demo".to_owned(),
            by: "alice".to_owned(),
        };
        let key = Key { subject: snooze.subject.clone(), finding: snooze.finding.clone() };
        desk.memory.snoozes.insert(key, snooze);
    }

    #[test]
    fn it_holds_until_its_end_to_the_second() {
        let one = open("sgr-1");
        for (until, suppressed) in [
            ("2026-11-21T10:00:01Z", true),
            ("2026-11-21T10:00:00Z", false),
            ("2026-11-21T09:59:59Z", false),
            ("2026-11-21T12:00:01+02:00", true),
            ("tomorrow", false),
        ] {
            let mut desk = Desk::new();
            snoozed(&mut desk, &one, until);
            let dealt = desk.deal(&event("e-1", &[&one]), &facts(&[&one]));
            assert_eq!(dealt.decision.findings.is_empty(), suppressed, "{until}");
            assert_eq!(dealt.decision.suppressed.len(), usize::from(suppressed), "{until}");
            assert_eq!(dealt.reported().is_empty(), suppressed, "{until}");
            assert_eq!(desk.memory.entries.is_empty(), suppressed, "{until}");
        }
    }

    #[test]
    fn it_says_who_and_why_and_until_when() {
        let (mut desk, one) = (Desk::new(), open("sgr-1"));
        snoozed(&mut desk, &one, "2026-11-22T10:00:00Z");
        let (decision, _) = desk.lease(&event("e-1", &[&one]), &facts(&[&one]));
        let [suppressed] = decision.suppressed.as_slice() else { panic!("{decision:?}") };
        assert_eq!(suppressed.rule, Some(one));
        assert_eq!(suppressed.by.id, "snooze by alice");
        assert_eq!(suppressed.by.reason, "the vendor's demo");
        assert_eq!(suppressed.by.until.as_deref(), Some("2026-11-22T10:00:00Z"));
    }

    #[test]
    fn it_is_for_one_shape_in_one_group_whatever_finds_it_and_however_old() {
        let (write_snooze, other) = (rule("sgr-1", "udp 11211", WORLD), open("sgr-2"));
        let mut desk = Desk::new();
        snoozed(&mut desk, &rule("sgr-9", "udp 11211", WORLD), "2026-11-22T10:00:00Z");
        let facts = facts(&[&write_snooze, &other]);
        let (decision, _) = desk.lease(&event("e-1", &[&write_snooze, &other]), &facts);
        assert_eq!(fixtures::rule_ids(&decision.findings), ["sgr-2"]);
        assert_eq!(decision.suppressed.len(), 2);
        let (decision, _) = desk.lease(&event("e-2", &[&other]), &facts);
        assert_eq!(fixtures::rule_ids(&decision.findings), ["sgr-2"]);
        let dealt = desk.deal(&event("e-3", &[&other]), &facts);
        assert!(dealt.report.older.is_empty());
        assert_eq!(dealt.report.suppressed.len(), 2);
    }
}
