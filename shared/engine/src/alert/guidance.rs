//! What a person does about a cache, where Portcullis does nothing: the commands, and what to write into the template, for that
//! very cache.

mod network;

use std::fmt::Write;

use crate::action::Remedy;
use crate::checks::{Check, Evidence, Finding};
use crate::decide::{Decision, Subject};
use crate::event::Event;
use crate::facts::{CacheFacts, CacheGroups, CacheKind, Engine};
use crate::replacement;

/// The steps for a person, as lines of the mail. Empty where the finding is not about a cache.
pub(super) fn steps(event: &Event, decision: &Decision, finding: &Finding) -> String {
    let Some(cache) = &decision.cache else { return String::new() };
    let unknown =
        finding.check == Check::PublicEndpoint && matches!(finding.remedy, Remedy::Pending(_));
    if unknown || finding.remedy.action().is_some() {
        return String::new();
    }
    let engine = match &finding.evidence {
        Evidence::Port { engine, .. } | Evidence::Setting { engine } => engine,
        Evidence::Rule { .. } | Evidence::UnreadableRule { .. } | Evidence::UnreadableGroups(_) => {
            return String::new();
        }
    };
    let it = Target { region: &event.region, subject: &decision.subject, cache, engine };
    match finding.check {
        Check::DefaultPort => it.default_port(),
        Check::PlaintextTransit => it.plaintext_transit(),
        Check::NoAuth => it.no_auth(),
        Check::PublicSubnet => it.public_subnet(),
        Check::PublicEndpoint => it.public_endpoint(),
        Check::OpenIngress | Check::MemcachedUdp | Check::OpenCache => String::new(),
    }
}

struct Target<'a> {
    region: &'a str,
    subject: &'a Subject,
    cache: &'a CacheFacts,
    engine: &'a Engine,
}

impl Target<'_> {
    fn default_port(&self) -> String {
        let port = replacement::suggested_port(&self.subject.arn);
        let new = replacement::id(&self.cache.id, None, port);
        let snapshot = replacement::snapshot(&self.cache.id, None, port);
        let mut text = format!(
            "  MoveCaches=ask lets Portcullis do it, and asks you first. `portcullis plan {}` shows the plan.\n",
            self.cache.id
        );
        let _ = writeln!(
            text,
            "  1. Choose a port (suggested for this cache: {port}) and let its clients reach it."
        );
        match (self.engine, self.cache.kind) {
            (Engine::Memcached, _) => {
                text.push_str(
                    "  2. Make the new cache. Memcached cannot be copied: it starts empty.\n",
                );
                let _ = writeln!(text, "{}", self.create(&new, port, None));
            }
            (_, _) => {
                text.push_str("  2. Take a snapshot. What is written after it will not be in the new cache.\n");
                let _ = writeln!(text, "{}", self.snapshot(&snapshot));
                text.push_str("  3. When it is available, make the new cache from it.\n");
                let _ = writeln!(text, "{}", self.create(&new, port, Some(&snapshot)));
            }
        }
        text.push_str("     Give it every other setting of the old one: parameter group, windows, logs, tags.\n");
        text.push_str("  Then point the clients to it, and delete the old cache when nothing connects to it.\n");
        text.push_str(&self.templates(
            &[
                ("Port", &port.to_string()),
                ("SnapshotName", if *self.engine == Engine::Memcached { "" } else { &snapshot }),
            ],
            &[
                ("port", &port.to_string()),
                ("snapshot_name", if *self.engine == Engine::Memcached { "" } else { &snapshot }),
            ],
            Some(&new),
        ));
        text
    }

    fn plaintext_transit(&self) -> String {
        let Self { region, cache, .. } = self;
        let mut text = String::new();
        if cache.kind == CacheKind::ReplicationGroup {
            let modify = format!(
                "aws elasticache modify-replication-group --region {region} --replication-group-id {} --apply-immediately --transit-encryption-enabled --transit-encryption-mode",
                cache.id
            );
            text.push_str(
                "  1. Let clients connect with TLS and without (needs Redis OSS 7 or Valkey).\n",
            );
            let _ = writeln!(text, "{modify} preferred");
            text.push_str("  2. When every client uses TLS, require it.\n");
            let _ = writeln!(text, "{modify} required");
        } else {
            text.push_str("  A cache cluster gets encryption in transit only when it is made: make a new one\n");
            text.push_str(
                "  with --transit-encryption-enabled, and move the clients to it, TLS on.\n",
            );
        }
        text.push_str(&self.templates(
            &[("TransitEncryptionEnabled", "true")],
            &[("transit_encryption_enabled", "true")],
            None,
        ));
        text
    }

    fn no_auth(&self) -> String {
        let Self { region, cache, engine, .. } = self;
        let id = &cache.id;
        let engine = engine.as_str();
        if cache.kind == CacheKind::CacheCluster {
            return "  A cluster of one node takes an AUTH token only when it is made, and no user group. Make a\n  replication group of one node in its place: it can have user groups and IAM authentication.\n".to_owned();
        }
        let mut text =
            "  1. Make a user and a user group (users of Redis OSS also need one named default).\n"
                .to_owned();
        let _ = writeln!(
            text,
            "aws elasticache create-user --region {region} --user-id {id}-app --user-name {id}-app --engine {engine} --authentication-mode Type=iam --access-string 'on ~* +@all -@dangerous'"
        );
        let _ = writeln!(
            text,
            "aws elasticache create-user-group --region {region} --user-group-id {id}-users --engine {engine} --user-ids {id}-app"
        );
        text.push_str("  2. Require it (needs encryption in transit; clients must then log in).\n");
        let (member, argument) = match cache.kind {
            CacheKind::ServerlessCache => {
                let _ = writeln!(
                    text,
                    "aws elasticache modify-serverless-cache --region {region} --serverless-cache-name {id} --user-group-id {id}-users"
                );
                ("UserGroupId", "user_group_id")
            }
            CacheKind::ReplicationGroup | CacheKind::CacheCluster => {
                let _ = writeln!(
                    text,
                    "aws elasticache modify-replication-group --region {region} --replication-group-id {id} --user-group-ids-to-add {id}-users --apply-immediately"
                );
                ("UserGroupIds", "user_group_ids")
            }
        };
        let group = format!("{id}-users");
        let (value, hcl) = match cache.kind {
            CacheKind::ServerlessCache => (group.clone(), format!("\"{group}\"")),
            CacheKind::ReplicationGroup | CacheKind::CacheCluster => {
                (format!("[{group}]"), format!("[\"{group}\"]"))
            }
        };
        text.push_str(&self.templates(&[(member, &value)], &[(argument, &hcl)], None));
        text
    }

    fn snapshot(&self, name: &str) -> String {
        let Self { region, cache, .. } = self;
        let member = cache.settings.members.last();
        let of = match (cache.kind, member) {
            (CacheKind::ReplicationGroup, Some(member)) if !cache.settings.cluster_mode => {
                format!("--cache-cluster-id {member}")
            }
            (CacheKind::ReplicationGroup, _) => format!("--replication-group-id {}", cache.id),
            (CacheKind::CacheCluster | CacheKind::ServerlessCache, _) => {
                format!("--cache-cluster-id {}", cache.id)
            }
        };
        format!("aws elasticache create-snapshot --region {region} {of} --snapshot-name {name}")
    }

    fn create(&self, new: &str, port: u16, snapshot: Option<&str>) -> String {
        let Self { region, cache, engine, .. } = self;
        let mut command = match cache.kind {
            CacheKind::ReplicationGroup => format!(
                "aws elasticache create-replication-group --region {region} --replication-group-id {new} --replication-group-description '{} on port {port}'",
                cache.id
            ),
            CacheKind::CacheCluster | CacheKind::ServerlessCache => {
                format!(
                    "aws elasticache create-cache-cluster --region {region} --cache-cluster-id {new}"
                )
            }
        };
        let _ = write!(command, " --engine {} --port {port}", engine.as_str());
        let mut option = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = write!(command, " --{name} {value}");
            }
        };
        option("cache-node-type", cache.settings.node_type.as_deref());
        option("cache-subnet-group-name", cache.settings.subnet_group.as_deref());
        option("num-cache-nodes", cache.settings.nodes.map(|n| n.to_string()).as_deref());
        option("security-group-ids", group_ids(cache).as_deref());
        option("snapshot-name", snapshot);
        if cache.transit_encryption == Some(true) {
            command.push_str(" --transit-encryption-enabled");
        }
        command
    }

    /// What to change in the template that the cache comes from. Pairs with an empty value are left out.
    fn templates(
        &self,
        cloudformation: &[(&str, &str)],
        terraform: &[(&str, &str)],
        new_id: Option<&str>,
    ) -> String {
        let (kind, id_member, resource, id_argument) = match self.cache.kind {
            CacheKind::ReplicationGroup => (
                "ReplicationGroup",
                "ReplicationGroupId",
                "aws_elasticache_replication_group",
                "replication_group_id",
            ),
            CacheKind::CacheCluster => {
                ("CacheCluster", "ClusterName", "aws_elasticache_cluster", "cluster_id")
            }
            CacheKind::ServerlessCache => (
                "ServerlessCache",
                "ServerlessCacheName",
                "aws_elasticache_serverless_cache",
                "name",
            ),
        };
        let id = new_id.unwrap_or(&self.cache.id);
        let mut text = "  CloudFormation (the rest of the resource as it is):\n".to_owned();
        let _ = write!(
            text,
            "    Type: AWS::ElastiCache::{kind}\n    Properties:\n      {id_member}: {id}\n"
        );
        for (name, value) in cloudformation.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "      {name}: {value}");
        }
        text.push_str("  Terraform (the rest of the resource as it is):\n");
        let _ = writeln!(
            text,
            "    resource \"{resource}\" \"{}\" {{",
            self.cache.id.replace('-', "_")
        );
        let _ = writeln!(text, "      {id_argument} = \"{id}\"");
        for (name, value) in terraform.iter().filter(|(_, value)| !value.is_empty()) {
            let bare = value.starts_with('[')
                || value.starts_with('"')
                || *value == "true"
                || value.parse::<u16>().is_ok();
            let _ = match bare {
                true => writeln!(text, "      {name} = {value}"),
                false => writeln!(text, "      {name} = \"{value}\""),
            };
        }
        text.push_str("    }\n");
        text
    }
}

fn group_ids(cache: &CacheFacts) -> Option<String> {
    match &cache.groups {
        CacheGroups::Unknown(_) => None,
        CacheGroups::Read(groups) if groups.is_empty() => None,
        CacheGroups::Read(groups) => {
            Some(groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>().join(" "))
        }
    }
}
