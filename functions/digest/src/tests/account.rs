//! A scripted SNS: what was published, and what it refuses.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use aws_sdk_sns::config::http::HttpResponse;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::operation::publish::{PublishInput, PublishOutput};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use portcullis_aws::Notifier;
use portcullis_engine::settings::Topics;
use serde_json::Value;

pub(crate) const ALERT_TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:portcullis-alerts";
pub(crate) const CHAT_TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:portcullis-chat";

/// What was asked of it, and what is refused, by topic.
#[derive(Clone, Default)]
pub(crate) struct Account(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    published: Vec<PublishInput>,
    failures: Vec<(&'static str, &'static str)>,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// From now on, this topic refuses every message with this code.
    pub(crate) fn fail(&self, topic: &'static str, code: &'static str) {
        self.0.lock().unwrap().failures.push((topic, code));
    }

    /// What SNS took, in order.
    pub(crate) fn published(&self) -> Vec<PublishInput> {
        self.0.lock().unwrap().published.clone()
    }

    /// Where that went.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.published().iter().map(|sent| sent.topic_arn().unwrap().to_owned()).collect()
    }

    /// What sends to the topics.
    pub(crate) fn notifier(&self, chat: Option<&str>) -> Notifier {
        let topics = Topics { alert: ALERT_TOPIC.to_owned(), chat: chat.map(str::to_owned) };
        let of_chat = self.sns();
        Notifier::with(topics, self.sns(), move || of_chat, count)
    }

    fn sns(&self) -> aws_sdk_sns::Client {
        let account = self.clone();
        #[expect(clippy::disallowed_methods, reason = "scripted: nothing is sent")]
        let publish = mock!(aws_sdk_sns::Client::publish).then_compute_response(move |input| {
            let state = &mut *account.0.lock().unwrap();
            let refused = |(topic, _): &&(&str, &str)| input.topic_arn() == Some(*topic);
            match state.failures.iter().find(refused) {
                Some((_, code)) => MockResponse::Http(refusal(code)),
                None => {
                    state.published.push(input.clone());
                    MockResponse::Output(PublishOutput::builder().message_id("m-1").build())
                }
            }
        });
        mock_client!(aws_sdk_sns, RuleMode::MatchAny, &[publish], |config| config
            .retry_config(RetryConfig::disabled()))
    }
}

fn refusal(code: &str) -> HttpResponse {
    let error = format!("<Error><Code>{code}</Code><Message>as scripted</Message></Error>");
    let body = format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>");
    HttpResponse::new(400.try_into().unwrap(), body.into())
}

thread_local! {
    static COUNTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn count(line: &str) {
    let line: Value = serde_json::from_str(line).expect("a metric is JSON");
    let name = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"];
    let name = name.as_str().expect("it has a name").to_owned();
    COUNTED.with_borrow_mut(|counted| counted.push(name));
}

/// The names of the metrics that this test has printed since it last asked.
pub(crate) fn counted() -> Vec<String> {
    COUNTED.take()
}
