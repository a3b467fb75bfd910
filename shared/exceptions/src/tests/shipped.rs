//! What the shipped policies tolerate, and what they do not.

use portcullis_engine::exceptions::Answer;
use portcullis_engine::facts::PrefixList;
use portcullis_engine::finding::Check;
use portcullis_engine::net::Count;

use super::world::{World, infra, setting, shipped, suppressed, world};
use crate::Policies;

fn by(world: &World) -> Option<String> {
    suppressed(&world.ask(&shipped())).map(str::to_owned)
}

#[test]
fn they_are_in_order_and_answer_before_the_group_is_read() {
    let early = world("tcp 22", "0.0.0.0/0").early();
    assert_eq!(early.ask(&shipped()), Answer::Fault);
    let early = world("tcp 443", "0.0.0.0/0").early();
    assert_eq!(suppressed(&early.ask(&shipped())), Some("public-https"));
}

#[test]
fn a_network_is_narrow_up_to_the_last_address_before_the_internet() {
    let narrow = Some("narrow-networks".to_owned());
    for source in ["52.94.76.0/32", "52.0.0.0/9", "2600::/29", "2600::/48", "10.0.0.0/8"] {
        assert_eq!(by(&world("tcp 22", source)), narrow, "{source}");
    }
    for source in ["52.0.0.0/8", "0.0.0.0/0", "2600::/28", "::/0", "0.0.0.0/1"] {
        assert_eq!(by(&world("tcp 22", source)), None, "{source}");
    }
}

/// What these published in 2024 to 2026, whole: cloudflare.com/ips, api.fastly.com/public-ip-list, Imperva's and GitHub's
/// meta APIs, and what Google says that Gmail sends from.
#[test]
fn the_ipv6_ranges_of_one_vendor_are_narrow_together() {
    const CLOUDFLARE: &[&str] = &[
        "2400:cb00::/32",
        "2405:8100::/32",
        "2405:b500::/32",
        "2606:4700::/32",
        "2803:f800::/32",
        "2a06:98c0::/29",
        "2c0f:f248::/32",
    ];
    const FASTLY: &[&str] = &["2a04:4e40::/32", "2a04:4e42::/32"];
    const IMPERVA: &[&str] = &["2a02:e980::/29"];
    const GITHUB: &[&str] = &["2a0a:a440::/29", "2606:50c0::/32"];
    const GMAIL: &[&str] = &["2001:4860:4000::/36", "2404:6800:4000::/36", "2607:f8b0:4000::/36"];
    let listed = |entries: &[&str]| {
        let entries: Vec<_> = entries.iter().map(|text| text.parse().unwrap()).collect();
        world("tcp 22", "pl-01").with(|w| {
            w.group.prefix_lists.insert("pl-01".to_owned(), PrefixList::Entries(entries));
        })
    };
    for vendor in [CLOUDFLARE, FASTLY, IMPERVA, GITHUB, GMAIL] {
        assert_eq!(by(&listed(vendor)).as_deref(), Some("narrow-networks"), "{vendor:?}");
    }
    // Two of them are no vendor any more; nor is Akamai's /24, which has its hosting in it.
    assert_eq!(by(&listed(&[CLOUDFLARE, FASTLY].concat())), None);
    assert_eq!(by(&listed(&["2600:1400::/24"])), None);
}

#[test]
fn what_counts_is_the_union_of_each_family() {
    let beside = |source, v4, v6| world("tcp 22", source).with(|w| w.beside = Count { v4, v6 });
    let narrow = Some("narrow-networks".to_owned());
    assert_eq!(by(&beside("52.0.0.0/9", (1 << 23) - 1, 0)), narrow);
    assert_eq!(by(&beside("52.0.0.0/9", 1 << 23, 0)), None);
    assert_eq!(by(&beside("2600::/29", 0, (1 << 99) - (1 << 64))), narrow);
    assert_eq!(by(&beside("2600::/29", 0, 1 << 99)), None);
    // The families do not add up.
    assert_eq!(by(&beside("52.0.0.0/9", 0, 1 << 99)), narrow);
    assert_eq!(by(&beside("52.0.0.0/9", 0, 1 << 100)), None);
}

#[test]
fn narrow_networks_may_reach_a_cache() {
    let narrow = world("tcp 6379", "52.94.76.0/24").check(Check::OpenCache);
    assert_eq!(by(&narrow).as_deref(), Some("narrow-networks"));
    assert_eq!(by(&world("tcp 6379", "0.0.0.0/0").check(Check::OpenCache)), None);
    // A web port is no excuse for a cache.
    assert_eq!(by(&world("tcp 443", "0.0.0.0/0").check(Check::OpenCache)), None);
}

#[test]
fn exactly_80_and_exactly_443_may_face_the_internet() {
    for (traffic, expected) in
        [("tcp 80", "public-http"), ("tcp 443", "public-https"), ("udp 443", "public-http3")]
    {
        for source in ["0.0.0.0/0", "::/0"] {
            assert_eq!(
                by(&world(traffic, source)).as_deref(),
                Some(expected),
                "{traffic} {source}"
            );
        }
    }
    for traffic in [
        "tcp 79",
        "tcp 81",
        "tcp 80-443",
        "tcp 80-81",
        "tcp 443-444",
        "tcp 0-443",
        "udp 80",
        "udp 443-444",
        "udp 0-443",
        "-1",
        "tcp 22",
    ] {
        assert_eq!(by(&world(traffic, "0.0.0.0/0")), None, "{traffic}");
    }
}

#[test]
fn what_path_mtu_discovery_needs_may_come_from_everywhere_and_nothing_more_of_icmp() {
    for (traffic, source) in
        [("icmp 3-4", "0.0.0.0/0"), ("icmpv6 2", "::/0"), ("icmpv6 2-0", "::/0")]
    {
        assert_eq!(by(&world(traffic, source)).as_deref(), Some("path-mtu-discovery"), "{traffic}");
    }
    for traffic in
        ["icmp 3", "icmp 3-1", "icmp 4-4", "icmp 8", "icmp", "icmp 2", "icmpv6 3-4", "icmpv6"]
    {
        assert_eq!(by(&world(traffic, "0.0.0.0/0")), None, "{traffic}");
    }
}

#[test]
fn memcached_over_udp_is_never_tolerated_not_even_by_a_permit() {
    let permit = "@id(\"all\") @reason(\"All.\") permit (principal, action, resource);".to_owned();
    let mut files = vec![("all.cedar".to_owned(), permit)];
    for name in ["default.cedar", "public-web.cedar"] {
        files.push((name.to_owned(), std::fs::read_to_string(infra(name)).unwrap()));
    }
    let with_permit = Policies::parse(files).unwrap();
    let refused = |world: World| assert_eq!(world.ask(&with_permit), Answer::Fault, "{world:?}");
    refused(world("udp 11211", "52.94.76.1/32").check(Check::MemcachedUdp));
    for traffic in
        ["udp 11211", "udp 11000-12000", "udp 0-65535", "udp 11211-11300", "udp 11200-11211"]
    {
        refused(world(traffic, "0.0.0.0/0"));
        refused(world(traffic, "52.94.76.1/32"));
        refused(world(traffic, "2600::1/128"));
        refused(world(traffic, "0.0.0.0/0").check(Check::OpenCache));
    }
    let allowed =
        |world: World| assert!(suppressed(&world.ask(&with_permit)).is_some(), "{world:?}");
    for traffic in ["udp 11210", "udp 11212", "udp 0-11210", "tcp 11211"] {
        allowed(world(traffic, "0.0.0.0/0"));
    }
    allowed(world("udp 11211", "10.0.0.0/8"));
    allowed(setting(Check::NoAuth));
}

#[test]
fn no_setting_of_a_cache_is_tolerated() {
    for check in [Check::DefaultPort, Check::PlaintextTransit, Check::NoAuth] {
        assert_eq!(setting(check).ask(&shipped()), Answer::Fault, "{check}");
    }
}

#[test]
fn the_stricter_variant_wants_the_tag() {
    let strict = Policies::read(&infra("strict")).unwrap();
    let web = || world("tcp 443", "0.0.0.0/0");
    assert_eq!(suppressed(&web().tagged("exposure", "web").ask(&strict)), Some("public-https"));
    let http = world("tcp 80", "::/0").tagged("exposure", "web");
    assert_eq!(suppressed(&http.ask(&strict)), Some("public-http"));
    for (traffic, expected) in [("udp 443", "public-http3"), ("icmp 3-4", "path-mtu-discovery")] {
        let tagged = world(traffic, "0.0.0.0/0").tagged("exposure", "web");
        assert_eq!(suppressed(&tagged.ask(&strict)), Some(expected));
        assert_eq!(world(traffic, "0.0.0.0/0").ask(&strict), Answer::Fault, "{traffic}");
    }
    for refused in [
        web(),
        web().tagged("exposure", "internal"),
        web().tagged("Exposure", "web"),
        web().tagged("exposure", "Web"),
        world("tcp 22", "0.0.0.0/0").tagged("exposure", "web"),
        world("tcp 443-8443", "0.0.0.0/0").tagged("exposure", "web"),
    ] {
        assert_eq!(refused.ask(&strict), Answer::Fault, "{refused:?}");
    }
    assert_eq!(web().tagged("exposure", "web").early().ask(&strict), Answer::NotKnown);
    assert_eq!(world("tcp 22", "0.0.0.0/0").early().ask(&strict), Answer::NotKnown);
}
