//! The third stage: what decisions lack. Prefix lists that rules name, and what carries the groups with findings.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, RouteTable};
use futures_util::future::{join_all, join4};
use futures_util::stream::{self, StreamExt};
use portcullis_aws::shown;
use portcullis_engine::case::{Fact, Read};
use portcullis_engine::facts::{
    AddressSpace, Interface, Interfaces, ListUse, PrefixList, PublicSetting, Subnets, Vpc,
};
use portcullis_engine::scan::{BATCH, batches};

use super::calls::Service::Ec2;
use super::region::{Region, SIDE_BY_SIDE};
use super::told::Unused;

/// What no case asks for here: there is no ledger, and what was listed is handed in.
const NOT_LISTED: &str = "it was not among what was listed";

/// Requests for interfaces at once.
const OF_INTERFACES: usize = 4;

impl Region<'_> {
    /// Reads all of it side by side.
    pub(super) async fn read(&self, wanted: BTreeSet<Read>) -> Vec<(Read, Fact)> {
        let (mut carriers, mut spaces) = (Vec::new(), Vec::new());
        let (mut rules, mut others) = (Vec::new(), Vec::new());
        for read in wanted {
            match read {
                Read::Interfaces(id) => carriers.push(id),
                Read::Space(id) => spaces.push(id),
                Read::Rules(id) => rules.push(id),
                other => others.push(other),
            }
        }
        let carriers = stream::iter(batches(carriers, BATCH)).map(|batch| self.interfaces(batch));
        // Of the other groups of an interface: what they admit together counts.
        let rules = stream::iter(batches(rules, BATCH)).map(|batch| self.rules_beside(batch));
        let rules = rules.buffered(OF_INTERFACES).concat();
        let others = stream::iter(others).map(|read| self.one(read));
        let carriers = carriers.buffered(OF_INTERFACES).concat();
        let spaces = stream::iter(batches(spaces, BATCH)).map(|batch| self.spaces(batch));
        let spaces = spaces.buffered(OF_INTERFACES).concat();
        let others = others.buffered(SIDE_BY_SIDE).collect::<Vec<_>>();
        let (mut read, spaces, rules, others) = join4(carriers, spaces, rules, others).await;
        read.extend(spaces.into_iter().chain(rules).chain(others));
        read
    }

    async fn one(&self, read: Read) -> (Read, Fact) {
        let not_listed = || NOT_LISTED.to_owned();
        let fact = match &read {
            Read::List(id) => {
                let list = || async {
                    self.entries(id).await.map_or_else(PrefixList::Unknown, PrefixList::Entries)
                };
                Fact::List(id.clone(), self.store.lists.get(id, list).await)
            }
            Read::PublicAccess => {
                let setting = self.store.public_access.get_or_init(|| self.public_access());
                Fact::PublicAccess(setting.await.clone())
            }
            Read::Vpcs(ids) => Fact::Vpcs(self.vpcs(ids).await),
            Read::Subnets(name) => {
                let (vpc, subnets) = self.subnets(name).await;
                Fact::Subnets(vpc, subnets)
            }
            Read::Interfaces(id) => Fact::Interfaces(id.clone(), Interfaces::Unknown(not_listed())),
            Read::Space(id) => Fact::Space(id.clone(), AddressSpace::Unknown(not_listed())),
            Read::Details(id) => Fact::Details(id.clone(), Err(not_listed())),
            Read::Rules(id) => Fact::Rules(id.clone(), Err(not_listed())),
            Read::Versions(id, _) => Fact::Versions(id.clone(), Err(not_listed())),
            Read::Naming(id) => Fact::Naming(id.clone(), Err(not_listed())),
            Read::RulesOf(ids) => Fact::RulesOf(ids.clone(), Err(not_listed())),
            Read::Uses(id) => Fact::Uses(id.clone(), ListUse::Unknown(not_listed())),
            Read::GroupNamed(_) => Fact::GroupNamed(Err(not_listed())),
            Read::Cache(..) => Fact::Cache(Err(not_listed())),
            Read::Ledger(wanted) => Fact::Ledger(wanted.clone(), Err(not_listed())),
            Read::OpenOf(_) => Fact::OpenOf(Err(not_listed())),
            Read::Servers(id) => Fact::Servers(id.clone(), Err(not_listed())),
            Read::Revisit { .. } => Fact::Revisit(Err(not_listed())),
        };
        (read, fact)
    }

    async fn rules_beside(&self, ids: Vec<String>) -> Vec<(Read, Fact)> {
        let rules = self.read_rules(&ids).await;
        ids.into_iter().map(|id| (Read::Rules(id.clone()), rules.fact(&id))).collect()
    }

    async fn entries(&self, id: &str) -> Result<Vec<ipnet::IpNet>, String> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.ec2.get_managed_prefix_list_entries().prefix_list_id(id);
                request.max_results(100).set_next_token(token.clone()).send()
            };
            let page = self.calls.call(Ec2, "GetManagedPrefixListEntries", request).await?;
            all.extend(page.entries.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return shown::nets(all);
            }
        }
    }

    /// Which of these groups no interface carries.
    pub(super) async fn find_unused(&self, candidates: Vec<Unused>) {
        let ids = candidates.iter().map(|group| group.id.clone()).collect();
        let carriers = stream::iter(batches(ids, BATCH))
            .map(async |batch| self.carriers(&batch).await.map(|carriers| (batch, carriers)));
        let read: Vec<_> = carriers.buffered(OF_INTERFACES).collect().await;
        // What could not be read is noted by the call, and is not called unused.
        let free = read.into_iter().flatten().flat_map(|(batch, carriers)| {
            batch.into_iter().filter(move |id| !carriers.contains_key(id))
        });
        let free: BTreeSet<String> = free.collect();
        let unused = candidates.into_iter().filter(|group| free.contains(&group.id));
        self.unused.borrow_mut().extend(unused);
    }

    /// What carries these groups. Managed interfaces are hidden from those who do not ask for them (API reference,
    /// `IncludeManagedResources`).
    async fn interfaces(&self, ids: Vec<String>) -> Vec<(Read, Fact)> {
        let read = self.carriers(&ids).await;
        let fact = |id: String| {
            let interfaces = match &read {
                Ok(carriers) => Interfaces::Read(carriers.get(&id).cloned().unwrap_or_default()),
                Err(why) => Interfaces::Unknown(why.clone()),
            };
            (Read::Interfaces(id.clone()), Fact::Interfaces(id, interfaces))
        };
        ids.into_iter().map(fact).collect()
    }

    async fn carriers(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<Interface>>, String> {
        let of_groups = Filter::builder().name("group-id").set_values(Some(ids.to_vec())).build();
        let mut carriers: BTreeMap<String, Vec<Interface>> = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let request = || {
                let request = self.ec2.describe_network_interfaces().filters(of_groups.clone());
                let request = request.include_managed_resources(true).max_results(1000);
                request.set_next_token(token.clone()).send()
            };
            let page = self.calls.call(Ec2, "DescribeNetworkInterfaces", request).await?;
            for found in page.network_interfaces.unwrap_or_default() {
                let groups = found.groups().iter().filter_map(|group| group.group_id.clone());
                let groups: Vec<String> = groups.collect();
                let interface = shown::interface(found);
                for group in groups {
                    carriers.entry(group).or_default().push(interface.clone());
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(carriers);
            }
        }
    }

    /// The address space of the VPCs that these groups are in, and of those that they are associated with.
    async fn spaces(&self, ids: Vec<String>) -> Vec<(Read, Fact)> {
        let associated = self.associated(&ids).await;
        let spaces = ids.into_iter().map(|id| {
            let further = associated.clone().map(|mut all| all.remove(&id).unwrap_or_default());
            async {
                let space = self.space(&id, further).await.unwrap_or_else(AddressSpace::Unknown);
                (Read::Space(id.clone()), Fact::Space(id, space))
            }
        });
        join_all(spaces).await
    }

    async fn space(
        &self,
        id: &str,
        associated: Result<Vec<String>, String>,
    ) -> Result<AddressSpace, String> {
        let vpc = self.store.vpcs.borrow().get(id).cloned();
        let vpc = vpc.ok_or_else(|| format!("{id} shows no VPC"))?;
        let own = self.blocks(&vpc).await?;
        let mut further = BTreeMap::new();
        for other in associated?.into_iter().filter(|other| *other != vpc) {
            let blocks = self.blocks(&other).await?;
            further.insert(other, blocks);
        }
        Ok(AddressSpace::Read { own, further })
    }

    async fn blocks(&self, vpc: &str) -> Result<Vec<ipnet::IpNet>, String> {
        let read = || async move {
            let found = self.described_vpcs(&[vpc.to_owned()]).await?;
            let found = found.first().ok_or_else(|| format!("{vpc} is not shown"))?;
            shown::blocks(found)
        };
        self.store.blocks.get(vpc, read).await
    }

    /// The VPCs that these groups are associated with besides their own.
    async fn associated(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<String>>, String> {
        let of_groups = Filter::builder().name("group-id").set_values(Some(ids.to_vec())).build();
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let request = || {
                let request = self.ec2.describe_security_group_vpc_associations();
                let request = request.filters(of_groups.clone()).max_results(1000);
                request.set_next_token(token.clone()).send()
            };
            let call = self.calls.call(Ec2, "DescribeSecurityGroupVpcAssociations", request);
            let page = call.await?;
            let found = page.security_group_vpc_associations.unwrap_or_default();
            for one in found.into_iter().filter(shown::may_be_there) {
                if let (Some(group), Some(vpc)) = (one.group_id, one.vpc_id) {
                    all.entry(group).or_default().push(vpc);
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    async fn public_access(&self) -> Result<PublicSetting, String> {
        let request = || self.ec2.describe_vpc_block_public_access_options().send();
        let options = self.calls.call(Ec2, "DescribeVpcBlockPublicAccessOptions", request).await?;
        let (mode, account) = shown::block_mode(options)?;
        let (mut excluded, mut token) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.ec2.describe_vpc_block_public_access_exclusions();
                request.max_results(1000).set_next_token(token.clone()).send()
            };
            let page =
                self.calls.call(Ec2, "DescribeVpcBlockPublicAccessExclusions", request).await?;
            excluded.extend(shown::excluded_from(page.vpc_block_public_access_exclusions()));
            token = page.next_token;
            if token.is_none() {
                return Ok(PublicSetting { mode, account, excluded });
            }
        }
    }

    async fn vpcs(&self, ids: &[String]) -> Result<Vec<Vpc>, String> {
        let found = self.described_vpcs(ids).await?.into_iter();
        Ok(found.filter_map(|vpc| Some(Vpc { id: vpc.vpc_id?, owner: vpc.owner_id })).collect())
    }

    async fn described_vpcs(&self, ids: &[String]) -> Result<Vec<aws_sdk_ec2::types::Vpc>, String> {
        let these = Filter::builder().name("vpc-id").set_values(Some(ids.to_vec())).build();
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.ec2.describe_vpcs().filters(these.clone()).max_results(1000);
                request.set_next_token(token.clone()).send()
            };
            let page = self.calls.call(Ec2, "DescribeVpcs", request).await?;
            all.extend(page.vpcs.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// The VPC of a subnet group, and its subnets with their routes. What cannot be read is unknown, never private.
    async fn subnets(&self, name: &str) -> (Option<String>, Subnets) {
        let Some(group) = self.store.subnet_group(name) else {
            return (None, Subnets::Unknown(format!("subnet group {name} is not shown")));
        };
        let Some(vpc) = group.vpc_id.clone() else {
            return (
                None,
                Subnets::Unknown(format!("the VPC of subnet group {name} is not shown")),
            );
        };
        let tables = self.store.tables.get(&vpc, || self.tables(&vpc)).await;
        let subnets = tables.and_then(|tables| shown::routes(&group, &tables));
        (Some(vpc), subnets.map_or_else(Subnets::Unknown, Subnets::Read))
    }

    async fn tables(&self, vpc: &str) -> Result<Vec<RouteTable>, String> {
        let of_vpc = Filter::builder().name("vpc-id").values(vpc).build();
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let request = || {
                let request = self.ec2.describe_route_tables().filters(of_vpc.clone());
                request.max_results(100).set_next_token(token.clone()).send()
            };
            let page = self.calls.call(Ec2, "DescribeRouteTables", request).await?;
            all.extend(page.route_tables.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return Ok(all);
            }
        }
    }
}
