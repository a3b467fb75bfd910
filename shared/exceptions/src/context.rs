//! The context of a question: the rule, what it admits, what carries its group, and when.

use std::collections::BTreeSet;

use cedar_policy::{EntityUid, RestrictedExpression as Value};
use ipnet::IpNet;
use portcullis_engine::event::Lead;
use portcullis_engine::exceptions::{Asked, OnRule};
use portcullis_engine::facts::{
    CacheFacts, Engine, GroupFacts, IngressRule, Interface, Interfaces, PrefixList, Source,
};
use portcullis_engine::net::{Count, Family, public_count};
use time::OffsetDateTime;

use crate::request::{Pair, text};

/// Of a question about a rule.
pub(crate) fn of_rule(
    asked: &Asked<'_>,
    on: &OnRule<'_>,
    group: &EntityUid,
    now: OffsetDateTime,
) -> Vec<Pair> {
    let OnRule { group: facts, rule, own, union } = on;
    let (from, to) = rule.ports();
    let mut pairs = of_setting(asked, now);
    pairs.extend([
        text("protocol", rule.protocol.as_str()),
        long("fromPort", from),
        long("toPort", to),
        text("family", family(facts, &rule.source)),
        ("own".to_owned(), admitted(*own)),
        ("union".to_owned(), admitted(*union)),
        ("ruleTags".to_owned(), rule_tags(rule)),
        ("group".to_owned(), Value::new_entity_uid(group.clone())),
    ]);
    pairs.extend(rule.description.as_ref().map(|words| text("description", words)));
    match &rule.source {
        Source::Ipv4(net) => pairs.push(("cidr".to_owned(), Value::new_ip(net.to_string()))),
        Source::Ipv6(net) => pairs.push(("cidr".to_owned(), Value::new_ip(in_full(net)))),
        Source::PrefixList(id) => pairs.push(text("prefixList", id)),
        Source::Group(_) | Source::Unreadable(_) => {}
    }
    if let Interfaces::Read(interfaces) = &facts.interfaces {
        pairs.extend(carriers(interfaces));
    }
    pairs
}

/// Of a question about a setting of a cache.
pub(crate) fn of_setting(asked: &Asked<'_>, now: OffsetDateTime) -> Vec<Pair> {
    let ports = asked.cache.map(|(cache, _)| ports(asked, cache)).unwrap_or_default();
    let ports = ports.into_iter().map(|port| Value::new_long(port.into()));
    // Cedar reads no other time zone, and no fraction but of three digits.
    let now = now.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second) = now.to_hms();
    let now = format!("{}T{hour:02}:{minute:02}:{second:02}Z", now.date());
    vec![
        ("cachePorts".to_owned(), Value::new_set(ports)),
        ("time".to_owned(), Value::new_datetime(now)),
    ]
}

/// The engine, as Describe or else the request has it.
pub(crate) fn engine(asked: &Asked<'_>, cache: &CacheFacts) -> Option<Engine> {
    let requested = match &asked.event.lead {
        Lead::Cache(lead) => lead.engine.as_deref().map(Engine::parse),
        Lead::Group(_) => None,
    };
    cache.engine.clone().or(requested)
}

/// The ports, as far as they are told: while a cache is being created, by the request.
fn ports(asked: &Asked<'_>, cache: &CacheFacts) -> Vec<u16> {
    let Lead::Cache(lead) = &asked.event.lead else { return cache.ports.clone() };
    if !cache.ports.is_empty() {
        return cache.ports.clone();
    }
    let default = || engine(asked, cache)?.default_port().filter(|_| lead.inherits.is_none());
    lead.port.or_else(default).into_iter().collect()
}

fn long(name: &str, value: u16) -> Pair {
    (name.to_owned(), Value::new_long(value.into()))
}

/// Cedar does not read the IPv4 form of an IPv6 address (`::ffff:192.0.2.1`), so it is written in full.
fn in_full(net: &ipnet::Ipv6Net) -> String {
    let parts = net.addr().segments().map(|part| format!("{part:x}"));
    format!("{}/{}", parts.join(":"), net.prefix_len())
}

/// A prefix list is of one family.
fn family(group: &GroupFacts, source: &Source) -> &'static str {
    let entry = match source {
        Source::Ipv4(net) => Some(IpNet::V4(*net)),
        Source::Ipv6(net) => Some(IpNet::V6(*net)),
        Source::PrefixList(id) => match group.prefix_lists.get(id) {
            Some(PrefixList::Entries(entries)) => entries.first().copied(),
            Some(PrefixList::Unknown(_)) | None => None,
        },
        Source::Group(_) | Source::Unreadable(_) => None,
    };
    match entry {
        Some(IpNet::V4(_)) => "ipv4",
        Some(IpNet::V6(_)) => "ipv6",
        None => "unknown",
    }
}

/// How many addresses, in numbers that fit.
fn admitted(count: Count) -> Value {
    let number = |number: u128| Value::new_long(i64::try_from(number).unwrap_or(i64::MAX));
    let pairs = [
        ("ipv4", number(count.v4)),
        ("ipv6Networks", number(count.v6.div_ceil(1 << 64))),
        ("share", number(share(Family::V4, count).max(share(Family::V6, count)))),
    ];
    // Only a name that is there twice is refused.
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
    Value::new_record(pairs).unwrap_or_else(|_| Value::new_bool(false))
}

/// In hundredths of a percent of the family's public addresses, rounded up.
fn share(family: Family, count: Count) -> u128 {
    let all = match family {
        Family::V4 => public_count(family, (0, u32::MAX.into())),
        Family::V6 => public_count(family, (0, u128::MAX)),
    };
    count.of(family).div_ceil(all / 10_000).min(10_000)
}

fn rule_tags(rule: &IngressRule) -> Value {
    let tags = rule.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value));
    Value::new_set(tags.map(Value::new_string))
}

/// What carries the group, and whether the internet can address it.
fn carriers(interfaces: &[Interface]) -> [Pair; 2] {
    let kinds: BTreeSet<&str> = interfaces.iter().map(|found| found.holder.as_str()).collect();
    let reach = match interfaces {
        [] => "none",
        some if some.iter().any(|interface| !interface.public.is_empty()) => "public",
        _ => "private",
    };
    let kinds = kinds.into_iter().map(|kind| Value::new_string(kind.to_owned()));
    [("attached".to_owned(), Value::new_set(kinds)), text("reach", reach)]
}
