//! Moments, for people and for machines.

use maud::{Markup, html};
use portcullis_engine::time;

/// `21 November 2026, 14:03 UTC`, from seconds since 1970.
pub(super) fn moment(at: i64) -> Markup {
    let Some(moment) = time::at(at) else { return html! { (at) " seconds after 1970" } };
    let (hour, minute, _) = moment.to_hms();
    html! {
        time datetime=(format!("{}T{hour:02}:{minute:02}Z", moment.date())) {
            (format!("{} {} {}, {hour:02}:{minute:02} UTC", moment.day(), moment.month(), moment.year()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let said = moment(1_795_269_780).into_string();
        assert_eq!(said, "<time datetime=\"2026-11-21T14:03Z\">21 November 2026, 14:03 UTC</time>");
        let said = moment(951_782_400).into_string();
        assert_eq!(said, "<time datetime=\"2000-02-29T00:00Z\">29 February 2000, 00:00 UTC</time>");
    }
}
