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
