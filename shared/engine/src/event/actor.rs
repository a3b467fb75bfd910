//! Who called, told from a CloudTrail `userIdentity`, of which no member can be relied on.

use super::Actor;
use super::json::Json;
use crate::arn::Arn;

/// Reads the caller of a CloudTrail record.
pub(super) fn actor(record: Json<'_>) -> Actor {
    let identity = record.get("userIdentity");
    let session = identity.get("sessionContext");
    let issuer = session.get("sessionIssuer");
    let arn = identity.get("arn").text().or_else(|| issuer.get("arn").text());
    let invoked_by = identity.get("invokedBy").text();
    let agent = record.get("userAgent").text().unwrap_or_default();
    Actor {
        name: name(identity, arn.as_deref(), invoked_by.as_deref()),
        kind: identity.get("type").text().unwrap_or_default(),
        account: identity.get("accountId").text(),
        role: role(issuer),
        source_identity: session.get("sourceIdentity").text().filter(|who| !who.is_empty()),
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

/// Role names are unique within an account, whatever their paths (IAM user guide, "IAM identifiers").
fn role(issuer: Json<'_>) -> Option<String> {
    let arn = issuer.get("arn").text()?;
    let arn = Arn::parse(&arn).ok()?;
    arn.id_of("role").map(|_| arn.name().to_owned())
}

fn name(identity: Json<'_>, arn: Option<&str>, invoked_by: Option<&str>) -> String {
    let kind = identity.get("type").text().unwrap_or_default();
    let session = arn.and_then(|arn| Arn::parse(arn).ok()?.id_of("assumed-role"));
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
        .or_else(|| arn.map(|arn| Arn::name_of(arn).to_owned()))
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
    // What is made of others comes first: Pulumi's provider is Terraform's, controllers use an SDK.
    const AGENTS: [(&str, &str); 7] = [
        ("elbv2.k8s.aws/", "AWS Load Balancer Controller"),
        ("pulumi", "Pulumi"),
        ("terraform", "Terraform"),
        ("opentofu", "OpenTofu"),
        ("aws-cli", "AWS CLI"),
        ("boto3", "AWS SDK for Python"),
        ("aws-sdk", "an AWS SDK"),
    ];
    let agent = agent.to_ascii_lowercase();
    AGENTS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named(identity: &Value) -> String {
        actor(Json::new(&json!({"userIdentity": identity}))).name
    }

    fn came_via(record: &Value) -> Option<String> {
        actor(Json::new(record)).via
    }

    #[test]
    fn the_name_is_the_best_that_the_record_has() {
        for (identity, expected) in [
            (
                json!({"type": "AssumedRole",
                    "arn": "arn:aws:sts::111122223333:assumed-role/deploy-role/alice",
                    "userName": "not this"}),
                "deploy-role/alice",
            ),
            (
                json!({"type": "AssumedRole",
                    "arn": "arn:aws-cn:sts::111122223333:assumed-role/deploy-role/i-0f"}),
                "deploy-role/i-0f",
            ),
            (json!({"type": "Root", "arn": "arn:aws:iam::111122223333:root"}), "root"),
            (
                json!({"type": "Root", "arn": "arn:aws:iam::111122223333:root",
                    "userName": "an-alias"}),
                "root",
            ),
            (
                json!({"type": "IAMUser", "userName": "alice",
                    "arn": "arn:aws:iam::111122223333:user/people/alice"}),
                "alice",
            ),
            (json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/people/bob"}), "bob"),
            (
                json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer":
                    {"userName": "deploy-role", "arn": "arn:aws:iam::111122223333:role/x/deploy"}}}),
                "deploy-role",
            ),
            (
                json!({"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"}),
                "cloudformation.amazonaws.com",
            ),
            (json!({"type": "AWSAccount", "accountId": "444455556666"}), "unknown"),
            (json!({}), "unknown"),
            (json!(null), "unknown"),
        ] {
            assert_eq!(named(&identity), expected, "{identity}");
        }
    }

    #[test]
    fn the_arn_is_that_of_the_caller_or_the_next_best() {
        let issuer = json!({"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/deploy"}});
        for (identity, expected) in [
            (json!({"arn": "arn:of:the:caller", "sessionContext": issuer}), "arn:of:the:caller"),
            (
                json!({"principalId": "AROA1:alice", "sessionContext": issuer}),
                "arn:aws:iam::111122223333:role/deploy",
            ),
            (json!({"principalId": "AROA1:alice"}), "AROA1:alice"),
            (json!({}), "unknown"),
        ] {
            let record = json!({"userIdentity": identity});
            assert_eq!(actor(Json::new(&record)).arn, expected, "{identity}");
        }
    }

    #[test]
    fn the_way_in_is_told_where_it_can_be() {
        let by = |service: &str| json!({"userIdentity": {"invokedBy": service}});
        let with = |agent: &str| json!({"userAgent": agent});
        for (record, expected) in [
            (json!({"sessionCredentialFromConsole": "true"}), Some("AWS console")),
            (json!({"sessionCredentialFromConsole": true}), Some("AWS console")),
            (with("console.ec2.amazonaws.com"), Some("AWS console")),
            (by("signin.amazonaws.com"), Some("AWS console")),
            (by("cloudformation.amazonaws.com"), Some("cloudformation.amazonaws.com")),
            (
                json!({"userIdentity": {"invokedBy": "autoscaling.amazonaws.com"},
                    "userAgent": "aws-cli/2.15"}),
                Some("autoscaling.amazonaws.com"),
            ),
            (with("APN/1.0 HashiCorp/1.0 Terraform/1.7.0 aws-sdk-go-v2/1.24.1"), Some("Terraform")),
            (with("APN/1.0 OpenTofu/1.6.0 aws-sdk-go-v2/1.24.1"), Some("OpenTofu")),
            (with("aws-sdk-go-v2/1.24.1 Pulumi/3.0"), Some("Pulumi")),
            (with("APN/1.0 Pulumi/1.0 terraform-provider-aws/6.2.0"), Some("Pulumi")),
            (
                with("aws-sdk-go-v2/1.36.3 ua/2.1 elbv2.k8s.aws/v2.13.4"),
                Some("AWS Load Balancer Controller"),
            ),
            (with("[aws-cli/2.15.0 Python/3.11.6 Linux]"), Some("AWS CLI")),
            (with("Boto3/1.34.0 md/Botocore#1.34.0"), Some("AWS SDK for Python")),
            (with("aws-sdk-rust/1.1.0 os/linux"), Some("an AWS SDK")),
            (with("curl/8.0"), None),
            (with("my console.tool"), None),
            (json!({"sessionCredentialFromConsole": "false"}), None),
            (json!({}), None),
        ] {
            assert_eq!(came_via(&record).as_deref(), expected, "{record}");
        }
    }

    #[test]
    fn the_role_is_told_by_the_issuer_without_its_path() {
        for (issuer, expected) in [
            (
                json!({"type": "Role", "arn": "arn:aws:iam::111122223333:role/deploy"}),
                Some("deploy"),
            ),
            (
                json!({"arn": "arn:aws:iam::111122223333:role/aws-reserved/sso/Admin"}),
                Some("Admin"),
            ),
            (json!({"arn": "arn:aws:iam::111122223333:user/alice"}), None),
            (json!({}), None),
        ] {
            let identity = json!({"type": "AssumedRole", "accountId": "111122223333",
                "sessionContext": {"sessionIssuer": issuer}});
            let actor = actor(Json::new(&json!({"userIdentity": identity})));
            assert_eq!(actor.role.as_deref(), expected, "{issuer}");
            assert_eq!(actor.kind, "AssumedRole");
            assert_eq!(actor.account.as_deref(), Some("111122223333"));
        }
    }

    #[test]
    fn whom_a_session_stands_for_is_told_by_its_source_identity_alone() {
        for (session, expected) in [
            (json!({"sourceIdentity": "carol"}), Some("carol")),
            (json!({"sourceIdentity": ""}), None),
            (json!({"sourceIdentity": null}), None),
            (json!({"attributes": {"sourceIdentity": "mallory"}}), None),
            (json!({"sessionIssuer": {"sourceIdentity": "mallory"}}), None),
        ] {
            let record = json!({"sourceIdentity": "mallory",
                "userIdentity": {"sourceIdentity": "mallory", "sessionContext": session}});
            let actor = actor(Json::new(&record));
            assert_eq!(actor.source_identity.as_deref(), expected, "{record}");
        }
    }

    #[test]
    fn a_record_that_says_nothing_is_read_all_the_same() {
        for record in [json!({}), json!(null), json!({"userIdentity": null}), json!([])] {
            let actor = actor(Json::new(&record));
            assert_eq!(actor.ip, "unknown", "{record}");
            assert_eq!(actor.agent, "", "{record}");
            assert_eq!(session_role(Json::new(&record)), None, "{record}");
        }
    }

    #[test]
    fn the_session_role_is_the_issuer_not_what_the_session_is_called() {
        let record = json!({"userIdentity": {
            "arn": "arn:aws:sts::111122223333:assumed-role/other/portcullis-recreate",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/other"}},
        }});
        let role = session_role(Json::new(&record));
        assert_eq!(role.as_deref(), Some("arn:aws:iam::111122223333:role/other"));
    }
}
