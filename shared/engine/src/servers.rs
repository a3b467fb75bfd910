//! What `infra/documents/harden-memcached.sh` says of the Memcached servers of a host.
//!
//! INVARIANT: it is read as a stranger's text. The host wrote it, and whoever owns the host may have written anything: it is
//! bounded, only printable ASCII is left of it, and nothing is decided by it. It informs a person.

mod behind;

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::text::bounded;

pub(crate) use behind::instances;
pub use behind::{Behind, MOST as MOST_INSTANCES, WITH_VARIABLES, asked, execution, may_change};

/// The name of the form.
const SCHEMA: &str = "portcullis.memcached.v1";
/// Systems Manager cuts the output there (API reference, GetCommandInvocation).
const MOST: usize = 24_000;
/// As many of each as the script says at most.
const SERVERS: usize = 6;
const LISTEN: usize = 8;
const CLIENTS: usize = 10;
const STEPS: usize = 8;
const LINE: usize = 200;
const DIFF: usize = 700;
const STEP: usize = 300;

/// The one line of JSON that the script prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HostReport {
    schema: String,
    /// How it ended.
    pub result: Outcome,
    /// Why.
    #[serde(default, deserialize_with = "line")]
    pub because: String,
    /// The servers of the host.
    #[serde(default)]
    pub servers: Vec<Server>,
    /// What the script did not do, for a person: a command or a sentence each.
    #[serde(default, deserialize_with = "steps")]
    pub manual: Vec<String>,
}

/// How the script ended, with its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done, or nothing to do: 0.
    Ok,
    /// Nothing was changed: 2.
    Refused,
    /// It failed, and the old file is back: 3.
    Restored,
    /// It failed, and the server does not run: 4.
    Down,
}

/// A Memcached server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Server {
    /// `1.6.18`; empty if it could not be asked.
    #[serde(default, deserialize_with = "line")]
    pub version: String,
    /// The file with its options.
    #[serde(default, deserialize_with = "line")]
    pub file: String,
    /// The file's SHA-256.
    #[serde(default, deserialize_with = "line")]
    pub sha256: String,
    /// TCP sockets, as `0.0.0.0:11211`.
    #[serde(default, deserialize_with = "sockets")]
    pub listen: Vec<String>,
    /// UDP sockets.
    #[serde(default, deserialize_with = "sockets")]
    pub udp: Vec<String>,
    /// Who is connected now.
    #[serde(default)]
    pub clients: Clients,
    /// Whether a datagram was answered; `None` if that could not be tried.
    #[serde(default)]
    pub udp_answered: Option<bool>,
    /// Who can reach it.
    #[serde(default)]
    pub verdict: Verdict,
    /// What `apply` would write.
    #[serde(default)]
    pub would: Option<Proposal>,
    /// Why nothing would be written, or what was done.
    #[serde(default, deserialize_with = "line")]
    pub because: String,
}

/// The clients of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Clients {
    /// On the host itself.
    #[serde(default)]
    pub local: u32,
    /// The addresses of some that are on other hosts.
    #[serde(default, deserialize_with = "clients")]
    pub remote: Vec<String>,
    /// How many more there are.
    #[serde(default)]
    pub more: u32,
}

/// Where a server can be reached, by its sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// On loopback only.
    Closed,
    /// On private addresses.
    Private,
    /// On a public address or on all, or by UDP.
    Exposed,
    /// It could not be told.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What `apply` would write.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Proposal {
    /// The value of `-l`.
    #[serde(default, deserialize_with = "line")]
    pub listen: String,
    /// The lines that would change.
    #[serde(default, deserialize_with = "diff")]
    pub diff: String,
}

impl HostReport {
    /// Reads the standard output of the script.
    ///
    /// # Errors
    ///
    /// If it is no such line: why.
    pub fn read(output: &str) -> Result<Self, String> {
        let line = output.trim();
        if line.is_empty() {
            return Err("the script said nothing".to_owned());
        }
        if line.len() > MOST {
            return Err("the script said too much".to_owned());
        }
        let mut told: Self = serde_json::from_str(line).map_err(|error| {
            one_line(Some(format!("what the script said cannot be read: {error}")), LINE)
        })?;
        if told.schema != SCHEMA {
            return Err(format!("what the script said is not {SCHEMA}"));
        }
        told.servers.truncate(SERVERS);
        Ok(told)
    }
}

impl Server {
    /// Whether anything beyond loopback and private addresses reaches it, as far as the host knows.
    pub fn is_exposed(&self) -> bool {
        matches!(self.verdict, Verdict::Exposed | Verdict::Unknown)
    }
}

/// `memcached 1.4.15, TCP 0.0.0.0:11211, UDP 0.0.0.0:11211, exposed, 3 clients on other hosts (10.0.1.7, ...)`
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memcached")?;
        if !self.version.is_empty() {
            write!(f, " {}", self.version)?;
        }
        for (kind, sockets) in [("TCP", &self.listen), ("UDP", &self.udp)] {
            if !sockets.is_empty() {
                write!(f, ", {kind} {}", sockets.join(" "))?;
            }
        }
        if self.udp_answered == Some(true) {
            f.write_str(", UDP answers")?;
        }
        write!(f, ", {}, {}", self.verdict.as_str(), self.clients)
    }
}

impl Verdict {
    /// As the script writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Private => "private",
            Self::Exposed => "exposed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = u32::try_from(self.remote.len()).unwrap_or(u32::MAX);
        match shown.saturating_add(self.more) {
            0 => f.write_str("no client on other hosts"),
            1 => write!(f, "1 client on another host ({})", self.remote.join(", ")),
            all => {
                let dots = if self.more > 0 { ", ..." } else { "" };
                write!(f, "{all} clients on other hosts ({}{dots})", self.remote.join(", "))
            }
        }
    }
}

/// Bounded, and only printable ASCII of it; `null` is empty.
fn tame(text: Option<String>, most: usize) -> String {
    let shown = |c: &char| (' '..='~').contains(c) || *c == '\n';
    bounded(&text.unwrap_or_default().chars().filter(shown).collect::<String>(), most)
}

fn one_line(text: Option<String>, most: usize) -> String {
    tame(text, most).replace('\n', " ")
}

fn line<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(one_line(Option::deserialize(from)?, LINE))
}

fn diff<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(tame(Option::deserialize(from)?, DIFF))
}

fn list<'de, D: Deserializer<'de>>(
    from: D,
    most: usize,
    length: usize,
) -> Result<Vec<String>, D::Error> {
    let found: Vec<String> = Vec::deserialize(from)?;
    Ok(found.into_iter().take(most).map(|text| one_line(Some(text), length)).collect())
}

fn sockets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    list(from, LISTEN, 80)
}

fn clients<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    list(from, CLIENTS, 80)
}

fn steps<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    list(from, STEPS, STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the script prints it for Debian's package with UDP on.
    const REPORT: &str = r#"{"schema":"portcullis.memcached.v1","id":"a","mode":"report","result":"ok","because":null,"host":{"os":"Debian","kernel":"6"},"servers":[{"pid":7,"version":"1.4.15","started_by":"init","unit":"memcached","file":"/etc/memcached.conf","sha256":"00","options":["-U","11211"],"listen":["0.0.0.0:11211"],"udp":["0.0.0.0:11211"],"clients":{"local":0,"remote":["10.0.1.7","10.0.1.8"],"more":1},"udp_answered":true,"verdict":"exposed","would":{"listen":"10.0.0.5,127.0.0.1","diff":"--U 11211\n+-U 0"},"because":"apply"}],"manual":[]}"#;

    #[test]
    fn a_report_is_one_line_for_each_server() {
        let told = HostReport::read(&format!("{REPORT}\n")).unwrap();
        assert_eq!((told.result, told.because.as_str()), (Outcome::Ok, ""));
        let [server] = told.servers.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            server.to_string(),
            "memcached 1.4.15, TCP 0.0.0.0:11211, UDP 0.0.0.0:11211, UDP answers, exposed, \
             3 clients on other hosts (10.0.1.7, 10.0.1.8, ...)"
        );
        assert!(server.is_exposed());
        assert_eq!(server.would.as_ref().unwrap().diff, "--U 11211\n+-U 0");
    }

    #[test]
    fn what_is_no_answer_of_the_script_says_why() {
        for (odd, why) in [
            ("", "the script said nothing"),
            ("sh: not found", "cannot be read"),
            (r#"{"schema":"other","result":"ok"}"#, "is not portcullis.memcached.v1"),
            (r#"{"schema":"portcullis.memcached.v1","result":"fine"}"#, "cannot be read"),
            (&"x".repeat(MOST + 1), "too much"),
        ] {
            let error = HostReport::read(odd).unwrap_err();
            assert!(error.contains(why), "{odd:.20}: {error}");
        }
    }

    #[test]
    fn a_host_that_writes_what_it_wants_writes_bounded_printable_lines() {
        let long = "\u{1b}[2J\u{202e}y\nx".repeat(500);
        let server = serde_json::json!({
            "version": long, "file": long, "listen": vec![&long; 40], "udp": [], "verdict": "fine",
            "clients": {"remote": vec![&long; 40], "more": u32::MAX}, "would": {"diff": long},
        });
        let said = serde_json::json!({
            "schema": SCHEMA, "result": "refused", "because": long, "servers": vec![server; 2],
        });
        let error = HostReport::read(&said.to_string()).unwrap_err();
        assert_eq!(error, "the script said too much");

        let short: String = long.chars().take(300).collect();
        let server = serde_json::json!({
            "version": short, "file": short, "listen": vec!["\n"; 40], "verdict": "fine",
            "clients": {"remote": vec!["\u{7}a"; 40], "more": u32::MAX},
        });
        let said = serde_json::json!({
            "schema": SCHEMA, "result": "refused", "because": short, "servers": vec![server; 7],
        });
        let told = HostReport::read(&said.to_string()).unwrap();
        assert_eq!(told.servers.len(), SERVERS);
        assert!(told.because.len() <= LINE + 3);
        for server in &told.servers {
            assert_eq!((server.listen.len(), server.clients.remote.len()), (LISTEN, CLIENTS));
            assert_eq!(server.verdict, Verdict::Unknown);
            let line = server.to_string();
            assert!(line.chars().all(|c| (' '..='~').contains(&c)), "{line}");
        }
    }
}
