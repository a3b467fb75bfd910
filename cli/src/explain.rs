//! `portcullis explain`: what Portcullis reads, decides, does and tells for one event, step by step. It drives the same
//! case as the functions, and changes nothing: to each step that would, it answers itself.

mod step;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use portcullis_aws::{Reads, now};
use portcullis_engine::action::{Action, Outcome, Outcomes};
use portcullis_engine::arn::Arn;
use portcullis_engine::case::{Answered, Arranged, Case, Fact, PolicyContext, Read, Step, Written};
use portcullis_engine::document::{Answers, Document};
use portcullis_engine::event::{Event, Parsed, parse};
use portcullis_engine::settings::Settings;
use portcullis_engine::time;
use portcullis_exceptions::{Policies, draw};
use serde_json::Value;

use crate::advice::advice;
use crate::common::{Common, Exit, KnownNetworks};
use crate::{account, paint};
use step::Explained;

/// Explain what Portcullis does about an event, step by step: nothing is changed
///
/// It prints what is read, which check fires on which evidence, which exception suppresses it, and what would be done,
/// reported and recorded. It runs the code of the functions; only the steps that change something are not carried out.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The event as EventBridge delivers it, or a message of the on-failure queue; - is standard input
    #[arg(value_name = "EVENT.json")]
    event: PathBuf,
    /// What the event meets: security groups, interfaces and caches, as the AWS CLI prints them
    /// [default: the file EVENT.facts.json beside the event]
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    facts: Option<PathBuf>,
    /// Read your account and the ledger of the stack instead, with your own credentials
    #[arg(long)]
    live: bool,
    /// The mode of the stack
    #[arg(long, value_name = "MODE", default_value = "enforce")]
    mode: Mode,
    /// The directory with the `*.cedar` files of the exceptions
    #[arg(long, value_name = "DIR", default_value = "infra/exceptions")]
    exceptions: PathBuf,
    #[command(flatten)]
    known: KnownNetworks,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Enforce,
    Observe,
}

const HELP: &str = "\
The files of events/ are examples:

  portcullis explain events/authorize-redis-to-the-world.json
  portcullis explain event.json --facts facts.json --mode observe
  portcullis explain event.json --live --stack guard

With --live it reads what EC2, ElastiCache and the ledger show now, which may differ from what they showed then. \
It never writes: no rule is revoked, no lease is taken, no alert is sent.

Exit status:
  0  the explanation
  2  the event, the facts or the exceptions could not be read";

/// Who is asked.
enum Source {
    File(Box<Answers>),
    Account(Box<Reads>),
}

impl Source {
    async fn read(&self, read: &Read) -> Fact {
        match self {
            Self::File(answers) => answers.answer(read),
            Self::Account(reads) => reads.read(read).await,
        }
    }
}

/// Prints the explanation.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let text = match parse(&event(&arguments.event)?, &[]) {
        Parsed::Ignored(why) => format!("Ignored: {why}\n"),
        Parsed::Malformed(what) => format!("{what}\nThe event ends in the on-failure queue.\n"),
        Parsed::Revisit(revisit) => format!(
            "A revisit of event {}, about {}: the ledger has the event.\n",
            revisit.event, revisit.subject
        ),
        Parsed::Event(event) => explained(&event, arguments, common).await?,
        Parsed::Several(events) => {
            let mut texts = Vec::new();
            for event in &events {
                texts.push(explained(event, arguments, common).await?);
            }
            texts.join("\n")
        }
    };
    paint::write(&text, common.color).context("the explanation cannot be written")?;
    Ok(Exit::Yes)
}

async fn explained(event: &Event, arguments: &Arguments, common: &Common) -> Result<String> {
    let exceptions = policies(&arguments.exceptions)?;
    let settings = Settings {
        known_networks: arguments.known.networks(),
        ..settings(event, arguments.mode, &common.stack)?
    };
    // In a file it is as it was when the event came.
    let (source, now) = if arguments.live {
        let config = account::config(common, None).await?;
        let ledger = account::ledger(&config, common);
        (Source::Account(Box::new(Reads::new(&config, ledger))), now())
    } else {
        (Source::File(Box::new(facts(event, arguments)?)), time::seconds(&event.time))
    };
    let policy = PolicyContext { settings: &settings, exceptions: &exceptions };
    let mut case = Case::new(event.clone(), "explain", policy);
    let mut explained = Explained::of(event);
    loop {
        let step = case.next(now);
        explained.decided(&case);
        match step {
            Step::Read { decide, inform, .. } => {
                explained.begin("Read");
                read(&source, &mut case, &mut explained, &decide, "").await;
                read(&source, &mut case, &mut explained, &inform, "beside: ").await;
                case.answer(Answered::Waited);
            }
            Step::Lease { inform, entries, .. } => {
                explained.lease(&entries);
                read(&source, &mut case, &mut explained, &inform, "beside: ").await;
                case.answer(Answered::Leased { written: Written::All, counted: None });
            }
            Step::Remediate(actions) => {
                explained.remediate(&actions);
                case.answer(Answered::Remediated(done(&actions)));
            }
            Step::Revisit(revisit) => {
                explained.revisit(&revisit);
                case.answer(Answered::Arranged(Arranged::Scheduled));
            }
            Step::Notify(notification) => {
                explained.notify(&notification);
                case.answer(Answered::Notified(Ok(notification.channel)));
            }
            Step::Record(entries) => {
                explained.record(&entries);
                case.answer(Answered::Recorded(Written::All));
            }
            Step::Wait(pause) => {
                explained.wait(pause);
                case.answer(Answered::Waited);
            }
            Step::Done(_) => return Ok(explained.done()),
            Step::Fail(why) => return Ok(explained.failed(&why)),
        }
    }
}

async fn read(
    source: &Source,
    case: &mut Case<'_>,
    explained: &mut Explained,
    reads: &[Read],
    beside: &str,
) {
    for one in reads {
        let fact = source.read(one).await;
        explained.fact(one, &fact, beside);
        case.answer(Answered::Fact(fact));
    }
}

/// As if everything went well.
fn done(actions: &[Action]) -> Outcomes {
    let outcome = |action: &Action| match action.starts() {
        Some(start) => Outcome::Started(start.execution()),
        None => Outcome::Done(None),
    };
    actions.iter().map(|action| (action.id().to_owned(), outcome(action))).collect()
}

/// The settings of the stack, as far as an explanation depends on them.
fn settings(event: &Event, mode: Mode, stack: &str) -> Result<Settings> {
    let name = format!("{stack}-alerts");
    let topic = Arn {
        partition: event.partition(),
        service: "sns",
        region: &event.region,
        account: &event.account,
        resource: &name,
    };
    let settings = Settings::read(|name| match name {
        "PORTCULLIS_ALERT_TOPIC_ARN" => Some(topic.to_string()),
        "PORTCULLIS_LEDGER_TABLE" => Some(format!("{stack}-ledger")),
        "PORTCULLIS_STACK" => Some(stack.to_owned()),
        "PORTCULLIS_MODE" => Some(
            match mode {
                Mode::Enforce => "enforce",
                Mode::Observe => "observe",
            }
            .to_owned(),
        ),
        _ => None,
    });
    settings.map_err(|wrong| {
        let stack = stack.escape_default();
        advice(format!("`{stack}` is no name of a stack: {wrong}"), "give one with --stack NAME")
    })
}

pub(crate) fn policies(dir: &Path) -> Result<Policies> {
    Policies::read(dir).map_err(|problems| {
        let dir = dir.display();
        advice(
            format!("the exceptions in {dir} cannot be read:\n{}", draw(&problems).trim_end()),
            "correct them, or give the directory of the stack's exceptions (--exceptions DIR)",
        )
    })
}

/// The event, or that of a message of the on-failure queue.
fn event(path: &Path) -> Result<Value> {
    let mut event = json(path, "give the event as EventBridge delivers it, one JSON object")?;
    Ok(match event.get_mut("requestPayload") {
        Some(payload) => payload.take(),
        None => event,
    })
}

fn facts(event: &Event, arguments: &Arguments) -> Result<Answers> {
    let beside = arguments.event.with_extension("facts.json");
    let path = match &arguments.facts {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => {
            return Err(advice(
                format!("there is no {}, which would say what the event meets", beside.display()),
                "give a file with the facts (--facts FILE), or read your account (--live)",
            ));
        }
    };
    let help = "write it as events/README.md shows, or read your account (--live)";
    let document: Result<Document, _> = serde_json::from_value(json(path, help)?);
    let wrong = |why: String| advice(format!("{}: {why}", path.display()), help);
    let document = document.map_err(|error| wrong(format!("not as AWS writes it: {error}")))?;
    document.answers(event).map_err(|error| wrong(error.to_string()))
}

fn json(path: &Path, help: &str) -> Result<Value> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if path.as_os_str() == "-" {
            io::stdin().lock().read_to_end(&mut bytes)?;
        } else {
            std::fs::File::open(path)?.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    let name = path.display();
    let bytes = read().map_err(|error| {
        advice(
            format!("{name} cannot be read: {error}"),
            "give an existing file, or - for standard input",
        )
    })?;
    let read: Result<Value, _> = serde_json::from_slice(&bytes);
    let value = read.map_err(|error| advice(format!("{name} is no JSON: {error}"), help))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(advice(format!("{name} is no JSON object"), help))
    }
}
