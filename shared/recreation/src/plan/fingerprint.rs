//! What two plans have in common if they would do the same.
//!
//! People agree to a fingerprint, and whoever may tag a cache writes into the plan. So it is a hash that nobody can
//! aim: SHA-256, of which people are shown the first 16 hex digits. To find a tag that gives another plan the
//! fingerprint of one that is there takes some 2^64 tries: decades of a graphics card that makes 2 x 10^10 hashes a
//! second. With 8 digits of a hash that can be computed backwards, as this once was, it took a fifth of a second.
//!
//! Two plans of one's own choice that end alike take 2^32 tries only. So the workflow does not rely on the digits:
//! before it acts, it compares what the plans would do, whole ([`Plan::does_the_same`]).

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{Afterwards, Plan, Snapshot, SnapshotOf};
use crate::describe::LogDelivery;
use crate::ingress::{Closing, Ingress, NewRule};
use crate::request::{Shard, Token, Value};

/// Hex digits of a fingerprint: in mails, links and records, and in the tag `portcullis:plan`.
pub const FINGERPRINT_DIGITS: usize = 16;

impl Plan {
    /// Whether this plan would do what the other would, to the same cache.
    pub fn does_the_same(&self, other: &Self) -> bool {
        canonical(self) == canonical(other)
    }
}

/// Whether a text has the form of a fingerprint. Those of earlier versions have not.
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == FINGERPRINT_DIGITS
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The first digits of the hash of everything that the plan would do.
pub(super) fn fingerprint(plan: &Plan) -> String {
    let hash = Sha256::digest(canonical(plan));
    hash.iter().take(FINGERPRINT_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that the plan would do, as bytes that no other does: to which cache, with which inputs, which
/// snapshots, which rules. Arrays of JSON, for their texts end where they end. Notes and what lies around are not
/// in it, nor are the markers, which hold the fingerprint.
fn canonical(plan: &Plan) -> Vec<u8> {
    let (cache, mut create) = (&plan.cache, plan.create.clone());
    create.tags.retain(|tag| !plan.markers.contains(tag));
    let inputs: Vec<Json> =
        create.inputs().iter().map(|(name, value)| json!([name, exact(value)])).collect();
    let close = plan.ingress.close.iter().filter(|rule| rule.stays.is_none());
    let acts = json!([
        "portcullis plan 2",
        [cache.kind, cache.id, cache.arn, cache.engine.as_str(), cache.port],
        plan.create.operation(),
        inputs,
        plan.snapshot.as_ref().map(snapshot),
        plan.afterwards.iter().map(afterwards).collect::<Vec<_>>(),
        opened(&plan.ingress),
        close.map(closed).collect::<Vec<_>>(),
        plan.last_snapshot,
    ]);
    acts.to_string().into_bytes()
}

/// The value so that two that differ are never written alike.
fn exact(value: &Value) -> Json {
    match value {
        Value::Unset => Json::Null,
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number),
        Value::Flag(flag) => json!(flag),
        Value::List(items) => json!(items),
        Value::Tags(tags) => tags.iter().map(|tag| json!([tag.key, tag.value])).collect(),
        Value::Shards(shards) => shards.iter().map(shard).collect(),
        Value::Logs(logs) => logs.iter().map(log).collect(),
        Value::Token(Token::None) => json!(["none"]),
        Value::Token(Token::Hidden) => json!(["hidden"]),
        Value::Token(Token::Secret(arn)) => json!(["secret", arn]),
    }
}

fn shard(shard: &Shard) -> Json {
    let Shard { id, slots, primary_zone, replica_zones } = shard;
    json!([id, slots, primary_zone, replica_zones])
}

fn log(log: &LogDelivery) -> Json {
    let LogDelivery { log_type, destination_type, destination_details, log_format, status: _ } =
        log;
    let group = destination_details.cloud_watch_logs.as_ref().map(|to| &to.log_group);
    let stream = destination_details.kinesis_firehose.as_ref().map(|to| &to.delivery_stream);
    json!([log_type, destination_type, group, stream, log_format])
}

fn snapshot(snapshot: &Snapshot) -> Json {
    match &snapshot.of {
        SnapshotOf::Group(id) => json!([snapshot.name, "group", id]),
        SnapshotOf::Cluster(id) => json!([snapshot.name, "cluster", id]),
    }
}

fn afterwards(setting: &Afterwards) -> Json {
    match setting {
        Afterwards::SilentTopic => json!(["silent topic"]),
        Afterwards::SnapshottingCluster(id) => json!(["daily snapshots of", id]),
    }
}

/// The rules of the new port, whether this run adds them or an earlier one did: both would do the same.
fn opened(ingress: &Ingress) -> Vec<String> {
    let mut rules: Vec<String> = ingress.open.iter().chain(&ingress.opened).map(open).collect();
    rules.sort();
    rules
}

fn open(rule: &NewRule) -> String {
    let NewRule { group, port, source, source_owner, like: _, description: _ } = rule;
    json!([group, port, source.to_string(), source_owner]).to_string()
}

fn closed(closing: &Closing) -> Json {
    let Closing { group, rule, stays: _ } = closing;
    json!([group, rule.id, rule.traffic(), rule.source.to_string()])
}

#[cfg(test)]
mod tests;
