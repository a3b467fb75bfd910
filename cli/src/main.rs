//! The command line of Portcullis.

mod paint;
mod plan;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Portcullis guards security groups and ElastiCache caches.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to colour the output; `auto` colours a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Arguments),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Plan(arguments) => plan::run(&arguments, cli.color),
    }
}
