//! What is counted, in CloudWatch's embedded metric format: a JSON object to a line of standard
//! output, of which CloudWatch makes a metric (CloudWatch user guide, "Embedded metric format").
//!
//! INVARIANT: dimensions hold words of ours alone, never a user's or a resource's. Each set of values
//! is a metric of its own, and costs money.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use portcullis_engine::action::Action;
use portcullis_engine::event::Ignored;
use portcullis_engine::ledger::Revisit;
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::resolution::Resolution;
use portcullis_engine::time;
use serde_json::{Map, Value, json};

/// One number, for people who search the logs with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    name: &'static str,
    /// Names and values of its dimensions.
    dimensions: Vec<(&'static str, &'static str)>,
    amount: Amount,
    event: Option<String>,
    subject: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Amount {
    Count(usize),
    /// Seconds from this time, ISO 8601, to the moment of printing.
    Since(String),
}

/// An event reached the function, whatever becomes of it.
pub(crate) fn arrived(event: &Value) -> Metric {
    Metric::about(id_of(event), "Events", Vec::new())
}

/// An archive delivered it once more.
pub(crate) fn replayed(event: &Value) -> Metric {
    Metric::about(id_of(event), "Replayed", Vec::new())
}

/// It led to nothing.
pub(crate) fn ignored(event: &Value, why: &Ignored) -> Metric {
    Metric::about(id_of(event), "Ignored", vec![("Reason", why.as_str())])
}

/// It could not be read.
pub(crate) fn malformed(event: &Value) -> Metric {
    Metric::about(id_of(event), "Ignored", vec![("Reason", "malformed")])
}

/// SNS did not take the alert of this event.
pub(crate) fn alert_failed(event: &str) -> Metric {
    Metric::about(Some(event.to_owned()), "AlertFailures", Vec::new())
}

/// The chat topic did not take what was to be told of this event.
pub(crate) fn chat_failed(event: &str) -> Metric {
    Metric::about(Some(event.to_owned()), "ChatFailures", Vec::new())
}

/// An event is looked at again at a time of our choosing.
pub(crate) fn arranged(revisit: &Revisit) -> Metric {
    let subject = Some(revisit.subject.clone());
    let why = vec![("Why", revisit.why.as_str())];
    Metric { subject, ..Metric::about(Some(revisit.event.clone()), "Revisits", why) }
}

/// It should be, and nothing will invoke a function at that time: the record stays due.
pub fn count_unscheduled_revisit(revisit: &Revisit, why: &str, line: fn(&str)) {
    let Revisit { subject, event, .. } = revisit;
    tracing::error!(event, subject, "a revisit could not be scheduled: {why}");
    let metric = Metric::about(Some(event.clone()), "RevisitsNotScheduled", Vec::new());
    print([Metric { subject: Some(subject.clone()), ..metric }], line);
}

/// A run of the sweep finished: it looked at all that is there. `unread` is what it could not judge. With
/// `Sweep=enforce`, `stopped` says whether it closes nothing any more.
pub fn count_sweep(run: &str, unread: usize, stopped: Option<bool>) {
    let metric = of_sweep(run);
    let stopped = stopped.map(|stopped| metric("SweepStopped", usize::from(stopped)));
    let metrics = [metric("SweepFinished", 1), metric("SweepUnread", unread)];
    print(metrics.into_iter().chain(stopped), to_stdout);
}

/// What a run of the sweep, or its follow-up, found: what nobody was told of, and calls that were not delivered.
pub fn count_found(run: &str, new: usize, missed: usize) {
    let metric = of_sweep(run);
    let missed = (missed > 0).then(|| metric("MissedCalls", missed));
    print(std::iter::once(metric("SweepNew", new)).chain(missed), to_stdout);
}

/// A metric of a run, by its name and count.
fn of_sweep(run: &str) -> impl Fn(&'static str, usize) -> Metric {
    move |name, count| Metric {
        amount: Amount::Count(count),
        ..Metric::about(Some(run.to_owned()), name, Vec::new())
    }
}

/// The approval page did not check a link, because too many were opened.
pub fn count_unchecked_link() {
    print([Metric::about(None, "LinksNotChecked", Vec::new())], to_stdout);
}

/// What keeps Portcullis from its work, as the check of the trail finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthProblem {
    /// No trail logs what is watched.
    Blind,
    /// Nobody is subscribed to the alerts.
    Mute,
    /// An event rule is disabled, or a function is in another mode than the stack.
    Off,
}

/// The check looked, and there is this trouble or not: 1 or 0, for an alarm.
pub fn count_trouble(trouble: HealthProblem, is_there: bool) {
    print([of_trouble(trouble, is_there)], to_stdout);
}

fn of_trouble(trouble: HealthProblem, is_there: bool) -> Metric {
    let metric = match trouble {
        HealthProblem::Blind => Metric::about(None, "Blind", Vec::new()),
        HealthProblem::Mute => Metric::about(None, "Mute", Vec::new()),
        HealthProblem::Off => Metric::about(None, "Off", Vec::new()),
    };
    Metric { amount: Amount::Count(is_there.into()), ..metric }
}

/// What was found, what came of it, and how long what was closed had been open. To be printed as
/// soon as it is seen to be closed. Nothing, if nothing was found. How long is said of calls only: after a revisit it would be
/// how long Portcullis itself chose to wait.
pub(crate) fn acted(report: &Report, is_call: bool) -> Vec<Metric> {
    let metric = |name, dimensions, amount| Metric {
        name,
        dimensions,
        amount,
        event: Some(report.event.id.clone()),
        subject: Some(report.subject().id.clone()),
    };
    let mut findings = BTreeMap::new();
    for Reported { finding, severity, .. } in report.all() {
        *findings.entry((finding.check.as_str(), severity.as_str())).or_insert(0) += 1;
    }
    let findings = findings.into_iter().map(|((check, severity), count)| {
        metric("Findings", vec![("Check", check), ("Severity", severity)], Amount::Count(count))
    });
    let actions = ends(report).into_iter().map(|((action, outcome), ids)| {
        let dimensions = vec![("Action", action), ("Outcome", outcome.as_str())];
        metric("Actions", dimensions, Amount::Count(ids.len()))
    });
    let mut metrics: Vec<Metric> = findings.chain(actions).collect();
    if is_call && report.all().iter().any(|reported| reported.resolution == Resolution::Done) {
        let since = Amount::Since(report.event.time.clone());
        metrics.push(metric("ContainmentSeconds", Vec::new(), since));
    }
    metrics
}

/// The ids of each action and outcome: a rule may be at fault in two ways, and counts once.
fn ends(report: &Report) -> BTreeMap<(&'static str, Resolution), BTreeSet<&str>> {
    let mut ends: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    let tried: BTreeSet<&str> = report.decision.actions().into_iter().map(Action::id).collect();
    for reported in report.findings.iter().chain(&report.known) {
        let Some(action) = reported.action() else { continue };
        let is_counted = match reported.resolution {
            Resolution::Manual | Resolution::Pending => false,
            Resolution::NotRemediated => !tried.contains(action.id()),
            Resolution::Done
            | Resolution::AlreadyGone
            | Resolution::Started
            | Resolution::AlreadyStarted
            | Resolution::Failed
            | Resolution::Resolved => true,
        };
        if is_counted {
            let end = (action.as_str(), reported.resolution);
            ends.entry(end).or_default().insert(action.id());
        }
    }
    ends
}

/// CloudTrail's id of an event that is not read yet, else EventBridge's.
fn id_of(event: &Value) -> Option<String> {
    let id = event.pointer("/detail/eventID").or_else(|| event.get("id"))?.as_str()?;
    Some(id.chars().take(64).collect())
}

/// Prints one line to a metric. Lambda's log is where CloudWatch looks for them.
pub(crate) fn print(metrics: impl IntoIterator<Item = Metric>, line: fn(&str)) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a metric is of the moment at which it is printed"
    )]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    for metric in metrics {
        if let Some(metric) = metric.line(now) {
            line(&metric);
        }
    }
}

/// Past `tracing`, which would wrap it: the object has to be the whole line.
pub fn to_stdout(line: &str) {
    #[expect(clippy::print_stdout, reason = "the one place that prints")]
    {
        println!("{line}");
    }
}

impl Metric {
    fn about(
        event: Option<String>,
        name: &'static str,
        dimensions: Vec<(&'static str, &'static str)>,
    ) -> Self {
        Self { name, dimensions, amount: Amount::Count(1), event, subject: None }
    }

    /// The line at a time since 1970; none if the event's time is not one.
    fn line(&self, now: Duration) -> Option<String> {
        let (amount, unit) = match &self.amount {
            Amount::Count(count) => (json!(count), "Count"),
            Amount::Since(then) => {
                let then = time::read(then)?.unix_timestamp_nanos() as f64 / 1e9;
                // CloudTrail's clock is not ours.
                let seconds = (now.as_secs_f64() - then).max(0.0);
                (json!((seconds * 1000.0).round() / 1000.0), "Seconds")
            }
        };
        let names: Vec<&str> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let mut line = Map::new();
        let directive = json!({
            "Namespace": "Portcullis",
            "Dimensions": [names],
            "Metrics": [{ "Name": self.name, "Unit": unit }],
        });
        line.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": milliseconds, "CloudWatchMetrics": [directive] }),
        );
        line.extend(self.dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        line.insert(self.name.to_owned(), amount);
        line.extend(self.event.iter().map(|id| ("eventId".to_owned(), json!(id))));
        line.extend(self.subject.iter().map(|id| ("subject".to_owned(), json!(id))));
        Some(Value::Object(line).to_string())
    }
}

#[cfg(test)]
mod tests;
