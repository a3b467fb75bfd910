//! A plan or a refusal as JSON, `portcullis.plan.v1`, described by `docs/plan.schema.json`.
//!
//! `create.parameters` is what `aws elasticache create-… --cli-input-json` takes. In the place of an
//! AUTH token is a text that AWS refuses; `create.authTokenSecret` names the secret that keeps it.

use portcullis_engine::facts::Tag;
use portcullis_engine::text::harmless_json;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::around;
use crate::describe::LogDelivery;
use crate::facts::Seen;
use crate::ingress::{Closing, NewRule, NotOpened};
use crate::patch::Tool;
use crate::plan::{Afterwards, Answer, Disposition, Input, Plan, Refusal, SnapshotOf, Subject};
use crate::request::{Request, Shard, Token, Value};
use crate::steps::{Step, Who};

/// The schema's name; it changes when a reader would misread what is written.
pub const SCHEMA: &str = "portcullis.plan.v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'a> {
    schema: &'static str,
    outcome: &'static str,
    fingerprint: &'a str,
    cache: Json,
    from_port: u16,
    to_port: u16,
    create: Json,
    inputs: Vec<Json>,
    snapshot: Option<Json>,
    last_snapshot: Option<&'a str>,
    markers: Json,
    afterwards: Vec<Json>,
    ingress: Json,
    losses: Vec<Json>,
    around: Vec<Json>,
    cost: Json,
    clients: &'a [String],
    cautions: &'a [String],
    steps: Vec<Json>,
}

#[derive(Serialize)]
struct RefusalDocument {
    schema: &'static str,
    outcome: &'static str,
    cache: Json,
    reasons: Vec<Json>,
    patch: Option<Json>,
}

/// The answer as a JSON document, indented.
pub fn json(answer: &Answer) -> String {
    // Strings, numbers and lists of them always serialise.
    let json = match answer {
        Answer::Plan(plan) => serde_json::to_string_pretty(&document(plan)),
        Answer::Refused(refusal) => serde_json::to_string_pretty(&refused(refusal)),
    };
    harmless_json(&json.unwrap_or_default())
}

fn document(plan: &Plan) -> PlanDocument<'_> {
    let around = around::lines(plan).into_iter().map(|line| {
        let (known, found) = match line.seen {
            Seen::Unknown => (false, [].as_slice()),
            Seen::Read(found) => (true, found.as_slice()),
        };
        json!({"what": line.what, "known": known, "found": found, "then": line.then, "look": line.look})
    });
    PlanDocument {
        schema: SCHEMA,
        outcome: "plan",
        fingerprint: &plan.fingerprint,
        cache: subject(&plan.cache),
        from_port: plan.now.port,
        to_port: plan.create.port,
        create: json!({
            "operation": plan.create.operation(),
            "parameters": parameters(&plan.create),
            "authTokenSecret": match &plan.create.auth_token {
                Token::None | Token::Hidden => None,
                Token::Secret(arn) => Some(arn),
            },
        }),
        inputs: plan.inputs.iter().map(input).collect(),
        snapshot: plan.snapshot.as_ref().map(|snapshot| match &snapshot.of {
            SnapshotOf::Group(id) => json!({"name": snapshot.name, "replicationGroupId": id}),
            SnapshotOf::Cluster(id) => json!({"name": snapshot.name, "cacheClusterId": id}),
        }),
        last_snapshot: plan.last_snapshot.as_deref(),
        markers: plan.markers.iter().map(tag).collect(),
        afterwards: plan.afterwards.iter().map(afterwards).collect(),
        ingress: json!({
            "open": plan.ingress.open.iter().map(opened).collect::<Vec<_>>(),
            "opened": plan.ingress.opened.iter().map(opened).collect::<Vec<_>>(),
            "notOpened": plan.ingress.left.iter().map(not_opened).collect::<Vec<_>>(),
            "close": plan.ingress.close.iter().map(closing).collect::<Vec<_>>(),
        }),
        losses: plan
            .losses
            .iter()
            .map(|loss| json!({"input": loss.input, "what": loss.what}))
            .collect(),
        around: around.collect(),
        cost: json!({
            "nodes": plan.cost.nodes,
            "nodeType": plan.cost.node_type,
            "nodeHoursADay": plan.cost.node_hours_a_day(),
            "manualSnapshots": plan.cost.snapshots,
            "lastSnapshotSizes": plan.cost.snapshot_sizes,
            "automaticSnapshotDays": plan.cost.retention,
        }),
        clients: &plan.clients,
        cautions: &plan.cautions,
        steps: plan.steps.iter().map(step).collect(),
    }
}

fn refused(refusal: &Refusal) -> RefusalDocument {
    let reasons = refusal.reasons.iter();
    RefusalDocument {
        schema: SCHEMA,
        outcome: "refused",
        cache: subject(&refusal.cache),
        reasons: reasons
            .map(|r| json!({"field": r.field, "why": r.why, "remedy": r.remedy}))
            .collect(),
        patch: refusal.patch.as_ref().map(|patch| {
            let tool = match patch.tool {
                Tool::CloudFormation => "cloudformation",
                Tool::Terraform => "terraform",
            };
            json!({
                "tool": tool, "how": patch.how,
                "cloudformation": patch.cloudformation, "terraform": patch.terraform,
            })
        }),
    }
}

fn subject(cache: &Subject) -> Json {
    json!({
        "id": cache.id,
        "arn": cache.arn,
        "engine": cache.engine.as_str(),
        "kind": cache.kind,
        "port": (cache.port != 0).then_some(cache.port),
    })
}

fn input(input: &Input) -> Json {
    let (disposition, because) = match &input.disposition {
        Disposition::Same => ("same", None),
        Disposition::Changed(because) => ("changed", Some(because.as_str())),
        Disposition::Unused => ("unused", None),
        Disposition::Never(because) => ("never", Some(*because)),
    };
    json!({"name": input.name, "now": shown(&input.now), "then": shown(&input.then), "fate": disposition, "because": because})
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Token(Token::Hidden) => json!("set, not shown by AWS"),
        Value::Token(Token::Secret(arn)) => json!({"secret": arn}),
        Value::Unset
        | Value::Text(_)
        | Value::Number(_)
        | Value::Flag(_)
        | Value::List(_)
        | Value::Tags(_)
        | Value::Shards(_)
        | Value::Logs(_)
        | Value::Token(Token::None) => parameter(value).unwrap_or(Json::Null),
    }
}

/// What stands in for the AUTH token. It is too short for one, and has characters that none may have
/// (service model, AuthToken): who sends it is refused, where nothing at all would let anyone in.
const NO_TOKEN: &str = "(in the secret)";

/// The inputs as the API takes them, without those that are not given.
/// What makes this cache: `--cli-input-json` takes it.
pub(crate) fn parameters(request: &Request) -> Map<String, Json> {
    let given = request.inputs().into_iter();
    let mut parameters: Map<_, _> =
        given.filter_map(|(name, value)| Some((name.to_owned(), parameter(&value)?))).collect();
    if request.auth_token != Token::None {
        parameters.insert("AuthToken".to_owned(), json!(NO_TOKEN));
    }
    parameters
}

fn parameter(value: &Value) -> Option<Json> {
    match value {
        Value::Unset | Value::Token(_) => None,
        Value::Text(text) => Some(json!(text)),
        Value::Number(number) => Some(json!(number)),
        Value::Flag(flag) => Some(json!(flag)),
        Value::List(items) => Some(json!(items)),
        Value::Tags(tags) => Some(tags.iter().map(tag).collect()),
        Value::Shards(shards) => Some(shards.iter().map(shard).collect()),
        Value::Logs(logs) => Some(logs.iter().map(log).collect()),
    }
}

fn tag(tag: &Tag) -> Json {
    json!({"Key": tag.key, "Value": tag.value})
}

fn shard(shard: &Shard) -> Json {
    let Shard { id, slots, primary_zone, replica_zones } = shard;
    let mut members = Map::new();
    members.insert("NodeGroupId".to_owned(), json!(id));
    if let Some(slots) = slots {
        members.insert("Slots".to_owned(), json!(slots));
    }
    members.insert("ReplicaCount".to_owned(), json!(replica_zones.len()));
    members.insert("PrimaryAvailabilityZone".to_owned(), json!(primary_zone));
    if !replica_zones.is_empty() {
        members.insert("ReplicaAvailabilityZones".to_owned(), json!(replica_zones));
    }
    Json::Object(members)
}

fn log(log: &LogDelivery) -> Json {
    let LogDelivery { log_type, destination_type, destination_details, log_format, status: _ } =
        log;
    let group = destination_details.cloud_watch_logs.as_ref().and_then(|d| d.log_group.as_ref());
    let stream =
        destination_details.kinesis_firehose.as_ref().and_then(|d| d.delivery_stream.as_ref());
    let details = match (group, stream) {
        (Some(group), _) => json!({"CloudWatchLogsDetails": {"LogGroup": group}}),
        (None, Some(stream)) => json!({"KinesisFirehoseDetails": {"DeliveryStream": stream}}),
        (None, None) => json!({}),
    };
    json!({
        "LogType": log_type, "DestinationType": destination_type, "DestinationDetails": details,
        "LogFormat": log_format, "Enabled": true,
    })
}

fn afterwards(setting: &Afterwards) -> Json {
    match setting {
        Afterwards::SilentTopic => json!({"NotificationTopicStatus": "inactive"}),
        Afterwards::SnapshottingCluster(id) => json!({"SnapshottingClusterId": id}),
    }
}

fn opened(rule: &NewRule) -> Json {
    json!({
        "group": rule.group, "protocol": "tcp", "port": rule.port, "source": rule.source.to_string(),
        "sourceOwner": rule.source_owner, "like": rule.like, "description": rule.description,
    })
}

fn not_opened(left: &NotOpened) -> Json {
    json!({
        "group": left.group, "rule": left.rule.id, "traffic": left.rule.traffic(),
        "source": left.rule.source.to_string(), "because": left.because,
    })
}

fn closing(closing: &Closing) -> Json {
    json!({
        "group": closing.group, "rule": closing.rule.id, "traffic": closing.rule.traffic(),
        "source": closing.rule.source.to_string(), "goes": closing.stays.is_none(), "because": closing.stays,
    })
}

fn step(step: &Step) -> Json {
    json!({
        "id": step.id,
        "who": match step.who { Who::Portcullis => "portcullis", Who::Person => "person" },
        "does": step.does, "undo": step.undo, "commands": step.commands,
    })
}
