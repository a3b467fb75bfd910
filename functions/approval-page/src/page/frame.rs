//! What every page has around it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style of every page. Its hash is in the Content-Security-Policy, which allows no other.
pub const STYLE: &str = include_str!("style.css");

/// Every page: its head, the name on top, and what it is about.
pub(super) fn page(title: &str, kind: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                title { (title) " - Portcullis" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.top { p { (gate()) "Portcullis" } }
                main class=(kind) { (main) }
                footer.end {
                    p { "This page has no script and loads nothing. Opening it changes nothing." }
                }
            }
        }
    }
}

/// A portcullis, drawn by hand.
fn gate() -> Markup {
    html! {
        svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false" {
            path d="M2 18V9a8 8 0 0 1 16 0v9M6.5 3v13.5M10 2v16M13.5 3v13.5M2.5 7.5h15M2.5 12.5h15"
                fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round";
        }
    }
}
