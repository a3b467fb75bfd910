//! `portcullis exceptions`: what is suppressed, and whether the policies are in order.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use portcullis_aws::now;
use portcullis_exceptions::{Policies, Tone, draw, report, schema_differs};
use portcullis_recreation::text::Role;

use crate::common::{Common, Exit};
use crate::paint::{self, paint};

/// Check the exceptions, and print in plain words what they suppress
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Check(Check),
}

/// Check policies against the schema: prints every problem with file, line and column, or what the policies suppress
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
struct Check {
    /// The directory with the `*.cedar` files
    #[arg(value_name = "DIR", default_value = "infra/exceptions")]
    dir: PathBuf,
}

const HELP: &str = "\
It does not call AWS and changes nothing. docs/exceptions.md says how to write an exception.

  portcullis exceptions check
  portcullis exceptions check infra/exceptions/strict

Exit status:
  0  all policies are valid
  1  some are not: each problem is printed";

/// Answers: yes if all is in order.
pub(crate) fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let What::Check(Check { dir }) = &arguments.what;
    let (output, ended) = match Policies::read(dir) {
        Ok(policies) => (listed(&policies, dir), Exit::Yes),
        Err(problems) => (draw(&problems), Exit::No),
    };
    paint::write(&output, common.color).context("the answer cannot be written")?;
    Ok(ended)
}

fn listed(policies: &Policies, dir: &Path) -> String {
    let tone = |tone, text: &str| match tone {
        Tone::Heading => paint(Role::Heading, text),
        Tone::Warning => paint(Role::Warning, text),
        Tone::Plain => text.to_owned(),
    };
    let mut text = report(policies, now(), &tone);
    if schema_differs(dir) {
        let differs =
            "portcullis.cedarschema there is not that of this version: editors are misled by it.";
        text += &format!("\n{}\n", paint(Role::Warning, differs));
    }
    text
}
