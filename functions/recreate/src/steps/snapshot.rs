//! The snapshot that the new cache is made from.

use anyhow::Result;
use aws_sdk_elasticache::types::Tag;
use portcullis_approval::About;
use portcullis_aws::error::code;
use portcullis_recreation::marks;
use portcullis_recreation::plan::{Plan, Snapshot, SnapshotOf};

use super::{State, Step};
use crate::account;
use crate::error::{lasting, of};
use crate::requests;

impl Step<'_> {
    /// Takes the snapshot, and waits for it. One of an earlier move of the cache holds old data: it goes.
    pub(super) async fn snapshot(&self) -> Result<State> {
        let (record, plan) = self.begin("snapshot").await?;
        self.answer_of(&record, About::Recreation)?;
        let Some(wanted) = &plan.snapshot else { return Ok(State::Done) };
        let elasticache = &self.shell.look.elasticache;
        // A cache that an earlier run made has its data already.
        if account::cache(elasticache, &self.new_cache(&plan)).await?.is_some() {
            return Ok(State::Done);
        }
        let Some(found) = account::snapshot(elasticache, &wanted.name).await? else {
            self.take(&plan, wanted).await?;
            return Ok(State::Waiting);
        };
        let status = found.snapshot_status().unwrap_or_default();
        if matches!(status, "creating" | "deleting" | "restoring" | "copying") {
            return Ok(State::Waiting);
        }
        let tags = account::tags(elasticache, &self.old.snapshot(&wanted.name)).await?;
        if !marks::recreated_from(&tags, &self.of.cache) {
            return Err(lasting(format!(
                "a snapshot {} exists already, and no re-creation of {} created it; rename or delete it",
                wanted.name, self.old.id
            )));
        }
        if marks::value(&tags, marks::RECREATION) != Some(self.of.id.as_str()) {
            self.delete_snapshot(&wanted.name).await?;
            return Ok(State::Waiting);
        }
        match status {
            "available" => Ok(State::Done),
            other => Err(lasting(format!("the snapshot {} is {other}", wanted.name))),
        }
    }

    async fn take(&self, plan: &Plan, wanted: &Snapshot) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "a step of a re-creation")]
        let request = self.shell.look.elasticache.create_snapshot();
        let request = match &wanted.of {
            SnapshotOf::Group(id) => request.replication_group_id(id),
            SnapshotOf::Cluster(id) => request.cache_cluster_id(id),
        };
        let mut tags = requests::tags(&plan.markers);
        tags.push(Tag::builder().key(marks::RECREATION).value(&self.of.id).build());
        match request.snapshot_name(&wanted.name).set_tags(Some(tags)).send().await {
            Ok(_) => Ok(()),
            // An answer of ours was lost. Whose it is, the next look tells.
            Err(error) if code(&error) == Some("SnapshotAlreadyExistsFault") => Ok(()),
            Err(error) => Err(of("CreateSnapshot", &error)),
        }
    }

    pub(super) async fn delete_snapshot(&self, name: &str) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "only what a re-creation created")]
        let request = self.shell.look.elasticache.delete_snapshot();
        match request.snapshot_name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("SnapshotNotFoundFault") => Ok(()),
            Err(error) => Err(of("DeleteSnapshot", &error)),
        }
    }
}
