//! The findings as a table for a spreadsheet: RFC 4180, one finding a row.

use portcullis_engine::text::csv_row;
use serde_json::Value;

use crate::document::{Document, Finding, Suppressed, Unknown};

/// The columns. New ones may come at the end.
pub(crate) const COLUMNS: [&str; 27] = [
    "account_id",
    "region",
    "severity",
    "status",
    "check",
    "finding_id",
    "title",
    "subject_kind",
    "subject_id",
    "subject_name",
    "vpc_id",
    "rule_id",
    "protocol",
    "from_port",
    "to_port",
    "source",
    "public_ipv4_addresses",
    "public_ipv6_prefix",
    "reach",
    "public_addresses",
    "owner",
    "suppressed_by",
    "because",
    "command",
    "controls",
    "arn",
    "carried_by",
];

type Row = [String; COLUMNS.len()];

/// The findings, then what exceptions suppress, then what is unknown.
pub fn csv(document: &Document) -> String {
    let mut out = csv_row(COLUMNS);
    let rows = document.findings.iter().map(of_finding);
    let rows = rows.chain(document.suppressed.iter().map(of_suppressed));
    out.extend(rows.chain(document.unknown.iter().map(of_unknown)).map(csv_row));
    out
}

fn of_finding(finding: &Finding) -> Row {
    let text = |path: &str| match finding.evidence(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let control = |control: &crate::Control| {
        format!("{} {} {}", control.framework, control.version, control.id)
    };
    let controls: Vec<String> = finding.controls.iter().map(control).collect();
    let subject = &finding.subject;
    [
        finding.account.clone(),
        finding.region.clone(),
        finding.severity().as_str().to_owned(),
        "open".to_owned(),
        finding.check().to_owned(),
        finding.id().to_owned(),
        finding.title().to_owned(),
        subject.kind.clone(),
        subject.id.clone(),
        subject.name.clone().unwrap_or_default(),
        subject.vpc.clone().unwrap_or_default(),
        text("/rule/id"),
        text("/rule/protocol"),
        text("/rule/fromPort"),
        text("/rule/toPort"),
        text("/rule/source"),
        text("/public/ipv4Addresses"),
        text("/public/ipv6Prefix"),
        finding.reach.clone().unwrap_or_default(),
        text("/reach/publicAddresses"),
        finding.owner.as_ref().map(|owner| owner.who.clone()).unwrap_or_default(),
        String::new(),
        finding.because().to_owned(),
        finding.command.clone().unwrap_or_default(),
        controls.join("; "),
        subject.arn.clone(),
        text("/reach/interfaces"),
    ]
}

fn of_suppressed(suppressed: &Suppressed) -> Row {
    let Suppressed { account, region, subject, check, what, rule, exception, reason, .. } =
        suppressed;
    let mut row = empty(account, Some(region), "suppressed");
    let [_, _, _, _, of, _, title, kind, id, name, vpc, rule_id, ..] = &mut row;
    check.clone_into(of);
    *title = what.clone().unwrap_or_default();
    subject.kind.clone_into(kind);
    subject.id.clone_into(id);
    *name = subject.name.clone().unwrap_or_default();
    *vpc = subject.vpc.clone().unwrap_or_default();
    *rule_id = rule.clone().unwrap_or_default();
    let [.., by, because, _, _, arn, _] = &mut row;
    exception.clone_into(by);
    reason.clone_into(because);
    subject.arn.clone_into(arn);
    row
}

fn of_unknown(unknown: &Unknown) -> Row {
    let Unknown { account, region, right, error, effect, .. } = unknown;
    let mut row = empty(account, region.as_ref(), "unknown");
    let [_, _, _, _, _, _, title, ..] = &mut row;
    effect.clone_into(title);
    let [.., because, _, _, _, _] = &mut row;
    *because = match right {
        Some(right) => format!("the right {right} is missing"),
        None => error.clone(),
    };
    row
}

fn empty(account: &str, region: Option<&String>, status: &str) -> Row {
    let mut row = Row::default();
    let [of_account, of_region, _, of_status, ..] = &mut row;
    account.clone_into(of_account);
    *of_region = region.cloned().unwrap_or_default();
    status.clone_into(of_status);
    row
}
