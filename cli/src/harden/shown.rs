//! What the script said, for a person.

use portcullis_engine::servers::{HostReport, Outcome, Server};
use portcullis_recreation::text::Role;

use crate::paint::{harmless, paint};

/// Before anything is changed.
pub(super) const QUESTION: &str = "Restart, which empties the cache, with these changes? Type yes:";

/// Each server, and what would change.
pub(super) fn report(told: &HostReport) -> String {
    if told.servers.is_empty() {
        return "No Memcached server runs there.\n".to_owned();
    }
    let mut text: String = told.servers.iter().map(one).collect();
    text.push_str(&manual(told));
    text
}

/// What was done, and what is left for a person.
pub(super) fn result(told: &HostReport) -> String {
    let done = match told.result {
        Outcome::Ok => "Done",
        Outcome::Refused => "Refused, and nothing was changed",
        Outcome::Restored => "Failed, and restored",
        Outcome::Down => "Failed, and the server is DOWN",
    };
    let because = match told.because.as_str() {
        "" | "done" => String::new(),
        because => format!(": {}", harmless(because)),
    };
    let servers: String = told.servers.iter().map(|it| format!("{}\n", line(it))).collect();
    format!("{done}{because}\n{servers}{}", manual(told))
}

fn line(server: &Server) -> String {
    let role = if server.is_exposed() { Role::Warning } else { Role::Plain };
    paint(role, &harmless(&server.to_string()))
}

fn one(server: &Server) -> String {
    let mut text = format!("{}\n", line(server));
    match &server.would {
        Some(would) => {
            text.push_str(&format!("  {} would get:\n", harmless(&server.file)));
            for changed in would.diff.lines() {
                let role = if changed.starts_with('+') { Role::New } else { Role::Faint };
                text.push_str(&format!("    {}\n", paint(role, &harmless(changed))));
            }
        }
        None if !server.because.is_empty() => {
            text.push_str(&format!("  {}\n", harmless(&server.because)));
        }
        None => {}
    }
    text
}

fn manual(told: &HostReport) -> String {
    told.manual.iter().map(|step| format!("By hand: {}\n", harmless(step))).collect()
}
