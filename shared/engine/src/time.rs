//! Times, as texts have them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since 1970 of an ISO 8601 text. One that cannot be read is long ago, so that nothing lasts, or is
/// counted, because of it.
pub fn seconds(text: &str) -> i64 {
    OffsetDateTime::parse(text, &Rfc3339).map_or(i64::MIN, OffsetDateTime::unix_timestamp)
}

/// A time since 1970, in seconds, as ISO 8601 in UTC.
pub fn iso(seconds: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(seconds) else { return String::new() };
    let ((year, month, day), (hour, minute, second)) = (time.to_calendar_date(), time.to_hms());
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
    fn a_time_is_written_as_it_is_read() {
        for text in ["1970-01-01T00:00:00Z", "2026-11-21T10:00:00Z"] {
            assert_eq!(iso(seconds(text)), text);
        }
    }
}
