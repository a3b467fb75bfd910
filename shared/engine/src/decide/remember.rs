//! What the ledger changes.

use super::decision::Decision;
use super::judge::Judge;
use super::settle::leave_open;
use crate::action::Per;
use crate::event::Event;
use crate::ledger::{Histories, History};
use crate::limits::{Room, limit};
use crate::severity::{Reaches, judge};

/// Applies the ledger to a decision: snoozed findings become suppressed, findings that another invocation has leased
/// are removed, and flapping or over-limit ones are not remediated.
pub(super) fn remember(
    decision: &mut Decision,
    event: &Event,
    reaches: &Reaches,
    judged: &Judge<'_>,
) {
    let Judge { memory, limits, by, now, .. } = *judged;
    let mut histories = Histories::new(memory, event, by, limits.comebacks_per_hour, now);
    let Decision { findings, tolerated, leased, notes, subject, .. } = decision;
    findings.retain_mut(|finding| {
        if let Some(snoozed) = memory.snoozed(finding, now) {
            tolerated.push(snoozed);
            return false;
        }
        match histories.of(finding, subject, event) {
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
    // What an earlier attempt at this event revoked counts once: a retry may finish what the first attempt began.
    let free = memory.tried(event);
    let most = limits.actions_per_event;
    let room = Room { most, per: Per::Event, used: free.len(), free: &free };
    let severities = judge(findings, reaches);
    limit(findings, &severities, room);
}
