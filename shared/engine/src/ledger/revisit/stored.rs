//! The record of a revisit as it is stored. Its names do not change, and hold nothing that is not parsed.

use serde::{Deserialize, Serialize};

use super::super::entry::source;
use super::{REVISITS, Revisit, Why, moment};
use crate::event::{
    Actor, Altered, Attached, CacheLead, Carrier, Event, EventName, GroupLead, GroupRef, Inherits,
    Lead, ListLead, RuleLead, RuleShape, Touched,
};
use crate::facts::{CacheKind, Protocol, Tag};
use crate::time::iso;

/// The item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    subject: String,
    finding: String,
    due: String,
    why: Why,
    tries: u32,
    version: u64,
    #[serde(default)]
    settled: bool,
    call: Call,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Call {
    name: String,
    time: String,
    account: String,
    region: String,
    actor: Caller,
    lead: About,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Caller {
    arn: String,
    name: String,
    kind: String,
    account: Option<String>,
    role: Option<String>,
    #[serde(default, rename = "sourceIdentity")]
    source_identity: Option<String>,
    via: Option<String>,
    ip: String,
    agent: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum About {
    Group {
        id: Option<String>,
        name: Option<String>,
        rules: Vec<Rule>,
        unknown: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<To>,
    },
    List {
        id: String,
        before: Option<i64>,
    },
    Cache(Cache),
    Unknown,
}

/// What the group was put before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum To {
    Interface(String),
    Instance(String),
    Vpc(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rule {
    id: Option<String>,
    shape: Option<Shape>,
    edit: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shape {
    protocol: String,
    from: i32,
    to: i32,
    source: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cache {
    kind: Kind,
    id: String,
    engine: Option<String>,
    port: Option<u16>,
    inherits: Option<Origin>,
    groups: Vec<String>,
    tags: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    altered: Option<Parts>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Parts {
    groups: bool,
    transit: bool,
    authentication: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    CacheCluster,
    ReplicationGroup,
    ServerlessCache,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    Snapshot(String),
    Primary(String),
    Global(String),
}

impl From<Revisit> for Record {
    fn from(revisit: Revisit) -> Self {
        let key = revisit.key();
        let Revisit { due, why, tries, call, version, settled, .. } = revisit;
        let Event { name, time, account, region, actor, lead, .. } = call;
        let lead = match lead {
            Lead::Group(lead) => group(lead),
            Lead::List(ListLead { id, before }) => About::List { id, before },
            Lead::Cache(lead) => About::Cache(cache(lead)),
            Lead::Unknown => About::Unknown,
        };
        let (subject, finding) = (key.subject, key.finding);
        let name = name.map_or("", EventName::as_str).to_owned();
        let call = Call { name, time, account, region, actor: caller(actor), lead };
        Self { subject, finding, due: iso(due), why, tries, version, settled, call }
    }
}

impl TryFrom<Record> for Revisit {
    type Error = String;

    fn try_from(record: Record) -> Result<Self, String> {
        let Record { subject, finding, due, why, tries, version, settled, call } = record;
        let subject = subject.strip_prefix(REVISITS).ok_or("it is no revisit")?.to_owned();
        let Call { name, time, account, region, actor, lead } = call;
        let known = EventName::ALL.into_iter().find(|known| known.as_str() == name);
        let call = Event {
            id: finding.clone(),
            name: Some(known.ok_or_else(|| format!("`{}` is not watched", name.escape_default()))?),
            time,
            account,
            region,
            actor: actor_of(actor),
            lead: match lead {
                About::Group { id, name, rules, unknown, to } => {
                    Lead::Group(group_of(id, name, rules, (unknown, to))?)
                }
                About::List { id, before } => Lead::List(ListLead { id, before }),
                About::Cache(lead) => Lead::Cache(cache_of(lead)),
                About::Unknown => Lead::Unknown,
            },
        };
        let due = moment(&due)?;
        Ok(Self { subject, event: finding, due, why, tries, call, version, settled })
    }
}

fn caller(actor: Actor) -> Caller {
    let Actor { arn, name, kind, account, role, source_identity, via, ip, agent } = actor;
    Caller { arn, name, kind, account, role, source_identity, via, ip, agent }
}

fn actor_of(caller: Caller) -> Actor {
    let Caller { arn, name, kind, account, role, source_identity, via, ip, agent } = caller;
    Actor { arn, name, kind, account, role, source_identity, via, ip, agent }
}

fn group(lead: GroupLead) -> About {
    let (id, name) = match lead.group {
        GroupRef::Id(id) => (Some(id), None),
        GroupRef::Name(name) => (None, Some(name)),
    };
    let (rules, unknown, to) = match lead.touched {
        Touched::Rules(rules) => (rules, None, None),
        Touched::Unknown(why) => (Vec::new(), Some(why), None),
        Touched::Attached(Attached { to, unreported }) => {
            let to = match to {
                Carrier::Interface(id) => To::Interface(id),
                Carrier::Instance(id) => To::Instance(id),
                Carrier::Vpc(id) => To::Vpc(id),
            };
            (unreported, None, Some(to))
        }
    };
    let rule = |rule: RuleLead| Rule {
        id: rule.id,
        edit: rule.edit,
        shape: rule.shape.map(|shape| Shape {
            protocol: shape.protocol.as_str().to_owned(),
            from: shape.from_port,
            to: shape.to_port,
            source: shape.source.to_string(),
        }),
    };
    About::Group { id, name, rules: rules.into_iter().map(rule).collect(), unknown, to }
}

fn group_of(
    id: Option<String>,
    name: Option<String>,
    rules: Vec<Rule>,
    (unknown, to): (Option<String>, Option<To>),
) -> Result<GroupLead, String> {
    let by_name = || name.map(GroupRef::Name);
    let group = id.map(GroupRef::Id).or_else(by_name).ok_or("it names no group")?;
    let shape = |shape: Shape| RuleShape {
        protocol: Protocol::parse(&shape.protocol),
        from_port: shape.from,
        to_port: shape.to,
        source: source(&shape.source),
    };
    let rule = |rule: Rule| RuleLead { id: rule.id, shape: rule.shape.map(shape), edit: rule.edit };
    let rules = rules.into_iter().map(rule).collect();
    let carrier = |to: To| match to {
        To::Interface(id) => Carrier::Interface(id),
        To::Instance(id) => Carrier::Instance(id),
        To::Vpc(id) => Carrier::Vpc(id),
    };
    let touched = match (unknown, to.map(carrier)) {
        (Some(why), _) => Touched::Unknown(why),
        (None, Some(to)) => Touched::Attached(Attached { to, unreported: rules }),
        (None, None) => Touched::Rules(rules),
    };
    Ok(GroupLead { group, touched })
}

fn cache(lead: CacheLead) -> Cache {
    Cache {
        kind: match lead.kind {
            CacheKind::CacheCluster => Kind::CacheCluster,
            CacheKind::ReplicationGroup => Kind::ReplicationGroup,
            CacheKind::ServerlessCache => Kind::ServerlessCache,
        },
        id: lead.id,
        engine: lead.engine,
        port: lead.port,
        inherits: lead.inherits.map(|from| match from {
            Inherits::Snapshot(name) => Origin::Snapshot(name),
            Inherits::Primary(id) => Origin::Primary(id),
            Inherits::Global(id) => Origin::Global(id),
        }),
        groups: lead.security_groups,
        tags: lead.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        altered: lead.altered.map(|Altered { groups, transit, authentication }| Parts {
            groups,
            transit,
            authentication,
        }),
    }
}

fn cache_of(cache: Cache) -> CacheLead {
    CacheLead {
        kind: match cache.kind {
            Kind::CacheCluster => CacheKind::CacheCluster,
            Kind::ReplicationGroup => CacheKind::ReplicationGroup,
            Kind::ServerlessCache => CacheKind::ServerlessCache,
        },
        id: cache.id,
        engine: cache.engine,
        port: cache.port,
        inherits: cache.inherits.map(|from| match from {
            Origin::Snapshot(name) => Inherits::Snapshot(name),
            Origin::Primary(id) => Inherits::Primary(id),
            Origin::Global(id) => Inherits::Global(id),
        }),
        security_groups: cache.groups,
        tags: cache.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
        altered: cache.altered.map(|Parts { groups, transit, authentication }| Altered {
            groups,
            transit,
            authentication,
        }),
    }
}
