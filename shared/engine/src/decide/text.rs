//! A decision in text: one line per finding, the same in logs, tests and the command line.

use std::fmt;

use super::{Decision, Ended};
use crate::action::{Action, Remedy};
use crate::checks::{Evidence, Finding, admitted};
use crate::exceptions::{Exception, Tolerated};
use crate::net::Exposure;

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        lines.extend(self.findings.iter().map(Finding::to_string));
        lines.extend(self.older.iter().map(|finding| format!("older: {finding}")));
        lines.extend(self.tolerated.iter().map(|tolerated| format!("tolerated: {tolerated}")));
        lines.extend(self.ended.iter().map(|ended| {
            let Ended { check, rule, exception: Exception { id, until, .. } } = ended;
            let about = rule.as_deref().map(|rule| format!(" {rule}")).unwrap_or_default();
            let until = until.as_deref().unwrap_or_default();
            format!("ended: {check}{about} was tolerated by {id} until {until}")
        }));
        lines.extend(
            self.unseen.iter().map(|id| format!("unseen: {id} as edited would be at fault")),
        );
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        if self.findings.is_empty() {
            lines.insert(0, format!("clean {} {}", self.subject.kind, self.subject.id));
        }
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.check)?;
        if let Some(rule) = &self.rule {
            write!(f, "{} {} from {} ", rule.id, rule.traffic(), rule.source)?;
        }
        write!(f, "by {}: {}", self.by.id, self.by.reason)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.severity.as_str(), self.check)?;
        match &self.evidence {
            Evidence::Rule { group, rule, exposure, cache_port, reach } => {
                write!(f, "{group} {} {} from {}: ", rule.id, rule.traffic(), rule.source)?;
                write!(f, "{}", admitted(exposure))?;
                if let Exposure::Together { port, with, .. } = exposure {
                    write!(f, " together with {} at port {port}", with.join(", "))?;
                }
                if let Some(port) = cache_port {
                    write!(f, " reach cache port {port}")?;
                }
                write!(f, "; {reach}")?;
            }
            Evidence::UnreadableRule { group, rule, why, reach } => {
                write!(f, "{group} {} {} from {}: ", rule.id, rule.traffic(), rule.source)?;
                write!(f, "unknown, {why}; {reach}")?;
            }
            Evidence::UnreadableGroups(why) => write!(f, "unknown, {why}")?,
            Evidence::Port { engine, port: Some(port) } => {
                write!(f, "{} on {port}", engine.name())?
            }
            Evidence::Port { engine, port: None } => {
                write!(f, "{} on an unknown port", engine.name())?
            }
            Evidence::Setting { engine } => f.write_str(engine.name())?,
        }
        match &self.remedy {
            Remedy::Do(Action::RevokeIngress { .. }) => f.write_str(" -> revoke"),
            Remedy::Do(Action::StartMove(start)) => write!(f, " -> start move {}", start.id),
            Remedy::Withheld { because, .. } => write!(f, " -> withheld: {because}"),
            Remedy::ByHand { because, .. } => write!(f, " -> by hand: {because}"),
            Remedy::Pending(why) => write!(f, " -> pending: {why}"),
            Remedy::Gone(_) => f.write_str(" -> already gone"),
        }
    }
}
