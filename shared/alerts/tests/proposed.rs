//! The exception that an alert proposes is one: it is in order, and tolerates that rule and no other.

use std::collections::BTreeSet;

use portcullis_alerts::alert::Alert;
use portcullis_engine::decide::{self, DecisionContext};
use portcullis_engine::event::{Event, Lead};
use portcullis_engine::facts::{
    CacheFacts, CacheGroups, CacheKind, Engine, GroupDetails, GroupFacts, IngressRule, Interfaces,
    PrefixList, Source,
};
use portcullis_engine::report::{Known, Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_exceptions::Policies;
use portcullis_testkit::example::{cache, event, making, touching};
use portcullis_testkit::rule;

/// What is decided about a group with this rule, which the event made.
fn decided(rule: IngressRule, policies: &Policies) -> Report {
    let world = PrefixList::Entries(vec!["0.0.0.0/0".parse().unwrap()]);
    let facts = GroupFacts {
        id: "sg-01".to_owned(),
        owner: Some("111122223333".to_owned()),
        rules: vec![rule],
        prefix_lists: [("pl-01".to_owned(), world)].into(),
        details: Some(GroupDetails::default()),
        interfaces: Interfaces::Read(Vec::new()),
        ..GroupFacts::default()
    };
    let lead = touching(&facts, &["sgr-1"]);
    let event = event(Lead::Group(lead.clone()));
    let context = DecisionContext::new(Mode::Enforce, policies);
    let decision = decide::group(&event, &lead, &facts, &context);
    Report::new(&event, &decision, &Known::new(Seen::Group(&facts), &context))
}

/// The exception in the mail, as text and as it is read.
fn proposed(report: &Report) -> (String, Policies) {
    let mail = Alert::compose(report).mail;
    let from = mail.find("@id(").unwrap_or_else(|| panic!("{mail}"));
    let policy = mail[from..].split_inclusive("};\n").next().unwrap().to_owned();
    let policies = Policies::parse([("new.cedar".to_owned(), policy.clone())])
        .unwrap_or_else(|problems| panic!("{policy}\n{problems}"));
    (policy, policies)
}

#[test]
fn what_an_alert_proposes_tolerates_that_rule_and_no_other() {
    let none = Policies::parse([]).unwrap();
    let cidr = |text: &str| Source::cidr(text).unwrap();
    let list = || Source::PrefixList("pl-01".to_owned());
    for (protocol, ports, source) in [
        ("tcp", (6379, 6379), cidr("0.0.0.0/0")),
        ("udp", (53, 60), cidr("::/0")),
        ("-1", (-1, -1), cidr("0.0.0.0/0")),
        ("50", (-1, -1), cidr("8.0.0.0/6")),
        ("icmp", (8, -1), cidr("0.0.0.0/0")),
        ("tcp", (22, 22), list()),
    ] {
        let of = |(from_port, to_port), source| IngressRule {
            from_port,
            to_port,
            source,
            ..rule("sgr-1", protocol, "")
        };
        let report = decided(of(ports, source.clone()), &none);
        let (policy, policies) = proposed(&report);
        let again = decided(of(ports, source.clone()), &policies).decision;
        assert!(again.findings.iter().all(|f| f.check.as_str() != "open-ingress"), "{policy}");
        let other = decided(of(ports, cidr("128.0.0.0/1")), &policies).decision;
        assert!(!other.is_clean(), "another source: {policy}");
        if ports.0 > 0 && protocol != "icmp" {
            let other = decided(of((ports.0, 65_535), source.clone()), &policies).decision;
            assert!(!other.is_clean(), "other ports: {policy}");
        }
    }
}

/// What is decided about a cache of this name in this account, which the event made as badly as can be.
fn decided_cache(id: &str, account: &str, policies: &Policies) -> Report {
    // What they admit is not told, and no exception about settings says anything of it.
    let groups = CacheGroups::Unknown("not named yet".to_owned());
    let cache = cache(CacheKind::ReplicationGroup, Engine::Valkey, Vec::new());
    let facts = CacheFacts { id: id.to_owned(), groups, ..cache };
    let lead = making(&facts);
    let event = Event { account: account.to_owned(), ..event(Lead::Cache(lead.clone())) };
    let context = DecisionContext::new(Mode::Enforce, policies);
    let decision = decide::cache(&event, &lead, &facts, &[], &context);
    Report::new(&event, &decision, &Known::new(Seen::Cache(&facts), &context))
}

#[test]
fn what_an_alert_proposes_for_a_cache_tolerates_its_settings_and_no_other_cache() {
    const OURS: &str = "111122223333";
    let checks = |report: &Report| {
        let found = report.decision.findings.iter().map(|finding| finding.check.as_str());
        found.collect::<BTreeSet<_>>()
    };
    let none = Policies::parse([]).unwrap();
    let report = decided_cache("orders", OURS, &none);
    let all = BTreeSet::from(["open-cache", "default-port", "plaintext-transit", "no-auth"]);
    assert_eq!(checks(&report), all);
    let (policy, policies) = proposed(&report);
    assert!(!policy.contains("open-cache"), "who may reach it is no setting: {policy}");
    let again = decided_cache("orders", OURS, &policies);
    assert_eq!(checks(&again), BTreeSet::from(["open-cache"]), "{policy}");
    for (id, account) in [("orders-2", OURS), ("orders", "444455556666")] {
        let other = decided_cache(id, account, &policies);
        assert_eq!(checks(&other), all, "{id} of {account}: {policy}");
    }
}
