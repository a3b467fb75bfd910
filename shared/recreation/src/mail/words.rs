//! Words, dates and commands of the mails.

use portcullis_engine::text::{harmless, hides, plain};

/// Longest text of a user in a mail.
const TEXT: usize = 300;

/// What a user wrote, on one line, in quotes: it cannot forge a line, and no mail reader makes a link of it.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text.trim(), TEXT))
}

/// A name that a user gave, as an ARN of a caller.
pub(super) fn name(text: &str) -> String {
    plain(text.trim(), TEXT)
}

/// A sentence of our own in which there may be names of others: nothing that a terminal acts upon.
pub(super) fn sentence(text: &str) -> String {
    harmless(text)
}

/// The subject of a mail: ASCII, one line, below 100 characters.
pub(super) fn subject(text: &str) -> String {
    const MOST: usize = 99;
    let line = harmless(text);
    let ascii: String = line.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    if ascii.len() <= MOST {
        return ascii;
    }
    format!("{}...", ascii.chars().take(MOST - 3).collect::<String>())
}

/// One word of a command. What is more than a plain word is quoted.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let kept: String = text.chars().filter(|c| !hides(*c)).collect();
    format!("'{}'", kept.replace('\'', r"'\''"))
}

/// `2026-11-28 13:05 UTC`
pub(super) fn date(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1 March of year 0, in eras of 400 years ("chrono-Compatible Low-Level Date Algorithms").
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_825_599), "2000-02-29 11:59 UTC");
        assert_eq!(date(1_764_334_800), "2025-11-28 13:00 UTC");
        assert_eq!(date(4_102_444_799), "2099-12-31 23:59 UTC");
        assert_eq!(date(-1), "1969-12-31 23:59 UTC");
    }

    #[test]
    fn a_word_of_a_command_is_one_word() {
        assert_eq!(word("orders-17321"), "orders-17321");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("it's $(x)\n"), r"'it'\''s $(x)'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn a_subject_is_one_short_line_of_ascii() {
        let long = subject(&"x".repeat(200));
        assert!(long.len() == 99 && long.ends_with("..."));
        assert_eq!(subject("B\u{fc}ro\r\nBcc: x"), "B?ro\\u{d}\\u{a}Bcc: x");
    }

    #[test]
    fn what_users_write_forges_nothing() {
        assert_eq!(
            quoted("ok\"\nAnswer: https://evil.example"),
            "\"ok\\u{22}\\u{a}Answer: https[:]//evil[.]example\""
        );
        assert_eq!(sentence("see\u{1b}[0m"), "see\\u{1b}[0m");
    }
}
