//! The alert for machines: `portcullis.alert.v1`, described by `docs/alert.schema.json`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use portcullis_engine::action::{Action, Remedy};
use portcullis_engine::facts::{IngressRule, ListEntry};
use portcullis_engine::finding::Evidence;
use portcullis_engine::ledger::Snooze;
use portcullis_engine::net::{Count, Exposure};
use portcullis_engine::reach::Reach;
use portcullis_engine::report::{Report, Reported, WorstGroup};
use portcullis_engine::text;

use crate::{command, grants, lists, memory, owner, servers, tolerance};

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
    owner: Option<owner::InWords>,
    event: EventRef<'a>,
    findings: Vec<Value>,
    older: Vec<Value>,
    #[serde(rename = "tolerated")]
    suppressed: Vec<Value>,
    ended: Vec<Value>,
    recovered: Vec<Value>,
    memory: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    servers: Vec<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    later: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revisit: Option<Value>,
    #[serde(rename = "redeliveredBy", skip_serializing_if = "Option::is_none")]
    redelivered_by: Option<&'static str>,
    omitted: Omitted,
}

#[derive(Serialize)]
struct Actor {
    arn: String,
    name: String,
    #[serde(rename = "sourceIdentity", skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
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
    #[serde(rename = "tolerated")]
    suppressed: usize,
    recovered: usize,
}

/// The document, with at most `room` findings of each kind.
pub(crate) fn document(report: &Report, room: usize) -> String {
    let Report { event, decision, names, .. } = report;
    let told = |findings: &[Reported]| -> Vec<Value> {
        findings.iter().take(room).map(|reported| finding(report, reported)).collect()
    };
    let bounded = |text: &str| text::bounded(text, TEXT);
    let document = Document {
        schema: "portcullis.alert.v1",
        id: &event.id,
        account: &event.account,
        region: &event.region,
        time: &event.time,
        mode: decision.mode.as_str(),
        severity: report.severity().as_str(),
        checks: report.findings.iter().map(|reported| reported.finding.check.as_str()).collect(),
        actor: Actor {
            arn: bounded(&event.actor.arn),
            name: bounded(&event.actor.name),
            source_identity: event.actor.source_identity.as_deref().map(bounded),
            via: event.actor.via.as_deref().map(bounded),
            ip: bounded(&event.actor.ip),
            agent: bounded(&event.actor.agent),
        },
        subject: Subject {
            r#type: decision.subject.kind,
            id: &decision.subject.id,
            arn: &decision.subject.arn,
            name: names.name.as_deref().map(bounded),
            vpc: names.vpc.as_deref(),
        },
        owner: owner::in_words(report, text::quoted),
        event: EventRef { name: event.call(), id: &event.id },
        findings: told(&report.findings),
        older: told(&report.older),
        suppressed: report.suppressed.iter().take(room).map(tolerance::suppressed_json).collect(),
        ended: report.expired.iter().take(room).map(tolerance::ended_json).collect(),
        recovered: report.resolved.iter().take(room).map(memory::recovered_json).collect(),
        memory: memory::away(report).map(|why| bounded(&why)),
        servers: servers::json(report),
        later: report.is_later,
        revisit: report.revisit.as_ref().map(|revisit| {
            let snooze = |snooze: &Snooze| {
                json!({
                    "until": bounded(&snooze.until),
                    "by": bounded(&snooze.by),
                    "reason": bounded(&snooze.reason),
                })
            };
            let snoozes: Vec<Value> = revisit.snoozes.iter().take(room).map(snooze).collect();
            json!({ "why": revisit.why.as_str(), "snoozes": snoozes })
        }),
        redelivered_by: report.is_redelivered.then_some("sweep"),
        omitted: Omitted {
            findings: report.findings.len().saturating_sub(room),
            older: report.older.len().saturating_sub(room),
            suppressed: report.suppressed.len().saturating_sub(room),
            recovered: report.resolved.len().saturating_sub(room),
        },
    };
    // Strings, numbers and arrays of them always serialise.
    text::harmless_json(&serde_json::to_string(&document).unwrap_or_default())
}

/// A finding, as `$defs/finding` of the schema has it.
pub(crate) fn finding(report: &Report, reported: &Reported) -> Value {
    let Reported { key, finding, severity, resolution, because, execution, .. } = reported;
    let action = reported.action();
    let mut told = json!({
        "id": key.id(),
        "check": finding.check.as_str(),
        "severity": severity.as_str(),
        "title": finding.title(),
        "evidence": evidence(reported),
        "action": action.map(Action::as_str),
        "move": action.and_then(Action::starts).map(|start| &start.id),
        "execution": execution,
        "outcome": resolution.as_str(),
        "because": because.as_deref().map(|why| text::bounded(why, 2 * TEXT)),
        "cameBack": memory::recurrence_json(reported),
        "undo": memory::commands_of(report, reported),
    });
    if let (Some(told), Some(grants)) = (told.as_object_mut(), grants::json(reported)) {
        told.insert("grants".to_owned(), grants);
    }
    told
}

fn evidence(reported: &Reported) -> Value {
    let reach = reported.reach.as_ref().map(reach_json);
    match &reported.finding.evidence {
        Evidence::Rule { group, rule, exposure, cache_port } => {
            let (public, with) = match exposure {
                Exposure::Alone(public) => (public, [].as_slice()),
                Exposure::Together { public, with, .. } => (public, with.as_slice()),
            };
            let mut evidence = json!({
                "group": group, "rule": rule_json(rule), "public": public_json(public),
                "togetherWith": with, "cachePort": cache_port, "reach": reach,
            });
            if let (Remedy::Gone(_), Some(members)) =
                (&reported.finding.remedy, evidence.as_object_mut())
            {
                members.insert("toldBy".to_owned(), "event".into());
            }
            evidence
        }
        Evidence::UnreadableRule { group, rule, why } => json!({
            "group": group, "rule": rule_json(rule), "unknown": text::bounded(why, TEXT),
            "reach": reach,
        }),
        Evidence::Entries { list, entries, .. } => entries_json(reported, list, entries),
        Evidence::UnnamedSubject { what, .. } => {
            json!({"unknown": format!("the record names no {what}")})
        }
        Evidence::UnreadableGroups(why) => json!({"unknown": text::bounded(why, TEXT)}),
        Evidence::Port { engine, port } => json!({"engine": engine.as_str(), "port": port}),
        Evidence::Setting { engine, pending: false } => json!({"engine": engine.as_str()}),
        Evidence::Setting { engine, pending: true } => {
            json!({"engine": engine.as_str(), "from": "maintenance-window"})
        }
    }
}

/// The entries of a prefix list, and the groups that they open.
fn entries_json(reported: &Reported, list: &str, entries: &[ListEntry]) -> Value {
    let entry = |entry: &ListEntry| {
        let said = entry.description.as_deref().map(|said| text::bounded(said, TEXT));
        json!({"cidr": entry.cidr.to_string(), "description": said})
    };
    let group = |worst: &WorstGroup| {
        json!({
            "group": worst.group.id,
            "name": worst.name.as_deref().map(|name| text::bounded(name, TEXT)),
            "rules": worst.group.rules,
            "reach": reach_json(&worst.reach),
        })
    };
    let groups = lists::of(reported).map_or(reported.worst.len(), |removal| removal.groups.len());
    json!({
        "prefixList": list,
        "entries": entries.iter().take(command::AT_ONCE).map(entry).collect::<Vec<_>>(),
        "entriesInAll": entries.len(),
        "groups": groups,
        "worst": reported.worst.iter().map(group).collect::<Vec<_>>(),
    })
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
