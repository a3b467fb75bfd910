//! One input: what it is, and the records in it.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::named::may_matter;
use crate::record::{Found, Record, found};
use crate::split::{Piece, Splitter};

/// How many bytes are looked at together.
const CHUNK: usize = 256 << 10;

/// How many bytes of a file are read at once.
const PACKED: usize = 64 << 10;

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The name of the input.
    pub name: String,
    /// What it is, in words that are the same wherever it is the same.
    pub what: String,
    /// After how many records, if there is one place.
    pub after: Option<u64>,
    /// How many more like it there are in this input.
    pub more: u64,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(after) = self.after {
            write!(f, ", after {after} records")?;
        }
        if self.more > 0 {
            write!(f, "; and {} more like it", self.more)?;
        }
        Ok(())
    }
}

/// What was in an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// How many bytes it has, unpacked.
    pub bytes: u64,
    /// How many records.
    pub records: u64,
    /// How many objects in it are no records.
    pub foreign: u64,
    /// What is wrong with it, if something is.
    pub problem: Option<Problem>,
}

impl Input {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The first thing that is wrong counts.
    pub(crate) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong_after(what, None);
    }

    fn wrong_after(&mut self, what: impl Into<String>, after: Option<u64>) {
        let name = &self.name;
        self.problem.get_or_insert_with(|| Problem {
            name: name.clone(),
            what: what.into(),
            after,
            more: 0,
        });
    }

    /// Reads all of it; `each` gets what matters. It never fails: what is wrong is noted. The splitter is as it was
    /// afterwards, for the next input.
    pub fn read(
        &mut self,
        source: impl Read,
        splitter: &mut Splitter,
        each: &mut impl FnMut(Record),
    ) {
        let mut source = BufReader::with_capacity(PACKED, source);
        match source.fill_buf() {
            Ok([0x1f, 0x8b, ..]) => {
                self.split(MultiGzDecoder::new(source), splitter, each);
            }
            Ok(_) => self.split(source, splitter, each),
            Err(error) => self.wrong(format!("it cannot be read: {error}")),
        }
    }

    /// Whether it begins as JSON does; else it is said what it is, and what to do.
    fn is_json(&mut self, begin: &[u8]) -> bool {
        let text = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).trim_ascii_start();
        let has_objects = text.contains(&b'{');
        let wrong = match text.first() {
            None => "it is empty",
            Some(b'{' | b'[') => return true,
            Some(_) if text.starts_with(b"PAR1") => {
                "it is Parquet: export the records as JSON lines instead"
            }
            Some(_) if text.starts_with(b"PK\x03\x04") => "it is a zip archive: unpack it",
            Some(_) if text.contains(&0) => "it is neither gzip nor text in UTF-8",
            // A log whose lines have something before the record.
            Some(_) if has_objects && !text.starts_with(b"\"") => return true,
            Some(_) if text.contains(&b',') => {
                "it is CSV, which has no whole records: download JSON from the console, or use \
                 `aws cloudtrail lookup-events --output json`"
            }
            Some(_) => "it is no JSON",
        };
        self.wrong(wrong);
        false
    }

    fn split(
        &mut self,
        mut source: impl Read,
        splitter: &mut Splitter,
        each: &mut impl FnMut(Record),
    ) {
        loop {
            let room = splitter.room(CHUNK);
            let read = match source.read(room) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.wrong_after(format!("it is damaged: {error}"), Some(self.records));
                    break;
                }
            };
            if self.bytes == 0 && !self.is_json(room.get(..read).unwrap_or_default()) {
                return splitter.reset();
            }
            if read == 0 {
                break;
            }
            self.bytes += read as u64;
            splitter.look(read, &mut |piece| self.piece(piece, each));
        }
        splitter.end(&mut |piece| self.piece(piece, each));
        if self.records == 0 {
            self.wrong("there is no CloudTrail record in it");
        }
    }

    fn piece(&mut self, piece: Piece<'_>, each: &mut impl FnMut(Record)) {
        match piece {
            Piece::Record(bytes) if !may_matter(bytes) => self.records += 1,
            Piece::Record(bytes) => match found(bytes) {
                Found::Record(record) => {
                    self.records += 1;
                    each(*record);
                }
                Found::Other => self.records += 1,
                Found::Foreign => self.foreign += 1,
                Found::Damaged(why) => self.damage(&format!("a record cannot be read: {why}")),
            },
            Piece::TooLarge => self.damage("a record is larger than 4 MB"),
            Piece::Cut => self.damage("it is cut off within a record"),
            Piece::Foreign => self.damage("there is text in it that is no JSON"),
        }
    }

    fn damage(&mut self, what: &str) {
        match &mut self.problem {
            Some(problem) => problem.more += 1,
            None => self.wrong_after(what, Some(self.records)),
        }
    }
}
