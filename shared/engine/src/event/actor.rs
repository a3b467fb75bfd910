//! Who called, told from a CloudTrail `userIdentity`, of which no member can be relied on.

use super::Actor;
use super::json::Json;

/// Reads the caller of a CloudTrail record.
pub(super) fn actor(record: Json<'_>) -> Actor {
    let identity = record.get("userIdentity");
    let issuer = identity.get("sessionContext").get("sessionIssuer");
    let arn = identity.get("arn").text().or_else(|| issuer.get("arn").text());
    let invoked_by = identity.get("invokedBy").text();
    let agent = record.get("userAgent").text().unwrap_or_default();
    Actor {
        name: name(identity, arn.as_deref(), invoked_by.as_deref()),
        via: via(record, invoked_by, &agent),
        arn: arn
            .or_else(|| identity.get("principalId").text())
            .unwrap_or_else(|| "unknown".to_owned()),
        ip: record.get("sourceIPAddress").text().unwrap_or_else(|| "unknown".to_owned()),
        agent,
    }
}

/// The role that the session was made of, which is what tells our own calls from others:
/// session names can be chosen by whoever assumes a role, the issuer cannot.
pub(super) fn session_role(record: Json<'_>) -> Option<String> {
    record.get("userIdentity").get("sessionContext").get("sessionIssuer").get("arn").text()
}

fn name(identity: Json<'_>, arn: Option<&str>, invoked_by: Option<&str>) -> String {
    let kind = identity.get("type").text().unwrap_or_default();
    let session = arn.and_then(|arn| arn.split_once(":assumed-role/")).map(|(_, name)| name);
    if let Some(name) = session {
        return name.to_owned();
    }
    if kind == "Root" {
        return "root".to_owned();
    }
    identity
        .get("userName")
        .text()
        .or_else(|| identity.get("sessionContext").get("sessionIssuer").get("userName").text())
        .or_else(|| invoked_by.map(str::to_owned))
        .or_else(|| arn.and_then(|arn| arn.rsplit('/').next()).map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// What the call came through. `signin.amazonaws.com` means plain console use, not a service
/// that acted by itself.
fn via(record: Json<'_>, invoked_by: Option<String>, agent: &str) -> Option<String> {
    let console = record.get("sessionCredentialFromConsole").is_true()
        || agent.starts_with("console.")
        || invoked_by.as_deref() == Some("signin.amazonaws.com");
    if console {
        return Some("AWS console".to_owned());
    }
    if invoked_by.is_some() {
        return invoked_by;
    }
    const AGENTS: [(&str, &str); 6] = [
        ("terraform", "Terraform"),
        ("opentofu", "OpenTofu"),
        ("pulumi", "Pulumi"),
        ("aws-cli", "AWS CLI"),
        ("boto3", "AWS SDK for Python"),
        ("aws-sdk", "an AWS SDK"),
    ];
    let agent = agent.to_ascii_lowercase();
    AGENTS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| (*name).to_owned())
}
