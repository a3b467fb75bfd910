//! Deleting the old cache, when a person agreed to that and nobody uses it.

use anyhow::Result;
use portcullis_approval::About;
use portcullis_recreation::marks;
use portcullis_recreation::plan::Plan;

use super::watch::InUse;
use super::{State, Step};
use crate::account;
use crate::error::{again, lasting};

impl Step<'_> {
    /// Deletes, and waits until it is gone.
    ///
    /// INVARIANT: a cache is deleted only when the table says that a person agreed to that, nobody has
    /// used it for an hour, and its replacement is there, made by this very plan.
    pub(super) async fn delete(&self) -> Result<State> {
        let (record, plan) = self.begin("delete").await?;
        self.answer_of(&record, About::Deletion)?;
        let elasticache = &self.shell.look.elasticache;
        let Some(live) = account::cache(elasticache, &self.old).await? else {
            return Ok(State::Done);
        };
        match live.status() {
            "deleting" | "deleted" => return Ok(State::Waiting),
            "available" => {}
            // It has to be available to be deleted with a snapshot.
            _ => return Ok(State::Waiting),
        }
        let new = self.new_cache(&plan);
        let replaced = account::cache(elasticache, &new).await?;
        match replaced {
            Some(replaced) if replaced.status() == "available" => {}
            Some(replaced) => {
                return Err(lasting(format!(
                    "{} is {}, so {} is kept",
                    new.id,
                    replaced.status(),
                    self.old.id
                )));
            }
            None => return Err(lasting(format!("{} is gone, so {} is kept", new.id, self.old.id))),
        }
        self.belongs_to_this_recreation(&plan).await?;
        if let InUse::Yes(why) = self.in_use(&record).await? {
            return Err(lasting(format!("{} is in use again, so it is kept: {why}", self.old.id)));
        }
        // The role may delete only what has this tag, and IAM takes a moment to know of it: so the tag is set
        // in one run of this step, and the cache deleted in the next.
        let tags = account::tags(elasticache, &self.of.cache).await?;
        if marks::value(&tags, marks::DELETION_APPROVED) == Some(self.of.id.as_str()) {
            match self.remove(&plan).await {
                Err(error) if !account::is_going(elasticache, &self.old).await? => {
                    return Err(error);
                }
                Ok(()) | Err(_) => {}
            }
        } else {
            let (cache, key) = (&self.of.cache, marks::DELETION_APPROVED);
            account::tag(elasticache, cache, key, &self.of.id).await?;
        }
        Ok(State::Waiting)
    }

    async fn remove(&self, plan: &Plan) -> Result<()> {
        let elasticache = &self.shell.look.elasticache;
        let last = plan.last_snapshot.clone();
        if self.old.is_group {
            #[expect(clippy::disallowed_methods, reason = "a person approved it")]
            let request = elasticache
                .delete_replication_group()
                .replication_group_id(&self.old.id)
                .retain_primary_cluster(false)
                .set_final_snapshot_identifier(last);
            let answer = request.send().await;
            return answer.map(|_| ()).map_err(|error| again("DeleteReplicationGroup", &error));
        }
        #[expect(clippy::disallowed_methods, reason = "a person approved it")]
        let request = elasticache
            .delete_cache_cluster()
            .cache_cluster_id(&self.old.id)
            .set_final_snapshot_identifier(last);
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| again("DeleteCacheCluster", &error))
    }
}
