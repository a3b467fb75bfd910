mod account;

use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::types::{
    AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType,
};

use crate::check::check;
use crate::coverage::Verdict;
use crate::read::look;
use account::{Account, ScriptedTrail};

fn with(trails: impl IntoIterator<Item = ScriptedTrail>) -> Account {
    let account = Account::default();
    account.now().trails.extend(trails);
    account
}

fn with_selectors(selectors: GetEventSelectorsOutput) -> Account {
    with([ScriptedTrail { selectors, ..ScriptedTrail::new("all") }])
}

fn with_fields(fields: impl IntoIterator<Item = AdvancedFieldSelector>) -> Account {
    let category = AdvancedFieldSelector::builder().field("eventCategory").equals("Management");
    let fields = [category.build().unwrap()].into_iter().chain(fields).collect();
    let selector = AdvancedEventSelector::builder().set_field_selectors(Some(fields));
    with_selectors(
        GetEventSelectorsOutput::builder()
            .advanced_event_selectors(selector.build().unwrap())
            .build(),
    )
}

async fn blind(account: &Account) -> String {
    match look(&account.cloudtrail()).await.unwrap() {
        Verdict::Blind { why } => why,
        other => panic!("{other:?}"),
    }
}

async fn seen(account: &Account) -> String {
    match look(&account.cloudtrail()).await.unwrap() {
        Verdict::Seen { by } => by,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_trail_that_logs_is_named() {
    let account = with([ScriptedTrail::new("all")]);
    assert!(seen(&account).await.contains("trail `all`"));
    assert_eq!(account.calls(), ["DescribeTrails", "GetTrailStatus", "GetEventSelectors"]);
}

#[tokio::test(start_paused = true)]
async fn no_trail_and_a_stopped_one_are_blind() {
    assert!(blind(&with([])).await.contains("There is no trail"));
    let stopped = ScriptedTrail { logging: false, ..ScriptedTrail::new("all") };
    assert!(blind(&with([stopped])).await.contains("is stopped"));
}

#[tokio::test(start_paused = true)]
async fn basic_selectors_are_read_whole() {
    let output = GetEventSelectorsOutput::builder;
    let selector = EventSelector::builder;
    let all = selector().read_write_type(ReadWriteType::All).include_management_events(true);
    seen(&with_selectors(output().event_selectors(all.clone().build()).build())).await;
    for (selector, told) in [
        (selector().read_write_type(ReadWriteType::ReadOnly), "logs read events only"),
        (selector().include_management_events(false), "logs no management events"),
        (
            all.exclude_management_event_sources("elasticache.amazonaws.com"),
            "leaves out elasticache.amazonaws.com",
        ),
    ] {
        let account = with_selectors(output().event_selectors(selector.build()).build());
        let why = blind(&account).await;
        assert!(why.contains(told), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn advanced_selectors_are_read_whole() {
    let source = || AdvancedFieldSelector::builder().field("eventSource");
    let (ec2, com) = ("ec2.amazonaws.com", ".com");
    seen(&with_fields([])).await;
    seen(&with_fields([source().not_equals("kms.amazonaws.com").build().unwrap()])).await;
    for keeps_out in [
        source().equals(ec2),
        source().starts_with("ec2."),
        source().ends_with("c2.amazonaws.com"),
        source().not_equals(ec2),
        source().not_starts_with("ec2."),
        source().not_ends_with(com),
    ] {
        let why = blind(&with_fields([keeps_out.build().unwrap()])).await;
        assert!(why.contains("leaves out"), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn trails_that_cannot_be_listed_are_an_error_and_not_taken_for_none() {
    let account = with([ScriptedTrail::new("all")]);
    account.fail("DescribeTrails", "all", "AccessDeniedException");
    let error = format!("{:#}", look(&account.cloudtrail()).await.unwrap_err());
    assert!(error.starts_with("listing the trails") && error.contains("AccessDenied"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_members_view_of_its_organizations_trail_is_taken_on_trust() {
    for call in ["GetTrailStatus", "GetEventSelectors"] {
        let trail = ScriptedTrail::new("org").of_organization();
        let arn = trail.arn();
        let account = with([trail]);
        account.fail(call, &arn, "AccessDeniedException");
        let by = seen(&account).await;
        assert!(by.contains("taken on trust") && by.contains(call), "{by}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_unknown() {
    let trails = [ScriptedTrail::new("all"), ScriptedTrail::new("org").of_organization()];
    for (trail, code) in trails.into_iter().zip(["AccessDeniedException", "ThrottlingException"]) {
        let arn = trail.arn();
        let account = with([trail]);
        account.fail("GetTrailStatus", &arn, code);
        let verdict = look(&account.cloudtrail()).await.unwrap();
        let Verdict::Unknown { why } = verdict else { panic!("{verdict:?}") };
        assert!(why.contains(code), "{why}");
    }
}

/// How a check of the account's trails ended: its text, or the error's type and message.
async fn checked(account: &Account) -> Result<String, (String, String)> {
    let ended = check(&account.cloudtrail()).await;
    ended.map_err(|error| (error.error_type, error.error_message))
}

#[tokio::test(start_paused = true)]
async fn the_check_of_the_trail_names_it_or_fails_and_says_why() {
    let account = Account::default();
    let (kind, why) = checked(&account).await.unwrap_err();
    assert_eq!(kind, "Portcullis.NoTrail");
    assert!(why.starts_with("Portcullis is blind") && why.contains("There is no trail"), "{why}");
    account.now().trails.push(ScriptedTrail::new("all"));
    let text = checked(&account).await.unwrap();
    assert!(text.starts_with("what Portcullis watches is logged by trail `all`"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_could_not_look_fails_in_words_of_its_own() {
    let account = Account::default();
    let trail = ScriptedTrail::new("all");
    account.fail("GetTrailStatus", &trail.arn(), "ThrottlingException");
    account.now().trails.push(trail);
    for _ in 0..2 {
        let (kind, why) = checked(&account).await.unwrap_err();
        assert_eq!(kind, "Portcullis.TrailNotChecked");
        assert!(why.starts_with("the trails could not be checked: "), "{why}");
        account.fail("DescribeTrails", "all", "AccessDeniedException");
    }
}
