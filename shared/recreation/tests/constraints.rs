//! Each constraint refuses what it says, says it in AWS's words, and stands in the documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_engine::facts::{Engine, Tag};
use portcullis_recreation::constraints::{Constraint, Source, all, broken};
use portcullis_recreation::describe::LogDelivery;
use portcullis_recreation::document;
use portcullis_recreation::plan::{Answer, Choices, plan};
use portcullis_recreation::recover::recover;
use portcullis_recreation::request::{
    CLUSTER_NEVER, ClusterInputs, GROUP_NEVER, GroupInputs, Kind, Placement, Request, Shape, Token,
};

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn request(example: &str) -> Request {
    recover(&document::read(&file(&format!("examples/{example}.json")), None).unwrap()).request
}

fn group(request: &mut Request) -> &mut GroupInputs {
    let Kind::Group(group) = &mut request.kind else { panic!("no group") };
    group
}

fn cluster(request: &mut Request) -> &mut ClusterInputs {
    let Kind::Cluster(cluster) = &mut request.kind else { panic!("no cluster") };
    cluster
}

fn version(request: &mut Request, engine: &str, version: &str, parameters: &str) {
    request.engine = Engine::parse(engine);
    request.engine_version = version.to_owned();
    request.parameter_group = parameters.to_owned();
}

fn log(kind: &str) -> LogDelivery {
    LogDelivery { log_type: Some(kind.to_owned()), ..LogDelivery::default() }
}

/// A break of a request.
type Break = fn(&mut Request);

const REPLICAS: &str = "valkey-with-replicas";
const SHARDS: &str = "valkey-three-shards";
const LONE: &str = "redis-with-snapshots";
const MEMCACHED: &str = "memcached-several-nodes";

/// For each constraint an example, and what breaks this constraint alone.
fn breaks() -> Vec<(&'static str, &'static str, Break)> {
    vec![
        ("engine-of-a-cluster", LONE, |r| version(r, "valkey", "8.0", "own")),
        ("engine-of-a-group", REPLICAS, |r| {
            version(r, "keydb", "6.3.4", "own");
            r.transit_encryption = false;
            r.logs.clear();
            let group = group(r);
            (group.at_rest_encryption, group.kms_key, group.transit_mode) = (false, None, None);
            group.user_groups.clear();
        }),
        ("version-in-full", REPLICAS, |r| r.engine_version.push_str(".1")),
        ("version-in-full", MEMCACHED, |r| version(r, "memcached", "1.6", "own")),
        ("version-of-the-engine", LONE, |r| version(r, "redis", "7.2", "own")),
        ("family-of-the-parameters", LONE, |r| r.parameter_group = "default.redis5.0".to_owned()),
        ("logs-of-the-version", MEMCACHED, |r| r.logs = vec![log("slow-log")]),
        ("logs-of-the-version", REPLICAS, |r| r.logs = vec![log("slow-log"), log("slow-log")]),
        ("logs-of-the-version", LONE, |r| {
            version(r, "redis", "6.0", "own");
            r.logs = vec![log("engine-log")];
        }),
        ("network-of-the-version", LONE, |r| {
            version(r, "redis", "6.0", "own");
            (r.network_type, r.ip_discovery) = (Some("ipv6".to_owned()), Some("ipv6".to_owned()));
        }),
        ("network-of-the-version", LONE, |r| {
            r.node_type = "cache.m4.large".to_owned();
            (r.network_type, r.ip_discovery) =
                (Some("dual_stack".to_owned()), Some("ipv6".to_owned()));
        }),
        ("encryption-of-a-cluster", LONE, |r| r.transit_encryption = true),
        ("token-of-a-cluster", MEMCACHED, |r| {
            (r.auth_token, r.transit_encryption) = (Token::Hidden, true);
        }),
        ("transit-encryption-of-the-version", MEMCACHED, |r| {
            version(r, "memcached", "1.6.6", "own");
            r.transit_encryption = true;
        }),
        ("at-rest-encryption-of-the-version", REPLICAS, |r| {
            version(r, "redis", "3.2.10", "own");
            r.transit_encryption = false;
            r.logs.clear();
            let group = group(r);
            (group.transit_mode, group.at_rest_encryption) = (None, true);
            group.user_groups.clear();
        }),
        ("token-without-tls", REPLICAS, |r| {
            (r.auth_token, r.transit_encryption) = (Token::Hidden, false);
            group(r).transit_mode = None;
        }),
        ("users-without-tls", "valkey-user-groups", |r| r.transit_encryption = false),
        ("users-of-the-version", "valkey-user-groups", |r| {
            version(r, "redis", "5.0.6", "own");
            (r.network_type, r.ip_discovery) = (None, None);
            group(r).transit_mode = None;
            r.logs.clear();
        }),
        ("token-beside-users", "valkey-user-groups", |r| r.auth_token = Token::Hidden),
        ("preferred-tls", "redis-auth-token", |r| {
            version(r, "redis", "6.2", "own");
            group(r).transit_mode = Some("preferred".to_owned());
        }),
        ("key-without-encryption", REPLICAS, |r| {
            let group = group(r);
            group.at_rest_encryption = false;
            group.kms_key = Some("arn:aws:kms:eu-west-1:111122223333:key/k".to_owned());
        }),
        ("previous-generation", LONE, |r| r.node_type = "cache.r3.large".to_owned()),
        ("failover-needs-a-replica", REPLICAS, |r| {
            let group = group(r);
            (group.shape, group.multi_az) = (Shape::Nodes(vec!["eu-west-1a".to_owned()]), false);
        }),
        ("failover-of-cluster-mode", SHARDS, |r| {
            let group = group(r);
            (group.automatic_failover, group.multi_az) = (false, false);
            group.durability = Some("disabled".to_owned());
        }),
        ("multi-az-needs-failover", REPLICAS, |r| {
            let group = group(r);
            (group.automatic_failover, group.multi_az) = (false, true);
        }),
        ("multi-az-needs-replicas", SHARDS, |r| {
            let Shape::Shards(shards) = &mut group(r).shape else { panic!() };
            shards[0].replica_zones.clear();
        }),
        ("nodes-of-a-shard", REPLICAS, |r| {
            group(r).shape = Shape::Nodes(vec!["eu-west-1a".to_owned(); 7]);
        }),
        ("nodes-of-a-group", SHARDS, |r| {
            let Shape::Shards(shards) = &mut group(r).shape else { panic!() };
            *shards = shards.iter().cycle().take(251).cloned().collect();
        }),
        ("shards-of-the-version", SHARDS, |r| {
            version(r, "redis", "2.8.24", "own");
            r.transit_encryption = false;
            r.logs.clear();
            let group = group(r);
            (group.at_rest_encryption, group.kms_key, group.durability) = (false, None, None);
            group.transit_mode = None;
        }),
        ("slots-in-one-range", SHARDS, |r| {
            let Shape::Shards(shards) = &mut group(r).shape else { panic!() };
            shards[0].slots = Some("0-9,20-5460".to_owned());
        }),
        ("slots-in-one-range", SHARDS, |r| {
            let Shape::Shards(shards) = &mut group(r).shape else { panic!() };
            shards[2].slots = Some("10923-16384".to_owned());
        }),
        ("parameters-of-cluster-mode", SHARDS, |r| {
            r.parameter_group = "default.valkey9".to_owned()
        }),
        ("parameters-of-cluster-mode", REPLICAS, |r| {
            r.parameter_group = "default.valkey8.cluster.on".to_owned();
        }),
        ("nodes-of-a-cluster", LONE, |r| cluster(r).nodes = 2),
        ("nodes-of-a-cluster", "memcached-single-node", |r| cluster(r).nodes = 0),
        ("data-tiering", REPLICAS, |r| group(r).data_tiering = true),
        ("data-tiering", LONE, |r| r.node_type = "cache.r6gd.xlarge".to_owned()),
        ("data-tiering-of-the-version", "valkey-data-tiering", |r| {
            version(r, "redis", "6.0", "own");
            group(r).transit_mode = None;
            r.logs.clear();
        }),
        ("durability", REPLICAS, |r| group(r).durability = Some("sync".to_owned())),
        ("a-zone-for-each-node", LONE, |r| {
            cluster(r).placement = Placement::One("Multiple".to_owned());
        }),
        ("a-zone-for-each-node", MEMCACHED, |r| cluster(r).nodes += 1),
        ("several-zones-of-memcached", LONE, |r| {
            cluster(r).placement = Placement::Many(vec!["eu-west-1a".to_owned()]);
        }),
        ("number-of-shards", SHARDS, |r| group(r).shape = Shape::Shards(Vec::new())),
        ("discovery-of-dual-stack", REPLICAS, |r| r.network_type = Some("dual_stack".to_owned())),
        ("discovery-of-dual-stack", REPLICAS, |r| {
            (r.network_type, r.ip_discovery) = (Some("ipv4".to_owned()), Some("ipv6".to_owned()));
        }),
        ("maintenance-window", LONE, |r| r.maintenance_window = "sun:03:00-sun:03:30".to_owned()),
        ("maintenance-window", LONE, |r| r.maintenance_window = "Sunday at three".to_owned()),
        ("snapshot-window", LONE, |r| r.snapshot_window = Some("25:00-26:00".to_owned())),
        ("windows-apart", LONE, |r| {
            r.maintenance_window = "sat:23:30-sun:00:30".to_owned();
            r.snapshot_window = Some("00:00-01:00".to_owned());
        }),
        ("snapshot-retention", LONE, |r| r.snapshot_retention = Some(36)),
        ("snapshots-of-memcached", MEMCACHED, |r| r.snapshot_retention = Some(0)),
        ("port", LONE, |r| r.port = 8005),
        ("port", LONE, |r| r.port = 1149),
        ("id-of-a-group", REPLICAS, |r| r.id = "a".repeat(41)),
        ("id-of-a-group", REPLICAS, |r| r.id = "1orders".to_owned()),
        ("id-of-a-cluster", LONE, |r| r.id = "a--b".to_owned()),
        ("description", REPLICAS, |r| group(r).description.clear()),
        ("number-of-tags", LONE, |r| {
            let tag = |at: usize| Tag { key: format!("k{at}"), value: String::new() };
            r.tags = (0..51).map(tag).collect();
        }),
        ("tags", LONE, |r| {
            r.tags = vec![Tag { key: "aws:backup".to_owned(), value: String::new() }];
        }),
        ("tags", LONE, |r| {
            r.tags = vec![Tag { key: "k".to_owned(), value: "v".to_owned() }; 2];
        }),
    ]
}

#[test]
fn each_constraint_refuses_what_it_says_and_nothing_else() {
    for (id, example, broke) in breaks() {
        let mut request = request(example);
        let clean: Vec<_> = broken(&request, &[]).into_iter().map(|(row, _)| row.id).collect();
        assert_eq!(clean, Vec::<&str>::new(), "{example} is taken as it is");
        broke(&mut request);
        let found = broken(&request, &[]);
        assert!(found.iter().all(|(_, why)| !why.is_empty()), "{id}");
        // A version of another engine may break more than one.
        let ids: Vec<_> = found.iter().map(|(row, _)| row.id).collect();
        assert!(ids.contains(&id), "{id} of {example}: {ids:?}");
        assert!(ids.len() <= 2, "{id} of {example}: {ids:?}");
    }
}

#[test]
fn each_constraint_is_broken_by_a_test() {
    let tried: BTreeSet<&str> = breaks().iter().map(|(id, _, _)| *id).collect();
    let rows: Vec<&str> = all().map(|row| row.id).collect();
    assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), tried);
    assert_eq!(rows.len(), tried.len(), "an id twice");
}

#[test]
fn a_constraint_about_what_is_unknown_is_silent() {
    let mut request = request(LONE);
    request.port = 8005;
    assert_eq!(broken(&request, &["Port"]).len(), 0);
    assert_eq!(broken(&request, &["Engine"]).len(), 1);
}

/// The words of the service model on each input and operation.
fn documentation() -> BTreeMap<String, String> {
    let text = file("model/documentation.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(": ").or_else(|| line.split_once(":")))
        .map(|(name, words)| (name.to_owned(), words.to_owned()))
        .collect()
}

#[test]
fn what_is_quoted_is_in_the_service_model() {
    let documentation = documentation();
    let mut quotes = 0;
    for row in all() {
        if let Source::Model { of, says } = row.source {
            let words = documentation.get(of).unwrap_or_else(|| panic!("{}: no {of}", row.id));
            assert!(words.contains(says), "{}: {of} says: {words}", row.id);
            quotes += 1;
        }
    }
    assert!(quotes > 20, "{quotes}");
}

/// Inputs that are sent, and that no constraint is about, and why nothing can be refused there.
const FREE: &[(&str, &str)] = &[
    ("CacheSubnetGroupName", "the old cache is in it"),
    ("SecurityGroupIds", "the old cache has them"),
    ("NotificationTopicArn", "the old cache has it, of the same account"),
    ("AutoMinorVersionUpgrade", "a yes or no that every version takes"),
];

#[test]
fn every_input_of_the_calls_is_constrained_or_free_for_a_reason() {
    let documentation = documentation();
    let of = |shape: &str| -> BTreeSet<String> {
        let inputs = documentation.keys().filter_map(|name| name.strip_prefix(shape));
        inputs.map(str::to_owned).collect()
    };
    let mut inputs = of("CreateReplicationGroupMessage.");
    inputs.extend(of("CreateCacheClusterMessage."));
    let known: BTreeSet<String> =
        all().flat_map(|row| row.inputs).map(|input| (*input).to_owned()).collect();
    assert!(known.is_subset(&inputs), "{:?}", known.difference(&inputs));
    let names = |pairs: &[(&str, &str)]| -> BTreeSet<String> {
        pairs.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    let free = names(FREE);
    assert!(known.is_disjoint(&free));
    let never: BTreeSet<String> =
        names(GROUP_NEVER).union(&names(CLUSTER_NEVER)).cloned().collect();
    let decided: BTreeSet<String> = known.union(&free).chain(&never).cloned().collect();
    assert_eq!(inputs.difference(&decided).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_enumeration_of_the_model_is_one_that_the_planner_knows() {
    let values: BTreeMap<String, String> = documentation()
        .into_iter()
        .filter_map(|(name, words)| {
            let values = words.strip_prefix('[')?.split_once(']')?.0.to_owned();
            Some((name, values))
        })
        .collect();
    insta::assert_debug_snapshot!(values, @r#"
    {
        "CreateCacheClusterMessage.AZMode": "single-az | cross-az",
        "CreateCacheClusterMessage.IpDiscovery": "ipv4 | ipv6",
        "CreateCacheClusterMessage.NetworkType": "ipv4 | ipv6 | dual_stack",
        "CreateCacheClusterMessage.OutpostMode": "single-outpost | cross-outpost",
        "CreateReplicationGroupMessage.ClusterMode": "enabled | disabled | compatible",
        "CreateReplicationGroupMessage.Durability": "default | async | sync | disabled",
        "CreateReplicationGroupMessage.IpDiscovery": "ipv4 | ipv6",
        "CreateReplicationGroupMessage.NetworkType": "ipv4 | ipv6 | dual_stack",
        "CreateReplicationGroupMessage.TransitEncryptionMode": "preferred | required",
    }
    "#);
}

fn source(source: Source) -> String {
    match source {
        Source::Model { of, says } => format!("service model, {of}: \"{}\"", short(says)),
        Source::Answer { says, met } => format!("AWS: \"{says}\" ({met})"),
        Source::Guide(page) | Source::Tool(page) => page.to_owned(),
    }
}

/// The first words of a long quote.
fn short(says: &str) -> String {
    let words: Vec<&str> = says.split(' ').collect();
    if words.len() > 24 { format!("{} ...", words[..24].join(" ")) } else { says.to_owned() }
}

fn row(row: &Constraint) -> String {
    let inputs: Vec<String> = row.inputs.iter().map(|input| format!("`{input}`")).collect();
    format!(
        "| {} | {} | {} |",
        inputs.join(", "),
        row.refuses,
        source(row.source).replace('|', "or")
    )
}

#[test]
fn the_documentation_has_every_constraint() {
    let docs = file("../../docs/moving-a-cache.md");
    let table = docs
        .split("## What AWS refuses")
        .nth(1)
        .unwrap_or_else(|| panic!("no section"))
        .split("\n## ")
        .next()
        .unwrap();
    let there: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<String> = all().map(row).collect();
    assert_eq!(there, wanted, "the table should be:\n{}", wanted.join("\n"));
}

#[test]
fn the_planner_applies_them_before_anything_is_planned() {
    let mut document: serde_json::Value =
        serde_json::from_str(&file("examples/valkey-with-replicas.json")).unwrap();
    document["ReplicationGroups"][0]["SnapshotWindow"] = serde_json::json!("never");
    let facts = document::read(&document.to_string(), None).unwrap();
    let Answer::Refused(refusal) = plan(&facts, &Choices::default()) else { panic!("a plan") };
    let reasons: Vec<_> =
        refusal.reasons.iter().map(|r| (r.field.as_str(), r.why.as_str())).collect();
    assert_eq!(
        reasons,
        [(
            "SnapshotWindow",
            "the snapshot window is never, and AWS refuses a snapshot window that is not as `05:00-09:00`, or shorter than an hour"
        )]
    );
}
