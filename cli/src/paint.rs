//! Colours, where the stream shows them.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
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
