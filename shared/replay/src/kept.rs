//! What is kept of the report about an event: its findings, and what exceptions suppress.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use portcullis_alerts::audited::owner_of;
use portcullis_engine::action::Remedy;
use portcullis_engine::event::{Actor, Event, Lead};
use portcullis_engine::facts::{CacheFacts, CacheGroups, IngressRule};
use portcullis_engine::finding::{Evidence, Finding as Found, group_of, rule_of};
use portcullis_engine::net::Exposure;
use portcullis_engine::report::Report;
use portcullis_engine::time::seconds;

use crate::finding::{Caller, Finding, Life, Owner, Verdict};
use crate::history::Place;

/// A finding of a report, and whether its rule is gone by now: somebody else removed it.
pub(crate) struct ReportedFinding {
    pub(crate) finding: Finding,
    pub(crate) is_gone: bool,
}

/// What many findings have in common, once.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    callers: HashSet<Arc<Caller>>,
    owners: HashSet<Arc<Owner>>,
}

fn once<T: Eq + Hash>(all: &mut HashSet<Arc<T>>, one: T) -> Arc<T> {
    if let Some(known) = all.get(&one) {
        return Arc::clone(known);
    }
    let one = Arc::new(one);
    all.insert(Arc::clone(&one));
    one
}

impl Shared {
    fn caller(&mut self, actor: &Actor) -> Arc<Caller> {
        let Actor { name, role, via, arn, .. } = actor;
        let name = name.as_str().into();
        let caller = Caller { name, role: role.clone(), via: via.clone(), arn: arn.clone() };
        once(&mut self.callers, caller)
    }

    fn owner(&mut self, report: &Report) -> Option<Arc<Owner>> {
        let owner = owner_of(report)?;
        Some(once(&mut self.owners, Owner { kind: owner.kind, who: owner.who, by: owner.by }))
    }
}

/// The findings of a report. `closes` is when a rule that is closed now would be gone, and `is_whole` whether all rules of
/// a group are known.
pub(crate) fn kept(
    shared: &mut Shared,
    place: &Place,
    event: &Event,
    report: &Report,
    closes: i64,
    is_whole: &dyn Fn(&str) -> bool,
    as_of_today: &[&'static str],
) -> Vec<ReportedFinding> {
    let (reported, suppressed) = (report.all(), &report.decision.suppressed);
    if reported.is_empty() && suppressed.is_empty() {
        return Vec::new();
    }
    let subject: Arc<str> = report.decision.subject.id.as_str().into();
    let of_group = |id: &str| if *id == *subject { Arc::clone(&subject) } else { id.into() };
    let (id, owner) = (event.id.as_str().into(), shared.owner(report));
    let actor = shared.caller(&event.actor);
    let any = |check| Finding {
        id: String::new(),
        place: place.clone(),
        check,
        severity: None,
        subject: Arc::clone(&subject),
        group: None,
        rule: None,
        evidence: String::new(),
        event: Arc::clone(&id),
        name: event.call(),
        at: seconds(&event.time),
        actor: Arc::clone(&actor),
        owner: owner.clone(),
        verdict: Verdict::Unknown,
        why: None,
        unknown: Vec::new(),
        as_of_today: as_of_today.to_vec(),
        would_close: None,
        life: Life::default(),
    };
    let mut kept = Vec::with_capacity(reported.len() + suppressed.len());
    for reported in reported {
        let found = &reported.finding;
        let (group, verdict) = (group_of(found), Verdict::of(reported));
        let is_less = is_union(found) && !group.is_some_and(is_whole);
        let unknown = is_less.then(|| "older rules, so the union admits at least this".to_owned());
        let finding = Finding {
            id: reported.key.id(),
            severity: Some(reported.severity),
            group: group.map(of_group),
            rule: rule_of(found).map(|rule| rule.id.clone()),
            evidence: evidence(found),
            would_close: (verdict == Verdict::Closed).then_some(closes),
            verdict,
            why: reported.because.clone().or_else(|| reported.action()?.granting()),
            unknown: unknown.into_iter().collect(),
            ..any(found.check)
        };
        kept.push(ReportedFinding { finding, is_gone: matches!(found.remedy, Remedy::Gone(_)) });
    }
    for one in suppressed {
        let group = match (&event.lead, &one.rule) {
            (Lead::Group(_), _) => Some(Arc::clone(&subject)),
            (Lead::Cache(_), Some(rule)) => {
                group_with(report.cache.as_ref(), rule).map(|id| of_group(&id))
            }
            (Lead::Cache(_), None) | (Lead::List(_) | Lead::Unknown, _) => None,
        };
        let finding = Finding {
            group,
            rule: one.rule.as_ref().map(|rule| rule.id.clone()),
            evidence: one.rule.as_ref().map(IngressRule::words).unwrap_or_default(),
            verdict: Verdict::Suppressed(one.by.id.clone()),
            why: Some(one.by.reason.clone()),
            ..any(one.check)
        };
        kept.push(ReportedFinding { finding, is_gone: false });
    }
    kept
}

/// The group of a cache that has the rule.
fn group_with(cache: Option<&CacheFacts>, rule: &IngressRule) -> Option<String> {
    let CacheGroups::Read(groups) = &cache?.groups else { return None };
    let has = groups.iter().find(|group| group.rules.iter().any(|one| one.id == rule.id));
    has.map(|group| group.id.clone())
}

fn is_union(finding: &Found) -> bool {
    matches!(&finding.evidence, Evidence::Rule { exposure: Exposure::Together { .. }, .. })
}

/// What was found: of a rule what it admits, for the check says the rest.
fn evidence(finding: &Found) -> String {
    match rule_of(finding) {
        Some(rule) if is_union(finding) => format!("{}, together with other rules", rule.words()),
        Some(rule) => rule.words(),
        None => finding.title(),
    }
}
