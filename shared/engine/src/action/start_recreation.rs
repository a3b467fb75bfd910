//! The start of a re-creation: an execution of the state machine that re-creates a cache on another port.

use serde::Serialize;

use crate::text::number;

/// How much of a cache's id is in the id of its re-creation: all of it, for no id of ElastiCache is longer.
const LONGEST: usize = 40;

/// One execution: what is started, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRecreation {
    /// ARN of the state machine.
    pub machine: String,
    /// ARN of the cache.
    pub cache: String,
    /// The id of the re-creation, which is the name of the execution.
    pub id: String,
    /// The input of the execution, in JSON.
    pub input: String,
}

impl StartRecreation {
    /// ARN of the execution (Step Functions API reference, StartExecution).
    pub fn execution(&self) -> String {
        format!("{}:{}", self.machine.replacen(":stateMachine:", ":execution:", 1), self.id)
    }
}

/// The input of an execution, whoever starts it. The functions of the workflow read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Input<'a> {
    /// The id of the re-creation.
    pub r#move: &'a str,
    /// ARN of the cache.
    pub cache: &'a str,
    /// The new port; `None` if the plan is to choose one.
    pub port: Option<u16>,
    /// ARN of the secret that holds the AUTH token; `None` if the cache has no token, or the owner named no secret.
    pub auth_token_secret: Option<&'a str>,
    /// Who asked for it.
    pub asked_by: &'a str,
    /// The reason, for the people who are asked for approval.
    pub why: &'a str,
}

impl Input<'_> {
    /// In JSON, always in the same order.
    pub fn text(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The id of a re-creation of this cache, for one reason: safe as the name of an execution (Step
/// Functions API reference, StartExecution).
pub fn recreation_id(cache: &str, reason: &str) -> String {
    let safe = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let cache: String = cache.chars().filter(safe).take(LONGEST).collect();
    format!("{cache}-{:08x}", number(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_name_of_an_execution() {
        assert_eq!(recreation_id("orders", "a"), "orders-e40c292c");
        assert_eq!(recreation_id("orders", "a"), recreation_id("orders", "a"));
        assert_ne!(recreation_id("orders", "a"), recreation_id("orders", "b"));
        assert_eq!(recreation_id(&"x".repeat(50), ""), format!("{}-811c9dc5", "x".repeat(40)));
        assert_eq!(recreation_id("a b/c:d\u{e9}", "a"), "abcd-e40c292c");
    }
}
