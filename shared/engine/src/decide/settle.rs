//! Why a finding is not remediated, though it could be.

use super::context::DecisionContext;
use crate::action::{Because, Remedy};
use crate::event::Event;
use crate::exceptions::{Doubt, Inquiry};
use crate::facts::GroupFacts;
use crate::finding::Finding;
use crate::settings::Mode;

/// Findings for which a policy could not be asked are not remediated: it might have suppressed them. Where nothing was
/// called, a finding for a person says so too.
pub(super) fn doubt(findings: &mut [Finding], asked: &Inquiry<'_>) {
    for finding in findings {
        match asked.doubt(finding) {
            None => {}
            Some(Doubt::NotKnown) => leave_open(finding, Because::ExceptionsNotKnown),
            Some(Doubt::CallerNotKnown) => {
                leave_open(finding, Because::CallerNotKnown);
                if let Remedy::Manual { because, .. } = &mut finding.remedy {
                    *because = Because::CallerNotKnown;
                }
            }
            Some(Doubt::TagsNotKnown) => leave_open(finding, Because::TagsNotKnown),
            Some(Doubt::Unreadable(why)) => {
                leave_open(finding, Because::ExceptionsUnreadable(why.clone()));
            }
        }
    }
}

/// Findings in a protected group are not remediated. Tags that could not be read protect nothing here: then IAM
/// refuses the revoke, and the alert says that it failed.
pub(super) fn protect(finding: &mut Finding, group: &GroupFacts) {
    if group.is_protected() {
        leave_open(finding, Because::Protected);
    }
}

/// Applies what holds for every finding. Only the account that owns a group can change it, so a finding in a shared
/// group is manual. Whoever only looks remediates nothing, nor does observe mode.
pub(super) fn settle(
    finding: &mut Finding,
    event: &Event,
    owner: Option<&str>,
    context: &DecisionContext<'_>,
) {
    if let Some(owner) = owner
        && owner != event.account
        && let Remedy::Do(action) = &finding.remedy
    {
        let because = Because::OtherOwner(owner.to_owned());
        finding.remedy = Remedy::Manual { action: Some(action.clone()), because };
    }
    if context.only_looks {
        leave_open(finding, Because::Audit);
    }
    if context.mode == Mode::Observe {
        leave_open(finding, Because::Observe);
    }
}

pub(super) fn leave_open(finding: &mut Finding, because: Because) {
    if let Remedy::Do(action) = &finding.remedy {
        finding.remedy = Remedy::NotRemediated { action: action.clone(), because };
    }
}
