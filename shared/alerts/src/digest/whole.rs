//! What holds for all rows of a digest together.

use std::collections::BTreeSet;

use portcullis_engine::text::counted;

use super::row::{Row, Tally};

/// What holds for all rows together.
pub(super) struct Whole<'a> {
    pub(super) rows: &'a [Row],
    pub(super) worst: &'a Row,
    pub(super) tally: Tally,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

impl<'a> Whole<'a> {
    /// Rows in their order.
    pub(super) fn of(rows: &'a [Row]) -> Option<Self> {
        let times = rows.iter().map(|row| row.time.as_str());
        let mut tally = Tally::new();
        for (severity, ends) in rows.iter().flat_map(|row| &row.tally) {
            let of_severity = tally.entry(severity.clone()).or_default();
            for (end, count) in ends {
                let sum = of_severity.entry(*end).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        Some(Self {
            rows,
            worst: rows.first()?,
            tally,
            from: times.clone().min()?,
            to: times.max()?,
        })
    }

    pub(super) fn findings(&self) -> u64 {
        self.rows.iter().map(Row::count).sum()
    }

    pub(super) fn open(&self) -> u64 {
        self.rows.iter().map(Row::open).sum()
    }

    /// `37 findings in one minute`
    pub(super) fn headline(&self) -> String {
        let (from, to) = (minute(self.from), minute(self.to));
        // A row without findings is good news: something is gone that was told before.
        let findings = match usize::try_from(self.findings()).unwrap_or(usize::MAX) {
            0 => counted(self.rows.len(), "notice"),
            findings => counted(findings, "finding"),
        };
        if from == to {
            format!("{findings} in one minute")
        } else {
            format!("{findings} from {} to {}", clock(from), clock(to))
        }
    }

    pub(super) fn subject(&self) -> String {
        let severity = self.worst.severity.to_uppercase();
        let (accounts, regions) = (self.all(|row| &row.account), self.all(|row| &row.region));
        let of = |all: &BTreeSet<&str>, what: &str| match all.len() {
            1 => all.first().copied().unwrap_or_default().to_owned(),
            many => format!("{many} {what}"),
        };
        let (account, region) = (of(&accounts, "accounts"), of(&regions, "Regions"));
        format!("[{severity}] {} ({account} {region})", self.headline())
    }

    pub(super) fn all(&self, member: fn(&Row) -> &str) -> BTreeSet<&'a str> {
        self.rows.iter().map(member).collect()
    }

    /// The same however often these rows are told.
    pub(super) fn id(&self) -> String {
        format!("digest-{}", self.worst.event)
    }
}

/// `2026-11-21T16:40` of a time.
fn minute(time: &str) -> &str {
    time.get(..16).unwrap_or(time)
}

/// `16:40` of a minute.
fn clock(minute: &str) -> &str {
    minute.split('T').nth(1).unwrap_or(minute)
}
