//! The log of a function: JSON, a line an event, in which nothing hides that a stranger wrote.

use std::io::{self, Stdout, Write, stdout};

use portcullis_engine::text::harmless_json;
use tracing_subscriber::filter::LevelFilter;

use crate::environment::variable;

/// Logs events as JSON lines, as CloudWatch reads them.
pub fn log_json_lines() {
    // Lambda's own setting of the level.
    let level = variable("AWS_LAMBDA_LOG_LEVEL").and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .with_writer(|| Harmless(stdout()))
        .init();
}

/// Writes JSON of which every write is whole characters, as the subscriber does: one write an event.
struct Harmless<W = Stdout>(W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        self.0.write_all(harmless_json(&String::from_utf8_lossy(json)).as_bytes())?;
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_testkit::{Written, hostile};

    use super::*;

    #[test]
    fn a_line_of_the_log_shows_what_others_wrote_and_means_the_same() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || Harmless(writer.clone()))
            .finish();
        let texts = hostile::texts();
        tracing::subscriber::with_default(subscriber, || {
            for text in &texts {
                tracing::warn!(group = text.as_str(), "{text}");
            }
        });
        let log = written.text();
        hostile::shows_all("the log", &log);
        assert_eq!(log.lines().count(), texts.len());
        for (line, text) in log.lines().zip(&texts) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&line["group"], &line["message"]),
                (&text.as_str().into(), &text.as_str().into())
            );
        }
    }
}
