//! The command line of Portcullis.
//!
//! INVARIANT: `plan`, `moves`, `findings` and `exceptions` only read; `move` starts a workflow, `approve` and `reject`
//! answer it; `undo` puts back one rule that was closed, as it was. No command changes a cache itself.

mod account;
mod advice;
mod answer;
mod exceptions;
mod findings;
mod live;
mod log;
mod moment;
mod moves;
mod paint;
mod plan;
mod short;
mod start;
mod table;
mod undo;

use std::cell::OnceCell;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use advice::Place;

/// Portcullis guards security groups and ElastiCache caches.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// The Region [default: that of the ARN, of AWS_REGION, or of the profile]
    #[arg(long, global = true)]
    region: Option<String>,
    /// The profile of the AWS configuration that has your credentials. Keys in the environment are not
    /// used then [default: those keys, or else the profile of AWS_PROFILE, or else `default`]
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// The name of the Portcullis stack, whose state machine and tables are named after it
    #[arg(
        long,
        global = true,
        env = "PORTCULLIS_STACK",
        default_value = "portcullis",
        value_name = "NAME"
    )]
    stack: String,
    /// When to colour the output; `auto` colours a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Where the calls go, once that is known.
    #[arg(skip)]
    place: OnceCell<Place>,
}

impl Common {
    /// Where the calls go, as far as that is known.
    fn place(&self) -> Place {
        self.place.get().cloned().unwrap_or_default()
    }

    /// ` --stack guard`, for the commands that are proposed, where the stack has another name than usual.
    fn stack_option(&self) -> String {
        portcullis_engine::alert::stack_option(&self.stack)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Arguments),
    Move(start::Arguments),
    Moves(moves::Arguments),
    Approve(answer::Approve),
    Reject(answer::Reject),
    Findings(findings::Arguments),
    Undo(undo::Arguments),
    Exceptions(exceptions::Arguments),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// How a command ended: 0, or 1 where the answer is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start();
    match run(&cli) {
        Ok(Ended::Yes) => ExitCode::SUCCESS,
        Ok(Ended::No) => ExitCode::from(1),
        Err(error) => {
            tell(&advice::told(&error, &cli.common.place()));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting")?;
    let common = &cli.common;
    runtime.block_on(async {
        match &cli.command {
            Command::Plan(arguments) => plan::run(arguments, common).await,
            Command::Move(arguments) => start::run(arguments, common).await,
            Command::Moves(arguments) => moves::run(arguments, common).await,
            Command::Approve(arguments) => answer::approve(arguments, common).await,
            Command::Reject(arguments) => answer::reject(arguments, common).await,
            Command::Findings(arguments) => findings::run(arguments, common).await,
            Command::Undo(arguments) => undo::run(arguments, common).await,
            Command::Exceptions(arguments) => exceptions::run(arguments, common),
        }
    })
}

/// Writes to standard error. It may be closed: then there is nobody to tell.
fn tell(line: &str) {
    let _ = writeln!(paint::Harmless(io::stderr()), "{line}");
}
