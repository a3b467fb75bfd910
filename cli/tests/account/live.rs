//! Every command that needs an account.

pub(crate) const LIVE: [&[&str]; 8] = [
    &["plan", "orders"],
    &["plan", "orders", "--document"],
    &["move", "orders"],
    &["moves"],
    &["approve", "orders-1a2b3c4d", "--yes"],
    &["reject", "orders-1a2b3c4d", "--reason", "no", "--yes"],
    &["findings"],
    &["undo", "f-0123456789ab", "--reason", "no"],
];
