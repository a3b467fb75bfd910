//! What the policies answer, and what follows.

use super::*;
use crate::exceptions::{Answer, Exception, ExceptionQuery, Exceptions, Expired};
use crate::facts::{CacheKind, Protocol};
use crate::fixtures::{Always, Narrow, exception};
use crate::report::Known;

fn judged(answer: Answer, facts: &GroupFacts, leads: &[&str]) -> Decision {
    by(&Always(answer), facts, leads)
}

fn by(exceptions: &dyn Exceptions, facts: &GroupFacts, leads: &[&str]) -> Decision {
    let lead = touched(Touched::Rules(leads.iter().map(|lead| id(lead)).collect()));
    let context = DecisionContext { exceptions, ..context(Mode::Enforce) };
    group(&event(Lead::Group(lead.clone())), &lead, facts, &context)
}

fn three() -> GroupFacts {
    fixtures::group(vec![
        rule("sgr-1", "tcp 6379", "10.0.0.0/8"),
        rule("sgr-2", "tcp 22", "52.94.76.0/24"),
        rule("sgr-3", "tcp 6379", WORLD),
    ])
}

const ALL: [&str; 3] = ["sgr-1", "sgr-2", "sgr-3"];

#[test]
fn what_is_tolerated_is_no_finding_and_is_said() {
    let decision = judged(Answer::Suppressed(vec![exception("sandbox", None)]), &three(), &ALL);
    assert!(decision.is_clean());
    let told: Vec<_> = decision.suppressed.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "open-ingress sgr-2 TCP 22 from 52.94.76.0/24 by sandbox: because of sandbox",
            "open-ingress sgr-3 TCP 6379 from 0.0.0.0/0 by sandbox: because of sandbox",
        ]
    );
}

#[test]
fn private_rules_are_nobodys_question() {
    for answer in [Answer::Fault, Answer::NotKnown, Answer::Unreadable("gone".to_owned())] {
        let decision = judged(answer, &three(), &["sgr-1"]);
        assert!(decision.is_clean() && decision.suppressed.is_empty(), "{decision:?}");
    }
}

#[test]
fn with_policies_that_cannot_be_read_nothing_is_tolerated_and_nothing_done() {
    let decision = judged(Answer::Unreadable("line 1".to_owned()), &three(), &ALL);
    assert_eq!(rule_ids(&decision.findings), ["sgr-2", "sgr-3"]);
    assert!(decision.actions().is_empty() && decision.suppressed.is_empty());
    for finding in &decision.findings {
        assert_eq!(withheld(finding), Some(&Because::ExceptionsUnreadable("line 1".to_owned())));
    }
}

#[test]
fn what_depends_on_what_could_not_be_read_is_left_to_a_person() {
    let decision = judged(Answer::NotKnown, &three(), &["sgr-3"]);
    assert_eq!(rule_ids(&decision.findings), ["sgr-3"]);
    assert_eq!(withheld(&decision.findings[0]), Some(&Because::ExceptionsNotKnown));
}

/// Suppressed everything until it ended.
#[derive(Debug)]
struct Lapsed;

impl Exceptions for Lapsed {
    fn ask(&self, _: &ExceptionQuery<'_>) -> Answer {
        Answer::Fault
    }

    fn ended(&self, asked: &ExceptionQuery<'_>) -> Option<Exception> {
        let on = asked.on.expect("it is about a rule");
        assert_eq!((on.own, on.union), (on.union, on.own), "it admits the world by itself");
        Some(exception("bastion", Some("2026-11-01")))
    }
}

#[test]
fn an_exception_that_ended_is_named_and_the_rule_goes() {
    let lead = touched(Touched::Rules(vec![id("sgr-3")]));
    let (event, facts) = (event(Lead::Group(lead.clone())), three());
    let context = DecisionContext { exceptions: &Lapsed, ..context(Mode::Enforce) };
    let decision = group(&event, &lead, &facts, &context);
    assert_eq!(revoked(&decision), ["sgr-3"]);
    let report = Report::new(&event, &decision, &Known::new(Seen::Group(&facts), &context));
    let rule = Some("sgr-3".to_owned());
    let exception = exception("bastion", Some("2026-11-01"));
    assert_eq!(report.expired, [Expired { check: Check::OpenIngress, rule, exception }]);
    let line = "expired: open-ingress sgr-3 was suppressed by bastion until 2026-11-01";
    assert!(report.to_string().contains(line), "{report}");
}

/// Tolerates exactly TCP 443 beside what is narrow.
#[derive(Debug)]
struct Web;

impl Exceptions for Web {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        let https = asked
            .on
            .is_some_and(|on| on.rule.protocol == Protocol::Tcp && on.rule.ports() == (443, 443));
        if https && asked.check == Check::OpenIngress {
            Answer::Suppressed(vec![exception("web", None)])
        } else {
            Narrow.ask(asked)
        }
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        None
    }
}

#[test]
fn what_is_tolerated_at_a_port_does_not_make_another_rule_complete_a_union() {
    let office = rule("sgr-2", "tcp 0-65535", "52.94.76.0/24");
    let facts = fixtures::group(vec![rule("sgr-1", "tcp 443", WORLD), office]);
    for touched in [&["sgr-1", "sgr-2"][..], &["sgr-1"], &["sgr-2"]] {
        let decision = by(&Web, &facts, touched);
        assert!(decision.is_clean(), "{decision:?}");
        assert_eq!(decision.suppressed.len(), touched.len(), "{decision:?}");
    }
}

#[test]
fn halves_are_at_fault_where_no_exception_is_for_both() {
    let halves = |traffic: &str| {
        let nets = [("sgr-1", "11.0.0.0/9"), ("sgr-2", "11.128.0.0/9")];
        fixtures::group(nets.map(|(id, net)| rule(id, traffic, net)).to_vec())
    };
    assert!(by(&Web, &halves("tcp 443"), &["sgr-1", "sgr-2"]).is_clean());
    assert_eq!(revoked(&by(&Web, &halves("tcp 444"), &["sgr-1", "sgr-2"])), ["sgr-1", "sgr-2"]);
    assert_eq!(revoked(&by(&Web, &halves("tcp 444"), &["sgr-2"])), ["sgr-2"]);
}

#[test]
fn a_rule_at_fault_in_another_way_is_not_told_as_tolerated() {
    let facts = fixtures::group(vec![rule("sgr-1", "udp 11211", "52.94.76.1/32")]);
    let decision = by(&Narrow, &facts, &["sgr-1"]);
    assert_eq!(checks(&decision.findings), [Check::MemcachedUdp]);
    assert!(decision.suppressed.is_empty(), "{decision:?}");
}

#[test]
fn a_caches_settings_are_asked_about_as_well() {
    let kind = CacheKind::ReplicationGroup;
    let facts = CacheFacts {
        transit_encryption: Some(false),
        authentication: Some(false),
        ..fixtures::cache(kind, Engine::Redis, &[6379])
    };
    let lead = cache_lead(kind);
    let decide = |answer: Answer| {
        let exceptions = Always(answer);
        let context = DecisionContext {
            exceptions: &exceptions,
            machine: Some("arn:aws:states:eu-west-1:111122223333:stateMachine:m"),
            ..context(Mode::Enforce)
        };
        cache(&event(Lead::Cache(lead.clone())), &lead, &facts, &[], &context)
    };
    let suppressed = decide(Answer::Suppressed(vec![exception("vendor", None)]));
    assert!(suppressed.is_clean() && suppressed.suppressed.len() == 3, "{suppressed:?}");
    assert_eq!(decide(Answer::Fault).actions().len(), 1);
    let unreadable = decide(Answer::Unreadable("line 1".to_owned()));
    assert!(unreadable.actions().is_empty(), "{unreadable:?}");
    assert_eq!(unreadable.findings.len(), 3, "{unreadable:?}");
}
