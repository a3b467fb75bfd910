//! What an event costs: its calls, and how many of them wait for one another.

use std::time::Duration;

use aws_sdk_ec2::types::{PrefixListEntry, Tag};
use tokio::time::Instant;

use super::*;
use crate::scripted::{ROUND_TRIP, silent};

const RULES: &str = "DescribeSecurityGroupRules";
const LIST: &str = "GetManagedPrefixListEntries";
const DETAILS: &str = "DescribeSecurityGroups";
const BATCH: &str = "BatchGetItem";
/// The rules; and of the ledger the findings of the rules, the snoozes of the group, and what is open. None waits for another.
const LOOK: [&str; 4] = [BATCH, RULES, "Query", "Query"];
/// The same where the rule may be public: the tag that protects the group is read beside, and not waited for.
const LOOK_AT_PUBLIC: [&str; 5] = [BATCH, RULES, DETAILS, "Query", "Query"];
/// What is leased, so that nobody else processes it, and how much this minute has seen: one round trip, which keeps a
/// finding from being reported twice, flapping, or revoked while it is snoozed. What only informs is begun beside it. The
/// setting that blocks public access takes two calls, and no time.
const LEASE: [&str; 5] = [
    "DescribeNetworkInterfaces",
    "DescribeVpcBlockPublicAccessExclusions",
    "DescribeVpcBlockPublicAccessOptions",
    "PutItem",
    "UpdateItem",
];
/// The alert, which takes no time here, and what came of it.
const TELL: [&str; 2] = ["Publish", "PutItem"];

/// The event of a call that made these rules, as it describes them: for TCP 6379.
fn described(rules: &[(&str, &str)]) -> Event {
    let leads = rules.iter().map(|(id, source)| {
        let source = match *source {
            list if list.starts_with("pl-") => Source::PrefixList(list.to_owned()),
            cidr => Source::cidr(cidr).unwrap(),
        };
        let protocol = Protocol::Tcp;
        let shape = RuleShape { protocol, from_port: 6379, to_port: 6379, source };
        RuleLead { id: Some((*id).to_owned()), shape: Some(shape), edit: false }
    });
    let touched = Touched::Rules(leads.collect());
    event_on(Lead::Group(GroupLead { group: GroupRef::Id(GROUP.to_owned()), touched }))
}

async fn dealt_with(account: &Account, rules: &[(&str, &str)]) -> Result<Summary> {
    ingress(&account.shell(Mode::Enforce), &described(rules)).await
}

/// The calls that were begun at the same virtual time, in order of time, each set sorted.
fn rounds(account: &Account) -> Vec<Vec<&'static str>> {
    let mut rounds: Vec<(Duration, Vec<&'static str>)> = Vec::new();
    for (name, at) in account.now().calls.iter().copied() {
        match rounds.last_mut() {
            Some((time, names)) if *time == at => names.push(name),
            _ => rounds.push((at, vec![name])),
        }
    }
    rounds
        .into_iter()
        .map(|(_, mut names)| {
            names.sort_unstable();
            names
        })
        .collect()
}

/// When the revoke was begun.
fn until_the_revoke(account: &Account) -> Duration {
    let state = account.now();
    let revoke = state.calls.iter().find(|(name, _)| *name == REVOKE);
    revoke.expect("something was revoked").1
}

fn behind_a_list(cidrs: &[&str]) -> Account {
    let account = Account::new().with(GROUP, [rule("sgr-1", "pl-1")]);
    let entries = cidrs.iter().map(|cidr| PrefixListEntry::builder().cidr(*cidr).build());
    account.now().lists.insert("pl-1".to_owned(), entries.collect());
    account
}

#[tokio::test(start_paused = true)]
async fn a_compliant_rule_costs_one_round_trip_and_tells_nobody() {
    let account = open();
    let mut event = opened();
    let shape = RuleShape {
        protocol: Protocol::Tcp,
        from_port: 6379,
        to_port: 6379,
        source: Source::cidr("10.0.0.0/8").unwrap(),
    };
    let touched = RuleLead { id: Some("sgr-2".to_owned()), shape: Some(shape), edit: false };
    let touched = Touched::Rules(vec![touched]);
    event.lead = Lead::Group(GroupLead { group: GroupRef::Id(GROUP.to_owned()), touched });
    let ended = ingress(&account.shell(Mode::Enforce), &event).await.unwrap();
    assert_eq!(ended, Summary("clean security-group sg-1".to_owned()));
    assert_eq!(rounds(&account), [LOOK]);
}

/// All of its rules are in question, and most groups are clean. The ledger is asked whether an earlier attempt went to revoke
/// some of them: the event names none.
#[tokio::test(start_paused = true)]
async fn a_clean_group_that_is_attached_costs_one_call_to_ec2_and_one_round_trip() {
    let account = Account::new().with(GROUP, [rule("sgr-2", "10.0.0.0/8")]);
    let to = Carrier::Interface("eni-1".to_owned());
    let touched = Touched::Attached(Attached { to, unreported: Vec::new() });
    let lead = Lead::Group(GroupLead { group: GroupRef::Id(GROUP.to_owned()), touched });
    let ended = ingress(&account.shell(Mode::Enforce), &event_on(lead)).await.unwrap();
    assert_eq!(ended, Summary("clean security-group sg-1".to_owned()));
    assert_eq!(rounds(&account), [[RULES, "Query"]]);
}

/// The call names rules by their ids alone, so it is not known yet that they are not public.
#[tokio::test(start_paused = true)]
async fn so_does_a_rule_that_is_named_by_its_id_and_the_tag_of_its_group_is_not_waited_for() {
    let account = open();
    let shell = Shell { informs: silent(), ..account.shell(Mode::Enforce) };
    let begun = Instant::now();
    ingress(&shell, &event(GROUP, &["sgr-2"])).await.unwrap();
    let look = vec![RULES, "Query", "Query"];
    assert_eq!((begun.elapsed(), rounds(&account)), (ROUND_TRIP, vec![look]));
}

/// Who cares for nothing that is read later decides with what the first look shows.
#[tokio::test(start_paused = true)]
async fn so_does_a_public_rule_that_the_shipped_exceptions_tolerate() {
    let account = Account::new().with(GROUP, [rule("sgr-1", "52.94.76.0/24")]);
    let Summary(text) = dealt_with(&account, &[("sgr-1", "52.94.76.0/24")]).await.unwrap();
    assert!(text.starts_with("clean security-group sg-1\nsuppressed: "), "{text}");
    assert_eq!(rounds(&account), [LOOK_AT_PUBLIC]);
}

#[tokio::test(start_paused = true)]
async fn a_compliant_rule_with_a_prefix_list_costs_the_list_beside() {
    let account = behind_a_list(&["10.0.0.0/8"]);
    dealt_with(&account, &[("sgr-1", "pl-1")]).await.unwrap();
    let expected: [&[&str]; 2] = [&LOOK_AT_PUBLIC, &[LIST]];
    assert_eq!(rounds(&account), expected);
}

#[tokio::test(start_paused = true)]
async fn the_revoke_of_a_public_rule_is_the_third_round_trip_and_told_after_it_was_seen_gone() {
    let account = open();
    dealt_with(&account, &[("sgr-1", WORLD)]).await.unwrap();
    let expected: [&[&str]; 5] = [&LOOK_AT_PUBLIC, &LEASE, &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
    assert_eq!(until_the_revoke(&account), 2 * ROUND_TRIP);
}

/// The keys of its findings are read once the rule is.
#[tokio::test(start_paused = true)]
async fn the_revoke_of_a_rule_that_is_named_by_its_id_alone_is_the_fourth_round_trip() {
    let account = open();
    ingress(&account.shell(Mode::Enforce), &event(GROUP, &["sgr-1"])).await.unwrap();
    let look: &[&str] = &[RULES, DETAILS, "Query", "Query"];
    let expected: [&[&str]; 6] = [look, &[BATCH], &LEASE, &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
}

#[tokio::test(start_paused = true)]
async fn the_revoke_of_a_rule_that_a_prefix_list_makes_public_is_the_fourth_round_trip() {
    let account = behind_a_list(&["10.0.0.0/8", WORLD]);
    dealt_with(&account, &[("sgr-1", "pl-1")]).await.unwrap();
    let expected: [&[&str]; 6] = [&LOOK_AT_PUBLIC, &[LIST], &LEASE, &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
    assert_eq!(until_the_revoke(&account), 3 * ROUND_TRIP);
    assert!(account.rule_ids(GROUP).is_empty());
}

#[tokio::test(start_paused = true)]
async fn several_prefix_lists_are_read_side_by_side() {
    let account = behind_a_list(&[WORLD]).with(GROUP, [rule("sgr-2", "pl-2")]);
    account.now().lists.insert("pl-2".to_owned(), Vec::new());
    dealt_with(&account, &[("sgr-1", "pl-1")]).await.unwrap();
    assert_eq!(rounds(&account)[1], [LIST, LIST]);
    assert_eq!(until_the_revoke(&account), 3 * ROUND_TRIP);
}

#[tokio::test(start_paused = true)]
async fn what_only_informs_and_fails_delays_neither_the_revoke_nor_the_alert() {
    let account = open();
    for call in ["DescribeNetworkInterfaces", DETAILS] {
        account.fail(call, GROUP, "InternalError");
    }
    dealt_with(&account, &[("sgr-1", WORLD)]).await.unwrap();
    let expected: [&[&str]; 5] = [&LOOK_AT_PUBLIC, &LEASE, &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
    assert_eq!(ends(&account), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn what_only_informs_and_never_answers_delays_the_alert_by_two_seconds_at_most() {
    let account = open();
    let shell = Shell { informs: silent(), ..account.shell(Mode::Enforce) };
    let begun = Instant::now();
    ingress(&shell, &described(&[("sgr-1", WORLD)])).await.unwrap();
    assert_eq!(until_the_revoke(&account), 2 * ROUND_TRIP);
    assert_eq!(ends(&account), ["done"]);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let (_, _, document) = told(&account);
    assert_eq!(document["severity"], "high", "{document}");
}

/// IAM refuses the revoke, since it knows the tag.
#[tokio::test(start_paused = true)]
async fn a_tag_that_arrives_after_the_revoke_says_that_the_group_is_protected() {
    let account = open();
    let protect = Tag::builder().key("portcullis:protect").value("yes").build();
    account.now().groups[0].tags = Some(vec![protect]);
    account.fail(REVOKE, "sgr-1", "UnauthorizedOperation");
    let shell = Shell { informs: account.late_ec2(3), ..account.shell(Mode::Enforce) };
    ingress(&shell, &described(&[("sgr-1", WORLD)])).await.unwrap();
    assert_eq!((account.count(REVOKE), ends(&account)), (1, vec!["withheld".to_owned()]));
    let (_, mail, _) = told(&account);
    assert!(mail.contains("portcullis:protect"), "{mail}");
    // Where it is in time, nothing is tried.
    let account = open();
    let protect = Tag::builder().key("portcullis:protect").value("yes").build();
    account.now().groups[0].tags = Some(vec![protect]);
    dealt_with(&account, &[("sgr-1", WORLD)]).await.unwrap();
    assert_eq!((account.count(REVOKE), ends(&account)), (0, vec!["withheld".to_owned()]));
}

const GRANT: &str = "AuthorizeSecurityGroupIngress";

/// An account whose office is a known network, as a list and as a CIDR.
async fn known(account: &Account, networks: &[&str]) {
    let entries = vec![PrefixListEntry::builder().cidr("52.94.6.0/24").build()];
    account.now().lists.insert("pl-1".to_owned(), entries);
    let networks =
        networks.iter().map(|text| portcullis_testkit::rule("", "-1", text).source).collect();
    let mut shell = account.shell(Mode::Enforce);
    shell.settings.known_networks = networks;
    ingress(&shell, &described(&[("sgr-1", WORLD)])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn known_networks_cost_one_round_trip_more_and_have_what_is_revoked() {
    let account = open();
    known(&account, &["52.94.5.0/24", "pl-1"]).await;
    let mut look = vec![LIST];
    look.extend(LOOK_AT_PUBLIC);
    look.sort_unstable();
    let expected: [&[&str]; 6] = [&look, &LEASE, &[GRANT], &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
    assert_eq!(until_the_revoke(&account), 3 * ROUND_TRIP);
    assert_eq!(account.rule_ids(GROUP), ["sgr-2", "sgr-g1", "sgr-g2"]);
    let (_, mail, document) = told(&account);
    assert!(mail.contains("sgr-g1") && mail.contains("sgr-g2"), "{mail}");
    assert_eq!(document["findings"][0]["grants"]["made"][1]["source"], "pl-1", "{document}");
}

#[tokio::test(start_paused = true)]
async fn what_they_have_already_or_cannot_be_read_costs_nothing() {
    let account = open();
    account.fail(LIST, "pl-1", "UnauthorizedOperation");
    known(&account, &["10.0.0.0/8", "pl-1"]).await;
    assert_eq!(account.count(GRANT), 0);
    assert_eq!(until_the_revoke(&account), 2 * ROUND_TRIP);
}

/// The revoke makes room for one.
#[tokio::test(start_paused = true)]
async fn a_group_without_room_is_closed_and_then_has_as_many_as_fit() {
    let account = open();
    account.now().quota = 2;
    known(&account, &["52.94.5.0/24"]).await;
    assert_eq!(
        (account.rule_ids(GROUP), account.count(GRANT)),
        (vec!["sgr-2".into(), "sgr-g1".into()], 2)
    );
    let account = open();
    account.now().quota = 2;
    known(&account, &["52.94.5.0/24", "52.94.9.0/24"]).await;
    assert_eq!((account.rule_ids(GROUP), account.count(GRANT)), (vec!["sgr-2".into()], 2));
    let (_, mail, document) = told(&account);
    assert!(
        mail.contains("as many rules as its quota permits") && mail.contains("52.94.9.0/24"),
        "{mail}"
    );
    assert_eq!(document["severity"], "medium", "{document}");
    assert_eq!(document["findings"][0]["grants"]["full"], true, "{document}");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_refused_is_not_tried_again_and_the_rule_is_revoked() {
    let account = open();
    account.fail(GRANT, GROUP, "RequestLimitExceeded");
    known(&account, &["52.94.5.0/24"]).await;
    assert_eq!((account.rule_ids(GROUP), account.count(GRANT)), (vec!["sgr-2".into()], 1));
    assert_eq!(until_the_revoke(&account), 3 * ROUND_TRIP);
    let (_, mail, _) = told(&account);
    assert!(mail.contains("RequestLimitExceeded"), "{mail}");
}
