//! `portcullis sweep resume`: the sweep closes older faults again, after it stopped.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use portcullis_aws::now;

use crate::common::{Common, Exit, tell};
use crate::{account, paint};

/// Tell the sweep to go on
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Have the sweep close older faults again, five in its next run
    ///
    /// With Sweep=enforce, the sweep stops closing older faults when people opened again what it had closed: three times, or
    /// more than a tenth of it. First write exceptions for what has to stay open. Written to the ledger with your own rights.
    #[command(after_long_help = HELP)]
    Resume,
}

const HELP: &str = "\
Exit status:
  0  its next run closes again, five rules at the most
  1  it has not stopped: nothing was changed
  2  it failed, and the message says what was done";

/// Resumes.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let What::Resume = arguments.what;
    let config = account::config(common, None).await?;
    let ledger = account::ledger(&config, common);
    let read = ledger.ramp().await;
    let ramp = read.map_err(|error| account::no_ledger(error, &config, common))?;
    let Some(ramp) = ramp.filter(|ramp| ramp.stopped.is_some()) else {
        tell("The sweep has not stopped: there is nothing to resume");
        return Ok(Exit::No);
    };
    if !ledger.write_ramp(&ramp.resumed(now()), now()).await? {
        bail!("a sweep wrote at the same time, and nothing was changed: run this again");
    }
    paint::write(
        "The next sweep closes older faults again, five rules at the most.\n",
        common.color,
    )?;
    Ok(Exit::Yes)
}
