//! Where the calls of a command go.

/// Where the calls of a command go, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// The Region.
    pub(crate) region: String,
    /// The address that is set instead of AWS's own, as by AWS_ENDPOINT_URL.
    pub(crate) endpoint: Option<String>,
    /// The profile that was named.
    pub(crate) profile: Option<String>,
}
