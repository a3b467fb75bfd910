//! The table, and what is claimed.

use std::time::Duration;

use crate::closing::Closed;

/// A start of ours takes at most so many seconds more than one of a function that does nothing, and so it is until
/// an event is answered that needs nothing.
const MORE: f64 = 0.005;

/// And it holds less than this much memory at any time, in bytes.
const MEMORY: u64 = 20_000_000;

/// And what only informs and fails delays a revoke and its alert by less than this factor.
const DELAYED: f64 = 1.1;

/// All measurements of one program.
pub(crate) struct Measured {
    name: &'static str,
    ours: bool,
    /// From the start of the process to its first `/next`.
    pub(crate) start: Vec<Duration>,
    /// From the start of the process to its answer to an ignored event.
    pub(crate) ignored: Vec<Duration>,
    /// From the start of the process to its answer to an event that it looked into.
    pub(crate) clean: Vec<Duration>,
    /// From taking an event to answering it, once warm.
    pub(crate) warm: Vec<Duration>,
    /// The most memory that any of its processes held, in bytes.
    pub(crate) peak: u64,
}

impl Measured {
    pub(crate) fn new(name: &'static str, ours: bool) -> Self {
        let [start, ignored, clean, warm] = [const { Vec::new() }; 4];
        Self { name, ours, start, ignored, clean, warm, peak: 0 }
    }

    /// What stands in the table: seconds, and bytes in the last column.
    fn figures(&self) -> [f64; 6] {
        [
            percentile(&self.start, 50),
            percentile(&self.ignored, 50),
            percentile(&self.clean, 50),
            percentile(&self.warm, 50),
            percentile(&self.warm, 99),
            // Exact: far below 2^52.
            self.peak as f64,
        ]
    }
}

/// The table, in Markdown, each figure with its ratio to the first program's; and whether ours
/// keep what is claimed.
pub(crate) fn table(measured: &[Measured]) -> (String, bool) {
    let mut text = String::from(
        "| | start to first `/next` | to the answer, ignored event | to the answer, clean event \
         | warm p50 | warm p99 | peak memory |\n|---|---|---|---|---|---|---|\n",
    );
    let (mut missed, mut held) = (String::new(), true);
    let base = measured.first().map(Measured::figures).unwrap_or_default();
    for (at, program) in measured.iter().enumerate() {
        let figures = program.figures();
        text.push_str(&format!("| {} |", program.name));
        for (column, (figure, base)) in figures.into_iter().zip(base).enumerate() {
            let shown = match column {
                5 => format!("{:.1} MB", figure / 1e6),
                _ => format!("{:.2} ms", figure * 1e3),
            };
            let ratio = if at == 0 { String::new() } else { format!(" ({:.2})", figure / base) };
            text.push_str(&format!(" {shown}{ratio} |"));
        }
        text.push('\n');
        let [start, ignored, ..] = figures;
        let [base_start, base_ignored, ..] = base;
        let kept = [
            ("start to first `/next`", start <= base_start + MORE),
            ("start to the answer to an ignored event", ignored <= base_ignored + MORE),
            ("peak memory", program.peak < MEMORY),
        ];
        for (what, _) in kept.iter().filter(|(_, kept)| program.ours && !kept) {
            missed.push_str(&format!("{}: {what} is not as claimed\n", program.name));
            held = false;
        }
    }
    text.push_str(&missed);
    (text, held)
}

/// The table of a public rule that is closed, without and with failing reads of what only informs; and whether that
/// keeps what is claimed.
pub(crate) fn closing(well: &[Closed], failing: &[Closed]) -> (String, bool) {
    if well.is_empty() {
        return (String::new(), true);
    }
    let mut text = String::from(
        "| public rule | start to the revoke on the wire | start to the alert on the wire |\n|---|---|---|\n",
    );
    let of = |closed: &[Closed]| {
        let revoke: Vec<Duration> = closed.iter().map(|closed| closed.revoke).collect();
        let alert: Vec<Duration> = closed.iter().map(|closed| closed.alert).collect();
        [percentile(&revoke, 50), percentile(&alert, 50)]
    };
    let ([revoke, alert], [late_revoke, late_alert]) = (of(well), of(failing));
    let (more, more_alert) = (late_revoke / revoke, late_alert / alert);
    text.push_str(&format!("| ingress | {:.1} ms | {:.1} ms |\n", revoke * 1e3, alert * 1e3));
    text.push_str(&format!(
        "| the same, while names, interfaces and VPC block public access answer 503 | {:.1} ms ({more:.2}) | {:.1} ms \
         ({more_alert:.2}) |\n",
        late_revoke * 1e3,
        late_alert * 1e3
    ));
    let held = more <= DELAYED && more_alert <= DELAYED;
    if !held {
        text.push_str("ingress: what only informs delays the revoke or the alert\n");
    }
    (text, held)
}

fn percentile(times: &[Duration], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or_default().as_secs_f64()
}
