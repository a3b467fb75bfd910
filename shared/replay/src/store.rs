//! Values in a temporary file, of which only the places are in memory: a history may have a million findings.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How much is written at once.
const BLOCK: usize = 1 << 20;

/// Values by two keys, of which the first finds all that have it. Keys are kept as hashes: who reads a value looks whether
/// it is the one that was meant.
#[derive(Debug)]
pub(crate) struct Store<T> {
    file: Option<File>,
    /// How long the file is, and what comes after.
    written: u64,
    tail: Vec<u8>,
    slots: HashMap<u64, Vec<Slot>>,
    values: PhantomData<T>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    second: u64,
    at: u64,
    length: usize,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        let (file, tail, slots) = (None, Vec::new(), HashMap::new());
        Self { file, written: 0, tail, slots, values: PhantomData }
    }
}

/// The same in each run of a program.
pub(crate) fn hash(key: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl<T: Serialize + DeserializeOwned> Store<T> {
    /// Puts a value; the one that had these keys is gone.
    pub(crate) fn put(&mut self, first: impl Hash, second: impl Hash, value: &T) -> io::Result<()> {
        if self.tail.len() >= BLOCK {
            let file = match &self.file {
                Some(file) => file,
                None => self.file.insert(tempfile::tempfile()?),
            };
            file.write_all_at(&self.tail, self.written)?;
            self.written += self.tail.len() as u64;
            self.tail.clear();
        }
        let begin = self.tail.len();
        serde_json::to_writer(&mut self.tail, value)?;
        let length = self.tail.len() - begin;
        let slot = Slot { second: hash(second), at: self.written + begin as u64, length };
        let of = self.slots.entry(hash(first)).or_insert_with(|| Vec::with_capacity(1));
        match of.iter_mut().find(|one| one.second == slot.second) {
            Some(one) => *one = slot,
            None => of.push(slot),
        }
        Ok(())
    }

    /// All values with this first key.
    pub(crate) fn all(&self, first: impl Hash) -> io::Result<Vec<T>> {
        let of = self.slots.get(&hash(first));
        of.into_iter().flatten().map(|slot| self.value(*slot)).collect()
    }

    /// The value with these keys.
    pub(crate) fn one(&self, first: impl Hash, second: impl Hash) -> io::Result<Option<T>> {
        let second = hash(second);
        let of = self.slots.get(&hash(first));
        let slot = of.into_iter().flatten().find(|slot| slot.second == second);
        slot.map(|slot| self.value(*slot)).transpose()
    }

    fn value(&self, slot: Slot) -> io::Result<T> {
        let mut read = Vec::new();
        let bytes = match (slot.at.checked_sub(self.written), &self.file) {
            (None, Some(file)) => {
                read.resize(slot.length, 0);
                file.read_exact_at(&mut read, slot.at)?;
                read.as_slice()
            }
            (begin, _) => {
                let begin = usize::try_from(begin.unwrap_or_default()).unwrap_or(usize::MAX);
                self.tail.get(begin..begin.saturating_add(slot.length)).unwrap_or_default()
            }
        };
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_last_is_read_also_out_of_the_file() {
        let mut store = Store::<(u32, String)>::default();
        let text = |number: u32| "x".repeat(200) + &number.to_string();
        for round in 0..2 {
            for number in 0..9000_u32 {
                store.put(number % 100, number, &(number, text(number + round))).unwrap();
            }
        }
        assert!(store.written > 1 << 20);
        for number in [0, 99, 4567, 8999] {
            let expected = (number, text(number + 1));
            assert_eq!(store.one(number % 100, number).unwrap(), Some(expected.clone()));
            let all = store.all(number % 100).unwrap();
            assert!(all.len() == 90 && all.contains(&expected));
        }
        assert_eq!(store.one(0, 9001).unwrap(), None);
        assert_eq!(store.all(100).unwrap(), []);
    }
}
