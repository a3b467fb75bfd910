//! How bad the faults of one cache are together: each closes a way that another leaves open.
//!
//! The reasons are in `docs/checks.md`, under "Severity of a cache".

use super::{Check, Evidence, Finding, Severity};
use crate::action::Remedy;

/// Raises what is worse beside the others. Nothing is lowered.
pub fn raise(findings: &mut [Finding]) {
    let open = findings.iter().any(|finding| {
        finding.check == Check::OpenCache && matches!(finding.evidence, Evidence::Rule { .. })
    });
    let public = findings.iter().any(|f| f.check == Check::PublicSubnet && is_known(f));
    for finding in findings.iter_mut().filter(|finding| is_known(finding)) {
        let together = match (finding.check, open, public) {
            (Check::OpenCache | Check::DefaultPort | Check::PublicSubnet, true, true)
            | (Check::PlaintextTransit | Check::NoAuth, true, _) => Severity::High,
            (Check::DefaultPort, true, false) => Severity::Medium,
            (_, _, _) => finding.severity,
        };
        finding.severity = finding.severity.max(together);
    }
}

fn is_known(finding: &Finding) -> bool {
    !matches!(finding.remedy, Remedy::Pending(_))
        && !matches!(finding.evidence, Evidence::UnreadableRule { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Because;
    use crate::facts::{
        CacheFacts, CacheGroups, CacheKind, CacheNetwork, Engine, GroupFacts, Subnets,
    };
    use crate::fixtures::{cache, cache_interface, group, rule, subnet, with_interfaces};

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
        crate::fixtures::decided(&facts)
            .findings
            .iter()
            .map(|finding| (finding.check, finding.severity))
            .collect()
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

    #[test]
    fn what_is_not_known_raises_nothing_and_is_not_raised() {
        let setting = |check, remedy| Finding {
            check,
            severity: Severity::Low,
            evidence: Evidence::Setting { engine: Engine::Redis },
            remedy,
        };
        let known = || Remedy::ByHand { action: None, because: Because::PortIsFixed };
        let pending = || Remedy::Pending("not yet".to_owned());
        let mut findings = [
            setting(Check::DefaultPort, known()),
            setting(Check::PublicSubnet, pending()),
            setting(Check::OpenCache, pending()),
        ];
        let before = findings.clone();
        raise(&mut findings);
        assert_eq!(findings, before);
    }
}
