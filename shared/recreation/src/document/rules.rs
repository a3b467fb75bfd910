//! The rules of the cache's security groups, as far as they are whole.

use std::collections::BTreeSet;

use super::wire::{Document, SecurityGroupRule};
use crate::facts::Facts;

impl Document {
    /// Rules of the cache's groups that AWS never prints like this: a part of them was left out, and nobody
    /// can say whom they let in.
    pub(super) fn cut_rules(&self, facts: &Facts) -> Vec<String> {
        let own: BTreeSet<&str> =
            facts.cache.clusters().iter().flat_map(|cluster| cluster.group_ids()).collect();
        let rules = self.security_group_rules.iter().flatten().enumerate();
        let cut = rules
            .filter(|(_, rule)| own.contains(rule.group_id.as_str()) || rule.group_id.is_empty());
        cut.filter_map(|(at, rule)| {
            let missing = rule.missing();
            (!missing.is_empty()).then(|| {
                format!("SecurityGroupRules[{at}]: not in the document: {}", missing.join(", "))
            })
        })
        .collect()
    }
}

impl SecurityGroupRule {
    /// What AWS prints of each rule, and is not there.
    fn missing(&self) -> Vec<&'static str> {
        let referenced = self.referenced_group_info.as_ref();
        let source = self.cidr_ipv4.is_some()
            || self.cidr_ipv6.is_some()
            || self.prefix_list_id.is_some()
            || referenced.is_some_and(|group| !group.group_id.is_empty());
        let shown = [
            ("GroupId", !self.group_id.is_empty()),
            ("SecurityGroupRuleId", !self.security_group_rule_id.is_empty()),
            ("IsEgress", self.is_egress.is_some()),
            ("IpProtocol", self.ip_protocol.is_some()),
            ("FromPort", self.from_port.is_some()),
            ("ToPort", self.to_port.is_some()),
            ("its source or target", source),
            ("ReferencedGroupInfo.UserId", referenced.is_none_or(|group| group.user_id.is_some())),
            ("Tags", self.tags.is_some()),
        ];
        shown.into_iter().filter(|(_, shown)| !shown).map(|(name, _)| name).collect()
    }
}
