//! `public-endpoint`: a serverless cache has its endpoint on the internet, in no VPC and behind no group.
//!
//! It must ask for IAM and TLS there (ElastiCache user guide, "Public endpoints"), so that one thing is left
//! between the internet and the data. That is why it is high, and not critical.

use crate::finding::{Check, Evidence, Finding};

use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, CacheKind, Connection, Engine};

/// At fault if Describe says so; pending if it does not say.
pub fn check(engine: &Engine, cache: &CacheFacts) -> Option<Finding> {
    if cache.kind != CacheKind::ServerlessCache {
        return None;
    }
    let remedy = match &cache.network.connection {
        Connection::Vpc => return None,
        Connection::Public => Remedy::Manual { action: None, because: Because::ConnectionIsFixed },
        Connection::Unknown(why) => Remedy::Pending(why.clone()),
    };
    Some(Finding {
        check: Check::PublicEndpoint,
        evidence: Evidence::Setting { engine: engine.clone(), pending: false },
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::CacheNetwork;
    use crate::fixtures;

    fn found(kind: CacheKind, connection: Connection) -> Option<Finding> {
        let network = CacheNetwork { connection, ..CacheNetwork::default() };
        let cache = fixtures::cache(kind, Engine::Valkey, &[6379]);
        check(&Engine::Valkey, &CacheFacts { network, ..cache })
    }

    #[test]
    fn an_endpoint_in_a_vpc_is_clean() {
        assert_eq!(found(CacheKind::ServerlessCache, Connection::Vpc), None);
    }

    #[test]
    fn an_endpoint_on_the_internet_is_a_persons() {
        let finding = found(CacheKind::ServerlessCache, Connection::Public).unwrap();
        assert_eq!(crate::fixtures::severity(&finding, &[]), crate::severity::Severity::High);
        let because = Because::ConnectionIsFixed;
        assert_eq!(finding.remedy, Remedy::Manual { action: None, because });
    }

    #[test]
    fn what_describe_does_not_say_is_pending_not_clean() {
        let why = "its connection type is `mesh`".to_owned();
        let finding = found(CacheKind::ServerlessCache, Connection::Unknown(why.clone())).unwrap();
        assert_eq!(finding.remedy, Remedy::Pending(why));
    }

    #[test]
    fn nodes_always_lie_in_a_vpc() {
        for kind in [CacheKind::CacheCluster, CacheKind::ReplicationGroup] {
            assert_eq!(found(kind, Connection::Public), None);
        }
    }
}
