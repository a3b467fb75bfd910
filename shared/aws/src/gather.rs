//! Looking: live state becomes facts. What the engine did not ask for is not read.

mod cache;
mod group;
mod public_access;
mod subnets;

pub(crate) use group::read;
pub use group::{around, described_entries, described_rules, rules};

use portcullis_engine::case::{Fact, Read, Shown};
use portcullis_engine::facts::PrefixList;

use crate::shell::Shell;

/// Reads one thing, and says so if it cannot.
pub(crate) async fn gather(shell: &Shell, read: &Read) -> Fact {
    let Shell { ec2, elasticache, ledger, .. } = shell;
    match read {
        Read::GroupNamed(name) => Fact::GroupNamed(group::by_name(ec2, name).await.map_err(said)),
        Read::Rules(id) => {
            let rules = group::read(ec2, id).await.map_err(said);
            let shown = rules.map(|facts| Shown {
                owner: facts.owner,
                rules: facts.rules,
                egress: facts.egress,
            });
            Fact::Rules(id.clone(), shown)
        }
        Read::List(id) => {
            let entries = group::entries(ec2, id).await;
            Fact::List(id.clone(), entries.map_or_else(PrefixList::Unknown, PrefixList::Entries))
        }
        Read::Details(id) => Fact::Details(id.clone(), group::details(ec2, id).await),
        Read::Interfaces(id) => Fact::Interfaces(id.clone(), group::interfaces(ec2, id).await),
        Read::PublicAccess => Fact::PublicAccess(public_access::setting(ec2).await),
        Read::Vpcs(ids) => Fact::Vpcs(public_access::vpcs(ec2, ids).await),
        Read::Cache(kind, id) => {
            let shown = cache::cache(elasticache, *kind, id).await;
            Fact::Cache(shown.map(|shown| shown.map(Box::new)).map_err(said))
        }
        Read::Subnets(name) => {
            let (vpc, subnets) = subnets::subnets(ec2, elasticache, name).await;
            Fact::Subnets(vpc, subnets)
        }
        Read::Ledger(subjects) => {
            let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
            let memory = ledger
                .of(&subjects)
                .await
                .inspect_err(|error| tracing::warn!("the ledger is unavailable: {error:#}"));
            Fact::Ledger(memory.map_err(said))
        }
    }
}

fn said(error: anyhow::Error) -> String {
    format!("{error:#}")
}
