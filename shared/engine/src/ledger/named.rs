//! What the ledger adds to an event: the rules that an earlier attempt at the same event was about to revoke.

use super::Memory;
use crate::event::{GroupLead, GroupRef, RuleLead, Touched};
use crate::finding::Check;
use crate::resolution::Resolution;

/// The rules that an earlier attempt at this event was about to revoke for a cache, and did not report, or reported
/// as failed. They may be gone, and the event of a cache names no rule: only the ledger can tell which they were.
pub fn named(memory: &Memory, event: &str) -> Vec<GroupLead> {
    unreported(memory, event, |check| check == Check::OpenCache.as_str())
}

/// The lead, completed by what an earlier attempt at this event recorded of the rules that it was about to revoke and
/// did not report. An event may name a rule by its id alone; once that rule is gone, only the ledger knows its shape.
pub fn completed(lead: &GroupLead, memory: &Memory, event: &str) -> GroupLead {
    let mut lead = lead.clone();
    let recorded = unreported(memory, event, |check| check != Check::OpenCache.as_str())
        .into_iter()
        .filter(|of_group| match &lead.group {
            GroupRef::Id(id) => of_group.group.is(id),
            GroupRef::Name(_) => true,
        })
        .filter_map(|of_group| match of_group.touched {
            Touched::Rules(rules) => rules.into_iter().next(),
            Touched::Unknown(_) | Touched::Attached(_) => None,
        })
        .collect::<Vec<RuleLead>>();
    let rules = match &mut lead.touched {
        Touched::Rules(rules) => rules,
        Touched::Attached(attached) => {
            attached.unreported = recorded;
            return lead;
        }
        Touched::Unknown(_) => return lead,
    };
    for known in recorded {
        let by_id = |rule: &&mut RuleLead| rule.shape.is_none() && rule.id == known.id;
        if let Some(rule) = rules.iter_mut().find(by_id) {
            // The shape is what Describe showed then, and not what the event asked for: nothing is waited for.
            *rule = known;
        }
    }
    lead
}

fn unreported(memory: &Memory, event: &str, of: impl Fn(&str) -> bool) -> Vec<GroupLead> {
    let entries = memory.entries.values().filter(|entry| of(&entry.check));
    let leads = entries.filter_map(|entry| {
        let record = entry.rule.as_ref()?;
        let mut occurrences = entry.occurrences.iter();
        occurrences.find(|occurrence| {
            occurrence.event == event
                && occurrence
                    .reported
                    .as_ref()
                    .is_none_or(|reported| reported.outcome == Resolution::Failed)
                && occurrence.rule.as_ref() == Some(&record.rule)
        })?;
        let rule = record.rule();
        let lead = RuleLead { id: Some(rule.id.clone()), shape: Some(rule.into()), edit: false };
        let group = GroupRef::Id(record.group.clone());
        Some(GroupLead { group, touched: Touched::Rules(vec![lead]) })
    });
    leads.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::rule;
    use crate::ledger::{Entry, Key, Occurrence, RuleRecord, State};
    use crate::resolution::{Intent, Standing};

    fn remembered(check: Check, reported: bool) -> Memory {
        let rule = rule("sgr-1", "tcp 6379", "0.0.0.0/0");
        let key = Key { subject: "sg-01".to_owned(), finding: check.as_str().to_owned() };
        let at = "2026-11-21T10:00:00Z".to_owned();
        let reported = reported.then(|| crate::ledger::ReportedAs {
            at: at.clone(),
            outcome: Resolution::Done,
            severity: "low".to_owned(),
        });
        let occurrence = Occurrence {
            event: "e-1".to_owned(),
            at: at.clone(),
            rule: Some(rule.id.clone()),
            by: "alice".to_owned(),
            via: None,
            recurred: false,
            outcome: Standing::Leased(Intent::RevokeIngress),
            reported,
            lease: None,
        };
        let entry = Entry {
            id: key.id(),
            key: key.clone(),
            check: check.as_str().to_owned(),
            severity: "low".to_owned(),
            title: "it is open".to_owned(),
            state: State::Open,
            first_seen: at.clone(),
            last_seen: at,
            times: 1,
            returns: 0,
            occurrences: vec![occurrence],
            rule: Some(RuleRecord::of("sg-01", &rule)),
            grants: Vec::new(),
            list: None,
            spared: None,
            version: 1,
        };
        Memory { entries: [(key, entry)].into(), ..Memory::default() }
    }

    #[test]
    fn what_an_earlier_try_went_to_close_and_did_not_tell_is_named() {
        let named = named(&remembered(Check::OpenCache, false), "e-1");
        let [lead] = named.as_slice() else { panic!("{named:?}") };
        assert!(lead.group.is("sg-01"));
        let live = [rule("sgr-1", "tcp 6379", "0.0.0.0/0")];
        assert_eq!(lead.touched.resolve(&live, &[]).ids, ["sgr-1"]);
        assert_eq!(lead.touched.resolve(&[], &[]).missing.len(), 1);
    }

    #[test]
    fn a_rule_that_the_event_names_by_its_id_alone_is_known_by_what_was_recorded() {
        let alone = |id: &str| RuleLead { id: Some(id.to_owned()), shape: None, edit: true };
        let group = GroupRef::Id("sg-01".to_owned());
        let rules = vec![alone("sgr-2"), alone("sgr-1")];
        let lead = GroupLead { group, touched: Touched::Rules(rules.clone()) };
        let complete =
            |reported, event| completed(&lead, &remembered(Check::OpenIngress, reported), event);
        let Touched::Rules(known) = complete(false, "e-1").touched else {
            panic!("they are known")
        };
        let shape = known[1].shape.as_ref().unwrap();
        assert!(shape.matches(&rule("sgr-1", "tcp 6379", "0.0.0.0/0")));
        assert_eq!((&known[0], known[1].edit), (&rules[0], false));
        for (reported, event) in [(true, "e-1"), (false, "e-2")] {
            assert_eq!(complete(reported, event), lead);
        }
        let of_cache = remembered(Check::OpenCache, false);
        assert_eq!(completed(&lead, &of_cache, "e-1"), lead);
    }

    #[test]
    fn what_was_told_or_is_of_another_event_or_check_is_not() {
        assert!(named(&remembered(Check::OpenCache, true), "e-1").is_empty());
        assert!(named(&remembered(Check::OpenCache, false), "e-2").is_empty());
        assert!(named(&remembered(Check::OpenIngress, false), "e-1").is_empty());
    }
}
