//! The payload of a revisit: what its schedule hands to the function. It only names the record in the ledger, which has
//! the event.

use serde_json::{Value, json};

use super::json::Json;

/// The `source` of the payload, and its `detail-type`.
const SOURCE: &str = "portcullis";
const KIND: &str = "Revisit";

/// How long a subject or the id of an event may be: the longest keys of DynamoDB are longer.
const LONGEST: usize = 512;

/// Which revisit a schedule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisitRef {
    /// `sg-…`, `security-group-name/web`, `prefix-list/pl-…` or `replication-group/orders`.
    pub subject: String,
    /// The id of the event.
    pub event: String,
    /// When it is due, ISO 8601. It informs: what is done follows from the record.
    pub due: String,
}

impl RevisitRef {
    /// The payload.
    pub fn payload(&self) -> Value {
        let Self { subject, event, due } = self;
        let detail = json!({ "subject": subject, "event": event, "due": due });
        json!({ "source": SOURCE, "detail-type": KIND, "detail": detail })
    }

    /// Whether it is about a security group, or a prefix list that groups name; else about a cache.
    pub fn is_of_group(&self) -> bool {
        ["sg-", "security-group", "prefix-list/"].iter().any(|of| self.subject.starts_with(of))
    }

    /// Reads a payload of ours, or says where it is wrong and why; `None` if the payload is not of ours.
    pub(super) fn read(payload: &Value) -> Option<Result<Self, (&'static str, String)>> {
        let envelope = Json::new(payload);
        if envelope.get("source").text().as_deref() != Some(SOURCE) {
            return None;
        }
        // An older version handed events to itself. What it left in a queue stays there: it may hold an alert.
        if envelope.get("detail-type").text().as_deref() != Some(KIND) {
            let why = format!("is `{SOURCE}`, which sends nothing that is known here but revisits");
            return Some(Err(("source", why)));
        }
        let word = |name, at| {
            let text = envelope.get("detail").get(name).text();
            let fits = text.filter(|text| text.len() <= LONGEST);
            let why = || format!("is missing, or longer than {LONGEST} bytes");
            fits.ok_or_else(|| (at, why()))
        };
        let read = || {
            Ok(Self {
                subject: word("subject", "detail.subject")?,
                event: word("event", "detail.event")?,
                due: word("due", "detail.due")?,
            })
        };
        Some(read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(subject: &str) -> RevisitRef {
        let text = str::to_owned;
        let (event, due) = (text("e-1"), text("2026-11-29T10:01:00Z"));
        RevisitRef { subject: text(subject), event, due }
    }

    #[test]
    fn what_a_schedule_hands_over_is_read_again() {
        for subject in ["sg-01", "security-group-name/a \"web\" group", "replication-group/orders"]
        {
            let revisit = named(subject);
            assert_eq!(RevisitRef::read(&revisit.payload()), Some(Ok(revisit)));
        }
        let payload = named("sg-01").payload();
        insta::assert_snapshot!(payload, @r#"{"source":"portcullis","detail-type":"Revisit","detail":{"subject":"sg-01","event":"e-1","due":"2026-11-29T10:01:00Z"}}"#);
    }

    #[test]
    fn a_payload_of_ours_that_names_no_revisit_is_malformed() {
        let mut nameless = named("sg-01").payload();
        nameless["detail"]["subject"] = Value::Null;
        let mut long = named("sg-01").payload();
        long["detail"]["event"] = json!("e".repeat(LONGEST + 1));
        let older = json!({ "source": SOURCE, "detail-type": "Alert", "detail": {} });
        for (payload, at) in
            [(nameless, "detail.subject"), (long, "detail.event"), (older, "source")]
        {
            let Some(Err((wrong, _))) = RevisitRef::read(&payload) else { panic!("{payload}") };
            assert_eq!(wrong, at);
        }
        assert_eq!(RevisitRef::read(&json!({ "source": "aws.ec2" })), None);
        assert_eq!(RevisitRef::read(&json!([])), None);
    }

    #[test]
    fn the_subject_says_whose_it_is() {
        assert!(named("sg-01").is_of_group() && named("security-group-name/web").is_of_group());
        assert!(named("prefix-list/pl-01").is_of_group());
        assert!(!named("cache-cluster/sg-01").is_of_group());
    }
}
