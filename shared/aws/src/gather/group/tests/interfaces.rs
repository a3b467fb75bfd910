//! What is read around a group that is at fault: details and network interfaces.

use aws_sdk_ec2::types::{
    NetworkInterface, NetworkInterfaceAssociation as Association, NetworkInterfaceAttachment,
    NetworkInterfaceIpv6Address, NetworkInterfacePrivateIpAddress, NetworkInterfaceType,
    OperatorResponse, Tag as Ec2Tag,
};
use portcullis_engine::facts::LoadBalancer;

use super::*;
use crate::scripted::interface as eni;

async fn looked_around(account: &Account) -> GroupFacts {
    let mut facts = GroupFacts { id: GROUP.to_owned(), ..GroupFacts::default() };
    around(&account.ec2(), &mut facts).await;
    facts
}

/// The interfaces of an account that has these.
async fn shown(interfaces: Vec<NetworkInterface>) -> Vec<Interface> {
    let account = Account::new().with(GROUP, []);
    account.now().interfaces = interfaces;
    match looked_around(&account).await.interfaces {
        Interfaces::Read(found) => found,
        other => panic!("{other:?}"),
    }
}

/// An interface with one thing changed.
fn with(change: impl FnOnce(&mut NetworkInterface)) -> NetworkInterface {
    let mut interface = eni("eni-1", GROUP);
    change(&mut interface);
    interface
}

fn public(ip: &str) -> Association {
    Association::builder().public_ip(ip).build()
}

fn with_every_public_address() -> NetworkInterface {
    let address = |ip: Option<&str>| {
        let association = ip.map(public);
        NetworkInterfacePrivateIpAddress::builder().set_association(association).build()
    };
    with(|interface| {
        interface.association = Some(public("198.51.100.1"));
        interface.private_ip_addresses =
            Some(vec![address(Some("198.51.100.1")), address(None), address(Some("198.51.100.2"))]);
        let v6 = NetworkInterfaceIpv6Address::builder().ipv6_address("2001:db8::1").build();
        interface.ipv6_addresses = Some(vec![v6]);
    })
}

#[tokio::test(start_paused = true)]
async fn name_vpc_and_tags_are_read() {
    let account = Account::new().with(GROUP, []);
    let tag = Ec2Tag::builder().key("team").value("data").build();
    account.now().groups[0].tags = Some(vec![tag]);
    let details = looked_around(&account).await.details.expect("the group is there");
    assert_eq!((details.name.as_str(), details.vpc.as_deref()), ("sg-1-name", Some("vpc-1")));
    assert_eq!(details.tags, [Tag { key: "team".to_owned(), value: "data".to_owned() }]);
}

#[tokio::test(start_paused = true)]
async fn details_that_cannot_be_read_cost_nothing_else() {
    let account = Account::new().with(GROUP, []);
    account.now().interfaces = vec![eni("eni-1", GROUP)];
    account.fail("DescribeSecurityGroups", GROUP, "UnauthorizedOperation");
    let facts = looked_around(&account).await;
    assert_eq!(facts.details, None);
    assert!(matches!(facts.interfaces, Interfaces::Read(found) if found.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn interfaces_that_cannot_be_read_are_unknown_with_the_code_not_none() {
    let account = Account::new().with(GROUP, []);
    account.fail("DescribeNetworkInterfaces", GROUP, "UnauthorizedOperation");
    let facts = looked_around(&account).await;
    match facts.interfaces {
        Interfaces::Unknown(why) => assert!(why.contains("UnauthorizedOperation"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(facts.details.is_some());
}

#[tokio::test(start_paused = true)]
async fn every_page_of_the_interfaces_is_read_and_only_those_of_the_group() {
    let account = Account::new().with(GROUP, []);
    account.now().interfaces = ["eni-1", "eni-2", "eni-3"].map(|id| eni(id, GROUP)).into();
    account.now().interfaces.push(eni("eni-4", "sg-2"));
    account.now().page = 2;
    let Interfaces::Read(found) = looked_around(&account).await.interfaces else {
        panic!("they can be read")
    };
    let ids: Vec<_> = found.iter().map(|interface| interface.id.as_str()).collect();
    assert_eq!(ids, ["eni-1", "eni-2", "eni-3"]);
    assert_eq!(account.count("DescribeNetworkInterfaces"), 2);
}

#[tokio::test(start_paused = true)]
async fn interfaces_that_aws_manages_are_asked_for_and_found() {
    let managed = OperatorResponse::builder().managed(true).build();
    let account = Account::new().with(GROUP, []);
    account.now().interfaces = vec![with(|interface| interface.operator = Some(managed))];
    let facts = looked_around(&account).await;
    assert!(matches!(facts.interfaces, Interfaces::Read(found) if found.len() == 1));
    let asked = &account.now().interface_looks;
    assert!(asked.iter().all(|input| input.include_managed_resources() == Some(true)));
}

#[tokio::test(start_paused = true)]
async fn public_addresses_are_those_of_every_private_address_and_ipv6_each_once() {
    let found = shown(vec![with_every_public_address()]).await;
    assert_eq!(found[0].public, ["198.51.100.1", "198.51.100.2", "2001:db8::1"]);
}

#[tokio::test(start_paused = true)]
async fn an_interface_that_denies_the_internet_gateway_has_no_public_address() {
    let mut denied = with_every_public_address();
    denied.deny_all_igw_traffic = Some(true);
    assert!(shown(vec![denied]).await[0].public.is_empty());
    let mut admitted = with_every_public_address();
    admitted.deny_all_igw_traffic = Some(false);
    assert_eq!(shown(vec![admitted]).await[0].public.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_interface_of_a_cache_is_told_by_its_requester_never_by_its_description() {
    let cache = with(|interface| interface.requester_id = Some("amazon-elasticache".to_owned()));
    let forged = with(|interface| interface.description = Some("ElastiCache redis-001".to_owned()));
    let other = with(|interface| interface.requester_id = Some("amazon-rds".to_owned()));
    let found = shown(vec![cache, forged, other]).await;
    let of_cache: Vec<_> = found.iter().map(|interface| interface.of_cache).collect();
    assert_eq!(of_cache, [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn the_kind_of_an_interface_is_in_the_words_of_ec2() {
    let balancer = NetworkInterfaceType::NetworkLoadBalancer;
    let found = shown(vec![eni("eni-1", GROUP), with(|i| i.interface_type = Some(balancer))]).await;
    assert_eq!((found[0].kind.as_str(), &*found[1].kind), ("interface", "network_load_balancer"));
}

#[tokio::test(start_paused = true)]
async fn an_interface_is_read_with_what_it_belongs_to_and_where_it_lies() {
    let balancer = with(|interface| {
        interface.requester_id = Some("amazon-elb".to_owned());
        interface.requester_managed = Some(true);
        interface.description = Some("ELB app/web/50dc6c495c0c9188".to_owned());
        interface.vpc_id = Some("vpc-1".to_owned());
        interface.subnet_id = Some("subnet-1".to_owned());
    });
    let attached = NetworkInterfaceAttachment::builder().instance_id("i-1").build();
    let instance = with(|interface| interface.attachment = Some(attached));
    let found = shown(vec![balancer, instance, eni("eni-3", GROUP)]).await;
    assert_eq!(found[0].holder, Holder::LoadBalancer(LoadBalancer::Application));
    assert_eq!(
        (found[0].vpc.as_deref(), found[0].subnet.as_deref()),
        (Some("vpc-1"), Some("subnet-1"))
    );
    assert_eq!(found[1].holder, Holder::Instance("i-1".to_owned()));
    assert_eq!(found[2].holder, Holder::Other);
}
