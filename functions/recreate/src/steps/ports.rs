//! The ingress rules: those of the new port before it is there, those of the old one when it is gone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, Tag, TagSpecification,
    UserIdGroupPair,
};
use portcullis_approval::About;
use portcullis_aws::error::code;
use portcullis_aws::{around, revoke, rules};
use portcullis_engine::action::Outcome;
use portcullis_engine::checks::open_cache::shared;
use portcullis_engine::facts::{GroupFacts, IngressRule, Protocol, Source};
use portcullis_recreation::ingress::NewRule;
use portcullis_recreation::mail;
use portcullis_recreation::marks;
use portcullis_recreation::plan::Plan;

use super::{State, Step};
use crate::error::{lasting, of};

impl Step<'_> {
    /// Opens the new port to the private sources of the old one, and sees that it is open to them.
    pub(super) async fn open_port(&self) -> Result<State> {
        let (record, plan) = self.begin("open-port").await?;
        self.answer_of(&record, About::Recreation)?;
        for rule in missing(&plan, &self.groups(&plan).await?) {
            self.authorize(&plan, rule).await?;
        }
        let groups = self.groups(&plan).await?;
        let missing: Vec<String> = missing(&plan, &groups)
            .map(|rule| format!("TCP {} from {} in {}", rule.port, rule.source, rule.group))
            .collect();
        // EC2 may show them some seconds later: the next try looks again.
        if !missing.is_empty() {
            bail!("EC2 does not show the new rules: {}", missing.join(", "));
        }
        Ok(State::Done)
    }

    /// The groups of the cache, by id, as they are now.
    async fn groups(&self, plan: &Plan) -> Result<BTreeMap<String, GroupFacts>> {
        let mut groups = BTreeMap::new();
        for id in &plan.create.security_groups {
            groups.insert(id.clone(), rules(&self.shell.look.ec2, id).await?);
        }
        Ok(groups)
    }

    async fn authorize(&self, plan: &Plan, rule: &NewRule) -> Result<()> {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let tags = plan.markers.iter().map(|marker| tag(&marker.key, &marker.value)).collect();
        let marked = TagSpecification::builder()
            .resource_type(ResourceType::SecurityGroupRule)
            .set_tags(Some(tags))
            .build();
        #[expect(clippy::disallowed_methods, reason = "a step of a re-creation")]
        let request = self.shell.look.ec2.authorize_security_group_ingress();
        let answer = request
            .group_id(&rule.group)
            .ip_permissions(permission(rule)?)
            .tag_specifications(marked)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // Somebody was faster, or an answer of ours was lost.
            Err(error) if code(&error) == Some("InvalidPermission.Duplicate") => Ok(()),
            Err(error) => Err(of("AuthorizeSecurityGroupIngress", &error)),
        }
    }

    /// What a move of this cache opened, by its mark: the rules of each group.
    pub(super) async fn opened(&self, plan: &Plan) -> Result<BTreeMap<String, Vec<IngressRule>>> {
        let is_ours = |rule: &IngressRule| {
            marks::recreated_from(&rule.tags, &self.of.cache)
                && rule.ports() == (plan.create.port, plan.create.port)
        };
        let groups = self.groups(plan).await?.into_iter();
        let ours =
            groups.map(|(id, group)| (id, group.rules.into_iter().filter(is_ours).collect()));
        Ok(ours.filter(|(_, rules): &(_, Vec<_>)| !rules.is_empty()).collect())
    }

    /// Takes back what this move opened, whichever run of it.
    pub(super) async fn close_opened(&self, plan: &Plan) -> Result<()> {
        for (id, rules) in self.opened(plan).await? {
            self.revoked(&id, &rules.iter().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Closes the old port, where only caches carry the group, and tells how everything ended.
    pub(super) async fn close_port(&self) -> Result<State> {
        let (record, plan) = self.begin("close-port").await?;
        let (mut closed, mut kept) = (Vec::new(), Vec::new());
        let going = plan.ingress.close.iter().filter(|closing| closing.stays.is_none());
        let groups: BTreeSet<&str> = going.clone().map(|closing| closing.group.as_str()).collect();
        for id in groups {
            let mut group = rules(&self.shell.look.ec2, id).await?;
            around(&self.shell.look.ec2, &mut group).await;
            // Only rules that are still as people agreed to.
            let agreed = |rule: &&IngressRule| {
                going.clone().any(|closing| closing.group == id && same(&closing.rule, rule))
            };
            let rules: Vec<&IngressRule> = group.rules.iter().filter(agreed).collect();
            let protected = group.is_protected().then(|| "the group is protected".to_owned());
            match protected.or_else(|| shared(&group).map(|because| because.to_string())) {
                Some(because) => kept.extend(
                    rules.iter().map(|rule| format!("{} of {id} stays: {because}", rule.id)),
                ),
                None if rules.is_empty() => {}
                None => closed.extend(self.revoked(id, &rules).await?),
            }
        }
        let mail = match self.answer_of(&record, About::Deletion) {
            Ok(()) => mail::deleted(&plan, &self.context(), &closed, &kept),
            Err(_) => mail::gone(&plan, &self.context(), &closed, &kept),
        };
        self.tell(mail).await?;
        self.end("done").await?;
        Ok(State::Done)
    }

    async fn revoked(&self, group: &str, rules: &[&IngressRule]) -> Result<Vec<String>> {
        let outcomes = revoke(&self.shell.look.ec2, group, rules).await;
        let mut done = Vec::new();
        for (id, outcome) in outcomes {
            match outcome {
                Outcome::Failed(why) => bail!("{id} of {group}: {why}"),
                _ => done.push(format!("{id} of {group}")),
            }
        }
        Ok(done)
    }
}

/// What the plan opens, and the groups do not show.
fn missing<'a>(
    plan: &'a Plan,
    groups: &BTreeMap<String, GroupFacts>,
) -> impl Iterator<Item = &'a NewRule> {
    plan.ingress.open.iter().filter(|wanted| {
        let rules = groups.get(&wanted.group).map(|group| group.rules.as_slice());
        !rules.unwrap_or_default().iter().any(|rule| {
            rule.protocol == Protocol::Tcp
                && rule.ports() == (wanted.port, wanted.port)
                && rule.source == wanted.source
        })
    })
}

/// Whether a rule is as it was: whatever its description and tags are.
fn same(before: &IngressRule, now: &IngressRule) -> bool {
    before.id == now.id
        && before.protocol == now.protocol
        && before.ports() == now.ports()
        && before.source == now.source
}

fn permission(rule: &NewRule) -> Result<IpPermission> {
    let port = i32::from(rule.port);
    let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
    let said = Some(rule.description.clone()).filter(|text| !text.is_empty());
    let permission = match &rule.source {
        Source::Ipv4(net) => {
            let range = IpRange::builder().cidr_ip(net.to_string()).set_description(said);
            permission.ip_ranges(range.build())
        }
        Source::Ipv6(net) => {
            let range = Ipv6Range::builder().cidr_ipv6(net.to_string()).set_description(said);
            permission.ipv6_ranges(range.build())
        }
        Source::PrefixList(id) => {
            let list = PrefixListId::builder().prefix_list_id(id).set_description(said);
            permission.prefix_list_ids(list.build())
        }
        Source::Group(id) => {
            let pair = UserIdGroupPair::builder()
                .group_id(id)
                .set_user_id(rule.source_owner.clone())
                .set_description(said);
            permission.user_id_group_pairs(pair.build())
        }
        Source::Unreadable(text) => {
            return Err(lasting(format!("the plan opens an invalid source: {text}")));
        }
    };
    Ok(permission.build())
}
