//! The account as it is today, for a replay that runs in a thread of its own: its calls wait for each other, ten a second at
//! most.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use portcullis_aws::{Ledger, Reads};
use portcullis_engine::case::{Fact, Read};
use portcullis_replay::Place;
use portcullis_replay::today::Reading;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::progress::Progress;
use crate::account::is_region;

const PAUSE: Duration = Duration::from_millis(100);

/// Reads of this account, in any Region that the history names.
///
/// # Errors
///
/// If no runtime can be made for the calls.
pub(super) fn reading(
    config: SdkConfig,
    account: String,
    ledger: Ledger,
    progress: Progress,
) -> std::io::Result<Reading> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clients = RefCell::new(HashMap::<String, Reads>::new());
    let calls = RefCell::new(0_u32);
    Ok(Box::new(move |place: &Place, read: &Read| {
        if *place.account != *account || !is_region(&place.region) {
            return None;
        }
        *calls.borrow_mut() += 1;
        progress.say(&format!("the account as it is today: {} reads", calls.borrow()));
        let mut clients = clients.borrow_mut();
        let reads = clients.entry(place.region.to_string()).or_insert_with(|| {
            let region = Region::new(place.region.to_string());
            let config = config.clone().into_builder().region(region).build();
            Reads::new(&config, ledger.clone())
        });
        Some(wait(&runtime, reads, read))
    }))
}

fn wait(runtime: &Runtime, reads: &Reads, read: &Read) -> Fact {
    runtime.block_on(async {
        sleep(PAUSE).await;
        reads.read(read).await
    })
}
