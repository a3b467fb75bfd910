//! One finding as it is remembered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Key;
use crate::facts::{IngressRule, Protocol, Source, Tag};
use crate::resolution::{Resolution, Standing};

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there.
    Open,
    /// We closed it, and saw it gone.
    Closed,
    /// It went, and not by us.
    Recovered,
}

/// One finding as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Which finding.
    #[serde(flatten)]
    pub key: Key,
    /// Its id for people: `f-` and twelve hexadecimal digits, told by the key alone.
    pub id: String,
    /// The check's id.
    pub check: String,
    /// The severity when it was last seen.
    pub severity: String,
    /// What it is, in a line.
    pub title: String,
    /// What became of it.
    pub state: State,
    /// When it first came, ISO 8601, by the event.
    pub first_seen: String,
    /// When it last came.
    pub last_seen: String,
    /// How often it came.
    pub times: u64,
    /// How often it came back after we had closed it.
    pub returns: u64,
    /// The latest times that it came, [`COMINGS`] of them and those that it came back within an hour, oldest first.
    pub comings: Vec<Coming>,
    /// The rule as it was before anything was done.
    pub rule: Option<Kept>,
    /// Counts the writes: a writer that read an older one has lost.
    pub version: u64,
}

/// How many comings are remembered one by one. An event is delivered again within hours: one whose coming is
/// forgotten by then would count, and be told, once more.
pub const COMINGS: usize = 10;

impl Entry {
    /// When it came last, and what came of that. Every entry has one.
    pub fn latest(&self) -> Option<&Coming> {
        self.comings.last()
    }
}

/// One of the times that a finding came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coming {
    /// The id of the event that brought it.
    pub event: String,
    /// When, ISO 8601, by the event.
    pub at: String,
    /// `sgr-…`, if it is about a rule.
    pub rule: Option<String>,
    /// The name of who brought it.
    pub by: String,
    /// What the call came through, where that can be told.
    pub via: Option<String>,
    /// Whether we had closed it before.
    pub back: bool,
    /// How it stands with it: what is about to be done while it is leased, then how it ended.
    pub outcome: Standing,
    /// The alert of it. Until there is one, whoever deals with it has to tell.
    pub told: Option<Told>,
    /// Which invocation deals with it, and until when nobody else does.
    pub held: Option<Held>,
}

impl Coming {
    pub(super) fn is_held_by_other(&self, by: &str, now: i64) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.by != by && held.until > now)
    }
}

/// That a finding was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// When the alert went out, ISO 8601.
    pub at: String,
    /// How it said that it ended.
    pub outcome: Resolution,
    /// How bad it said it was.
    pub severity: String,
}

/// A rule as it is put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// `sg-…`
    pub group: String,
    /// `sgr-…`
    pub rule: String,
    /// EC2's spelling: `tcp`, `-1`.
    pub protocol: String,
    /// `FromPort`, -1 where there is none.
    pub from_port: i32,
    /// `ToPort`, -1 where there is none.
    pub to_port: i32,
    /// A CIDR, `pl-…` or `sg-…`.
    pub source: String,
    /// Its description.
    pub description: Option<String>,
    /// Keys and values of its tags.
    pub tags: BTreeMap<String, String>,
}

/// Who deals with a finding now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// An id of the invocation.
    pub by: String,
    /// Seconds since 1970.
    pub until: i64,
}

impl Kept {
    pub(super) fn of(group: &str, rule: &IngressRule) -> Self {
        Self {
            group: group.to_owned(),
            rule: rule.id.clone(),
            protocol: rule.protocol.as_str().to_owned(),
            from_port: rule.from_port,
            to_port: rule.to_port,
            source: rule.source.to_string(),
            description: rule.description.clone(),
            tags: rule.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        }
    }

    /// The rule, as it was read.
    pub fn rule(&self) -> IngressRule {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
        IngressRule {
            id: self.rule.clone(),
            protocol: Protocol::parse(&self.protocol),
            from_port: self.from_port,
            to_port: self.to_port,
            source: source(&self.source),
            description: self.description.clone(),
            tags: self.tags.iter().map(tag).collect(),
        }
    }
}

fn source(text: &str) -> Source {
    match text {
        list if list.starts_with("pl-") => Source::PrefixList(list.to_owned()),
        group if group.starts_with("sg-") => Source::Group(group.to_owned()),
        text => Source::cidr(text).unwrap_or_else(|| Source::Unreadable(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::rule;

    #[test]
    fn a_kept_rule_is_the_rule_that_was_read() {
        for (traffic, source) in [
            ("tcp 6379", "0.0.0.0/0"),
            ("udp 11000-12000", "2000::/3"),
            ("icmp 8", "pl-1"),
            ("-1", "sg-2"),
            ("50", "a source of a new kind"),
        ] {
            let mut rule = rule("sgr-1", traffic, source);
            rule.description = Some("for the demo".to_owned());
            rule.tags = vec![Tag { key: "owner".to_owned(), value: "web".to_owned() }];
            let kept = Kept::of("sg-1", &rule);
            assert_eq!(kept.group, "sg-1");
            assert_eq!(kept.rule(), rule);
        }
    }
}
