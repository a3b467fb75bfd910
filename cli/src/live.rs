//! A live cache, by its id or its ARN, or a file that was made of one.

use std::path::Path;

use anyhow::Result;
use aws_config::SdkConfig;
use portcullis_engine::arn::Arn;
use portcullis_inventory::{Clients, LookError};
use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use serde_json::Value;

use crate::account;
use crate::advice::advice;
use crate::common::tell;

/// Whether a file is meant: `-`, one that is there, and what looks like the name of one.
pub(crate) fn is_file(what: &Path) -> bool {
    let text = what.to_string_lossy();
    what.as_os_str() == "-"
        || what.is_file()
        || text.contains(std::path::is_separator)
        || text.to_ascii_lowercase().ends_with(".json")
}

/// The document of a live cache.
pub(crate) async fn document(config: &SdkConfig, cache: &str) -> Result<Value> {
    let document = portcullis_inventory::document(&Clients::new(config), cache).await.map_err(|error| match error {
        LookError::NotFound { .. } => advice(
            error.to_string(),
            format!(
                "try another place (--region, --profile){}; `aws elasticache describe-cache-clusters --region {}` \
                 lists the caches",
                if arn(cache).is_some() { "" } else { ", or give a file with its path" },
                account::region(config)
            ),
        ),
        LookError::Serverless(_) => advice(error.to_string(), "plan for a cache with nodes"),
        LookError::OtherRegion { .. } => advice(
                error.to_string(),
                "leave --region out: the ARN says which Region",
            ),
            LookError::OtherAccount { .. } => advice(
                error.to_string(),
                "use credentials of the account of the cache (--profile NAME)",
            ),
            LookError::NotACache(_) => {
            advice(error.to_string(), "give an ARN as arn:aws:elasticache:REGION:ACCOUNT:cluster:ID, or an id")
        }
        LookError::Other(why) => why.context("the cache cannot be read"),
    })?;
    let id = |name: &str| Arn::name_of(name).to_ascii_lowercase();
    let moves = id(document["Cache"].as_str().unwrap_or_default());
    if id(cache) != moves {
        tell(&format!(
            "{} is a member of {moves}, which is re-created as a whole",
            id(cache).escape_default()
        ));
    }
    Ok(document)
}

/// What a plan is made from.
pub(crate) fn facts(document: &Value) -> Result<Facts> {
    document::read(&document.to_string(), None).map_err(|wrong| {
        advice(
            format!("AWS's answer is no input for a plan: {wrong}"),
            "run it again, with --document to see it",
        )
    })
}

/// The ARN, if it is one.
pub(crate) fn arn(cache: &str) -> Option<&str> {
    Some(cache).filter(|cache| cache.starts_with("arn:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_a_cache_by_its_looks_or_by_being_there() {
        for file in ["-", "./orders", "/tmp/x", "no-such.json", "Orders.JSON", "Cargo.toml"] {
            assert!(is_file(Path::new(file)), "{file}");
        }
        let arn = "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders";
        // `src` is a directory here, and a directory is no document.
        for cache in ["orders", "orders-001", arn, "src"] {
            assert!(!is_file(Path::new(cache)), "{cache}");
        }
    }
}
