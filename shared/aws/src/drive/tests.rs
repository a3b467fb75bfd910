mod again;
mod caches;
mod calls;
mod memory;
mod moves;
mod servers;
mod space;
mod telling;

use portcullis_engine::event::{
    Attached, Carrier, Event, EventName, GroupLead, GroupRef, Lead, RevisitRef, RuleLead,
    RuleShape, Touched,
};
use portcullis_engine::facts::{Protocol, Source};
use portcullis_engine::ledger::{Revisit, Why};
use portcullis_engine::settings::Mode;
use serde_json::Value;

use super::*;
use crate::scripted::{Account, NOW, event, event_on, rule};

const GROUP: &str = "sg-1";
const WORLD: &str = "0.0.0.0/0";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:ingress";
const REVOKE: &str = "RevokeSecurityGroupIngress";

/// A group with a public rule `sgr-1` and a private one beside it.
fn open() -> Account {
    Account::new().with(GROUP, [rule("sgr-1", WORLD), rule("sgr-2", "10.0.0.0/8")])
}

fn invocation(event: &Event, id: &str) -> Invocation {
    let about = About::Event(Box::new(event.clone()));
    Invocation { about, id: id.to_owned(), function_arn: FUNCTION.to_owned() }
}

async fn ingress(shell: &Shell, event: &Event) -> Result<Summary> {
    super::ingress(shell, &invocation(event, "r-1"), None).await
}

async fn cache(shell: &Shell, event: &Event) -> Result<Summary> {
    super::cache(shell, &invocation(event, "r-1"), no_start).await
}

async fn dealt_with(account: &Account, touched: &[&str]) -> Result<Summary> {
    ingress(&account.shell(Mode::Enforce), &event(GROUP, touched)).await
}

/// What was published, once: the subject, the mail and the document.
fn told(account: &Account) -> (String, String, Value) {
    let state = account.now();
    let [sent] = state.published.as_slice() else { panic!("{} alerts", state.published.len()) };
    let message: Value = serde_json::from_str(sent.message().unwrap()).expect("it is JSON");
    let text = |protocol: &str| message[protocol].as_str().expect("it is a text").to_owned();
    let document = serde_json::from_str(&text("default")).expect("the document is JSON");
    (sent.subject().unwrap().to_owned(), text("email"), document)
}

/// How each finding that was published ended.
fn ends(account: &Account) -> Vec<String> {
    let (_, _, document) = told(account);
    let findings = document["findings"].as_array().expect("it lists its findings");
    findings.iter().map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
}

fn is_silent(account: &Account) -> bool {
    account.now().published.is_empty() && account.now().revokes.is_empty()
}

/// The event of an edit that made `sgr-1` public.
fn edited_to_public() -> Event {
    let shape = RuleShape {
        protocol: Protocol::Tcp,
        from_port: 6379,
        to_port: 6379,
        source: Source::cidr(WORLD).unwrap(),
    };
    let edited = RuleLead { id: Some("sgr-1".to_owned()), shape: Some(shape), edit: true };
    let group = GroupRef::Id(GROUP.to_owned());
    let lead = GroupLead { group, touched: Touched::Rules(vec![edited]) };
    Event { name: Some(EventName::ModifySecurityGroupRules), ..event_on(Lead::Group(lead)) }
}

#[tokio::test(start_paused = true)]
async fn a_public_rule_is_closed_the_rest_stays_and_an_alert_says_so() {
    let account = open();
    let Summary(text) = dealt_with(&account, &["sgr-1", "sgr-2"]).await.unwrap();
    assert!(text.ends_with("sgr-1: revoked, and verified"), "{text}");
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    let (_, mail, document) = told(&account);
    assert!(mail.contains("sgr-1") && mail.contains("authorize-security-group-ingress"), "{mail}");
    assert_eq!(document["subject"]["name"], "sg-1-name");
    assert_eq!(ends(&account), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn a_public_rule_that_the_event_did_not_touch_stays() {
    let account = open();
    dealt_with(&account, &["sgr-2"]).await.unwrap();
    assert!(is_silent(&account), "it is never the cause of an alert either");
    assert_eq!(account.rule_ids(GROUP), ["sgr-1", "sgr-2"]);
}

#[tokio::test(start_paused = true)]
async fn observe_mode_changes_nothing_and_tells_all_the_same() {
    let account = open();
    let shell = account.shell(Mode::Observe);
    let Summary(text) = ingress(&shell, &event(GROUP, &["sgr-1"])).await.unwrap();
    assert!(text.contains("not remediated"), "{text}");
    assert_eq!(account.count(REVOKE), 0);
    assert_eq!(account.rule_ids(GROUP), ["sgr-1", "sgr-2"]);
    assert_eq!(ends(&account), ["withheld"]);
}

#[tokio::test(start_paused = true)]
async fn a_revoke_that_fails_is_an_error_and_the_alert_says_that_it_failed() {
    let account = open();
    account.fail(REVOKE, "sgr-1", "UnauthorizedOperation");
    let error = dealt_with(&account, &["sgr-1"]).await.unwrap_err().to_string();
    assert!(error.starts_with("sgr-1: still open"), "{error}");
    assert!(error.contains("UnauthorizedOperation"), "{error}");
    let (subject, mail, _) = told(&account);
    assert!(subject.contains("NOT CLOSED"), "{subject}");
    assert!(mail.contains("UnauthorizedOperation"), "{mail}");
    assert_eq!(ends(&account), ["failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_read_is_an_error_and_nothing_is_told() {
    let account = open();
    account.fail("DescribeSecurityGroupRules", GROUP, "UnauthorizedOperation");
    let error = format!("{:#}", dealt_with(&account, &["sgr-1"]).await.unwrap_err());
    assert!(error.contains("reading the rules of sg-1"), "{error}");
    assert!(is_silent(&account));
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_closed_even_if_nothing_around_its_group_can_be_read() {
    let account = open();
    account.fail("DescribeNetworkInterfaces", GROUP, "UnauthorizedOperation");
    account.fail("DescribeSecurityGroups", GROUP, "UnauthorizedOperation");
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(ends(&account), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn a_revoke_and_an_alert_that_both_fail_are_both_in_the_error() {
    let account = open();
    account.fail(REVOKE, "sgr-1", "UnauthorizedOperation");
    account.fail("Publish", &crate::scripted::settings().topics.alert, "AuthorizationError");
    let error = dealt_with(&account, &["sgr-1"]).await.unwrap_err().to_string();
    assert!(
        error.contains("sgr-1: still open") && error.contains("publishing the alert"),
        "{error}"
    );
}

/// The event that says it opened `sgr-1` to the world.
fn opened() -> portcullis_engine::event::Event {
    let shape = RuleShape {
        protocol: Protocol::Tcp,
        from_port: 6379,
        to_port: 6379,
        source: Source::cidr(WORLD).unwrap(),
    };
    let touched = RuleLead { id: Some("sgr-1".to_owned()), shape: Some(shape), edit: false };
    event_on(Lead::Group(GroupLead {
        group: GroupRef::Id(GROUP.to_owned()),
        touched: Touched::Rules(vec![touched]),
    }))
}

/// Nobody would ever hear of the revoke, if the second try took "gone" for "nothing happened".
#[tokio::test(start_paused = true)]
async fn an_alert_that_did_not_go_out_is_made_up_for_when_the_event_is_tried_again() {
    let account = open();
    account.fail("Publish", &crate::scripted::settings().topics.alert, "AuthorizationError");
    let shell = account.shell(Mode::Enforce);
    ingress(&shell, &opened()).await.unwrap_err();
    ingress(&shell, &opened()).await.unwrap_err();
    account.now().failures.clear();
    ingress(&shell, &opened()).await.unwrap();
    assert_eq!((account.count(REVOKE), account.rule_ids(GROUP).len()), (1, 1));
    assert_eq!(ends(&account), ["already-gone"]);
}

/// The revisit that is recorded, if there is one, and the summary of it.
async fn looked_at_again(account: &Account, call: &Event) -> (Option<Revisit>, Result<Summary>) {
    let shell = account.shell(Mode::Enforce);
    let subject = Revisit::subject(call);
    let named = RevisitRef { subject, event: call.id.clone(), due: String::new() };
    let about = About::Revisit(named.clone());
    let again = Invocation { about, id: "r-2".to_owned(), function_arn: FUNCTION.to_owned() };
    let ended = super::ingress(&shell, &again, None).await;
    (shell.ledger.revisit(&named.subject, &named.event).await.unwrap(), ended)
}

#[tokio::test(start_paused = true)]
async fn what_is_not_shown_is_recorded_to_be_looked_at_again_and_nothing_is_told() {
    let named = GroupRef::Name("web".to_owned());
    let lead = GroupLead { group: named, touched: Touched::Rules(Vec::new()) };
    for call in [event(GROUP, &["sgr-1"]), event_on(Lead::Group(lead))] {
        let account = Account::new();
        ingress(&account.shell(Mode::Enforce), &call).await.unwrap();
        let (record, ended) = looked_at_again(&account, &call).await;
        let Revisit { why, due, tries, settled, .. } = record.expect("it is recorded");
        assert_eq!((why, tries, settled), (Why::Lag, 0, false));
        assert!(due >= NOW + 120 && due % 60 == 0, "{due}");
        // Too early, for its time lies ahead: it stays as it is.
        let Summary(text) = ended.unwrap();
        assert!(text.contains("next: looked at again at"), "{text}");
        assert!(is_silent(&account));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_when_it_is_looked_at_again_is_closed_and_the_record_is_settled() {
    let account = Account::new();
    ingress(&account.shell(Mode::Enforce), &opened()).await.unwrap();
    let account = account.with(GROUP, [rule("sgr-1", WORLD)]);
    let (record, ended) = looked_at_again(&account, &opened()).await;
    assert!(ended.unwrap().0.ends_with("sgr-1: revoked, and verified"));
    assert!(account.rule_ids(GROUP).is_empty());
    assert_eq!(ends(&account), ["done"]);
    assert!(record.expect("it is recorded").settled);
    let (_, ended) = looked_at_again(&account, &opened()).await;
    assert!(ended.unwrap().0.starts_with("nothing is left of"));
}

#[tokio::test(start_paused = true)]
async fn where_no_record_can_be_written_the_event_comes_again() {
    let account = Account::new();
    account.fail("PutItem", "revisit/sg-1", "InternalServerError");
    let error = ingress(&account.shell(Mode::Enforce), &opened()).await.unwrap_err().to_string();
    assert!(error.contains("it could not be arranged to look again"), "{error}");
    assert!(is_silent(&account));
}

#[tokio::test(start_paused = true)]
async fn a_revisit_that_nobody_arranged_is_over() {
    let (record, ended) = looked_at_again(&Account::new(), &opened()).await;
    assert_eq!(record, None);
    assert!(ended.unwrap().0.starts_with("there is no record of the revisit of sg-1"));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_ec2_shows_late_is_waited_for_and_closed() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    account.now().late.insert("sgr-1".to_owned(), 2);
    ingress(&account.shell(Mode::Enforce), &edited_to_public()).await.unwrap();
    assert!(account.rule_ids(GROUP).is_empty());
}

/// It may appear as soon as nobody looks any more.
#[tokio::test(start_paused = true)]
async fn an_edit_to_public_that_ec2_does_not_show_is_looked_at_again() {
    let account = Account::new().with(GROUP, [rule("sgr-1", "10.0.0.0/8")]);
    ingress(&account.shell(Mode::Enforce), &edited_to_public()).await.unwrap();
    assert!(is_silent(&account));
    let account = account.with(GROUP, [rule("sgr-1", WORLD)]);
    looked_at_again(&account, &edited_to_public()).await.1.unwrap();
    assert!(account.rule_ids(GROUP).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_another_account_owns_is_told_and_never_tried() {
    let mut foreign = rule("sgr-1", WORLD);
    foreign.group_owner_id = Some("444455556666".to_owned());
    let account = Account::new().with(GROUP, [foreign]);
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(account.count(REVOKE), 0);
    assert_eq!(ends(&account), ["by-hand"]);
}

/// So that each role needs only its own rights.
#[tokio::test(start_paused = true)]
async fn each_function_refuses_the_events_of_the_other() {
    let account = open();
    let shell = account.shell(Mode::Enforce);
    let error = ingress(&shell, &caches::event_of("m")).await.unwrap_err().to_string();
    assert!(error.contains("function `cache`"), "{error}");
    let error = cache(&shell, &event(GROUP, &["sgr-1"])).await.unwrap_err().to_string();
    assert!(error.contains("function `ingress`"), "{error}");
    assert!(account.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_alert_has_a_mail_for_people_and_a_document_for_machines() {
    let account = open();
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    let state = account.now();
    let sent = &state.published[0];
    assert_eq!(sent.topic_arn(), Some(crate::scripted::settings().topics.alert.as_str()));
    assert_eq!(sent.message_structure(), Some("json"));
    let subject = sent.subject().unwrap();
    assert!((1..100).contains(&subject.chars().count()), "{subject}");
    assert!(!subject.chars().any(char::is_control), "{subject}");
    let message: Value = serde_json::from_str(sent.message().unwrap()).unwrap();
    let protocols: Vec<&String> = message.as_object().unwrap().keys().collect();
    assert_eq!(protocols, ["default", "email", "sms"]);
    let document: Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!(document["schema"], "portcullis.alert.v1");
    assert!(serde_json::from_str::<Value>(message["email"].as_str().unwrap()).is_err());
}
