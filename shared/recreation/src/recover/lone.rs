//! The request that would make a cluster as it is that is in no group.

use portcullis_engine::facts::Engine;

use super::group::is_tiered;
use super::{Loss, Reader};
use crate::describe::CacheCluster;
use crate::request::{GroupInputs, Kind, Placement, Request, Shape, Token};
use crate::versions::{Feature, knows};

impl Reader<'_> {
    pub(super) fn cluster(&mut self, cluster: &CacheCluster) -> Request {
        let version = cluster.engine_version.clone().unwrap_or_default();
        let mut request = self.common(cluster, cluster.engine.as_deref());
        request.id = cluster.cache_cluster_id.clone();
        request.node_type =
            self.need("CacheNodeType", "CacheNodeType", cluster.cache_node_type.clone());
        const UPGRADE: &str = "AutoMinorVersionUpgrade";
        request.auto_minor_version_upgrade =
            self.need(UPGRADE, UPGRADE, cluster.auto_minor_version_upgrade);
        self.transit(
            &mut request,
            &version,
            cluster.transit_encryption_enabled,
            cluster.auth_token_enabled,
        );
        request.logs = self.logs(&request, &version, cluster.log_delivery_configurations.as_ref());
        self.network(
            &mut request,
            &version,
            cluster.network_type.as_ref(),
            cluster.ip_discovery.as_ref(),
        );
        request.port = self.need("Port", "Port", cluster.port());
        let placement = self.placement(cluster, &request.engine);
        if request.engine != Engine::Memcached {
            let window = cluster.snapshot_window.as_ref();
            self.snapshots(&mut request, cluster.snapshot_retention_limit, window);
        }
        request.kind = match (&request.engine, &placement.placement) {
            (Engine::Redis | Engine::Valkey, Placement::One(zone)) => {
                let group = self.group_of_one(cluster, &request, &version, zone);
                group.map_or(Kind::Cluster(placement), Kind::Group)
            }
            _ => Kind::Cluster(placement),
        };
        request
    }

    /// A replication group of one node, where CreateCacheCluster cannot make the like of a lone node: it
    /// knows no Valkey, no encryption and no AUTH token (`crate::constraints`), and no data tiering.
    fn group_of_one(
        &mut self,
        cluster: &CacheCluster,
        request: &Request,
        version: &str,
        zone: &str,
    ) -> Option<GroupInputs> {
        const AT_REST: &str = "AtRestEncryptionEnabled";
        let known = knows(&request.engine, version, Feature::AtRestEncryption);
        let at_rest = cluster.at_rest_encryption_enabled;
        let at_rest = self.need_if(known, AT_REST, AT_REST, at_rest).unwrap_or_default();
        let data_tiering = is_tiered(&request.node_type);
        let needed = request.engine == Engine::Valkey
            || request.transit_encryption
            || request.auth_token != Token::None
            || at_rest
            || data_tiering;
        if !needed {
            return None;
        }
        if at_rest {
            self.losses.push(Loss::of(
                "KmsKeyId",
                "the key of the encryption at rest, if it is your own: AWS shows it for groups only, so the new cache \
                 is encrypted with AWS's key",
            ));
        }
        let mode = cluster.transit_encryption_mode.as_ref();
        Some(GroupInputs {
            description: request.id.clone(),
            automatic_failover: false,
            multi_az: false,
            shape: Shape::Nodes(vec![zone.to_owned()]),
            transit_mode: self.transit_mode(request, version, mode),
            at_rest_encryption: at_rest,
            kms_key: None,
            user_groups: Vec::new(),
            data_tiering,
            // Only cluster mode has any (guide, "Durability"); where it is known, its default is left to nobody.
            durability: knows(&request.engine, version, Feature::Durability)
                .then(|| "disabled".to_owned()),
        })
    }
}
