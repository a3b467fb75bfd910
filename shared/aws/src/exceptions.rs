//! What is suppressed: the policies of the stack, read once at start.

use std::path::Path;
use std::sync::LazyLock;
use std::thread;

use portcullis_engine::exceptions::{Answer, Exception, ExceptionQuery, Exceptions};
use portcullis_exceptions::{Policies, Unreadable};

/// The policies of a directory. If they cannot be read, or are not in order, nothing is suppressed and nothing done:
/// the functions go on, and only tell.
///
/// They are read on a thread of their own, which takes some milliseconds: nobody waits for them before the first
/// question, and most events have none.
pub fn read(dir: Option<String>) -> Box<dyn Exceptions> {
    let reading = thread::Builder::new().spawn(move || now(dir.as_deref()));
    match reading {
        Ok(reading) => Box::new(Reading(LazyLock::new(Box::new(move || {
            reading.join().unwrap_or_else(|_| unreadable("reading them panicked"))
        })))),
        Err(error) => unreadable(&format!("no thread to read them: {error}")),
    }
}

type Wait = Box<dyn FnOnce() -> Box<dyn Exceptions> + Send>;

/// What is being read.
struct Reading(LazyLock<Box<dyn Exceptions>, Wait>);

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}

impl Exceptions for Reading {
    fn ask(&self, asked: &ExceptionQuery<'_>) -> Answer {
        self.0.ask(asked)
    }

    fn ended(&self, asked: &ExceptionQuery<'_>) -> Option<Exception> {
        self.0.ended(asked)
    }
}

fn now(dir: Option<&str>) -> Box<dyn Exceptions> {
    match dir.map(|dir| Policies::read(Path::new(dir))) {
        Some(Ok(policies)) => Box::new(policies),
        Some(Err(problems)) => unreadable(&problems.to_string()),
        None => unreadable("PORTCULLIS_EXCEPTIONS_DIR is not set"),
    }
}

fn unreadable(why: &str) -> Box<dyn Exceptions> {
    tracing::error!("the exceptions cannot be read, so findings are only reported: {why}");
    Box::new(Unreadable::new(why))
}

#[cfg(test)]
mod tests {
    use portcullis_engine::exceptions::OnRule;
    use portcullis_engine::facts::GroupFacts;
    use portcullis_engine::finding::Check;
    use portcullis_engine::net::Count;

    use super::*;
    use crate::scripted::{EXCEPTIONS, event};

    /// Whether one public address may come in.
    fn asked(dir: Option<&str>) -> Answer {
        let rule = portcullis_testkit::rule("sgr-1", "tcp 22", "52.94.76.1/32");
        let one = Count { v4: 1, v6: 0 };
        let group = GroupFacts::default();
        let on = OnRule { group: &group, rule: &rule, own: one, union: one };
        let event = event("sg-1", &[]);
        let check = Check::OpenIngress;
        let asked = ExceptionQuery { check, event: &event, now: None, cache: None, on: Some(on) };
        read(dir.map(str::to_owned)).ask(&asked)
    }

    #[test]
    fn the_policies_of_the_directory_answer() {
        assert!(matches!(asked(Some(EXCEPTIONS)), Answer::Suppressed(_)));
    }

    #[test]
    fn what_cannot_be_read_tolerates_nothing_and_says_why() {
        for (dir, why) in [(Some("/no/such/directory"), "/no/such"), (None, "is not set")] {
            let Answer::Unreadable(text) = asked(dir) else { panic!("{dir:?}") };
            assert!(text.contains(why), "{text}");
        }
    }
}
