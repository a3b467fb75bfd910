//! One event, from its delivery to its record: what is known and what is done decides the next step.
//!
//! [`Case::next`] says what to do, [`Case::answer`] hands in what came of it. Both are total: an answer that nobody
//! asked for is noted and harmless, a step without an answer comes again, and after [`STEPS`] steps the case fails. A step
//! is data, so that the functions, the model of an account, the corpus and `portcullis explain` drive the same case.

mod again;
mod finish;
mod grant;
mod known;
mod lists;
mod look;
mod revisit;
mod step;
mod together;

use std::collections::BTreeSet;

use crate::action::{AllGranted, Outcomes};
use crate::decide::Decision;
use crate::event::{Event, RevisitRef};
use crate::exceptions::Exceptions;
use crate::ledger::{Entry, Key, Leased, Why};
use crate::report::Report;
use crate::settings::Settings;
use crate::sweep::Closing;
use crate::time::HOUR;
use again::Arrangement;
pub use finish::words;
use known::Known;
pub use step::{
    Answered, Arranged, CacheShown, Channel, Count, Counted, Fact, Notification, Read, Shown, Step,
    Summary, Written,
};

/// After so many steps something answers wrongly, or not at all. The usual event has seven.
pub const STEPS: u32 = 100;

/// What a case depends on that outlives every event.
#[derive(Debug, Clone, Copy)]
pub struct PolicyContext<'a> {
    /// The settings of the function.
    pub settings: &'a Settings,
    /// What is suppressed.
    pub exceptions: &'a dyn Exceptions,
}

/// What began a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// An API call.
    Call,
    /// A time that was arranged: the ledger has the event.
    Revisit {
        /// The subject of the event, as the record has it.
        subject: String,
        /// The id of the event.
        event: String,
    },
    /// An API call that an archive of EventBridge delivered once more. Unless it is younger than [`REPLAYED`], it is only
    /// looked at: nothing is leased, remediated, reported or recorded.
    Replay,
    /// An API call that nothing had delivered: the sweep found it in the event history.
    Redelivered,
    /// Nothing: an audit looks at what is there. Every rule of the subject is in question, it is not known who called, and
    /// nothing is leased, remediated or recorded.
    Audit,
    /// The same for the sweep of the stack, which knows the snoozes. What is recorded and told of all that a run found,
    /// [`sweep`](crate::sweep) says.
    Sweep,
    /// Nothing: the sweep closes what is older. Only these findings are remediated, and what is left open is for the next run.
    Closing {
        /// Their keys.
        only: BTreeSet<Key>,
    },
}

impl Cause {
    /// Whether nothing was called: it is only looked.
    pub fn only_looks(&self) -> bool {
        matches!(self, Self::Audit | Self::Sweep)
    }

    /// The word of a cause for ids.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Revisit { .. } => "revisit",
            Self::Replay => "replay",
            Self::Redelivered => "redelivered",
            Self::Audit => "audit",
            Self::Sweep => "sweep",
            Self::Closing { .. } => "closing",
        }
    }
}

/// An event that is replayed acts while it is so young, in seconds: then it is a delivery that came late.
pub const REPLAYED: i64 = HOUR;

/// One event, from its delivery to its record.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    policy: PolicyContext<'a>,
    cause: Cause,
    /// `None` until the record of a revisit is read.
    event: Option<Event>,
    /// Why it is looked at again, as the record of a revisit has it.
    why: Option<Why>,
    /// Who leases: the id of the invocation, the same in Lambda's retries of it.
    invocation: String,
    known: Known,
    /// How often it started over, because another invocation held a lease or wrote meanwhile.
    rounds: usize,
    /// How often it looked again for what was not shown.
    looks: usize,
    steps: u32,
    /// How often it waited for what informs: before it decides, before it leases, and before it tells.
    waited: Waited,
    /// What was counted of this minute, this event included: once an invocation.
    counted: Option<Counted>,
    /// How many revokes of that are this event's.
    own: usize,
    /// How many rules this process revoked in this minute before: the limit, where the minute cannot be counted.
    spent: usize,
    /// What is to be looked at again.
    again: Arrangement,
    /// What is being leased.
    leasing: Option<Leasing>,
    /// What is carried out; `None` while it looks.
    plan: Option<Plan>,
    /// What was carried out before the rules of other groups were known.
    first: Option<Box<Plan>>,
    /// Whether the group was judged with them.
    judged_together: bool,
}

/// What informs is waited for once by each.
#[derive(Debug, Clone, Copy, Default)]
struct Waited {
    /// A policy that asks for it.
    policy: bool,
    /// The entries of known networks.
    networks: bool,
    /// A lease of what is not remediated.
    lease: bool,
    /// What is still open in the ledger.
    open: bool,
    /// The report; and once more for whose VPCs they are.
    report: u8,
    /// The servers behind a rule.
    servers: bool,
    /// Those that had not answered when it was told.
    late: bool,
}

#[derive(Debug, Clone)]
struct Leasing {
    decision: Decision,
    leased: Leased,
    written: Option<Written>,
}

/// What was decided and leased, and how far it is carried out: what is `None` is left to do.
#[derive(Debug, Clone)]
struct Plan {
    decision: Decision,
    leased: Leased,
    /// Why the ledger was not there.
    unremembered: Option<String>,
    /// Why an earlier attempt may have done what nothing but the ledger tells: then the event has to come again.
    only_the_ledger: Option<String>,
    /// What was done without the ledger is being recorded all the same.
    afterwards: bool,
    /// It is chosen what the known networks get.
    is_granted: bool,
    granted: AllGranted,
    outcomes: Option<Outcomes>,
    report: Option<Report>,
    notified: Option<Result<Channel, String>>,
    /// A message of its own was refused, and the digest was tried.
    later: bool,
    /// The servers that had not answered when it was told; none once they are told.
    unanswered: Vec<String>,
    /// The second message is sent, whatever came of it.
    is_told_again: bool,
    /// What is to be recorded, once it is known.
    entries: Option<Vec<Entry>>,
    /// How often others wrote what was to be recorded.
    conflicts: usize,
    recorded: Option<Written>,
}

impl<'a> Case<'a> {
    /// A new event. `invocation` is the same in each try of it by the same invocation.
    pub fn new(event: Event, invocation: &str, policy: PolicyContext<'a>) -> Self {
        Self::of(Cause::Call, Some(event), invocation, policy)
    }

    /// An event that an archive delivered once more.
    pub fn replayed(event: Event, invocation: &str, policy: PolicyContext<'a>) -> Self {
        Self::of(Cause::Replay, Some(event), invocation, policy)
    }

    /// An event that the sweep delivers, because nothing else did.
    pub fn redelivered(event: Event, invocation: &str, policy: PolicyContext<'a>) -> Self {
        Self::of(Cause::Redelivered, Some(event), invocation, policy)
    }

    /// An event that is looked at again.
    pub fn revisit(named: &RevisitRef, invocation: &str, policy: PolicyContext<'a>) -> Self {
        let RevisitRef { subject, event, .. } = named.clone();
        Self::of(Cause::Revisit { subject, event }, None, invocation, policy)
    }

    /// Something that is there, by the event that [`scan`](crate::scan) makes of it. What is read of it already is handed in
    /// by [`Case::answer`] before the first step.
    pub fn looking(cause: Cause, event: Event, policy: PolicyContext<'a>) -> Self {
        let mut case = Self::of(cause, Some(event), "", policy);
        case.known = Known::without_ledger();
        case
    }

    /// Older faults that a run of the sweep closes: all is read fresh.
    pub fn closing(closing: &Closing, invocation: &str, policy: PolicyContext<'a>) -> Self {
        let Closing { event, keys } = closing.clone();
        Self::of(Cause::Closing { only: keys }, Some(event), invocation, policy)
    }

    fn of(cause: Cause, event: Option<Event>, invocation: &str, policy: PolicyContext<'a>) -> Self {
        Self {
            policy,
            cause,
            event,
            why: None,
            invocation: invocation.to_owned(),
            known: Known::default(),
            rounds: 0,
            looks: 0,
            steps: 0,
            waited: Waited::default(),
            counted: None,
            own: 0,
            spent: 0,
            again: Arrangement::default(),
            leasing: None,
            plan: None,
            first: None,
            judged_together: false,
        }
    }

    /// The same in a process that revoked so many rules in this minute before.
    #[must_use]
    pub fn after(self, spent: usize) -> Self {
        Self { spent, ..self }
    }

    /// What to do next. `now` is in seconds since 1970.
    pub fn next(&mut self, now: i64) -> Step {
        self.steps += 1;
        if self.steps > STEPS {
            return Step::Fail(format!("it is not over after {STEPS} steps"));
        }
        if let Some(step) = self.open() {
            return step;
        }
        match (&self.plan, &self.first) {
            (Some(_), _) => self.finish(now),
            (None, Some(_)) => self.lease_together(now),
            (None, None) => self.look(now),
        }
    }

    /// What came of the step.
    pub fn answer(&mut self, answered: Answered) {
        match answered {
            Answered::Fact(fact) => self.known.note(fact),
            Answered::Waited => {}
            Answered::Leased { written, counted } => {
                self.counted = self.counted.or(counted);
                if let Some(leasing) = &mut self.leasing {
                    leasing.written = Some(written);
                }
            }
            Answered::Granted(granted) => {
                if let Some(plan) = self.plan.as_mut().filter(|plan| plan.outcomes.is_none()) {
                    plan.granted.extend(granted);
                }
            }
            Answered::Remediated(outcomes) => {
                if let Some(plan) = &mut self.plan {
                    plan.outcomes.get_or_insert(outcomes);
                }
            }
            Answered::Arranged(arranged) => self.again.answer(arranged),
            Answered::Notified(notified) => {
                if let Some(plan) = &mut self.plan
                    && !plan.is_told_again
                    && (!plan.later || notified.is_ok())
                {
                    plan.notified = Some(notified);
                }
            }
            Answered::Recorded(written) => {
                if let Some(plan) = &mut self.plan {
                    plan.recorded = Some(written);
                }
            }
        }
    }

    /// What is told, once it is known: for metrics and for who explains.
    pub fn report(&self) -> Option<&Report> {
        self.plan.as_ref()?.report.as_ref()
    }

    /// What was decided, once it is being leased or carried out.
    pub fn decision(&self) -> Option<&Decision> {
        let leasing = self.leasing.as_ref().map(|leasing| &leasing.decision);
        self.plan.as_ref().map(|plan| &plan.decision).or(leasing)
    }

    /// The event, once it is known.
    pub fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }
}
