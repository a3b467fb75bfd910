//! A part is not the whole, and one Region is not another: what is left of a document that holds more than
//! the account and Region of one cache.

use portcullis_engine::arn::Arn;

use super::wire::Document;

impl Document {
    /// Leaves out what an ARN says is in another account or Region, so that a cache of the same id there is
    /// not taken for this one, nor its members, subnets and snapshots for this one's.
    pub(super) fn within(mut self, arn: Option<&str>) -> Self {
        let Some(here) = arn.and_then(place) else { return self };
        let elsewhere = |arn: &Option<String>| {
            arn.as_deref().and_then(place).is_some_and(|there| there != here)
        };
        let mut arns = self.replication_groups.iter().map(|group| &group.arn);
        let several = arns.any(elsewhere) || self.cache_clusters.iter().any(|c| elsewhere(&c.arn));
        self.replication_groups.retain(|group| !elsewhere(&group.arn));
        self.cache_clusters.retain(|cluster| !elsewhere(&cluster.arn));
        self.cache_subnet_groups.retain(|group| !elsewhere(&group.arn));
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.retain(|snapshot| !elsewhere(&snapshot.arn));
        }
        if let Some(alarms) = &mut self.metric_alarms {
            alarms.retain(|alarm| !elsewhere(&alarm.alarm_arn));
        }
        // Nothing says of which Region these are.
        if several {
            self.cache_engine_versions = None;
            self.scalable_targets = None;
            self.limits = super::wire::Limits::default();
        }
        self
    }

    /// Each cache and rule once: whoever puts answers together has some of them twice.
    pub(super) fn without_repetitions(mut self) -> Self {
        once(&mut self.replication_groups);
        once(&mut self.cache_clusters);
        if let Some(rules) = &mut self.security_group_rules {
            once(rules);
        }
        self
    }
}

/// The account and the Region of an ARN. The Region of an ARN of another service is the same.
fn place(arn: &str) -> Option<(&str, &str)> {
    Arn::parse(arn).ok().map(|arn| (arn.account, arn.region))
}

fn once<T: PartialEq + Clone>(items: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    *items = kept;
}
