//! Which older faults a run closes with `Sweep=enforce`, and why the others stay open.
//!
//! INVARIANT: only what was reported so long ago, and is at fault with the same key, and would be remediated by an event.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Change, Comparison, Found, Ledgered, Observations, Ramp};
use crate::action::{Because, Remedy};
use crate::event::{Event, Lead, RuleLead, Touched};
use crate::facts::{IngressRule, Source};
use crate::finding::Check;
use crate::ledger::Key;
use crate::limits::oldest_and_most_harmful_first;
use crate::reach::Reach;
use crate::settings::{Mode, Settings};
use crate::time::{HOUR, iso};

/// `Sweep=enforce`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enforce {
    /// For so long something was reported before it is closed, in seconds.
    pub notice: i64,
}

/// What `PORTCULLIS_SWEEP` and `PORTCULLIS_SWEEP_NOTICE_HOURS` say.
///
/// # Errors
///
/// What is wrong with them, in words.
pub fn enforce(sweep: &str, hours: &str) -> Result<Option<Enforce>, String> {
    let hours = match hours {
        "" => 24,
        text => text
            .parse()
            .ok()
            .filter(|hours| (0..=720).contains(hours))
            .ok_or("PORTCULLIS_SWEEP_NOTICE_HOURS must be a whole number from 0 to 720")?,
    };
    match sweep {
        "" | "report" => Ok(None),
        "enforce" => Ok(Some(Enforce { notice: i64::from(hours) * HOUR })),
        _ => Err("PORTCULLIS_SWEEP must be `report` or `enforce`".to_owned()),
    }
}

/// Why a run leaves an older fault open that it could close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stays {
    /// It was reported not long enough ago: when it is closed, in seconds since 1970.
    Notice(i64),
    /// The stack is in observe mode.
    Observe,
    /// The ramp: so many rules a run.
    Ramp(usize),
    /// So many rules of one subject a run.
    Subject(usize),
    /// People wanted too much back.
    Stopped,
    /// It could not be read what stands behind its group.
    Unknown,
}

/// One subject with the rules that are closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// What stands in place of a call.
    pub event: Event,
    /// The findings that are remediated, and nothing else.
    pub keys: BTreeSet<Key>,
}

/// What a run closes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Older {
    /// The most harmful first.
    pub closings: Vec<Closing>,
    /// What it could close, and does not.
    pub stays: BTreeMap<Key, Stays>,
}

/// An older fault that can be closed.
struct Candidate<'a> {
    found: &'a Found,
    rule: &'a IngressRule,
    group: &'a str,
    /// When it was last reported, in seconds since 1970.
    told: i64,
}

impl Found {
    /// The rule that an event would have revoked for it, with its group. Never a re-creation, nor a rule that names a prefix
    /// list: what an old list has, a person put there.
    pub fn closable(&self) -> Option<(&str, &IngressRule)> {
        let Remedy::NotRemediated { action, because: Because::Audit } = &self.finding.remedy else {
            return None;
        };
        let (group, rule) = action.revokes()?;
        let is_list = matches!(rule.source, Source::PrefixList(_) | Source::Unreadable(_));
        let checks = [Check::OpenIngress, Check::MemcachedUdp, Check::OpenCache];
        (!is_list && checks.contains(&self.finding.check)).then_some((group, rule))
    }
}

/// When what is reported now is closed, in seconds since 1970.
pub fn closed_after(enforce: Enforce, now: i64) -> i64 {
    now.saturating_add(enforce.notice)
}

/// Chooses. `now` is in seconds since 1970.
pub fn older(
    compared: &Comparison,
    looked: &Observations,
    ledger: &Ledgered,
    (enforce, ramp): (Enforce, &Ramp),
    settings: &Settings,
    now: i64,
) -> Older {
    let (mut older, mut due) = (Older::default(), Vec::new());
    let since = crate::time::seconds(&ramp.since);
    for (key, found) in &looked.found {
        let is_same = matches!(compared.changes.get(key), Some(Change::Known | Change::Seen));
        let (Some((group, rule)), true) = (found.closable(), is_same) else { continue };
        let told = ledger.entries.get(key).and_then(|entry| entry.told.as_ref());
        let Some(told) = told.map(|told| told.at) else { continue };
        let closed = closed_after(enforce, told.max(since));
        if matches!(found.reach, None | Some(Reach::Unknown(_))) {
            older.stays.insert(key.clone(), Stays::Unknown);
        } else if settings.mode == Mode::Observe {
            older.stays.insert(key.clone(), Stays::Observe);
        } else if closed > now {
            older.stays.insert(key.clone(), Stays::Notice(closed));
        } else {
            due.push(Candidate { found, rule, group, told });
        }
    }
    let mut rules: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut subjects: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut closings: Vec<(&Candidate<'_>, BTreeSet<Key>, Vec<RuleLead>)> = Vec::new();
    let order = oldest_and_most_harmful_first(
        &due,
        |one| (one.group, one.rule, one.found.reach.as_ref()),
        |one| one.told,
    );
    for one in order {
        let key = &one.found.key;
        let (rule, arn) = ((one.group, one.rule.id.as_str()), one.found.subject.arn.as_str());
        let of_subject = subjects.entry(arn).or_default();
        // A rule with two findings counts once.
        if !rules.contains(&rule) {
            let stays = if ramp.stopped.is_some() {
                Some(Stays::Stopped)
            } else if rules.len() >= ramp.most() {
                Some(Stays::Ramp(ramp.most()))
            } else if of_subject.len() >= settings.actions_per_event {
                Some(Stays::Subject(settings.actions_per_event))
            } else {
                None
            };
            if let Some(stays) = stays {
                older.stays.insert(key.clone(), stays);
                continue;
            }
        }
        rules.insert(rule);
        of_subject.insert(&one.rule.id);
        let lead = RuleLead { id: Some(one.rule.id.clone()), shape: None, edit: false };
        match closings.iter_mut().find(|(first, ..)| first.found.subject.arn == arn) {
            Some((_, keys, leads)) => {
                keys.insert(key.clone());
                if !leads.contains(&lead) {
                    leads.push(lead);
                }
            }
            None => closings.push((one, BTreeSet::from([key.clone()]), vec![lead])),
        }
    }
    older.closings =
        closings.into_iter().map(|(one, keys, leads)| one.closing(keys, leads)).collect();
    older
}

impl Candidate<'_> {
    /// What stands in place of a call: it was when it was reported, so that what EC2 does not show is gone.
    fn closing(&self, keys: BTreeSet<Key>, leads: Vec<RuleLead>) -> Closing {
        let mut event = self.found.event.clone();
        event.time = iso(self.told);
        if let Lead::Group(lead) = &mut event.lead {
            lead.touched = Touched::Rules(leads);
        }
        Closing { event, keys }
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notice(at) => write!(f, "it will be closed after {}", iso(*at)),
            Self::Observe => f.write_str("Portcullis is in observe mode: in enforce mode it would be closed"),
            Self::Ramp(most) => write!(f, "the sweep closes {most} rules in this run: the next run goes on"),
            Self::Subject(most) => {
                write!(f, "ActionsPerEvent is {most}: the next run closes more of this resource")
            }
            Self::Unknown => f.write_str("what stands behind its group could not be read"),
            Self::Stopped => f.write_str(
                "too much of what the sweep closed was opened again: it closes nothing until `portcullis sweep resume`",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, Grants};

    use crate::event::{GroupLead, GroupRef};
    use crate::finding::{Evidence, Finding, Subject};
    use crate::fixtures::{event, rule};
    use crate::ledger::State;
    use crate::net::{Count, Exposure};
    use crate::severity::{Rating, Severity};
    use crate::sweep::Remembered;
    use crate::sweep::remembered::LastReport;
    use crate::time::DAY;

    const NOW: i64 = 1_795_255_200;
    const ENFORCE: Enforce = Enforce { notice: DAY };

    fn public() -> Reach {
        Reach::Public { interfaces: 1, addresses: Vec::new() }
    }

    /// Findings that were reported, by group, with what stands behind it and when that was.
    #[derive(Default)]
    struct Desk {
        looked: Observations,
        ledger: Ledgered,
        compared: Comparison,
    }

    impl Desk {
        fn add(&mut self, group: &str, rule: IngressRule, reach: Reach, told: i64) -> Key {
            let id = group.to_owned();
            let subject = Subject { kind: "security-group", id: id.clone(), arn: id.clone() };
            let action = Action::RevokeIngress {
                group: id.clone(),
                rule: rule.clone(),
                grants: Grants::default(),
            };
            let exposure = Exposure::Alone(Count::default());
            let finding = Finding {
                check: Check::OpenIngress,
                evidence: Evidence::Rule { group: id.clone(), rule, exposure, cache_port: None },
                remedy: Remedy::NotRemediated { action, because: Because::Audit },
            };
            let key = Key::of(&finding, &subject);
            let touched = Touched::Rules(Vec::new());
            let event = event(Lead::Group(GroupLead { group: GroupRef::Id(id), touched }));
            let severity = Severity::High;
            let rating = Rating { severity, at_least: severity };
            let (reach, owner) = (Some(reach), None);
            let found = Found { key: key.clone(), finding, rating, subject, event, reach, owner };
            self.looked.found.insert(key.clone(), found);
            let remembered = Remembered {
                key: key.clone(),
                state: State::Open,
                told: Some(LastReport { at: told, severity: Some(severity) }),
                last_seen: told,
                written: told,
                leased_until: None,
                version: 1,
            };
            self.ledger.entries.insert(key.clone(), remembered);
            self.compared.changes.insert(key.clone(), Change::Known);
            key
        }

        fn older(&self, mode: Mode) -> Older {
            let settings = Settings { mode, actions_per_event: 2, ..Settings::of_audit() };
            let ramp = Ramp::new(0, NOW - 10 * DAY);
            older(&self.compared, &self.looked, &self.ledger, (ENFORCE, &ramp), &settings, NOW)
        }
    }

    fn ssh(id: &str) -> IngressRule {
        rule(id, "tcp 22", "0.0.0.0/0")
    }

    #[test]
    fn nothing_is_closed_inside_the_notice_nor_what_nobody_was_told_of() {
        let mut desk = Desk::default();
        let inside = desk.add("sg-1", ssh("sgr-1"), public(), NOW - DAY + 1);
        let over = desk.add("sg-2", ssh("sgr-2"), public(), NOW - DAY);
        let silent = desk.add("sg-3", ssh("sgr-3"), public(), NOW - 2 * DAY);
        desk.ledger.entries.get_mut(&silent).unwrap().told = None;
        let new = desk.add("sg-4", ssh("sgr-4"), public(), NOW - 2 * DAY);
        desk.compared.changes.insert(new, Change::Recurred);
        let found = desk.older(Mode::Enforce);
        let keys: Vec<_> = found.closings.iter().flat_map(|one| one.keys.clone()).collect();
        assert_eq!(keys, [over]);
        assert_eq!(found.stays, BTreeMap::from([(inside, Stays::Notice(NOW + 1))]));

        // What was reported before is closed only after the notice that the first run gives.
        let ramp = Ramp::new(0, NOW);
        let (settings, seen) = (Settings { mode: Mode::Enforce, ..Settings::of_audit() }, &desk);
        let first =
            older(&seen.compared, &seen.looked, &seen.ledger, (ENFORCE, &ramp), &settings, NOW);
        assert!(first.closings.is_empty());
        assert!(desk.older(Mode::Observe).closings.is_empty());
    }

    #[test]
    fn the_most_harmful_are_closed_first_and_a_few_of_each_group() {
        let mut desk = Desk::default();
        let long_ago = NOW - 5 * DAY;
        for at in 0..8 {
            desk.add(&format!("sg-{at}"), ssh("sgr-a"), Reach::Nothing, long_ago);
        }
        desk.add("sg-8", ssh("sgr-a"), public(), long_ago);
        desk.add("sg-8", rule("sgr-b", "all", "0.0.0.0/0"), public(), long_ago);
        desk.add("sg-8", rule("sgr-c", "tcp 80", "0.0.0.0/0"), public(), long_ago);
        desk.add("sg-9", ssh("sgr-z"), Reach::Nothing, long_ago - 1);
        let unknown = desk.add("sg-x", ssh("sgr-a"), Reach::Unknown("?".to_owned()), long_ago);
        let list = IngressRule { source: Source::PrefixList("pl-1".to_owned()), ..ssh("sgr-l") };
        desk.add("sg-y", list, public(), long_ago);
        let mut found = desk.older(Mode::Enforce);
        let groups: Vec<&str> = found
            .closings
            .iter()
            .flat_map(|one| one.keys.iter().map(|key| key.subject.as_str()))
            .collect();
        assert_eq!(groups, ["sg-8", "sg-8", "sg-9", "sg-0", "sg-1"]);
        assert_eq!(found.stays.remove(&unknown), Some(Stays::Unknown));
        let count = |stays: &Stays| found.stays.values().filter(|one| *one == stays).count();
        assert_eq!((count(&Stays::Ramp(5)), count(&Stays::Subject(2))), (6, 1));
        assert!(found.stays.keys().all(|key| key.subject != "sg-y"), "a list is a person's");
    }

    #[test]
    fn the_parameters_say_what_they_must_be() {
        assert_eq!(enforce("", ""), Ok(None));
        assert_eq!(enforce("enforce", ""), Ok(Some(ENFORCE)));
        assert_eq!(enforce("enforce", "0"), Ok(Some(Enforce { notice: 0 })));
        for wrong in [("on", ""), ("enforce", "721"), ("enforce", "-1"), ("enforce", "a day")] {
            assert!(enforce(wrong.0, wrong.1).is_err(), "{wrong:?}");
        }
    }
}
