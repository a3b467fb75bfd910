//! Which controls a finding bears on: data, and no statement of compliance.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A control of a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// As `CIS AWS Foundations`.
    pub framework: String,
    /// As `5.0`.
    pub version: String,
    /// As `5.3`.
    pub id: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    checks: Vec<String>,
    /// `admin`, or a port; of any port where it is absent.
    ports: Option<String>,
    framework: String,
    version: String,
    ids: Vec<String>,
}

/// The ports by which machines are administered: SSH and RDP.
const ADMIN: [u16; 2] = [22, 3389];

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    // A test holds that it can be read.
    serde_json::from_str(include_str!("controls.json"))
        .map(|table: Table| table.rows)
        .unwrap_or_default()
});

/// The controls that a finding of this check bears on; `ports` are those of its rule, for TCP.
pub fn controls(check: &str, ports: Option<(u16, u16)>) -> Vec<Control> {
    let covers = |port: &u16| ports.is_some_and(|(from, to)| (from..=to).contains(port));
    let applies = |row: &&Row| {
        row.checks.iter().any(|of| of == check)
            && match row.ports.as_deref() {
                None => true,
                Some("admin") => ADMIN.iter().any(covers),
                Some(port) => port.parse().is_ok_and(|port: u16| covers(&port)),
            }
    };
    let of = |row: &Row| {
        let Row { framework, version, ids, .. } = row;
        let (framework, version) = (framework.clone(), version.clone());
        ids.clone().into_iter().map(move |id| Control {
            framework: framework.clone(),
            version: version.clone(),
            id,
        })
    };
    TABLE.iter().filter(applies).flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_engine::finding::Check;

    fn ids(check: &str, ports: Option<(u16, u16)>, framework: &str) -> Vec<String> {
        let all = controls(check, ports).into_iter();
        all.filter(|control| control.framework == framework).map(|control| control.id).collect()
    }

    #[test]
    fn each_row_names_checks_and_ports_that_there_are() {
        assert!(TABLE.len() > 10);
        let checks = Check::ALL.map(Check::as_str);
        for row in TABLE.iter() {
            assert!(row.checks.iter().all(|check| checks.contains(&check.as_str())), "{row:?}");
            let port = row.ports.as_deref().filter(|ports| *ports != "admin");
            assert!(port.is_none_or(|port| port.parse::<u16>().is_ok()), "{row:?}");
        }
    }

    #[test]
    fn controls_of_administration_ports_are_of_those_alone() {
        assert_eq!(ids("open-ingress", Some((22, 22)), "AWS FSBP"), ["EC2.13", "EC2.18", "EC2.19"]);
        assert_eq!(ids("open-ingress", Some((6379, 6379)), "CIS AWS Foundations"), [""; 0]);
        assert_eq!(ids("open-ingress", Some((0, 65535)), "CIS AWS Foundations").len(), 6);
        assert_eq!(ids("no-auth", None, "AWS FSBP"), ["ElastiCache.6"]);
        assert!(controls("default-port", None).is_empty(), "no framework has one for ports");
    }
}
