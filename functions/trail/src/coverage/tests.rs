use super::*;

const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/all";

/// A trail that logs all management events.
fn trail(name: &str) -> Trail {
    Trail {
        name: name.to_owned(),
        arn: format!("arn:aws:cloudtrail:us-east-1:111122223333:trail/{name}"),
        logging: Reading::Read(true),
        selectors: Reading::Read(Selectors::Basic(vec![everything()])),
    }
}

fn everything() -> BasicSelector {
    BasicSelector { management: true, writes: true, excluded: Vec::new() }
}

fn basic(selectors: Vec<BasicSelector>) -> Trail {
    Trail { selectors: Reading::Read(Selectors::Basic(selectors)), ..trail("all") }
}

fn equals(field: &str, values: &[&str]) -> FieldSelector {
    let equals = values.iter().map(|value| (*value).to_owned()).collect();
    FieldSelector { field: field.to_owned(), equals, ..FieldSelector::default() }
}

/// A trail with one advanced selector: management events, and what else is asked of them.
fn advanced_trail(more: Vec<FieldSelector>) -> Trail {
    let fields = [equals("eventCategory", &["Management"])].into_iter().chain(more).collect();
    Trail { selectors: Reading::Read(Selectors::Advanced(vec![fields])), ..trail("all") }
}

fn seen(trails: &[Trail]) -> String {
    let verdict = verdict(trails);
    let Verdict::Right(by) = verdict else { panic!("{verdict:?}") };
    by
}

fn blind_to(trails: &[Trail]) -> String {
    let verdict = verdict(trails);
    let Verdict::Wrong(why) = verdict else { panic!("{verdict:?}") };
    why
}

#[test]
fn a_trail_that_logs_all_management_events_sees() {
    assert_eq!(seen(&[trail("all")]), format!("trail `all` ({ARN})"));
}

#[test]
fn a_trail_without_selectors_logs_all_management_events() {
    assert_eq!(seen(&[basic(Vec::new())]), format!("trail `all` ({ARN})"));
}

#[test]
fn without_a_trail_it_is_blind_and_says_what_to_make() {
    insta::assert_snapshot!(blind_to(&[]), @"Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. There is no trail: create one (aws cloudtrail create-trail --is-multi-region-trail, then aws cloudtrail start-logging)");
}

#[test]
fn a_trail_that_is_stopped_is_named_with_the_command_that_starts_it() {
    let stopped = Trail { logging: Reading::Read(false), ..trail("all") };
    insta::assert_snapshot!(blind_to(&[stopped]), @"Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) is stopped: start it (aws cloudtrail start-logging --region us-east-1 --name arn:aws:cloudtrail:us-east-1:111122223333:trail/all)");
}

#[test]
fn each_basic_selector_that_keeps_a_call_out_is_told() {
    let excluded = vec!["kms.amazonaws.com".to_owned(), "ec2.amazonaws.com".to_owned()];
    let selectors = [
        BasicSelector { writes: false, ..everything() },
        BasicSelector { management: false, ..everything() },
        BasicSelector { excluded, ..everything() },
    ];
    let told = selectors.map(|selector| blind_to(&[basic(vec![selector])]));
    insta::assert_snapshot!(told.join("\n"), @"
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) logs read events only: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) logs no management events: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out ec2.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    ");
}

#[test]
fn sources_that_are_not_watched_may_be_left_out() {
    let excluded = vec!["kms.amazonaws.com".to_owned(), "rdsdata.amazonaws.com".to_owned()];
    seen(&[basic(vec![BasicSelector { excluded, ..everything() }])]);
    let unlike = FieldSelector { field: "eventSource".to_owned(), ..FieldSelector::default() };
    let not_equals = vec!["kms.amazonaws.com".to_owned()];
    seen(&[advanced_trail(vec![FieldSelector { not_equals, ..unlike }])]);
}

#[test]
fn one_selector_of_several_is_enough() {
    let reads = BasicSelector { writes: false, ..everything() };
    let writes = BasicSelector { writes: true, ..everything() };
    seen(&[basic(vec![reads, writes])]);
}

#[test]
fn advanced_selectors_of_write_management_events_see() {
    seen(&[advanced_trail(Vec::new())]);
    seen(&[advanced_trail(vec![equals("readOnly", &["false"])])]);
    seen(&[advanced_trail(vec![equals("eventType", &["AwsApiCall"])])]);
}

#[test]
fn each_advanced_selector_that_keeps_a_call_out_is_told() {
    let fields = [
        equals("readOnly", &["true"]),
        equals("eventSource", &["ec2.amazonaws.com"]),
        equals("eventName", &["RunInstances"]),
        equals("eventType", &["AwsServiceEvent"]),
    ];
    let told = fields.map(|field| blind_to(&[advanced_trail(vec![field])]));
    insta::assert_snapshot!(told.join("\n"), @"
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) logs read events only: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out elasticache.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out AuthorizeSecurityGroupIngress, leaves out ModifySecurityGroupRules, leaves out ModifyNetworkInterfaceAttribute, leaves out ModifyInstanceAttribute, leaves out AssociateSecurityGroupVpc, leaves out ModifyManagedPrefixList, leaves out RestoreManagedPrefixListVersion, leaves out CreateCacheCluster, leaves out CreateReplicationGroup, leaves out CreateServerlessCache, leaves out ModifyCacheCluster, leaves out ModifyReplicationGroup, leaves out ModifyServerlessCache: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) logs no management events: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    ");
    let data = vec![vec![equals("eventCategory", &["Data"])]];
    let selectors = Reading::Read(Selectors::Advanced(data));
    insta::assert_snapshot!(blind_to(&[Trail { selectors, ..trail("data") }]), @"Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `data` (arn:aws:cloudtrail:us-east-1:111122223333:trail/data) logs no management events: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/data …)");
}

#[test]
fn every_operator_counts_as_cloudtrail_documents_it() {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let source = || FieldSelector { field: "eventSource".to_owned(), ..FieldSelector::default() };
    for admits in [
        FieldSelector { starts_with: list(&["elasticache.", "ec2."]), ..source() },
        FieldSelector { ends_with: list(&[".amazonaws.com"]), ..source() },
        FieldSelector { not_starts_with: list(&["kms."]), ..source() },
        FieldSelector { not_ends_with: list(&[".example"]), ..source() },
    ] {
        seen(&[advanced_trail(vec![admits])]);
    }
    for keeps_out in [
        FieldSelector { starts_with: list(&["kms."]), ..source() },
        FieldSelector { ends_with: list(&["2.amazonaws.com"]), ..source() },
        FieldSelector { not_equals: list(&["ec2.amazonaws.com"]), ..source() },
        FieldSelector { not_starts_with: list(&["ec2"]), ..source() },
        FieldSelector { not_ends_with: list(&["ache.amazonaws.com"]), ..source() },
        FieldSelector { ends_with: list(&["com"]), not_starts_with: list(&["ec2"]), ..source() },
    ] {
        blind_to(&[advanced_trail(vec![keeps_out])]);
    }
}

#[test]
fn two_trails_may_see_together_what_neither_sees_alone() {
    let of = |source: &str| advanced_trail(vec![equals("eventSource", &[source])]);
    let (one, other) = (of("ec2.amazonaws.com"), of("elasticache.amazonaws.com"));
    insta::assert_snapshot!(seen(&[one, Trail { name: "other".to_owned(), ..other }]), @"trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all); trail `other` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all)");
}

#[test]
fn a_selector_that_nobody_can_be_sure_of_is_taken_on_trust_and_says_so() {
    let by_caller = equals("userIdentity.arn", &["arn:aws:iam::1:role/a"]);
    insta::assert_snapshot!(seen(&[advanced_trail(vec![by_caller])]), @"trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all), taken on trust: it selects by `userIdentity.arn` too");
}

#[test]
fn what_may_not_be_read_of_an_organizations_trail_is_taken_on_trust() {
    let denied = || "GetEventSelectors: AccessDenied".to_owned();
    let selectors = Trail { selectors: Reading::Denied(denied()), ..trail("org") };
    let logging = Trail { logging: Reading::Denied(denied()), ..trail("org") };
    insta::assert_snapshot!([selectors, logging].map(|trail| seen(&[trail])).join("\n"), @"
    trail `org` (arn:aws:cloudtrail:us-east-1:111122223333:trail/org), taken on trust: what it logs may not be read here, GetEventSelectors: AccessDenied
    trail `org` (arn:aws:cloudtrail:us-east-1:111122223333:trail/org), taken on trust: whether it is started may not be read, GetEventSelectors: AccessDenied
    ");
}

#[test]
fn a_trail_that_is_sure_is_named_before_one_that_is_trusted() {
    let denied = Reading::Denied("GetEventSelectors: AccessDenied".to_owned());
    let trails = [Trail { selectors: denied, ..trail("org") }, trail("own")];
    assert_eq!(seen(&trails), "trail `own` (arn:aws:cloudtrail:us-east-1:111122223333:trail/own)");
}

#[test]
fn what_could_not_be_read_is_neither_seen_nor_blind() {
    let failed = || Reading::Failed("GetTrailStatus: ThrottlingException".to_owned());
    let unread = || Trail { logging: failed(), ..trail("all") };
    let Verdict::Unknown(why) = verdict(&[unread()]) else { panic!("it was not read") };
    insta::assert_snapshot!(why, @"trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all): GetTrailStatus: ThrottlingException");
    let stopped = Trail { logging: Reading::Read(false), ..trail("stopped") };
    assert!(matches!(verdict(&[unread(), stopped]), Verdict::Unknown(_)));
}

#[test]
fn a_trail_that_could_not_be_read_does_not_hide_one_that_sees() {
    let unread = Trail {
        selectors: Reading::Failed("GetEventSelectors: timeout".to_owned()),
        ..trail("unread")
    };
    assert_eq!(seen(&[unread, trail("all")]), format!("trail `all` ({ARN})"));
}
