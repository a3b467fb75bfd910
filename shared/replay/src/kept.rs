//! What is kept of the report about an event: its findings, and what exceptions suppress.

use portcullis_alerts::audited::owner_of;
use portcullis_engine::action::Remedy;
use portcullis_engine::event::{Event, Lead};
use portcullis_engine::exceptions::Suppressed;
use portcullis_engine::facts::{CacheFacts, CacheGroups, IngressRule};
use portcullis_engine::finding::{Evidence, Finding as Found, group_of, rule_of};
use portcullis_engine::net::Exposure;
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::time::seconds;

use crate::finding::{Finding, Life, Verdict};
use crate::history::Place;

/// A finding of a report, and whether its rule is gone by now: somebody else removed it.
pub(crate) struct Kept {
    pub(crate) finding: Finding,
    pub(crate) is_gone: bool,
}

/// The findings of a report. `closes` is when a rule that is closed now would be gone, and `is_whole` whether all rules of
/// a group are known.
pub(crate) fn kept(
    place: &Place,
    event: &Event,
    report: &Report,
    closes: i64,
    is_whole: &dyn Fn(&str) -> bool,
) -> Vec<Kept> {
    let reported = report.all().into_iter().map(|reported| {
        let group = group_of(&reported.finding);
        let is_less = is_union(&reported.finding) && !group.is_some_and(is_whole);
        let unknown = is_less.then(|| "older rules, so the union admits at least this".to_owned());
        let unknown = unknown.into_iter().collect();
        let finding = of_reported(place, event, report, reported, closes, unknown);
        Kept { finding, is_gone: matches!(reported.finding.remedy, Remedy::Gone(_)) }
    });
    let suppressed = report.decision.suppressed.iter();
    let suppressed = suppressed.map(|one| of_suppressed(place, event, report, one));
    reported.chain(suppressed.map(|finding| Kept { finding, is_gone: false })).collect()
}

fn of_reported(
    place: &Place,
    event: &Event,
    report: &Report,
    reported: &Reported,
    closes: i64,
    unknown: Vec<String>,
) -> Finding {
    let verdict = Verdict::of(reported);
    Finding {
        id: reported.key.id(),
        place: place.clone(),
        check: reported.finding.check,
        severity: Some(reported.severity),
        subject: report.decision.subject.id.clone(),
        group: group_of(&reported.finding).map(str::to_owned),
        rule: rule_of(&reported.finding).map(|rule| rule.id.clone()),
        evidence: evidence(&reported.finding),
        event: event.id.clone(),
        name: event.call(),
        at: seconds(&event.time),
        actor: event.actor.clone(),
        owner: owner_of(report),
        would_close: (verdict == Verdict::Closed).then_some(closes),
        verdict,
        why: reported.because.clone(),
        unknown,
        life: Life::default(),
    }
}

fn of_suppressed(place: &Place, event: &Event, report: &Report, one: &Suppressed) -> Finding {
    let subject = &report.decision.subject;
    let group = match (&event.lead, &one.rule) {
        (Lead::Group(_), _) => Some(subject.id.clone()),
        (Lead::Cache(_), Some(rule)) => group_with(report.cache.as_ref(), rule),
        (Lead::Cache(_), None) => None,
    };
    Finding {
        id: String::new(),
        place: place.clone(),
        check: one.check,
        severity: None,
        subject: subject.id.clone(),
        group,
        rule: one.rule.as_ref().map(|rule| rule.id.clone()),
        evidence: one.rule.as_ref().map(IngressRule::words).unwrap_or_default(),
        event: event.id.clone(),
        name: event.call(),
        at: seconds(&event.time),
        actor: event.actor.clone(),
        owner: owner_of(report),
        verdict: Verdict::Suppressed(one.by.id.clone()),
        why: Some(one.by.reason.clone()),
        unknown: Vec::new(),
        would_close: None,
        life: Life::default(),
    }
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
