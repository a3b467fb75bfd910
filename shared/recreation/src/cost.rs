//! What a move costs, without prices: those are the account's (discounts, reserved nodes, Region).

use crate::facts::Facts;
use crate::request::Request;

/// What a move costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Nodes that run beside the old ones until these are deleted.
    pub nodes: u64,
    /// Their type.
    pub node_type: String,
    /// Manual snapshots that are kept until somebody deletes them.
    pub snapshots: u64,
    /// The size of the last snapshot of the cache, as AWS writes it, one for each shard.
    pub snapshot_sizes: Vec<String>,
    /// Days that automatic snapshots of the new cache are kept, beside those of the old one.
    pub retention: i64,
}

impl Cost {
    /// Node-hours for each day that both caches run.
    pub fn node_hours_a_day(&self) -> u64 {
        self.nodes.saturating_mul(24)
    }
}

pub(crate) fn cost(facts: &Facts, create: &Request) -> Cost {
    let snapshots = facts.snapshots.as_deref().unwrap_or_default();
    let sized = snapshots
        .iter()
        .rev()
        .find(|snapshot| snapshot.node_snapshots.iter().any(|node| node.cache_size.is_some()));
    let sizes = sized.iter().flat_map(|snapshot| &snapshot.node_snapshots);
    Cost {
        nodes: create.nodes(),
        node_type: create.node_type.clone(),
        snapshots: if create.snapshot.is_some() { 2 } else { 0 },
        snapshot_sizes: sizes.filter_map(|node| node.cache_size.clone()).collect(),
        retention: create.snapshot_retention.unwrap_or_default(),
    }
}
