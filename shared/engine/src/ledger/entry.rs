//! One finding as the table has it: its occurrences, its rule, and the reports of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Key, State};
use crate::action::RemoveEntries;
use crate::facts::{IngressRule, ListEntry, ListedGroup, Protocol, Source, Tag};
use crate::resolution::{Resolution, Standing};

/// One finding in the ledger. The names of its attributes are stored, and do not change.
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
    /// The severity when it was last leased or ended.
    pub severity: String,
    /// What the fault is, in a line.
    pub title: String,
    /// Whether it is open, closed or resolved.
    pub state: State,
    /// The time of its first event, ISO 8601.
    pub first_seen: String,
    /// The time of its newest event.
    pub last_seen: String,
    /// How many occurrences there were.
    pub times: u64,
    /// How many of them were recurrences: the finding had been closed before.
    pub returns: u64,
    /// The latest occurrences, oldest first: [`OCCURRENCES`] of them, and the recurrences within an hour.
    #[serde(rename = "comings")]
    pub occurrences: Vec<Occurrence>,
    /// The rule as it was before it was revoked, so that `undo` can restore it. None for a setting of a cache.
    pub rule: Option<RuleRecord>,
    /// The rules that Portcullis granted to known networks in its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantRecord>,
    /// The entries of a prefix list as they were before they were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListRecord>,
    /// Since when a tool's own word kept the rule open, the last time, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spared: Option<String>,
    /// The number of writes. A write is conditional on the version that was read.
    pub version: u64,
}

/// How many occurrences an entry keeps. Events are redelivered within hours: one whose occurrence was dropped by then
/// would be counted and reported once more.
pub const OCCURRENCES: usize = 10;

impl Entry {
    /// The newest occurrence. Every entry that was written has one.
    pub fn latest(&self) -> Option<&Occurrence> {
        self.occurrences.last()
    }
}

/// One event that reports a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// The id of the event.
    pub event: String,
    /// The time of the event, ISO 8601.
    pub at: String,
    /// `sgr-…`, if it is about a rule.
    pub rule: Option<String>,
    /// The name of the caller.
    pub by: String,
    /// The tool or service that the call came through, where the event shows it.
    pub via: Option<String>,
    /// Whether it is a recurrence: Portcullis had closed the finding before.
    #[serde(rename = "back")]
    pub recurred: bool,
    /// What is about to be done while the occurrence is leased; then how it ended.
    pub outcome: Standing,
    /// The last report of it. While there is none, the invocation that has the lease must report it.
    #[serde(rename = "told")]
    pub reported: Option<ReportedAs>,
    /// The lease. While it runs, no other invocation processes the occurrence.
    #[serde(rename = "held")]
    pub lease: Option<Lease>,
}

impl Occurrence {
    pub(super) fn is_leased_by_other(&self, by: &str, now: i64) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|lease| lease.by != by && lease.until > now)
    }
}

/// The report of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedAs {
    /// When the alert was sent, ISO 8601.
    pub at: String,
    /// The outcome that the alert gave.
    pub outcome: Resolution,
    /// The severity that the alert gave.
    pub severity: String,
}

/// A rule as `undo` restores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleRecord {
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
    /// Keys and values of its tags. Empty where they are an item of their own.
    pub tags: BTreeMap<String, String>,
    /// Whether they are an item of their own ([`RuleTags`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tags_apart: bool,
}

/// A rule that was granted in place of another. Its protocol and ports are those of that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// `sgr-…`
    pub rule: String,
    /// A CIDR or `pl-…`
    pub source: String,
}

/// Entries of a prefix list as `undo` restores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRecord {
    /// `pl-…`
    pub list: String,
    /// The version of the list that had them.
    pub version: i64,
    /// Each CIDR, with its description.
    pub entries: Vec<(String, Option<String>)>,
    /// The groups that they let the internet into, with the rules that name the list: the first 100.
    pub groups: BTreeMap<String, Vec<String>>,
}

/// How many groups an entry keeps of a prefix list.
const GROUPS: usize = 100;

impl ListRecord {
    pub(super) fn of(remove: &RemoveEntries) -> Self {
        let entry = |entry: &ListEntry| (entry.cidr.to_string(), entry.description.clone());
        let groups = remove.groups.iter().take(GROUPS);
        Self {
            list: remove.list.clone(),
            version: remove.version,
            entries: remove.entries.iter().map(entry).collect(),
            groups: groups.map(|group| (group.id.clone(), group.rules.clone())).collect(),
        }
    }

    /// The removal of the entries, as it was decided.
    pub fn removal(&self) -> RemoveEntries {
        let entry = |(cidr, description): &(String, Option<String>)| {
            Some(ListEntry { cidr: cidr.parse().ok()?, description: description.clone() })
        };
        let group = |(id, rules): (&String, &Vec<String>)| ListedGroup {
            id: id.clone(),
            rules: rules.clone(),
        };
        RemoveEntries {
            list: self.list.clone(),
            version: self.version,
            entries: self.entries.iter().filter_map(entry).collect(),
            groups: self.groups.iter().map(group).collect(),
        }
    }

    /// Whether the list, with these networks, has any of the entries.
    pub fn is_in(&self, nets: &BTreeSet<String>) -> bool {
        self.entries.iter().any(|(cidr, _)| nets.contains(cidr))
    }
}

/// The tags of a rule that has many: an item of their own, which `undo` alone reads. A rule may have 50 tags of 384
/// characters (EC2 user guide, "Tag restrictions"), and an entry is read with each event that is about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTags {
    /// `tags/sg-…`
    pub subject: String,
    /// `sgr-…`
    pub finding: String,
    /// Keys and values.
    pub tags: BTreeMap<String, String>,
}

/// Above so many bytes, the tags of a rule are an item of their own, and no command in an alert repeats them.
const LARGE_TAGS: usize = 2048;

/// Whether the tags of a rule are too large for an entry and for a command.
pub fn has_large_tags(rule: &IngressRule) -> bool {
    let bytes: usize = rule.tags.iter().map(|tag| tag.key.len() + tag.value.len()).sum();
    bytes > LARGE_TAGS
}

impl RuleTags {
    /// The partition of the tags of a group's rules.
    pub fn subject(group: &str) -> String {
        format!("tags/{group}")
    }

    /// Those of a rule, if they are an item of their own.
    pub(super) fn of(group: &str, rule: &IngressRule) -> Option<Self> {
        let (subject, finding) = (Self::subject(group), rule.id.clone());
        has_large_tags(rule).then(|| Self { subject, finding, tags: tags(rule) })
    }
}

fn tags(rule: &IngressRule) -> BTreeMap<String, String> {
    rule.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// The lease of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The invocation that has it: Lambda's request id, which is the same in its retries.
    pub by: String,
    /// Seconds since 1970.
    pub until: i64,
}

impl RuleRecord {
    pub(super) fn of(group: &str, rule: &IngressRule) -> Self {
        Self {
            group: group.to_owned(),
            rule: rule.id.clone(),
            protocol: rule.protocol.as_str().to_owned(),
            from_port: rule.from_port,
            to_port: rule.to_port,
            source: rule.source.to_string(),
            description: rule.description.clone(),
            tags: if has_large_tags(rule) { BTreeMap::new() } else { tags(rule) },
            tags_apart: has_large_tags(rule),
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

pub(super) fn source(text: &str) -> Source {
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

    /// Tables in use have them.
    #[test]
    fn the_stored_names_do_not_change() {
        let text = str::to_owned;
        let entry = Entry {
            key: Key { subject: text("sg-01"), finding: text("no-auth") },
            id: text("f-1"),
            check: text("no-auth"),
            severity: text("high"),
            title: text("it is open"),
            state: State::Resolved,
            first_seen: text("1"),
            last_seen: text("2"),
            times: 2,
            returns: 1,
            occurrences: vec![Occurrence {
                event: text("e-1"),
                at: text("2"),
                rule: Some(text("sgr-1")),
                by: text("alice"),
                via: None,
                recurred: true,
                outcome: Standing::Leased(crate::resolution::Intent::StartRecreation),
                reported: Some(ReportedAs {
                    at: text("3"),
                    outcome: Resolution::NotRemediated,
                    severity: text("low"),
                }),
                lease: Some(Lease { by: text("r-1"), until: 4 }),
            }],
            rule: Some(RuleRecord::of("sg-01", &rule("sgr-1", "tcp 22", "::/0"))),
            grants: Vec::new(),
            list: None,
            spared: None,
            version: 3,
        };
        let stored = serde_json::to_string(&entry).unwrap();
        insta::assert_snapshot!(stored, @r#"{"subject":"sg-01","finding":"no-auth","id":"f-1","check":"no-auth","severity":"high","title":"it is open","state":"recovered","firstSeen":"1","lastSeen":"2","times":2,"returns":1,"comings":[{"event":"e-1","at":"2","rule":"sgr-1","by":"alice","via":null,"back":true,"outcome":"start-move","told":{"at":"3","outcome":"withheld","severity":"low"},"held":{"by":"r-1","until":4}}],"rule":{"group":"sg-01","rule":"sgr-1","protocol":"tcp","fromPort":22,"toPort":22,"source":"::/0","description":null,"tags":{}},"version":3}"#);
        assert_eq!(serde_json::from_str::<Entry>(&stored).unwrap(), entry);
    }

    #[test]
    fn large_tags_are_an_item_of_their_own() {
        let mut rule = rule("sgr-1", "tcp 22", "::/0");
        let tag = |at: usize| Tag { key: format!("key-{at:02}"), value: "x".repeat(198) };
        rule.tags = (0..10).map(tag).collect();
        assert!(RuleTags::of("sg-1", &rule).is_none());
        assert_eq!(RuleRecord::of("sg-1", &rule).rule(), rule);
        rule.tags.push(tag(10));
        let apart = RuleTags::of("sg-1", &rule).unwrap();
        assert_eq!((apart.subject.as_str(), apart.finding.as_str()), ("tags/sg-1", "sgr-1"));
        assert_eq!(apart.tags.len(), 11);
        let record = RuleRecord::of("sg-1", &rule);
        assert!(record.tags.is_empty() && record.tags_apart);
        let stored = serde_json::to_string(&record).unwrap();
        assert!(
            stored.contains(r#""tags":{},"tagsApart":true"#),
            "an older version wants `tags`: {stored}"
        );
    }

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
            let record = RuleRecord::of("sg-1", &rule);
            assert_eq!(record.group, "sg-1");
            assert_eq!(record.rule(), rule);
        }
    }
}
