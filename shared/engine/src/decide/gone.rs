//! Rules that are gone, by what the event says of them.

use crate::action::{Action, Remedy};
use crate::event::RuleLead;
use crate::facts::IngressRule;
use crate::finding::{Evidence, Finding};

/// A rule that is gone, if the event tells what it was.
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
    leads.iter().any(|lead| lead.id.as_ref() == Some(&rule.id))
}

/// Of the findings those about rules that are gone, as that.
pub(super) fn told_as_gone(mut findings: Vec<Finding>, missing: &[RuleLead]) -> Vec<Finding> {
    findings.retain_mut(|finding| match &finding.evidence {
        Evidence::Rule { group, rule, .. } if is_among(missing, rule) => {
            let (group, rule) = (group.clone(), rule.clone());
            finding.remedy = Remedy::Gone(Action::RevokeIngress { group, rule });
            true
        }
        // What a list held that nobody names any more was not read.
        Evidence::Rule { .. }
        | Evidence::UnreadableRule { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::Port { .. }
        | Evidence::Setting { .. } => false,
    });
    findings
}
