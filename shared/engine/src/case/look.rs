//! Looking: what is to be read or waited for, until it is decided and leased.

use std::collections::BTreeSet;
use std::time::Duration;

use super::again::Undecided;
use super::known::{Known, Part};
use super::step::{Count, Read, Step, Summary, Written, reading, unread};
use super::{Case, Cause, Leasing, Plan};
use crate::action::{AllGranted, Because, Outcomes, Per, Remedy};
use crate::decide::{self, Decision, DecisionContext};
use crate::event::{CacheLead, Event, GroupLead, GroupRef, Lead, ListLead, Touched};
use crate::facts::{CacheFacts, CacheGroups, GroupFacts, ListFacts, Source};
use crate::finding::Finding;
use crate::ledger::{Key, Lease, LeaseContext, Leased, LiveState, Memory, Revisit, Wanted, Why};
use crate::limits::{Limits, Room};
use crate::net::Sources;
use crate::report::{self, Report, Seen};
use crate::time::{iso, seconds};

/// How long to wait before each new look. EC2 and ElastiCache are eventually consistent: what an
/// event names may take some seconds to be shown (EC2 API reference, "Eventual consistency").
const LOOKS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How long to wait for another invocation that leased a finding, or wrote one meanwhile, before it starts over. Most
/// are done in some seconds; what takes longer is tried again as an event.
const ROUNDS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
];

/// How long a policy may make it wait for what only informs.
const POLICY: Duration = Duration::from_secs(2);

/// How long a report waits for what informs.
pub(super) const REPORT: Duration = Duration::from_secs(1);

/// How long an invocation leases what it deals with, in seconds: the function's time-out, and some for the clocks.
const LEASE: i64 = 130;

/// The names, interfaces and snoozes of so many groups are read. Of more, what stands behind them counts as unknown.
const AROUND: usize = 100;

/// What is looked at, once it is read.
pub(super) enum Facts {
    Group(Box<GroupFacts>, GroupLead),
    List(Box<ListFacts>, ListLead),
    /// With the rules that an earlier attempt went to close for it.
    Cache(Box<CacheFacts>, CacheLead, Vec<GroupLead>),
    /// The event names no resource.
    Nothing,
}

impl Facts {
    pub(super) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Group(facts, _) => Seen::Group(facts),
            Self::List(facts, _) => Seen::List(facts),
            Self::Cache(facts, ..) => Seen::Cache(facts),
            Self::Nothing => Seen::Nothing,
        }
    }

    /// Whether this decides, which informs of others: whether something else carries a group, where the call did not touch
    /// its rules by themselves; and then whether the group is protected, for nothing has waited for that.
    fn decided_by(&self, read: &Read) -> bool {
        match self {
            Self::Cache(..) => matches!(read, Read::Interfaces(_)),
            Self::Group(_, lead) => {
                lead.carrier().is_some() && matches!(read, Read::Interfaces(_) | Read::Details(_))
            }
            Self::List(..) | Self::Nothing => false,
        }
    }

    fn looked(&self) -> LiveState {
        match self {
            Self::Group(facts, _) => LiveState::at_group(facts),
            Self::Cache(facts, lead, _) => LiveState::at_cache(facts, lead.altered),
            Self::List(facts, _) => LiveState::at_list(facts),
            Self::Nothing => LiveState::default(),
        }
    }

    /// Its groups.
    pub(super) fn around(&self) -> &[GroupFacts] {
        match self {
            Self::Group(facts, _) => std::slice::from_ref(facts.as_ref()),
            Self::Cache(facts, ..) => match &facts.groups {
                CacheGroups::Unknown(_) => &[],
                CacheGroups::Read(groups) => groups,
            },
            Self::List(facts, _) => &facts.groups,
            Self::Nothing => &[],
        }
    }

    /// The ids of its groups; of a prefix list, the first of them.
    pub(super) fn groups(&self) -> Vec<String> {
        let most = match self {
            Self::List(..) => AROUND,
            Self::Group(..) | Self::Cache(..) | Self::Nothing => usize::MAX,
        };
        self.around().iter().take(most).map(|group| group.id.clone()).collect()
    }
}

impl Case<'_> {
    /// The group that the event is about, as far as it was read.
    pub fn group(&self) -> Option<GroupFacts> {
        match self.facts()? {
            Facts::Group(facts, _) => Some(*facts),
            Facts::Cache(..) | Facts::List(..) | Facts::Nothing => None,
        }
    }

    /// The cache that the event is about, as far as it was read.
    pub fn cache(&self) -> Option<CacheFacts> {
        match self.facts()? {
            Facts::Group(..) | Facts::List(..) | Facts::Nothing => None,
            Facts::Cache(facts, ..) => Some(*facts),
        }
    }

    /// The first line that applies.
    pub(super) fn look(&mut self, now: i64) -> Step {
        if let Some(leasing) = self.leasing.take_if(|leasing| leasing.written.is_some()) {
            return self.leased(leasing, now);
        }
        let Some(event) = self.event.clone() else {
            return Step::Fail("there is no event".to_owned());
        };
        let facts = match self.read(&event, now) {
            Ok(facts) => facts,
            Err(step) => return *step,
        };
        let decision = self.decide(&event, &facts, now);
        // What only the decision tells: a rule is not always as the event describes it, or the event describes none.
        let wanted = match &facts {
            Facts::Group(group, lead) if lead.carrier().is_some() => {
                Wanted::of_found(&group.id, decision.keys())
            }
            // A rule that names the list may be snoozed in its group.
            Facts::List(..) if !decision.is_clean() => {
                let snoozes = facts.groups().into_iter().collect();
                Wanted { snoozes, ..Wanted::of_keys(decision.keys()) }
            }
            Facts::Group(..) | Facts::List(..) | Facts::Cache(..) | Facts::Nothing => {
                Wanted::of_keys(decision.keys())
            }
        };
        if let Some(read) = self.known.lacks(wanted) {
            return reading(vec![read]);
        }
        if self.known.revisit.is_unread() && self.was_left_open(&decision, &event) {
            let (subject, event) = (Revisit::subject(&event), event.id);
            return reading(vec![Read::Revisit { subject, event }]);
        }
        if !decision.unseen.is_empty()
            && let Some(wait) = self.look_again()
        {
            facts.groups().iter().for_each(|id| self.known.forget_rules(id));
            return wait;
        }
        // What may lie in the address space of a VPC is not judged before that is known.
        let space = decision.spaces.iter().cloned().map(Read::Space);
        if let Some(step) = unread(space) {
            return step;
        }
        if !decision.is_clean()
            && let Some(step) = self.uses(&facts, &event)
        {
            return step;
        }
        match self.around(&facts, &decision) {
            Some(step) => step,
            None => self.lease(&facts, decision, now),
        }
    }

    /// What is to be read around the groups before anything is leased: the interfaces of a cache's groups, which decide
    /// whether a rule may go; what a policy asks for; and what is told of findings about which nothing is done.
    fn around(&mut self, facts: &Facts, decision: &Decision) -> Option<Step> {
        let ids = facts.groups();
        let mut decide = self.known.unread_around(&ids);
        if decision.is_clean() || decide.is_empty() {
            return self.still_open(decision);
        }
        decide.retain(|read| facts.decided_by(read));
        if !decide.is_empty() {
            let mut inform = self.known.begin_around(&ids);
            inform.retain(|read| !decide.contains(read));
            return Some(Step::Read { decide, inform, patience: Duration::ZERO });
        }
        let asks = |finding: &Finding| {
            matches!(
                &finding.remedy,
                Remedy::NotRemediated { because: Because::ExceptionsNotKnown, .. }
            )
        };
        let asked = decision.findings.iter().any(asks);
        let patience = if asked && !self.waited.policy {
            self.waited.policy = true;
            POLICY
        } else if !asked && decision.actions().is_empty() && !self.waited.lease {
            self.waited.lease = true;
            REPORT
        } else {
            return self.still_open(decision);
        };
        let inform = self.known.begin_around(&ids);
        Some(Step::Read { decide: Vec::new(), inform, patience })
    }

    /// What is still open is waited for where nothing is to be remediated: once, and only if the ledger answers.
    fn still_open(&mut self, decision: &Decision) -> Option<Step> {
        let waits = decision.actions().is_empty()
            && self.known.ledger.get().is_some()
            && self.known.open.is_unread();
        if !waits || self.waited.open || self.facts()?.groups().is_empty() {
            return None;
        }
        self.waited.open = true;
        Some(Step::Read { decide: Vec::new(), inform: Vec::new(), patience: REPORT })
    }

    /// What there is to decide about; or what comes before that.
    fn read(&mut self, event: &Event, now: i64) -> Result<Facts, Box<Step>> {
        match &event.lead {
            Lead::Group(lead) => self.read_group(event, lead, now),
            Lead::List(lead) => self.read_list(event, lead, now),
            Lead::Cache(lead) => self.read_cache(event, lead.clone(), now),
            Lead::Unknown => Ok(Facts::Nothing),
        }
    }

    fn read_group(
        &mut self,
        event: &Event,
        lead: &GroupLead,
        now: i64,
    ) -> Result<Facts, Box<Step>> {
        let id = match &lead.group {
            GroupRef::Id(id) => id.clone(),
            GroupRef::Name(name) => match &self.known.group {
                Part::Unread => {
                    return Err(Box::new(reading(vec![Read::GroupNamed(name.clone())])));
                }
                Part::Failed(why) => return Err(Box::new(Step::Fail(why.clone()))),
                Part::Read(None) => {
                    let name = name.escape_default();
                    return Err(Box::new(self.not_shown(
                        "security-group",
                        &name.to_string(),
                        Why::Lag,
                        now,
                    )));
                }
                Part::Read(Some(id)) => id.clone(),
            },
        };
        let mut reads = Vec::new();
        if self.known.lacks_rules(&id) {
            reads.push(Read::Rules(id.clone()));
        }
        let wanted = match lead.carrier() {
            Some(_) => Wanted::since(&id, &event.time),
            None => Wanted::of_group(&id, lead),
        };
        reads.extend(self.known.lacks(wanted));
        if !reads.is_empty() {
            // The tag that protects a group is read by the call that reads its name: it must be there in time.
            let mut inform =
                if may_be_public(lead) { self.known.begin_details(&id) } else { Vec::new() };
            if may_be_public(lead) {
                inform.extend(self.begin_networks());
            }
            if lead.carrier().is_none() {
                inform.extend(self.known.begin_open(std::slice::from_ref(&id)));
            }
            let patience = Duration::ZERO;
            return Err(Box::new(Step::Read { decide: reads, inform, patience }));
        }
        self.rules_failed(std::slice::from_ref(&id))?;
        let facts = self.known.group_facts(&id).unwrap_or_default();
        // Of a rule that is gone and named by its id alone, only the ledger knows what it was.
        let missing = lead.touched.resolve(&facts.rules, &facts.egress).missing;
        let mut reads = self.known.unread_lists(std::slice::from_ref(&id));
        reads.extend(self.known.lacks(Wanted::of_missing(&id, &missing)));
        in_full(unread(reads))?;
        let facts = self.known.group_facts(&id).unwrap_or_default();
        Ok(Facts::Group(Box::new(facts), self.known.completed(lead, &event.id)))
    }

    /// What the event is about is not shown: it is looked at again later while it may still come, and then it is gone.
    pub(super) fn not_shown(&mut self, kind: &str, name: &str, why: Why, now: i64) -> Step {
        let is_young = self.event.as_ref().is_some_and(|event| event.is_young(now));
        let all = Undecided { why, not_before: None, rules: None };
        if is_young && let Some(step) = self.arrange(&[all], now) {
            return step;
        }
        self.end_without_plan(format!("gone {kind} {name}"))
    }

    fn read_cache(&mut self, event: &Event, lead: CacheLead, now: i64) -> Result<Facts, Box<Step>> {
        let shown = match &self.known.cache {
            Part::Unread => {
                let cache = Read::Cache(lead.kind, lead.id.clone());
                return Err(Box::new(reading(vec![cache])));
            }
            Part::Failed(why) => return Err(Box::new(Step::Fail(why.clone()))),
            Part::Read(None) => {
                if event.is_young(now)
                    && let Some(wait) = self.look_again()
                {
                    self.known.cache = Part::Unread;
                    return Err(Box::new(wait));
                }
                return Err(Box::new(self.not_shown("cache", &lead.id, Why::Pending, now)));
            }
            Part::Read(Some(shown)) => shown,
        };
        let ids = shown.ids(&lead);
        let rules = ids.iter().filter(|id| self.known.lacks_rules(id)).cloned().map(Read::Rules);
        let subnets = shown.subnets(&lead).filter(|_| self.known.subnets.is_unread());
        let ledger = self.known.lacks(Wanted::of_cache(lead.kind, &lead.id, &ids));
        let decide: BTreeSet<Read> = rules.chain(subnets).chain(ledger).collect();
        if !decide.is_empty() {
            let inform = self.known.begin_open(&ids);
            let (decide, patience) = (decide.into_iter().collect(), Duration::ZERO);
            return Err(Box::new(Step::Read { decide, inform, patience }));
        }
        self.rules_failed(&ids)?;
        in_full(unread(self.known.unread_lists(&ids)))?;
        let Some(facts) = self.known.cache_facts(&lead) else {
            return Err(Box::new(Step::Fail(format!("{} is not shown", lead.id))));
        };
        let unreported = self.known.named(&event.id);
        Ok(Facts::Cache(Box::new(facts), lead, unreported))
    }

    /// Without the rules of these groups there is nothing to decide about.
    pub(super) fn rules_failed(&self, ids: &[String]) -> Result<(), Box<Step>> {
        let failed = ids.iter().find_map(|id| match &self.known.groups.get(id)?.rules {
            Part::Failed(why) => Some(why.clone()),
            Part::Unread | Part::Read(_) => None,
        });
        failed.map_or(Ok(()), |why| Err(Box::new(Step::Fail(why))))
    }

    /// Waits before it looks again, if it did not often enough.
    pub(super) fn look_again(&mut self) -> Option<Step> {
        let pause = LOOKS.get(self.looks)?;
        self.looks += 1;
        Some(Step::Wait(*pause))
    }

    /// Waits before it starts over, with nothing known, if it did not often enough.
    fn start_over(&mut self) -> Option<Step> {
        let pause = ROUNDS.get(self.rounds)?;
        self.rounds += 1;
        (self.looks, self.waited) = (0, super::Waited::default());
        self.known = Known::default();
        Some(Step::Wait(*pause))
    }

    pub(super) fn context(&self, now: i64) -> DecisionContext<'_> {
        let super::PolicyContext { settings, exceptions } = self.policy;
        static NOTHING: Memory = Memory::new();
        DecisionContext {
            mode: settings.mode,
            exceptions,
            machine: settings.recreate_state_machine_arn.as_deref(),
            limits: Limits {
                comebacks_per_hour: settings.comebacks_per_hour,
                actions_per_event: settings.actions_per_event,
            },
            memory: self.known.ledger.get().unwrap_or(&NOTHING),
            by: &self.invocation,
            now,
            waits: self
                .known
                .revisit
                .get()
                .and_then(Option::as_deref)
                .is_some_and(|record| record.why == Why::Limit && record.is_ahead(now)),
            is_revisit: matches!(self.cause, super::Cause::Revisit { .. }),
            only_looks: self.cause.only_looks(),
            networks: &settings.known_networks,
            enforces_lists: settings.enforces_lists,
            lists: &self.known.lists,
        }
    }

    pub(super) fn decide(&self, event: &Event, facts: &Facts, now: i64) -> Decision {
        let context = self.context(now);
        let decision = match facts {
            Facts::Group(facts, lead) => decide::group(event, lead, facts, &context),
            Facts::Cache(facts, lead, unreported) => {
                decide::cache(event, lead, facts, unreported, &context)
            }
            Facts::List(facts, lead) => decide::list(event, lead, facts, &context),
            Facts::Nothing => decide::unnamed(event, &context),
        };
        if let Cause::Closing { only } = &self.cause { decision.only(only) } else { decision }
    }

    /// Whether something is to be remediated that an earlier pass over this event left open: then it is no pass before the
    /// time that was arranged.
    fn was_left_open(&self, decision: &Decision, event: &Event) -> bool {
        let Some(memory) = self.known.ledger.get() else { return false };
        !decision.actions().is_empty()
            && decision.keys().iter().any(|key| memory.was_left_open(key, event))
    }

    /// Leases what was found, so that nobody else deals with it.
    pub(super) fn lease(&mut self, facts: &Facts, decision: Decision, now: i64) -> Step {
        if let Some(step) = self.only_looked(facts, &decision, now) {
            return step;
        }
        if self.cause.only_looks() {
            return self.carry_out(decision, Leased::new(), None, now);
        }
        if let Part::Failed(why) = &self.known.ledger {
            let unremembered = Some(why.clone());
            return self.carry_out(decision, Leased::new(), unremembered, now);
        }
        if !decision.leased.is_empty()
            && self.first.is_none()
            && let Some(wait) = self.start_over()
        {
            return wait;
        }
        let mut leased = self.leased_by(&decision, facts, now);
        if self.first.is_some() {
            leased = leased.of_findings();
        }
        if leased.entries.is_empty() {
            return self.carry_out(decision, leased, None, now);
        }
        let (tags, entries) = (leased.tags.clone(), leased.entries.clone());
        if self.counted.is_none() {
            self.own = decision.closings();
        }
        let is_first = self.counted.is_none();
        let count = (is_first || self.first.is_some()).then(|| Count {
            minute: iso(now).chars().take("2026-11-21T16:40".len()).collect(),
            remediations: decision.closings(),
            alerts: usize::from(is_first && !matches!(self.cause, super::Cause::Closing { .. })),
        });
        let inform =
            if decision.is_clean() { Vec::new() } else { self.known.begin_around(&facts.groups()) };
        self.leasing = Some(Leasing { decision, leased, written: None });
        Step::Lease { inform, tags, entries, count }
    }

    /// An old event that an archive delivered once more is over now: it is told in the log what would have been done.
    fn only_looked(&self, facts: &Facts, decision: &Decision, now: i64) -> Option<Step> {
        let event = self.event.as_ref().filter(|_| self.cause == super::Cause::Replay)?;
        if now.saturating_sub(seconds(&event.time)) < super::REPLAYED {
            return None;
        }
        let context = self.context(now);
        let report = Report::new(event, decision, &report::Known::new(facts.seen(), &context));
        Some(Step::Done(Summary(format!("replayed, and only looked at:\n{report}"))))
    }

    /// The findings, leased by this invocation.
    pub(super) fn leased_by(&self, decision: &Decision, facts: &Facts, now: i64) -> Leased {
        let Some(event) = &self.event else { return Leased::new() };
        let lease = Lease { by: self.invocation.clone(), until: now.saturating_add(LEASE) };
        let (looked, still_open) = (facts.looked(), self.known.still_open());
        let still_open = &still_open;
        let turn = LeaseContext { event, looked: &looked, still_open, lease: &lease, now };
        decision.lease(&facts.seen().reaches(), self.context(now).memory, &turn)
    }

    /// Why the event has to come again once the ledger is there: an earlier attempt may have revoked a rule of which
    /// only the ledger knows what it was. The event of a cache names no rule; some calls name rules by their ids alone.
    fn only_the_ledger(&self) -> Option<String> {
        let Part::Failed(why) = &self.known.ledger else { return None };
        let about = match self.facts()? {
            Facts::Cache(..) => "for this cache".to_owned(),
            Facts::Group(_, lead) if lead.carrier().is_some() => "in this group".to_owned(),
            Facts::Group(facts, lead) => {
                let missing = lead.touched.resolve(&facts.rules, &facts.egress).missing;
                let unknown = missing.iter().find(|rule| rule.shape.is_none())?;
                format!("{unknown}")
            }
            Facts::List(..) => "in this prefix list".to_owned(),
            Facts::Nothing => return None,
        };
        Some(format!("the ledger was not there to say whether a rule was revoked {about}: {why}"))
    }

    /// What was to be leased was written, or not.
    pub(super) fn leased(&mut self, leasing: Leasing, now: i64) -> Step {
        let Leasing { decision, leased, written } = leasing;
        match written {
            Some(Written::All) | None => self.carry_out(decision, leased, None, now),
            Some(Written::Unavailable(why)) => {
                self.carry_out(decision, Leased::new(), Some(why), now)
            }
            // The first part is carried out and stays; of the rest, the retry of the event finds what is left.
            Some(Written::Conflict(keys)) if self.first.is_some() => {
                let mut decision = decision;
                decision.findings.clear();
                decision.leased.extend(keys.iter().map(Key::id));
                self.carry_out(decision, Leased::new(), None, now)
            }
            Some(Written::Conflict(keys)) => {
                // What is resolved only informs: no revoke waits for it, and it is no reason to go without the ledger.
                let good_news = leased.but_resolved(&keys);
                let waits = good_news.is_none() || decision.actions().is_empty();
                if waits && let Some(wait) = self.start_over() {
                    return wait;
                }
                if let Some(leased) = good_news {
                    return self.carry_out(decision, leased, None, now);
                }
                let ids: Vec<String> = keys.iter().map(Key::id).collect();
                let why = format!("other invocations keep writing {}", ids.join(", "));
                self.carry_out(decision, Leased::new(), Some(why), now)
            }
        }
    }

    /// Makes the plan, as far as the minute has room for it, and without what is protected by a tag that has arrived since.
    fn carry_out(
        &mut self,
        mut decision: Decision,
        leased: Leased,
        unremembered: Option<String>,
        now: i64,
    ) -> Step {
        let facts = self.facts();
        if let Some(facts) = &facts {
            decision.protect(facts.around(), &Outcomes::new());
            let used = self
                .counted
                .as_ref()
                .map_or(self.spent, |counted| counted.remediations.saturating_sub(self.own));
            let used = used + self.first.as_ref().map_or(0, |first| first.decision.closings());
            let most = self.policy.settings.actions_per_minute;
            let reaches = facts.seen().reaches();
            let room = Room { most, per: Per::Minute, used };
            decision = decision.within(room, facts.around(), &reaches);
        }
        self.plan = Some(Plan {
            decision,
            leased,
            unremembered,
            only_the_ledger: self.only_the_ledger(),
            afterwards: false,
            is_granted: false,
            granted: AllGranted::new(),
            outcomes: None,
            report: None,
            notified: None,
            later: false,
            entries: None,
            conflicts: 0,
            unanswered: Vec::new(),
            is_told_again: false,
            recorded: None,
        });
        self.finish(now)
    }

    /// What was looked at, with all that is known by now.
    pub(super) fn facts(&self) -> Option<Facts> {
        let event = self.event.as_ref()?;
        match &event.lead {
            Lead::Group(lead) => {
                let id = match &lead.group {
                    GroupRef::Id(id) => id,
                    GroupRef::Name(_) => self.known.group.get()?.as_ref()?,
                };
                let lead = self.known.completed(lead, &event.id);
                Some(Facts::Group(Box::new(self.known.group_facts(id)?), lead))
            }
            Lead::Cache(lead) => {
                let facts = Box::new(self.known.cache_facts(lead)?);
                Some(Facts::Cache(facts, lead.clone(), self.known.named(&event.id)))
            }
            Lead::List(lead) => {
                let id = lead.id.clone();
                let shown = self.known.list.get()?.as_deref()?.clone();
                let named = self.known.naming.get().into_iter().flatten();
                let groups = named.filter_map(|id| self.known.group_facts(id)).collect();
                let used = self.known.used.clone();
                let facts = ListFacts { id, shown, groups, used };
                Some(Facts::List(Box::new(facts), lead.clone()))
            }
            Lead::Unknown => Some(Facts::Nothing),
        }
    }
}

/// Nothing is left to be read.
pub(super) fn in_full(unread: Option<Step>) -> Result<(), Box<Step>> {
    unread.map_or(Ok(()), |step| Err(Box::new(step)))
}

/// Whether what the event touched may be public, by arithmetic alone: at a cold start the policies are still being read.
fn may_be_public(lead: &GroupLead) -> bool {
    let rules = match &lead.touched {
        Touched::Rules(rules) => rules,
        Touched::Unknown(_) => return true,
        // Most are clean, and cost one read.
        Touched::Attached(_) => return false,
    };
    let public = |net: ipnet::IpNet| Sources::new([net]).count().any();
    rules.iter().any(|rule| match rule.shape.as_ref().map(|shape| &shape.source) {
        Some(Source::Ipv4(net)) => public((*net).into()),
        Some(Source::Ipv6(net)) => public((*net).into()),
        Some(Source::Group(_)) => false,
        Some(Source::PrefixList(_) | Source::Unreadable(_)) | None => true,
    })
}
