//! `portcullis replay`: what Portcullis would have done with the history of an account. It reads files, or the event
//! history of CloudTrail, and changes nothing.

mod kept;
mod lookup;
mod objects;
mod progress;
mod s3;
mod today;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use portcullis_aws::now;
use portcullis_engine::case::PolicyContext;
use portcullis_engine::settings::{Mode, Settings};
use portcullis_engine::text::harmless_json;
use portcullis_engine::time::{DAY, seconds};
use portcullis_exceptions::Policies;
use portcullis_recreation::text::Role;
use portcullis_replay::compare::compare;
use portcullis_replay::files::{self, Inputs};
use portcullis_replay::replay::{Facts, Options, Outcome, replay, replay_beside};
use portcullis_replay::shown::Shown;
use portcullis_replay::sorted::Merged;
use portcullis_replay::summary::Summary;
use portcullis_replay::today::Today;
use portcullis_replay::{csv, html, json, text};
use tempfile::NamedTempFile;
use tokio::sync::mpsc::channel;

use crate::account;
use crate::advice::advice;
use crate::common::{Common, Exit, KnownNetworks, tell};
use crate::explain::policies;
use crate::paint::{self, paint};
use kept::{HistoryFile, LONGEST};
use objects::Address;
use progress::Progress;
use s3::Bucket;

/// Tell what Portcullis would have done with the CloudTrail records of an account: nothing is called or changed
///
/// It decides about each watched call as the functions do, in the order of time, and knows of rules, groups and caches
/// what the records tell. What they do not tell is said to be unknown.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// Files, directories and s3://BUCKET/PREFIX with CloudTrail records, packed by gzip or not; - is standard input
    #[arg(value_name = "SOURCE", required_unless_present = "last")]
    sources: Vec<PathBuf>,
    /// The event history of your account and Region, as far back as this: 90d at most. Its calls are asked for two a
    /// second
    #[arg(long, value_name = "TIME", value_parser = last)]
    last: Option<i64>,
    /// With --last: keep what AWS answers in this file, and go on from what is there
    #[arg(long, value_name = "FILE", requires = "last")]
    keep: Option<PathBuf>,
    /// The directory with the `*.cedar` files of the exceptions
    #[arg(long, value_name = "DIR", default_value = "infra/exceptions")]
    exceptions: PathBuf,
    /// Other exceptions, to see what changes with them, finding by finding
    #[arg(long, value_name = "DIR2")]
    compare: Option<PathBuf>,
    /// End with status 1 if the other exceptions close a rule that the first do not (close), or change any finding
    #[arg(long, value_name = "WHAT", requires = "compare")]
    fail_on_change: Option<FailOn>,
    /// Read what the records do not tell as it is today: prefix lists, interfaces, VPCs, tags, and rules from before the
    /// first record
    #[arg(long)]
    live: bool,
    /// As if Portcullis was switched on then: `2026-03-01`, or RFC 3339. Earlier records only tell what was there
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<i64>,
    /// Until then. A day counts whole. Later records only tell what became of it
    #[arg(long, value_name = "TIME", value_parser = end)]
    to: Option<i64>,
    /// The mode of the stack
    #[arg(long, value_name = "MODE", default_value = "enforce")]
    mode: ModeName,
    /// How many seconds it takes from a call until its rule is closed
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    delay: u32,
    #[command(flatten)]
    known: KnownNetworks,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Close,
    Any,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Enforce,
    Observe,
}

const HELP: &str = "\
Examples:

  portcullis replay ./AWSLogs
  portcullis replay ./AWSLogs --from 2026-03-01 --format json
  portcullis replay --last 90d --keep history.jsonl
  portcullis replay s3://BUCKET --from 2026-03-01 --to 2026-03-31
  aws cloudtrail lookup-events --output json | portcullis replay -
  portcullis replay ./AWSLogs --compare my-exceptions --fail-on-change close

docs/replay.md says where to get the records, and what a replay cannot tell.

Exit status:
  0  the report
  1  with --fail-on-change: something changes
  2  the exceptions or the event history could not be read, or no source has a record";

/// Prints the report. No, if something changes that must not.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let mode = match arguments.mode {
        ModeName::Enforce => Mode::Enforce,
        ModeName::Observe => Mode::Observe,
    };
    let known_networks = arguments.known.networks();
    let settings = Settings { known_networks, ..settings(mode, &common.stack)? };
    let dirs = [Some(&arguments.exceptions), arguments.compare.as_ref()];
    let exceptions: Vec<Policies> =
        dirs.into_iter().flatten().map(|dir| policies(dir)).collect::<Result<_>>()?;
    let contexts: Vec<PolicyContext<'_>> = exceptions
        .iter()
        .map(|exceptions| PolicyContext { settings: &settings, exceptions })
        .collect();
    let progress = Progress::new();
    let mut sources = arguments.sources.clone();
    let history = match arguments.last {
        Some(last) => Some(history(last, arguments.keep.as_deref(), common, &progress).await?),
        None => None,
    };
    sources.extend(history.iter().map(|history| history.path().to_owned()));
    let span = (arguments.from.unwrap_or(i64::MIN), arguments.to.unwrap_or(i64::MAX));
    let (records, inputs) = read(&sources, span, common, &progress).await?;
    progress.done();
    let options = Options {
        from: span.0,
        to: span.1,
        delay: i64::from(arguments.delay),
        stack: &common.stack,
    };
    let mut records = records;
    let (mut facts, outcomes) = if arguments.live {
        live(&mut records, &contexts, &options, common, &progress).await?
    } else {
        replay(records.by_ref(), &contexts, &options).context("the records cannot be ordered")?
    };
    progress.done();
    (facts.inputs, facts.duplicates) = (inputs, records.duplicates);
    if facts.inputs.records == 0 {
        return Err(nothing(&facts.inputs));
    }
    let (outcome, other) = (outcomes.first(), outcomes.get(1));
    let outcome = outcome.context("there is no outcome")?;
    let changes = other.map(|other| compare(outcome, other)).unwrap_or_default();
    let fails = match arguments.fail_on_change {
        Some(FailOn::Close) => changes.iter().any(portcullis_replay::compare::Change::closes),
        Some(FailOn::Any) => !changes.is_empty(),
        None => false,
    };
    let shown = Shown {
        mode: mode.as_str(),
        delay: options.delay,
        exceptions: arguments.exceptions.display().to_string(),
        is_live: arguments.live,
        summary: Summary::new(&facts, outcome),
        facts: &facts,
        outcome,
        compared: arguments.compare.as_ref().map(|dir| (dir.display().to_string(), changes)),
    };
    let written = match arguments.format {
        Format::Table => text::text(&shown, &|heading| paint(Role::Heading, heading)),
        Format::Json => harmless_json(&json::text(&shown)),
        Format::Csv => csv::csv(&shown),
        Format::Html => html::page(&shown),
    };
    paint::write(&written, common.color).context("the report cannot be written")?;
    Ok(if fails { Exit::No } else { Exit::Yes })
}

/// Reads files and objects side by side, in threads of their own, while the objects are opened here.
async fn read(
    sources: &[PathBuf],
    span: (i64, i64),
    common: &Common,
    progress: &Progress,
) -> Result<(Merged, Inputs)> {
    let address = |source: &PathBuf| source.to_str().and_then(Address::parse);
    let (addresses, paths): (Vec<_>, Vec<_>) =
        sources.iter().cloned().partition(|source| address(source).is_some());
    let addresses: Vec<Address> =
        addresses.iter().filter_map(address).map(objects::checked).collect::<Result<_>>()?;
    let (files, inputs) = files::listed(&paths);
    let said = progress.clone();
    let (of, has_objects) = (files.len(), !addresses.is_empty());
    let (opened, objects) = channel(1);
    let objects = Mutex::new(objects);
    let reading = tokio::task::spawn_blocking(move || {
        let (files, at) = (files, AtomicUsize::new(0));
        let next = || match files.get(at.fetch_add(1, Ordering::Relaxed)) {
            Some(path) => Some(files::open(path)),
            None => objects.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv(),
        };
        let at_once = if has_objects { usize::MAX } else { files.len() };
        files::read_each(&next, at_once, inputs, &|inputs| {
            let Inputs { files: done, records, bytes, .. } = inputs;
            let mega = bytes / 1_000_000;
            let of = if has_objects { String::new() } else { format!(" of {of}") };
            said.say(&format!("{done}{of} files, {records} records, {mega} MB"));
        })
    });
    let mut passed_over = 0;
    if has_objects {
        let config = account::config(common, None).await?;
        for address in &addresses {
            let bucket = Bucket::new(config.clone(), &address.bucket)?;
            passed_over += objects::send(&bucket, address, span, &opened).await?;
        }
    }
    drop(opened);
    let read = reading.await.context("a reader has died")?;
    let (records, mut inputs) = read.context("the records cannot be ordered")?;
    inputs.passed_over += passed_over;
    Ok((records, inputs))
}

/// Decides beside the account as it is today. The calls are made in the thread that waits for them.
async fn live(
    records: &mut Merged,
    contexts: &[PolicyContext<'_>],
    options: &Options<'_>,
    common: &Common,
    progress: &Progress,
) -> Result<(Facts, Vec<Outcome>)> {
    let config = account::config(common, None).await?;
    let id = account::number(&config).await?;
    let ledger = account::ledger(&config, common);
    let named = std::mem::take(&mut records.named);
    let decided = std::thread::scope(|scope| {
        let decide = || {
            let reading = today::reading(config, id, ledger, progress.clone())?;
            let today = Today::new(reading, named);
            replay_beside(records.by_ref(), contexts, options, Some(&today))
        };
        scope.spawn(decide).join()
    });
    let decided = decided.map_err(|_| anyhow::anyhow!("the thread that decides has died"))?;
    decided.context("the records cannot be ordered")
}

/// The file with an event history: of the caller, or one that is removed in the end.
enum History {
    Kept(PathBuf),
    Passing(NamedTempFile),
}

impl History {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Passing(file) => file.path(),
        }
    }
}

/// Reads the event history.
async fn history(
    last: i64,
    keep: Option<&Path>,
    common: &Common,
    progress: &Progress,
) -> Result<History> {
    let config = account::config(common, None).await?;
    let id = account::number(&config).await?;
    let history = match keep {
        Some(path) => History::Kept(path.to_owned()),
        None => History::Passing(NamedTempFile::new().context("a temporary file")?),
    };
    let region = account::region(&config);
    let mut kept = HistoryFile::open(history.path(), &id, region, last, now())?;
    let fetched = lookup::fetch(&lookup::client(&config), &mut kept, progress).await;
    progress.done();
    if let Err(error) = fetched {
        let path = match history {
            History::Kept(path) => path,
            History::Passing(file) => file.keep().context("a temporary file")?.1,
        };
        let path = path.display();
        tell(&format!(
            "what was read so far is in {path}: with --keep {path} it goes on from there"
        ));
        return Err(error);
    }
    Ok(history)
}

fn nothing(inputs: &Inputs) -> anyhow::Error {
    let first = inputs.problems.first().map(|first| format!(": {}: {first}", first.name));
    advice(
        format!("no source has a CloudTrail record{}", first.unwrap_or_default()),
        "give the files of a trail, or --last 90d for the event history of your account and Region",
    )
}

fn settings(mode: Mode, stack: &str) -> Result<Settings> {
    let settings = Settings::read(|name| match name {
        // Nothing is sent anywhere.
        "PORTCULLIS_ALERT_TOPIC_ARN" => Some("arn:aws:sns:eu-west-1:111122223333:none".to_owned()),
        "PORTCULLIS_LEDGER_TABLE" => Some("none".to_owned()),
        "PORTCULLIS_STACK" => Some(stack.to_owned()),
        "PORTCULLIS_MODE" => Some(mode.as_str().to_owned()),
        _ => None,
    });
    settings.context("the settings of a replay")
}

fn last(text: &str) -> Result<i64, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "give a number with a unit, such as 12h or 90d".to_owned())?;
    match i64::try_from(duration.as_secs()) {
        Ok(seconds) if (1..=LONGEST).contains(&seconds) => Ok(seconds),
        _ => Err(
            "at most 90 days (90d), for AWS keeps no more: for longer, read the files of a trail"
                .to_owned(),
        ),
    }
}

fn moment(text: &str) -> Result<i64, String> {
    let is_day = text.len() == "2026-11-21".len();
    let whole = if is_day { format!("{text}T00:00:00Z") } else { text.to_owned() };
    match seconds(&whole) {
        i64::MIN => Err("give a day as 2026-11-21, or a time as 2026-11-21T10:00:00Z".to_owned()),
        at => Ok(at),
    }
}

fn end(text: &str) -> Result<i64, String> {
    let is_day = text.len() == "2026-11-21".len();
    moment(text).map(|at| if is_day { at + DAY - 1 } else { at })
}
