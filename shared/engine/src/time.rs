//! Moments: as texts have them (RFC 3339), as the ledger counts them (seconds since 1970), and as they are written
//! (ISO 8601 in UTC). Everybody reads and writes them here.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// In seconds.
pub const MINUTE: i64 = 60;
/// In seconds.
pub const HOUR: i64 = 60 * MINUTE;
/// In seconds.
pub const DAY: i64 = 24 * HOUR;

/// The moment of a text as RFC 3339 has it, `2026-11-21T11:30:00+01:30`.
pub fn read(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// The moment that is so many seconds after 1970, in UTC; none in a year beyond 9999.
pub fn at(seconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// Seconds since 1970 of a text. One that cannot be read is long ago, so that nothing lasts, or is counted, because
/// of it.
pub fn seconds(text: &str) -> i64 {
    read(text).map_or(i64::MIN, OffsetDateTime::unix_timestamp)
}

/// `2026-11-21T10:00:30Z`, whatever the zone, without a fraction.
pub fn written(moment: OffsetDateTime) -> String {
    let moment = moment.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = moment.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", moment.date())
}

/// The same of seconds since 1970; empty in a year beyond 9999.
pub fn iso(seconds: i64) -> String {
    at(seconds).map(written).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_8601_is_read_whatever_the_zone() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2026-11-21T10:00:00Z"), 1_795_255_200);
        assert_eq!(seconds("2026-11-21T10:00:00.999Z"), 1_795_255_200);
        assert_eq!(seconds("2026-11-21T11:30:00+01:30"), 1_795_255_200);
    }

    #[test]
    fn what_cannot_be_read_is_long_ago() {
        for text in ["", "tomorrow", "2026-11-21", "2026-11-21T10:00:00", "2026-13-01T00:00:00Z"] {
            assert_eq!(seconds(text), i64::MIN, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_in_utc_and_read_again() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_255_230, "2026-11-21T10:00:30Z"),
        ] {
            assert_eq!((iso(at).as_str(), seconds(text)), (text, at));
        }
        let zoned = read("2026-11-21T11:30:30.25+01:30").map(written);
        assert_eq!(zoned.as_deref(), Some("2026-11-21T10:00:30Z"));
        assert_eq!(iso(i64::MAX), "");
    }
}
