//! Facts become a decision. Pure and total: there is no decision that cannot be made.
//!
//! INVARIANT: everything that chooses is here or called from here. `observe` mode turns
//! `Remedy::Do` into `Remedy::Withheld` in `settle`, and nothing after it asks for the mode.

mod text;

use std::collections::BTreeSet;

use crate::action::{Action, Because, Remedy, StartMove};
use crate::checks::default_port::Port;
use crate::checks::{
    Check, Evidence, Finding, Judged, Severity, default_port, memcached_udp, no_auth, open_cache,
    open_ingress, plaintext_transit, public_endpoint, public_subnet, rule_of, together,
};
use crate::event::{CacheLead, Event, GroupLead, Resolved, RuleLead, Touched};
use crate::exceptions::{Doubt, Exception, Exceptions, Inquiry, Tolerated};
use crate::facts::{CacheFacts, CacheGroups, CacheKind, Engine, GroupFacts, IngressRule, Tag};
use crate::ledger::Remarks;
use crate::settings::Mode;

/// What was decided about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The mode it was decided in.
    pub mode: Mode,
    /// What it is about.
    pub subject: Subject,
    /// What the event brought about. Each carries its remedy.
    pub findings: Vec<Finding>,
    /// Faults that the event did not touch: told beside the findings, never the cause of an alert.
    pub older: Vec<Finding>,
    /// Faults that the event touched and an exception tolerates.
    pub tolerated: Vec<Tolerated>,
    /// Findings that an exception tolerated until it ended.
    pub ended: Vec<Ended>,
    /// Edits that would be a fault, and that EC2 does not show yet: the event must be looked at
    /// again, later.
    pub unseen: Vec<String>,
    /// What was seen and led to nothing, for the log.
    pub notes: Vec<String>,
    /// What is remembered, for the alert.
    pub remarks: Remarks,
    /// The cache, if the decision is about one: the commands for a person depend on it.
    pub cache: Option<CacheFacts>,
    /// Whether the stack moves a cache when a person asks for it.
    pub moves: bool,
}

/// A finding that an exception tolerated until it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The finding's check.
    pub check: Check,
    /// The id of its rule, if it is about one.
    pub rule: Option<String>,
    /// The exception.
    pub exception: Exception,
}

/// The resource that a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `security-group`, `replication-group`, `cache-cluster` or `serverless-cache`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name, which users control.
    pub name: Option<String>,
    /// Its VPC, where that was read.
    pub vpc: Option<String>,
    /// Its tags, which users control: of a cache those that the call gave it.
    pub tags: Vec<Tag>,
}

impl Decision {
    /// Nothing is wrong: no action, no alert.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// There is nothing to tell.
    pub fn is_silent(&self) -> bool {
        self.findings.is_empty() && self.remarks.recovered.is_empty()
    }

    /// What is to be done, each thing once: a rule may be at fault in two ways.
    pub fn actions(&self) -> Vec<&Action> {
        let mut actions: Vec<&Action> = Vec::new();
        for finding in &self.findings {
            if let Remedy::Do(action) = &finding.remedy
                && !actions.contains(&action)
            {
                actions.push(action);
            }
        }
        actions
    }

    /// The worst of the findings.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Low)
    }
}

/// What a decision depends on, besides the event and the facts.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// Whether anything is to be done.
    pub mode: Mode,
    /// What is tolerated.
    pub exceptions: &'a dyn Exceptions,
    /// The state machine that moves caches, where the stack's owner wants a move for each that is on its
    /// default port.
    pub machine: Option<&'a str>,
    /// Whether the stack moves a cache when a person asks for it: with a workflow, whatever starts it.
    pub moves: bool,
}

/// Decides about a security group that an event touched.
pub fn group(event: &Event, lead: &GroupLead, facts: &GroupFacts, judge: &Judge<'_>) -> Decision {
    let inquiry = || Inquiry::new(judge.exceptions, event, None);
    let mut asked = inquiry();
    let resolved = lead.touched.resolve(&facts.rules, &facts.egress);
    let touched: BTreeSet<&str> = match &lead.touched {
        Touched::Rules(_) => resolved.ids.iter().map(String::as_str).collect(),
        // Nothing is acted on below, and everything that is at fault is told.
        Touched::Unknown(_) => facts.rules.iter().map(|rule| rule.id.as_str()).collect(),
    };
    let judged: Vec<Judged<'_>> =
        facts.rules.iter().map(|rule| (rule, touched.contains(rule.id.as_str()))).collect();
    let mut findings = group_findings(facts, &judged, &mut asked);
    let unseen = agree_with_edits(&mut findings, facts, &resolved, &touched, &mut inquiry());
    let gone = gone(facts, &resolved, &mut inquiry());
    let mut older = Vec::new();
    if !findings.is_empty() {
        let told: BTreeSet<String> =
            findings.iter().filter_map(rule_of).map(|r| r.id.clone()).collect();
        let rest: Vec<Judged<'_>> = facts
            .rules
            .iter()
            .filter(|rule| !told.contains(&rule.id))
            .filter(|rule| !resolved.unlike.iter().any(|(id, _)| *id == rule.id))
            .map(|rule| (rule, true))
            .collect();
        older = group_findings(facts, &rest, &mut inquiry());
    }
    let ended = doubt(&mut findings, &asked);
    for finding in &mut findings {
        protect(finding, facts);
        if let Touched::Unknown(why) = &lead.touched {
            withhold(finding, Because::TouchedUnknown(why.clone()));
        }
        settle(finding, event, facts.owner.as_deref(), judge.mode);
    }
    for finding in &mut older {
        withhold(finding, Because::NotTouched);
    }
    findings.extend(gone);
    let tolerated = asked.tolerated(&findings);
    let mut notes: Vec<String> =
        resolved.missing.iter().map(|rule| format!("{rule} is gone")).collect();
    notes.extend(resolved.unlike.iter().map(|(id, shape)| {
        format!("{id} is not (any more) as the event says: from {}", shape.source)
    }));
    Decision {
        mode: judge.mode,
        subject: group_subject(event, facts),
        findings,
        older,
        tolerated,
        ended,
        unseen,
        notes,
        remarks: Remarks::default(),
        cache: None,
        moves: judge.moves,
    }
}

/// Where Describe shows a rule otherwise than the event says it was edited, either may be old. We
/// revoke by id, so a rule goes only if it is at fault both ways; if it is by the event alone, it
/// is told in the answer as unseen.
fn agree_with_edits(
    findings: &mut Vec<Finding>,
    facts: &GroupFacts,
    resolved: &Resolved,
    touched: &BTreeSet<&str>,
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
    let judged: Vec<Judged<'_>> =
        edited.rules.iter().map(|rule| (rule, touched.contains(rule.id.as_str()))).collect();
    let by_event = group_findings(&edited, &judged, inquiry);
    let of = |findings: &[Finding], id: &str| -> Vec<Finding> {
        let about = |f: &&Finding| rule_of(f).is_some_and(|rule| rule.id == id);
        findings.iter().filter(about).cloned().collect()
    };
    let mut unseen = Vec::new();
    for (id, _) in &resolved.unlike {
        let (seen, said) = (of(findings, id), of(&by_event, id));
        let goes = said.iter().any(|finding| matches!(finding.remedy, Remedy::Do(_)));
        if seen.is_empty() && !said.is_empty() {
            unseen.push(id.clone());
        } else if !goes {
            // By the event it is clean, or a person's: then it is told as that, and not revoked.
            findings.retain(|finding| rule_of(finding).is_none_or(|rule| rule.id != *id));
            findings.extend(said);
        }
    }
    unseen
}

/// Touched rules that are gone, and were at fault by what the event says of them.
fn gone(facts: &GroupFacts, resolved: &Resolved, inquiry: &mut Inquiry<'_>) -> Vec<Finding> {
    if resolved.missing.iter().all(|lead| lead.shape.is_none()) {
        return Vec::new();
    }
    let mut then = facts.clone();
    then.rules.extend(resolved.missing.iter().filter_map(as_told));
    let judged: Vec<Judged<'_>> =
        then.rules.iter().map(|rule| (rule, is_among(&resolved.missing, rule))).collect();
    told_as_gone(group_findings(&then, &judged, inquiry), &resolved.missing)
}

/// Unreported rules that are gone, and opened the cache by what is remembered of them; and which are gone.
fn gone_of_cache(
    engine: &Engine,
    port: &Port,
    unreported: &[GroupLead],
    groups: &CacheGroups,
    inquiry: &mut Inquiry<'_>,
) -> (Vec<Finding>, Vec<RuleLead>) {
    let CacheGroups::Read(groups) = groups else {
        return (Vec::new(), Vec::new());
    };
    let mut then = groups.clone();
    let mut missing = Vec::new();
    for group in &mut then {
        for lead in unreported.iter().filter(|lead| lead.group.is(&group.id)) {
            let resolved = lead.touched.resolve(&group.rules, &group.egress);
            group.rules.extend(resolved.missing.iter().filter_map(as_told));
            missing.extend(resolved.missing);
        }
    }
    if missing.is_empty() {
        return (Vec::new(), missing);
    }
    let findings = open_cache::check(engine, port, &CacheGroups::Read(then), inquiry);
    (told_as_gone(findings, &missing), missing)
}

/// A rule that is gone, if the event tells what it was.
fn as_told(lead: &RuleLead) -> Option<IngressRule> {
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

fn is_among(leads: &[RuleLead], rule: &IngressRule) -> bool {
    leads.iter().any(|lead| lead.id.as_ref() == Some(&rule.id))
}

/// Of the findings those about rules that are gone, as that.
fn told_as_gone(mut findings: Vec<Finding>, missing: &[RuleLead]) -> Vec<Finding> {
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

fn group_findings(
    facts: &GroupFacts,
    judged: &[Judged<'_>],
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    let mut findings = open_ingress::check(facts, judged, inquiry);
    findings.extend(memcached_udp::check(facts, judged, inquiry));
    findings.sort_by(|a, b| {
        let key = |f: &Finding| {
            (std::cmp::Reverse(f.severity), rule_of(f).map(|r| r.id.clone()), f.check)
        };
        key(a).cmp(&key(b))
    });
    findings
}

/// Decides about a cache that was made.
///
/// Its event touched the rules of its groups that reach its port; there are no older faults to
/// tell, because what else those groups admit is not this cache's business.
///
/// `unreported` are rules that an earlier attempt at the event went to close for the cache, and has not
/// reported: see [`named`](crate::ledger::named).
pub fn cache(
    event: &Event,
    lead: &CacheLead,
    facts: &CacheFacts,
    unreported: &[GroupLead],
    judge: &Judge<'_>,
) -> Decision {
    let subject = cache_subject(event, lead, facts);
    let inquiry = || Inquiry::new(judge.exceptions, event, Some((facts, &subject.arn)));
    let mut asked = inquiry();
    let engine = facts.engine.clone();
    let engine = engine.or_else(|| lead.engine.as_deref().map(Engine::parse));
    let engine = engine.unwrap_or_else(|| Engine::Unknown("unknown engine".to_owned()));
    let (mut findings, mut gone) = (Vec::new(), Vec::new());
    let mut notes = Vec::new();
    if let Some(group) = &facts.member_of {
        notes.push(format!(
            "{} is a member of replication group {group}, which speaks for it",
            facts.id
        ));
    } else {
        let port = port(&engine, lead, facts);
        findings.extend(open_cache::check(&engine, &port, &facts.groups, &mut asked));
        let settings = [
            default_port::check(facts.kind, &engine, &port),
            plaintext_transit::check(&engine, facts),
            no_auth::check(&engine, facts),
            public_subnet::check(&engine, facts),
            public_endpoint::check(&engine, facts),
        ];
        // What is not known yet is told, whatever is tolerated.
        findings.extend(settings.into_iter().flatten().filter(|finding| {
            matches!(finding.remedy, Remedy::Pending(_)) || !asked.setting(finding.check)
        }));
        together::raise(&mut findings);
        let missing;
        (gone, missing) = gone_of_cache(&engine, &port, unreported, &facts.groups, &mut inquiry());
        notes.extend(missing.iter().map(|rule| format!("{rule} is gone")));
    }
    for finding in &mut findings {
        if let Some(machine) = judge.machine {
            offer_move(finding, event, &subject, machine);
        }
    }
    let ended = doubt(&mut findings, &asked);
    for finding in &mut findings {
        let group = group_of(facts, finding);
        if let Some(group) = group {
            protect(finding, group);
        }
        settle(finding, event, group.and_then(|group| group.owner.as_deref()), judge.mode);
    }
    findings.extend(gone);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let tolerated = asked.tolerated(&findings);
    Decision {
        mode: judge.mode,
        subject,
        findings,
        older: Vec::new(),
        tolerated,
        ended,
        unseen: Vec::new(),
        notes,
        remarks: Remarks::default(),
        cache: Some(facts.clone()),
        moves: judge.moves,
    }
}

/// The ports that the cache listens on, or will. While it is being created, Describe shows no
/// endpoint (API reference, DescribeCacheClusters): the request says it, or its silence does,
/// unless the port may be taken over from something older.
fn port(engine: &Engine, lead: &CacheLead, facts: &CacheFacts) -> Port {
    if !facts.ports.is_empty() {
        return Port::Known(facts.ports.clone());
    }
    if facts.kind == CacheKind::ServerlessCache {
        // User guide, "Setting up": both ports are in use, the second for reads.
        return match engine.default_port() {
            Some(port) => Port::Known(vec![port, port + 1]),
            None => {
                Port::Pending(format!("the ports of engine `{}` are not known", engine.as_str()))
            }
        };
    }
    match (lead.port, &lead.inherits, engine.default_port()) {
        (Some(port), _, _) => Port::Known(vec![port]),
        (None, Some(from), _) => Port::Pending(format!(
            "it is {from}, which may bring its port, and has no endpoint yet"
        )),
        (None, None, Some(port)) => Port::Known(vec![port]),
        (None, None, None) => {
            Port::Pending(format!("the default port of `{}` is not known", engine.as_str()))
        }
    }
}

/// What a person would do about a default port is begun: a plan is made, which a person agrees to. What
/// may not be moved, and why, the plan says; a port that cannot be told yet stays pending.
fn offer_move(finding: &mut Finding, event: &Event, cache: &Subject, machine: &str) {
    if let Evidence::Port { engine, port: Some(port) } = &finding.evidence {
        let fault = format!("{}: {} on {port}", finding.check, engine.name());
        let start = StartMove::of(event, cache, machine, &fault);
        finding.remedy = Remedy::Do(Action::StartMove(start));
    }
}

/// Where the policies could not be asked, nothing is done. What an exception tolerated that has ended is
/// given back.
fn doubt(findings: &mut [Finding], asked: &Inquiry<'_>) -> Vec<Ended> {
    let mut ended = Vec::new();
    for finding in findings {
        match asked.doubt(finding) {
            None => {}
            Some(Doubt::Ended(exception)) => ended.push(Ended {
                check: finding.check,
                rule: rule_of(finding).map(|rule| rule.id.clone()),
                exception: exception.clone(),
            }),
            Some(Doubt::NotKnown) => withhold(finding, Because::ExceptionsNotKnown),
            Some(Doubt::Unreadable(why)) => {
                withhold(finding, Because::ExceptionsUnreadable(why.clone()));
            }
        }
    }
    ended
}

/// In a group that its owner protects, nothing is done. It is said before any other reason not to,
/// for it is the one that somebody chose for this very group.
/// Tags that could not be read protect nothing here: then IAM does, and it is told as refused.
fn protect(finding: &mut Finding, group: &GroupFacts) {
    if group.is_protected() {
        withhold(finding, Because::Protected);
    }
}

/// Applies what holds for every finding: only the owner can change a group, and in observe mode
/// nobody does.
fn settle(finding: &mut Finding, event: &Event, owner: Option<&str>, mode: Mode) {
    if let Some(owner) = owner
        && owner != event.account
        && let Remedy::Do(action) = &finding.remedy
    {
        let because = Because::OtherOwner(owner.to_owned());
        finding.remedy = Remedy::ByHand { action: Some(action.clone()), because };
    }
    if mode == Mode::Observe {
        withhold(finding, Because::Observe);
    }
}

fn withhold(finding: &mut Finding, because: Because) {
    if let Remedy::Do(action) = &finding.remedy {
        finding.remedy = Remedy::Withheld { action: action.clone(), because };
    }
}

fn rule_group(finding: &Finding) -> Option<&str> {
    match &finding.evidence {
        Evidence::Rule { group, .. } | Evidence::UnreadableRule { group, .. } => Some(group),
        Evidence::UnreadableGroups(_) | Evidence::Port { .. } | Evidence::Setting { .. } => None,
    }
}

/// The group of the cache that a finding is about.
fn group_of<'a>(facts: &'a CacheFacts, finding: &Finding) -> Option<&'a GroupFacts> {
    let id = rule_group(finding)?;
    match &facts.groups {
        CacheGroups::Unknown(_) => None,
        CacheGroups::Read(groups) => groups.iter().find(|group| group.id == id),
    }
}

fn group_subject(event: &Event, facts: &GroupFacts) -> Subject {
    let owner = facts.owner.as_deref().unwrap_or(&event.account);
    Subject {
        kind: "security-group",
        id: facts.id.clone(),
        arn: format!(
            "arn:{}:ec2:{}:{owner}:security-group/{}",
            event.partition(),
            event.region,
            facts.id
        ),
        name: facts.details.as_ref().map(|details| details.name.clone()),
        vpc: facts.details.as_ref().and_then(|details| details.vpc.clone()),
        tags: facts.details.as_ref().map(|details| details.tags.clone()).unwrap_or_default(),
    }
}

fn cache_subject(event: &Event, lead: &CacheLead, facts: &CacheFacts) -> Subject {
    let (kind, resource) = match facts.kind {
        CacheKind::CacheCluster => ("cache-cluster", "cluster"),
        CacheKind::ReplicationGroup => ("replication-group", "replicationgroup"),
        CacheKind::ServerlessCache => ("serverless-cache", "serverlesscache"),
    };
    let arn = || {
        let (partition, region, account) = (event.partition(), &event.region, &event.account);
        format!("arn:{partition}:elasticache:{region}:{account}:{resource}:{}", facts.id)
    };
    Subject {
        kind,
        id: facts.id.clone(),
        arn: facts.arn.clone().unwrap_or_else(arn),
        name: None,
        vpc: facts.vpc().map(str::to_owned),
        tags: lead.tags.clone(),
    }
}

#[cfg(test)]
mod tests;
