mod altered;
mod attached;
mod closing;
mod exceptions;
mod moves;
mod protect;

use super::*;
use crate::action::{Action, Because, Grants, Remedy};
use crate::event::{
    CacheLead, Event, GroupLead, GroupRef, Inherits, Lead, RuleLead, RuleShape, Touched,
};
use crate::facts::{CacheFacts, CacheGroups, CacheKind, Engine, GroupFacts, IngressRule};
use crate::finding::{Check, Evidence, Finding, rule_of};
use crate::fixtures::{
    self, cache_interface, cache_lead, context, event, interface, public_interface, rule, rule_ids,
    with_interfaces, with_unreadable_list,
};
use crate::ledger::{Key, Memory, Snooze};
use crate::report::{Report, Reported, Seen};
use crate::settings::Mode;
use crate::severity::Severity;

const WORLD: &str = "0.0.0.0/0";

fn id(id: &str) -> RuleLead {
    RuleLead { id: Some(id.to_owned()), shape: None, edit: false }
}

fn shape(rule: &IngressRule) -> RuleShape {
    RuleShape {
        protocol: rule.protocol.clone(),
        from_port: rule.from_port,
        to_port: rule.to_port,
        source: rule.source.clone(),
    }
}

/// A rule that the event says was edited to this.
fn edited(rule: &IngressRule) -> RuleLead {
    RuleLead { id: Some(rule.id.clone()), shape: Some(shape(rule)), edit: true }
}

fn touched(touched: Touched) -> GroupLead {
    GroupLead { group: GroupRef::Id("sg-01".to_owned()), touched }
}

fn decide_in(mode: Mode, facts: &GroupFacts, lead: &GroupLead) -> Decision {
    group(&event(Lead::Group(lead.clone())), lead, facts, &context(mode))
}

/// What is told of it before anything is done.
fn reported(facts: &GroupFacts, leads: Vec<RuleLead>) -> Report {
    let lead = touched(Touched::Rules(leads));
    let decision = decide_in(Mode::Enforce, facts, &lead);
    fixtures::report(&event(Lead::Group(lead)), &decision, Seen::Group(facts))
}

/// What is decided about a group of which the event touched these rules.
fn decide(rules: Vec<IngressRule>, leads: Vec<RuleLead>) -> Decision {
    let lead = touched(Touched::Rules(leads));
    decide_in(Mode::Enforce, &fixtures::group(rules), &lead)
}

fn revoked(decision: &Decision) -> Vec<&str> {
    let rules = decision.actions().into_iter().filter_map(Action::revokes);
    rules.map(|(_, rule)| rule.id.as_str()).collect()
}

/// What EC2 does not show yet, by its id.
fn unseen(decision: &Decision) -> Vec<String> {
    decision.unseen.iter().map(ToString::to_string).collect()
}

/// What is decided when the event is as old as this, in seconds.
fn decide_after(seconds: i64, rules: Vec<IngressRule>, leads: Vec<RuleLead>) -> Decision {
    let lead = touched(Touched::Rules(leads));
    let event = event(Lead::Group(lead.clone()));
    let now = crate::time::seconds(&event.time) + seconds;
    let context = DecisionContext { now, ..context(Mode::Enforce) };
    group(&event, &lead, &fixtures::group(rules), &context)
}

/// The ids of the rules that are told as gone.
fn gone(decision: &Decision) -> Vec<&str> {
    let is_gone = |finding: &&Finding| matches!(finding.remedy, Remedy::Gone(_));
    let rules = decision.findings.iter().filter(is_gone).filter_map(rule_of);
    rules.map(|rule| rule.id.as_str()).collect()
}

/// The ids of the rules that are told, in their order.
fn ids(reported: &[Reported]) -> Vec<&str> {
    reported.iter().filter_map(Reported::rule).map(|rule| rule.id.as_str()).collect()
}

fn checks(findings: &[Finding]) -> Vec<Check> {
    findings.iter().map(|finding| finding.check).collect()
}

fn withheld(finding: &Finding) -> Option<&Because> {
    match &finding.remedy {
        Remedy::NotRemediated { because, .. } => Some(because),
        Remedy::Do(_) | Remedy::Manual { .. } | Remedy::Pending(_) | Remedy::Gone(_) => None,
    }
}

fn by_hand(finding: &Finding) -> Option<&Because> {
    match &finding.remedy {
        Remedy::Manual { because, .. } => Some(because),
        Remedy::Do(_) | Remedy::NotRemediated { .. } | Remedy::Pending(_) | Remedy::Gone(_) => None,
    }
}

mod groups {
    use super::*;

    #[test]
    fn a_touched_rule_that_is_clean_leads_to_nothing() {
        let facts = fixtures::group(vec![rule("sgr-1", "tcp 22", "10.0.0.0/8")]);
        let report = reported(&facts, vec![id("sgr-1")]);
        let decision = &report.decision;
        assert!(decision.is_clean() && decision.actions().is_empty());
        assert!(report.older.is_empty() && decision.unseen.is_empty());
        assert!(decision.notes.is_empty() && report.is_silent());
        assert_eq!(report.severity(), Severity::Low);
        assert_eq!(report.to_string(), "clean security-group sg-01");
    }

    #[test]
    fn a_touched_rule_at_fault_goes_and_the_others_stay() {
        let rules = vec![
            rule("sgr-1", "tcp 6379", "10.0.0.0/8"),
            rule("sgr-2", "tcp 6379", WORLD),
            rule("sgr-3", "tcp 6379", "sg-0f"),
        ];
        let decision = decide(rules, vec![id("sgr-1"), id("sgr-2"), id("sgr-3")]);
        assert_eq!(revoked(&decision), ["sgr-2"]);
    }

    #[test]
    fn a_group_of_another_account_is_left_to_a_person() {
        let lead = touched(Touched::Rules(vec![id("sgr-1")]));
        let mut facts = fixtures::group(vec![rule("sgr-1", "tcp 22", WORLD)]);
        facts.owner = Some("444455556666".to_owned());
        for mode in [Mode::Enforce, Mode::Observe] {
            let decision = decide_in(mode, &facts, &lead);
            let because = Because::OtherOwner("444455556666".to_owned());
            assert_eq!(by_hand(&decision.findings[0]), Some(&because), "{mode:?}");
            assert_eq!(revoked(&decision), Vec::<&str>::new());
            let arn = "arn:aws:ec2:eu-west-1:444455556666:security-group/sg-01";
            assert_eq!(decision.subject.arn, arn);
        }
    }

    #[test]
    fn a_group_whose_owner_was_not_read_is_ours() {
        let lead = touched(Touched::Rules(vec![id("sgr-1")]));
        let mut facts = fixtures::group(vec![rule("sgr-1", "tcp 22", WORLD)]);
        facts.owner = None;
        let decision = decide_in(Mode::Enforce, &facts, &lead);
        assert_eq!(revoked(&decision), ["sgr-1"]);
        let arn = "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-01";
        assert_eq!(decision.subject.arn, arn);
    }

    #[test]
    fn the_arn_is_of_the_partition_of_the_region() {
        let lead = touched(Touched::Rules(Vec::new()));
        let facts = fixtures::group(Vec::new());
        for (region, partition) in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")] {
            let mut event = event(Lead::Group(lead.clone()));
            region.clone_into(&mut event.region);
            let decision = group(&event, &lead, &facts, &context(Mode::Enforce));
            assert!(decision.subject.arn.starts_with(&format!("arn:{partition}:ec2:{region}:")));
        }
    }

    #[test]
    fn observe_mode_withholds_what_would_be_done() {
        let lead = touched(Touched::Rules(vec![id("sgr-1")]));
        let facts = fixtures::group(vec![rule("sgr-1", "tcp 22", WORLD)]);
        let decision = decide_in(Mode::Observe, &facts, &lead);
        assert_eq!(withheld(&decision.findings[0]), Some(&Because::Observe));
        assert!(decision.actions().is_empty());
        assert_eq!(decision.mode, Mode::Observe);
    }

    #[test]
    fn observe_mode_keeps_every_other_reason() {
        let lead = touched(Touched::Rules(vec![id("sgr-1"), id("sgr-2")]));
        let facts = fixtures::group(vec![
            rule("sgr-1", "tcp 22", "pl-1"),
            rule("sgr-2", "-1", "52.94.5.1/32"),
        ]);
        let facts = with_unreadable_list(facts, "pl-1", "access denied");
        let decision = decide_in(Mode::Observe, &facts, &lead);
        let why = "prefix list pl-1: access denied".to_owned();
        assert_eq!(withheld(&decision.findings[0]), Some(&Because::SourceUnknown(why)));
        assert_eq!(by_hand(&decision.findings[1]), Some(&Because::AllTraffic));
    }

    #[test]
    fn where_the_record_does_not_say_what_it_touched_all_is_told_and_nothing_done() {
        let lead = touched(Touched::Unknown("the record was truncated".to_owned()));
        let facts = fixtures::group(vec![
            rule("sgr-1", "tcp 22", WORLD),
            rule("sgr-2", "tcp 23", WORLD),
            rule("sgr-3", "tcp 22", "10.0.0.0/8"),
        ]);
        for mode in [Mode::Enforce, Mode::Observe] {
            let decision = decide_in(mode, &facts, &lead);
            assert_eq!(rule_ids(&decision.findings), ["sgr-1", "sgr-2"]);
            let because = Because::TouchedUnknown("the record was truncated".to_owned());
            assert!(decision.findings.iter().all(|found| withheld(found) == Some(&because)));
            assert!(decision.actions().is_empty());
            let event = event(Lead::Group(lead.clone()));
            assert!(fixtures::report(&event, &decision, Seen::Group(&facts)).older.is_empty());
        }
    }

    #[test]
    fn where_the_record_does_not_say_and_nothing_is_at_fault_it_is_silent() {
        let lead = touched(Touched::Unknown("the record was truncated".to_owned()));
        let facts = fixtures::group(vec![rule("sgr-1", "tcp 22", "10.0.0.0/8")]);
        assert!(decide_in(Mode::Enforce, &facts, &lead).is_clean());
    }

    #[test]
    fn a_rule_at_fault_in_two_ways_goes_once() {
        let decision = decide(vec![rule("sgr-1", "udp 11211", WORLD)], vec![id("sgr-1")]);
        assert_eq!(checks(&decision.findings), [Check::OpenIngress, Check::MemcachedUdp]);
        assert_eq!(revoked(&decision), ["sgr-1"]);
    }

    #[test]
    fn a_rule_touched_twice_goes_once() {
        let open = rule("sgr-1", "tcp 22", WORLD);
        let by_shape = RuleLead { id: None, shape: Some(shape(&open)), edit: true };
        let decision = decide(vec![open], vec![id("sgr-1"), id("sgr-1"), by_shape]);
        assert_eq!(rule_ids(&decision.findings), ["sgr-1"]);
        assert_eq!(revoked(&decision), ["sgr-1"]);
    }

    #[test]
    fn older_faults_are_never_the_cause() {
        let rules = vec![rule("sgr-1", "tcp 22", WORLD), rule("sgr-2", "tcp 22", "10.0.0.0/8")];
        let report = reported(&fixtures::group(rules), vec![id("sgr-2")]);
        assert!(report.is_silent() && report.older.is_empty());
    }

    #[test]
    fn older_faults_are_told_beside_a_finding_and_left_alone() {
        let rules = vec![
            rule("sgr-1", "tcp 22", WORLD),
            rule("sgr-2", "tcp 80", "pl-1"),
            rule("sgr-3", "tcp 443", WORLD),
            rule("sgr-4", "tcp 443", "10.0.0.0/8"),
        ];
        let report = reported(&fixtures::group(rules), vec![id("sgr-3")]);
        assert_eq!(revoked(&report.decision), ["sgr-3"]);
        assert_eq!(ids(&report.older), ["sgr-1", "sgr-2"]);
        assert_eq!(withheld(&report.older[0].finding), Some(&Because::NotTouched));
        assert!(withheld(&report.older[1].finding).is_some());
    }

    #[test]
    fn findings_come_the_worst_first_then_by_rule_then_by_check() {
        let facts = fixtures::group(vec![
            rule("sgr-4", "-1", "52.94.5.1/32"),
            rule("sgr-3", "tcp 22", WORLD),
            rule("sgr-2", "tcp 22", "pl-1"),
            rule("sgr-1", "udp 11211", WORLD),
        ]);
        let facts = with_interfaces(facts, vec![public_interface("eni-1")]);
        let report = reported(&facts, ["sgr-4", "sgr-3", "sgr-2", "sgr-1"].map(id).to_vec());
        assert_eq!(ids(&report.findings), ["sgr-1", "sgr-1", "sgr-3", "sgr-2", "sgr-4"]);
        use Severity::{Critical, High, Medium};
        let severities: Vec<_> = report.findings.iter().map(|found| found.severity).collect();
        assert_eq!(severities, [Critical, Critical, Critical, High, Medium]);
        let first: Vec<_> = report.findings[..2].iter().map(|found| found.finding.check).collect();
        assert_eq!(first, [Check::OpenIngress, Check::MemcachedUdp]);
        assert_eq!(report.severity(), Critical);
    }

    #[test]
    fn what_is_gone_is_noted() {
        let decision = decide_after(300, Vec::new(), vec![id("sgr-1")]);
        assert!(decision.is_clean() && decision.unseen.is_empty());
        assert_eq!(decision.notes, ["sgr-1 is gone"]);
    }

    /// Not shown is not gone, until the event is old.
    #[test]
    fn a_rule_that_is_not_shown_is_waited_for_only_where_it_may_be_at_fault_and_then_it_is_gone() {
        let by_shape = |source| {
            let asked = rule("", "tcp 22", source);
            RuleLead { id: None, shape: Some(shape(&asked)), edit: false }
        };
        let made = |source| {
            let made = rule("sgr-1", "tcp 22", source);
            RuleLead { edit: false, ..edited(&made) }
        };
        for (lead, suspect, told) in [
            (made(WORLD), true, true),
            (by_shape(WORLD), true, true),
            (made("10.0.0.0/8"), false, false),
            (made("sg-0f"), false, false),
            // Neither can be judged without a look at it.
            (made("pl-1"), true, false),
            (id("sgr-1"), true, false),
        ] {
            for age in [-299, 0, 299] {
                let young = decide_after(age, Vec::new(), vec![lead.clone()]);
                assert!(young.is_clean(), "{lead}");
                assert_eq!(young.unseen, if suspect { vec![lead.clone()] } else { vec![] });
            }
            for age in [-300, 300, i64::MAX / 2] {
                let old = decide_after(age, Vec::new(), vec![lead.clone()]);
                assert!(old.unseen.is_empty(), "{lead}");
                assert_eq!(!gone(&old).is_empty(), told, "{lead}");
            }
        }
    }

    #[test]
    fn an_edit_of_an_egress_rule_is_nothing() {
        let mut facts = fixtures::group(vec![rule("sgr-1", "tcp 22", WORLD)]);
        facts.egress = vec!["sgr-9".to_owned()];
        let open = rule("sgr-9", "tcp 22", WORLD);
        let lead = touched(Touched::Rules(vec![edited(&open)]));
        let decision = decide_in(Mode::Enforce, &facts, &lead);
        assert!(decision.is_clean() && decision.notes.is_empty() && decision.unseen.is_empty());
    }

    #[test]
    fn a_rule_without_an_id_is_found_by_its_shape() {
        let lead = |traffic, source| {
            let asked = rule("", traffic, source);
            RuleLead { id: None, shape: Some(shape(&asked)), edit: true }
        };
        let rules = || vec![rule("sgr-1", "tcp 22", WORLD), rule("sgr-2", "-1", WORLD)];
        for (asked, expected) in [
            (lead("tcp 22", WORLD), vec!["sgr-1"]),
            (lead("6 22", WORLD), vec!["sgr-1"]),
            (lead("tcp 22-23", WORLD), vec![]),
            (lead("udp 22", WORLD), vec![]),
            (lead("tcp 22", "::/0"), vec![]),
            // EC2 keeps no ports of a rule for all traffic.
            (lead("-1 22", WORLD), vec!["sgr-2"]),
        ] {
            assert_eq!(revoked(&decide(rules(), vec![asked])), expected);
        }
    }
}

/// Edits that Describe does not show: either it or the event may be old.
mod edits {
    use super::*;

    /// Describe shows the first; the event says it was edited to the second.
    fn seen_and_said(live: (&str, &str), said: (&str, &str)) -> Decision {
        let said = rule("sgr-1", said.0, said.1);
        decide(vec![rule("sgr-1", live.0, live.1)], vec![edited(&said)])
    }

    #[test]
    fn an_edit_that_describe_shows_is_settled() {
        let decision = seen_and_said(("tcp 22", WORLD), ("tcp 22", WORLD));
        assert_eq!(revoked(&decision), ["sgr-1"]);
        assert!(decision.notes.is_empty() && decision.unseen.is_empty());
    }

    #[test]
    fn public_as_seen_and_private_as_said_leads_to_nothing() {
        let decision = seen_and_said(("tcp 22", WORLD), ("tcp 22", "10.0.0.0/8"));
        assert!(decision.is_clean() && decision.unseen.is_empty());
        assert_eq!(decision.notes, ["sgr-1 is not (any more) as the event says: from 10.0.0.0/8"]);
    }

    #[test]
    fn private_as_seen_and_public_as_said_is_unseen_and_not_acted_on() {
        let decision = seen_and_said(("tcp 22", "10.0.0.0/8"), ("tcp 22", WORLD));
        assert!(decision.is_clean() && decision.actions().is_empty());
        assert_eq!(unseen(&decision), ["sgr-1"]);
    }

    #[test]
    fn private_as_seen_and_as_said_is_clean() {
        let decision = seen_and_said(("tcp 22", "10.0.0.0/8"), ("tcp 22", "10.1.0.0/16"));
        assert!(decision.is_clean() && decision.unseen.is_empty());
        assert_eq!(decision.notes.len(), 1);
    }

    #[test]
    fn public_as_seen_and_as_said_goes() {
        for said in [("tcp 22", "::/0"), ("tcp 23", WORLD), ("-1", WORLD)] {
            let decision = seen_and_said(("tcp 22", WORLD), said);
            assert_eq!(revoked(&decision), ["sgr-1"], "{said:?}");
            assert!(decision.unseen.is_empty(), "{said:?}");
        }
    }

    #[test]
    fn an_edit_of_the_ports_alone_can_be_unseen_too() {
        let office = "52.94.5.1/32";
        let decision = seen_and_said(("udp 53", office), ("udp 11211", office));
        assert!(decision.is_clean());
        assert_eq!(unseen(&decision), ["sgr-1"]);
    }

    #[test]
    fn an_edit_that_completes_a_union_is_unseen() {
        let rules =
            vec![rule("sgr-1", "tcp 22", "11.0.0.0/9"), rule("sgr-2", "tcp 22", "10.0.0.0/8")];
        let said = rule("sgr-2", "tcp 22", "11.128.0.0/9");
        let decision = decide(rules, vec![edited(&said)]);
        assert!(decision.is_clean());
        assert_eq!(unseen(&decision), ["sgr-2"]);
    }

    #[test]
    fn an_edit_to_a_source_that_cannot_be_read_is_unseen() {
        let decision = seen_and_said(("tcp 22", "10.0.0.0/8"), ("tcp 22", "pl-1"));
        assert_eq!(unseen(&decision), ["sgr-1"]);
    }

    #[test]
    fn an_unsettled_edit_does_not_keep_other_rules() {
        let rules = vec![rule("sgr-1", "tcp 22", "10.0.0.0/8"), rule("sgr-2", "tcp 22", WORLD)];
        let said = rule("sgr-1", "tcp 22", WORLD);
        let decision = decide(rules, vec![edited(&said), id("sgr-2")]);
        assert_eq!(revoked(&decision), ["sgr-2"]);
        assert_eq!(unseen(&decision), ["sgr-1"]);
    }

    /// What was edited back is told as gone, and what is at fault is revoked.
    #[test]
    fn once_the_event_is_old_describe_is_right() {
        let world = rule("sgr-1", "tcp 22", WORLD);
        let private = rule("sgr-1", "tcp 22", "10.0.0.0/8");
        let back = decide_after(300, vec![private.clone()], vec![edited(&world)]);
        assert_eq!(gone(&back), ["sgr-1"]);
        assert!(back.unseen.is_empty() && back.actions().is_empty());
        let open = decide_after(300, vec![world], vec![edited(&private)]);
        assert_eq!(revoked(&open), ["sgr-1"]);
        assert!(open.unseen.is_empty() && gone(&open).is_empty());
    }

    #[test]
    fn public_as_seen_and_unreadable_as_said_is_not_revoked() {
        let decision = seen_and_said(("tcp 22", WORLD), ("tcp 22", "pl-1"));
        assert!(decision.actions().is_empty(), "{decision:?}");
    }

    #[test]
    fn public_as_seen_and_a_persons_as_said_is_not_revoked() {
        let decision = seen_and_said(("tcp 22", WORLD), ("-1", "52.94.5.1/32"));
        assert!(decision.actions().is_empty(), "{decision:?}");
    }

    #[test]
    fn a_rule_edited_to_private_is_not_told_as_an_older_fault() {
        let rules = vec![rule("sgr-1", "tcp 22", WORLD), rule("sgr-2", "tcp 23", WORLD)];
        let said = rule("sgr-1", "tcp 22", "10.0.0.0/8");
        let report = reported(&fixtures::group(rules), vec![edited(&said), id("sgr-2")]);
        assert_eq!(ids(&report.findings), ["sgr-2"]);
        assert_eq!(ids(&report.older), Vec::<&str>::new());
    }
}

mod caches {
    use super::*;

    const GROUP: CacheKind = CacheKind::ReplicationGroup;

    fn decide_in(mode: Mode, lead: &CacheLead, facts: &CacheFacts) -> Decision {
        cache(&event(Lead::Cache(lead.clone())), lead, facts, &[], &context(mode))
    }

    fn decide(lead: &CacheLead, facts: &CacheFacts) -> Decision {
        decide_in(Mode::Enforce, lead, facts)
    }

    /// A group that only a cache carries, open to the world at these ports.
    fn open(traffic: &str) -> GroupFacts {
        let group = fixtures::group(vec![rule("sgr-1", traffic, WORLD)]);
        with_interfaces(group, vec![cache_interface("eni-1")])
    }

    /// The ports at which a cache in the making is found open.
    fn open_ports(lead: &CacheLead, facts: &CacheFacts) -> Vec<Option<u16>> {
        let groups = CacheGroups::Read(vec![open("tcp 0-65535")]);
        let decision = decide(lead, &CacheFacts { groups, ..facts.clone() });
        let ports = decision.findings.iter().filter_map(|finding| match &finding.evidence {
            Evidence::Rule { cache_port, .. } => Some(*cache_port),
            Evidence::UnreadableRule { .. }
            | Evidence::UnreadableGroups(_)
            | Evidence::Entries { .. }
            | Evidence::UnnamedSubject { .. }
            | Evidence::Port { .. }
            | Evidence::Setting { .. } => None,
        });
        ports.collect()
    }

    #[test]
    fn a_cache_in_order_leads_to_nothing() {
        let facts = fixtures::cache(GROUP, Engine::Valkey, &[7000]);
        let decision = decide(&cache_lead(GROUP), &facts);
        assert!(decision.is_clean() && decision.notes.is_empty() && decision.unseen.is_empty());
        let event = event(Lead::Cache(cache_lead(GROUP)));
        let report = fixtures::report(&event, &decision, Seen::Cache(&facts));
        assert_eq!(report.to_string(), "clean replication-group sessions");
        assert_eq!(report.cache, Some(facts));
    }

    #[test]
    fn an_open_rule_of_its_own_group_goes() {
        let groups = CacheGroups::Read(vec![open("tcp 7000")]);
        let facts = CacheFacts { groups, ..fixtures::cache(GROUP, Engine::Valkey, &[7000]) };
        let decision = decide(&cache_lead(GROUP), &facts);
        assert_eq!(checks(&decision.findings), [Check::OpenCache]);
        assert_eq!(revoked(&decision), ["sgr-1"]);
        let observed = decide_in(Mode::Observe, &cache_lead(GROUP), &facts);
        assert_eq!(withheld(&observed.findings[0]), Some(&Because::Observe));
    }

    #[test]
    fn each_of_its_groups_has_its_own_owner() {
        let mut theirs = open("tcp 7000");
        "sg-02".clone_into(&mut theirs.id);
        "sgr-2".clone_into(&mut theirs.rules[0].id);
        theirs.owner = Some("444455556666".to_owned());
        let groups = CacheGroups::Read(vec![theirs, open("tcp 7000")]);
        let facts = CacheFacts { groups, ..fixtures::cache(GROUP, Engine::Valkey, &[7000]) };
        let decision = decide(&cache_lead(GROUP), &facts);
        assert_eq!(rule_ids(&decision.findings), ["sgr-2", "sgr-1"]);
        let because = Because::OtherOwner("444455556666".to_owned());
        assert_eq!(by_hand(&decision.findings[0]), Some(&because));
        assert_eq!(revoked(&decision), ["sgr-1"]);
    }

    #[test]
    fn a_member_leaves_it_to_its_group() {
        let facts = CacheFacts {
            member_of: Some("sessions-group".to_owned()),
            transit_encryption: Some(false),
            authentication: Some(false),
            groups: CacheGroups::Read(vec![open("-1")]),
            ..fixtures::cache(CacheKind::CacheCluster, Engine::Redis, &[6379])
        };
        let decision = decide(&cache_lead(CacheKind::CacheCluster), &facts);
        assert!(decision.is_clean() && decision.actions().is_empty());
        let note = "sessions is a member of replication group sessions-group, \
                    which speaks for it";
        assert_eq!(decision.notes, [note]);
    }

    #[test]
    fn the_engine_is_that_of_the_request_when_describe_has_none() {
        let lead = CacheLead { engine: Some("memcached".to_owned()), ..cache_lead(GROUP) };
        let mut facts = fixtures::cache(GROUP, Engine::Redis, &[11_211]);
        assert!(decide(&lead, &facts).is_clean(), "Describe is the truth");
        facts.engine = None;
        let decision = decide(&lead, &facts);
        let evidence = Evidence::Port { engine: Engine::Memcached, port: Some(11_211) };
        assert_eq!(decision.findings[0].evidence, evidence);
    }

    #[test]
    fn while_it_has_no_endpoint_the_request_says_the_port() {
        let facts = fixtures::cache(GROUP, Engine::Redis, &[]);
        let asked = CacheLead { port: Some(7000), ..cache_lead(GROUP) };
        assert_eq!(open_ports(&asked, &facts), [Some(7000)]);
        assert!(decide(&asked, &facts).is_clean());
    }

    #[test]
    fn a_request_without_a_port_means_the_default() {
        for (engine, port) in [(Engine::Redis, 6379), (Engine::Memcached, 11_211)] {
            let facts = fixtures::cache(CacheKind::CacheCluster, engine, &[]);
            let lead = cache_lead(CacheKind::CacheCluster);
            assert_eq!(open_ports(&lead, &facts), [Some(port)]);
            assert_eq!(checks(&decide(&lead, &facts).findings), [Check::DefaultPort]);
        }
    }

    #[test]
    fn its_endpoint_says_more_than_the_request() {
        let facts = fixtures::cache(GROUP, Engine::Redis, &[7000]);
        let asked = CacheLead {
            port: Some(6379),
            inherits: Some(Inherits::Snapshot("nightly".to_owned())),
            ..cache_lead(GROUP)
        };
        assert_eq!(open_ports(&asked, &facts), [Some(7000)]);
        assert!(decide(&asked, &facts).is_clean());
    }

    #[test]
    fn a_port_that_may_be_inherited_is_pending() {
        let facts = fixtures::cache(GROUP, Engine::Redis, &[]);
        for (inherits, text) in [
            (Inherits::Snapshot("nightly".to_owned()), "restored from snapshot nightly"),
            (Inherits::Primary("first".to_owned()), "made around the existing cluster first"),
            (Inherits::Global("ldgnf-1".to_owned()), "joined to the global datastore ldgnf-1"),
        ] {
            let lead = CacheLead { inherits: Some(inherits.clone()), ..cache_lead(GROUP) };
            let decision = decide(&lead, &facts);
            let [Finding { check: Check::DefaultPort, remedy: Remedy::Pending(why), .. }] =
                decision.findings.as_slice()
            else {
                panic!("{decision:?}")
            };
            assert!(why.contains(text), "{why}");
            assert_eq!(open_ports(&lead, &facts), [None], "all ports are open whichever it is");
            let asked = CacheLead { port: Some(7000), ..lead };
            assert!(decide(&asked, &facts).is_clean(), "the request named a port");
        }
    }

    #[test]
    fn a_serverless_cache_in_the_making_has_both_its_ports() {
        let kind = CacheKind::ServerlessCache;
        for (engine, ports) in [
            (Engine::Redis, [6379, 6380]),
            (Engine::Valkey, [6379, 6380]),
            (Engine::Memcached, [11_211, 11_212]),
        ] {
            for port in ports {
                let groups = CacheGroups::Read(vec![open(&format!("tcp {port}"))]);
                let facts = CacheFacts { groups, ..fixtures::cache(kind, engine.clone(), &[]) };
                let decision = decide(&cache_lead(kind), &facts);
                assert_eq!(checks(&decision.findings), [Check::OpenCache], "{engine:?} {port}");
                assert_eq!(revoked(&decision), ["sgr-1"], "{engine:?} {port}");
            }
            let groups = CacheGroups::Read(vec![open(&format!("tcp {}", ports[1] + 1))]);
            let facts = CacheFacts { groups, ..fixtures::cache(kind, engine, &[]) };
            assert!(decide(&cache_lead(kind), &facts).is_clean());
        }
    }

    #[test]
    fn an_engine_that_is_not_known_is_pending_not_clean() {
        let mut facts = fixtures::cache(GROUP, Engine::Unknown("new".to_owned()), &[]);
        for engine in [facts.engine.clone(), None] {
            facts.engine = engine;
            let decision = decide(&cache_lead(GROUP), &facts);
            assert!(matches!(&decision.findings[..], [Finding { remedy: Remedy::Pending(_), .. }]));
        }
    }

    #[test]
    fn findings_come_the_worst_first() {
        let groups = CacheGroups::Read(vec![with_interfaces(
            open("tcp 6379"),
            vec![interface("eni-1", "lambda"), public_interface("eni-2")],
        )]);
        let facts = CacheFacts {
            transit_encryption: Some(false),
            authentication: Some(false),
            groups,
            ..fixtures::cache(GROUP, Engine::Redis, &[6379])
        };
        let decision = decide(&cache_lead(GROUP), &facts);
        use Check::{DefaultPort, NoAuth, OpenCache, PlaintextTransit};
        let expected = [OpenCache, PlaintextTransit, NoAuth, DefaultPort];
        let event = event(Lead::Cache(cache_lead(GROUP)));
        let report = fixtures::report(&event, &decision, Seen::Cache(&facts));
        let told: Vec<_> = report.findings.iter().map(|found| found.finding.check).collect();
        assert_eq!(told, expected);
        assert_eq!(report.severity(), Severity::Critical);
    }

    #[test]
    fn groups_that_are_not_known_are_told() {
        let groups = CacheGroups::Unknown("not named yet".to_owned());
        let facts = CacheFacts { groups, ..fixtures::cache(GROUP, Engine::Redis, &[7000]) };
        let decision = decide(&cache_lead(GROUP), &facts);
        assert_eq!(checks(&decision.findings), [Check::OpenCache]);
        assert_eq!(decision.findings[0].remedy, Remedy::Pending("not named yet".to_owned()));
    }

    #[test]
    fn each_kind_has_its_arn() {
        for (kind, resource) in [
            (CacheKind::CacheCluster, "cluster"),
            (GROUP, "replicationgroup"),
            (CacheKind::ServerlessCache, "serverlesscache"),
        ] {
            let mut facts = fixtures::cache(kind, Engine::Redis, &[7000]);
            let arn = format!("arn:aws:elasticache:eu-west-1:111122223333:{resource}:sessions");
            assert_eq!(decide(&cache_lead(kind), &facts).subject.arn, arn);
            facts.arn = Some("arn:as:described".to_owned());
            assert_eq!(decide(&cache_lead(kind), &facts).subject.arn, "arn:as:described");
        }
    }

    #[test]
    fn halves_over_two_groups_are_pending_while_the_port_is_not_known() {
        let half = |id: &str, rule_id: &str, source: &str| GroupFacts {
            id: id.to_owned(),
            rules: vec![rule(rule_id, "tcp 6000-7000", source)],
            ..open("tcp 22")
        };
        let groups = CacheGroups::Read(vec![
            half("sg-01", "sgr-1", "11.0.0.0/9"),
            half("sg-02", "sgr-2", "11.128.0.0/9"),
        ]);
        let facts = CacheFacts { groups, ..fixtures::cache(GROUP, Engine::Redis, &[]) };
        let inherits = Some(Inherits::Snapshot("nightly".to_owned()));
        let decision = decide(&CacheLead { inherits, ..cache_lead(GROUP) }, &facts);
        assert!(checks(&decision.findings).contains(&Check::OpenCache), "{decision:?}");
    }
}

/// Somebody answers for that rule alone.
#[test]
fn a_snoozed_rule_makes_no_other_one_public_beside_it() {
    let rules = [rule("sgr-1", "tcp 22", "20.0.0.0/9"), rule("sgr-2", "tcp 22", "20.128.0.0/9")];
    let lead = touched(Touched::Rules(vec![id("sgr-2")]));
    let event = event(Lead::Group(lead.clone()));
    let facts = fixtures::group(rules.to_vec());
    let found = |memory: &Memory, now: &str| {
        let now = crate::time::seconds(now);
        let context = DecisionContext { memory, now, ..context(Mode::Enforce) };
        group(&event, &lead, &facts, &context).findings.len()
    };
    assert_eq!(found(&Memory::default(), "2026-11-21T10:00:30Z"), 1);
    let snooze = Snooze {
        subject: "sg-01".to_owned(),
        finding: Snooze::finding(&rules[0]),
        until: "2026-11-21T11:00:00Z".to_owned(),
        reason: "the demo".to_owned(),
        by: "alice".to_owned(),
    };
    let key = Key { subject: snooze.subject.clone(), finding: snooze.finding.clone() };
    let memory = Memory { snoozes: [(key, snooze)].into(), ..Memory::default() };
    assert_eq!(found(&memory, "2026-11-21T10:00:30Z"), 0);
    assert_eq!(found(&memory, "2026-11-21T11:00:30Z"), 1, "it has ended");
}
