//! The objects of a trail in S3: which of them are listed, and how they come to the readers.

use std::io::{self, Read};

use anyhow::Result;
use futures_util::stream::{self, StreamExt as _};
use portcullis_engine::time::{DAY, iso};
use portcullis_replay::files::{Opened, has_no_records};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::s3::Bucket;
use crate::advice::advice;

/// Objects that are read at once, and pieces of each that wait for a reader.
const AT_ONCE: usize = 16;
const PIECES: usize = 16;

/// `s3://bucket/prefix`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) prefix: String,
}

impl Address {
    /// `None` if it is a path.
    pub(super) fn parse(source: &str) -> Option<Self> {
        let (bucket, prefix) =
            source.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
        Some(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    pub(super) fn is_sound(&self) -> bool {
        let is_of_name =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        self.bucket.len() >= 3 && self.bucket.bytes().all(is_of_name)
    }
}

/// Opens each object that may have a record of these times, and hands it to the readers. How many objects were passed over.
///
/// # Errors
///
/// If the bucket cannot be listed, or has nothing there. An object that cannot be read is handed over as that.
pub(super) async fn send(
    bucket: &Bucket,
    address: &Address,
    (from, to): (i64, i64),
    opened: &Sender<Opened>,
) -> Result<u64> {
    let (mut folders, mut passed_over, mut count) = (vec![address.prefix.clone()], 0, 0_u64);
    // Without an end there is nothing to leave out: fewer requests list all of it.
    let is_one_level = from > i64::MIN || to < i64::MAX;
    while let Some(folder) = folders.pop() {
        let mut next = None;
        loop {
            let page = bucket.list(&folder, is_one_level, next.as_deref()).await?;
            next = page.next;
            folders.extend(page.prefixes.into_iter().filter(|one| may_have(one, from, to)));
            let (none, keys): (Vec<String>, Vec<String>) =
                page.keys.into_iter().partition(|key| has_no_records(key));
            passed_over += none.len() as u64;
            let keys: Vec<String> = keys
                .into_iter()
                .filter(|key| !key.ends_with('/') && may_have(key, from, to))
                .collect();
            count += (keys.len() + none.len()) as u64;
            let sent = stream::iter(keys).map(|key| send_one(bucket, &address.bucket, key, opened));
            sent.buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
            if next.is_none() {
                break;
            }
        }
    }
    if count == 0 {
        let Address { bucket, prefix } = address;
        return Err(advice(
            format!("there is nothing for these days in s3://{bucket}/{prefix}"),
            "give the prefix above AWSLogs/, or a folder below it",
        ));
    }
    Ok(passed_over)
}

async fn send_one(bucket: &Bucket, name: &str, key: String, opened: &Sender<Opened>) {
    let (pieces, rest) = channel(PIECES);
    let name = format!("s3://{name}/{key}");
    let mut body = match bucket.get(&key).await {
        Ok(body) => body,
        Err(error) => {
            let error = io::Error::other(format!("{error:#}"));
            let _ = opened.send((name, Err(error))).await;
            return;
        }
    };
    let body_of = Body { rest, piece: Vec::new(), at: 0 };
    if opened.send((name, Ok(Box::new(body_of)))).await.is_err() {
        return;
    }
    while let Some(piece) = body.next().await {
        let piece = piece.map(|piece| piece.to_vec()).map_err(io::Error::other);
        // A reader that has seen enough is no error.
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

/// What is in an object, for a reader in a thread of its own.
struct Body {
    rest: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            match self.rest.blocking_recv() {
                Some(piece) => (self.piece, self.at) = (piece?, 0),
                None => return Ok(0),
            }
        }
        let read = self.piece.get(self.at..).unwrap_or_default().read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// Whether a folder or an object of a trail may have records of these times: by the day in its path, which is that of the
/// delivery, so that a day before and after belongs to it (user guide, "CloudTrail log file name format"). Folders of
/// digests and insights have none.
fn may_have(path: &str, from: i64, to: i64) -> bool {
    let mut parts = path.split('/').skip_while(|part| !part.starts_with("CloudTrail"));
    match parts.next() {
        Some("CloudTrail") => {}
        None => return true,
        Some(other) => return !other.starts_with("CloudTrail-"),
    }
    let day: Vec<&str> = parts
        .skip(1)
        .take(3)
        .take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let day = day.join("-");
    let day = day.trim_end_matches('-');
    if day.is_empty() {
        return true;
    }
    let bound = |at: i64| iso(at).get(..day.len()).map(str::to_owned).unwrap_or_default();
    let first = (from > i64::MIN).then(|| bound(from.saturating_sub(DAY)));
    let last = (to < i64::MAX).then(|| bound(to.saturating_add(DAY)));
    first.is_none_or(|first| *first <= *day) && last.is_none_or(|last| *day <= *last)
}

/// An address whose bucket has a name as buckets have: it becomes a part of a host.
pub(super) fn checked(address: Address) -> Result<Address> {
    if address.is_sound() {
        return Ok(address);
    }
    let shown = address.bucket.escape_default();
    Err(advice(format!("`{shown}` is not the name of a bucket"), "give s3://BUCKET/PREFIX"))
}

#[cfg(test)]
mod tests {
    use portcullis_engine::time::seconds;

    use super::*;

    #[test]
    fn only_folders_of_these_days_are_listed() {
        let (from, to) = (seconds("2026-03-01T00:00:00Z"), seconds("2026-03-31T23:59:59Z"));
        let of = "org/AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/";
        for one in ["", "org/", "org/AWSLogs/", of, "unloaded/20260101_x"] {
            assert!(may_have(one, from, to), "{one}");
        }
        for day in ["2026/", "2026/02/", "2026/02/28/", "2026/03/", "2026/03/15/", "2026/04/01/"] {
            assert!(may_have(&format!("{of}{day}"), from, to), "{day}");
            assert!(may_have(&format!("{of}{day}x.json.gz"), from, to), "{day}");
        }
        for day in ["2025/", "2027/", "2026/01/", "2026/05/", "2026/02/27/", "2026/04/02/"] {
            assert!(!may_have(&format!("{of}{day}"), from, to), "{day}");
            assert!(may_have(&format!("{of}{day}"), i64::MIN, i64::MAX), "{day}");
        }
        assert!(!may_have("AWSLogs/111122223333/CloudTrail-Digest/", i64::MIN, i64::MAX));
        assert!(!may_have("AWSLogs/1/CloudTrail-Insight/eu-west-1/2026/03/01/", from, to));
        assert!(may_have(&format!("{of}2026/02/28/"), from, i64::MAX));
    }

    #[test]
    fn an_address_is_told_from_a_path() {
        let address = Address::parse("s3://logs/org/AWSLogs").unwrap();
        assert_eq!((address.bucket.as_str(), address.prefix.as_str()), ("logs", "org/AWSLogs"));
        assert_eq!(Address::parse("s3://logs").unwrap().prefix, "");
        assert_eq!(Address::parse("./s3/logs"), None);
        assert!(checked(Address::parse("s3://my.logs-1/x").unwrap()).is_ok());
        assert!(checked(Address::parse("s3://evil/../x").unwrap()).is_ok());
        for odd in ["s3://", "s3:///x", "s3://a@evil.example/", "s3://UPPER/"] {
            assert!(checked(Address::parse(odd).unwrap()).is_err(), "{odd}");
        }
    }
}
