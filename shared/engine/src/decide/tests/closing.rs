//! Caches for whose event an earlier attempt went to close rules, and did not report it.

use super::*;
use crate::finding::rule_of;

const CACHE: CacheKind = CacheKind::ReplicationGroup;

/// A group that only a cache carries.
fn of_cache(rules: Vec<IngressRule>) -> GroupFacts {
    with_interfaces(fixtures::group(rules), vec![cache_interface("eni-1")])
}

/// What is decided about a cache on port 7000 behind these groups, where these rules of `sg-01` are unreported.
fn decide_behind(mode: Mode, groups: CacheGroups, unreported: &[IngressRule]) -> Decision {
    let rule = |rule: &IngressRule| RuleLead {
        id: Some(rule.id.clone()),
        shape: Some(shape(rule)),
        edit: false,
    };
    let unreported = touched(Touched::Rules(unreported.iter().map(rule).collect()));
    let lead = cache_lead(CACHE);
    let facts = CacheFacts { groups, ..fixtures::cache(CACHE, Engine::Valkey, &[7000]) };
    let event = event(Lead::Cache(lead.clone()));
    cache(&event, &lead, &facts, &[unreported], &fixtures::context(mode))
}

fn decide(live: Vec<IngressRule>, unreported: &[IngressRule]) -> Decision {
    decide_behind(Mode::Enforce, CacheGroups::Read(vec![of_cache(live)]), unreported)
}

/// The rules that are told as gone.
fn gone(decision: &Decision) -> Vec<&str> {
    let of = |finding: &Finding| matches!(finding.remedy, Remedy::Gone(_));
    let findings = decision.findings.iter().filter(|finding| of(finding));
    findings.filter_map(rule_of).map(|rule| rule.id.as_str()).collect()
}

#[test]
fn an_unreported_rule_that_is_still_open_goes() {
    let open = rule("sgr-1", "tcp 7000", WORLD);
    let decision = decide(vec![open.clone()], &[open]);
    assert_eq!(revoked(&decision), ["sgr-1"]);
    assert_eq!(gone(&decision), Vec::<&str>::new());
    assert!(decision.notes.is_empty());
}

#[test]
fn an_unreported_rule_that_is_private_by_now_leads_to_nothing() {
    let live = rule("sgr-1", "tcp 7000", "10.0.0.0/8");
    let decision = decide(vec![live], &[rule("sgr-1", "tcp 7000", WORLD)]);
    assert!(decision.is_clean() && decision.notes.is_empty(), "{decision:?}");
}

#[test]
fn an_unreported_rule_that_is_gone_is_told_with_what_it_was_in_every_mode() {
    let was = rule("sgr-1", "tcp 6999-7001", WORLD);
    for mode in [Mode::Enforce, Mode::Observe] {
        let groups = CacheGroups::Read(vec![of_cache(Vec::new())]);
        let decision = decide_behind(mode, groups, std::slice::from_ref(&was));
        assert_eq!(checks(&decision.findings), [Check::OpenCache]);
        let action = Action::RevokeIngress {
            group: "sg-01".to_owned(),
            rule: was.clone(),
            grants: Grants::default(),
        };
        assert_eq!(decision.findings[0].remedy, Remedy::Gone(action));
        assert!(decision.actions().is_empty());
        assert_eq!(decision.notes, ["sgr-1 is gone"]);
    }
}

/// A forged record tells of nothing that would not have been closed.
#[test]
fn an_unreported_rule_that_is_gone_and_did_not_open_the_cache_is_noted_only() {
    for (traffic, source) in
        [("tcp 7000", "10.0.0.0/8"), ("tcp 6379", WORLD), ("udp 7000", WORLD), ("-1", "pl-1")]
    {
        let decision = decide(Vec::new(), &[rule("sgr-1", traffic, source)]);
        assert!(decision.is_clean(), "{decision:?}");
        assert_eq!(decision.notes, ["sgr-1 is gone"]);
    }
}

#[test]
fn what_is_gone_is_told_beside_what_is_still_open() {
    let (first, second) = (rule("sgr-1", "tcp 7000", WORLD), rule("sgr-2", "tcp 7000", "::/0"));
    let decision = decide(vec![second.clone()], &[first, second]);
    assert_eq!(revoked(&decision), ["sgr-2"]);
    assert_eq!(gone(&decision), ["sgr-1"]);
    assert_eq!(decision.findings.len(), 2);
}

#[test]
fn half_of_a_union_that_is_gone_is_told() {
    let stays = rule("sgr-1", "tcp 7000", "11.0.0.0/9");
    let decision = decide(vec![stays], &[rule("sgr-2", "tcp 7000", "11.128.0.0/9")]);
    assert_eq!(gone(&decision), ["sgr-2"]);
    assert!(decision.actions().is_empty());
}

#[test]
fn a_rule_that_came_since_goes_all_the_same() {
    let (known, new) = (rule("sgr-1", "tcp 7000", WORLD), rule("sgr-2", "tcp 7000", WORLD));
    let decision = decide(vec![known.clone(), new], &[known]);
    assert_eq!(revoked(&decision), ["sgr-1", "sgr-2"]);
}

/// Whether the rule is gone, nobody has looked.
#[test]
fn a_rule_of_a_group_that_is_not_the_caches_is_not_told_as_gone() {
    let was = rule("sgr-1", "tcp 7000", WORLD);
    let other = GroupFacts { id: "sg-02".to_owned(), ..of_cache(Vec::new()) };
    let decision =
        decide_behind(Mode::Enforce, CacheGroups::Read(vec![other]), std::slice::from_ref(&was));
    assert!(decision.is_clean() && decision.notes.is_empty(), "{decision:?}");
    let unknown = CacheGroups::Unknown("not named yet".to_owned());
    assert_eq!(gone(&decide_behind(Mode::Enforce, unknown, &[was])), Vec::<&str>::new());
}
