use portcullis_engine::facts::{IngressRule, Protocol, Source};

/// A rule for `traffic`, as `tcp 6379`, `udp 11000-12000`, `icmp 8`, `50` or `-1`, from `source`:
/// a CIDR, `pl-…`, `sg-…`, or anything else for one that cannot be read.
pub fn rule(id: &str, traffic: &str, source: &str) -> IngressRule {
    let (protocol, ports) = traffic.split_once(' ').unwrap_or((traffic, ""));
    let protocol = Protocol::parse(protocol);
    let number = |text: &str| text.parse().unwrap_or(-1);
    let (from_port, to_port) = match (&protocol, ports.split_once('-')) {
        (_, Some((from, to))) => (number(from), number(to)),
        (Protocol::Icmp | Protocol::Icmpv6, None) => (number(ports), -1),
        (Protocol::Tcp | Protocol::Udp | Protocol::All | Protocol::Other(_), None) => {
            (number(ports), number(ports))
        }
    };
    let source = match source {
        list if list.starts_with("pl-") => Source::PrefixList(list.to_owned()),
        group if group.starts_with("sg-") => Source::Group(group.to_owned()),
        text => Source::cidr(text).unwrap_or_else(|| Source::Unreadable(text.to_owned())),
    };
    IngressRule {
        id: id.to_owned(),
        protocol,
        from_port,
        to_port,
        source,
        description: None,
        tags: Vec::new(),
    }
}
