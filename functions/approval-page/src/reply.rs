//! What the form of the page sends.

use portcullis_engine::text::hides;

/// The longest name and the longest reason that are kept, in characters.
const NAME: usize = 80;
const REASON: usize = 500;

/// A form, filled in: every field cut, and without characters that hide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reply {
    pub(crate) decision: String,
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) plan: String,
}

impl Reply {
    /// Reads a body; what it does not have stays empty.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut reply = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match name.as_ref() {
                "decision" => reply.decision = clean(&value, NAME),
                "name" => reply.name = clean(&value, NAME),
                "reason" => reply.reason = clean(&value, REASON),
                "plan" => reply.plan = clean(&value, NAME),
                _ => {}
            }
        }
        reply
    }

    /// What is missing for an answer; `None` if nothing is.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match self.decision.as_str() {
            "approve" | "reject" if self.name.is_empty() => Some("Your name is missing."),
            "reject" if self.reason.is_empty() => Some("To reject, give a reason."),
            "approve" | "reject" => None,
            _ => Some("Choose to approve or to reject."),
        }
    }
}

fn clean(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if hides(c) { ' ' } else { c }).collect();
    let spaced = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = spaced.chars().take(most).collect();
    cut.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_cut_and_cleaned() {
        let reply =
            Reply::read("decision=reject&name=%20Ada%0a%e2%80%aeL&reason=no%00w&x=y".as_bytes());
        let name = "Ada L".to_owned();
        let reason = "no w".to_owned();
        assert_eq!(
            reply,
            Reply { decision: "reject".to_owned(), name, reason, plan: String::new() }
        );
        let long = format!("name={}&reason={}", "ä".repeat(200), "b".repeat(2000));
        let reply = Reply::read(long.as_bytes());
        assert_eq!((reply.name.chars().count(), reply.reason.len()), (NAME, REASON));
        assert_eq!(Reply::read(b"\xff%ff=%fe&name=%ff").name, "\u{fffd}");
    }

    #[test]
    fn an_answer_needs_a_name_and_a_rejection_a_reason() {
        let missing = |body: &str| Reply::read(body.as_bytes()).missing();
        assert_eq!(missing("decision=approve&name=Ada"), None);
        assert_eq!(missing("decision=reject&name=Ada&reason=later"), None);
        for body in [
            "",
            "decision=maybe&name=Ada",
            "decision=approve&name=+",
            "decision=reject&name=Ada&reason=%0a",
        ] {
            assert!(missing(body).is_some(), "{body}");
        }
    }
}
