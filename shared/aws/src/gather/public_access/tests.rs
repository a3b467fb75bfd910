use aws_sdk_ec2::types::{
    InternetGatewayBlockMode as Mode, NetworkInterfaceAssociation, Vpc as ShownVpc,
};

use portcullis_engine::event::Lead;
use portcullis_engine::facts::{GroupFacts, Interfaces, PublicAccess};

use crate::scripted::{ACCOUNT, Account, event, interface, rule};

use super::*;

const GROUP: &str = "sg-1";
const OPTIONS: &str = "DescribeVpcBlockPublicAccessOptions";
const EXCLUSIONS: &str = "DescribeVpcBlockPublicAccessExclusions";

/// An account with a public interface in its own VPC, and this mode.
fn blocking(mode: Mode) -> Account {
    let account = Account::new().with(GROUP, [rule("sgr-1", "0.0.0.0/0")]);
    let mut public = interface("eni-1", GROUP);
    public.association =
        Some(NetworkInterfaceAssociation::builder().public_ip("203.0.113.7").build());
    (public.vpc_id, public.subnet_id) = (Some("vpc-1".to_owned()), Some("subnet-1".to_owned()));
    let options = Options::builder().aws_account_id(ACCOUNT).internet_gateway_block_mode(mode);
    {
        let mut state = account.now();
        state.interfaces = vec![public];
        state.block = Some(options.build());
        state.vpcs = vec![ShownVpc::builder().vpc_id("vpc-1").owner_id(ACCOUNT).build()];
    }
    account
}

fn exclusion(of: &str, mode: InternetGatewayExclusionMode, state: ExclusionState) -> Exclusion {
    let arn = format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:{}/{of}", of.split('-').next().unwrap());
    Exclusion::builder()
        .resource_arn(arn)
        .internet_gateway_exclusion_mode(mode)
        .state(state)
        .build()
}

async fn looked(account: &Account) -> GroupFacts {
    let Lead::Group(lead) = event(GROUP, &["sgr-1"]).lead else { panic!("not about a group") };
    account.whole_group(&lead).await
}

/// How the internet is kept from the interface.
async fn blocked(account: &Account) -> Option<BlockMode> {
    let group = looked(account).await;
    let Interfaces::Read(interfaces) = &group.interfaces else { panic!("{:?}", group.interfaces) };
    group.public_access.blocks(&interfaces[0])
}

#[tokio::test(start_paused = true)]
async fn each_mode_is_read_and_holds_for_own_vpcs() {
    for (mode, expected) in [
        (Mode::Off, None),
        (Mode::BlockIngress, Some(BlockMode::Ingress)),
        (Mode::BlockBidirectional, Some(BlockMode::Bidirectional)),
    ] {
        assert_eq!(blocked(&blocking(mode)).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_blocked_where_nobody_ever_set_it() {
    let account = blocking(Mode::Off);
    account.now().block = None;
    assert_eq!(blocked(&account).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_is_changing_blocks_nothing_yet() {
    let account = blocking(Mode::BlockIngress);
    let state = VpcBlockPublicAccessState::UpdateInProgress;
    account.now().block.as_mut().unwrap().state = Some(state);
    assert_eq!(blocked(&account).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_mode_of_a_new_name_is_unknown() {
    let group = looked(&blocking(Mode::from("block-egress"))).await;
    assert_eq!(group.public_access, PublicAccess::Unknown("mode `block-egress`".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn exclusions_count_while_they_let_the_internet_in() {
    use ExclusionState as State;
    use InternetGatewayExclusionMode::{AllowBidirectional as Both, AllowEgress as Egress};
    for (mode, state, open) in [
        (Both, State::CreateComplete, true),
        (Both, State::CreateInProgress, true),
        (Both, State::DeleteInProgress, true),
        (Both, State::DisableInProgress, true),
        (Both, State::UpdateFailed, true),
        (Both, State::CreateFailed, false),
        (Both, State::DeleteComplete, false),
        (Both, State::DisableComplete, false),
        (Egress, State::CreateComplete, false),
        (Egress, State::UpdateInProgress, true),
    ] {
        for of in ["vpc-1", "subnet-1"] {
            let account = blocking(Mode::BlockBidirectional);
            account.now().exclusions = vec![exclusion(of, mode.clone(), state.clone())];
            assert_eq!(blocked(&account).await.is_none(), open, "{of} {mode} {state}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_page_of_the_exclusions_is_read() {
    let account = blocking(Mode::BlockBidirectional);
    let of = ["subnet-3", "subnet-2", "subnet-1"];
    let both = || InternetGatewayExclusionMode::AllowBidirectional;
    let all = of.map(|id| exclusion(id, both(), ExclusionState::CreateComplete));
    account.now().exclusions = all.into();
    account.now().page = 2;
    assert_eq!(blocked(&account).await, None);
    assert_eq!(account.count(EXCLUSIONS), 2);
}

#[tokio::test(start_paused = true)]
async fn the_vpc_of_another_account_is_not_blocked_by_ours() {
    let account = blocking(Mode::BlockBidirectional);
    account.now().vpcs = vec![ShownVpc::builder().vpc_id("vpc-1").owner_id("444455556666").build()];
    assert_eq!(blocked(&account).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_unknown_and_costs_nothing_else() {
    for (call, subject) in [(OPTIONS, "any"), (EXCLUSIONS, "any"), ("DescribeVpcs", "vpc-1")] {
        let account = blocking(Mode::BlockBidirectional);
        account.fail(call, subject, "UnauthorizedOperation");
        let group = looked(&account).await;
        let PublicAccess::Unknown(why) = &group.public_access else {
            panic!("{:?}", group.public_access)
        };
        assert!(why.starts_with(call) && why.contains("UnauthorizedOperation"), "{why}");
        assert!(matches!(&group.interfaces, Interfaces::Read(found) if found.len() == 1));
        assert!(group.details.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn whose_the_vpcs_are_is_asked_only_where_it_matters() {
    let off = blocking(Mode::Off);
    let private = blocking(Mode::BlockIngress);
    private.now().interfaces = vec![interface("eni-1", GROUP)];
    for account in [off, private] {
        looked(&account).await;
        assert_eq!(account.count("DescribeVpcs"), 0);
    }
    let account = blocking(Mode::BlockIngress);
    looked(&account).await;
    assert_eq!(account.count("DescribeVpcs"), 1);
}
