//! What a move loses, what the clients must change, and what to know before saying yes.

use portcullis_engine::facts::Engine;
use portcullis_engine::text::counted;

use crate::endpoints::endpoints;
use crate::facts::Facts;
use crate::form::form;
use crate::ingress::Ingress;
use crate::recover::Loss;
use crate::request::{GroupInputs, Kind, Request, Shape, Token};

/// What is not in the new cache, beside what was lost as the request was recovered.
pub(crate) fn losses(
    facts: &Facts,
    now: &Request,
    recovered: Vec<Loss>,
    ingress: &Ingress,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    if now.engine == Engine::Memcached {
        losses.push(Loss::other(
            "All data. Memcached has no snapshots: the new cache starts empty, and every first read misses and goes to the database behind it.",
        ));
    } else {
        losses.push(Loss::other(
            "Writes after the snapshot begins. If no write may be lost, stop the writers before the snapshot, and \
             start them again with the new cache.",
        ));
        losses.push(Loss::other(
            "Connections and subscriptions, and perhaps scripts that were loaded with SCRIPT LOAD: clients that use EVALSHA must be ready to load them again.",
        ));
    }
    losses.extend(recovered);
    if form(facts) != now.form() {
        losses.push(Loss::other(format!(
            "The form of the endpoint. {} is a single node, and AWS's call for single nodes supports no Valkey, no \
             encryption, no AUTH token and no data tiering; so the new cache is a replication group of one node, \
             without failover. It has a primary and a reader endpoint instead of that of a node, and is another type \
             of resource to templates, IAM policies and alarms.",
            now.id
        )));
    }
    if let Kind::Group(GroupInputs { shape: Shape::Shards(shards), .. }) = &now.kind
        && shards
            .iter()
            .any(|shard| shard.replica_zones.iter().any(|zone| *zone != shard.primary_zone))
    {
        losses.push(Loss::of(
            "NodeGroupConfiguration",
            "which zone holds the primary of each shard: in cluster mode AWS does not show it, so the first node's zone is taken",
        ));
    }
    let automatic = facts
        .snapshots
        .as_deref()
        .unwrap_or_default()
        .iter()
        .filter(|s| s.snapshot_source.as_deref() == Some("automated"))
        .count();
    match (automatic, now.snapshot_retention) {
        (0, None | Some(0)) => {}
        (0, Some(_)) => losses.push(Loss::other(
            "The automatic snapshots of the old cache, when it is deleted: AWS deletes them with it. Manual ones stay.",
        )),
        (count, _) => losses.push(Loss::other(format!(
            "{} of the old cache, when it is deleted: AWS deletes them with it. Manual ones stay.",
            counted(count, "automatic snapshot")
        ))),
    }
    losses.push(Loss::other(
        "Metrics: CloudWatch keeps those of the old cache under its id, and the new one begins its own.",
    ));
    for left in &ingress.left {
        losses.push(Loss::other(format!(
            "Access for {} ({} of {}): {}.",
            left.rule.source, left.rule.id, left.group, left.because
        )));
    }
    losses
}

/// What the clients must change.
pub(crate) fn clients(facts: &Facts, now: &Request, create: &Request) -> Vec<String> {
    let mut clients = Vec::new();
    clients.push(format!(
        "Each endpoint gets a new name, which AWS chooses when the new cache is created, and port {}.",
        create.port
    ));
    for place in endpoints(&facts.cache) {
        clients.push(format!("In use now: {} {}:{}", place.kind, place.address, now.port));
    }
    if form(facts) != now.form() {
        clients.push("The new cache is a replication group of one node: clients use its primary endpoint for reading \
                      and writing. The form of its name is different, so patterns that match or build names must \
                      change too.".to_owned());
    }
    if let Kind::Cluster(inputs) = &now.kind
        && inputs.nodes > 1
    {
        clients.push("Clients that list the nodes one by one, without auto discovery, need the new list. Clients that \
                      hash keys over this list will look for them on other nodes.".to_owned());
    }
    match &create.auth_token {
        Token::None => {}
        Token::Hidden | Token::Secret(_) => {
            clients.push("The AUTH token stays the one in the secret.".to_owned())
        }
    }
    if let Kind::Group(group) = &now.kind
        && !group.user_groups.is_empty()
    {
        clients.push(format!(
            "Users and passwords stay: the user groups are the same ({}). Clients that log in with IAM sign for the \
             id of the cache, which becomes {}, and need elasticache:Connect on the new ARN.",
            group.user_groups.join(", "),
            create.id
        ));
    }
    if create.transit_encryption {
        clients.push("TLS stays on, with a certificate for the new name.".to_owned());
    }
    clients.push(
        "Egress rules, network ACLs and firewalls with the old port: they were not read."
            .to_owned(),
    );
    clients
}

/// What to know before saying yes.
pub(crate) fn cautions(
    facts: &Facts,
    now: &Request,
    create: &Request,
    ingress: &Ingress,
) -> Vec<String> {
    let mut cautions = going_on(facts, now);
    cautions.extend(ingress.cautions.clone());
    if create.snapshot.is_some() {
        cautions.push("A snapshot needs free memory on the node it is taken of (the parameter reserved-memory-percent); without, it can fail or slow the node down. Take it when little is written.".to_owned());
    }
    if now.engine == Engine::Memcached {
        cautions.push("Do it when the database behind the cache can handle the misses, or let clients fill the new \
                       cache before they read from it.".to_owned());
    }
    if matches!(create.auth_token, Token::Secret(_)) {
        cautions.push("The secret must hold the token that is in use, as plain text or as authToken of a JSON object: that is not checked here, and the new cache takes what it holds. Of two tokens that are valid during a rotation, only that one will be. Portcullis may read the secret only if that carries the tag portcullis:auth-token=yes.".to_owned());
    }
    for cluster in facts.cache.clusters() {
        let group = cluster.cache_parameter_group.as_ref();
        let status = group.and_then(|group| group.parameter_apply_status.as_deref());
        if let Some(status) = status.filter(|status| *status != "in-sync") {
            cautions.push(format!("The parameters of {} are {status}: the new cache starts with all of {}, the old one runs with less.", cluster.cache_cluster_id, now.parameter_group));
        }
    }
    if now.topic.is_some() {
        cautions.push("AWS can send to the topic only if it is not encrypted and its policy lets ElastiCache publish. \
                       That is the same for the new cache.".to_owned());
    }
    if let Kind::Group(group) = &now.kind {
        if group.transit_mode.is_some() {
            cautions.push("Clients may connect with TLS and without (mode preferred), and may on the new cache too: finish that migration some day.".to_owned());
        }
        if group.kms_key.is_some() {
            cautions.push(
                "The caller who creates the new cache needs kms:CreateGrant and kms:DescribeKey on the key."
                    .to_owned(),
            );
        }
        if group.durability.is_some() {
            cautions.push("Durability is set to what is in effect now. Where it was `default`, it no longer follows AWS's default.".to_owned());
        }
    }
    unchecked(facts, &mut cautions);
    cautions
}

/// What it means that an earlier run of this re-creation made the new cache already.
fn going_on(facts: &Facts, now: &Request) -> Vec<String> {
    let said = facts.ours.iter().map(|ours| {
        let data = if now.engine == Engine::Memcached {
            "It began empty then."
        } else {
            "Its data is as old as its snapshot: later writes are not in it."
        };
        let told = if ours.handed_over {
            " Its cutover has begun, and clients may use it."
        } else {
            ""
        };
        format!(
            "{} exists already ({}): an earlier run of this re-creation created it, and this plan continues with it. \
             {data}{told} To start from the beginning, delete it first.",
            ours.id, ours.status
        )
    });
    said.collect()
}

/// What would have been checked if it had been known.
fn unchecked(facts: &Facts, cautions: &mut Vec<String>) {
    let room = &facts.room;
    let mut unknown = Vec::new();
    if room.nodes_allowed.is_none() || room.nodes_in_use.is_none() {
        unknown.push("the quota of nodes");
    }
    if room.free_addresses.is_empty() || facts.subnet_group.is_none() {
        unknown.push("free addresses in the subnets");
    }
    if room.versions.is_none() {
        unknown.push("whether AWS still creates caches of this version");
    }
    if facts.made_by.is_none() {
        unknown.push("which tool created the cache, besides its tags");
    }
    if facts.neighbours.is_empty() {
        unknown.push("other caches behind the same security groups");
    }
    if !unknown.is_empty() {
        cautions.push(format!("Not checked, because nothing says: {}.", unknown.join("; ")));
    }
}
