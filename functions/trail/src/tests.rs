mod account;

use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::types::{
    AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType,
};

use aws_sdk_eventbridge::types::RuleState;

use crate::check::{Watched, check, tells};
use crate::ears::Topic;
use crate::read::look;
use crate::switches::Switches;
use crate::verdict::Verdict;
use account::{Account, ScriptedTrail, State};

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
        Verdict::Wrong(why) => why,
        other => panic!("{other:?}"),
    }
}

async fn seen(account: &Account) -> String {
    match look(&account.cloudtrail()).await.unwrap() {
        Verdict::Right(by) => by,
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
        let Verdict::Unknown(why) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains(code), "{why}");
    }
}

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";
const FUNCTIONS: [&str; 2] = [
    "arn:aws:lambda:eu-west-1:111122223333:function:portcullis-ingress",
    "arn:aws:lambda:eu-west-1:111122223333:function:portcullis-cache",
];
const RULES: [&str; 2] = ["portcullis-ingress-calls", "portcullis-cache-calls"];

/// In the middle of six hours.
const NOON: i64 = 12 * 3600 + 1800;

fn enforce() -> Option<String> {
    Some("enforce".to_owned())
}

/// An account in which all is as it should be.
fn sound() -> Account {
    let account = with([ScriptedTrail::new("all")]);
    {
        let mut state = account.now();
        let heard = vec![("security@example.com".to_owned(), true)];
        state.subscriptions.insert(TOPIC.to_owned(), heard);
        state.rules.extend(RULES.map(|name| (name.to_owned(), RuleState::Enabled)));
        state.functions.extend(FUNCTIONS.map(|arn| (arn.to_owned(), (None, enforce()))));
    }
    account
}

fn watched(account: &Account) -> Watched {
    let email = Some("security@example.com".to_owned());
    Watched {
        cloudtrail: account.cloudtrail(),
        topics: vec![Topic { arn: TOPIC.to_owned(), sns: account.sns(), foreign: false, email }],
        switches: Switches {
            events: account.events(),
            lambda: account.lambda(),
            rules: RULES.map(str::to_owned).to_vec(),
            functions: FUNCTIONS.map(str::to_owned).to_vec(),
            mode: "enforce".to_owned(),
        },
    }
}

/// How a check of the account ended: its text, or the error's type and message.
async fn checked(account: &Account) -> Result<String, (String, String)> {
    let ended = check(&watched(account), NOON).await;
    ended.map_err(|error| (error.error_type, error.error_message))
}

async fn wrong(account: &Account) -> String {
    let (kind, why) = checked(account).await.unwrap_err();
    assert_eq!(kind, "Portcullis.NotWatching", "{why}");
    why
}

#[tokio::test(start_paused = true)]
async fn the_check_names_what_it_saw_or_fails_and_says_why() {
    let account = sound();
    let text = checked(&account).await.unwrap();
    assert!(text.starts_with("what Portcullis watches is logged by trail `all`"), "{text}");
    for part in ["1 subscription hears", "portcullis-cache-calls is enabled"] {
        assert!(text.contains(part), "{text}");
    }
    account.now().trails.clear();
    let why = wrong(&account).await;
    assert!(why.starts_with("Portcullis is blind") && why.contains("There is no trail"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn with_nobody_to_hear_it_is_mute() {
    let security = || "security@example.com".to_owned();
    for (subscribed, told) in [
        (vec![], "no confirmed subscription"),
        (vec![(security(), false)], "no confirmed subscription"),
        // Somebody ended the subscription that the stack made; another one is there.
        (
            vec![("arn:aws:sqs:eu-west-1:111122223333:pager".to_owned(), true)],
            "`security@example.com`",
        ),
        (
            vec![(security(), false), ("other@example.com".to_owned(), true)],
            "`security@example.com`",
        ),
    ] {
        let account = sound();
        account.now().subscriptions.insert(TOPIC.to_owned(), subscribed);
        let why = wrong(&account).await;
        assert!(why.starts_with("Portcullis is mute: ") && why.contains(told), "{why}");
    }
    let account = sound();
    account.now().subscriptions.clear();
    assert!(wrong(&account).await.contains("is gone"));
}

#[tokio::test(start_paused = true)]
async fn the_subscriptions_of_another_accounts_topic_are_taken_on_trust() {
    let account = sound();
    account.fail("ListSubscriptionsByTopic", TOPIC, "AuthorizationError");
    let mut foreign = watched(&account);
    assert!(check(&foreign, NOON).await.unwrap_err().error_message.contains("AuthorizationError"));
    foreign.topics[0].foreign = true;
    let text = check(&foreign, NOON).await.unwrap();
    assert!(text.contains("taken on trust"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_switched_off_is_told_with_how_to_switch_it_on() {
    type Change = fn(&mut State);
    let changes: [(Change, &str); 6] = [
        (
            |state| {
                state.functions.insert(FUNCTIONS[0].to_owned(), (Some(0), enforce()));
            },
            "the function portcullis-ingress may not run",
        ),
        (
            |state| {
                state.functions.insert(FUNCTIONS[1].to_owned(), (None, Some("observe".to_owned())));
            },
            "the function portcullis-cache is in mode `observe`, the stack is in mode enforce",
        ),
        (|state| state.functions.clear(), "the function portcullis-cache is gone"),
        (
            |state| {
                state.rules.insert(RULES[1].to_owned(), RuleState::Disabled);
            },
            "aws events enable-rule --name portcullis-cache-calls",
        ),
        (|state| state.rules.clear(), "the event rule portcullis-ingress-calls is gone"),
        (
            |state| {
                state.trails.clear();
                state.subscriptions.clear();
                state.rules.clear();
            },
            "Portcullis is mute: the topic",
        ),
    ];
    for (change, told) in changes {
        let account = sound();
        change(&mut account.now());
        let why = wrong(&account).await;
        assert!(why.contains("Portcullis is off: ") && why.contains(told), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_could_not_look_fails_in_words_of_its_own() {
    let trail = ScriptedTrail::new("all").arn();
    for (call, subject) in [
        ("DescribeTrails", "all"),
        ("GetTrailStatus", trail.as_str()),
        ("ListSubscriptionsByTopic", TOPIC),
        ("DescribeRule", RULES[0]),
        ("GetFunctionConcurrency", FUNCTIONS[0]),
        ("GetFunctionConfiguration", FUNCTIONS[1]),
    ] {
        let account = sound();
        account.fail(call, subject, "AccessDeniedException");
        let (kind, why) = checked(&account).await.unwrap_err();
        assert_eq!(kind, "Portcullis.NotChecked", "{call}");
        assert!(
            why.starts_with("it could not be checked: ") && why.contains("AccessDenied"),
            "{why}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_read_are_no_mode() {
    let account = sound();
    account.now().functions.insert(FUNCTIONS[0].to_owned(), (None, None));
    let (kind, why) = checked(&account).await.unwrap_err();
    assert_eq!(kind, "Portcullis.NotChecked");
    assert_eq!(
        why,
        "it could not be checked: the settings of the function portcullis-ingress cannot be read"
    );
}

/// An alarm tells when it goes off. So that it tells again, it goes back once in six hours.
#[test]
fn what_is_wrong_counts_but_in_one_quarter_of_an_hour_of_every_six_hours() {
    let day = (0..96).map(|quarter| tells(1_796_000_400 / 86_400 * 86_400 + quarter * 900 + 7));
    let silent: Vec<usize> =
        day.enumerate().filter(|(_, tells)| !tells).map(|(quarter, _)| quarter).collect();
    assert_eq!(silent, [0, 24, 48, 72]);
}
