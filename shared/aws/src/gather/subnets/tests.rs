use aws_sdk_ec2::types::RouteTableAssociation;
use aws_sdk_elasticache::types::{CacheSubnetGroup, Subnet as CacheSubnet};

use super::*;
use crate::scripted::Account;

fn group(ids: &[&str]) -> CacheSubnetGroup {
    let subnets = ids.iter().map(|id| CacheSubnet::builder().subnet_identifier(*id).build());
    CacheSubnetGroup::builder()
        .cache_subnet_group_name("caches")
        .vpc_id("vpc-1")
        .set_subnets(Some(subnets.collect()))
        .build()
}

fn to(gateway: &str) -> Route {
    Route::builder().destination_cidr_block("0.0.0.0/0").gateway_id(gateway).build()
}

/// A table of `vpc-1` for these subnets, or without any the main one.
fn table(id: &str, subnets: &[&str], routes: Vec<Route>) -> RouteTable {
    let association = |subnet: Option<&str>| {
        RouteTableAssociation::builder()
            .route_table_association_id(format!("rtbassoc-{id}"))
            .main(subnet.is_none())
            .set_subnet_id(subnet.map(str::to_owned))
            .build()
    };
    let mut associations: Vec<_> = subnets.iter().map(|id| association(Some(id))).collect();
    if associations.is_empty() {
        associations.push(association(None));
    }
    RouteTable::builder()
        .route_table_id(id)
        .vpc_id("vpc-1")
        .set_routes(Some(routes))
        .set_associations(Some(associations))
        .build()
}

fn account(ids: &[&str], tables: Vec<RouteTable>) -> Account {
    let account = Account::new();
    account.now().subnet_groups = vec![group(ids)];
    account.now().route_tables = tables;
    account
}

async fn looked(account: &Account) -> (Option<String>, Subnets) {
    subnets(&account.ec2(), &account.elasticache(), "caches").await
}

async fn read(ids: &[&str], tables: Vec<RouteTable>) -> Vec<Subnet> {
    match looked(&account(ids, tables)).await {
        (Some(vpc), Subnets::Read(found)) if vpc == "vpc-1" => found,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_subnet_has_its_own_table_and_else_the_main_one() {
    let tables = vec![
        table("rtb-main", &[], vec![to("local")]),
        table("rtb-own", &["subnet-1"], vec![to("local"), to("igw-1")]),
    ];
    let found = read(&["subnet-1", "subnet-2"], tables).await;
    let expected = [
        ("subnet-1", "rtb-own", Some("rtbassoc-rtb-own"), ["0.0.0.0/0"].as_slice()),
        ("subnet-2", "rtb-main", None, &[]),
    ];
    for (subnet, (id, table, association, public)) in found.iter().zip(expected) {
        assert_eq!((&*subnet.id, &*subnet.table), (id, table));
        assert_eq!(subnet.association.as_deref(), association);
        assert_eq!(subnet.public, public);
    }
    assert_eq!(found.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_a_live_route_to_an_internet_gateway_is_public() {
    let v6 = || Route::builder().destination_ipv6_cidr_block("::/0");
    let listed = || Route::builder().destination_prefix_list_id("pl-1");
    for (route, public) in [
        (to("igw-1"), Some("0.0.0.0/0")),
        (v6().gateway_id("igw-1").build(), Some("::/0")),
        (listed().gateway_id("igw-1").build(), Some("pl-1")),
        (to("local"), None),
        (to("vgw-1"), None),
        (v6().egress_only_internet_gateway_id("eigw-1").build(), None),
        (
            Route::builder().destination_cidr_block("0.0.0.0/0").nat_gateway_id("nat-1").build(),
            None,
        ),
        (v6().gateway_id("igw-1").state(RouteState::Blackhole).build(), None),
    ] {
        let found = read(&["subnet-1"], vec![table("rtb-main", &[], vec![route])]).await;
        let public: Vec<&str> = public.into_iter().collect();
        assert_eq!(found[0].public, public);
    }
}

#[tokio::test(start_paused = true)]
async fn every_page_of_the_tables_is_read() {
    let mut tables: Vec<_> =
        (1..=4).map(|n| table(&format!("rtb-{n}"), &["subnet-9"], Vec::new())).collect();
    tables.push(table("rtb-5", &["subnet-1"], vec![to("igw-1")]));
    let account = account(&["subnet-1"], tables);
    account.now().page = 2;
    let (_, Subnets::Read(found)) = looked(&account).await else { panic!("it can be read") };
    assert_eq!(found[0].table, "rtb-5");
    assert_eq!(account.count("DescribeRouteTables"), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_unknown_with_the_reason() {
    let there = || account(&["subnet-1"], vec![table("rtb-main", &[], Vec::new())]);
    let refused = |call, subject| {
        let account = there();
        account.fail(call, subject, "AccessDenied");
        account
    };
    for (account, known, expected) in [
        (
            refused("DescribeCacheSubnetGroups", "caches"),
            None,
            "DescribeCacheSubnetGroups: AccessDenied",
        ),
        (
            refused("DescribeRouteTables", "vpc-1"),
            Some("vpc-1"),
            "DescribeRouteTables: AccessDenied",
        ),
        (
            account(&["subnet-1"], Vec::new()),
            Some("vpc-1"),
            "the route table of subnet-1 is not shown",
        ),
    ] {
        let (vpc, Subnets::Unknown(why)) = looked(&account).await else { panic!("{expected}") };
        assert!(why.starts_with(expected), "{why}");
        assert_eq!(vpc.as_deref(), known, "{expected}");
    }
}
