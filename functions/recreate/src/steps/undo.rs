//! Taking back what a move made, before anybody was told to use it.

use anyhow::Result;
use portcullis_recreation::plan::Plan;
use portcullis_recreation::{mail, marks};

use super::{Failure, State, Step};
use crate::account;
use crate::error::of;

impl Step<'_> {
    /// Revokes the rules, deletes the new cache and the snapshot, and waits until they are gone. Only what
    /// carries the mark of a move of this cache, and never a cache that clients were told to use.
    pub(super) async fn undo(&self, failed: &Failure) -> Result<State> {
        let (_, plan) = self.begin("undo").await?;
        self.close_opened(&plan).await?;
        if !self.unmake(&plan).await? || !self.unsnap(&plan).await? {
            return Ok(State::Waiting);
        }
        let undone = made_until(&plan, &failed.step);
        let (context, why) = (self.context(), failed.why());
        self.tell(mail::failed(Some(&plan), &context, &failed.step, &why, &undone, &[])).await?;
        self.end("failed, rolled back").await?;
        Ok(State::Done)
    }

    /// Whether the new cache is gone, or was never this move's to delete.
    async fn unmake(&self, plan: &Plan) -> Result<bool> {
        let (new, elasticache) = (self.new_cache(plan), &self.shell.look.elasticache);
        let Some(live) = account::cache(elasticache, &new).await? else { return Ok(true) };
        // One that is being made can neither be deleted nor asked for its tags.
        if matches!(live.status(), "creating" | "deleting" | "modifying" | "snapshotting") {
            return Ok(false);
        }
        // One that failed shows no tags: then IAM alone sees to it that it carries the mark.
        if live.status() == "available" {
            let tags = account::tags(elasticache, &new.arn).await?;
            if !marks::recreated_from(&tags, &self.of.cache)
                || marks::value(&tags, marks::HANDED_OVER).is_some()
            {
                return Ok(true);
            }
        }
        let deleted = if new.is_group {
            #[expect(clippy::disallowed_methods, reason = "this re-creation created it")]
            let request = elasticache.delete_replication_group();
            let answer = request.replication_group_id(&new.id).send().await;
            answer.map(|_| ()).map_err(|error| of("DeleteReplicationGroup", &error))
        } else {
            #[expect(clippy::disallowed_methods, reason = "this re-creation created it")]
            let request = elasticache.delete_cache_cluster();
            let answer = request.cache_cluster_id(&new.id).send().await;
            answer.map(|_| ()).map_err(|error| of("DeleteCacheCluster", &error))
        };
        match deleted {
            Err(error) if !account::is_going(elasticache, &new).await? => Err(error),
            Ok(()) | Err(_) => Ok(false),
        }
    }

    /// Whether the snapshot is gone, or was never this move's to delete. The old cache has all that is in it.
    async fn unsnap(&self, plan: &Plan) -> Result<bool> {
        let Some(wanted) = &plan.snapshot else { return Ok(true) };
        let elasticache = &self.shell.look.elasticache;
        let Some(found) = account::snapshot(elasticache, &wanted.name).await? else {
            return Ok(true);
        };
        if matches!(found.snapshot_status(), Some("creating" | "deleting" | "restoring")) {
            return Ok(false);
        }
        let tags = account::tags(elasticache, &self.old.snapshot(&wanted.name)).await?;
        if !marks::recreated_from(&tags, &self.of.cache) {
            return Ok(true);
        }
        self.delete_snapshot(&wanted.name).await?;
        Ok(false)
    }
}

/// What a move had made, or begun to make, when this step failed: all of it is gone now.
fn made_until(plan: &Plan, step: &str) -> Vec<String> {
    let mut made = Vec::new();
    if let Some(snapshot) = &plan.snapshot {
        made.push(format!("the snapshot {}", snapshot.name));
    }
    if step != "snapshot" && !plan.ingress.open.is_empty() {
        made.push(format!("the ingress rules of port {}", plan.create.port));
    }
    if !matches!(step, "snapshot" | "open-port") {
        made.push(format!("the cache {}", plan.create.id));
    }
    made
}
