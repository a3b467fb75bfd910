//! How far an audit is: a bar for each Region that is read, on a terminal. In a pipe it is silent.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The bars.
#[derive(Debug)]
pub(super) struct Progress {
    bars: Option<MultiProgress>,
}

/// The bar of a Region.
#[derive(Debug)]
pub(super) struct Bar(Option<ProgressBar>);

impl Progress {
    pub(super) fn new() -> Self {
        Self { bars: stderr().is_terminal().then(MultiProgress::new) }
    }

    pub(super) fn begin(&self, account: &str, region: &str) -> Bar {
        let Some(bars) = &self.bars else { return Bar(None) };
        let bar = bars.add(ProgressBar::new(0));
        let style = "{prefix:<29} {bar:20} {pos}/{len} batches  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(format!("{account} {region}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(Some(bar))
    }

    pub(super) fn done(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

impl Bar {
    pub(super) fn at(&self, done: usize, of: usize) {
        if let Some(bar) = &self.0 {
            bar.set_length(u64::try_from(of).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn found(&self, findings: usize) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{findings} findings"));
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
