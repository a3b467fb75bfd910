//! What no event told: it waits for the run's follow-up, which looks its call up, and has the call delivered.

use std::collections::BTreeSet;

use portcullis_aws::{schedule, unqualified};
use portcullis_engine::event::{Event, EventName, Parsed, parse, redelivered};
use portcullis_engine::ledger::Key;
use portcullis_engine::sweep::{
    Comparison, Follow, Found, LateRevisit, Observations, RunStart, Split,
};
use portcullis_engine::time::iso;
use serde_json::Value;

use crate::lookup::search;
use crate::run::{Asked, Sweep};
use crate::told::Followed;

/// What is said of what no call made.
const NO_CALL: &str = "no call was found in the event history";
const NOT_READ: &str = "the event history could not be read to its end";

impl Sweep {
    /// Takes out of the comparison what waits, and what the functions tell to which calls are delivered now. `before` is
    /// what the last run left.
    pub(crate) async fn follow(
        &self,
        asked: &Asked,
        begun: &RunStart,
        before: Option<&Follow>,
        (looked, late): (&Observations, Vec<LateRevisit>),
        compared: &mut Comparison,
    ) -> Followed {
        let now = asked.now;
        let mut followed = Followed { late, ..Followed::default() };
        followed.late.extend(before.into_iter().flat_map(|before| before.late.iter().cloned()));
        let since = Follow::since(begun.run.finished.as_deref(), before, now);
        let Split { mut look_up, wait } = if asked.follows_up {
            Split::of_follow_up(compared)
        } else {
            Split::of(compared, looked, before, begun.baseline, now)
        };
        let mut fresh = BTreeSet::new();
        if !wait.is_empty() {
            let mut next = Follow {
                seen: iso(now),
                since: iso(since),
                keys: wait.iter().cloned().collect(),
                unread: compared.unknown,
                late: Vec::new(),
            };
            match self.schedule(asked).await {
                Ok(()) => {
                    next.late = std::mem::take(&mut followed.late);
                    compared.without(&wait);
                    followed.next = Some(next);
                }
                Err(why) => {
                    tracing::error!("no time could be arranged for the follow-up: {why}");
                    let is_new =
                        |key: &&Key| compared.changes.get(*key).is_some_and(|one| one.is_new());
                    fresh = wait.iter().filter(is_new).cloned().collect();
                    look_up.extend(fresh.iter().cloned());
                    followed.next = Some(next);
                }
            }
        }
        if look_up.is_empty() {
            return followed;
        }
        let (calls, note) = self.calls(&look_up, looked, since, now).await;
        let mut told: BTreeSet<Key> = BTreeSet::new();
        for call in calls {
            match self.revisits.invoke(call.event.is_of_group(), call.payload.to_string()).await {
                Ok(()) => {
                    let Event { id, time, .. } = &call.event;
                    tracing::warn!(event = id, time, name = call.event.call(), "a call was missed");
                    followed.missed += 1;
                    told.extend(call.keys);
                }
                Err(why) => tracing::error!(event = call.event.id, "not delivered: {why}"),
            }
        }
        compared.without(&told);
        // The event history may not have their calls yet.
        let young: BTreeSet<Key> = fresh.difference(&told).cloned().collect();
        compared.without(&young);
        if !fresh.is_empty() {
            if let Some(next) = &mut followed.next {
                next.keys = young.iter().cloned().collect();
            }
            followed.next = followed.next.filter(|next| !next.keys.is_empty());
        }
        let rest = look_up.into_iter().filter(|key| compared.changes.contains_key(key));
        followed.notes = rest.map(|key| (key, note)).collect();
        followed
    }

    async fn schedule(&self, asked: &Asked) -> Result<(), String> {
        let place = self.settings.schedules.as_ref().ok_or("no group of schedules is set")?;
        let function = unqualified(&asked.arn).ok_or("the function was invoked without an ARN")?;
        schedule(&self.scheduler, place, &function, &Follow::schedule(asked.now)).await
    }

    /// The calls that may have made these, each of which the newest counts; and what is said of what none made.
    async fn calls(
        &self,
        keys: &BTreeSet<Key>,
        looked: &Observations,
        since: i64,
        until: i64,
    ) -> (Vec<Call>, &'static str) {
        let mut open: Vec<&Found> = keys.iter().filter_map(|key| looked.found.get(key)).collect();
        let is_cache = |found: &&Found| found.subject.kind != "security-group";
        let (any_cache, any_group) = (open.iter().any(is_cache), !open.is_empty());
        let names = EventName::ALL
            .into_iter()
            .filter(|name| if name.is_of_group() { any_group } else { any_cache });
        let mut calls = Vec::new();
        let take = |record: &str| {
            let Ok(record) = serde_json::from_str::<Value>(record) else { return false };
            let payload = redelivered(&record);
            for event in events(&payload, &self.settings.own_role_arns) {
                let (made, rest): (Vec<&Found>, Vec<&Found>) =
                    open.iter().copied().partition(|found| found.is_made_by(&event));
                if !made.is_empty() {
                    let keys = made.into_iter().map(|found| found.key.clone()).collect();
                    calls.push(Call { event, payload: payload.clone(), keys });
                    open = rest;
                }
            }
            open.is_empty()
        };
        let searched = search(&self.cloudtrail, names, since, until, take).await;
        let note = match searched {
            Ok(true) => NO_CALL,
            Ok(false) => NOT_READ,
            Err(why) => {
                tracing::error!("{why:#}");
                NOT_READ
            }
        };
        // One call may have opened several groups, and is delivered once.
        let mut once: Vec<Call> = Vec::new();
        for call in calls {
            match once.iter_mut().find(|other| other.event.id == call.event.id) {
                Some(other) => other.keys.extend(call.keys),
                None => once.push(call),
            }
        }
        (once, note)
    }
}

/// A call that was not delivered, and what it made.
#[derive(Debug)]
struct Call {
    event: Event,
    payload: Value,
    keys: Vec<Key>,
}

fn events(payload: &Value, own_roles: &[String]) -> Vec<Event> {
    match parse(payload, own_roles) {
        Parsed::Event(event) => vec![*event],
        Parsed::Several(events) => events,
        Parsed::Revisit(_) | Parsed::Ignored(_) | Parsed::Malformed(_) => Vec::new(),
    }
}
