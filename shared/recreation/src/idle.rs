//! Whether anybody uses a cache, from what CloudWatch shows of each node.
//!
//! INVARIANT: what is not known is never taken for quiet: a cache is deleted after this.
//!
//! AWS's own doings cannot be told from a client's, so where there are any a cache is never quiet: the
//! user guide says that ElastiCache keeps a key `ElastiCacheMasterReplicationTimestamp` with the time in
//! it ("Creating a cluster for Valkey or Redis OSS"). A person decides about such a cache.

mod fresh;
mod metrics;

use std::collections::BTreeMap;

use portcullis_engine::facts::Engine;

use crate::facts::Cache;

pub use fresh::fresh;
pub use metrics::{Counts, Metric, NAMESPACE, Statistic, metrics};

/// Most connections of a node of Redis OSS or Valkey that are ElastiCache's own: "4 to 6 of the
/// connections to monitor the cluster". Those of replicas are not counted (user guide, "Metrics for
/// Valkey and Redis OSS", CurrConnections).
pub const MONITORING: u32 = 6;

/// What was seen of a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// Its engine.
    pub engine: Engine,
    /// How many minutes were asked for, up to the last for which CloudWatch has values.
    pub minutes: u32,
    /// Each of its nodes.
    pub nodes: Vec<NodeUse>,
}

/// What was seen of a node; `None` where CloudWatch has no values.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeUse {
    /// Its id.
    pub id: String,
    /// The most connections in any minute.
    pub connections: Option<f64>,
    /// Connections that were accepted.
    pub new_connections: Option<f64>,
    /// Commands that read.
    pub reads: Option<f64>,
    /// Commands that write.
    pub writes: Option<f64>,
    /// The most items in any minute.
    pub items: Option<f64>,
    /// Whether it was a primary at any time. A replica writes only what its primary sends it.
    pub primary: Option<bool>,
    /// For how many minutes there are values.
    pub datapoints: u32,
}

/// Whether anybody uses a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idle {
    /// Nobody does.
    Quiet {
        /// What was seen.
        seen: String,
    },
    /// Somebody does.
    Busy {
        /// By what it shows.
        why: String,
    },
    /// It cannot be told.
    Unknown {
        /// What is missing.
        why: String,
    },
}

/// A node to ask CloudWatch about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What it is called here: the id of the member, or of the cluster and the node.
    pub id: String,
    /// The dimension `CacheClusterId`.
    pub cluster: String,
    /// The dimension `CacheNodeId`.
    pub node: String,
}

/// The nodes of a cache. A cluster that Describe shows no nodes of has none to ask about.
pub fn watched(cache: &Cache) -> Vec<Watched> {
    let mut all = Vec::new();
    for cluster in cache.clusters() {
        let id = &cluster.cache_cluster_id;
        let nodes: Vec<&String> =
            cluster.cache_nodes.iter().filter_map(|node| node.cache_node_id.as_ref()).collect();
        for node in &nodes {
            let name = if nodes.len() == 1 { id.clone() } else { format!("{id}/{node}") };
            all.push(Watched { id: name, cluster: id.clone(), node: (*node).clone() });
        }
    }
    all
}

impl NodeUse {
    /// A node from the values of its metrics, one a minute, by the name of the metric.
    pub fn of(id: &str, engine: &Engine, values: &BTreeMap<String, Vec<f64>>) -> Self {
        let of = |name: &str| values.get(name).map(Vec::as_slice).unwrap_or_default();
        let all = |counts: Counts| {
            let wanted = metrics(engine).iter().filter(|metric| metric.counts == counts);
            let parts = wanted.map(|metric| folded(metric, of(metric.name)));
            parts.reduce(|sum, more| Some(sum? + more?)).flatten()
        };
        Self {
            id: id.to_owned(),
            connections: all(Counts::Connections),
            new_connections: all(Counts::NewConnections),
            reads: all(Counts::Reads),
            writes: all(Counts::Writes),
            items: all(Counts::Items),
            primary: all(Counts::Primary).map(|most| most > 0.0),
            datapoints: u32::try_from(of("CurrConnections").len()).unwrap_or(u32::MAX),
        }
    }
}

/// One value of those of the minutes; `None` if there must be some and are none.
fn folded(metric: &Metric, values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return (!metric.always).then_some(0.0);
    }
    Some(match metric.statistic {
        Statistic::Maximum => values.iter().copied().fold(f64::MIN, f64::max),
        Statistic::Sum => values.iter().sum(),
    })
}

/// Whether anybody uses the cache.
pub fn idle(used: &Use) -> Idle {
    let (busy, mut unknown) = signs(used);
    if !busy.is_empty() {
        return Idle::Busy { why: first_of(&busy) };
    }
    let short = used.nodes.iter().filter(|node| node.datapoints < used.minutes);
    unknown.extend(short.map(|node| {
        format!("{}: values for {} of {} minutes", node.id, node.datapoints, used.minutes)
    }));
    if used.minutes == 0 {
        unknown.push("no minute was asked for".to_owned());
    }
    if unknown.is_empty() {
        Idle::Quiet { seen: seen(used) }
    } else {
        Idle::Unknown { why: first_of(&unknown) }
    }
}

/// What speaks for somebody using it, and what is not known.
fn signs(used: &Use) -> (Vec<String>, Vec<String>) {
    let (mut busy, mut unknown) = (Vec::new(), Vec::new());
    if used.nodes.is_empty() {
        unknown.push("no node was read".to_owned());
    }
    if let Engine::Unknown(_) = used.engine {
        unknown.push("an engine that is not known here".to_owned());
    }
    for node in &used.nodes {
        let found = evidence(node, &used.engine);
        if !found.is_empty() {
            busy.push(format!("{}: {}", node.id, found.join(", ")));
        }
        let required =
            [("connections", node.connections), ("reads", node.reads), ("writes", node.writes)];
        let missing: Vec<&str> = required
            .iter()
            .filter(|(_, value)| value.is_none_or(|value| !value.is_finite()))
            .map(|(name, _)| *name)
            .collect();
        if !missing.is_empty() {
            unknown.push(format!("{}: no values of {}", node.id, missing.join(" and ")));
        }
    }
    (busy, unknown)
}

/// What a node shows of clients.
fn evidence(node: &NodeUse, engine: &Engine) -> Vec<String> {
    let mut found = Vec::new();
    let any = |value: Option<f64>| value.filter(|value| *value > 0.0);
    match engine {
        // Memcached has connections of its own, twice as many as threads, beside AWS's.
        Engine::Memcached | Engine::Unknown(_) => {}
        Engine::Redis | Engine::Valkey => {
            if let Some(most) = any(node.connections).filter(|most| *most > f64::from(MONITORING)) {
                found.push(format!("{most:.0} connections (AWS's own are 4 to {MONITORING})"));
            }
        }
    }
    // AWS's own are not among them from Redis OSS 6 on, and Valkey is younger (user guide, NewConnections).
    if *engine == Engine::Valkey
        && let Some(new) = any(node.new_connections)
    {
        found.push(format!("{new:.0} new connections"));
    }
    if let Some(reads) = any(node.reads) {
        found.push(format!("{reads:.0} reads"));
    }
    if let Some(writes) = any(node.writes).filter(|_| node.primary != Some(false)) {
        found.push(format!("{writes:.0} writes"));
    }
    found
}

/// The first of many, and how many more.
fn first_of(all: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut text = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

fn seen(used: &Use) -> String {
    let most = used.nodes.iter().filter_map(|node| node.connections).fold(0.0, f64::max);
    let own = match used.engine {
        Engine::Memcached | Engine::Unknown(_) => {
            "Memcached's own threads and AWS's monitoring hold some, so they do not decide"
                .to_owned()
        }
        Engine::Redis | Engine::Valkey => format!("AWS's own monitoring holds 4 to {MONITORING}"),
    };
    format!(
        "in {} minutes no command read or wrote anything on {}, and none had more than {most:.0} connections ({own})",
        used.minutes,
        match used.nodes.len() {
            1 => "its node".to_owned(),
            count => format!("its {count} nodes"),
        },
    )
}

#[cfg(test)]
mod tests;
