//! A move as the table keeps it.
