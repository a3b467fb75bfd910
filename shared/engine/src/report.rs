//! The report about one event: the decision, how its findings ended, and what the ledger knew of them. It is made
//! once, after the remediation; nothing rewrites it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use crate::action::{Action, AllGranted, Granted, Outcome, Outcomes, Remedy};
use crate::checks::own;
use crate::decide::{self, Decision, DecisionContext};
use crate::event::{CacheLead, Event, Lead};
use crate::exceptions::{Exception, ExceptionQuery, Expired, OnRule, Suppressed};
use crate::facts::{CacheFacts, CacheGroups, GroupFacts, IngressRule, ListFacts, ListedGroup, Tag};
use crate::finding::{Evidence, Finding, Subject, admitted, group_of, rule_of};
use crate::ledger::{
    Entry, Key, Leased, LeasedFinding, Recurrence, Snooze, Why, has_large_tags, shape,
};
use crate::reach::Reach;
use crate::resolution::Resolution;
use crate::servers::Behind;
use crate::severity::{Rating, Reaches, Severity, rate};
use crate::time::{DAY, iso, seconds};

/// The report about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The event.
    pub event: Event,
    /// The decision.
    pub decision: Decision,
    /// The findings that are to be reported, the most severe first.
    pub findings: Vec<Reported>,
    /// The findings that were reported before as they are now: they are recorded, and not reported again.
    pub known: Vec<Reported>,
    /// Older findings: reported beside the others, never the cause of an alert.
    pub older: Vec<Reported>,
    /// The suppressed findings, older ones as well.
    pub suppressed: Vec<Suppressed>,
    /// Findings that an expired exception suppressed before.
    pub expired: Vec<Expired>,
    /// Findings that were reported before, and are resolved.
    pub resolved: Vec<Entry>,
    /// The names by which people know the resource.
    pub names: Names,
    /// The cache, if it is about one: the commands for a person depend on it.
    pub cache: Option<CacheFacts>,
    /// The stack that reports it: commands name it.
    pub deployment: Deployment,
    /// Why the ledger was not available, if it was not.
    pub unremembered: Option<String>,
    /// The findings of which the ledger has what nobody can read: why.
    pub unreadable: BTreeMap<Key, String>,
    /// When and why it is looked at again, if it is.
    pub next: Option<Next>,
    /// The instances behind a rule for Memcached's port, if the stack asks them what runs there.
    pub servers: Vec<Behind>,
    /// Whether this is a second message, about servers that answered after the first.
    pub is_later: bool,
    /// Why it was looked at again, if this is a revisit.
    pub revisit: Option<Revisited>,
    /// The event was not delivered: the sweep found it in the event history.
    pub is_redelivered: bool,
}

/// Why an event was looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revisited {
    /// The reason that its record had.
    pub why: Why,
    /// The snoozes of the rules that are reported: they have ended.
    pub snoozes: Vec<Snooze>,
}

impl fmt::Display for Revisited {
    /// The reason for people, as a clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Why::Limit => "a limit had left rules open",
            Why::Lag => "EC2 did not show yet what the call did",
            Why::Pending => "the cache was not decided yet",
            Why::Flapping => "a rule was flapping, and an hour without a recurrence is over",
            Why::Snooze => "a snooze is over",
            Why::Unknown => {
                "the exceptions, a source or the address space of the VPC could not be read"
            }
            Why::Paused => "Portcullis was in observe mode",
        })
    }
}

/// When something is looked at again, and whether that could be arranged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// When, in seconds since 1970.
    pub due: i64,
    /// Why.
    pub why: Why,
    /// Why no time could be arranged, if none could.
    pub not_arranged: Option<String>,
}

impl Next {
    /// When, for people: `10:01 UTC on 2026-11-29`.
    pub fn at(&self) -> String {
        let due = iso(self.due);
        let (day, time) = due.split_once('T').unwrap_or_default();
        format!("{} UTC on {day}", time.get(.."10:01".len()).unwrap_or_default())
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.not_arranged {
            None => write!(f, "next: looked at again at {} ({})", iso(self.due), self.why.as_str()),
            Some(why) => write!(
                f,
                "next: no time could be arranged to look again ({}): {why}",
                self.why.as_str()
            ),
        }
    }
}

/// A finding, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The identity of the finding, the same in each occurrence.
    pub key: Key,
    /// The finding.
    pub finding: Finding,
    /// Its severity.
    pub severity: Severity,
    /// How bad it is at least, by what was read.
    pub at_least: Severity,
    /// What stands behind the group of its rule; of a prefix list, behind the worst of its groups.
    pub reach: Option<Reach>,
    /// The groups that name its prefix list, the worst first: [`WORST`] of them.
    pub worst: Vec<WorstGroup>,
    /// How it ended.
    pub resolution: Resolution,
    /// The reason, if the outcome has one.
    pub because: Option<String>,
    /// The ARN of the execution that was started for it.
    pub execution: Option<String>,
    /// Its rule as it was revoked, if somebody edited it after it was read.
    pub went_as: Option<IngressRule>,
    /// What became of what known networks get in place of its rule; rules of an earlier attempt are among it.
    pub granted: Granted,
    /// Its recurrences.
    pub recurrence: Option<Recurrence>,
    /// Whether the tags of its rule are too large for an alert: only `portcullis undo` restores them.
    pub tags_apart: bool,
}

/// How many of the groups that name a prefix list are reported.
pub const WORST: usize = 20;

/// A group that names a prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorstGroup {
    /// Its id, and the rules that name the list.
    pub group: ListedGroup,
    /// Its name, which users control.
    pub name: Option<String>,
    /// What stands behind it.
    pub reach: Reach,
}

/// The names by which people know a resource.
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
    /// Whether the stack re-creates a cache when a person asks for it.
    pub moves: bool,
}

/// What was read of the resource that an event is about.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// A security group.
    Group(&'a GroupFacts),
    /// A prefix list and the groups that name it.
    List(&'a ListFacts),
    /// A cache and its groups.
    Cache(&'a CacheFacts),
    /// Nothing: the event names no resource.
    Nothing,
}

/// What a report needs besides the decision.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What was read.
    pub seen: Seen<'a>,
    /// What the decision depended on.
    pub context: &'a DecisionContext<'a>,
    /// The outcomes of the remediations.
    pub outcomes: &'a Outcomes,
    /// What became of the grants.
    pub granted: &'a AllGranted,
    /// The leases, which know what was reported before.
    pub leased: &'a Leased,
    /// The stack.
    pub deployment: &'a Deployment,
    /// Why nothing was remembered, where the ledger did not answer.
    pub unremembered: Option<&'a str>,
    /// When it is looked at again.
    pub next: Option<&'a Next>,
    /// What the servers behind a rule say.
    pub servers: &'a [Behind],
    /// Why it was looked at again.
    pub revisit: Option<&'a Revisited>,
    /// The sweep found it in the event history.
    pub is_redelivered: bool,
}

static NO_OUTCOMES: Outcomes = Outcomes::new();
static NO_GRANTS: AllGranted = AllGranted::new();
static NO_LEASE: Leased = Leased::new();
static NO_STACK: Deployment = Deployment { stack: None, ledger: None, moves: false };

impl<'a> Known<'a> {
    /// Before anything was done, and with an empty ledger.
    pub fn new(seen: Seen<'a>, context: &'a DecisionContext<'a>) -> Self {
        Self {
            seen,
            context,
            outcomes: &NO_OUTCOMES,
            granted: &NO_GRANTS,
            leased: &NO_LEASE,
            deployment: &NO_STACK,
            unremembered: None,
            next: None,
            servers: &[],
            revisit: None,
            is_redelivered: false,
        }
    }
}

impl Report {
    /// The report about a decision that was carried out. It may have no finding.
    pub fn new(event: &Event, decision: &Decision, known: &Known<'_>) -> Self {
        let mut reported = known.reported(&decision.findings, &decision.subject, event);
        reported.sort_by_key(|reported| Reverse(reported.severity));
        let (silent, findings): (Vec<_>, Vec<_>) = reported.into_iter().partition(|reported| {
            known.leased.is_known(&reported.key, reported.rating(), reported.resolution)
                || known.is_waited_for(reported, event)
        });
        let (older, snoozed) = known.older(event, decision);
        Self {
            expired: known.expired(event, decision),
            event: event.clone(),
            decision: decision.clone(),
            findings,
            known: silent,
            older: known.reported(&older, &decision.subject, event),
            suppressed: decision.suppressed.iter().cloned().chain(snoozed).collect(),
            resolved: known.leased.resolved.clone(),
            names: known.seen.names(event),
            cache: known.seen.cache().cloned(),
            deployment: known.deployment.clone(),
            unremembered: known.unremembered.map(str::to_owned),
            next: known.next.cloned(),
            servers: known.servers.to_vec(),
            is_later: false,
            revisit: known.revisit.cloned(),
            is_redelivered: known.is_redelivered,
            unreadable: known.unreadable(decision),
        }
    }

    /// The second message: these servers answered after the first one.
    #[must_use]
    pub fn later(&self, servers: Vec<Behind>) -> Self {
        Self { servers, is_later: true, ..self.clone() }
    }

    /// Whether the ledger knows of a finding, so that `portcullis undo` does.
    pub fn is_remembered(&self, key: &Key) -> bool {
        self.unremembered.is_none() && !self.unreadable.contains_key(key)
    }

    /// Whether there is nothing to report.
    pub fn is_silent(&self) -> bool {
        self.findings.is_empty() && self.resolved.is_empty()
    }

    /// What the record does not name, where it names no resource: `security group`, `prefix list` or `cache`.
    pub fn unnamed(&self) -> Option<&'static str> {
        self.findings.iter().find_map(|reported| match reported.finding.evidence {
            Evidence::UnnamedSubject { what, .. } => Some(what),
            Evidence::Rule { .. }
            | Evidence::UnreadableRule { .. }
            | Evidence::UnreadableGroups(_)
            | Evidence::Entries { .. }
            | Evidence::Port { .. }
            | Evidence::Setting { .. } => None,
        })
    }

    /// The highest severity of the findings that are to be reported.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|reported| reported.severity).max().unwrap_or(Severity::Low)
    }

    /// The group or the cache.
    pub fn subject(&self) -> &Subject {
        &self.decision.subject
    }

    /// Every finding, the most severe first, whether it is reported or not.
    pub fn all(&self) -> Vec<&Reported> {
        let mut all: Vec<&Reported> = self.findings.iter().chain(&self.known).collect();
        all.sort_by_key(|reported| Reverse(reported.severity));
        all
    }

    /// The findings as they are to be recorded.
    pub fn settled(&self) -> Vec<LeasedFinding<'_>> {
        let told = self.findings.iter().map(|reported| (reported, true));
        let all = told.chain(self.known.iter().map(|reported| (reported, false)));
        all.map(|(reported, is_told)| {
            let Reported { key, finding, granted, .. } = reported;
            let granted = &granted.rules;
            LeasedFinding { key, finding, rating: reported.rating(), is_told, granted }
        })
        .collect()
    }
}

impl Known<'_> {
    /// Whether the recipient need not know of it yet: the cache is still being created or changed, it is looked at again, and is told
    /// once it is decided, or after a day.
    fn is_waited_for(&self, reported: &Reported, event: &Event) -> bool {
        let age = self.context.now.saturating_sub(seconds(&event.time));
        let is_unsettled = match (&event.lead, self.seen.cache()) {
            (Lead::Cache(lead), Some(cache)) => {
                lead.is_unsettled(cache, event.is_young(self.context.now))
            }
            (Lead::Group(lead), None) => {
                lead.carrier().is_some() && event.is_young(self.context.now)
            }
            (Lead::Cache(_) | Lead::Group(_) | Lead::List(_) | Lead::Unknown, _) => false,
        };
        reported.resolution == Resolution::Pending
            && is_unsettled
            && age < DAY
            && self.next.is_some_and(|next| next.not_arranged.is_none())
    }

    /// When a finding that is left open is looked at again, after the reason why it is.
    fn looked_at_again(&self, finding: &Finding) -> String {
        match (self.next, Why::of(&finding.remedy, self.context.is_paused())) {
            (None, _) | (_, None) => String::new(),
            (Some(next), Some(_)) => match &next.not_arranged {
                None => format!(". It is looked at again at {}", next.at()),
                Some(why) => format!(
                    ". It could not be arranged to look at it again: {why}. `portcullis findings` has it as due"
                ),
            },
        }
    }

    /// Of a rule that is gone: since when it was open, and which rule is there that admits the same.
    fn was_open(&self, finding: &Finding, event: &Event) -> Option<String> {
        let Remedy::Gone(Action::RevokeIngress { group, rule, .. }) = &finding.remedy else {
            return None;
        };
        let mut words = format!("it was open since {}", event.time);
        let open = self.context.now.saturating_sub(seconds(&event.time));
        if open > 0 {
            words += &format!(", for {} at the most", lasted(open));
        }
        let live = self.seen.group(group).into_iter().flat_map(|group| &group.rules);
        if let Some(live) =
            live.into_iter().find(|live| live.id != rule.id && shape(live) == shape(rule))
        {
            words += &format!("; {} admits the same, and is there", live.id);
        }
        Some(words)
    }

    fn reported(&self, findings: &[Finding], subject: &Subject, event: &Event) -> Vec<Reported> {
        let reaches = self.seen.reaches();
        let ratings = rate(findings, &reaches);
        findings
            .iter()
            .zip(ratings)
            .map(|(finding, Rating { severity, at_least })| {
                let key = Key::of(finding, subject);
                let outcome = outcome(finding, self.outcomes);
                let granted = self.granted(finding, &key);
                // Known networks are cut off, which nobody wants to learn from them.
                let is_cut = granted.not.as_ref().is_some_and(|not| not.is_full);
                Reported {
                    severity: if is_cut { severity.raised() } else { severity },
                    at_least,
                    reach: reaches.behind(finding),
                    worst: self.worst(finding, &reaches),
                    resolution: Resolution::of(finding, self.outcomes),
                    because: because(finding, outcome)
                        .map(|because| because + &self.looked_at_again(finding))
                        .or_else(|| self.was_open(finding, event)),
                    execution: outcome.and_then(Outcome::execution).map(str::to_owned),
                    went_as: outcome.and_then(Outcome::went_as).cloned(),
                    tags_apart: self.has_tags_apart(finding, &key),
                    granted,
                    recurrence: self.leased.recurrences.get(&key).cloned(),
                    finding: finding.clone(),
                    key,
                }
            })
            .collect()
    }

    fn worst(&self, finding: &Finding, reaches: &Reaches) -> Vec<WorstGroup> {
        let Evidence::Entries { groups, .. } = &finding.evidence else { return Vec::new() };
        let worst = reaches.worst(groups).into_iter().take(WORST);
        let named = |(group, reach): (&ListedGroup, Reach)| WorstGroup {
            group: group.clone(),
            name: self.seen.group(&group.id).and_then(|facts| Some(facts.details.clone()?.name)),
            reach,
        };
        worst.map(named).collect()
    }

    /// What became of the grants of a finding. Rules that an attempt of before granted say so by their tag.
    fn granted(&self, finding: &Finding, key: &Key) -> Granted {
        let (Some(rule), Some(group)) = (rule_of(finding), group_of(finding)) else {
            return Granted::default();
        };
        let mut granted = self.granted.get(&rule.id).cloned().unwrap_or_default();
        let id = key.id();
        let live = self.seen.group(group).into_iter().flat_map(|group| &group.rules);
        for rule in live.filter(|rule| rule.is_granted_for(&id)) {
            if granted.rules.iter().all(|there| there.id != rule.id) {
                granted.rules.push(rule.clone());
            }
        }
        granted
    }

    fn has_tags_apart(&self, finding: &Finding, key: &Key) -> bool {
        let entry = self.leased.entries.iter().find(|entry| entry.key == *key);
        let record = entry.and_then(|entry| entry.rule.as_ref());
        record.is_some_and(|record| record.tags_apart)
            || rule_of(finding).is_some_and(has_large_tags)
    }

    fn unreadable(&self, decision: &Decision) -> BTreeMap<Key, String> {
        let subject = &decision.subject;
        let why = |finding: &Finding| {
            let why = self.context.memory.unreadable(finding, subject)?;
            Some((Key::of(finding, subject), why.to_owned()))
        };
        decision.findings.iter().filter_map(why).collect()
    }

    fn older(&self, event: &Event, decision: &Decision) -> (Vec<Finding>, Vec<Suppressed>) {
        let is_live = |finding: &Finding| !matches!(finding.remedy, Remedy::Gone(_));
        match (&event.lead, self.seen) {
            (Lead::Group(lead), Seen::Group(facts)) if decision.findings.iter().any(is_live) => {
                decide::older(event, lead, facts, decision, self.context)
            }
            (
                Lead::Group(_) | Lead::List(_) | Lead::Cache(_) | Lead::Unknown,
                Seen::Group(_) | Seen::List(_) | Seen::Cache(_) | Seen::Nothing,
            ) => (Vec::new(), Vec::new()),
        }
    }

    /// The findings that an expired exception suppressed before.
    fn expired(&self, event: &Event, decision: &Decision) -> Vec<Expired> {
        let subject = &decision.subject;
        let is_live = |finding: &&Finding| !matches!(finding.remedy, Remedy::Gone(_));
        let expired = decision.findings.iter().filter(is_live).filter_map(|finding| {
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
                | Evidence::Entries { .. }
                | Evidence::UnnamedSubject { .. }
                | Evidence::Port { port: None, .. } => return None,
            };
            let cache = self.seen.cache().map(|cache| (cache, subject.arn.as_str()));
            let now = self.context.asked_at();
            let asked = ExceptionQuery { check: finding.check, event, now, cache, on };
            let exception = self.context.exceptions.ended(&asked)?;
            Some(Expired {
                check: finding.check,
                rule: rule.map(|rule| rule.id.clone()),
                exception,
            })
        });
        expired.collect()
    }
}

impl<'a> Seen<'a> {
    /// What stands behind its groups, as far as that was read.
    pub fn reaches(self) -> Reaches {
        match self {
            Self::Group(facts) => Reaches::of([facts]),
            Self::List(facts) => Reaches::of(&facts.groups),
            Self::Cache(facts) => Reaches::of_cache(facts),
            Self::Nothing => Reaches::default(),
        }
    }

    fn cache(self) -> Option<&'a CacheFacts> {
        match self {
            Self::Group(_) | Self::List(_) | Self::Nothing => None,
            Self::Cache(facts) => Some(facts),
        }
    }

    fn group(self, id: &str) -> Option<&'a GroupFacts> {
        match self {
            Self::Group(facts) => Some(facts).filter(|facts| facts.id == id),
            Self::Cache(CacheFacts { groups: CacheGroups::Read(groups), .. }) => {
                groups.iter().find(|group| group.id == id)
            }
            Self::List(facts) => facts.groups.iter().find(|group| group.id == id),
            Self::Cache(_) | Self::Nothing => None,
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
                    Lead::Group(_) | Lead::List(_) | Lead::Unknown => Vec::new(),
                },
            },
            Self::List(facts) => Names {
                name: Some(facts.shown.name.clone()),
                vpc: None,
                tags: facts.shown.tags.clone(),
            },
            Self::Nothing => Names::default(),
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

/// `40 seconds`, `6 minutes`, `3 hours`, `2 days`; rounded up.
fn lasted(seconds: i64) -> String {
    let units = [(1, 120, "seconds"), (60, 120 * 60, "minutes"), (3600, 48 * 3600, "hours")];
    let unit = units.into_iter().find(|(_, below, _)| seconds <= *below);
    let (unit, _, name) = unit.unwrap_or((24 * 3600, i64::MAX, "days"));
    format!("{} {name}", seconds.saturating_add(unit - 1) / unit)
}

fn because(finding: &Finding, outcome: Option<&Outcome>) -> Option<String> {
    match (&finding.remedy, outcome) {
        (Remedy::Do(_), Some(Outcome::Failed(why))) => Some(why.clone()),
        (Remedy::Do(_), None) => Some("it was not tried".to_owned()),
        (Remedy::NotRemediated { action, because }, _) => {
            let granting = action.granting().map(|granting| format!("; {granting}"));
            Some(format!("{because}{}", granting.unwrap_or_default()))
        }
        (Remedy::Manual { because, .. }, _) => Some(because.to_string()),
        (Remedy::Pending(why), _) => Some(why.clone()),
        (Remedy::Do(_) | Remedy::Gone(_), _) => None,
    }
}

impl Reported {
    fn rating(&self) -> Rating {
        Rating { severity: self.severity, at_least: self.at_least }
    }

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

    /// Its rule as it was removed, with its group, for `undo`. `None` if no rule is gone.
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
        let Self { decision, older, suppressed, expired, .. } = self;
        let mut lines: Vec<String> = self.all().iter().map(ToString::to_string).collect();
        if lines.is_empty() {
            lines.push(format!("clean {} {}", decision.subject.kind, decision.subject.id));
        }
        lines.extend(older.iter().map(|reported| format!("older: {reported}")));
        lines.extend(suppressed.iter().map(|suppressed| format!("suppressed: {suppressed}")));
        lines.extend(expired.iter().map(|expired| {
            let Expired { check, rule, exception: Exception { id, until, .. } } = expired;
            let about = rule.as_deref().map(|rule| format!(" {rule}")).unwrap_or_default();
            let until = until.as_deref().unwrap_or_default();
            format!("expired: {check}{about} was suppressed by {id} until {until}")
        }));
        let unseen = decision.unseen.iter();
        lines.extend(unseen.map(|rule| {
            format!("unseen: {rule} would be at fault, and EC2 does not show it so yet")
        }));
        lines.extend(decision.notes.iter().map(|note| format!("note: {note}")));
        lines.extend(self.next.iter().map(ToString::to_string));
        f.write_str(&lines.join("\n"))
    }
}
