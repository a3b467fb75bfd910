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
    insta::assert_snapshot!(seen(&account).await, @"trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all)");
    assert_eq!(account.calls(), ["DescribeTrails", "GetTrailStatus", "GetEventSelectors"]);
}

#[tokio::test(start_paused = true)]
async fn no_trail_and_a_stopped_one_are_blind() {
    let stopped = ScriptedTrail { logging: false, ..ScriptedTrail::new("all") };
    let told = [blind(&with([])).await, blind(&with([stopped])).await];
    insta::assert_snapshot!(told.join("\n"), @"
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. There is no trail: create one (aws cloudtrail create-trail --is-multi-region-trail, then aws cloudtrail start-logging)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) is stopped: start it (aws cloudtrail start-logging --region us-east-1 --name arn:aws:cloudtrail:us-east-1:111122223333:trail/all)
    ");
}

#[tokio::test(start_paused = true)]
async fn basic_selectors_are_read_whole() {
    let output = GetEventSelectorsOutput::builder;
    let selector = EventSelector::builder;
    let all = selector().read_write_type(ReadWriteType::All).include_management_events(true);
    seen(&with_selectors(output().event_selectors(all.clone().build()).build())).await;
    let mut told = Vec::new();
    for selector in [
        selector().read_write_type(ReadWriteType::ReadOnly),
        selector().include_management_events(false),
        all.exclude_management_event_sources("elasticache.amazonaws.com"),
    ] {
        let account = with_selectors(output().event_selectors(selector.build()).build());
        told.push(blind(&account).await);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) logs read events only: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) logs no management events: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out elasticache.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    ");
}

#[tokio::test(start_paused = true)]
async fn advanced_selectors_are_read_whole() {
    let source = || AdvancedFieldSelector::builder().field("eventSource");
    let (ec2, com) = ("ec2.amazonaws.com", ".com");
    seen(&with_fields([])).await;
    seen(&with_fields([source().not_equals("kms.amazonaws.com").build().unwrap()])).await;
    let mut told = Vec::new();
    for keeps_out in [
        source().equals(ec2),
        source().starts_with("ec2."),
        source().ends_with("c2.amazonaws.com"),
        source().not_equals(ec2),
        source().not_starts_with("ec2."),
        source().not_ends_with(com),
    ] {
        let why = blind(&with_fields([keeps_out.build().unwrap()])).await;
        told.push(why.lines().next().unwrap_or_default().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out elasticache.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out elasticache.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out elasticache.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out ec2.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out ec2.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. The trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all) leaves out ec2.amazonaws.com, leaves out elasticache.amazonaws.com: let it log write management events of EC2 and ElastiCache (aws cloudtrail put-event-selectors --region us-east-1 --trail-name arn:aws:cloudtrail:us-east-1:111122223333:trail/all …)
    ");
}

#[tokio::test(start_paused = true)]
async fn trails_that_cannot_be_listed_are_an_error_and_not_taken_for_none() {
    let account = with([ScriptedTrail::new("all")]);
    account.fail("DescribeTrails", "all", "AccessDeniedException");
    let error = look(&account.cloudtrail()).await.unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @r#"listing the trails: service error: unhandled error (AccessDeniedException): Error { code: "AccessDeniedException", message: "as scripted" }"#);
}

#[tokio::test(start_paused = true)]
async fn a_members_view_of_its_organizations_trail_is_taken_on_trust() {
    let mut told = Vec::new();
    for call in ["GetTrailStatus", "GetEventSelectors"] {
        let trail = ScriptedTrail::new("org").of_organization();
        let arn = trail.arn();
        let account = with([trail]);
        account.fail(call, &arn, "AccessDeniedException");
        told.push(seen(&account).await);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    trail `org` (arn:aws:cloudtrail:us-east-1:111122223333:trail/org), taken on trust: whether it is started may not be read, GetTrailStatus: AccessDeniedException: as scripted
    trail `org` (arn:aws:cloudtrail:us-east-1:111122223333:trail/org), taken on trust: what it logs may not be read here, GetEventSelectors: AccessDeniedException: as scripted
    ");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_unknown() {
    let trails = [ScriptedTrail::new("all"), ScriptedTrail::new("org").of_organization()];
    let mut told = Vec::new();
    for (trail, code) in trails.into_iter().zip(["AccessDeniedException", "ThrottlingException"]) {
        let arn = trail.arn();
        let account = with([trail]);
        account.fail("GetTrailStatus", &arn, code);
        let verdict = look(&account.cloudtrail()).await.unwrap();
        let Verdict::Unknown(why) = verdict else { panic!("{verdict:?}") };
        told.push(why);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all): GetTrailStatus: AccessDeniedException: as scripted
    trail `org` (arn:aws:cloudtrail:us-east-1:111122223333:trail/org): GetTrailStatus: ThrottlingException: as scripted
    ");
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
    let ended = check(&watched(account), None, NOON).await;
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
    insta::assert_snapshot!(text, @"what Portcullis watches is logged by trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all); 1 subscription hears arn:aws:sns:eu-west-1:111122223333:alerts; the rule portcullis-ingress-calls is enabled; the rule portcullis-cache-calls is enabled; the function portcullis-ingress may run; the function portcullis-cache may run; it is in mode enforce; it is in mode enforce");
    account.now().trails.clear();
    insta::assert_snapshot!(wrong(&account).await, @"Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. There is no trail: create one (aws cloudtrail create-trail --is-multi-region-trail, then aws cloudtrail start-logging)");
}

#[tokio::test(start_paused = true)]
async fn with_nobody_to_hear_it_is_mute() {
    let security = || "security@example.com".to_owned();
    let mut told = Vec::new();
    for subscribed in [
        vec![],
        vec![(security(), false)],
        // Somebody ended the subscription that the stack made; another one is there.
        vec![("arn:aws:sqs:eu-west-1:111122223333:pager".to_owned(), true)],
        vec![(security(), false), ("other@example.com".to_owned(), true)],
    ] {
        let account = sound();
        account.now().subscriptions.insert(TOPIC.to_owned(), subscribed);
        told.push(wrong(&account).await);
    }
    let account = sound();
    account.now().subscriptions.clear();
    told.push(wrong(&account).await);
    insta::assert_snapshot!(told.join("\n"), @"
    Portcullis is mute: no confirmed subscription hears the topic arn:aws:sns:eu-west-1:111122223333:alerts: subscribe it, and confirm what SNS sends there (docs/operations.md, Mute)
    Portcullis is mute: no confirmed subscription hears the topic arn:aws:sns:eu-west-1:111122223333:alerts: subscribe it, and confirm what SNS sends there (docs/operations.md, Mute)
    Portcullis is mute: `security@example.com`, the stack's AlertEmail, is not subscribed to the topic arn:aws:sns:eu-west-1:111122223333:alerts, or did not confirm: subscribe it, and confirm what SNS sends there (docs/operations.md, Mute)
    Portcullis is mute: `security@example.com`, the stack's AlertEmail, is not subscribed to the topic arn:aws:sns:eu-west-1:111122223333:alerts, or did not confirm: subscribe it, and confirm what SNS sends there (docs/operations.md, Mute)
    Portcullis is mute: the topic arn:aws:sns:eu-west-1:111122223333:alerts is gone
    ");
}

#[tokio::test(start_paused = true)]
async fn the_subscriptions_of_another_accounts_topic_are_taken_on_trust() {
    let account = sound();
    account.fail("ListSubscriptionsByTopic", TOPIC, "AuthorizationError");
    let mut foreign = watched(&account);
    insta::assert_snapshot!(check(&foreign, None, NOON).await.unwrap_err().error_message, @"it could not be checked: ListSubscriptionsByTopic: AuthorizationError: as scripted");
    foreign.topics[0].foreign = true;
    insta::assert_snapshot!(check(&foreign, None, NOON).await.unwrap(), @"what Portcullis watches is logged by trail `all` (arn:aws:cloudtrail:us-east-1:111122223333:trail/all); arn:aws:sns:eu-west-1:111122223333:alerts, taken on trust: ListSubscriptionsByTopic: AuthorizationError: as scripted; the rule portcullis-ingress-calls is enabled; the rule portcullis-cache-calls is enabled; the function portcullis-ingress may run; the function portcullis-cache may run; it is in mode enforce; it is in mode enforce");
}

#[tokio::test(start_paused = true)]
async fn what_is_switched_off_is_told_with_how_to_switch_it_on() {
    type Change = fn(&mut State);
    let changes: [Change; 6] = [
        |state| {
            state.functions.insert(FUNCTIONS[0].to_owned(), (Some(0), enforce()));
        },
        |state| {
            state.functions.insert(FUNCTIONS[1].to_owned(), (None, Some("observe".to_owned())));
        },
        |state| state.functions.clear(),
        |state| {
            state.rules.insert(RULES[1].to_owned(), RuleState::Disabled);
        },
        |state| state.rules.clear(),
        |state| {
            state.trails.clear();
            state.subscriptions.clear();
            state.rules.clear();
        },
    ];
    let mut told = Vec::new();
    for change in changes {
        let account = sound();
        change(&mut account.now());
        told.push(wrong(&account).await);
    }
    insta::assert_snapshot!(told.join("\n\n"), @"
    Portcullis is off: the function portcullis-ingress may not run, its reserved concurrency is 0: make deploy, or remove it (aws lambda delete-function-concurrency --function-name portcullis-ingress)

    Portcullis is off: the function portcullis-cache is in mode `observe`, the stack is in mode enforce: make resume, or make pause

    Portcullis is off: the function portcullis-ingress is gone: make deploy. Portcullis is off: the function portcullis-cache is gone: make deploy

    Portcullis is off: the event rule portcullis-cache-calls is disabled: enable it (aws events enable-rule --name portcullis-cache-calls)

    Portcullis is off: the event rule portcullis-ingress-calls is gone: make deploy. Portcullis is off: the event rule portcullis-cache-calls is gone: make deploy

    Portcullis is blind: EventBridge gets API calls only from a trail that logs write management events, and no trail of this Region logs AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateSecurityGroupVpc, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, CreateCacheCluster, CreateReplicationGroup, CreateServerlessCache, ModifyCacheCluster, ModifyReplicationGroup, ModifyServerlessCache. There is no trail: create one (aws cloudtrail create-trail --is-multi-region-trail, then aws cloudtrail start-logging). Portcullis is mute: the topic arn:aws:sns:eu-west-1:111122223333:alerts is gone. Portcullis is off: the event rule portcullis-ingress-calls is gone: make deploy. Portcullis is off: the event rule portcullis-cache-calls is gone: make deploy
    ");
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
