//! The schema, and whether what is asked is what it says.

use std::collections::BTreeSet;

use cedar_policy::{Context, Entities, Request, Schema};
use portcullis_engine::facts::{CacheKind, Holder, Interfaces, PrefixList, Source};
use portcullis_engine::finding::Check;
use time::OffsetDateTime;

use super::world::{World, balancer, creating, interface, setting, tag, world};
use crate::SCHEMA;
use crate::looks::Looks;
use crate::request::{Names, request};

fn schema() -> Schema {
    let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA).unwrap();
    assert_eq!(warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(), [""; 0]);
    schema
}

/// Panics unless the question is one that the schema knows.
fn conforms(world: &World) -> Context {
    let schema = schema();
    let (made, entities) = request(
        &Names::new().unwrap(),
        &Looks::at_everything(),
        &world.asked(),
        OffsetDateTime::UNIX_EPOCH,
    )
    .unwrap();
    let entities = entities.into_iter();
    Entities::from_entities(entities, Some(&schema)).unwrap_or_else(|e| panic!("{world:?}: {e:?}"));
    let part = |uid: Option<&cedar_policy::EntityUid>| uid.unwrap().clone();
    let context = made.context().unwrap().clone();
    Request::new(
        part(made.principal()),
        part(made.action()),
        part(made.resource()),
        context.clone(),
        Some(&schema),
    )
    .unwrap_or_else(|e| panic!("{world:?}: {e:?}"));
    context
}

#[test]
fn there_is_one_action_for_each_check() {
    let schema = schema();
    let actions: BTreeSet<String> =
        schema.actions().map(|a| a.id().unescaped().to_owned()).collect();
    let checks: BTreeSet<String> =
        Check::ALL.iter().map(|check| check.as_str().to_owned()).collect();
    assert!(actions.is_superset(&checks), "{actions:?}");
}

#[test]
fn every_question_conforms_to_the_schema() {
    for check in Check::ALL {
        conforms(&world("tcp 22", "0.0.0.0/0").check(check));
    }
    for traffic in ["tcp 0-65535", "udp 53", "icmp 8", "icmpv6 128", "icmp 3-4", "-1", "50"] {
        for source in ["0.0.0.0/0", "::/0", "::ffff:192.0.2.1/128", "pl-01"] {
            conforms(&world(traffic, source));
        }
    }
    conforms(
        &world("tcp 22", "0.0.0.0/0").with(|w| w.rule.source = Source::Unreadable("?".to_owned())),
    );
    for kind in [CacheKind::CacheCluster, CacheKind::ServerlessCache] {
        conforms(&setting(Check::NoAuth).with(|w| w.cache.kind = kind));
    }
}

#[test]
fn what_people_write_conforms_whatever_it_is() {
    for hostile in [
        "",
        "\"; permit(principal, action, resource);",
        "\u{0}\u{202e}\n",
        "${jndi:x}",
        &"x".repeat(9000),
    ] {
        conforms(
            &world("tcp 22", "0.0.0.0/0")
                .tagged(hostile, hostile)
                .by_role(hostile)
                .via(hostile)
                .with(|w| {
                    w.rule.description = Some(hostile.to_owned());
                    w.rule.tags = vec![tag(hostile, hostile), tag(hostile, hostile)];
                    w.event.actor.arn = hostile.to_owned();
                    w.group.details.as_mut().unwrap().name = hostile.to_owned();
                    w.group.id = hostile.to_owned();
                }),
        );
        conforms(&setting(Check::NoAuth).with(|w| w.cache.id = hostile.to_owned()));
    }
}

fn shown(world: &World, names: &[&str]) -> String {
    let context = conforms(world);
    let shown = |name: &&str| context.get(name).map_or("-".to_owned(), |value| value.to_string());
    names.iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn ports_are_those_that_the_rule_covers() {
    for (traffic, expected) in [
        ("tcp 22", "\"tcp\" 22 22 -"),
        ("udp 11000-12000", "\"udp\" 11000 12000 -"),
        ("tcp -1", "\"tcp\" 0 65535 -"),
        ("-1", "\"-1\" 0 65535 -"),
        ("50", "\"50\" 0 65535 -"),
        ("icmp 8", "\"icmp\" 8 8 -"),
        ("icmp 3-4", "\"icmp\" 3 3 4"),
        ("icmpv6 2-0", "\"icmpv6\" 2 2 0"),
        ("icmp -1", "\"icmp\" 0 255 -"),
    ] {
        let shown =
            shown(&world(traffic, "0.0.0.0/0"), &["protocol", "fromPort", "toPort", "icmpCode"]);
        assert_eq!(shown, expected, "{traffic}");
    }
}

#[test]
fn a_source_is_a_cidr_or_a_prefix_list() {
    let with_list = |entries: &[&str]| {
        let entries = entries.iter().map(|text| text.parse().unwrap()).collect();
        world("tcp 22", "pl-01").with(|w| {
            w.group.prefix_lists.insert("pl-01".to_owned(), PrefixList::Entries(entries));
        })
    };
    let names = ["cidr", "prefixList", "family"];
    for (world, expected) in [
        (world("tcp 22", "10.1.2.3/8"), "ip(\"10.0.0.0/8\") - \"ipv4\""),
        (world("tcp 22", "2600::/32"), "ip(\"2600:0:0:0:0:0:0:0/32\") - \"ipv6\""),
        (world("tcp 22", "::ffff:192.0.2.1/128"), "ip(\"0:0:0:0:0:ffff:c000:201/128\") - \"ipv6\""),
        (with_list(&["52.0.0.0/9"]), "- \"pl-01\" \"ipv4\""),
        (with_list(&["2600::/33"]), "- \"pl-01\" \"ipv6\""),
        (with_list(&[]), "- \"pl-01\" \"unknown\""),
        (world("tcp 22", "pl-02"), "- \"pl-02\" \"unknown\""),
    ] {
        assert_eq!(shown(&world, &names), expected);
    }
}

#[test]
fn addresses_are_counted_in_numbers_that_fit() {
    let admitted = |source| shown(&world("tcp 22", source), &["own"]).replace('"', "");
    assert_eq!(admitted("0.0.0.0/0"), "{ipv4: 3702258432, ipv6Networks: 0, share: 10000}");
    assert_eq!(admitted("52.94.76.1/32"), "{ipv4: 1, ipv6Networks: 0, share: 1}");
    assert_eq!(admitted("52.0.0.0/8"), "{ipv4: 16777216, ipv6Networks: 0, share: 46}");
    assert_eq!(admitted("10.0.0.0/8"), "{ipv4: 0, ipv6Networks: 0, share: 0}");
    assert_eq!(admitted("2600::1/128"), "{ipv4: 0, ipv6Networks: 1, share: 1}");
    assert_eq!(admitted("2600::/48"), "{ipv4: 0, ipv6Networks: 65536, share: 1}");
    assert_eq!(admitted("2600::/32"), "{ipv4: 0, ipv6Networks: 4294967296, share: 1}");
    let all = admitted("::/0");
    assert!(
        all.starts_with("{ipv4: 0, ipv6Networks: 2305") && all.ends_with("share: 10000}"),
        "{all}"
    );
}

#[test]
fn what_carries_the_group_is_told_once_each() {
    let of = |interfaces| {
        shown(&world("tcp 22", "0.0.0.0/0").carried_by(interfaces), &["attached", "reach"])
    };
    assert_eq!(of(vec![]), "[] \"none\"");
    assert_eq!(of(vec![balancer(), balancer()]), "[\"load-balancer\"] \"private\"");
    let mut public = interface(Holder::Other);
    public.public = vec!["52.94.5.9".to_owned()];
    assert_eq!(of(vec![balancer(), public]), "[\"load-balancer\", \"other\"] \"public\"");
    let unread = world("tcp 22", "0.0.0.0/0").with(|w| w.group.interfaces = Interfaces::NotRead);
    let (made, _) = request(
        &Names::new().unwrap(),
        &Looks::at_everything(),
        &unread.asked(),
        OffsetDateTime::UNIX_EPOCH,
    )
    .unwrap();
    assert!(made.context().unwrap().get("attached").is_none());
}

#[test]
fn the_port_of_a_cache_is_told_by_its_endpoint_or_by_the_request() {
    let ports = |world: &World| shown(world, &["cachePorts"]);
    let made = setting(Check::DefaultPort);
    assert_eq!(ports(&made), "[6379]");
    let unmade = |lead| made.clone().with(|w| (w.cache.ports, w.event.lead) = (Vec::new(), lead));
    assert_eq!(ports(&unmade(creating(Some(7000), Vec::new()))), "[7000]");
    assert_eq!(ports(&unmade(creating(None, Vec::new()))), "[6379]");
    assert_eq!(ports(&unmade(made.event.lead.clone())), "[]");
}

#[test]
fn the_moment_is_that_of_the_event_in_utc() {
    let context = conforms(&world("tcp 22", "0.0.0.0/0"));
    assert_eq!(context.get("time").unwrap().to_string(), "datetime(\"1970-01-01T00:00:00Z\")");
}
