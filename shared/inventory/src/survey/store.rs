//! What was read of a Region, for every case that asks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use aws_sdk_ec2::types::RouteTable;
use aws_sdk_elasticache::types::CacheSubnetGroup;
use ipnet::IpNet;
use portcullis_engine::facts::{PrefixList, PublicSetting};
use tokio::sync::OnceCell;

/// The tags of so many caches of a Region are read: each is a call, and ElastiCache has no other.
pub(super) const TAGS: usize = 200;

/// What was read of a Region. Each is read once, however many ask at a time.
#[derive(Debug, Default)]
pub(super) struct Store {
    subnet_groups: RefCell<BTreeMap<String, CacheSubnetGroup>>,
    pub(super) lists: Once<PrefixList>,
    /// The VPCs of the groups, as these are listed.
    pub(super) vpcs: RefCell<BTreeMap<String, String>>,
    /// The blocks of a VPC, by its id.
    pub(super) blocks: Once<Result<Vec<IpNet>, String>>,
    /// The route tables of a VPC, by its id.
    pub(super) tables: Once<Result<Vec<RouteTable>, String>>,
    /// Of the whole Region.
    pub(super) public_access: OnceCell<Result<PublicSetting, String>>,
    tags: Cell<usize>,
}

/// What is read once, by its id.
#[derive(Debug)]
pub(super) struct Once<T>(RefCell<BTreeMap<String, Rc<OnceCell<T>>>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Clone> Once<T> {
    /// What was read of this id, or is.
    pub(super) async fn get<F: Future<Output = T>>(&self, id: &str, read: impl FnOnce() -> F) -> T {
        let cell = Rc::clone(self.0.borrow_mut().entry(id.to_owned()).or_default());
        cell.get_or_init(read).await.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl Store {
    pub(super) fn add_subnet_groups(&self, groups: Vec<CacheSubnetGroup>) {
        let named =
            groups.into_iter().filter_map(|g| Some((g.cache_subnet_group_name.clone()?, g)));
        self.subnet_groups.borrow_mut().extend(named);
    }

    pub(super) fn subnet_group(&self, name: &str) -> Option<CacheSubnetGroup> {
        self.subnet_groups.borrow().get(name).cloned()
    }

    /// Whether the tags of one more cache are read.
    pub(super) fn may_read_tags(&self) -> bool {
        self.tags.set(self.tags.get() + 1);
        self.tags.get() <= TAGS
    }
}
