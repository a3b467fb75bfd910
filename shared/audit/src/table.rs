//! The report for a terminal: blocks of an account and a Region, most severe first, in the width that there is.

use std::fmt::Write;

use portcullis_engine::severity::Severity;
use portcullis_engine::text::{counted, harmless, lines};

use crate::document::{Document, Finding, Scope, Server, Unknown, UnusedGroup, regions};

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
    let mut clean = Vec::new();
    for scope in &document.scopes {
        let of = |f: &&Finding| f.account == scope.account && f.region == scope.region;
        let findings: Vec<&Finding> = document.findings.iter().filter(of).collect();
        if findings.is_empty() {
            clean.extend(scope.complete.then_some(scope));
            continue;
        }
        let _ = writeln!(out, "{}\n", head(scope));
        for finding in findings {
            block(&mut out, finding, width, paint);
        }
    }
    for (account, regions) in regions(clean) {
        wrapped(
            &mut out,
            "",
            &format!("{account}: nothing found in {}.", regions.join(", ")),
            width,
        );
    }
    for server in &document.servers {
        wrapped(&mut out, "", &server_line(server), width);
    }
    for unused in document.unused.iter().flatten() {
        wrapped(&mut out, "", &unused_line(unused), width);
    }
    for unknown in &document.unknown {
        wrapped(&mut out, "", &unknown_line(unknown), width);
    }
    let _ = writeln!(out, "{}", sums(document));
    out
}

fn head(scope: &Scope) -> String {
    let Scope { account, account_name, region, complete, seconds, counts, .. } = scope;
    let part = if *complete { "" } else { ", incomplete" };
    let name = account_name.as_ref().map(|name| format!(" {}", harmless(name)));
    let name = name.unwrap_or_default();
    format!(
        "{account}{name} · {region} · {}, {} · {seconds:.1} s{part}",
        counted(counts.groups, "group"),
        counted(counts.caches, "cache"),
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

/// An instance that may be a Memcached server, in a line.
pub(crate) fn server_line(server: &Server) -> String {
    let Server { account, region, instance, subject, managed } = server;
    let next = match managed.as_deref() {
        Some("Online") => {
            format!("`portcullis harden {instance} --report` inspects it (docs/memcached.md)")
        }
        Some(status) => format!("Systems Manager has it as {status}: inspect it manually"),
        None => "Systems Manager does not manage it: inspect it manually".to_owned(),
    };
    format!(
        "Server, {account} {region}: {instance} is behind {subject}, which opens port 11211, so Memcached may run there. {next}."
    )
}

/// A group that nothing uses, in a line.
fn unused_line(unused: &UnusedGroup) -> String {
    let UnusedGroup { account, region, id, name, .. } = unused;
    let name = harmless(name);
    format!("Unused, {account} {region}: {id} {name} (no interface carries it, no rule names it).")
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
    let _ = write!(words, " · {}", counted(document.scopes.len(), "Region"));
    if !document.complete {
        words.push_str(" · INCOMPLETE: see what is unknown");
    }
    words
}

/// Broken at spaces, each line with the indent.
fn wrapped(out: &mut String, indent: &str, text: &str, width: usize) {
    for line in lines(text.split_whitespace(), width.saturating_sub(indent.len())) {
        let _ = writeln!(out, "{indent}{line}");
    }
}
