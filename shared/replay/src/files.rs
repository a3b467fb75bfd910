//! Reading inputs side by side.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::input::{Input, Problem};
use crate::sorted::{Merged, Runs};
use crate::split::Splitter;

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// How many inputs.
    pub files: u64,
    /// How many bytes, unpacked.
    pub bytes: u64,
    /// How many records.
    pub records: u64,
    /// Files that have no records by their names: of digests and insights.
    pub passed_over: u64,
    /// What was wrong, of each input that had something.
    pub problems: Vec<Problem>,
}

/// The files of these paths, each directory with all that is in it, in the order of their names.
pub fn listed(paths: &[PathBuf]) -> (Vec<PathBuf>, Inputs) {
    let (mut files, mut inputs) = (Vec::new(), Inputs::default());
    for path in paths {
        if path.as_os_str() == "-" {
            files.push(path.clone());
        } else {
            list(path, true, &mut files, &mut inputs);
        }
    }
    (files, inputs)
}

/// Whether a file has no records by its name: it is of digests or insights.
pub fn has_no_records(name: &str) -> bool {
    name.contains("_CloudTrail-Digest_") || name.contains("_CloudTrail-Insight_")
}

fn list(path: &Path, is_given: bool, files: &mut Vec<PathBuf>, inputs: &mut Inputs) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !path.is_dir() {
        if has_no_records(&name) && !is_given {
            inputs.passed_over += 1;
        } else if is_given || !name.starts_with('.') {
            files.push(path.to_owned());
        }
        return;
    }
    match std::fs::read_dir(path).and_then(|all| all.map(|one| Ok(one?.path())).collect()) {
        Ok(all) => {
            let mut all: Vec<PathBuf> = all;
            all.sort();
            // A link may lead back here.
            all.retain(|one| !(one.is_symlink() && one.is_dir()));
            all.iter().for_each(|one| list(one, false, files, inputs));
        }
        Err(error) => {
            let why = format!("the directory cannot be read: {error}");
            let name = path.display().to_string();
            inputs.problems.push(Problem { name, what: why, after: None, more: 0 });
        }
    }
}

/// An input that was opened: its name, and what is in it.
pub type Opened = (String, io::Result<Box<dyn Read + Send>>);

/// Opens a file; `-` is standard input.
pub fn open(path: &Path) -> Opened {
    let opened: io::Result<Box<dyn Read + Send>> = if path.as_os_str() == "-" {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read + Send>)
    };
    (path.display().to_string(), opened)
}

/// Reads the files, as many side by side as there are processors; `progress` is called after each.
///
/// # Errors
///
/// If no temporary file can be written. What is wrong with a file is in [`Inputs`].
pub fn read(
    files: &[PathBuf],
    inputs: Inputs,
    progress: &(dyn Fn(&Inputs) + Sync),
) -> io::Result<(Merged, Inputs)> {
    let at = AtomicUsize::new(0);
    let next = || Some(open(files.get(at.fetch_add(1, Ordering::Relaxed))?));
    read_each(&next, files.len(), inputs, progress)
}

/// Reads what is opened, at most so many side by side.
///
/// # Errors
///
/// As [`read`].
pub fn read_each(
    next: &(dyn Fn() -> Option<Opened> + Sync),
    at_once: usize,
    mut inputs: Inputs,
    progress: &(dyn Fn(&Inputs) + Sync),
) -> io::Result<(Merged, Inputs)> {
    let done = Mutex::new((&mut inputs, Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(at_once);
    let work = || -> io::Result<()> {
        let (mut runs, mut splitter) = (Runs::default(), Splitter::default());
        while let Some((name, opened)) = next() {
            let mut input = Input::named(&name);
            let mut written = Ok(());
            let mut each = |record| {
                if written.is_ok() {
                    written = runs.add(record);
                }
            };
            match opened {
                Ok(source) => input.read(source, &mut splitter, &mut each),
                Err(error) => input.wrong(format!("it cannot be read: {error}")),
            }
            written?;
            let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            done.0.add(input);
            progress(done.0);
        }
        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1.push(runs);
        Ok(())
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|one| {
            one.join().unwrap_or_else(|_| Err(io::Error::other("a reader has died")))
        })
    })?;
    let (_, runs) = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    inputs.problems.sort();
    Ok((Merged::new(runs)?, inputs))
}

impl Inputs {
    /// The problems by what they are, the most frequent first.
    pub fn grouped(&self) -> Vec<(&str, Vec<&Problem>)> {
        let mut grouped: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
        for problem in &self.problems {
            grouped.entry(&problem.what).or_default().push(problem);
        }
        let mut grouped: Vec<_> = grouped.into_iter().collect();
        grouped.sort_by_key(|(_, of)| Reverse(of.len()));
        grouped
    }

    fn add(&mut self, input: Input) {
        self.files += 1;
        self.bytes += input.bytes;
        self.records += input.records;
        self.problems.extend(input.problem);
    }
}
