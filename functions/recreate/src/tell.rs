//! Telling people, by the mails of the planner's crate.

use anyhow::Result;
use portcullis_aws::{Message, publish};
use portcullis_engine::text::harmless_json;
use portcullis_recreation::mail::{Context, Mail};

use crate::steps::Step;

impl Step<'_> {
    /// What every mail of this move names.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            recreation_id: &self.of.id,
            stack: &self.shell.settings.stack,
            account: &self.old.account,
            region: &self.old.region,
            asked_by: &self.of.asked_by,
            why: &self.of.why,
            execution_arn: &self.execution,
        }
    }

    /// Publishes a mail. If SNS does not take it, the step fails, and is tried again.
    pub(crate) async fn tell(&self, mail: Mail) -> Result<()> {
        let document = harmless_json(&mail.document.to_string());
        let message = Message::new(&mail.subject, &mail.body, &document);
        let told = publish(&self.shell.sns, &self.shell.settings.topic, &message).await;
        if told.is_err() {
            // The log keeps what the topic did not take. Links are not in the document.
            tracing::error!(r#move = self.of.id, mail = %mail.document, "the mail could not be sent");
        }
        told
    }
}
