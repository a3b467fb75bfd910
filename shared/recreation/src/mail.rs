//! Every message that people get about a move, for people and for machines.
//!
//! The first three lines say what happened, to what, and what is expected of whom. Below are the details,
//! with commands to copy. What users wrote (tags, reasons, names) cannot forge a line, a link or a command.
//!
//! INVARIANT: no AUTH token is in a mail: no type here can hold one.

mod answer;
mod asked;
mod draft;
mod ended;
mod failed;
mod handed_over;
mod words;

pub use asked::{ask, ask_deletion, refused};
pub use draft::{Context, Mail, SCHEMA};
pub use ended::{deleted, gone, kept, nobody_answered, rejected};
pub use failed::{changed, failed, still_used, used_again};
pub use handed_over::handed_over;
