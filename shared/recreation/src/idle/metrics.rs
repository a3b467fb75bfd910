//! The CloudWatch metrics that show whether anybody uses a node.

use portcullis_engine::facts::Engine;

/// The namespace of the metrics. Their dimensions are `CacheClusterId` and `CacheNodeId`.
pub const NAMESPACE: &str = "AWS/ElastiCache";

/// How the values of the minutes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// `Maximum`: the most in any minute.
    Maximum,
    /// `Sum`: all of them together.
    Sum,
}

impl Statistic {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maximum => "Maximum",
            Self::Sum => "Sum",
        }
    }
}

/// What a metric is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// [`super::NodeUse::connections`]
    Connections,
    /// [`super::NodeUse::new_connections`]
    NewConnections,
    /// [`super::NodeUse::reads`]
    Reads,
    /// [`super::NodeUse::writes`]
    Writes,
    /// [`super::NodeUse::items`]
    Items,
    /// [`super::NodeUse::primary`]
    Primary,
}

/// A metric to ask for, minute by minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// The statistic of each minute, and of all minutes together.
    pub statistic: Statistic,
    /// What it is counted as. A command may be counted by two metrics: only whether there was any
    /// matters.
    pub counts: Counts,
    /// Whether AWS always has it while the node runs. Metrics of kinds of commands come from
    /// `INFO commandstats`, which lists the commands that were ever called: of one that has no values,
    /// none was. (User guide, "Metrics for Valkey and Redis OSS".)
    pub always: bool,
    /// What it counts.
    pub means: &'static str,
}

/// The metrics of an engine, none for one that is not known here.
pub fn metrics(engine: &Engine) -> &'static [Metric] {
    match engine {
        Engine::Redis | Engine::Valkey => REDIS,
        Engine::Memcached => MEMCACHED,
        Engine::Unknown(_) => &[],
    }
}

const fn most(name: &'static str, counts: Counts, always: bool, means: &'static str) -> Metric {
    Metric { name, statistic: Statistic::Maximum, counts, always, means }
}

const fn sum(name: &'static str, counts: Counts, always: bool, means: &'static str) -> Metric {
    Metric { name, statistic: Statistic::Sum, counts, always, means }
}

/// User guide, "Metrics for Valkey and Redis OSS".
const REDIS: &[Metric] = &[
    most("CurrConnections", Counts::Connections, true, "connections, without those of replicas"),
    sum("NewConnections", Counts::NewConnections, true, "connections that were accepted"),
    most("CurrItems", Counts::Items, true, "keys"),
    most("IsMaster", Counts::Primary, true, "1 on the primary of a shard"),
    sum("CacheHits", Counts::Reads, true, "lookups that found a key"),
    sum("CacheMisses", Counts::Reads, true, "lookups that found none"),
    sum("GetTypeCmds", Counts::Reads, false, "commands that only read"),
    sum("JsonBasedGetCmds", Counts::Reads, false, "JSON commands that read"),
    sum("SearchBasedGetCmds", Counts::Reads, false, "search commands that read"),
    sum("PubSubBasedCmds", Counts::Reads, false, "commands that publish or subscribe"),
    most("BlockedConnections", Counts::Reads, false, "clients that wait, as in BLPOP"),
    sum("SetTypeCmds", Counts::Writes, false, "commands that write"),
    sum("JsonBasedSetCmds", Counts::Writes, false, "JSON commands that write"),
    sum("SearchBasedSetCmds", Counts::Writes, false, "search commands that write"),
    sum("EvalBasedCmds", Counts::Writes, false, "scripts, which may write"),
];

/// User guide, "Metrics for Memcached". `CmdTouch` and `CmdConfigGet` are described as cumulative, so
/// a sum of theirs would say nothing about an hour.
const MEMCACHED: &[Metric] = &[
    most("CurrConnections", Counts::Connections, true, "connections, Memcached's own among them"),
    sum("NewConnections", Counts::NewConnections, true, "connections, at least one of AWS's own"),
    most("CurrItems", Counts::Items, true, "items"),
    sum("CmdGet", Counts::Reads, true, "get commands"),
    sum("TouchHits", Counts::Reads, false, "touch commands that found the key"),
    sum("TouchMisses", Counts::Reads, false, "touch commands that did not"),
    sum("CmdSet", Counts::Writes, true, "set commands"),
    sum("CmdFlush", Counts::Writes, false, "flush commands"),
    sum("CasHits", Counts::Writes, false, "cas commands that set"),
    sum("CasMisses", Counts::Writes, false, "cas commands that found no key"),
    sum("CasBadval", Counts::Writes, false, "cas commands of another value"),
    sum("DeleteHits", Counts::Writes, false, "delete commands that found the key"),
    sum("DeleteMisses", Counts::Writes, false, "delete commands that did not"),
    sum("IncrHits", Counts::Writes, false, "incr commands that found the key"),
    sum("IncrMisses", Counts::Writes, false, "incr commands that did not"),
    sum("DecrHits", Counts::Writes, false, "decr commands that found the key"),
    sum("DecrMisses", Counts::Writes, false, "decr commands that did not"),
];
