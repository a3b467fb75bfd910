//! The page at an address of this machine, before a scripted account: to look at it, and for a browser
//! to try. The first line that it prints is a JSON object of links, by what they lead to.

#[path = "../tests/page/account.rs"]
mod account;

use std::io::Write;

use account::{Account, BASE, NOW, UNTIL};
use lambda_http::http::{HeaderName, HeaderValue};
use lambda_http::{Body, Request};
use portcullis_approval::{About, Answer, Question, Record, Through, To, sign};
use portcullis_approval_page::{Approvals, handle};
use portcullis_testkit::http;
use serde_json::{Map, Value};

fn main() -> std::io::Result<()> {
    let account = Account::default();
    let served = account.clone();
    // Each request comes to an environment of its own: all are at the same second.
    let server = http::Server::start(move |request| answer(&served.desk(), request))?;
    let base = format!("http://{}/", server.address);
    let links: Map<String, Value> = runtime()
        .block_on(links(&account))
        .into_iter()
        .map(|(name, link)| (name.to_owned(), link.replace(BASE, &base).into()))
        .collect();
    writeln!(std::io::stdout(), "{}", Value::Object(links))?;
    loop {
        std::thread::park();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn links(account: &Account) -> Vec<(&'static str, String)> {
    let mut links = Vec::new();
    for (name, example) in [
        ("memcached", "memcached-several-nodes"),
        ("replicas", "valkey-with-replicas"),
        ("shards", "valkey-three-shards"),
    ] {
        links.push((name, account.asks(example, About::Recreation).await));
    }
    for (name, example) in
        [("deletion", "redis-with-snapshots"), ("deletion-memcached", "memcached-single-node")]
    {
        links.push((name, account.asks(example, About::Deletion).await));
    }
    let server = account::server("server", "");
    links.push(("server", account.puts(&server, About::Hardening, &server.fingerprint).await));
    let named = |id: &str, example: &str| -> (Record, String) {
        let (record, plan) = account::record(example);
        (Record { id: id.to_owned(), ..record }, plan.fingerprint)
    };
    let (hostile, plan) = account::hostile();
    links.push(("hostile", account.puts(&hostile, About::Recreation, &plan.fingerprint).await));
    for name in ["to-approve", "to-reject"] {
        let (record, plan) = named(name, "redis-single-node");
        links.push((name, account.puts(&record, About::Recreation, &plan).await));
    }
    for (name, passed_on) in [("answered", true), ("stuck", false)] {
        let (record, plan) = named(name, "redis-single-node");
        links.push((
            name,
            account.keeps(&record, About::Recreation, answered(&plan, passed_on)).await,
        ));
    }
    let (changed, _) = named("changed", "redis-single-node");
    let to = To { id: "changed", about: About::Recreation, plan: "00000000", until: UNTIL };
    account.puts(&changed, About::Recreation, &changed.fingerprint).await;
    let desk = account.desk();
    links.push(("changed", sign(&desk.kms, "key", BASE, to).await.expect("a link")));
    let gone = To { id: "gone", ..to };
    links.push(("gone", sign(&desk.kms, "key", BASE, gone).await.expect("a link")));
    let expired = To { until: NOW - 1, ..to };
    links.push(("expired", sign(&desk.kms, "key", BASE, expired).await.expect("a link")));
    links.push(("forged", links[0].1.replace("plan=", "plan=0")));
    links
}

/// A question that somebody answered already.
fn answered(plan: &str, passed_on: bool) -> Question {
    let answer = Answer {
        yes: true,
        by: "Grace Hopper (from 198.51.100.4)".to_owned(),
        reason: "agreed in the change meeting".to_owned(),
        at: NOW - 60,
        through: Through::Page,
    };
    Question { answer: Some(answer), passed_on, ..account::question(About::Recreation, plan) }
}

/// The answer to one request.
fn answer(desk: &Approvals, request: http::Request) -> Option<http::Response> {
    let mut asked =
        lambda_http::http::Request::builder().method(&*request.method).uri(request.path);
    for (name, value) in request.headers {
        asked = asked.header(name, value);
    }
    let asked: Request = asked.body(Body::Text(request.body)).ok()?;
    let response = runtime().block_on(handle(desk, &asked, "203.0.113.7", NOW));
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), value.to_str().expect("headers are text").to_owned())
    };
    Some(http::Response {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(header).collect(),
        body: String::from_utf8_lossy(response.body()).into_owned(),
    })
}
