//! What may not be read: it is left out, or it is an error that names the call.

use super::*;

/// A group with a rule that names a prefix list, and every list that only tells more.
fn complete() -> Value {
    let mut shop = as_looked_at(&example("valkey-of-a-stack"));
    shop["SecurityGroupRules"][0]["PrefixListId"] = json!("pl-1");
    shop["SecurityGroupRules"][0].as_object_mut().unwrap().remove("CidrIpv4");
    for (list, items) in [
        ("PrefixLists", json!([{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.0.0/8"}]}])),
        ("Snapshots", json!([{"SnapshotName": "s", "CacheClusterId": "shop-cache-001"}])),
        ("CacheEngineVersions", json!([{"Engine": "valkey", "EngineVersion": "8.0"}])),
        ("Subnets", json!([{"SubnetId": "subnet-0a", "AvailableIpAddressCount": 3}])),
        (
            "MetricAlarms",
            json!([{"AlarmName": "a", "Dimensions": [{"Name": "CacheClusterId", "Value": "shop-cache-001"}]}]),
        ),
        (
            "ScalableTargets",
            json!([{"ResourceId": "replication-group/shop-cache", "ScalableDimension": "elasticache:replication-group:Replicas"}]),
        ),
    ] {
        shop[list] = items;
    }
    shop
}

const NEEDED: [&str; 6] = [
    "DescribeReplicationGroups",
    "DescribeCacheClusters",
    "ListTagsForResource",
    "DescribeCacheSubnetGroups",
    "DescribeSecurityGroups",
    "DescribeSecurityGroupRules",
];

const OPTIONAL: [(&str, &str, &str); 5] = [
    ("DescribeSnapshots", "Snapshots", "AccessDenied"),
    ("DescribeCacheEngineVersions", "CacheEngineVersions", "AccessDenied"),
    ("DescribeSubnets", "Subnets", "UnauthorizedOperation"),
    ("DescribeAlarms", "MetricAlarms", "AccessDenied"),
    ("DescribeScalableTargets", "ScalableTargets", "AccessDeniedException"),
];

#[tokio::test]
async fn without_a_right_that_the_plan_needs_the_error_names_the_call() {
    for call in NEEDED {
        let account = account(&complete()).refusing(call, "AccessDenied");
        let error = refused(&account, "shop-cache").await;
        assert!(matches!(error, LookError::Other(_)), "{call}");
        assert_eq!(error.to_string(), format!("{call}: AccessDenied: as scripted"));
    }
}

#[tokio::test]
async fn what_only_tells_more_is_left_out_without_the_right_to_it() {
    let all = look(&account(&complete()), "shop-cache").await;
    for (call, list, code) in OPTIONAL {
        assert!(all[list].as_array().is_some_and(|items| items.len() == 1), "{list}");
        let account = account(&complete()).refusing(call, code);
        let mut looked = look(&account, "shop-cache").await;
        assert_eq!(looked.get(list), None, "{call}");
        looked[list] = all[list].clone();
        assert_eq!(looked, all, "nothing else is left out without {call}");
    }
}

#[tokio::test]
async fn an_answer_that_failed_is_no_answer_that_may_be_left_out() {
    for (call, _, _) in OPTIONAL {
        let account = account(&complete()).refusing(call, "Throttling");
        let error = refused(&account, "shop-cache").await.to_string();
        assert!(error.starts_with(&format!("{call}: Throttling")), "{error}");
    }
}

#[tokio::test]
async fn a_prefix_list_that_cannot_be_read_is_there_without_entries() {
    let account =
        account(&complete()).refusing("GetManagedPrefixListEntries", "UnauthorizedOperation");
    let looked = look(&account, "shop-cache").await;
    assert_eq!(looked["PrefixLists"], json!([{"PrefixListId": "pl-1"}]));
}

#[tokio::test]
async fn tags_of_a_cache_that_is_not_available_may_be_missing() {
    let mut shop = complete();
    shop["ReplicationGroups"][0]["Status"] = json!("modifying");
    let refusing = account(&shop).refusing("ListTagsForResource", "InvalidReplicationGroupState");
    let looked = look(&refusing, "shop-cache").await;
    assert_eq!(looked.get("TagList"), None);
    assert_eq!(facts(&looked).tags, None);
}
