//! Who owns a cache. One that CloudFormation, Terraform or another tool made is never moved behind
//! its back: the tool would take the old one for gone, or make it again. It gets a patch instead.

use portcullis_engine::facts::Tag;

use crate::facts::Facts;
use crate::refuse::Reason;

/// A tool that owns the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A CloudFormation stack: CDK, SAM and Service Catalog deploy through one.
    CloudFormation {
        /// The name of the stack.
        stack: String,
        /// The logical id of the cache in its template.
        logical_id: Option<String>,
    },
    /// Terraform or OpenTofu.
    Terraform {
        /// How it was told.
        by: String,
    },
    /// Another tool.
    Other {
        /// Its name.
        tool: &'static str,
        /// How it was told.
        by: String,
    },
}

/// The owner, if anything tells of one.
pub fn owner(facts: &Facts) -> Option<Owner> {
    let tags = facts.tags.as_deref().unwrap_or_default();
    stack(tags)
        .or_else(|| tags.iter().find_map(of_tag))
        .or_else(|| facts.made_by.as_deref().and_then(of_agent))
}

/// CloudFormation tags what it makes (user guide, "Resource tags").
fn stack(tags: &[Tag]) -> Option<Owner> {
    let value = |key: &str| tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone());
    let by_id = value("aws:cloudformation:stack-id");
    // arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID
    let by_id = by_id.map(|id| id.split('/').nth(1).unwrap_or(&id).to_owned());
    let stack = value("aws:cloudformation:stack-name").or(by_id)?;
    Some(Owner::CloudFormation { stack, logical_id: value("aws:cloudformation:logical-id") })
}

/// Tags that people or tools commonly give: no tool but CloudFormation sets any by itself.
fn of_tag(tag: &Tag) -> Option<Owner> {
    let plain = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let (key, value) = (plain(&tag.key), plain(&tag.value));
    let by = format!("the tag {}={}", tag.key, tag.value);
    let managing = [
        "managedby",
        "managed",
        "provisioner",
        "provisionedby",
        "createdby",
        "deployedby",
        "iac",
        "iactool",
        "tool",
        "source",
    ];
    if managing.contains(&key.as_str()) {
        for (word, tool) in
            [("pulumi", "Pulumi"), ("ansible", "Ansible"), ("crossplane", "Crossplane")]
        {
            if value.contains(word) {
                return Some(Owner::Other { tool, by });
            }
        }
        let terraform = ["terraform", "opentofu", "terragrunt"];
        if terraform.iter().any(|word| value.contains(word)) {
            return Some(Owner::Terraform { by });
        }
    }
    let of_terraform = [
        "terraform",
        "opentofu",
        "tfworkspace",
        "terraformworkspace",
        "terraformmodule",
        "terraformmanaged",
    ];
    if of_terraform.contains(&key.as_str()) && !["", "false", "no", "0"].contains(&value.as_str()) {
        return Some(Owner::Terraform { by });
    }
    if tag.key.starts_with("crossplane-") {
        return Some(Owner::Other { tool: "Crossplane", by });
    }
    if tag.key.starts_with("services.k8s.aws/") {
        return Some(Owner::Other { tool: "AWS Controllers for Kubernetes", by });
    }
    if tag.key.starts_with("pulumi:") {
        return Some(Owner::Other { tool: "Pulumi", by });
    }
    None
}

/// The user agent of the call that made the cache.
fn of_agent(agent: &str) -> Option<Owner> {
    let by = "the user agent of the call that made it".to_owned();
    let lower = agent.to_ascii_lowercase();
    if lower.contains("pulumi") {
        return Some(Owner::Other { tool: "Pulumi", by });
    }
    if ["terraform", "opentofu"].iter().any(|word| lower.contains(word)) {
        return Some(Owner::Terraform { by });
    }
    (lower == "cloudformation.amazonaws.com")
        .then(|| Owner::CloudFormation { stack: "that is not named".to_owned(), logical_id: None })
}

pub(crate) fn reasons(facts: &Facts) -> Vec<Reason> {
    let Some(owner) = owner(facts) else { return Vec::new() };
    let (why, remedy) = match owner {
        Owner::CloudFormation { stack, .. } => (
            format!(
                "the CloudFormation stack {stack} owns the cache, and would not know of a new one"
            ),
            "add the new cache to the template, beside the old one",
        ),
        Owner::Terraform { by } => (
            format!("Terraform owns the cache, as {by} says, and would not know of a new one"),
            "add the new cache to the configuration, beside the old one",
        ),
        Owner::Other { tool, by } => (
            format!("{tool} owns the cache, as {by} says, and would not know of a new one"),
            "add a second cache on the new port in its own language, move the clients, then remove the first",
        ),
    };
    vec![Reason::new("Owner", why, remedy)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: &str, value: &str) -> Option<Owner> {
        of_tag(&Tag { key: key.to_owned(), value: value.to_owned() })
    }

    #[test]
    fn tags_of_tools_are_known_in_any_spelling() {
        for (key, value) in [
            ("ManagedBy", "terraform"),
            ("managed-by", "Terraform Cloud"),
            ("managed_by", "OpenTofu"),
            ("Terraform", "true"),
            ("terraform", "yes"),
            ("provisioner", "terragrunt"),
        ] {
            assert!(matches!(told(key, value), Some(Owner::Terraform { .. })), "{key}={value}");
        }
        assert!(matches!(told("managedBy", "pulumi"), Some(Owner::Other { tool: "Pulumi", .. })));
        for (key, value) in [("team", "terraform"), ("terraform", "false"), ("ManagedBy", "alice")]
        {
            assert_eq!(told(key, value), None, "{key}={value}");
        }
    }

    #[test]
    fn the_stack_is_named_even_by_its_id_alone() {
        let id = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/0a1b";
        let tags = [Tag { key: "aws:cloudformation:stack-id".to_owned(), value: id.to_owned() }];
        let Some(Owner::CloudFormation { stack, .. }) = stack(&tags) else { panic!() };
        assert_eq!(stack, "shop");
    }

    #[test]
    fn the_user_agent_tells() {
        let terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/6.2.0";
        assert!(matches!(of_agent(terraform), Some(Owner::Terraform { .. })));
        assert!(matches!(
            of_agent("cloudformation.amazonaws.com"),
            Some(Owner::CloudFormation { .. })
        ));
        assert_eq!(of_agent("aws-cli/2.17.0"), None);
    }
}
