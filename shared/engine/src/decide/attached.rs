//! Rules that are older than the call: it put their group before something. Who opened them did so long ago, and who
//! called now chose the group.
//!
//! INVARIANT: such a rule is revoked only where nothing else carries its group, so that nobody else can depend on it; and
//! only if the ledger does not have it as open already, for then it may have been there before the call.

use super::decision::Decision;
use super::settle::leave_open;
use crate::action::{Because, Detach, Remedy};
use crate::event::{Carrier, Event};
use crate::facts::{GroupFacts, Interface, Interfaces};
use crate::finding::Finding;
use crate::ledger::{Key, Memory};
use crate::severity::{Reaches, rate};

/// Leaves a finding to a person where something carries its group besides `ours`.
pub(super) fn leave_open_what_others_carry(
    finding: &mut Finding,
    group: &GroupFacts,
    ours: impl Fn(&Interface) -> bool,
) {
    let Remedy::Do(action) = &finding.remedy else { return };
    let because = match &group.interfaces {
        Interfaces::NotRead => Because::SharingUnknown("its interfaces were not read".to_owned()),
        Interfaces::Unknown(why) => Because::SharingUnknown(why.clone()),
        Interfaces::Read(interfaces) => {
            let others = interfaces.iter().filter(|interface| !ours(interface));
            let others: Vec<String> =
                others.map(|other| format!("{} ({})", other.id, other.kind)).collect();
            if others.is_empty() {
                return;
            }
            let ours: Vec<&Interface> = interfaces.iter().filter(|one| ours(one)).collect();
            Because::OthersCarry { others, detach: detach(&group.id, &ours) }
        }
    };
    finding.remedy = Remedy::Manual { action: Some(action.clone()), because };
}

/// How the group is taken off again; `None` where that is more than one interface, or one of a service, or would leave no
/// group.
fn detach(group: &str, ours: &[&Interface]) -> Option<Detach> {
    let [interface] = ours else { return None };
    let keep: Vec<String> =
        interface.groups.iter().filter(|carried| *carried != group).cloned().collect();
    let detaches = !keep.is_empty() && !interface.of_cache;
    detaches.then(|| Detach { interface: interface.id.clone(), keep })
}

/// Judges what was found in a group that a call put before something. A rule goes only where nothing else carries its
/// group. What EC2 does not show the group on is waited for while the call is young, and then it is not there any more.
pub(super) fn judge(
    findings: &mut Vec<Finding>,
    group: &GroupFacts,
    carrier: &Carrier,
    is_young: bool,
) -> Option<String> {
    if let Carrier::Vpc(vpc) = carrier {
        for finding in findings {
            if let Remedy::Do(action) = &finding.remedy {
                let because = Because::OnlyAssociated(vpc.clone());
                finding.remedy = Remedy::Manual { action: Some(action.clone()), because };
            }
        }
        return None;
    }
    let is_missing = match &group.interfaces {
        Interfaces::Read(interfaces) => !interfaces.iter().any(|one| carrier.is(one)),
        Interfaces::NotRead | Interfaces::Unknown(_) => false,
    };
    if is_missing && !is_young && !findings.is_empty() {
        findings.clear();
        return Some(format!("{carrier} does not carry {} any more", group.id));
    }
    for finding in findings {
        if is_missing {
            finding.remedy =
                Remedy::Pending(format!("EC2 does not show the group on {carrier} yet"));
        } else {
            leave_open_what_others_carry(finding, group, |one| carrier.is(one));
        }
    }
    None
}

/// Leaves open what was reported as open before, and not as less severe: the record does not say which groups were there
/// before the call, so these count as such. What got worse since came with it.
pub(super) fn leave_what_was_there(
    decision: &mut Decision,
    event: &Event,
    reaches: &Reaches,
    memory: &Memory,
) {
    let Decision { findings, subject, .. } = decision;
    let ratings = rate(findings, reaches);
    for (finding, rating) in findings.iter_mut().zip(ratings) {
        if memory.was_open_before(&Key::of(finding, subject), event, rating) {
            leave_open(finding, Because::NotTouched);
        }
    }
}
