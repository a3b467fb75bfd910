//! Where a cache lies in the network.

/// How a cache is connected, and the subnets that its nodes may lie in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheNetwork {
    /// `ConnectionType` of a serverless cache. Caches with nodes always lie in a VPC.
    pub connection: Connection,
    /// `CacheSubnetGroupName`, which serverless caches have none of.
    pub subnet_group: Option<String>,
    /// `VpcId` of its subnet group, where that was read.
    pub vpc: Option<String>,
    /// The subnets of its subnet group. Serverless caches have no such group, and none here.
    pub subnets: Subnets,
}

/// Where the endpoint of a cache is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connection {
    /// `vpc`
    #[default]
    Vpc,
    /// `public`
    Public,
    /// Describe does not say, or says something that we do not know: what.
    Unknown(String),
}

/// The subnets of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subnets {
    /// Not told: why. Never taken for private.
    Unknown(String),
    /// These.
    Read(Vec<Subnet>),
}

impl Default for Subnets {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

/// A subnet, with the route table that holds for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// `rtb-…`
    pub table: String,
    /// `rtbassoc-…`, if the table was given to this subnet; else it is the VPC's main table.
    pub association: Option<String>,
    /// The destinations that its table sends to an internet gateway.
    pub public: Vec<String>,
}
