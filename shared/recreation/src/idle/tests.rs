use super::*;
use crate::document::tests::facts;
use crate::facts::Seen;

/// A node on which nobody does anything: what AWS's own monitoring makes.
fn quiet(id: &str) -> NodeUse {
    NodeUse {
        id: id.to_owned(),
        connections: Some(5.0),
        new_connections: Some(0.0),
        reads: Some(0.0),
        writes: Some(0.0),
        items: Some(1000.0),
        primary: Some(true),
        datapoints: 60,
    }
}

fn used(engine: &str, nodes: Vec<NodeUse>) -> Use {
    Use { engine: Engine::parse(engine), minutes: 60, nodes }
}

fn word(engine: &str, node: NodeUse) -> &'static str {
    match idle(&used(engine, vec![quiet("first"), node])) {
        Idle::Quiet { .. } => "quiet",
        Idle::Busy { .. } => "busy",
        Idle::Unknown { .. } => "unknown",
    }
}

#[test]
fn a_quiet_cache_says_what_was_seen() {
    let Idle::Quiet { seen } = idle(&used("valkey", vec![quiet("a"), quiet("b")])) else {
        panic!()
    };
    insta::assert_snapshot!(seen, @"in 60 minutes no command read or wrote anything on its 2 nodes, and none had more than 5 connections (AWS's own monitoring holds 4 to 6)");
    let Idle::Quiet { seen } = idle(&used("memcached", vec![quiet("a")])) else { panic!() };
    insta::assert_snapshot!(seen, @"in 60 minutes no command read or wrote anything on its node, and none had more than 5 connections (Memcached's own threads and AWS's monitoring hold some, so they do not decide)");
}

#[test]
fn one_node_that_is_used_is_enough() {
    for engine in ["redis", "valkey", "memcached"] {
        assert_eq!(word(engine, quiet("a")), "quiet", "{engine}");
        assert_eq!(word(engine, NodeUse { reads: Some(1.0), ..quiet("a") }), "busy", "{engine}");
        assert_eq!(word(engine, NodeUse { writes: Some(1.0), ..quiet("a") }), "busy", "{engine}");
        // Somebody uses it, whatever else is missing.
        let node = NodeUse { reads: Some(1.0), connections: None, datapoints: 0, ..quiet("a") };
        assert_eq!(word(engine, node), "busy", "{engine}");
    }
    let busy = NodeUse { connections: Some(40.0), writes: Some(7.0), ..quiet("b") };
    let Idle::Busy { why } = idle(&used("redis", vec![quiet("a"), busy])) else { panic!() };
    insta::assert_snapshot!(why, @"b: 40 connections (AWS's own are 4 to 6), 7 writes");
}

#[test]
fn connections_decide_where_aws_says_how_many_are_its_own() {
    for (connections, of_redis, of_memcached) in
        [(4.0, "quiet", "quiet"), (6.0, "quiet", "quiet"), (7.0, "busy", "quiet")]
    {
        let node = || NodeUse { connections: Some(connections), ..quiet("a") };
        assert_eq!(word("redis", node()), of_redis, "{connections}");
        assert_eq!(word("valkey", node()), of_redis, "{connections}");
        assert_eq!(word("memcached", node()), of_memcached, "{connections}");
    }
    let node = || NodeUse { new_connections: Some(2.0), ..quiet("a") };
    assert_eq!(word("valkey", node()), "busy");
    assert_eq!(word("redis", node()), "quiet", "up to Redis OSS 5 they may be AWS's");
}

#[test]
fn writes_of_a_replica_are_its_primarys() {
    let replica = NodeUse { writes: Some(9.0), primary: Some(false), ..quiet("a") };
    assert_eq!(word("valkey", replica.clone()), "quiet");
    assert_eq!(word("valkey", NodeUse { primary: None, ..replica.clone() }), "busy");
    assert_eq!(word("valkey", NodeUse { reads: Some(9.0), ..replica }), "busy");
}

#[test]
fn what_is_missing_is_never_quiet() {
    for engine in ["redis", "valkey", "memcached"] {
        for node in [
            NodeUse { connections: None, ..quiet("a") },
            NodeUse { reads: None, ..quiet("a") },
            NodeUse { writes: None, ..quiet("a") },
            NodeUse { reads: Some(f64::NAN), ..quiet("a") },
            NodeUse { datapoints: 59, ..quiet("a") },
            NodeUse { datapoints: 0, ..quiet("a") },
        ] {
            assert_eq!(word(engine, node.clone()), "unknown", "{engine}: {node:?}");
        }
        assert!(matches!(idle(&used(engine, Vec::new())), Idle::Unknown { .. }));
        let nothing = Use { minutes: 0, ..used(engine, vec![quiet("a")]) };
        assert!(matches!(idle(&nothing), Idle::Unknown { .. }));
    }
    assert_eq!(word("keydb", quiet("a")), "unknown");
}

/// Values as CloudWatch has them of a node that nobody uses.
fn values(engine: &Engine) -> BTreeMap<String, Vec<f64>> {
    let always = metrics(engine).iter().filter(|metric| metric.always);
    always.map(|metric| (metric.name.to_owned(), vec![0.0; 60])).collect()
}

#[test]
fn any_metric_of_a_command_shows_that_somebody_is_there() {
    for engine in [Engine::Redis, Engine::Valkey, Engine::Memcached] {
        let word = |values: &BTreeMap<String, Vec<f64>>| {
            idle(&Use {
                engine: engine.clone(),
                minutes: 60,
                nodes: vec![NodeUse::of("a", &engine, values)],
            })
        };
        assert!(matches!(word(&values(&engine)), Idle::Quiet { .. }));
        for metric in metrics(&engine) {
            let mut values = values(&engine);
            let mut minutes = vec![0.0; 60];
            minutes[7] = 1.0;
            values.insert(metric.name.to_owned(), minutes);
            let command = matches!(metric.counts, Counts::Reads | Counts::Writes);
            // The primary is one here, so that its writes count.
            values.insert("IsMaster".to_owned(), vec![1.0; 60]);
            let known = matches!(word(&values), Idle::Busy { .. });
            let connects = engine == Engine::Valkey && metric.counts == Counts::NewConnections;
            assert_eq!(known, command || connects, "{}", metric.name);
        }
    }
}

#[test]
fn values_become_what_was_seen_of_a_node() {
    let mut values = values(&Engine::Valkey);
    values.insert("CurrConnections".to_owned(), vec![4.0, 9.0, 5.0]);
    values.insert("CacheHits".to_owned(), vec![1.0, 2.0]);
    values.insert("GetTypeCmds".to_owned(), vec![3.0]);
    let node = NodeUse::of("a", &Engine::Valkey, &values);
    assert_eq!((node.connections, node.reads, node.datapoints), (Some(9.0), Some(6.0), 3));
    assert_eq!(
        (node.writes, node.primary),
        (Some(0.0), Some(false)),
        "no such command was ever called"
    );
    values.remove("CacheMisses");
    assert_eq!(NodeUse::of("a", &Engine::Valkey, &values).reads, None);
    assert_eq!(NodeUse::of("a", &Engine::Memcached, &BTreeMap::new()).writes, None);
}

#[test]
fn each_node_is_watched_under_the_dimensions_of_its_metrics() {
    let ids = |name: &str| -> Vec<String> {
        watched(&facts(name).cache).iter().map(|w| format!("{} {}", w.cluster, w.node)).collect()
    };
    assert_eq!(
        ids("valkey-with-replicas"),
        ["orders-001 0001", "orders-002 0001", "orders-003 0001"]
    );
    assert_eq!(ids("memcached-several-nodes").len(), 3);
    assert_eq!(ids("valkey-three-shards").len(), 6);
}

/// What is seen of the nodes of an example in its first half hour.
fn new_and_empty(name: &str) -> (crate::facts::Facts, Use) {
    let mut facts = facts(name);
    facts.around = crate::facts::Around::default();
    let engine = Engine::parse(facts.cache.clusters()[0].engine.as_deref().unwrap());
    let nodes = watched(&facts.cache)
        .iter()
        .map(|node| NodeUse { items: Some(0.0), datapoints: 20, ..quiet(&node.id) })
        .collect();
    (facts, Use { engine, minutes: 60, nodes })
}

const NOW: i64 = 1_800_000_000;

#[test]
fn a_cache_that_is_new_empty_and_unused_is_fresh() {
    for name in ["valkey-with-replicas", "valkey-three-shards", "memcached-several-nodes"] {
        let (facts, used) = new_and_empty(name);
        assert_eq!(fresh(&facts, &used, Some(NOW - 3599), NOW), Ok(()), "{name}");
        assert_eq!(fresh(&facts, &used, Some(NOW), NOW), Ok(()), "{name}");
    }
}

#[test]
fn every_reason_against_freshness_is_told() {
    let (facts, used) = new_and_empty("valkey-with-replicas");
    let one = |facts: &crate::facts::Facts, used: &Use, created: Option<i64>| {
        let reasons = fresh(facts, used, created, NOW).unwrap_err();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        reasons[0].clone()
    };
    let made = Some(NOW - 1800);
    let node = |change: fn(&mut NodeUse)| {
        let mut used = used.clone();
        change(&mut used.nodes[1]);
        one(&facts, &used, made)
    };
    let mut fewer = used.clone();
    fewer.nodes.pop();
    let mut pointed = facts.clone();
    pointed.around.dns = Seen::Read(vec!["cache.example.com".to_owned()]);
    let mut moved = facts.clone();
    let key = crate::marks::RECREATED_FROM.to_owned();
    moved.tags.as_mut().unwrap().push(portcullis_engine::facts::Tag { key, value: "x".to_owned() });
    let reasons = [
        one(&facts, &used, None),
        one(&facts, &used, Some(NOW - 3600)),
        one(&facts, &used, Some(NOW + 1)),
        one(&facts, &Use { minutes: 29, ..used.clone() }, made),
        node(|node| node.items = Some(1.0)),
        node(|node| node.items = None),
        node(|node| node.items = Some(f64::NAN)),
        node(|node| node.datapoints = 4),
        node(|node| node.connections = Some(7.0)),
        node(|node| node.reads = Some(1.0)),
        node(|node| node.writes = None),
        one(&facts, &fewer, made),
        one(&pointed, &used, made),
        one(&moved, &used, made),
    ];
    insta::assert_snapshot!(reasons.join("\n"), @"
    its creation time is unknown
    it was created 60 minutes ago, not within the last 60
    its creation time is in the future, so a clock is wrong
    it is 30 minutes old, and metrics were read of only 29
    items in orders-002: 1
    the number of items in orders-002 is unknown
    the number of items in orders-002 is unknown
    orders-002 was watched for 4 minutes, less than 5
    somebody uses it: orders-002: 7 connections (AWS's own are 4 to 6)
    somebody uses it: orders-002: 1 reads
    orders-002: no values of writes
    there are no metrics of orders-003
    DNS records point to it: cache.example.com
    a re-creation created it, from another cache
    ");
    let reasons = fresh(&moved, &fewer, None, NOW).unwrap_err();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
}
