//! The pages of an event history, in a file: lines of JSON that are a source of records like any other, and that say where
//! to go on after an interruption. Tokens of AWS are not in it, for they expire.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use portcullis_engine::time::DAY;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::advice::advice;
use crate::moment::{iso, seconds};

const SCHEMA: &str = "portcullis.history.v1";

/// For how long AWS keeps events, in seconds (user guide, "Working with CloudTrail event history").
pub(super) const LONGEST: i64 = 90 * DAY;

/// Which history it is: the first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    schema: String,
    account: String,
    region: String,
    /// How far back it goes, in seconds.
    seconds: i64,
    /// Its end, which stays when it goes on later: so all calls end at the same moment.
    until: String,
}

/// What a page says beside its events.
#[derive(Debug, Deserialize)]
struct Page {
    call: String,
    /// Older events of this call come later; `None` if the page had none.
    oldest: Option<String>,
    last: bool,
}

/// A file of pages.
#[derive(Debug)]
pub(super) struct HistoryFile {
    file: File,
    path: PathBuf,
    head: Head,
    from: i64,
    /// Of each call: the end of what is missing, or `None` if nothing is.
    rest: BTreeMap<String, Option<i64>>,
}

impl HistoryFile {
    /// The file that is there, or a new one, which only its owner can read.
    ///
    /// # Errors
    ///
    /// If it is of another history, or cannot be read or written.
    pub(super) fn open(
        path: &Path,
        account: &str,
        region: &str,
        last: i64,
        now: i64,
    ) -> Result<Self> {
        let shown = path.display();
        let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = opened.with_context(|| format!("{shown} cannot be opened"))?;
        let head = Head {
            schema: SCHEMA.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            seconds: last,
            until: iso(now),
        };
        let mut kept = Self { file, path: path.to_owned(), head, from: 0, rest: BTreeMap::new() };
        let is_ours = kept.read().with_context(|| format!("{shown} cannot be read"))?;
        if !is_ours {
            let what = format!(
                "{shown} has no history of account {account} in {region} that goes back as far as --last says"
            );
            return Err(advice(what, "give another file (--keep FILE), or remove this one"));
        }
        // When it goes on days later, the oldest of it are gone.
        kept.from = (seconds(&kept.head.until) - last).max(now - LONGEST);
        Ok(kept)
    }

    /// Reads what is there. A line that was cut off by an interruption is removed. No, if it is something else.
    fn read(&mut self) -> Result<bool> {
        let mut lines = BufReader::new(self.file.try_clone()?);
        let (mut line, mut whole) = (Vec::new(), 0_u64);
        lines.seek(SeekFrom::Start(0))?;
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                break;
            }
            if whole == 0 {
                let Ok(head) = serde_json::from_slice::<Head>(&line) else { return Ok(false) };
                let until = head.until.clone();
                if head != (Head { until, ..self.head.clone() }) {
                    return Ok(false);
                }
                self.head = head;
            } else {
                let Ok(page) = serde_json::from_slice::<Page>(&line) else { return Ok(false) };
                self.note(&page.call, page.oldest.as_deref().map(seconds), page.last);
            }
            whole += read as u64;
        }
        if whole == 0 && !line.is_empty() {
            return Ok(false);
        }
        self.file.set_len(whole)?;
        if whole == 0 {
            let head = serde_json::to_value(&self.head)?;
            self.write(&head)?;
        }
        Ok(true)
    }

    fn note(&mut self, call: &str, oldest: Option<i64>, is_last: bool) {
        let before = self.rest_of(call).unwrap_or(i64::MAX);
        let rest = oldest.map_or(before, |oldest| oldest.min(before));
        self.rest.insert(call.to_owned(), (!is_last).then_some(rest));
    }

    fn write(&mut self, line: &serde_json::Value) -> Result<()> {
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }

    /// The end of what is missing of a call; events of that second may be there already. `None` if nothing is missing.
    pub(super) fn rest_of(&self, call: &str) -> Option<i64> {
        let rest = self.rest.get(call).copied();
        rest.unwrap_or_else(|| Some(seconds(&self.head.until))).filter(|until| *until >= self.from)
    }

    /// When the history begins, in seconds since 1970.
    pub(super) fn from(&self) -> i64 {
        self.from
    }

    /// Keeps a page.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn add(
        &mut self,
        call: &str,
        records: impl Iterator<Item = String>,
        oldest: Option<i64>,
        is_last: bool,
    ) -> Result<()> {
        let events: Vec<_> = records.map(|record| json!({"CloudTrailEvent": record})).collect();
        let oldest_text = oldest.map(iso);
        self.write(
            &json!({"call": call, "oldest": oldest_text, "last": is_last, "Events": events}),
        )?;
        self.note(call, oldest, is_last);
        Ok(())
    }
}
