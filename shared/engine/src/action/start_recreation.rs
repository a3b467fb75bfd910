//! The start of a move: an execution of the state machine that brings a cache to another port.

use crate::text::number;

/// How much of a cache's id is in the id of its move: all of it, for no id of ElastiCache is longer.
const LONGEST: usize = 40;

/// One execution: what is started, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRecreation {
    /// ARN of the state machine.
    pub machine: String,
    /// ARN of the cache.
    pub cache: String,
    /// The move's id, which is the name of the execution.
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

/// The id of a move of this cache, for one reason to move it: safe as the name of an execution (Step
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
    fn the_id_of_a_move_is_the_name_of_an_execution() {
        assert_eq!(recreation_id("orders", "a"), "orders-e40c292c");
        assert_eq!(recreation_id("orders", "a"), recreation_id("orders", "a"));
        assert_ne!(recreation_id("orders", "a"), recreation_id("orders", "b"));
        assert_eq!(recreation_id(&"x".repeat(50), ""), format!("{}-811c9dc5", "x".repeat(40)));
        assert_eq!(recreation_id("a b/c:d\u{e9}", "a"), "abcd-e40c292c");
    }
}
