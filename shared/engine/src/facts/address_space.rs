//! The address space of the VPCs that a group is in.

use std::collections::BTreeMap;

use ipnet::IpNet;

/// The address space of a group's VPC, and of those that the group is associated with besides.
///
/// The local route of a VPC wins over the others (Amazon VPC user guide, "Route priority"): what has an address of the
/// VPC's own space is not the internet for its interfaces, even where that space is public.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AddressSpace {
    /// Not read: no finding depended on it.
    #[default]
    NotRead,
    /// Could not be read: why. Then no rule goes whose source may lie in it.
    Unknown(String),
    /// As EC2 shows it.
    Read {
        /// The CIDR blocks of the group's own VPC, of both families.
        own: Vec<IpNet>,
        /// The VPCs that it is associated with besides, by id, with their CIDR blocks. A block of one is local there, and
        /// the internet in the others.
        further: BTreeMap<String, Vec<IpNet>>,
    },
}
