//! Why a cache could not be read.

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no such cache, neither a group nor a cluster.
    #[error("there is no cache `{}` in {region}{}", .cache.escape_default(), of_account(.account.as_deref()))]
    NotFound {
        /// The id or the ARN that was looked for.
        cache: String,
        /// Where.
        region: String,
        /// The account, if anything in it shows which it is.
        account: Option<String>,
    },
    /// It is a serverless cache.
    #[error(
        "`{0}` is a serverless cache: it has no port setting, so it cannot be re-created on another port"
    )]
    Serverless(String),
    /// The ARN is of another Region.
    #[error("the cache is in {}, and this command reads {looked}", .of.escape_default())]
    OtherRegion {
        /// That of the ARN.
        of: String,
        /// That of the clients.
        looked: String,
    },
    /// The ARN is of another account.
    #[error("the cache is of account {}, and the credentials are of account {looked}", .of.escape_default())]
    OtherAccount {
        /// That of the ARN.
        of: String,
        /// That of the clients.
        looked: String,
    },
    /// The ARN is of something else.
    #[error("`{}` is not the ARN of a replication group or a cache cluster", .0.escape_default())]
    NotACache(String),
    /// It could not be looked at.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

fn of_account(account: Option<&str>) -> String {
    account.map(|account| format!(" of account {account}")).unwrap_or_default()
}
