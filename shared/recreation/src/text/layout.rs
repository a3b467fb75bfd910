//! Lines of bounded width, with nothing in them that a terminal would act upon.

use portcullis_engine::text::harmless;

use super::paint::{Paint, Role};

/// Columns of a line.
const WIDTH: usize = 100;
/// Columns of an input's name.
const NAME: usize = 27;
/// Columns of an input's value.
const VALUE: usize = 33;

/// A page that is being written.
pub(crate) struct Page<'a> {
    paint: Paint<'a>,
    pub(crate) text: String,
}

impl<'a> Page<'a> {
    pub(crate) fn new(paint: Paint<'a>) -> Self {
        Self { paint, text: String::new() }
    }

    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// One line, however long.
    pub(crate) fn line(&mut self, role: Role, text: &str) {
        let painted = (self.paint)(role, &harmless(text));
        self.text.push_str(&painted);
        self.text.push('\n');
    }

    pub(crate) fn section(&mut self, title: &str) {
        self.gap();
        self.line(Role::Heading, title);
    }

    /// Text broken into lines, the first after `lead`, the others below where it began.
    pub(crate) fn paragraph(&mut self, role: Role, lead: &str, text: &str) {
        let indent = if lead.chars().count() > 12 { 6 } else { lead.chars().count() };
        let mut lead = lead.to_owned();
        for line in wrap(&harmless(text), WIDTH - indent, WIDTH - lead.chars().count()) {
            let painted = (self.paint)(role, &format!("{lead}{line}"));
            self.text.push_str(&painted);
            self.text.push('\n');
            lead = " ".repeat(indent);
        }
    }

    /// A command, unbroken, so that it can be copied.
    pub(crate) fn command(&mut self, command: &str) {
        self.line(Role::Command, &format!("    $ {command}"));
    }

    /// A command for a mail: nothing but it on its line, unbroken.
    pub(crate) fn exact(&mut self, command: &str) {
        self.line(Role::Command, &format!("    {command}"));
    }

    /// Lines that are already laid out.
    pub(crate) fn block(&mut self, text: &str) {
        for line in text.lines() {
            self.line(Role::Plain, &format!("    {line}"));
        }
    }

    /// One input, old beside new.
    pub(crate) fn row(
        &mut self,
        role: Role,
        mark: char,
        name: &str,
        now: &[String],
        then: &[String],
    ) {
        let (now, then) = (cell(now), cell(then));
        for at in 0..now.len().max(then.len()) {
            let of = |cell: &[String]| cell.get(at).cloned().unwrap_or_default();
            let (name, mark) = if at == 0 { (name, mark) } else { ("", ' ') };
            let line = format!("{mark} {name:NAME$} {:VALUE$}  {}", of(&now), of(&then));
            let painted = (self.paint)(role, line.trim_end());
            self.text.push_str(&painted);
            self.text.push('\n');
        }
    }

    /// Why an input changes, below it.
    pub(crate) fn note(&mut self, text: &str) {
        self.line(Role::Faint, &format!("  {:NAME$} ({text})", ""));
    }
}

/// The lines of a cell: each item broken to its width, behind a separator where there is one.
fn cell(items: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items {
        let letters: Vec<char> = harmless(item).chars().collect();
        let mut rest = letters.as_slice();
        loop {
            let (line, more) = rest.split_at(broken_at(rest));
            lines.push(line.iter().collect());
            if more.is_empty() {
                break;
            }
            rest = more;
        }
    }
    lines
}

fn broken_at(letters: &[char]) -> usize {
    if letters.len() <= VALUE {
        return letters.len();
    }
    let separator = |c: &char| matches!(c, ' ' | ':' | '/' | ',' | '=');
    let before = letters.iter().take(VALUE).rposition(separator).map(|at| at + 1);
    before.filter(|at| *at > VALUE / 3).unwrap_or(VALUE)
}

fn wrap(text: &str, width: usize, first: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in unbroken(text) {
        let room = if lines.len() == 1 { first } else { width };
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(_) | None => lines.push(word),
        }
    }
    lines
}

/// The words of a text. A command in backticks is one, so that it can be copied.
fn unbroken(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(command)
                if ["`aws", "`portcullis"].iter().any(|tool| command.starts_with(tool))
                    && command.matches('`').count() == 1 =>
            {
                command.push(' ');
                command.push_str(word);
            }
            Some(_) | None => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_lost_nowhere() {
        let value = "x".repeat(VALUE * 2 + 1);
        assert_eq!(cell(std::slice::from_ref(&value)).concat(), value);
        assert_eq!(cell(&[String::new()]), [""]);
        assert_eq!(wrap("a bb ccc", 4, 4), ["a bb", "ccc"]);
    }

    #[test]
    fn a_command_is_not_broken() {
        let text = "list them: `aws s3 ls`, and `so on`";
        assert_eq!(wrap(text, 12, 12), ["list them:", "`aws s3 ls`,", "and `so on`"]);
    }
}
