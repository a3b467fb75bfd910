//! `public-subnet`: a subnet of a cache's subnet group routes to an internet gateway.
//!
//! A node has no public IPv4 address (ElastiCache user guide, "Accessing your cluster"), so by itself this
//! lets nobody in, and is low. It is the second line: with open groups it is all but the address.

use crate::finding::{Check, Evidence, Finding};

use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, CacheKind, Engine, Subnet, Subnets};

/// At fault if one subnet is public, for a node may be made in any; pending if it cannot be told.
/// Serverless caches have no subnet group.
pub fn check(engine: &Engine, cache: &CacheFacts) -> Option<Finding> {
    if cache.kind == CacheKind::ServerlessCache {
        return None;
    }
    let remedy = match &cache.network.subnets {
        Subnets::Unknown(why) => Remedy::Pending(why.clone()),
        Subnets::Read(subnets) if public(subnets).next().is_none() => return None,
        Subnets::Read(_) => Remedy::Manual { action: None, because: Because::SubnetsAreShared },
    };
    Some(Finding {
        check: Check::PublicSubnet,
        evidence: Evidence::Setting { engine: engine.clone(), pending: false },
        remedy,
    })
}

/// Those that route to an internet gateway, whatever the destination: two halves are the internet too.
pub fn public(subnets: &[Subnet]) -> impl Iterator<Item = &Subnet> {
    subnets.iter().filter(|subnet| !subnet.public.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::CacheNetwork;
    use crate::fixtures::{self, subnet};

    fn found(kind: CacheKind, subnets: Subnets) -> Option<Finding> {
        let network = CacheNetwork { subnets, ..CacheNetwork::default() };
        let cache = fixtures::cache(kind, Engine::Redis, &[7000]);
        check(&Engine::Redis, &CacheFacts { network, ..cache })
    }

    #[test]
    fn private_subnets_are_clean() {
        let private = vec![subnet("subnet-1", &[]), subnet("subnet-2", &[])];
        assert_eq!(found(CacheKind::ReplicationGroup, Subnets::Read(private)), None);
    }

    #[test]
    fn one_public_subnet_is_enough_and_a_persons() {
        for destinations in [["0.0.0.0/0"].as_slice(), &["::/0"], &["0.0.0.0/1", "128.0.0.0/1"]] {
            let subnets = vec![subnet("subnet-1", &[]), subnet("subnet-2", destinations)];
            for kind in [CacheKind::CacheCluster, CacheKind::ReplicationGroup] {
                let finding = found(kind, Subnets::Read(subnets.clone())).unwrap();
                assert_eq!(
                    crate::fixtures::severity(&finding, &[]),
                    crate::severity::Severity::Low
                );
                let because = Because::SubnetsAreShared;
                assert_eq!(finding.remedy, Remedy::Manual { action: None, because });
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_pending_not_clean() {
        let why = "DescribeRouteTables: denied".to_owned();
        let finding = found(CacheKind::CacheCluster, Subnets::Unknown(why.clone())).unwrap();
        assert_eq!(finding.remedy, Remedy::Pending(why));
    }

    #[test]
    fn a_serverless_cache_has_no_subnet_group() {
        let public = Subnets::Read(vec![subnet("subnet-1", &["0.0.0.0/0"])]);
        assert_eq!(found(CacheKind::ServerlessCache, public), None);
    }
}
