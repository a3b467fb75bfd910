//! The pages that are no question and no answer.

use lambda_http::http::StatusCode;
use maud::{Markup, html};

/// Why there is nothing to answer here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Not a link, or not one that was signed here. It is the same for both, and for every id.
    NotValid,
    /// A link of the past.
    Expired,
    /// The link is good, its move is not there any more.
    Gone,
    /// The plan is not the one that the link was sent with.
    PlanChanged,
    /// The same was asked again since: a later mail has a link of its own.
    AskedAgain,
    /// Another version of Portcullis would make another plan of it.
    Updated,
    /// There is no request at this moment.
    NotAsked,
    /// The answer is recorded, and nothing goes on.
    NobodyWaits,
    /// A form that another site sent.
    CrossSite,
    /// A body that is no form.
    NotAForm,
    /// A body that is too long.
    TooLong,
    /// Neither GET, HEAD nor POST.
    Method,
    /// More links are opened than are checked.
    Busy,
    /// Something failed here, or in AWS.
    Failed,
}

impl Notice {
    /// The status of HTTP.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotValid | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Expired => StatusCode::GONE,
            Self::Gone => StatusCode::NOT_FOUND,
            Self::PlanChanged
            | Self::AskedAgain
            | Self::Updated
            | Self::NotAsked
            | Self::NobodyWaits => StatusCode::CONFLICT,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::NotValid => "This link is not valid",
            Self::Expired => "This link has expired",
            Self::Gone => "This re-creation is no longer on record",
            Self::PlanChanged => "The plan has changed since the mail",
            Self::AskedAgain => "A later mail replaces this one",
            Self::Updated => "Portcullis was updated since the mail",
            Self::NotAsked => "There is no request at this moment",
            Self::NobodyWaits => "The re-creation ended before your answer",
            Self::CrossSite => "This answer came from another site",
            Self::NotAForm => "This is not the form of this page",
            Self::TooLong => "This answer is too long",
            Self::Method => "This page accepts only its own form",
            Self::Busy => "Too many links are opened at this moment",
            Self::Failed => "This did not work",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::NotValid => {
                "It is incomplete, or it was changed. Copy the whole link from the mail again."
            }
            Self::Expired => "Links in mails are valid for a limited time. Nothing was recorded.",
            Self::Gone => "The link is valid, but its request is over and no longer stored.",
            Self::PlanChanged => {
                "The plan is no longer the one in the mail. Nothing was recorded. Look for a later mail with the new \
                 plan."
            }
            Self::AskedAgain => {
                "There is a newer request. Nothing was recorded. Use the link of the later mail."
            }
            Self::Updated => {
                "The new version makes a different plan for this cache, which nobody has seen. Nothing was recorded. \
                 Start the re-creation again."
            }
            Self::NobodyWaits => {
                "Your answer is recorded, but the re-creation was stopped or has waited too long, so the answer has \
                 no effect. Check its execution in Step Functions before you start another."
            }
            Self::NotAsked => {
                "The re-creation does not wait for this answer: it is at an earlier step, or it is over. Nothing was \
                 recorded."
            }
            Self::CrossSite => {
                "An answer is accepted only from the page of the link. Nothing was recorded. Open the link from the \
                 mail, and answer there."
            }
            Self::NotAForm | Self::TooLong | Self::Method => {
                "Nothing was recorded. Open the link from the mail, and answer there."
            }
            Self::Busy => {
                "Nothing was recorded. Open the link again in some seconds, or answer from the command line, which has no such limit."
            }
            Self::Failed => {
                "AWS returned an error. The page of the link shows whether an answer was recorded: open it again in a \
                 minute. A second answer does no harm."
            }
        }
    }

    /// What helps instead: to answer by another way, or to ask for another move.
    fn instead(self) -> (&'static str, &'static str) {
        match self {
            Self::Gone | Self::Updated | Self::NotAsked | Self::NobodyWaits => (
                "With your own credentials in the account of the cache, see the plan of a re-creation, and start one:",
                "portcullis plan CACHE\nportcullis move CACHE",
            ),
            Self::NotValid
            | Self::Expired
            | Self::PlanChanged
            | Self::AskedAgain
            | Self::CrossSite
            | Self::NotAForm
            | Self::TooLong
            | Self::Method
            | Self::Busy
            | Self::Failed => (
                "With your own credentials in the account of the cache, and the id of the re-creation, which is in \
                 the mail:",
                "portcullis approve ID\nportcullis reject ID --reason '...'",
            ),
        }
    }

    /// The page.
    pub fn page(self) -> Markup {
        let title = self.title();
        let (how, commands) = self.instead();
        let main = html! {
            h1 { (title) }
            p.lede { (self.says()) }
            section aria-labelledby="instead" {
                h2 #instead { "What you can do" }
                p { (how) }
                pre { code { (commands) } }
            }
        };
        super::frame::page(title, "notice", &main)
    }
}
