//! The program in the repository's directory, with something to read.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::bare::command;

/// Runs a subcommand until it ends.
pub(crate) fn piped(subcommand: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = command(&[&[subcommand], arguments].concat())
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Its exit status, and what it printed on standard output and standard error.
pub(crate) fn printed(output: &Output) -> (i32, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
