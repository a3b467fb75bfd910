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
    let why = blind_to(&[]);
    assert!(why.contains("There is no trail: create one"), "{why}");
    assert!(EventName::ALL.iter().all(|call| why.contains(call.as_str())), "{why}");
}

#[test]
fn a_trail_that_is_stopped_is_named_with_the_command_that_starts_it() {
    let why = blind_to(&[Trail { logging: Reading::Read(false), ..trail("all") }]);
    assert!(why.contains(&format!("trail `all` ({ARN}) is stopped")), "{why}");
    let start = format!("aws cloudtrail start-logging --region us-east-1 --name {ARN}");
    assert!(why.contains(&start), "{why}");
}

#[test]
fn each_basic_selector_that_keeps_a_call_out_is_told() {
    let excluded = vec!["kms.amazonaws.com".to_owned(), "ec2.amazonaws.com".to_owned()];
    for (selector, told) in [
        (BasicSelector { writes: false, ..everything() }, "logs read events only"),
        (BasicSelector { management: false, ..everything() }, "logs no management events"),
        (BasicSelector { excluded, ..everything() }, "leaves out ec2.amazonaws.com"),
    ] {
        let why = blind_to(&[basic(vec![selector])]);
        assert!(why.contains(told) && why.contains("put-event-selectors"), "{why}");
    }
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
    for (field, told) in [
        (equals("readOnly", &["true"]), "logs read events only"),
        (equals("eventSource", &["ec2.amazonaws.com"]), "leaves out elasticache.amazonaws.com"),
        (equals("eventName", &["RunInstances"]), "leaves out AuthorizeSecurityGroupIngress"),
        (equals("eventType", &["AwsServiceEvent"]), "logs no management events"),
    ] {
        let why = blind_to(&[advanced_trail(vec![field])]);
        assert!(why.contains(told), "{why}");
    }
    let data = vec![vec![equals("eventCategory", &["Data"])]];
    let selectors = Reading::Read(Selectors::Advanced(data));
    assert!(blind_to(&[Trail { selectors, ..trail("data") }]).contains("no management events"));
}

#[test]
fn only_the_calls_that_are_missed_are_told() {
    let why = blind_to(&[advanced_trail(vec![equals("eventSource", &["ec2.amazonaws.com"])])]);
    assert!(why.contains("logs CreateCacheCluster, CreateReplicationGroup"), "{why}");
    assert!(!why.contains("ModifySecurityGroupRules"), "{why}");
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
    let by = seen(&[one, Trail { name: "other".to_owned(), ..other }]);
    assert!(by.contains("trail `all`") && by.contains("trail `other`"), "{by}");
}

#[test]
fn a_selector_that_nobody_can_be_sure_of_is_taken_on_trust_and_says_so() {
    let by = seen(&[advanced_trail(vec![equals("userIdentity.arn", &["arn:aws:iam::1:role/a"])])]);
    assert!(by.contains("taken on trust: it selects by `userIdentity.arn` too"), "{by}");
}

#[test]
fn what_may_not_be_read_of_an_organizations_trail_is_taken_on_trust() {
    let denied = || "GetEventSelectors: AccessDenied".to_owned();
    let selectors = Trail { selectors: Reading::Denied(denied()), ..trail("org") };
    let logging = Trail { logging: Reading::Denied(denied()), ..trail("org") };
    for trail in [selectors, logging] {
        let by = seen(&[trail]);
        assert!(by.contains("taken on trust") && by.contains("AccessDenied"), "{by}");
    }
}

#[test]
fn a_trail_that_is_sure_is_named_before_one_that_is_trusted() {
    let denied = Reading::Denied("GetEventSelectors: AccessDenied".to_owned());
    let by = seen(&[Trail { selectors: denied, ..trail("org") }, trail("own")]);
    assert!(by.starts_with("trail `own`") && !by.contains("trust"), "{by}");
}

#[test]
fn what_could_not_be_read_is_neither_seen_nor_blind() {
    let failed = || Reading::Failed("GetTrailStatus: ThrottlingException".to_owned());
    let unread = || Trail { logging: failed(), ..trail("all") };
    let Verdict::Unknown(why) = verdict(&[unread()]) else { panic!("it was not read") };
    assert!(why.contains("trail `all`") && why.contains("ThrottlingException"), "{why}");
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
