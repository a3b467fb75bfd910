//! Colours, where the stream shows them.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use clap::ValueEnum;
pub(crate) use portcullis_engine::text::harmless;
use portcullis_engine::text::harmless_json;
use portcullis_engine::time::iso;
use portcullis_recreation::text::Role;

/// When to colour the output.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Paints a piece of text. Each line is painted by itself, so that one that is cut off ends clean.
pub(crate) fn paint(role: Role, text: &str) -> String {
    let style = match role {
        Role::Heading => Style::new().effects(Effects::BOLD),
        Role::New => AnsiColor::Green.on_default(),
        Role::Warning => AnsiColor::Yellow.on_default(),
        Role::Command => AnsiColor::Cyan.on_default(),
        Role::Faint => Style::new().effects(Effects::DIMMED),
        Role::Plain => return text.to_owned(),
    };
    format!("{style}{text}{style:#}")
}

/// Writes to standard output. A reader that has seen enough, as `head`, is no error.
pub(crate) fn write(text: &str, color: Color) -> io::Result<()> {
    let choice = match color {
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let mut out = AutoStream::new(io::stdout().lock(), choice);
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// JSON, indented, with nothing in it that a terminal would act upon.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("{}\n", harmless_json(&format!("{value:#}")))
}

/// Writes text in which there may be words of others, with nothing that a terminal would act upon but the ends of
/// lines. Every write is whole characters.
pub(crate) struct Harmless<W>(pub(crate) W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(text).split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            write!(self.0, "{}{end}", harmless(line))?;
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A moment as people read it: `2026-11-21 10:00 UTC`.
pub(crate) fn time(seconds: i64) -> String {
    let time = iso(seconds);
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(hour)) => format!("{day} {hour} UTC"),
        _ => format!("{seconds} seconds after 1970"),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_testkit::hostile;

    use super::*;

    #[test]
    fn errors_and_warnings_keep_their_lines_and_hide_nothing() {
        for text in hostile::texts() {
            let mut written = Vec::new();
            writeln!(Harmless(&mut written), "error: {text}\nsecond line").unwrap();
            let written = String::from_utf8(written).unwrap();
            hostile::shows_all("standard error", &written);
            assert!(written.ends_with("\nsecond line\n"), "{written}");
        }
        let value = serde_json::json!({"reason": hostile::texts()});
        let written = json(&value);
        hostile::shows_all("JSON", &written);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
    }

    #[test]
    fn a_moment_is_shown_to_the_minute() {
        assert_eq!(time(1_795_255_230), "2026-11-21 10:00 UTC");
    }
}
