//! Judging a group once more, with the rules of the other groups of its interfaces.
//!
//! An interface admits what any of its groups admits. Which groups these are is known only after the revoke of what is clear
//! already, and that never waits for it. What is found besides is leased and carried out like the rest, and told with it.
//!
//! Where nothing else is at fault, the interfaces are read only for a rule that may be a piece of the internet: a private
//! rule, and the one address of an office, cost no call.

use super::look::Facts;
use super::step::{Read, Step, unread};
use super::{Case, Cause, Plan};
use crate::action::Per;
use crate::checks::own;
use crate::decide::Decision;
use crate::exceptions::{Answer, ExceptionQuery, OnRule, Suppressed};
use crate::facts::GroupFacts;
use crate::finding::Check;
use crate::limits::Room;

/// An interface has no more rules than these, whatever the quotas of its groups are (VPC user guide, "Amazon VPC quotas":
/// security groups per network interface times rules per security group).
const RULES: u128 = 1000;

impl Case<'_> {
    /// Once; `None` if it comes to nothing.
    pub(super) fn judge_together(&mut self, now: i64) -> Option<Step> {
        if matches!(self.cause, Cause::Closing { .. }) {
            return None;
        }
        let decision = self.plan.as_ref().map(|plan| &plan.decision)?;
        let Some(Facts::Group(group, _)) = self.facts().filter(|_| !self.judged_together) else {
            return None;
        };
        if decision.is_clean() {
            let mut suppressed = decision.suppressed.iter();
            if !suppressed.any(|suppressed| self.may_be_a_piece(&group, suppressed, now)) {
                return None;
            }
            let interfaces = self.known.begin_interfaces(&group.id);
            if interfaces.is_some() {
                return unread(interfaces);
            }
        }
        let step = unread(self.known.reads_beside(&group.id));
        if step.is_some() {
            return step;
        }
        // Without the ledger it is not known which of their rules are snoozed; to an audit none is.
        let is_known = self.known.ledger.get().is_some() || self.cause == Cause::Audit;
        let more =
            (!group.beside.is_empty() && is_known).then(|| self.found_together(now)).flatten();
        let spaces = more.iter().flat_map(|more| &more.spaces).cloned().map(Read::Space);
        if let Some(step) = unread(spaces) {
            return Some(step);
        }
        self.judged_together = true;
        more.filter(|more| !more.is_clean() || !more.leased.is_empty())?;
        self.first = self.plan.take().map(Box::new);
        Some(self.lease_together(now))
    }

    /// Whether as many rules of this width as an interface can have would be more than the exceptions permit.
    fn may_be_a_piece(&self, group: &GroupFacts, suppressed: &Suppressed, now: i64) -> bool {
        let (Some(event), Check::OpenIngress, Some(rule)) =
            (&self.event, suppressed.check, &suppressed.rule)
        else {
            return false;
        };
        let context = self.context(now);
        let (own, check) = (own(group, rule), suppressed.check);
        let union = own.times(RULES);
        let on = Some(OnRule { group, rule, own, union });
        let asked = ExceptionQuery { check, event, now: context.asked_at(), cache: None, on };
        context.memory.snooze_ends(rule, now).is_none()
            && !matches!(context.exceptions.ask(&asked), Answer::Suppressed(_))
    }

    /// Leases what is found together with other groups, or goes on with what came of that.
    pub(super) fn lease_together(&mut self, now: i64) -> Step {
        if let Some(leasing) = self.leasing.take_if(|leasing| leasing.written.is_some()) {
            return self.leased(leasing, now);
        }
        match (self.facts(), self.found_together(now)) {
            (Some(facts), Some(more)) => self.lease(&facts, more, now),
            (_, _) => Step::Fail("the group is not known any more".to_owned()),
        }
    }

    /// What is decided with the rules of the other groups, and was not without them.
    fn found_together(&self, now: i64) -> Option<Decision> {
        let facts = self.facts()?;
        let first = self.plan.as_ref().or(self.first.as_deref())?;
        let more = self.decide(self.event.as_ref()?, &facts, now).beyond(&first.decision);
        let most = self.policy.settings.actions_per_event;
        let room = Room { most, per: Per::Event, used: first.decision.closings() };
        Some(more.within(room, facts.around(), &facts.seen().reaches()))
    }

    /// What was carried out in two parts is one plan from here on.
    pub(super) fn put_together(&mut self) {
        if let Some(first) = self.first.take()
            && let Some(more) = self.plan.take()
        {
            self.plan = Some(first.and(more));
        }
    }
}

impl Plan {
    fn and(mut self, more: Self) -> Self {
        self.decision.extend(more.decision);
        self.leased.extend(more.leased);
        self.unremembered = self.unremembered.or(more.unremembered);
        self.granted.extend(more.granted);
        if let Some(outcomes) = more.outcomes {
            self.outcomes.get_or_insert_default().extend(outcomes);
        }
        self
    }
}
