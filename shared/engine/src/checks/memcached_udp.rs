//! `memcached-udp`: UDP 11211 can be reached from a public address.
//!
//! Memcached answers a forged UDP datagram with up to 51,000 times its size (US-CERT TA14-017A),
//! so one public address is enough: it need not be the sender's own.

use super::{Check, Evidence, Finding, Judged, Reach, Severity, SourceTable};
use crate::action::{Because, Remedy};
use crate::facts::{GroupFacts, Protocol};
use crate::net::{Candidate, Exposure, exposed};

/// The port of Memcached.
const PORT: u16 = 11_211;

/// The touched rules that let any public address reach UDP 11211.
///
/// A rule that names UDP is revoked. One for all traffic (`-1`) from less than the internet is an
/// office or a peer, not a Memcached; it is left to a person.
pub fn check(group: &GroupFacts, rules: &[Judged<'_>]) -> Vec<Finding> {
    let table = SourceTable::new(group);
    let mut findings = Vec::new();
    for (rule, _) in rules.iter().filter(|(r, touched)| *touched && r.covers(&Protocol::Udp, PORT))
    {
        // What could not be read is reported by `open-ingress`.
        let Ok(Some(sources)) = table.of(rule) else { continue };
        if !sources.count().any() {
            continue;
        }
        let alone = Candidate {
            id: &rule.id,
            protocol: &rule.protocol,
            ports: rule.ports(),
            sources,
            touched: true,
        };
        let narrow = exposed(&[alone]).is_empty();
        let action = table.revoke(rule);
        let reach = Reach::of(&group.interfaces);
        // An office's rule for all traffic is nothing to wake anybody for.
        let aside = rule.protocol == Protocol::All && narrow;
        let severity =
            if aside { reach.severity().min(Severity::Medium) } else { reach.severity() };
        let remedy = match aside {
            true => Remedy::ByHand { action: Some(action), because: Because::AllTraffic },
            false => Remedy::Do(action),
        };
        findings.push(Finding {
            check: Check::MemcachedUdp,
            severity,
            remedy,
            evidence: Evidence::Rule {
                group: group.id.clone(),
                rule: (*rule).clone(),
                exposure: Exposure::Alone(sources.count()),
                cache_port: None,
                reach,
            },
        });
    }
    findings
}
