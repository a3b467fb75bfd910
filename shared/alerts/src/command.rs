//! The commands that an alert carries.

use serde_json::{Map, Value, json};

use portcullis_engine::action::Detach;
use portcullis_engine::facts::{IngressRule, ListEntry, PROTECT, Source, Tag};
use portcullis_engine::ledger::{Snooze, has_large_tags};
use portcullis_engine::report::{Report, Reported};
use portcullis_engine::settings::stack_option;
use portcullis_engine::text::shell_json;

/// Puts a revoked rule back exactly: its description and tags with it. Without tags that are too large for an alert.
pub fn undo(region: &str, group: &str, rule: &IngressRule) -> String {
    let tags = if has_large_tags(rule) { &[] } else { rule.tags.as_slice() };
    let tags = tag_specifications(tags)
        .map(|tags| format!(" --tag-specifications {}", shell_json(&tags)))
        .unwrap_or_default();
    authorize(region, group, std::slice::from_ref(rule)) + &tags
}

/// Makes ingress rules, without their tags: they are the caller's own.
pub(crate) fn authorize(region: &str, group: &str, rules: &[IngressRule]) -> String {
    let permissions: Vec<Value> = rules.iter().map(permission).collect();
    format!(
        "aws ec2 authorize-security-group-ingress --region {region} --group-id {group} --ip-permissions {}",
        shell_json(&json!(permissions))
    )
}

/// Removes what known networks got in place of a rule that is gone.
pub(crate) fn remove_grants(report: &Report, reported: &Reported) -> Option<String> {
    let (group, _) = reported.went()?;
    let ids: Vec<&str> = reported.granted.rules.iter().map(|rule| rule.id.as_str()).collect();
    (!ids.is_empty()).then(|| revoke(&report.event.region, group, &ids))
}

/// Puts back what a finding ended with, where that is a rule that is gone.
pub(crate) fn undo_of(report: &Report, reported: &Reported) -> Option<String> {
    let (group, went) = reported.went()?;
    Some(undo(&report.event.region, group, went))
}

/// Puts back what a finding ended with, and snoozes it.
pub(crate) fn undo_by_id(report: &Report, reported: &Reported) -> String {
    let id = reported.key.id();
    format!("portcullis undo {id}{} --reason '<why>'", options(report))
}

/// Has a rule left alone until the snooze ends, whoever puts it back. DynamoDB deletes the item some time after
/// `expires`, in seconds since 1970.
pub fn write_snooze(region: &str, table: &str, snooze: &Snooze, expires: i64) -> String {
    let Snooze { subject, finding, until, reason, by } = snooze;
    let item = json!({
        "subject": {"S": subject},
        "finding": {"S": finding},
        "until": {"S": until},
        "reason": {"S": reason},
        "by": {"S": by},
        "expires": {"N": expires.to_string()},
    });
    format!(
        "aws dynamodb put-item --region {region} --table-name {table} --item {}",
        shell_json(&item)
    )
}

/// Takes a group off an interface: all the others stay.
pub(crate) fn detach(region: &str, Detach { interface, keep }: &Detach) -> String {
    let keep = keep.join(" ");
    format!(
        "aws ec2 modify-network-interface-attribute --region {region} --network-interface-id {interface} --groups {keep}"
    )
}

/// Changes the entries of a prefix list, in the version that it has then.
pub(crate) fn modify_list(region: &str, list: &str, change: &str) -> String {
    format!(
        "aws ec2 modify-managed-prefix-list --region {region} --prefix-list-id {list} --current-version \"$(aws ec2 \
         describe-managed-prefix-lists --region {region} --prefix-list-ids {list} --query PrefixLists[0].Version \
         --output text)\" {change}"
    )
}

/// Puts entries of a prefix list back exactly, with their descriptions.
pub fn restore_entries(region: &str, list: &str, entries: &[ListEntry]) -> String {
    let entry = |entry: &ListEntry| {
        let mut members = Map::new();
        members.insert("Cidr".to_owned(), entry.cidr.to_string().into());
        if let Some(description) = &entry.description {
            members.insert("Description".to_owned(), description.as_str().into());
        }
        Value::Object(members)
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    modify_list(region, list, &format!("--add-entries {}", shell_json(&json!(entries))))
}

/// Revokes rules of one group by their ids.
pub fn revoke(region: &str, group: &str, ids: &[&str]) -> String {
    let ids = ids.join(" ");
    format!(
        "aws ec2 revoke-security-group-ingress --region {region} --group-id {group} --security-group-rule-ids {ids}"
    )
}

/// The record of an event, as CloudTrail keeps it for 90 days. The id is that of the record (`Event::id`), a short word.
pub(crate) fn record(region: &str, event: &str) -> String {
    format!(
        "aws cloudtrail lookup-events --region {region} --lookup-attributes \
         AttributeKey=EventId,AttributeValue={event}"
    )
}

/// What is open in a Region today.
pub(crate) fn audit(region: &str) -> String {
    format!("portcullis audit --regions {region}")
}

/// `RevokeSecurityGroupIngress` takes more, and a command of 100 ids still fits a screen.
pub(crate) const AT_ONCE: usize = 100;

/// The same of many rules: a command for every hundred.
pub(crate) fn revoke_all(region: &str, group: &str, ids: &[&str]) -> Vec<String> {
    ids.chunks(AT_ONCE).map(|ids| revoke(region, group, ids)).collect()
}

/// Has groups left alone.
pub(crate) fn protect(region: &str, groups: &[&str]) -> String {
    let groups = groups.join(" ");
    format!(
        "aws ec2 create-tags --region {region} --resources {groups} --tags Key={PROTECT},Value=true"
    )
}

/// Has groups closed again.
pub(crate) fn unprotect(region: &str, groups: &[&str]) -> String {
    let groups = groups.join(" ");
    format!("aws ec2 delete-tags --region {region} --resources {groups} --tags Key={PROTECT}")
}

/// Stops a move.
pub(crate) fn stop(region: &str, execution: &str) -> String {
    format!("aws stepfunctions stop-execution --region {region} --execution-arn {execution}")
}

/// Shows what a move of the cache would do.
pub(crate) fn plan(report: &Report) -> String {
    plan_of(&report.subject().id, report)
}

/// The same of a cache with this id, beside the one that the report is about.
pub(crate) fn plan_of(id: &str, report: &Report) -> String {
    format!("portcullis plan {}{}", bare(id), options(report))
}

/// Asks for a move of the cache.
pub(crate) fn start_recreation(report: &Report) -> String {
    format!("portcullis move {}{}", bare(&report.subject().id), options(report))
}

/// Inspects the Memcached servers of an instance.
pub(crate) fn inspect(report: &Report, instance: &str) -> String {
    format!("portcullis harden {}{} --report", bare(instance), options(report))
}

/// Hardens them, after a question.
pub(crate) fn harden(report: &Report, instance: &str) -> String {
    format!("portcullis harden {}{}", bare(instance), options(report))
}

/// Whether an id is one that ElastiCache gives: letters, digits and hyphens (API reference). No other goes into a
/// command for a shell.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn bare(id: &str) -> &str {
    if is_id(id) { id } else { "CACHE" }
}

/// ` --region eu-west-1 --stack guard`: where `portcullis` is to look, from wherever it is run.
pub(crate) fn options(report: &Report) -> String {
    let stack = report.deployment.stack.as_deref().map(stack_option);
    format!(" --region {}{}", report.event.region, stack.unwrap_or_default())
}

/// Makes a secret of 64 letters and digits, which nobody sees. With a tag, whoever may read such secrets may read it.
pub(crate) fn new_secret(region: &str, name: &str, tag: Option<&str>) -> String {
    let tag = tag.map(|tag| format!(" --tags Key={tag},Value=yes")).unwrap_or_default();
    format!(
        "aws secretsmanager create-secret --region {region} --name {name}{tag} --secret-string \"$(aws secretsmanager get-random-password --region {region} --password-length 64 --exclude-punctuation --query RandomPassword --output text)\""
    )
}

/// Prints what a secret of [`new_secret`] holds: plain text.
pub(crate) fn secret(region: &str, id: &str) -> String {
    format!(
        "aws secretsmanager get-secret-value --region {region} --secret-id {id} --query SecretString --output text"
    )
}

fn permission(rule: &IngressRule) -> Value {
    let mut source = Map::new();
    let (list, member) = match &rule.source {
        Source::Ipv4(_) => ("IpRanges", "CidrIp"),
        Source::Ipv6(_) => ("Ipv6Ranges", "CidrIpv6"),
        Source::PrefixList(_) | Source::Unreadable(_) => ("PrefixListIds", "PrefixListId"),
        Source::Group(_) => ("UserIdGroupPairs", "GroupId"),
    };
    source.insert(member.to_owned(), rule.source.to_string().into());
    if let Some(description) = &rule.description {
        source.insert("Description".to_owned(), description.as_str().into());
    }
    let mut permission = Map::new();
    permission.insert("IpProtocol".to_owned(), rule.protocol.as_str().into());
    if rule.protocol.has_ports() {
        permission.insert("FromPort".to_owned(), rule.from_port.into());
        permission.insert("ToPort".to_owned(), rule.to_port.into());
    }
    permission.insert(list.to_owned(), json!([source]));
    Value::Object(permission)
}

/// `None` without tags: EC2 takes no specification without one (`Tag specification must have at least one tag`).
fn tag_specifications(tags: &[Tag]) -> Option<Value> {
    // `aws:` tags are AWS's own: nobody else may set them (Tagging guide).
    let own = tags.iter().filter(|tag| !tag.key.starts_with("aws:"));
    let tags: Vec<_> = own.map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect();
    (!tags.is_empty()).then(|| json!([{"ResourceType": "security-group-rule", "Tags": tags}]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_engine::facts::Protocol;

    fn rule(protocol: &str, source: &str) -> IngressRule {
        IngressRule {
            id: "sgr-01".to_owned(),
            protocol: Protocol::parse(protocol),
            from_port: 6379,
            to_port: 6379,
            source: Source::cidr(source).unwrap(),
            description: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn undo_restores_ports_source_description_and_tags() {
        let mut rule = rule("tcp", "0.0.0.0/0");
        rule.description = Some("for the demo".to_owned());
        rule.tags = vec![
            Tag { key: "owner".to_owned(), value: "web".to_owned() },
            Tag { key: "aws:cloudformation:stack-name".to_owned(), value: "s".to_owned() },
        ];
        insta::assert_snapshot!(undo("eu-west-1", "sg-01", &rule), @r#"aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id sg-01 --ip-permissions '[{"IpProtocol":"tcp","FromPort":6379,"ToPort":6379,"IpRanges":[{"CidrIp":"0.0.0.0/0","Description":"for the demo"}]}]' --tag-specifications '[{"ResourceType":"security-group-rule","Tags":[{"Key":"owner","Value":"web"}]}]'"#);
    }

    #[test]
    fn undo_of_a_rule_with_tags_of_aws_alone_has_no_tags() {
        let mut rule = rule("tcp", "0.0.0.0/0");
        let tag = |key: &str| Tag { key: key.to_owned(), value: "s".to_owned() };
        rule.tags = vec![tag("aws:cloudformation:stack-name"), tag("aws:cloudformation:stack-id")];
        insta::assert_snapshot!(undo("eu-west-1", "sg-01", &rule), @r#"aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id sg-01 --ip-permissions '[{"IpProtocol":"tcp","FromPort":6379,"ToPort":6379,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'"#);
    }

    #[test]
    fn undo_of_all_traffic_has_no_ports() {
        insta::assert_snapshot!(undo("eu-west-1", "sg-01", &rule("-1", "::/0")), @r#"aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id sg-01 --ip-permissions '[{"IpProtocol":"-1","Ipv6Ranges":[{"CidrIpv6":"::/0"}]}]'"#);
    }

    #[test]
    fn exempt_writes_the_item_that_is_read() {
        let rule = rule("tcp", "0.0.0.0/0");
        let snooze = Snooze {
            subject: "sg-01".to_owned(),
            finding: Snooze::finding(&rule),
            until: "2026-11-22T10:00:00Z".to_owned(),
            reason: "the vendor's demo, it's today".to_owned(),
            by: "alice".to_owned(),
        };
        insta::assert_snapshot!(write_snooze("eu-west-1", "portcullis-ledger", &snooze, 1_795_341_600), @r#"aws dynamodb put-item --region eu-west-1 --table-name portcullis-ledger --item '{"subject":{"S":"sg-01"},"finding":{"S":"exempt#tcp#6379#6379#0.0.0.0/0"},"until":{"S":"2026-11-22T10:00:00Z"},"reason":{"S":"the vendor\u0027s demo, it\u0027s today"},"by":{"S":"alice"},"expires":{"N":"1795341600"}}'"#);
    }

    #[test]
    fn revoke_names_the_rule_by_its_id() {
        insta::assert_snapshot!(revoke("eu-west-1", "sg-01", &["sgr-01"]), @"aws ec2 revoke-security-group-ingress --region eu-west-1 --group-id sg-01 --security-group-rule-ids sgr-01");
    }

    #[test]
    fn a_secret_is_made_with_letters_and_digits_and_read_as_plain_text() {
        insta::assert_snapshot!(new_secret("eu-west-1", "orders-password", None), @r#"aws secretsmanager create-secret --region eu-west-1 --name orders-password --secret-string "$(aws secretsmanager get-random-password --region eu-west-1 --password-length 64 --exclude-punctuation --query RandomPassword --output text)""#);
        insta::assert_snapshot!(new_secret("eu-west-1", "orders-auth-token", Some("portcullis:auth-token")), @r#"aws secretsmanager create-secret --region eu-west-1 --name orders-auth-token --tags Key=portcullis:auth-token,Value=yes --secret-string "$(aws secretsmanager get-random-password --region eu-west-1 --password-length 64 --exclude-punctuation --query RandomPassword --output text)""#);
        insta::assert_snapshot!(secret("eu-west-1", "orders-auth-token"), @"aws secretsmanager get-secret-value --region eu-west-1 --secret-id orders-auth-token --query SecretString --output text");
    }

    #[test]
    fn protect_and_unprotect_name_the_tag_and_every_group() {
        insta::assert_snapshot!(protect("eu-west-1", &["sg-01", "sg-02"]), @"aws ec2 create-tags --region eu-west-1 --resources sg-01 sg-02 --tags Key=portcullis:protect,Value=true");
        insta::assert_snapshot!(unprotect("eu-west-1", &["sg-01"]), @"aws ec2 delete-tags --region eu-west-1 --resources sg-01 --tags Key=portcullis:protect");
    }
}
