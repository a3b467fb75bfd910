//! Looking: live state becomes facts. What the engine does not need yet is not read.

mod cache;
mod group;

pub(crate) use cache::cache;
pub use group::{around, rules};
pub(crate) use group::{group, listed, read, shown};

use std::time::Duration;

/// How long to wait before each new look. EC2 and ElastiCache are eventually consistent: what an
/// event names may take some seconds to be shown (EC2 API reference, "Eventual consistency").
const AGAIN: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
