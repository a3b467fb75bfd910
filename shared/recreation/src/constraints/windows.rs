//! Snapshots, and the windows of a week and of a day.

use portcullis_engine::facts::Engine;

use super::row::{Constraint, Source};

const DAY: u32 = 24 * 60;
/// The shortest window, in minutes.
const SHORTEST: u32 = 60;

pub(super) const ROWS: &[Constraint] = &[
    Constraint {
        id: "maintenance-window",
        inputs: &["PreferredMaintenanceWindow"],
        refuses: "a maintenance window that is not as `sun:23:00-mon:01:30`, or shorter than an hour",
        source: Source::Model {
            of: "CreateReplicationGroupMessage.PreferredMaintenanceWindow",
            says: "The minimum maintenance window is a 60 minute period",
        },
        remedy: "give the cache another maintenance window, and plan again",
        check: |request| {
            let window = &request.maintenance_window;
            let long =
                weekly(window).is_some_and(|(from, to)| length(from, to, 7 * DAY) >= SHORTEST);
            (!long).then(|| format!("the maintenance window is {window}"))
        },
    },
    Constraint {
        id: "snapshot-window",
        inputs: &["SnapshotWindow"],
        refuses: "a snapshot window that is not as `05:00-09:00`, or shorter than an hour",
        source: Source::Answer {
            says: "Invalid backup window format. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC)",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-snapshot-window",
        },
        remedy: "give the cache another snapshot window, and plan again",
        check: |request| {
            let window = request.snapshot_window.as_deref()?;
            let long = daily(window).is_some_and(|(from, to)| length(from, to, DAY) >= SHORTEST);
            (!long).then(|| format!("the snapshot window is {window}"))
        },
    },
    Constraint {
        id: "windows-apart",
        inputs: &["SnapshotWindow", "PreferredMaintenanceWindow"],
        refuses: "a snapshot window that overlaps the maintenance window",
        source: Source::Answer {
            says: "The snapshot window and maintenance window must not overlap.",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-snapshot-window",
        },
        remedy: "give the cache another snapshot window, and plan again",
        check: |request| {
            let snapshot = daily(request.snapshot_window.as_deref()?)?;
            let maintenance = weekly(&request.maintenance_window)?;
            overlap(maintenance, snapshot).then(|| {
                format!(
                    "the windows {} and {} overlap",
                    request.maintenance_window,
                    request.snapshot_window.as_deref().unwrap_or_default()
                )
            })
        },
    },
    Constraint {
        id: "snapshot-retention",
        inputs: &["SnapshotRetentionLimit"],
        refuses: "snapshots that are kept for less than 0 or more than 35 days",
        source: Source::Answer {
            says: "Invalid snapshot retention limit: 36. Retention limit must be between 0 and 35.",
            met: "badmintoncryer/cdk-preflight, pf-elasticache-snapshot-retention",
        },
        remedy: "describe the cache again",
        check: |request| {
            let days = request.snapshot_retention?;
            (!(0..=35).contains(&days)).then(|| format!("snapshots are kept for {days} days"))
        },
    },
    Constraint {
        id: "snapshots-of-memcached",
        inputs: &["SnapshotName", "SnapshotRetentionLimit", "SnapshotWindow", "Engine"],
        refuses: "snapshots of Memcached",
        source: Source::Model {
            of: "CreateCacheClusterMessage.SnapshotName",
            says: "This parameter is only valid if the Engine parameter is redis",
        },
        remedy: "describe the cluster again",
        check: |request| {
            let any = request.snapshot.is_some()
                || request.snapshot_retention.is_some()
                || request.snapshot_window.is_some();
            (any && request.engine == Engine::Memcached)
                .then(|| "the cluster runs Memcached".to_owned())
        },
    },
];

/// The minutes of a week at which a maintenance window begins and ends.
fn weekly(window: &str) -> Option<(u32, u32)> {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let minute = |text: &str| {
        let (day, time) = text.split_once(':')?;
        let day = DAYS.iter().position(|known| *known == day)?;
        Some(u32::try_from(day).ok()? * DAY + clock(time)?)
    };
    let (from, to) = window.split_once('-')?;
    Some((minute(from)?, minute(to)?))
}

/// The minutes of a day at which a snapshot window begins and ends.
fn daily(window: &str) -> Option<(u32, u32)> {
    let (from, to) = window.split_once('-')?;
    Some((clock(from)?, clock(to)?))
}

fn clock(text: &str) -> Option<u32> {
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u32>().ok()).flatten();
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// How long it is from one minute to another, around the end of the week or of the day.
fn length(from: u32, to: u32, around: u32) -> u32 {
    (to + around - from) % around
}

/// Whether a daily window meets a weekly one on any day.
fn overlap(weekly: (u32, u32), daily: (u32, u32)) -> bool {
    let long = length(weekly.0, weekly.1, 7 * DAY);
    let each = length(daily.0, daily.1, DAY);
    // Each of them begins within the other, or they do not meet.
    (0..7).any(|day| {
        let begins = day * DAY + daily.0;
        length(weekly.0, begins, 7 * DAY) < long || length(begins, weekly.0, 7 * DAY) < each
    })
}
