//! What known networks got, or would get, in place of a public rule.

use std::fmt::Write;

use portcullis_engine::action::{Grants, NoGrant};
use portcullis_engine::facts::{IngressRule, Protocol, Source};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::text;
use serde_json::{Map, Value, json};

use crate::command;

/// Longest answer of EC2 that is shown.
const WHY: usize = 300;

/// The grants of a finding, if there are known networks.
fn of(reported: &Reported) -> Option<(&IngressRule, &Grants)> {
    let action = reported.action()?;
    let ((_, rule), grants) = (action.revokes()?, action.grants()?);
    let has_any = !grants.to.is_empty() || !grants.none.is_empty();
    (has_any || !reported.granted.rules.is_empty()).then_some((rule, grants))
}

fn names<'a>(networks: impl Iterator<Item = &'a Source>) -> String {
    networks.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The lines of the mail.
pub(crate) fn lines(body: &mut String, report: &Report, reported: &Reported) {
    let Some((rule, grants)) = of(reported) else { return };
    let made = &reported.granted.rules;
    if !made.is_empty() {
        let made: Vec<String> =
            made.iter().map(|rule| format!("{} ({})", rule.source, rule.id)).collect();
        let _ = writeln!(
            body,
            "  Granted:  {} to known networks: {}.",
            rule.traffic(),
            made.join(", ")
        );
    }
    if let Some(not) = &reported.granted.not {
        let networks = names(not.rules.iter().map(|rule| &rule.source));
        let why = if not.is_full {
            "the group has as many rules as its quota permits (Service Quotas, L-0EA8095F: inbound or outbound rules per \
             security group). They are cut off too"
                .to_owned()
        } else {
            text::plain(&not.why, WHY)
        };
        let _ = writeln!(body, "  NOT granted to known networks: {networks}: {why}.");
        grant_it(body, report, reported, &not.rules);
    }
    for (network, why) in &grants.none {
        let why = text::plain(&why.to_string(), WHY);
        let _ = writeln!(body, "  Known network {network} gets no rule: {why}.");
    }
    let is_kind = |network: &&Source| matches!(grants.none.get(*network), Some(NoGrant::Kind));
    let narrow: Vec<IngressRule> = grants
        .none
        .keys()
        .filter(is_kind)
        .filter(|network| !is_of_other_family(network, &rule.source))
        .map(|network| grants.rule(rule, network.clone()))
        .collect();
    // A public address that reaches UDP 11211 is a fault itself.
    if reported.resolution.is_gone() && !rule.covers(&Protocol::Udp, 11_211) && !narrow.is_empty() {
        grant_it(body, report, reported, &narrow);
    }
}

fn is_of_other_family(network: &Source, source: &Source) -> bool {
    matches!(
        (network, source),
        (Source::Ipv4(_), Source::Ipv6(_)) | (Source::Ipv6(_), Source::Ipv4(_))
    )
}

fn grant_it(body: &mut String, report: &Report, reported: &Reported, rules: &[IngressRule]) {
    if let Some(group) = reported.group() {
        let grant = command::authorize(&report.event.region, group, rules);
        let _ = writeln!(body, "  Grant it to them:\n{grant}");
    }
}

/// What an alert in chat adds to the line of a finding.
pub(crate) fn in_short(reported: &Reported) -> String {
    let mut short = String::new();
    if !reported.granted.rules.is_empty() {
        let to = names(reported.granted.rules.iter().map(|rule| &rule.source));
        let _ = write!(short, "; granted to known networks: {to}");
    }
    if let Some(not) = &reported.granted.not {
        let to = names(not.rules.iter().map(|rule| &rule.source));
        let _ = write!(short, "; NOT granted to known networks: {to}");
    }
    short
}

/// The member `grants` of a finding; none without known networks.
pub(crate) fn json(reported: &Reported) -> Option<Value> {
    let (_, grants) = of(reported)?;
    let rule = |rule: &IngressRule| json!({"rule": rule.id, "source": rule.source.to_string()});
    let mut told = Map::new();
    told.insert("to".to_owned(), grants.to.iter().map(ToString::to_string).collect());
    told.insert("made".to_owned(), reported.granted.rules.iter().map(rule).collect());
    let none = grants.none.iter().map(|(network, why)| {
        json!({"source": network.to_string(), "because": text::bounded(&why.to_string(), WHY)})
    });
    told.insert("none".to_owned(), none.collect());
    if let Some(not) = &reported.granted.not {
        let missing = not.rules.iter().map(|rule| rule.source.to_string());
        told.insert("missing".to_owned(), missing.collect());
        told.insert("full".to_owned(), not.is_full.into());
        told.insert("because".to_owned(), text::bounded(&not.why, WHY).into());
    }
    Some(Value::Object(told))
}
