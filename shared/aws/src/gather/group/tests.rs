mod interfaces;

use aws_sdk_ec2::types::{
    PrefixListEntry, ReferencedSecurityGroup, SecurityGroupRule, Tag as Ec2Tag,
};
use portcullis_engine::event::{GroupLead, GroupRef, Lead, RuleLead, Touched};

use super::*;
use crate::scripted::{ACCOUNT, Account, event, rule};

const GROUP: &str = "sg-1";
const WORLD: &str = "0.0.0.0/0";
const RULES: &str = "DescribeSecurityGroupRules";

fn lead(rules: &[&str]) -> GroupLead {
    match event(GROUP, rules).lead {
        Lead::Group(lead) => lead,
        Lead::List(_) | Lead::Cache(_) | Lead::Unknown => unreachable!("an event about a group"),
    }
}

async fn looked(account: &Account, touched: &[&str]) -> GroupFacts {
    let facts = account.group(&lead(touched)).await.expect("the group can be read");
    facts.expect("the group is there")
}

fn ids(facts: &GroupFacts) -> Vec<&str> {
    facts.rules.iter().map(|rule| rule.id.as_str()).collect()
}

/// A rule with one thing changed.
fn but(id: &str, change: impl FnOnce(&mut SecurityGroupRule)) -> SecurityGroupRule {
    let mut rule = rule(id, WORLD);
    change(&mut rule);
    rule
}

fn list_of(cidrs: &[&str]) -> Vec<PrefixListEntry> {
    cidrs.iter().map(|cidr| PrefixListEntry::builder().cidr(*cidr).build()).collect()
}

fn read_as(cidrs: &[&str]) -> PrefixList {
    PrefixList::Entries(cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect())
}

#[tokio::test(start_paused = true)]
async fn every_page_of_the_rules_is_read() {
    let names = ["sgr-1", "sgr-2", "sgr-3", "sgr-4", "sgr-5"];
    let account = Account::new().with(GROUP, names.map(|id| rule(id, WORLD)));
    account.now().page = 2;
    let facts = looked(&account, &["sgr-5"]).await;
    assert_eq!(ids(&facts), names);
    assert_eq!(account.count(RULES), 3);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_an_error_not_a_short_group() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    account.fail(RULES, GROUP, "UnauthorizedOperation");
    let error = account.group(&lead(&["sgr-1"])).await.unwrap_err();
    assert!(error.contains(GROUP), "{error}");
    assert!(read(&account.ec2(), GROUP).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn egress_is_told_from_ingress() {
    let egress = but("sgr-2", |rule| rule.is_egress = Some(true));
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD), egress]);
    let facts = looked(&account, &["sgr-2"]).await;
    assert_eq!(ids(&facts), ["sgr-1"]);
    assert_eq!(facts.egress, ["sgr-2"]);
    assert_eq!(account.count(RULES), 1, "an edited egress rule is found, not waited for");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_not_shown_yet_is_looked_for_again_until_it_is() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD), rule("sgr-2", WORLD)]);
    account.now().late.insert("sgr-2".to_owned(), 3);
    let facts = looked(&account, &["sgr-2"]).await;
    assert_eq!(ids(&facts), ["sgr-1", "sgr-2"]);
    assert_eq!(account.count(RULES), 4);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_never_shown_is_gone_after_five_looks_with_growing_pauses() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    let facts = looked(&account, &["sgr-9"]).await;
    assert_eq!(ids(&facts), ["sgr-1"]);
    let state = account.now();
    let looks: Vec<u128> = state
        .calls
        .iter()
        .filter(|(call, _)| *call == RULES)
        .map(|(_, at)| at.as_millis())
        .collect();
    let pauses: Vec<u128> = looks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses.len(), 4, "five looks");
    assert!(pauses.is_sorted() && pauses[0] >= 500 && pauses[3] >= 4000, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_an_event_gives_by_name_is_found_by_name() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    let named = GroupRef::Name(format!("{GROUP}-name"));
    let lead = GroupLead { group: named, ..lead(&["sgr-1"]) };
    let facts = account.group(&lead).await.unwrap().expect("the group is there");
    assert_eq!((facts.id.as_str(), ids(&facts)), (GROUP, vec!["sgr-1"]));
    assert_eq!(account.calls()[..2], ["DescribeSecurityGroups", RULES]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_group_has_is_gone_and_one_that_cannot_be_asked_for_is_an_error() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    let lead = GroupLead { group: GroupRef::Name("other".to_owned()), ..lead(&["sgr-1"]) };
    assert_eq!(account.group(&lead).await.unwrap(), None);
    account.fail("DescribeSecurityGroups", "other", "UnauthorizedOperation");
    let error = account.group(&lead).await.unwrap_err();
    assert!(error.contains("`other`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_gone_has_no_rules() {
    let unfiltered = Account::new();
    assert_eq!(
        looked(&unfiltered, &[]).await,
        GroupFacts { id: GROUP.into(), ..Default::default() }
    );
    let refused = Account::new();
    refused.fail(RULES, GROUP, "InvalidGroup.NotFound");
    assert_eq!(looked(&refused, &[]).await, GroupFacts { id: GROUP.into(), ..Default::default() });
}

#[tokio::test(start_paused = true)]
async fn every_page_of_a_prefix_list_is_read() {
    let cidrs = ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"];
    let account = Account::new().with(GROUP, [rule("sgr-1", "pl-1")]);
    account.now().lists.insert("pl-1".to_owned(), list_of(&cidrs));
    account.now().page = 2;
    let facts = looked(&account, &["sgr-1"]).await;
    assert_eq!(facts.rules[0].source, Source::PrefixList("pl-1".to_owned()));
    assert_eq!(facts.prefix_lists, [("pl-1".to_owned(), read_as(&cidrs))].into());
    assert_eq!(account.count("GetManagedPrefixListEntries"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_prefix_list_that_cannot_be_read_is_unknown_with_the_code_and_hides_no_other() {
    let account = Account::new()
        .with(GROUP, [rule("sgr-1", "pl-1"), rule("sgr-2", "pl-2"), rule("sgr-3", "pl-2")]);
    account.now().lists.insert("pl-2".to_owned(), list_of(&[WORLD]));
    account.fail("GetManagedPrefixListEntries", "pl-1", "UnauthorizedOperation");
    let facts = looked(&account, &["sgr-1"]).await;
    match &facts.prefix_lists["pl-1"] {
        PrefixList::Unknown(why) => assert!(why.contains("UnauthorizedOperation"), "{why}"),
        PrefixList::Entries(entries) => panic!("read as {entries:?}"),
    }
    assert_eq!(facts.prefix_lists["pl-2"], read_as(&[WORLD]));
    assert_eq!(account.count("GetManagedPrefixListEntries"), 2, "each list is read once");
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_no_cidr_makes_its_list_unknown() {
    let account = Account::new().with(GROUP, [rule("sgr-1", "pl-1")]);
    account.now().lists.insert("pl-1".to_owned(), list_of(&["10.0.0.0/8", "everywhere"]));
    let facts = looked(&account, &["sgr-1"]).await;
    let unknown = PrefixList::Unknown("entry `everywhere` is not a CIDR".to_owned());
    assert_eq!(facts.prefix_lists["pl-1"], unknown);
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_read_with_everything_that_undoing_it_needs() {
    let account = Account::new().with(
        GROUP,
        [but("sgr-1", |rule| {
            rule.ip_protocol = Some("6".to_owned());
            rule.cidr_ipv4 = Some("10.1.2.3/0".to_owned());
            rule.description = Some("for the demo".to_owned());
            rule.tags = Some(vec![Ec2Tag::builder().key("exposure").value("web").build()]);
        })],
    );
    let facts = looked(&account, &["sgr-1"]).await;
    let expected = IngressRule {
        id: "sgr-1".to_owned(),
        protocol: Protocol::Tcp,
        from_port: 6379,
        to_port: 6379,
        source: Source::cidr(WORLD).unwrap(),
        description: Some("for the demo".to_owned()),
        tags: vec![Tag { key: "exposure".to_owned(), value: "web".to_owned() }],
    };
    assert_eq!(facts.rules, [expected]);
    assert_eq!(facts.owner.as_deref(), Some(ACCOUNT));
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_does_not_have_is_absent() {
    let account = Account::new().with(
        GROUP,
        [but("sgr-1", |rule| {
            rule.ip_protocol = Some("-1".to_owned());
            (rule.from_port, rule.to_port) = (None, None);
            rule.description = Some(String::new());
        })],
    );
    let rule = looked(&account, &["sgr-1"]).await.rules.remove(0);
    assert_eq!((rule.protocol, rule.from_port, rule.to_port), (Protocol::All, -1, -1));
    assert_eq!((rule.description, rule.tags), (None, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_source_is_read_and_an_unknown_one_is_unreadable() {
    let referenced = ReferencedSecurityGroup::builder().group_id("sg-2").build();
    let account = Account::new().with(
        GROUP,
        [
            rule("sgr-1", "2001:db8::1/32"),
            but("sgr-2", |rule| {
                rule.cidr_ipv4 = None;
                rule.referenced_group_info = Some(referenced);
            }),
            but("sgr-3", |rule| rule.cidr_ipv4 = None),
            but("sgr-4", |rule| rule.cidr_ipv4 = Some("everywhere".to_owned())),
        ],
    );
    let facts = looked(&account, &[]).await;
    assert_eq!(facts.rules[0].source, Source::cidr("2001:db8::/32").unwrap());
    assert_eq!(facts.rules[1].source, Source::Group("sg-2".to_owned()));
    assert!(matches!(facts.rules[2].source, Source::Unreadable(_)), "{:?}", facts.rules[2]);
    assert_eq!(facts.rules[3].source, Source::Unreadable("everywhere".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_an_event_gives_by_its_shape_is_looked_for_too() {
    let account = Account::new().with(GROUP, [rule("sgr-1", WORLD)]);
    account.now().late.insert("sgr-1".to_owned(), 1);
    let shape = portcullis_engine::event::RuleShape {
        protocol: Protocol::Tcp,
        from_port: 6379,
        to_port: 6379,
        source: Source::cidr(WORLD).unwrap(),
    };
    let touched = Touched::Rules(vec![RuleLead { id: None, shape: Some(shape), edit: true }]);
    let lead = GroupLead { touched, ..lead(&[]) };
    let facts = account.group(&lead).await.unwrap().expect("the group is there");
    assert_eq!(ids(&facts), ["sgr-1"]);
    assert_eq!(account.count(RULES), 2);
}
