//! Carrying out what was decided and leased: acting, telling, recording.

use std::time::Duration;

use super::again::Undecided;
use super::known::{self, Part};
use super::look::{Facts, REPORT};
use super::step::{Channel, Notification, Read, Step, Summary, Written, reading};
use super::{Case, Cause, Plan};
use crate::action::{Action, Because, Outcome, Outcomes, Remedy};
use crate::event::{CacheLead, Lead};
use crate::exceptions::Suppressed;
use crate::facts::IngressRule;
use crate::finding::rule_of;
use crate::ledger::{Rewrite, Snooze, Wanted, Why};
use crate::report::{Deployment, Known, Report, Revisited};
use crate::servers::{self, MOST_INSTANCES};
use crate::time::{DAY, iso, seconds};

/// How often what others wrote meanwhile is read again before the record is given up.
const CONFLICTS: usize = 6;

/// How long a report waits for the servers behind a rule: Systems Manager takes seconds.
const SERVERS: Duration = Duration::from_secs(10);
/// How long those that have not answered by then are waited for, once everything is recorded: Lambda ends an invocation
/// after two minutes.
const LATE: Duration = Duration::from_secs(45);

/// For how long a cache that is not decided is looked at again, in seconds.
const WEEK: i64 = 7 * DAY;

static NO_OUTCOMES: Outcomes = Outcomes::new();

impl Case<'_> {
    /// The first line that applies.
    pub(super) fn finish(&mut self, now: i64) -> Step {
        if let Some(step) = self.grant(now) {
            return step;
        }
        let Some(plan) = &mut self.plan else { return Step::Fail("there is no plan".to_owned()) };
        let actions: Vec<Action> = plan.decision.actions().into_iter().cloned().collect();
        if plan.outcomes.is_none() && !actions.is_empty() {
            return Step::Remediate(actions);
        }
        self.put_together();
        let Some(plan) = &mut self.plan else { return Step::Fail("there is no plan".to_owned()) };
        if plan.report.is_none() {
            if let Some(step) = self.inform().or_else(|| self.ask_servers()) {
                return step;
            }
            if let Some(step) = self.judge_together(now) {
                return step;
            }
            self.protect();
            let undecided = self.undecided(now);
            if let Some(step) = self.arrange(&undecided, now) {
                return step;
            }
            let report = self.make_report(now);
            let unanswered = self.unanswered();
            if let Some(plan) = &mut self.plan {
                plan.unanswered = unanswered;
            }
            if let (Some(plan), Some(report)) = (&mut self.plan, report) {
                plan.report = Some(report);
            }
        }
        let storm = self
            .counted
            .is_some_and(|counted| counted.alerts > self.policy.settings.alerts_per_minute);
        let Some(plan) = &mut self.plan else { return Step::Fail("there is no plan".to_owned()) };
        if let Some(report) = plan.report.as_ref().filter(|report| !report.is_silent())
            && plan.notified.is_none()
        {
            let channel = if storm { Channel::Digest } else { Channel::Alert };
            return Step::Notify(Box::new(Notification { report: report.clone(), channel }));
        }
        // What is not remembered, the next attempt could not tell: the queue keeps it until SNS takes it.
        if let (Some(report), Some(Err(_))) = (&plan.report, &plan.notified)
            && (report.unremembered.is_some() || !report.unreadable.is_empty())
            && !plan.later
        {
            plan.later = true;
            let channel = Channel::Later;
            return Step::Notify(Box::new(Notification { report: report.clone(), channel }));
        }
        if let Some(step) = self.lease_afterwards(now) {
            return step;
        }
        let Some(plan) = &mut self.plan else { return Step::Fail("there is no plan".to_owned()) };
        if let Some(step) = plan.record(&mut self.known, now) {
            return step;
        }
        let (mut failed, summary) = (plan.failed(), plan.summary());
        failed.extend(self.not_arranged());
        if !failed.is_empty() {
            return Step::Fail(failed.join("; "));
        }
        self.settle().or_else(|| self.tell_late_servers()).unwrap_or(Step::Done(summary))
    }

    /// The servers that were asked, and have not answered yet.
    fn unanswered(&self) -> Vec<String> {
        if !self.waited.servers {
            return Vec::new();
        }
        let asked = self.servers().unwrap_or_default().into_iter().take(MOST_INSTANCES);
        asked.filter(|instance| !self.known.has_answered(instance)).collect()
    }

    /// When everything is recorded: waits for the servers that had not answered when it was told, then tells what they say by a
    /// second message. It informs, so that nothing comes of a message that is not taken.
    fn tell_late_servers(&mut self) -> Option<Step> {
        let plan = self.plan.as_mut()?;
        if plan.unanswered.is_empty() || !matches!(plan.notified, Some(Ok(Channel::Alert))) {
            return None;
        }
        if !self.waited.late {
            self.waited.late = true;
            return Some(Step::Read { decide: Vec::new(), inform: Vec::new(), patience: LATE });
        }
        let mut late = std::mem::take(&mut plan.unanswered);
        late.retain(|instance| self.known.has_answered(instance));
        if late.is_empty() {
            return None;
        }
        plan.is_told_again = true;
        let report = plan.report.as_ref()?.later(self.known.behind(late));
        Some(Step::Notify(Box::new(Notification { report, channel: Channel::Alert })))
    }

    /// It is over without a plan: what it is about is not there.
    pub(super) fn end_without_plan(&mut self, summary: String) -> Step {
        if let Some(why) = self.not_arranged() {
            return Step::Fail(why);
        }
        let next = self.next_look().map(|next| format!("\n{next}")).unwrap_or_default();
        self.settle().unwrap_or(Step::Done(Summary(format!("{summary}{next}"))))
    }

    /// What is to be looked at again.
    fn undecided(&self, now: i64) -> Vec<Undecided> {
        if self.cause.only_looks() || matches!(self.cause, Cause::Closing { .. }) {
            return Vec::new();
        }
        let (Some(plan), Some(event)) = (&self.plan, &self.event) else { return Vec::new() };
        let (decision, is_paused) = (&plan.decision, self.context(now).is_paused());
        let mut undecided = Vec::new();
        if !decision.unseen.is_empty() {
            let rules = Some(decision.unseen.clone());
            undecided.push(Undecided { why: Why::Lag, not_before: None, rules });
        }
        let touched = |rule: &IngressRule| match &event.lead {
            Lead::Group(lead) => lead.touched.about(rule),
            Lead::List(_) | Lead::Cache(_) | Lead::Unknown => None,
        };
        for finding in &decision.findings {
            let Some(why) = Why::of(&finding.remedy, is_paused) else { continue };
            let not_before = if let Remedy::NotRemediated { because, .. } = &finding.remedy
                && let Because::Flapping { until, .. } = because
            {
                Some(*until)
            } else {
                None
            };
            undecided.push(Undecided {
                why,
                not_before,
                rules: rule_of(finding).and_then(touched),
            });
        }
        let snoozes = |suppressed: &Suppressed| {
            let rule = suppressed.rule.as_ref()?;
            let ends = self.known.ledger.get()?.snooze_ends(rule, now)?;
            Some(Undecided { why: Why::Snooze, not_before: Some(ends), rules: touched(rule) })
        };
        undecided.extend(decision.suppressed.iter().filter_map(snoozes));
        let is_young = event.is_young(now);
        let comes_late = |lead: &CacheLead| {
            self.cache().is_some_and(|cache| lead.is_looked_at_again(&cache, is_young))
        };
        if matches!(&event.lead, Lead::Cache(lead) if comes_late(lead)) {
            undecided.push(Undecided { why: Why::Pending, not_before: None, rules: None });
        }
        let age = now.saturating_sub(seconds(&event.time));
        undecided.retain(|one| one.why != Why::Pending || age < WEEK);
        undecided
    }

    /// What was done without the ledger is recorded where the ledger answers by now: of a rule that was revoked for a
    /// cache, and only seemed to stay, the event of the cache says nothing to the next attempt.
    fn lease_afterwards(&mut self, now: i64) -> Option<Step> {
        let plan = self.plan.as_mut()?;
        if plan.unremembered.is_none() || plan.decision.is_clean() {
            return None;
        }
        let lost = matches!(plan.recorded, Some(Written::Conflict(_)));
        if !plan.afterwards || (lost && plan.conflicts < CONFLICTS) {
            plan.conflicts += usize::from(lost);
            (plan.afterwards, plan.entries, plan.recorded) = (true, None, None);
            self.known.ledger = Part::Unread;
        }
        let memory = match &self.known.ledger {
            Part::Unread => {
                let wanted = Wanted::of_keys(plan.decision.keys());
                return Some(reading(self.known.lacks(wanted).into_iter().collect()));
            }
            Part::Read(memory) if plan.entries.is_none() => memory,
            Part::Read(_) | Part::Failed(_) => return None,
        };
        let leased = self
            .leased_by(&self.plan.as_ref()?.decision, &self.facts()?, now)
            .afterwards(memory, now);
        if let Some(plan) = &mut self.plan {
            plan.leased = leased;
        }
        None
    }

    /// What informs, and is not there yet, is waited for before it is told: once, and once more for whose the VPCs are.
    fn inform(&mut self) -> Option<Step> {
        let ids = self.facts()?.groups();
        let found = self.plan.as_ref().is_some_and(|plan| !plan.decision.is_clean());
        if !found || self.known.unread_around(&ids).is_empty() || self.waited.report >= 2 {
            return None;
        }
        self.waited.report += 1;
        let inform = self.known.begin_around(&ids);
        Some(Step::Read { decide: Vec::new(), inform, patience: REPORT })
    }

    /// Asks the Memcached servers behind the rule, once, if the stack has the workflow for it: after the revoke, and for ten
    /// seconds at most.
    fn ask_servers(&mut self) -> Option<Step> {
        self.policy.settings.harden_state_machine_arn.as_ref()?;
        if self.cause.only_looks() {
            return None;
        }
        let asked: Vec<Read> =
            self.servers()?.into_iter().take(MOST_INSTANCES).map(Read::Servers).collect();
        if asked.is_empty() || self.waited.servers {
            return None;
        }
        self.waited.servers = true;
        Some(Step::Read { decide: Vec::new(), inform: asked, patience: SERVERS })
    }

    /// The instances behind the rule, where they are asked; an audit names them without asking.
    fn servers(&self) -> Option<Vec<String>> {
        if !self.cause.only_looks() {
            self.policy.settings.harden_state_machine_arn.as_ref()?;
        }
        Some(servers::instances(&self.plan.as_ref()?.decision.findings, self.facts()?.around()))
    }

    /// IAM keeps the functions out of a protected group. Where its tag came only after the lease, that is what was refused.
    fn protect(&mut self) {
        let facts = self.facts();
        if let (Some(plan), Some(facts)) = (&mut self.plan, facts)
            && let Some(outcomes) = &mut plan.outcomes
        {
            plan.decision.protect(facts.around(), outcomes);
            let actions = plan.decision.actions();
            outcomes.retain(|id, _| actions.iter().any(|action| action.id() == id));
        }
    }

    /// The snoozes that ended of the rules that are at fault.
    fn ended_snoozes(&self, plan: &Plan, now: i64) -> Vec<Snooze> {
        let memory = self.context(now).memory;
        let findings = plan.decision.findings.iter();
        let ended = findings.filter_map(|finding| memory.snooze_ended(finding, now));
        let mut snoozes: Vec<Snooze> = Vec::new();
        for snooze in ended {
            if !snoozes.contains(snooze) {
                snoozes.push(snooze.clone());
            }
        }
        snoozes
    }

    fn make_report(&self, now: i64) -> Option<Report> {
        let (plan, facts): (&Plan, Facts) = (self.plan.as_ref()?, self.facts()?);
        let settings = self.policy.settings;
        let next = self.next_look();
        let servers = self.known.behind(self.servers().unwrap_or_default());
        let deployment = Deployment {
            stack: settings.stack.clone(),
            ledger: Some(settings.ledger_table.clone()),
            moves: settings.moves,
        };
        let revisit = self.why.map(|why| Revisited { why, snoozes: self.ended_snoozes(plan, now) });
        let known = Known {
            seen: facts.seen(),
            context: &self.context(now),
            outcomes: plan.outcomes.as_ref().unwrap_or(&NO_OUTCOMES),
            granted: &plan.granted,
            leased: &plan.leased,
            deployment: &deployment,
            unremembered: plan.unremembered.as_deref(),
            next: next.as_ref(),
            servers: &servers,
            revisit: revisit.as_ref(),
            is_redelivered: self.cause == super::Cause::Redelivered,
        };
        Some(Report::new(self.event.as_ref()?, &plan.decision, &known))
    }
}

impl Plan {
    /// Records how it ended. If that is not taken, the next delivery of the event tells once more.
    fn record(&mut self, known: &mut known::Known, now: i64) -> Option<Step> {
        let report = self.report.as_ref()?;
        let outcomes = self.outcomes.as_ref().unwrap_or(&NO_OUTCOMES);
        let told = matches!(self.notified, Some(Ok(_))).then(|| iso(now));
        let settle =
            |again| self.leased.settle(&report.settled(), outcomes, told.as_deref(), again);
        let entries = match (&self.entries, &self.recorded) {
            (None, None) => settle(None),
            (Some(entries), None) => entries.clone(),
            (_, Some(Written::All | Written::Unavailable(_))) => return None,
            (_, Some(Written::Conflict(_))) if self.conflicts >= CONFLICTS => return None,
            (_, Some(Written::Conflict(lost))) => {
                if self.entries.take().is_some() {
                    known.ledger = Part::Unread;
                }
                let memory = match &known.ledger {
                    Part::Unread => {
                        let leased = self.leased.entries.iter().map(|entry| entry.key.clone());
                        let wanted = known.lacks(Wanted::of_keys(leased));
                        return Some(reading(wanted.into_iter().collect()));
                    }
                    Part::Failed(_) => return None,
                    Part::Read(memory) => memory,
                };
                let entries = settle(Some(Rewrite { lost, memory }));
                self.conflicts += 1;
                entries
            }
        };
        self.recorded = None;
        self.entries = Some(entries.clone());
        (!entries.is_empty()).then_some(Step::Record(entries))
    }

    /// What failed, all of it.
    fn failed(&self) -> Vec<String> {
        let mut failed: Vec<String> = Vec::new();
        for (id, outcome) in self.outcomes.iter().flatten() {
            if let Outcome::Failed(why) = outcome {
                failed.push(format!("{id}: {why}"));
            }
        }
        if let Some(Err(why)) = &self.notified {
            failed.push(why.clone());
        }
        failed.extend(self.only_the_ledger.clone());
        let leased = self.decision.leased.iter();
        failed.extend(leased.map(|id| {
            format!("another invocation is processing {id}; this event will be retried")
        }));
        failed
    }

    /// How it ended.
    fn summary(&self) -> Summary {
        let report = self.report.as_ref().map(ToString::to_string).unwrap_or_default();
        let outcomes = self.outcomes.as_ref().map(words).unwrap_or_default();
        Summary(format!("{report}\n{outcomes}").trim_end().to_owned())
    }
}

/// What came of each action, in a line.
pub fn words(outcomes: &Outcomes) -> String {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Done(_) => "revoked, and verified".to_owned(),
        Outcome::AlreadyGone => "already gone".to_owned(),
        Outcome::Started(execution) => format!("started {execution}"),
        Outcome::AlreadyStarted(execution) => format!("already started {execution}"),
        Outcome::Failed(why) => format!("failed, {why}"),
    };
    let lines: Vec<String> =
        outcomes.iter().map(|(id, outcome)| format!("{id}: {}", word(outcome))).collect();
    lines.join("\n")
}
