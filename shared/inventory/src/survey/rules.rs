//! The second stage: the rules of the groups in question, in batches.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;
use portcullis_aws::shown;
use portcullis_engine::case::{CacheShown, Fact, Shown};
use portcullis_engine::facts::CacheGroups;

use super::calls::Service::Ec2;
use super::region::Region;

/// The rules of groups, or why they could not be read.
#[derive(Debug, Default)]
pub(super) struct Rules(BTreeMap<String, Result<Shown, String>>);

impl Rules {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Without the other groups.
    pub(super) fn only(mut self, ids: &BTreeSet<String>) -> Self {
        self.0.retain(|id, _| ids.contains(id));
        self
    }

    /// What was read.
    pub(super) fn read(&self) -> impl Iterator<Item = (&String, &Shown)> {
        self.0.iter().filter_map(|(id, rules)| Some((id, rules.as_ref().ok()?)))
    }

    pub(super) fn fact(&self, id: &str) -> Fact {
        let unread = || Err("its rules were not read".to_owned());
        Fact::Rules(id.to_owned(), self.0.get(id).cloned().unwrap_or_else(unread))
    }

    /// A cache with what is known of its groups. If the rules of one are not, who can reach it is unknown, and the rest
    /// is decided all the same.
    pub(super) fn of_cache(
        &self,
        cache: &CacheShown,
        details: impl Fn(&String) -> Option<Fact>,
    ) -> (CacheShown, Vec<Fact>) {
        let mut cache = cache.clone();
        let why = cache.groups.iter().find_map(|id| match self.0.get(id) {
            Some(Ok(_)) => None,
            Some(Err(why)) => Some(why.clone()),
            None => Some(format!("the rules of {id} were not read")),
        });
        if let Some(why) = why {
            cache.groups = Vec::new();
            cache.facts.groups = CacheGroups::Unknown(why);
        }
        let mut facts: Vec<Fact> = cache.groups.iter().map(|id| self.fact(id)).collect();
        facts.extend(cache.groups.iter().filter_map(details));
        facts.push(Fact::Cache(Ok(Some(Box::new(cache.clone())))));
        (cache, facts)
    }
}

impl Region<'_> {
    /// The rules of these groups. A batch that was read to its end is complete, whatever the order of the rules. A group
    /// that is missing from it is asked for once more, alone; if it is still missing, it has no rules or is gone.
    pub(super) async fn read_rules(&self, ids: &[String]) -> Rules {
        let mut rules = match self.rules_of(ids).await {
            Ok(rules) => rules,
            Err(why) => {
                return Rules(ids.iter().map(|id| (id.clone(), Err(why.clone()))).collect());
            }
        };
        for id in ids {
            if !rules.contains_key(id) {
                let alone = self.rules_of(std::slice::from_ref(id)).await;
                let alone = alone.map(|mut found| found.remove(id).unwrap_or_default());
                match alone {
                    Ok(shown) => rules.insert(id.clone(), shown),
                    Err(why) => {
                        let rules = rules.into_iter().map(|(id, shown)| (id, Ok(shown)));
                        let mut rules: BTreeMap<_, _> = rules.collect();
                        let missing = ids.iter().filter(|id| !rules.contains_key(*id)).cloned();
                        let missing: Vec<String> = missing.collect();
                        rules.extend(missing.into_iter().map(|id| (id, Err(why.clone()))));
                        return Rules(rules);
                    }
                };
            }
        }
        Rules(rules.into_iter().map(|(id, shown)| (id, Ok(shown))).collect())
    }

    async fn rules_of(&self, ids: &[String]) -> Result<BTreeMap<String, Shown>, String> {
        let of_groups = Filter::builder().name("group-id").set_values(Some(ids.to_vec())).build();
        let mut rules: BTreeMap<String, Shown> = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let request = || {
                let request = self.ec2.describe_security_group_rules().filters(of_groups.clone());
                request.max_results(1000).set_next_token(token.clone()).send()
            };
            let page = self.calls.call(Ec2, "DescribeSecurityGroupRules", request).await?;
            for rule in page.security_group_rules.unwrap_or_default() {
                let Some(id) = rule.group_id.clone() else { continue };
                let shown = rules.entry(id).or_default();
                shown.owner = shown.owner.take().or_else(|| rule.group_owner_id.clone());
                if rule.is_egress() != Some(true) {
                    shown.rules.push(shown::ingress_rule(rule));
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(rules);
            }
        }
    }
}
