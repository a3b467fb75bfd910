//! The Region of a command.

use portcullis_engine::arn::Arn;

/// ` --region eu-west-1`, that of the ARN; nothing if it names none.
pub(crate) fn option(arn: &str) -> String {
    Arn::region_of(arn).map(|region| format!(" --region {region}")).unwrap_or_default()
}
