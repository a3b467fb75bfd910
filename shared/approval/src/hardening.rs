//! The hardening of one Memcached server, as people agree to it and as it is then done.

use std::net::{IpAddr, SocketAddr};

use portcullis_engine::servers::{HostReport, Server};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// As many addresses as the document takes.
const ADDRESSES: usize = 4;
/// As many digits as the fingerprint of a plan has.
const DIGITS: usize = portcullis_recreation::plan::FINGERPRINT_DIGITS;

/// What is done to one server: this version of the document writes this `-l` into this file while it has this content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardening {
    /// `i-…`
    pub instance: String,
    /// The server as it was reported: version, sockets, verdict, clients.
    pub server: String,
    /// The file with its options.
    pub file: String,
    /// The SHA-256 of that file, for the parameter `Expected`.
    pub sha256: String,
    /// Addresses, for the parameter `Listen`.
    pub listen: String,
    /// The lines that change, as `+-U 0`.
    pub diff: String,
    /// How many other servers of the instance would change, too.
    pub others: usize,
    /// The version of the document that reported it, and that will run.
    pub document_version: String,
    /// The SHA-256 of that version.
    pub document_hash: String,
}

impl Hardening {
    /// What the script would do to a server of this report; `None` if nothing, or if a person has to do it.
    ///
    /// INVARIANT: the host wrote the report. What of it becomes a parameter is a hash and addresses, and nothing else.
    pub fn of(instance: &str, report: &HostReport, version: &str, hash: &str) -> Option<Self> {
        if !report.manual.is_empty() {
            return None;
        }
        let mut changing = report.servers.iter().filter(|server| server.would.is_some());
        let server = changing.next()?;
        let would = server.would.as_ref()?;
        Some(Self {
            instance: instance.to_owned(),
            server: server.to_string(),
            file: server.file.clone(),
            sha256: is_hash(&server.sha256).then(|| server.sha256.clone())?,
            listen: addresses(&would.listen)?,
            diff: would.diff.clone(),
            others: changing.count(),
            document_version: version.to_owned(),
            document_hash: hash.to_owned(),
        })
    }

    /// The first digits of the SHA-256 over all that is agreed to.
    pub fn fingerprint(&self) -> String {
        let Self { instance, server: _, file, sha256, listen, diff, others: _, .. } = self;
        let Self { document_version, document_hash, .. } = self;
        let mut hash = Sha256::new_with_prefix(b"hardening 1");
        for part in [instance, file, sha256, listen, diff, document_version, document_hash] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        digits.chars().take(DIGITS).collect()
    }

    /// Whether the server of this file is as it was agreed to, in a later report.
    pub fn is_done(&self, report: &HostReport) -> bool {
        let ours = |server: &&Server| server.file == self.file;
        let found: Vec<_> = report.servers.iter().filter(ours).collect();
        !found.is_empty() && found.iter().all(|server| !server.is_exposed())
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The addresses of a value of `-l`, without the ports, which the script keeps by itself.
fn addresses(listen: &str) -> Option<String> {
    let mut found: Vec<String> = Vec::new();
    for part in listen.split(',') {
        let address: IpAddr =
            part.parse().or_else(|_| part.parse::<SocketAddr>().map(|it| it.ip())).ok()?;
        let text = address.to_string();
        if !found.contains(&text) {
            found.push(text);
        }
    }
    (1..=ADDRESSES).contains(&found.len()).then(|| found.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn report(change: impl Fn(&mut Value)) -> HostReport {
        let mut server = json!({
            "version": "1.4.15", "file": "/etc/memcached.conf", "sha256": "0a".repeat(32),
            "listen": ["0.0.0.0:11211"], "udp": ["0.0.0.0:11211"], "verdict": "exposed",
            "clients": {"remote": ["10.0.1.7"]},
            "would": {"listen": "10.0.0.5,127.0.0.1", "diff": "--U 11211\n+-U 0"},
        });
        change(&mut server);
        let manual =
            server.as_object_mut().unwrap().remove("by-hand").into_iter().collect::<Vec<_>>();
        let said = json!({
            "schema": "portcullis.memcached.v1", "result": "ok", "servers": [server.clone(), server],
            "manual": manual,
        });
        HostReport::read(&said.to_string()).unwrap()
    }

    fn of(report: &HostReport) -> Option<Hardening> {
        Hardening::of("i-0123456789abcdef0", report, "3", &"c".repeat(64))
    }

    #[test]
    fn what_is_asked_is_one_server_with_a_hash_and_addresses() {
        let hardening = of(&report(|_| {})).unwrap();
        assert_eq!((hardening.listen.as_str(), hardening.others), ("10.0.0.5,127.0.0.1", 1));
        let ported = |it: &mut Value| it["would"]["listen"] = json!("10.0.0.5:11212,[::1]:11212");
        assert_eq!(of(&report(ported)).unwrap().listen, "10.0.0.5,::1");
        for odd in
            ["", "auto", "10.0.0.5;id", "10.0.0.5 ,::1", "1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4,5.5.5.5"]
        {
            assert_eq!(of(&report(|it| it["would"]["listen"] = json!(odd))), None, "{odd}");
        }
        for odd in ["", "0A", &"0A".repeat(32), &"0a".repeat(33)] {
            assert_eq!(of(&report(|it| it["sha256"] = json!(odd))), None, "{odd}");
        }
        assert_eq!(of(&report(|it| it["would"] = Value::Null)), None);
        assert_eq!(of(&report(|it| it["by-hand"] = json!("in a container"))), None);
    }

    #[test]
    fn another_part_is_another_fingerprint() {
        let one = of(&report(|_| {})).unwrap();
        let seen = Hardening { server: "now with two clients".to_owned(), ..one.clone() };
        assert_eq!(one.fingerprint(), seen.fingerprint(), "who is connected changes by the minute");
        assert!(portcullis_recreation::plan::is_fingerprint(&one.fingerprint()));
        let text = || "1".to_owned();
        let mut others = vec![
            Hardening { instance: text(), ..one.clone() },
            Hardening { file: text(), ..one.clone() },
            Hardening { sha256: text(), ..one.clone() },
            Hardening { listen: text(), ..one.clone() },
            Hardening { diff: text(), ..one.clone() },
            Hardening { document_version: text(), ..one.clone() },
            Hardening { document_hash: text(), ..one.clone() },
            one,
        ];
        let count = others.len();
        others.sort_by_key(Hardening::fingerprint);
        others.dedup_by_key(|it| it.fingerprint());
        assert_eq!(others.len(), count);
    }

    #[test]
    fn it_is_done_if_its_own_server_is_not_exposed_any_more() {
        let asked = of(&report(|_| {})).unwrap();
        assert!(!asked.is_done(&report(|_| {})));
        assert!(asked.is_done(&report(|it| it["verdict"] = json!("private"))));
        assert!(!asked.is_done(&report(|it| it["verdict"] = json!("odd"))), "unknown is not done");
        let gone = |it: &mut Value| it["file"] = json!("/etc/memcached_b.conf");
        assert!(!asked.is_done(&report(gone)));
    }
}
