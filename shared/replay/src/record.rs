//! From an object that was found to the CloudTrail record in it.

use portcullis_engine::event::{Changed, Event, Ignored, Parsed, Requested, parse};
use portcullis_engine::time::seconds;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A record that matters, with its place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `eventTime`, in seconds since 1970.
    pub at: i64,
    /// What comes first within a second: what makes comes before what removes.
    pub rank: u8,
    /// `eventID`, or a hash of a record that has none.
    pub id: String,
    /// The record, as JSON.
    pub json: Vec<u8>,
}

/// What an object turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A record that matters.
    Record(Box<Record>),
    /// A record of another call, or of one that changed nothing.
    Other,
    /// No record of CloudTrail.
    Foreign,
    /// It is no JSON, or a record that matters and that cannot be read: what is wrong with it.
    Damaged(String),
}

/// What happened, as a record tells.
#[derive(Debug, Clone)]
pub enum What {
    /// A watched call, or several things that one call leads to. Of a cache, what the request says.
    Event(Vec<Event>, Box<Requested>),
    /// Another call that changed what is known.
    Change(Box<Changed>),
}

/// What happened where.
#[derive(Debug, Clone)]
pub struct Happened {
    /// `eventID`, as in [`Record`].
    pub id: String,
    /// In seconds since 1970.
    pub at: i64,
    /// The account that owns the resource.
    pub account: String,
    /// The Region.
    pub region: String,
    /// What.
    pub what: What,
}

/// Reads an object.
pub fn found(bytes: &[u8]) -> Found {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            // Where in the record it is says nothing to people.
            let text = error.to_string();
            return Found::Damaged(text.split(" at line ").next().unwrap_or_default().to_owned());
        }
    };
    let Some(mut record) = unwrap(value, 0) else { return Found::Foreign };
    let Some(name) = text(&record, "eventName") else { return Found::Foreign };
    let Some(time) = text(&record, "eventTime") else { return Found::Foreign };
    let at = seconds(&time);
    if at == i64::MIN {
        return Found::Damaged(format!("its eventTime is `{}`", time.escape_default()));
    }
    let id = text(&record, "eventID").unwrap_or_else(|| {
        let digest = Sha256::digest(record.to_string());
        let id =
            digest.iter().take(8).fold("hash-".to_owned(), |id, byte| id + &format!("{byte:02x}"));
        if let Some(members) = record.as_object_mut() {
            members.insert("eventID".to_owned(), json!(id));
        }
        id
    });
    match happened(&record, id.clone(), at) {
        Ok(None) => Found::Other,
        Err(why) => Found::Damaged(why),
        Ok(Some(_)) => {
            let json = record.to_string().into_bytes();
            Found::Record(Box::new(Record { at, rank: rank(&name), id, json }))
        }
    }
}

impl Record {
    /// What it tells.
    pub fn happened(&self) -> Option<Happened> {
        let record = serde_json::from_slice(&self.json).ok()?;
        happened(&record, self.id.clone(), self.at).ok()?
    }
}

/// The order within a second, of which `eventTime` says nothing: what makes comes before what removes.
fn rank(name: &str) -> u8 {
    match name {
        "CreateSecurityGroup" => 0,
        "CreateTags" | "DeleteTags" | "AuthorizeSecurityGroupEgress" => 1,
        name if name.starts_with("Revoke") => 3,
        name if name.starts_with("Delete") => 4,
        _ => 2,
    }
}

fn happened(record: &Value, id: String, at: i64) -> Result<Option<Happened>, String> {
    let place = |name: &str| text(record, name).unwrap_or_default();
    if let Some(changed) = Changed::read(record) {
        let (account, region) = (account(record).unwrap_or_default(), place("awsRegion"));
        return Ok(Some(Happened {
            id,
            at,
            account,
            region,
            what: What::Change(Box::new(changed)),
        }));
    }
    let mut envelope = json!({"detail": record});
    if let (Some(account), Some(members)) = (account(record), envelope.as_object_mut()) {
        members.insert("account".to_owned(), json!(account));
    }
    let events = match parse(&envelope, &[]) {
        Parsed::Event(event) => vec![*event],
        Parsed::Several(events) => events,
        Parsed::Malformed(what) => return Err(what.to_string()),
        Parsed::Ignored(
            Ignored::NotWatched(_)
            | Ignored::NoApiCall(_)
            | Ignored::Failed(_)
            | Ignored::DryRun
            | Ignored::OwnCall(_)
            | Ignored::Replica(_)
            | Ignored::NotJudged(_),
        )
        | Parsed::Revisit(_) => return Ok(None),
    };
    let place = events.first().map(|event| (event.account.clone(), event.region.clone()));
    let (account, region) = place.unwrap_or_default();
    let what = What::Event(events, Box::new(Requested::read(record)));
    Ok(Some(Happened { id, at, account, region, what }))
}

/// The account of the resource, or else that of the caller.
fn account(record: &Value) -> Option<String> {
    let caller = || text(member(record, "userIdentity")?, "accountId");
    text(record, "recipientAccountId").or_else(caller)
}

/// The record in an object: in an envelope of EventBridge, a row of LookupEvents, a log event, or as it is.
fn unwrap(mut value: Value, depth: u8) -> Option<Value> {
    for name in ["CloudTrailEvent", "detail", "message"] {
        let inner = match member(&value, name) {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(inner @ Value::Object(_)) if name == "detail" => Some(inner.clone()),
            _ => None,
        };
        let Some(mut inner) = inner.filter(Value::is_object) else { continue };
        for (outer, own) in
            [("account", "recipientAccountId"), ("region", "awsRegion"), ("time", "eventTime")]
        {
            if let (None, Some(text)) = (member(&inner, own), text(&value, outer))
                && let Some(members) = inner.as_object_mut()
            {
                members.insert(own.to_owned(), json!(text));
            }
        }
        return if depth < 3 { unwrap(inner, depth + 1) } else { None };
    }
    // Athena and some exports have JSON in strings.
    for (name, inner) in value.as_object_mut()?.iter_mut() {
        let is_part = ["requestParameters", "responseElements", "userIdentity"];
        if let Value::String(text) = inner
            && is_part.iter().any(|part| name.eq_ignore_ascii_case(part))
            && let Ok(part @ Value::Object(_)) = serde_json::from_str(text)
        {
            *inner = part;
        }
    }
    Some(value)
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| {
        members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    match member(value, name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
