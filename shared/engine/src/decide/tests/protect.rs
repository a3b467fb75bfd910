//! `portcullis:protect`.

use super::*;
use crate::facts::{GroupDetails, PROTECT, Tag};

/// An open group with a tag of this key.
fn tagged(key: &str, value: &str) -> GroupFacts {
    let tags = vec![Tag { key: key.to_owned(), value: value.to_owned() }];
    let details = Some(GroupDetails { tags, ..GroupDetails::default() });
    GroupFacts { details, ..fixtures::group(vec![rule("sgr-1", "tcp 6379", WORLD)]) }
}

fn of_sgr_1(facts: &GroupFacts, mode: Mode) -> Decision {
    decide_in(mode, facts, &touched(Touched::Rules(vec![id("sgr-1")])))
}

#[test]
fn a_group_with_other_tags_is_closed() {
    for key in ["portcullis", "protect", "portcullis:protected", "portcullis:protect "] {
        assert_eq!(revoked(&of_sgr_1(&tagged(key, "true"), Mode::Enforce)), ["sgr-1"], "{key}");
    }
}

#[test]
fn a_protected_group_is_told_and_left_alone_whatever_the_value() {
    for value in ["", "true", "false", "no"] {
        let decision = of_sgr_1(&tagged(PROTECT, value), Mode::Enforce);
        assert!(decision.actions().is_empty());
        assert_eq!(
            decision.findings.iter().map(withheld).collect::<Vec<_>>(),
            [Some(&Because::Protected)]
        );
    }
}

/// IAM compares keys so, and would refuse.
#[test]
fn the_key_counts_in_whatever_case() {
    assert!(of_sgr_1(&tagged("Portcullis:Protect", ""), Mode::Enforce).actions().is_empty());
}

#[test]
fn severity_and_finding_are_as_without_the_tag() {
    let (with, without) = (tagged(PROTECT, ""), tagged("other", ""));
    let what = |facts| {
        let finding = of_sgr_1(facts, Mode::Enforce).findings.remove(0);
        (finding.check, fixtures::severity(&finding, std::slice::from_ref(facts)), finding.evidence)
    };
    assert_eq!(what(&with), what(&without));
}

#[test]
fn it_is_the_reason_in_observe_mode_and_of_a_truncated_event_too() {
    let facts = tagged(PROTECT, "");
    let observed = of_sgr_1(&facts, Mode::Observe);
    let truncated = touched(Touched::Unknown("truncated".to_owned()));
    let truncated = decide_in(Mode::Enforce, &facts, &truncated);
    for decision in [observed, truncated] {
        assert_eq!(withheld(&decision.findings[0]), Some(&Because::Protected));
    }
}

#[test]
fn of_the_groups_of_a_cache_only_the_protected_is_left_alone() {
    let open = |id: &str, rule: &str, tag: &str| {
        let mut group = tagged(tag, "");
        group.id = id.to_owned();
        group.rules[0].id = rule.to_owned();
        with_interfaces(group, vec![cache_interface("eni-1")])
    };
    let groups = vec![open("sg-1", "sgr-1", PROTECT), open("sg-2", "sgr-2", "team")];
    let facts = CacheFacts {
        groups: CacheGroups::Read(groups),
        ..fixtures::cache(CacheKind::ReplicationGroup, Engine::Valkey, &[6379])
    };
    let lead = cache_lead(CacheKind::ReplicationGroup);
    let decision = cache(
        &event(Lead::Cache(lead.clone())),
        &lead,
        &facts,
        &[],
        &fixtures::context(Mode::Enforce),
    );
    assert_eq!(revoked(&decision), ["sgr-2"]);
    let protected =
        decision.findings.iter().find(|f| crate::finding::group_of(f) == Some("sg-1")).unwrap();
    assert_eq!(withheld(protected), Some(&Because::Protected));
}

#[test]
fn who_owns_what_does_not_hide_that_it_is_protected() {
    let facts = GroupFacts { owner: Some("444455556666".to_owned()), ..tagged(PROTECT, "") };
    let decision = of_sgr_1(&facts, Mode::Enforce);
    assert_eq!(withheld(&decision.findings[0]), Some(&Because::Protected));
}
