//! EC2 and STS, by the query protocol.

use super::{CALLER, State};

/// An ingress rule of `sg-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) protocol: String,
    pub(crate) from_port: i32,
    pub(crate) to_port: i32,
    pub(crate) cidr: String,
    pub(crate) description: String,
    pub(crate) tags: Vec<(String, String)>,
}

/// A parameter of a request, without its percent signs.
pub(crate) fn parameter(body: &str, name: &str) -> Option<String> {
    let value = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let mut text = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        text.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    Some(String::from_utf8(text).unwrap())
}

pub(crate) fn error(code: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>as told</Message></Error></Errors>\
         <RequestID>r</RequestID></Response>"
    )
}

pub(super) fn answer(state: &mut State, call: &str, body: &str) -> (u16, String) {
    let inner = match call {
        "GetCallerIdentity" => {
            return (
                200,
                format!(
                    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{CALLER}</Arn>\
                     </GetCallerIdentityResult></GetCallerIdentityResponse>"
                ),
            );
        }
        "DescribeSecurityGroups" => match state.group {
            Some(_) => {
                "<securityGroupInfo><item><groupId>sg-1</groupId></item></securityGroupInfo>"
                    .to_owned()
            }
            None => return (400, error("InvalidGroup.NotFound")),
        },
        "DescribeSecurityGroupRules" => {
            let rules: String = state.group.iter().flatten().map(shown).collect();
            format!("<securityGroupRuleSet>{rules}</securityGroupRuleSet>")
        }
        "AuthorizeSecurityGroupIngress" => match authorize(state, body) {
            Some(_) if state.answer_lost => return (0, String::new()),
            Some(rule) => {
                format!("<return>true</return><securityGroupRuleSet>{rule}</securityGroupRuleSet>")
            }
            None => return (400, error("InvalidPermission.Duplicate")),
        },
        "RevokeSecurityGroupIngress" => {
            let group = state.group.as_mut().expect("the group is there");
            let id = parameter(body, "SecurityGroupRuleId.1");
            let before = group.len();
            group.retain(|rule| Some(&rule.id) != id.as_ref());
            if group.len() == before {
                return (400, error("InvalidSecurityGroupRuleId.NotFound"));
            }
            "<return>true</return>".to_owned()
        }
        other => panic!("the account does not know {other}"),
    };
    (200, format!("<{call}Response>{inner}</{call}Response>"))
}

/// Opens the rule that the request describes; `None` if it is there.
fn authorize(state: &mut State, body: &str) -> Option<String> {
    let of = |name: &str| parameter(body, &format!("IpPermissions.1.{name}"));
    assert_eq!(parameter(body, "GroupId").as_deref(), Some("sg-1"));
    let tag = |n: usize| {
        let of = |part: &str| parameter(body, &format!("TagSpecification.1.Tag.{n}.{part}"));
        Some((of("Key")?, of("Value")?))
    };
    let group = state.group.as_mut().expect("the group is there");
    let rule = Rule {
        id: format!("sgr-new-{}", group.len()),
        protocol: of("IpProtocol")?,
        from_port: of("FromPort").map_or(-1, |port| port.parse().unwrap()),
        to_port: of("ToPort").map_or(-1, |port| port.parse().unwrap()),
        cidr: of("IpRanges.1.CidrIp").or_else(|| of("Ipv6Ranges.1.CidrIpv6"))?,
        description: of("IpRanges.1.Description").unwrap_or_default(),
        tags: (1..).map_while(tag).collect(),
    };
    let same = |there: &Rule| {
        (&there.protocol, there.from_port, &there.cidr)
            == (&rule.protocol, rule.from_port, &rule.cidr)
    };
    if group.iter().any(same) {
        return None;
    }
    let text = shown(&rule);
    group.push(rule);
    Some(text)
}

fn shown(rule: &Rule) -> String {
    let Rule { id, protocol, from_port, to_port, cidr, description, tags } = rule;
    let family = if cidr.contains(':') { "cidrIpv6" } else { "cidrIpv4" };
    let tags: String = tags
        .iter()
        .map(|(key, value)| {
            let value = value.replace('&', "&amp;");
            format!("<item><key>{key}</key><value>{value}</value></item>")
        })
        .collect();
    format!(
        "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress>\
         <ipProtocol>{protocol}</ipProtocol><fromPort>{from_port}</fromPort><toPort>{to_port}</toPort>\
         <{family}>{cidr}</{family}><description>{description}</description><tagSet>{tags}</tagSet></item>"
    )
}
