//! `portcullis approve` and `portcullis reject`: the answer to what a re-creation or a hardening asks.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, Result};
use clap::Args;
use portcullis_approval::{
    About, Answer, Asked, Decided, Hardening, Question, Record, Through, To,
};
use portcullis_aws::now;
use portcullis_engine::text::counted;
use portcullis_recreation::plan;

use crate::advice::advice;
use crate::common::{Common, Exit, tell};
use crate::paint::{harmless, time};
use crate::short::short;
use crate::{account, paint};

/// Approve a re-creation, the deletion of the old cache, or the hardening of a server
///
/// Shows the open request, with a summary of the plan, the use of the old cache or the lines that
/// change, and asks you to confirm. The answer is recorded with your identity. The first answer is final.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT)]
pub(crate) struct Approve {
    /// The request, by its id: `portcullis moves` lists them
    #[arg(value_name = "ID")]
    id: String,
    /// The reason, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Answer without confirmation on the terminal
    #[arg(long)]
    yes: bool,
}

/// Reject a re-creation, the deletion of the old cache, or the hardening of a server
///
/// The old cache is kept, or the server stays as it is.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT)]
pub(crate) struct Reject {
    /// The request, by its id: `portcullis moves` lists them
    #[arg(value_name = "ID")]
    id: String,
    /// The reason, for the people who requested it
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,
    /// Answer without confirmation on the terminal
    #[arg(long)]
    yes: bool,
}

const EXIT: &str = "\
Exit status:
  0  your answer is recorded
  1  it is not: there is no request, somebody answered before, or it expired
  2  the request could not be read or not be answered";

pub(crate) async fn approve(arguments: &Approve, common: &Common) -> Result<Exit> {
    let Approve { id, reason, yes } = arguments;
    let reason = reason.as_deref().unwrap_or_default();
    answer(Given { id, reason, agrees: true, sure: *yes }, common).await
}

pub(crate) async fn reject(arguments: &Reject, common: &Common) -> Result<Exit> {
    let Reject { id, reason, yes } = arguments;
    answer(Given { id, reason, agrees: false, sure: *yes }, common).await
}

/// What was given on the command line.
struct Given<'a> {
    id: &'a str,
    reason: &'a str,
    agrees: bool,
    /// `--yes`
    sure: bool,
}

async fn answer(given: Given<'_>, common: &Common) -> Result<Exit> {
    let config = account::config(common, None).await?;
    let table = account::moves(&config, common);
    let read = table.read(given.id).await;
    let record = read.map_err(|error| account::no_table(error, &config, common))?;
    let Some(record) = record else {
        return Err(advice(
            format!(
                "there is no request `{}` of stack {} in {}",
                given.id.escape_default(),
                common.stack,
                account::region(&config)
            ),
            format!("give the id of one that `portcullis moves{}` lists", common.stack_option()),
        ));
    };
    let (about, question) = match open(&record, now()) {
        Ok(open) => open,
        Err(why) => {
            tell(&why);
            return Ok(Exit::No);
        }
    };
    let shown = show(&record, about, question, given.agrees)?;
    paint::write(&shown, common.color).context("the request cannot be printed")?;
    if !given.sure && !confirmed(about, given.agrees)? {
        tell("Nothing is recorded.");
        return Ok(Exit::No);
    }
    let answer = Answer {
        yes: given.agrees,
        by: account::caller(&config).await?,
        reason: given.reason.to_owned(),
        at: now(),
        through: Through::CommandLine,
    };
    let to = To { id: &record.id, about, plan: &question.plan, until: question.until };
    let sfn = aws_sdk_sfn::Client::new(&config);
    let decided = portcullis_approval::answer(&table, &sfn, to, &answer).await?;
    let (ended, said) = outcome(&decided, about, given.agrees);
    tell(&said);
    Ok(ended)
}

/// The question that is open, the later one first; or why none is.
fn open(record: &Record, now: i64) -> Result<(About, &Question), String> {
    let latest = [About::Hardening, About::Deletion, About::Recreation]
        .into_iter()
        .find_map(|about| Some((about, record.question(about)?)));
    match latest {
        None => Err(format!(
            "No approval is requested: {} is at the step `{}`.",
            record.id,
            harmless(&record.stage)
        )),
        Some((about, question)) => match &question.answer {
            Some(answer) => Err(already(answer, about)),
            None if question.until <= now => Err(too_late(question.until)),
            None => Ok((about, question)),
        },
    }
}

fn already(answer: &Answer, about: About) -> String {
    let what = match about {
        About::Recreation => "whether to re-create the cache",
        About::Deletion => "whether to delete the old cache",
        About::Hardening => "whether to harden the server",
    };
    let reason = match answer.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({})", harmless(reason)),
    };
    format!(
        "Already answered, {what}: {}{reason}, by {} at {}. The first answer is final.",
        if answer.yes { "yes" } else { "no" },
        harmless(&answer.by),
        time(answer.at)
    )
}

fn too_late(until: i64) -> String {
    format!("Too late: the request expired at {}.", time(until))
}

/// What is asked, with what there is to know. Nobody agrees to a plan that is not shown.
fn show(record: &Record, about: About, question: &Question, agrees: bool) -> Result<String> {
    let asked = match about {
        About::Recreation => "Re-create the cache by this plan?",
        About::Deletion => "Delete the old cache?",
        About::Hardening => "Restart the server, which empties its cache, with these changes?",
    };
    let plan = match record.asked(about) {
        Ok(Asked::Recreation(plan)) => short(&plan::Answer::Plan(plan)),
        Ok(Asked::Hardening(hardening)) => changes(&hardening),
        Ok(Asked::Deletion(plan)) => format!(
            "{}: {} on port {}, {}\nIts final snapshot will be {}.\n",
            plan.cache.kind,
            plan.cache.id,
            plan.now.port,
            plan.cache.arn,
            plan.last_snapshot.as_deref().unwrap_or("none: Memcached has no snapshots")
        ),
        Err(error) if agrees => return Err(error),
        Err(error) => format!("{}\n", harmless(&format!("{error:#}"))),
    };
    let note = match question.note.as_str() {
        "" => String::new(),
        note => format!("\n{}\n", harmless(note)),
    };
    Ok(format!(
        "{plan}{note}\n{asked} Requested by {} ({}), until {}.\n",
        harmless(&record.asked_by),
        harmless(&record.why),
        time(question.until)
    ))
}

/// What is done to a server.
fn changes(hardening: &Hardening) -> String {
    let Hardening { instance, server, file, diff, others, .. } = hardening;
    let lines: String = diff.lines().map(|line| format!("    {}\n", harmless(line))).collect();
    let others = match others {
        0 => String::new(),
        others => format!(
            "Not part of this: {} of the instance that would change, too.\n",
            counted(*others, "other server")
        ),
    };
    format!("{instance}: {}\n  {} gets:\n{lines}{others}", harmless(server), harmless(file))
}

/// Asks on the terminal.
fn confirmed(about: About, agrees: bool) -> Result<bool> {
    let what = match (about, agrees) {
        (About::Recreation, true) => "Approve the re-creation",
        (About::Recreation, false) => "Reject the re-creation",
        (About::Deletion, true) => "Approve the deletion of the old cache",
        (About::Deletion, false) => "Keep the old cache",
        (About::Hardening, true) => "Approve the hardening",
        (About::Hardening, false) => "Leave the server as it is",
    };
    sure(&format!("{what}? Type yes:"), "nothing is recorded")
}

/// Asks on the terminal; without one, `nothing` is what was done.
pub(crate) fn sure(question: &str, nothing: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(advice(
            format!("{nothing}: there is no terminal for the confirmation"),
            "add --yes to answer without confirmation",
        ));
    }
    tell(question);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("reading your answer")?;
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}

/// How it ended, in a line.
fn outcome(decided: &Decided, about: About, agrees: bool) -> (Exit, String) {
    match decided {
        Decided::Recorded => {
            let then = match (about, agrees) {
                (About::Recreation, true) => {
                    "The new cache is created now; `portcullis moves` shows the progress."
                }
                (About::Recreation, false) => "The cache stays as it is.",
                (About::Deletion, true) => {
                    "The old cache is deleted, after a last check that nobody uses it."
                }
                (About::Deletion, false) => "The old cache is kept.",
                (About::Hardening, true) => "The server is hardened now; a mail says how it ended.",
                (About::Hardening, false) => "The server stays as it is.",
            };
            (Exit::Yes, format!("Recorded. {then}"))
        }
        Decided::NobodyWaits => (
            Exit::No,
            format!(
                "Recorded, but without effect: the workflow was stopped, or its time is over. {}",
                match about {
                    About::Recreation | About::Deletion =>
                        "Start the re-creation again (`portcullis move`).",
                    About::Hardening => "Harden the server by `portcullis harden`.",
                }
            ),
        ),
        Decided::Already(answer) => (Exit::No, already(answer, about)),
        Decided::NotAsked => (
            Exit::No,
            "Not recorded: another request has replaced this one. Run the command again."
                .to_owned(),
        ),
        Decided::TooLate => (Exit::No, "Not recorded: the time to answer is over.".to_owned()),
    }
}

#[cfg(test)]
mod tests;
