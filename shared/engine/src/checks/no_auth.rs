//! `no-auth`: a cache asks nobody who they are: no AUTH token, user group or IAM authentication.
//!
//! Memcached has none of these to offer on ElastiCache, so it is never at fault.

use super::{Check, Evidence, Finding, Severity};
use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, Engine};

/// At fault only if Describe says that there is none.
pub fn check(engine: &Engine, cache: &CacheFacts) -> Option<Finding> {
    let open = *engine != Engine::Memcached && cache.authentication == Some(false);
    open.then(|| Finding {
        check: Check::NoAuth,
        severity: Severity::Medium,
        evidence: Evidence::Setting { engine: engine.clone() },
        remedy: Remedy::ByHand { action: None, because: Because::ClientsMustChange },
    })
}
