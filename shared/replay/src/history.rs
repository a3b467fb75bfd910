//! What is known of the past: groups and their rules, as far as the records tell. What happened before the first record
//! is unknown, and nothing is made up for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use portcullis_engine::event::{
    Change, Event, GroupLead, GroupRef, Lead, RuleLead, RuleShape, Touched,
};
use portcullis_engine::facts::{GroupDetails, IngressRule, PROTECT, Source, Tag};
use portcullis_engine::ledger::shape;

use crate::record::{Happened, What};

/// The ids of rules that no record tells begin with this.
pub const UNTOLD: &str = "sgr-untold-";

/// An account in a Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The account.
    pub account: Arc<str>,
    /// The Region.
    pub region: Arc<str>,
}

impl Place {
    /// The place of a group.
    pub fn group(&self, id: &str) -> GroupAt {
        (self.clone(), id.to_owned())
    }
}

/// A group of a place.
pub type GroupAt = (Place, String);

/// What is known of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its creation is among the records: all of its rules are known.
    pub is_whole: bool,
    /// Its name, VPC and tags; whole only if its creation is among the records.
    pub details: GroupDetails,
    /// Its ingress rules.
    pub rules: Vec<IngressRule>,
    /// The ids of egress rules.
    pub egress: Vec<String>,
}

/// What came of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// The rules that are open now, by group and shape.
    pub opened: Vec<(GroupAt, String)>,
    /// The rules that were edited, by their ids.
    pub edited: Vec<(GroupAt, String)>,
    /// The rules that are closed now: by group, with the rule as it was.
    pub closed: Vec<(GroupAt, IngressRule)>,
}

/// The groups of all places.
#[derive(Debug, Clone, Default)]
pub struct History {
    groups: HashMap<GroupAt, Group>,
    places: HashSet<Place>,
    /// The groups of default VPCs, by their names.
    names: HashMap<GroupAt, String>,
}

impl History {
    /// The group, if a record tells of it.
    pub fn group(&self, at: &GroupAt) -> Option<&Group> {
        self.groups.get(at)
    }

    /// The id of the group of this name: a made-up one, if no record tells it.
    pub fn named(&self, place: &Place, name: &str) -> String {
        let known = self.names.get(&place.group(name)).cloned();
        known.unwrap_or_else(|| format!("name/{name}"))
    }

    /// The id of a group.
    pub fn id(&self, place: &Place, group: &GroupRef) -> String {
        match group {
            GroupRef::Id(id) => id.clone(),
            GroupRef::Name(name) => self.named(place, name),
        }
    }

    /// Where it happened.
    pub fn place(&mut self, happened: &Happened) -> Place {
        let account = happened.account.as_str().into();
        let place = Place { account, region: happened.region.as_str().into() };
        if let Some(known) = self.places.get(&place) {
            return known.clone();
        }
        self.places.insert(place.clone());
        place
    }

    /// Notes what happened.
    pub fn note(&mut self, happened: &Happened) -> Effect {
        let place = self.place(happened);
        match &happened.what {
            What::Event(events, asked) => {
                let mut effect = Effect::default();
                for event in events {
                    if let Lead::Group(lead) = &event.lead {
                        effect = self.touched(&place, event, lead, &asked.rule_tags);
                    }
                }
                effect
            }
            What::Change(changed) => self.changed(&place, &changed.change),
        }
    }

    fn touched(&mut self, place: &Place, event: &Event, lead: &GroupLead, tags: &[Tag]) -> Effect {
        let mut effect = Effect::default();
        let id = self.id(place, &lead.group);
        let at = place.group(&id);
        let group = self.groups.entry(at.clone()).or_default();
        let Touched::Rules(rules) = &lead.touched else { return effect };
        for (number, RuleLead { id, shape: told, edit }) in rules.iter().enumerate() {
            if id.as_ref().is_some_and(|id| group.egress.contains(id)) {
                continue;
            }
            let source = || Source::Unreadable("what the record does not tell".to_owned());
            let known = group.rules.iter().position(|rule| match (id, told) {
                (Some(id), _) => rule.id == *id,
                (None, Some(told)) => told.matches(rule),
                (None, None) => false,
            });
            if *edit && known.is_none() && group.is_whole {
                // All of its ingress rules are known: this one is an egress rule.
                group.egress.extend(id.clone());
                continue;
            }
            let rule = match (told, known.and_then(|known| group.rules.get(known))) {
                (None, Some(known)) => known.clone(),
                (None, None) => rule(String::new(), None, source()),
                (Some(told), _) => rule(String::new(), Some(told), told.source.clone()),
            };
            let made_up = || format!("{UNTOLD}{}-{number}", event.id);
            let mut rule = IngressRule { id: id.clone().unwrap_or_else(made_up), ..rule };
            match known.and_then(|known| group.rules.get(known)) {
                Some(known) => rule.tags.clone_from(&known.tags),
                None => rule.tags = tags.to_vec(),
            }
            if *edit {
                effect.edited.push((at.clone(), rule.id.clone()));
            } else {
                effect.opened.push((at.clone(), shape(&rule)));
            }
            match known.and_then(|known| group.rules.get_mut(known)) {
                Some(known) => *known = rule,
                None => {
                    // Most groups have one that matters.
                    if group.rules.is_empty() {
                        group.rules.reserve_exact(1);
                    }
                    group.rules.push(rule);
                }
            }
        }
        effect
    }

    fn changed(&mut self, place: &Place, change: &Change) -> Effect {
        let mut effect = Effect::default();
        match change {
            Change::GroupCreated { group, details } => {
                if details.vpc.is_none() {
                    self.names.insert(place.group(&details.name), group.clone());
                }
                let known = self.groups.entry(place.group(group)).or_default();
                (known.is_whole, known.details) = (true, details.clone());
            }
            Change::GroupDeleted(group) => {
                let at = place.group(&self.id(place, group));
                let rules = self.groups.remove(&at).map(|group| group.rules).unwrap_or_default();
                effect.closed.extend(rules.into_iter().map(|rule| (at.clone(), rule)));
            }
            Change::Revoked { group, ids, shapes } => {
                let at = place.group(&self.id(place, group));
                let group = self.groups.entry(at.clone()).or_default();
                let is_it = |rule: &IngressRule| {
                    ids.contains(&rule.id) || shapes.iter().any(|shape| shape.matches(rule))
                };
                let closed = group.rules.extract_if(.., |rule| is_it(rule));
                effect.closed.extend(closed.map(|rule| (at.clone(), rule)));
            }
            Change::Egress { group, ids } => {
                let at = place.group(&self.id(place, group));
                self.groups.entry(at).or_default().egress.extend(ids.iter().cloned());
            }
            Change::Tagged(groups, tags) => {
                for id in groups {
                    let known = &mut self.groups.entry(place.group(id)).or_default().details.tags;
                    known.retain(|known| tags.iter().all(|tag| tag.key != known.key));
                    known.extend(tags.iter().cloned());
                }
            }
            Change::Untagged(groups, keys) => {
                for id in groups {
                    let known = &mut self.groups.entry(place.group(id)).or_default().details.tags;
                    known.retain(|tag| !keys.contains(&tag.key));
                }
            }
            Change::CacheDeleted(..) => {}
        }
        effect
    }
}

impl Group {
    /// Name, VPC and tags, if they are known; or the one tag that is known and forbids every change.
    pub fn known_details(&self) -> Option<GroupDetails> {
        let protects = |tag: &Tag| tag.key.eq_ignore_ascii_case(PROTECT);
        (self.is_whole || self.details.tags.iter().any(protects)).then(|| self.details.clone())
    }
}

fn rule(id: String, told: Option<&RuleShape>, source: Source) -> IngressRule {
    use portcullis_engine::facts::Protocol;
    let (protocol, from_port, to_port) = told.map_or((Protocol::All, -1, -1), |told| {
        (told.protocol.clone(), told.from_port, told.to_port)
    });
    IngressRule { id, protocol, from_port, to_port, source, description: None, tags: Vec::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::{Found, found};

    /// The rules of `sg-1` after these calls.
    fn after(calls: &[(&str, Value, Value)]) -> (History, Vec<String>) {
        let mut history = History::default();
        for (at, (name, request, response)) in calls.iter().enumerate() {
            let record = json!({"eventName": name, "eventID": format!("e-{at}"),
                "eventTime": format!("2026-03-02T08:00:{at:02}Z"), "awsRegion": "eu-west-1",
                "recipientAccountId": "111122223333", "requestParameters": request,
                "responseElements": response});
            let Found::Record(record) = found(record.to_string().as_bytes()) else {
                panic!("{name}")
            };
            history.note(&record.happened().unwrap());
        }
        let place = Place { account: "111122223333".into(), region: "eu-west-1".into() };
        let rules = history.group(&place.group("sg-1")).map(|group| group.rules.clone());
        let words = rules.unwrap_or_default();
        (history, words.iter().map(|rule| format!("{} {}", rule.id, rule.words())).collect())
    }

    fn authorize(port: u16, id: &str) -> (&'static str, Value, Value) {
        let request = json!({"groupId": "sg-1", "ipProtocol": "tcp", "fromPort": port,
            "toPort": port, "cidrIp": "0.0.0.0/0"});
        let response = json!({"securityGroupRuleSet": {"items": [{"groupId": "sg-1",
            "securityGroupRuleId": id, "isEgress": false, "ipProtocol": "tcp", "fromPort": port,
            "toPort": port, "cidrIpv4": "0.0.0.0/0"}]}});
        ("AuthorizeSecurityGroupIngress", request, response)
    }

    #[test]
    fn rules_are_opened_edited_and_closed() {
        let edit = |id: &str| {
            let edited = json!({"SecurityGroupRuleId": id, "SecurityGroupRule":
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}});
            let request = json!({"ModifySecurityGroupRulesRequest":
                {"GroupId": "sg-1", "SecurityGroupRule": edited}});
            ("ModifySecurityGroupRules", request, json!({}))
        };
        let revoke = json!({"groupId": "sg-1", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
            "cidrIp": "0.0.0.0/0"});
        let revoke = ("RevokeSecurityGroupIngress", revoke, json!({}));
        let opened = [authorize(22, "sgr-1"), authorize(80, "sgr-2")];
        let both = ["sgr-1 TCP 22 from 0.0.0.0/0", "sgr-2 TCP 80 from 0.0.0.0/0"];
        assert_eq!(after(&opened).1, both);
        let [first, second] = opened.clone();
        assert_eq!(after(&[first.clone(), second.clone(), revoke.clone()]).1, &both[1..]);
        assert_eq!(after(&[first.clone(), edit("sgr-1")]).1, ["sgr-1 TCP 22 from 10.0.0.0/8"]);
        assert_eq!(after(&[first, edit("sgr-1"), revoke]).1, ["sgr-1 TCP 22 from 10.0.0.0/8"]);
        let delete = ("DeleteSecurityGroup", json!({"groupId": "sg-1"}), json!({}));
        assert_eq!(after(&[second, delete]).1, [""; 0]);
        // What is edited may be an egress rule, if not all ingress rules are known.
        assert_eq!(after(&[edit("sgr-9")]).1, ["sgr-9 TCP 22 from 10.0.0.0/8"]);
        let create = json!({"groupName": "web", "vpcId": "vpc-1"});
        let create = ("CreateSecurityGroup", create, json!({"groupId": "sg-1"}));
        assert_eq!(after(&[create, edit("sgr-9")]).1, [""; 0]);
    }

    #[test]
    fn a_rule_without_an_id_is_known_by_its_shape() {
        let (name, request, _) = authorize(22, "");
        let (history, rules) = after(&[(name, request, json!({"_return": true}))]);
        assert_eq!(rules, ["sgr-untold-e-0-0 TCP 22 from 0.0.0.0/0"]);
        let place = Place { account: "111122223333".into(), region: "eu-west-1".into() };
        assert!(!history.group(&place.group("sg-1")).unwrap().is_whole);
    }
}
