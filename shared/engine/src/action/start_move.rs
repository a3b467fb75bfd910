//! The start of a move: an execution of the state machine that brings a cache to another port.

/// One execution: what is started, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartMove {
    /// ARN of the state machine.
    pub machine: String,
    /// ARN of the cache.
    pub cache: String,
    /// The move's id, which is the name of the execution.
    pub id: String,
    /// The input of the execution, in JSON.
    pub input: String,
}

impl StartMove {
    /// ARN of the execution (Step Functions API reference, StartExecution).
    pub fn execution(&self) -> String {
        format!("{}:{}", self.machine.replacen(":stateMachine:", ":execution:", 1), self.id)
    }
}
