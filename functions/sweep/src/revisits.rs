//! Invoking the functions: for revisits that were due, and that nothing invoked, with what the schedule would have handed over,
//! and for calls that were not delivered. So everything about either is that function's, its role and its mode too.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use portcullis_aws::error::why;
use portcullis_engine::ledger::{Revisit, Why};
use portcullis_engine::sweep::LateRevisit;
use portcullis_engine::time::iso;

/// The most that one run invokes: those that come after it are the next run's.
const MOST: usize = 200;

/// Whom to invoke.
#[derive(Debug)]
pub(crate) struct Revisits {
    pub(crate) lambda: Client,
    /// The function for security groups, by its ARN.
    pub(crate) ingress: String,
    /// That for caches.
    pub(crate) cache: String,
}

impl Revisits {
    /// Does them, the earliest first.
    pub(crate) async fn make_up(&self, overdue: &[&Revisit]) -> Vec<LateRevisit> {
        let mut late = Vec::new();
        for revisit in overdue.iter().take(MOST) {
            let (of_group, input) = (revisit.call.is_of_group(), revisit.schedule().input);
            let failed = self.invoke(of_group, input).await.err();
            let Revisit { subject, event, .. } = revisit;
            match &failed {
                None => tracing::warn!(event, subject, "a revisit was overdue, and is done now"),
                Some(why) => {
                    tracing::error!(event, subject, "an overdue revisit could not be done: {why}");
                }
            }
            let (why, due) = (Why::as_str(revisit.why).to_owned(), iso(revisit.due));
            late.push(LateRevisit { subject: subject.clone(), why, due, failed });
        }
        late
    }

    /// Has the function for security groups, or that for caches, deal with something by itself.
    pub(crate) async fn invoke(&self, of_group: bool, payload: String) -> Result<(), String> {
        let function = if of_group { &self.ingress } else { &self.cache };
        #[expect(clippy::disallowed_methods, reason = "the one place that invokes a function")]
        let invoke = self.lambda.invoke();
        let invoke = invoke.function_name(function).invocation_type(InvocationType::Event);
        let invoked = invoke.payload(Blob::new(payload)).send().await;
        invoked.map(drop).map_err(|error| why("Invoke", &error))
    }
}
