//! The Memcached servers behind a rule, in their own words.

use std::fmt::Write;

use portcullis_engine::report::Report;
use portcullis_engine::servers::{Behind, Server};
use portcullis_engine::text;
use serde_json::{Value, json};

use crate::command;

/// How many instances are named, and how many servers of each.
const NAMED: usize = 20;
const SERVERS: usize = 3;
/// How many instances get a line in a chat.
const CHATTED: usize = 5;
/// Longest line about a server.
const LINE: usize = 400;

/// The member of the document.
pub(crate) fn json(report: &Report) -> Vec<Value> {
    report.servers.iter().take(NAMED).map(behind).collect()
}

fn behind(Behind { instance, found }: &Behind) -> Value {
    match found {
        Ok(servers) => json!({
            "instance": instance,
            "memcached": servers.iter().map(server).collect::<Vec<_>>(),
        }),
        Err(why) => json!({"instance": instance, "unknown": text::bounded(why, LINE)}),
    }
}

fn server(server: &Server) -> Value {
    let Server { version, listen, udp, clients, udp_answered, verdict, .. } = server;
    json!({
        "version": Some(version).filter(|version| !version.is_empty()),
        "listen": listen,
        "udp": udp,
        "udpAnswered": udp_answered,
        "clients": {"local": clients.local, "remote": clients.remote, "more": clients.more},
        "verdict": verdict.as_str(),
    })
}

/// The second message in a few words: `server behind f-3c9909afec25 answered`.
pub(crate) fn headline(report: &Report) -> String {
    let id = report.findings.first().map(|reported| format!(" behind {}", reported.key.id()));
    let servers = if report.servers.len() == 1 { "server" } else { "servers" };
    format!("{servers}{} answered", id.unwrap_or_default())
}

/// The second message: what the servers say that had not answered before.
pub(crate) fn later(body: &mut String, report: &Report) {
    let _ = writeln!(
        body,
        "This is a second message about {} at {}: when the first was sent, what runs behind the rule was not known yet.\n\
         Nothing was changed since.",
        report.event.call(),
        text::plain(&report.event.time, 40)
    );
    paragraph(body, report);
}

/// The same for a chat, a line for each server.
pub(crate) fn chat(report: &Report) -> Vec<String> {
    let line = |instance: &str, what: &str| {
        format!("- {}: {}", text::chat(instance, 40), text::chat(what, LINE))
    };
    let mut lines = Vec::new();
    for Behind { instance, found } in report.servers.iter().take(CHATTED) {
        match found {
            Ok(servers) if servers.is_empty() => {
                lines.push(line(instance, "no Memcached runs there"))
            }
            Ok(servers) => {
                let told = servers.iter().take(SERVERS);
                lines.extend(told.map(|server| line(instance, &server.to_string())));
            }
            Err(why) => lines.push(line(instance, &format!("not known, {why}"))),
        }
    }
    if let Some(more) = report.servers.len().checked_sub(CHATTED).filter(|more| *more > 0) {
        lines.push(format!("- ... and {more} more instances: the mail has them."));
    }
    lines
}

/// The commands that harden those that are exposed.
pub(crate) fn harden(report: &Report) -> Vec<String> {
    let is_exposed = |behind: &&Behind| {
        behind.found.as_ref().is_ok_and(|servers| servers.iter().any(Server::is_exposed))
    };
    let exposed = report.servers.iter().filter(is_exposed).take(SERVERS);
    exposed.map(|behind| command::harden(report, &behind.instance)).collect()
}

/// The paragraph of the mail: what each server says, and what a person does about it.
pub(crate) fn paragraph(body: &mut String, report: &Report) {
    if report.servers.is_empty() {
        return;
    }
    body.push_str("\nServers behind it, in their own words:\n");
    for Behind { instance, found } in report.servers.iter().take(NAMED) {
        match found {
            Ok(servers) if servers.is_empty() => {
                let _ = writeln!(body, "  {instance}: no Memcached runs there.");
            }
            Ok(servers) => told(body, report, instance, servers),
            Err(why) => {
                let why = text::plain(why, LINE);
                let inspect = command::inspect(report, instance);
                let _ = writeln!(
                    body,
                    "  {instance}: not known, {why}. To inspect it, run one of these, the second as root there:\n    \
                     {inspect}\n    sh harden-memcached.sh report"
                );
            }
        }
    }
    let more = report.servers.len().saturating_sub(NAMED);
    if more > 0 {
        let _ = writeln!(body, "  ... and {more} more instances.");
    }
}

fn told(body: &mut String, report: &Report, instance: &str, servers: &[Server]) {
    for server in servers.iter().take(SERVERS) {
        let _ = writeln!(body, "  {instance}: {}", text::plain(&server.to_string(), LINE));
    }
    let more = servers.len().saturating_sub(SERVERS);
    if more > 0 {
        let _ = writeln!(body, "  {instance}: and {}.", text::counted(more, "more server"));
    }
    if servers.iter().any(Server::is_exposed) {
        let harden = command::harden(report, instance);
        let _ = writeln!(
            body,
            "    The next open rule exposes it again. To harden it, which asks first and empties the cache:\n    {harden}"
        );
    }
}
