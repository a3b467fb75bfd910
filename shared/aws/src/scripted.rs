//! A scripted AWS account for the tests: what is in it, what goes wrong, and the calls made.
//!
//! It answers as AWS documents it, so that a test can look at the state that is left behind.

mod ec2;
mod elasticache;
mod ledger;
mod looking;
mod network;
mod samples;
mod starts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::operation::describe_network_interfaces::DescribeNetworkInterfacesInput;
use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressInput;
use aws_sdk_ec2::types::{
    NetworkInterface, PrefixListEntry, RouteTable, SecurityGroup, SecurityGroupRule as Rule,
    SecurityGroupVpcAssociation, Vpc, VpcBlockPublicAccessExclusion, VpcBlockPublicAccessOptions,
};
use aws_sdk_elasticache::types::{
    CacheCluster, CacheSubnetGroup, ReplicationGroup, ServerlessCache,
};
use aws_sdk_scheduler::operation::create_schedule::{CreateScheduleInput, CreateScheduleOutput};
use aws_sdk_sns::operation::publish::{PublishInput, PublishOutput};
use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
use aws_smithy_mocks::{MockResponse, RuleBuilder, RuleMode, mock, mock_client};
use portcullis_engine::settings::{Mode, Settings};
use serde_json::Value;
use tokio::time::Instant;

use crate::Shell;
use crate::clients::Lazy;
use crate::exceptions;
use crate::publish::Notifier;

pub(crate) use ec2::{ROUND_TRIP, silent, throttled_revoke};
pub(crate) use ledger::{LEDGER, Silent, Stored};
pub(crate) use samples::{
    ACCOUNT, EXCEPTIONS, NOW, SCHEDULES, event, event_on, interface, rule, settings, vpc,
};
pub(crate) use starts::MACHINE;

/// The account. A test changes it through [`Account::now`], and reads there what is left.
#[derive(Clone)]
pub(crate) struct Account(Arc<Mutex<State>>);

/// What is in the account, and what was asked of it.
pub(crate) struct State {
    /// Every call with its virtual time since the start, in order.
    pub(crate) calls: Vec<(&'static str, Duration)>,
    /// What was sent to change the account or to tell people.
    pub(crate) revokes: Vec<RevokeSecurityGroupIngressInput>,
    pub(crate) published: Vec<PublishInput>,
    pub(crate) queued: Vec<SendMessageInput>,
    pub(crate) scheduled: Vec<CreateScheduleInput>,
    pub(crate) interface_looks: Vec<DescribeNetworkInterfacesInput>,
    /// How many rules were authorized, and how many a group may have.
    pub(crate) granted: usize,
    pub(crate) quota: usize,
    /// The rules of each group, ingress and egress.
    pub(crate) rules: BTreeMap<String, Vec<Rule>>,
    pub(crate) groups: Vec<SecurityGroup>,
    pub(crate) lists: BTreeMap<String, Vec<PrefixListEntry>>,
    pub(crate) interfaces: Vec<NetworkInterface>,
    /// VPC block public access, and what is excluded from it.
    pub(crate) block: Option<VpcBlockPublicAccessOptions>,
    pub(crate) exclusions: Vec<VpcBlockPublicAccessExclusion>,
    pub(crate) vpcs: Vec<Vpc>,
    /// The VPCs that groups are associated with besides their own.
    pub(crate) associations: Vec<SecurityGroupVpcAssociation>,
    pub(crate) route_tables: Vec<RouteTable>,
    pub(crate) subnet_groups: Vec<CacheSubnetGroup>,
    pub(crate) clusters: Vec<CacheCluster>,
    pub(crate) replication_groups: Vec<ReplicationGroup>,
    pub(crate) serverless: Vec<ServerlessCache>,
    /// The names of the re-creations that were started, and whether they run.
    pub(crate) executions: BTreeMap<String, bool>,
    /// The items of the ledger, by subject and finding.
    pub(crate) ledger: BTreeMap<(String, String), Stored>,
    /// How many looks it takes until what is there is shown, by id.
    pub(crate) late: BTreeMap<String, usize>,
    /// For how many looks a revoked rule is still shown.
    pub(crate) linger: usize,
    lingering: Vec<(Rule, usize)>,
    /// Items to a page.
    pub(crate) page: usize,
    /// Items to a batch.
    pub(crate) batch: usize,
    /// Items of the ledger that were read.
    pub(crate) read: usize,
    pub(crate) failures: Vec<(&'static str, String, &'static str)>,
    start: Instant,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            calls: Vec::new(),
            revokes: Vec::new(),
            published: Vec::new(),
            queued: Vec::new(),
            scheduled: Vec::new(),
            interface_looks: Vec::new(),
            granted: 0,
            quota: 60,
            rules: BTreeMap::new(),
            groups: Vec::new(),
            lists: BTreeMap::new(),
            interfaces: Vec::new(),
            block: None,
            exclusions: Vec::new(),
            vpcs: Vec::new(),
            associations: Vec::new(),
            route_tables: Vec::new(),
            subnet_groups: Vec::new(),
            clusters: Vec::new(),
            replication_groups: Vec::new(),
            serverless: Vec::new(),
            executions: BTreeMap::new(),
            ledger: BTreeMap::new(),
            late: BTreeMap::new(),
            linger: 0,
            lingering: Vec::new(),
            page: 1000,
            batch: 100,
            read: 0,
            failures: Vec::new(),
            start: Instant::now(),
        })))
    }

    /// The state as it is now.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the account in hand")
    }

    /// The account with these rules in a group of it, which is made if need be.
    pub(crate) fn with(self, group: &str, rules: impl IntoIterator<Item = Rule>) -> Self {
        let of_group = rules.into_iter().map(|mut rule| {
            rule.group_id = Some(group.to_owned());
            rule
        });
        self.now().rules.entry(group.to_owned()).or_default().extend(of_group);
        let shown = SecurityGroup::builder().group_id(group).group_name(format!("{group}-name"));
        self.now().groups.push(shown.vpc_id("vpc-1").build());
        self
    }

    /// From now on, `call` fails with `code` where it names `subject`: a group, a rule, a list.
    pub(crate) fn fail(&self, call: &'static str, subject: &str, code: &'static str) {
        self.now().failures.push((call, subject.to_owned(), code));
    }

    /// The names of the calls made, in order.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.now().calls.iter().map(|(name, _)| *name).collect()
    }

    /// How often `call` was made.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls().into_iter().filter(|name| *name == call).count()
    }

    /// The ids of the rules that a group has, whether Describe shows them or not.
    pub(crate) fn rule_ids(&self, group: &str) -> Vec<String> {
        let state = self.now();
        let rules = state.rules.get(group).map(Vec::as_slice).unwrap_or_default();
        rules.iter().filter_map(|rule| rule.security_group_rule_id.clone()).collect()
    }

    /// Everything that a function needs, in this account.
    pub(crate) fn shell(&self, mode: Mode) -> Shell {
        Shell {
            settings: Settings { mode, ..settings() },
            exceptions: exceptions::read(Some(EXCEPTIONS.to_owned())),
            ec2: self.ec2(),
            informs: self.ec2(),
            elasticache: made_at_once(self.elasticache()),
            notifier: self.notifier(),
            sqs: made_at_once(self.sqs()),
            scheduler: made_at_once(self.scheduler()),
            config: SdkConfig::builder().build(),
            ledger: self.ledger(),
            metrics: count,
            spent: crate::shell::Spent::default(),
            now: || NOW,
        }
    }

    /// SQS takes a message.
    fn sqs(&self) -> aws_sdk_sqs::Client {
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is queued")]
        let send = self.on(
            "SendMessage",
            mock!(aws_sdk_sqs::Client::send_message),
            |input| vec![input.queue_url.clone()],
            |state, input| {
                state.queued.push(input.clone());
                Ok(SendMessageOutput::builder().message_id("m-1").build())
            },
        );
        mock_client!(aws_sdk_sqs, RuleMode::MatchAny, &[send], |config| config
            .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled()))
    }

    /// Scheduler takes a schedule, and refuses another of its name.
    fn scheduler(&self) -> aws_sdk_scheduler::Client {
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is scheduled")]
        let create = self.on(
            "CreateSchedule",
            mock!(aws_sdk_scheduler::Client::create_schedule),
            |input| vec![input.group_name.clone()],
            |state, input| {
                if state.scheduled.iter().any(|there| there.name == input.name) {
                    return Err("ConflictException");
                }
                state.scheduled.push(input.clone());
                CreateScheduleOutput::builder().schedule_arn("arn").build().map_err(|_| "whole")
            },
        );
        mock_client!(aws_sdk_scheduler, RuleMode::MatchAny, &[create], |config| config
            .retry_config(aws_sdk_scheduler::config::retry::RetryConfig::disabled()))
    }

    /// What sends alerts.
    fn notifier(&self) -> Notifier {
        let of_chat = self.sns();
        Notifier::with(settings().topics, self.sns(), move || of_chat, count)
    }

    fn sns(&self) -> aws_sdk_sns::Client {
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is sent")]
        let publish = self.on(
            "Publish",
            mock!(aws_sdk_sns::Client::publish),
            |input| vec![input.topic_arn.clone()],
            |state, input| {
                state.published.push(input.clone());
                Ok(PublishOutput::builder().message_id("m-1").build())
            },
        );
        mock_client!(aws_sdk_sns, RuleMode::MatchAny, &[publish], |config| config
            .retry_config(aws_sdk_sns::config::retry::RetryConfig::disabled()))
    }

    /// A call: counted, failed if the script says so, else answered from the state.
    fn on<I, O, E>(
        &self,
        name: &'static str,
        call: RuleBuilder<I, O, E>,
        subject: fn(&I) -> Vec<Option<String>>,
        answer: fn(&mut State, &I) -> Result<O, &'static str>,
    ) -> aws_smithy_mocks::Rule
    where
        I: Debug + Send + Sync + 'static,
        O: Debug + Send + Sync + 'static,
        E: Debug + Send + Sync + std::error::Error + 'static,
    {
        let account = self.clone();
        call.then_compute_response(move |input| {
            let mut state = account.now();
            let at = state.start.elapsed();
            state.calls.push((name, at));
            let named: Vec<String> = subject(input).into_iter().flatten().collect();
            let failure = state.failures.iter().find(|(call, subject, _)| {
                *call == name && named.iter().any(|named| named == subject)
            });
            let answered = match failure {
                Some((_, _, code)) => Err(*code),
                None => answer(&mut state, input),
            };
            answered.map_or_else(|code| refused(name, code), MockResponse::Output)
        })
    }
}

impl State {
    /// One look for `id`: whether it is shown by now.
    fn looked(&mut self, id: &str) -> bool {
        match self.late.get_mut(id) {
            Some(0) | None => true,
            Some(looks) => {
                *looks -= 1;
                false
            }
        }
    }
}

/// An error as it comes over the wire: EC2's form of XML, that of the query protocol, or JSON.
fn refused<O, E>(call: &str, code: &str) -> MockResponse<O, E> {
    let error = format!("<Error><Code>{code}</Code><Message>as scripted</Message></Error>");
    let body = match call {
        "SendMessage" | "CreateSchedule" | "BatchGetItem" | "Query" | "Scan" | "PutItem"
        | "UpdateItem" => {
            format!(r#"{{"__type":"{code}","message":"as scripted"}}"#)
        }
        "Publish" => format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"),
        cache if cache.contains("Cache") || cache == "DescribeReplicationGroups" => {
            format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")
        }
        _ => format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"),
    };
    let status = 400.try_into().expect("a status code");
    MockResponse::Http(aws_sdk_ec2::config::http::HttpResponse::new(status, body.into()))
}

fn made_at_once<T: Send + 'static>(client: T) -> Lazy<T> {
    Lazy::new(Box::new(move || client))
}

thread_local! {
    static COUNTED: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

fn count(line: &str) {
    let line = serde_json::from_str(line).expect("a metric is JSON");
    COUNTED.with_borrow_mut(|counted| counted.push(line));
}

/// The metrics that this test has printed since it last asked, by name, each with its line.
pub(crate) fn counted() -> Vec<(String, Value)> {
    let name = |line: &Value| line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"].clone();
    let lines = COUNTED.take().into_iter();
    lines.map(|line| (name(&line).as_str().expect("it has a name").to_owned(), line)).collect()
}

/// One page of `items`, and the token of the next.
fn page<T>(items: Vec<T>, token: Option<&str>, size: usize) -> (Vec<T>, Option<String>) {
    let start: usize = token.map_or(0, |token| token.parse().expect("a token of ours"));
    let next = start.saturating_add(size);
    let more = (next < items.len()).then(|| next.to_string());
    (items.into_iter().skip(start).take(size).collect(), more)
}
