//! Starts the functions as Lambda does, gives them events, and compares them with a function that
//! does nothing. All in one run, turn by turn, so that a busy machine is busy for all of them.
#![expect(clippy::print_stdout, reason = "a table for people")]

mod account;
mod closing;
mod process;
mod report;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::closing::closed;
use crate::process::Process;
use crate::report::Measured;
use portcullis_testkit::http::Server;

const IGNORED: &str = include_str!("../../../../events/unwatched-api-call.json");
const GROUP: &str = include_str!("../../../../events/authorize-redis-from-private.json");
const CACHE: &str = include_str!("../../../../events/create-serverless-cache.json");

/// Cold starts of each program with each event.
const ROUNDS: usize = 20;

/// Warm events after each cold start: 500 in all.
const WARM: usize = 25;

/// A program, an event in which nothing is at fault, and what its answer to that holds.
struct Program {
    name: &'static str,
    command: String,
    event: &'static str,
    answer: &'static str,
    /// Whether it must keep what is claimed.
    ours: bool,
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: coldstart DIRECTORY_OF_BINARIES [COMMAND_OF_CLOUD_CUSTODIAN]";
    let directory = arguments.next().context(usage)?;
    let program = |name, event, answer, ours| Program {
        name,
        command: format!("{directory}/{name}"),
        event,
        answer,
        ours,
    };
    let mut programs = vec![
        program("empty", GROUP, "ok", false),
        program("ingress", GROUP, "clean security-group", true),
        program("cache", CACHE, "clean serverless-cache", true),
    ];
    programs.retain(|program| Path::new(&program.command).exists()); // `bench/profiles` builds one of them
    if let Some(command) = arguments.next() {
        let (name, answer) = ("Cloud Custodian", "true");
        programs.push(Program { name, command, event: GROUP, answer, ours: false });
    }
    let account = Server::start(account::answer)?;
    let mut measured: Vec<Measured> =
        programs.iter().map(|program| Measured::new(program.name, program.ours)).collect();
    let ingress = format!("{directory}/ingress");
    let (mut well, mut failing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (program, measured) in programs.iter().zip(&mut measured) {
            once(program, account.address, measured)
                .with_context(|| format!("measuring {}", program.name))?;
        }
        if Path::new(&ingress).exists() {
            well.push(closed(&ingress, false).context("closing a rule")?);
            failing.push(closed(&ingress, true).context("closing a rule, with failing reads")?);
        }
    }
    let (table, held) = report::table(&measured);
    let (closing, held_too) = report::closing(&well, &failing);
    println!("{table}\n{closing}");
    Ok(if held && held_too { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Two cold starts of a program: one with an event that it ignores, one with an event that it
/// looks into, and some more of these.
fn once(program: &Program, account: SocketAddr, measured: &mut Measured) -> Result<()> {
    let (process, start) = Process::start(&program.command, account)?;
    measured.start.push(start);
    measured.ignored.push(process.send(IGNORED)?.0);
    drop(process);
    let (process, start) = Process::start(&program.command, account)?;
    measured.start.push(start);
    let (first, _, answer) = process.send(program.event)?;
    ensure!(answer.contains(program.answer), "it answered: {answer}");
    measured.clean.push(first);
    for _ in 0..WARM {
        measured.warm.push(process.send(program.event)?.1);
    }
    measured.peak = measured.peak.max(process.peak()?);
    Ok(())
}
