//! Stands in for the policies where a test is not about them: networks that are not the internet are suppressed.

use portcullis_engine::decide::DecisionContext;
use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions};
use portcullis_engine::finding::Check;
use portcullis_engine::net::Count;
use portcullis_engine::settings::Mode;

/// As in infra/exceptions/default.cedar.
pub fn is_narrow(union: Count) -> bool {
    union.v4 < 1 << 24 && union.v6 < 1 << 100
}

#[derive(Debug)]
struct Narrow;

impl Exceptions for Narrow {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        let of_rules = matches!(asked.check, Check::OpenIngress | Check::OpenCache);
        if of_rules && asked.on.is_some_and(|on| is_narrow(on.union)) {
            Answer::Suppressed(vec![Exception {
                id: "narrow".to_owned(),
                reason: "it is not the internet".to_owned(),
                until: None,
            }])
        } else {
            Answer::Fault
        }
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        None
    }
}

/// The same, for whoever outlives a test.
pub const NARROW: &dyn Exceptions = &Narrow;

pub fn context(mode: Mode) -> DecisionContext<'static> {
    DecisionContext::new(mode, &Narrow)
}
