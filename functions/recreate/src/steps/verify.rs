//! Whether the new cache is what was asked for, and telling people of it.

use anyhow::Result;
use portcullis_recreation::compare::verify_clone;
use portcullis_recreation::{mail, marks};

use super::{State, Step};
use crate::account;
use crate::error::lasting;

impl Step<'_> {
    /// Compares every setting.
    pub(super) async fn verify(&self) -> Result<State> {
        let (_, plan) = self.begin("verify").await?;
        self.belongs_to_this_recreation(&plan).await?;
        let (clone, _) = self.look(&self.new_cache(&plan).arn).await?;
        let differences = verify_clone(&plan, &clone);
        if differences.is_empty() {
            return Ok(State::Done);
        }
        let said: Vec<String> = differences.iter().map(ToString::to_string).collect();
        Err(lasting(format!("{} differs from the plan: {}", plan.create.id, said.join("; "))))
    }

    /// From here on nothing deletes the new cache: the mark comes before the mail.
    pub(super) async fn hand_over(&self) -> Result<State> {
        let (_, plan) = self.begin("hand-over").await?;
        let new = self.new_cache(&plan);
        let elasticache = &self.shell.look.elasticache;
        // Tags take a moment to reach every node, and meanwhile AWS shows none.
        let (clone, _) = self.look(&new.arn).await?;
        account::tag(elasticache, &new.arn, marks::HANDED_OVER, &self.of.id).await?;
        self.tell(mail::handed_over(&plan, &clone, &self.context())).await?;
        Ok(State::Done)
    }
}
