//! What is new waits for the follow-up of its run.

use super::*;
use crate::event::{Event, GroupLead, GroupRef, Lead, RuleLead, Touched};

const LATER: i64 = 30 * 60;

impl Desk {
    /// A whole run, and what it leaves. `before` is what the last one left.
    fn run(&mut self, looked: &Observations, before: Option<&Follow>) -> (Vec<Change>, Split) {
        let ledger = self.ledger();
        let mut compared = compare(looked, &ledger, self.now);
        let split = Split::of(&compared, looked, before, false, self.now);
        compared.without(&split.wait);
        (self.tell(looked, &compared), split)
    }

    fn follow_up(&mut self, looked: &Observations, follow: &Follow) -> (Vec<Change>, Split) {
        let mut compared = compare(looked, &self.ledger(), self.now);
        compared.only(follow);
        (self.tell(looked, &compared), Split::of_follow_up(&compared))
    }

    fn tell(&mut self, looked: &Observations, compared: &Comparison) -> Vec<Change> {
        let ledger = self.ledger();
        let whole = Wanted::of_keys(wanted(compared, &ledger)).of(&self.memory);
        let lease = Lease { by: "run".to_owned(), until: self.now + 1200 };
        let taken = Taken::of(compared, looked, &ledger, whole, &lease, self.now);
        self.write(taken.entries());
        self.write(taken.record(self.now));
        taken.told().keys().filter_map(|key| compared.changes.get(*key)).copied().collect()
    }

    fn left(&self, split: &Split) -> Follow {
        let keys = split.wait.iter().cloned().collect();
        Follow { seen: iso(self.now), since: iso(self.now - 6 * HOUR), keys, ..Follow::default() }
    }
}

fn other() -> IngressRule {
    rule("sgr-9", "tcp 3389", "0.0.0.0/0")
}

/// An account whose first rule was told long ago.
fn desk() -> Desk {
    let mut desk = Desk::new();
    let there = desk.looked(&[open()], true);
    desk.sweep(&there);
    desk.now += 6 * HOUR;
    desk
}

#[test]
fn what_is_new_waits_with_all_that_is_to_be_told_and_is_one_message_half_an_hour_later() {
    let mut desk = desk();
    let there = desk.looked(&[other()], true);
    let before = desk.memory.clone();
    let (told, split) = desk.run(&there, None);
    assert_eq!((told.as_slice(), split.wait.len()), (&[][..], 2), "the one is gone, the other new");
    assert!(split.look_up.is_empty());
    assert_eq!(desk.memory.entries, before.entries, "what waits is not written");
    let follow = desk.left(&split);
    assert_eq!(follow.subjects(), BTreeSet::from([GROUP.to_owned()]));
    assert!(!follow.is_ripe(desk.now));
    desk.now += LATER;
    assert!(follow.is_ripe(desk.now));
    let there = desk.looked(&[other()], true);
    let (mut told, split) = desk.follow_up(&there, &follow);
    told.sort();
    assert_eq!((told.as_slice(), split.look_up.len()), (&[Change::New, Change::Resolved][..], 1));
    desk.now += HOUR;
    let there = desk.looked(&[other()], true);
    assert_eq!(desk.run(&there, None), (Vec::new(), Split::default()));
}

/// The call was under way while the run looked: its event was processed since, by whatever path.
#[test]
fn a_call_under_way_during_a_run_is_told_once() {
    let mut desk = desk();
    let there = desk.looked(&[open(), other()], true);
    let (told, split) = desk.run(&there, None);
    assert_eq!((told.as_slice(), split.wait.len()), (&[][..], 1));
    let follow = desk.left(&split);
    // The function for security groups reports it a minute later, and leaves it open.
    desk.now += 60;
    let mut alone = desk.looked(&[other()], true);
    alone.add_group(GROUP, [shape(&open()), shape(&other())].into());
    let by_event = compare(&alone, &Ledgered::default(), desk.now);
    assert_eq!(desk.tell(&alone, &by_event), [Change::New]);
    desk.now += LATER;
    let there = desk.looked(&[open(), other()], true);
    assert_eq!(desk.follow_up(&there, &follow), (Vec::new(), Split::default()));
    // Or it closed the rule: there is no fault any more.
    desk.memory.entries.retain(|key, _| !follow.keys.contains(key));
    let gone = desk.looked(&[open()], true);
    assert_eq!(desk.follow_up(&gone, &follow), (Vec::new(), Split::default()));
}

#[test]
fn a_run_looks_up_what_nothing_followed_up_and_what_is_fresh_waits() {
    let mut desk = desk();
    let there = desk.looked(&[open(), other()], true);
    let follow = {
        let (_, split) = desk.run(&there, None);
        desk.left(&split)
    };
    desk.now += 60;
    let (_, again) = desk.run(&there, Some(&follow));
    assert_eq!((again.wait.len(), again.look_up.len()), (1, 0), "the event history may lack it");
    desk.now += 6 * HOUR;
    let third = rule("sgr-10", "tcp 23", "0.0.0.0/0");
    let there = desk.looked(&[other(), third], true);
    let (told, split) = desk.run(&there, Some(&follow));
    assert_eq!(split.look_up, follow.keys.iter().cloned().collect());
    assert_eq!(split.wait.len(), 1);
    assert!(told.contains(&Change::New) && told.contains(&Change::Resolved));
}

#[test]
fn a_baseline_waits_for_nothing_and_a_thousand_at_most_wait() {
    let desk = desk();
    let mut there = desk.looked(&[other()], true);
    let found = there.found.values().next().unwrap().clone();
    for at in 0..1500 {
        let key = Key { subject: format!("sg-{at:04}"), finding: found.key.finding.clone() };
        there.found.insert(key.clone(), Found { key, ..found.clone() });
    }
    let compared = compare(&there, &desk.ledger(), desk.now);
    assert_eq!(Split::of(&compared, &there, None, true, desk.now), Split::default());
    assert_eq!(Split::of(&compared, &there, None, false, desk.now).wait.len(), 1000);
}

#[test]
fn a_call_is_the_one_that_names_the_rule() {
    let desk = desk();
    let there = desk.looked(&[other()], true);
    let found = there.found.values().next().unwrap();
    let of = |group: &str, rules: &[&str]| {
        let lead = |id: &&str| RuleLead { id: Some((*id).to_owned()), shape: None, edit: false };
        let touched = Touched::Rules(rules.iter().map(lead).collect());
        let group = GroupRef::Id(group.to_owned());
        Event { lead: Lead::Group(GroupLead { group, touched }), ..found.event.clone() }
    };
    assert!(found.is_made_by(&of(GROUP, &["sgr-1", "sgr-9"])));
    assert!(!found.is_made_by(&of(GROUP, &["sgr-1"])));
    assert!(!found.is_made_by(&of("sg-02", &["sgr-9"])));
    let unknown = GroupLead {
        group: GroupRef::Id(GROUP.to_owned()),
        touched: Touched::Unknown("truncated".to_owned()),
    };
    let unknown = Event { lead: Lead::Group(unknown), ..found.event.clone() };
    assert!(found.is_made_by(&unknown));
}

#[test]
fn a_follow_up_has_a_schedule_of_its_own_and_calls_since_the_last_run() {
    let schedule = Follow::schedule(NOW);
    assert_eq!(schedule.name, "s-20261121T1030");
    assert_eq!(schedule.expression, "at(2026-11-21T10:30:00)");
    assert!(Follow::is_asked(&serde_json::from_str(&schedule.input).unwrap()));
    assert!(!Follow::is_asked(&serde_json::json!({})));
    let first =
        Run::begin(None, "r-1", NOW - 6 * HOUR).unwrap().run.end(None, None, NOW - 6 * HOUR);
    let follow = Follow { since: iso(NOW - 9 * HOUR), ..Follow::default() };
    let left = Run { follow: Some(follow.clone()), ..first };
    let begun = Run::begin(Some(left), "r-2", NOW).unwrap();
    assert_eq!(begun.run.follow.as_ref(), Some(&follow));
    assert_eq!(Follow::since(begun.run.finished.as_deref(), None, NOW), NOW - 6 * HOUR - 20 * 60);
    let finished = begun.run.finished.clone();
    assert_eq!(Follow::since(finished.as_deref(), Some(&follow), NOW), NOW - 9 * HOUR);
    let ended = begun.run.end_follow_up(None, NOW);
    assert_eq!((ended.finished, ended.follow, ended.lease), (finished, None, None));
}
