//! Events of caches that come with the rules that are to be closed.

use portcullis_engine::action::Action;
use portcullis_engine::event::{GroupLead, RuleLead, RuleShape, naming};
use portcullis_engine::facts::{IngressRule, Protocol, Source};

use super::*;

fn event_of(name: &str) -> Value {
    let event = corpus().into_iter().find(|(file, _)| *file == format!("{name}.json"));
    event.expect("it is in the corpus").1
}

fn cache() -> Value {
    event_of("create-valkey-open-over-two-groups")
}

fn revoke(group: &str, id: &str, source: Source) -> Action {
    let rule = IngressRule {
        id: id.to_owned(),
        protocol: Protocol::Tcp,
        from_port: 6379,
        to_port: 6380,
        source,
        description: Some("made by hand".to_owned()),
        tags: Vec::new(),
    };
    Action::RevokeIngress { group: group.to_owned(), rule }
}

/// The cache's event with the name of one rule.
fn named() -> Value {
    naming(&cache(), &[&revoke("sg-1", "sgr-1", Source::cidr("0.0.0.0/0").unwrap())])
}

fn lead(group: &str, rules: &[(&str, Source)]) -> GroupLead {
    let rule = |(id, source): &(&str, Source)| RuleLead {
        id: Some((*id).to_owned()),
        shape: Some(RuleShape {
            protocol: Protocol::Tcp,
            from_port: 6379,
            to_port: 6380,
            source: source.clone(),
        }),
        edit: false,
    };
    GroupLead {
        group: GroupRef::Id(group.to_owned()),
        touched: Touched::Rules(rules.iter().map(rule).collect()),
    }
}

fn why_malformed(payload: &Value) -> String {
    match read(payload) {
        Parsed::Malformed(what) => what.to_string(),
        other @ (Parsed::Event(_) | Parsed::Ignored(_)) => panic!("{other:?}"),
    }
}

#[test]
fn what_is_named_is_read_by_group_and_the_event_is_as_it_was() {
    let v4 = || Source::cidr("0.0.0.0/0").unwrap();
    let v6 = || Source::cidr("::/0").unwrap();
    let list = || Source::PrefixList("pl-1".to_owned());
    let group = || Source::Group("sg-9".to_owned());
    let actions = [
        revoke("sg-2", "sgr-1", v4()),
        revoke("sg-1", "sgr-2", v6()),
        revoke("sg-2", "sgr-3", list()),
        revoke("sg-2", "sgr-4", group()),
    ];
    let payload = naming(&cache(), &actions.iter().collect::<Vec<_>>());
    let Parsed::Event(mut event) = read(&payload) else { panic!("{payload}") };
    let Lead::Cache(of_cache) = &mut event.lead else { panic!("{event:?}") };
    let named = std::mem::take(&mut of_cache.named);
    let second = [("sgr-1", v4()), ("sgr-3", list()), ("sgr-4", group())];
    assert_eq!(named, [lead("sg-1", &[("sgr-2", v6())]), lead("sg-2", &second)]);
    assert_eq!(Parsed::Event(event), read(&cache()));
}

#[test]
fn a_rule_that_is_told_in_part_is_named_without_its_shape() {
    for member in ["ipProtocol", "cidrIpv4"] {
        let mut payload = named();
        payload["detail"]["rules"][0].as_object_mut().unwrap().remove(member);
        let Parsed::Event(event) = read(&payload) else { panic!("{payload}") };
        let Lead::Cache(lead) = &event.lead else { panic!("{event:?}") };
        let Touched::Rules(rules) = &lead.named[0].touched else { panic!("{lead:?}") };
        assert_eq!((rules[0].id.as_deref(), &rules[0].shape), (Some("sgr-1"), &None), "{member}");
    }
}

#[test]
fn a_malformed_one_names_what_is_wrong() {
    for (member, text, why) in [
        ("groupId", Value::Null, "has a rule without `groupId`"),
        ("groupId", json!("sg-1; rm"), "is `sg-1; rm`, which is no id of the form `sg-…`"),
        ("securityGroupRuleId", json!(""), "has a rule without `securityGroupRuleId`"),
        ("securityGroupRuleId", json!("sg-1"), "is `sg-1`, which is no id of the form `sgr-…`"),
    ] {
        let mut payload = named();
        payload["detail"]["rules"][0][member] = text;
        assert_eq!(why_malformed(&payload), format!("malformed event: `detail.rules` {why}"));
    }
    for rules in [Value::Null, json!([]), json!("sgr-1"), json!(7)] {
        let mut payload = named();
        payload["detail"]["rules"] = rules;
        assert_eq!(why_malformed(&payload), "malformed event: `detail.rules` names no rule");
    }
    let mut payload = named();
    payload["detail"].as_object_mut().unwrap().remove("event");
    assert_eq!(why_malformed(&payload), "malformed event: `detail.event` is missing");
    for detail in [Value::Null, json!("{}"), json!([])] {
        payload["detail"] = detail;
        assert_eq!(why_malformed(&payload), "malformed event: `detail.event` is missing");
    }
}

/// What holds for the event within holds as if it came alone; and it is looked into once.
#[test]
fn the_event_within_is_an_event_of_a_cache_like_any_other() {
    let naming = |event: &Value| {
        let mut payload = named();
        payload["detail"]["event"] = event.clone();
        payload
    };
    let about_a_group = naming(&event_of("authorize-redis-to-the-world"));
    let why = "malformed event: `detail.event` is not about a cache";
    assert_eq!(why_malformed(&about_a_group), why);
    let failed = naming(&{
        let mut event = cache();
        event["detail"]["errorCode"] = json!("InsufficientCacheClusterCapacity");
        event
    });
    for payload in [failed, naming(&named()), naming(&event_of("authorize-our-own-call"))] {
        assert!(matches!(read(&payload), Parsed::Ignored(_)), "{payload}");
    }
    assert!(matches!(read(&naming(&json!(7))), Parsed::Malformed(_)));
}

#[test]
fn every_single_node_of_it_may_be_missing_or_empty() {
    let payload = named();
    for node in nodes(&payload) {
        for new in [None, Some(Value::Null), Some(json!({})), Some(json!("")), Some(json!([]))] {
            let mut mutated = payload.clone();
            mutate(&mut mutated, &node, new);
            assert_total(&mutated);
        }
    }
}
