//! Records in the order of time, whatever the order of the files: in memory, and in temporary files where there are many.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::record::Record;
use crate::store::hash;

static RULE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("sgr-"));

/// How many bytes of records are sorted in memory.
const RUN: usize = 16 << 20;

/// Records as they come.
#[derive(Debug, Default)]
pub struct Runs {
    records: Vec<Record>,
    bytes: usize,
    files: Vec<File>,
    named: HashSet<u64>,
}

type Key = (i64, u8, String, Vec<u8>);

fn key(record: Record) -> Key {
    let Record { at, rank, id, json } = record;
    (at, rank, id, json)
}

impl Runs {
    /// Adds a record.
    ///
    /// # Errors
    ///
    /// If no temporary file can be written.
    pub fn add(&mut self, record: Record) -> io::Result<()> {
        for at in RULE.find_iter(&record.json) {
            let rest = record.json.get(at..).unwrap_or_default();
            let is_of_id = |byte: &u8| *byte != b'-' && !byte.is_ascii_alphanumeric();
            let end = rest.iter().position(is_of_id).unwrap_or(rest.len());
            self.named.insert(hash(rest.get(..end).unwrap_or_default()));
        }
        self.bytes += record.json.len() + record.id.len() + size_of::<Record>();
        self.records.push(record);
        if self.bytes < RUN {
            return Ok(());
        }
        let mut file = BufWriter::new(tempfile::tempfile()?);
        for (at, rank, id, json) in self.sorted() {
            file.write_all(&at.to_le_bytes())?;
            file.write_all(&[rank])?;
            for part in [id.as_bytes(), &json] {
                file.write_all(&(part.len() as u64).to_le_bytes())?;
                file.write_all(part)?;
            }
        }
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        self.files.push(file);
        Ok(())
    }

    fn sorted(&mut self) -> impl Iterator<Item = Key> + use<> {
        self.bytes = 0;
        let mut keys: Vec<Key> = std::mem::take(&mut self.records).into_iter().map(key).collect();
        keys.sort_unstable();
        keys.into_iter()
    }
}

/// All records in their order, each once; and how many were there more than once.
pub struct Merged {
    runs: Vec<Box<dyn Iterator<Item = io::Result<Key>> + Send>>,
    heads: BinaryHeap<Reverse<(Key, usize)>>,
    last: Option<(i64, String)>,
    /// How many records were left out because they were there before.
    pub duplicates: u64,
    /// Hashes of the ids of all rules that a record names.
    pub named: HashSet<u64>,
}

impl Merged {
    /// Of what was read side by side.
    ///
    /// # Errors
    ///
    /// If a temporary file cannot be read.
    pub fn new(all: impl IntoIterator<Item = Runs>) -> io::Result<Self> {
        let mut merged = Self {
            runs: Vec::new(),
            heads: BinaryHeap::new(),
            last: None,
            duplicates: 0,
            named: HashSet::new(),
        };
        for mut runs in all {
            merged.named.extend(std::mem::take(&mut runs.named));
            merged.runs.push(Box::new(runs.sorted().map(Ok)));
            for file in runs.files {
                let mut file = BufReader::with_capacity(64 << 10, file);
                merged.runs.push(Box::new(std::iter::from_fn(move || read(&mut file).transpose())));
            }
        }
        for run in 0..merged.runs.len() {
            merged.refill(run)?;
        }
        Ok(merged)
    }

    fn refill(&mut self, run: usize) -> io::Result<()> {
        let next = self.runs.get_mut(run).and_then(Iterator::next).transpose()?;
        self.heads.extend(next.map(|key| Reverse((key, run))));
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<Record>> {
        while let Some(Reverse(((at, rank, id, json), run))) = self.heads.pop() {
            self.refill(run)?;
            let last = Some((at, id.clone()));
            if self.last == last {
                self.duplicates += 1;
                continue;
            }
            self.last = last;
            return Ok(Some(Record { at, rank, id, json }));
        }
        Ok(None)
    }
}

impl Iterator for Merged {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

fn read(file: &mut impl Read) -> io::Result<Option<Key>> {
    let mut at = [0; 8];
    match file.read_exact(&mut at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut rank = [0; 1];
    file.read_exact(&mut rank)?;
    let mut part = || -> io::Result<Vec<u8>> {
        let mut len = [0; 8];
        file.read_exact(&mut len)?;
        let mut part = vec![0; usize::try_from(u64::from_le_bytes(len)).unwrap_or_default()];
        file.read_exact(&mut part)?;
        Ok(part)
    };
    let (id, json) = (part()?, part()?);
    let id = String::from_utf8(id).map_err(io::Error::other)?;
    Ok(Some((i64::from_le_bytes(at), u8::from_le_bytes(rank), id, json)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_order_and_once_also_out_of_files() {
        let record = |at: i64, json: usize| Record {
            at,
            rank: 2,
            id: format!("e-{at}"),
            json: vec![b' '; json],
        };
        let (mut large, mut small) = (Runs::default(), Runs::default());
        for at in (0..40).rev() {
            large.add(record(at * 2, 1 << 20)).unwrap();
        }
        assert!(large.files.len() > 1);
        for at in 0..80 {
            small.add(record(at, 1)).unwrap();
        }
        let mut merged = Merged::new([large, small]).unwrap();
        let times: Vec<i64> = merged.by_ref().map(|record| record.unwrap().at).collect();
        assert_eq!(times, (0..80).collect::<Vec<_>>());
        assert_eq!(merged.duplicates, 40);
    }
}
