//! What a case reads of the account before it does anything.

use portcullis_engine::action::Outcomes;
use portcullis_engine::case::{Answered, Case, PolicyContext, Read, Step, Written};
use portcullis_engine::event::{CacheLead, GroupLead, Lead};
use portcullis_engine::facts::{CacheFacts, GroupFacts};
use portcullis_engine::settings::Mode;

use super::{Account, event_on};
use crate::gather::gather;

/// How far a case looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// It can decide.
    Decided,
    /// It has read everything.
    Leased,
}

/// What is known of the group or the cache.
type Known = (Option<GroupFacts>, Option<CacheFacts>);

impl Account {
    /// The group that an event is about, as far as a case has to read it to decide; `None` if it is gone.
    pub(crate) async fn group(&self, lead: &GroupLead) -> Result<Option<GroupFacts>, String> {
        Ok(self.looked(Lead::Group(lead.clone()), Until::Decided).await?.0)
    }

    /// The same with everything that is read around it.
    pub(crate) async fn whole_group(&self, lead: &GroupLead) -> GroupFacts {
        let read = self.looked(Lead::Group(lead.clone()), Until::Leased).await;
        read.expect("the group can be read").0.expect("the group is there")
    }

    /// The cache that an event is about; `None` if it is gone.
    pub(crate) async fn cache(&self, lead: &CacheLead) -> Result<Option<CacheFacts>, String> {
        Ok(self.looked(Lead::Cache(lead.clone()), Until::Decided).await?.1)
    }

    async fn looked(&self, lead: Lead, until: Until) -> Result<Known, String> {
        let shell = self.shell(Mode::Enforce);
        let (settings, exceptions) = (&shell.settings, shell.exceptions.as_ref());
        let mut case = Case::new(event_on(lead), "r-1", PolicyContext { settings, exceptions });
        loop {
            match case.next((shell.now)()) {
                Step::Read { decide, inform, .. } => {
                    let mut reads = decide.iter().chain(&inform);
                    let around = reads.any(|read| matches!(read, Read::Interfaces(_)));
                    if until == Until::Decided && around {
                        return Ok((case.group(), case.cache()));
                    }
                    let inform = inform.iter().filter(|_| until == Until::Leased);
                    for read in decide.iter().chain(inform) {
                        case.answer(Answered::Fact(gather(&shell, read).await));
                    }
                }
                Step::Wait(pause) => tokio::time::sleep(pause).await,
                Step::Fail(why) => return Err(why),
                Step::Lease { inform, .. } if until == Until::Leased => {
                    for read in &inform {
                        case.answer(Answered::Fact(gather(&shell, read).await));
                    }
                    let (written, counted) = (Written::All, None);
                    case.answer(Answered::Leased { written, counted });
                }
                Step::Remediate(_) => case.answer(Answered::Remediated(Outcomes::new())),
                Step::Done(_)
                | Step::Lease { .. }
                | Step::Revisit(_)
                | Step::Notify(_)
                | Step::Record(_) => {
                    return Ok((case.group(), case.cache()));
                }
            }
        }
    }
}
