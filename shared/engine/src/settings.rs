//! Settings, read once at start. Every problem is reported at once, with the variable and the value.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::arn::Arn;
use crate::facts::Source;
use crate::text::hides;
use crate::{ledger, limits};

/// What a function does about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Remediate and report.
    Enforce,
    /// Only report.
    Observe,
}

impl Mode {
    /// As in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

const TOPIC: &str = "PORTCULLIS_ALERT_TOPIC_ARN";
const CHAT: &str = "PORTCULLIS_CHAT_TOPIC_ARN";
const STACK: &str = "PORTCULLIS_STACK";
const MODE: &str = "PORTCULLIS_MODE";
const ROLES: &str = "PORTCULLIS_OWN_ROLE_ARNS";
const MACHINE: &str = "PORTCULLIS_RECREATE_STATE_MACHINE_ARN";
const HARDEN: &str = "PORTCULLIS_HARDEN_STATE_MACHINE_ARN";
const MOVES: &str = "PORTCULLIS_MOVES";
const EXCEPTIONS: &str = "PORTCULLIS_EXCEPTIONS_DIR";
const LEDGER: &str = "PORTCULLIS_LEDGER_TABLE";
const DIGEST: &str = "PORTCULLIS_DIGEST_QUEUE_URL";
const REVISIT_GROUP: &str = "PORTCULLIS_REVISIT_GROUP";
const REVISIT_ROLE: &str = "PORTCULLIS_REVISIT_ROLE_ARN";
const UNDELIVERED: &str = "PORTCULLIS_UNDELIVERED_QUEUE_ARN";
const ACTIONS_PER_EVENT: &str = "PORTCULLIS_ACTIONS_PER_EVENT";
const ACTIONS_PER_MINUTE: &str = "PORTCULLIS_ACTIONS_PER_MINUTE";
const COMEBACKS_PER_HOUR: &str = "PORTCULLIS_COMEBACKS_PER_HOUR";
const NETWORKS: &str = "PORTCULLIS_KNOWN_NETWORKS";
const ALERTS_PER_MINUTE: &str = "PORTCULLIS_ALERTS_PER_MINUTE";

/// The most known networks: each is a rule of the group, which has 60 by default.
pub const KNOWN_NETWORKS: usize = 10;

/// Where alerts go: the settings of the function that only sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// `PORTCULLIS_ALERT_TOPIC_ARN`: the SNS topic of the alerts.
    pub alert: String,
    /// `PORTCULLIS_CHAT_TOPIC_ARN`: the SNS topic of the alerts as chat shows them, if there is one.
    pub chat: Option<String>,
}

/// Where revisits are scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules {
    /// `PORTCULLIS_REVISIT_GROUP`: the group of the schedules, by its name.
    pub group: String,
    /// `PORTCULLIS_REVISIT_ROLE_ARN`: the role with whose rights EventBridge Scheduler invokes a function.
    pub role_arn: String,
    /// `PORTCULLIS_UNDELIVERED_QUEUE_ARN`: the queue that gets what it could not deliver.
    pub undelivered_queue_arn: String,
}

/// The settings of a function that looks at events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where alerts go.
    pub topics: Topics,
    /// `PORTCULLIS_STACK`: the name of the stack, for the commands in alerts. Without it they name none.
    pub stack: Option<String>,
    /// `PORTCULLIS_MODE`: `enforce` unless set to `observe`.
    pub mode: Mode,
    /// `PORTCULLIS_OWN_ROLE_ARNS`: IAM roles, comma-separated, whose calls are our own.
    pub own_role_arns: Vec<String>,
    /// `PORTCULLIS_RECREATE_STATE_MACHINE_ARN`: the state machine that re-creates caches. Where it is set, a
    /// cache on its default port starts a re-creation.
    pub recreate_state_machine_arn: Option<String>,
    /// `PORTCULLIS_HARDEN_STATE_MACHINE_ARN`: the state machine that asks the Memcached servers of an instance. Where it is set,
    /// a finding about their port asks them.
    pub harden_state_machine_arn: Option<String>,
    /// `PORTCULLIS_MOVES`: whether the stack has the workflow that re-creates caches, whatever starts it: `no`
    /// unless set to `yes`. With it, alerts name the command that requests a re-creation.
    pub moves: bool,
    /// `PORTCULLIS_EXCEPTIONS_DIR`: the directory of the policies that say what is suppressed. Without it nothing is
    /// suppressed and nothing remediated.
    pub exceptions_dir: Option<String>,
    /// `PORTCULLIS_LEDGER_TABLE`: the DynamoDB table with an entry for each finding.
    pub ledger_table: String,
    /// `PORTCULLIS_DIGEST_QUEUE_URL`: the SQS queue of alerts for the digest. Without it each alert is
    /// sent by itself, however many there are.
    pub digest_queue_url: Option<String>,
    /// Where revisits are scheduled. Without it they are only in the ledger, for a function that somebody invokes.
    pub schedules: Option<Schedules>,
    /// `PORTCULLIS_ACTIONS_PER_EVENT`: how many changes one event may lead to. The argument for the default
    /// is at [`limits::ACTIONS_PER_EVENT`].
    pub actions_per_event: usize,
    /// `PORTCULLIS_ACTIONS_PER_MINUTE`: how many changes all events of a minute may lead to. The argument for
    /// the default is at [`limits::ACTIONS_PER_MINUTE`].
    pub actions_per_minute: usize,
    /// `PORTCULLIS_COMEBACKS_PER_HOUR`: the recurrence of a rule within an hour that is not revoked at once, and
    /// of which a person is notified; at most [`ledger::OCCURRENCES`], because the ledger keeps no more. The argument for
    /// the default is at [`limits::COMEBACKS_PER_HOUR`].
    pub comebacks_per_hour: u32,
    /// `PORTCULLIS_KNOWN_NETWORKS`: prefix lists and CIDRs, comma-separated, at most [`KNOWN_NETWORKS`]: they get the ports of
    /// a public rule in its place.
    pub known_networks: Vec<Source>,
    /// Whether entries of prefix lists are removed that let the internet in; else they are reported.
    pub enforces_lists: bool,
    /// `PORTCULLIS_ALERTS_PER_MINUTE`: how many alerts of a minute are sent each by itself; those beyond it are
    /// one message. Ten mails at once are still read one by one, and more are deleted together.
    pub alerts_per_minute: usize,
}

/// ` --stack guard`: tells `portcullis` of a stack of another name than it expects.
pub fn stack_option(stack: &str) -> String {
    match stack {
        "portcullis" => String::new(),
        stack => format!(" --stack {stack}"),
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings: {}", self.0.join("; "))
    }
}

impl Topics {
    /// Reads the settings from a look-up of environment variables. An empty value is an absent one.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(variable);
        let topics = reader.topics();
        reader.finish(topics)
    }
}

impl Settings {
    /// Of somebody who only looks: no stack, no ledger, and nobody is alerted.
    pub fn of_audit() -> Self {
        Self {
            topics: Topics { alert: String::new(), chat: None },
            stack: None,
            mode: Mode::Observe,
            own_role_arns: Vec::new(),
            recreate_state_machine_arn: None,
            harden_state_machine_arn: None,
            moves: false,
            exceptions_dir: None,
            ledger_table: String::new(),
            digest_queue_url: None,
            schedules: None,
            actions_per_event: 0,
            actions_per_minute: 0,
            comebacks_per_hour: limits::COMEBACKS_PER_HOUR,
            known_networks: Vec::new(),
            enforces_lists: false,
            alerts_per_minute: usize::MAX,
        }
    }

    /// Reads the settings from a look-up of environment variables. An empty value is an absent one.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(variable);
        let settings = Self {
            topics: reader.topics(),
            stack: reader.value(STACK),
            mode: reader.mode(),
            own_role_arns: reader.own_roles(),
            recreate_state_machine_arn: reader.optional(MACHINE, is_machine, A_MACHINE),
            harden_state_machine_arn: reader.optional(HARDEN, is_machine, A_MACHINE),
            moves: reader.moves(),
            exceptions_dir: reader.optional(EXCEPTIONS, |_| true, "a directory"),
            ledger_table: reader.ledger_table(),
            digest_queue_url: reader.optional(DIGEST, is_queue, A_QUEUE),
            schedules: reader.schedules(),
            actions_per_event: reader.limit(ACTIONS_PER_EVENT, limits::ACTIONS_PER_EVENT),
            actions_per_minute: reader.limit(ACTIONS_PER_MINUTE, limits::ACTIONS_PER_MINUTE),
            comebacks_per_hour: reader.comebacks(),
            known_networks: reader.known_networks(),
            enforces_lists: false,
            alerts_per_minute: reader.limit(ALERTS_PER_MINUTE, 10),
        };
        reader.finish(settings)
    }
}

const A_TOPIC: &str = "the ARN of an SNS topic, as `arn:aws:sns:eu-west-1:111122223333:alerts`";
const A_MACHINE: &str = "the ARN of a state machine, as \
     `arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate`, or nothing";
const A_TABLE: &str = "the name of a DynamoDB table, as `portcullis-ledger`";
/// Where that name is found, for whoever starts a function by hand.
const TABLE_OF_STACK: &str =
    "the stack's output LedgerTableName has it, and `make account` prints it";
const A_QUEUE: &str = "the URL of an SQS queue, as \
     `https://sqs.eu-west-1.amazonaws.com/111122223333/portcullis-digest`, or nothing";

const A_GROUP: &str = "the name of a group of schedules, as `portcullis-RevisitGroup-1A2B3C4D`";
const A_ROLE: &str =
    "the ARN of an IAM role, as `arn:aws:iam::111122223333:role/portcullis-revisit`";
const A_QUEUE_ARN: &str =
    "the ARN of an SQS queue, as `arn:aws:sqs:eu-west-1:111122223333:undelivered`";

/// Reads one setting after the other, and keeps what is wrong.
struct Reader<F> {
    variable: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn new(variable: F) -> Self {
        Self { variable, problems: Vec::new() }
    }

    /// An empty value is an absent one.
    fn value(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    fn finish<T>(self, settings: T) -> Result<T, SettingsError> {
        if self.problems.is_empty() { Ok(settings) } else { Err(SettingsError(self.problems)) }
    }

    fn wrong(&mut self, name: &str, value: &str, form: &str) {
        self.problems.push(format!("{name} is `{}`, and must be {form}", value.escape_default()));
    }

    fn topics(&mut self) -> Topics {
        Topics {
            alert: self.required(TOPIC, is_topic, A_TOPIC, A_TOPIC),
            chat: self.optional(CHAT, is_topic, &format!("{A_TOPIC}, or nothing")),
        }
    }

    fn ledger_table(&mut self) -> String {
        self.required(LEDGER, is_table, A_TABLE, &format!("{A_TABLE}: {TABLE_OF_STACK}"))
    }

    /// `missing` is what to set where nothing is.
    fn required(&mut self, name: &str, is: fn(&str) -> bool, form: &str, missing: &str) -> String {
        match self.value(name) {
            Some(value) if is(&value) => return value,
            Some(other) => self.wrong(name, &other, form),
            None => self.problems.push(format!("{name} is not set, and must be {missing}")),
        }
        String::new()
    }

    fn mode(&mut self) -> Mode {
        match self.value(MODE).as_deref() {
            None | Some("enforce") => Mode::Enforce,
            Some("observe") => Mode::Observe,
            Some(other) => {
                self.wrong(MODE, other, "`enforce` or `observe`");
                Mode::Observe
            }
        }
    }

    fn moves(&mut self) -> bool {
        match self.value(MOVES).as_deref() {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => {
                self.wrong(MOVES, other, "`yes` or `no`");
                false
            }
        }
    }

    fn own_roles(&mut self) -> Vec<String> {
        let roles: Vec<String> = self
            .value(ROLES)
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|arn| !arn.is_empty())
            .map(str::to_owned)
            .collect();
        for arn in roles.iter().filter(|arn| !is_role(arn)) {
            self.problems.push(format!(
                "{ROLES} holds `{}`, and must hold ARNs of IAM roles, comma-separated",
                arn.escape_default()
            ));
        }
        roles
    }

    fn known_networks(&mut self) -> Vec<Source> {
        let (networks, wrong) = known_networks(&self.value(NETWORKS).unwrap_or_default());
        self.problems.extend(wrong.into_iter().map(|wrong| format!("{NETWORKS} {wrong}")));
        networks
    }

    fn optional(&mut self, name: &str, is: fn(&str) -> bool, form: &str) -> Option<String> {
        let value = self.value(name)?;
        if !is(&value) {
            self.wrong(name, &value, form);
        }
        Some(value)
    }

    /// All three, or none.
    fn schedules(&mut self) -> Option<Schedules> {
        let names = [REVISIT_GROUP, REVISIT_ROLE, UNDELIVERED];
        names.iter().find(|name| self.value(name).is_some())?;
        Some(Schedules {
            group: self.required(REVISIT_GROUP, is_group, A_GROUP, A_GROUP),
            role_arn: self.required(REVISIT_ROLE, is_role, A_ROLE, A_ROLE),
            undelivered_queue_arn: self.required(
                UNDELIVERED,
                is_queue_arn,
                A_QUEUE_ARN,
                A_QUEUE_ARN,
            ),
        })
    }

    fn limit(&mut self, name: &str, default: usize) -> usize {
        self.number(name, 1..=usize::MAX, "a whole number, 1 or more").unwrap_or(default)
    }

    fn comebacks(&mut self) -> u32 {
        let most = u32::try_from(ledger::OCCURRENCES).unwrap_or(u32::MAX);
        let form = format!("a whole number from 1 to {most}");
        let number = self.number(COMEBACKS_PER_HOUR, 1..=most, &form);
        number.unwrap_or(limits::COMEBACKS_PER_HOUR)
    }

    fn number<N>(&mut self, name: &str, range: RangeInclusive<N>, form: &str) -> Option<N>
    where
        N: FromStr + PartialOrd,
    {
        let value = self.value(name)?;
        let number = value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(name, &value, form);
        }
        number
    }
}

/// Reads known networks, comma-separated: each once, and what is wrong with them.
pub fn known_networks(text: &str) -> (Vec<Source>, Vec<String>) {
    let (mut networks, mut wrong): (Vec<Source>, Vec<String>) = (Vec::new(), Vec::new());
    for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        match network(text) {
            Some(network) if !networks.contains(&network) => networks.push(network),
            Some(_) => {}
            None => wrong.push(format!(
                "holds `{}`, and must hold ids of prefix lists, as `pl-0a1b2c3d4e5f67890`, and CIDRs, as `198.51.100.0/24` or \
                 `2001:db8::/32`, comma-separated",
                text.escape_default()
            )),
        }
    }
    if networks.len() > KNOWN_NETWORKS {
        wrong.push(format!(
            "holds {} networks, and must hold at most {KNOWN_NETWORKS}: put them into a prefix list, and name the list",
            networks.len()
        ));
    }
    (networks, wrong)
}

/// A prefix list by its id, or a network with its prefix length: an address alone may be a slip.
fn network(text: &str) -> Option<Source> {
    match text.strip_prefix("pl-") {
        Some(id) if !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Some(Source::PrefixList(text.to_owned()))
        }
        Some(_) => None,
        None => Source::cidr(text),
    }
}

fn is_topic(text: &str) -> bool {
    Arn::parse(text).is_ok_and(|arn| {
        let Arn { service, region, account, resource, .. } = arn;
        service == "sns" && ![region, account, resource].contains(&"") && !resource.contains(':')
    })
}

fn is_role(text: &str) -> bool {
    Arn::parse(text).is_ok_and(|arn| {
        (arn.service, arn.region) == ("iam", "")
            && !arn.account.is_empty()
            && arn.id_of("role").is_some()
    })
}

/// Not of a version or an alias: the executions of those have other ARNs.
fn is_machine(text: &str) -> bool {
    Arn::parse(text).is_ok_and(|arn| {
        arn.service == "states"
            && ![arn.region, arn.account].contains(&"")
            && arn.id_of("stateMachine").is_some_and(|name| !name.contains(':'))
    })
}

/// As DynamoDB admits names (developer guide, "Naming rules"). An ARN would do for it, and not for the
/// rights of the function's role.
fn is_table(text: &str) -> bool {
    (3..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// As EventBridge Scheduler admits names (API reference, CreateSchedule).
fn is_group(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn is_queue_arn(text: &str) -> bool {
    Arn::parse(text).is_ok_and(|arn| {
        arn.service == "sqs" && ![arn.region, arn.account, arn.resource].contains(&"")
    })
}

/// On whatever host: endpoints differ between partitions, and an emulator has its own.
fn is_queue(text: &str) -> bool {
    let address = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let parts: Vec<_> = address.unwrap_or_default().split('/').collect();
    matches!(parts.as_slice(), [host, account, name]
        if !host.is_empty() && !name.is_empty()
            && account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        && !text.contains(|c: char| c == ' ' || hides(c))
}

#[cfg(test)]
mod tests;
