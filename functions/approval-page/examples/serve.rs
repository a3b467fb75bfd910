//! The page at an address of this machine, before a scripted account: to look at it, and for a browser
//! to try. The first line that it prints is a JSON object of links, by what they lead to.

#[path = "../tests/page/account.rs"]
mod account;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use account::{Account, BASE, NOW, UNTIL};
use lambda_http::{Body, Request, http};
use portcullis_approval::{About, Answer, Question, Record, Through, To, sign};
use portcullis_approval_page::{Desk, handle};
use serde_json::{Map, Value};

fn main() -> std::io::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("http://{}/", server.local_addr()?);
    let account = Account::default();
    let links = runtime().block_on(links(&account));
    let links: Map<String, Value> = links
        .into_iter()
        .map(|(name, link)| (name.to_owned(), link.replace(BASE, &base).into()))
        .collect();
    writeln!(std::io::stdout(), "{}", Value::Object(links))?;
    for stream in server.incoming() {
        // Each request comes to an environment of its own: all are at the same second.
        let (stream, desk) = (stream?, account.desk());
        // A browser may go away in the middle: then nobody waits for this answer.
        std::thread::spawn(move || serve(&stream, &desk).ok());
    }
    Ok(())
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

/// One request of HTTP/1.1, and its answer; the connection ends with it.
fn serve(mut stream: &TcpStream, desk: &Desk) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(()) };
    let mut request = http::Request::builder().method(method).uri(target);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or_default();
        }
        request = request.header(name, value);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Request = request.body(Body::Binary(body)).map_err(std::io::Error::other)?;
    let response = runtime().block_on(handle(desk, &request, "203.0.113.7", NOW));
    let mut answer =
        format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body: &[u8] = response.body().as_ref();
    answer.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
    answer.extend(body);
    stream.write_all(&answer)
}
