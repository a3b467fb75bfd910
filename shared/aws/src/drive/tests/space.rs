//! A source that may lie in the address space of the group's VPC.

use super::*;
use crate::scripted::vpc;

const INSIDE: &str = "52.95.64.0/20";
const OUTSIDE: &str = "52.95.96.7/32";

/// A rule for UDP 11211, which no public address may reach.
fn memcached(id: &str, source: &str) -> aws_sdk_ec2::types::SecurityGroupRule {
    let mut rule = rule(id, source);
    rule.ip_protocol = Some("udp".to_owned());
    (rule.from_port, rule.to_port) = (Some(11_211), Some(11_211));
    rule
}

/// A group that admits its VPC, and one address beside it.
fn account() -> Account {
    let account =
        Account::new().with(GROUP, [memcached("sgr-1", INSIDE), memcached("sgr-2", OUTSIDE)]);
    account.now().vpcs = vec![vpc("vpc-1", &["10.0.0.0/16", INSIDE])];
    account
}

#[tokio::test(start_paused = true)]
async fn what_lies_in_the_vpc_stays_without_a_word_and_what_does_not_goes() {
    let account = account();
    dealt_with(&account, &["sgr-1", "sgr-2"]).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-1"]);
    let (_, mail, _) = told(&account);
    assert!(mail.contains("sgr-2") && !mail.contains("sgr-1"), "{mail}");
    assert!(account.now().scheduled.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_may_lie_in_a_vpc_that_is_not_shown_stays_is_told_and_is_looked_at_again() {
    let account = account();
    account.fail("DescribeVpcs", "vpc-1", "UnauthorizedOperation");
    dealt_with(&account, &["sgr-1", "sgr-2"]).await.unwrap();
    assert_eq!((account.count(REVOKE), account.rule_ids(GROUP).len()), (0, 2));
    let (_, mail, document) = told(&account);
    assert!(ends(&account).iter().all(|end| end == "withheld"), "{document}");
    assert_eq!(document["severity"], "high", "{document}");
    assert!(mail.contains("may lie in the address space of the group's own VPC"), "{mail}");
    assert_eq!(account.now().scheduled.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wide_rule_goes_whether_the_space_is_shown_or_not_and_it_is_not_read() {
    let account = open();
    dealt_with(&account, &["sgr-1"]).await.unwrap();
    assert_eq!(account.rule_ids(GROUP), ["sgr-2"]);
    assert_eq!(account.count("DescribeSecurityGroupVpcAssociations"), 0);
    assert_eq!(account.count("DescribeVpcs"), 0);
}
