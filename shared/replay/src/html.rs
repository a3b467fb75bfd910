//! A replay as one page, without a script: to send to who has to decide.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis_engine::text::harmless;

use crate::chart::{self, SERIES};
use crate::finding::{Finding, Verdict};
use crate::shown::{Shown, duration, minute};
use crate::summary::days;
use crate::text::{by, remark};

const STYLE: &str = include_str!("replay.css");

/// The page.
pub fn page(shown: &Shown<'_>) -> String {
    let (first, last) = shown.facts.span.unwrap_or_default();
    let days = days(first, last);
    let all = &shown.outcome.findings;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Portcullis: what it would have done" }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { "What Portcullis would have done" }
                p { (minute(first)) " to " (minute(last)) " UTC, in " (shown.mode) " mode, with the exceptions in "
                    (harmless(&shown.exceptions)) ". A rule counts as closed " (shown.delay) " s after its call." }
                (figures(shown))
                @if !all.is_empty() {
                    h2 { "Over time" }
                    p.legend { @for (class, words) in SERIES { span { i class=(class) {} (words) } } }
                    (chart::chart("Findings", "findings", 5, &chart::findings(all, &days)))
                    (chart::chart("Hours of exposure saved, by the day on which a rule was opened", "hours", 1, &chart::hours(all, &days, last)))
                }
                h2 { "Closed rules" }
                div.side { @for (by, counts) in shown.summary.by.iter().filter(|(by, _)| *by != "day") { (counted(by, counts)) } }
                (changes(shown))
                h2 { "Findings" }
                (findings(shown))
                h2 { "What was read" }
                (inputs(shown))
                h2 { "What the history cannot tell" }
                ul { @for limit in shown.limits() { li { (limit) } } }
            } }
        }
    }
    .into_string()
}

fn figures(shown: &Shown<'_>) -> Markup {
    let summary = &shown.summary;
    let figure = |value: String, words: &str| html! { div { b { (value) } span { (words) } } };
    let of = |count: u64| format!("{count} of {}", summary.closures);
    let [median, most_days, worst] = summary.messages;
    html! {
        div.figures {
            (figure(summary.closures.to_string(), "rules closed"))
            (figure(of(summary.short_lived), "closed by the same caller within an hour anyway: each would have been interrupted"))
            (figure(of(summary.again), "opened again by somebody later"))
            (figure(duration(summary.saved), "exposure saved, of rules that somebody closed later"))
            (figure(duration(summary.saved_still_open), "exposure saved, of rules that are still open at the end"))
            (figure(format!("{median} / {most_days} / {worst}"), "messages a day: in the median, on 95 of 100 days at most, on the worst day"))
        }
        p { b { "Undone: " } (shown.undone()) "." }
        ul { @for (words, count) in &summary.verdicts { li { (count) " " (harmless(words)) } } }
        @if shown.outcome.partly_known > 0 {
            p { (shown.outcome.partly_known) " calls have no finding in groups whose older rules are unknown." }
        }
        @if !shown.outcome.failed.is_empty() {
            ul { @for (event, why) in &shown.outcome.failed {
                li { "event " (harmless(event)) " would have failed: " (harmless(why)) }
            } }
        }
    }
}

fn counted(by: &str, counts: &[(String, u64)]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label=(format!("Closed rules by {by}")) {
            table {
                thead { tr { th scope="col" { "by " (by) } th.number scope="col" { "rules" } } }
                tbody { @for (name, count) in counts {
                    tr { th scope="row" { (harmless(name)) } td.number { (count) } }
                } }
            }
        }
    }
}

fn changes(shown: &Shown<'_>) -> Markup {
    let Some((dir, changes)) = &shown.compared else { return html! {} };
    html! {
        h2 { "What changes with the exceptions in " (harmless(dir)) }
        @if changes.is_empty() { p { "Nothing." } } @else {
            div.wide tabindex="0" role="region" aria-label="Changes" {
                table {
                    thead { tr { @for head in ["time", "change", "check", "about", "by"] { th scope="col" { (head) } } } }
                    tbody { @for change in changes {
                        tr {
                            td.time { (minute(change.finding.at)) }
                            td { (harmless(&change.words())) }
                            td { (change.finding.check) }
                            td { (about(change.finding)) }
                            td { (harmless(&by(change.finding))) }
                        }
                    } }
                }
            }
        }
    }
}

fn findings(shown: &Shown<'_>) -> Markup {
    html! {
        @if shown.outcome.findings.is_empty() { p { "None." } } @else {
            div.wide tabindex="0" role="region" aria-label="Findings" {
                table {
                    thead { tr {
                        @for head in ["time", "verdict", "check", "about", "by", "owner", "really open", "remarks"] {
                            th scope="col" { (head) }
                        }
                    } }
                    tbody { @for one in &shown.outcome.findings {
                        tr {
                            td.time { (minute(one.at)) }
                            td { i class=(class(&one.verdict)) {} (harmless(&one.verdict.words())) }
                            td { (one.check) }
                            td { (about(one)) }
                            td { (harmless(&by(one))) }
                            td { (harmless(one.whose())) }
                            td { (shown.open(one)) }
                            td { (harmless(&remark(one))) }
                        }
                    } }
                }
            }
        }
    }
}

fn inputs(shown: &Shown<'_>) -> Markup {
    let (facts, inputs) = (shown.facts, &shown.facts.inputs);
    html! {
        p { (inputs.files) " files with " (inputs.records) " records, " (inputs.bytes / 1_000_000) " MB unpacked. "
            (facts.mattered) " records matter, " (facts.events) " of them are watched calls. "
            (facts.duplicates) " were there more than once and count once. "
            (inputs.passed_over) " files of digests and insights were passed over." }
        ul { @for (what, of) in inputs.grouped() {
            li {
                (of.len()) @if of.len() == 1 { " file: " } @else { " files: " } (harmless(what))
                details { summary { "Which" } ul { @for one in of { li { (harmless(&one.name)) } } } }
            }
        } }
    }
}

fn about(one: &Finding) -> Markup {
    html! { (harmless(&one.subject)) " (" (harmless(&one.place.region)) "): " (harmless(&one.evidence)) }
}

fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Closed => "closed",
        Verdict::Reported => "reported",
        Verdict::Suppressed(_) => "suppressed",
        Verdict::Limit | Verdict::Flapping => "left",
        Verdict::Unknown => "unknown",
    }
}
