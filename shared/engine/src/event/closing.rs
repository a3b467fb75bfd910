//! The event of a cache with the rules that are to be closed for it.
//!
//! A cache's own event names no rule: once one is revoked, whoever tries the event again finds nothing
//! to tell. So the event goes through the function once more, with the names, before anything is done.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::Json;
use super::parse::{Stop, id, malformed, told};
use super::{GroupLead, GroupRef, RuleLead, Touched};
use crate::action::Action;
use crate::facts::{IngressRule, Source};

const SOURCE: &str = "portcullis";
const DETAIL_TYPE: &str = "Rules to close";

/// Whether the event comes with the names of rules: [`naming`] wrote it.
pub fn names_rules(event: &Value) -> bool {
    let is = |member: &str, value: &str| event.get(member).and_then(Value::as_str) == Some(value);
    is("source", SOURCE) && is("detail-type", DETAIL_TYPE)
}

/// The event, whole, with the rules that the actions revoke, as CloudTrail's `securityGroupRuleSet` has them.
pub fn naming(event: &Value, actions: &[&Action]) -> Value {
    let revoked = actions.iter().filter_map(|action| action.revokes());
    let rules: Vec<Value> = revoked.map(|(group, rule)| item(group, rule)).collect();
    json!({
        "source": SOURCE,
        "detail-type": DETAIL_TYPE,
        "detail": { "event": event, "rules": rules },
    })
}

fn item(group: &str, rule: &IngressRule) -> Value {
    let source = match &rule.source {
        Source::Ipv4(net) => Some(("cidrIpv4", json!(net.to_string()))),
        Source::Ipv6(net) => Some(("cidrIpv6", json!(net.to_string()))),
        Source::PrefixList(list) => Some(("prefixListId", json!(list))),
        Source::Group(group) => Some(("referencedGroupInfo", json!({ "groupId": group }))),
        Source::Unreadable(_) => None,
    };
    let members = [
        ("groupId", json!(group)),
        ("securityGroupRuleId", json!(rule.id)),
        ("isEgress", json!(false)),
        ("ipProtocol", json!(rule.protocol.as_str())),
        ("fromPort", json!(rule.from_port)),
        ("toPort", json!(rule.to_port)),
        ("description", json!(rule.description)),
    ];
    members.into_iter().chain(source).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The event within.
pub(super) fn within(event: &Value) -> Result<&Value, Stop> {
    event.pointer("/detail/event").ok_or_else(|| malformed("detail.event", "is missing"))
}

/// The rules that it names, by group.
pub(super) fn named(event: &Value) -> Result<Vec<GroupLead>, Stop> {
    const RULES: &str = "detail.rules";
    let mut groups: BTreeMap<String, Vec<RuleLead>> = BTreeMap::new();
    for item in Json::new(event).get("detail").get("rules").list() {
        let member = |name| {
            let text = item.get(name).text();
            text.ok_or_else(|| malformed(RULES, format!("has a rule without `{name}`")))
        };
        let group = id(member("groupId")?, RULES, "sg-")?;
        let rule = id(member("securityGroupRuleId")?, RULES, "sgr-")?;
        let lead = RuleLead { id: Some(rule), shape: told(item), edit: false };
        groups.entry(group).or_default().push(lead);
    }
    if groups.is_empty() {
        return Err(malformed(RULES, "names no rule"));
    }
    let lead =
        |(group, rules)| GroupLead { group: GroupRef::Id(group), touched: Touched::Rules(rules) };
    Ok(groups.into_iter().map(lead).collect())
}
