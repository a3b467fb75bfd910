//! What is wrong with a policy, and where.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the directory, as it was named.
    pub file: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What is said at the place, if not only the place is shown.
    pub label: Option<String>,
    /// The text of the file, and the bytes in it that are meant: where they begin, and how many.
    pub place: Option<(Arc<str>, (usize, usize))>,
}

impl Problem {
    /// Of a file as a whole.
    pub(crate) fn of(file: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { file: file.to_owned(), message, help: None, label: None, place: None }
    }

    /// At a place of a file.
    pub(crate) fn at(mut self, source: &Arc<str>, place: (usize, usize)) -> Self {
        self.place = Some((Arc::clone(source), place));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What Cedar says of this file.
    pub(crate) fn cedar(file: &str, source: &Arc<str>, said: &dyn Diagnostic) -> Self {
        let mut problem = Self::of(file, said.to_string());
        problem.help = said.help().map(|help| help.to_string());
        let label = said.labels().and_then(|mut labels| labels.next());
        problem.label = label.as_ref().and_then(LabeledSpan::label).map(str::to_owned);
        match label {
            Some(label) => problem.at(source, (label.offset(), label.len())),
            None => problem,
        }
    }

    /// Line and column, from 1; the column counts characters.
    pub fn position(&self) -> Option<(usize, usize)> {
        let (source, (offset, _)) = self.place.as_ref()?;
        let before = source.get(..*offset)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next()?.chars().count() + 1;
        Some((line, column))
    }
}

/// Everything that is wrong, by file and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| (&a.file, a.position()).cmp(&(&b.file, b.position())));
        problems.dedup();
        Self(problems)
    }

    /// Each of them, at least one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

/// One a line: `default.cedar:3:1: …`
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            let Problem { file, message, label, .. } = problem;
            match problem.position() {
                Some((line, column)) => write!(f, "{file}:{line}:{column}: {message}")?,
                None => write!(f, "{file}: {message}")?,
            }
            if let Some(label) = label {
                write!(f, ": {label}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
