//! What we look at: the live state of a security group or a cache, as Describe gave it.
//!
//! Facts hold what was read and how far reading got. They draw no conclusion: that is what
//! [`crate::checks`] and [`crate::decide`] are for.

mod address_space;
mod cache;
mod interface;
mod list;
mod network;
mod public_access;
mod version;

use std::collections::BTreeMap;
use std::fmt;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use address_space::AddressSpace;
pub use cache::{CacheFacts, CacheGroups, CacheKind, Engine, PendingChange};
pub use interface::{Holder, Interface, Interfaces, LoadBalancer, Signs, cluster_of};
pub use list::{ListEntry, ListFacts, ListUse, ListUser, ListVersions, ListedGroup};
pub use network::{CacheNetwork, Connection, Subnet, Subnets};
pub use public_access::{BlockMode, BlockPublicAccess, PublicAccess, PublicSetting, Vpc};
pub use version::EngineVersion;

/// A resource tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Tag key, at most 128 characters.
    pub key: String,
    /// Tag value, at most 256 characters.
    pub value: String,
}

/// A security group with a tag of this key is never changed, whatever the value.
pub const PROTECT: &str = "portcullis:protect";

/// An IP protocol, normalised: EC2 takes `tcp` and `6` for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// `tcp`, 6
    Tcp,
    /// `udp`, 17
    Udp,
    /// `icmp`, 1. Its "ports" are type and code.
    Icmp,
    /// `icmpv6`, 58. Its "ports" are type and code.
    Icmpv6,
    /// `-1`: every protocol and port.
    All,
    /// Any other protocol number: all of that protocol, whatever ports were given.
    Other(String),
}

impl Protocol {
    /// Reads EC2's `IpProtocol`, by name or number.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "icmpv6" | "58" => Self::Icmpv6,
            "-1" | "all" => Self::All,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether EC2 keeps the ports (or ICMP types) of a rule with this protocol.
    pub fn has_ports(&self) -> bool {
        match self {
            Self::Tcp | Self::Udp | Self::Icmp | Self::Icmpv6 => true,
            Self::All | Self::Other(_) => false,
        }
    }

    /// EC2's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::All => "-1",
            Self::Other(number) => number,
        }
    }
}

/// Where an ingress rule lets traffic in from. CIDRs are canonical: host bits are masked off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `CidrIpv4`
    Ipv4(Ipv4Net),
    /// `CidrIpv6`
    Ipv6(Ipv6Net),
    /// `PrefixListId`
    PrefixList(String),
    /// The id of `ReferencedGroupInfo`: never public.
    Group(String),
    /// A source of a kind that we do not know: reported as unknown, never as clean.
    Unreadable(String),
}

impl Source {
    /// Reads a CIDR and masks it, as EC2 does when it stores one: `10.1.2.3/0` is `0.0.0.0/0`
    /// (API reference, AuthorizeSecurityGroupIngress).
    pub fn cidr(text: &str) -> Option<Self> {
        match text.trim().parse::<IpNet>().ok()?.trunc() {
            IpNet::V4(net) => Some(Self::Ipv4(net)),
            IpNet::V6(net) => Some(Self::Ipv6(net)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(net) => net.fmt(f),
            Self::Ipv6(net) => net.fmt(f),
            Self::PrefixList(id) | Self::Group(id) | Self::Unreadable(id) => f.write_str(id),
        }
    }
}

/// One ingress rule of a security group, as DescribeSecurityGroupRules has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRule {
    /// `sgr-…`
    pub id: String,
    /// Normalised protocol.
    pub protocol: Protocol,
    /// `FromPort`; ICMP type; -1 where EC2 has none.
    pub from_port: i32,
    /// `ToPort`; ICMP code; -1 where EC2 has none.
    pub to_port: i32,
    /// Where it lets traffic in from.
    pub source: Source,
    /// Its description, which users control.
    pub description: Option<String>,
    /// Its tags, which users control.
    pub tags: Vec<Tag>,
}

impl IngressRule {
    /// The ports, or for ICMP the types, that the rule covers, both ends included.
    pub fn ports(&self) -> (u16, u16) {
        let clamp = |port: i32| u16::try_from(port.clamp(0, 65_535)).unwrap_or(u16::MAX);
        match self.protocol {
            Protocol::Tcp | Protocol::Udp if self.from_port >= 0 => {
                (clamp(self.from_port), clamp(self.to_port))
            }
            Protocol::Icmp | Protocol::Icmpv6 if self.from_port >= 0 => {
                (clamp(self.from_port), clamp(self.from_port))
            }
            Protocol::Tcp | Protocol::Udp | Protocol::All | Protocol::Other(_) => (0, u16::MAX),
            Protocol::Icmp | Protocol::Icmpv6 => (0, 255),
        }
    }

    /// The one ICMP code of the one type that the rule covers. `ToPort` has it, and -1 for all codes (EC2 API reference,
    /// SecurityGroupRule).
    pub fn icmp_code(&self) -> Option<u8> {
        match self.protocol {
            Protocol::Icmp | Protocol::Icmpv6 if self.from_port >= 0 => {
                u8::try_from(self.to_port).ok()
            }
            Protocol::Icmp
            | Protocol::Icmpv6
            | Protocol::Tcp
            | Protocol::Udp
            | Protocol::All
            | Protocol::Other(_) => None,
        }
    }

    /// Whether traffic of `protocol` to `port` passes. A rule for another protocol number, say 50
    /// for an IPsec peer, covers all of *its* protocol and lets no TCP or UDP through.
    pub fn covers(&self, protocol: &Protocol, port: u16) -> bool {
        let (from, to) = self.ports();
        (self.protocol == Protocol::All || self.protocol == *protocol)
            && (from..=to).contains(&port)
    }

    /// What it admits and from where, for people: `TCP 6379 from 0.0.0.0/0`.
    pub fn words(&self) -> String {
        format!("{} from {}", self.traffic(), self.source)
    }

    /// Protocol and ports for people: `TCP 6379`, `UDP 11000-12000`, `all traffic`.
    pub fn traffic(&self) -> String {
        let (from, to) = (self.from_port, self.to_port);
        match &self.protocol {
            Protocol::All => "all traffic".to_owned(),
            Protocol::Other(number) => format!("IP protocol {number}"),
            Protocol::Icmp | Protocol::Icmpv6 if from < 0 => self.protocol.as_str().to_uppercase(),
            Protocol::Icmp | Protocol::Icmpv6 => {
                let name = self.protocol.as_str().to_uppercase();
                let code = self.icmp_code().map(|code| format!(" code {code}"));
                format!("{name} type {from}{}", code.unwrap_or_default())
            }
            Protocol::Tcp | Protocol::Udp => {
                let name = self.protocol.as_str().to_uppercase();
                match self.ports() {
                    (from, to) if from == to => format!("{name} {from}"),
                    (0, u16::MAX) => format!("{name} all ports"),
                    _ => format!("{name} {from}-{to}"),
                }
            }
        }
    }
}

/// A managed prefix list that a rule refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrefixList {
    /// Its entries at the version that rules use, which is the latest.
    Entries(Vec<IpNet>),
    /// It could not be read: why. Never taken for empty.
    Unknown(String),
}

/// A security group: its ingress rules, and as much more as was needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFacts {
    /// `sg-…`
    pub id: String,
    /// `GroupOwnerId`: in a shared VPC, participants own their groups.
    pub owner: Option<String>,
    /// Every ingress rule.
    pub rules: Vec<IngressRule>,
    /// Ids of the egress rules, to know an edit of one for what it is.
    pub egress: Vec<String>,
    /// The prefix lists that the rules name, by id.
    pub prefix_lists: BTreeMap<String, PrefixList>,
    /// Name, VPC and tags: read only when there is something to say about the group.
    pub details: Option<GroupDetails>,
    /// The network interfaces that carry the group: read only when a fault was found.
    pub interfaces: Interfaces,
    /// The other groups of each interface that carries it, each set once, as far as they were read: only where there is
    /// something to report anyway.
    pub beside: Vec<Vec<GroupFacts>>,
    /// VPC block public access: read only when a fault was found.
    pub public_access: PublicAccess,
    /// The address space of its VPCs: read only when a finding depends on it.
    pub space: AddressSpace,
}

impl GroupFacts {
    /// Whether its owner says to leave it alone. In whatever case the key is written: IAM, which
    /// denies it too, compares keys so (IAM user guide, `aws:ResourceTag`).
    pub fn is_protected(&self) -> bool {
        let tags = self.details.iter().flat_map(|details| &details.tags);
        tags.into_iter().any(|tag| tag.key.eq_ignore_ascii_case(PROTECT))
    }
}

/// What people know a security group by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupDetails {
    /// `GroupName`, which users control.
    pub name: String,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// Tags, which users control.
    pub tags: Vec<Tag>,
}
