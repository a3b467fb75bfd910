//! The servers behind a rule that covers Memcached's port: which instances are asked, and what is known of each.

use std::collections::BTreeSet;

use super::Server;
use crate::action::Remedy;
use crate::facts::{GroupFacts, Holder, Interfaces, Protocol};
use crate::finding::{Finding, group_of, rule_of};

/// The port of Memcached.
const PORT: u16 = 11_211;

/// How many instances are asked for one event.
pub const MOST: usize = 5;

/// Seconds in which an instance is asked once, whatever happens there.
const APART: i64 = 120;

/// An instance behind a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// `i-…`
    pub instance: String,
    /// Its Memcached servers, perhaps none; or why they are not known.
    pub found: Result<Vec<Server>, String>,
}

/// The instances that carry the group of a live rule that lets anybody reach Memcached's port.
pub(crate) fn instances(findings: &[Finding], groups: &[GroupFacts]) -> Vec<String> {
    let covering = findings.iter().filter(|finding| {
        !matches!(finding.remedy, Remedy::Gone(_))
            && rule_of(finding).is_some_and(|rule| {
                rule.covers(&Protocol::Tcp, PORT) || rule.covers(&Protocol::Udp, PORT)
            })
    });
    let ids: BTreeSet<&str> = covering.filter_map(group_of).collect();
    let carriers = groups.iter().filter(|group| ids.contains(group.id.as_str())).flat_map(
        |group| match &group.interfaces {
            Interfaces::Read(interfaces) => interfaces.as_slice(),
            Interfaces::NotRead | Interfaces::Unknown(_) => &[],
        },
    );
    let instances: BTreeSet<&String> = carriers
        .filter_map(|interface| match &interface.holder {
            Holder::Instance(id) => Some(id),
            Holder::LoadBalancer(_)
            | Holder::Cache
            | Holder::Database
            | Holder::NatGateway
            | Holder::VpcEndpoint
            | Holder::Function
            | Holder::Task
            | Holder::ControlPlane
            | Holder::Other => None,
        })
        .collect();
    instances.into_iter().cloned().collect()
}

/// The name of the execution that asks an instance at this time: the same for all who ask within two minutes, so that the
/// instance is asked once.
pub fn execution(instance: &str, now: i64) -> String {
    format!("{instance}-{}", now.div_euclid(APART))
}

/// The first SSM Agent that hands parameters over as variables. Older ones write them into the text of a script, and nothing is
/// changed through them.
pub const WITH_VARIABLES: [u32; 4] = [3, 3, 2746, 0];

/// Whether something may be changed through an agent of this version.
pub fn may_change(agent: &str) -> bool {
    let number = |part: &str| part.parse::<u32>().unwrap_or(0);
    let version: Vec<u32> = agent.split('.').map(number).collect();
    version.as_slice() >= WITH_VARIABLES.as_slice()
}

/// What the workflow that asks an instance answers: what the script said, or why it could not be asked.
///
/// # Errors
///
/// Why the servers are not known.
pub fn asked(output: &str) -> Result<Vec<Server>, String> {
    let answer: serde_json::Value =
        serde_json::from_str(output).map_err(|_| "the workflow said nothing".to_owned())?;
    let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str);
    match (text("said"), text("why")) {
        (Some(said), _) => super::HostReport::read(said).map(|told| told.servers),
        (None, Some(why)) => Err(super::one_line(Some(why.to_owned()), super::LINE)),
        (None, None) => Err("the workflow said nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_writes_parameters_into_a_text_changes_nothing() {
        for (agent, may) in [
            ("3.3.2746.0", true),
            ("3.3.3000.1", true),
            ("4.0.0.0", true),
            ("3.3.2745.9", false),
            ("3.2.9999.0", false),
            ("3.3", false),
            ("", false),
            ("x.y", false),
        ] {
            assert_eq!(may_change(agent), may, "{agent}");
        }
    }

    #[test]
    fn an_instance_is_asked_once_in_two_minutes() {
        let name = |now| execution("i-0123456789abcdef0", now);
        assert_eq!(name(1_795_255_200), name(1_795_255_319));
        assert_ne!(name(1_795_255_200), name(1_795_255_320));
    }

    #[test]
    fn the_workflow_says_what_the_script_said_or_why_it_could_not_be_asked() {
        let said = r#"{"schema":"portcullis.memcached.v1","result":"ok","servers":[{}]}"#;
        let servers = asked(&serde_json::json!({"said": said}).to_string()).unwrap();
        assert_eq!(servers.len(), 1);
        let why = serde_json::json!({"why": "it is off\u{7}\n"}).to_string();
        assert_eq!(asked(&why), Err("it is off ".to_owned()));
        for nothing in ["", "null", "{}", "[1]", r#"{"said": 3}"#] {
            assert_eq!(asked(nothing), Err("the workflow said nothing".to_owned()), "{nothing}");
        }
        assert!(asked(r#"{"said": "sh: not found"}"#).unwrap_err().contains("cannot be read"));
    }
}
