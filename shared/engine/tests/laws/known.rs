//! Laws about what known networks get in place of a public rule.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use portcullis_engine::action::{Action, NoGrant, Remedy};
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::{Event, Lead};
use portcullis_engine::facts::{GroupFacts, IngressRule, PrefixList, Protocol, Source};
use portcullis_engine::ledger::shape;
use portcullis_engine::report::{Known, Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_engine::severity::Severity;
use portcullis_testkit::narrow::context;
use portcullis_testkit::rule;
use proptest::prelude::*;

use super::model::{event, group, rules};
use crate::{lead, touched};

/// The third is nearly as much as the exceptions permit, so that two of them are too much; `pl-9` cannot be read.
const NETWORKS: [&str; 8] = [
    "52.94.5.0/24",
    "10.0.0.0/8",
    "11.0.0.0/9",
    "11.128.0.0/9",
    "2600::/48",
    "0.0.0.0/0",
    "pl-1",
    "pl-9",
];

fn lists() -> BTreeMap<String, PrefixList> {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    BTreeMap::from([
        ("pl-1".to_owned(), PrefixList::Entries(nets(&["52.94.6.0/24", "52.94.7.1/32"]))),
        ("pl-9".to_owned(), PrefixList::Unknown("access denied".to_owned())),
    ])
}

fn source(text: &str) -> Source {
    rule("", "-1", text).source
}

fn networks() -> impl Strategy<Value = Vec<Source>> {
    prop::sample::subsequence(NETWORKS.to_vec(), 0..=NETWORKS.len())
        .prop_map(|texts| texts.into_iter().map(source).collect())
}

fn decided(facts: &GroupFacts, touched: &[String], networks: &[Source], mode: Mode) -> Decision {
    let (lists, lead) = (lists(), lead(touched));
    let context = DecisionContext { networks, lists: &lists, ..context(mode) };
    let event: Event = event(Lead::Group(lead.clone()));
    let mut decision = decide::group(&event, &lead, facts, &context);
    decide::grant(&mut decision, &event, facts, &[], &context);
    decision
}

/// What is granted in place of each rule that is revoked.
fn granted(decision: &Decision) -> Vec<(IngressRule, Vec<IngressRule>)> {
    let of = |action: &Action| {
        let ((_, rule), grants) = (action.revokes()?, action.grants()?);
        Some((rule.clone(), grants.rules(rule).collect()))
    };
    decision.actions().into_iter().filter_map(of).collect()
}

/// The group after the grants and the revokes.
fn after(facts: &GroupFacts, decision: &Decision) -> (GroupFacts, Vec<String>) {
    let (mut after, mut made) = (facts.clone(), Vec::new());
    for (rule, grants) in granted(decision) {
        after.rules.retain(|there| there.id != rule.id);
        for grant in grants {
            let id = format!("sgr-g{:02}", made.len());
            made.push(id.clone());
            after.rules.push(IngressRule { id, ..grant });
        }
    }
    (after, made)
}

fn nets(source: &Source) -> Vec<IpNet> {
    match source {
        Source::Ipv4(net) => vec![(*net).into()],
        Source::Ipv6(net) => vec![(*net).into()],
        Source::PrefixList(id) => match &lists()[id] {
            PrefixList::Entries(entries) => entries.clone(),
            PrefixList::Unknown(_) => Vec::new(),
        },
        Source::Group(_) | Source::Unreadable(_) => Vec::new(),
    }
}

/// Whether one of the rules admits all of this network wherever `rule` admits anything.
fn reaches(rules: &[IngressRule], network: &Source, rule: &IngressRule) -> bool {
    rules.iter().any(|there| {
        let ((from, to), (first, last)) = (there.ports(), rule.ports());
        let is_wide = there.protocol == Protocol::All || there.protocol == rule.protocol;
        let has = nets(&there.source);
        is_wide
            && (from <= first && last <= to)
            && nets(network).iter().all(|net| has.iter().any(|wide| wide.contains(net)))
    })
}

fn is_v4(source: &Source) -> bool {
    nets(source).iter().all(|net| matches!(net, IpNet::V4(_)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_known_network_reaches_what_the_rule_gave_it_and_nobody_else_does(
        rules in rules(8),
        which in prop::collection::vec(any::<bool>(), 1..8),
        networks in networks(),
    ) {
        let (facts, touched) = (group(rules.clone()), touched(&rules, &which));
        let decision = decided(&facts, &touched, &networks, Mode::Enforce);
        let (after, made) = after(&facts, &decision);
        for action in decision.actions() {
            let ((_, rule), grants) = (action.revokes().unwrap(), action.grants().unwrap());
            for network in &networks {
                match grants.none.get(network) {
                    None | Some(NoGrant::Covered(_)) => {
                        prop_assert!(reaches(&after.rules, network, rule), "{} of {}", network, rule.id);
                    }
                    Some(NoGrant::Family) => prop_assert_ne!(is_v4(network), is_v4(&rule.source)),
                    Some(NoGrant::Unread(_)) => prop_assert_eq!(network, &source("pl-9")),
                    Some(NoGrant::Kind | NoGrant::Fault) => {}
                }
            }
        }
        for grant in after.rules.iter().filter(|rule| made.contains(&rule.id)) {
            let is_of = |gone: &IngressRule| {
                shape(&IngressRule { source: grant.source.clone(), ..gone.clone() }) == shape(grant)
            };
            prop_assert!(networks.contains(&grant.source));
            prop_assert!(granted(&decision).iter().any(|(gone, _)| is_of(gone)), "{:?}", grant);
        }
        let old = |rule: &&IngressRule| !made.contains(&rule.id);
        prop_assert!(after.rules.iter().filter(old).all(|rule| rules.contains(rule)));
        let shapes: BTreeSet<String> = granted(&decision).iter().flat_map(|(_, made)| made).map(shape).collect();
        prop_assert_eq!(shapes.len(), made.len(), "EC2 refuses a call that has a rule twice");
    }

    #[test]
    fn no_grant_is_ever_at_fault_and_granting_twice_is_granting_once(
        rules in rules(8),
        which in prop::collection::vec(any::<bool>(), 1..8),
        networks in networks(),
    ) {
        let (facts, which) = (group(rules.clone()), touched(&rules, &which));
        let decision = decided(&facts, &which, &networks, Mode::Enforce);
        let (after, made) = after(&facts, &decision);
        let with_lists = GroupFacts { prefix_lists: lists(), ..after.clone() };
        let own = decided(&with_lists, &made, &networks, Mode::Enforce);
        prop_assert!(own.findings.is_empty(), "{:?}", own.findings);
        // The public rules come back beside the grants.
        let mut back = after;
        back.rules.extend(granted(&decision).into_iter().map(|(rule, _)| rule));
        let again = decided(&back, &which, &networks, Mode::Enforce);
        for (rule, more) in granted(&again) {
            let before = granted(&decision).into_iter().find(|(gone, _)| gone.id == rule.id);
            let was = before.map(|(_, grants)| grants).unwrap_or_default();
            prop_assert!(more.iter().all(|grant| !was.contains(grant)), "{:?}", more);
        }
    }

    #[test]
    fn observe_mode_says_what_it_would_grant_and_grants_nothing(rules in rules(4), networks in networks()) {
        let facts = group(rules.clone());
        let all = touched(&rules, &[true]);
        let observed = decided(&facts, &all, &networks, Mode::Observe);
        prop_assert!(granted(&observed).is_empty());
        let would: Vec<_> = observed.findings.iter().filter_map(|found| found.remedy.action()?.grants()).collect();
        let enforced = decided(&facts, &all, &networks, Mode::Enforce);
        if enforced.findings.iter().all(|found| matches!(found.remedy, Remedy::Do(_))) {
            let does: Vec<_> = enforced.findings.iter().filter_map(|found| found.remedy.action()?.grants()).collect();
            prop_assert_eq!(would, does);
        }
    }
}

/// Why each network gets nothing in place of one public rule, and which get something.
fn of_one(public: IngressRule, others: Vec<IngressRule>, networks: &[&str]) -> Vec<String> {
    let networks: Vec<Source> = networks.iter().map(|text| source(text)).collect();
    let mut rules = vec![public];
    rules.extend(others);
    let decision = decided(&group(rules), &["sgr-1".to_owned()], &networks, Mode::Enforce);
    let grants = decision.actions()[0].grants().unwrap();
    let to = grants.to.iter().map(|network| format!("{network}: granted"));
    to.chain(grants.none.iter().map(|(network, why)| format!("{network}: {why}"))).collect()
}

#[test]
fn what_is_covered_of_another_family_or_unread_is_revoked_only() {
    let office = rule("sgr-2", "tcp 0-1000", "52.94.5.0/24");
    let networks = ["52.94.5.0/24", "52.94.9.0/24", "2600::/48", "pl-1", "pl-9"];
    let of_one =
        |traffic, source| of_one(rule("sgr-1", traffic, source), vec![office.clone()], &networks);
    assert_eq!(
        of_one("tcp 22", "0.0.0.0/0"),
        [
            "52.94.9.0/24: granted",
            "pl-1: granted",
            "52.94.5.0/24: sgr-2 admits it at the same ports already",
            "2600::/48: the revoked rule is of the other address family",
            "pl-9: its entries could not be read: access denied",
        ]
    );
    assert_eq!(of_one("tcp 22", "::/0")[0], "2600::/48: granted");
    for traffic in
        ["-1", "tcp 0-65535", "tcp 1-65535", "udp 11211", "udp 11000-12000", "50", "icmp"]
    {
        let granted: Vec<String> = of_one(traffic, "0.0.0.0/0");
        assert!(
            granted.iter().all(|line| line.ends_with("only revoked, never replaced")),
            "{granted:?}"
        );
    }
}

/// What an exception permits to whoever called, it may not permit to Portcullis; here it is the union that is too large.
#[test]
fn a_grant_that_completes_a_union_is_not_made() {
    let half = rule("sgr-2", "tcp 22", "11.0.0.0/9");
    let lines = of_one(rule("sgr-1", "tcp 22", "0.0.0.0/0"), vec![half], &["11.128.0.0/9"]);
    assert_eq!(lines, ["11.128.0.0/9: the exceptions do not permit it there"]);
}

#[test]
fn where_the_group_is_full_it_is_told_one_level_higher() {
    let facts = group(vec![rule("sgr-1", "tcp 22", "0.0.0.0/0")]);
    let lead = lead(&["sgr-1".to_owned()]);
    let decision = decided(&facts, &["sgr-1".to_owned()], &[source("52.94.5.0/24")], Mode::Enforce);
    let action = decision.actions()[0].clone();
    let told = |why| {
        let granted = action.granted(&facts.rules, why).unwrap();
        let granted = BTreeMap::from([("sgr-1".to_owned(), granted)]);
        let context = context(Mode::Enforce);
        let known = Known { granted: &granted, ..Known::new(Seen::Group(&facts), &context) };
        Report::new(&event(Lead::Group(lead.clone())), &decision, &known).severity()
    };
    assert_eq!(told(Some(("throttled", false))), Severity::Low);
    assert_eq!(told(Some(("RulesPerSecurityGroupLimitExceeded", true))), Severity::Medium);
}
