//! Colours, where the stream shows them.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use aws_sdk_sfn::primitives::{DateTime, DateTimeFormat};
use portcullis_plan::text::Role;

use crate::Color;

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

/// Text that somebody else wrote, with nothing in it that a terminal would act upon.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c } else { '\u{fffd}' }).collect()
}

/// Not a control character, and none that changes the direction of what follows.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A moment as people read it: `2026-11-21 10:00 UTC`.
pub(crate) fn time(seconds: i64) -> String {
    let time = DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(hour)) => format!("{day} {hour} UTC"),
        _ => format!("{seconds} seconds after 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_act_upon_a_terminal() {
        assert_eq!(
            harmless("ünïcode \u{1b}[2J\n\u{202e}x"),
            "ünïcode \u{fffd}[2J\u{fffd}\u{fffd}x"
        );
    }

    #[test]
    fn a_moment_is_shown_to_the_minute() {
        assert_eq!(time(1_795_255_230), "2026-11-21 10:00 UTC");
    }
}
