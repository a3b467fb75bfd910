//! `open-ingress`: an ingress rule lets the internet in.

use super::{Check, Evidence, Finding, Judged, Reach, SourceTable};
use crate::action::Remedy;
use crate::facts::GroupFacts;
use crate::net::{Candidate, exposed};

/// The touched rules that let the internet in, and the touched ones that could not be evaluated.
pub fn check(group: &GroupFacts, rules: &[Judged<'_>]) -> Vec<Finding> {
    let table = SourceTable::new(group);
    let mut findings = Vec::new();
    let mut candidates = Vec::new();
    let mut behind = Vec::new();
    for (rule, touched) in rules {
        match table.of(rule) {
            Ok(Some(sources)) => {
                candidates.push(Candidate {
                    id: &rule.id,
                    protocol: &rule.protocol,
                    ports: rule.ports(),
                    sources,
                    touched: *touched,
                });
                behind.push(*rule);
            }
            Ok(None) => {}
            Err(why) if *touched => findings.push(table.unreadable(Check::OpenIngress, rule, why)),
            Err(_) => {}
        }
    }
    let mut exposed = exposed(&candidates);
    for (at, rule) in behind.into_iter().enumerate() {
        let Some(exposure) = exposed.remove(&at) else { continue };
        let reach = Reach::of(&group.interfaces);
        findings.push(Finding {
            check: Check::OpenIngress,
            severity: reach.severity(),
            remedy: Remedy::Do(table.revoke(rule)),
            evidence: Evidence::Rule {
                group: group.id.clone(),
                rule: rule.clone(),
                exposure,
                cache_port: None,
                reach,
            },
        });
    }
    findings
}
