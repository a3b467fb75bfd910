//! What stands before a policy: `@id`, `@reason`, `@until`.

use std::sync::Arc;

use ::time::{Duration, OffsetDateTime};
use portcullis_engine::exceptions::Exception;
use portcullis_engine::text::hides;
use portcullis_engine::time;

use crate::problem::Problem;

/// The annotations that there are. Another one is refused: a mistyped `@until` must not be for ever.
const KNOWN: [&str; 3] = ["id", "reason", "until"];

/// What a policy says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotations {
    pub(crate) exception: Exception,
    /// From this moment on it does not count.
    pub(crate) until: Option<OffsetDateTime>,
}

/// Where a policy is, for what is wrong with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) source: &'a Arc<str>,
    /// Where the policy begins, and how long it is.
    pub(crate) span: (usize, usize),
}

impl Place<'_> {
    /// A problem of the policy: at its annotation of this name, else at its first line.
    pub(crate) fn problem(self, annotation: &str, message: impl Into<String>) -> Problem {
        let (start, length) = self.span;
        let text = self.source.get(start..start + length).unwrap_or_default();
        let first = (0, text.find('\n').unwrap_or(text.len()));
        let (offset, length) = annotation_in(text, annotation).unwrap_or(first);
        Problem::of(self.file, message).at(self.source, (start + offset, length))
    }
}

/// Where `@name("…")` stands before a policy.
fn annotation_in(text: &str, name: &str) -> Option<(usize, usize)> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let here = line
            .trim_start()
            .strip_prefix('@')
            .and_then(|rest| rest.trim_start().strip_prefix(name));
        if here.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
            return Some((offset + indent, line.trim().len()));
        }
        offset += line.len();
    }
    None
}

/// Reads the annotations of a policy; every problem with them.
pub(crate) fn read<'a>(
    written: impl Iterator<Item = (&'a str, &'a str)>,
    place: Place<'_>,
) -> Result<Annotations, Vec<Problem>> {
    let (mut id, mut reason, mut until) = (None, None, None);
    let mut problems = Vec::new();
    for (name, value) in written {
        match name {
            "id" => id = Some(value),
            "reason" => reason = Some(value),
            "until" => until = Some(value),
            other => {
                let message = format!("`@{other}` is no annotation of an exception");
                let known = KNOWN.map(|name| format!("`@{name}`")).join(", ");
                problems.push(place.problem(other, message).help(format!("they are {known}")));
            }
        }
    }
    if id.is_none_or(|id| !is_id(id)) {
        let message = match id {
            None => "the policy has no `@id`".to_owned(),
            Some(id) => format!("`{id}` is no id"),
        };
        let help = "letters, digits, `-`, `_` and `.`, at most 64, as `@id(\"vendor-api\")`: alerts name it";
        problems.push(place.problem("id", message).help(help));
    }
    if reason.is_none_or(|reason| reason.trim().is_empty()) {
        let help = "give the reason, for the person who reads the alert: `@reason(\"...\")`";
        problems.push(place.problem("reason", "the policy has no `@reason`").help(help));
    }
    if reason.is_some_and(|reason| reason.contains(hides)) {
        let message =
            "the `@reason` has characters that are not shown, or that change the order of others";
        problems
            .push(place.problem("reason", message).help("alerts carry it: one line of plain text"));
    }
    let end = until.map(end);
    if end == Some(None) {
        let message = format!("`{}` is no moment", until.unwrap_or_default());
        let help = "a day, which still counts (`2026-12-31`), or a moment (`2026-12-31T18:00:00Z`)";
        problems.push(place.problem("until", message).help(help));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let exception =
        Exception { id: text(id), reason: text(reason), until: until.map(str::to_owned) };
    Ok(Annotations { exception, until: end.flatten() })
}

/// What mails, file names and searches take as one word.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The moment from which it has ended. A day counts to its end, in UTC.
fn end(text: &str) -> Option<OffsetDateTime> {
    match text.len() {
        10 => time::read(&format!("{text}T00:00:00Z"))?.checked_add(Duration::DAY),
        _ => time::read(text),
    }
}
