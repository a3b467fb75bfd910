//! `parse`: total, lenient where CloudTrail is, strict where it matters.

use serde_json::Value;

use super::actor::{actor, session_role};
use super::attaching::{associated, attached, carrier};
use super::caches::{altered_cache, cache, unwrapped};
use super::json::Json;
use super::lists::list;
use super::stop::{Ignored, Malformed, Stop, id, malformed, word};
use super::{
    Carrier, Event, EventName, GroupLead, GroupRef, Lead, RevisitRef, RuleLead, RuleShape, Touched,
};
use crate::facts::{CacheKind, Protocol, Source};

/// What a piece of JSON turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Something to look at.
    Event(Box<Event>),
    /// Several things to look at: one call put these groups before the same.
    Several(Vec<Event>),
    /// Something to look at again.
    Revisit(RevisitRef),
    /// Nothing to do, and why.
    Ignored(Ignored),
    /// Something is wrong with it: it must not be lost.
    Malformed(Malformed),
}

/// Types of records that are no API call: what services and the console do by themselves, sign-ins, insights, and the
/// network activity at a VPC endpoint, which has the names of calls and is recorded beside each call's own record
/// (CloudTrail user guide, "record contents", `eventType`; the guide has `AwsVpceEvents`, its examples `AwsVpceEvent`). A
/// record of another type is looked into: that costs a read, and a missed one leaves a port open.
const NO_API_CALL: [&str; 6] = [
    "AwsServiceEvent",
    "AwsConsoleAction",
    "AwsConsoleSignIn",
    "AwsCloudTrailInsight",
    "AwsVpceEvent",
    "AwsVpceEvents",
];

/// The member of an envelope that says who delivers an event that EventBridge did not.
const REDELIVERED: &str = "redelivered-by";

/// Reads an EventBridge event, or the payload of a revisit. `own_roles` are the ARNs of the IAM roles whose calls are
/// ours.
pub fn parse(event: &Value, own_roles: &[String]) -> Parsed {
    if let Some(revisit) = RevisitRef::read(event) {
        return match revisit {
            Ok(revisit) => Parsed::Revisit(revisit),
            Err((at, why)) => Parsed::Malformed(Malformed { at, why }),
        };
    }
    match read(event, own_roles) {
        Ok((event, others)) if others.is_empty() => Parsed::Event(Box::new(event)),
        Ok((event, others)) => {
            let with = |lead| Event { lead, ..event.clone() };
            let others: Vec<Event> = others.into_iter().map(with).collect();
            Parsed::Several(std::iter::once(event).chain(others).collect())
        }
        Err(Stop::Ignored(why)) => Parsed::Ignored(why),
        Err(Stop::Malformed(what)) => Parsed::Malformed(what),
    }
}

/// Whether an archive of EventBridge delivered this once more (EventBridge user guide, "Archiving and replaying events":
/// `replay-name` is the name of the replay).
pub fn is_replay(event: &Value) -> bool {
    Json::new(event).get("replay-name").exists()
}

/// Whether the sweep found it in the event history, and delivers it because nothing else did.
pub fn is_redelivered(event: &Value) -> bool {
    Json::new(event).get(REDELIVERED).text().as_deref() == Some("sweep")
}

/// A record of the event history as EventBridge would have delivered it, with who does.
pub fn redelivered(record: &Value) -> Value {
    let of = Json::new(record);
    let text = |name| of.get(name).text().unwrap_or_default();
    let source = text("eventSource");
    serde_json::json!({
        "version": "0",
        "id": text("eventID"),
        "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{}", source.split('.').next().unwrap_or_default()),
        "account": text("recipientAccountId"),
        "time": text("eventTime"),
        "region": text("awsRegion"),
        "resources": [],
        "detail": record,
        REDELIVERED: "sweep",
    })
}

/// The event, and what else the same call leads to.
fn read(event: &Value, own_roles: &[String]) -> Result<(Event, Vec<Lead>), Stop> {
    if !event.is_object() {
        return Err(malformed("event", "is not a JSON object"));
    }
    let envelope = Json::new(event);
    if let Some(kind) = envelope.get("detail-type").text()
        && kind != "AWS API Call via CloudTrail"
    {
        return Err(Stop::Ignored(Ignored::NotWatched(kind)));
    }
    // Some relays deliver the record as a JSON string.
    let unpacked = match event.get("detail") {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| {
            malformed("detail", format!("is a string, and not of JSON: {error}"))
        })?,
        Some(detail) => detail.clone(),
        None => {
            return Err(malformed("detail", "is missing: the whole EventBridge event is needed"));
        }
    };
    let record = Json::new(&unpacked);
    let name = name(record)?;
    if let Some(kind) = record.get("eventType").text()
        && NO_API_CALL.contains(&kind.as_str())
    {
        return Err(Stop::Ignored(Ignored::NoApiCall(kind)));
    }
    if let Some(code) = record.get("errorCode").text() {
        return Err(Stop::Ignored(if code.contains("DryRunOperation") {
            Ignored::DryRun
        } else {
            Ignored::Failed(code)
        }));
    }
    if let Some(role) = session_role(record)
        && own_roles.contains(&role)
    {
        return Err(Stop::Ignored(Ignored::OwnCall(role)));
    }
    let first = |a: Json<'_>, b: Json<'_>| a.text().or_else(|| b.text());
    let (recipient, region) = (record.get("recipientAccountId"), record.get("awsRegion"));
    let mut leads = leads(name, record)?.into_iter();
    let lead = leads.next().ok_or_else(|| malformed("detail", "leads to nothing"))?;
    let event = Event {
        name: Some(name),
        lead,
        id: word(first(record.get("eventID"), envelope.get("id")), "detail.eventID")?,
        time: word(first(record.get("eventTime"), envelope.get("time")), "detail.eventTime")?,
        account: word(first(recipient, envelope.get("account")), "detail.recipientAccountId")?,
        region: word(first(region, envelope.get("region")), "detail.awsRegion")?,
        actor: actor(record),
    };
    Ok((event, leads.collect()))
}

fn name(record: Json<'_>) -> Result<EventName, Stop> {
    let name = record
        .get("eventName")
        .text()
        .ok_or_else(|| malformed("detail.eventName", "is missing"))?;
    EventName::ALL
        .into_iter()
        .find(|known| known.as_str() == name)
        .ok_or(Stop::Ignored(Ignored::NotWatched(name)))
}

fn leads(name: EventName, record: Json<'_>) -> Result<Vec<Lead>, Stop> {
    let request = record.get("requestParameters");
    match name {
        EventName::ModifyNetworkInterfaceAttribute => {
            const AT: &str = "detail.requestParameters.networkInterfaceId";
            let carrier = carrier(request, "networkInterfaceId", AT, "eni-")?;
            attached(request, &Carrier::Interface(carrier))
        }
        EventName::ModifyInstanceAttribute => {
            const AT: &str = "detail.requestParameters.instanceId";
            attached(request, &Carrier::Instance(carrier(request, "instanceId", AT, "i-")?))
        }
        EventName::AssociateSecurityGroupVpc => Ok(vec![associated(request)?]),
        EventName::AuthorizeSecurityGroupIngress
        | EventName::ModifySecurityGroupRules
        | EventName::ModifyManagedPrefixList
        | EventName::RestoreManagedPrefixListVersion
        | EventName::CreateCacheCluster
        | EventName::CreateReplicationGroup
        | EventName::CreateServerlessCache
        | EventName::ModifyCacheCluster
        | EventName::ModifyReplicationGroup
        | EventName::ModifyServerlessCache => Ok(vec![lead(name, record)?]),
    }
}

/// CloudTrail leaves out what is too large (user guide, "record contents": a request or a response above 100 KB), so both
/// may lack everything.
fn lead(name: EventName, record: Json<'_>) -> Result<Lead, Stop> {
    let request = record.get("requestParameters");
    let response = record.get("responseElements");
    match name {
        EventName::AuthorizeSecurityGroupIngress => authorize(request, response),
        EventName::ModifySecurityGroupRules => modify(request),
        EventName::ModifyManagedPrefixList | EventName::RestoreManagedPrefixListVersion => {
            list(name, request)
        }
        EventName::ModifyNetworkInterfaceAttribute
        | EventName::ModifyInstanceAttribute
        | EventName::AssociateSecurityGroupVpc => {
            Err(malformed("detail.eventName", "leads to several groups"))
        }
        EventName::CreateCacheCluster => {
            let joined = request.get("replicationGroupId").text();
            let group = joined.or_else(|| response.get("replicationGroupId").text());
            if let Some(group) = group {
                return Err(Stop::Ignored(Ignored::Replica(group)));
            }
            cache(CacheKind::CacheCluster, request, response)
        }
        EventName::CreateReplicationGroup => cache(CacheKind::ReplicationGroup, request, response),
        EventName::CreateServerlessCache => {
            cache(CacheKind::ServerlessCache, request, unwrapped(response))
        }
        EventName::ModifyCacheCluster => altered_cache(CacheKind::CacheCluster, request, response),
        EventName::ModifyReplicationGroup => {
            altered_cache(CacheKind::ReplicationGroup, request, response)
        }
        EventName::ModifyServerlessCache => {
            altered_cache(CacheKind::ServerlessCache, request, unwrapped(response))
        }
    }
}

fn authorize(request: Json<'_>, response: Json<'_>) -> Result<Lead, Stop> {
    const GROUP: &str = "detail.requestParameters.groupId";
    let rule_set = response.get("securityGroupRuleSet").list();
    let named = request.get("groupId").text();
    let group = named.or_else(|| rule_set.iter().find_map(|item| item.get("groupId").text()));
    let group = match (group, request.get("groupName").text()) {
        (Some(group), _) => GroupRef::Id(id(group, GROUP, "sg-")?),
        (None, Some(name)) => GroupRef::Name(name),
        (None, None) => return Ok(Lead::Unknown),
    };
    let mut touched = Vec::new();
    for item in rule_set.into_iter().filter(|item| !item.get("isEgress").is_true()) {
        match item.get("securityGroupRuleId").text() {
            Some(rule) => touched.push(RuleLead {
                id: Some(id(rule, "detail.responseElements.securityGroupRuleSet", "sgr-")?),
                shape: told(item),
                edit: false,
            }),
            None => return Ok(Lead::Group(GroupLead { group, touched: requested(request) })),
        }
    }
    let touched = if touched.is_empty() { requested(request) } else { Touched::Rules(touched) };
    Ok(Lead::Group(GroupLead { group, touched }))
}

/// What AuthorizeSecurityGroupIngress asked for, in its nested and its flat form. One range that
/// cannot be read makes the whole unknown: acting on the rest would look like having dealt with it.
pub(super) fn requested(request: Json<'_>) -> Touched {
    let permissions = request.get("ipPermissions").list();
    let mut rules = Vec::new();
    for permission in permissions.into_iter().chain([request]) {
        let sources = sources(permission);
        if sources.is_empty() {
            continue;
        }
        let shape = |source| shape(permission, source);
        for source in sources {
            match source.and_then(shape) {
                Ok(shape) => rules.push(RuleLead { id: None, shape: Some(shape), edit: false }),
                Err(why) => return Touched::Unknown(why),
            }
        }
    }
    let by_name = permissions_by_name(request);
    if rules.is_empty() && !by_name {
        return Touched::Unknown("the record holds neither the rules nor their ids".to_owned());
    }
    Touched::Rules(rules)
}

/// Whether some source is a group given by name: it cannot be matched, and no group is public.
fn permissions_by_name(request: Json<'_>) -> bool {
    let permissions = request.get("ipPermissions").list().into_iter();
    let mut groups = permissions.flat_map(|permission| permission.get("groups").list());
    groups.any(|group| group.get("groupName").exists())
        || request.get("sourceSecurityGroupName").exists()
}

/// The sources of one permission: nested lists, and the flat form's single `cidrIp`.
fn sources(permission: Json<'_>) -> Vec<Result<Source, String>> {
    let mut sources = Vec::new();
    let cidrs = [("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6")];
    for (list, member) in cidrs {
        for range in permission.get(list).list() {
            sources.push(cidr(range.get(member)));
        }
    }
    for list in permission.get("prefixListIds").list() {
        let id = list.get("prefixListId").text();
        sources
            .push(id.map(Source::PrefixList).ok_or_else(|| "a prefix list has no id".to_owned()));
    }
    for group in permission.get("groups").list() {
        // By name, it cannot be matched; and no group reference is public.
        if let Some(id) = group.get("groupId").text() {
            sources.push(Ok(Source::Group(id)));
        }
    }
    if permission.get("cidrIp").exists() {
        sources.push(cidr(permission.get("cidrIp")));
    }
    sources
}

fn cidr(text: Json<'_>) -> Result<Source, String> {
    let text = text.text().ok_or("a range has no CIDR")?;
    Source::cidr(&text).ok_or_else(|| format!("`{}` is not a CIDR", text.escape_default()))
}

fn shape(permission: Json<'_>, source: Source) -> Result<RuleShape, String> {
    let protocol = permission.get("ipProtocol").text().ok_or("a rule has no protocol")?;
    let port = |name| match permission.get(name).number() {
        Ok(port) => Ok(port.and_then(|port| i32::try_from(port).ok()).unwrap_or(-1)),
        Err(text) => Err(format!("`{}` is not a port", text.escape_default())),
    };
    Ok(RuleShape {
        protocol: Protocol::parse(&protocol),
        from_port: port("fromPort")?,
        to_port: port("toPort")?,
        source,
    })
}

fn modify(request: Json<'_>) -> Result<Lead, Stop> {
    const RULE: &str = "detail.requestParameters.ModifySecurityGroupRulesRequest.SecurityGroupRule";
    let wrapped = request.get("ModifySecurityGroupRulesRequest");
    let request = if wrapped.exists() { wrapped } else { request };
    let Some(group) = request.get("GroupId").text() else { return Ok(Lead::Unknown) };
    let group = GroupRef::Id(id(
        group,
        "detail.requestParameters.ModifySecurityGroupRulesRequest.GroupId",
        "sg-",
    )?);
    let mut rules = Vec::new();
    let edits = request.get("SecurityGroupRule").list();
    let edits = if edits.is_empty() { request.get("SecurityGroupRules").list() } else { edits };
    for edit in edits {
        let Some(rule) = edit.get("SecurityGroupRuleId").text() else {
            let touched = Touched::Unknown("an edited rule has no id".to_owned());
            return Ok(Lead::Group(GroupLead { group, touched }));
        };
        let after = edit.get("SecurityGroupRule");
        rules.push(RuleLead { id: Some(id(rule, RULE, "sgr-")?), shape: told(after), edit: true });
    }
    let touched = if rules.is_empty() {
        Touched::Unknown("the record does not name the edited rules".to_owned())
    } else {
        Touched::Rules(rules)
    };
    Ok(Lead::Group(GroupLead { group, touched }))
}

/// A rule as the record tells it, in a response or an edit, if it tells all of it.
pub(super) fn told(after: Json<'_>) -> Option<RuleShape> {
    let members = ["CidrIpv4", "CidrIpv6"];
    let cidr = members.into_iter().find_map(|member| after.get(member).text());
    let source = match cidr {
        Some(text) => Source::cidr(&text)?,
        None => match after.get("PrefixListId").text() {
            Some(list) => Source::PrefixList(list),
            None => {
                let group = after.get("ReferencedGroupId").text();
                let nested = || after.get("referencedGroupInfo").get("groupId").text();
                Source::Group(group.or_else(nested)?)
            }
        },
    };
    shape(after, source).ok()
}
