//! Looking at a prefix list that a call changed: its versions first, then the groups that name it and their rules.

use std::time::Duration;

use super::Case;
use super::again::Undecided;
use super::known::Part;
use super::look::{Facts, in_full};
use super::step::{Read, Step, reading, unread};
use crate::decide;
use crate::event::{Event, ListLead};
use crate::facts::{ListFacts, ListVersions};
use crate::ledger::{Key, Wanted, Why};

/// The most groups whose rules one call reads: EC2 takes 200 values of a filter.
const AT_ONCE: usize = 200;

impl Case<'_> {
    pub(super) fn read_list(
        &mut self,
        event: &Event,
        lead: &ListLead,
        now: i64,
    ) -> Result<Facts, Box<Step>> {
        let id = &lead.id;
        let shown = match &self.known.list {
            Part::Unread => {
                let ledger = self.known.lacks(Wanted::of_list(id, &event.time));
                let versions = Read::Versions(id.clone(), lead.before);
                let decide = std::iter::once(versions).chain(ledger).collect();
                let inform = self.known.begin_open(&[Key::list_subject(id)]);
                return Err(Box::new(Step::Read { decide, inform, patience: Duration::ZERO }));
            }
            Part::Failed(why) => return Err(Box::new(Step::Fail(why.clone()))),
            Part::Read(None) => {
                return Err(Box::new(self.not_shown("prefix-list", id, Why::Lag, now)));
            }
            Part::Read(Some(shown)) => shown.as_ref().clone(),
        };
        if let Some(step) = self.waits_for_list(event, lead, &shown, now) {
            return Err(Box::new(step));
        }
        let mut facts =
            ListFacts { id: id.clone(), shown, groups: Vec::new(), used: self.known.used.clone() };
        if decide::added(&facts).is_empty() {
            return Ok(Facts::List(Box::new(facts), lead.clone()));
        }
        let groups = match &self.known.naming {
            Part::Unread => return Err(Box::new(reading(vec![Read::Naming(id.clone())]))),
            Part::Failed(why) => return Err(Box::new(Step::Fail(why.clone()))),
            Part::Read(groups) => groups.clone(),
        };
        let lacking: Vec<String> =
            groups.iter().filter(|id| self.known.lacks_rules(id)).cloned().collect();
        in_full(unread(lacking.chunks(AT_ONCE).map(|ids| Read::RulesOf(ids.to_vec()))))?;
        self.rules_failed(&groups)?;
        in_full(unread(self.known.unread_lists(&groups)))?;
        facts.groups = groups.iter().filter_map(|id| self.known.group_facts(id)).collect();
        Ok(Facts::List(Box::new(facts), lead.clone()))
    }

    /// The list is looked at again while its change is not complete, or EC2 does not show it yet. A change that failed, or
    /// was never made, ends it.
    fn waits_for_list(
        &mut self,
        event: &Event,
        lead: &ListLead,
        shown: &ListVersions,
        now: i64,
    ) -> Option<Step> {
        if !lead.is_before(shown) {
            return None;
        }
        if lead.is_waited_for(shown, event.is_young(now)) {
            if let Some(wait) = self.look_again() {
                self.known.list = Part::Unread;
                return Some(wait);
            }
            let all = Undecided { why: Why::Lag, not_before: None, rules: None };
            if let Some(step) = self.arrange(&[all], now) {
                return Some(step);
            }
        }
        let (id, state) = (&lead.id, &shown.state);
        Some(self.end_without_plan(format!("unchanged prefix-list {id}: its state is {state}")))
    }

    /// What uses the list decides whether it may be changed: it is asked only where something is at fault, and of the owner.
    pub(super) fn uses(&self, facts: &Facts, event: &Event) -> Option<Step> {
        let Facts::List(list, _) = facts else { return None };
        let is_ours = list.shown.owner.as_ref().is_none_or(|owner| *owner == event.account);
        let is_unread = list.used == crate::facts::ListUse::NotRead;
        (is_ours && is_unread).then(|| reading(vec![Read::Uses(list.id.clone())]))
    }
}
