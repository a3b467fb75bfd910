//! A replay as one JSON document, `portcullis.replay.v1`.

use portcullis_engine::time::iso;
use serde_json::{Value, json};

use crate::finding::{Finding, Verdict};
use crate::shown::Shown;

/// The document as text, indented. As values, its findings would need ten times as much memory.
pub fn text(shown: &Shown<'_>) -> String {
    const PLACE: &str = "\n  \"findings\": []";
    let whole = format!("{:#}\n", document(shown));
    let (before, after) = whole.split_once(PLACE).unwrap_or((&whole, ""));
    let (end, findings) = (shown.end(), &shown.outcome.findings);
    let mut text = String::with_capacity(whole.len() + findings.len() * 1024);
    text += before;
    text += PLACE.trim_end_matches(']');
    for (at, one) in findings.iter().enumerate() {
        text += if at == 0 { "\n    " } else { ",\n    " };
        text += &format!("{:#}", finding(one, end)).replace('\n', "\n    ");
    }
    text += if findings.is_empty() { "]" } else { "\n  ]" };
    text += after;
    text
}

/// The document without its findings.
fn document(shown: &Shown<'_>) -> Value {
    let (facts, summary) = (shown.facts, &shown.summary);
    let counts = |counts: &[(String, u64)]| -> Value {
        counts.iter().map(|(name, count)| json!({"name": name, "count": count})).collect()
    };
    let by: serde_json::Map<String, Value> =
        summary.by.iter().map(|(by, list)| ((*by).to_owned(), counts(list))).collect();
    let told = shown
        .outcome
        .told
        .iter()
        .map(|(day, told)| json!({"day": day, "alerts": told.alerts, "digests": told.digests}));
    let end = shown.end();
    let mut document = json!({
        "schema": "portcullis.replay.v1",
        "mode": shown.mode,
        "delay": shown.delay,
        "exceptions": shown.exceptions,
        "inputs": {
            "files": facts.inputs.files,
            "bytes": facts.inputs.bytes,
            "records": facts.inputs.records,
            "passedOver": facts.inputs.passed_over,
            "problems": facts.inputs.problems.iter()
                .map(|one| json!({"name": one.name, "problem": one.to_string()})).collect::<Vec<_>>(),
            "mattered": facts.mattered,
            "duplicates": facts.duplicates,
            "events": facts.events,
            "from": facts.span.map(|(first, _)| iso(first)),
            "to": facts.span.map(|(_, last)| iso(last)),
        },
        "statistics": {
            "verdicts": counts(&summary.verdicts),
            "closures": summary.closures,
            "closuresBy": by,
            "shortLived": summary.short_lived,
            "openedAgain": summary.again,
            "undone": facts.own.map(|(closed, undone)| json!({"closed": closed, "undone": undone})),
            "exposureSaved": {
                "seconds": summary.saved,
                "stillOpenSeconds": summary.saved_still_open,
            },
            "messagesPerDay": {
                "median": summary.messages[0],
                "p95": summary.messages[1],
                "most": summary.messages[2],
                "days": summary.days,
            },
            "told": told.collect::<Vec<_>>(),
            "partlyKnown": shown.outcome.partly_known,
            "failed": shown.outcome.failed.iter()
                .map(|(event, why)| json!({"event": event, "why": why})).collect::<Vec<_>>(),
        },
        "unknown": shown.limits(),
        "findings": [],
    });
    if let (Some((dir, changes)), Some(members)) = (&shown.compared, document.as_object_mut()) {
        let changes = changes.iter().map(|change| {
            json!({
                "before": change.before.map(Verdict::words),
                "after": change.after.map(Verdict::words),
                "closes": change.closes(),
                "finding": finding(change.finding, end),
            })
        });
        let compared = json!({"exceptions": dir, "changes": changes.collect::<Vec<_>>()});
        members.insert("compared".to_owned(), compared);
    }
    document
}

fn finding(one: &Finding, end: i64) -> Value {
    json!({
        "id": Some(&one.id).filter(|id| !id.is_empty()),
        "account": *one.place.account,
        "region": *one.place.region,
        "check": one.check.as_str(),
        "severity": one.severity.map(|severity| severity.as_str()),
        "subject": *one.subject,
        "group": one.group.as_deref(),
        "rule": one.told_rule(),
        "evidence": one.evidence,
        "event": {"id": *one.event, "name": one.name, "time": iso(one.at)},
        "actor": {"name": *one.actor.name, "role": one.actor.role, "via": one.actor.via, "arn": one.actor.arn},
        "owner": one.owner.as_ref().map(|owner| json!({"kind": owner.kind, "who": owner.who, "by": owner.by})),
        "verdict": one.verdict.as_str(),
        "suppressedBy": one.verdict.suppressed_by(),
        "because": one.why,
        "unknown": one.unknown,
        "asOfToday": one.as_of_today,
        "wouldClose": one.would_close.map(iso),
        "life": {
            "openSeconds": one.open(end),
            "closed": one.life.closed.as_ref().map(|(at, by)| json!({"at": iso(*at), "by": **by})),
            "openedAgain": one.life.again.map(iso),
        },
    })
}
