//! The tags by which a move knows its own work, and those by which an owner speaks to it.
//!
//! Keys are compared without regard to case, as IAM compares them (IAM user guide, `aws:ResourceTag`):
//! what a policy takes for a mark is one here too.

use portcullis_engine::facts::{PROTECT, Tag};

use crate::facts::Facts;

/// On the new cache, the snapshot and the added rules: the ARN of the cache that moves.
pub const RECREATED_FROM: &str = "portcullis:moved-from";
/// Beside it: the fingerprint of the plan that made it.
pub const PLAN: &str = "portcullis:plan";
/// On snapshots: the id of the move.
pub const RECREATION: &str = "portcullis:move";
/// On the new cache, once clients were told of it: nothing deletes it from then on.
pub const HANDED_OVER: &str = "portcullis:handed-over";
/// On the old cache, once a person approved its deletion: the id of the move.
pub const DELETION_APPROVED: &str = "portcullis:deletion-approved";
/// An owner's: the ARN of the secret that keeps the cache's AUTH token.
pub const AUTH_TOKEN_SECRET: &str = "portcullis:auth-token-secret";

/// The marks that a move sets. They say how *this* cache came to be, so they are not copied.
const OURS: [&str; 5] = [RECREATED_FROM, PLAN, RECREATION, HANDED_OVER, DELETION_APPROVED];

/// Whether a move sets tags of this key.
pub(crate) fn is_mark(key: &str) -> bool {
    OURS.iter().any(|mark| key.eq_ignore_ascii_case(mark))
}

/// The value of the tag with this key.
pub fn value<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(key)).map(|tag| tag.value.as_str())
}

/// Whether the tags say that a move of the cache with this ARN made what they are on.
pub fn recreated_from(tags: &[Tag], arn: &str) -> bool {
    !arn.is_empty() && value(tags, RECREATED_FROM) == Some(arn)
}

/// Whether the owner says to leave it alone, with whatever value.
pub(crate) fn is_protected(tags: &[Tag]) -> bool {
    value(tags, PROTECT).is_some()
}

/// The tags by which a later run knows its own work.
pub(crate) fn markers(facts: &Facts, plan: &str) -> Vec<Tag> {
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let arn = facts.cache.arn().unwrap_or_default();
    vec![tag(RECREATED_FROM, arn), tag(PLAN, plan)]
}
