//! What is remembered of a finding, and what follows from it: told once, counted when it comes back,
//! left alone while it is exempt, not fought over.
//!
//! Pure: the table that keeps it is `shared/aws/src/ledger.rs`.
//!
//! A finding comes whenever an event brings it, and each coming is told once. An event is delivered more than
//! once, late, and to two invocations at the same time; an invocation may be killed anywhere. So whoever deals
//! with an occurrence first writes that it leased it ([`lease`]), then acts and tells, and then writes how it ended
//! ([`Leased::settle`]). A write counts only if nobody wrote meanwhile; whoever lost reads again, and starts over.

mod entry;
mod flapping;
mod key;
mod lease;
mod leased;
mod looked;
mod memory;
mod named;
mod occurrence;
mod reported;
mod resolved;
mod settle;
mod snooze;
mod undo;

pub use entry::{COMINGS, Coming, Entry, Held, Kept, State, Told};
pub use key::{Key, shape};
pub use lease::{Histories, History, lease};
pub use leased::{Leased, Recurrence, Turn};
pub use looked::Looked;
pub use memory::Memory;
pub use named::{completed, named, subjects};
pub use resolved::Open;
pub use settle::{Again, Settled};
pub use snooze::{EXEMPT, Exemption};
pub use undo::{Undo, undo};

#[cfg(test)]
mod tests;
