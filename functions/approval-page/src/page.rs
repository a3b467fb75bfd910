//! The pages, as pure functions: what is recorded in, HTML out. There is no script in them, and
//! nothing of them comes from elsewhere.
//!
//! INVARIANT: text from an account or from a person gets here through maud, which escapes it, and
//! through `text`, which makes what cannot be seen visible.

mod answered;
mod asking;
mod deletion;
mod form;
mod frame;
mod hardening;
mod notice;
mod recreation;
mod settings;
mod text;
mod time;

pub use answered::{Subject, already, recorded};
pub use asking::{Asking, Filled};
pub use frame::STYLE;
pub use notice::Notice;

use maud::Markup;
use portcullis_approval::Asked;

impl Asking<'_> {
    /// The page on which it is answered.
    pub fn page(&self) -> Markup {
        match self.asked {
            Asked::Recreation(plan) => recreation::page(self, plan),
            Asked::Deletion(plan) => deletion::page(self, plan),
            Asked::Hardening(hardening) => hardening::page(self, hardening),
        }
    }
}
