//! A finding in words.

use portcullis_engine::ledger::State;

pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Closed => "closed",
        State::Resolved => "recovered",
        State::Suppressed => "suppressed",
    }
}

pub(super) fn times(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}
