//! What the shared code warns of, for a person at the command line.

use std::error::Error;
use std::fmt;

use portcullis_aws::error::Failed;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use crate::advice::{Place, warned};
use crate::paint::Harmless;

/// Has warnings of Portcullis go to standard error. What the SDK logs itself is in the errors that it gives.
pub(crate) fn start() {
    tracing_subscriber::registry().with(layer(|| Harmless(std::io::stderr()))).init();
}

fn layer<S>(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).event_format(Lines);
    layer.with_filter(Targets::new().with_target("portcullis", LevelFilter::WARN))
}

/// As [`crate::advice`] says it.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let failed = said.failed.as_ref();
        writeln!(writer, "{}", warned(&said.message, failed, &Place::default()))
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    failed: Option<Failed>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }

    fn record_error(&mut self, _: &Field, error: &(dyn Error + 'static)) {
        self.failed = error.downcast_ref::<Failed>().cloned();
    }
}

#[cfg(test)]
mod tests {
    use portcullis_aws::error::Cause;
    use portcullis_testkit::Written;

    use super::*;

    #[test]
    fn what_is_missed_is_said_as_an_error_is_and_what_the_sdk_logs_is_not() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::registry().with(layer(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let message = "User: arn:x is not authorized to perform: ec2:DescribeSubnets because \
                           no identity-based policy allows the ec2:DescribeSubnets action.";
            let cause = Cause::Answered {
                code: "UnauthorizedOperation".to_owned(),
                message: Some(message.to_owned()),
            };
            let failed = Failed { call: "DescribeSubnets".to_owned(), cause };
            tracing::warn!(error = &failed as &dyn Error, "left out of the document");
            tracing::warn!(list = "pl-1", "without a cause");
            tracing::info!("no warning");
            tracing::warn!(target: "aws_config::meta", "of the SDK");
        });
        let text = written.text();
        insta::assert_snapshot!(text, @"
        warning: left out of the document: DescribeSubnets: arn:x may not ec2:DescribeSubnets, because no identity-based policy allows the ec2:DescribeSubnets action
        help: have an administrator allow ec2:DescribeSubnets, or use other credentials (--profile NAME)
        warning: without a cause
        ");
    }
}
