//! The report for a terminal: blocks of an account and a Region, most severe first, in the width that there is.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_engine::severity::Severity;
use portcullis_engine::text::harmless;

use crate::document::{Document, Finding, Scope, Unknown};

/// The narrowest that is written.
const NARROW: usize = 40;

/// The report in lines of at most `width` columns, as far as words allow. `paint` colours a severity, or does not:
/// colour never says anything alone.
pub fn table(
    document: &Document,
    width: usize,
    paint: &dyn Fn(Severity, &str) -> String,
) -> String {
    let width = width.max(NARROW);
    let mut out = String::new();
    let mut empty: BTreeMap<&str, Vec<&Scope>> = BTreeMap::new();
    for scope in &document.scopes {
        let of = |f: &&Finding| f.account == scope.account && f.region == scope.region;
        let findings: Vec<&Finding> = document.findings.iter().filter(of).collect();
        if findings.is_empty() {
            empty.entry(&scope.account).or_default().push(scope);
            continue;
        }
        let _ = writeln!(out, "{}\n", head(scope));
        for finding in findings {
            block(&mut out, finding, width, paint);
        }
    }
    for (account, scopes) in empty {
        let clean = scopes.iter().filter(|scope| scope.complete);
        let clean: Vec<&str> = clean.map(|scope| scope.region.as_str()).collect();
        if !clean.is_empty() {
            wrapped(
                &mut out,
                "",
                &format!("{account}: nothing found in {}.", clean.join(", ")),
                width,
            );
        }
    }
    for unknown in &document.unknown {
        wrapped(&mut out, "", &unknown_line(unknown), width);
    }
    let _ = writeln!(out, "{}", sums(document));
    out
}

fn head(scope: &Scope) -> String {
    let Scope { account, region, complete, seconds, counts, .. } = scope;
    let part = if *complete { "" } else { ", incomplete" };
    format!(
        "{account} · {region} · {} groups, {} caches · {seconds:.1} s{part}",
        counts.groups, counts.caches
    )
}

fn block(
    out: &mut String,
    finding: &Finding,
    width: usize,
    paint: &dyn Fn(Severity, &str) -> String,
) {
    let severity = finding.severity();
    let word = severity.as_str().to_uppercase();
    let name = finding.subject.name.as_deref().map(|name| format!(" {}", harmless(name)));
    let subject = format!("{}{}", finding.subject.id, name.unwrap_or_default());
    let _ = writeln!(out, "{}{}", paint(severity, &format!("{word:<10}")), harmless(&subject));
    let mut line = |text: &str| wrapped(out, "          ", &harmless(text), width);
    line(finding.title());
    let rule = finding.evidence("/rule/id").and_then(|id| id.as_str());
    let admits = finding.admits.as_ref().map(|admits| format!("It admits {admits}."));
    let reach = finding.reach.as_ref().map(|reach| format!("Behind it: {reach}."));
    let evidence: Vec<String> = admits.into_iter().chain(reach).collect();
    if !evidence.is_empty() {
        line(&evidence.join(" "));
    }
    if finding.because() != "an audit changes nothing" && !finding.because().is_empty() {
        line(&format!("Why not closed: {}.", finding.because()));
    }
    if let Some(owner) = &finding.owner {
        line(&format!("Owner: {}, recognised by {}.", owner.who, owner.by));
    }
    let rule = rule.map(|rule| format!(" · {rule}")).unwrap_or_default();
    line(&format!("{} · {}{rule}", finding.id(), finding.check()));
    out.push('\n');
}

/// What could not be read, in a line.
pub(crate) fn unknown_line(unknown: &Unknown) -> String {
    let Unknown { account, region, call, right, error, effect, .. } = unknown;
    let place = region.as_ref().map(|region| format!(" {region}")).unwrap_or_default();
    let why = match right {
        Some(right) => format!("the right {right} is missing"),
        None => format!("{call} failed: {}", harmless(error)),
    };
    format!("Unknown, {account}{place}: {effect} ({why}).")
}

/// How much there is of what, in a line.
pub(crate) fn sums(document: &Document) -> String {
    let count = |severity: &Severity| match document.count(*severity) {
        0 => None,
        count => Some(format!("{count} {}", severity.as_str())),
    };
    let mut parts: Vec<String> = Severity::ALL.iter().rev().filter_map(count).collect();
    if parts.is_empty() {
        parts.push("no findings".to_owned());
    }
    let mut words = parts.join(", ");
    if !document.suppressed.is_empty() {
        let _ = write!(words, " · {} suppressed by exceptions", document.suppressed.len());
    }
    let _ = write!(words, " · {} Regions", document.scopes.len());
    if !document.complete {
        words.push_str(" · INCOMPLETE: see what is unknown");
    }
    words
}

/// Breaks at spaces; a word that is longer than a line has a line of its own.
fn wrapped(out: &mut String, indent: &str, text: &str, width: usize) {
    let room = width.saturating_sub(indent.len());
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if used > 0 && used + 1 + long > room {
            let _ = writeln!(out, "{indent}{line}");
            (line, used) = (String::new(), 0);
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += long;
    }
    let _ = writeln!(out, "{indent}{line}");
}
