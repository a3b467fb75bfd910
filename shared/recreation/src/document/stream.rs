//! What people hand over, as one JSON object: the text in its encoding, and documents one after the
//! other, as `cat groups.json clusters.json` makes them.

use serde_json::{Deserializer, Map, Value};

use super::unreadable::Unreadable;

/// What belongs to one cache without naming it: of two documents that differ in it, nobody knows which holds.
const OF_ONE_CACHE: [&str; 6] =
    ["Cache", "TagList", "ConnectPolicies", "EndpointHolders", "Limits", "MadeBy"];

/// The byte order mark, in text.
const MARK: char = '\u{feff}';

/// UTF-8, or UTF-16 with a byte order mark: so Windows PowerShell redirects output.
pub(super) fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        bytes => std::str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.ok_or_else(|| {
        Unreadable::one(
            "not text: neither UTF-8, nor UTF-16 with a byte order mark",
            "give it as the AWS CLI prints it, and not packed; files that are put together need one encoding",
        )
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

/// The only document, or all that follow one another in one.
pub(super) fn whole(text: &str) -> Result<Map<String, Value>, Unreadable> {
    let mut whole = Map::new();
    for document in documents(text)? {
        match document {
            Value::Object(members) => add(&mut whole, members)?,
            Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {
                return Err(Unreadable::one(
                    "not a JSON object with lists such as `CacheClusters`",
                    "give what the AWS CLI prints whole, without --query",
                ));
            }
        }
    }
    Ok(whole)
}

fn documents(text: &str) -> Result<Vec<Value>, Unreadable> {
    let mut documents = Vec::new();
    let mut rest = text;
    loop {
        // Each of the files that were put together may begin with a mark.
        rest = rest.trim_start_matches(|c: char| c == MARK || c.is_ascii_whitespace());
        if rest.is_empty() {
            break;
        }
        let mut stream = Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(document)) => documents.push(document),
            Some(Err(error)) => {
                let read = text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default();
                return Err(no_json(read, rest, &error));
            }
            None => break,
        }
        rest = rest.get(stream.byte_offset()..).unwrap_or_default();
    }
    if documents.is_empty() {
        return Err(Unreadable::one(
            "empty",
            "run the command that was to print it by itself, and see what it says",
        ));
    }
    Ok(documents)
}

/// What is there instead of JSON, or where it is wrong. `read` is the text before.
fn no_json(read: &str, rest: &str, error: &serde_json::Error) -> Unreadable {
    if read.trim_start_matches(MARK).trim().is_empty()
        && let Some(form) = other_form(rest)
    {
        return Unreadable::one(
            format!("{form}, not JSON"),
            "print it again with --output json, and leave error messages out of the file",
        );
    }
    let line = read.matches('\n').count().saturating_add(error.line());
    let before = read.rsplit('\n').next().unwrap_or_default().trim_start_matches(MARK).len();
    let column = match error.line() {
        1 => before.saturating_add(error.column()),
        _ => error.column(),
    };
    if error.is_eof() {
        return Unreadable::one(
            format!("not JSON: it ends early, at line {line}, column {column}"),
            "print it again: it was cut off, or the command that printed it failed",
        );
    }
    Unreadable::one(
        format!("not JSON: line {line}, column {column}"),
        "give what the AWS CLI prints with --output json, one answer after the other, with nothing between them",
    )
}

/// The form of the AWS CLI's output that a text looks like, if it is another than JSON.
fn other_form(text: &str) -> Option<&'static str> {
    let line = text.lines().next().unwrap_or_default().trim_end();
    let begins = |starts: &[&str]| starts.iter().any(|start| line.starts_with(start));
    let item = line.strip_prefix("- ").unwrap_or(line);
    let is_member = item.split_once(':').is_some_and(|(name, value)| {
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        is_name && (value.is_empty() || value.starts_with(' '))
    });
    if begins(&["{", "[", "\""]) {
        None
    } else if begins(&["An error occurred", "aws: ", "usage: aws", "Unable to locate"]) {
        Some("an error message of the AWS CLI")
    } else if begins(&["-----", "+--", "|"]) {
        Some("a table")
    } else if line.contains('\t') {
        Some("text in columns")
    } else if line == "---" || is_member {
        Some("YAML")
    } else {
        None
    }
}

/// Adds a document to what was read before it: lists grow, by what is not in them yet.
fn add(whole: &mut Map<String, Value>, members: Map<String, Value>) -> Result<(), Unreadable> {
    for (name, member) in members.into_iter().filter(|(_, member)| !member.is_null()) {
        let of_one = OF_ONE_CACHE.contains(&name.as_str());
        match (whole.get_mut(&name), member) {
            (Some(known), member) if *known == member => {}
            (Some(_), _) if of_one => {
                return Err(Unreadable::one(
                    format!(
                        "`{name}` is in two of the documents, and differs: nothing says of which cache each is"
                    ),
                    "give the documents of one cache",
                ));
            }
            (Some(Value::Array(known)), Value::Array(items)) => {
                for item in items {
                    if !known.contains(&item) {
                        known.push(item);
                    }
                }
            }
            (Some(_) | None, member) => {
                whole.insert(name, member);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The problem and the remedy.
    fn wrong(bytes: &[u8]) -> String {
        let wrong = text(bytes).and_then(|text| whole(&text)).unwrap_err();
        format!("{}\n{}", wrong.problems.join("\n"), wrong.remedy)
    }

    fn read(bytes: &[u8]) -> Value {
        Value::Object(whole(&text(bytes).unwrap()).unwrap())
    }

    #[test]
    fn a_byte_order_mark_tells_the_encoding() {
        let (document, name) = ("{\"Cache\": \"\u{1f511}\"}", json!({"Cache": "\u{1f511}"}));
        let marked = format!("\u{feff}{document}");
        let le: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [document.as_bytes(), marked.as_bytes(), &le, &be] {
            assert_eq!(read(bytes), name);
            assert_eq!(read(&bytes.repeat(2)), name, "files that were put together");
        }
        let no_text = "not text: neither UTF-8, nor UTF-16 with a byte order mark\n";
        let odd = [le.as_slice(), marked.as_bytes()].concat();
        for bytes in [&[0x1f, 0x8b, 0xff][..], &le[..le.len() - 1], &[0xff, 0xfe, 0x00, 0xd8], &odd]
        {
            if let Ok(text) = text(bytes) {
                assert!(whole(&text).is_err(), "{bytes:?}");
            } else {
                assert!(wrong(bytes).starts_with(no_text), "{bytes:?}");
            }
        }
    }

    #[test]
    fn documents_one_after_the_other_are_one() {
        let groups = json!({"ReplicationGroups": [{"ReplicationGroupId": "g"}], "TagList": null});
        let rules = |id: &str| json!({"SecurityGroupRules": [{"SecurityGroupRuleId": id}]});
        let tags = json!({"TagList": [{"Key": "a", "Value": "b"}]});
        let together = [groups, rules("sgr-1"), tags.clone(), rules("sgr-2"), rules("sgr-1"), tags];
        let whole = json!({
            "ReplicationGroups": [{"ReplicationGroupId": "g"}],
            "SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1"}, {"SecurityGroupRuleId": "sgr-2"}],
            "TagList": [{"Key": "a", "Value": "b"}],
        });
        for between in ["", "\n", "\r\n\n", "\u{feff}"] {
            let text = together.each_ref().map(Value::to_string).join(between);
            assert_eq!(read(text.as_bytes()), whole, "{between:?}");
        }
    }

    #[test]
    fn of_two_that_differ_neither_is_taken() {
        let tags = |value: &str| json!({"TagList": [{"Key": "a", "Value": value}]}).to_string();
        insta::assert_snapshot!(wrong((tags("b") + &tags("c")).as_bytes()), @"
        `TagList` is in two of the documents, and differs: nothing says of which cache each is
        give the documents of one cache
        ");
        let regions = |region: &str| {
            json!({"CacheClusters": [{"ARN": region, "CacheClusterId": "a"}]}).to_string()
        };
        let both = read((regions("eu-west-1") + &regions("eu-north-1")).as_bytes());
        assert_eq!(both["CacheClusters"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn where_it_is_no_json_is_said_by_line_and_column() {
        for (text, at) in [
            ("{\"a\": 1} x", "line 1, column 10"),
            ("\u{feff}{\"a\": 1} x", "line 1, column 10"),
            ("{}\n{\n  \"a\": oops}", "line 3, column 8"),
            ("{} {}\n{\"a\" 1}", "line 2, column 6"),
            ("hello", "line 1, column 1"),
            ("{'a': 1}", "line 1, column 2"),
        ] {
            let said = wrong(text.as_bytes());
            assert!(said.starts_with(&format!("not JSON: {at}\ngive what")), "{text}: {said}");
        }
        let cut = wrong(b"{}\n{\"CacheClusters\": [");
        assert!(
            cut.starts_with("not JSON: it ends early, at line 2, column 19\nprint it again"),
            "{cut}"
        );
        for empty in ["", " \n", "\u{feff}"] {
            assert!(wrong(empty.as_bytes()).starts_with("empty\nrun the command"), "{empty:?}");
        }
        insta::assert_snapshot!(wrong(b"[{\"CacheClusterId\": \"a\"}]"), @"
        not a JSON object with lists such as `CacheClusters`
        give what the AWS CLI prints whole, without --query
        ");
    }

    /// As AWS CLI 2.x prints it with --output yaml, yaml-stream, table and text, and what it says of errors.
    #[test]
    fn other_forms_of_output_are_known() {
        for (text, form) in [
            ("CacheClusters:\n- ARN: arn:aws\n", "YAML"),
            ("CacheClusters: []\n", "YAML"),
            ("- CacheClusters:\n  - ARN: arn:aws\n", "YAML"),
            ("---\nCacheClusters:\n", "YAML"),
            ("-------------------------\n|  DescribeCacheClusters |\n+---+\n", "a table"),
            ("CACHECLUSTERS\tTrue\tarn:aws\tTrue\n", "text in columns"),
            (
                "\nAn error occurred (AccessDenied) when calling\n",
                "an error message of the AWS CLI",
            ),
            ("\naws: [ERROR]: An error occurred\n", "an error message of the AWS CLI"),
            (
                "Unable to locate credentials. You can configure\n",
                "an error message of the AWS CLI",
            ),
        ] {
            let says = format!("{form}, not JSON\nprint it again with --output json,");
            assert!(wrong(text.as_bytes()).starts_with(&says), "{text}");
        }
    }
}
