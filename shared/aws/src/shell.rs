//! What a function that guards the account has at hand, made once.

use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use portcullis_engine::exceptions::Exceptions;
use portcullis_engine::settings::Settings;
use portcullis_exceptions::Unreadable;

use crate::clients::{Lazy, Patience, config, ec2, elasticache, informing};
use crate::environment::now;
use crate::ledger::Ledger;
use crate::metrics;
use crate::publish::Notifier;

/// The rules that one process revoked in a minute: the limit of a minute, where the ledger cannot count.
#[derive(Debug, Default)]
pub struct Spent(Mutex<(i64, usize)>);

impl Spent {
    /// How many it revoked in the minute of this time.
    pub fn of(&self, now: i64) -> usize {
        let (minute, spent) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute == now.div_euclid(60) { spent } else { 0 }
    }

    /// Adds what it is about to revoke.
    pub fn add(&self, now: i64, revokes: usize) {
        let spent = self.of(now) + revokes;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (now.div_euclid(60), spent);
    }
}

/// Everything that a function needs to look, act and tell.
#[derive(Debug)]
pub struct Shell {
    /// Its settings.
    pub settings: Settings,
    /// What is suppressed.
    pub exceptions: Box<dyn Exceptions>,
    /// EC2, in the function's own Region.
    pub ec2: aws_sdk_ec2::Client,
    /// EC2 for what only informs: it gives up soon.
    pub informs: aws_sdk_ec2::Client,
    /// ElastiCache, in the function's own Region.
    pub elasticache: Lazy<aws_sdk_elasticache::Client>,
    /// What sends alerts.
    pub notifier: Notifier,
    /// SQS, in the function's own Region.
    pub sqs: Lazy<aws_sdk_sqs::Client>,
    /// EventBridge Scheduler, in the function's own Region.
    pub scheduler: Lazy<aws_sdk_scheduler::Client>,
    /// What a function makes clients of its own from.
    pub config: SdkConfig,
    /// What is remembered of findings.
    pub ledger: Ledger,
    /// Where the metrics go, line by line.
    pub metrics: fn(&str),
    /// What this process revoked in this minute.
    pub spent: Spent,
    /// Seconds since 1970: only what is remembered has a clock of its own.
    pub now: fn() -> i64,
}

impl Shell {
    /// Tolerates nothing yet. Makes the clients that every event needs, and sees to it that the others can be made.
    pub async fn new(settings: Settings) -> Self {
        let config = config(Patience::Prompt).await;
        let (of_caches, sqs, scheduler) = (config.clone(), config.clone(), config.clone());
        Self {
            informs: informing(&config),
            ec2: ec2(&config),
            elasticache: Lazy::new(Box::new(move || elasticache(&of_caches))),
            notifier: Notifier::new(settings.topics.clone(), &config),
            sqs: Lazy::new(Box::new(move || aws_sdk_sqs::Client::new(&sqs))),
            scheduler: Lazy::new(Box::new(move || aws_sdk_scheduler::Client::new(&scheduler))),
            ledger: Ledger::hasty(&config, &settings.ledger_table),
            metrics: metrics::to_stdout,
            exceptions: Box::new(Unreadable::new("they were not read")),
            spent: Spent::default(),
            now,
            settings,
            config,
        }
    }
}
