//! Everything of a Region that can be at fault, read and decided about: for the audit, and whatever else looks at what
//! is there without a call.
//!
//! It reads in three stages: all groups and caches; the rules of the groups in question, in batches; and, for what is
//! found, what carries the groups. What is in question, and what a decision still lacks, the engine says. A batch is
//! decided when it is read, so findings appear while the reading goes on, and the memory that it takes is bounded.
//!
//! INVARIANT: only calls that read. What cannot be read is told as [`NotRead`]; nothing that depends on it is clean.

mod around;
mod calls;
mod decide;
mod listed;
mod rate;
mod region;
mod rules;
mod store;
mod told;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use futures_util::future::join3;
use futures_util::stream::{self, StreamExt};
use portcullis_aws::{ec2, elasticache};
use portcullis_engine::case::CacheShown;
use portcullis_engine::ledger::{Key, Memory};
use portcullis_engine::scan::{self, BATCH, Counts, NotRead, batches};
use portcullis_engine::sweep::Observations;

use calls::Calls;
use listed::{Caches, Group, Groups};
use region::{Region, SIDE_BY_SIDE};
use rules::Rules;
use store::Store;

pub use region::Survey;
pub use told::{Item, Progress, Unused};

/// Caches that are decided about at once.
const CACHES: usize = 200;

/// How a survey ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surveyed {
    /// What was looked at.
    pub counts: Counts,
    /// The calls that it took.
    pub calls: scan::Calls,
    /// What could not be read. Without any, everything was looked at.
    pub not_read: Vec<NotRead>,
    /// The groups that nothing carries and nothing names, if they were looked for.
    pub unused: Vec<Unused>,
    /// What the sweep compares with the ledger; an audit leaves it.
    pub looked: Observations,
}

/// Reads a Region and decides about everything in it. `config` has the credentials and the Region; the survey has
/// retries of its own, which its limits count.
///
/// `snoozes` is what the ledger has of them. It is waited for beside the lists.
pub async fn survey(
    config: &SdkConfig,
    survey: &Survey<'_>,
    snoozes: impl Future<Output = Memory>,
    tell: &dyn Fn(Item),
) -> Surveyed {
    let config = config.to_builder().retry_config(RetryConfig::disabled()).build();
    let region = Region {
        survey,
        calls: Calls::new(survey.calls_per_second),
        ec2: ec2(&config),
        elasticache: elasticache(&config),
        store: Store::default(),
        counts: RefCell::default(),
        looked: RefCell::default(),
        unused: RefCell::default(),
        snoozes: RefCell::default(),
        tell,
    };
    region.run(snoozes).await;
    let counts = *region.counts.borrow();
    let not_read = region.calls.not_read();
    let mut looked = region.looked.into_inner();
    looked.read_all(not_read.is_empty());
    let unused = region.unused.into_inner();
    Surveyed { counts, calls: region.calls.counted(), not_read, unused, looked }
}

impl Region<'_> {
    async fn run(&self, snoozes: impl Future<Output = Memory>) {
        let (mut groups, mut caches, snoozes) =
            join3(self.list_groups(), self.list_caches(), snoozes).await;
        self.snoozes.replace(snoozes);
        if let Some(only) = &self.survey.only {
            groups.suspects.retain(|id, _| only.contains(id));
            let subject =
                |cache: &CacheShown| Key::cache_subject(cache.facts.kind, &cache.facts.id);
            caches.shown.retain(|cache| only.contains(&subject(cache)));
        }
        let of_caches: BTreeSet<String> =
            caches.shown.iter().flat_map(|cache| cache.groups.iter().cloned()).collect();
        if self.survey.unused {
            self.find_unused(groups.unnamed(&of_caches)).await;
        }
        let Groups { suspects, others, .. } = groups;
        {
            // A group without a public source has no rule that could be at fault.
            let mut looked = self.looked.borrow_mut();
            others.keys().for_each(|id| looked.add_group(id, BTreeSet::new()));
        }
        let of_others =
            others.into_iter().filter(|(id, _)| of_caches.contains(id)).collect::<BTreeMap<_, _>>();
        {
            let mut counts = self.counts.borrow_mut();
            (counts.suspects, counts.caches) = (suspects.len(), caches.shown.len());
        }
        let ids = suspects.keys().chain(&of_caches).cloned().collect();
        let batches = batches(ids, BATCH);
        let progress = RefCell::new(Progress { done: 0, of: batches.len() });
        (self.tell)(Item::Progress(*progress.borrow()));
        let (suspects, progress) = (&suspects, &progress);
        let of_caches = &of_caches;
        let done = stream::iter(batches).map(|batch| async move {
            let rules = self.read_rules(&batch).await;
            self.decide_groups(suspects, &rules).await;
            progress.borrow_mut().done += 1;
            (self.tell)(Item::Progress(*progress.borrow()));
            rules.only(of_caches)
        });
        let rules = done.buffer_unordered(SIDE_BY_SIDE);
        let rules = rules.fold(Rules::new(), |all, more| async { all.and(more) }).await;
        self.decide_caches(caches, suspects, &of_others, &rules).await;
        self.counts.borrow_mut().prefix_lists = self.store.lists.len();
    }

    /// The groups of a batch, each by a case of its own.
    async fn decide_groups(&self, suspects: &BTreeMap<String, Group>, rules: &Rules) {
        let place = &self.survey.place;
        let mut cases = Vec::new();
        for (id, shown) in rules.read() {
            let Some(group) = suspects.get(id) else { continue };
            let event = place.group(id, &shown.rules);
            let facts = vec![rules.fact(id), group.fact(id)];
            cases.push(self.case(event, facts));
            self.counts.borrow_mut().rules += shown.rules.len();
        }
        for report in self.decide(cases).await {
            (self.tell)(Item::Report(Box::new(report)));
        }
    }

    /// The caches: those about which there is something to say once more with their tags, which an exception or the
    /// owner may depend on.
    async fn decide_caches(
        &self,
        caches: Caches,
        suspects: &BTreeMap<String, Group>,
        others: &BTreeMap<String, Group>,
        rules: &Rules,
    ) {
        self.store.add_subnet_groups(caches.subnet_groups);
        let details = |id: &String| suspects.get(id).or_else(|| others.get(id)).map(|g| g.fact(id));
        for chunk in caches.shown.chunks(CACHES) {
            let known: Vec<_> = chunk.iter().map(|cache| rules.of_cache(cache, details)).collect();
            let begin = |tags: Vec<_>, (shown, facts): &(_, Vec<_>)| {
                self.case(self.survey.place.cache(shown, tags), facts.clone())
            };
            let cases = known.iter().map(|known| begin(Vec::new(), known)).collect();
            let found: BTreeSet<String> = self
                .decide(cases)
                .await
                .into_iter()
                .map(|report| report.subject().arn.clone())
                .collect();
            let with_findings: Vec<_> = known
                .iter()
                .filter(|(shown, _)| shown.facts.arn.as_ref().is_none_or(|arn| found.contains(arn)))
                .collect();
            let tags = self.tags(with_findings.iter().map(|(shown, _)| shown)).await;
            let cases =
                with_findings.iter().zip(tags).map(|(known, tags)| begin(tags, known)).collect();
            for report in self.decide(cases).await {
                (self.tell)(Item::Report(Box::new(report)));
            }
        }
    }
}
