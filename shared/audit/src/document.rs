//! The document: `portcullis.audit.v1`, described by `docs/audit.schema.json`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use portcullis_engine::scan::{Calls, Counts};
use portcullis_engine::severity::Severity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controls::Control;

/// The name of the document's form.
pub const SCHEMA: &str = "portcullis.audit.v1";

/// What was looked at, what was found, and what is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Document {
    pub schema: String,
    pub version: String,
    pub started: String,
    pub finished: String,
    pub complete: bool,
    pub caller: Option<String>,
    pub exceptions: String,
    pub scopes: Vec<Scope>,
    pub findings: Vec<Finding>,
    pub suppressed: Vec<Suppressed>,
    #[serde(default)]
    pub servers: Vec<Server>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused: Option<Vec<UnusedGroup>>,
    pub unknown: Vec<Unknown>,
    pub summary: Summary,
}

/// A Region of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Scope {
    pub account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    pub region: String,
    pub complete: bool,
    pub seconds: f64,
    pub counts: Counts,
    pub calls: Calls,
}

/// The Regions of these scopes, by account.
pub(crate) fn regions<'a>(
    scopes: impl IntoIterator<Item = &'a Scope>,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut regions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for scope in scopes {
        regions.entry(&scope.account).or_default().push(&scope.region);
    }
    regions
}

/// A finding, where it is, whose it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Finding {
    pub account: String,
    pub region: String,
    pub subject: Subject,
    pub owner: Option<Owner>,
    pub finding: Value,
    pub admits: Option<String>,
    pub reach: Option<String>,
    pub command: Option<String>,
    pub steps: Vec<String>,
    pub exception: Option<String>,
    pub controls: Vec<Control>,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Subject {
    pub kind: String,
    pub id: String,
    pub arn: String,
    pub name: Option<String>,
    pub vpc: Option<String>,
}

/// Whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Owner {
    pub kind: String,
    pub who: String,
    pub by: String,
    pub advice: String,
}

/// What an exception suppresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Suppressed {
    pub account: String,
    pub region: String,
    pub subject: Subject,
    pub check: String,
    pub what: Option<String>,
    pub rule: Option<String>,
    pub exception: String,
    pub reason: String,
    pub until: Option<String>,
}

/// An instance behind a rule that lets the internet reach Memcached's port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Server {
    pub account: String,
    pub region: String,
    pub instance: String,
    pub subject: String,
    pub managed: Option<String>,
}

/// A security group that nothing carries and nothing names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct UnusedGroup {
    pub account: String,
    pub region: String,
    pub id: String,
    pub name: String,
    pub vpc: Option<String>,
}

/// What could not be read, and what follows from that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Unknown {
    pub account: String,
    pub region: Option<String>,
    pub call: String,
    pub right: Option<String>,
    pub error: String,
    pub count: usize,
    pub effect: String,
}

/// The findings, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each member is described in docs/audit.schema.json")]
pub struct Summary {
    pub by_severity: BTreeMap<String, usize>,
    pub by_check: BTreeMap<String, usize>,
    pub by_account: BTreeMap<String, usize>,
    pub by_region: BTreeMap<String, usize>,
    pub by_owner: BTreeMap<String, usize>,
}

impl Finding {
    fn text(&self, member: &str) -> &str {
        self.finding.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        Severity::parse(self.text("severity")).unwrap_or(Severity::High)
    }

    /// The id, which is that of an alert and of the ledger too.
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// The check.
    pub fn check(&self) -> &str {
        self.text("check")
    }

    /// What it is, in a line.
    pub fn title(&self) -> &str {
        self.text("title")
    }

    /// Why it is not remediated.
    pub fn because(&self) -> &str {
        self.text("because")
    }

    /// A part of the evidence, by its path, as `/rule/id`.
    pub fn evidence(&self, path: &str) -> Option<&Value> {
        self.finding.get("evidence")?.pointer(path).filter(|value| !value.is_null())
    }

    /// The owner, in a word or two.
    pub fn owner(&self) -> &str {
        self.owner.as_ref().map_or("unknown", |owner| &owner.who)
    }
}

impl Document {
    /// Puts everything in order, the most severe first, and counts.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let key = |f: &Finding| {
            let Finding { account, region, subject, .. } = f;
            (
                Reverse(f.severity()),
                account.clone(),
                region.clone(),
                subject.id.clone(),
                f.id().to_owned(),
            )
        };
        self.findings.sort_by_cached_key(key);
        self.suppressed.sort_by(|a, b| {
            let key = |s: &Suppressed| (s.account.clone(), s.region.clone(), s.subject.id.clone());
            key(a).cmp(&key(b))
        });
        self.servers.sort();
        self.servers.dedup();
        self.unused.iter_mut().for_each(|unused| unused.sort());
        self.scopes.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        self.summary = Summary::of(&self.findings);
        self
    }

    /// Several reports as one: from the first start to the last end.
    pub fn merged(all: Vec<Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let mut first = all.next()?;
        for mut more in all {
            first.started = first.started.min(more.started);
            first.finished = first.finished.max(more.finished);
            first.complete &= more.complete;
            first.scopes.append(&mut more.scopes);
            first.findings.append(&mut more.findings);
            first.suppressed.append(&mut more.suppressed);
            first.unknown.append(&mut more.unknown);
            first.servers.append(&mut more.servers);
            if let Some(unused) = &mut more.unused {
                first.unused.get_or_insert_default().append(unused);
            }
        }
        Some(first.sorted())
    }

    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }
}

impl Summary {
    fn of(findings: &[Finding]) -> Self {
        let by = |key: &dyn Fn(&Finding) -> String| {
            let mut counts = BTreeMap::new();
            findings.iter().for_each(|finding| *counts.entry(key(finding)).or_default() += 1);
            counts
        };
        Self {
            by_severity: by(&|finding| finding.severity().as_str().to_owned()),
            by_check: by(&|finding| finding.check().to_owned()),
            by_account: by(&|finding| finding.account.clone()),
            by_region: by(&|finding| finding.region.clone()),
            by_owner: by(&|finding| finding.owner().to_owned()),
        }
    }
}
