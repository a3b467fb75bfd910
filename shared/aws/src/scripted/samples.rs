//! Samples: rules, interfaces and events with as little in them as a test needs.

use aws_sdk_ec2::types::{
    GroupIdentifier, NetworkInterface, SecurityGroupRule, Vpc, VpcCidrBlockAssociation,
    VpcCidrBlockState, VpcCidrBlockStateCode, VpcIpv6CidrBlockAssociation,
};
use portcullis_engine::event::{
    Actor, Event, EventName, GroupLead, GroupRef, Lead, RuleLead, Touched,
};
use portcullis_engine::settings::{Mode, Schedules, Settings, Topics};

use super::LEDGER;

/// The account that everything belongs to.
pub(crate) const ACCOUNT: &str = "111122223333";

/// The policies as they are shipped.
pub(crate) const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/exceptions");

/// The group of the schedules.
pub(crate) const SCHEDULES: &str = "portcullis-RevisitGroup-1A";

/// Now: a minute after the sample event.
pub(crate) const NOW: i64 = 1_795_255_260;

pub(crate) fn settings() -> Settings {
    Settings {
        topics: Topics { alert: format!("arn:aws:sns:eu-west-1:{ACCOUNT}:alerts"), chat: None },
        stack: Some("portcullis".to_owned()),
        mode: Mode::Enforce,
        own_role_arns: Vec::new(),
        recreate_state_machine_arn: None,
        harden_state_machine_arn: None,
        moves: false,
        exceptions_dir: Some(EXCEPTIONS.to_owned()),
        ledger_table: LEDGER.to_owned(),
        digest_queue_url: None,
        schedules: Some(Schedules {
            group: SCHEDULES.to_owned(),
            role_arn: format!("arn:aws:iam::{ACCOUNT}:role/portcullis-RevisitRole-1A"),
            undelivered_queue_arn: format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:undelivered"),
        }),
        actions_per_event: 25,
        actions_per_minute: 100,
        comebacks_per_hour: 3,
        known_networks: Vec::new(),
        enforces_lists: false,
        alerts_per_minute: 10,
    }
}

/// An ingress rule for TCP 6379 from a CIDR, a prefix list (`pl-…`) or a group (`sg-…`).
pub(crate) fn rule(id: &str, source: &str) -> SecurityGroupRule {
    let rule = SecurityGroupRule::builder()
        .security_group_rule_id(id)
        .group_owner_id(ACCOUNT)
        .is_egress(false)
        .ip_protocol("tcp")
        .from_port(6379)
        .to_port(6379);
    let rule = match source {
        list if list.starts_with("pl-") => rule.prefix_list_id(list),
        v6 if v6.contains(':') => rule.cidr_ipv6(v6),
        v4 => rule.cidr_ipv4(v4),
    };
    rule.build()
}

/// A network interface that carries `group`.
pub(crate) fn interface(id: &str, group: &str) -> NetworkInterface {
    let carried = GroupIdentifier::builder().group_id(group).build();
    NetworkInterface::builder().network_interface_id(id).groups(carried).build()
}

/// A VPC with these blocks, of either family.
pub(crate) fn vpc(id: &str, blocks: &[&str]) -> Vpc {
    let state = VpcCidrBlockState::builder().state(VpcCidrBlockStateCode::Associated).build();
    blocks
        .iter()
        .fold(Vpc::builder().vpc_id(id).owner_id(ACCOUNT), |vpc, block| {
            if block.contains(':') {
                let v6 = VpcIpv6CidrBlockAssociation::builder().ipv6_cidr_block(*block);
                let v6 = v6.ipv6_cidr_block_state(state.clone());
                vpc.ipv6_cidr_block_association_set(v6.build())
            } else {
                let v4 = VpcCidrBlockAssociation::builder().cidr_block(*block);
                vpc.cidr_block_association_set(v4.cidr_block_state(state.clone()).build())
            }
        })
        .build()
}

/// The event of a call that touched these rules of `group`.
pub(crate) fn event(group: &str, rules: &[&str]) -> Event {
    let touched =
        rules.iter().map(|id| RuleLead { id: Some((*id).to_owned()), shape: None, edit: false });
    event_on(Lead::Group(GroupLead {
        group: GroupRef::Id(group.to_owned()),
        touched: Touched::Rules(touched.collect()),
    }))
}

pub(crate) fn event_on(lead: Lead) -> Event {
    let name = match &lead {
        Lead::List(_) => EventName::ModifyManagedPrefixList,
        Lead::Group(_) | Lead::Unknown => EventName::AuthorizeSecurityGroupIngress,
        Lead::Cache(_) => EventName::CreateCacheCluster,
    };
    Event {
        id: "e-1".to_owned(),
        name: Some(name),
        time: "2026-11-21T10:00:00Z".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        actor: Actor::default(),
        lead,
    }
}
