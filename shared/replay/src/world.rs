//! The account as it would have been with Portcullis in it: the rules that are open in fact, without those that it would
//! have closed. It drives the [`Case`] of the functions, and answers it from the history.

mod facts;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::{Answered, Case, Channel, PolicyContext, Read, Step};
use portcullis_engine::event::{Altered, CacheLead, Event, Lead, Requested, RevisitRef, YOUNG};
use portcullis_engine::ledger::shape;
use portcullis_engine::report::Report;
use portcullis_engine::time::{iso, seconds};

use crate::finding::{Finding, Life, Verdict};
use crate::history::{Effect, GroupAt, History, Place};
use crate::kept::{ReportedFinding, Shared, kept};
use crate::ledger::Ledger;
use crate::today::Today;

/// What people would have been told on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Messages {
    /// Alerts, each a mail of its own.
    pub alerts: u64,
    /// Digests, each of the alerts of a minute.
    pub digests: u64,
}

/// The number of a finding.
type Number = usize;

/// An account with Portcullis in it, with one set of exceptions.
#[derive(Debug)]
pub(crate) struct World<'a> {
    policy: PolicyContext<'a>,
    today: Option<&'a Today>,
    /// How long it takes from a call until its rule is closed, in seconds.
    delay: i64,
    ledger: Ledger,
    /// When rules would have been closed, by their ids.
    closed: HashMap<(GroupAt, String), i64>,
    caches: HashMap<(Place, String), (CacheLead, Requested)>,
    findings: Vec<Finding>,
    shared: Shared,
    /// The findings of an event, by the hash of its place and id: of few others too.
    of_events: HashMap<u64, Vec<Number>>,
    /// The findings about a rule that is open in fact, or about a cache that is there.
    open: HashMap<(GroupAt, String), Vec<Number>>,
    /// The findings about a rule of a shape that was closed last.
    shapes: HashMap<(GroupAt, String), Vec<Number>>,
    pub(crate) told: BTreeMap<String, Messages>,
    digested: HashMap<Place, String>,
    /// Events without a finding about groups whose rules are not all known.
    pub(crate) partly_known: u64,
    /// Events that would have ended in the on-failure queue: why.
    pub(crate) failed: Vec<(String, String)>,
}

/// One look at an event.
struct Look<'w> {
    place: Place,
    now: i64,
    history: &'w History,
    /// What was taken from today.
    used: RefCell<BTreeSet<&'static str>>,
}

impl<'w> Look<'w> {
    fn new(place: Place, now: i64, history: &'w History) -> Self {
        Self { place, now, history, used: RefCell::default() }
    }
}

impl<'a> World<'a> {
    pub(crate) fn new(policy: PolicyContext<'a>, delay: i64, today: Option<&'a Today>) -> Self {
        Self {
            policy,
            today,
            delay,
            ledger: Ledger::default(),
            closed: HashMap::new(),
            caches: HashMap::new(),
            findings: Vec::new(),
            shared: Shared::default(),
            of_events: HashMap::new(),
            open: HashMap::new(),
            shapes: HashMap::new(),
            told: BTreeMap::new(),
            digested: HashMap::new(),
            partly_known: 0,
            failed: Vec::new(),
        }
    }

    /// Notes what became of rules in fact.
    pub(crate) fn note(&mut self, effect: &Effect, at: i64, by: &str) {
        for (group, rule) in &effect.edited {
            // Somebody edited a rule that would have been closed: they would have opened it again.
            self.closed.remove(&(group.clone(), rule.clone()));
        }
        for key in &effect.opened {
            for one in self.shapes.remove(key).unwrap_or_default() {
                if let Some(finding) = self.findings.get_mut(one) {
                    finding.life.again = Some(at);
                }
            }
        }
        for (group, rule) in &effect.closed {
            self.closed.remove(&(group.clone(), rule.id.clone()));
            let ended = self.end(&(group.clone(), rule.id.clone()), at, by);
            self.shapes.insert((group.clone(), shape(rule)), ended);
        }
    }

    /// A cache is gone.
    pub(crate) fn cache_deleted(&mut self, place: &Place, id: &str, at: i64, by: &str) {
        self.caches.remove(&(place.clone(), id.to_owned()));
        self.end(&(place.group(id), String::new()), at, by);
    }

    fn end(&mut self, key: &(GroupAt, String), at: i64, by: &str) -> Vec<Number> {
        let ended = self.open.remove(key).unwrap_or_default();
        let by: Arc<str> = by.into();
        for one in &ended {
            if let Some(finding) = self.findings.get_mut(*one) {
                finding.life = Life { closed: Some((at, Arc::clone(&by))), again: None };
            }
        }
        ended
    }

    /// All findings, in the order of time.
    pub(crate) fn findings(&mut self) -> Vec<Finding> {
        let mut findings = std::mem::take(&mut self.findings);
        findings.shrink_to_fit();
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        findings
    }

    /// What is looked at again by then.
    ///
    /// # Errors
    ///
    /// If the ledger's temporary files cannot be read or written.
    pub(crate) fn catch_up(&mut self, history: &History, by: i64) -> io::Result<()> {
        while let Some((place, record)) = self.ledger.next_due(by)? {
            let now = record.due;
            let named = RevisitRef {
                subject: record.subject.clone(),
                event: record.event.clone(),
                due: iso(now),
            };
            let case = Case::revisit(&named, &format!("{}-{now}", record.event), self.policy);
            self.drive(case, &Look::new(place, now, history));
        }
        self.ledger.broken.take().map_or(Ok(()), Err)
    }

    /// Decides about an event.
    pub(crate) fn event(
        &mut self,
        history: &History,
        place: Place,
        event: &Event,
        asked: &Requested,
    ) {
        if let Lead::Cache(lead) = &event.lead {
            let key = (place.clone(), lead.id.clone());
            let known = self.caches.remove(&key);
            self.caches.insert(key, told_with(known, lead, asked));
        }
        // No record tells which entries a prefix list had.
        if matches!(event.lead, Lead::List(_)) {
            return;
        }
        let case = Case::new(event.clone(), &event.id, self.policy);
        // A record says at once what Describe shows for certain only after some minutes.
        let is_late = |altered: Altered| altered.transit || altered.authentication;
        let late = match &event.lead {
            Lead::Cache(lead) if lead.altered.is_some_and(is_late) => YOUNG,
            Lead::Cache(_) | Lead::Group(_) | Lead::List(_) | Lead::Unknown => 0,
        };
        let now = seconds(&event.time).saturating_add(late);
        self.drive(case, &Look::new(place, now, history));
    }

    fn drive(&mut self, mut case: Case<'_>, look: &Look<'_>) {
        let (place, now) = (&look.place, look.now);
        let tell = |case: &mut Case<'_>, world: &Self, reads: &[Read]| {
            for read in reads {
                case.answer(Answered::Fact(world.read(look, read)));
            }
        };
        loop {
            match case.next(now) {
                Step::Read { decide, inform, .. } => {
                    tell(&mut case, self, &decide);
                    tell(&mut case, self, &inform);
                    case.answer(Answered::Waited);
                }
                Step::Lease { entries, count, inform, .. } => {
                    tell(&mut case, self, &inform);
                    let written = self.ledger.write(place, entries);
                    let counted = count.map(|count| self.ledger.count(place, &count));
                    case.answer(Answered::Leased { written, counted });
                }
                Step::Remediate(actions) => {
                    let outcomes = self.remediate(look, &actions);
                    case.answer(Answered::Remediated(outcomes));
                }
                Step::Revisit(revisit) => {
                    let arranged = self.ledger.arrange(place, &revisit);
                    case.answer(Answered::Arranged(arranged));
                }
                Step::Notify(notification) => {
                    self.tell(place, now, notification.channel);
                    case.answer(Answered::Notified(Ok(notification.channel)));
                }
                Step::Record(entries) => {
                    let written = self.ledger.write(place, entries);
                    case.answer(Answered::Recorded(written));
                }
                Step::Wait(_) => case.answer(Answered::Waited),
                Step::Done(_) => break,
                Step::Fail(why) => {
                    let event = case.event().map(|event| event.id.clone()).unwrap_or_default();
                    self.failed.push((event, why));
                    break;
                }
            }
        }
        if let (Some(event), Some(report)) = (case.event(), case.report()) {
            self.keep(look, event, report);
        }
    }

    fn tell(&mut self, place: &Place, now: i64, channel: Channel) {
        let time = iso(now);
        let part = |end: usize| time.get(..end).unwrap_or_default().to_owned();
        let told = self.told.entry(part("2026-11-21".len())).or_default();
        match channel {
            Channel::Alert => told.alerts += 1,
            Channel::Digest | Channel::Later => {
                let minute = part("2026-11-21T10:00".len());
                if self.digested.insert(place.clone(), minute.clone()) != Some(minute) {
                    told.digests += 1;
                }
            }
        }
    }

    fn remediate(&mut self, look: &Look<'_>, actions: &[Action]) -> Outcomes {
        let mut outcomes = Outcomes::new();
        for action in actions {
            let outcome = match action {
                Action::RevokeIngress { group, rule, .. } => {
                    let key = (look.place.group(group), rule.id.clone());
                    self.closed.insert(key, look.now.saturating_add(self.delay));
                    Outcome::Done(None)
                }
                Action::StartRecreation(start) => Outcome::Started(start.execution()),
                Action::RemoveEntries(_) => Outcome::Done(None),
            };
            outcomes.insert(action.id().to_owned(), outcome);
        }
        outcomes
    }

    /// Keeps what came of an event; what comes of a revisit takes the place of what was there.
    fn keep(&mut self, look: &Look<'_>, event: &Event, report: &Report) {
        let as_of_today: Vec<&str> = look.used.borrow().iter().copied().collect();
        let closes = look.now.saturating_add(self.delay);
        let mut shared = std::mem::take(&mut self.shared);
        let is_whole = |id: &str| self.is_whole(look, id) || self.older(look, id).is_some();
        let is_known = is_whole(&report.decision.subject.id);
        let place = &look.place;
        let kept = kept(&mut shared, place, event, report, closes, &is_whole, &as_of_today);
        self.shared = shared;
        if kept.is_empty() && matches!(event.lead, Lead::Group(_)) && !is_known {
            self.partly_known += 1;
        }
        for ReportedFinding { finding, is_gone } in kept {
            let mut hasher = DefaultHasher::new();
            (&finding.place, &finding.event).hash(&mut hasher);
            let hash = hasher.finish();
            let found = |is: &dyn Fn(&Finding, &Finding) -> bool| {
                let of_event = self.of_events.get(&hash)?;
                let is_it =
                    |one: &usize| self.findings.get(*one).is_some_and(|one| is(one, &finding));
                of_event.iter().copied().find(is_it)
            };
            if is_gone && found(&was_left_open).is_some() {
                continue;
            }
            match found(&is_same).and_then(|number| self.findings.get_mut(number)) {
                Some(before) if before.verdict == Verdict::Closed => {}
                // The facts of its life stay.
                Some(before) => {
                    let life = std::mem::take(&mut before.life);
                    *before = Finding { life, ..finding };
                }
                None => {
                    let (number, rule) = (self.findings.len(), finding.rule.clone());
                    let key = (look.place.group(finding.about()), rule.unwrap_or_default());
                    self.open.entry(key).or_insert_with(|| Vec::with_capacity(1)).push(number);
                    let of_event = self.of_events.entry(hash);
                    of_event.or_insert_with(|| Vec::with_capacity(1)).push(number);
                    self.findings.push(finding);
                }
            }
        }
    }
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    one.order() == other.order()
}

/// Whether the one was left open for a while, so that it is a fact of its life if somebody else removed it since. A rule
/// without an id is known by its words.
fn was_left_open(one: &Finding, other: &Finding) -> bool {
    matches!(one.verdict, Verdict::Limit | Verdict::Flapping)
        && (one.check, &one.evidence) == (other.check, &other.evidence)
        && (&one.place, &one.event) == (&other.place, &other.event)
        && one.about() == other.about()
}

/// What is told of a cache by now: a call that changes one says only what it changes.
fn told_with(
    known: Option<(CacheLead, Requested)>,
    lead: &CacheLead,
    asked: &Requested,
) -> (CacheLead, Requested) {
    let (Some(altered), Some((before, told))) = (lead.altered, known) else {
        return (lead.clone(), asked.clone());
    };
    let groups = if altered.groups { &lead.security_groups } else { &before.security_groups };
    let lead = CacheLead { security_groups: groups.clone(), ..before };
    let asked = Requested {
        transit_encryption: asked.transit_encryption.or(told.transit_encryption),
        plaintext_too: if altered.transit { asked.plaintext_too } else { told.plaintext_too },
        authentication: asked.authentication.or(told.authentication),
        ..told
    };
    (lead, asked)
}
