//! Whether the bytes of a record can name a call that matters: a search for the member `eventName`, so that most records
//! are never parsed. It may let through too much, and never too little.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use portcullis_engine::event::{CHANGES, EventName};

/// As AWS writes it, and as exports in lower case do: what they have in common.
static MEMBER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("vent"));
static GROUP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("sg-"));

/// Whether a record has to be parsed: it names such a call, or it cannot be told which it names.
pub fn may_matter(record: &[u8]) -> bool {
    let mut is_told = false;
    for at in MEMBER.find_iter(record) {
        let rest = record.get(at + "vent".len()..).unwrap_or_default();
        let Some((name, rest)) = rest.split_at_checked("Name".len()) else { break };
        if !name.eq_ignore_ascii_case(b"name") {
            continue;
        }
        match value(rest) {
            Value::None => {}
            Value::Escaped => return true,
            Value::Text(name) => {
                is_told = true;
                // Anything may be tagged, and much is.
                let of_groups = || !name.ends_with(b"Tags") || GROUP.find(record).is_some();
                if is_watched(name) && of_groups() {
                    return true;
                }
            }
        }
    }
    !is_told
}

fn is_watched(name: &[u8]) -> bool {
    EventName::ALL.iter().any(|watched| watched.as_str().as_bytes() == name)
        || CHANGES.iter().any(|change| change.as_bytes() == name)
}

enum Value<'a> {
    /// It is no member, or its value is no string.
    None,
    /// A string, within which something is escaped.
    Escaped,
    /// A string.
    Text(&'a [u8]),
}

/// The value of a member, whose name ends before these bytes. In a record that is a string itself, quotes are escaped.
fn value(rest: &[u8]) -> Value<'_> {
    let escapes = backslashes(rest);
    let text = (|| {
        let rest = rest.get(escapes..)?.strip_prefix(b"\"")?.trim_ascii_start();
        let rest = rest.strip_prefix(b":")?.trim_ascii_start();
        rest.get(backslashes(rest)..)?.strip_prefix(b"\"")
    })();
    let Some(text) = text else { return Value::None };
    let Some(end) = memchr::memchr2(b'"', b'\\', text) else { return Value::Escaped };
    let (text, tail) = text.split_at_checked(end).unwrap_or_default();
    // It ends with a quote that is escaped as those of its name are.
    let ends = backslashes(tail) == escapes && tail.get(escapes) == Some(&b'"');
    if ends { Value::Text(text) } else { Value::Escaped }
}

fn backslashes(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte != b'\\').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_matter_is_left_out() {
        for record in [
            r#"{"eventName":"AuthorizeSecurityGroupIngress"}"#,
            r#"{"eventname" : "RevokeSecurityGroupIngress"}"#,
            r#"{"EventName": "x", "CloudTrailEvent": "{\"eventName\": \"CreateCacheCluster\"}"}"#,
            r#"{"detail":"{\"d\":\"{\\\"eventName\\\":\\\"CreateCacheCluster\\\"}\"}"}"#,
            r#"{"requestParameters":{"eventName":"x"},"eventName":"DeleteSecurityGroup"}"#,
            r#"{"eventName":"Create\u0043acheCluster"}"#,
            r#"{"eventName":"CreateTags","resourceId":"sg-01"}"#,
            r#"{"EVENTNAME":"x"}"#,
            r#"{"something":"else"}"#,
            r#"{"eventName":null}"#,
        ] {
            assert!(may_matter(record.as_bytes()), "{record}");
        }
        for record in [
            r#"{"eventVersion":"1.08","eventName":"RunInstances"}"#,
            r#"{"eventName":"DescribeSecurityGroups","userAgent":"eventName"}"#,
            r#"{"EventName":"x","CloudTrailEvent":"{\"eventName\":\"y\"}"}"#,
            r#"{"eventName":"CreateTags","resourceId":"i-01"}"#,
        ] {
            assert!(!may_matter(record.as_bytes()), "{record}");
        }
    }
}
