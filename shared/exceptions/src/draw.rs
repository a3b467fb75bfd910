//! Problems as people read them: each with its line of the file, and a caret.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use portcullis_engine::text::hides;

use crate::problem::{Problem, Problems};

/// Each problem with its place, and how many they are. With the colours of a terminal; nothing that the files have
/// in them acts upon one.
pub fn draw(problems: &Problems) -> String {
    let renderer = Renderer::styled();
    let count = problems.iter().count();
    let mut text: String =
        problems.iter().map(|problem| renderer.render(&[group(problem)]) + "\n\n").collect();
    let noun = if count == 1 { "problem" } else { "problems" };
    let sum = Level::ERROR.no_name().primary_title(format!("{count} {noun}"));
    text += &renderer.render(&[Group::with_title(sum)]);
    shown(&text) + "\n"
}

/// The renderer has shown what it knows to act upon a terminal; what else hides is written out. The ends of lines
/// and the colours are the renderer's own.
fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let own = matches!(c, '\n' | '\u{1b}');
        if hides(c) && !own { safe.extend(c.escape_unicode()) } else { safe.push(c) }
    }
    safe
}

fn group(problem: &Problem) -> Group<'_> {
    let Problem { file, message, help, label, place } = problem;
    let group = match place {
        None => Group::with_title(Level::ERROR.primary_title(format!("{file}: {message}"))),
        Some((source, (offset, length))) => {
            // Where nothing is meant but a place, one character is shown; at the very end there is none.
            let next = source.get(*offset..).and_then(|rest| rest.chars().next());
            let shown = (*length).max(next.map_or(0, char::len_utf8));
            let annotation =
                AnnotationKind::Primary.span(*offset..offset + shown).label(label.as_deref());
            let snippet =
                Snippet::source(source.as_ref()).path(file.as_str()).annotation(annotation);
            Level::ERROR.primary_title(message.as_str()).element(snippet)
        }
    };
    match help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}
