//! What every mail has: its first lines, what it is known by, and a document beside it.

use portcullis_engine::settings::stack_option;
use serde_json::{Map, Value, json};

use super::words::{name, quoted, sentence, subject, word};
use crate::plan::{Plan, Subject};
use crate::text::layout::Page;
use crate::text::{Role, plain};

/// The name of the schema of [`Mail::document`], described by `docs/move.schema.json`.
pub const SCHEMA: &str = "portcullis.move.v1";

/// SNS takes 256 KiB with everything around the text; a body ends here.
const MOST: usize = 200 * 1024;

/// Longest text in a document, and most texts in a list of it.
const MOST_TEXT: usize = 1000;
pub(super) const MOST_ITEMS: usize = 60;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// ASCII, one line, below 100 characters.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// The same for machines, `portcullis.move.v1`.
    pub document: Value,
}

/// What every mail of a move names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The id of the move.
    pub recreation_id: &'a str,
    /// The name of the stack, which the commands need where it is not `portcullis`.
    pub stack: &'a str,
    /// The account.
    pub account: &'a str,
    /// The Region.
    pub region: &'a str,
    /// Who asked for the move: a caller's ARN, or `Portcullis`.
    pub asked_by: &'a str,
    /// Why.
    pub why: &'a str,
    /// The execution of the workflow.
    pub execution_arn: &'a str,
}

impl Context<'_> {
    /// `portcullis approve ID`, for this stack.
    pub(super) fn command(&self, verb: &str, options: &str) -> String {
        format!("portcullis {verb} {}{options}{}", word(self.recreation_id), self.stack_option())
    }

    /// ` --stack guard`, where the stack has another name than the commands expect.
    pub(super) fn stack_option(&self) -> String {
        match self.stack {
            "" => String::new(),
            stack => stack_option(&word(stack)),
        }
    }

    /// ` --region eu-west-1`
    pub(super) fn region_option(&self) -> String {
        if self.region.is_empty() {
            String::new()
        } else {
            format!(" --region {}", word(self.region))
        }
    }
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ask,
    Refused,
    HandedOver,
    AskDeletion,
    RuleRecord,
    Deleted,
    Gone,
    Rejected,
    NobodyAnswered,
    Changed,
    Failed,
    StillUsed,
    UsedAgain,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Refused => "refused",
            Self::HandedOver => "handed-over",
            Self::AskDeletion => "ask-deletion",
            Self::RuleRecord => "kept",
            Self::Deleted => "deleted",
            Self::Gone => "gone",
            Self::Rejected => "rejected",
            Self::NobodyAnswered => "nobody-answered",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::StillUsed => "still-used",
            Self::UsedAgain => "used-again",
        }
    }
}

/// A mail that is being written.
pub(super) struct Draft<'a> {
    pub(super) ctx: &'a Context<'a>,
    pub(super) subject: String,
    pub(super) page: Page<'static>,
    pub(super) document: Map<String, Value>,
    /// The link to the page: the only one that a mail reader may make a link of.
    pub(super) link: Option<String>,
    /// The command that shows what a body that is too long leaves out.
    pub(super) whole: String,
}

impl<'a> Draft<'a> {
    /// `what` became of it in a few words, as `orders: moved to port 17321`.
    pub(super) fn new(
        kind: Kind,
        ctx: &'a Context<'a>,
        cache: &Subject,
        plan: Option<&Plan>,
        what: &str,
    ) -> Self {
        let line = format!("[MOVE] {}: {what} ({} {})", cache.id, ctx.account, ctx.region);
        let mut document = Map::new();
        let new = plan.map(|plan| json!({"id": plan.create.id, "port": plan.create.port}));
        for (member, value) in [
            ("schema", json!(SCHEMA)),
            ("kind", json!(kind.as_str())),
            ("move", json!(ctx.recreation_id)),
            ("stack", json!(ctx.stack)),
            ("account", json!(ctx.account)),
            ("region", json!(ctx.region)),
            (
                "cache",
                json!({"id": cache.id, "arn": cache.arn, "port": (cache.port != 0).then_some(cache.port)}),
            ),
            ("newCache", new.unwrap_or(Value::Null)),
            ("plan", json!(plan.map(|plan| plan.fingerprint.as_str()))),
            ("askedBy", json!(bounded(ctx.asked_by))),
            ("why", json!(bounded(ctx.why))),
            ("execution", json!(ctx.execution_arn)),
        ] {
            document.insert(member.to_owned(), value);
        }
        let whole = format!("portcullis plan {}{}", word(&cache.id), ctx.stack_option());
        Self { ctx, subject: subject(&line), page: Page::new(&plain), document, link: None, whole }
    }

    /// One of the first three lines, or a sentence below.
    pub(super) fn say(&mut self, text: &str) {
        self.page.paragraph(Role::Plain, "", &sentence(text));
    }

    /// A line in which there are words of others. It is not broken, so that none of them begins a line.
    pub(super) fn others(&mut self, text: &str) {
        self.page.line(Role::Plain, &sentence(text));
    }

    pub(super) fn item(&mut self, text: &str) {
        self.page.paragraph(Role::Plain, "- ", &sentence(text));
    }

    pub(super) fn items(&mut self, title: &str, items: &[String]) {
        if !items.is_empty() {
            self.page.section(title);
            items.iter().for_each(|item| self.item(item));
        }
    }

    pub(super) fn command(&mut self, command: &str) {
        self.page.exact(command);
    }

    /// More for machines.
    pub(super) fn tell(&mut self, member: &str, value: Value) {
        self.document.insert(member.to_owned(), value);
    }

    /// Who asked for the move, and why: the second line of most mails.
    pub(super) fn asked(&mut self) {
        let why = if self.ctx.why.trim().is_empty() {
            String::new()
        } else {
            format!(": {}", quoted(self.ctx.why))
        };
        let line = format!("Requested by {}{why}.", name(self.ctx.asked_by));
        self.others(&line);
    }

    /// The mail, with what it is known by at the end.
    pub(super) fn done(mut self) -> Mail {
        self.page.gap();
        let ctx = self.ctx;
        self.page.line(Role::Faint, &format!("Move:      {}", sentence(ctx.recreation_id)));
        if let Some(plan) = self.document.get("plan").and_then(Value::as_str) {
            let line = format!("Plan:      {plan}");
            self.page.line(Role::Faint, &line);
        }
        self.page.line(
            Role::Faint,
            &format!(
                "Account:   {} {}, stack {}",
                sentence(ctx.account),
                sentence(ctx.region),
                sentence(ctx.stack)
            ),
        );
        self.page.line(Role::Faint, &format!("Execution: {}", sentence(ctx.execution_arn)));
        Mail {
            subject: self.subject,
            body: cut(only_link(&self.page.text, self.link.as_deref()), &self.whole),
            document: Value::Object(self.document),
        }
    }
}

/// The text with no link in it but this one: names of alarms, records and tags are of others.
fn only_link(body: &str, link: Option<&str>) -> String {
    let lines = body.split_inclusive('\n').map(|line| {
        if link.is_some_and(|link| line.trim() == link) {
            line.to_owned()
        } else {
            line.replace("://", "[:]//")
        }
    });
    lines.collect()
}

/// The text as far as it fits, and where the rest is.
fn cut(body: String, whole: &str) -> String {
    if body.len() <= MOST {
        return body;
    }
    let mut kept = String::with_capacity(MOST);
    for line in body.split_inclusive('\n') {
        if kept.len() + line.len() > MOST {
            break;
        }
        kept.push_str(line);
    }
    let left = body.len() - kept.len();
    kept.push_str(&format!(
        "\nThis mail is shortened: {left} bytes are missing. The whole plan:\n\n    {whole}\n"
    ));
    kept
}

/// A text for a document.
pub(super) fn bounded(text: &str) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Texts for a document. Where there are too many, the last says how many more.
pub(super) fn list<'b>(items: impl IntoIterator<Item = &'b String>) -> Value {
    let mut all: Vec<String> = items.into_iter().map(|item| bounded(item)).collect();
    if all.len() > MOST_ITEMS {
        let more = all.len() - MOST_ITEMS;
        all.truncate(MOST_ITEMS);
        all.push(format!("and {more} more"));
    }
    json!(all)
}

/// `orders (Valkey replication group)`
pub(super) fn titled(cache: &Subject) -> String {
    format!("{} ({} {})", cache.id, cache.engine.name(), cache.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_too_long_is_cut_at_a_line_and_says_so() {
        let line = format!("{}\n", "x".repeat(99));
        let body = cut(line.repeat(5000), "portcullis plan orders");
        assert!(body.len() < MOST + 200, "{}", body.len());
        assert!(body.ends_with("\n    portcullis plan orders\n"));
        assert!(body.contains("295200 bytes are missing"), "{}", &body[body.len() - 200..]);
        assert!(body.lines().all(|line| line.len() <= 100));
        assert_eq!(cut(line.clone(), "x"), line);
    }

    #[test]
    fn lists_and_texts_of_a_document_are_bounded() {
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let Value::Array(items) = list(&many) else { panic!() };
        assert_eq!((items.len(), items[60].as_str()), (61, Some("and 40 more")));
        assert_eq!(bounded(&"ä".repeat(2000)).chars().count(), MOST_TEXT + 3);
    }
}
