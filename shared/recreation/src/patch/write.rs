//! Writing the changes.

use std::fmt::Write;

use portcullis_engine::facts::{Engine, Source};
use portcullis_engine::owner::{Kind as Of, Owner};

use super::{Patch, Tool};
use crate::form::Form;
use crate::ingress::{Ingress, NewRule};
use crate::plan::Plan;
use crate::replacement;
use crate::request::{Kind, Request};

pub(crate) fn patch(
    owner: &Owner,
    form: Form,
    now: &Request,
    port: u16,
    ingress: &Ingress,
) -> Option<Patch> {
    let (tool, logical) = match &owner.kind {
        Of::CloudFormation { logical_id, .. } => (Tool::CloudFormation, logical_id.as_deref()),
        Of::Terraform => (Tool::Terraform, None),
        Of::Pulumi
        | Of::Other(_)
        | Of::Eks { .. }
        | Of::LoadBalancers { .. }
        | Of::Kubernetes { .. }
        | Of::Service(_) => return None,
    };
    let it = Target { form, now, port, ingress, logical };
    Some(Patch {
        tool,
        how: it.how(),
        cloudformation: it.cloudformation(),
        terraform: it.terraform(),
    })
}

/// The new cache of a plan, for whoever describes caches in a template: what differs from the old one.
pub(crate) fn of_plan(plan: &Plan) -> (String, String) {
    let (port, ingress) = (plan.create.port, &plan.ingress);
    let it = Target { form: plan.form, now: &plan.now, port, ingress, logical: None };
    (it.cloudformation(), it.terraform())
}

struct Target<'a> {
    form: Form,
    now: &'a Request,
    port: u16,
    ingress: &'a Ingress,
    logical: Option<&'a str>,
}

impl Target<'_> {
    fn id(&self) -> String {
        replacement::id(&self.now.id, Some(self.now.port), self.port)
    }

    fn snapshot(&self) -> Option<String> {
        let name = || replacement::snapshot(&self.now.id, Some(self.now.port), self.port);
        (self.now.engine != Engine::Memcached).then(name)
    }

    /// Whether a lone node becomes a group of one, which is another type of resource.
    fn changes_form(&self) -> bool {
        self.form != self.now.form()
    }

    fn how(&self) -> Vec<String> {
        let mut how = Vec::new();
        match self.snapshot() {
            Some(name) => how.push(format!(
                "Take the snapshot {name} of the old cache. Later writes are only in the old cache."
            )),
            None => how.push("Memcached has no snapshots: the new cache starts empty.".to_owned()),
        }
        how.push("Copy the resource of the cache under a new logical name, and change in the copy what is below; the rest stays. Do not change the old resource: that would replace the cache while clients use it.".to_owned());
        if self.changes_form() {
            how.push("AWS no longer creates a single node like this: the copy is a replication group of one node. \
                      Give it the type, the description, the number of nodes and the failover below, and remove the \
                      properties of a cluster (ClusterName, NumCacheNodes, AZMode; cluster_id, num_cache_nodes, \
                      az_mode).".to_owned());
        }
        how.push("Where the rules of a security group stand inside the group's own resource, write the new ones there.".to_owned());
        how.push("Deploy, change the clients (and the outputs and parameters with the endpoint) to the new one, and \
                  wait until the old one has no connections.".to_owned());
        let last = match self.now.engine {
            Engine::Memcached => "",
            Engine::Redis | Engine::Valkey | Engine::Unknown(_) => {
                ", with a final snapshot (DeletionPolicy: Snapshot, or final_snapshot_identifier)"
            }
        };
        how.push(format!("Remove the old resource and the rules of its port{last}."));
        how
    }

    fn cloudformation(&self) -> String {
        let (kind, id) = match self.now.kind {
            Kind::Group(_) => ("ReplicationGroup", "ReplicationGroupId"),
            Kind::Cluster(_) => ("CacheCluster", "ClusterName"),
        };
        let logical = self.logical.map_or_else(|| camel(&self.now.id), str::to_owned);
        let mut text = format!(
            "  {logical}{}:                    # a copy of {}\n    Type: AWS::ElastiCache::{kind}\n",
            self.port,
            self.logical.unwrap_or("the resource of the cache"),
        );
        if self.now.engine != Engine::Memcached {
            text.push_str("    DeletionPolicy: Snapshot\n    UpdateReplacePolicy: Snapshot\n");
        }
        let _ =
            write!(text, "    Properties:\n      {id}: {}\n      Port: {}\n", self.id(), self.port);
        if let Some(snapshot) = self.snapshot() {
            let _ = writeln!(
                text,
                "      SnapshotName: {snapshot}    # leave it in: without it, the cache is replaced"
            );
        }
        if self.changes_form() {
            let _ = writeln!(
                text,
                "      ReplicationGroupDescription: {}\n      NumCacheClusters: 1\n      AutomaticFailoverEnabled: false",
                self.now.id
            );
        }
        text.push_str("      # every other property as in the old resource\n");
        for (at, rule) in self.ingress.open.iter().enumerate() {
            let _ = write!(
                text,
                "  {logical}{}Ingress{}:            # like {}\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties:\n      GroupId: {}\n      IpProtocol: tcp\n      FromPort: {}\n      ToPort: {}\n      {}\n",
                self.port,
                at + 1,
                rule.like,
                rule.group,
                rule.port,
                rule.port,
                cloudformation_source(rule)
            );
        }
        text
    }

    fn terraform(&self) -> String {
        let (kind, id) = match self.now.kind {
            Kind::Group(_) => ("aws_elasticache_replication_group", "replication_group_id"),
            Kind::Cluster(_) => ("aws_elasticache_cluster", "cluster_id"),
        };
        let label = self.now.id.replace('-', "_");
        let mut lines = vec![(id, format!("\"{}\"", self.id())), ("port", self.port.to_string())];
        if let Some(snapshot) = self.snapshot() {
            lines.push((
                "snapshot_name",
                format!("\"{snapshot}\" # leave it in: without it, the cache is replaced"),
            ));
        }
        if self.changes_form() {
            lines.extend([
                ("description", format!("\"{}\"", self.now.id)),
                ("num_cache_clusters", "1".to_owned()),
                ("automatic_failover_enabled", "false".to_owned()),
            ]);
        }
        let mut text = format!("resource \"{kind}\" \"{label}_{}\" {{\n", self.port);
        text.push_str(&arguments(&lines));
        text.push_str("  # every other argument as in the old resource\n}\n");
        for (at, rule) in self.ingress.open.iter().enumerate() {
            let source = match &rule.source {
                Source::Ipv4(_) => "cidr_ipv4",
                Source::Ipv6(_) => "cidr_ipv6",
                Source::PrefixList(_) | Source::Unreadable(_) => "prefix_list_id",
                Source::Group(_) => "referenced_security_group_id",
            };
            let owner =
                rule.source_owner.as_ref().map(|owner| format!("{owner}/")).unwrap_or_default();
            let _ = write!(
                text,
                "resource \"aws_vpc_security_group_ingress_rule\" \"{label}_{}_{}\" {{ # like {}\n{}}}\n",
                self.port,
                at + 1,
                rule.like,
                arguments(&[
                    ("security_group_id", format!("\"{}\"", rule.group)),
                    ("ip_protocol", "\"tcp\"".to_owned()),
                    ("from_port", rule.port.to_string()),
                    ("to_port", rule.port.to_string()),
                    (source, format!("\"{owner}{}\"", rule.source)),
                ])
            );
        }
        text
    }
}

fn cloudformation_source(rule: &NewRule) -> String {
    let owner = rule.source_owner.as_ref();
    match &rule.source {
        Source::Ipv4(net) => format!("CidrIp: {net}"),
        Source::Ipv6(net) => format!("CidrIpv6: {net}"),
        Source::PrefixList(id) | Source::Unreadable(id) => format!("SourcePrefixListId: {id}"),
        Source::Group(id) => match owner {
            Some(owner) => format!(
                "SourceSecurityGroupId: {id}\n      SourceSecurityGroupOwnerId: \"{owner}\""
            ),
            None => format!("SourceSecurityGroupId: {id}"),
        },
    }
}

/// Arguments with their equals signs in line, as `terraform fmt` has them.
fn arguments(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    lines.iter().map(|(name, value)| format!("  {name:width$} = {value}\n")).collect()
}

/// `shop-cache` as `ShopCache`.
fn camel(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    });
    words.collect()
}
