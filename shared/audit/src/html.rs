//! The report for people, in one file: no script, nothing from elsewhere.
//!
//! INVARIANT: every text of others is escaped by maud, and shows what no screen shows; the policy of the page lets nothing
//! run or load but this style.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis_engine::severity::Severity;
use portcullis_engine::text::harmless;
use sha2::{Digest, Sha256};

use crate::document::{Document, Finding, Suppressed, regions};
use crate::table::{server_line, unknown_line};

const STYLE: &str = include_str!("html.css");

/// Below so many findings, those that are critical or high are open.
const OPEN: usize = 200;

/// So many findings are told in full.
const IN_FULL: usize = 1000;

/// The report as a page.
pub fn page(document: &Document) -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let accounts: BTreeSet<&str> = document.scopes.iter().map(|s| s.account.as_str()).collect();
    let accounts = accounts.into_iter().collect::<Vec<_>>().join(", ");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "What is open in " (accounts) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#findings" { "To the findings" }
                header {
                    h1 { "What is open in " (accounts) }
                    p.soft {
                        "Audited on " (day(&document.finished)) " by Portcullis " (document.version)
                        @if let Some(caller) = &document.caller { ", as " code { (harmless(caller)) } }
                        ". Nothing was changed."
                    }
                }
                main {
                    (tiles(document))
                    (unknown(document))
                    (by_region(document))
                    (by_owner(document))
                    (findings(document))
                    (suppressed(document))
                    (servers(document))
                    (unused(document))
                    (method(document))
                }
                footer {
                    p {
                        "The ids of controls say which controls a finding bears on. This is no statement of compliance."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// `2026-11-30 17:45 UTC`
fn day(time: &str) -> String {
    let (day, hour) = time.split_once('T').unwrap_or((time, ""));
    format!("{day} {} UTC", hour.get(..5).unwrap_or_default())
}

fn tiles(document: &Document) -> Markup {
    html! {
        ul.tiles aria-label="Findings by severity" {
            @for severity in Severity::ALL.iter().rev() {
                li class=(severity.as_str()) { b { (document.count(*severity)) } (severity.as_str()) }
            }
        }
        @if document.findings.is_empty() && document.complete {
            p { "Nothing is open, and everything could be read." }
        }
    }
}

/// Before the findings: whoever reads on must know what is not among them.
fn unknown(document: &Document) -> Markup {
    html! {
        @if !document.unknown.is_empty() {
            section.partial aria-labelledby="unknown" {
                h2 #unknown { "Not everything could be read" }
                p { "What depends on this is unknown, never clean." }
                ul {
                    @for one in &document.unknown { li { (harmless(&unknown_line(one))) } }
                }
            }
        }
    }
}

fn by_region(document: &Document) -> Markup {
    let count = |account: &str, region: &str, severity: Severity| {
        let of = |f: &&Finding| f.account == account && f.region == region;
        document.findings.iter().filter(of).filter(|f| f.severity() == severity).count()
    };
    let (clean, open): (Vec<_>, Vec<_>) = document.scopes.iter().partition(|scope| {
        scope.complete
            && Severity::ALL.iter().all(|s| count(&scope.account, &scope.region, *s) == 0)
    });
    html! {
        section aria-labelledby="regions" {
            h2 #regions { "By account and Region" }
            @if !open.is_empty() {
                table.wide {
                    caption { "Findings by severity" }
                    thead {
                        tr {
                            th scope="col" { "Account and Region" }
                            @for severity in Severity::ALL.iter().rev() {
                                th.number scope="col" { (severity.as_str()) }
                            }
                            th.number scope="col" { "groups" }
                            th.number scope="col" { "caches" }
                        }
                    }
                    tbody {
                        @for scope in open {
                            tr {
                                th scope="row" {
                                    (scope.account) " "
                                    @if let Some(name) = &scope.account_name { (harmless(name)) " " }
                                    (scope.region)
                                    @if !scope.complete { " (incomplete)" }
                                }
                                @for severity in Severity::ALL.iter().rev() {
                                    td.number data-of=(severity.as_str()) {
                                        (count(&scope.account, &scope.region, *severity))
                                    }
                                }
                                td.number data-of="groups" { (scope.counts.groups) }
                                td.number data-of="caches" { (scope.counts.caches) }
                            }
                        }
                    }
                }
            }
            @for (account, regions) in regions(clean) {
                p { (account) ": nothing found in " (regions.join(", ")) "." }
            }
        }
    }
}

fn by_owner(document: &Document) -> Markup {
    let mut owners: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &document.findings {
        owners.entry(finding.owner()).or_default().push(finding);
    }
    let worst = |findings: &[&Finding]| findings.iter().map(|f| f.severity()).max();
    html! {
        @if !document.findings.is_empty() {
            section aria-labelledby="owners" {
                h2 #owners { "By owner" }
                table.wide {
                    caption { "Owners are recognised by tags and names" }
                    thead {
                        tr {
                            th scope="col" { "Owner" }
                            th scope="col" { "Worst" }
                            th.number scope="col" { "Findings" }
                        }
                    }
                    tbody {
                        @for (owner, findings) in &owners {
                            tr {
                                th scope="row" { (harmless(owner)) }
                                td data-of="worst" { @if let Some(worst) = worst(findings) { (badge(worst)) } }
                                td.number data-of="findings" { (findings.len()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn badge(severity: Severity) -> Markup {
    html! { span class={ "badge " (severity.as_str()) } { (severity.as_str()) } }
}

fn findings(document: &Document) -> Markup {
    let many = document.findings.len() >= OPEN;
    let of = |severity: Severity| {
        let findings = document.findings.iter().enumerate();
        findings.filter(|(_, f)| f.severity() == severity).collect::<Vec<_>>()
    };
    html! {
        section aria-labelledby="findings" {
            h2 #findings tabindex="-1" { "Findings" }
            @if document.findings.is_empty() { p { "None." } }
            @for severity in Severity::ALL.into_iter().rev() {
                @let found = of(severity);
                @if !found.is_empty() {
                    h3 { (severity.as_str()) ", " (found.len()) }
                    @for (at, finding) in &found {
                        @if *at < IN_FULL {
                            (article(finding, severity >= Severity::High && !many))
                        }
                    }
                    @if found.iter().any(|(at, _)| *at >= IN_FULL) {
                        ul {
                            @for (at, finding) in &found {
                                @if *at >= IN_FULL {
                                    li {
                                        (harmless(finding.title())) ": " (harmless(&finding.subject.id)) ", "
                                        (finding.account) " " (finding.region)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn article(finding: &Finding, open: bool) -> Markup {
    let subject = &finding.subject;
    html! {
        article class=(finding.severity().as_str()) {
            details open[open] {
                summary {
                    (badge(finding.severity())) " "
                    span.where {
                        (harmless(&subject.id))
                        @if let Some(name) = &subject.name { " " (harmless(name)) }
                        " · " (finding.account) " · " (finding.region)
                    }
                    span.what { (harmless(finding.title())) }
                }
                div.body { (evidence(finding)) (remedies(finding)) }
            }
        }
    }
}

fn evidence(finding: &Finding) -> Markup {
    let subject = &finding.subject;
    let text = |path: &str| finding.evidence(path).and_then(|value| value.as_str()).map(harmless);
    html! {
        dl {
            @if let Some(rule) = text("/rule/id") { dt { "Rule" } dd { code { (rule) } } }
            @if let Some(words) = text("/rule/description") { dt { "Described as" } dd { (words) } }
            @if let Some(admits) = &finding.admits { dt { "It admits" } dd { (harmless(admits)) } }
            @if let Some(reach) = &finding.reach { dt { "Behind it" } dd { (harmless(reach)) } }
            @if let Some(why) = text("/unknown") { dt { "Unknown" } dd { (why) } }
            @if let Some(vpc) = &subject.vpc { dt { "VPC" } dd { code { (harmless(vpc)) } } }
            @if let Some(owner) = &finding.owner {
                dt { "Owner" }
                dd { (harmless(&owner.who)) ", recognised by " (harmless(&owner.by)) ". " (harmless(&owner.advice)) }
            }
            @if !finding.because().is_empty() && finding.because() != "an audit changes nothing" {
                dt { "Why not closed" } dd { (harmless(finding.because())) }
            }
            dt { "Finding" } dd { code { (finding.id()) } " · " (finding.check()) }
            @if !finding.controls.is_empty() { dt { "Bears on" } dd { (controls(finding)) } }
        }
    }
}

/// `CIS AWS Foundations 5.0: 5.3, 5.4; PCI DSS 4.0: 1.2.5`
fn controls(finding: &Finding) -> String {
    let mut by: Vec<(String, Vec<&str>)> = Vec::new();
    for control in &finding.controls {
        let framework = format!("{} {}", control.framework, control.version);
        match by.last_mut() {
            Some((last, ids)) if *last == framework => ids.push(&control.id),
            _ => by.push((framework, vec![&control.id])),
        }
    }
    let all = by.into_iter().map(|(framework, ids)| format!("{framework}: {}", ids.join(", ")));
    all.collect::<Vec<_>>().join("; ")
}

fn remedies(finding: &Finding) -> Markup {
    html! {
        @if let Some(command) = &finding.command {
            p { "To close it (this changes your account):" }
            pre { (harmless(command)) }
        }
        @if !finding.steps.is_empty() {
            p { "To fix it:" }
            @for step in &finding.steps { pre { (lines(step)) } }
        }
        @if let Some(exception) = &finding.exception {
            p { "If it is meant to be, put this exception into a file of your exceptions:" }
            pre { (lines(exception)) }
        }
    }
}

/// Each line harmless, the ends of lines as they are.
fn lines(text: &str) -> String {
    text.trim_end().lines().map(harmless).collect::<Vec<_>>().join("\n")
}

fn suppressed(document: &Document) -> Markup {
    let row = |one: &Suppressed| {
        let what = one.what.as_ref().unwrap_or(&one.check);
        html! {
            tr {
                th scope="row" { (harmless(&one.subject.id)) }
                td data-of="what" { (harmless(what)) }
                td data-of="exception" {
                    code { (harmless(&one.exception)) } ": " (harmless(&one.reason))
                    @if let Some(until) = &one.until { " Until " (harmless(until)) "." }
                }
            }
        }
    };
    html! {
        @if !document.suppressed.is_empty() {
            section aria-labelledby="suppressed" {
                h2 #suppressed { "Suppressed by exceptions" }
                table.wide {
                    caption { "Open, and permitted by a policy" }
                    thead {
                        tr {
                            th scope="col" { "Subject" }
                            th scope="col" { "What" }
                            th scope="col" { "Exception" }
                        }
                    }
                    tbody { @for one in document.suppressed.iter().take(IN_FULL) { (row(one)) } }
                }
            }
        }
    }
}

fn servers(document: &Document) -> Markup {
    html! {
        @if !document.servers.is_empty() {
            section aria-labelledby="servers" {
                h2 #servers { "Servers that may run Memcached" }
                ul { @for server in &document.servers { li { (harmless(&server_line(server))) } } }
            }
        }
    }
}

fn unused(document: &Document) -> Markup {
    html! {
        @if let Some(unused) = &document.unused {
            section aria-labelledby="unused" {
                h2 #unused { "Unused groups" }
                p {
                    "No interface carries them, no rule of another group names them, and no cache has them. "
                    "A launch template may name one all the same."
                }
                @if unused.is_empty() { p { "None." } }
                ul {
                    @for group in unused.iter().take(IN_FULL) {
                        li {
                            (harmless(&group.id)) " " (harmless(&group.name)) ", "
                            (group.account) " " (group.region)
                        }
                    }
                }
            }
        }
    }
}

fn method(document: &Document) -> Markup {
    let calls: usize = document.scopes.iter().map(|scope| scope.calls.made).sum();
    let throttled: usize = document.scopes.iter().map(|scope| scope.calls.throttled).sum();
    html! {
        section aria-labelledby="method" {
            h2 #method { "How it was audited" }
            dl {
                dt { "From, to" } dd { (day(&document.started)) ", " (day(&document.finished)) }
                dt { "Regions" } dd { (document.scopes.len()) }
                dt { "Calls" } dd { (calls) ", all of which only read; " (throttled) " were throttled" }
                dt { "Exceptions" } dd { (harmless(&document.exceptions)) }
                dt { "Complete" } dd { @if document.complete { "yes" } @else { "no" } }
            }
        }
    }
}
