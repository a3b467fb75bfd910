//! Rules that are gone, by what the event says of them.

use crate::action::{Action, Grants, Remedy};
use crate::event::RuleLead;
use crate::facts::{IngressRule, Source};
use crate::finding::{Evidence, Finding};

/// A rule that is gone, as the event describes it; `None` if the event has only its id.
pub(super) fn as_told(lead: &RuleLead) -> Option<IngressRule> {
    let shape = lead.shape.clone()?;
    Some(IngressRule {
        id: lead.to_string(),
        protocol: shape.protocol,
        from_port: shape.from_port,
        to_port: shape.to_port,
        source: shape.source,
        description: None,
        tags: Vec::new(),
    })
}

pub(super) fn is_among(leads: &[RuleLead], rule: &IngressRule) -> bool {
    leads.iter().any(|lead| lead.to_string() == rule.id)
}

/// Whether nothing but a read of the rule can tell whether it is at fault: the event has only its id, or its source is
/// a list that was not read.
pub(super) fn cannot_be_judged(lead: &RuleLead) -> bool {
    match lead.shape.as_ref().map(|shape| &shape.source) {
        None | Some(Source::PrefixList(_) | Source::Unreadable(_)) => true,
        Some(Source::Ipv4(_) | Source::Ipv6(_) | Source::Group(_)) => false,
    }
}

/// The findings about rules that are gone, as already removed; without the other findings.
pub(super) fn told_as_gone(mut findings: Vec<Finding>, missing: &[RuleLead]) -> Vec<Finding> {
    findings.retain_mut(|finding| match &finding.evidence {
        Evidence::Rule { group, rule, .. } if is_among(missing, rule) => {
            let (group, rule) = (group.clone(), rule.clone());
            finding.remedy =
                Remedy::Gone(Action::RevokeIngress { group, rule, grants: Grants::default() });
            true
        }
        // Prefix lists of rules that are gone were not read, so nothing can be said about such a rule.
        Evidence::Rule { .. }
        | Evidence::UnreadableRule { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::Entries { .. }
        | Evidence::UnnamedSubject { .. }
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => false,
    });
    findings
}
