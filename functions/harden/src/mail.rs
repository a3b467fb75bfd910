//! The mails about a server: the question, and how it ended. For machines they are `portcullis.hardening.v1`.

use portcullis_approval::{Answer, Hardening, Record};
use portcullis_engine::arn::Arn;
use portcullis_engine::servers::{HostReport, Outcome};
use portcullis_engine::settings::stack_option;
use portcullis_engine::text::{ascii, counted, plain};
use portcullis_engine::time;
use serde_json::{Value, json};

/// How a request that somebody agreed to ends, as it is recorded.
pub(crate) const STAGES: [&str; 5] = ["hardened", "refused", "restored", "down", "unknown"];
/// Longest text of a person or of a host in a mail.
const TEXT: usize = 300;
const SUBJECT: usize = 99;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) document: Value,
}

/// What a mail is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) record: &'a Record,
    pub(crate) hardening: &'a Hardening,
    /// The name of the stack.
    pub(crate) stack: &'a str,
    pub(crate) answer: Option<&'a Answer>,
}

/// What is known of what was done.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    /// What the script said to `apply`.
    pub(crate) applied: Option<Result<HostReport, String>>,
    /// What it said to the report after that.
    pub(crate) verified: Option<Result<HostReport, String>>,
    /// Why the workflow does not know.
    pub(crate) failed: Option<&'a str>,
}

/// Asks. `link` is the page's, if there is one; `until` is in seconds since 1970.
pub(crate) fn ask(told: &Told<'_>, link: Option<&str>, until: i64) -> Mail {
    let Hardening { instance, file, diff, others, server, listen, .. } = told.hardening;
    let mut lines = vec![
        format!(
            "Memcached on {instance} still listens where the internet could reach it. May it be hardened?"
        ),
        "This restarts the server, which empties its cache.".to_owned(),
        format!("Answer by {}. If nobody answers, nothing is changed.", moment(until)),
        String::new(),
        format!("The server: {}", text(server)),
        format!("It will listen on {}, without UDP.", text(listen)),
        format!("In {}:", path(file)),
    ];
    lines.extend(diff.lines().map(|line| format!("    {}", text(line))));
    if *others > 0 {
        lines.push(format!(
            "Not part of this: {} of the instance that would change, too.",
            counted(*others, "other server")
        ));
    }
    lines.extend([
        String::new(),
        format!("Asked by {}: {}.", text(&told.record.asked_by), text(&told.record.why)),
        "If the file is changed before the answer, nothing is done. A server that does not come back as it should gets its old file back.".to_owned(),
        String::new(),
        "To answer:".to_owned(),
        format!("    {}", told.request("approve")),
        format!("    {} --reason '...'", told.request("reject")),
    ]);
    if let Some(link) = link {
        lines.push(
            "Or on this page. Everybody who has the link can answer, so do not forward it:"
                .to_owned(),
        );
        lines.push(format!("    {link}"));
    }
    told.mail("ask", "harden memcached?", lines, until.into())
}

/// Somebody rejected it.
pub(crate) fn rejected(told: &Told<'_>, by: &str, reason: &str) -> Mail {
    let lines = vec![
        format!("{} rejected the hardening of memcached on {}.", text(by), told.hardening.instance),
        "Nothing was changed, and the same is not asked again.".to_owned(),
        format!("Reason: \"{}\"", text(reason)),
        String::new(),
        "The next open rule exposes the server again. To harden it later:".to_owned(),
        format!("    {}", told.command("")),
    ];
    told.mail("rejected", "rejected, nothing was changed", lines, Value::Null)
}

/// Nobody answered.
pub(crate) fn nobody_answered(told: &Told<'_>) -> Mail {
    let lines = vec![
        format!(
            "Nobody answered whether memcached on {} may be hardened.",
            told.hardening.instance
        ),
        "Nothing was changed.".to_owned(),
        String::new(),
        "The next open rule exposes the server again. To harden it later:".to_owned(),
        format!("    {}", told.command("")),
    ];
    told.mail("nobody-answered", "nobody answered, nothing was changed", lines, Value::Null)
}

/// How it ended, and the stage that is recorded.
pub(crate) fn ended(told: &Told<'_>, ended: &Ended<'_>) -> (Mail, &'static str) {
    let instance = &told.hardening.instance;
    let because = |report: &HostReport| text(&report.because);
    let (stage, what, mut lines) = match (&ended.applied, ended.failed) {
        (Some(Ok(report)), _) if report.result == Outcome::Ok => done(told, ended),
        (Some(Ok(report)), _) => match report.result {
            Outcome::Refused | Outcome::Ok => (
                "refused",
                "refused, nothing was changed",
                vec![
                    format!(
                        "The hardening of memcached on {instance} was refused, and nothing was changed: {}.",
                        because(report)
                    ),
                    "If the server was changed since it was reported, look at it again:".to_owned(),
                    format!("    {}", told.command(" --report")),
                ],
            ),
            Outcome::Restored => (
                "restored",
                "failed, and the old file is back",
                vec![
                    format!(
                        "The hardening of memcached on {instance} failed: {}.",
                        because(report)
                    ),
                    "The server runs with its old file, as before. Its cache is empty.".to_owned(),
                ],
            ),
            Outcome::Down => (
                "down",
                "memcached is DOWN",
                vec![
                    format!("Memcached on {instance} does NOT run: {}.", because(report)),
                    "Start it now, on the instance:".to_owned(),
                ],
            ),
        },
        (Some(Err(why)), _) => unknown(told, why),
        (None, Some(why)) => unknown(told, why),
        (None, None) => unknown(told, "the workflow does not say"),
    };
    if let Some(Ok(report)) = &ended.applied {
        lines.extend(report.manual.iter().map(|step| format!("    {}", text(step))));
        lines.push(String::new());
        lines.extend(
            report
                .servers
                .iter()
                .map(|server| format!("{}: {}", path(&server.file), text(&server.to_string()))),
        );
    }
    if let Some(answer) = told.answer {
        lines.push(format!("Approved by {} at {}.", text(&answer.by), moment(answer.at)));
    }
    (told.mail(stage, what, lines, Value::Null), stage)
}

type Part = (&'static str, &'static str, Vec<String>);

fn done(told: &Told<'_>, ended: &Ended<'_>) -> Part {
    let Hardening { instance, listen, .. } = told.hardening;
    let undo =
        ["To undo it, which restarts the server again:".to_owned(), format!("    {}", told.undo())];
    let (what, said) = match &ended.verified {
        Some(Ok(report)) if told.hardening.is_done(report) => (
            "hardened",
            format!("A second look confirms it: it listens on {}, without UDP.", text(listen)),
        ),
        Some(Ok(_)) => (
            "hardened, and still exposed",
            "A second look does NOT confirm it: the server is still exposed.".to_owned(),
        ),
        Some(Err(why)) => {
            ("hardened", format!("The second look could not be read: {}.", text(why)))
        }
        None => {
            let why = ended.failed.unwrap_or("the workflow does not say");
            ("hardened", format!("There was no second look: {}.", text(why)))
        }
    };
    let mut lines = vec![
        format!("Memcached on {instance} was hardened and restarted; its cache is empty."),
        said,
        String::new(),
    ];
    lines.extend(undo);
    ("hardened", what, lines)
}

fn unknown(told: &Told<'_>, why: &str) -> Part {
    let lines = vec![
        format!(
            "It is unknown whether memcached on {} was hardened: {}.",
            told.hardening.instance,
            text(why)
        ),
        "Look at it:".to_owned(),
        format!("    {}", told.command(" --report")),
        "If it was hardened, this undoes it:".to_owned(),
        format!("    {}", told.undo()),
    ];
    ("unknown", "it is unknown whether it was hardened", lines)
}

impl Told<'_> {
    /// `portcullis harden i-…`, for this stack and its Region.
    fn command(&self, options: &str) -> String {
        format!("portcullis harden {}{options}{}", self.hardening.instance, self.place())
    }

    fn undo(&self) -> String {
        format!("portcullis harden undo {}{}", self.record.id, self.place())
    }

    /// `portcullis approve ID`
    fn request(&self, verb: &str) -> String {
        format!("portcullis {verb} {}{}", self.record.id, self.place())
    }

    fn place(&self) -> String {
        let region = match self.account_and_region().1 {
            "" => String::new(),
            region => format!(" --region {region}"),
        };
        format!("{}{region}", stack_option(self.stack))
    }

    /// By the execution that asks.
    fn account_and_region(&self) -> (&str, &str) {
        let execution = Arn::parse(&self.record.execution).ok();
        execution.map_or(("", ""), |arn| (arn.account, arn.region))
    }

    fn mail(&self, kind: &str, what: &str, lines: Vec<String>, until: Value) -> Mail {
        let Hardening { instance, server, file, sha256, listen, diff, .. } = self.hardening;
        let (account, region) = self.account_and_region();
        let answer = self.answer.map(
            |answer| json!({"yes": answer.yes, "by": plain(&answer.by, TEXT), "at": answer.at}),
        );
        Mail {
            subject: ascii(&format!("[HARDEN] {instance}: {what} ({account} {region})"), SUBJECT),
            body: format!(
                "{}\n\nRequest {}, fingerprint {}.\n",
                lines.join("\n"),
                self.record.id,
                self.record.fingerprint
            ),
            document: json!({
                "schema": "portcullis.hardening.v1", "kind": kind, "request": self.record.id,
                "stack": self.stack, "account": account, "region": region, "instance": instance,
                "fingerprint": self.record.fingerprint, "until": until, "answer": answer,
                "server": {"is": server, "file": file, "sha256": sha256, "listen": listen, "diff": diff},
            }),
        }
    }
}

/// What others wrote, on one line.
fn text(text: &str) -> String {
    plain(text.trim(), TEXT)
}

/// A path as it is, if it is a plain one.
fn path(file: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_.@-".contains(c);
    if file.starts_with('/') && file.chars().all(is_plain) { file.to_owned() } else { text(file) }
}

/// `2026-11-28 13:05 UTC`
fn moment(seconds: i64) -> String {
    let Some(moment) = time::at(seconds) else { return seconds.to_string() };
    let (hour, minute, _) = moment.to_hms();
    format!("{} {hour:02}:{minute:02} UTC", moment.date())
}
