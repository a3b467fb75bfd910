//! The page before a scripted account: what it shows, and what it does.

mod account;
mod pages;
mod requests;
