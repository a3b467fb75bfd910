//! A decision about a security group.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::attached;
use super::context::DecisionContext;
use super::decision::Decision;
use super::gone::{as_told, cannot_be_judged, is_among, told_as_gone};
use super::remember::remember;
use super::settle::{doubt, leave_open, protect, settle};
use super::space;
use crate::action::{Because, Remedy};
use crate::arn::Arn;
use crate::checks::open_ingress::Placed;
use crate::checks::{GroupRule, memcached_udp, open_ingress};
use crate::event::{Event, GroupLead, Resolved, RuleLead, Touched};
use crate::exceptions::{Inquiry, Suppressed};
use crate::facts::GroupFacts;
use crate::finding::{Finding, Subject, rule_of};
use crate::ledger::{Key, Memory};
use crate::severity::Reaches;

/// Decides about a security group that an event touched.
pub fn group(
    event: &Event,
    lead: &GroupLead,
    facts: &GroupFacts,
    context: &DecisionContext<'_>,
) -> Decision {
    let mut asked = context.inquiry(event, None);
    let resolved = lead.touched.resolve(&facts.rules, &facts.egress);
    let found = find(event, lead, facts, &resolved, context, &mut asked);
    let groups = std::slice::from_ref(facts);
    let certain = if space::matters(groups, found.all(), !resolved.unlike.is_empty()) {
        let mut asked = context.inquiry(event, None).if_local();
        Some(find(event, lead, facts, &resolved, context, &mut asked))
    } else {
        None
    };
    let Found { mut findings, gone, unseen } = found;
    doubt(&mut findings, &asked);
    let spaces = certain.map_or_else(BTreeSet::new, |certain| {
        let certain: Vec<Finding> = certain.all().cloned().collect();
        space::leave_open_what_depends(&mut findings, &gone, &certain, groups)
    });
    let attached = lead.carrier().and_then(|carrier| {
        attached::judge(&mut findings, facts, carrier, event.is_young(context.now))
    });
    for finding in &mut findings {
        protect(finding, facts);
        if let Touched::Unknown(why) = &lead.touched {
            leave_open(finding, Because::TouchedUnknown(why.clone()));
        }
        settle(finding, event, facts.owner.as_deref(), context);
    }
    findings.extend(gone);
    let suppressed = asked.suppressed(&findings);
    let missing = if event.is_young(context.now) { "not shown" } else { "gone" };
    let mut notes: Vec<String> =
        resolved.missing.iter().map(|rule| format!("{rule} is {missing}")).collect();
    notes.extend(resolved.unlike.iter().map(|(id, shape)| {
        format!("{id} is not (any more) as the event says: from {}", shape.source)
    }));
    let subject = subject(event, facts);
    let leased = Vec::new();
    let mode = context.mode;
    let mut decision =
        Decision { mode, subject, findings, suppressed, leased, unseen, spaces, notes };
    decision.notes.extend(attached);
    let reaches = Reaches::of([facts]);
    if lead.carrier().is_some() {
        attached::leave_what_was_there(&mut decision, event, &reaches, context.memory);
    }
    remember(&mut decision, event, groups, &reaches, context);
    decision
}

/// What is found of a group before it is settled what is done.
struct Found {
    findings: Vec<Finding>,
    /// Of rules that are gone, or are not any more what the event says.
    gone: Vec<Finding>,
    /// See [`Decision::unseen`].
    unseen: Vec<RuleLead>,
}

impl Found {
    fn all(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(&self.gone)
    }
}

fn find(
    event: &Event,
    lead: &GroupLead,
    facts: &GroupFacts,
    resolved: &Resolved,
    context: &DecisionContext<'_>,
    asked: &mut Inquiry<'_>,
) -> Found {
    let touched: BTreeSet<&str> = match &lead.touched {
        Touched::Rules(_) | Touched::Attached(_) => {
            resolved.ids.iter().map(String::as_str).collect()
        }
        // Every finding of the group is reported, and none is remediated: it may be older than the event.
        Touched::Unknown(_) => facts.rules.iter().map(|rule| rule.id.as_str()).collect(),
    };
    let judged: Vec<GroupRule<'_>> =
        facts.rules.iter().map(|rule| (rule, touched.contains(rule.id.as_str()))).collect();
    let mut others = asked.again();
    let mut findings = group_findings(facts, &judged, asked);
    let is_young = event.is_young(context.now);
    let mut gone = gone(facts, &resolved.missing, &mut others);
    let mut unseen = Vec::new();
    if is_young {
        unseen = not_shown(event, facts, &resolved.missing, &mut gone, context.memory);
    }
    let edits = edits(&mut findings, facts, resolved, &touched, is_young, &mut others);
    let edits = lead.touched.of(&edits);
    if is_young {
        unseen.extend(edits);
    } else {
        gone.extend(self::gone(facts, &edits, &mut others));
    }
    Found { findings, gone, unseen }
}

/// The older findings of the group, and those of them that are snoozed. An alert lists them beside its findings; they
/// never cause one.
pub fn older(
    event: &Event,
    lead: &GroupLead,
    facts: &GroupFacts,
    decision: &Decision,
    context: &DecisionContext<'_>,
) -> (Vec<Finding>, Vec<Suppressed>) {
    if lead.carrier().is_some() {
        return (Vec::new(), Vec::new());
    }
    let resolved = lead.touched.resolve(&facts.rules, &facts.egress);
    let suppressed = decision.suppressed.iter().filter_map(|suppressed| suppressed.rule.as_ref());
    let told: BTreeSet<&str> = decision
        .findings
        .iter()
        .filter_map(rule_of)
        .chain(suppressed)
        .map(|rule| rule.id.as_str())
        .collect();
    let rest: Vec<GroupRule<'_>> = facts
        .rules
        .iter()
        .filter(|rule| {
            !told.contains(rule.id.as_str())
                && !resolved.unlike.iter().any(|(id, _)| *id == rule.id)
        })
        .map(|rule| (rule, true))
        .collect();
    let mut inquiry = context.inquiry(event, None);
    let mut older = group_findings(facts, &rest, &mut inquiry);
    older.retain(|finding| !decision.leased.contains(&Key::of(finding, &decision.subject).id()));
    let mut snoozed = Vec::new();
    older.retain_mut(|finding| match context.memory.snoozed(finding, context.now) {
        Some(suppressed) => {
            snoozed.push(suppressed);
            false
        }
        None => {
            leave_open(finding, Because::NotTouched);
            true
        }
    });
    (older, snoozed)
}

/// Treats rules that Describe shows otherwise than the event edited them. While the event is young, either of the two
/// may be the older one. A revoke names the id and would hit both, so a rule is revoked only if it is at fault both ways.
/// Once the event is old, Describe is right. Returns the ids of those that are at fault by the event alone: the group
/// must be read again, or they are not at fault any more.
fn edits(
    findings: &mut Vec<Finding>,
    facts: &GroupFacts,
    resolved: &Resolved,
    touched: &BTreeSet<&str>,
    is_young: bool,
    inquiry: &mut Inquiry<'_>,
) -> Vec<String> {
    if resolved.unlike.is_empty() {
        return Vec::new();
    }
    let mut edited = facts.clone();
    for (id, shape) in &resolved.unlike {
        for rule in edited.rules.iter_mut().filter(|rule| rule.id == *id) {
            rule.protocol = shape.protocol.clone();
            (rule.from_port, rule.to_port) = (shape.from_port, shape.to_port);
            rule.source = shape.source.clone();
        }
    }
    let judged: Vec<GroupRule<'_>> =
        edited.rules.iter().map(|rule| (rule, touched.contains(rule.id.as_str()))).collect();
    let by_event = group_findings(&edited, &judged, inquiry);
    let of = |findings: &[Finding], id: &str| -> Vec<Finding> {
        let about = |f: &&Finding| rule_of(f).is_some_and(|rule| rule.id == id);
        findings.iter().filter(about).cloned().collect()
    };
    let mut by_event_alone = Vec::new();
    for (id, _) in &resolved.unlike {
        let (seen, said) = (of(findings, id), of(&by_event, id));
        let goes = said.iter().any(|finding| matches!(finding.remedy, Remedy::Do(_)));
        if seen.is_empty() && !said.is_empty() {
            by_event_alone.push(id.clone());
        } else if is_young && !goes {
            // By the event it is clean, or manual: it is reported as that, and not revoked.
            findings.retain(|finding| rule_of(finding).is_none_or(|rule| rule.id != *id));
            findings.extend(said);
        }
    }
    by_event_alone
}

/// Findings about touched rules that are gone, judged by what the event says of them.
fn gone(facts: &GroupFacts, missing: &[RuleLead], inquiry: &mut Inquiry<'_>) -> Vec<Finding> {
    if missing.iter().all(|lead| lead.shape.is_none()) {
        return Vec::new();
    }
    let mut then = facts.clone();
    then.rules.retain(|rule| !is_among(missing, rule));
    then.rules.extend(missing.iter().filter_map(as_told));
    let judged: Vec<GroupRule<'_>> =
        then.rules.iter().map(|rule| (rule, is_among(missing, rule))).collect();
    told_as_gone(group_findings(&then, &judged, inquiry), missing)
}

/// The touched rules that EC2 may only not show yet, and that are or may be at fault. Those that an attempt of ours went
/// to revoke are reported as gone; unless it is known that they are, they are looked at again all the same.
fn not_shown(
    event: &Event,
    facts: &GroupFacts,
    missing: &[RuleLead],
    gone: &mut Vec<Finding>,
    memory: &Memory,
) -> Vec<RuleLead> {
    let went = |lead: &RuleLead| memory.went_to_revoke(&facts.id, lead, event);
    let ours: Vec<RuleLead> = missing.iter().filter(|lead| went(lead).is_some()).cloned().collect();
    let mut unseen: Vec<RuleLead> =
        missing.iter().filter(|lead| went(lead) != Some(true)).cloned().collect();
    unseen.retain(|lead| {
        let is_at_fault = |finding: &Finding| {
            rule_of(finding).is_some_and(|rule| is_among(std::slice::from_ref(lead), rule))
        };
        cannot_be_judged(lead) || gone.iter().any(is_at_fault)
    });
    gone.retain(|finding| rule_of(finding).is_some_and(|rule| is_among(&ours, rule)));
    unseen
}

/// A snoozed rule is judged by itself: somebody answers for it alone, and it counts in no union of others.
pub(super) fn group_findings(
    facts: &GroupFacts,
    judged: &[GroupRule<'_>],
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let is_snoozed = |(rule, _): &GroupRule<'_>| inquiry.is_snoozed(&facts.id, rule);
    let (snoozed, others): (Vec<_>, Vec<_>) = judged.iter().copied().partition(is_snoozed);
    let mut beside = Vec::new();
    for set in &facts.beside {
        let rules = set.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
        let counts = |(group, rule): &Placed<'_>| !inquiry.is_snoozed(&group.id, rule);
        beside.push(rules.filter(counts).collect());
    }
    let mut findings = checked(facts, &others, &beside, inquiry);
    for (rule, touched) in snoozed {
        findings.extend(checked(facts, &[(rule, touched)], &[], inquiry));
    }
    findings.sort_by(by_rule);
    findings
}

fn checked(
    facts: &GroupFacts,
    judged: &[GroupRule<'_>],
    beside: &[Vec<Placed<'_>>],
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let mut findings = open_ingress::check(facts, judged, beside, inquiry);
    findings.extend(memcached_udp::check(facts, judged, inquiry));
    findings
}

fn by_rule(a: &Finding, b: &Finding) -> Ordering {
    let key = |finding| (rule_of(finding).map(|rule| rule.id.as_str()), finding.check);
    key(a).cmp(&key(b))
}

fn subject(event: &Event, facts: &GroupFacts) -> Subject {
    let arn = Arn {
        partition: event.partition(),
        service: "ec2",
        region: &event.region,
        account: facts.owner.as_deref().unwrap_or(&event.account),
        resource: &format!("security-group/{}", facts.id),
    };
    Subject { kind: "security-group", id: facts.id.clone(), arn: arn.to_string() }
}
