//! The context of a question: the rule, what it admits, what carries its group, and when.

use std::collections::BTreeSet;

use cedar_policy::{EntityUid, RestrictedExpression as Value};
use ipnet::IpNet;
use portcullis_engine::event::Lead;
use portcullis_engine::exceptions::{ExceptionQuery, OnRule};
use portcullis_engine::facts::{
    CacheFacts, Engine, GroupFacts, IngressRule, Interface, Interfaces, PrefixList, Source,
};
use portcullis_engine::net::{Count, Family, public_count};
use portcullis_engine::time::written;
use time::OffsetDateTime;

use crate::looks::Looks;

/// An attribute with its value.
pub(crate) type Pair = (String, Value);

/// Of a question about a rule: what the policies look at.
pub(crate) fn of_rule(
    looks: &Looks,
    asked: &ExceptionQuery<'_>,
    on: &OnRule<'_>,
    group: &EntityUid,
    now: OffsetDateTime,
) -> Vec<Pair> {
    let OnRule { group: facts, rule, own, union } = on;
    let (from, to) = rule.ports();
    let mut pairs = of_setting(looks, asked, now);
    let mut put = |name: &str, value: &dyn Fn() -> Option<Value>| {
        if let Some(value) = looks.at(name).then(value).flatten() {
            pairs.push((name.to_owned(), value));
        }
    };
    put("protocol", &|| Some(string(rule.protocol.as_str())));
    put("fromPort", &|| Some(Value::new_long(from.into())));
    put("toPort", &|| Some(Value::new_long(to.into())));
    put("icmpCode", &|| rule.icmp_code().map(|code| Value::new_long(code.into())));
    put("cidr", &|| cidr(&rule.source).map(Value::new_ip));
    put("prefixList", &|| match &rule.source {
        Source::PrefixList(id) => Some(string(id)),
        Source::Ipv4(_) | Source::Ipv6(_) | Source::Group(_) | Source::Unreadable(_) => None,
    });
    put("family", &|| Some(string(family(facts, &rule.source))));
    put("own", &|| Some(admitted(*own)));
    put("union", &|| Some(admitted(*union)));
    put("description", &|| rule.description.as_deref().map(string));
    put("ruleTags", &|| Some(rule_tags(rule)));
    put("group", &|| Some(Value::new_entity_uid(group.clone())));
    if let Interfaces::Read(interfaces) = &facts.interfaces {
        put("attached", &|| Some(attached(interfaces)));
        put("reach", &|| Some(string(reach(interfaces))));
    }
    pairs
}

/// Of a question about a setting of a cache.
pub(crate) fn of_setting(
    looks: &Looks,
    asked: &ExceptionQuery<'_>,
    now: OffsetDateTime,
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    if looks.at("cachePorts") {
        let ports = asked
            .cache
            .map(|(cache, _)| ports(asked, cache))
            .unwrap_or_default()
            .into_iter()
            .map(|port| Value::new_long(port.into()));
        pairs.push(("cachePorts".to_owned(), Value::new_set(ports)));
    }
    if looks.at("time") {
        pairs.push(("time".to_owned(), Value::new_datetime(written(now))));
    }
    pairs
}

fn string(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

/// The engine, as Describe or else the request has it.
pub(crate) fn engine(asked: &ExceptionQuery<'_>, cache: &CacheFacts) -> Option<Engine> {
    let requested = match &asked.event.lead {
        Lead::Cache(lead) => lead.engine.as_deref().map(Engine::parse),
        Lead::Group(_) | Lead::List(_) | Lead::Unknown => None,
    };
    cache.engine.clone().or(requested)
}

/// The ports, as far as they are told: while a cache is being created, by the request.
fn ports(asked: &ExceptionQuery<'_>, cache: &CacheFacts) -> Vec<u16> {
    let Lead::Cache(lead) = &asked.event.lead else { return cache.ports.clone() };
    if !cache.ports.is_empty() {
        return cache.ports.clone();
    }
    let default = || engine(asked, cache)?.default_port().filter(|_| lead.inherits.is_none());
    lead.port.or_else(default).into_iter().collect()
}

/// Cedar does not read the IPv4 form of an IPv6 address (`::ffff:192.0.2.1`), so it is written in full.
fn cidr(source: &Source) -> Option<String> {
    match source {
        Source::Ipv4(net) => Some(net.to_string()),
        Source::Ipv6(net) => {
            let parts = net.addr().segments().map(|part| format!("{part:x}"));
            Some(format!("{}/{}", parts.join(":"), net.prefix_len()))
        }
        Source::PrefixList(_) | Source::Group(_) | Source::Unreadable(_) => None,
    }
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

/// What carries the group, each kind once.
fn attached(interfaces: &[Interface]) -> Value {
    let kinds: BTreeSet<&str> = interfaces.iter().map(|found| found.holder.as_str()).collect();
    Value::new_set(kinds.into_iter().map(string))
}

/// Whether the internet can address it.
fn reach(interfaces: &[Interface]) -> &'static str {
    match interfaces {
        [] => "none",
        some if some.iter().any(|interface| !interface.public.is_empty()) => "public",
        _ => "private",
    }
}
