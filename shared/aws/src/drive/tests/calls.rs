//! What an event costs: its calls, and how many of them wait for one another.

use std::time::Duration;

use aws_sdk_ec2::types::PrefixListEntry;

use super::*;
use crate::scripted::ROUND_TRIP;

const RULES: &str = "DescribeSecurityGroupRules";
const LIST: &str = "GetManagedPrefixListEntries";
/// The rules, and what is remembered of the group: neither waits for the other.
const LOOK: [&str; 2] = [RULES, "Query"];
/// What is taken, so that nobody else deals with it, and how much this minute has seen: one round trip, which
/// keeps a finding from being told twice, fought over, or closed while it is exempt.
const REMEMBER: [&str; 2] = ["PutItem", "UpdateItem"];
/// The alert, which takes no time here, and what came of it.
const TELL: [&str; 2] = ["Publish", "PutItem"];
/// Side by side: any may be first. The setting that blocks public access takes two calls, and no time: they
/// wait for nobody, and nobody for them. Asking only once a public address was seen would take a round trip.
const AROUND: [&str; 4] = [
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeVpcBlockPublicAccessExclusions",
    "DescribeVpcBlockPublicAccessOptions",
];

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
    let ended = dealt_with(&account, &["sgr-2"]).await.unwrap();
    assert_eq!(ended, Summary("clean security-group sg-1".to_owned()));
    assert_eq!(rounds(&account), [LOOK]);
}

/// Who cares for nothing that is read later decides with what the first look shows.
#[tokio::test(start_paused = true)]
async fn so_does_a_public_rule_that_the_shipped_exceptions_tolerate() {
    let account = Account::new().with(GROUP, [rule("sgr-1", "52.94.76.0/24")]);
    let Summary(text) = dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert!(text.starts_with("clean security-group sg-1\nsuppressed: "), "{text}");
    assert_eq!(rounds(&account), [LOOK]);
}

#[tokio::test(start_paused = true)]
async fn a_compliant_rule_with_a_prefix_list_costs_the_list_beside() {
    let account = behind_a_list(&["10.0.0.0/8"]);
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    let expected: [&[&str]; 2] = [&LOOK, &[LIST]];
    assert_eq!(rounds(&account), expected);
}

#[tokio::test(start_paused = true)]
async fn a_public_rule_is_closed_after_three_round_trips_and_told_after_it_was_seen_gone() {
    let account = open();
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    let expected: [&[&str]; 6] = [&LOOK, &AROUND, &REMEMBER, &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
    assert_eq!(until_the_revoke(&account), 3 * ROUND_TRIP);
}

#[tokio::test(start_paused = true)]
async fn a_rule_made_public_by_a_prefix_list_is_closed_after_four_round_trips() {
    let account = behind_a_list(&["10.0.0.0/8", WORLD]);
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    let expected: [&[&str]; 7] = [&LOOK, &[LIST], &AROUND, &REMEMBER, &[REVOKE], &[RULES], &TELL];
    assert_eq!(rounds(&account), expected);
    assert_eq!(until_the_revoke(&account), 4 * ROUND_TRIP);
    assert!(account.rule_ids(GROUP).is_empty());
}

#[tokio::test(start_paused = true)]
async fn several_prefix_lists_are_read_side_by_side() {
    let account = behind_a_list(&[WORLD]).with(GROUP, [rule("sgr-2", "pl-2")]);
    account.now().lists.insert("pl-2".to_owned(), Vec::new());
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(rounds(&account)[1], [LIST, LIST]);
    assert_eq!(until_the_revoke(&account), 4 * ROUND_TRIP);
}
