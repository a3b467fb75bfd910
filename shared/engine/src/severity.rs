//! The severity of a finding: by what can be reached, and by the other findings of its cache.
//!
//! It informs: nothing is remediated because of it. The reasons are in `docs/checks.md`, under "Severity" and
//! "Severity of a cache".

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::action::{Because, Remedy};
use crate::facts::{CacheFacts, CacheGroups, GroupFacts, ListedGroup};
use crate::finding::{Check, Evidence, Finding, group_of};
use crate::reach::Reach;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be reached today.
    Low,
    /// It can be reached from private networks only: by peering, VPNs, internal load balancers.
    Medium,
    /// The internet reaches something in between, such as a load balancer, or it is unknown what it reaches.
    High,
    /// The internet reaches it.
    Critical,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// One level higher, if there is one.
    pub fn raised(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }

    /// The severity of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == word)
    }
}

impl Reach {
    /// How bad an open rule is, given what it reaches.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Nothing => Severity::Low,
            Self::Private(_) | Self::Blocked { .. } => Severity::Medium,
            Self::Unknown(_) | Self::LoadBalanced { .. } => Severity::High,
            Self::Public { .. } => Severity::Critical,
        }
    }
}

/// What stands behind each group, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reaches(BTreeMap<String, Reach>);

impl Reaches {
    /// Of these groups.
    pub fn of<'a>(groups: impl IntoIterator<Item = &'a GroupFacts>) -> Self {
        Self(groups.into_iter().map(|group| (group.id.clone(), Reach::of(group))).collect())
    }

    /// Of the groups of a cache.
    pub fn of_cache(cache: &CacheFacts) -> Self {
        match &cache.groups {
            CacheGroups::Unknown(_) => Self::default(),
            CacheGroups::Read(groups) => Self::of(groups),
        }
    }

    /// What stands behind the group of a finding's rule, or the worst of those that name its prefix list; `None` if it is
    /// about no rule.
    pub fn behind(&self, finding: &Finding) -> Option<Reach> {
        if let Evidence::Entries { groups, .. } = &finding.evidence {
            return self.worst(groups).into_iter().next().map(|(_, reach)| reach);
        }
        Some(self.of_group(group_of(finding)?))
    }

    /// These groups, with what stands behind each, the worst first.
    pub fn worst<'a>(&self, groups: &'a [ListedGroup]) -> Vec<(&'a ListedGroup, Reach)> {
        let mut worst: Vec<_> =
            groups.iter().map(|group| (group, self.of_group(&group.id))).collect();
        worst.sort_by_key(|(_, reach)| Reverse((reach.severity(), reach.addresses())));
        worst
    }

    fn of_group(&self, group: &str) -> Reach {
        let unread = || Reach::Unknown("its interfaces were not read".to_owned());
        self.0.get(group).cloned().unwrap_or_else(unread)
    }
}

/// The severity of each finding about one resource, in their order.
pub fn severities(findings: &[Finding], reaches: &Reaches) -> Vec<Severity> {
    severities_by(findings, |finding| reaches.behind(finding))
}

/// How bad a finding is, and how bad it is by what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rating {
    /// As it is told: what may be reached and was not read is bad.
    pub severity: Severity,
    /// At least: a finding got worse only if this did.
    pub at_least: Severity,
}

/// As [`severities`], with how bad each is at least.
pub fn rate(findings: &[Finding], reaches: &Reaches) -> Vec<Rating> {
    let at_least = severities_by(findings, |finding| {
        let reach = reaches.behind(finding)?;
        Some(if matches!(reach, Reach::Unknown(_)) { Reach::Nothing } else { reach })
    });
    let both = severities(findings, reaches).into_iter().zip(at_least);
    both.map(|(severity, at_least)| Rating { severity, at_least }).collect()
}

fn severities_by(
    findings: &[Finding],
    behind: impl Fn(&Finding) -> Option<Reach>,
) -> Vec<Severity> {
    let is = |finding: &Finding, check| finding.check == check && counts(finding);
    let open =
        findings.iter().any(|finding| is(finding, Check::OpenCache) && group_of(finding).is_some());
    let public = findings.iter().any(|finding| is(finding, Check::PublicSubnet));
    let of = |finding: &Finding| {
        let alone = alone(finding, behind(finding));
        if counts(finding) {
            alone.max(together(finding.check, open, public).unwrap_or(alone))
        } else {
            alone
        }
    };
    findings.iter().map(of).collect()
}

fn alone(finding: &Finding, reach: Option<Reach>) -> Severity {
    let reach = reach.map_or(Severity::High, |reach| reach.severity());
    let severity = match &finding.evidence {
        Evidence::Rule { .. } | Evidence::Entries { .. } => reach,
        Evidence::UnreadableRule { .. } => reach.min(Severity::High),
        Evidence::UnreadableGroups(_) | Evidence::UnnamedSubject { .. } => Severity::High,
        Evidence::Port { .. } | Evidence::Setting { .. } => of_setting(finding.check),
    };
    match &finding.remedy {
        // All traffic from the addresses of an office: nobody has to be woken for it.
        Remedy::Manual { because: Because::AllTraffic, .. } => severity.min(Severity::Medium),
        Remedy::NotRemediated { because, .. } | Remedy::Manual { because, .. }
            if stays_open(because) =>
        {
            severity.max(Severity::High)
        }
        Remedy::Do(_)
        | Remedy::NotRemediated { .. }
        | Remedy::Manual { .. }
        | Remedy::Pending(_)
        | Remedy::Gone(_) => severity,
    }
}

/// Whether it is open though nobody chose that: because of a limit, of flapping, or of what is not known. A person must
/// look at it, whatever stands behind it today.
fn stays_open(because: &Because) -> bool {
    match because {
        Because::TooMany { .. }
        | Because::Flapping { .. }
        | Because::ExceptionsNotKnown
        | Because::ExceptionsUnreadable(_)
        | Because::TagsNotKnown
        | Because::TouchedUnknown(_)
        | Because::SubjectUnknown(_)
        | Because::SourceUnknown(_)
        | Because::SpaceUnknown(_)
        | Because::LocalInSome(_)
        | Because::SharingUnknown(_) => true,
        Because::Observe
        | Because::Audit
        | Because::CallerNotKnown
        | Because::Protected
        | Because::NotTouched
        | Because::OtherOwner(_)
        | Because::SharedGroup(_)
        | Because::OthersCarry { .. }
        | Because::OnlyAssociated(_)
        | Because::ListStays(_)
        | Because::AllTraffic
        | Because::PortIsFixed
        | Because::ClientsMustChange
        | Because::ConnectionIsFixed
        | Because::SubnetsAreShared => false,
    }
}

fn of_setting(check: Check) -> Severity {
    match check {
        Check::DefaultPort | Check::PublicSubnet => Severity::Low,
        Check::PlaintextTransit | Check::NoAuth => Severity::Medium,
        Check::OpenIngress | Check::MemcachedUdp | Check::OpenCache | Check::PublicEndpoint => {
            Severity::High
        }
    }
}

/// The severity beside other findings of the same cache, if it is higher: each of the faults takes away what still
/// protects from another one. `open`: a rule lets the internet in; `public`: a subnet routes to it.
fn together(check: Check, open: bool, public: bool) -> Option<Severity> {
    match (check, open, public) {
        (Check::OpenCache | Check::DefaultPort | Check::PublicSubnet, true, true)
        | (Check::PlaintextTransit | Check::NoAuth, true, _) => Some(Severity::High),
        (Check::DefaultPort, true, false) => Some(Severity::Medium),
        (_, _, _) => None,
    }
}

/// Whether it is known, and there: only then it makes others worse, and is made worse by them.
fn counts(finding: &Finding) -> bool {
    !matches!(finding.remedy, Remedy::Pending(_) | Remedy::Gone(_))
        && !matches!(finding.evidence, Evidence::UnreadableRule { .. })
}

#[cfg(test)]
mod tests;
