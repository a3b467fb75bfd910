//! The SDK clients of the steps, made once.

use portcullis_approval::Table;
use portcullis_aws::{Patience, config, now, sns};
use portcullis_inventory::Clients;

use crate::settings::Settings;

/// Everything that the steps need.
#[derive(Debug)]
pub(crate) struct Shell {
    /// Their settings.
    pub(crate) settings: Settings,
    /// What is known of the moves.
    pub(crate) table: Table,
    /// What looks at caches and at what is around them.
    pub(crate) look: Clients,
    /// Keeps AUTH tokens.
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    /// The workflow.
    pub(crate) sfn: aws_sdk_sfn::Client,
    /// Signs links.
    pub(crate) kms: aws_sdk_kms::Client,
    /// SNS, in the topic's Region.
    pub(crate) sns: aws_sdk_sns::Client,
    /// Seconds since 1970.
    pub(crate) now: fn() -> i64,
}

impl Shell {
    /// Makes the clients.
    pub(crate) async fn new(settings: Settings) -> Self {
        let config = config(Patience::Long).await;
        Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(&config), settings.table.as_str()),
            look: Clients::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            sns: sns(&config, &settings.topic),
            now,
            settings,
        }
    }
}
