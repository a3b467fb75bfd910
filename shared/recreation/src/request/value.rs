//! The value of one input, for people and for comparing.

use portcullis_engine::facts::Tag;

use super::{Shard, Token};
use crate::describe::LogDelivery;

/// The value of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not given.
    Unset,
    /// A string
    Text(String),
    /// A number
    Number(i64),
    /// A boolean
    Flag(bool),
    /// Strings
    List(Vec<String>),
    /// `Tags`
    Tags(Vec<Tag>),
    /// `NodeGroupConfiguration`
    Shards(Vec<Shard>),
    /// `LogDeliveryConfigurations`
    Logs(Vec<LogDelivery>),
    /// `AuthToken`
    Token(Token),
}

impl Value {
    pub(super) fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Unset, |text| Self::Text(text.to_owned()))
    }

    pub(super) fn list(items: &[String]) -> Self {
        if items.is_empty() { Self::Unset } else { Self::List(items.to_vec()) }
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(super) fn flag(flag: Option<bool>) -> Self {
        flag.map_or(Self::Unset, Self::Flag)
    }

    /// The value for people, a line an item.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unset => vec!["-".to_owned()],
            Self::Text(text) => vec![text.clone()],
            Self::Number(number) => vec![number.to_string()],
            Self::Flag(flag) => vec![if *flag { "yes" } else { "no" }.to_owned()],
            Self::List(items) => items.clone(),
            Self::Tags(tags) => tags.iter().map(|t| format!("{}={}", t.key, t.value)).collect(),
            Self::Shards(shards) => shards.iter().map(ToString::to_string).collect(),
            Self::Logs(logs) => logs.iter().map(log_line).collect(),
            Self::Token(Token::None) => vec!["-".to_owned()],
            Self::Token(Token::Hidden) => vec!["set; AWS does not show it".to_owned()],
            Self::Token(Token::Secret(arn)) => vec![format!("from {arn}")],
        }
    }

    /// Whether nothing is given.
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset | Self::Token(Token::None))
    }
}

/// The name of a log's destination: a log group or a delivery stream.
fn log_destination(log: &LogDelivery) -> Option<&str> {
    let details = &log.destination_details;
    let group = details.cloud_watch_logs.as_ref().and_then(|d| d.log_group.as_deref());
    let stream = details.kinesis_firehose.as_ref().and_then(|d| d.delivery_stream.as_deref());
    group.or(stream)
}

fn log_line(log: &LogDelivery) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let to = log_destination(log).unwrap_or_default();
    format!(
        "{} to {} {to}, {}",
        text(&log.log_type),
        text(&log.destination_type),
        text(&log.log_format)
    )
}
