//! Making the new cache, and what can only be set afterwards.

use anyhow::Result;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use portcullis_approval::About;
use portcullis_aws::error::code;
use portcullis_recreation::marks;
use portcullis_recreation::plan::{Afterwards, Plan, is_fingerprint};
use portcullis_recreation::request::{Kind, Token};

use super::{State, Step};
use crate::account::{self, Live};
use crate::error::{lasting, of};
use crate::{requests, tokens};

impl Step<'_> {
    /// Makes the new cache, and waits for it.
    pub(super) async fn create(&self) -> Result<State> {
        let (record, plan) = self.begin("create").await?;
        self.answer_of(&record, About::Recreation)?;
        let new = self.new_cache(&plan);
        let Some(live) = account::cache(&self.shell.look.elasticache, &new).await? else {
            self.make(&plan).await?;
            return Ok(State::Waiting);
        };
        match live.status() {
            "creating" | "modifying" | "snapshotting" => Ok(State::Waiting),
            "available" => self.belongs_to_this_recreation(&plan).await.map(|()| State::Done),
            other => Err(lasting(format!("the new cache {} is {other}", new.id))),
        }
    }

    /// # Errors
    ///
    /// If the cache is not what a move by this plan made.
    pub(super) async fn belongs_to_this_recreation(&self, plan: &Plan) -> Result<()> {
        let new = self.new_cache(plan);
        let tags = account::tags(&self.shell.look.elasticache, &new.arn).await?;
        let by = marks::value(&tags, marks::PLAN);
        let is_own = marks::recreated_from(&tags, &self.of.cache);
        if is_own && by == Some(&plan.fingerprint) {
            return Ok(());
        }
        let why = if is_own && by.is_some_and(|by| !is_fingerprint(by)) {
            "a re-creation by an earlier version of Portcullis created it: use it, or delete it and start the re-creation \
             again"
        } else {
            "no re-creation with this plan created it"
        };
        Err(lasting(format!("a cache {} exists already, and {why}", new.id)))
    }

    async fn make(&self, plan: &Plan) -> Result<()> {
        let create = &plan.create;
        let token = match &create.auth_token {
            Token::None => None,
            Token::Secret(arn) => Some(tokens::read(&self.shell.secrets, arn).await?),
            Token::Hidden => return Err(lasting("the AUTH token is in no secret")),
        };
        let elasticache = &self.shell.look.elasticache;
        match &create.kind {
            Kind::Group(inputs) => {
                let made = requests::group(create, inputs, token)?.send_with(elasticache).await;
                made_or_there("CreateReplicationGroup", "ReplicationGroupAlreadyExists", made)
            }
            Kind::Cluster(inputs) => {
                let made = requests::cluster(create, inputs, token)?.send_with(elasticache).await;
                made_or_there("CreateCacheCluster", "CacheClusterAlreadyExists", made)
            }
        }
    }

    /// Sets what only Modify takes, one after the other, and waits for it.
    pub(super) async fn set_the_rest(&self) -> Result<State> {
        let (_, plan) = self.begin("set-the-rest").await?;
        let new = self.new_cache(&plan);
        let live = account::cache(&self.shell.look.elasticache, &new)
            .await?
            .ok_or_else(|| lasting(format!("the new cache {} is gone", new.id)))?;
        match live.status() {
            "available" => {}
            "modifying" | "snapshotting" => return Ok(State::Waiting),
            other => return Err(lasting(format!("the new cache {} is {other}", new.id))),
        }
        for setting in &plan.afterwards {
            if !self.is_set(&live, setting).await? {
                self.set(&live, setting).await?;
                return Ok(State::Waiting);
            }
        }
        Ok(State::Done)
    }

    async fn is_set(&self, live: &Live, setting: &Afterwards) -> Result<bool> {
        match (live, setting) {
            (Live::Group(group), Afterwards::SnapshottingCluster(id)) => {
                Ok(group.snapshotting_cluster_id() == Some(id))
            }
            (Live::Cluster(_), Afterwards::SnapshottingCluster(_)) => Ok(true),
            (Live::Cluster(cluster), Afterwards::SilentTopic) => {
                let topic = cluster.notification_configuration();
                Ok(topic.and_then(|topic| topic.topic_status()) == Some("inactive"))
            }
            // A group's topic is shown by its members.
            (Live::Group(group), Afterwards::SilentTopic) => {
                let Some(member) = group.member_clusters().first() else { return Ok(false) };
                let request = self.shell.look.elasticache.describe_cache_clusters();
                let answer = request
                    .cache_cluster_id(member)
                    .send()
                    .await
                    .map_err(|error| of("DescribeCacheClusters", &error))?;
                let member = answer.cache_clusters().first();
                let topic = member.and_then(|member| member.notification_configuration());
                Ok(topic.and_then(|topic| topic.topic_status()) == Some("inactive"))
            }
        }
    }

    async fn set(&self, live: &Live, setting: &Afterwards) -> Result<()> {
        let elasticache = &self.shell.look.elasticache;
        match live {
            Live::Group(group) => {
                #[expect(clippy::disallowed_methods, reason = "a step of a re-creation")]
                let request = elasticache
                    .modify_replication_group()
                    .set_replication_group_id(group.replication_group_id.clone())
                    .apply_immediately(true);
                let request = match setting {
                    Afterwards::SilentTopic => request.notification_topic_status("inactive"),
                    Afterwards::SnapshottingCluster(id) => request.snapshotting_cluster_id(id),
                };
                let answer = request.send().await;
                answer.map(|_| ()).map_err(|error| of("ModifyReplicationGroup", &error))
            }
            Live::Cluster(cluster) => {
                #[expect(clippy::disallowed_methods, reason = "a step of a re-creation")]
                let request = elasticache
                    .modify_cache_cluster()
                    .set_cache_cluster_id(cluster.cache_cluster_id.clone())
                    .notification_topic_status("inactive")
                    .apply_immediately(true);
                let answer = request.send().await;
                answer.map(|_| ()).map_err(|error| of("ModifyCacheCluster", &error))
            }
        }
    }
}

/// What is there already may be ours, if an answer was lost: the next look tells.
fn made_or_there<T, E, R>(call: &str, there: &str, made: Result<T, SdkError<E, R>>) -> Result<()>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match made {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some(there) => Ok(()),
        Err(error) => Err(of(call, &error)),
    }
}
