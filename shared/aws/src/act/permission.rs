//! A rule as EC2 takes it.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use portcullis_engine::facts::{IngressRule, Source};

/// Its protocol, ports, source and description; `None` if its source could not be read.
pub fn permission(rule: &IngressRule) -> Option<IpPermission> {
    let permission = IpPermission::builder().ip_protocol(rule.protocol.as_str());
    let permission = if rule.protocol.has_ports() {
        permission.from_port(rule.from_port).to_port(rule.to_port)
    } else {
        permission
    };
    let (said, source) = (rule.description.clone(), rule.source.to_string());
    let permission = match &rule.source {
        Source::Ipv4(_) => {
            let range = IpRange::builder().cidr_ip(source).set_description(said);
            permission.ip_ranges(range.build())
        }
        Source::Ipv6(_) => {
            let range = Ipv6Range::builder().cidr_ipv6(source).set_description(said);
            permission.ipv6_ranges(range.build())
        }
        Source::PrefixList(_) => {
            let list = PrefixListId::builder().prefix_list_id(source).set_description(said);
            permission.prefix_list_ids(list.build())
        }
        Source::Group(_) => {
            let pair = UserIdGroupPair::builder().group_id(source).set_description(said);
            permission.user_id_group_pairs(pair.build())
        }
        Source::Unreadable(_) => return None,
    };
    Some(permission.build())
}
