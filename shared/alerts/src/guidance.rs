//! What a person does about a cache, where Portcullis does nothing: the steps for that very cache.
//!
//! INVARIANT: a command for a person is a command of a [`Step`], and each step is of one [`Kind`]. The tests show every
//! kind on an event of the corpus, and the steps of each event stand in `tests/corpus/guidance/`. A command fits the
//! cache's engine, version and encryption; what of these is not known is said, never guessed.

mod authentication;
mod encryption;
mod kind;
mod network;
mod step;
mod target;

use portcullis_engine::finding::{Check, Finding};
use portcullis_engine::report::Report;

use target::Target;

pub use kind::Kind;
pub use step::{Step, text};

/// The steps for a person about one finding. Empty where the finding is not about a cache, or is dealt with.
pub fn of(report: &Report, finding: &Finding) -> Vec<Step> {
    let Some(it) = Target::of(report, finding) else { return Vec::new() };
    let mut steps = match finding.check {
        Check::DefaultPort => it.default_port(),
        Check::PlaintextTransit => it.plaintext_transit(),
        Check::NoAuth => it.no_auth(),
        Check::PublicSubnet => it.public_subnet(),
        Check::PublicEndpoint => it.public_endpoint(),
        Check::OpenIngress | Check::MemcachedUdp | Check::OpenCache => Vec::new(),
    };
    // Once in a mail.
    let findings = report.findings.iter().map(|reported| &reported.finding);
    let mut guided = findings.filter(|other| Target::of(report, other).is_some());
    if guided.next().is_some_and(|first| std::ptr::eq(first, finding)) {
        steps.splice(0..0, it.wait());
    }
    steps
}

/// The steps as lines of the mail.
pub(crate) fn steps(report: &Report, finding: &Finding) -> String {
    text(&of(report, finding))
}
