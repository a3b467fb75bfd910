//! An account that is a document: it answers each call from the lists in it, over the wire, in the XML
//! and JSON of the services. A list that only tells more, and is not in the document, may not be read.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat};
use aws_sdk_ec2::config::http::HttpResponse;
use aws_smithy_mocks::{MockResponse, Rule, RuleBuilder, RuleMode, mock, mock_client};
use serde_json::{Value, json};

use crate::Clients;

#[derive(Clone)]
pub(super) struct Described(Arc<Mutex<State>>);

struct State {
    lists: Value,
    /// The tags of each resource.
    tags: BTreeMap<String, Value>,
    /// Items to a page.
    page: usize,
    refused: Vec<(&'static str, &'static str)>,
    calls: Vec<String>,
}

/// A page of a list, and the token of the next.
type Page = (Vec<Value>, Option<String>);

impl Described {
    /// The account with these lists; `TagList` is of the cache with this ARN.
    pub(super) fn new(lists: Value, arn: &str) -> Self {
        let tags =
            lists.get("TagList").map(|tags| (arn.to_owned(), tags.clone())).into_iter().collect();
        Self(Arc::new(Mutex::new(State {
            lists,
            tags,
            page: 100,
            refused: Vec::new(),
            calls: Vec::new(),
        })))
    }

    /// The same with so many items to a page.
    pub(super) fn paged(self, page: usize) -> Self {
        self.0.lock().unwrap().page = page;
        self
    }

    /// The same with tags on another resource.
    pub(super) fn tagged(self, arn: &str, tags: Value) -> Self {
        self.0.lock().unwrap().tags.insert(arn.to_owned(), tags);
        self
    }

    /// The same, but this call is refused.
    pub(super) fn refusing(self, call: &'static str, code: &'static str) -> Self {
        self.0.lock().unwrap().refused.push((call, code));
        self
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    pub(super) fn count(&self, call: &str) -> usize {
        self.calls().iter().filter(|made| *made == call).count()
    }

    pub(super) fn clients(&self) -> Clients {
        Clients {
            ec2: self.ec2(),
            elasticache: self.elasticache(),
            cloudwatch: self.cloudwatch(),
            scaling: self.scaling(),
        }
    }

    /// A call is counted, refused if it is to be, and answered with a page of what `find` finds.
    fn answer(
        &self,
        call: &'static str,
        token: Option<&str>,
        find: impl FnOnce(&State) -> Result<Vec<Value>, &'static str>,
    ) -> Result<Page, &'static str> {
        let mut state = self.0.lock().unwrap();
        state.calls.push(call.to_owned());
        if let Some((_, code)) = state.refused.iter().find(|(refused, _)| *refused == call) {
            return Err(code);
        }
        let found = find(&state)?;
        let start: usize = token.map_or(0, |token| token.parse().unwrap());
        let next = start + state.page;
        let more = (next < found.len()).then(|| next.to_string());
        Ok((found.into_iter().skip(start).take(state.page).collect(), more))
    }

    fn on<I, O, E>(
        &self,
        rule: RuleBuilder<I, O, E>,
        answer: impl Fn(&Self, &I) -> HttpResponse + Send + Sync + 'static,
    ) -> Rule
    where
        I: Debug + Send + Sync + 'static,
        O: Debug + Send + Sync + 'static,
        E: Debug + Send + Sync + std::error::Error + 'static,
    {
        let account = self.clone();
        rule.then_compute_response(move |input| MockResponse::Http(answer(&account, input)))
    }

    fn elasticache(&self) -> aws_sdk_elasticache::Client {
        use aws_sdk_elasticache::Client;
        let script = [
            self.on(mock!(Client::describe_replication_groups), |account, input| {
                account.caches(
                    "DescribeReplicationGroups",
                    "ReplicationGroups",
                    &input.marker,
                    |_| true,
                )
            }),
            self.on(mock!(Client::describe_cache_clusters), |account, input| {
                assert_eq!(input.show_cache_node_info, Some(true), "ports are on the nodes");
                account.caches("DescribeCacheClusters", "CacheClusters", &input.marker, |_| true)
            }),
            self.on(mock!(Client::describe_serverless_caches), |account, input| {
                let is = |cache: &Value| {
                    cache["ServerlessCacheName"].as_str() == input.serverless_cache_name()
                };
                account.caches("DescribeServerlessCaches", "ServerlessCaches", &None, is)
            }),
            self.on(mock!(Client::describe_cache_subnet_groups), |account, input| {
                let is = |group: &Value| {
                    group["CacheSubnetGroupName"].as_str() == input.cache_subnet_group_name()
                };
                account.caches("DescribeCacheSubnetGroups", "CacheSubnetGroups", &input.marker, is)
            }),
            self.on(mock!(Client::describe_snapshots), |account, input| {
                let is = |snapshot: &Value| match input.cache_cluster_id() {
                    Some(id) => snapshot["CacheClusterId"] == id,
                    None => snapshot["ReplicationGroupId"].as_str() == input.replication_group_id(),
                };
                account.caches("DescribeSnapshots", "Snapshots", &input.marker, is)
            }),
            self.on(mock!(Client::describe_cache_engine_versions), |account, input| {
                let is = |version: &Value| version["Engine"].as_str() == input.engine();
                account.caches(
                    "DescribeCacheEngineVersions",
                    "CacheEngineVersions",
                    &input.marker,
                    is,
                )
            }),
            self.on(mock!(Client::list_tags_for_resource), |account, input| {
                let arn = input.resource_name().unwrap();
                let call = "ListTagsForResource";
                // Its answer has no pages: the list is one item of one.
                let tags = account.answer(call, None, |state| {
                    Ok(vec![state.tags.get(arn).cloned().unwrap_or_else(|| json!([]))])
                });
                let tags = tags.map(|(mut all, _)| match all.remove(0) {
                    Value::Array(tags) => (tags, None),
                    other => panic!("{other} is no list of tags"),
                });
                query(call, "TagList", tags)
            }),
        ];
        let off = aws_sdk_elasticache::config::retry::RetryConfig::disabled();
        let region = aws_sdk_elasticache::config::Region::new("eu-west-1");
        mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, &script, |config| config
            .retry_config(off.clone())
            .region(region.clone()))
    }

    fn caches(
        &self,
        call: &'static str,
        list: &'static str,
        token: &Option<String>,
        is: impl Fn(&Value) -> bool,
    ) -> HttpResponse {
        query(call, list, self.answer(call, token.as_deref(), |state| state.list(list, is)))
    }

    fn ec2(&self) -> aws_sdk_ec2::Client {
        use aws_sdk_ec2::Client;
        let script = [
            self.on(mock!(Client::describe_security_groups), |account, input| {
                let is =
                    |group: &Value| input.group_ids().iter().any(|id| group["GroupId"] == **id);
                account.network("DescribeSecurityGroups", "SecurityGroups", &input.next_token, is)
            }),
            self.on(mock!(Client::describe_security_group_rules), |account, input| {
                let of = &input.filters()[0].values()[0];
                let (call, list) = ("DescribeSecurityGroupRules", "SecurityGroupRules");
                account.network(call, list, &input.next_token, |rule| rule["GroupId"] == **of)
            }),
            self.on(mock!(Client::describe_subnets), |account, input| {
                let is =
                    |subnet: &Value| input.subnet_ids().iter().any(|id| subnet["SubnetId"] == **id);
                account.network("DescribeSubnets", "Subnets", &input.next_token, is)
            }),
            self.on(mock!(Client::get_managed_prefix_list_entries), |account, input| {
                let call = "GetManagedPrefixListEntries";
                let entries = account.answer(call, input.next_token(), |state| {
                    let id = input.prefix_list_id().unwrap();
                    let lists = state.list("PrefixLists", |list| list["PrefixListId"] == id)?;
                    let list = lists.first().ok_or("InvalidPrefixListID.NotFound")?;
                    Ok(list["Entries"].as_array().unwrap().clone())
                });
                ec2(call, "Entries", entries)
            }),
        ];
        let off = aws_sdk_ec2::config::retry::RetryConfig::disabled();
        mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &script, |config| config
            .retry_config(off.clone()))
    }

    fn network(
        &self,
        call: &'static str,
        list: &'static str,
        token: &Option<String>,
        is: impl Fn(&Value) -> bool,
    ) -> HttpResponse {
        ec2(call, list, self.answer(call, token.as_deref(), |state| state.list(list, is)))
    }

    fn scaling(&self) -> aws_sdk_applicationautoscaling::Client {
        use aws_sdk_applicationautoscaling::Client;
        let script = [self.on(mock!(Client::describe_scalable_targets), |account, input| {
            assert_eq!(input.service_namespace().map(|name| name.as_str()), Some("elasticache"));
            let call = "DescribeScalableTargets";
            let targets = account.answer(call, input.next_token(), |state| {
                let is = |id: &Value| input.resource_ids().iter().any(|asked| *id == **asked);
                state.list("ScalableTargets", |target| is(&target["ResourceId"]))
            });
            match targets {
                Ok((targets, next)) => {
                    let body = json!({"ScalableTargets": targets, "NextToken": next});
                    response(200, body.to_string())
                }
                Err("AccessDenied") => {
                    response(400, json!({"__type": "AccessDeniedException"}).to_string())
                }
                Err(code) => response(400, json!({"__type": code}).to_string()),
            }
        })];
        let off = aws_sdk_applicationautoscaling::config::retry::RetryConfig::disabled();
        mock_client!(aws_sdk_applicationautoscaling, RuleMode::MatchAny, &script, |config| config
            .retry_config(off.clone()))
    }

    /// CloudWatch speaks CBOR.
    fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        use aws_sdk_cloudwatch::Client;
        let account = self.clone();
        let script = [mock!(Client::describe_alarms).then_compute_response(move |input| {
            let call = "DescribeAlarms";
            match account.answer(call, input.next_token(), |s| s.list("MetricAlarms", |_| true)) {
                Ok((alarms, next)) => MockResponse::Output(
                    DescribeAlarmsOutput::builder()
                        .set_metric_alarms(Some(alarms.iter().map(alarm).collect()))
                        .set_next_token(next)
                        .build(),
                ),
                Err(code) => {
                    let generic = aws_sdk_cloudwatch::error::ErrorMetadata::builder().code(code);
                    MockResponse::Error(
                        aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsError::generic(
                            generic.build(),
                        ),
                    )
                }
            }
        })];
        let off = aws_sdk_cloudwatch::config::retry::RetryConfig::disabled();
        mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, &script, |config| config
            .retry_config(off.clone()))
    }
}

/// The lists that only tell more.
const OPTIONAL: [&str; 5] =
    ["Snapshots", "CacheEngineVersions", "ScalableTargets", "MetricAlarms", "Subnets"];

impl State {
    fn list(&self, name: &str, is: impl Fn(&Value) -> bool) -> Result<Vec<Value>, &'static str> {
        match self.lists.get(name).and_then(Value::as_array) {
            Some(items) => Ok(items.iter().filter(|item| is(item)).cloned().collect()),
            None if OPTIONAL.contains(&name) && name == "Subnets" => Err("UnauthorizedOperation"),
            None if OPTIONAL.contains(&name) => Err("AccessDenied"),
            None => Ok(Vec::new()),
        }
    }
}

fn alarm(alarm: &Value) -> MetricAlarm {
    let text = |name: &str| alarm[name].as_str().map(str::to_owned);
    let queries = alarm["Metrics"].as_array().into_iter().flatten().map(|query| {
        let of = &query["MetricStat"]["Metric"]["Dimensions"];
        let metric = Metric::builder().set_dimensions(Some(dimensions(of)));
        let stat = MetricStat::builder().metric(metric.build()).build();
        MetricDataQuery::builder().metric_stat(stat).build()
    });
    MetricAlarm::builder()
        .set_alarm_name(text("AlarmName"))
        .set_namespace(text("Namespace"))
        .set_metric_name(text("MetricName"))
        .set_dimensions(Some(dimensions(&alarm["Dimensions"])))
        .set_metrics(Some(queries.collect()))
        .build()
}

fn dimensions(list: &Value) -> Vec<Dimension> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = list.as_array().into_iter().flatten();
    list.map(|d| Dimension::builder().name(text(&d["Name"])).value(text(&d["Value"])).build())
        .collect()
}

fn response(status: u16, body: String) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body.into())
}

/// ElastiCache's query protocol.
fn query(call: &str, list: &str, answer: Result<Page, &'static str>) -> HttpResponse {
    match answer {
        Ok((items, next)) => {
            let items = xml(list, &Value::Array(items), &members);
            let next = next.map(|next| format!("<Marker>{next}</Marker>")).unwrap_or_default();
            let result = format!("<{call}Result>{items}{next}</{call}Result>");
            response(200, format!("<{call}Response>{result}</{call}Response>"))
        }
        Err(code) => {
            let error = format!("<Error><Code>{code}</Code><Message>as scripted</Message></Error>");
            response(400, format!("<ErrorResponse>{error}</ErrorResponse>"))
        }
    }
}

fn ec2(call: &str, list: &str, answer: Result<Page, &'static str>) -> HttpResponse {
    match answer {
        Ok((items, next)) => {
            let items = xml(list, &Value::Array(items), &items_of_ec2);
            let next =
                next.map(|next| format!("<nextToken>{next}</nextToken>")).unwrap_or_default();
            response(200, format!("<{call}Response>{items}{next}</{call}Response>"))
        }
        Err(code) => {
            let error = format!("<Error><Code>{code}</Code><Message>as scripted</Message></Error>");
            response(400, format!("<Response><Errors>{error}</Errors></Response>"))
        }
    }
}

/// How a member is called over the wire, and an item of it if it is a list.
type Names<'a> = &'a dyn Fn(&str) -> (String, &'static str);

fn members(name: &str) -> (String, &'static str) {
    let item = match name {
        "CacheClusters" => "CacheCluster",
        "CacheEngineVersions" => "CacheEngineVersion",
        "CacheNodeIdsToReboot" | "CacheNodeIdsToRemove" => "CacheNodeId",
        "CacheNodes" => "CacheNode",
        "CacheSecurityGroups" => "CacheSecurityGroup",
        "CacheSubnetGroups" => "CacheSubnetGroup",
        "LogDeliveryConfigurations" => "LogDeliveryConfiguration",
        "MemberClusters" => "ClusterId",
        "MemberClustersOutpostArns" => "ReplicationGroupOutpostArn",
        "NodeGroupMembers" => "NodeGroupMember",
        "NodeGroups" => "NodeGroup",
        "NodeSnapshots" => "NodeSnapshot",
        "ReplicationGroups" => "ReplicationGroup",
        "Snapshots" => "Snapshot",
        "Subnets" => "Subnet",
        "TagList" => "Tag",
        _ => "member",
    };
    (name.to_owned(), item)
}

fn items_of_ec2(name: &str) -> (String, &'static str) {
    let name = match name {
        "Entries" => "entrySet".to_owned(),
        "SecurityGroupRules" => "securityGroupRuleSet".to_owned(),
        "SecurityGroups" => "securityGroupInfo".to_owned(),
        "Subnets" => "subnetSet".to_owned(),
        "Tags" => "tagSet".to_owned(),
        other => other[..1].to_ascii_lowercase() + &other[1..],
    };
    (name, "item")
}

fn xml(name: &str, value: &Value, names: Names<'_>) -> String {
    let (tag, item) = names(name);
    let inner = match value {
        Value::Array(items) => items
            .iter()
            .map(|value| format!("<{item}>{}</{item}>", content(value, names)))
            .collect(),
        other => content(other, names),
    };
    format!("<{tag}>{inner}</{tag}>")
}

/// What is pending has names of its own for the items of a list.
fn member(name: &str, value: &Value, names: Names<'_>) -> String {
    let pending = |name: &str| match name {
        "LogDeliveryConfigurations" => (name.to_owned(), "member"),
        other => names(other),
    };
    match name {
        "PendingModifiedValues" => format!("<{name}>{}</{name}>", content(value, &pending)),
        other => xml(other, value, names),
    }
}

fn content(value: &Value, names: Names<'_>) -> String {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| member(name, value, names)).collect()
        }
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        other => other.to_string(),
    }
}
