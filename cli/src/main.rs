//! The command line of Portcullis.
//!
//! INVARIANT: `audit`, `plan`, `moves`, `findings`, `exceptions`, `explain` and `replay` only read; `move` starts a workflow, `approve`
//! and `reject` answer it; `undo` puts back one rule that was closed, as it was; `sweep` has the sweep close again; `harden` runs the stack's document on one
//! server. No command changes a cache itself.

mod account;
mod advice;
mod answer;
mod audit;
mod common;
mod exceptions;
mod explain;
mod findings;
mod harden;
mod live;
mod log;
mod moment;
mod moves;
mod paint;
mod plan;
mod replay;
mod short;
mod start;
mod sweep;
mod table;
mod undo;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use common::{Common, Exit, tell};

/// Portcullis guards security groups and ElastiCache caches.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Arguments),
    Plan(plan::Arguments),
    Move(start::Arguments),
    Moves(moves::Arguments),
    Approve(answer::Approve),
    Reject(answer::Reject),
    Findings(findings::Arguments),
    Undo(undo::Arguments),
    Harden(harden::Arguments),
    Exceptions(exceptions::Arguments),
    Explain(explain::Arguments),
    Replay(replay::Arguments),
    Sweep(sweep::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start();
    match run(&cli) {
        Ok(Exit::Yes) => ExitCode::SUCCESS,
        Ok(Exit::No) => ExitCode::from(1),
        Err(error) => {
            tell(&advice::told(&error, &cli.common.place()));
            ExitCode::from(2)
        }
        Ok(Exit::Incomplete) => ExitCode::from(3),
        Ok(Exit::Interrupted) => ExitCode::from(audit::INTERRUPTED),
    }
}

fn run(cli: &Cli) -> Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    let common = &cli.common;
    runtime.block_on(async {
        match &cli.command {
            Command::Audit(arguments) => audit::run(arguments, common).await,
            Command::Plan(arguments) => plan::run(arguments, common).await,
            Command::Move(arguments) => start::run(arguments, common).await,
            Command::Moves(arguments) => moves::run(arguments, common).await,
            Command::Approve(arguments) => answer::approve(arguments, common).await,
            Command::Reject(arguments) => answer::reject(arguments, common).await,
            Command::Findings(arguments) => findings::run(arguments, common).await,
            Command::Undo(arguments) => undo::run(arguments, common).await,
            Command::Harden(arguments) => harden::run(arguments, common).await,
            Command::Exceptions(arguments) => exceptions::run(arguments, common),
            Command::Explain(arguments) => explain::run(arguments, common).await,
            Command::Replay(arguments) => replay::run(arguments, common).await,
            Command::Sweep(arguments) => sweep::run(arguments, common).await,
        }
    })
}
