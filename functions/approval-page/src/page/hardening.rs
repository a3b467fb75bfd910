//! The question about a server of one's own: may it be hardened, which restarts it and empties its cache?

use maud::{Markup, html};
use portcullis_approval::Hardening;
use portcullis_engine::text::counted;

use super::asking::{Asking, asked, fact};
use super::form::{self, Way};
use super::frame;
use super::text::seen;

pub(super) fn page(asking: &Asking<'_>, hardening: &Hardening) -> Markup {
    let title = format!("Harden memcached on {}?", hardening.instance);
    let ways = [
        Way {
            decision: "approve",
            title: "Approve the hardening",
            means: "The file is changed as above, and the server restarts. This empties its cache.",
            button: "Approve: change and restart",
        },
        Way {
            decision: "reject",
            title: "Reject the hardening",
            means: "Nothing is changed. The next open rule exposes the server again.",
            button: "Reject: leave it as it is",
        },
    ];
    let main = html! {
        h1 { (title) }
        p.lede {
            "A rule let the internet reach this server. Closing the rule changes nothing on the server: the next open rule exposes it again. "
            strong { "Nothing has been done to it." }
        }
        p.skip { a href="#answer" { "Go to your answer" } }
        (asked(asking, &summary(hardening)))
        section.box.lost aria-labelledby="lost" {
            h2 #lost { "What is lost" }
            ul {
                li { "The server restarts, which empties its cache. The databases behind it have to bear that." }
                li { "Whoever reaches it on another address than " code { (seen(&hardening.listen)) } ", or by UDP, is cut off." }
            }
        }
        section aria-labelledby="changes" {
            h2 #changes { "What changes" }
            p { "In " code { (seen(&hardening.file)) } ", and nowhere else:" }
            @for line in hardening.diff.lines() { p.undo { code { (seen(line)) } } }
            @if hardening.others > 0 {
                p { "Not part of this: " (counted(hardening.others, "other server")) " of the instance that would change, too." }
            }
        }
        section aria-labelledby="steps" {
            h2 #steps { "What happens then" }
            ol.steps {
                li { b { "check" } p { "If the file is not the one of this page any more, nothing is done." } }
                li { b { "try" } p { "The new options are tried on another port first." } }
                li { b { "change and restart" } p { "The old file is kept beside the new one." } }
                li { b { "verify" } p { "By the sockets and by a request over UDP. If the server does not come back as it should, the old file is restored and the server restarts with it." } }
            }
        }
        (form::answer(asking, &ways))
    };
    frame::page(&title, "question", &main)
}

fn summary(hardening: &Hardening) -> Markup {
    html! {
        (fact("Instance", &html! { code { (seen(&hardening.instance)) } }))
        (fact("Server", &html! { (seen(&hardening.server)) }))
        (fact("It will listen on", &html! { code { (seen(&hardening.listen)) } ", without UDP" }))
    }
}
