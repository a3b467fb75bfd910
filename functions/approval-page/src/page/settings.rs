//! Old beside new: each setting now, and as it will be.

use maud::{Markup, html};
use portcullis_recreation::plan::{Disposition, Input, Plan};
use portcullis_recreation::request::Value;

use super::text::{name, seen, sentence};

/// What changes, then, folded away, what does not.
pub(super) fn settings(plan: &Plan) -> Markup {
    let of = |disposition: fn(&Disposition) -> bool| {
        plan.inputs.iter().filter(move |input| disposition(&input.disposition))
    };
    let changed: Vec<&Input> =
        of(|disposition| matches!(disposition, Disposition::Changed(_))).collect();
    let same: Vec<&Input> = of(|disposition| matches!(disposition, Disposition::Same)).collect();
    let unused: Vec<&Input> =
        of(|disposition| matches!(disposition, Disposition::Unused)).collect();
    html! {
        section aria-labelledby="settings" {
            h2 #settings { "What changes" }
            p {
                (changed.len()) " settings change, " (same.len())
                " are carried over as they are. The names are those of "
                code { (plan.create.operation()) } "."
            }
            (table("Settings that change: now, and as they will be", &changed))
            details {
                summary { "Carried over as they are: " (same.len()) " settings" }
                (table("Settings that stay as they are", &same))
            }
            details {
                summary { "Neither used nor sent" }
                @if !unused.is_empty() {
                    p { "Not used, now or then: " (listed(&unused)) "." }
                }
                dl.never {
                    @for input in &plan.inputs {
                        @if let Disposition::Never(because) = input.disposition {
                            dt { (name(input.name)) }
                            dd { (sentence(because)) "." }
                        }
                    }
                }
            }
        }
    }
}

fn listed(inputs: &[&Input]) -> Markup {
    html! {
        @for (at, input) in inputs.iter().enumerate() {
            @if at > 0 { ", " }
            (name(input.name))
        }
    }
}

/// On a narrow screen the rows are stacked, which would take the meaning of a table from it: so its
/// roles are written out.
fn table(caption: &str, inputs: &[&Input]) -> Markup {
    html! {
        table role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Setting" }
                    th scope="col" role="columnheader" { "Now" }
                    th scope="col" role="columnheader" { "Will be" }
                }
            }
            tbody role="rowgroup" { @for input in inputs { (row(input)) } }
        }
    }
}

fn row(input: &Input) -> Markup {
    let because = match &input.disposition {
        Disposition::Changed(because) => Some(because),
        Disposition::Same | Disposition::Unused | Disposition::Never(_) => None,
    };
    html! {
        tr role="row" class=[because.map(|_| "changed")] {
            th scope="row" role="rowheader" {
                (name(input.name))
                @if let Some(because) = because {
                    " " b.mark { "changed" }
                    " " small { (sentence(because)) "." }
                }
            }
            td role="cell" { span.narrow { "Now: " } (value(&input.now, &input.then, "−", "gone")) }
            td role="cell" {
                span.narrow { "Will be: " }
                (value(&input.then, &input.now, "+", "new"))
            }
        }
    }
}

/// A value, a line an item; each that the other has not is marked, for the eye and for the ear.
fn value(value: &Value, other: &Value, sign: &str, word: &str) -> Markup {
    let (lines, others) = (value.lines(), other.lines());
    let many = lines.len() > 1 || others.len() > 1;
    html! {
        @for line in &lines {
            @let differs = !others.contains(line) && !value.is_unset();
            span.line.differs[differs] {
                @if differs && many {
                    b.sign aria-hidden="true" { (sign) } span.heard { " " (word) ": " }
                }
                @if value.is_unset() { span.none { "not set" } } @else { code { (seen(line)) } }
            }
        }
    }
}
