use super::*;
use crate::action::{Action, Grants, Per};
use crate::facts::{CacheKind, CacheNetwork, Engine, Subnets};
use crate::fixtures::{cache, cache_interface, group, rule, subnet, with_interfaces};
use crate::net::{Count, Exposure};

/// A cache with every fault of a setting, behind a rule from here, in a subnet that routes there.
fn findings(source: &str, destinations: &[&str]) -> Vec<(Check, Severity)> {
    let open = group(vec![rule("sgr-1", "tcp 6379", source)]);
    let open: GroupFacts = with_interfaces(open, vec![cache_interface("eni-1")]);
    let subnets = Subnets::Read(vec![subnet("subnet-1", destinations)]);
    let facts = CacheFacts {
        transit_encryption: Some(false),
        authentication: Some(false),
        groups: CacheGroups::Read(vec![open]),
        network: CacheNetwork { subnets, ..CacheNetwork::default() },
        ..cache(CacheKind::ReplicationGroup, Engine::Redis, &[6379])
    };
    let decided = crate::fixtures::decided(&facts).findings;
    let severities = severities(&decided, &Reaches::of_cache(&facts));
    decided.iter().map(|finding| finding.check).zip(severities).collect()
}

fn severity(findings: &[(Check, Severity)], check: Check) -> Option<Severity> {
    findings.iter().find(|(found, _)| *found == check).map(|(_, severity)| *severity)
}

#[test]
fn each_fault_is_worse_behind_open_groups_and_worst_in_a_public_subnet_too() {
    use Severity::{High, Low, Medium};
    for (source, destinations, open, port, settings, subnet) in [
        ("10.0.0.0/8", [].as_slice(), None, Low, Medium, None),
        ("10.0.0.0/8", &["0.0.0.0/0"], None, Low, Medium, Some(Low)),
        ("0.0.0.0/0", &[], Some(Medium), Medium, High, None),
        ("0.0.0.0/0", &["0.0.0.0/0"], Some(High), High, High, Some(High)),
    ] {
        let found = findings(source, destinations);
        assert_eq!(severity(&found, Check::OpenCache), open, "{found:?}");
        assert_eq!(severity(&found, Check::DefaultPort), Some(port), "{found:?}");
        assert_eq!(severity(&found, Check::PlaintextTransit), Some(settings), "{found:?}");
        assert_eq!(severity(&found, Check::NoAuth), Some(settings), "{found:?}");
        assert_eq!(severity(&found, Check::PublicSubnet), subnet, "{found:?}");
    }
}

/// "Severity of a cache": each row, under each of the three states that the columns are.
#[test]
fn the_documentation_has_the_same_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/checks.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let table = docs.split("| | groups closed |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut compared = 0;
    for cells in rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>()) {
        // A public endpoint is a serverless cache's: by itself, and so held where its check is.
        let names = cells[1].split('`').skip(1).step_by(2);
        for name in names.filter(|name| *name != "public-endpoint") {
            let Some(check) = Check::ALL.into_iter().find(|check| check.as_str() == name) else {
                panic!("there is no check {name}");
            };
            // What is said of a public subnet with closed groups needs one.
            let closed = if check == Check::PublicSubnet { ["0.0.0.0/0"].as_slice() } else { &[] };
            for (cell, (source, destinations)) in cells[2..5].iter().zip([
                ("10.0.0.0/8", closed),
                ("0.0.0.0/0", &[]),
                ("0.0.0.0/0", &["0.0.0.0/0"]),
            ]) {
                let said = match *cell {
                    "" => continue,
                    // By what the rule leads to: here, private addresses.
                    "as above" => "medium",
                    cell => cell.trim_start_matches("at least "),
                };
                let found = severity(&findings(source, destinations), check);
                assert_eq!(found.map(Severity::as_str), Some(said), "{name} behind {source}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 13);
}

#[test]
fn what_is_not_known_raises_nothing_and_is_not_raised() {
    let setting = |check, remedy| {
        let evidence = Evidence::Setting { engine: Engine::Redis, pending: false };
        Finding { check, evidence, remedy }
    };
    let known = || Remedy::Manual { action: None, because: Because::PortIsFixed };
    let pending = || Remedy::Pending("not yet".to_owned());
    let found = [
        setting(Check::DefaultPort, known()),
        setting(Check::PublicSubnet, pending()),
        setting(Check::OpenCache, pending()),
    ];
    let alone: Vec<_> = found
        .iter()
        .flat_map(|one| severities(std::slice::from_ref(one), &Reaches::default()))
        .collect();
    assert_eq!(severities(&found, &Reaches::default()), alone);
}

/// Nobody chose that it stays open, so a person must look at it, whatever stands behind it today.
#[test]
fn what_is_left_open_and_nobody_chose_that_is_at_least_high() {
    let why = || "denied".to_owned();
    let facts = group(vec![rule("sgr-1", "tcp 22", "0.0.0.0/0")]);
    let action = Action::RevokeIngress {
        group: facts.id.clone(),
        rule: facts.rules[0].clone(),
        grants: Grants::default(),
    };
    let evidence = Evidence::Rule {
        group: facts.id.clone(),
        rule: facts.rules[0].clone(),
        exposure: Exposure::Alone(Count { v4: 1 << 31, v6: 0 }),
        cache_port: None,
    };
    let quiet = Finding { check: Check::OpenIngress, evidence, remedy: Remedy::Do(action.clone()) };
    let of = |finding: &Finding| crate::fixtures::severity(finding, std::slice::from_ref(&facts));
    assert_eq!(of(&quiet), Severity::Low);
    let left = |because| Finding {
        remedy: Remedy::NotRemediated { action: action.clone(), because },
        ..quiet.clone()
    };
    for because in [
        Because::Flapping { times: 3, who: "ci".to_owned(), through: None, until: 0 },
        Because::TooMany { most: 25, per: Per::Event },
        Because::TooMany { most: 100, per: Per::Minute },
        Because::ExceptionsNotKnown,
        Because::ExceptionsUnreadable(why()),
        Because::TouchedUnknown(why()),
        Because::SubjectUnknown("security group"),
        Because::SourceUnknown(why()),
        Because::SpaceUnknown(why()),
        Because::LocalInSome(vec!["vpc-1".to_owned()]),
        Because::SharingUnknown(why()),
    ] {
        assert_eq!(of(&left(because.clone())), Severity::High, "{because:?}");
    }
    for chosen in [Because::Observe, Because::Protected, Because::NotTouched] {
        assert_eq!(of(&left(chosen.clone())), Severity::Low, "{chosen:?}");
    }
}
