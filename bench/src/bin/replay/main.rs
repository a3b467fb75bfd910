//! Reads a trail in one of three ways, for `bench/replay.py` to measure: as `portcullis replay` does (`replay`), only finding
//! the records that matter (`split`), or each file whole (`whole`), which is how the best known tool of the kind works.
//! The first two are given one thread by the caller.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use portcullis_engine::case::PolicyContext;
use portcullis_engine::settings::Mode;
use portcullis_replay::files::{listed, read};
use portcullis_replay::replay::{Options, replay};
use portcullis_testkit::{example, narrow};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(way), Some(path)) = (arguments.next(), arguments.next()) else {
        bail!("replay WAY DIRECTORY");
    };
    let (files, inputs) = listed(&[PathBuf::from(path)]);
    let told = match way.as_str() {
        "whole" => whole(&files)?,
        "split" | "replay" => {
            let (records, inputs) = read(&files, inputs, &|_| {})?;
            if way == "split" {
                format!("{} records, {} matter", inputs.records, records.count())
            } else {
                let settings = example::settings(Mode::Enforce);
                let policy = PolicyContext { settings: &settings, exceptions: narrow::NARROW };
                let options =
                    Options { from: i64::MIN, to: i64::MAX, delay: 20, stack: "portcullis" };
                let (_, outcomes) = replay(records, &[policy], &options)?;
                let findings = outcomes.iter().map(|outcome| outcome.findings.len()).sum::<usize>();
                format!("{} records, {findings} findings", inputs.records)
            }
        }
        other => bail!("there is no way {other}"),
    };
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

fn whole(files: &[PathBuf]) -> Result<String> {
    let mut records = 0;
    for path in files {
        let mut text = Vec::new();
        MultiGzDecoder::new(File::open(path)?).read_to_end(&mut text)?;
        let value: serde_json::Value = serde_json::from_slice(&text)?;
        let all = value.get("Records").and_then(serde_json::Value::as_array);
        records += all.context("no records")?.len();
    }
    Ok(format!("{records} records"))
}
