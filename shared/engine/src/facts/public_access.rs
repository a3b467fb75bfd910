//! VPC block public access: a setting of an account in a Region, above every rule and route.

use std::fmt;

use super::Interface;

/// Whether VPC block public access keeps the internet out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PublicAccess {
    /// Not read: nothing was at fault.
    #[default]
    NotRead,
    /// Could not be read: why. Nothing counts as blocked then.
    Unknown(String),
    /// As it is set.
    Read(BlockPublicAccess),
}

/// The setting, and what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockPublicAccess {
    /// `InternetGatewayBlockMode`, once it is in force.
    pub mode: BlockMode,
    /// The VPCs and subnets that the internet may get into all the same.
    pub excluded: Vec<String>,
    /// The VPCs of this account, of those that were asked for: the setting says nothing of others.
    pub vpcs: Vec<String>,
}

/// The setting as the account has it in this Region, before it is told whose VPCs it is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicSetting {
    /// `InternetGatewayBlockMode`, once it is in force.
    pub mode: BlockMode,
    /// Whose setting it is.
    pub account: Option<String>,
    /// The VPCs and subnets that the internet may get into all the same.
    pub excluded: Vec<String>,
}

/// A VPC, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// `OwnerId`
    pub owner: Option<String>,
}

/// What is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockMode {
    /// `off`
    #[default]
    Off,
    /// `block-ingress`
    Ingress,
    /// `block-bidirectional`
    Bidirectional,
}

impl BlockMode {
    /// AWS's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ingress => "block-ingress",
            Self::Bidirectional => "block-bidirectional",
        }
    }

    /// Reads AWS's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Ingress, Self::Bidirectional]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }
}

impl fmt::Display for BlockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PublicAccess {
    /// How the internet is kept from an interface, if it is.
    pub fn blocks(&self, interface: &Interface) -> Option<BlockMode> {
        let Self::Read(block) = self else { return None };
        let (vpc, subnet) = (interface.vpc.as_ref()?, interface.subnet.as_ref()?);
        let blocked = block.mode != BlockMode::Off
            && block.vpcs.contains(vpc)
            && !block.excluded.contains(vpc)
            && !block.excluded.contains(subnet);
        blocked.then_some(block.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{blocking, public_interface};

    #[test]
    fn both_modes_keep_the_internet_out_of_the_accounts_own_vpcs() {
        for mode in [BlockMode::Ingress, BlockMode::Bidirectional] {
            assert_eq!(blocking(mode).blocks(&public_interface("eni-1")), Some(mode));
        }
        assert_eq!(blocking(BlockMode::Off).blocks(&public_interface("eni-1")), None);
    }

    #[test]
    fn what_is_excluded_is_open() {
        for id in ["vpc-1", "subnet-1"] {
            let access = PublicAccess::Read(BlockPublicAccess {
                mode: BlockMode::Bidirectional,
                excluded: vec!["subnet-9".to_owned(), id.to_owned()],
                vpcs: vec!["vpc-1".to_owned()],
            });
            assert_eq!(access.blocks(&public_interface("eni-1")), None, "{id}");
        }
    }

    #[test]
    fn what_is_not_known_to_be_blocked_is_open() {
        let access = blocking(BlockMode::Bidirectional);
        let elsewhere = |vpc: Option<&str>, subnet: Option<&str>| Interface {
            vpc: vpc.map(str::to_owned),
            subnet: subnet.map(str::to_owned),
            ..public_interface("eni-1")
        };
        for interface in [
            elsewhere(Some("vpc-of-another-account"), Some("subnet-1")),
            elsewhere(None, Some("subnet-1")),
            elsewhere(Some("vpc-1"), None),
        ] {
            assert_eq!(access.blocks(&interface), None, "{interface:?}");
        }
        for access in [PublicAccess::NotRead, PublicAccess::Unknown("denied".to_owned())] {
            assert_eq!(access.blocks(&public_interface("eni-1")), None);
        }
    }

    #[test]
    fn modes_are_read_as_aws_writes_them() {
        for mode in ["off", "block-ingress", "block-bidirectional"] {
            assert_eq!(BlockMode::parse(mode).map(BlockMode::as_str), Some(mode));
        }
        assert_eq!(BlockMode::parse("block-egress"), None);
    }
}
