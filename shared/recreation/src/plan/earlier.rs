//! What an earlier run of this re-creation left: it is gone on with, or somebody must clear it away.

use crate::facts::{Facts, Ours};
use crate::form::Form;
use crate::reason::Reason;
use crate::region;
use crate::replacement;
use crate::request::Request;

/// The port that a person chose, or on which an earlier run made a cache.
pub(super) fn port(
    facts: &Facts,
    now: &Request,
    choices: Option<u16>,
) -> Result<Option<u16>, Box<Reason>> {
    let one = match facts.ours.as_slice() {
        // Without the old port nothing is planned anyway, and the name of a new cache is not known.
        [] => return Ok(choices),
        _ if now.port == 0 => return Ok(choices),
        [one] => one,
        several => return Err(ambiguous(several)),
    };
    let id = &one.id;
    let reason =
        |why: String, remedy: String| Err(Box::new(Reason::new("Replacements", why, remedy)));
    match one.status.as_str() {
        "available" | "creating" | "modifying" | "snapshotting" | "rebooting cluster nodes" => {}
        gone @ ("deleting" | "deleted") => {
            return reason(
                format!("{id}, created by an earlier run of this re-creation, is {gone}"),
                "wait until it is gone, and plan again".to_owned(),
            );
        }
        status => {
            return reason(
                format!(
                    "{id}, created by an earlier run of this re-creation, is {status}, so this run cannot continue \
                     with it"
                ),
                format!("delete it, and plan again: {}", delete(facts, now, id)),
            );
        }
    }
    let Some(port) = listens_on(one, now) else {
        return reason(
            format!(
                "the tags of {id} say that a re-creation of this cache created it, but its name or port differs from \
                 this plan"
            ),
            format!(
                "delete it, or remove its tag portcullis:moved-from; if it is still being created, wait and plan \
                 again: {}",
                delete(facts, now, id)
            ),
        );
    };
    match choices {
        Some(other) if other != port => reason(
            format!(
                "an earlier run of this re-creation created {id} on port {port}, and this run requests {other}"
            ),
            format!(
                "leave --port out to go on with {id}, or delete it first: {}",
                delete(facts, now, id)
            ),
        ),
        Some(_) | None => Ok(Some(port)),
    }
}

/// Its port, if it has the name that this plan gives. Describe shows no endpoint while a cache is being
/// made (service model, DescribeCacheClusters), so the port may be in the name alone.
fn listens_on(ours: &Ours, now: &Request) -> Option<u16> {
    let named = || ours.id.rsplit('-').next().and_then(|digits| digits.parse().ok());
    let port = ours.port.or_else(named)?;
    (replacement::id(&now.id, Some(now.port), port) == ours.id).then_some(port)
}

fn ambiguous(several: &[Ours]) -> Box<Reason> {
    let ids: Vec<&str> = several.iter().map(|ours| ours.id.as_str()).collect();
    Box::new(Reason::new(
        "Replacements",
        format!(
            "earlier runs of this re-creation created {}, so it is unclear which one to use",
            ids.join(" and ")
        ),
        "delete those that no client uses, and plan again",
    ))
}

fn delete(facts: &Facts, now: &Request, id: &str) -> String {
    let region = region::option(facts.cache.arn().unwrap_or_default());
    match now.form() {
        Form::Group => {
            format!(
                "`aws elasticache delete-replication-group{region} --replication-group-id {id}`"
            )
        }
        Form::Cluster => {
            format!("`aws elasticache delete-cache-cluster{region} --cache-cluster-id {id}`")
        }
    }
}
