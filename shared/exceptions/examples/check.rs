//! `make exceptions`: what is wrong with the policies of directories, or what they tolerate. `make check` and
//! `make deploy` ask it. It compiles no AWS SDK.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_exceptions::{Policies, Tone, draw, report};

fn main() -> ExitCode {
    let mut failed = false;
    for dir in std::env::args_os().skip(1).map(PathBuf::from) {
        match Policies::read(&dir) {
            Ok(policies) => {
                let plain = |_: Tone, text: &str| text.to_owned();
                anstream::println!("{}\n\n{}", dir.display(), report(&policies, now(), &plain));
            }
            Err(problems) => {
                anstream::eprintln!("{}\n\n{}", dir.display(), draw(&problems));
                failed = true;
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "when an exception ends is said as of now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}
