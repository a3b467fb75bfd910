use aws_sdk_ec2::types::{
    SecurityGroupVpcAssociation, SecurityGroupVpcAssociationState as State,
    VpcCidrBlockAssociation, VpcIpv6CidrBlockAssociation,
};

use super::*;
use crate::scripted::{Account, vpc};

const GROUP: &str = "sg-1";

/// The group's VPC has a private block and a public one of each family.
fn account() -> Account {
    let account = Account::new().with(GROUP, []);
    account.now().vpcs =
        vec![vpc("vpc-1", &["10.0.0.0/16", "52.95.64.0/20", "2600:1f14:8a2:e500::/56"])];
    account
}

fn nets(blocks: &[&str]) -> Vec<IpNet> {
    blocks.iter().map(|block| block.parse().unwrap()).collect()
}

async fn read(account: &Account) -> AddressSpace {
    space(&account.ec2(), GROUP).await
}

#[tokio::test(start_paused = true)]
async fn the_blocks_of_both_families_are_read() {
    let own = nets(&["10.0.0.0/16", "52.95.64.0/20", "2600:1f14:8a2:e500::/56"]);
    assert_eq!(read(&account()).await, AddressSpace::Read { own, further: BTreeMap::new() });
}

#[tokio::test(start_paused = true)]
async fn the_vpcs_that_the_group_is_associated_with_are_read_apart() {
    let account = account();
    let associations = [("vpc-2", State::Associated), ("vpc-3", State::Disassociated)];
    account.now().associations = associations
        .into_iter()
        .map(|(vpc, state)| {
            SecurityGroupVpcAssociation::builder().group_id(GROUP).vpc_id(vpc).state(state).build()
        })
        .collect();
    account.now().vpcs.push(vpc("vpc-2", &["52.95.96.0/20"]));
    let AddressSpace::Read { own, further } = read(&account).await else { panic!("it is read") };
    assert_eq!(own.len(), 3);
    assert_eq!(further, BTreeMap::from([("vpc-2".to_owned(), nets(&["52.95.96.0/20"]))]));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_not_there_is_unknown_and_never_empty() {
    for (call, subject) in [
        ("DescribeSecurityGroups", GROUP),
        ("DescribeSecurityGroupVpcAssociations", GROUP),
        ("DescribeVpcs", "vpc-1"),
    ] {
        let account = account();
        account.fail(call, subject, "UnauthorizedOperation");
        let AddressSpace::Unknown(why) = read(&account).await else { panic!("{call} failed") };
        assert!(why.contains(call), "{why}");
    }
    let account = account();
    account.now().groups[0].vpc_id = None;
    assert_eq!(read(&account).await, AddressSpace::Unknown("sg-1 shows no VPC".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_block_that_is_gone_is_left_out_and_one_that_is_coming_or_going_is_unknown() {
    let with = |state: VpcCidrBlockStateCode| {
        let state = VpcCidrBlockState::builder().state(state).build();
        let v4 = VpcCidrBlockAssociation::builder()
            .cidr_block("52.95.64.0/20")
            .cidr_block_state(state.clone());
        let v6 = VpcIpv6CidrBlockAssociation::builder()
            .ipv6_cidr_block("2600:1f14:8a2:e500::/56")
            .ipv6_cidr_block_state(state);
        let vpc = Vpc::builder().cidr_block_association_set(v4.build());
        blocks(&vpc.ipv6_cidr_block_association_set(v6.build()).build())
    };
    assert_eq!(with(VpcCidrBlockStateCode::Associated).unwrap().len(), 2);
    for state in [VpcCidrBlockStateCode::Disassociated, VpcCidrBlockStateCode::Failed] {
        assert_eq!(with(state), Ok(Vec::new()));
    }
    for state in [VpcCidrBlockStateCode::Associating, VpcCidrBlockStateCode::Disassociating] {
        let why = format!("block 52.95.64.0/20 is {}", state.as_str());
        assert_eq!(with(state), Err(why));
    }
}
