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
    /// Nobody is asked at this moment.
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
            Self::Gone => "This move is not on record any more",
            Self::PlanChanged => "The plan has changed since the mail",
            Self::AskedAgain => "A later mail has taken the place of this one",
            Self::Updated => "Portcullis was updated since the mail",
            Self::NotAsked => "Nobody is asked at this moment",
            Self::NobodyWaits => "The move has ended before your answer",
            Self::CrossSite => "This answer came from another site",
            Self::NotAForm => "This is not the form of this page",
            Self::TooLong => "This answer is too long",
            Self::Method => "This page is read, or answered by its form",
            Self::Busy => "Too many links are opened at this moment",
            Self::Failed => "This did not work",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::NotValid => {
                "It is incomplete, or it was changed on its way. Copy it from the mail again, whole."
            }
            Self::Expired => "Links in mails are good for a limited time. Nothing was recorded.",
            Self::Gone => "The link is good, but what was asked is over and no longer kept.",
            Self::PlanChanged => {
                "What you would agree to is no longer what the mail said. Nothing was recorded. Look for a later mail with the new plan."
            }
            Self::AskedAgain => {
                "The question was asked again. Nothing was recorded. Use the link of the later mail."
            }
            Self::Updated => {
                "It would make another plan of this cache now, and nobody was shown that one. Nothing was recorded. Start the move again."
            }
            Self::NobodyWaits => {
                "Your answer is recorded, but the move was stopped or has waited too long, so nothing follows from it. Look at its execution in Step Functions before you start another."
            }
            Self::NotAsked => {
                "The move is not waiting for this answer: it has not come so far, or it has ended. Nothing was recorded."
            }
            Self::CrossSite => {
                "An answer is taken from the page of the link only. Nothing was recorded. Open the link from the mail, and answer there."
            }
            Self::NotAForm | Self::TooLong | Self::Method => {
                "Nothing was recorded. Open the link from the mail, and answer there."
            }
            Self::Busy => {
                "Nothing was recorded. Open the link again in some seconds, or answer from the command line, which has no such limit."
            }
            Self::Failed => {
                "AWS did not answer as it should. Whether an answer was recorded, the page of the link says: open it again in a minute. Answering twice does no harm."
            }
        }
    }

    /// What helps instead: to answer by another way, or to ask for another move.
    fn instead(self) -> (&'static str, &'static str) {
        match self {
            Self::Gone | Self::Updated | Self::NotAsked | Self::NobodyWaits => (
                "With credentials of your own in the account of the cache, look at what a move would do now, and start one:",
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
                "With credentials of your own in the account of the cache, and the id of the move, which is in the mail:",
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
