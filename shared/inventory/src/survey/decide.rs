//! Deciding: a case for each subject. All of a batch go on until they lack something; that is read for all at once.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::case::{Answered, Case, Cause, Channel, Fact, Read, Step};
use portcullis_engine::event::Event;
use portcullis_engine::ledger::{Wanted, shape};
use portcullis_engine::report::Report;
use portcullis_engine::time::seconds;

use super::region::Region;

impl<'a> Region<'a> {
    /// A case about something that is there, with what is known of it.
    pub(super) fn case(&self, event: Event, known: Vec<Fact>) -> Case<'a> {
        let mut case = Case::looking(self.survey.place.cause.clone(), event, self.survey.policy);
        known.into_iter().for_each(|fact| case.answer(Answered::Fact(fact)));
        if self.survey.place.cause == Cause::Sweep {
            let snoozes = self.snoozes.borrow().clone();
            case.answer(Answered::Fact(Fact::Ledger(Wanted::default(), Ok(snoozes))));
        }
        case
    }

    /// What is to be told of each, if anything is.
    pub(super) async fn decide(&self, cases: Vec<Case<'a>>) -> Vec<Report> {
        let mut open: Vec<(Case<'a>, Vec<Read>)> =
            cases.into_iter().map(|case| (case, Vec::new())).collect();
        let (mut reports, mut facts) = (Vec::new(), BTreeMap::new());
        while !open.is_empty() {
            let (mut waiting, mut wanted) = (Vec::new(), BTreeSet::new());
            for (mut case, lacked) in open {
                for fact in lacked.iter().filter_map(|read| facts.get(read)) {
                    case.answer(Answered::Fact(Fact::clone(fact)));
                }
                match self.advance(&mut case) {
                    Some(lacks) => {
                        wanted.extend(lacks.iter().cloned());
                        waiting.push((case, lacks));
                    }
                    None => reports.extend(case.report().cloned()),
                }
            }
            wanted.retain(|read| !facts.contains_key(read));
            facts.extend(self.read(wanted).await);
            open = waiting;
        }
        reports.retain(|report| !report.findings.is_empty() || !report.suppressed.is_empty());
        reports
    }

    /// Notes for the sweep what was decided about: of that it is known what is not at fault.
    fn note(&self, case: &Case<'a>) {
        if self.survey.place.cause != Cause::Sweep {
            return;
        }
        let mut looked = self.looked.borrow_mut();
        if let Some(group) = case.group() {
            looked.add_group(&group.id, group.rules.iter().map(shape).collect());
        }
        if let Some(cache) = case.cache() {
            looked.add_cache(&cache);
        }
    }

    /// Goes on until it lacks something: what. `None` when it is over.
    fn advance(&self, case: &mut Case<'a>) -> Option<Vec<Read>> {
        let now = seconds(&self.survey.place.time);
        loop {
            match case.next(now) {
                Step::Read { decide, inform, .. } => {
                    let lacks: Vec<Read> = decide.into_iter().chain(inform).collect();
                    if !lacks.is_empty() {
                        return Some(lacks);
                    }
                    case.answer(Answered::Waited);
                }
                Step::Wait(_) => case.answer(Answered::Waited),
                Step::Notify(_) => case.answer(Answered::Notified(Ok(Channel::Alert))),
                Step::Done(_) => {
                    self.note(case);
                    return None;
                }
                Step::Fail(why) => {
                    self.calls.undecided(why);
                    return None;
                }
                // INVARIANT: a case of this cause has none of these steps; whoever looks carries none of them out.
                Step::Lease { .. } | Step::Remediate(_) | Step::Revisit(_) | Step::Record(_) => {
                    self.calls.undecided("it was to change something".to_owned());
                    return None;
                }
            }
        }
    }
}
