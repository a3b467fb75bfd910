//! The two ways to answer. Each is a form of its own, so that a reason can be required of one only,
//! without a script.

use maud::{Markup, html};

use super::asking::Asking;

/// The words of one of the two ways.
pub(super) struct Way<'a> {
    /// What is sent: `approve` or `reject`.
    pub decision: &'static str,
    pub title: &'a str,
    pub means: &'a str,
    pub button: &'a str,
}

/// Both ways, and who is taken to have answered.
pub(super) fn answer(asking: &Asking<'_>, ways: &[Way<'_>; 2]) -> Markup {
    let filled = &asking.filled;
    html! {
        section #answer aria-labelledby="your-answer" {
            h2 #your-answer { "Your answer" }
            @if !filled.missing.is_empty() {
                p.missing role="alert" #missing { strong { "Nothing was recorded. " } (filled.missing) }
            }
            p {
                "Everybody who has this link can answer: do not forward it. Your name is not verified. It is \
                 recorded, together with your address ("
                code { (asking.from) }
                "). The first answer counts."
            }
            div.ways { @for way in ways { (form(asking, way)) } }
            p.other {
                "Or with your own credentials, which are then recorded: "
                code { (asking.record.command("approve")) }
            }
        }
    }
}

/// Without `action` it goes to the address of the page, which is the link.
fn form(asking: &Asking<'_>, way: &Way<'_>) -> Markup {
    let filled = Some(&asking.filled).filter(|filled| filled.decision == way.decision);
    let (name, reason) = filled.map_or(("", ""), |filled| (filled.name, filled.reason));
    let (decision, rejects) = (way.decision, way.decision == "reject");
    let missing = filled.filter(|filled| !filled.missing.is_empty()).map(|_| "missing");
    html! {
        form method="post" class=(decision) aria-labelledby={ (decision) "-title" } autocomplete="off" {
            h3 id={ (decision) "-title" } { (way.title) }
            p { (way.means) }
            input type="hidden" name="plan" value=(asking.record.fingerprint);
            label for={ (decision) "-name" } { "Your name" }
            input type="text" id={ (decision) "-name" } name="name" value=(name) required maxlength="80"
                autocomplete="name" aria-describedby=[missing];
            label for={ (decision) "-reason" } { "Reason" @if !rejects { " (optional)" } }
            textarea id={ (decision) "-reason" } name="reason" rows="3" maxlength="500"
                required[rejects] aria-describedby=[missing] { (reason) }
            button type="submit" name="decision" value=(decision) { (way.button) }
        }
    }
}
