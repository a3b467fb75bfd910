//! Each step of a case, for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use portcullis_alerts::alert::Alert;
use portcullis_engine::action::Action;
use portcullis_engine::case::{Case, Channel, Fact, Notification, Read, Shown};
use portcullis_engine::event::{Event, GroupRef, Lead};
use portcullis_engine::facts::{
    AddressSpace, Interface, Interfaces, ListEntry, ListUse, PrefixList, Subnets,
};
use portcullis_engine::ledger::{Entry, Revisit, State, Wanted};
use portcullis_engine::text::counted;
use portcullis_engine::time;
use portcullis_recreation::text::Role;

use crate::paint::{harmless, paint};

/// What was explained so far.
pub(super) struct Explained {
    text: String,
    decided: bool,
    /// What was read, as it was explained.
    read: BTreeMap<Read, String>,
}

impl Explained {
    pub(super) fn of(event: &Event) -> Self {
        let Event { id, time, actor, .. } = event;
        let subject = match &event.lead {
            Lead::Group(lead) => match &lead.group {
                GroupRef::Id(id) => id.clone(),
                GroupRef::Name(name) => format!("the group named {name}"),
            },
            Lead::List(lead) => lead.id.clone(),
            Lead::Cache(lead) => lead.id.clone(),
            Lead::Unknown => "what the record does not name".to_owned(),
        };
        let via = actor.via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
        let head = format!("{} on {subject}, by {}{via}", event.call(), actor.name);
        let mut explained = Self { text: String::new(), decided: false, read: BTreeMap::new() };
        explained.text += &format!("{}\n", paint(Role::Heading, &harmless(&head)));
        explained.line(&format!("event {id} of {time}"));
        explained
    }

    pub(super) fn begin(&mut self, step: &str) {
        self.text += &format!("{}\n", paint(Role::Heading, step));
    }

    /// A line of the step. Words of users are among it.
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "  {}", harmless(line));
    }

    /// The decision, once there is one.
    pub(super) fn decided(&mut self, case: &Case<'_>) {
        let Some(decision) = case.decision().filter(|_| !self.decided) else { return };
        self.decided = true;
        self.begin("Decide");
        if decision.is_clean() {
            self.line("nothing is at fault");
        }
        for finding in &decision.findings {
            self.line(&format!("{}: {}", finding.check, finding.evidence));
            self.line(&format!("  -> {}", finding.remedy));
        }
        for suppressed in &decision.suppressed {
            self.line(&format!("suppressed: {suppressed}"));
        }
        for unseen in &decision.unseen {
            self.line(&format!("EC2 does not show {unseen} yet as the event has it"));
        }
        for note in &decision.notes {
            self.line(&format!("note: {note}"));
        }
    }

    pub(super) fn fact(&mut self, read: &Read, fact: &Fact, beside: &str) {
        let (first, rest) = told(fact);
        let whole = format!("{first}\n{}", rest.join("\n"));
        if self.read.insert(read.clone(), whole.clone()) == Some(whole) {
            return self.line(&format!("{beside}{}: as before", what(read)));
        }
        self.line(&format!("{beside}{}: {first}", what(read)));
        for line in rest {
            self.line(&format!("  {line}"));
        }
    }

    pub(super) fn lease(&mut self, entries: &[Entry]) {
        self.begin("Lease (not written)");
        for entry in entries {
            self.line(&format!("{} {}: {}", entry.id, entry.check, entry.title));
        }
    }

    pub(super) fn remediate(&mut self, actions: &[Action]) {
        self.begin("Remediate (not done)");
        for action in actions {
            let line = match action {
                Action::RevokeIngress { group, rule, grants } => {
                    format!("{grants}revoke {} of {group}: {}", rule.id, rule.words())
                }
                Action::StartRecreation(start) => format!("start the re-creation of {}", start.id),
                Action::RemoveEntries(remove) => {
                    format!("remove {} of {}", ListEntry::words(&remove.entries), remove.list)
                }
            };
            self.line(&line);
        }
    }

    pub(super) fn revisit(&mut self, revisit: &Revisit) {
        self.begin("Look again (not scheduled)");
        let Revisit { due, why, settled, .. } = revisit;
        if *settled {
            self.line("nothing is left to look at");
        } else {
            self.line(&format!("at {} ({})", time::iso(*due), why.as_str()));
        }
    }

    pub(super) fn notify(&mut self, notification: &Notification) {
        let Notification { report, channel } = notification;
        self.begin("Notify (not sent)");
        let channel = match channel {
            Channel::Alert => "one alert",
            Channel::Digest | Channel::Later => "with others, in a digest",
        };
        self.line(&format!("{channel}: {}", Alert::compose(report).subject));
        for reported in &report.findings {
            let reach = reported.reach.as_ref().map(|reach| format!(": {reach}"));
            let severity = reported.severity.as_str();
            self.line(&format!(
                "{severity} {}{}",
                reported.finding.check,
                reach.unwrap_or_default()
            ));
        }
        for older in &report.older {
            self.line(&format!("older: {older}"));
        }
        for ended in &report.expired {
            let until = ended.exception.until.as_deref().unwrap_or_default();
            self.line(&format!(
                "expired: {} was suppressed by {} until {until}",
                ended.check, ended.exception.id
            ));
        }
        for resolved in &report.resolved {
            self.line(&format!("resolved: {} {}", resolved.id, resolved.title));
        }
    }

    pub(super) fn record(&mut self, entries: &[Entry]) {
        self.begin("Record (not written)");
        for entry in entries {
            let outcome = entry.latest().map(|latest| latest.outcome.as_str()).unwrap_or_default();
            let state = match entry.state {
                State::Open => "open",
                State::Closed => "closed",
                State::Resolved => "resolved",
                State::Suppressed => "suppressed",
            };
            self.line(&format!("{}: {state}, {outcome}", entry.id));
        }
    }

    pub(super) fn wait(&mut self, pause: Duration) {
        self.begin(&format!("Wait {} s (not waited for)", pause.as_secs_f32()));
    }

    pub(super) fn done(mut self) -> String {
        self.begin("Done");
        self.text
    }

    pub(super) fn failed(mut self, why: &str) -> String {
        self.begin("Fail");
        self.line(why);
        self.line("Lambda retries the event twice; then it is in the on-failure queue");
        self.text
    }
}

fn what(read: &Read) -> String {
    match read {
        Read::GroupNamed(name) => format!("the group named {name}"),
        Read::Rules(id) => format!("the rules of {id}"),
        Read::List(id) => format!("the prefix list {id}"),
        Read::Versions(id, _) => format!("{id} now and before the call"),
        Read::Naming(id) => format!("the groups that name {id}"),
        Read::RulesOf(ids) => format!("the rules of {}", ids.join(", ")),
        Read::Uses(id) => format!("what uses {id}"),
        Read::Details(id) => format!("name, VPC and tags of {id}"),
        Read::Interfaces(id) => format!("the network interfaces of {id}"),
        Read::PublicAccess => "VPC block public access".to_owned(),
        Read::Vpcs(ids) => format!("the owners of {}", ids.join(", ")),
        Read::Space(id) => format!("the address space of the VPCs of {id}"),
        Read::Cache(_, id) => format!("the cache {id}"),
        Read::Subnets(name) => format!("the subnet group {name}"),
        Read::Ledger(wanted) => format!("the ledger ({})", wanted_words(wanted)),
        Read::Servers(instance) => format!("the Memcached servers of {instance}"),
        Read::OpenOf(groups) => format!("what is still open of {}", groups.join(", ")),
        Read::Revisit { .. } => "the revisit of the event".to_owned(),
    }
}

/// What is read of the ledger: how many keys, and whose snoozes.
fn wanted_words(wanted: &Wanted) -> String {
    let Wanted { keys, snoozes, opening, rules, since } = wanted;
    let mut words = Vec::new();
    if !keys.is_empty() {
        words.push(count(keys.len(), "key"));
    }
    words.extend(snoozes.iter().map(|group| format!("the snoozes of {group}")));
    for (cache, groups) in opening {
        words
            .extend(groups.iter().map(|group| format!("the rules of {group} that opened {cache}")));
    }
    for (group, ids) in rules {
        words.push(format!("{} of {group} by id", count(ids.len(), "rule")));
    }
    words.extend(since.iter().map(|(group, time)| format!("what {group} has had since {time}")));
    words.join(", ")
}

/// What was read, in a line, and more of it.
fn told(fact: &Fact) -> (String, Vec<String>) {
    let alone = |text: String| (text, Vec::new());
    match fact {
        Fact::GroupNamed(Err(why))
        | Fact::Rules(_, Err(why))
        | Fact::Versions(_, Err(why))
        | Fact::Naming(_, Err(why))
        | Fact::RulesOf(_, Err(why))
        | Fact::Uses(_, ListUse::Unknown(why))
        | Fact::Details(_, Err(why))
        | Fact::PublicAccess(Err(why))
        | Fact::Vpcs(Err(why))
        | Fact::Cache(Err(why))
        | Fact::Ledger(_, Err(why))
        | Fact::OpenOf(Err(why))
        | Fact::Revisit(Err(why))
        | Fact::Servers(_, Err(why)) => alone(format!("could not be read: {why}")),
        Fact::GroupNamed(Ok(id)) => alone(id.clone().unwrap_or_else(|| "not there".to_owned())),
        Fact::Rules(_, Ok(shown)) => {
            let rules = shown.rules.iter().map(|rule| format!("{} {}", rule.id, rule.words()));
            (count(shown.rules.len(), "ingress rule"), rules.collect())
        }
        Fact::List(_, PrefixList::Unknown(why)) => alone(format!("could not be read: {why}")),
        Fact::List(_, PrefixList::Entries(nets)) => alone(count(nets.len(), "entry")),
        Fact::Versions(_, Ok(None)) => alone("not there".to_owned()),
        Fact::Versions(_, Ok(Some(shown))) => {
            let came = shown.added().into_iter().map(|entry| format!("{entry} came with the call"));
            let words = format!("version {}, {}", shown.version, shown.state);
            (format!("{words}, {}", count(shown.now.len(), "entry")), came.collect())
        }
        Fact::Naming(_, Ok(groups)) => {
            let named = groups.iter().map(|(id, details)| format!("{id} {}", details.name));
            (count(groups.len(), "group"), named.collect())
        }
        Fact::RulesOf(_, Ok(groups)) => {
            let of = |(id, shown): &(String, Shown)| {
                format!("{id}: {}", count(shown.rules.len(), "ingress rule"))
            };
            (count(groups.len(), "group"), groups.iter().map(of).collect())
        }
        Fact::Uses(_, ListUse::NotRead) => alone("not read".to_owned()),
        Fact::Uses(_, ListUse::Read(users)) => {
            let used = users.iter().map(|user| format!("{} of {}", user.resource, user.owner));
            (count(users.len(), "resource"), used.collect())
        }
        Fact::Details(_, Ok(details)) => {
            let tags = details.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value));
            let vpc = details.vpc.as_deref().unwrap_or("no VPC");
            (format!("{} in {vpc}", details.name), tags.collect())
        }
        Fact::Interfaces(_, Interfaces::NotRead) => alone("not read".to_owned()),
        Fact::Interfaces(_, Interfaces::Unknown(why)) => alone(format!("could not be read: {why}")),
        Fact::Interfaces(_, Interfaces::Read(found)) => {
            (count(found.len(), "interface"), found.iter().map(interface).collect())
        }
        Fact::PublicAccess(Ok(setting)) => alone(setting.mode.to_string()),
        Fact::Vpcs(Ok(vpcs)) => alone(count(vpcs.len(), "VPC")),
        Fact::Space(_, AddressSpace::NotRead) => alone("not read".to_owned()),
        Fact::Space(_, AddressSpace::Unknown(why)) => alone(format!("could not be read: {why}")),
        Fact::Space(_, AddressSpace::Read { own, further }) => {
            let blocks = own.iter().map(ToString::to_string);
            let further = further.keys().map(|vpc| format!("and {vpc}"));
            (count(own.len(), "block"), blocks.chain(further).collect())
        }
        Fact::Cache(Ok(None)) => alone("not there".to_owned()),
        Fact::Cache(Ok(Some(shown))) => {
            let facts = &shown.facts;
            let engine = facts.engine.as_ref().map_or("unknown engine", |engine| engine.as_str());
            let ports: Vec<String> = facts.ports.iter().map(ToString::to_string).collect();
            let ports = if ports.is_empty() { "unknown".to_owned() } else { ports.join(", ") };
            let known =
                |known: Option<bool>| known.map_or("unknown", |yes| if yes { "yes" } else { "no" });
            let settings = vec![
                format!("port {ports}"),
                format!("encrypted in transit: {}", known(facts.transit_encryption)),
                format!("authentication: {}", known(facts.authentication)),
                format!("security groups: {}", shown.groups.join(", ")),
            ];
            (format!("{engine}, {}", facts.status), settings)
        }
        Fact::Subnets(_, Subnets::Unknown(why)) => alone(format!("could not be read: {why}")),
        Fact::Subnets(_, Subnets::Read(subnets)) => {
            let public = subnets.iter().filter(|subnet| !subnet.public.is_empty()).count();
            alone(format!(
                "{}, {public} with a route to an internet gateway",
                count(subnets.len(), "subnet")
            ))
        }
        Fact::Servers(_, Ok(servers)) => {
            (count(servers.len(), "server"), servers.iter().map(ToString::to_string).collect())
        }
        Fact::Revisit(Ok(None)) => alone("none is arranged".to_owned()),
        Fact::Revisit(Ok(Some(revisit))) => {
            alone(format!("due at {} ({})", time::iso(revisit.due), revisit.why.as_str()))
        }
        Fact::OpenOf(Ok(open)) => {
            let lines = open.iter().map(|entry| format!("{} {}", entry.id, entry.title));
            (count(open.len(), "entry"), lines.collect())
        }
        Fact::Ledger(_, Ok(memory)) => {
            let entries =
                memory.entries.values().map(|entry| format!("{} {}", entry.id, entry.title));
            let snoozes = memory.snoozes.values();
            let snoozes =
                snoozes.map(|snooze| format!("{} snoozed until {}", snooze.finding, snooze.until));
            (count(memory.entries.len(), "entry"), entries.chain(snoozes).collect())
        }
    }
}

fn interface(found: &Interface) -> String {
    let public = if found.public.is_empty() {
        "no public address".to_owned()
    } else {
        found.public.join(", ")
    };
    format!("{} ({}), {public}", found.id, found.kind)
}

/// `2 rules`.
fn count(number: usize, what: &str) -> String {
    match (number, what) {
        (2.., "entry") | (0, "entry") => format!("{number} entries"),
        (_, _) => counted(number, what),
    }
}
