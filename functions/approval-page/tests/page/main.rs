//! The page before a scripted account: what it shows, and what it does.

mod account;
#[path = "../../../../shared/engine/tests/hostile/mod.rs"]
mod hostile;
mod pages;
mod requests;
