//! Lenient access to CloudTrail JSON, which writes one list in six ways and numbers in two.
//!
//! Shapes seen in recorded events: a list is absent, `null`, `{}`, `""`, `{"items":[…]}`, `[…]`
//! or one bare object; a scalar is a string, a number or a boolean, whatever the API's type is;
//! the XML-born families (ModifySecurityGroupRules) spell members `GroupId`, the others `groupId`.

use serde_json::Value;

/// A place in a record that may not be there.
#[derive(Clone, Copy)]
pub(super) struct Json<'a>(Option<&'a Value>);

impl<'a> Json<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self(Some(value))
    }

    /// The member of that name, in any case.
    pub(super) fn get(self, name: &str) -> Self {
        let Some(Value::Object(members)) = self.0 else {
            return Self(None);
        };
        Self(members.get(name).or_else(|| {
            members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        }))
    }

    /// Whether something is there: not absent, not `null`.
    pub(super) fn exists(self) -> bool {
        self.0.is_some_and(|value| !value.is_null())
    }

    /// The members of a list in any of its spellings.
    pub(super) fn list(self) -> Vec<Self> {
        match self.0 {
            Some(Value::Array(items)) => items.iter().map(Self::new).collect(),
            Some(Value::Object(members)) if members.is_empty() => Vec::new(),
            Some(Value::Object(members)) => match members.get("items") {
                Some(items) => Self::new(items).list(),
                None => vec![self],
            },
            Some(Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_)) | None => {
                Vec::new()
            }
        }
    }

    /// A scalar as text: a string that is not empty, a number, or a boolean.
    pub(super) fn text(self) -> Option<String> {
        match self.0? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A scalar as a whole number: `Ok(None)` if absent, `Err(text)` if it is something else.
    pub(super) fn number(self) -> Result<Option<i64>, String> {
        match self.text() {
            None => Ok(None),
            Some(text) => match text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(text),
            },
        }
    }

    /// Whether the scalar says yes.
    pub(super) fn is_true(self) -> bool {
        self.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_found_in_any_case() {
        let value = json!({"GroupId": "capital", "groupname": "lower"});
        let record = Json::new(&value);
        assert_eq!(record.get("groupId").text().as_deref(), Some("capital"));
        assert_eq!(record.get("groupName").text().as_deref(), Some("lower"));
        assert_eq!(record.get("GroupId").text().as_deref(), Some("capital"));
    }

    #[test]
    fn the_exact_spelling_wins() {
        let value = json!({"GROUPID": "other", "groupId": "exact"});
        assert_eq!(Json::new(&value).get("groupId").text().as_deref(), Some("exact"));
    }

    #[test]
    fn what_is_not_there_has_no_members_either() {
        for value in [json!(null), json!("text"), json!(1), json!([{"a": {"b": 1}}]), json!({})] {
            let place = Json::new(&value).get("a").get("b");
            assert!(!place.exists(), "{value}");
            assert_eq!(place.text(), None, "{value}");
            assert_eq!(place.number(), Ok(None), "{value}");
            assert!(place.list().is_empty() && !place.is_true(), "{value}");
        }
    }

    #[test]
    fn null_is_not_there() {
        let value = json!({"null": null, "empty": "", "false": false, "zero": 0, "object": {}});
        let record = Json::new(&value);
        assert!(!record.get("null").exists());
        for name in ["empty", "false", "zero", "object"] {
            assert!(record.get(name).exists(), "{name}");
        }
    }

    #[test]
    fn a_list_is_read_in_each_of_its_spellings() {
        for (value, expected) in [
            (json!(null), vec![]),
            (json!({}), vec![]),
            (json!(""), vec![]),
            (json!([]), vec![]),
            (json!({"items": []}), vec![]),
            (json!({"items": null}), vec![]),
            (json!({"items": {}}), vec![]),
            (json!([{"id": "a"}, {"id": "b"}]), vec!["a", "b"]),
            (json!({"items": [{"id": "a"}, {"id": "b"}]}), vec!["a", "b"]),
            (json!({"items": {"id": "a"}}), vec!["a"]),
            (json!({"id": "a"}), vec!["a"]),
        ] {
            let ids: Vec<_> =
                Json::new(&value).list().iter().filter_map(|item| item.get("id").text()).collect();
            assert_eq!(ids, expected, "{value}");
        }
    }

    #[test]
    fn a_scalar_is_text_whatever_its_type() {
        for (value, expected) in [
            (json!("sg-01"), Some("sg-01")),
            (json!(" "), Some(" ")),
            (json!(6379), Some("6379")),
            (json!(0), Some("0")),
            (json!(-1), Some("-1")),
            (json!(true), Some("true")),
            (json!(false), Some("false")),
            (json!(""), None),
            (json!(null), None),
            (json!(["sg-01"]), None),
            (json!({"id": "sg-01"}), None),
        ] {
            assert_eq!(Json::new(&value).text().as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_number_is_read_as_a_number_or_as_text() {
        for (value, expected) in [
            (json!(6379), Ok(Some(6379))),
            (json!("6379"), Ok(Some(6379))),
            (json!(" 6379 "), Ok(Some(6379))),
            (json!(0), Ok(Some(0))),
            (json!("-1"), Ok(Some(-1))),
            (json!(""), Ok(None)),
            (json!(null), Ok(None)),
            (json!({}), Ok(None)),
            (json!("redis"), Err("redis")),
            (json!("6379x"), Err("6379x")),
            (json!(6379.5), Err("6379.5")),
            (json!(true), Err("true")),
            (json!("99999999999999999999"), Err("99999999999999999999")),
        ] {
            assert_eq!(Json::new(&value).number(), expected.map_err(str::to_owned), "{value}");
        }
    }

    #[test]
    fn yes_is_said_as_a_boolean_or_as_text() {
        for value in [json!(true), json!("true"), json!("True")] {
            assert!(Json::new(&value).is_true(), "{value}");
        }
        for value in [json!(false), json!("false"), json!("yes"), json!(1), json!(null), json!([])]
        {
            assert!(!Json::new(&value).is_true(), "{value}");
        }
    }
}
