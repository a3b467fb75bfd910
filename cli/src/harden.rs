//! `portcullis harden`: has Systems Manager run the script for Memcached servers on an instance.
//!
//! INVARIANT: what runs is the script that this program was built with, held by the hash of the document's version; and
//! what is written is what was shown, held by the hash of the file.

mod run;
mod shown;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use clap::{Args, Subcommand};
use portcullis_aws::now;
use portcullis_engine::servers::{HostReport, Outcome, Server};
use portcullis_engine::time::iso;

use crate::advice::advice;
use crate::common::{Common, Exit, tell};
use crate::{account, paint};
use run::{Document, Parameters};

/// Inspect and harden the Memcached servers of an EC2 instance, through Systems Manager
///
/// Shows each server: its version, where it listens, whether UDP answers, who is connected, and what
/// would change. Then asks you to confirm, because a restart empties the cache, and hardens it: no
/// UDP, and only the private addresses that clients use. A server that does not come back as it
/// should gets its old file back.
#[derive(Debug, Args)]
#[command(after_long_help = HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    undo: Option<Undo>,
    /// The instance, by its id
    #[arg(value_name = "INSTANCE", required = true, value_parser = instance)]
    instance: Option<String>,
    /// Where the servers may listen: `auto` (loopback, and the private addresses that clients use),
    /// `loopback`, or up to four private addresses of the instance
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    listen: String,
    /// Only inspect: nothing is changed
    #[arg(long)]
    report: bool,
    /// Harden without confirmation on the terminal
    #[arg(long, conflicts_with = "report")]
    yes: bool,
}

#[derive(Debug, Subcommand)]
enum Undo {
    /// Restore the files that `portcullis harden` replaced, and restart the servers
    Undo {
        /// The id that `portcullis harden` printed, or that a mail names
        #[arg(value_name = "ID", value_parser = id)]
        id: String,
    },
}

const HELP: &str = "\
The stack must have HardenMemcached=report or ask. The instance must be managed by Systems Manager. You need ssm:SendCommand \
on the document of the stack and on the instance, and ssm:GetDocument, ssm:DescribeDocument, \
ssm:DescribeInstanceInformation and ssm:GetCommandInvocation. docs/memcached.md describes the script, and how to run \
it without Systems Manager.

Exit status:
  0  done, or nothing to do; with --report: inspected
  1  refused, with the manual steps, or not confirmed: nothing was changed
  2  it failed, and the message says what state the server is in";

/// `i-…`, or `mi-…` of a server elsewhere.
fn instance(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("i-").or_else(|| text.strip_prefix("mi-")).unwrap_or_default();
    let right = matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if right { Ok(text.to_owned()) } else { Err("an instance is i- and 17 digits".to_owned()) }
}

/// The instance and the moment, of the command line or of a request: the id alone says where the backup is.
fn id(text: &str) -> Result<String, String> {
    instance_of(text).map(|_| text.to_owned()).ok_or_else(|| {
        "it is an instance and a moment, as i-0123456789abcdef0-20261130171300".to_owned()
    })
}

fn instance_of(id: &str) -> Option<&str> {
    let (found, moment) = id.rsplit_once('-')?;
    let right = (8..=14).contains(&moment.len()) && moment.bytes().all(|b| b.is_ascii_digit());
    (right && instance(found).is_ok()).then_some(found)
}

pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let config = account::config(common, None).await?;
    match (&arguments.undo, arguments.instance.as_deref()) {
        (Some(Undo::Undo { id }), _) => undo(id, &config, common).await,
        (None, Some(instance)) => harden(instance, arguments, &config, common).await,
        (None, None) => Err(advice("no instance is given", "give the id of one, as i-…")),
    }
}

async fn harden(
    instance: &str,
    arguments: &Arguments,
    config: &SdkConfig,
    common: &Common,
) -> Result<Exit> {
    let document = Document::find(config, common).await?;
    let agent = document.agent(instance).await?;
    let id = moment(instance);
    let report = document.run(instance, &Parameters::report(&id)).await?;
    paint::write(&shown::report(&report), common.color).context("the report cannot be printed")?;
    if arguments.report {
        return Ok(Exit::Yes);
    }
    let todo: Vec<_> = report.servers.iter().filter(|server| server.would.is_some()).collect();
    if todo.is_empty() && arguments.listen == "auto" {
        let refused = report.servers.iter().any(Server::is_exposed);
        tell(if refused { "Nothing was changed." } else { "Nothing to do." });
        return Ok(if refused { Exit::No } else { Exit::Yes });
    }
    agent.may_change(instance)?;
    if !arguments.yes && !crate::answer::sure(shown::QUESTION, "nothing was changed")? {
        tell("Nothing was changed.");
        return Ok(Exit::No);
    }
    // Of one server what was shown is what is written. Of several all change, or none.
    let expected = match todo.as_slice() {
        [one] if report.servers.len() == 1 => one.sha256.as_str(),
        _ => "",
    };
    let apply = Parameters { mode: "apply", listen: &arguments.listen, expected, id: &id };
    let told = document.run(instance, &apply).await?;
    ended(&told, common, || {
        format!("To undo it: portcullis harden undo {id}{}\n", common.stack_option())
    })
}

async fn undo(id: &str, config: &SdkConfig, common: &Common) -> Result<Exit> {
    let instance = instance_of(id).context("the id names no instance")?;
    let document = Document::find(config, common).await?;
    document.agent(instance).await?.may_change(instance)?;
    let undo = Parameters { mode: "undo", listen: "auto", expected: "", id };
    ended(&document.run(instance, &undo).await?, common, String::new)
}

/// How it ended, as printed and as exit status.
fn ended(told: &HostReport, common: &Common, then: impl Fn() -> String) -> Result<Exit> {
    let then = if told.result == Outcome::Ok { then() } else { String::new() };
    let text = format!("{}{then}", shown::result(told));
    paint::write(&text, common.color).context("the result cannot be printed")?;
    match told.result {
        Outcome::Ok => Ok(Exit::Yes),
        Outcome::Refused => Ok(Exit::No),
        Outcome::Restored => Err(advice(
            "it failed, and the old file is back: the server runs with it",
            "see the reason above, change it, then run this again",
        )),
        Outcome::Down => {
            Err(advice("it failed, and the server does NOT run", "run the manual steps above, now"))
        }
    }
}

/// An id that no other run has: `i-…-20261130171300`.
fn moment(instance: &str) -> String {
    let digits: String = iso(now()).chars().filter(char::is_ascii_digit).collect();
    format!("{instance}-{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_engine::servers::execution;

    #[test]
    fn an_id_says_on_which_instance_the_backup_is() {
        let server = "mi-0123456789abcdef0";
        let made = moment(server);
        assert_eq!(instance_of(&made), Some(server));
        assert!(made.len() <= 40, "{made}: the script takes no more");
        assert_eq!(instance_of(&execution(server, now())), Some(server), "that of a request");
        for odd in ["", "i-0123456789abcdef0", "i-0123456789abcdef0-1", "f-1-20261130171300"] {
            assert!(id(odd).is_err() && instance_of(odd).is_none(), "{odd}");
        }
        assert!(instance("i-0123456789abcdeg0").is_err() && instance("i-01234567").is_ok());
    }
}
