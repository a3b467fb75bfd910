//! An answer that is given before everything was read is the answer that is given afterwards.

use std::sync::LazyLock;

use portcullis_engine::exceptions::Answer;
use portcullis_engine::facts::{CacheGroups, Connection, Holder, Interfaces, Tag};
use portcullis_engine::finding::Check;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::world::{World, balancer, interface, policies, suppressed, tag, world};
use crate::looks::{Later, Looks};

/// Conditions, and what they look at of what is read late: details of the group, and what carries it.
const CONDITIONS: [(&str, bool, bool); 34] = [
    ("context.fromPort == 22", false, false),
    ("context.union.ipv4 < 16777216", false, false),
    ("context has cidr && context.cidr.isInRange(ip(\"52.0.0.0/8\"))", false, false),
    ("principal.name like \"alice*\"", false, false),
    ("principal has role && principal.role == \"deploy\"", false, false),
    ("resource.id == \"sg-01\" && resource.account == \"111122223333\"", false, false),
    ("resource == Portcullis::SecurityGroup::\"sg-01\"", false, false),
    ("resource in [Portcullis::SecurityGroup::\"sg-01\"]", false, false),
    ("resource is Portcullis::SecurityGroup", false, false),
    ("context.group == resource", false, false),
    ("context.group.id == \"sg-01\"", false, false),
    ("context.ruleTags.contains(\"name=x\")", false, false),
    ("{name: resource}.name.id == \"sg-01\"", true, false),
    ("context.description == \"x\" || true", false, false),
    ("resource.name == \"web\"", true, false),
    ("resource[\"name\"] == \"web\"", true, false),
    ("resource has vpc", true, false),
    ("resource has vpc && resource.vpc == \"vpc-01\"", true, false),
    ("context has group.vpc", true, false),
    ("context.group.name like \"w*\"", true, false),
    ("resource.hasTag(\"open\")", true, false),
    ("resource.hasTag(\"open\") && resource.getTag(\"open\") == \"yes\"", true, false),
    ("resource.hasTag(resource.id)", true, false),
    ("!context.group.hasTag(\"open\")", true, false),
    ("(if context.fromPort == 22 then resource else context.group).name == \"web\"", true, false),
    ("[resource.name, \"x\"].contains(\"web\")", true, false),
    ("{a: resource.name}.a == \"web\"", true, false),
    ("context.fromPort == 22 && (context.toPort == 23 || resource.name == \"web\")", true, false),
    ("context.attached.contains(\"load-balancer\")", false, true),
    ("context.attached.isEmpty()", false, true),
    ("context.reach == \"public\"", false, true),
    ("context[\"reach\"] == \"public\"", false, true),
    ("!(context == context)", true, true),
    ("context.reach == \"public\" && resource.name == \"web\"", true, true),
];

fn policy(id: usize, effect: &str, kind: &str, condition: &str, until: &str) -> String {
    format!(
        "@id(\"p{id}\") @reason(\"b\") {until}\n\
         {effect} (principal, action == Portcullis::Action::\"open-ingress\", resource)\n{kind} {{ {condition} }};\n"
    )
}

#[test]
fn what_a_policy_looks_at_is_told() {
    for (condition, details, interfaces) in CONDITIONS {
        let all = condition == "!(context == context)";
        for kind in ["when", "unless"] {
            // What can never apply is refused, and does not matter here.
            let text = format!("permit (principal, action, resource) {kind} {{ {condition} }};");
            let policy = cedar_policy::Policy::parse(None, text).unwrap();
            let cache_tags = condition.contains("Tag(") || all;
            let cache_vpc = condition.contains("vpc") || all;
            let later = Later { details, interfaces, cache_vpc, cache_tags };
            assert_eq!(Looks::of(&policy).later(), later, "{condition}");
        }
    }
}

/// The conditions that pass the validator, each as `when` or `unless`.
static VALID: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let each =
        |(condition, ..): (&'static str, bool, bool)| [("when", condition), ("unless", condition)];
    let valid = |(kind, condition): &(&str, &str)| {
        super::world::problems(&policy(0, "permit", kind, condition, "")).is_empty()
    };
    CONDITIONS.into_iter().flat_map(each).filter(valid).collect()
});

#[test]
fn most_of_the_conditions_are_valid() {
    assert!(VALID.len() >= 58, "{:?}", *VALID);
}

fn worlds() -> impl Strategy<Value = World> {
    let traffic = select(vec!["tcp 22", "tcp 443", "udp 11211", "-1"]);
    let source = select(vec!["0.0.0.0/0", "52.94.76.0/24", "::/0"]);
    let tags = subsequence(vec![("open", "yes"), ("open", "no"), ("sg-01", "x")], 0..2);
    let kinds = subsequence(vec![interface(Holder::Other), balancer()], 0..2);
    let name = select(vec!["web", "db"]);
    let role = select(vec!["deploy", "other"]);
    (traffic, source, tags, kinds, name, role, any::<bool>(), any::<bool>()).prop_map(
        |(traffic, source, tags, kinds, name, role, public, vpc)| {
            let mut interfaces = kinds;
            if let (Some(first), true) = (interfaces.first_mut(), public) {
                first.public = vec!["52.94.5.9".to_owned()];
            }
            world(traffic, source).by_role(role).carried_by(interfaces).with(|w| {
                let details = w.group.details.as_mut().unwrap();
                name.clone_into(&mut details.name);
                details.vpc = vpc.then(|| "vpc-01".to_owned());
                details.tags =
                    tags.into_iter().map(|(key, value)| tag(key, value)).collect::<Vec<Tag>>();
            })
        },
    )
}

/// Up to six policies, some of which have ended.
fn texts() -> impl Strategy<Value = String> {
    let effect = select(vec!["permit", "permit", "permit", "forbid"]);
    let until = select(vec!["", "", "@until(\"2026-11-20\")", "@until(\"2026-11-22\")"]);
    let one = (effect, select(VALID.clone()), until);
    prop::collection::vec(one, 0..6).prop_map(|written| {
        let policy =
            |(id, (effect, (kind, condition), until))| policy(id, effect, kind, condition, until);
        written.into_iter().enumerate().map(policy).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_early_answer_is_the_late_one(text in texts(), world in worlds()) {
        let policies = policies(&text);
        let late = world.ask(&policies);
        prop_assert_ne!(&late, &Answer::NotKnown);
        // Nothing is missed of what is not put together because nobody looks at it.
        let mut whole = self::policies(&text);
        whole.looks = Looks::at_everything();
        prop_assert_eq!(&world.ask(&whole), &late);
        let answer = world.clone().early().ask(&policies);
        prop_assert!(is_part(&answer, &late) || answer == Answer::NotKnown, "{text}\n{answer:?}, later {late:?}");
        let no_details = world.clone().with(|w| w.group.details = None);
        let no_interfaces = world.clone().with(|w| w.group.interfaces = Interfaces::NotRead);
        for early in [no_details, no_interfaces] {
            let answer = early.ask(&policies);
            prop_assert!(is_part(&answer, &late) || answer == Answer::NotKnown, "{text}\n{answer:?}, later {late:?}");
        }
        // Of what could not be read at all nothing is guessed.
        let unread = world.clone().with(|w| w.group.interfaces = Interfaces::Unknown("denied".to_owned()));
        let answer = unread.ask(&policies);
        prop_assert!(is_part(&answer, &late) || matches!(answer, Answer::Unreadable(_)), "{text}\n{answer:?}, later {late:?}");
    }
}

/// Whether it is the late answer, or suppressed by some of the same exceptions.
fn is_part(answer: &Answer, late: &Answer) -> bool {
    match (answer, late) {
        (Answer::Suppressed(some), Answer::Suppressed(all)) => {
            some.iter().all(|by| all.contains(by))
        }
        _ => answer == late,
    }
}

const TAGGED: &str = "resource.hasTag(\"open\")";

fn early(policies: &str) -> Answer {
    world("tcp 22", "0.0.0.0/0").tagged("open", "yes").early().ask(&self::policies(policies))
}

#[test]
fn what_looks_around_is_waited_for() {
    let looks = policy(1, "permit", "when", TAGGED, "");
    assert_eq!(early(&looks), Answer::NotKnown);
    assert_eq!(early(&policy(1, "forbid", "when", TAGGED, "")), Answer::NotKnown);
    let fits = policy(2, "permit", "when", "context.fromPort == 22", "");
    assert_eq!(suppressed(&early(&format!("{looks}{fits}"))), Some("p2"));
    // Yet a forbid may take it back.
    let forbids = policy(3, "forbid", "when", "context.reach == \"public\"", "");
    assert_eq!(early(&format!("{fits}{forbids}")), Answer::NotKnown);
    // And one that does not look around decides at once.
    let never = policy(4, "forbid", "when", "context.fromPort == 22", "");
    assert_eq!(early(&format!("{looks}{never}")), Answer::Fault);
}

#[test]
fn what_looks_around_and_has_ended_is_not_waited_for_and_is_named_once_it_is_known() {
    let until = "@until(\"2026-11-20\")";
    let permit = policy(1, "permit", "when", TAGGED, until);
    assert_eq!(early(&permit), Answer::Fault);
    assert_eq!(early(&policy(1, "forbid", "when", TAGGED, until)), Answer::Fault);
    let tagged = || world("tcp 22", "0.0.0.0/0").tagged("open", "yes");
    let ended = |world: World| world.ended(&policies(&permit)).map(|exception| exception.id);
    assert_eq!((ended(tagged().early()), ended(tagged())), (None, Some("p1".to_owned())));
}

#[test]
fn what_is_about_another_check_is_not_waited_for() {
    let text = policy(1, "permit", "when", TAGGED, "");
    let cache = world("tcp 6379", "0.0.0.0/0").check(Check::OpenCache).early();
    assert_eq!(cache.ask(&policies(&text)), Answer::Fault);
}

#[test]
fn what_could_not_be_read_is_no_reason_to_close_or_to_tolerate() {
    let balancers = policy(1, "permit", "when", "context.attached.contains(\"load-balancer\")", "");
    let unread = |text: &str| {
        let world = world("tcp 22", "0.0.0.0/0")
            .with(|w| w.group.interfaces = Interfaces::Unknown("denied".to_owned()));
        world.ask(&policies(text))
    };
    let why = "a policy asks what uses the group, which could not be read: denied";
    assert_eq!(unread(&balancers), Answer::Unreadable(why.to_owned()));
    assert_eq!(unread(&policy(1, "permit", "when", "context.fromPort == 23", "")), Answer::Fault);
    let port = policy(2, "permit", "when", "context.fromPort == 22", "");
    assert_eq!(suppressed(&unread(&format!("{balancers}{port}"))), Some("p2"));
}

/// A cache is asked about before anything but the rules of its groups was read, too.
#[test]
fn where_a_cache_lies_is_waited_for_and_its_tags_are_known_at_once() {
    let ask = |world: World, condition: &str| {
        let text = policy(1, "permit", "when", condition, "").replace("open-ingress", "open-cache");
        world.ask(&policies(&text))
    };
    let cache = || world("tcp 6379", "0.0.0.0/0").check(Check::OpenCache);
    let lies = "resource has vpc && resource.vpc == \"vpc-01\"";
    assert_eq!(suppressed(&ask(cache(), lies)), Some("p1"));
    let unread = || cache().with(|w| w.cache.network.vpc = None);
    assert_eq!(ask(unread(), lies), Answer::NotKnown);
    // Its groups tell as well.
    let told = unread().with(|w| w.cache.groups = CacheGroups::Read(vec![w.group.clone()]));
    assert_eq!(suppressed(&ask(told, lies)), Some("p1"));
    // With a public endpoint it lies in none.
    let public = unread().with(|w| w.cache.network.connection = Connection::Public);
    assert_eq!(ask(public, lies), Answer::Fault);
    let open = "resource.hasTag(\"open\")";
    let setting = |tags: &[(&str, &str)]| {
        let text = policy(1, "permit", "when", open, "").replace("open-ingress", "no-auth");
        unread().check(Check::NoAuth).made_with(tags).ask(&policies(&text))
    };
    assert_eq!(suppressed(&setting(&[("open", "yes")])), Some("p1"));
    assert_eq!(setting(&[]), Answer::Fault);
}

/// Only the call that creates a cache names its tags.
#[test]
fn a_policy_that_asks_for_the_tags_of_a_cache_is_not_known_where_the_call_changed_it() {
    let ask = |condition: &str| {
        let text = policy(1, "permit", "when", condition, "").replace("open-ingress", "no-auth");
        world("tcp 6379", "0.0.0.0/0").check(Check::NoAuth).changed().ask(&policies(&text))
    };
    assert_eq!(ask("resource.hasTag(\"open\")"), Answer::TagsNotKnown);
    assert_eq!(suppressed(&ask("resource.id == \"orders\"")), Some("p1"));
}

#[test]
fn where_nothing_was_called_a_policy_that_asks_who_called_is_not_known() {
    let caller = "Portcullis::Principal::\"arn:aws:iam::111122223333:user/alice\"";
    let when = |condition: &str| policy(1, "permit", "when", condition, "");
    let open = world("tcp 22", "0.0.0.0/0").uncalled();
    for asks in [
        when("principal.name like \"*\""),
        when("!(principal has role)"),
        when(&format!("principal == {caller}")),
        when("true").replace("(principal,", &format!("(principal == {caller},")),
        policy(1, "forbid", "unless", "principal has via", ""),
    ] {
        assert_eq!(open.ask(&policies(&asks)), Answer::CallerNotKnown, "{asks}");
        let unread = open.clone().early().ask(&policies(&asks));
        assert_eq!(unread, Answer::CallerNotKnown, "nothing else is asked for: {asks}");
    }
    let both = when("principal has role && resource.name == \"web\"");
    assert_eq!(
        open.clone().early().ask(&policies(&both)),
        Answer::NotKnown,
        "the name is read first"
    );
    assert_eq!(open.ask(&policies(&both)), Answer::CallerNotKnown);
    let other = policy(2, "permit", "when", "context.fromPort == 22", "");
    let answer = open.ask(&policies(&(when("principal has role") + &other)));
    assert_eq!(suppressed(&answer), Some("p2"), "what another policy suppresses is suppressed");
    let typed = when("true").replace("(principal,", "(principal is Portcullis::Principal,");
    assert_eq!(
        suppressed(&open.ask(&policies(&typed))),
        Some("p1"),
        "there is one type of callers"
    );
}
