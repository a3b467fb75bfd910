//! Findings that depend on the address space of the group's VPC: whether their sources lie in it.
//!
//! The space is read only for them. A source too large to lie in a VPC is at fault whatever the space is, so the usual wide
//! rule never waits for it.

use std::collections::BTreeSet;

use super::settle::leave_open;
use crate::action::Because;
use crate::facts::{AddressSpace, GroupFacts};
use crate::finding::{Evidence, Finding, rule_of};

/// Whether it may make a difference to these findings what the space of these groups is. `is_edited`: an edit is judged by
/// what the event says as well, which the findings do not show.
pub(super) fn matters<'a>(
    groups: &[GroupFacts],
    mut findings: impl Iterator<Item = &'a Finding>,
    is_edited: bool,
) -> bool {
    let may_depend = |finding: &Finding| match &finding.evidence {
        Evidence::Rule { exposure, .. } => is_edited || exposure.may_be_of_a_vpc(),
        Evidence::UnreadableRule { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::Entries { .. }
        | Evidence::UnnamedSubject { .. }
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => false,
    };
    groups.iter().any(|group| doubt(group).is_some()) && findings.any(may_depend)
}

/// Leaves open what is found only if its sources do not lie in a VPC of the groups. `certain` is what is found if all of
/// them do that may: a rule less never makes others at fault, so that is found whatever the space is. Returns the groups
/// whose space is to be read.
pub(super) fn leave_open_what_depends(
    findings: &mut [Finding],
    gone: &[Finding],
    certain: &[Finding],
    groups: &[GroupFacts],
) -> BTreeSet<String> {
    let because = groups.iter().find_map(doubt);
    let key = |finding: &Finding| (finding.check, rule_of(finding).map(|rule| rule.id.clone()));
    let depends = |finding: &Finding| {
        matches!(finding.evidence, Evidence::Rule { .. })
            && !certain.iter().any(|certain| key(certain) == key(finding))
    };
    let depend = findings.iter().chain(gone).any(depends);
    for finding in findings.iter_mut().filter(|finding| depends(finding)) {
        because.iter().for_each(|because| leave_open(finding, because.clone()));
    }
    let unread = groups.iter().filter(|group| depend && group.space == AddressSpace::NotRead);
    unread.map(|group| group.id.clone()).collect()
}

/// Why it is not known what is local for the group, if it is not.
fn doubt(group: &GroupFacts) -> Option<Because> {
    match &group.space {
        AddressSpace::NotRead => Some(Because::SpaceUnknown("it was not read".to_owned())),
        AddressSpace::Unknown(why) => Some(Because::SpaceUnknown(why.clone())),
        AddressSpace::Read { further, .. } if further.is_empty() => None,
        AddressSpace::Read { further, .. } => {
            Some(Because::LocalInSome(further.keys().cloned().collect()))
        }
    }
}
