//! What the known networks get in place of the rules that are revoked.

use std::time::Duration;

use super::look::Facts;
use super::step::{Read, Step};
use super::{Case, Plan};
use crate::action::{Action, Remedy};
use crate::decide;
use crate::facts::{IngressRule, Source};

/// How long a revoke waits for the entries of the lists among the known networks. They are read beside the rules, so they are
/// there by then, but for long lists. With the one attempt to grant, of two seconds, the known networks delay a revoke by
/// three at most.
const ENTRIES: Duration = Duration::from_secs(1);

impl Case<'_> {
    fn known_lists(&self) -> impl Iterator<Item = &String> {
        self.policy.settings.known_networks.iter().filter_map(|network| match network {
            Source::PrefixList(list) => Some(list),
            Source::Ipv4(_) | Source::Ipv6(_) | Source::Group(_) | Source::Unreadable(_) => None,
        })
    }

    /// Begins to read the entries of the known networks.
    pub(super) fn begin_networks(&mut self) -> Vec<Read> {
        let lists: Vec<String> = self.known_lists().cloned().collect();
        self.known.begin_lists(lists.iter())
    }

    /// Writes what the known networks get into the plan, once: only by now it is known which rules are revoked.
    pub(super) fn grant(&mut self, now: i64) -> Option<Step> {
        let networks = &self.policy.settings.known_networks;
        let plan = self.plan.as_ref().filter(|plan| !plan.is_granted && !networks.is_empty())?;
        let may_be_granted = |remedy: &Remedy| match remedy {
            Remedy::Do(action) | Remedy::NotRemediated { action, .. } => action.revokes().is_some(),
            Remedy::Manual { .. } | Remedy::Pending(_) | Remedy::Gone(_) => false,
        };
        let is_asked = plan.decision.findings.iter().any(|found| may_be_granted(&found.remedy));
        let is_group = matches!(self.facts(), Some(Facts::Group(..)));
        let is_unread = self.known_lists().any(|list| !self.known.lists.contains_key(list));
        if is_asked && is_group && is_unread && !self.waited.networks {
            self.waited.networks = true;
            let inform = self.begin_networks();
            return Some(Step::Read { decide: Vec::new(), inform, patience: ENTRIES });
        }
        let mut plan = self.plan.take()?;
        if let (Some(Facts::Group(facts, _)), Some(event)) = (self.facts(), &self.event) {
            let granted = self.first.as_deref().map(Plan::rules_granted).unwrap_or_default();
            let context = self.context(now);
            decide::grant(&mut plan.decision, event, &facts, &granted, &context);
        }
        plan.is_granted = true;
        self.plan = Some(plan);
        None
    }
}

impl Plan {
    /// The rules that were granted, as they were to be.
    fn rules_granted(&self) -> Vec<IngressRule> {
        let of = |action: &Action| {
            let (_, rule) = action.revokes()?;
            Some(action.grants()?.rules(rule).collect::<Vec<_>>())
        };
        self.decision.actions().into_iter().filter_map(of).flatten().collect()
    }
}
