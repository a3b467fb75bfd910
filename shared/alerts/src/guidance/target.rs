//! The cache that a person is to do something about, and the steps that more than one fault of it needs.

use portcullis_engine::action::Remedy;
use portcullis_engine::facts::{CacheFacts, CacheKind, Engine};
use portcullis_engine::finding::{Check, Evidence, Finding};
use portcullis_engine::report::Report;
use portcullis_engine::text::plain;
use portcullis_recreation::replacement;

use super::kind::Kind;
use super::step::{Step, note};
use crate::command;

pub(super) struct Target<'a> {
    pub(super) report: &'a Report,
    pub(super) region: &'a str,
    pub(super) cache: &'a CacheFacts,
    pub(super) engine: &'a Engine,
}

impl<'a> Target<'a> {
    /// What a person is to do something about; `None` where there is nothing that a person can do.
    pub(super) fn of(report: &'a Report, finding: &'a Finding) -> Option<Self> {
        let cache = report.cache.as_ref()?;
        let pending = matches!(finding.remedy, Remedy::Pending(_));
        if !command::is_id(&cache.id)
            || finding.remedy.action().is_some()
            || (pending && matches!(finding.check, Check::PublicEndpoint | Check::PublicSubnet))
        {
            return None;
        }
        let engine = match &finding.evidence {
            Evidence::Port { engine, port: Some(_) } | Evidence::Setting { engine, .. } => engine,
            Evidence::Port { port: None, .. }
            | Evidence::Rule { .. }
            | Evidence::UnreadableRule { .. }
            | Evidence::UnreadableGroups(_)
            | Evidence::Entries { .. }
            | Evidence::UnnamedSubject { .. } => return None,
        };
        Some(Self { report, region: &report.event.region, cache, engine })
    }

    /// The planner knows every input of a cache, and this does not: the way to another port is its plan.
    pub(super) fn default_port(&self) -> Vec<Step> {
        let mut steps = vec![self.plan()];
        if self.report.deployment.moves {
            steps.push(Step {
                kind: Kind::Move,
                words: "Let the stack do it: it makes a plan, and asks you for approval before it changes anything."
                    .to_owned(),
                commands: vec![command::start_recreation(self.report)],
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
    pub(super) fn wait(&self) -> Option<Step> {
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
        let status = plain(&cache.status, 40);
        Some(Step {
            kind: Kind::Wait,
            words: format!("The cache is {status}: the following steps work when it is available."),
            commands: vec![command],
        })
    }

    /// The plan of a new cache beside this one, and its inputs as the planner has them, with ` | .A = b` for what can only
    /// be given to a new one. The port is named, as the planner moves nothing from a port of its own without. What is
    /// against the plan goes to the person, not into the file.
    pub(super) fn inputs(&self, id: &str, change: &str) -> Vec<String> {
        let taken = self.cache.ports.iter().copied().collect();
        let port = replacement::free_port(&self.report.subject().arn, &taken);
        let plan = format!("{} --port {port}", command::plan_of(id, self.report));
        let inputs = format!(
            "{plan} --json | jq -e 'if .create then .create.parameters{change} else .reasons | map(\"\\(.field): \\(.why)\\n\") | add | halt_error end' > create.json"
        );
        vec![plan, inputs]
    }

    /// The version is not shown, and the commands depend on it.
    pub(super) fn see_version(&self, check: Check) -> Step {
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
    pub(super) fn named(&self, ending: &str) -> String {
        replacement::derived(&self.cache.id, ending)
    }
}
