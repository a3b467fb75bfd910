//! Reading the directory: the only I/O of this crate.

use std::fs;
use std::io;
use std::path::Path;

use crate::policies::Policies;
use crate::problem::{Problem, Problems};

impl Policies {
    /// The policies of a directory: of every `*.cedar` that is directly in it, as a shell lists them. None is no
    /// problem: then nothing is suppressed. A directory that is not there is one.
    pub fn read(dir: &Path) -> Result<Self, Problems> {
        let names = names(dir).map_err(|error| {
            let dir = dir.display().to_string();
            Problems::new(vec![Problem::of(&dir, format!("the directory cannot be read: {error}"))])
        })?;
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for name in names {
            match text(&dir.join(&name)) {
                Ok(text) => files.push((name, text)),
                Err(why) => problems.push(Problem::of(&name, why)),
            }
        }
        match Self::parse(files) {
            Ok(policies) if problems.is_empty() => Ok(policies),
            Ok(_) => Err(Problems::new(problems)),
            Err(more) => {
                Err(Problems::new(problems.into_iter().chain(more.iter().cloned()).collect()))
            }
        }
    }
}

/// Whether the schema that lies beside the policies, for editors, is another than the one that is compiled in.
pub fn schema_differs(dir: &Path) -> bool {
    fs::read(dir.join("portcullis.cedarschema"))
        .is_ok_and(|beside| beside != crate::SCHEMA.as_bytes())
}

/// In order, so that problems and answers are the same everywhere.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cedar") && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n');
        format!("the file is not UTF-8: see line {}", line.count() + 1)
    })
}
