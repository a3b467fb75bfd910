//! What is suppressed, what was until an exception ended, and how to write one.

use std::fmt::Write;

use serde_json::{Value, json};

use portcullis_engine::exceptions::{Exception, Expired, Suppressed};
use portcullis_engine::facts::{IngressRule, Source};
use portcullis_engine::finding::{Check, Evidence, Finding, rule_of};
use portcullis_engine::report::Report;
use portcullis_engine::text;

/// Longest reason that is shown.
const REASON: usize = 160;

/// How many are told in the mail; the document has all.
const TOLD: usize = 10;

/// The line of a finding whose exception has ended.
pub(crate) fn ended(body: &mut String, report: &Report, finding: &Finding) {
    for ended in report.expired.iter().filter(|ended| is_of(ended, finding)) {
        let Exception { id, reason, until } = &ended.exception;
        let until = text::plain(until.as_deref().unwrap_or_default(), 40);
        let (id, reason) = (text::plain(id, 80), text::plain(reason, REASON));
        let _ =
            writeln!(body, "  Expired:  the exception {id} suppressed it until {until}: {reason}");
    }
}

fn is_of(ended: &Expired, finding: &Finding) -> bool {
    ended.check == finding.check && ended.rule.as_ref() == rule_of(finding).map(|rule| &rule.id)
}

/// What the event brought about beside it, and an exception tolerates.
pub(crate) fn suppressed(body: &mut String, report: &Report) {
    if report.suppressed.is_empty() {
        return;
    }
    body.push_str("\nSuppressed in the same event:\n");
    for Suppressed { check, rule, by } in report.suppressed.iter().take(TOLD) {
        let what = match rule {
            Some(rule) => format!("{} from {} {} [{check}]", rule.traffic(), rule.source, rule.id),
            None => format!("[{check}]"),
        };
        let (id, reason) = (text::plain(&by.id, 80), text::plain(&by.reason, REASON));
        let until = by.until.as_ref().map(|until| format!(", until {}", text::plain(until, 40)));
        let _ = writeln!(body, "- {what} by {id}{}: {reason}", until.unwrap_or_default());
    }
    if let Some(more) = report.suppressed.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let _ = writeln!(body, "- ... and {more} more");
    }
}

/// For the document.
pub(crate) fn suppressed_json(suppressed: &Suppressed) -> Value {
    json!({
        "check": suppressed.check.as_str(),
        "rule": suppressed.rule.as_ref().map(|rule| &rule.id),
        "exception": exception_json(&suppressed.by),
    })
}

/// For the document.
pub(crate) fn ended_json(ended: &Expired) -> Value {
    json!({
        "check": ended.check.as_str(),
        "rule": ended.rule,
        "exception": exception_json(&ended.exception),
    })
}

fn exception_json(exception: &Exception) -> Value {
    json!({
        "id": text::bounded(&exception.id, 256),
        "reason": text::bounded(&exception.reason, 256),
        "until": exception.until,
    })
}

/// The exception in Cedar that tolerates exactly this rule, or this cache as it is; none where the shipped policies
/// forbid it, or where nothing is known that could be suppressed.
pub(crate) fn policy(report: &Report, finding: &Finding) -> Option<String> {
    match &finding.evidence {
        Evidence::Rule { group, rule, .. } => of_rule(report, finding.check, group, rule),
        Evidence::Port { .. } | Evidence::Setting { .. } => Some(of_cache(report)),
        Evidence::UnreadableRule { .. }
        | Evidence::UnreadableGroups(_)
        | Evidence::Entries { .. }
        | Evidence::UnnamedSubject { .. } => None,
    }
}

fn of_rule(report: &Report, check: Check, group: &str, rule: &IngressRule) -> Option<String> {
    let resource = match check {
        Check::OpenIngress => format!("Portcullis::SecurityGroup::\"{group}\""),
        Check::OpenCache => format!("Portcullis::Cache::\"{}\"", report.subject().id),
        Check::MemcachedUdp
        | Check::DefaultPort
        | Check::PlaintextTransit
        | Check::NoAuth
        | Check::PublicSubnet
        | Check::PublicEndpoint => return None,
    };
    let source = source(&rule.source)?;
    let (from, to) = rule.ports();
    let protocol = rule.protocol.as_str();
    Some(format!(
        "@id(\"{}\")\n{REASON_HERE}\
         permit (\n  principal,\n  action == Portcullis::Action::\"{check}\",\n  resource == {resource}\n)\nwhen {{\n  \
         context.protocol == \"{protocol}\" && context.fromPort == {from} && context.toPort == {to} &&\n  {source}\n}};\n",
        id(group, rule),
    ))
}

/// Of every setting that was found. A cache of the same name may be there in another account or Region, to which the
/// same policies go out.
fn of_cache(report: &Report) -> String {
    let is_setting = |finding: &&Finding| {
        matches!(finding.evidence, Evidence::Port { .. } | Evidence::Setting { .. })
    };
    let settings = report.findings.iter().map(|reported| &reported.finding).filter(is_setting);
    let actions: Vec<String> =
        settings.map(|finding| format!("Portcullis::Action::\"{}\"", finding.check)).collect();
    let (id, arn) = (&report.subject().id, &report.subject().arn);
    format!(
        "@id(\"{id}-as-it-is\")\n{REASON_HERE}\
         permit (\n  principal,\n  action in [{}],\n  resource == Portcullis::Cache::\"{id}\"\n)\n\
         when {{ resource.arn == \"{arn}\" }};\n",
        actions.join(", ")
    )
}

/// The validator takes any reason, and whoever reviews it will not take this one.
const REASON_HERE: &str = "@reason(\"<why, and who says so>\")\n";

fn id(group: &str, rule: &IngressRule) -> String {
    let (from, to) = rule.ports();
    let protocol = match rule.protocol.as_str() {
        "-1" => "all",
        protocol => protocol,
    };
    if from == to {
        format!("{group}-{protocol}-{from}")
    } else {
        format!("{group}-{protocol}-{from}-{to}")
    }
}

fn source(source: &Source) -> Option<String> {
    match source {
        Source::Ipv4(_) | Source::Ipv6(_) => {
            Some(format!("context has cidr && context.cidr == ip(\"{source}\")"))
        }
        Source::PrefixList(list) => {
            Some(format!("context has prefixList && context.prefixList == \"{list}\""))
        }
        Source::Group(_) | Source::Unreadable(_) => None,
    }
}
