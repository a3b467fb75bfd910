//! What Cedar makes of a question: default deny, forbids, failures, and text that users wrote.

use portcullis_engine::exceptions::Answer;
use portcullis_engine::finding::Check;

use super::world::{policies, setting, suppressed, tag, world};
use crate::Policies;

/// Policies `a`, `b`, … for `open-ingress`, each with an effect and a condition.
fn ingress(written: &[(&str, &str)]) -> Policies {
    let policy = |(at, (effect, condition)): (usize, &(&str, &str))| {
        let id = char::from(b'a' + u8::try_from(at).unwrap());
        format!(
            "@id(\"{id}\") @reason(\"b\")\n\
             {effect} (principal, action == Portcullis::Action::\"open-ingress\", resource)\nwhen {{ {condition} }};\n"
        )
    };
    policies(&written.iter().enumerate().map(policy).collect::<String>())
}

#[test]
fn a_forbid_wins_over_every_permit() {
    let policies = ingress(&[
        ("permit", "context.fromPort > 0"),
        ("forbid", "context.fromPort == 22"),
        ("permit", "context.toPort > 0"),
    ]);
    assert_eq!(world("tcp 22", "0.0.0.0/0").ask(&policies), Answer::Fault);
    assert_eq!(suppressed(&world("tcp 23", "0.0.0.0/0").ask(&policies)), Some("a"));
}

#[test]
fn a_policy_is_about_the_checks_that_it_names() {
    let policies = ingress(&[("permit", "context.fromPort == 22")]);
    assert_eq!(suppressed(&world("tcp 22", "0.0.0.0/0").ask(&policies)), Some("a"));
    for check in [Check::MemcachedUdp, Check::OpenCache, Check::NoAuth] {
        assert_eq!(world("tcp 22", "0.0.0.0/0").check(check).ask(&policies), Answer::Fault);
    }
}

#[test]
fn what_cannot_be_evaluated_tolerates_nothing() {
    let overflows = "context.fromPort * 9223372036854775807 > 0";
    for effect in ["permit", "forbid"] {
        let policies = ingress(&[("permit", "context.fromPort > 0"), (effect, overflows)]);
        let answer = world("tcp 22", "0.0.0.0/0").ask(&policies);
        let Answer::Unreadable(why) = answer else { panic!("{answer:?}") };
        assert!(why.contains("`b`") && why.contains("overflow"), "{why}");
        // Where it does not fail, it does not matter.
        let answer = world("tcp 1", "0.0.0.0/0").ask(&policies);
        assert_eq!(suppressed(&answer), (effect == "permit").then_some("a"));
    }
}

#[test]
fn an_exception_that_has_ended_and_fails_spoils_nothing() {
    let policies = policies(
        "@id(\"a\") @reason(\"b\") @until(\"2020-01-01\")\n\
         permit (principal, action == Portcullis::Action::\"open-ingress\", resource)\n\
         when { context.fromPort * 9223372036854775807 > 0 };",
    );
    assert_eq!(world("tcp 22", "0.0.0.0/0").ask(&policies), Answer::Fault);
}

#[test]
fn text_of_users_is_only_ever_text() {
    let policies = ingress(&[
        ("permit", "context has description && context.description == \"agreed\""),
        ("permit", "resource.hasTag(\"open\") && resource.getTag(\"open\") == \"yes\""),
        ("permit", "context.ruleTags.contains(\"open=yes\")"),
    ]);
    for hostile in [
        "agreed\" || true || \"",
        "*",
        "agreed\u{0}",
        " agreed",
        "AGREED",
        "open=yes",
        "agreed\u{202e}",
        "аgreed",
    ] {
        let answer = world("tcp 22", "0.0.0.0/0")
            .tagged("open", hostile)
            .tagged(hostile, "yes")
            .with(|w| {
                w.rule.description = Some(hostile.to_owned());
                w.rule.tags = vec![tag("open", hostile), tag(hostile, "yes")];
            })
            .ask(&policies);
        assert_eq!(answer, Answer::Fault, "{hostile}");
    }
    // A set of texts cannot tell `=` in a key from the one between key and value: docs/exceptions.md says so.
    let forged = world("tcp 22", "0.0.0.0/0").with(|w| w.rule.tags = vec![tag("open=yes", "")]);
    assert_eq!(forged.ask(&policies), Answer::Fault);
    for agreed in [
        world("tcp 22", "0.0.0.0/0").with(|w| w.rule.description = Some("agreed".to_owned())),
        world("tcp 22", "0.0.0.0/0").tagged("open", "yes"),
        world("tcp 22", "0.0.0.0/0").with(|w| w.rule.tags = vec![tag("open", "yes")]),
    ] {
        assert!(suppressed(&agreed.ask(&policies)).is_some());
    }
}

#[test]
fn a_question_about_nothing_tolerates_nothing() {
    let policies = policies("@id(\"a\") @reason(\"b\") permit (principal, action, resource);");
    let world = setting(Check::NoAuth);
    let mut asked = world.asked();
    asked.cache = None;
    let answer = portcullis_engine::exceptions::Exceptions::ask(&policies, &asked);
    assert!(
        matches!(answer, Answer::Unreadable(why) if why.contains("neither about a group nor about a cache"))
    );
}

#[test]
fn a_group_and_a_cache_of_the_same_name_are_not_confused() {
    let policies = policies(
        "@id(\"a\") @reason(\"b\") permit (principal, action, resource == Portcullis::SecurityGroup::\"orders\");",
    );
    assert_eq!(setting(Check::NoAuth).ask(&policies), Answer::Fault);
    let group = world("tcp 22", "0.0.0.0/0").with(|w| w.group.id = "orders".to_owned());
    assert_eq!(suppressed(&group.ask(&policies)), Some("a"));
}

#[test]
fn a_caller_of_the_same_name_as_another_is_not_the_other() {
    let policies = ingress(&[("permit", "principal has role && principal.role == \"deploy\"")]);
    let at = |world: super::world::World| suppressed(&world.ask(&policies)).is_some();
    assert!(at(world("tcp 22", "0.0.0.0/0").by_role("deploy")));
    assert!(!at(world("tcp 22", "0.0.0.0/0").by_role("other")));
    assert!(!at(world("tcp 22", "0.0.0.0/0").with(|w| w.event.actor.name = "deploy".to_owned())));
}
