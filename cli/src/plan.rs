//! `portcullis plan`: how a cache would move to a custom port.

use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use portcullis_recreation::json::json;
use portcullis_recreation::plan::{Answer, Choices, plan};
use portcullis_recreation::text::text;
use serde_json::Value;

use crate::advice::advice;
use crate::common::{Common, Exit};
use crate::live::is_file;
use crate::paint::Color;
use crate::{account, live, paint};

/// Show the plan to re-create a cache on a custom port: nothing is changed
///
/// ElastiCache cannot change the port of a cache, so a new cache is created beside the old one, and
/// you change the clients to it. The plan shows every setting, old and new, what is lost, what it
/// costs, who may reach the new port, and each step with its commands. A cache that cannot be
/// re-created with the same settings is refused, with every reason at once.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// A cache of your account, by its id or ARN: it is read with your own credentials. Or a file
    /// that holds what the AWS CLI printed, by a path with a slash or a name that ends in .json; - is
    /// standard input. With a file, no call is made
    #[arg(value_name = "CACHE|FILE")]
    what: PathBuf,
    /// The new port, 1150 to 65535 without 8005 [default: one is chosen for this cache, the same every time]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The Secrets Manager secret that holds the cache's AUTH token, as plain text or as `authToken` of
    /// a JSON object. Never give the token itself
    #[arg(long, value_name = "ARN")]
    auth_token_secret: Option<String>,
    /// Which cache, if the file holds several
    #[arg(long, value_name = "ID|ARN")]
    cache: Option<String>,
    /// Print JSON (portcullis.plan.v1) instead of text
    #[arg(long)]
    json: bool,
    /// Print the facts of a live cache instead of a plan: JSON to keep, and to plan from again
    #[arg(long, conflicts_with_all = ["json", "port", "auth_token_secret"])]
    document: bool,
}

const HELP: &str = "\
A live cache is read with calls that change nothing, of ElastiCache, EC2, CloudWatch and Application Auto \
Scaling. If you may not read a fact that the plan can do without, the plan says that it is unknown.

  portcullis plan orders
  portcullis plan orders --document > orders.json
  portcullis plan orders.json

A file contains a --document, or the JSON output of these commands, one after the other in any order. Replace ID \
and ARN by those of the cache, and SG by the ids of its security groups, with commas between them:

  aws elasticache describe-replication-groups \\
    --replication-group-id ID > groups.json
  aws elasticache describe-cache-clusters \\
    --show-cache-node-info > clusters.json
  aws elasticache list-tags-for-resource --resource-name ARN > tags.json
  aws elasticache describe-cache-subnet-groups > subnets.json
  aws elasticache describe-snapshots > snapshots.json
  aws ec2 describe-security-group-rules \\
    --filters Name=group-id,Values=SG > rules.json

  cat groups.json clusters.json tags.json \\
    subnets.json snapshots.json rules.json > cache.json
  portcullis plan cache.json --cache ID

A cluster that is in no replication group does not need the first command. All clusters of the Region are described, \
because the plan must know which ports are in use behind the same security groups. docs/moving-a-cache.md has \
further lists that a file may contain.

Exit status:
  0  a plan
  1  refused, with every reason
  2  the cache or the file could not be read";

/// Answers: yes with a plan, no with a refusal.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let facts = if is_file(&arguments.what) {
        of_file(arguments)?
    } else {
        let document = of_cache(arguments, common).await?;
        if arguments.document {
            paint::write(&paint::json(&document), Color::Never)
                .context("the document cannot be written")?;
            return Ok(Exit::Yes);
        }
        live::facts(&document)?
    };
    let choices =
        Choices { port: arguments.port, auth_token_secret: arguments.auth_token_secret.clone() };
    let answer = plan(&facts, &choices);
    let output = if arguments.json { json(&answer) + "\n" } else { text(&answer, &paint::paint) };
    paint::write(&output, common.color).context("the answer cannot be written")?;
    Ok(match answer {
        Answer::Plan(_) => Exit::Yes,
        Answer::Refused(_) => Exit::No,
    })
}

async fn of_cache(arguments: &Arguments, common: &Common) -> Result<Value> {
    let Some(cache) = arguments.what.to_str() else {
        return Err(advice(
            format!("{} is neither a file nor the id of a cache", arguments.what.display()),
            "give the id or the ARN of a cache, a file, or - for standard input",
        ));
    };
    if arguments.cache.is_some() {
        return Err(advice(
            format!("--cache says which cache of a file is meant, and {cache} is not a file"),
            format!("leave --cache out, or give the path of the file, as ./{cache}"),
        ));
    }
    let config = account::config(common, live::arn(cache)).await?;
    live::document(&config, cache).await
}

fn of_file(arguments: &Arguments) -> Result<Facts> {
    let name = arguments.what.display();
    if arguments.document {
        return Err(advice(
            format!("--document prints the facts of a live cache, and {name} is a file"),
            "leave --document out, or give the id or the ARN of a cache",
        ));
    }
    let input = read(arguments).map_err(|error| {
        advice(
            format!("{name} cannot be read: {error}"),
            "give an existing file, - for standard input, or the id or ARN of a cache",
        )
    })?;
    let facts = document::read_bytes(&input, arguments.cache.as_deref());
    facts.map_err(|wrong| {
        advice(format!("{name} is no input for a plan: {wrong}"), wrong.remedy.as_str())
    })
}

fn read(arguments: &Arguments) -> io::Result<Vec<u8>> {
    if arguments.what.as_os_str() != "-" {
        return std::fs::read(&arguments.what);
    }
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    Ok(input)
}
