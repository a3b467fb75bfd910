use super::*;
use crate::event::Event;
use crate::facts::{CacheFacts, CacheGroups, CacheKind, Engine};
use crate::fixtures::{cache, cache_lead};

fn of(decision: &Decision) -> Vec<(String, String)> {
    let key = |finding| Key::of(finding, &decision.subject);
    let keys = decision.findings.iter().map(key);
    keys.map(|key| (key.subject, key.finding)).collect()
}

fn made(id: &str) -> (Event, CacheFacts) {
    let lead = cache_lead(CacheKind::ReplicationGroup);
    let mut facts = cache(CacheKind::ReplicationGroup, Engine::Redis, &[6379]);
    facts.id = id.to_owned();
    let group = fixtures::group(vec![rule("sgr-1", "tcp 6379", WORLD)]);
    facts.groups = CacheGroups::Read(vec![group]);
    (fixtures::event(Lead::Cache(lead)), facts)
}

#[test]
fn a_rule_is_the_same_whatever_its_id() {
    for id in ["sgr-1", "sgr-2"] {
        let open = rule(id, "udp 11000-12000", WORLD);
        let decision = decided(&event("e-1", &[&open]), &fixtures::group(vec![open]));
        let expected = [
            ("sg-01".to_owned(), "memcached-udp#udp#11000#12000#0.0.0.0/0".to_owned()),
            ("sg-01".to_owned(), "open-ingress#udp#11000#12000#0.0.0.0/0".to_owned()),
        ];
        let mut keys = of(&decision);
        keys.sort();
        assert_eq!(keys, expected);
    }
}

#[test]
fn a_rule_that_opens_a_cache_is_another_finding_for_each_cache() {
    for cache in ["orders", "sessions"] {
        let (event, facts) = made(cache);
        let Lead::Cache(lead) = &event.lead else { panic!("not about a cache") };
        let decision = decide::cache(&event, lead, &facts, &[], &context(Mode::Enforce));
        let mut keys = of(&decision);
        keys.sort();
        let expected = [
            (format!("replication-group/{cache}"), "default-port".to_owned()),
            (
                "sg-01".to_owned(),
                format!("open-cache#tcp#6379#6379#0.0.0.0/0#replication-group/{cache}"),
            ),
        ];
        assert_eq!(keys, expected);
        assert_eq!(Key::cache_subject(facts.kind, &facts.id), keys[0].0);
    }
}

#[test]
fn the_id_is_short_and_told_by_the_key_alone() {
    let key = |subject: &str, finding: &str| Key {
        subject: subject.to_owned(),
        finding: finding.to_owned(),
    };
    let one = key("sg-01", "open-ingress#tcp#6379#6379#0.0.0.0/0");
    assert_eq!(one.id(), "f-37b5c06fcd49");
    assert_eq!(one.id(), one.clone().id());
    for other in [key("sg-02", &one.finding), key("sg-01", "open-ingress#tcp#22#22#0.0.0.0/0")] {
        assert_ne!(other.id(), one.id());
    }
}
