//! Reports that are written, and reports that were kept.

use std::fs;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use portcullis_audit::{Document, SCHEMA, csv, html, ocsf, table};
use portcullis_engine::severity::Severity;

use super::arguments::{Arguments, Format};
use crate::advice::advice;
use crate::common::Common;
use crate::paint;

/// Columns, where no terminal says how many.
const COLUMNS: usize = 80;

/// The widest that reads well.
const WIDEST: usize = 120;

/// The report in the form that was asked for.
pub(super) fn write(document: &Document, arguments: &Arguments, common: &Common) -> Result<()> {
    let text = match arguments.format {
        Format::Table => {
            let width = columns().min(WIDEST);
            let mut text = table(document, width, &|severity, text| painted(severity, text));
            if arguments.from.is_empty() {
                text.push_str(&next(arguments.save.as_deref()));
            }
            text
        }
        Format::Json => json(document)?,
        Format::Csv => csv(document),
        Format::Html => html(document),
        Format::Ocsf => ocsf(document),
    };
    match &arguments.output {
        Some(path) => save(path, &anstream::adapter::strip_str(&text).to_string()),
        None => paint::write(&text, common.color).context("the report cannot be written"),
    }
}

/// What a person does next.
fn next(saved: Option<&Path>) -> String {
    match saved {
        Some(path) => format!(
            "Next: portcullis audit --from {} --format html --output audit.html\n",
            path.display()
        ),
        None => {
            "Next: portcullis audit --format html --output audit.html, with evidence, commands and exceptions\n"
                .to_owned()
        }
    }
}

/// The report as JSON.
pub(super) fn json(document: &Document) -> Result<String> {
    Ok(paint::json(&serde_json::to_value(document).context("writing the report as JSON")?))
}

/// Writes a file.
pub(super) fn save(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| {
        advice(
            format!("{} cannot be written: {error}", path.display()),
            "give another file, or a directory that is there",
        )
    })
}

/// Reports that were kept, as one.
pub(super) fn read(paths: &[PathBuf]) -> Result<Document> {
    let all = paths.iter().map(|path| one(path)).collect::<Result<Vec<_>>>()?;
    Document::merged(all).context("no report was given")
}

fn one(path: &Path) -> Result<Document> {
    let name = path.display();
    let help = "give a report that was kept by --save or --format json";
    let bytes =
        fs::read(path).map_err(|error| advice(format!("{name} cannot be read: {error}"), help))?;
    let read: Result<Document, _> = serde_json::from_slice(&bytes);
    match read {
        Ok(document) if document.schema == SCHEMA => Ok(document),
        Ok(document) => {
            let schema = document.schema.escape_default();
            Err(advice(format!("{name} is of the form `{schema}`, not {SCHEMA}"), help))
        }
        Err(error) => Err(advice(format!("{name} is no report of an audit: {error}"), help)),
    }
}

fn columns() -> usize {
    let width = terminal_size::terminal_size_of(std::io::stdout());
    let columns = width.map(|(width, _)| usize::from(width.0));
    columns.filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

fn painted(severity: Severity, text: &str) -> String {
    let style = match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => Style::new(),
    };
    format!("{style}{text}{style:#}")
}
