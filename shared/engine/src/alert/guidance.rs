//! What a person does about a cache, where Portcullis does nothing: the steps for that very cache.
//!
//! INVARIANT: a command for a person is a command of a [`Step`], and each step is of one [`Kind`]. The tests show every
//! kind on an event of the corpus, and the steps of each event stand in `tests/corpus/guidance/`. A command fits the
//! cache's engine, version and encryption; what of these is not known is said, never guessed.

mod authentication;
mod encryption;
mod kind;
mod network;

use std::fmt::Write;

pub use kind::Kind;

use super::command;
use crate::action::Remedy;
use crate::facts::{CacheFacts, CacheKind, Engine};
use crate::finding::{Check, Evidence, Finding};
use crate::replacement;
use crate::report::Report;

/// One thing to do or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Of what kind.
    pub kind: Kind,
    /// What it does, in lines that fit a mail.
    pub words: String,
    /// Commands for a shell with the AWS CLI, `portcullis` and `jq`, in order.
    pub commands: Vec<String>,
}

/// The steps for a person about one finding. Empty where the finding is not about a cache, or is dealt with.
pub fn of(report: &Report, finding: &Finding) -> Vec<Step> {
    let Some(it) = Target::of(report, finding) else { return Vec::new() };
    let mut steps = match finding.check {
        Check::DefaultPort => it.default_port(),
        Check::PlaintextTransit => it.plaintext_transit(),
        Check::NoAuth => it.no_auth(),
        Check::PublicSubnet => it.public_subnet(),
        Check::PublicEndpoint => it.public_endpoint(),
        Check::OpenIngress | Check::MemcachedUdp | Check::OpenCache => Vec::new(),
    };
    // Once in a mail.
    let findings = report.findings.iter().map(|reported| &reported.finding);
    let mut guided = findings.filter(|other| Target::of(report, other).is_some());
    if guided.next().is_some_and(|first| std::ptr::eq(first, finding)) {
        steps.splice(0..0, it.wait());
    }
    steps
}

/// The steps as lines of the mail.
pub(super) fn steps(report: &Report, finding: &Finding) -> String {
    text(&of(report, finding))
}

/// Steps with commands are numbered. Commands begin their line, so that they can be copied as they are.
pub fn text(steps: &[Step]) -> String {
    let mut text = String::new();
    let mut number = 0;
    for step in steps {
        let mark = match step.commands.is_empty() {
            true => String::new(),
            false => {
                number += 1;
                format!("{number}. ")
            }
        };
        let indent = " ".repeat(mark.len());
        for (at, line) in step.words.lines().enumerate() {
            let _ = writeln!(text, "  {}{line}", if at == 0 { &mark } else { &indent });
        }
        for command in &step.commands {
            let _ = writeln!(text, "{command}");
        }
    }
    text
}

struct Target<'a> {
    report: &'a Report,
    region: &'a str,
    cache: &'a CacheFacts,
    engine: &'a Engine,
}

impl<'a> Target<'a> {
    /// What a person is to do something about; `None` where there is nothing that a person can do.
    fn of(report: &'a Report, finding: &'a Finding) -> Option<Self> {
        let cache = report.cache.as_ref()?;
        let pending = matches!(finding.remedy, Remedy::Pending(_));
        if !command::is_id(&cache.id)
            || finding.remedy.action().is_some()
            || (pending && matches!(finding.check, Check::PublicEndpoint | Check::PublicSubnet))
        {
            return None;
        }
        let engine = match &finding.evidence {
            Evidence::Port { engine, port: Some(_) } | Evidence::Setting { engine } => engine,
            Evidence::Port { port: None, .. }
            | Evidence::Rule { .. }
            | Evidence::UnreadableRule { .. }
            | Evidence::UnreadableGroups(_) => return None,
        };
        Some(Self { report, region: &report.event.region, cache, engine })
    }

    /// The planner knows every input of a cache, and this does not: the way to another port is its plan.
    fn default_port(&self) -> Vec<Step> {
        let mut steps = vec![self.plan()];
        if self.report.deployment.moves {
            steps.push(Step {
                kind: Kind::Move,
                words: "Let the stack do it: it makes a plan, and asks you for approval before it changes anything."
                    .to_owned(),
                commands: vec![command::start_move(self.report)],
            });
        } else {
            steps.push(note(
                "With MoveCaches=on-request or ask, the stack does it after your approval (docs/moving-a-cache.md).",
            ));
        }
        steps
    }

    fn plan(&self) -> Step {
        Step {
            kind: Kind::Plan,
            words: "See the plan for another port: a second cache beside this one, with every setting, each step with \
                    its\ncommand, and the patch if a template owns the cache. The command changes nothing. To install \
                    `portcullis`,\nthe command line of Portcullis, from its repository: cargo install --locked --path \
                    cli"
                .to_owned(),
            commands: vec![command::plan(self.report)],
        }
    }

    /// ElastiCache changes nothing of a cache that is being made or changed.
    fn wait(&self) -> Option<Step> {
        let Self { region, cache, .. } = self;
        if cache.status.eq_ignore_ascii_case("available") {
            return None;
        }
        let id = &cache.id;
        let command = match cache.kind {
            CacheKind::ReplicationGroup => format!(
                "aws elasticache wait replication-group-available --region {region} --replication-group-id {id}"
            ),
            CacheKind::CacheCluster => format!(
                "aws elasticache wait cache-cluster-available --region {region} --cache-cluster-id {id}"
            ),
            // The CLI has no waiter for these.
            CacheKind::ServerlessCache => format!(
                "aws elasticache describe-serverless-caches --region {region} --serverless-cache-name {id} --query 'ServerlessCaches[].Status' --output text"
            ),
        };
        let status = super::text::plain(&cache.status, 40);
        Some(Step {
            kind: Kind::Wait,
            words: format!("The cache is {status}: the following steps work when it is available."),
            commands: vec![command],
        })
    }

    /// The plan of a new cache beside this one, and its inputs as the planner has them, with ` | .A = b` for what can only
    /// be given to a new one. The port is named, as the planner moves nothing from a port of its own without. What is
    /// against the plan goes to the person, not into the file.
    fn inputs(&self, id: &str, change: &str) -> Vec<String> {
        let taken = self.cache.ports.iter().copied().collect();
        let port = replacement::free_port(&self.report.subject().arn, &taken);
        let plan = format!("{} --port {port}", command::plan_of(id, self.report));
        let inputs = format!(
            "{plan} --json | jq -e 'if .create then .create.parameters{change} else .reasons | map(\"\\(.field): \\(.why)\\n\") | add | halt_error end' > create.json"
        );
        vec![plan, inputs]
    }

    /// The version is not shown, and the commands depend on it.
    fn see_version(&self, check: Check) -> Step {
        let Self { region, cache, .. } = self;
        let (of, query) = match cache.kind {
            CacheKind::CacheCluster => {
                (format!(" --cache-cluster-id {}", cache.id), "[]".to_owned())
            }
            CacheKind::ReplicationGroup | CacheKind::ServerlessCache => {
                (String::new(), format!("[?ReplicationGroupId==`{}`]", cache.id))
            }
        };
        Step {
            kind: Kind::SeeVersion,
            words: format!(
                "The steps depend on the version of the engine, which ElastiCache does not show (yet). Read the \
                 version;\ndocs/checks.md ({check}) has the steps for each version."
            ),
            commands: vec![format!(
                "aws elasticache describe-cache-clusters --region {region}{of} --query 'CacheClusters{query}.[CacheClusterId,Engine,EngineVersion]' --output text"
            )],
        }
    }

    /// The id of something that is made for this cache. 40 characters are the limit of users, user groups, replication
    /// groups and serverless caches alike.
    fn named(&self, ending: &str) -> String {
        replacement::derived(&self.cache.id, ending)
    }
}

fn note(words: &str) -> Step {
    Step { kind: Kind::Note, words: words.to_owned(), commands: Vec::new() }
}

/// Members to set on the resource that is there, which neither tool replaces for them.
fn in_place(cloudformation: &[&str], terraform: &[&str], [of_cfn, of_tf]: [&str; 2]) -> Step {
    let mut words = format!("In CloudFormation, on the existing AWS::ElastiCache::{of_cfn}:");
    for line in cloudformation {
        let _ = write!(words, "\n    {line}");
    }
    let _ = write!(words, "\nIn Terraform, in the existing aws_elasticache_{of_tf}:");
    for line in terraform {
        let _ = write!(words, "\n    {line}");
    }
    Step { kind: Kind::InPlace, words, commands: Vec::new() }
}

#[cfg(test)]
mod tests;
