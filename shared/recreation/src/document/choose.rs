//! Which cache of a document is meant.

use super::ids::{is_id, shown_arn, shown_id};
use super::unreadable::Unreadable;
use super::wire::Document;
use crate::describe::{CacheCluster, ReplicationGroup};
use crate::region;

/// Commands that print the caches.
const PRINT: &str = "  aws elasticache describe-replication-groups\n  \
                     aws elasticache describe-cache-clusters --show-cache-node-info";

/// The cache that is meant.
#[derive(Clone, PartialEq)]
pub(super) enum Chosen {
    Group(Box<ReplicationGroup>),
    Cluster(Box<CacheCluster>),
}

impl Chosen {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Group(group) => &group.replication_group_id,
            Self::Cluster(cluster) => &cluster.cache_cluster_id,
        }
    }

    pub(super) fn arn(&self) -> Option<&str> {
        match self {
            Self::Group(group) => group.arn.as_deref(),
            Self::Cluster(cluster) => cluster.arn.as_deref(),
        }
    }

    fn is(&self, wanted: &str) -> bool {
        self.id() == wanted || self.arn() == Some(wanted)
    }
}

impl Document {
    /// Every cache that could be meant: the groups, and the clusters that are in none.
    pub(super) fn caches(&self) -> impl Iterator<Item = Chosen> {
        let groups = self.replication_groups.iter().cloned().map(Box::new).map(Chosen::Group);
        let lone = self.cache_clusters.iter().filter(|c| c.replication_group_id.is_none());
        groups.chain(lone.cloned().map(Box::new).map(Chosen::Cluster))
    }
}

/// The cache that was asked for, or the only one.
pub(super) fn choose(document: &Document, wanted: Option<&str>) -> Result<Chosen, Unreadable> {
    let mut found: Vec<Chosen> =
        document.caches().filter(|cache| wanted.is_none_or(|wanted| cache.is(wanted))).collect();
    match (found.len(), wanted) {
        (1, _) => Ok(found.remove(0)),
        (0, Some(wanted)) => Err(absent(document, wanted)),
        (0, None) => Err(no_cache(document)),
        (_, wanted) => Err(several(&found, wanted)),
    }
}

fn absent(document: &Document, wanted: &str) -> Unreadable {
    let is = |id: &str, arn: &Option<String>| id == wanted || arn.as_deref() == Some(wanted);
    let member = document.cache_clusters.iter().find(|c| is(&c.cache_cluster_id, &c.arn));
    let group = member.and_then(|member| Some((member, member.replication_group_id.as_deref()?)));
    match group {
        Some((_, group)) if document.caches().any(|cache| cache.id() == group) => Unreadable::one(
            format!(
                "the cache is a member of a replication group, which is re-created as a whole: plan for {}",
                shown_id(group)
            ),
            format!("give the group instead:\n  --cache {}", shown_id(group)),
        ),
        Some((member, _)) => without_group(&[member]),
        None => {
            let caches: Vec<Chosen> = document.caches().collect();
            let remedy = if caches.is_empty() {
                format!("print it:\n{PRINT}")
            } else {
                format!("these are in it:\n{}", options(&caches))
            };
            Unreadable::one("the requested cache is not in the document", remedy)
        }
    }
}

fn no_cache(document: &Document) -> Unreadable {
    let members: Vec<&CacheCluster> = document.cache_clusters.iter().collect();
    if !members.is_empty() {
        return without_group(&members);
    }
    if !document.serverless_caches.is_empty() {
        return Unreadable::one(
            "only serverless caches in the document: they have no port setting, so they cannot be re-created on \
             another port",
            "plan for a cache with nodes",
        );
    }
    Unreadable::one(
        "no cache in the document: `ReplicationGroups` and `CacheClusters` are missing or empty",
        format!("print them in the account and the Region of the cache, without --query:\n{PRINT}"),
    )
}

fn several(found: &[Chosen], wanted: Option<&str>) -> Unreadable {
    let same = |one: &Chosen, other: &Chosen| one.id() == other.id() && one.arn() == other.arn();
    let mut ids = found.iter().enumerate();
    if let Some((_, twice)) =
        ids.find(|(at, one)| found.iter().take(*at).any(|other| same(one, other)))
    {
        return Unreadable::one(
            format!("{} is in the document several times, and they differ", name(twice)),
            "describe it once, and plan from that",
        );
    }
    let problem = match wanted {
        Some(_) => "several caches have this id".to_owned(),
        None => format!("the document holds {} caches", found.len()),
    };
    Unreadable::one(problem, format!("say which:\n{}", options(found)))
}

/// The option that chooses each.
fn options(caches: &[Chosen]) -> String {
    caches.iter().map(|cache| format!("  --cache {}", name(cache))).collect::<Vec<_>>().join("\n")
}

/// Its ARN, or else its id.
fn name(cache: &Chosen) -> &str {
    cache.arn().and_then(shown_arn).unwrap_or_else(|| shown_id(cache.id()))
}

/// Members of groups that are not in the document.
fn without_group(members: &[&CacheCluster]) -> Unreadable {
    let mut groups: Vec<&str> =
        members.iter().filter_map(|member| member.replication_group_id.as_deref()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut regions =
        members.iter().filter_map(|member| shown_arn(member.arn.as_deref()?).map(region::option));
    let region = regions.next().unwrap_or_default();
    let command = format!("  aws elasticache describe-replication-groups{region}");
    let add = "print it too, and put that before or after what you have";
    match (groups.as_slice(), members) {
        ([group], [first, ..]) if is_id(group) => {
            let member = shown_id(&first.cache_cluster_id);
            Unreadable::one(
                format!(
                    "{member} is a member of the replication group {group}, which is re-created as a whole and is not \
                     in the document"
                ),
                format!("{add}:\n{command} --replication-group-id {group}"),
            )
        }
        (_, _) => Unreadable::one(
            "all clusters in the document are members of replication groups, which are not in it",
            format!("print these too, and put that before or after what you have:\n{command}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::document::read;

    /// The problem and the remedy.
    fn said(document: &Value, cache: Option<&str>) -> String {
        let wrong = read(&document.to_string(), cache).unwrap_err();
        format!("{}\n{}", wrong.problems.join("\n"), wrong.remedy)
    }

    fn arn(kind: &str, id: &str) -> String {
        format!("arn:aws:elasticache:eu-west-1:111122223333:{kind}:{id}")
    }

    fn member(id: &str, group: &str) -> Value {
        json!({"CacheClusterId": id, "ReplicationGroupId": group, "ARN": arn("cluster", id)})
    }

    #[test]
    fn a_member_alone_leads_to_its_group_and_the_command_that_shows_it() {
        let clusters = json!({"CacheClusters": [member("g-001", "g"), member("g-002", "g")]});
        let group = "print it too, and put that before or after what you have:\n  \
                     aws elasticache describe-replication-groups --region eu-west-1 --replication-group-id g";
        let says = |member: &str| {
            format!(
                "{member} is a member of the replication group g, which is re-created as a whole and is not in the document\n{group}"
            )
        };
        assert_eq!(said(&clusters, None), says("g-001"));
        assert_eq!(said(&clusters, Some("g-002")), says("g-002"));
        assert_eq!(said(&clusters, Some(&arn("cluster", "g-002"))), says("g-002"));
        let several = json!({"CacheClusters": [member("g-001", "g"), member("h-001", "h")]});
        insta::assert_snapshot!(said(&several, None), @"
        all clusters in the document are members of replication groups, which are not in it
        print these too, and put that before or after what you have:
          aws elasticache describe-replication-groups --region eu-west-1
        ");
        let odd = json!({"CacheClusters": [member("g-001", "g; rm -rf /")]});
        assert!(!said(&odd, None).contains("rm -rf"));
    }

    #[test]
    fn with_its_group_a_member_leads_to_the_option_for_it() {
        let both = json!({
            "CacheClusters": [member("g-001", "g")],
            "ReplicationGroups": [{"ReplicationGroupId": "g", "MemberClusters": ["g-001"]}],
        });
        assert!(read(&both.to_string(), None).is_ok());
        insta::assert_snapshot!(said(&both, Some("g-001")), @"
        the cache is a member of a replication group, which is re-created as a whole: plan for g
        give the group instead:
          --cache g
        ");
    }

    #[test]
    fn several_caches_are_shown_with_the_option_for_each() {
        let several = json!({
            "ReplicationGroups": [{"ReplicationGroupId": "g", "ARN": arn("replicationgroup", "g")}],
            "CacheClusters": [
                member("g-001", "g"),
                {"CacheClusterId": "a", "ARN": arn("cluster", "a")},
                {"CacheClusterId": "b"},
                {"CacheClusterId": "c", "ARN": "arn:aws; rm"},
            ],
        });
        insta::assert_snapshot!(said(&several, None), @"
        the document holds 4 caches
        say which:
          --cache arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:g
          --cache arn:aws:elasticache:eu-west-1:111122223333:cluster:a
          --cache b
          --cache c
        ");
        let missing = said(&several, Some("d"));
        assert!(
            missing.starts_with(
                "the requested cache is not in the document\nthese are in it:\n  --cache arn:"
            ),
            "{missing}"
        );
        for chosen in ["g", "b", &arn("cluster", "a")] {
            assert!(read(&several.to_string(), Some(chosen)).is_ok(), "{chosen}");
        }
    }

    #[test]
    fn without_any_cache_the_commands_that_print_them_are_shown() {
        let none = "no cache in the document: `ReplicationGroups` and `CacheClusters` are missing or empty\n\
                    print them in the account and the Region of the cache, without --query:\n  \
                    aws elasticache describe-replication-groups\n  \
                    aws elasticache describe-cache-clusters --show-cache-node-info";
        for document in [
            json!({}),
            json!({"CacheClusters": [], "ReplicationGroups": []}),
            json!({"CacheClusterId": "a"}),
            json!({"TagList": []}),
        ] {
            assert_eq!(said(&document, None), none);
        }
        assert!(said(&json!({}), Some("a")).ends_with("--show-cache-node-info"));
    }
}
