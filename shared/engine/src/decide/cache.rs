//! A decision about a cache.

use std::collections::BTreeSet;

use super::attached;
use super::context::DecisionContext;
use super::decision::Decision;
use super::gone::{as_told, told_as_gone};
use super::remember::remember;
use super::settle::{doubt, protect, settle};
use super::space;
use crate::action::{Action, Remedy, StartRecreation};
use crate::arn::Arn;
use crate::checks::default_port::Port;
use crate::checks::{
    default_port, no_auth, open_cache, plaintext_transit, public_endpoint, public_subnet,
};
use crate::event::{Altered, CacheLead, Event, GroupLead, RuleLead};
use crate::exceptions::Inquiry;
use crate::facts::{CacheFacts, CacheGroups, CacheKind, Engine, GroupFacts, PendingChange};
use crate::finding::{Check, Evidence, Finding, Subject, group_of};
use crate::severity::Reaches;

/// Decides about a cache that was created, or changed.
///
/// The event counts as touching those rules of its groups that reach its port. There are no older findings: what else
/// these groups admit is not about this cache. Of a cache that was there before, only the checks are asked whose input the
/// call changed; the other findings about it are older.
///
/// `unreported`: rules that an earlier attempt at the event was about to revoke for the cache, and did not report; see
/// [`named`](crate::ledger::named).
pub fn cache(
    event: &Event,
    lead: &CacheLead,
    facts: &CacheFacts,
    unreported: &[GroupLead],
    context: &DecisionContext<'_>,
) -> Decision {
    let subject = subject(event, facts);
    let inquiry = || context.inquiry(event, Some((facts, &subject.arn)));
    let mut asked = inquiry();
    let engine = facts
        .engine
        .clone()
        .or_else(|| lead.engine.as_deref().map(Engine::parse))
        .unwrap_or_else(|| Engine::Unknown("unknown engine".to_owned()));
    let (mut findings, mut gone) = (Vec::new(), Vec::new());
    let mut certain = None;
    let mut notes = Vec::new();
    if let Some(group) = facts.member_of.as_ref().filter(|_| lead.is_spoken_for(facts)) {
        notes.push(format!(
            "{} is a member of replication group {group}, which speaks for it",
            facts.id
        ));
    } else {
        let port = port(event, &engine, lead, facts);
        if touches(lead, Check::OpenCache) {
            findings.extend(open_cache::check(&engine, &port, &facts.groups, &mut asked));
        }
        // A pending finding is reported even if an exception would suppress it: the facts may turn out otherwise.
        findings.extend(settings(event, &engine, &port, lead, facts, context.now).filter(
            |finding| matches!(finding.remedy, Remedy::Pending(_)) || !asked.setting(finding.check),
        ));
        notes.extend(notes_of_change(lead, facts));
        let missing;
        (gone, missing) = gone_of_cache(&engine, &port, unreported, &facts.groups, &mut inquiry());
        notes.extend(missing.iter().map(|rule| format!("{rule} is gone")));
        if space::matters(groups(facts), findings.iter().chain(&gone), false) {
            let mut if_local = inquiry().if_local();
            let mut found = if touches(lead, Check::OpenCache) {
                open_cache::check(&engine, &port, &facts.groups, &mut if_local)
            } else {
                Vec::new()
            };
            found.extend(gone_of_cache(&engine, &port, unreported, &facts.groups, &mut if_local).0);
            certain = Some(found);
        }
    }
    for finding in &mut findings {
        if let Some(machine) = context.machine {
            offer_recreation(finding, event, &subject, machine);
        }
    }
    doubt(&mut findings, &asked);
    let spaces = certain.map_or_else(BTreeSet::new, |certain| {
        space::leave_open_what_depends(&mut findings, &gone, &certain, groups(facts))
    });
    for finding in &mut findings {
        let group = behind(facts, finding);
        if let Some(group) = group {
            if lead.altered.is_some() {
                attached::leave_open_what_others_carry(finding, group, |interface| {
                    facts.is_on(interface)
                });
            }
            protect(finding, group);
        }
        settle(finding, event, group.and_then(|group| group.owner.as_deref()), context);
    }
    findings.extend(gone);
    let suppressed = asked.suppressed(&findings);
    let (leased, unseen) = (Vec::new(), Vec::new());
    let mode = context.mode;
    let mut decision =
        Decision { mode, subject, findings, suppressed, leased, unseen, spaces, notes };
    let reaches = Reaches::of_cache(facts);
    if lead.altered.is_some() {
        attached::leave_what_was_there(&mut decision, event, &reaches, context.memory);
    }
    remember(&mut decision, event, groups(facts), &reaches, context);
    decision
}

/// Whether the call touched what this check looks at.
fn touches(lead: &CacheLead, check: Check) -> bool {
    let Some(Altered { groups, transit, authentication }) = lead.altered else { return true };
    match check {
        Check::OpenCache => groups,
        Check::PlaintextTransit => transit,
        Check::NoAuth => authentication,
        Check::OpenIngress
        | Check::MemcachedUdp
        | Check::DefaultPort
        | Check::PublicSubnet
        | Check::PublicEndpoint => false,
    }
}

/// The findings about settings that the call touched. Of a change, what is pending is judged as it will be; and while
/// ElastiCache may show the cache as it was before, nothing is certain.
fn settings(
    event: &Event,
    engine: &Engine,
    port: &Port,
    lead: &CacheLead,
    facts: &CacheFacts,
    now: i64,
) -> impl Iterator<Item = Finding> {
    let then = facts.once_changed();
    let judged = if lead.altered.is_some() { &then } else { facts };
    let found = [
        default_port::check(facts.kind, engine, port),
        plaintext_transit::check(engine, judged),
        no_auth::check(engine, judged),
        public_subnet::check(engine, facts),
        public_endpoint::check(engine, facts),
    ];
    let today = [plaintext_transit::check(engine, facts), no_auth::check(engine, facts)];
    let today: BTreeSet<Check> = today.into_iter().flatten().map(|finding| finding.check).collect();
    let is_uncertain = lead.altered.is_some() && lead.is_unsettled(facts, event.is_young(now));
    let touched: Vec<Finding> = found
        .into_iter()
        .flatten()
        .filter(|finding| touches(lead, finding.check))
        .map(|mut finding| {
            if is_uncertain {
                let why = "ElastiCache may not show yet what the call changed";
                finding.remedy = Remedy::Pending(why.to_owned());
            } else if let Evidence::Setting { pending, .. } = &mut finding.evidence {
                *pending = lead.altered.is_some() && !today.contains(&finding.check);
            }
            finding
        })
        .collect();
    touched.into_iter()
}

/// What the call ends, once it is in force.
fn notes_of_change(lead: &CacheLead, facts: &CacheFacts) -> Vec<String> {
    let PendingChange { transit_encryption, authentication } = facts.pending;
    let coming = [
        (Check::PlaintextTransit, facts.transit_encryption, transit_encryption),
        (Check::NoAuth, facts.authentication, authentication),
    ];
    let ends = coming.into_iter().filter(|(check, now, then)| {
        lead.altered.is_some()
            && touches(lead, *check)
            && (*now, *then) == (Some(false), Some(true))
    });
    ends.map(|(check, ..)| format!("{check} ends with a change that is pending")).collect()
}

/// Findings about unreported rules that are gone, judged by what the ledger has of them; and the rules that are gone.
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

/// The ports that the cache listens on, or will listen on. While a cache is created, Describe shows no endpoint (API
/// reference, DescribeCacheClusters). Then the port is that of the request, or the engine's default; it is pending if
/// the cache may take over the port of a snapshot or of another cache, or if nobody knows the request.
fn port(event: &Event, engine: &Engine, lead: &CacheLead, facts: &CacheFacts) -> Port {
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
        (None, None, _) if !event.is_call() || lead.altered.is_some() => {
            Port::Pending("it has no endpoint yet, and the request is not known".to_owned())
        }
        (None, Some(from), _) => Port::Pending(format!(
            "it is {from}, which may bring its port, and has no endpoint yet"
        )),
        (None, None, Some(port)) => Port::Known(vec![port]),
        (None, None, None) => {
            Port::Pending(format!("the default port of `{}` is not known", engine.as_str()))
        }
    }
}

/// Replaces the manual remedy for a default port by the start of a re-creation, which makes a plan and asks people
/// for approval. The plan also says which caches cannot be re-created. A port that is not known yet stays pending.
fn offer_recreation(finding: &mut Finding, event: &Event, cache: &Subject, machine: &str) {
    if let Evidence::Port { engine, port: Some(port) } = &finding.evidence {
        let fault = format!("{}: {} on {port}", finding.check, engine.name());
        let start = StartRecreation::of(event, cache, machine, &fault);
        finding.remedy = Remedy::Do(Action::StartRecreation(start));
    }
}

/// The groups of the cache, as far as they were read.
fn groups(facts: &CacheFacts) -> &[GroupFacts] {
    match &facts.groups {
        CacheGroups::Unknown(_) => &[],
        CacheGroups::Read(groups) => groups,
    }
}

/// The group of the cache that a finding is about.
fn behind<'a>(facts: &'a CacheFacts, finding: &Finding) -> Option<&'a GroupFacts> {
    let id = group_of(finding)?;
    groups(facts).iter().find(|group| group.id == id)
}

fn subject(event: &Event, facts: &CacheFacts) -> Subject {
    let (kind, resource) = match facts.kind {
        CacheKind::CacheCluster => ("cache-cluster", "cluster"),
        CacheKind::ReplicationGroup => ("replication-group", "replicationgroup"),
        CacheKind::ServerlessCache => ("serverless-cache", "serverlesscache"),
    };
    let arn = || {
        Arn {
            partition: event.partition(),
            service: "elasticache",
            region: &event.region,
            account: &event.account,
            resource: &format!("{resource}:{}", facts.id),
        }
        .to_string()
    };
    Subject { kind, id: facts.id.clone(), arn: facts.arn.clone().unwrap_or_else(arn) }
}
