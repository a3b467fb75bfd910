//! What is told of one event: what was decided, how it ended, and what was known of it before. Made once, after
//! acting; nothing rewrites it.

use std::cmp::Reverse;
use std::fmt;

use crate::action::{Action, Outcome, Outcomes, Remedy};
use crate::checks::own;
use crate::decide::{self, Decision, Judge};
use crate::event::{CacheLead, Event, Lead};
use crate::exceptions::{Asked, Ended, Exception, OnRule, Tolerated};
use crate::facts::{CacheFacts, CacheGroups, GroupFacts, IngressRule, Tag};
use crate::finding::{Evidence, Finding, Subject, admitted, group_of, rule_of};
use crate::ledger::{Entry, Key, Leased, Recurrence, Settled};
use crate::reach::Reach;
use crate::resolution::Resolution;
use crate::severity::{Reaches, Severity, judge};

/// What is told of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The event.
    pub event: Event,
    /// What was decided.
    pub decision: Decision,
    /// How the findings that are news ended, the worst first.
    pub findings: Vec<Reported>,
    /// How the findings ended that were reported before as they are now.
    pub known: Vec<Reported>,
    /// Faults that the event did not touch: told beside the findings, never the cause of an alert.
    pub older: Vec<Reported>,
    /// What is tolerated, of what the event did not touch too.
    pub tolerated: Vec<Tolerated>,
    /// Findings that an exception tolerated until it ended.
    pub ended: Vec<Ended>,
    /// Findings that were reported before, and are gone.
    pub resolved: Vec<Entry>,
    /// What people know the resource by.
    pub names: Names,
    /// The cache, if it is about one: the commands for a person depend on it.
    pub cache: Option<CacheFacts>,
    /// The stack that reports it: commands name it.
    pub deployment: Deployment,
    /// Why nothing was remembered, where the ledger did not answer.
    pub unremembered: Option<String>,
}

/// A finding, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Which finding it is, however often it comes.
    pub key: Key,
    /// The finding.
    pub finding: Finding,
    /// How bad it is.
    pub severity: Severity,
    /// What stands behind the group of its rule.
    pub reach: Option<Reach>,
    /// How it ended.
    pub resolution: Resolution,
    /// Why, where that is to be said.
    pub because: Option<String>,
    /// The ARN of the execution that was started for it.
    pub execution: Option<String>,
    /// Its rule as it was when it went, if somebody had edited it since it was read.
    pub went_as: Option<IngressRule>,
    /// How often it came back after it had been closed.
    pub recurrence: Option<Recurrence>,
}

/// What people know a resource by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Its name, which users control.
    pub name: Option<String>,
    /// Its VPC, where that was read.
    pub vpc: Option<String>,
    /// Its tags, which users control: of a cache those that the call gave it.
    pub tags: Vec<Tag>,
}

/// The stack, as far as an alert depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deployment {
    /// The name of the stack; `None` where it is not known.
    pub stack: Option<String>,
    /// The name of the ledger's table.
    pub ledger: Option<String>,
    /// Whether the stack moves a cache when a person asks for it.
    pub moves: bool,
}

/// What was read of the resource that an event is about.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// A security group.
    Group(&'a GroupFacts),
    /// A cache and its groups.
    Cache(&'a CacheFacts),
}

/// What is known beyond the decision when it is reported.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What was read, by now.
    pub seen: Seen<'a>,
    /// What the decision depended on.
    pub judge: &'a Judge<'a>,
    /// What came of the actions.
    pub outcomes: &'a Outcomes,
    /// What was leased, and with it what was reported before.
    pub leased: &'a Leased,
    /// The stack.
    pub deployment: &'a Deployment,
    /// Why nothing was remembered, where the ledger did not answer.
    pub unremembered: Option<&'a str>,
}

static NO_OUTCOMES: Outcomes = Outcomes::new();
static NO_LEASE: Leased = Leased::new();
static NO_STACK: Deployment = Deployment { stack: None, ledger: None, moves: false };

impl<'a> Known<'a> {
    /// Nothing was done yet, and nothing is remembered.
    pub fn new(seen: Seen<'a>, judge: &'a Judge<'a>) -> Self {
        Self {
            seen,
            judge,
            outcomes: &NO_OUTCOMES,
            leased: &NO_LEASE,
            deployment: &NO_STACK,
            unremembered: None,
        }
    }
}

impl Report {
    /// Of a decision that was carried out. It may hold no finding.
    pub fn new(event: &Event, decision: &Decision, known: &Known<'_>) -> Self {
        let mut reported = known.reported(&decision.findings, &decision.subject);
        reported.sort_by_key(|reported| Reverse(reported.severity));
        let (silent, findings): (Vec<_>, Vec<_>) = reported.into_iter().partition(|reported| {
            known.leased.is_known(&reported.key, reported.severity, reported.resolution)
        });
        let (older, snoozed) = known.older(event, decision);
        Self {
            ended: known.ended(event, decision),
            event: event.clone(),
            decision: decision.clone(),
            findings,
            known: silent,
            older: known.reported(&older, &decision.subject),
            tolerated: decision.tolerated.iter().cloned().chain(snoozed).collect(),
            resolved: known.leased.resolved.clone(),
            names: known.seen.names(event),
            cache: known.seen.cache().cloned(),
            deployment: known.deployment.clone(),
            unremembered: known.unremembered.map(str::to_owned),
        }
    }

    /// There is nothing to tell.
    pub fn is_silent(&self) -> bool {
        self.findings.is_empty() && self.resolved.is_empty()
    }

    /// The worst of the findings that are news.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|reported| reported.severity).max().unwrap_or(Severity::Low)
    }

    /// What it is about.
    pub fn subject(&self) -> &Subject {
        &self.decision.subject
    }

    /// Every finding, the worst first, whether it is news or not.
    pub fn all(&self) -> Vec<&Reported> {
        let mut all: Vec<&Reported> = self.findings.iter().chain(&self.known).collect();
        all.sort_by_key(|reported| Reverse(reported.severity));
        all
    }

    /// The findings as they are to be recorded.
    pub fn settled(&self) -> Vec<Settled<'_>> {
        let all = self.findings.iter().chain(&self.known);
        all.map(|Reported { key, finding, severity, .. }| Settled {
            key,
            finding,
            severity: *severity,
        })
        .collect()
    }
}

impl Known<'_> {
    fn reported(&self, findings: &[Finding], subject: &Subject) -> Vec<Reported> {
        let reaches = self.seen.reaches();
        let severities = judge(findings, &reaches);
        findings
            .iter()
            .zip(severities)
            .map(|(finding, severity)| {
                let key = Key::of(finding, subject);
                let outcome = outcome(finding, self.outcomes);
                Reported {
                    severity,
                    reach: reaches.behind(finding),
                    resolution: Resolution::of(finding, self.outcomes),
                    because: because(finding, outcome),
                    execution: outcome.and_then(Outcome::execution).map(str::to_owned),
                    went_as: outcome.and_then(Outcome::went_as).cloned(),
                    recurrence: self.leased.recurrences.get(&key).cloned(),
                    finding: finding.clone(),
                    key,
                }
            })
            .collect()
    }

    fn older(&self, event: &Event, decision: &Decision) -> (Vec<Finding>, Vec<Tolerated>) {
        let is_live = |finding: &Finding| !matches!(finding.remedy, Remedy::Gone(_));
        match (&event.lead, self.seen) {
            (Lead::Group(lead), Seen::Group(facts)) if decision.findings.iter().any(is_live) => {
                decide::older(event, lead, facts, decision, self.judge)
            }
            (Lead::Group(_) | Lead::Cache(_), Seen::Group(_) | Seen::Cache(_)) => {
                (Vec::new(), Vec::new())
            }
        }
    }

    /// The exceptions that have ended of what was found.
    fn ended(&self, event: &Event, decision: &Decision) -> Vec<Ended> {
        let subject = &decision.subject;
        let is_live = |finding: &&Finding| !matches!(finding.remedy, Remedy::Gone(_));
        let ended = decision.findings.iter().filter(is_live).filter_map(|finding| {
            let rule = rule_of(finding);
            let on = match &finding.evidence {
                Evidence::Rule { group, rule, exposure, .. } => {
                    let group = self.seen.group(group)?;
                    let (own, union) = (own(group, rule), admitted(exposure));
                    Some(OnRule { group, rule, own, union })
                }
                Evidence::Port { port: Some(_), .. } | Evidence::Setting { .. } => None,
                Evidence::UnreadableRule { .. }
                | Evidence::UnreadableGroups(_)
                | Evidence::Port { port: None, .. } => return None,
            };
            let cache = self.seen.cache().map(|cache| (cache, subject.arn.as_str()));
            let exception =
                self.judge.exceptions.ended(&Asked { check: finding.check, event, cache, on })?;
            Some(Ended { check: finding.check, rule: rule.map(|rule| rule.id.clone()), exception })
        });
        ended.collect()
    }
}

impl<'a> Seen<'a> {
    /// What stands behind its groups, as far as that was read.
    pub fn reaches(self) -> Reaches {
        match self {
            Self::Group(facts) => Reaches::of([facts]),
            Self::Cache(facts) => Reaches::of_cache(facts),
        }
    }

    fn cache(self) -> Option<&'a CacheFacts> {
        match self {
            Self::Group(_) => None,
            Self::Cache(facts) => Some(facts),
        }
    }

    fn group(self, id: &str) -> Option<&'a GroupFacts> {
        match self {
            Self::Group(facts) => Some(facts).filter(|facts| facts.id == id),
            Self::Cache(CacheFacts { groups: CacheGroups::Read(groups), .. }) => {
                groups.iter().find(|group| group.id == id)
            }
            Self::Cache(_) => None,
        }
    }

    fn names(self, event: &Event) -> Names {
        match self {
            Self::Group(facts) => {
                let details = facts.details.clone();
                details.map_or_else(Names::default, |details| Names {
                    name: Some(details.name),
                    vpc: details.vpc,
                    tags: details.tags,
                })
            }
            Self::Cache(facts) => Names {
                name: None,
                vpc: facts.vpc().map(str::to_owned),
                tags: match &event.lead {
                    Lead::Cache(CacheLead { tags, .. }) => tags.clone(),
                    Lead::Group(_) => Vec::new(),
                },
            },
        }
    }
}

fn outcome<'a>(finding: &Finding, outcomes: &'a Outcomes) -> Option<&'a Outcome> {
    match &finding.remedy {
        Remedy::Do(action) => outcomes.get(action.id()),
        Remedy::NotRemediated { .. }
        | Remedy::Manual { .. }
        | Remedy::Pending(_)
        | Remedy::Gone(_) => None,
    }
}

fn because(finding: &Finding, outcome: Option<&Outcome>) -> Option<String> {
    match (&finding.remedy, outcome) {
        (Remedy::Do(_), Some(Outcome::Failed(why))) => Some(why.clone()),
        (Remedy::Do(_), None) => Some("it was not tried".to_owned()),
        (Remedy::NotRemediated { because, .. } | Remedy::Manual { because, .. }, _) => {
            Some(because.to_string())
        }
        (Remedy::Pending(why), _) => Some(why.clone()),
        (Remedy::Do(_) | Remedy::Gone(_), _) => None,
    }
}

impl Reported {
    /// The rule that it is about.
    pub fn rule(&self) -> Option<&IngressRule> {
        rule_of(&self.finding)
    }

    /// The group of that rule.
    pub fn group(&self) -> Option<&str> {
        group_of(&self.finding)
    }

    /// The change that was made, or could be.
    pub fn action(&self) -> Option<&Action> {
        self.finding.remedy.action()
    }

    /// Its rule as it went, with its group: that is what is put back. `None` if no rule is gone.
    pub fn went(&self) -> Option<(&str, &IngressRule)> {
        let (group, rule) = self.action().and_then(Action::revokes)?;
        let went = self.went_as.as_ref().unwrap_or(rule);
        self.resolution.is_gone().then_some((group, went))
    }
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.severity.as_str())?;
        fault(f, &self.finding, self.reach.as_ref())
    }
}

fn fault(f: &mut fmt::Formatter<'_>, finding: &Finding, reach: Option<&Reach>) -> fmt::Result {
    write!(f, "{} {}", finding.check, finding.evidence)?;
    if let Some(reach) = reach {
        write!(f, "; {reach}")?;
    }
    write!(f, " -> {}", finding.remedy)
}

/// One line a finding: the same in logs, tests and the command line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, older, tolerated, ended, .. } = self;
        let mut lines: Vec<String> = self.all().iter().map(ToString::to_string).collect();
        if lines.is_empty() {
            lines.push(format!("clean {} {}", decision.subject.kind, decision.subject.id));
        }
        lines.extend(older.iter().map(|reported| format!("older: {reported}")));
        lines.extend(tolerated.iter().map(|tolerated| format!("suppressed: {tolerated}")));
        lines.extend(ended.iter().map(|ended| {
            let Ended { check, rule, exception: Exception { id, until, .. } } = ended;
            let about = rule.as_deref().map(|rule| format!(" {rule}")).unwrap_or_default();
            let until = until.as_deref().unwrap_or_default();
            format!("expired: {check}{about} was suppressed by {id} until {until}")
        }));
        let unseen = decision.unseen.iter();
        lines.extend(unseen.map(|id| format!("unseen: {id} as edited would be at fault")));
        lines.extend(decision.notes.iter().map(|note| format!("note: {note}")));
        f.write_str(&lines.join("\n"))
    }
}
