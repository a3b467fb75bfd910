//! Any cache that AWS would make, as the request that makes it.

use portcullis_engine::facts::{Engine, IngressRule, Protocol, Source, Tag};
use portcullis_engine::owner::by_tags;
use portcullis_recreation::describe::{DestinationDetails, LogDelivery, LogGroup};
use portcullis_recreation::request::{
    ClusterInputs, GroupInputs, Kind, Placement, Request, Shape, Shard, Token,
};
use portcullis_recreation::versions::{Feature, knows};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A request on a default port.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    prop_oneof![group(), cluster("5.0.6"), cluster("6.2"), memcached()]
}

fn id() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{0,12}(-[a-z0-9]{1,6}){0,3}"
}

fn zone() -> impl Strategy<Value = String> {
    select(vec!["eu-west-1a", "eu-west-1b", "eu-west-1c"]).prop_map(str::to_owned)
}

fn text(all: &[&'static str]) -> impl Strategy<Value = Option<String>> + use<> {
    option::of(select(all.to_vec()).prop_map(str::to_owned))
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    prop::collection::btree_map("[A-Za-z][A-Za-z0-9:/-]{0,8}", "[ -~]{0,12}", 0..5).prop_map(
        |tags| {
            let tags =
                tags.into_iter().filter(|(key, _)| !key.to_ascii_lowercase().starts_with("aws:"));
            let tags = tags.map(|(key, value)| Tag { key, value });
            // A tool that owns a cache is a reason to refuse.
            tags.filter(|tag| by_tags(std::slice::from_ref(tag)).is_none()).collect()
        },
    )
}

fn logs() -> impl Strategy<Value = Vec<LogDelivery>> {
    let log = |kind: &str| LogDelivery {
        log_type: Some(kind.to_owned()),
        destination_type: Some("cloudwatch-logs".to_owned()),
        destination_details: DestinationDetails {
            cloud_watch_logs: Some(LogGroup { log_group: Some(format!("/cache/{kind}")) }),
            kinesis_firehose: None,
        },
        log_format: Some("json".to_owned()),
        status: None,
    };
    let (engine, slow) = (log("engine-log"), log("slow-log"));
    select(vec![vec![], vec![slow.clone()], vec![engine.clone()], vec![engine, slow]])
}

/// The request without what its version does not know.
fn as_known(request: Request) -> Request {
    let mut known = request;
    if !known.knows(Feature::Ipv6) {
        (known.network_type, known.ip_discovery) = (None, None);
    }
    if !known.knows(Feature::SlowLog) {
        known.logs.clear();
    }
    known
}

/// What groups and clusters share, with the kind still to come.
fn common() -> impl Strategy<Value = Request> {
    let windows = (select(vec!["sun:03:00-sun:04:00", "sat:23:30-sun:00:30"]), 0i64..=35);
    let network = select(vec![("ipv4", "ipv4"), ("dual_stack", "ipv6"), ("ipv6", "ipv6")]);
    let groups = prop::collection::btree_set("sg-[0-9a-f]{8}", 1..4);
    let topic = text(&["arn:aws:sns:eu-west-1:111122223333:cache-events"]);
    (id(), tags(), groups, windows, network, topic, any::<bool>(), logs()).prop_map(
        |(
            id,
            tags,
            groups,
            (maintenance, retention),
            (network, discovery),
            topic,
            upgrade,
            logs,
        )| Request {
            id,
            node_type: "cache.r7g.large".to_owned(),
            engine: Engine::Valkey,
            engine_version: String::new(),
            parameter_group: "custom-parameters".to_owned(),
            subnet_group: "private".to_owned(),
            security_groups: groups.into_iter().collect(),
            tags,
            snapshot: None,
            maintenance_window: maintenance.to_owned(),
            port: 6379,
            topic,
            auto_minor_version_upgrade: upgrade,
            snapshot_retention: Some(retention),
            snapshot_window: Some("01:00-02:00".to_owned()),
            auth_token: Token::None,
            transit_encryption: false,
            logs,
            network_type: Some(network.to_owned()),
            ip_discovery: Some(discovery.to_owned()),
            kind: Kind::Cluster(ClusterInputs {
                nodes: 1,
                placement: Placement::One(String::new()),
            }),
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let nodes = prop::collection::vec(zone(), 1..=6).prop_map(Shape::Nodes);
    let shards = (1usize..5, 1usize..4, any::<bool>()).prop_flat_map(|(shards, nodes, split)| {
        let zones = prop::collection::vec(prop::collection::vec(zone(), nodes), shards);
        zones.prop_map(move |zones| {
            let each = 16_384 / zones.len();
            let shard = |(at, mut zones): (usize, Vec<String>)| Shard {
                id: format!("{:04}", at + 1),
                // Slots move when shards are added: then AWS divides them anew.
                slots: (!split).then(|| format!("{}-{}", at * each, (at + 1) * each - 1)),
                primary_zone: zones.remove(0),
                replica_zones: zones,
            };
            Shape::Shards(zones.into_iter().enumerate().map(shard).collect())
        })
    });
    prop_oneof![nodes, shards]
}

/// A group of one node without failover, as an older move of a lone node makes it.
pub(crate) fn group_of_one() -> impl Strategy<Value = Request> {
    let one = |request: &Request| {
        matches!(&request.kind, Kind::Group(group)
            if group.user_groups.is_empty() && matches!(group.shape, Shape::Nodes(_)))
    };
    let alone = |mut request: Request| {
        let engine_needs_it = request.engine == Engine::Valkey || request.transit_encryption;
        let id = request.id.clone();
        let Kind::Group(group) = &mut request.kind else { return request };
        let Shape::Nodes(zones) = &mut group.shape else { return request };
        zones.truncate(1);
        (group.automatic_failover, group.multi_az, group.description) = (false, false, id);
        (group.kms_key, group.durability) =
            (None, group.durability.take().map(|_| "disabled".to_owned()));
        group.at_rest_encryption |= !engine_needs_it;
        request
    };
    group().prop_filter("several nodes or users", one).prop_map(alone)
}

fn group() -> impl Strategy<Value = Request> {
    let versions = select(vec![
        ("valkey", "7.2"),
        ("valkey", "8.0"),
        ("valkey", "9.0"),
        ("redis", "7.1"),
        ("redis", "6.2"),
        ("redis", "5.0.6"),
    ]);
    let security = (0u8..4, any::<bool>(), any::<bool>(), any::<bool>());
    (common(), versions, shape(), security, any::<(bool, bool)>()).prop_map(
        |(common, (engine, version), shape, (login, rest, key, preferred), (multi_az, tiered))| {
            let cluster_mode = matches!(shape, Shape::Shards(_));
            let replicas = match &shape {
                Shape::Nodes(zones) => zones.len() > 1,
                Shape::Shards(shards) => shards.iter().all(|shard| !shard.replica_zones.is_empty()),
            };
            let known = |feature| knows(&Engine::parse(engine), version, feature);
            let tls = login > 0;
            let login = if login == 3 && !known(Feature::UserGroups) { 2 } else { login };
            let (multi_az, tiered) = (multi_az && replicas, tiered && known(Feature::DataTiering));
            let durable = cluster_mode && multi_az && tls && rest;
            let groups = vec!["app-users".to_owned(), "operators".to_owned()];
            let valkey_9 = (engine, version) == ("valkey", "9.0");
            as_known(Request {
                node_type: if tiered { "cache.r6gd.xlarge" } else { "cache.r7g.large" }.to_owned(),
                engine: Engine::parse(engine),
                engine_version: version.to_owned(),
                auth_token: if login == 2 { Token::Hidden } else { Token::None },
                transit_encryption: tls,
                kind: Kind::Group(GroupInputs {
                    description: "what it is for".to_owned(),
                    automatic_failover: cluster_mode || replicas,
                    multi_az,
                    shape,
                    transit_mode: (tls && preferred && known(Feature::PreferredTls))
                        .then(|| "preferred".to_owned()),
                    at_rest_encryption: rest,
                    kms_key: (rest && key)
                        .then(|| "arn:aws:kms:eu-west-1:111122223333:key/k".to_owned()),
                    user_groups: if login == 3 { groups } else { Vec::new() },
                    data_tiering: tiered,
                    durability: valkey_9
                        .then(|| if durable { "sync" } else { "disabled" }.to_owned()),
                }),
                ..common
            })
        },
    )
}

/// A lone node of Redis OSS, as CreateCacheCluster makes it: not encrypted, without a token.
fn cluster(version: &'static str) -> impl Strategy<Value = Request> {
    (common(), zone()).prop_map(move |(common, zone)| {
        as_known(Request {
            engine: Engine::Redis,
            engine_version: version.to_owned(),
            kind: Kind::Cluster(ClusterInputs { nodes: 1, placement: Placement::One(zone) }),
            ..common
        })
    })
}

fn memcached() -> impl Strategy<Value = Request> {
    (common(), prop::collection::vec(zone(), 1..8), any::<bool>()).prop_map(
        |(common, mut zones, tls)| {
            zones.sort();
            let several = zones.first() != zones.last();
            let nodes = i64::try_from(zones.len()).unwrap();
            let placement =
                if several { Placement::Many(zones) } else { Placement::One(zones.remove(0)) };
            Request {
                engine: Engine::Memcached,
                engine_version: "1.6.22".to_owned(),
                port: 11_211,
                snapshot_retention: None,
                snapshot_window: None,
                transit_encryption: tls,
                logs: Vec::new(),
                kind: Kind::Cluster(ClusterInputs { nodes, placement }),
                ..common
            }
        },
    )
}

/// An ingress rule that may reach the cache.
pub(crate) fn rule() -> impl Strategy<Value = IngressRule> {
    let source = prop_oneof![
        (any::<u32>(), 0u8..=32).prop_map(|(bits, prefix)| {
            Source::cidr(&format!("{}/{prefix}", std::net::Ipv4Addr::from(bits))).unwrap()
        }),
        (0u8..=255, 8u8..=32)
            .prop_map(|(byte, prefix)| Source::cidr(&format!("10.{byte}.0.0/{prefix}")).unwrap()),
        (any::<u128>(), 0u8..=128).prop_map(|(bits, prefix)| {
            Source::cidr(&format!("{}/{prefix}", std::net::Ipv6Addr::from(bits))).unwrap()
        }),
        (0u8..4).prop_map(|n| Source::Group(format!("sg-0{n}"))),
        (0u8..4).prop_map(|n| Source::PrefixList(format!("pl-0{n}"))),
    ];
    let protocol = select(vec!["tcp", "tcp", "udp", "-1", "icmp", "50"]);
    let ports = select(vec![
        (6379, 6379),
        (11_211, 11_211),
        (0, 65_535),
        (6000, 12_000),
        (17_000, 18_000),
        (443, 443),
    ]);
    (source, protocol, ports).prop_map(|(source, protocol, (from_port, to_port))| IngressRule {
        id: String::new(),
        protocol: Protocol::parse(protocol),
        from_port,
        to_port,
        source,
        description: None,
        tags: Vec::new(),
    })
}

/// What nobody expects in a document.
pub(crate) fn odd() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::json;
    select(vec![
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("Multiple"),
        json!("\u{1b}[31m\u{202e}"),
        json!("enabled"),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(true),
        json!([{}]),
        json!([""]),
    ])
}
