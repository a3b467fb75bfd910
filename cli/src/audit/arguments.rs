//! What `portcullis audit` takes, and its help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portcullis_engine::severity::Severity;

use crate::common::KnownNetworks;

/// Audit security groups and ElastiCache caches: what is open today, in every Region. Nothing is changed
///
/// It decides about each security group and each cache as the functions decide about an event, by the same checks and the
/// same exceptions, and needs no stack. It only reads: the managed policies ReadOnlyAccess and SecurityAudit have every
/// right that it needs, and what it was not allowed to read is in the report as unknown, with the right that is missing.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The Regions, separated by commas [default: all that are enabled]
    #[arg(long, value_delimiter = ',', value_name = "REGION")]
    pub(super) regions: Vec<String>,
    /// The accounts, separated by commas, each by the role of --role-name [default: that of your credentials]
    #[arg(long, value_delimiter = ',', value_name = "ACCOUNT", requires = "role_name")]
    pub(super) accounts: Vec<String>,
    /// All active accounts of the organization, each by the role of --role-name
    ///
    /// Organizations tells them to its management account and to delegated administrators.
    #[arg(long, requires = "role_name", conflicts_with = "accounts")]
    pub(super) organization: bool,
    /// The role that is assumed in each other account
    #[arg(long, value_name = "NAME")]
    pub(super) role_name: Option<String>,
    /// The external id that the role asks for
    #[arg(long, value_name = "ID", requires = "role_name")]
    pub(super) external_id: Option<String>,
    /// The directory with the `*.cedar` files of the exceptions, or `none` [default: those that are shipped]
    #[arg(long, value_name = "DIR")]
    pub(super) exceptions: Option<PathBuf>,
    #[command(flatten)]
    pub(super) known_networks: KnownNetworks,
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: Format,
    /// Write the report to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Keep the report as JSON too, for --from
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
    /// Print reports that were kept as JSON, as one, and read nothing of AWS
    #[arg(
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["regions", "accounts", "organization", "exceptions", "save", "unused", "timeout"]
    )]
    pub(super) from: Vec<PathBuf>,
    /// End with status 1 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY")]
    pub(super) fail_on: Option<Level>,
    /// End with status 3 if anything could not be read
    #[arg(long)]
    pub(super) require_complete: bool,
    /// Also list the groups that no interface carries, no rule of another group names and no cache has
    #[arg(long)]
    pub(super) unused: bool,
    /// End after this time, as 15m, with what was read until then
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) timeout: Option<Duration>,
    /// Calls to EC2 in a second, in each Region; to ElastiCache half of that. EC2 allows 20
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = calls_per_second)]
    pub(super) max_calls_per_second: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, in the width of the terminal
    Table,
    /// The whole report: docs/audit.schema.json
    Json,
    /// One finding a row, for a spreadsheet
    Csv,
    /// One page to hand on: no script, nothing from elsewhere
    Html,
    /// One event a line, for a SIEM: OCSF 1.6, Compliance Finding
    Ocsf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Level {
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

const HELP: &str = "\
Examples:

  portcullis audit
  portcullis audit --regions eu-west-1 --save audit.json
  portcullis audit --from audit.json --format html --output audit.html
  portcullis audit --accounts 444455556666 --role-name portcullis-audit
  portcullis audit --organization --role-name portcullis-audit --unused

Who called is not known to an audit. Where an exception asks for that, the finding is reported, and says so.

Exit status:
  0  audited
  1  a finding is at least as severe as --fail-on
  2  nothing could be audited
  3  something could not be read, with --require-complete
  130  interrupted by Ctrl-C: what was read until then is printed";

fn calls_per_second(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.1..=20.0).contains(&number) => Ok(number),
        _ => Err("give a number from 0.1 to 20".to_owned()),
    }
}
