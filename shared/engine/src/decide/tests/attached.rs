//! Groups that a call put before something: their rules are older than the call.

use super::*;
use crate::event::{Attached, Carrier};
use crate::facts::{Holder, Interface, Interfaces};
use crate::ledger::{Lease, LeaseContext, LiveState, ReportedAs};
use crate::resolution::Resolution;
use crate::severity::Reaches;
use crate::time::MINUTE;

fn on(id: &str) -> Carrier {
    Carrier::Interface(id.to_owned())
}

fn lead(to: Carrier, unreported: Vec<RuleLead>) -> GroupLead {
    touched(Touched::Attached(Attached { to, unreported }))
}

/// SSH for the world, on these interfaces; the group `sg-02` is on each of them too.
fn open(interfaces: &[&str]) -> GroupFacts {
    let of = |id: &&str| Interface {
        groups: vec!["sg-01".to_owned(), "sg-02".to_owned()],
        ..interface(id, "interface")
    };
    let rules = vec![rule("sgr-1", "tcp 22", WORLD), rule("sgr-2", "tcp 22", "10.0.0.0/8")];
    with_interfaces(fixtures::group(rules), interfaces.iter().map(of).collect())
}

fn decided(facts: &GroupFacts, lead: &GroupLead, minutes: i64, memory: &Memory) -> Decision {
    let event = Event { id: "e-2".to_owned(), ..event(Lead::Group(lead.clone())) };
    let now = crate::time::seconds(&event.time) + minutes * MINUTE;
    let context = DecisionContext { now, memory, ..context(Mode::Enforce) };
    group(&event, lead, facts, &context)
}

fn decide_on(to: Carrier, facts: &GroupFacts, minutes: i64) -> Decision {
    decided(facts, &lead(to, Vec::new()), minutes, &Memory::default())
}

fn because(decision: &Decision) -> Option<&Because> {
    match &decision.findings[..] {
        [Finding { remedy: Remedy::Manual { because, .. }, .. }] => Some(because),
        _ => None,
    }
}

#[test]
fn a_rule_goes_only_where_nothing_else_carries_its_group() {
    assert_eq!(revoked(&decide_on(on("eni-1"), &open(&["eni-1"]), 1)), ["sgr-1"]);
    let shared = decide_on(on("eni-1"), &open(&["eni-1", "eni-2"]), 1);
    let Some(Because::OthersCarry { others, detach: Some(detach) }) = because(&shared) else {
        panic!("{shared:?}")
    };
    assert_eq!((others.len(), &detach.keep[..]), (1, &["sg-02".to_owned()][..]));
    // An interface has at least one group.
    let mut alone = open(&["eni-1", "eni-2"]);
    if let Interfaces::Read(interfaces) = &mut alone.interfaces {
        interfaces.iter_mut().for_each(|one| one.groups.truncate(1));
    }
    let alone = decide_on(on("eni-1"), &alone, 1);
    assert!(
        matches!(because(&alone), Some(Because::OthersCarry { detach: None, .. })),
        "{alone:?}"
    );
    let unknown = GroupFacts { interfaces: Interfaces::Unknown("denied".to_owned()), ..open(&[]) };
    let unknown = decide_on(on("eni-1"), &unknown, 1);
    assert!(matches!(because(&unknown), Some(Because::SharingUnknown(_))), "{unknown:?}");
}

#[test]
fn the_interface_of_an_instance_is_told_by_what_it_is_attached_to() {
    let mut facts = open(&["eni-1"]);
    if let Interfaces::Read(interfaces) = &mut facts.interfaces {
        interfaces[0].holder = Holder::Instance("i-1".to_owned());
    }
    let to = |id: &str| Carrier::Instance(id.to_owned());
    assert_eq!(revoked(&decide_on(to("i-1"), &facts, 1)), ["sgr-1"]);
    assert!(decide_on(to("i-2"), &facts, 1).actions().is_empty());
}

#[test]
fn what_ec2_does_not_show_on_the_interface_is_waited_for_and_then_it_is_not_there() {
    let soon = decide_on(on("eni-1"), &open(&[]), 1);
    assert!(matches!(&soon.findings[..], [Finding { remedy: Remedy::Pending(_), .. }]), "{soon:?}");
    let later = decide_on(on("eni-1"), &open(&["eni-2"]), 6);
    assert!(later.is_clean());
    assert_eq!(later.notes, ["eni-1 does not carry sg-01 any more"]);
}

#[test]
fn an_association_is_told_and_never_acted_on() {
    let facts = open(&["eni-1"]);
    let decision = decide_on(Carrier::Vpc("vpc-2".to_owned()), &facts, 1);
    assert!(matches!(because(&decision), Some(Because::OnlyAssociated(_))), "{decision:?}");
    let clean = fixtures::group(vec![rule("sgr-2", "tcp 22", "10.0.0.0/8")]);
    assert!(decide_on(Carrier::Vpc("vpc-2".to_owned()), &clean, 1).is_clean());
}

#[test]
fn what_was_reported_as_open_is_older_unless_it_reaches_further_now() {
    let facts = open(&["eni-1"]);
    let first = decide_on(on("eni-1"), &facts, 1);
    let reported = |severity: &str| {
        let before = event(Lead::Group(lead(on("eni-0"), Vec::new())));
        let looked = LiveState::default();
        let lease = Lease { by: "r-1".to_owned(), until: 0 };
        let turn = LeaseContext {
            event: &before,
            looked: &looked,
            still_open: &[],
            lease: &lease,
            now: 0,
        };
        let leased = first.lease(&Reaches::of([&facts]), &Memory::default(), &turn);
        let mut memory = Memory::default();
        for mut entry in leased.entries {
            for occurrence in &mut entry.occurrences {
                (occurrence.lease, occurrence.reported) = (
                    None,
                    Some(ReportedAs {
                        at: "2026-11-20T10:00:00Z".to_owned(),
                        outcome: Resolution::NotRemediated,
                        severity: severity.to_owned(),
                    }),
                );
            }
            memory.entries.insert(entry.key.clone(), entry);
        }
        memory
    };
    let lead = lead(on("eni-1"), Vec::new());
    let goes =
        |severity: &str| !decided(&facts, &lead, 1, &reported(severity)).actions().is_empty();
    assert!(!goes("medium"), "it may have been on this interface before");
    assert!(goes("low"), "nothing carried the group then");
}

/// The event names no rule, so only the ledger knows what an attempt that died has revoked.
#[test]
fn what_an_earlier_attempt_revoked_and_did_not_report_is_told() {
    let gone = rule("sgr-1", "tcp 22", WORLD);
    let mut facts = open(&["eni-1"]);
    facts.rules.retain(|rule| rule.id != gone.id);
    let unreported = RuleLead { id: Some(gone.id.clone()), shape: Some(shape(&gone)), edit: false };
    let decision = decided(&facts, &lead(on("eni-1"), vec![unreported]), 6, &Memory::default());
    assert!(
        matches!(&decision.findings[..], [Finding { remedy: Remedy::Gone(_), .. }]),
        "{decision:?}"
    );
}
