//! Whether a cache is so new that nobody can rely on it yet.

use std::collections::BTreeSet;

use super::{Use, signs, watched};
use crate::facts::{Facts, Seen};
use crate::marks;

/// A cache that is older is not fresh, in seconds.
const HOUR: i64 = 3600;

/// Minutes that CloudWatch must show of each node. It has none of the time in which AWS made the cache.
const WATCHED: u32 = 5;

impl Use {
    /// Whether CloudWatch shows enough of every node to tell whether the cache is fresh.
    pub fn is_shown(&self) -> bool {
        !self.nodes.is_empty() && self.nodes.iter().all(|node| node.datapoints >= WATCHED)
    }
}

/// Whether a cache may move without asking: it was made within the hour, and in the time that it was
/// watched it held nothing and nobody used it. Else every reason why not. Describe does not show whether
/// a cache was made from a snapshot: what it holds shows it.
///
/// `created` and `now` are seconds since 1970.
pub fn fresh(facts: &Facts, used: &Use, created: Option<i64>, now: i64) -> Result<(), Vec<String>> {
    let mut reasons = Vec::new();
    age(used, created, now, &mut reasons);
    let seen: BTreeSet<&str> = used.nodes.iter().map(|node| node.id.as_str()).collect();
    let nodes = watched(&facts.cache);
    let unseen: Vec<&str> =
        nodes.iter().map(|node| node.id.as_str()).filter(|id| !seen.contains(id)).collect();
    if nodes.is_empty() || !unseen.is_empty() {
        let which = if unseen.is_empty() { "any node".to_owned() } else { unseen.join(", ") };
        reasons.push(format!("there are no metrics of {which}"));
    }
    for node in &used.nodes {
        match node.items {
            Some(0.0) => {}
            Some(items) if items.is_finite() => {
                reasons.push(format!("items in {}: {items:.0}", node.id));
            }
            Some(_) | None => {
                reasons.push(format!("the number of items in {} is unknown", node.id))
            }
        }
        if node.datapoints < WATCHED {
            reasons.push(format!(
                "{} was watched for {} minutes, less than {WATCHED}",
                node.id, node.datapoints
            ));
        }
    }
    let (busy, unknown) = signs(used);
    reasons.extend(busy.into_iter().map(|sign| format!("somebody uses it: {sign}")));
    reasons.extend(unknown);
    relied_on(facts, &mut reasons);
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}

fn age(used: &Use, created: Option<i64>, now: i64, reasons: &mut Vec<String>) {
    let Some(age) = created.map(|created| now.saturating_sub(created)) else {
        reasons.push("its creation time is unknown".to_owned());
        return;
    };
    if age < 0 {
        reasons.push("its creation time is in the future, so a clock is wrong".to_owned());
    } else if age >= HOUR {
        reasons.push(format!("it was created {} minutes ago, not within the last 60", age / 60));
    } else if i64::from(used.minutes).saturating_mul(60) < age {
        reasons.push(format!(
            "it is {} minutes old, and metrics were read of only {}",
            age / 60,
            used.minutes
        ));
    }
}

/// What shows that somebody relies on it, used or not.
fn relied_on(facts: &Facts, reasons: &mut Vec<String>) {
    let arn_of_old = marks::value(facts.tags.as_deref().unwrap_or_default(), marks::RECREATED_FROM);
    if arn_of_old.is_some() {
        reasons.push("a re-creation created it, from another cache".to_owned());
    }
    for (what, seen) in [
        ("DNS records point to it", &facts.around.dns),
        ("parameters or secrets contain its endpoint", &facts.around.holders),
    ] {
        if let Seen::Read(found) = seen
            && !found.is_empty()
        {
            reasons.push(format!("{what}: {}", found.join(", ")));
        }
    }
}
