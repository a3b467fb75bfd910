//! Looking: live state becomes facts. What the engine did not ask for is not read.

mod cache;
mod group;
mod list;
mod public_access;
mod space;
mod subnets;

pub(crate) use group::read;
pub use group::{around, described_entries, described_rules, rules};

/// What AWS shows, as facts: for whoever reads many at once.
pub mod shown {
    pub use super::cache::{of_cluster, of_group, of_serverless};
    pub use super::group::{ingress_rule, interface, nets, tag};
    pub use super::public_access::{block_mode, excluded_from};
    pub use super::space::{blocks, may_be_there};
    pub use super::subnets::routes;
}

use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use portcullis_engine::case::{Fact, Read, Shown};
use portcullis_engine::facts::PrefixList;

use crate::clients;
use crate::ledger::Ledger;
use crate::shell::Shell;

/// Reads one thing, and says so if it cannot.
pub(crate) async fn gather(shell: &Shell, read: &Read) -> Fact {
    let Shell { ec2, elasticache, ledger, .. } = shell;
    fact(ec2, || elasticache, ledger, read).await
}

/// The clients of somebody who only reads.
#[derive(Debug)]
pub struct Reads {
    ec2: Client,
    elasticache: aws_sdk_elasticache::Client,
    ledger: Ledger,
}

impl Reads {
    /// By this configuration, with this ledger.
    pub fn new(config: &SdkConfig, ledger: Ledger) -> Self {
        Self { ec2: clients::ec2(config), elasticache: clients::elasticache(config), ledger }
    }

    /// Reads one thing, and says so if it cannot.
    pub async fn read(&self, read: &Read) -> Fact {
        fact(&self.ec2, || &self.elasticache, &self.ledger, read).await
    }
}

/// The client of ElastiCache is made where it is asked for.
async fn fact<'a>(
    ec2: &Client,
    elasticache: impl FnOnce() -> &'a aws_sdk_elasticache::Client,
    ledger: &Ledger,
    read: &Read,
) -> Fact {
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
        Read::List(id) => list(ec2, id).await,
        Read::Versions(id, before) => {
            let shown = list::versions(ec2, id, *before).await;
            Fact::Versions(id.clone(), shown.map(|shown| shown.map(Box::new)))
        }
        Read::Naming(id) => Fact::Naming(id.clone(), list::naming(ec2, id).await),
        Read::RulesOf(ids) => Fact::RulesOf(ids.clone(), list::rules_of(ec2, ids).await),
        Read::Uses(id) => Fact::Uses(id.clone(), list::uses(ec2, id).await),
        Read::Details(id) => details(ec2, id).await,
        Read::Interfaces(id) => interfaces(ec2, id).await,
        Read::PublicAccess => public_access(ec2).await,
        Read::Vpcs(ids) => vpcs(ec2, ids).await,
        Read::Space(id) => Fact::Space(id.clone(), space::space(ec2, id).await),
        Read::Cache(kind, id) => {
            let shown = cache::cache(elasticache(), *kind, id).await;
            Fact::Cache(shown.map(|shown| shown.map(Box::new)).map_err(said))
        }
        Read::Subnets(name) => {
            let (vpc, subnets) = subnets::subnets(ec2, elasticache(), name).await;
            Fact::Subnets(vpc, subnets)
        }
        Read::Ledger(wanted) => {
            let memory = ledger.read(wanted).await;
            let memory =
                memory.inspect_err(|error| tracing::warn!("the ledger is unavailable: {error:#}"));
            Fact::Ledger(wanted.clone(), memory.map_err(said))
        }
        Read::Revisit { subject, event } => {
            let record = ledger.revisit(subject, event).await;
            Fact::Revisit(record.map(|record| record.map(Box::new)).map_err(said))
        }
        Read::OpenOf(groups) => open_of(ledger, groups).await,
        Read::Servers(id) => Fact::Servers(id.clone(), Err("it is not asked from here".to_owned())),
    }
}

/// What only informs, read by a client that gives up soon; `None` for what decides.
pub(crate) async fn inform(ec2: &Client, ledger: &Ledger, read: &Read) -> Option<Fact> {
    match read {
        Read::List(id) => Some(list(ec2, id).await),
        Read::Details(id) => Some(details(ec2, id).await),
        Read::Interfaces(id) => Some(interfaces(ec2, id).await),
        Read::PublicAccess => Some(public_access(ec2).await),
        Read::Vpcs(ids) => Some(vpcs(ec2, ids).await),
        Read::OpenOf(groups) => Some(open_of(ledger, groups).await),
        Read::GroupNamed(_)
        | Read::Rules(_)
        | Read::Versions(..)
        | Read::Naming(_)
        | Read::RulesOf(_)
        | Read::Uses(_)
        | Read::Space(_)
        | Read::Cache(..)
        | Read::Subnets(_)
        | Read::Ledger(_)
        | Read::Servers(_)
        | Read::Revisit { .. } => None,
    }
}

async fn open_of(ledger: &Ledger, groups: &[String]) -> Fact {
    let open = ledger.open_of(groups).await;
    Fact::OpenOf(
        open.inspect_err(|error| tracing::warn!("what is open is not known: {error:#}"))
            .map_err(said),
    )
}

async fn list(ec2: &Client, id: &str) -> Fact {
    let entries = group::entries(ec2, id).await;
    Fact::List(id.to_owned(), entries.map_or_else(PrefixList::Unknown, PrefixList::Entries))
}

async fn details(ec2: &Client, id: &str) -> Fact {
    Fact::Details(id.to_owned(), group::details(ec2, id).await)
}

async fn interfaces(ec2: &Client, id: &str) -> Fact {
    Fact::Interfaces(id.to_owned(), group::interfaces(ec2, id).await)
}

async fn public_access(ec2: &Client) -> Fact {
    Fact::PublicAccess(public_access::setting(ec2).await)
}

async fn vpcs(ec2: &Client, ids: &[String]) -> Fact {
    Fact::Vpcs(public_access::vpcs(ec2, ids).await)
}

fn said(error: anyhow::Error) -> String {
    format!("{error:#}")
}
