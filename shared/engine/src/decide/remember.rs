//! What the ledger changes.

use super::context::DecisionContext;
use super::decision::Decision;
use super::settle::leave_open;
use crate::action::{Because, Per};
use crate::event::Event;
use crate::facts::GroupFacts;
use crate::ledger::{Histories, History, Key};
use crate::limits::{Room, limit};
use crate::severity::Reaches;
use crate::time::seconds;

/// Applies the ledger to a decision: snoozed findings become suppressed, findings that another invocation has leased
/// are removed, and flapping or over-limit ones are not remediated.
pub(super) fn remember(
    decision: &mut Decision,
    event: &Event,
    groups: &[GroupFacts],
    reaches: &Reaches,
    context: &DecisionContext<'_>,
) {
    let DecisionContext { memory, limits, by, now, .. } = *context;
    let most = limits.actions_per_event;
    // A call is judged as of its time, however late it is delivered; what is looked at again, as of now.
    let hour = if context.is_revisit { now } else { seconds(&event.time) };
    let mut histories = Histories::new(memory, event, by, limits.comebacks_per_hour, now, hour);
    let Decision { findings, suppressed, leased, notes, subject, .. } = decision;
    findings.retain_mut(|finding| {
        if let Some(snoozed) = memory.snoozed(finding, now) {
            suppressed.push(snoozed);
            return false;
        }
        match histories.of(finding, subject) {
            // A delivery before the time that is arranged is no pass: what a limit left open stays so until then.
            History::Free
                if context.waits && memory.was_left_open(&Key::of(finding, subject), event) =>
            {
                leave_open(finding, Because::TooMany { most, per: Per::Event });
            }
            History::Free => {}
            History::Leased(id) => {
                notes.push(format!(
                    "another invocation is processing {id}; this event will be retried"
                ));
                leased.push(id);
                return false;
            }
            History::Whole(whole) => *finding = *whole,
            History::Flapping(because) => leave_open(finding, because),
        }
        true
    });
    limit(findings, groups, reaches, Room { most, per: Per::Event, used: 0 });
}
