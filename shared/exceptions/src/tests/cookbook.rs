//! The cookbook of docs/exceptions.md: each of its policies alone, what it tolerates, and what it must not.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_engine::exceptions::{Answer, Exception};
use portcullis_engine::facts::{Holder, Interfaces, PrefixList, Protocol};
use portcullis_engine::finding::Check;

use super::world::{
    World, balancer, interface, policies, problems, setting, suppressed, tag, world,
};
use crate::Policies;

const GROUP: &str = "sg-0a1b2c3d4e5f60718";
const ALL: &str = "0.0.0.0/0";

fn read(path: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path))
        .unwrap()
}

/// The policies of the document, by id.
fn recipes() -> BTreeMap<String, String> {
    let document = read("docs/exceptions.md");
    let blocks = document.split("```cedar\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let id =
        |text: &str| text.split("@id(\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    blocks.map(|text| (id(text), text.to_owned())).collect()
}

fn in_group(world: World) -> World {
    world.with(|w| w.group.id = GROUP.to_owned())
}

fn of_account(world: World, account: &str) -> World {
    world.with(|w| {
        w.group.owner = Some(account.to_owned());
        w.event.account = account.to_owned();
    })
}

fn with_list(id: &str) -> World {
    let entries = ["173.245.48.0/20", "2606:4700::/32"].map(|text| text.parse().unwrap());
    world("tcp 443", &format!("pl-{id}")).with(|w| {
        w.group.prefix_lists.insert(format!("pl-{id}"), PrefixList::Entries(entries.to_vec()));
    })
}

fn tagged_rule(world: World, key: &str, value: &str) -> World {
    world.with(|w| w.rule.tags.push(tag(key, value)))
}

/// Whether the policy of this id tolerates each of the first, and none of the second.
fn holds(id: &str, tolerates: &[World], refuses: &[World]) {
    let recipes = recipes();
    let policies = policies(&recipes[id]);
    for world in tolerates {
        let answer = world.ask(&policies);
        assert_eq!(suppressed(&answer), Some(id), "{answer:?}: {world:?}");
    }
    for world in refuses {
        let answer = world.ask(&policies);
        assert!(matches!(answer, Answer::Fault), "{id}: {answer:?}: {world:?}");
    }
    assert!(!tolerates.is_empty() && refuses.len() > 2);
}

#[test]
fn each_is_valid_and_tested() {
    let recipes = recipes();
    for (id, text) in &recipes {
        assert_eq!(problems(text), "", "{id}");
    }
    // Together as well: no id is there twice, and none is a shipped one.
    let mut files: Vec<_> = recipes.iter().map(|(id, text)| (id.clone(), text.clone())).collect();
    for name in ["default.cedar", "public-web.cedar"] {
        files.push((name.to_owned(), read(&format!("infra/exceptions/{name}"))));
    }
    Policies::parse(files).unwrap();
    assert_eq!(recipes.len(), 12);
    let tests = include_str!("cookbook.rs");
    for id in recipes.keys() {
        assert!(tests.contains(&format!("    holds(\n        \"{id}\",\n")), "{id} is not tested");
    }
}

#[test]
fn a_web_tier_on_a_port_of_its_own() {
    let web = |traffic| world(traffic, ALL).tagged("exposure", "web");
    holds(
        "web-tier",
        &[web("tcp 8443"), world("tcp 8443", "::/0").tagged("exposure", "web")],
        &[
            world("tcp 8443", ALL),
            world("tcp 8443", ALL).tagged("exposure", "internal"),
            world("tcp 8443", ALL).tagged("Exposure", "web"),
            web("tcp 8442-8443"),
            web("tcp 8443-8444"),
            web("udp 8443"),
            web("-1"),
            web("tcp 22"),
            web("tcp 8443").check(Check::OpenCache),
        ],
    );
}

#[test]
fn a_bastion_for_one_network_until_a_date() {
    let ssh = |traffic, source| in_group(world(traffic, source));
    let office = || ssh("tcp 22", "52.94.76.0/24");
    holds(
        "bastion-office",
        &[office(), office().at("2026-12-31T23:59:59Z"), office().early()],
        &[
            office().at("2027-01-01T00:00:00Z"),
            world("tcp 22", "52.94.76.0/24"),
            ssh("tcp 22", "52.94.77.0/24"),
            ssh("tcp 22", "52.94.76.0/23"),
            ssh("tcp 22", "52.94.76.0/25"),
            ssh("tcp 22", ALL),
            ssh("tcp 22-23", "52.94.76.0/24"),
            ssh("tcp 3389", "52.94.76.0/24"),
            ssh("-1", "52.94.76.0/24"),
        ],
    );
    let ended = Exception {
        id: "bastion-office".to_owned(),
        reason: "SSH from the office until everybody has the VPN.".to_owned(),
        until: Some("2026-12-31".to_owned()),
    };
    let (after, policies) =
        (office().at("2027-01-01T00:00:00Z"), policies(&recipes()["bastion-office"]));
    assert_eq!((after.ask(&policies), after.ended(&policies)), (Answer::Fault, Some(ended)));
}

#[test]
fn cloudflare_by_its_prefix_list() {
    let list = || with_list("0123456789abcdef0");
    holds(
        "cloudflare",
        &[list(), list().early()],
        &[
            with_list("0123456789abcdef1"),
            world("tcp 443", ALL),
            world("tcp 443", "2606:4700::/32"),
            list().with(|w| (w.rule.from_port, w.rule.to_port) = (80, 80)),
            list().with(|w| w.rule.from_port = 80),
            list().check(Check::OpenCache),
        ],
    );
}

#[test]
fn groups_that_only_load_balancers_carry() {
    let carried = |traffic, by| world(traffic, ALL).carried_by(by);
    holds(
        "load-balancers",
        &[carried("tcp 443", vec![balancer()]), carried("tcp 8443", vec![balancer(), balancer()])],
        &[
            carried("tcp 443", vec![]),
            carried("tcp 443", vec![balancer(), interface(Holder::Other)]),
            carried("tcp 443", vec![interface(Holder::Instance("i-01".to_owned()))]),
            carried("tcp 443", vec![balancer(), interface(Holder::Cache)]),
            carried("tcp 80-443", vec![balancer()]),
            carried("udp 443", vec![balancer()]),
            carried("-1", vec![balancer()]),
        ],
    );
    let policies = policies(&recipes()["load-balancers"]);
    assert_eq!(world("tcp 443", ALL).early().ask(&policies), Answer::NotKnown);
    let unread = world("tcp 443", ALL)
        .with(|w| w.group.interfaces = Interfaces::Unknown("denied".to_owned()));
    assert!(matches!(unread.ask(&policies), Answer::Unreadable(_)));
}

#[test]
fn a_role_for_emergencies() {
    let by = |role| world("tcp 22", ALL).by_role(role);
    holds(
        "break-glass",
        &[
            by("break-glass"),
            world("-1", ALL).by_role("break-glass").early(),
            by("break-glass").check(Check::OpenCache),
        ],
        &[
            world("tcp 22", ALL),
            by("break-glass2"),
            by("Break-Glass"),
            by("deploy").with(|w| w.event.actor.name = "break-glass/alice".to_owned()),
            by("break-glass").with(|w| w.event.actor.account = Some("999988887777".to_owned())),
            by("break-glass").with(|w| w.event.actor.account = None),
            by("break-glass").check(Check::MemcachedUdp),
            setting(Check::NoAuth).by_role("break-glass"),
        ],
    );
}

#[test]
fn two_people_whatever_role_they_work_in() {
    let stands_for = |who: Option<&str>| {
        world("tcp 22", ALL).by_role("lab").with(|w| {
            w.event.actor.source_identity = who.map(str::to_owned);
        })
    };
    let carol = || stands_for(Some("carol"));
    holds(
        "network-engineers",
        &[carol(), stands_for(Some("dan")).by_role("another-lab").early()],
        &[
            stands_for(None),
            stands_for(Some("Carol")),
            stands_for(Some("carol-2")),
            stands_for(None).with(|w| w.event.actor.name = "lab/carol".to_owned()),
            carol().with(|w| w.event.actor.account = Some("999988887777".to_owned())),
            carol().with(|w| w.rule.protocol = Protocol::parse("udp")),
            carol().check(Check::MemcachedUdp),
        ],
    );
}

#[test]
fn a_whole_sandbox_account() {
    let sandbox = |world| of_account(world, "444455556666");
    holds(
        "sandbox",
        &[
            sandbox(world("-1", ALL)),
            sandbox(world("tcp 6379", ALL).check(Check::OpenCache)),
            sandbox(setting(Check::NoAuth)),
            sandbox(setting(Check::DefaultPort)),
        ],
        &[
            world("-1", ALL),
            of_account(world("tcp 22", ALL), "444455556667"),
            setting(Check::NoAuth),
            // The caller's account is not the resource's.
            world("tcp 22", ALL).with(|w| w.event.actor.account = Some("444455556666".to_owned())),
            // A group of another account, in a VPC that the sandbox shares.
            of_account(world("tcp 22", ALL), "444455556666")
                .with(|w| w.group.owner = Some("111122223333".to_owned())),
        ],
    );
}

#[test]
fn load_balancers_that_eks_makes() {
    let made = |traffic, cluster: &str, role| {
        world(traffic, ALL).tagged("elbv2.k8s.aws/cluster", cluster).by_role(role)
    };
    let controller = "shop-load-balancer-controller";
    holds(
        "eks-load-balancers",
        &[made("tcp 443", "shop", controller), made("tcp 8080", "shop", controller)],
        &[
            made("tcp 443", "other", controller),
            made("tcp 443", "shop", "alice"),
            made("udp 443", "shop", controller),
            made("-1", "shop", controller),
            world("tcp 443", ALL).by_role(controller),
            world("tcp 443", ALL).tagged("elbv2.k8s.aws/cluster", "shop"),
        ],
    );
}

#[test]
fn a_vendors_wide_range_on_one_port() {
    let mqtt = |source| world("tcp 8883", source);
    holds(
        "vendor-range",
        &[
            mqtt("20.0.0.0/7"),
            mqtt("21.0.0.0/8"),
            mqtt("20.1.2.3/32"),
            mqtt("20.0.0.0/8").at("2027-06-30T23:59:59Z"),
        ],
        &[
            mqtt("20.0.0.0/8").at("2027-07-01T00:00:00Z"),
            mqtt("20.0.0.0/6"),
            mqtt("22.0.0.0/8"),
            mqtt(ALL),
            mqtt("::/0"),
            mqtt("::ffff:20.0.0.1/128"),
            world("tcp 1883", "20.0.0.0/8"),
            world("tcp 1883-8883", "20.0.0.0/8"),
            world("udp 8883", "20.0.0.0/8"),
        ],
    );
}

#[test]
fn one_rule_by_its_tag() {
    let rule = |key, value| tagged_rule(in_group(world("tcp 8080", ALL)), key, value);
    holds(
        "agreed-rules",
        &[rule("change", "CHG-4711"), rule("change", "CHG-4711").early()],
        &[
            in_group(world("tcp 8080", ALL)),
            rule("change", "CHG-4712"),
            rule("Change", "CHG-4711"),
            rule("change=CHG-4711", ""),
            tagged_rule(world("tcp 8080", ALL), "change", "CHG-4711"),
            // A tag of the group is not one of the rule.
            in_group(world("tcp 8080", ALL)).tagged("change", "CHG-4711"),
        ],
    );
}

#[test]
fn a_cache_that_stays_on_6379() {
    holds(
        "vendor-cache-port",
        &[setting(Check::DefaultPort)],
        &[
            setting(Check::DefaultPort).with(|w| w.cache.id = "orders-2".to_owned()),
            setting(Check::NoAuth),
            setting(Check::PlaintextTransit),
            world("tcp 6379", ALL).check(Check::OpenCache),
            world("tcp 6379", ALL),
        ],
    );
}

#[test]
fn caches_of_a_vendor_by_their_tag() {
    let port = |tags: &[(&str, &str)], vpc: Option<&str>| {
        setting(Check::DefaultPort).made_with(tags).with(|w| {
            w.cache.network.vpc = vpc.map(str::to_owned);
        })
    };
    let (acme, vpc) = (("appliance", "acme"), Some("vpc-0a1b2c3d4e5f60718"));
    holds(
        "vendor-caches",
        &[port(&[acme], vpc), port(&[("team", "plant"), acme], vpc)],
        &[
            port(&[], vpc),
            port(&[("appliance", "other")], vpc),
            port(&[("Appliance", "acme")], vpc),
            port(&[acme], Some("vpc-01")),
            port(&[acme], vpc).check(Check::NoAuth),
            port(&[acme], vpc).check(Check::OpenCache),
            // A tag of the group is not one of the cache.
            port(&[], vpc).tagged("appliance", "acme"),
        ],
    );
    // Nobody guesses where a cache lies.
    let unread = port(&[acme], None);
    assert_eq!(unread.ask(&policies(&recipes()["vendor-caches"])), Answer::NotKnown);
}
