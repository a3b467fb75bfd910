//! Facts and events for unit tests, in few words.

use std::sync::LazyLock;

use crate::checks::GroupRule;
use crate::decide::{self, Decision, DecisionContext};
use crate::event::{Actor, CacheLead, Event, EventName, GroupLead, GroupRef, Lead, Touched};
use crate::exceptions::{Answer, Exception, ExceptionQuery, Exceptions, Inquiry};
use crate::facts::{
    AddressSpace, BlockMode, BlockPublicAccess, CacheFacts, CacheGroups, CacheKind, CacheNetwork,
    Engine, GroupFacts, Holder, IngressRule, Interface, Interfaces, LoadBalancer, PendingChange,
    PrefixList, PublicAccess, Subnet,
};
use crate::finding::rule_of;
use crate::finding::{Check, Finding};
use crate::report::{Known, Report, Seen};
use crate::settings::Mode;
use crate::severity::{self, Reaches, Severity};

// The crate of this file is another than the one that is tested here: it has the engine as a dependency.
#[path = "../../testkit/src/rule.rs"]
#[expect(unreachable_pub, reason = "it is public in its own crate")]
mod one_rule;
pub(crate) use one_rule::rule;

/// The account that everything is in unless a test says otherwise.
pub(crate) const ACCOUNT: &str = "111122223333";

/// A group of our account that no interface carries.
pub(crate) fn group(rules: Vec<IngressRule>) -> GroupFacts {
    GroupFacts {
        id: "sg-01".to_owned(),
        owner: Some(ACCOUNT.to_owned()),
        rules,
        interfaces: Interfaces::Read(Vec::new()),
        space: space(&["10.0.0.0/16"]),
        ..GroupFacts::default()
    }
}

/// The address space of a group in one VPC, which has these blocks.
pub(crate) fn space(blocks: &[&str]) -> AddressSpace {
    let own = blocks.iter().map(|text| text.parse().unwrap()).collect();
    AddressSpace::Read { own, further: std::collections::BTreeMap::new() }
}

/// The group with a prefix list of these entries.
pub(crate) fn with_list(mut group: GroupFacts, id: &str, entries: &[&str]) -> GroupFacts {
    let entries = entries.iter().map(|text| text.parse().unwrap()).collect();
    group.prefix_lists.insert(id.to_owned(), PrefixList::Entries(entries));
    group
}

/// The group with a prefix list that could not be read.
pub(crate) fn with_unreadable_list(mut group: GroupFacts, id: &str, why: &str) -> GroupFacts {
    group.prefix_lists.insert(id.to_owned(), PrefixList::Unknown(why.to_owned()));
    group
}

/// The group on these interfaces.
pub(crate) fn with_interfaces(mut group: GroupFacts, interfaces: Vec<Interface>) -> GroupFacts {
    group.interfaces = Interfaces::Read(interfaces);
    group
}

/// A private interface of a kind that is no cache's.
pub(crate) fn interface(id: &str, kind: &str) -> Interface {
    Interface { id: id.to_owned(), kind: kind.to_owned(), ..Interface::default() }
}

/// A private interface of a cache node.
pub(crate) fn cache_interface(id: &str) -> Interface {
    Interface { of_cache: true, holder: Holder::Cache, ..interface(id, "interface") }
}

/// An interface with a public address.
pub(crate) fn public_interface(id: &str) -> Interface {
    Interface {
        public: vec!["52.94.5.9".to_owned()],
        vpc: Some("vpc-1".to_owned()),
        subnet: Some("subnet-1".to_owned()),
        ..interface(id, "interface")
    }
}

/// VPC block public access in a mode, over `vpc-1`.
pub(crate) fn blocking(mode: BlockMode) -> PublicAccess {
    let vpcs = vec!["vpc-1".to_owned()];
    PublicAccess::Read(BlockPublicAccess { mode, vpcs, excluded: Vec::new() })
}

/// An interface of an internet-facing load balancer.
pub(crate) fn facing_interface(id: &str) -> Interface {
    let holder = Holder::LoadBalancer(LoadBalancer::Application);
    Interface { holder, ..public_interface(id) }
}

/// Every rule of the group, as touched.
pub(crate) fn all_touched(group: &GroupFacts) -> Vec<GroupRule<'_>> {
    group.rules.iter().map(|rule| (rule, true)).collect()
}

/// The rules of the group, of which the event touched these.
pub(crate) fn touching<'a>(group: &'a GroupFacts, touched: &[&str]) -> Vec<GroupRule<'a>> {
    group.rules.iter().map(|rule| (rule, touched.contains(&rule.id.as_str()))).collect()
}

/// The ids of the rules that findings are about, in their order.
pub(crate) fn rule_ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter_map(rule_of).map(|rule| rule.id.as_str()).collect()
}

/// A cache in order: encrypted, with authentication, behind no group.
pub(crate) fn cache(kind: CacheKind, engine: Engine, ports: &[u16]) -> CacheFacts {
    CacheFacts {
        kind,
        id: "sessions".to_owned(),
        arn: None,
        engine: Some(engine),
        version: None,
        status: "available".to_owned(),
        member_of: None,
        ports: ports.to_vec(),
        transit_encryption: Some(true),
        plaintext_too: false,
        authentication: Some(true),
        pending: PendingChange::default(),
        members: Vec::new(),
        groups: CacheGroups::Read(Vec::new()),
        network: CacheNetwork::default(),
    }
}

/// A subnet whose table sends these destinations to an internet gateway.
pub(crate) fn subnet(id: &str, destinations: &[&str]) -> Subnet {
    Subnet {
        id: id.to_owned(),
        table: "rtb-1".to_owned(),
        association: None,
        public: destinations.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// What is decided about a cache that was made just so.
pub(crate) fn decided(facts: &CacheFacts) -> Decision {
    let lead = cache_lead(facts.kind);
    let event = event(Lead::Cache(lead.clone()));
    decide::cache(&event, &lead, facts, &[], &context(Mode::Enforce))
}

/// A request for a cache that named neither engine nor port nor groups.
pub(crate) fn cache_lead(kind: CacheKind) -> CacheLead {
    CacheLead {
        kind,
        id: "sessions".to_owned(),
        engine: None,
        port: None,
        inherits: None,
        security_groups: Vec::new(),
        tags: Vec::new(),
        altered: None,
    }
}

/// An event in our account.
pub(crate) fn event(lead: Lead) -> Event {
    Event {
        id: "e-1".to_owned(),
        name: Some(match lead {
            Lead::List(_) => EventName::ModifyManagedPrefixList,
            Lead::Group(_) | Lead::Unknown => EventName::AuthorizeSecurityGroupIngress,
            Lead::Cache(_) => EventName::CreateReplicationGroup,
        }),
        time: "2026-11-21T10:00:00Z".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        actor: Actor::default(),
        lead,
    }
}

/// Tolerates networks that are not the internet, as the shipped policies do.
#[derive(Debug)]
pub(crate) struct Narrow;

impl Exceptions for Narrow {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        let narrow = asked.on.is_some_and(|on| on.union.v4 < 1 << 24 && on.union.v6 < 1 << 100);
        if narrow && matches!(asked.check, Check::OpenIngress | Check::OpenCache) {
            Answer::Suppressed(vec![exception("narrow", None)])
        } else {
            Answer::Fault
        }
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        None
    }
}

/// Answers always the same.
#[derive(Debug)]
pub(crate) struct Always(pub(crate) Answer);

impl Exceptions for Always {
    fn ask(&self, _: &ExceptionQuery<'_>) -> Answer {
        self.0.clone()
    }

    fn ended(&self, _: &ExceptionQuery<'_>) -> Option<Exception> {
        None
    }
}

pub(crate) fn exception(id: &str, until: Option<&str>) -> Exception {
    Exception {
        id: id.to_owned(),
        reason: format!("because of {id}"),
        until: until.map(str::to_owned),
    }
}

/// With the shipped policies, and no moves, half a minute after the event.
pub(crate) fn context(mode: Mode) -> DecisionContext<'static> {
    DecisionContext {
        now: crate::time::seconds("2026-11-21T10:00:30Z"),
        ..DecisionContext::new(mode, &Narrow)
    }
}

/// What is told of a decision before anything is done.
pub(crate) fn report(event: &Event, decision: &Decision, seen: Seen<'_>) -> Report {
    Report::new(event, decision, &Known::new(seen, &context(decision.mode)))
}

/// How bad a finding is by itself, of one of these groups.
pub(crate) fn severity(finding: &Finding, groups: &[GroupFacts]) -> Severity {
    severity::severities(std::slice::from_ref(finding), &Reaches::of(groups))[0]
}

/// For checks that are tried one by one.
pub(crate) fn inquiry() -> Inquiry<'static> {
    static EVENT: LazyLock<Event> = LazyLock::new(|| {
        let group = GroupRef::Id("sg-01".to_owned());
        event(Lead::Group(GroupLead { group, touched: Touched::Rules(Vec::new()) }))
    });
    Inquiry::new(&Narrow, None, &EVENT, None)
}
