//! `portcullis audit`: what is open in an account today. It only reads, and needs no stack.

mod accounts;
mod arguments;
mod exceptions;
mod output;
mod progress;
mod servers;
mod stop;

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use aws_config::{Region, SdkConfig};
use futures_util::stream::{self, StreamExt};
use portcullis_audit::{Document, Gathered, SCHEMA, Scope, Summary, Unknown, UnusedGroup, unknown};
use portcullis_aws::now;
use portcullis_engine::case::{Cause, PolicyContext};
use portcullis_engine::ledger::Memory;
use portcullis_engine::scan::{self, Calls, Counts, NotRead};
use portcullis_engine::settings::Settings;
use portcullis_engine::time::iso;
use portcullis_inventory::survey::{Item, Survey, Surveyed, Unused, survey};
use tokio::time::Instant;

use crate::common::{Common, Exit};
use accounts::Account;
use arguments::Level;
use progress::Progress;
use stop::{Stop, stopped};

pub(crate) use arguments::Arguments;
pub(crate) use stop::INTERRUPTED;

/// Regions that are read at once, of all accounts together.
const AT_ONCE: usize = 8;

/// Audits, prints, and says how bad it is.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let (document, stop) = if arguments.from.is_empty() {
        audited(arguments, common).await?
    } else {
        (output::read(&arguments.from)?, None)
    };
    if let Some(path) = &arguments.save {
        output::save(path, &output::json(&document)?)?;
    }
    output::write(&document, arguments, common)?;
    let is_bad = |level: Level| {
        document.findings.iter().any(|finding| finding.severity() >= level.severity())
    };
    Ok(if stop == Some(Stop::Interrupted) {
        Exit::Interrupted
    } else if arguments.fail_on.is_some_and(is_bad) {
        Exit::No
    } else if arguments.require_complete && !document.complete {
        Exit::Incomplete
    } else {
        Exit::Yes
    })
}

/// What is there, and what ended it early.
async fn audited(arguments: &Arguments, common: &Common) -> Result<(Document, Option<Stop>)> {
    let (exceptions, from) = exceptions::read(arguments.exceptions.as_deref())?;
    let settings =
        Settings { known_networks: arguments.known_networks.networks(), ..Settings::of_audit() };
    let policy = PolicyContext { settings: &settings, exceptions: &exceptions };
    let started = now();
    let (caller, accounts) = accounts::of(arguments, common).await?;
    let progress = Progress::new();
    let mut document = Document {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: iso(started),
        finished: String::new(),
        complete: true,
        caller: Some(caller),
        exceptions: from,
        scopes: Vec::new(),
        findings: Vec::new(),
        suppressed: Vec::new(),
        servers: Vec::new(),
        unused: arguments.unused.then(Vec::new),
        unknown: Vec::new(),
        summary: Summary::default(),
    };
    let mut places = Vec::new();
    for Account { id, name, config, regions, unknown } in accounts {
        document.unknown.extend(unknown);
        let Some(config) = config else { continue };
        for region in regions {
            let (account, time) = (id.clone(), iso(started));
            let place = scan::Place { account, region, time, cause: Cause::Audit };
            places.push(Place { config: config.clone(), account_name: name.clone(), place });
        }
    }
    let found: Vec<RefCell<Gathered>> = places.iter().map(|_| RefCell::default()).collect();
    let stop = stopped(arguments.timeout)?;
    let (audits, stop) = audit_regions(&places, &found, policy, arguments, &progress, stop).await;
    progress.done();
    for Audited { scope, unused, unknown } in audits {
        document.scopes.push(scope);
        document.unused.iter_mut().for_each(|all| all.extend(unused.iter().cloned()));
        document.unknown.extend(unknown);
    }
    for Gathered { findings, suppressed, servers } in found.into_iter().map(RefCell::into_inner) {
        document.findings.extend(findings);
        document.suppressed.extend(suppressed);
        document.servers.extend(servers);
    }
    document.finished = iso(now());
    document.complete = document.unknown.is_empty();
    if document.scopes.is_empty() {
        let why = document.unknown.first().map(|first| first.error.clone());
        return Err(crate::advice::advice(
            format!("nothing could be audited: {}", why.unwrap_or_default()),
            "check the Regions, and the role of --role-name and its trust policy",
        ));
    }
    Ok((document.sorted(), stop))
}

/// A Region of an account, and by which credentials it is read.
struct Place {
    config: SdkConfig,
    account_name: Option<String>,
    place: scan::Place,
}

/// What there is to say of a Region beside what was found.
struct Audited {
    scope: Scope,
    unused: Vec<UnusedGroup>,
    unknown: Vec<Unknown>,
}

/// All of them, side by side, and what ended it early. What was found in a Region is in `found` even then.
async fn audit_regions(
    places: &[Place],
    found: &[RefCell<Gathered>],
    policy: PolicyContext<'_>,
    arguments: &Arguments,
    progress: &Progress,
    stop: impl Future<Output = Stop>,
) -> (Vec<Audited>, Option<Stop>) {
    let start = Instant::now();
    let mut audits: Vec<Option<Audited>> = places.iter().map(|_| None).collect();
    let mut under_way = stream::iter(places.iter().zip(found).enumerate())
        .map(async |(at, (place, found))| {
            (at, audit_region(place, found, policy, arguments, progress).await)
        })
        .buffer_unordered(AT_ONCE);
    let mut stop = pin!(stop);
    let stop = loop {
        tokio::select! {
            next = under_way.next() => match next {
                Some((at, audited)) => audits[at] = Some(audited),
                None => break None,
            },
            stop = &mut stop => break Some(stop),
        }
    };
    let unfinished = |place: &Place| Audited {
        scope: place.scope(start, Counts::default(), Calls::default(), false),
        unused: Vec::new(),
        unknown: stop.iter().map(|stop| place.unknown(&stop.not_read())).collect(),
    };
    let audits = audits.into_iter().zip(places);
    let all = audits.map(|(audited, place)| audited.unwrap_or_else(|| unfinished(place)));
    (all.collect(), stop)
}

async fn audit_region(
    place: &Place,
    found: &RefCell<Gathered>,
    policy: PolicyContext<'_>,
    arguments: &Arguments,
    progress: &Progress,
) -> Audited {
    let scan::Place { account, region, .. } = &place.place;
    let start = Instant::now();
    let bar = progress.begin(account, region);
    let of_region = place.config.to_builder().region(Region::new(region.clone())).build();
    let survey_of = Survey {
        only: None,
        place: place.place.clone(),
        policy,
        calls_per_second: arguments.max_calls_per_second,
        unused: arguments.unused,
    };
    let nothing = std::future::ready(Memory::new());
    let surveyed = survey(&of_region, &survey_of, nothing, &|item| match item {
        Item::Report(report) => {
            let Gathered { findings, suppressed, servers } = Gathered::of(&report);
            let mut found = found.borrow_mut();
            found.findings.extend(findings);
            found.suppressed.extend(suppressed);
            found.servers.extend(servers);
            bar.found(found.findings.len());
        }
        Item::Progress(at) => bar.at(at.done, at.of),
    })
    .await;
    let Surveyed { counts, calls, mut not_read, unused, .. } = surveyed;
    let mut servers = std::mem::take(&mut found.borrow_mut().servers);
    not_read.extend(servers::managed(&of_region, &mut servers).await);
    found.borrow_mut().servers = servers;
    bar.end();
    let unused = unused.into_iter().map(|Unused { id, name, vpc }| UnusedGroup {
        account: account.clone(),
        region: region.clone(),
        id,
        name,
        vpc,
    });
    Audited {
        scope: place.scope(start, counts, calls, not_read.is_empty()),
        unused: unused.collect(),
        unknown: not_read.iter().map(|one| place.unknown(one)).collect(),
    }
}

impl Place {
    fn scope(&self, start: Instant, counts: Counts, calls: Calls, complete: bool) -> Scope {
        Scope {
            account: self.place.account.clone(),
            account_name: self.account_name.clone(),
            region: self.place.region.clone(),
            complete,
            seconds: rounded(start.elapsed()),
            counts,
            calls,
        }
    }

    fn unknown(&self, not_read: &NotRead) -> Unknown {
        unknown(&self.place.account, Some(&self.place.region), not_read)
    }
}

/// In tenths of a second.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
