//! How a move ends that did not go to its end.

use anyhow::Result;
use portcullis_plan::mail;
use portcullis_plan::plan::Plan;

use super::{Failure, State, Step};
use crate::account;

impl Step<'_> {
    /// What was made could not be taken back: people are told what is left, and how it goes.
    pub(super) async fn stuck(&self, failed: &Failure, left: Option<&Failure>) -> Result<State> {
        let (_, plan) = self.record().await?;
        let mut lines = match self.left(&plan).await {
            Ok(lines) => lines,
            Err(error) => vec![format!("what is left could not be looked at: {error:#}")],
        };
        lines.extend(left.map(|left| format!("taking it back failed: {}", left.why())));
        let (context, why) = (self.context(), failed.why());
        self.tell(mail::failed(Some(&plan), &context, &failed.step, &why, &[], &lines)).await?;
        self.end("failed, not taken back").await?;
        Ok(State::Done)
    }

    /// What is there that a move by this plan makes, each with the command that removes it.
    async fn left(&self, plan: &Plan) -> Result<Vec<String>> {
        let (new, region) = (self.new(plan), &self.old.region);
        let elasticache = &self.shell.look.elasticache;
        let mut lines = Vec::new();
        if account::cache(elasticache, &new).await?.is_some() {
            let (call, option) = match new.is_group {
                true => ("delete-replication-group", "--replication-group-id"),
                false => ("delete-cache-cluster", "--cache-cluster-id"),
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
        let (_, plan) = self.record().await?;
        let why = format!("the step {} failed: {}", failed.step, failed.why());
        self.tell(mail::kept(&plan, &self.context(), &why)).await?;
        self.end("both kept").await?;
        Ok(State::Done)
    }
}
