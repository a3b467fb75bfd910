//! What happened over time, as bars: one series of a page, in SVG and in a table for who cannot see it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::finding::{Finding, Verdict};
use crate::replay::day;

/// The series of the chart of findings: the class of the colour, and the words.
pub(crate) const SERIES: [(&str, &str); 5] = [
    ("closed", "would be closed"),
    ("reported", "would be reported only"),
    ("suppressed", "suppressed"),
    ("left", "not remediated: limit or flapping"),
    ("unknown", "unknown"),
];

/// More bars than this are weeks, and then months.
const BARS: usize = 100;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
/// Where the bars begin, right of the numbers.
const LEFT: f64 = 56.0;

/// The values of a span of time, one for each series.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) values: [f64; 5],
}

/// The findings of each span of time.
pub(crate) fn findings(all: &[Finding], days: &[String]) -> Vec<Bar> {
    bars(all, days, |one| {
        let series = match one.verdict {
            Verdict::Closed => 0,
            Verdict::Reported => 1,
            Verdict::Suppressed(_) => 2,
            Verdict::Limit | Verdict::Flapping => 3,
            Verdict::Unknown => 4,
        };
        (series, 1.0)
    })
}

/// The hours for which the rules that were opened in each span of time would not have been open any more.
pub(crate) fn hours(all: &[Finding], days: &[String], end: i64) -> Vec<Bar> {
    let seconds = |seconds: i64| f64::from(i32::try_from(seconds).unwrap_or(i32::MAX));
    bars(all, days, |one| (0, seconds(one.saved(end)) / 3600.0))
}

fn bars(all: &[Finding], days: &[String], value: impl Fn(&Finding) -> (usize, f64)) -> Vec<Bar> {
    // `2026-11-21`, or the first day of seven, or `2026-11`.
    let name = |day: &str| -> String {
        match days.len() {
            few if few <= BARS => day.to_owned(),
            some if some <= 7 * BARS => {
                let at = days.iter().position(|one| one == day).unwrap_or_default();
                days.get(at - at % 7).cloned().unwrap_or_default()
            }
            _ => day.chars().take("2026-11".len()).collect(),
        }
    };
    let mut bars: BTreeMap<String, [f64; 5]> =
        days.iter().map(|day| (name(day), [0.0; 5])).collect();
    for one in all {
        let (series, value) = value(one);
        if let Some(bar) = bars.get_mut(&name(&day(one.at)))
            && let Some(total) = bar.get_mut(series)
        {
            *total += value;
        }
    }
    bars.into_iter().map(|(name, values)| Bar { name, values }).collect()
}

/// The chart, with its table. `unit` names the numbers.
pub(crate) fn chart(title: &str, unit: &str, series: usize, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.values.iter().sum::<f64>()).fold(0.0, f64::max);
    let step = (WIDTH - LEFT) / bars.len().max(1) as f64;
    let middle = bars.get(bars.len() / 2).map(|bar| bar.name.as_str()).unwrap_or_default();
    let (first, last) = (bars.first(), bars.last());
    let name = |bar: Option<&Bar>| bar.map(|bar| bar.name.clone()).unwrap_or_default();
    let has_middle = bars.len() > 4;
    html! {
        figure {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 32.0)) role="img"
                aria-label=(format!("{title}: at most {} {unit}; the table below has the numbers", number(most))) {
                line x1=(LEFT) y1="8" x2=(WIDTH) y2="8" class="grid" {}
                line x1=(LEFT) y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) class="grid" {}
                text x=(LEFT - 6.0) y="13" text-anchor="end" { (number(most)) }
                text x=(LEFT - 6.0) y=(HEIGHT) text-anchor="end" { "0" }
                @for (at, bar) in bars.iter().enumerate() {
                    @for piece in pieces(bar, at, step, most) { (piece) }
                }
                text x=(LEFT) y=(HEIGHT + 26.0) { (name(first)) }
                @if has_middle {
                    text x=(LEFT + (WIDTH - LEFT) / 2.0) y=(HEIGHT + 26.0) text-anchor="middle" { (middle) }
                }
                @if bars.len() > 1 {
                    text x=(WIDTH) y=(HEIGHT + 26.0) text-anchor="end" { (name(last)) }
                }
            }
            details {
                summary { "The numbers" }
                div.wide tabindex="0" role="region" aria-label=(format!("Numbers: {title}")) {
                    table {
                        thead { tr {
                            th scope="col" { "from" }
                            @if series == 1 { th scope="col" { (unit) } }
                            @else { @for (_, words) in SERIES { th scope="col" { (words) } } }
                        } }
                        tbody {
                            @for bar in bars.iter().filter(|bar| bar.values.iter().any(|one| *one > 0.0)) {
                                tr {
                                    th scope="row" { (bar.name) }
                                    @for value in bar.values.iter().take(series) { td.number { (number(*value)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pieces(bar: &Bar, at: usize, step: f64, most: f64) -> Vec<Markup> {
    let (x, width) = (LEFT + step * at as f64, (step * 0.8).max(0.5));
    let mut top = HEIGHT;
    let mut pieces = Vec::new();
    for (value, (class, words)) in bar.values.iter().zip(SERIES) {
        if *value <= 0.0 {
            continue;
        }
        let height = (HEIGHT - 8.0) * value / most;
        top -= height;
        pieces.push(html! {
            rect class=(class) x=(format!("{x:.1}")) y=(format!("{top:.1}")) width=(format!("{width:.1}"))
                height=(format!("{height:.1}")) {
                title { (bar.name) ": " (number(*value)) " (" (words) ")" }
            }
        });
    }
    pieces
}

/// One digit after the point, where it says something.
fn number(value: f64) -> String {
    if value.fract() == 0.0 || value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
