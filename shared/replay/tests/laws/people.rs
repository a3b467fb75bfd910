//! People who open, edit and remove rules in an account where Portcullis closes what is at fault; and the functions, which
//! look at each event of theirs. What the functions decide is what a replay of the same events has to say.

use std::collections::BTreeMap;

use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::case::{
    Answered, Arranged, Case, Counted, Fact, PolicyContext, Read, Shown, Step, Written,
};
use portcullis_engine::event::{Event, Parsed, RevisitRef, parse};
use portcullis_engine::facts::{
    AddressSpace, IngressRule, Interfaces, PrefixList, Protocol, Source, Subnets,
};
use portcullis_engine::ledger::{Key, Memory, Revisit, Why};
use portcullis_engine::time::iso;
use serde_json::{Value, json};

/// What people do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    Open { port: u8, wide: bool },
    Edit { port: u8, wide: bool },
    Remove { port: u8 },
    Wait { minutes: u8 },
}

/// `2026-03-02T08:00:00Z`
const START: i64 = 1_772_438_400;
const GROUP: &str = "sg-01";

/// The account, and what the functions decided: by event and finding, the words of its end.
pub(crate) struct Account<'a> {
    policy: PolicyContext<'a>,
    now: i64,
    live: BTreeMap<(u8, bool), IngressRule>,
    table: Memory,
    records: BTreeMap<Key, Revisit>,
    minute: (String, Counted),
    pub(crate) trail: Vec<Value>,
    pub(crate) decided: BTreeMap<(String, String), String>,
    named: usize,
}

impl<'a> Account<'a> {
    pub(crate) fn new(policy: PolicyContext<'a>) -> Self {
        let minute = (String::new(), Counted { remediations: 0, alerts: 0 });
        Self {
            policy,
            now: START,
            live: BTreeMap::new(),
            table: Memory::new(),
            records: BTreeMap::new(),
            minute,
            trail: Vec::new(),
            decided: BTreeMap::new(),
            named: 0,
        }
    }

    pub(crate) fn all(mut self, deeds: &[Deed]) -> Self {
        // The group is made by the first record, so that all of its rules are known.
        let request = json!({"groupName": "web", "vpcId": "vpc-1"});
        self.call("CreateSecurityGroup", &request, &json!({"groupId": GROUP}));
        // The last deed is one of which there is a record, for with it a history ends.
        let last = Deed::Open { port: 99, wide: false };
        for deed in deeds.iter().chain([&last]) {
            self.now += 7;
            self.catch_up(self.now);
            self.deed(*deed);
        }
        self.catch_up(self.now + 3600);
        self
    }

    fn deed(&mut self, deed: Deed) {
        match deed {
            Deed::Open { port, wide } if !self.live.contains_key(&(port, wide)) => {
                let rule = IngressRule { id: self.name("sgr"), ..rule(port, wide) };
                let shape = json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port});
                let with = |more: Value| {
                    let mut all = shape.clone();
                    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                    all
                };
                let request = with(json!({"groupId": GROUP, "cidrIp": rule.source.to_string()}));
                let item = with(json!({"groupId": GROUP, "securityGroupRuleId": rule.id,
                    "isEgress": false, "cidrIpv4": rule.source.to_string()}));
                self.live.insert((port, wide), rule);
                let response = json!({"securityGroupRuleSet": {"items": [item]}});
                self.watched("AuthorizeSecurityGroupIngress", &request, &response);
            }
            Deed::Edit { port, wide } if !self.live.contains_key(&(port, wide)) => {
                let Some(before) = self.live.remove(&(port, !wide)) else { return };
                let after = IngressRule { id: before.id, ..rule(port, wide) };
                let edited = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port,
                    "CidrIpv4": after.source.to_string()});
                let edit = json!({"SecurityGroupRuleId": after.id, "SecurityGroupRule": edited});
                self.live.insert((port, wide), after);
                let request = json!({"ModifySecurityGroupRulesRequest":
                    {"GroupId": GROUP, "SecurityGroupRule": edit}});
                self.watched("ModifySecurityGroupRules", &request, &json!({}));
            }
            Deed::Remove { port } => {
                let Some((_, rule)) = self.live.range((port, false)..=(port, true)).next() else {
                    return;
                };
                let id = rule.id.clone();
                self.live.retain(|_, rule| rule.id != id);
                let ids = json!({"items": [{"securityGroupRuleId": id}]});
                let request = json!({"groupId": GROUP, "securityGroupRuleIds": ids});
                self.call("RevokeSecurityGroupIngress", &request, &json!({"_return": true}));
            }
            Deed::Wait { minutes } => self.now += i64::from(minutes) * 60,
            Deed::Open { .. } | Deed::Edit { .. } => {}
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}-{:04}", self.named)
    }

    fn call(&mut self, name: &str, request: &Value, response: &Value) -> Value {
        let record = json!({"eventVersion": "1.11", "eventTime": iso(self.now), "eventName": name,
            "eventID": self.name("e"), "eventSource": "ec2.amazonaws.com", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "userAgent": "Terraform/1.13.3",
            "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
            "requestParameters": request, "responseElements": response});
        self.trail.push(record.clone());
        record
    }

    fn watched(&mut self, name: &str, request: &Value, response: &Value) {
        let record = self.call(name, request, response);
        let Parsed::Event(event) = parse(&json!({"detail": record}), &[]) else {
            panic!("{record}")
        };
        let case = Case::new(*event.clone(), &event.id, self.policy);
        self.drive(case, self.now);
    }

    fn catch_up(&mut self, by: i64) {
        let due = |record: &&Revisit| {
            !record.settled && record.due <= by && matches!(record.why, Why::Limit | Why::Flapping)
        };
        while let Some(record) = self.records.values().filter(due).min_by_key(|one| one.due) {
            let Revisit { subject, event, due, .. } = record.clone();
            let named = RevisitRef { subject, event: event.clone(), due: iso(due) };
            let case = Case::revisit(&named, &format!("{event}-{due}"), self.policy);
            self.drive(case, due);
        }
    }

    fn drive(&mut self, mut case: Case<'_>, now: i64) {
        loop {
            match case.next(now) {
                Step::Read { decide, inform, .. } => {
                    for read in decide.iter().chain(&inform) {
                        case.answer(Answered::Fact(self.read(read)));
                    }
                }
                Step::Lease { entries, count, inform, .. } => {
                    for read in &inform {
                        case.answer(Answered::Fact(self.read(read)));
                    }
                    self.write(entries);
                    let counted = count.map(|count| {
                        if self.minute.0 != count.minute {
                            let nothing = Counted { remediations: 0, alerts: 0 };
                            self.minute = (count.minute.clone(), nothing);
                        }
                        self.minute.1.remediations += count.remediations;
                        self.minute.1.alerts += count.alerts;
                        self.minute.1
                    });
                    case.answer(Answered::Leased { written: Written::All, counted });
                }
                Step::Remediate(actions) => {
                    let closed = |action: &Action| (action.id().to_owned(), Outcome::Done(None));
                    let outcomes: Outcomes = actions.iter().map(closed).collect();
                    self.live.retain(|_, rule| !outcomes.contains_key(&rule.id));
                    case.answer(Answered::Remediated(outcomes));
                }
                Step::Revisit(revisit) => {
                    self.records.insert(revisit.key(), *revisit);
                    case.answer(Answered::Arranged(Arranged::Scheduled));
                }
                Step::Notify(notification) => {
                    case.answer(Answered::Notified(Ok(notification.channel)));
                }
                Step::Record(entries) => {
                    self.write(entries);
                    case.answer(Answered::Recorded(Written::All));
                }
                Step::Wait(_) => case.answer(Answered::Waited),
                Step::Done(_) => break,
                Step::Fail(why) => panic!("{why}"),
            }
        }
        let (Some(event), Some(report)) = (case.event(), case.report()) else { return };
        let Event { id, .. } = event;
        for reported in report.all() {
            let of = (id.clone(), reported.key.id());
            let verdict = reported.resolution.as_str().to_owned();
            let before = self.decided.get(&of).map(String::as_str);
            // That somebody else removed what was left open is no decision.
            let is_fact = before == Some("withheld") && verdict == "already-gone";
            if before != Some("done") && !is_fact {
                self.decided.insert(of, verdict);
            }
        }
    }

    fn write(&mut self, entries: Vec<portcullis_engine::ledger::Entry>) {
        self.table.entries.extend(entries.into_iter().map(|entry| (entry.key.clone(), entry)));
    }

    fn read(&self, read: &Read) -> Fact {
        let untold = || "nobody asks".to_owned();
        match read {
            Read::Rules(id) => {
                let rules = self.live.values().cloned().collect();
                let owner = Some("111122223333".to_owned());
                Fact::Rules(id.clone(), Ok(Shown { owner, rules, egress: Vec::new() }))
            }
            Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Ok(wanted.of(&self.table))),
            Read::OpenOf(_) => Fact::OpenOf(Ok(self.table.entries.values().cloned().collect())),
            Read::Revisit { subject, event } => {
                let record = self.records.get(&Revisit::key_of(subject, event)).cloned();
                Fact::Revisit(Ok(record.map(Box::new)))
            }
            Read::Versions(..) | Read::Naming(_) | Read::RulesOf(_) | Read::Uses(_) => {
                unreachable!("no event is about a prefix list")
            }
            Read::Details(id) => Fact::Details(id.clone(), Err(untold())),
            Read::Interfaces(id) => Fact::Interfaces(id.clone(), Interfaces::Unknown(untold())),
            Read::PublicAccess => Fact::PublicAccess(Err(untold())),
            Read::Servers(id) => Fact::Servers(id.clone(), Err(untold())),
            Read::Vpcs(_) => Fact::Vpcs(Err(untold())),
            Read::Space(id) => Fact::Space(id.clone(), AddressSpace::Unknown(untold())),
            Read::List(id) => Fact::List(id.clone(), PrefixList::Unknown(untold())),
            Read::GroupNamed(_) => Fact::GroupNamed(Ok(None)),
            Read::Cache(..) => Fact::Cache(Ok(None)),
            Read::Subnets(_) => Fact::Subnets(None, Subnets::default()),
        }
    }
}

fn rule(port: u8, wide: bool) -> IngressRule {
    IngressRule {
        id: String::new(),
        protocol: Protocol::Tcp,
        from_port: port.into(),
        to_port: port.into(),
        source: Source::cidr(if wide { "0.0.0.0/0" } else { "10.0.0.0/8" }).unwrap(),
        description: None,
        tags: Vec::new(),
    }
}
