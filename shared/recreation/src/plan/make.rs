//! Making a plan: every reason against it, or all of it.

use super::build::Parts;
use super::port::port;
use super::{Answer, Choices, Refusal, Subject, earlier};
use crate::facts::Facts;
use crate::form::form;
use crate::ingress::{self, Ingress};
use crate::reason::Reason;
use crate::recover::recover;
use crate::replacement;
use crate::request::{Request, Token};
use crate::{constraints, marks, owner, patch, refuse};

/// The plan for these choices, or every reason why this cache cannot be re-created.
pub fn plan(facts: &Facts, choices: &Choices) -> Answer {
    let recovered = recover(facts);
    let now = recovered.request;
    let mut reasons = recovered.reasons;
    let chosen = earlier::port(facts, &now, choices.port).unwrap_or_else(|reason| {
        reasons.push(*reason);
        choices.port
    });
    let port = match port(facts, &now, chosen) {
        Ok(port) => Some(port),
        Err(reason) => {
            // Without the old port, the missing member is the reason already.
            if now.port != 0 {
                reasons.push(*reason);
            }
            None
        }
    };
    if let Some(port) = port {
        reasons.extend(refuse::exists(facts, &replacement::id(&now.id, Some(now.port), port)));
    }
    reasons.extend(refuse::reasons(facts, &now));
    reasons.extend(constraints::reasons(&asked(facts, &now, port), &recovered.unknown));
    reasons.dedup();
    let token = match refuse::token(&now, secret(facts, &now, choices)) {
        Ok(token) => token,
        Err(reason) => {
            reasons.push(*reason);
            Token::Hidden
        }
    };
    let ingress = match ingress::ingress(facts, &now, port.unwrap_or_default()) {
        Ok(ingress) => ingress,
        Err(unread) => {
            reasons.extend(unread);
            Ingress::default()
        }
    };
    let cache = subject(facts, &now);
    match port {
        Some(port) if reasons.is_empty() => {
            let parts = Parts { facts, cache, now, token, ingress, losses: recovered.losses };
            Answer::Plan(Box::new(parts.plan(port)))
        }
        _ => {
            // A template holds the token that Describe hides. What else speaks against a move speaks
            // against a patch too.
            let only = |reason: &Reason| matches!(reason.field.as_str(), "Owner" | "AuthToken");
            let owned = owner::owner(facts).filter(|_| reasons.iter().all(only));
            let patch = owned
                .zip(port)
                .and_then(|(owner, port)| patch::patch(&owner, form(facts), &now, port, &ingress));
            Answer::Refused(Box::new(Refusal { cache, reasons, patch }))
        }
    }
}

/// What AWS will be asked for, as far as it may refuse: with the new id and port, and the markers.
fn asked(facts: &Facts, now: &Request, port: Option<u16>) -> Request {
    let port = port.unwrap_or(now.port);
    let mut tags = now.tags.clone();
    tags.extend(marks::markers(facts, ""));
    Request { id: replacement::id(&now.id, Some(now.port), port), port, tags, ..now.clone() }
}

/// The secret that keeps the AUTH token: the one that a person chose, or that the owner named by a tag.
/// A tag that is left from before a token was removed is none.
fn secret<'a>(facts: &'a Facts, now: &Request, choices: &'a Choices) -> Option<&'a str> {
    let tagged =
        || marks::value(facts.tags.as_deref().unwrap_or_default(), marks::AUTH_TOKEN_SECRET);
    let needed = now.auth_token != Token::None;
    choices.auth_token_secret.as_deref().or_else(|| tagged().filter(|_| needed))
}

fn subject(facts: &Facts, now: &Request) -> Subject {
    Subject {
        id: facts.cache.id().to_owned(),
        arn: facts.cache.arn().unwrap_or_default().to_owned(),
        engine: now.engine.clone(),
        kind: form(facts).as_str(),
        port: now.port,
    }
}
