//! From the reports of what was decided to what the document has.

use portcullis_alerts::audited::{Audited, audited, owner_of};
use portcullis_alerts::guidance::Step;
use portcullis_engine::facts::Protocol;
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::scan::{NotRead, effect};
use portcullis_engine::servers::Behind;
use portcullis_engine::text::bounded;

use crate::controls::controls;
use crate::document::{Finding, Owner, Server, Subject, Suppressed, Unknown};

/// Longest text of a user that is passed on.
const TEXT: usize = 256;

/// What was found about one resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gathered {
    /// The findings.
    pub findings: Vec<Finding>,
    /// What exceptions suppress.
    pub suppressed: Vec<Suppressed>,
    /// The instances behind rules that cover Memcached's port.
    pub servers: Vec<Server>,
}

impl Gathered {
    /// Of a report.
    pub fn of(report: &Report) -> Self {
        let subject = Subject {
            kind: report.subject().kind.to_owned(),
            id: report.subject().id.clone(),
            arn: report.subject().arn.clone(),
            name: report.names.name.as_deref().map(|name| bounded(name, TEXT)),
            vpc: report.names.vpc.clone(),
        };
        let (account, region) = (&report.event.account, &report.event.region);
        let owner = owner_of(report).map(|owner| Owner {
            kind: owner.kind.to_owned(),
            who: owner.who,
            by: owner.by,
            advice: owner.advice,
        });
        let finding = |(reported, audited): (&Reported, Audited)| {
            let Audited { finding, admits, reach, command, steps, exception } = audited;
            Finding {
                account: account.clone(),
                region: region.clone(),
                subject: subject.clone(),
                owner: owner.clone(),
                controls: controls(reported.finding.check.as_str(), tcp_ports(reported)),
                finding,
                admits,
                reach: reach.map(|reach| bounded(&reach, 2 * TEXT)),
                command,
                steps: steps.iter().map(step).collect(),
                exception,
            }
        };
        let suppressed = |suppressed: &portcullis_engine::exceptions::Suppressed| Suppressed {
            account: account.clone(),
            region: region.clone(),
            subject: subject.clone(),
            check: suppressed.check.as_str().to_owned(),
            what: suppressed.rule.as_ref().map(|rule| rule.words()),
            rule: suppressed.rule.as_ref().map(|rule| rule.id.clone()),
            exception: bounded(&suppressed.by.id, TEXT),
            reason: bounded(&suppressed.by.reason, TEXT),
            until: suppressed.by.until.clone(),
        };
        let server = |behind: &Behind| Server {
            account: account.clone(),
            region: region.clone(),
            instance: behind.instance.clone(),
            subject: subject.id.clone(),
            managed: None,
        };
        Self {
            findings: report.findings.iter().zip(audited(report)).map(finding).collect(),
            suppressed: report.suppressed.iter().map(suppressed).collect(),
            servers: report.servers.iter().map(server).collect(),
        }
    }
}

/// Words, then the commands, as they are in a mail.
fn step(step: &Step) -> String {
    let Step { words, commands, .. } = step;
    let lines = [words.as_str()].into_iter().chain(commands.iter().map(String::as_str));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn tcp_ports(reported: &Reported) -> Option<(u16, u16)> {
    let rule = reported.rule()?;
    matches!(rule.protocol, Protocol::Tcp | Protocol::All).then(|| rule.ports())
}

/// What could not be read, as the document has it.
pub fn unknown(account: &str, region: Option<&str>, not_read: &NotRead) -> Unknown {
    let NotRead { call, error, right, count } = not_read;
    Unknown {
        account: account.to_owned(),
        region: region.map(str::to_owned),
        call: call.clone(),
        right: right.clone(),
        error: bounded(error, 2 * TEXT),
        count: *count,
        effect: effect(call).to_owned(),
    }
}
