//! The alert for machines: `portcullis.alert.v1`, described by `docs/alert.schema.json`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::{End, Outcomes, mail, memory, owner, text, tolerance};
use crate::action::Action;
use crate::checks::{Evidence, Finding, Reach, rule_of};
use crate::decide::Decision;
use crate::event::Event;
use crate::facts::IngressRule;
use crate::ledger::Key;
use crate::net::{Count, Exposure};

/// Longest text of a user that is passed on.
const TEXT: usize = 256;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: &'a str,
    account: &'a str,
    region: &'a str,
    time: &'a str,
    mode: &'static str,
    severity: &'static str,
    checks: BTreeSet<&'static str>,
    actor: Actor,
    subject: Subject<'a>,
    owner: Option<owner::Told>,
    event: EventRef<'a>,
    findings: Vec<Value>,
    older: Vec<Value>,
    tolerated: Vec<Value>,
    ended: Vec<Value>,
    recovered: Vec<Value>,
    memory: Option<String>,
    omitted: Omitted,
}

#[derive(Serialize)]
struct Actor {
    arn: String,
    name: String,
    via: Option<String>,
    ip: String,
    agent: String,
}

#[derive(Serialize)]
struct Subject<'a> {
    r#type: &'static str,
    id: &'a str,
    arn: &'a str,
    name: Option<String>,
    vpc: Option<&'a str>,
}

#[derive(Serialize)]
struct EventRef<'a> {
    name: &'static str,
    id: &'a str,
}

#[derive(Serialize)]
struct Omitted {
    findings: usize,
    older: usize,
    tolerated: usize,
    recovered: usize,
}

/// The document, with at most `room` findings of each kind.
pub(super) fn document(
    event: &Event,
    decision: &Decision,
    outcomes: &Outcomes,
    room: usize,
) -> String {
    let told = |findings: &[Finding]| -> Vec<Value> {
        findings.iter().take(room).map(|f| finding(event, decision, f, outcomes)).collect()
    };
    let bounded = |text: &str| text::bounded(text, TEXT);
    let remarks = &decision.remarks;
    let document = Document {
        schema: "portcullis.alert.v1",
        id: &event.id,
        account: &event.account,
        region: &event.region,
        time: &event.time,
        mode: decision.mode.as_str(),
        severity: decision.severity().as_str(),
        checks: decision.findings.iter().map(|finding| finding.check.as_str()).collect(),
        actor: Actor {
            arn: bounded(&event.actor.arn),
            name: bounded(&event.actor.name),
            via: event.actor.via.as_deref().map(bounded),
            ip: bounded(&event.actor.ip),
            agent: bounded(&event.actor.agent),
        },
        subject: Subject {
            r#type: decision.subject.kind,
            id: &decision.subject.id,
            arn: &decision.subject.arn,
            name: decision.subject.name.as_deref().map(bounded),
            vpc: decision.subject.vpc.as_deref(),
        },
        owner: owner::told(event, decision, text::quoted),
        event: EventRef { name: event.name.as_str(), id: &event.id },
        findings: told(&decision.findings),
        older: told(&decision.older),
        tolerated: decision.tolerated.iter().take(room).map(tolerance::tolerated_json).collect(),
        ended: decision.ended.iter().take(room).map(tolerance::ended_json).collect(),
        recovered: remarks.recovered.iter().take(room).map(memory::recovered_json).collect(),
        memory: remarks.lost.as_deref().map(bounded),
        omitted: Omitted {
            findings: decision.findings.len().saturating_sub(room),
            older: decision.older.len().saturating_sub(room),
            tolerated: decision.tolerated.len().saturating_sub(room),
            recovered: remarks.recovered.len().saturating_sub(room),
        },
    };
    // Strings, numbers and arrays of them always serialise.
    text::harmless_json(&serde_json::to_string(&document).unwrap_or_default())
}

fn finding(event: &Event, decision: &Decision, finding: &Finding, outcomes: &Outcomes) -> Value {
    let end = End::of(finding, outcomes);
    let action = finding.remedy.action();
    let execution = match &end {
        End::Started(execution) | End::AlreadyStarted(execution) => Some(execution),
        End::Done(_)
        | End::AlreadyGone
        | End::Failed(_)
        | End::Withheld(_)
        | End::ByHand(_)
        | End::Pending(_) => None,
    };
    let undo = memory::commands_of(event, decision, finding, outcomes);
    json!({
        "id": Key::of(finding, &decision.subject).id(),
        "check": finding.check.as_str(),
        "severity": finding.severity.as_str(),
        "title": mail::title(finding),
        "evidence": evidence(finding),
        "action": action.map(Action::as_str),
        "move": action.and_then(Action::starts).map(|start| &start.id),
        "execution": execution,
        "outcome": end.as_str(),
        "because": end.because().map(|why| text::bounded(why, 2 * TEXT)),
        "cameBack": memory::comeback_json(decision, finding),
        "undo": undo,
    })
}

fn evidence(finding: &Finding) -> Value {
    match &finding.evidence {
        Evidence::Rule { group, rule, exposure, cache_port, reach } => {
            let (public, with) = match exposure {
                Exposure::Alone(public) => (public, [].as_slice()),
                Exposure::Together { public, with, .. } => (public, with.as_slice()),
            };
            json!({
                "group": group, "rule": rule_json(rule), "public": public_json(public),
                "togetherWith": with, "cachePort": cache_port, "reach": reach_json(reach),
            })
        }
        Evidence::UnreadableRule { group, rule, why, reach } => json!({
            "group": group, "rule": rule_json(rule), "unknown": text::bounded(why, TEXT),
            "reach": reach_json(reach),
        }),
        Evidence::UnreadableGroups(why) => json!({"unknown": text::bounded(why, TEXT)}),
        Evidence::Port { engine, port } => json!({"engine": engine.as_str(), "port": port}),
        Evidence::Setting { engine } => json!({"engine": engine.as_str()}),
    }
}

fn rule_json(rule: &IngressRule) -> Value {
    json!({
        "id": rule.id,
        "protocol": rule.protocol.as_str(),
        "fromPort": rule.protocol.has_ports().then_some(rule.from_port),
        "toPort": rule.protocol.has_ports().then_some(rule.to_port),
        "source": rule.source.to_string(),
        "description": rule.description.as_deref().map(|text| text::bounded(text, TEXT)),
    })
}

/// IPv6 counts do not fit into a JSON number: they are given as the prefix they are worth.
fn public_json(count: &Count) -> Value {
    let v6 = count.v6.checked_ilog2().map(|log| 128 - log);
    json!({"ipv4Addresses": u64::try_from(count.v4).unwrap_or(u64::MAX), "ipv6Prefix": v6})
}

fn reach_json(reach: &Reach) -> Value {
    match reach {
        Reach::Unknown(why) => json!({"unknown": text::bounded(why, TEXT)}),
        Reach::Nothing => json!({"interfaces": 0, "publicAddresses": []}),
        Reach::Private(count) => json!({"interfaces": count, "publicAddresses": []}),
        Reach::Blocked { interfaces, addresses, mode } => json!({
            "interfaces": interfaces,
            "publicAddresses": shown(addresses),
            "blockPublicAccess": mode.as_str(),
        }),
        Reach::LoadBalanced { interfaces, addresses } => json!({
            "interfaces": interfaces,
            "publicAddresses": shown(addresses),
            "loadBalancersOnly": true,
        }),
        Reach::Public { interfaces, addresses } => {
            json!({"interfaces": interfaces, "publicAddresses": shown(addresses)})
        }
    }
}

fn shown(addresses: &[String]) -> &[String] {
    addresses.get(..20).unwrap_or(addresses)
}

/// The subject line's words for one finding's rule, if it has one.
pub(super) fn rule_words(finding: &Finding) -> Option<String> {
    rule_of(finding).map(|rule| format!("{} from {}", rule.traffic(), rule.source))
}
