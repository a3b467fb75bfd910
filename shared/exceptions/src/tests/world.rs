//! Questions for tests, in few words.

use std::path::PathBuf;

use ipnet::IpNet;
use portcullis_engine::event::{
    Actor, Altered, CacheLead, Event, EventName, GroupLead, GroupRef, Lead, Touched,
};
use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions, OnRule};
use portcullis_engine::facts::{
    CacheFacts, CacheGroups, CacheKind, CacheNetwork, Engine, GroupDetails, GroupFacts, Holder,
    IngressRule, Interface, Interfaces, LoadBalancer, PendingChange, PrefixList, Protocol, Source,
    Tag,
};
use portcullis_engine::finding::Check;
use portcullis_engine::net::{Count, Sources};

use crate::Policies;

pub(crate) const ACCOUNT: &str = "111122223333";

/// Everything that a question is made of.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) check: Check,
    pub(crate) event: Event,
    /// When it is asked, if the event is looked at again.
    pub(crate) now: Option<i64>,
    pub(crate) group: GroupFacts,
    pub(crate) rule: IngressRule,
    /// What other rules add to the union.
    pub(crate) beside: Count,
    pub(crate) cache: CacheFacts,
}

/// `open-ingress` for `traffic`, as `tcp 22`, `udp 11000-12000` or `-1`, from a CIDR or a prefix list, by a person;
/// everything of the group has been read, and nothing carries it.
pub(crate) fn world(traffic: &str, source: &str) -> World {
    World {
        check: Check::OpenIngress,
        event: event(),
        now: None,
        group: group(),
        rule: rule(traffic, source),
        beside: Count::default(),
        cache: cache(),
    }
}

/// A question about a setting of a cache.
pub(crate) fn setting(check: Check) -> World {
    World { check, ..world("tcp 6379", "0.0.0.0/0") }
}

impl World {
    pub(crate) fn by_role(mut self, role: &str) -> Self {
        self.event.actor.arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/alice");
        self.event.actor.name = format!("{role}/alice");
        self.event.actor.role = Some(role.to_owned());
        self
    }

    pub(crate) fn via(mut self, what: &str) -> Self {
        self.event.actor.via = Some(what.to_owned());
        self
    }

    pub(crate) fn at(mut self, time: &str) -> Self {
        time.clone_into(&mut self.event.time);
        self
    }

    pub(crate) fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    pub(crate) fn tagged(mut self, key: &str, value: &str) -> Self {
        self.group.details.as_mut().unwrap().tags.push(tag(key, value));
        self
    }

    /// The event made the cache, with these tags.
    pub(crate) fn made_with(mut self, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        self.event.lead = creating(None, tags);
        self
    }

    /// The event changed the cache, which was there before.
    pub(crate) fn changed(mut self) -> Self {
        self.event.lead = creating(None, Vec::new());
        if let Lead::Cache(lead) = &mut self.event.lead {
            lead.altered = Some(Altered { authentication: true, ..Altered::default() });
        }
        self
    }

    pub(crate) fn carried_by(mut self, interfaces: Vec<Interface>) -> Self {
        self.group.interfaces = Interfaces::Read(interfaces);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Nothing was called: it is looked at by an audit.
    pub(crate) fn uncalled(mut self) -> Self {
        (self.event.name, self.event.actor) = (None, Actor::default());
        self
    }

    /// As it is before anything about the group but its rules was read.
    pub(crate) fn early(mut self) -> Self {
        self.group.details = None;
        self.group.interfaces = Interfaces::NotRead;
        self
    }

    pub(crate) fn ask(&self, policies: &dyn Exceptions) -> Answer {
        policies.ask(&self.asked())
    }

    pub(crate) fn ended(&self, policies: &dyn Exceptions) -> Option<Exception> {
        policies.ended(&self.asked())
    }

    /// Checks about rules are asked with the rule, those about settings without.
    pub(crate) fn asked(&self) -> ExceptionQuery<'_> {
        let own = self.own();
        let union = Count { v4: own.v4 + self.beside.v4, v6: own.v6 + self.beside.v6 };
        let on = OnRule { group: &self.group, rule: &self.rule, own, union };
        let cache =
            (&self.cache, "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders");
        let (check, event, now) = (self.check, &self.event, self.now);
        let asked = ExceptionQuery { check, event, now, cache: Some(cache), on: None };
        match self.check {
            Check::OpenIngress | Check::MemcachedUdp => {
                ExceptionQuery { cache: None, on: Some(on), ..asked }
            }
            Check::OpenCache => ExceptionQuery { on: Some(on), ..asked },
            _ => asked,
        }
    }

    fn own(&self) -> Count {
        let nets: Vec<IpNet> = match &self.rule.source {
            Source::Ipv4(net) => vec![IpNet::V4(*net)],
            Source::Ipv6(net) => vec![IpNet::V6(*net)],
            Source::PrefixList(id) => match self.group.prefix_lists.get(id) {
                Some(PrefixList::Entries(entries)) => entries.clone(),
                _ => Vec::new(),
            },
            Source::Group(_) | Source::Unreadable(_) => Vec::new(),
        };
        Sources::new(nets).count()
    }
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

pub(crate) fn interface(holder: Holder) -> Interface {
    Interface { id: "eni-01".to_owned(), holder, ..Interface::default() }
}

pub(crate) fn balancer() -> Interface {
    interface(Holder::LoadBalancer(LoadBalancer::Application))
}

/// The policies in one file.
pub(crate) fn policies(text: &str) -> Policies {
    Policies::parse([("test.cedar".to_owned(), text.to_owned())]).unwrap()
}

/// What is wrong with a file, each as a line.
pub(crate) fn problems(text: &str) -> String {
    match Policies::parse([("test.cedar".to_owned(), text.to_owned())]) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

/// The policies that are shipped.
pub(crate) fn shipped() -> Policies {
    Policies::read(&infra("")).unwrap()
}

pub(crate) fn infra(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/exceptions").join(below)
}

/// The id of the exception that tolerates it.
pub(crate) fn suppressed(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Suppressed(by) => by.first().map(|exception| exception.id.as_str()),
        Answer::Fault
        | Answer::NotKnown
        | Answer::CallerNotKnown
        | Answer::TagsNotKnown
        | Answer::Unreadable(_) => None,
    }
}

fn event() -> Event {
    Event {
        id: "e-1".to_owned(),
        name: Some(EventName::AuthorizeSecurityGroupIngress),
        time: "2026-11-21T10:00:00Z".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        actor: Actor {
            arn: format!("arn:aws:iam::{ACCOUNT}:user/alice"),
            name: "alice".to_owned(),
            kind: "IAMUser".to_owned(),
            account: Some(ACCOUNT.to_owned()),
            role: None,
            source_identity: None,
            via: None,
            ip: "198.51.100.7".to_owned(),
            agent: "curl/8.0".to_owned(),
        },
        lead: Lead::Group(GroupLead {
            group: GroupRef::Id("sg-01".to_owned()),
            touched: Touched::Rules(Vec::new()),
        }),
    }
}

/// An event about the cache, which is being created with this port and these tags in the request.
pub(crate) fn creating(port: Option<u16>, tags: Vec<Tag>) -> Lead {
    Lead::Cache(CacheLead {
        kind: CacheKind::ReplicationGroup,
        id: "orders".to_owned(),
        engine: Some("valkey".to_owned()),
        port,
        inherits: None,
        security_groups: Vec::new(),
        tags,
        altered: None,
    })
}

fn group() -> GroupFacts {
    GroupFacts {
        id: "sg-01".to_owned(),
        owner: Some(ACCOUNT.to_owned()),
        details: Some(GroupDetails {
            name: "web".to_owned(),
            vpc: Some("vpc-01".to_owned()),
            tags: Vec::new(),
        }),
        interfaces: Interfaces::Read(Vec::new()),
        ..GroupFacts::default()
    }
}

fn rule(traffic: &str, source: &str) -> IngressRule {
    let (protocol, ports) = traffic.split_once(' ').unwrap_or((traffic, "-1"));
    // Of ICMP the type, and the code if one is said.
    let to = if protocol.starts_with("icmp") { "-1" } else { ports };
    let (from, to) =
        ports.split_once('-').filter(|(from, _)| !from.is_empty()).unwrap_or((ports, to));
    let number = |text: &str| text.parse().unwrap();
    IngressRule {
        id: "sgr-01".to_owned(),
        protocol: Protocol::parse(protocol),
        from_port: number(from),
        to_port: number(to),
        source: match source.strip_prefix("pl-") {
            Some(_) => Source::PrefixList(source.to_owned()),
            None => Source::cidr(source).unwrap(),
        },
        description: None,
        tags: Vec::new(),
    }
}

fn cache() -> CacheFacts {
    CacheFacts {
        kind: CacheKind::ReplicationGroup,
        id: "orders".to_owned(),
        arn: None,
        engine: Some(Engine::Valkey),
        version: None,
        status: "available".to_owned(),
        member_of: None,
        ports: vec![6379],
        transit_encryption: Some(false),
        plaintext_too: false,
        authentication: Some(false),
        pending: PendingChange::default(),
        members: Vec::new(),
        groups: CacheGroups::Read(Vec::new()),
        network: CacheNetwork { vpc: Some("vpc-01".to_owned()), ..CacheNetwork::default() },
    }
}
