//! `memcached-udp`: UDP 11211 can be reached from a public address.
//!
//! Memcached answers a forged UDP datagram with up to 51,000 times its size (US-CERT TA14-017A),
//! so one public address is enough: it need not be the sender's own.

use super::{GroupRule, SourceTable};

use crate::finding::{Check, Evidence, Finding};

use crate::action::{Because, Remedy};
use crate::exceptions::{Inquiry, OnRule};
use crate::facts::{GroupFacts, Protocol};
use crate::net::Exposure;

/// The port of Memcached.
const PORT: u16 = 11_211;

/// The touched rules that let any public address reach UDP 11211.
///
/// A rule that names UDP is revoked. One for all traffic (`-1`) that may admit its addresses otherwise is an
/// office or a peer, not a Memcached; it is left to a person.
pub(crate) fn check(
    group: &GroupFacts,
    rules: &[GroupRule<'_>],
    inquiry: &mut Inquiry<'_>,
) -> Vec<Finding> {
    if !rules.iter().any(|(rule, touched)| *touched && rule.covers(&Protocol::Udp, PORT)) {
        return Vec::new();
    }
    let table = SourceTable::new(group, inquiry.local());
    let mut findings = Vec::new();
    for (rule, _) in rules.iter().filter(|(r, touched)| *touched && r.covers(&Protocol::Udp, PORT))
    {
        // What could not be read is reported by `open-ingress`.
        let Ok(Some(sources)) = table.of(rule) else { continue };
        if !sources.count().any() {
            continue;
        }
        let own = sources.count();
        let on = OnRule { group, rule, own, union: own };
        if !inquiry.rule(Check::MemcachedUdp, on).is_empty() {
            continue;
        }
        let action = table.revoke(rule);
        let aside =
            rule.protocol == Protocol::All && !inquiry.rule(Check::OpenIngress, on).is_empty();
        let remedy = if aside {
            Remedy::Manual { action: Some(action), because: Because::AllTraffic }
        } else {
            Remedy::Do(action)
        };
        findings.push(Finding {
            check: Check::MemcachedUdp,
            remedy,
            evidence: Evidence::Rule {
                group: group.id.clone(),
                rule: (*rule).clone(),
                exposure: Exposure::Alone(own),
                cache_port: None,
            },
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Interfaces;
    use crate::fixtures::{
        all_touched, cache_interface, group, inquiry, public_interface, rule, severity, touching,
        with_interfaces, with_list,
    };
    use crate::net::Count;
    use crate::severity::Severity;

    fn checked(group: &GroupFacts, rules: &[GroupRule<'_>]) -> Vec<Finding> {
        check(group, rules, &mut inquiry())
    }

    /// What is found of one touched rule.
    fn found(traffic: &str, source: &str) -> Option<Finding> {
        let group = group(vec![rule("sgr-1", traffic, source)]);
        let mut findings = checked(&group, &all_touched(&group));
        assert!(findings.len() <= 1);
        findings.pop()
    }

    #[test]
    fn private_sources_are_clean() {
        for source in ["10.0.0.0/8", "192.168.1.1/32", "100.64.0.0/10", "fc00::/7", "0.0.0.0/32"] {
            assert_eq!(found("udp 11211", source), None, "{source}");
        }
    }

    #[test]
    fn one_public_address_is_enough() {
        for source in ["52.94.5.1/32", "2600::1/128", "10.0.0.0/7", "0.0.0.0/0", "::/0"] {
            let finding = found("udp 11211", source).expect(source);
            assert!(matches!(finding.remedy, Remedy::Do(_)), "{source}: {:?}", finding.remedy);
        }
    }

    #[test]
    fn the_evidence_counts_the_public_addresses() {
        let finding = found("udp 11211", "52.94.5.0/24").unwrap();
        let Evidence::Rule { exposure, .. } = finding.evidence else { panic!("{finding:?}") };
        assert_eq!(exposure, Exposure::Alone(Count { v4: 256, v6: 0 }));
    }

    #[test]
    fn both_edges_of_a_range_belong_to_it() {
        for traffic in ["udp 11211-11300", "udp 11000-11211", "udp 0-65535", "udp"] {
            assert!(found(traffic, "52.94.5.1/32").is_some(), "{traffic}");
        }
        for traffic in ["udp 11212-11300", "udp 11000-11210", "udp 0", "udp 53"] {
            assert_eq!(found(traffic, "0.0.0.0/0"), None, "{traffic}");
        }
    }

    #[test]
    fn only_udp_reaches_it() {
        // 50 is an IPsec peer, and ICMP types are not ports.
        for traffic in ["tcp 11211", "tcp 0-65535", "50", "icmp", "icmp 8", "icmpv6"] {
            assert_eq!(found(traffic, "0.0.0.0/0"), None, "{traffic}");
        }
        assert!(found("17 11211", "0.0.0.0/0").is_some(), "17 is UDP");
    }

    #[test]
    fn group_references_and_unreadable_sources_are_not_its_business() {
        // `open-ingress` tells of what could not be read.
        for source in ["sg-0f", "pl-1", "?"] {
            assert_eq!(found("udp 11211", source), None, "{source}");
        }
    }

    #[test]
    fn one_public_entry_of_a_list_is_enough() {
        let udp = || group(vec![rule("sgr-1", "udp 11211", "pl-1")]);
        let private = with_list(udp(), "pl-1", &["10.0.0.0/8"]);
        assert_eq!(checked(&private, &all_touched(&private)), Vec::new());
        let public = with_list(udp(), "pl-1", &["10.0.0.0/8", "52.94.5.1/32"]);
        assert_eq!(checked(&public, &all_touched(&public)).len(), 1);
    }

    #[test]
    fn what_the_event_did_not_touch_is_left_alone() {
        let group = group(vec![rule("sgr-1", "udp 11211", "0.0.0.0/0")]);
        assert_eq!(checked(&group, &touching(&group, &[])), Vec::new());
    }

    #[test]
    fn all_traffic_of_a_few_is_left_to_a_person_and_wakes_nobody() {
        let public = vec![cache_interface("eni-1"), public_interface("eni-2")];
        for source in ["52.94.5.1/32", "11.0.0.0/9", "2600::/33"] {
            let group = group(vec![rule("sgr-1", "-1", source)]);
            let unread = GroupFacts { interfaces: Interfaces::NotRead, ..group.clone() };
            for group in [with_interfaces(group, public.clone()), unread] {
                let findings = checked(&group, &all_touched(&group));
                assert_eq!(findings.len(), 1, "{source}");
                assert_eq!(severity(&findings[0], &[group]), Severity::Medium, "{source}");
                let by_hand = matches!(
                    findings[0].remedy,
                    Remedy::Manual { action: Some(_), because: Because::AllTraffic }
                );
                assert!(by_hand, "{source}: {:?}", findings[0].remedy);
            }
        }
    }

    #[test]
    fn all_traffic_of_a_few_that_reaches_nothing_stays_low() {
        let group = group(vec![rule("sgr-1", "-1", "52.94.5.1/32")]);
        let found = checked(&group, &all_touched(&group)).remove(0);
        assert_eq!(severity(&found, &[group]), Severity::Low);
    }

    #[test]
    fn all_traffic_of_the_world_is_revoked() {
        for source in ["0.0.0.0/0", "11.0.0.0/8", "::/0", "2600::/28"] {
            let group = group(vec![rule("sgr-1", "-1", source)]);
            let group = with_interfaces(group, vec![public_interface("eni-1")]);
            let findings = checked(&group, &all_touched(&group));
            assert_eq!(findings.len(), 1, "{source}");
            assert_eq!(severity(&findings[0], &[group]), Severity::Critical, "{source}");
            assert!(matches!(findings[0].remedy, Remedy::Do(_)), "{source}");
        }
    }

    #[test]
    fn all_udp_ports_of_a_few_are_no_all_traffic() {
        let finding = found("udp 0-65535", "52.94.5.1/32").unwrap();
        assert!(matches!(finding.remedy, Remedy::Do(_)));
    }
}
