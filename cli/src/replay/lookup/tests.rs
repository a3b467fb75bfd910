use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::http::HttpResponse;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::operation::lookup_events::{LookupEventsInput, LookupEventsOutput};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttributeKey};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use portcullis_replay::files::{listed, read};
use serde_json::json;
use tokio::time::Instant;

use super::super::kept::{HistoryFile, LONGEST};
use super::super::progress::Progress;
use super::*;
use crate::moment::seconds;

const AUTHORIZE: &str = "AuthorizeSecurityGroupIngress";
const DAY: i64 = 86_400;

/// An event history: the times of the calls, by name, and what was asked.
#[derive(Default)]
struct State {
    events: BTreeMap<&'static str, Vec<i64>>,
    asked: Vec<(String, i64, i64, Option<String>)>,
    times: Vec<Instant>,
    /// After so many answers there is none any more.
    ends_after: Option<usize>,
}

#[derive(Clone, Default)]
struct Account(Arc<Mutex<State>>);

fn now() -> i64 {
    seconds("2026-11-30T12:00:00Z")
}

impl Account {
    fn with(name: &'static str, times: impl IntoIterator<Item = i64>) -> Self {
        let account = Self::default();
        account.0.lock().unwrap().events.insert(name, times.into_iter().collect());
        account
    }

    fn client(&self) -> Client {
        let account = self.clone();
        let rule = mock!(Client::lookup_events).then_compute_response(move |input| {
            let mut state = account.0.lock().unwrap();
            state.times.push(Instant::now());
            if state.ends_after == Some(state.asked.len()) {
                let body = r#"{"__type":"AccessDeniedException","message":"as scripted"}"#;
                let status = 400.try_into().unwrap();
                return MockResponse::Http(HttpResponse::new(status, body.into()));
            }
            MockResponse::Output(state.answer(input))
        });
        mock_client!(aws_sdk_cloudtrail, RuleMode::MatchAny, &[rule], |config| config
            .retry_config(RetryConfig::disabled()))
    }

    fn asked(&self) -> Vec<(String, i64, i64, Option<String>)> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

impl State {
    /// Newest first, 50 a page, as AWS does (API reference, "LookupEvents").
    fn answer(&mut self, input: &LookupEventsInput) -> LookupEventsOutput {
        let [attribute] = input.lookup_attributes() else { panic!("one attribute: {input:?}") };
        assert_eq!(attribute.attribute_key, LookupAttributeKey::EventName);
        assert_eq!(input.max_results, Some(50));
        let name = attribute.attribute_value.clone();
        let (from, until) = (input.start_time.unwrap().secs(), input.end_time.unwrap().secs());
        self.asked.push((name.clone(), from, until, input.next_token.clone()));
        let mut times = self.events.get(name.as_str()).cloned().unwrap_or_default();
        times.retain(|time| (from..=until).contains(time));
        times.sort_by_key(|time| -time);
        let begin: usize = input.next_token.as_deref().map_or(0, |token| token.parse().unwrap());
        let page = times.iter().skip(begin).take(50).map(|time| {
            let record = json!({"eventName": name, "eventID": format!("{name}-{time}"),
                "eventTime": iso(*time), "awsRegion": "eu-west-1",
                "recipientAccountId": "111122223333", "requestParameters":
                {"groupId": "sg-1", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                "cidrIp": "0.0.0.0/0"}, "responseElements": {"_return": true}});
            Event::builder()
                .event_time(DateTime::from_secs(*time))
                .cloud_trail_event(record.to_string())
                .build()
        });
        LookupEventsOutput::builder()
            .set_events(Some(page.collect()))
            .set_next_token((begin + 50 < times.len()).then(|| (begin + 50).to_string()))
            .build()
    }
}

fn open(path: &Path, last: i64, now: i64) -> Result<HistoryFile> {
    HistoryFile::open(path, "111122223333", "eu-west-1", last, now)
}

/// How many records a replay finds in the file, and how many of them more than once.
fn found(path: &Path) -> (usize, u64) {
    let (files, inputs) = listed(&[path.to_owned()]);
    let (mut records, inputs) = read(&files, inputs, &|_| {}).unwrap();
    assert_eq!(inputs.problems, []);
    let count = records.by_ref().map(Result::unwrap).count();
    (count, records.duplicates)
}

#[tokio::test(start_paused = true)]
async fn every_call_is_asked_for_to_its_end_two_times_a_second() {
    let account = Account::with(AUTHORIZE, (0..120).map(|at| now() - at * DAY / 2));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    let mut kept = open(&path, 30 * DAY, now()).unwrap();
    fetch(&account.client(), &mut kept, &Progress::new()).await.unwrap();
    let asked = account.asked();
    let tokens: Vec<_> =
        asked.iter().filter(|one| one.0 == AUTHORIZE).map(|one| one.3.as_deref()).collect();
    // 61 of 120 are in these days.
    assert_eq!(tokens, [None, Some("50")]);
    assert!(asked.iter().all(|one| (one.1, one.2) == (now() - 30 * DAY, now())));
    let mut calls: Vec<_> = asked.iter().map(|one| one.0.as_str()).collect();
    assert!(calls[calls.len() - 2..].iter().all(|name| name.ends_with("Tags")), "{calls:?}");
    calls.dedup();
    assert_eq!(calls.len(), EventName::ALL.len() + CHANGES.len());
    let times = account.0.lock().unwrap().times.clone();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.min().unwrap() >= Duration::from_millis(500));
    assert_eq!(found(&path), (61, 0));
    // All of it is there: nothing is asked any more, also later.
    let mut again = open(&path, 30 * DAY, now() + DAY).unwrap();
    fetch(&account.client(), &mut again, &Progress::new()).await.unwrap();
    assert_eq!(account.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_where_it_was_interrupted() {
    let times = std::iter::once(now() - 10).chain((0..130).map(|at| now() - 20 - at));
    let account = Account::with(AUTHORIZE, times);
    account.0.lock().unwrap().ends_after = Some(2);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    let mut kept = open(&path, DAY, now()).unwrap();
    let error = fetch(&account.client(), &mut kept, &Progress::new()).await.unwrap_err();
    assert!(format!("{error:#}").contains("AccessDenied"), "{error:#}");
    assert_eq!(found(&path), (100, 0));
    account.asked();
    // The last write was cut off.
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let torn = format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..lines[2].len() / 2]);
    std::fs::write(&path, torn).unwrap();
    account.0.lock().unwrap().ends_after = None;
    let mut kept = open(&path, DAY, now() + 3600).unwrap();
    fetch(&account.client(), &mut kept, &Progress::new()).await.unwrap();
    let asked = account.asked();
    // From the oldest that is there, and for all other calls until the end that was chosen first.
    assert_eq!(asked[0], (AUTHORIZE.to_owned(), now() - DAY, now() - 20 - 48, None));
    assert!(asked[3..].iter().all(|one| (one.1, one.2) == (now() - DAY, now())), "{asked:?}");
    assert_eq!(found(&path), (131, 1));
}

#[test]
fn what_goes_on_later_does_not_ask_for_what_aws_has_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    drop(open(&path, LONGEST, now()).unwrap());
    let kept = open(&path, LONGEST, now() + 7 * DAY).unwrap();
    assert_eq!((kept.from(), kept.rest_of(AUTHORIZE)), (now() - LONGEST + 7 * DAY, Some(now())));
    let kept = open(&path, LONGEST, now() + 91 * DAY).unwrap();
    assert_eq!(kept.rest_of(AUTHORIZE), None);
}

#[test]
fn a_file_of_something_else_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other");
    for other in ["{\"Records\":[]}\n", "notes", "[]\nnotes"] {
        std::fs::write(&path, other).unwrap();
        let error = open(&path, DAY, now()).unwrap_err();
        assert!(format!("{error:#}").contains("has no history of account 111122223333"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
    }
    std::fs::remove_file(&path).unwrap();
    drop(open(&path, DAY, now()).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(open(&path, 2 * DAY, now()).is_err(), "as far back as another --last");
    assert!(HistoryFile::open(&path, "111122223333", "us-east-1", DAY, now()).is_err());
    assert!(open(&path, DAY, now() + 5).is_ok());
}
