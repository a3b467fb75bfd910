//! Moments, as the ledger has them: ISO 8601 in UTC.

pub(crate) use portcullis_engine::time::{iso, seconds};

use crate::paint::{harmless, time};

/// As people read it: `2026-11-21 10:00 UTC`.
pub(crate) fn shown(text: &str) -> String {
    match seconds(text) {
        i64::MIN => harmless(text),
        seconds => time(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        assert_eq!(iso(1_795_255_230), "2026-11-21T10:00:30Z");
        assert_eq!(seconds("2026-11-21T10:00:30Z"), 1_795_255_230);
        assert_eq!(seconds("2026-11-21T11:30:30+01:30"), 1_795_255_230);
        assert_eq!(shown("2026-11-21T10:00:30Z"), "2026-11-21 10:00 UTC");
    }

    #[test]
    fn what_is_no_moment_is_long_ago_and_shown_as_it_is() {
        for odd in ["", "tomorrow", "2026-11-21"] {
            assert_eq!(seconds(odd), i64::MIN, "{odd}");
        }
        assert_eq!(shown("to\u{1b}morrow"), "to\\u{1b}morrow");
    }
}
