//! Who may reach the new port: those private sources that reach the old one, and nobody else.

use std::collections::BTreeMap;

use portcullis_engine::facts::{GroupFacts, IngressRule, PROTECT, PrefixList, Protocol, Source};
use portcullis_engine::net::{Sources, public_count, range_of};

use crate::facts::Facts;
use crate::marks;
use crate::reason::Reason;
use crate::request::Request;

/// Rules of a security group, per address family, unless the quota was changed (VPC user guide,
/// "Amazon VPC quotas").
const USUAL_QUOTA: usize = 60;

/// What happens to the ingress rules of the cache's groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ingress {
    /// Rules to add before the new cache is made.
    pub open: Vec<NewRule>,
    /// Rules that an earlier run of this re-creation added: they are there, and not added again.
    pub opened: Vec<NewRule>,
    /// Rules of the old port that get no counterpart.
    pub left: Vec<NotOpened>,
    /// What becomes of the rules of the old port at the end.
    pub close: Vec<Closing>,
    /// What to know about the new port.
    pub cautions: Vec<String>,
}

/// An ingress rule to add: TCP, one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// The security group.
    pub group: String,
    /// The port.
    pub port: u16,
    /// Where it lets traffic in from.
    pub source: Source,
    /// The account that owns the group that is the source, if another.
    pub source_owner: Option<String>,
    /// The id of the rule of the old port that it is like.
    pub like: String,
    /// Its description.
    pub description: String,
}

/// A rule of the old port that gets no counterpart on the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOpened {
    /// The security group.
    pub group: String,
    /// The rule.
    pub rule: IngressRule,
    /// Why not.
    pub because: String,
}

/// A rule of the old port, at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The security group.
    pub group: String,
    /// The rule.
    pub rule: IngressRule,
    /// Why it stays; `None` if it can go.
    pub stays: Option<String>,
}

/// The rules for a move to `port`, or why they cannot be told.
pub(crate) fn ingress(facts: &Facts, now: &Request, port: u16) -> Result<Ingress, Vec<Reason>> {
    let nobody = BTreeMap::new();
    let groups = facts.groups.as_ref().unwrap_or(&nobody);
    let unread: Vec<Reason> = now
        .security_groups
        .iter()
        .filter(|id| !groups.contains_key(*id))
        .map(|id| {
            Reason::new(
                "SecurityGroupIds",
                format!("the rules of {id} are unknown, so it is unknown who reaches the cache"),
                format!("describe them: `aws ec2 describe-security-group-rules --filters Name=group-id,Values={id}`"),
            )
        })
        .collect();
    if !unread.is_empty() {
        return Err(unread);
    }
    let mut ingress = Ingress::default();
    let mut protected = Vec::new();
    let arn = facts.cache.arn().unwrap_or_default();
    for group in now.security_groups.iter().filter_map(|id| groups.get(id)) {
        // What an earlier run added is for the new port, whatever somebody made of it since: nobody
        // reaches the new port because of it, and it does not go with the old one.
        let own = group.rules.iter().filter(|rule| !marks::recreated_from(&rule.tags, arn));
        let mut rules: Vec<&IngressRule> = own.filter(|rule| reaches(rule, now.port)).collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        for rule in rules {
            open(&mut ingress, facts, group, rule, now, port);
            ingress.close.push(Closing {
                group: group.id.clone(),
                rule: rule.clone(),
                stays: stays(facts, group, rule, now.port),
            });
        }
        if group.is_protected() && ingress.open.iter().any(|rule| rule.group == group.id) {
            protected.push(closed_to_us(group, port));
        }
        public_at(&mut ingress, group, port);
        crowded(&mut ingress, group);
    }
    if protected.is_empty() { Ok(ingress) } else { Err(protected) }
}

/// A group that its owner wants left alone: nothing is opened in it, as nothing is closed.
fn closed_to_us(group: &GroupFacts, port: u16) -> Reason {
    Reason::new(
        "SecurityGroupIds",
        format!(
            "{} has the tag {PROTECT}, so no rule is added to it, and who reaches the old port would not reach the new one",
            group.id
        ),
        format!(
            "open TCP {port} in it manually to the same private sources, or remove the tag, and plan again"
        ),
    )
}

/// Whether the rule lets anything reach the port: TCP, or UDP, which Memcached may speak.
fn reaches(rule: &IngressRule, port: u16) -> bool {
    rule.covers(&Protocol::Tcp, port) || rule.covers(&Protocol::Udp, port)
}

fn open(
    ingress: &mut Ingress,
    facts: &Facts,
    group: &GroupFacts,
    rule: &IngressRule,
    now: &Request,
    port: u16,
) {
    let known = |new: &NewRule| new.group == group.id && new.source == rule.source;
    let known = ingress.open.iter().chain(&ingress.opened).any(known);
    let admits =
        |other: &&IngressRule| other.source == rule.source && other.covers(&Protocol::Tcp, port);
    let admitting = || group.rules.iter().filter(admits);
    let arn = facts.cache.arn().unwrap_or_default();
    let ours = admitting().any(|other| marks::recreated_from(&other.tags, arn));
    let admitted = known || (!ours && admitting().next().is_some());
    if admitted && rule.protocol != Protocol::Udp {
        return;
    }
    match not_opened(group, rule) {
        Some(because) => {
            ingress.left.push(NotOpened { group: group.id.clone(), rule: rule.clone(), because })
        }
        None => {
            let source_owner = match &rule.source {
                Source::Group(id) => facts.foreign_groups.get(id).cloned(),
                Source::Ipv4(_)
                | Source::Ipv6(_)
                | Source::PrefixList(_)
                | Source::Unreadable(_) => None,
            };
            let list = if ours { &mut ingress.opened } else { &mut ingress.open };
            list.push(NewRule {
                group: group.id.clone(),
                port,
                source: rule.source.clone(),
                source_owner,
                like: rule.id.clone(),
                description: format!("portcullis: {} on its new port, like {}", now.id, rule.id),
            });
        }
    }
}

/// Why a rule gets no counterpart; `None` if it gets one. INVARIANT: no public address is ever let
/// in on the new port, whatever the old one admits.
fn not_opened(group: &GroupFacts, rule: &IngressRule) -> Option<String> {
    if rule.protocol == Protocol::Udp {
        return Some("UDP is never opened: Memcached over UDP amplifies attacks".to_owned());
    }
    let by_hand = "; add a rule manually if all of it is private";
    let nets = match &rule.source {
        Source::Group(_) => return None,
        Source::Ipv4(net) => vec![(*net).into()],
        Source::Ipv6(net) => vec![(*net).into()],
        Source::PrefixList(id) => match group.prefix_lists.get(id) {
            Some(PrefixList::Entries(entries)) => entries.clone(),
            Some(PrefixList::Unknown(why)) => {
                return Some(format!(
                    "the prefix list could not be read ({why}), so it may hold public addresses{by_hand}"
                ));
            }
            None => {
                return Some(format!(
                    "the prefix list was not read, so it may hold public addresses{by_hand}"
                ));
            }
        },
        Source::Unreadable(what) => {
            return Some(format!("the kind of its source is unknown ({what}){by_hand}"));
        }
    };
    let count = Sources::new(nets).count();
    count.any().then(|| {
        format!("it admits {count}, and the new port is not opened to public addresses; clients there need a VPN, \
                 peering, or a security group of the clients")
    })
}

/// Why a rule of the old port must stay when the old cache is gone.
fn stays(facts: &Facts, group: &GroupFacts, rule: &IngressRule, old: u16) -> Option<String> {
    if group.is_protected() {
        return Some(format!("the group has the tag {PROTECT}"));
    }
    let only_this =
        rule.ports() == (old, old) && matches!(rule.protocol, Protocol::Tcp | Protocol::Udp);
    if !only_this {
        return Some(format!("it is for more than this port: {}", rule.traffic()));
    }
    // What is not shown of another cache is unknown: it may listen there.
    let listens = |ports: &[u16]| ports.contains(&old) || ports.is_empty();
    let behind = |groups: &[String]| groups.contains(&group.id) || groups.is_empty();
    let others: BTreeMap<&str, bool> = facts
        .strangers()
        .filter(|other| listens(&other.ports) && behind(&other.groups))
        .map(|other| (other.id.as_str(), !other.ports.is_empty() && !other.groups.is_empty()))
        .collect();
    let names = others.keys().copied().collect::<Vec<_>>().join(" and ");
    if others.is_empty() {
        None
    } else if others.values().all(|shown| *shown) {
        Some(format!("{names} listens on {old} behind the same group"))
    } else {
        Some(format!(
            "{names} may listen on {old} behind the same group: some of its ports or groups are not shown"
        ))
    }
}

/// Rules that let public addresses reach the new port already, by their width.
fn public_at(ingress: &mut Ingress, group: &GroupFacts, port: u16) {
    for rule in group.rules.iter().filter(|rule| rule.covers(&Protocol::Tcp, port)) {
        let net = match &rule.source {
            Source::Ipv4(net) => (*net).into(),
            Source::Ipv6(net) => (*net).into(),
            Source::PrefixList(_) | Source::Group(_) | Source::Unreadable(_) => continue,
        };
        let (family, range) = range_of(net);
        if public_count(family, range) > 0 {
            ingress.cautions.push(format!(
                "{} of {} lets public addresses reach the new port too: {} from {}",
                rule.id,
                group.id,
                rule.traffic(),
                rule.source
            ));
        }
    }
}

fn crowded(ingress: &mut Ingress, group: &GroupFacts) {
    let more = ingress.open.iter().filter(|rule| rule.group == group.id).count();
    let rules = group.rules.len() + more;
    if more > 0 && rules > USUAL_QUOTA {
        ingress.cautions.push(format!(
            "{} will have {rules} ingress rules: AWS allows {USUAL_QUOTA} of IPv4 and as many of IPv6, unless the quota was raised",
            group.id
        ));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_testkit::rule;

    use super::*;

    fn cidr(text: &str) -> Source {
        Source::cidr(text).unwrap()
    }

    fn group(rules: Vec<IngressRule>) -> GroupFacts {
        GroupFacts { id: "sg-01".to_owned(), rules, ..GroupFacts::default() }
    }

    fn left(rule: &IngressRule) -> Option<String> {
        not_opened(&group(Vec::new()), rule)
    }

    #[test]
    fn private_sources_are_opened_and_public_ones_are_not() {
        let on_6379 = |source| IngressRule { source, ..rule("sgr-1", "tcp 6379", "") };
        for private in ["10.0.0.0/8", "172.16.1.0/24", "192.168.7.7/32", "fd00::/8"] {
            assert_eq!(left(&on_6379(cidr(private))), None, "{private}");
        }
        assert_eq!(left(&on_6379(Source::Group("sg-02".to_owned()))), None);
        for public in ["0.0.0.0/0", "8.8.8.8/32", "10.0.0.0/7", "::/0", "2600:1f00::/24"] {
            assert!(left(&on_6379(cidr(public))).unwrap().contains("public"), "{public}");
        }
        let unread = on_6379(Source::PrefixList("pl-01".to_owned()));
        assert!(left(&unread).unwrap().contains("was not read"));
        assert!(left(&rule("sgr-1", "udp 11211", "10.0.0.0/8")).is_some());
    }

    #[test]
    fn a_wide_rule_stays_at_the_end() {
        let facts = crate::document::tests::facts("redis-single-node");
        let stays = |rule: IngressRule| stays(&facts, &group(Vec::new()), &rule, 6379);
        assert_eq!(stays(rule("sgr-1", "tcp 6379", "10.0.0.0/8")), None);
        assert!(stays(rule("sgr-1", "tcp 6000-7000", "10.0.0.0/8")).is_some());
        assert!(stays(rule("sgr-1", "-1", "10.0.0.0/8")).is_some());
    }
}
