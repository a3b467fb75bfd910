//! What refers to the cache, found in lists that hold more than that.

use super::wire::{Alarm, Document};
use crate::endpoints::endpoints;
use crate::facts::{Around, Cache, Seen};

impl Document {
    /// `meant`: whether the lists that name no cache are of this one.
    pub(super) fn around(&self, cache: &Cache, meant: bool) -> Around {
        let mut ids = vec![cache.id()];
        ids.extend(cache.clusters().iter().map(|cluster| cluster.cache_cluster_id.as_str()));
        let resource = format!("replication-group/{}", cache.id());
        let seen = |found: Option<Vec<String>>| found.map_or(Seen::Unknown, Seen::Read);
        Around {
            scaling: seen(self.scalable_targets.as_ref().map(|targets| {
                let own = targets.iter().filter(|target| target.resource_id == resource);
                own.map(|target| target.scalable_dimension.clone()).collect()
            })),
            alarms: seen(self.metric_alarms.as_ref().map(|alarms| {
                let own = alarms.iter().filter(|alarm| alarm.is_on(&ids));
                own.map(|alarm| alarm.alarm_name.clone()).collect()
            })),
            dns: seen(self.resource_record_sets.as_ref().map(|_| self.records(cache))),
            policies: seen(self.connect_policies.clone().filter(|_| meant)),
            holders: seen(self.endpoint_holders.clone().filter(|_| meant)),
        }
    }

    fn records(&self, cache: &Cache) -> Vec<String> {
        let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let own: Vec<String> = endpoints(cache).iter().map(|e| plain(&e.address)).collect();
        let records = self.resource_record_sets.iter().flatten().filter(|set| {
            let alias = set.alias_target.iter().map(|alias| plain(&alias.dns_name));
            let values = set.resource_records.iter().map(|record| plain(&record.value));
            alias.chain(values).any(|value| own.contains(&value))
        });
        records.map(|set| format!("{} {}", set.r#type, set.name)).collect()
    }
}

impl Alarm {
    fn is_on(&self, ids: &[&str]) -> bool {
        let stats = self.metrics.iter().filter_map(|query| query.metric_stat.as_ref());
        let more = stats.flat_map(|stat| &stat.metric.dimensions);
        self.dimensions.iter().chain(more).any(|dimension| {
            matches!(dimension.name.as_str(), "CacheClusterId" | "ReplicationGroupId")
                && ids.contains(&dimension.value.as_str())
        })
    }
}
