//! `portcullis plan`: how a cache would move to a custom port.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use portcullis_plan::document;
use portcullis_plan::json::json;
use portcullis_plan::plan::{Answer, Wish, plan};
use portcullis_plan::text::text;

use crate::{Color, paint};

/// Say how a cache would move to a custom port, from files alone: nothing is called, nothing changes
///
/// The port of an ElastiCache cache cannot be changed, so a new cache is made beside the old one and
/// the clients move. The plan shows every setting old beside new, what is lost, what it costs, who
/// may reach the new port, and each step with its commands. What cannot be carried over faithfully is
/// refused, with every reason at once.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// JSON that holds what the AWS CLI printed; `-` reads standard input
    file: PathBuf,
    /// The new port [default: one that is chosen for this cache, the same every time]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The Secrets Manager secret that holds the cache's AUTH token. Never give the token itself
    #[arg(long, value_name = "ARN")]
    auth_token_secret: Option<String>,
    /// Which cache, by its id or ARN, if the file holds several
    #[arg(long, value_name = "ID")]
    cache: Option<String>,
    /// Print JSON (portcullis.plan.v1) instead of text
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
The file is one JSON object with the lists that these commands print, merged:

  aws elasticache describe-replication-groups --replication-group-id ID
  aws elasticache describe-cache-clusters --show-cache-node-info
  aws elasticache list-tags-for-resource --resource-name ARN
  aws elasticache describe-cache-subnet-groups
  aws elasticache describe-snapshots
  aws ec2 describe-security-group-rules --filters Name=group-id,Values=SG

  jq -s add groups.json clusters.json tags.json subnets.json snapshots.json rules.json > cache.json

A cluster that is in no replication group needs no first list. Describe all clusters of the Region,
and the plan knows which ports are in use behind the same security groups. What else can be given,
and what for, is in docs/moving-a-cache.md.

Exit status: 0 a plan, 1 refused, 2 the input could not be read.";

/// Answers, and says how that ended: 0 a plan, 1 refused, 2 no input.
pub(crate) fn run(arguments: &Arguments, color: Color) -> ExitCode {
    match answer(arguments, color) {
        Ok(Answer::Plan(_)) => ExitCode::SUCCESS,
        Ok(Answer::Refused(_)) => ExitCode::from(1),
        Err(error) => {
            // Standard error may be closed: then there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn answer(arguments: &Arguments, color: Color) -> Result<Answer> {
    let name = arguments.file.display();
    let input = read(arguments).with_context(|| format!("{name} cannot be read"))?;
    let facts = document::read(&input, arguments.cache.as_deref())
        .with_context(|| format!("{name} is no input for a plan"))?;
    let wish =
        Wish { port: arguments.port, auth_token_secret: arguments.auth_token_secret.clone() };
    let answer = plan(&facts, &wish);
    let output = match arguments.json {
        true => json(&answer) + "\n",
        false => text(&answer, &paint::paint),
    };
    paint::write(&output, color).context("the answer cannot be written")?;
    Ok(answer)
}

fn read(arguments: &Arguments) -> io::Result<String> {
    if arguments.file.as_os_str() != "-" {
        return std::fs::read_to_string(&arguments.file);
    }
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    Ok(input)
}
