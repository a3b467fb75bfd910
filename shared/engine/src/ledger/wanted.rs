//! What an event needs of the ledger: items by their keys, so that what a group has had before costs nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Key, Memory, key::shape_of};
use crate::event::{GroupLead, RuleLead, Touched};
use crate::facts::CacheKind;
use crate::finding::Check;

/// The checks whose findings are about a rule alone.
const OF_RULES: [Check; 2] = [Check::OpenIngress, Check::MemcachedUdp];

/// The checks whose findings are about a cache; `open-cache` where its groups could not be read.
const OF_CACHES: [Check; 6] = [
    Check::OpenCache,
    Check::DefaultPort,
    Check::PlaintextTransit,
    Check::NoAuth,
    Check::PublicSubnet,
    Check::PublicEndpoint,
];

/// What is read of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Wanted {
    /// These findings.
    pub keys: BTreeSet<Key>,
    /// The snoozes of these groups.
    pub snoozes: BTreeSet<String>,
    /// The findings about rules of these groups that open this cache: its subject, and the groups.
    pub opening: BTreeMap<String, BTreeSet<String>>,
    /// The findings that record these rules, by group: the event names them by their ids alone, and they are gone.
    pub rules: BTreeMap<String, BTreeSet<String>>,
    /// The findings of these groups that have an event of this time or a newer one, ISO 8601: the event names no rule, and an
    /// earlier attempt at it may have gone to revoke some.
    pub since: BTreeMap<String, String>,
}

impl Wanted {
    /// What an event about a group tells by itself.
    pub fn of_group(group: &str, lead: &GroupLead) -> Self {
        let keys = match &lead.touched {
            Touched::Unknown(_) | Touched::Attached(_) => BTreeSet::new(),
            Touched::Rules(rules) => rules.iter().flat_map(|rule| of_rule(group, rule)).collect(),
        };
        Self { keys, snoozes: [group.to_owned()].into(), ..Self::default() }
    }

    /// What an event about a cache behind these groups needs.
    pub fn of_cache(kind: CacheKind, id: &str, groups: &[String]) -> Self {
        let subject = Key::cache_subject(kind, id);
        let key =
            |check: Check| Key { subject: subject.clone(), finding: check.as_str().to_owned() };
        let keys = OF_CACHES.into_iter().map(key).collect();
        let groups: BTreeSet<String> = groups.iter().cloned().collect();
        let opening = BTreeMap::from([(subject, groups.clone())]);
        Self { keys, snoozes: groups, opening, ..Self::default() }
    }

    /// What an event of this time needs that put a group before something.
    pub fn since(group: &str, time: &str) -> Self {
        Self { since: [(group.to_owned(), time.to_owned())].into(), ..Self::default() }
    }

    /// What an event of this time needs that gave entries to a prefix list.
    pub fn of_list(list: &str, time: &str) -> Self {
        let subject = Key::list_subject(list);
        Self { snoozes: [subject.clone()].into(), ..Self::since(&subject, time) }
    }

    /// The same once something was found in the group: a clean one costs one read.
    pub fn of_found(group: &str, keys: BTreeSet<Key>) -> Self {
        let snoozes = if keys.is_empty() { BTreeSet::new() } else { [group.to_owned()].into() };
        Self { keys, snoozes, ..Self::default() }
    }

    /// The findings that record rules of which the event has the id alone, and that are gone.
    pub fn of_missing(group: &str, missing: &[RuleLead]) -> Self {
        let alone = missing.iter().filter(|rule| rule.shape.is_none());
        let ids: BTreeSet<String> = alone.filter_map(|rule| rule.id.clone()).collect();
        let rules = (!ids.is_empty()).then(|| (group.to_owned(), ids)).into_iter().collect();
        Self { rules, ..Self::default() }
    }

    /// These findings.
    pub fn of_keys(keys: impl IntoIterator<Item = Key>) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }

    /// Whether this is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self.snoozes.extend(other.snoozes);
        self.since.extend(other.since);
        for (cache, groups) in other.opening {
            self.opening.entry(cache).or_default().extend(groups);
        }
        for (group, rules) in other.rules {
            self.rules.entry(group).or_default().extend(rules);
        }
        self
    }

    /// What of this the other does not have.
    pub fn without(mut self, other: &Self) -> Self {
        self.keys.retain(|key| !other.has(key));
        self.snoozes.retain(|group| !other.snoozes.contains(group));
        self.since.retain(|group, _| !other.since.contains_key(group));
        subtract(&mut self.opening, &other.opening);
        subtract(&mut self.rules, &other.rules);
        self
    }

    /// Whether the item of this finding is among it, if there is one.
    pub fn has(&self, key: &Key) -> bool {
        self.keys.contains(key)
            || self
                .opening
                .iter()
                .any(|(cache, groups)| groups.contains(&key.subject) && opens(key, cache))
    }

    /// Whether this entry is among it.
    pub fn takes(&self, entry: &Entry) -> bool {
        let recorded = || {
            let record = entry.rule.as_ref()?;
            Some(self.rules.get(&entry.key.subject)?.contains(&record.rule))
        };
        let is_newer =
            || self.since.get(&entry.key.subject).is_some_and(|time| entry.last_seen >= *time);
        self.has(&entry.key) || is_newer() || recorded() == Some(true)
    }

    /// What of a table this is.
    pub fn of(&self, table: &Memory) -> Memory {
        let entries = table.entries.iter().filter(|(_, entry)| self.takes(entry));
        let snoozes = table.snoozes.iter().filter(|(key, _)| self.snoozes.contains(&key.subject));
        let unreadable = table.unreadable.iter().filter(|(key, _)| self.has(key));
        let pair = |(key, value): (&Key, &String)| (key.clone(), value.clone());
        Memory {
            entries: entries.map(|(key, entry)| (key.clone(), entry.clone())).collect(),
            snoozes: snoozes.map(|(key, snooze)| (key.clone(), snooze.clone())).collect(),
            unreadable: unreadable.map(pair).collect(),
        }
    }
}

/// Whether a finding is about a rule that opens this cache, as `replication-group/orders`.
pub fn opens(key: &Key, cache: &str) -> bool {
    let of = |check: Check| key.finding.strip_prefix(check.as_str())?.strip_suffix(cache);
    of(Check::OpenCache).is_some_and(|rest| rest.starts_with('#') && rest.ends_with('#'))
}

fn of_rule(group: &str, rule: &RuleLead) -> impl Iterator<Item = Key> {
    let shape = rule.shape.as_ref().map(shape_of);
    let group = group.to_owned();
    OF_RULES.into_iter().filter_map(move |check| {
        let finding = format!("{}#{}", check.as_str(), shape.as_ref()?);
        Some(Key { subject: group.clone(), finding })
    })
}

fn subtract(
    from: &mut BTreeMap<String, BTreeSet<String>>,
    what: &BTreeMap<String, BTreeSet<String>>,
) {
    from.retain(|of, all| {
        if let Some(others) = what.get(of) {
            all.retain(|one| !others.contains(one));
        }
        !all.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{GroupRef, RuleShape};
    use crate::facts::{Protocol, Source};

    fn lead(id: Option<&str>, source: Option<&str>) -> RuleLead {
        let shape = source.map(|source| RuleShape {
            protocol: Protocol::Tcp,
            from_port: 22,
            to_port: 22,
            source: Source::cidr(source).unwrap(),
        });
        RuleLead { id: id.map(str::to_owned), shape, edit: false }
    }

    #[test]
    fn an_event_tells_the_keys_of_the_rules_that_it_describes() {
        let rules = vec![lead(Some("sgr-1"), Some("0.0.0.0/0")), lead(Some("sgr-2"), None)];
        let group = GroupRef::Id("sg-1".to_owned());
        let wanted =
            Wanted::of_group("sg-1", &GroupLead { group, touched: Touched::Rules(rules.clone()) });
        let keys: Vec<String> = wanted.keys.iter().map(|key| key.finding.clone()).collect();
        assert_eq!(keys, ["memcached-udp#tcp#22#22#0.0.0.0/0", "open-ingress#tcp#22#22#0.0.0.0/0"]);
        assert!(wanted.snoozes.contains("sg-1"));
        let gone = Wanted::of_missing("sg-1", &rules);
        assert_eq!(gone.rules["sg-1"], ["sgr-2".to_owned()].into());
    }

    #[test]
    fn what_is_there_is_not_wanted_again() {
        let groups = ["sg-1".to_owned(), "sg-2".to_owned()];
        let wanted = Wanted::of_cache(CacheKind::ReplicationGroup, "orders", &groups);
        let finding = "open-cache#tcp#6379#6379#0.0.0.0/0#replication-group/orders".to_owned();
        let key = Key { subject: "sg-2".to_owned(), finding };
        assert!(wanted.has(&key));
        let other = Key { finding: format!("{}-2", key.finding), ..key.clone() };
        assert!(!wanted.has(&other));
        let elsewhere = Key { subject: "sg-3".to_owned(), ..key.clone() };
        let more = wanted.clone().and(Wanted::of_keys([key, elsewhere.clone()]));
        assert_eq!(more.without(&wanted), Wanted::of_keys([elsewhere]));
        assert!(wanted.clone().without(&wanted).is_empty());
    }
}
