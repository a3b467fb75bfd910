//! How a move ends that did not go to its end.

use anyhow::{Result, anyhow};
use portcullis_recreation::mail;
use portcullis_recreation::plan::Plan;

use super::{Failure, State, Step};
use crate::account;

impl Step<'_> {
    /// What was made could not be taken back: people are told what is left, and how it goes.
    pub(super) async fn stuck(&self, failed: &Failure, left: Option<&Failure>) -> Result<State> {
        let plan = self.record().await.map(|(_, plan)| plan);
        let left_there = match &plan {
            Ok(plan) => self.left(plan).await,
            Err(error) => Err(anyhow!("{error:#}")),
        };
        let unseen = |error| vec![format!("the remaining resources could not be read: {error:#}")];
        let mut lines = left_there.unwrap_or_else(unseen);
        lines.extend(left.map(|left| format!("the rollback failed: {}", left.why())));
        let (context, why) = (self.context(), failed.why());
        let plan = plan.as_ref().ok();
        self.tell(mail::failed(plan, &context, &failed.step, &why, &[], &lines)).await?;
        self.end("failed, not rolled back").await?;
        Ok(State::Done)
    }

    /// What is there that a move by this plan makes, each with the command that removes it.
    async fn left(&self, plan: &Plan) -> Result<Vec<String>> {
        let (new, region) = (self.new_cache(plan), &self.old.region);
        let elasticache = &self.shell.look.elasticache;
        let mut lines = Vec::new();
        if account::cache(elasticache, &new).await?.is_some() {
            let (call, option) = if new.is_group {
                ("delete-replication-group", "--replication-group-id")
            } else {
                ("delete-cache-cluster", "--cache-cluster-id")
            };
            lines.push(format!("the cache {}, unless clients use it already", new.id));
            lines.push(format!("aws elasticache {call} {option} {} --region {region}", new.id));
        }
        for (group, rules) in self.opened(plan).await? {
            let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
            let ids = ids.join(" ");
            lines.push(format!("ingress rules of {group}, for port {}", plan.create.port));
            lines.push(format!("aws ec2 revoke-security-group-ingress --group-id {group} --security-group-rule-ids {ids} --region {region}"));
        }
        if let Some(snapshot) = &plan.snapshot
            && account::snapshot(elasticache, &snapshot.name).await?.is_some()
        {
            let name = &snapshot.name;
            lines.push(format!("the snapshot {name}"));
            lines.push(format!(
                "aws elasticache delete-snapshot --snapshot-name {name} --region {region}"
            ));
        }
        Ok(lines)
    }

    /// It failed before anything was changed.
    pub(super) async fn stopped(&self, failed: &Failure) -> Result<State> {
        let (context, why) = (self.context(), failed.why());
        self.tell(mail::failed(None, &context, &failed.step, &why, &[], &[])).await?;
        if self.shell.table.read(&self.of.id).await?.is_some() {
            self.shell.table.stage(&self.of.id, "failed, nothing changed").await?;
        }
        self.unlock().await?;
        Ok(State::Done)
    }

    /// It failed after clients were told of the new cache: both stay.
    pub(super) async fn keep(&self, failed: &Failure) -> Result<State> {
        let why = format!("the step {} failed: {}", failed.step, failed.why());
        let mail = match self.record().await {
            Ok((_, plan)) => mail::kept(&plan, &self.context(), &why),
            Err(_) => {
                let left = ["both caches: clients may use the new one already".to_owned()];
                mail::failed(None, &self.context(), &failed.step, &why, &[], &left)
            }
        };
        self.tell(mail).await?;
        self.end("both kept").await?;
        Ok(State::Done)
    }
}
