//! What is tolerated. The policies of `infra/exceptions` come here.

use portcullis_engine::checks::Check;
use portcullis_engine::exceptions::{Answer, Asked, Exception, Exceptions};

/// Until the policies are read: networks that are not the internet are tolerated.
#[derive(Debug)]
pub(crate) struct Narrow;

impl Exceptions for Narrow {
    fn ask(&self, asked: &Asked<'_>) -> Answer {
        let of_rules = matches!(asked.check, Check::OpenIngress | Check::OpenCache);
        let narrow = asked.on.is_some_and(|on| on.union.v4 < 1 << 24 && on.union.v6 < 1 << 96);
        match of_rules && narrow {
            true => Answer::Tolerated(Exception {
                id: "narrow".to_owned(),
                reason: "it is not the internet".to_owned(),
                until: None,
            }),
            false => Answer::Fault(None),
        }
    }
}
