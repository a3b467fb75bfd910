//! A re-creation or a hardening as the table keeps it, what people are asked about it, and what they answer.
//!
//! INVARIANT: an answer is recorded once, in the table, before the workflow is woken. The workflow
//! believes the record, and never what woke it.

mod answer;
mod asker;
mod hardening;
mod link;
mod record;
mod table;

pub use answer::{Decided, To, answer, wake};
pub use asker::{Asker, Desk, Page, StackSettings};
pub use hardening::Hardening;
pub use link::{Checked, Link, sign};
pub use record::{About, Answer, Asked, Question, Record, Through, Work};
pub use table::{Lock, Summary, Table};
