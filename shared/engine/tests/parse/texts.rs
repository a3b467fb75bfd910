//! What `parse` says about what it does not take.

use portcullis_engine::event::{Lead, Parsed, Touched};
use serde_json::{Map, Value, json};

use crate::read;

/// A whole event with this record; the record's members win over the usual ones.
fn event(record: Value) -> Value {
    let mut detail = Map::from_iter([
        ("eventID".to_owned(), json!("3642e9ab-f571-4da0-a6a5-2d55182c43b1")),
        ("eventTime".to_owned(), json!("2026-03-02T08:00:00Z")),
        ("recipientAccountId".to_owned(), json!("111122223333")),
        ("awsRegion".to_owned(), json!("eu-west-1")),
    ]);
    detail.extend(record.as_object().cloned().unwrap_or_default());
    json!({ "detail": detail })
}

fn authorize(request: Value) -> Value {
    let name = "AuthorizeSecurityGroupIngress";
    event(json!({"eventName": name, "requestParameters": request}))
}

fn create_cluster(request: Value) -> Value {
    event(json!({"eventName": "CreateCacheCluster", "requestParameters": request}))
}

#[test]
fn what_is_malformed_says_where_and_why() {
    let cases = [
        (json!([]), "`event` is not a JSON object"),
        (json!({}), "`detail` is missing: the whole EventBridge event is needed"),
        (
            json!({"detail": "oops"}),
            "`detail` is a string, and not of JSON: expected value at line 1 column 1",
        ),
        (json!({"detail": null}), "`detail.eventName` is missing"),
        (
            authorize(json!({"groupId": "sg-1; reboot\n"})),
            "`detail.requestParameters.groupId` is `sg-1; reboot\\n`, which is no id of the form \
             `sg-…`",
        ),
        (
            create_cluster(json!({"cacheClusterId": "a", "port": 65_536})),
            "`detail.requestParameters.port` is `65536`, which is no port",
        ),
        (
            create_cluster(json!({"cacheClusterId": "a", "port": "redis"})),
            "`detail.requestParameters.port` is `redis`, which is no port",
        ),
        (
            event(json!({
                "eventName": "CreateCacheCluster", "awsRegion": "eu west",
                "requestParameters": {"cacheClusterId": "a"},
            })),
            "`detail.awsRegion` is `eu west`, which AWS does not write there",
        ),
        (
            event(json!({
                "eventName": "CreateCacheCluster", "eventID": null,
                "requestParameters": {"cacheClusterId": "a"},
            })),
            "`detail.eventID` is missing, in the record and in the envelope",
        ),
    ];
    for (event, message) in cases {
        let Parsed::Malformed(what) = read(&event) else { panic!("{event} is not malformed") };
        assert_eq!(what.to_string(), format!("malformed event: {message}"), "{event}");
    }
}

/// Who called, and when, is reported all the same.
#[test]
fn a_record_that_names_no_resource_is_an_event_that_leads_nowhere() {
    for (record, is_of_group) in [
        (authorize(json!(null)), true),
        (authorize(json!({"omitted": true})), true),
        (event(json!({"eventName": "ModifySecurityGroupRules", "requestParameters": ""})), true),
        (create_cluster(json!({"port": 6379})), false),
        (event(json!({"eventName": "CreateReplicationGroup"})), false),
        (event(json!({"eventName": "CreateServerlessCache", "responseElements": {}})), false),
    ] {
        let Parsed::Event(event) = read(&record) else { panic!("{record} is no event") };
        assert_eq!((&event.lead, event.is_of_group()), (&Lead::Unknown, is_of_group), "{record}");
    }
}

#[test]
fn what_is_ignored_says_why() {
    let failed = |code| event(json!({"eventName": "CreateCacheCluster", "errorCode": code}));
    let cases = [
        (json!({"detail-type": "Scheduled Event"}), "`Scheduled Event` is not watched"),
        (event(json!({"eventName": "RunInstances"})), "`RunInstances` is not watched"),
        (
            failed("UnauthorizedOperation"),
            "the call failed with `UnauthorizedOperation` and changed nothing",
        ),
        (failed("DryRunOperation"), "the call was a dry run and changed nothing"),
        (
            create_cluster(json!({"cacheClusterId": "a-002", "replicationGroupId": "a"})),
            "a replica joined replication group `a`, whose port and security groups it inherits",
        ),
    ];
    for (event, message) in cases {
        let Parsed::Ignored(why) = read(&event) else { panic!("{event} is not ignored") };
        assert_eq!(why.to_string(), message, "{event}");
    }
}

#[test]
fn rules_that_cannot_be_told_are_unknown_and_not_none() {
    let permission = |permission: Value| {
        authorize(json!({"groupId": "sg-1", "ipPermissions": {"items": [permission]}}))
    };
    let to_the_world = json!([{"cidrIp": "0.0.0.0/0"}]);
    let cases = [
        (authorize(json!({"groupId": "sg-1"})), "the record holds neither the rules nor their ids"),
        (
            permission(json!({"ipProtocol": "tcp", "ipRanges": [{"cidrIp": "0.0.0.0/33"}]})),
            "`0.0.0.0/33` is not a CIDR",
        ),
        (permission(json!({"ipProtocol": "tcp", "ipRanges": [{}, {}]})), "a range has no CIDR"),
        (
            permission(json!({"ipProtocol": "tcp", "prefixListIds": [{"description": "offices"}]})),
            "a prefix list has no id",
        ),
        (permission(json!({"ipRanges": to_the_world})), "a rule has no protocol"),
        (
            permission(json!({"ipProtocol": "tcp", "fromPort": "ssh", "ipRanges": to_the_world})),
            "`ssh` is not a port",
        ),
    ];
    for (event, message) in cases {
        let Parsed::Event(parsed) = read(&event) else { panic!("{event} is no event") };
        let Lead::Group(lead) = parsed.lead else { panic!("{event} leads to no group") };
        assert_eq!(lead.touched, Touched::Unknown(message.to_owned()), "{event}");
    }
}

#[test]
fn a_cache_has_the_tags_of_its_request() {
    let tags = |tags: Value| {
        let parsed = read(&create_cluster(json!({"cacheClusterId": "a", "tags": tags})));
        let Parsed::Event(event) = parsed else { panic!("{parsed:?}") };
        let Lead::Cache(lead) = event.lead else { panic!("{:?}", event.lead) };
        lead.tags.into_iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>()
    };
    assert_eq!(tags(json!([{"key": "team", "value": "web"}, {"key": "x"}])), ["team=web", "x="]);
    assert_eq!(
        tags(json!([{"Key": "team", "Value": 7}, {"value": "web"}, "team", null])),
        ["team=7"]
    );
    for none in [json!(null), json!([]), json!(""), json!({}), json!(7)] {
        assert_eq!(tags(none.clone()), [""; 0], "{none}");
    }
}
