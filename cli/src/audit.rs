//! `portcullis audit`: what is open in an account today. It only reads, and needs no stack.

mod accounts;
mod arguments;
mod exceptions;
mod output;
mod progress;
mod servers;

use std::time::Duration;

use anyhow::Result;
use aws_config::SdkConfig;
use futures_util::stream::{self, StreamExt};
use portcullis_audit::{Document, Gathered, SCHEMA, Scope, Summary, Unknown, UnusedGroup, unknown};
use portcullis_aws::now;
use portcullis_engine::case::{Cause, PolicyContext};
use portcullis_engine::ledger::Memory;
use portcullis_engine::scan::Place;
use portcullis_engine::settings::Settings;
use portcullis_engine::time::iso;
use portcullis_inventory::survey::{Item, Survey, Surveyed, Unused, survey};
use tokio::time::Instant;

use crate::common::{Common, Ended};
use accounts::Account;
use arguments::Level;
use progress::Progress;

pub(crate) use arguments::Arguments;

/// Regions that are read at once, of all accounts together.
const AT_ONCE: usize = 8;

/// Audits, prints, and says how bad it is.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Ended> {
    let document = if arguments.from.is_empty() {
        audited(arguments, common).await?
    } else {
        output::read(&arguments.from)?
    };
    if let Some(path) = &arguments.save {
        output::save(path, &output::json(&document)?)?;
    }
    output::write(&document, arguments, common)?;
    let is_bad = |level: Level| {
        document.findings.iter().any(|finding| finding.severity() >= level.severity())
    };
    Ok(if arguments.fail_on.is_some_and(is_bad) {
        Ended::No
    } else if arguments.require_complete && !document.complete {
        Ended::Incomplete
    } else {
        Ended::Yes
    })
}

async fn audited(arguments: &Arguments, common: &Common) -> Result<Document> {
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
            let place =
                Place { account: id.clone(), region, time: iso(started), cause: Cause::Audit };
            places.push((config.clone(), name.clone(), place));
        }
    }
    let audits = stream::iter(places).map(|(config, name, place)| {
        let calls_per_second = arguments.max_calls_per_second;
        let survey = Survey { place, policy, calls_per_second, unused: arguments.unused };
        audit_region(config, name, survey, &progress)
    });
    let audits = audits.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    progress.done();
    for Audited { scope, found, unused, unknown } in audits {
        document.scopes.push(scope);
        document.findings.extend(found.findings);
        document.suppressed.extend(found.suppressed);
        document.servers.extend(found.servers);
        document.unused.iter_mut().for_each(|all| all.extend(unused.iter().cloned()));
        document.unknown.extend(unknown);
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
    Ok(document.sorted())
}

/// What there is to say of a Region.
struct Audited {
    scope: Scope,
    found: Gathered,
    unused: Vec<UnusedGroup>,
    unknown: Vec<Unknown>,
}

/// One Region of one account.
async fn audit_region(
    config: SdkConfig,
    account_name: Option<String>,
    survey_of: Survey<'_>,
    progress: &Progress,
) -> Audited {
    let Place { account, region, .. } = survey_of.place.clone();
    let start = Instant::now();
    let bar = progress.begin(&account, &region);
    let found = std::cell::RefCell::new(Gathered::default());
    let of_region = config.into_builder().region(aws_config::Region::new(region.clone())).build();
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
    let mut found = found.into_inner();
    not_read.extend(servers::managed(&of_region, &mut found.servers).await);
    bar.end();
    let scope = Scope {
        complete: not_read.is_empty(),
        seconds: rounded(start.elapsed()),
        counts,
        calls,
        account: account.clone(),
        account_name,
        region: region.clone(),
    };
    let unknown = not_read.iter().map(|one| unknown(&account, Some(&region), one)).collect();
    let unused = unused.into_iter().map(|Unused { id, name, vpc }| UnusedGroup {
        account: account.clone(),
        region: region.clone(),
        id,
        name,
        vpc,
    });
    Audited { scope, found, unused: unused.collect(), unknown }
}

/// In tenths of a second.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
