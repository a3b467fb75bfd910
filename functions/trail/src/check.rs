//! The check: a text if everything that is watched is logged, else the error that the alarm counts.

use aws_sdk_cloudtrail::Client;
use lambda_runtime::Diagnostic;
use portcullis_aws::failure;

use crate::coverage::Verdict;
use crate::read::look;

/// Fails if no trail logs what is watched: Lambda counts that, and an alarm looks at the count.
pub(crate) async fn check(cloudtrail: &Client) -> Result<String, Diagnostic> {
    let unknown = |why: &str| format!("the trails could not be checked: {why}");
    match look(cloudtrail).await {
        Ok(Verdict::Seen { by }) => {
            let text = format!("what Portcullis watches is logged by {by}");
            tracing::info!("{text}");
            Ok(text)
        }
        Ok(Verdict::Blind { why }) => Err(failure("NoTrail", why)),
        Ok(Verdict::Unknown { why }) => Err(failure("TrailNotChecked", unknown(&why))),
        Err(error) => Err(failure("TrailNotChecked", unknown(&format!("{error:#}")))),
    }
}
