//! Facts from one JSON document that holds what the AWS CLI prints: the lists of
//! `describe-replication-groups`, `describe-cache-clusters --show-cache-node-info`,
//! `list-tags-for-resource`, `describe-cache-subnet-groups`, `describe-snapshots` and
//! `describe-security-group-rules`, and of whatever else was asked, in one object.
//!
//! INVARIANT: no text of the document is in an error but names of members and ids that are ids, so
//! that nothing secret that somebody left in a file comes out of it.

mod around;
mod wire;

use std::collections::BTreeMap;

use portcullis_engine::facts::{GroupDetails, GroupFacts, IngressRule, PrefixList, Source, Tag};
use serde_json::Value;

use crate::describe::{CacheCluster, Snapshot};
use crate::facts::{Cache, Facts, Neighbour, Room};
use wire::{Document, SecurityGroupRule};

/// Why a document is no input: every problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Unreadable(pub Vec<String>);

impl Unreadable {
    fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

/// Reads a document. `cache` is the id or the ARN of the cache to plan for, needed where the document
/// holds several and its own `Cache` names none.
pub fn read(text: &str, cache: Option<&str>) -> Result<Facts, Unreadable> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Unreadable::one(format!("not JSON: line {}, column {}", error.line(), error.column()))
    })?;
    let document = document(value)?;
    let chosen = choose(&document, cache.or(document.cache.as_deref()))?;
    let facts = document.facts(chosen);
    let odd = odd_ids(&facts);
    if odd.is_empty() { Ok(facts) } else { Err(Unreadable(odd)) }
}

/// The document, list by list, so that an error names the item that it is about.
fn document(value: Value) -> Result<Document, Unreadable> {
    let Value::Object(members) = without_nulls(value) else {
        return Err(Unreadable::one("not a JSON object with lists such as `CacheClusters`"));
    };
    let mut problems = Vec::new();
    for (name, member) in &members {
        let alone = |value: &Value| {
            let alone = Value::Object([(name.clone(), value.clone())].into_iter().collect());
            serde_json::from_value::<Document>(alone).err()
        };
        let Some(items) = member.as_array() else {
            problems.extend(alone(member).map(|e| format!("{name}: {}", expected(&e))));
            continue;
        };
        for (at, item) in items.iter().enumerate() {
            let wrong = alone(&Value::Array(vec![item.clone()]));
            problems.extend(wrong.map(|e| format!("{name}[{at}]: {}", expected(&e))));
        }
    }
    if !problems.is_empty() {
        return Err(Unreadable(problems));
    }
    serde_json::from_value(Value::Object(members)).map_err(|e| Unreadable::one(expected(&e)))
}

/// What serde expected, without the value that it got: that may be anything.
fn expected(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    format!("not as AWS writes it, expected {}", expected.unwrap_or("something else"))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// Whether the cache is a group, by its place in the document.
enum Chosen {
    Group(usize),
    Cluster(usize),
}

fn choose(document: &Document, wanted: Option<&str>) -> Result<Chosen, Unreadable> {
    let groups = || document.replication_groups.iter().enumerate();
    let clusters = || document.cache_clusters.iter().enumerate();
    let lone = || clusters().filter(|(_, cluster)| cluster.replication_group_id.is_none());
    if let Some(wanted) = wanted {
        let is = |id: &str, arn: &Option<String>| id == wanted || arn.as_deref() == Some(wanted);
        let group = groups().find(|(_, group)| is(&group.replication_group_id, &group.arn));
        if let Some((at, _)) = group {
            return Ok(Chosen::Group(at));
        }
        let cluster = clusters().find(|(_, cluster)| is(&cluster.cache_cluster_id, &cluster.arn));
        return match cluster {
            Some((at, cluster)) if cluster.replication_group_id.is_none() => {
                Ok(Chosen::Cluster(at))
            }
            Some((_, cluster)) => Err(Unreadable::one(format!(
                "the cache is a member of a replication group, which moves as a whole: plan for {}",
                shown_id(cluster.replication_group_id.as_deref().unwrap_or_default())
            ))),
            None => Err(Unreadable::one("the cache that was asked for is not in the document")),
        };
    }
    let mut all =
        groups().map(|(at, group)| (Chosen::Group(at), group.replication_group_id.as_str())).chain(
            lone().map(|(at, cluster)| (Chosen::Cluster(at), cluster.cache_cluster_id.as_str())),
        );
    match (all.next(), all.next()) {
        (Some((only, _)), None) => Ok(only),
        (Some((_, first)), Some((_, second))) => Err(Unreadable::one(format!(
            "the document holds several caches, say which (--cache ID): {}",
            [first, second]
                .into_iter()
                .chain(all.map(|(_, id)| id))
                .map(shown_id)
                .collect::<Vec<_>>()
                .join(", ")
        ))),
        (None, _) if document.serverless_caches.is_empty() => Err(Unreadable::one(
            "no cache in the document: it needs `ReplicationGroups` or `CacheClusters`",
        )),
        (None, _) => Err(Unreadable::one(
            "only serverless caches in the document: they have no port setting, so they cannot move",
        )),
    }
}

/// An id, if it is one.
fn shown_id(id: &str) -> &str {
    if is_id(id) { id } else { "one whose id is none" }
}

/// Ids of caches, security groups, rules and accounts. What is none could be a part of a command.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The ids that end in commands, and are none.
fn odd_ids(facts: &Facts) -> Vec<String> {
    let mut odd = Vec::new();
    let mut check = |what: &str, id: &str| {
        if !is_id(id) {
            odd.push(format!("{what}: not an id"));
        }
    };
    check("the id of the cache", facts.cache.id());
    for part in facts.cache.arn().iter().flat_map(|arn| arn.split(':')) {
        check("a part of the ARN of the cache", part);
    }
    for cluster in facts.cache.clusters() {
        check("CacheClusterId", &cluster.cache_cluster_id);
        cluster.group_ids().for_each(|id| check("SecurityGroupId", id));
    }
    if let Cache::Group(group, _) = &facts.cache {
        for member in group.node_groups.iter().flat_map(|shard| &shard.node_group_members) {
            member
                .cache_cluster_id
                .iter()
                .for_each(|id| check("NodeGroupMembers.CacheClusterId", id));
        }
        group.snapshotting_cluster_id.iter().for_each(|id| check("SnapshottingClusterId", id));
    }
    for group in facts.groups.iter().flat_map(BTreeMap::values) {
        for rule in &group.rules {
            check("SecurityGroupRuleId", &rule.id);
            match &rule.source {
                Source::PrefixList(id) | Source::Group(id) => check("the source of a rule", id),
                Source::Ipv4(_) | Source::Ipv6(_) | Source::Unreadable(_) => {}
            }
        }
    }
    facts.foreign_groups.values().for_each(|owner| check("ReferencedGroupInfo.UserId", owner));
    odd
}

impl Document {
    fn facts(&self, chosen: Chosen) -> Facts {
        let nobody = CacheCluster::default();
        let cache = match chosen {
            Chosen::Group(at) => {
                let group = self.replication_groups.get(at).cloned().unwrap_or_default();
                let id = Some(&group.replication_group_id);
                let members = self.cache_clusters.iter().filter(|cluster| {
                    cluster.replication_group_id.as_ref() == id
                        || group.member_clusters.contains(&cluster.cache_cluster_id)
                });
                let mut members: Vec<CacheCluster> = members.cloned().collect();
                members.sort_by(|a, b| a.cache_cluster_id.cmp(&b.cache_cluster_id));
                Cache::Group(Box::new(group), members)
            }
            Chosen::Cluster(at) => {
                Cache::Cluster(Box::new(self.cache_clusters.get(at).unwrap_or(&nobody).clone()))
            }
        };
        let subnet_group = cache.clusters().first().and_then(|c| c.cache_subnet_group_name.clone());
        let subnet_groups = self.cache_subnet_groups.iter();
        // What is listed without the name of a cache is of the one that the document itself names.
        let meant = self
            .cache
            .as_deref()
            .is_none_or(|named| named == cache.id() || Some(named) == cache.arn());
        let in_account = cache.arn().and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
        Facts {
            tags: self.tag_list.as_ref().filter(|_| meant).map(|tags| wire::tags(tags)),
            subnet_group: subnet_group.and_then(|name| {
                subnet_groups.clone().find(|g| g.cache_subnet_group_name == name).cloned()
            }),
            snapshots: self.snapshots_of(&cache),
            groups: self.groups(),
            foreign_groups: self.foreign_groups(in_account),
            neighbours: self.neighbours(&cache),
            around: self.around(&cache, meant),
            room: self.room(),
            made_by: self.made_by.clone().filter(|_| meant),
            cache,
        }
    }

    /// The snapshots of the cache or of its members, oldest first.
    fn snapshots_of(&self, cache: &Cache) -> Option<Vec<Snapshot>> {
        let is_own = |snapshot: &&Snapshot| {
            let of = [&snapshot.replication_group_id, &snapshot.cache_cluster_id];
            of.into_iter().flatten().any(|id| {
                id == cache.id() || cache.clusters().iter().any(|c| c.cache_cluster_id == *id)
            })
        };
        let mut own: Vec<Snapshot> =
            self.snapshots.as_ref()?.iter().filter(is_own).cloned().collect();
        let taken = |snapshot: &Snapshot| {
            let times = snapshot.node_snapshots.iter();
            times.filter_map(|node| node.snapshot_create_time.clone()).max()
        };
        own.sort_by(|a, b| (taken(a), &a.snapshot_name).cmp(&(taken(b), &b.snapshot_name)));
        Some(own)
    }

    /// The groups of which anything was read. One without any rule is only known from `SecurityGroups`.
    fn groups(&self) -> Option<BTreeMap<String, GroupFacts>> {
        let rules = self.security_group_rules.as_ref()?;
        let named = self.security_groups.iter().map(|group| group.group_id.clone());
        let ids = rules.iter().map(|rule| rule.group_id.clone()).chain(named);
        let lists: BTreeMap<String, PrefixList> = self
            .prefix_lists
            .iter()
            .map(|list| (list.prefix_list_id.clone(), list.facts()))
            .collect();
        let of = |id: &str| {
            let own = rules.iter().filter(|rule| rule.group_id == id);
            let (egress, ingress): (Vec<_>, Vec<_>) = own.partition(|rule| rule.is_egress);
            GroupFacts {
                id: id.to_owned(),
                rules: ingress.into_iter().map(SecurityGroupRule::facts).collect(),
                egress: egress
                    .into_iter()
                    .map(|rule| rule.security_group_rule_id.clone())
                    .collect(),
                prefix_lists: lists.clone(),
                details: None::<GroupDetails>,
                ..GroupFacts::default()
            }
        };
        Some(ids.map(|id| (id.clone(), of(&id))).collect())
    }

    fn foreign_groups(&self, account: &str) -> BTreeMap<String, String> {
        let rules = self.security_group_rules.iter().flatten();
        let referenced = rules.filter_map(|rule| rule.referenced_group_info.as_ref());
        let foreign = referenced.filter_map(|group| {
            let owner = group.user_id.as_ref().filter(|owner| *owner != account)?;
            Some((group.group_id.clone(), owner.clone()))
        });
        foreign.collect()
    }

    /// The other caches: of a group each member, under the id of the group.
    fn neighbours(&self, cache: &Cache) -> Vec<Neighbour> {
        let own: Vec<&str> =
            cache.clusters().iter().map(|cluster| cluster.cache_cluster_id.as_str()).collect();
        let others =
            self.cache_clusters.iter().filter(|c| !own.contains(&c.cache_cluster_id.as_str()));
        others
            .map(|cluster| Neighbour {
                id: cluster
                    .replication_group_id
                    .as_ref()
                    .unwrap_or(&cluster.cache_cluster_id)
                    .clone(),
                ports: cluster.port().into_iter().collect(),
                groups: cluster.group_ids().map(str::to_owned).collect(),
            })
            .collect()
    }

    fn room(&self) -> Room {
        let versions = self.cache_engine_versions.as_ref().map(|versions| {
            versions.iter().map(|v| format!("{} {}", v.engine, v.engine_version)).collect()
        });
        Room {
            nodes_allowed: self.limits.nodes_per_region,
            nodes_in_use: self.limits.nodes_in_use,
            free_addresses: self
                .subnets
                .iter()
                .filter_map(|s| Some((s.subnet_id.clone(), s.available_ip_address_count?)))
                .collect(),
            versions,
            most_node_hours: self.limits.most_node_hours_a_day,
        }
    }
}

impl SecurityGroupRule {
    fn facts(&self) -> IngressRule {
        let cidr = self.cidr_ipv4.as_ref().or(self.cidr_ipv6.as_ref());
        let source = match (cidr, &self.prefix_list_id, &self.referenced_group_info) {
            (Some(cidr), _, _) => {
                Source::cidr(cidr).unwrap_or_else(|| Source::Unreadable("no CIDR".to_owned()))
            }
            (None, Some(list), _) => Source::PrefixList(list.clone()),
            (None, None, Some(group)) => Source::Group(group.group_id.clone()),
            (None, None, None) => Source::Unreadable("no source".to_owned()),
        };
        IngressRule {
            id: self.security_group_rule_id.clone(),
            protocol: portcullis_engine::facts::Protocol::parse(&self.ip_protocol),
            from_port: self.from_port.unwrap_or(-1),
            to_port: self.to_port.unwrap_or(-1),
            source,
            description: self.description.clone(),
            tags: Vec::<Tag>::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The facts of an example.
    pub(crate) fn facts(name: &str) -> Facts {
        let path = format!("{}/examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        read(&std::fs::read_to_string(path).unwrap(), None).unwrap()
    }

    fn problem(text: &str, cache: Option<&str>) -> String {
        read(text, cache).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_input_is_said_plainly() {
        insta::assert_snapshot!(problem("{", None), @"not JSON: line 1, column 1");
        insta::assert_snapshot!(problem("[]", None), @"not a JSON object with lists such as `CacheClusters`");
        insta::assert_snapshot!(problem("{}", None), @"no cache in the document: it needs `ReplicationGroups` or `CacheClusters`");
        insta::assert_snapshot!(problem(r#"{"ServerlessCaches": [{}]}"#, None), @"only serverless caches in the document: they have no port setting, so they cannot move");
        let two = r#"{"CacheClusters": [{"CacheClusterId": "a"}, {"CacheClusterId": "b"}]}"#;
        insta::assert_snapshot!(problem(two, None), @"the document holds several caches, say which (--cache ID): a, b");
        insta::assert_snapshot!(problem(two, Some("c")), @"the cache that was asked for is not in the document");
        assert!(read(two, Some("b")).is_ok());
        let tagged = r#"{"Cache": "a", "CacheClusters": [{"CacheClusterId": "a"}, {"CacheClusterId": "b"}], "TagList": []}"#;
        assert!(read(tagged, None).unwrap().tags.is_some());
        assert!(read(tagged, Some("b")).unwrap().tags.is_none(), "the tags are of a");
        let member =
            r#"{"CacheClusters": [{"CacheClusterId": "g-001", "ReplicationGroupId": "g"}]}"#;
        insta::assert_snapshot!(problem(member, Some("g-001")), @"the cache is a member of a replication group, which moves as a whole: plan for g");
    }

    #[test]
    fn every_item_that_is_wrong_is_named_and_its_value_is_not() {
        let text = r#"{"CacheClusters": [{"CacheClusterId": "a"}, {"NumCacheNodes": "hunter2-hunter2"}],
            "TagList": "hunter2-hunter2", "ReplicationGroups": [{"Status": {"x": "hunter2-hunter2"}}]}"#;
        let problem = problem(text, None);
        insta::assert_snapshot!(problem, @r"
        CacheClusters[1]: not as AWS writes it, expected i64
        ReplicationGroups[0]: not as AWS writes it, expected a string
        TagList: not as AWS writes it, expected a sequence
        ");
    }

    #[test]
    fn what_is_no_id_cannot_get_into_a_command() {
        for id in ["a;rm -rf /", "a b", "", "a$(x)", "a'b", "ä"] {
            let text = serde_json::json!({"CacheClusters": [{"CacheClusterId": id}]}).to_string();
            assert_eq!(
                problem(&text, None).lines().next(),
                Some("the id of the cache: not an id"),
                "{id}"
            );
        }
    }
}
