use std::collections::BTreeSet;

use portcullis_engine::facts::{Source, Tag};

use super::*;
use crate::document;
use crate::plan::{Answer, Choices, plan};

fn planned(name: &str) -> Plan {
    let path = format!("{}/examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let facts = document::read(&std::fs::read_to_string(path).unwrap(), None).unwrap();
    let Answer::Plan(plan) = plan(&facts, &Choices::default()) else { panic!("{name} is refused") };
    *plan
}

/// A change of anything that is done, and of nothing else, is another plan.
#[test]
fn whatever_a_plan_does_is_in_its_fingerprint() {
    let plan = planned("valkey-with-replicas");
    let changes: [fn(&mut Plan); 16] = [
        |plan| plan.cache.arn.push('x'),
        |plan| plan.cache.port += 1,
        |plan| plan.create.id.push('x'),
        |plan| plan.create.port += 1,
        |plan| plan.create.engine_version.push('1'),
        |plan| plan.create.security_groups.push("sg-9".to_owned()),
        |plan| plan.create.tags[0].value.push('x'),
        |plan| plan.create.snapshot = None,
        |plan| plan.create.auth_token = Token::Secret("arn:x".to_owned()),
        |plan| plan.snapshot.as_mut().unwrap().name.push('x'),
        |plan| plan.snapshot = None,
        |plan| plan.afterwards.push(Afterwards::SilentTopic),
        |plan| plan.ingress.open[0].source = Source::Ipv4("0.0.0.0/0".parse().unwrap()),
        |plan| plan.ingress.close[0].rule.id.push('x'),
        |plan| plan.ingress.close[0].rule.to_port += 1,
        |plan| plan.last_snapshot = None,
    ];
    let mut seen = BTreeSet::from([fingerprint(&plan)]);
    for (at, change) in changes.iter().enumerate() {
        let mut other = plan.clone();
        change(&mut other);
        assert!(!plan.does_the_same(&other), "change {at}");
        assert!(seen.insert(fingerprint(&other)), "change {at}");
    }
    let mut told = plan.clone();
    told.cautions.push("another caution".to_owned());
    told.losses.clear();
    told.ingress.open[0].description.push('x');
    assert!(plan.does_the_same(&told) && fingerprint(&told) == fingerprint(&plan));
}

/// The separators of one text are not those of another, wherever users write.
#[test]
fn no_text_is_read_as_two_and_no_two_as_one() {
    let plan = planned("valkey-with-replicas");
    let tagged = |tags: &[(&str, &str)]| {
        let mut plan = plan.clone();
        let tag = |(key, value): &(&str, &str)| Tag {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        plan.create.tags = tags.iter().map(tag).collect();
        fingerprint(&plan)
    };
    let all = [
        tagged(&[("a", "b"), ("c", "d")]),
        tagged(&[("a", "b\",\"c\",\"d")]),
        tagged(&[("a", "b\"],[\"c\",\"d")]),
        tagged(&[("a", "b\nc=d")]),
        tagged(&[("a=b", "")]),
        tagged(&[("a", "=b")]),
        tagged(&[]),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

/// Why 16 digits and not 8: among the plans that a few tags make, two already share 8. With 16, it takes the square of
/// as many.
#[test]
fn tags_of_a_moment_find_two_plans_of_eight_digits_and_none_of_sixteen() {
    const TAGS: usize = 1 << 18;
    let mut plan = planned("memcached-single-node");
    plan.create.tags = vec![Tag { key: "a".to_owned(), value: "#".repeat(8) }];
    let bytes = canonical(&plan);
    let at = bytes.windows(8).position(|part| part == b"########").unwrap();
    let start = Sha256::new_with_prefix(&bytes[..at]);
    let (mut eight, mut sixteen) = (BTreeSet::new(), BTreeSet::new());
    for tag in 0..TAGS {
        let mut hash = start.clone();
        hash.update(format!("{tag:08}"));
        hash.update(&bytes[at + 8..]);
        let digits = hash.finalize();
        eight.insert(<[u8; 4]>::try_from(&digits[..4]).unwrap());
        sixteen.insert(
            <[u8; FINGERPRINT_DIGITS / 2]>::try_from(&digits[..FINGERPRINT_DIGITS / 2]).unwrap(),
        );
    }
    assert!(eight.len() < TAGS, "a tag of {TAGS} makes another plan look the same");
    assert_eq!(sixteen.len(), TAGS);
}

#[test]
fn a_fingerprint_fits_wherever_it_is_written() {
    let plan = planned("memcached-single-node");
    assert!(is_fingerprint(&plan.fingerprint));
    for other in ["", "1a2b3c4d", "1A2B3C4D1A2B3C4D", "g000000000000000", "00000000000000000"] {
        assert!(!is_fingerprint(other), "{other}");
    }
    // ElastiCache user guide, "Tagging your ElastiCache resources"; EC2 user guide, "Tag restrictions".
    assert!(crate::marks::PLAN.len() <= 128 && FINGERPRINT_DIGITS <= 256);
    assert!(plan.markers.iter().any(|tag| tag.value == plan.fingerprint));
}
