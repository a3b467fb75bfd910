//! Which cache is found by an id or an ARN, and what is said of one that is not.

use super::*;

const SHOP: &str = "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:shop-cache";

#[tokio::test]
async fn an_id_an_arn_and_a_member_lead_to_the_group() {
    let shop = as_looked_at(&example("valkey-of-a-stack"));
    let member = SHOP.replace("replicationgroup:shop-cache", "cluster:shop-cache-002");
    for name in ["shop-cache", "Shop-Cache", SHOP, "shop-cache-002", &member] {
        let looked = look(&account(&shop), name).await;
        assert_eq!(looked["Cache"], SHOP, "{name}");
        assert_eq!(facts(&looked), facts(&shop), "{name}");
    }
}

#[tokio::test]
async fn a_cluster_of_its_own_is_found_among_others() {
    let jobs = as_looked_at(&example("redis-single-node"));
    let looked = look(&account(&jobs), "legacy-jobs").await;
    assert_eq!(looked["Cache"], "arn:aws:elasticache:eu-west-1:111122223333:cluster:legacy-jobs");
    let other = &looked["CacheClusters"][1];
    assert_eq!(other["CacheClusterId"], "sessions");
    assert_eq!(other["CacheNodes"][0]["Endpoint"]["Port"], 6379);
    assert_eq!(other.get("EngineVersion"), None, "of the others only what a neighbour shows");
    assert!(!account(&jobs).calls().contains(&"DescribeScalableTargets".to_owned()));
}

#[tokio::test]
async fn a_cache_that_is_not_there_is_not_found_where_it_was_looked_for() {
    let shop = example("valkey-of-a-stack");
    let account = account(&shop);
    let error = refused(&account, "nothing").await;
    assert!(matches!(error, LookError::NotFound { .. }));
    assert_eq!(
        error.to_string(),
        "there is no cache `nothing` in eu-west-1 of account 111122223333"
    );
    let calls = account.calls();
    assert_eq!(calls.len(), 3, "no more is asked: {calls:?}");
    let empty = Described::new(json!({}), "");
    assert_eq!(refused(&empty, "a\nb").await.to_string(), "there is no cache `a\\nb` in eu-west-1");
}

#[tokio::test]
async fn a_serverless_cache_has_no_port_setting() {
    let serverless = json!({"ServerlessCaches": [{"ServerlessCacheName": "s"}]});
    let account = Described::new(serverless, "");
    let arn = "arn:aws:elasticache:eu-west-1:111122223333:serverlesscache:s";
    for name in ["s", arn] {
        assert!(matches!(refused(&account, name).await, LookError::Serverless(id) if id == "s"));
    }
    let odd =
        Described::new(json!({}), "").refusing("DescribeServerlessCaches", "InvalidParameterValue");
    assert!(matches!(refused(&odd, "s_s").await, LookError::NotFound { .. }));
}

#[tokio::test]
async fn an_arn_is_of_this_region_and_account_and_of_a_cache() {
    let account = account(&example("valkey-of-a-stack"));
    for (arn, says) in [
        (
            SHOP.replace("eu-west-1", "us-east-1"),
            "the cache is in us-east-1, and this command reads eu-west-1",
        ),
        (
            SHOP.replace("111122223333", "999900001111"),
            "the cache is of account 999900001111, and the credentials are of account 111122223333",
        ),
        (SHOP.replace("replicationgroup", "snapshot"), "is not the ARN of a replication group"),
        (SHOP.replace("elasticache", "ec2"), "is not the ARN of a replication group"),
        ("arn:aws".to_owned(), "is not the ARN of a replication group"),
    ] {
        let error = refused(&account, &arn).await.to_string();
        assert!(error.contains(says), "{arn}: {error}");
    }
}

/// `shop-cache` moves from 6379, so a replacement on 17321 is `shop-cache-17321`.
#[tokio::test]
async fn replacements_are_those_of_this_very_cache() {
    let mut shop = as_looked_at(&example("valkey-of-a-stack"));
    let cluster = |id: &str, port: Option<u16>| {
        let nodes = port.map(
            |port| json!([{"CacheNodeId": "0001", "Endpoint": {"Address": "x", "Port": port}}]),
        );
        json!({
            "CacheClusterId": id, "CacheClusterStatus": if port.is_some() {"available"} else {"creating"},
            "ARN": format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:{id}"),
            "CacheNodes": nodes.unwrap_or_else(|| json!([])),
        })
    };
    let others = [
        cluster("shop-cache-17321", Some(17_321)),
        cluster("shop-cache-18000", None),
        cluster("shop-cache-19000", Some(19_000)),
        cluster("shop-cache-20000", Some(6379)),
        cluster("elsewhere", Some(17_321)),
    ];
    shop["CacheClusters"].as_array_mut().unwrap().extend(others);
    shop["Cache"] = json!(SHOP);
    let tags = json!([{"Key": "portcullis:moved-from", "Value": SHOP}]);
    let stranger = json!([{"Key": "portcullis:moved-from", "Value": format!("{SHOP}2")}]);
    let arn = |id: &str| format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:{id}");
    let account = account(&shop)
        .tagged(&arn("shop-cache-17321"), tags.clone())
        .tagged(&arn("shop-cache-18000"), tags.clone())
        .tagged(&arn("shop-cache-19000"), stranger)
        .tagged(&arn("shop-cache-20000"), tags.clone())
        .tagged(&arn("elsewhere"), tags.clone());
    let looked = look(&account, "shop-cache").await;
    assert_eq!(
        looked["Replacements"],
        json!([
            {"Id": "shop-cache-17321", "Port": 17_321, "Status": "available", "TagList": tags},
            {"Id": "shop-cache-18000", "Status": "creating", "TagList": tags},
        ])
    );
    assert_eq!(account.count("ListTagsForResource"), 4, "its own, and of three with such an id");
    let ours: Vec<_> = facts(&looked).ours.into_iter().map(|ours| ours.id).collect();
    assert_eq!(ours, ["shop-cache-17321", "shop-cache-18000"]);
    assert_eq!(facts(&looked).neighbours.len(), 5, "they stay among the caches");
}
