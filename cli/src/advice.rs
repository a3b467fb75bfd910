//! What goes wrong, for a person: a line that says what was tried, and a line that says what to do.

mod call;
mod credentials;
mod error;
mod place;

use anyhow::Error;
use portcullis_aws::error::Failed;

use error::Advice;

pub(crate) use credentials::none as no_credentials;
pub(crate) use place::Place;

/// The error that something did not work, with what to do.
pub(crate) fn advice(what: impl Into<String>, todo: impl Into<String>) -> Error {
    Error::new(Advice { what: what.into(), todo: todo.into() })
}

/// An error as it is printed.
pub(crate) fn told(error: &Error, place: &Place) -> String {
    match parts(error, place) {
        (what, Some(todo)) => format!("error: {what}\nhelp: {todo}"),
        (what, None) => format!("error: {what}"),
    }
}

/// What was tried, and what to do, as far as anybody said.
pub(crate) fn parts(error: &Error, place: &Place) -> (String, Option<String>) {
    let mut tried = Vec::new();
    for cause in error.chain() {
        let found = cause
            .downcast_ref::<Advice>()
            .map(|own| (own.what.clone(), own.todo.clone()))
            .or_else(|| {
                let Advice { what, todo } = call::advice(cause.downcast_ref::<Failed>()?, place);
                Some((what, todo))
            });
        if let Some((what, todo)) = found {
            tried.push(what);
            return (tried.join(": "), Some(todo));
        }
        tried.push(cause.to_string());
    }
    (tried.join(": "), None)
}

/// A part of an answer that is missed, and that the command can do without.
pub(crate) fn warned(what: &str, failed: Option<&Failed>, place: &Place) -> String {
    match failed.map(|failed| call::advice(failed, place)) {
        Some(Advice { what: why, todo }) => format!("warning: {what}: {why}\nhelp: {todo}"),
        None => format!("warning: {what}"),
    }
}
