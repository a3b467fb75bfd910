//! The digest for people: three lines that say it all, a table, and how to see the rest.

use std::fmt::Write;

use portcullis_engine::text;

use super::row::{Row, Tally};
use super::whole::Whole;

/// The table's columns: severity, time, resource, and what became of it. 80 with the spaces between them.
const SEVERITY: usize = 8;
const TIME: usize = 8;
const RESOURCE: usize = 20;
const WHAT: usize = 80 - SEVERITY - TIME - RESOURCE - 6;

/// What stands in its own line below, under the resource.
const INDENT: usize = SEVERITY + TIME + 4;

/// How many ids of findings stand in a row.
const IDS: usize = 2;

/// The mail, with the rows that are told.
pub(super) fn body(whole: &Whole<'_>, told: &[Row]) -> String {
    let mut body = totals(whole, text::plain, text::plain).join("\n");
    let _ = write!(
        body,
        "\n\n{:SEVERITY$}  {:TIME$}  {:RESOURCE$}  OUTCOME\n",
        "SEVERITY", "TIME", "RESOURCE"
    );
    for row in told {
        line(&mut body, row);
    }
    let more = whole.rows.len() - told.len();
    if more > 0 {
        let _ = writeln!(body, "... and {more} more, which did not fit into one message.");
    }
    body.push_str(
        "\nList open findings and snoozed rules:\nportcullis findings\nRestore a rule by the id in its row, and \
         snooze it for a day:\nportcullis undo f-... --for 24h --reason '...'\n",
    );
    let _ = writeln!(
        body,
        "\nThis is one message because there were more than AlertsPerMinute alerts in a\nminute. The JSON document \
         has each row with its event and the ids of its findings.",
    );
    body
}

/// Makes text of others harmless, where it is read.
pub(super) type Safe = fn(&str, usize) -> String;

/// The worst, the numbers, and what is left to do: a line each. `name` is for who called.
pub(super) fn totals(whole: &Whole<'_>, safe: Safe, name: Safe) -> Vec<String> {
    let worst = whole.worst;
    let via = worst.via.as_deref().map(|via| format!(" via {}", name(via, 40)));
    let alerts = match whole.rows.len() {
        1 => "1 event".to_owned(),
        many => format!("{many} events"),
    };
    let numbers = match words(&whole.tally, safe, true) {
        none if none.is_empty() => none,
        words => format!(": {words}"),
    };
    let left = match whole.open() {
        0 => "Nothing to do: everything is remediated, or in progress.".to_owned(),
        open => format!(
            "{open} of them are NOT closed and need action: {}.",
            words(&whole.tally, safe, false)
        ),
    };
    vec![
        format!(
            "{}, the worst: {} {}, by {}{}.",
            worst.severity.to_uppercase(),
            safe(&worst.subject.id, 60),
            safe(&worst.what, 100),
            name(&worst.who, 60),
            via.unwrap_or_default()
        ),
        format!("{}, in {alerts}{}.", whole.headline(), numbers),
        left,
    ]
}

/// `critical: 30 done, 2 failed; low: 5 done`, of all or of what is still open.
fn words(tally: &Tally, safe: Safe, all: bool) -> String {
    let of_severity = |severity: &str| {
        let ends = tally.get(severity)?;
        let told: Vec<_> = ends
            .iter()
            .filter(|(end, _)| all || !end.is_dealt_with())
            .map(|(end, count)| format!("{count} {}", safe(end.words(), 20)))
            .collect();
        (!told.is_empty()).then(|| format!("{severity}: {}", told.join(", ")))
    };
    let parts: Vec<String> =
        ["critical", "high", "medium", "low"].into_iter().filter_map(of_severity).collect();
    parts.join("; ")
}

/// A row: two lines or more, none longer than 80 columns but for a word that is.
fn line(body: &mut String, row: &Row) {
    let resource = text::plain(&row.subject.id, 60);
    let time = row.time.split('T').nth(1).and_then(|time| time.get(..TIME)).unwrap_or("");
    let what = text::plain(&row.what, 200);
    let _ = write!(
        body,
        "{:SEVERITY$}  {:TIME$}  {resource:RESOURCE$}",
        row.severity,
        text::plain(time, TIME)
    );
    let fits = resource.chars().count() <= RESOURCE && what.chars().count() <= WHAT;
    if fits {
        body.push_str("  ")
    } else {
        newline(body)
    }
    body.push_str(&wrapped(&what));
    newline(body);
    body.push_str(&wrapped(&format!("{}{}", ids(row), who(row))));
    body.push('\n');
}

/// The ids by which its rules are put back.
fn ids(row: &Row) -> String {
    let ids: Vec<_> = row.findings.iter().take(IDS).map(|told| text::plain(&told.id, 20)).collect();
    let told = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    match (ids.as_slice(), row.count().saturating_sub(told)) {
        ([], _) => String::new(),
        (ids, 0) => format!("{}, ", ids.join(", ")),
        (ids, more) => format!("{} and {more} more, ", ids.join(", ")),
    }
}

fn who(row: &Row) -> String {
    let via = row.via.as_deref().map(|via| format!(" via {}", text::plain(via, 40)));
    format!("by {}{}", text::plain(&row.who, 120), via.unwrap_or_default())
}

fn newline(body: &mut String) {
    let _ = write!(body, "\n{:INDENT$}", "");
}

/// Broken between words, to go on below where it began.
fn wrapped(text: &str) -> String {
    let begin = format!("\n{:INDENT$}", "");
    text::lines(text.split(' '), 80 - INDENT).join(&begin)
}
