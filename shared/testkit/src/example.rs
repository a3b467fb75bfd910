//! A group and a cache, and the calls that touch them, as the tests of what arrives have them.

use std::collections::BTreeMap;

use portcullis_engine::action::Outcomes;
use portcullis_engine::decide::{Decision, DecisionContext};
use portcullis_engine::event::{
    Actor, CacheLead, Event, EventName, GroupLead, GroupRef, Lead, RuleLead, Touched,
};
use portcullis_engine::facts::{
    AddressSpace, CacheFacts, CacheGroups, CacheKind, CacheNetwork, Engine, EngineVersion,
    GroupDetails, GroupFacts, IngressRule, Interface, Interfaces, PendingChange, Tag,
};
use portcullis_engine::report::{Deployment, Known, Report, Seen};
use portcullis_engine::settings::{Mode, Settings};

/// Those that a function must have, and its mode.
pub fn settings(mode: Mode) -> Settings {
    let settings = Settings::read(|name| {
        let value = match name {
            "PORTCULLIS_ALERT_TOPIC_ARN" => "arn:aws:sns:eu-west-1:111122223333:alerts",
            "PORTCULLIS_LEDGER_TABLE" => "portcullis-ledger",
            "PORTCULLIS_MODE" => mode.as_str(),
            _ => return None,
        };
        Some(value.to_owned())
    });
    settings.expect("they are in order")
}

/// A call by alice, who does not say through what.
pub fn event(lead: Lead) -> Event {
    Event {
        id: "7f1c0ffe-0000-4000-8000-000000000001".to_owned(),
        name: Some(match lead {
            Lead::List(_) => EventName::ModifyManagedPrefixList,
            Lead::Group(_) | Lead::Unknown => EventName::AuthorizeSecurityGroupIngress,
            Lead::Cache(_) => EventName::CreateReplicationGroup,
        }),
        time: "2026-11-21T10:00:00Z".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        actor: Actor {
            arn: "arn:aws:sts::111122223333:assumed-role/deploy/alice".to_owned(),
            name: "deploy/alice".to_owned(),
            kind: "AssumedRole".to_owned(),
            account: Some("111122223333".to_owned()),
            role: Some("deploy".to_owned()),
            source_identity: None,
            via: None,
            ip: "192.0.2.10".to_owned(),
            agent: String::new(),
        },
        lead,
    }
}

/// `sgr-001` and so on, for one TCP port.
pub fn rule(id: usize, port: i32, source: &str) -> IngressRule {
    crate::rule(&format!("sgr-{id:03}"), &format!("tcp {port}"), source)
}

/// A network interface of a cache's node.
pub fn of_cache() -> Interface {
    Interface { id: "eni-0c".to_owned(), of_cache: true, ..Interface::default() }
}

/// That of a VPC with private addresses.
pub fn space() -> AddressSpace {
    AddressSpace::Read {
        own: vec!["10.0.0.0/16".parse().expect("it is a block")],
        further: BTreeMap::new(),
    }
}

/// On a public network interface.
pub fn group(rules: Vec<IngressRule>) -> GroupFacts {
    GroupFacts {
        id: "sg-0a1b2c3d4e5f60718".to_owned(),
        owner: Some("111122223333".to_owned()),
        rules,
        details: Some(GroupDetails {
            name: "orders-db".to_owned(),
            vpc: Some("vpc-0a1b2c3d4e5f60718".to_owned()),
            tags: Vec::new(),
        }),
        interfaces: Interfaces::Read(vec![Interface {
            id: "eni-01".to_owned(),
            public: vec!["203.0.113.7".to_owned()],
            kind: "interface".to_owned(),
            ..Interface::default()
        }]),
        space: space(),
        ..GroupFacts::default()
    }
}

/// A call that made these rules of a group.
pub fn touching(facts: &GroupFacts, rules: &[&str]) -> GroupLead {
    let lead = |id: &&str| RuleLead { id: Some((*id).to_owned()), shape: None, edit: false };
    let touched = Touched::Rules(rules.iter().map(lead).collect());
    GroupLead { group: GroupRef::Id(facts.id.clone()), touched }
}

/// On its engine's default port, which is 6379 but for Memcached, without encryption and authentication.
pub fn cache(kind: CacheKind, engine: Engine, groups: Vec<GroupFacts>) -> CacheFacts {
    CacheFacts {
        kind,
        id: "orders".to_owned(),
        arn: None,
        ports: engine.default_port().into_iter().collect(),
        version: Some(EngineVersion::new(match engine {
            Engine::Redis => "7.1.0",
            Engine::Valkey => "8.0.1",
            Engine::Memcached | Engine::Unknown(_) => "1.6.22",
        })),
        engine: Some(engine),
        status: "available".to_owned(),
        member_of: None,
        transit_encryption: Some(false),
        plaintext_too: false,
        authentication: Some(false),
        pending: PendingChange::default(),
        members: Vec::new(),
        groups: CacheGroups::Read(groups),
        network: CacheNetwork::default(),
    }
}

/// A call that made a cache, and said no more than that.
pub fn making(facts: &CacheFacts) -> CacheLead {
    CacheLead {
        kind: facts.kind,
        id: facts.id.clone(),
        engine: None,
        port: None,
        inherits: None,
        security_groups: Vec::new(),
        tags: Vec::new(),
        altered: None,
    }
}

/// What is told of a decision when its actions came to this.
pub fn report(
    event: &Event,
    decision: &Decision,
    seen: Seen<'_>,
    context: &DecisionContext<'_>,
    outcomes: &Outcomes,
) -> Report {
    Report::new(event, decision, &Known { outcomes, ..Known::new(seen, context) })
}

/// A stack of this name.
pub fn stack(name: &str) -> Deployment {
    let ledger = Some(format!("{name}-ledger"));
    Deployment { stack: Some(name.to_owned()), ledger, moves: false }
}

pub fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    let tag =
        |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
    pairs.iter().map(tag).collect()
}
