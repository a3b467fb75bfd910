//! The findings for a SIEM: OCSF 1.6, Compliance Finding (class 2003), one JSON object a line.
//!
//! A fault in a configuration is of this class by its definition. Security Hub's own findings are in OCSF 1.6 (its user
//! guide, "OCSF findings"), so the same readers take these.

use portcullis_engine::severity::Severity;
use portcullis_engine::text::harmless_json;
use portcullis_engine::time::seconds;
use serde_json::{Value, json};

use crate::document::{Document, Finding, Subject, Suppressed, Unknown};

const VERSION: &str = "1.6.0";
const CLASS: u32 = 2003;

/// A line for each finding, for what exceptions suppress, and for what is unknown.
pub fn ocsf(document: &Document) -> String {
    let of_findings = document.findings.iter().map(|finding| of_finding(document, finding));
    let of_suppressed = document.suppressed.iter().map(|one| of_suppressed(document, one));
    let of_unknown = document.unknown.iter().map(|one| of_unknown(document, one));
    let all = of_findings.chain(of_suppressed).chain(of_unknown);
    all.map(|event| format!("{}\n", harmless_json(&event.to_string()))).collect()
}

/// What every event has.
struct Event<'a> {
    document: &'a Document,
    account: &'a str,
    region: Option<&'a str>,
    check: &'a str,
    uid: String,
    title: &'a str,
    severity: u32,
    /// New, or suppressed.
    status: u32,
    /// Fail, or Warning where it is unknown.
    compliance: (u32, &'static str),
    resource: Option<&'a Subject>,
}

impl Event<'_> {
    fn json(&self, more: Value) -> Value {
        let Self { document, account, region, check, uid, title, severity, status, .. } = self;
        let time = seconds(&document.finished).saturating_mul(1000);
        let status_name = if *status == 1 { "New" } else { "Suppressed" };
        let mut event = json!({
            "activity_id": 1,
            "activity_name": "Create",
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": CLASS,
            "class_name": "Compliance Finding",
            "type_uid": CLASS * 100 + 1,
            "time": time,
            "severity_id": severity,
            "severity": severity_name(*severity),
            "status_id": status,
            "status": status_name,
            "message": title,
            "metadata": {
                "version": VERSION,
                "profiles": ["cloud"],
                "event_code": check,
                "product": {
                    "name": "Portcullis",
                    "vendor_name": "Portcullis",
                    "version": document.version,
                },
            },
            "cloud": {
                "provider": "AWS",
                "account": {"uid": account, "type_id": 10, "type": "AWS Account"},
                "region": region,
            },
            "finding_info": {
                "uid": uid,
                "title": title,
                "types": [check],
                "created_time": time,
            },
            "compliance": {
                "control": check,
                "standards": ["Portcullis"],
                "status_id": self.compliance.0,
                "status": self.compliance.1,
            },
            "resources": self.resource.map(|of| resource(of, *region)).into_iter().collect::<Vec<_>>(),
        });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        if self.region.is_none()
            && let Some(cloud) = event.pointer_mut("/cloud").and_then(Value::as_object_mut)
        {
            cloud.remove("region");
        }
        event
    }
}

fn of_finding(document: &Document, finding: &Finding) -> Value {
    let (account, region) = (finding.account.as_str(), finding.region.as_str());
    let event = Event {
        document,
        account,
        region: Some(region),
        check: finding.check(),
        uid: format!("portcullis/{account}/{region}/{}", finding.id()),
        title: finding.title(),
        severity: severity_id(finding.severity()),
        status: 1,
        compliance: (3, "Fail"),
        resource: Some(&finding.subject),
    };
    let what = finding.command.iter().chain(&finding.steps).cloned().collect::<Vec<_>>().join("\n");
    let what = if what.is_empty() { finding.because().to_owned() } else { what };
    let mut json = event.json(json!({
        "remediation": {"desc": what},
        "unmapped": {"evidence": finding.finding.get("evidence"), "owner": finding.owner()},
    }));
    let name = |c: &crate::Control| format!("{} {}", c.framework, c.version);
    let mut standards: Vec<String> = finding.controls.iter().map(name).collect();
    standards.dedup();
    let requirements: Vec<String> = finding
        .controls
        .iter()
        .map(|c| format!("{} {} {}", c.framework, c.version, c.id))
        .collect();
    if !standards.is_empty()
        && let Some(compliance) = json.pointer_mut("/compliance").and_then(Value::as_object_mut)
    {
        compliance.insert("standards".to_owned(), json!(standards));
        compliance.insert("requirements".to_owned(), json!(requirements));
    }
    json
}

fn of_suppressed(document: &Document, suppressed: &Suppressed) -> Value {
    let Suppressed { account, region, subject, check, what, rule, exception, reason, .. } =
        suppressed;
    let which = rule.as_ref().unwrap_or(&subject.id);
    let title = what.as_deref().unwrap_or(check);
    let event = Event {
        document,
        account,
        region: Some(region),
        check,
        uid: format!("portcullis/{account}/{region}/{check}/{which}"),
        title,
        severity: 1,
        status: 3,
        compliance: (3, "Fail"),
        resource: Some(subject),
    };
    event.json(json!({"unmapped": {"exception": exception, "reason": reason}}))
}

fn of_unknown(document: &Document, unknown: &Unknown) -> Value {
    let Unknown { account, region, call, right, error, effect, .. } = unknown;
    let place = region.as_deref().unwrap_or("all");
    let event = Event {
        document,
        account,
        region: region.as_deref(),
        check: call,
        uid: format!("portcullis/{account}/{place}/unknown/{call}"),
        title: effect,
        severity: 0,
        status: 1,
        compliance: (2, "Warning"),
        resource: None,
    };
    event.json(json!({"unmapped": {"error": error, "right": right}}))
}

fn severity_id(severity: Severity) -> u32 {
    match severity {
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

fn severity_name(id: u32) -> &'static str {
    match id {
        1 => "Informational",
        2 => "Low",
        3 => "Medium",
        4 => "High",
        5 => "Critical",
        _ => "Unknown",
    }
}

fn resource(subject: &Subject, region: Option<&str>) -> Value {
    let kind = match subject.kind.as_str() {
        "security-group" => "AWS::EC2::SecurityGroup",
        "replication-group" => "AWS::ElastiCache::ReplicationGroup",
        "cache-cluster" => "AWS::ElastiCache::CacheCluster",
        "serverless-cache" => "AWS::ElastiCache::ServerlessCache",
        other => other,
    };
    let name = subject.name.as_ref().unwrap_or(&subject.id);
    json!({"uid": subject.arn, "name": name, "type": kind, "region": region})
}
