//! What every command takes, how it ends, and where it says what went wrong.

use std::cell::OnceCell;
use std::io::{self, Write};

use portcullis_engine::facts::Source;
use portcullis_engine::settings::known_networks;

use crate::advice::Place;
use crate::paint::{Color, Harmless};

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// The Region [default: that of the ARN, of AWS_REGION, or of the profile]
    #[arg(long, global = true, display_order = 900)]
    pub(crate) region: Option<String>,
    /// The profile of the AWS configuration that has your credentials. Keys in the environment are not
    /// used then [default: those keys, or else the profile of AWS_PROFILE, or else `default`]
    #[arg(long, global = true, value_name = "NAME", display_order = 901)]
    pub(crate) profile: Option<String>,
    /// The name of the Portcullis stack, whose state machine and tables are named after it
    #[arg(
        long,
        global = true,
        env = "PORTCULLIS_STACK",
        default_value = "portcullis",
        value_name = "NAME",
        display_order = 902
    )]
    pub(crate) stack: String,
    /// When to colour the output; `auto` colours a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 903)]
    pub(crate) color: Color,
    /// Where the calls go, once that is known.
    #[arg(skip)]
    pub(crate) place: OnceCell<Place>,
}

impl Common {
    /// Where the calls go, as far as that is known.
    pub(crate) fn place(&self) -> Place {
        self.place.get().cloned().unwrap_or_default()
    }

    /// ` --stack guard`, for the commands that are proposed, where the stack has another name than usual.
    pub(crate) fn stack_option(&self) -> String {
        portcullis_engine::settings::stack_option(&self.stack)
    }
}

/// What a command takes that says what would be granted.
#[derive(Debug, clap::Args)]
pub(crate) struct KnownNetworks {
    /// The known networks of the stack, separated by commas: what they would get in place of a public rule
    #[arg(long, value_name = "NETWORKS", value_parser = networks)]
    known_networks: Option<Networks>,
}

#[derive(Debug, Clone)]
struct Networks(Vec<Source>);

fn networks(text: &str) -> Result<Networks, String> {
    let (networks, wrong) = known_networks(text);
    if wrong.is_empty() { Ok(Networks(networks)) } else { Err(format!("it {}", wrong.join("; "))) }
}

impl KnownNetworks {
    /// The networks, if any are given.
    pub(crate) fn networks(&self) -> Vec<Source> {
        self.known_networks.as_ref().map(|networks| networks.0.clone()).unwrap_or_default()
    }
}

/// How a command ended: 0, or 1 where the answer is no, or 3 where a part of it is unknown and that was not to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Yes,
    No,
    Incomplete,
    /// A person ended it, and has what was there.
    Interrupted,
}

/// Writes to standard error. It may be closed: then there is nobody to tell.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(Harmless(io::stderr()), "{line}");
}
