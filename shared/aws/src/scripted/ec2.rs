//! EC2: security groups, their rules, prefix lists and network interfaces.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::operation::authorize_security_group_ingress::{
    AuthorizeSecurityGroupIngressInput, AuthorizeSecurityGroupIngressOutput,
};
use aws_sdk_ec2::operation::describe_network_interfaces::{
    DescribeNetworkInterfacesInput, DescribeNetworkInterfacesOutput,
};
use aws_sdk_ec2::operation::describe_security_group_rules::{
    DescribeSecurityGroupRulesInput, DescribeSecurityGroupRulesOutput,
};
use aws_sdk_ec2::operation::describe_security_groups::{
    DescribeSecurityGroupsInput, DescribeSecurityGroupsOutput,
};
use aws_sdk_ec2::operation::get_managed_prefix_list_entries::{
    GetManagedPrefixListEntriesInput, GetManagedPrefixListEntriesOutput,
};
use aws_sdk_ec2::operation::revoke_security_group_ingress::{
    RevokeSecurityGroupIngressInput, RevokeSecurityGroupIngressOutput,
};
use aws_sdk_ec2::types::{Filter, IpPermission, RevokedSecurityGroupRule, SecurityGroupRule};
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};

use super::{Account, State, page, refused};

/// What every EC2 call takes, in virtual time: it shows which calls were made side by side.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);

/// Spends the time of a call: so many round trips. The mocks answer at once; the endpoint is asked for in between.
#[derive(Debug)]
struct Slow(u32);

impl ResolveEndpoint for Slow {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        let time = self.0 * ROUND_TRIP;
        EndpointFuture::new(async move {
            tokio::time::sleep(time).await;
            Ok(Endpoint::builder().url("https://ec2.invalid").build())
        })
    }
}

impl Account {
    pub(crate) fn ec2(&self) -> Client {
        self.ec2_but(&[], RetryConfig::disabled())
    }

    /// EC2 with mocks that come before the script, as for a call that the SDK repeats.
    pub(crate) fn ec2_but(&self, first: &[Rule], retry: RetryConfig) -> Client {
        self.taking(1, first, retry)
    }

    /// EC2, where each call takes so many round trips.
    pub(crate) fn late_ec2(&self, round_trips: u32) -> Client {
        self.taking(round_trips, &[], RetryConfig::disabled())
    }

    fn taking(&self, round_trips: u32, first: &[Rule], retry: RetryConfig) -> Client {
        mock_client!(
            aws_sdk_ec2,
            RuleMode::MatchAny,
            first.iter().chain(&self.script()).chain(&self.network()),
            |config| config.endpoint_resolver(Slow(round_trips)).retry_config(retry.clone())
        )
    }

    #[expect(clippy::disallowed_methods, reason = "scripted: nothing is changed")]
    fn script(&self) -> [Rule; 6] {
        [
            self.on(
                "DescribeSecurityGroupRules",
                mock!(Client::describe_security_group_rules),
                |input| vec![filtered(input.filters(), "group-id")],
                describe_rules,
            ),
            self.on(
                "DescribeSecurityGroups",
                mock!(Client::describe_security_groups),
                |input| {
                    input.group_ids().iter().chain(input.group_names()).cloned().map(Some).collect()
                },
                describe_groups,
            ),
            self.on(
                "DescribeNetworkInterfaces",
                mock!(Client::describe_network_interfaces),
                |input| vec![filtered(input.filters(), "group-id")],
                describe_interfaces,
            ),
            self.on(
                "GetManagedPrefixListEntries",
                mock!(Client::get_managed_prefix_list_entries),
                |input| vec![input.prefix_list_id.clone()],
                list_entries,
            ),
            self.on(
                "RevokeSecurityGroupIngress",
                mock!(Client::revoke_security_group_ingress),
                |input| {
                    let rules = input.security_group_rule_ids().iter().cloned().map(Some);
                    rules.chain([input.group_id.clone()]).collect()
                },
                revoke_rules,
            ),
            self.on(
                "AuthorizeSecurityGroupIngress",
                mock!(Client::authorize_security_group_ingress),
                |input| vec![input.group_id.clone()],
                authorize_rules,
            ),
        ]
    }
}

/// EC2, where no call is answered.
pub(crate) fn silent() -> Client {
    let config = aws_sdk_ec2::Config::builder().with_test_defaults_v2();
    Client::from_conf(config.endpoint_resolver(Slow(u32::MAX)).build())
}

/// A revoke that names `rule` is throttled, `times` times over.
pub(crate) fn throttled_revoke(rule: &'static str, times: usize) -> Rule {
    #[expect(clippy::disallowed_methods, reason = "scripted: nothing is changed")]
    let revoke = mock!(Client::revoke_security_group_ingress)
        .match_requests(move |input| input.security_group_rule_ids().iter().any(|id| id == rule))
        .sequence()
        .http_response(|| {
            match refused::<(), ()>("RevokeSecurityGroupIngress", "RequestLimitExceeded") {
                MockResponse::Http(response) => response,
                MockResponse::Output(()) | MockResponse::Error(()) => {
                    unreachable!("a refusal is HTTP")
                }
            }
        })
        .times(times)
        .build();
    revoke
}

fn filtered(filters: &[Filter], name: &str) -> Option<String> {
    filters.iter().find(|filter| filter.name() == Some(name))?.values().first().cloned()
}

/// As AWS has it, a group that is not there has no rules: a filter matches nothing.
fn describe_rules(
    state: &mut State,
    input: &DescribeSecurityGroupRulesInput,
) -> Result<DescribeSecurityGroupRulesOutput, &'static str> {
    let group = filtered(input.filters(), "group-id").expect("only rules of a group are asked for");
    let mut shown = state.rules.get(&group).cloned().unwrap_or_default();
    if input.next_token.is_none() {
        state.lingering.iter_mut().for_each(|(_, looks)| *looks = looks.saturating_sub(1));
        shown.retain(|rule| state.looked(rule.security_group_rule_id().unwrap_or_default()));
    }
    let lingering = state.lingering.iter().filter(|(_, looks)| *looks > 0);
    shown.extend(lingering.map(|(rule, _)| rule).filter(|r| r.group_id() == Some(&group)).cloned());
    let (rules, next) = page(shown, input.next_token(), state.page);
    Ok(DescribeSecurityGroupRulesOutput::builder()
        .set_security_group_rules(Some(rules))
        .set_next_token(next)
        .build())
}

fn describe_groups(
    state: &mut State,
    input: &DescribeSecurityGroupsInput,
) -> Result<DescribeSecurityGroupsOutput, &'static str> {
    let asked = |name: Option<&str>, names: &[String]| {
        name.is_some_and(|name| names.iter().any(|asked| asked == name))
    };
    let found: Vec<_> = state
        .groups
        .iter()
        .filter(|group| {
            asked(group.group_id(), input.group_ids())
                || asked(group.group_name(), input.group_names())
        })
        .cloned()
        .collect();
    if found.is_empty() {
        return Err("InvalidGroup.NotFound");
    }
    Ok(DescribeSecurityGroupsOutput::builder().set_security_groups(Some(found)).build())
}

/// Interfaces that AWS manages for a service are hidden from those who do not ask for them.
fn describe_interfaces(
    state: &mut State,
    input: &DescribeNetworkInterfacesInput,
) -> Result<DescribeNetworkInterfacesOutput, &'static str> {
    state.interface_looks.push(input.clone());
    let group = filtered(input.filters(), "group-id").expect("only those of a group are asked for");
    let managed = input.include_managed_resources() == Some(true);
    let of_group = state.interfaces.iter().filter(|interface| {
        (managed || interface.operator().is_none())
            && interface.groups().iter().any(|carried| carried.group_id() == Some(&group))
    });
    let (found, next) = page(of_group.cloned().collect(), input.next_token(), state.page);
    Ok(DescribeNetworkInterfacesOutput::builder()
        .set_network_interfaces(Some(found))
        .set_next_token(next)
        .build())
}

fn list_entries(
    state: &mut State,
    input: &GetManagedPrefixListEntriesInput,
) -> Result<GetManagedPrefixListEntriesOutput, &'static str> {
    let list = state.lists.get(input.prefix_list_id().unwrap_or_default());
    let entries = list.cloned().ok_or("InvalidPrefixListID.NotFound")?;
    let (entries, next) = page(entries, input.next_token(), state.page);
    Ok(GetManagedPrefixListEntriesOutput::builder()
        .set_entries(Some(entries))
        .set_next_token(next)
        .build())
}

/// All or nothing: one rule that is there, or one too many, and no rule is made.
fn authorize_rules(
    state: &mut State,
    input: &AuthorizeSecurityGroupIngressInput,
) -> Result<AuthorizeSecurityGroupIngressOutput, &'static str> {
    let group = input.group_id().unwrap_or_default();
    let tags: Vec<_> =
        input.tag_specifications().iter().flat_map(|specified| specified.tags()).cloned().collect();
    let rules = state.rules.get_mut(group).ok_or("InvalidGroup.NotFound")?;
    let mut made: Vec<SecurityGroupRule> = Vec::new();
    for rule in input.ip_permissions().iter().flat_map(asked_for) {
        let is_same = |there: &&SecurityGroupRule| {
            (there.from_port, &there.cidr_ipv4, &there.prefix_list_id)
                == (rule.from_port, &rule.cidr_ipv4, &rule.prefix_list_id)
        };
        if rules.iter().chain(&made).any(|there| is_same(&there)) {
            return Err("InvalidPermission.Duplicate");
        }
        let id = format!("sgr-g{}", state.granted + made.len() + 1);
        let mut rule = rule;
        (rule.security_group_rule_id, rule.group_id) = (Some(id), Some(group.to_owned()));
        rule.tags = Some(tags.clone());
        made.push(rule);
    }
    if rules.len() + made.len() > state.quota {
        return Err("RulesPerSecurityGroupLimitExceeded");
    }
    state.granted += made.len();
    rules.extend(made);
    Ok(AuthorizeSecurityGroupIngressOutput::builder().r#return(true).build())
}

/// The rules of one permission.
fn asked_for(permission: &IpPermission) -> Vec<SecurityGroupRule> {
    let rule = SecurityGroupRule::builder()
        .is_egress(false)
        .set_ip_protocol(permission.ip_protocol.clone())
        .set_from_port(permission.from_port)
        .set_to_port(permission.to_port);
    let of_range = permission.ip_ranges().iter().map(|range| {
        let rule = rule.clone().set_cidr_ipv4(range.cidr_ip.clone());
        rule.set_description(range.description.clone()).build()
    });
    let of_list = permission.prefix_list_ids().iter().map(|list| {
        let rule = rule.clone().set_prefix_list_id(list.prefix_list_id.clone());
        rule.set_description(list.description.clone()).build()
    });
    of_range.chain(of_list).collect()
}

/// All or nothing: one id that is not there, and no rule is revoked.
fn revoke_rules(
    state: &mut State,
    input: &RevokeSecurityGroupIngressInput,
) -> Result<RevokeSecurityGroupIngressOutput, &'static str> {
    state.revokes.push(input.clone());
    let group = input.group_id().unwrap_or_default();
    let rules = state.rules.get_mut(group).ok_or("InvalidGroup.NotFound")?;
    let asked = |rule: &SecurityGroupRule| {
        let id = rule.security_group_rule_id().unwrap_or_default();
        input.security_group_rule_ids().iter().any(|asked| asked == id)
    };
    if rules.iter().filter(|rule| asked(rule)).count() != input.security_group_rule_ids().len() {
        return Err("InvalidSecurityGroupRuleId.NotFound");
    }
    let (gone, left): (Vec<_>, Vec<_>) = rules.drain(..).partition(asked);
    *rules = left;
    let revoked = gone.iter().map(revoked).collect();
    let shown_on = state.linger.saturating_add(1);
    state.lingering.extend(gone.into_iter().map(|rule| (rule, shown_on)));
    Ok(RevokeSecurityGroupIngressOutput::builder()
        .r#return(true)
        .set_revoked_security_group_rules(Some(revoked))
        .build())
}

fn revoked(rule: &SecurityGroupRule) -> RevokedSecurityGroupRule {
    let group = rule.referenced_group_info().and_then(|group| group.group_id());
    RevokedSecurityGroupRule::builder()
        .set_security_group_rule_id(rule.security_group_rule_id.clone())
        .set_group_id(rule.group_id.clone())
        .set_is_egress(rule.is_egress)
        .set_ip_protocol(rule.ip_protocol.clone())
        .set_from_port(rule.from_port)
        .set_to_port(rule.to_port)
        .set_cidr_ipv4(rule.cidr_ipv4.clone())
        .set_cidr_ipv6(rule.cidr_ipv6.clone())
        .set_prefix_list_id(rule.prefix_list_id.clone())
        .set_referenced_group_id(group.map(str::to_owned))
        .set_description(rule.description.clone())
        .build()
}
