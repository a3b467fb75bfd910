//! `open-ingress`: an ingress rule lets the internet in.

use std::collections::BTreeMap;

use super::{GroupRule, SourceTable};

use crate::finding::{Check, Evidence, Finding};

use crate::action::Remedy;
use crate::exceptions::{Inquiry, OnRule};
use crate::facts::{GroupFacts, IngressRule};
use crate::net::{Candidate, Exposure, exposed};

/// A rule with its group.
pub(crate) type Placed<'a> = (&'a GroupFacts, &'a IngressRule);

/// The touched rules that let the internet in, and the touched ones that could not be evaluated. `beside`: the rules of the
/// other groups of each interface that carries the group, for an interface admits what any of its groups admits.
pub(crate) fn check(
    group: &GroupFacts,
    rules: &[GroupRule<'_>],
    beside: &[Vec<Placed<'_>>],
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let table = SourceTable::new(group, inquiry.local());
    let mut findings = Vec::new();
    let mut candidates = Vec::new();
    let mut behind = Vec::new();
    for (rule, touched) in rules {
        match table.of(rule) {
            Ok(Some(sources)) => {
                candidates.push(Candidate { touched: *touched, ..Candidate::of(rule, sources) });
                behind.push((group, *rule));
            }
            Ok(None) => {}
            Err(why) if *touched => findings.push(table.unreadable(Check::OpenIngress, rule, why)),
            Err(_) => {}
        }
    }
    let mut exposed = at_fault(&candidates, &behind, inquiry);
    for others in beside {
        let tables: Vec<(SourceTable<'_>, &IngressRule)> = others
            .iter()
            .map(|(group, rule)| (SourceTable::new(group, inquiry.local()), *rule))
            .collect();
        let (mut candidates, mut behind) = (candidates.clone(), behind.clone());
        for (table, rule) in &tables {
            if let Ok(Some(sources)) = table.of(rule) {
                candidates.push(Candidate { touched: false, ..Candidate::of(rule, sources) });
                behind.push((table.group, *rule));
            }
        }
        for (at, exposure) in at_fault(&candidates, &behind, inquiry) {
            exposed.entry(at).or_insert(exposure);
        }
    }
    for (at, (_, rule)) in behind.into_iter().enumerate() {
        let Some(exposure) = exposed.remove(&at) else { continue };
        findings.push(Finding {
            check: Check::OpenIngress,
            remedy: Remedy::Do(table.revoke(rule)),
            evidence: Evidence::Rule {
                group: group.id.clone(),
                rule: rule.clone(),
                exposure,
                cache_port: None,
            },
        });
    }
    findings
}

fn at_fault(
    candidates: &[Candidate<'_>],
    behind: &[Placed<'_>],
    inquiry: &mut Inquiry<'_>,
) -> BTreeMap<usize, Exposure> {
    exposed(candidates, &mut |at, union| {
        let (Some((group, rule)), Some(own)) = (behind.get(at), candidates.get(at)) else {
            return Vec::new();
        };
        let on = OnRule { group, rule, own: own.sources.count(), union };
        if own.touched {
            inquiry.rule(Check::OpenIngress, on)
        } else {
            inquiry.untouched(Check::OpenIngress, on)
        }
    })
}

#[cfg(test)]
mod tests;
