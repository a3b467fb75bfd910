//! The record by which Portcullis looks at a rule again when its snooze is over. The check that runs every quarter of an hour
//! makes its schedule.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use portcullis_aws::{Ledger, now};
use portcullis_engine::arn::Arn;
use portcullis_engine::event::{
    Actor, Event, EventName, GroupLead, GroupRef, Lead, RuleLead, Touched,
};
use portcullis_engine::ledger::{Revisit, RuleRecord, Why, due};

use crate::account;
use crate::moment::iso;

/// Writes the record: as if the caller had just opened this rule of the group.
pub(super) async fn arrange(
    config: &SdkConfig,
    ledger: &Ledger,
    kept: &RuleRecord,
    rule: &str,
    at: i64,
) -> Result<()> {
    let caller = account::caller(config).await?;
    let revisit = record(&caller, account::region(config), kept, rule, at, now())?;
    ledger.write_revisit(&revisit, now()).await?;
    Ok(())
}

fn record(
    caller: &str,
    region: &str,
    kept: &RuleRecord,
    rule: &str,
    at: i64,
    now: i64,
) -> Result<Revisit> {
    let arn = Arn::parse(caller).context("the caller has no ARN")?;
    let shape = Some(kept.rule().into());
    let lead = RuleLead { id: Some(rule.to_owned()), shape, edit: false };
    let touched = Touched::Rules(vec![lead]);
    let call = Event {
        // Of no call: nobody else has this id.
        id: format!("undo/{rule}/{}", iso(now)),
        name: Some(EventName::AuthorizeSecurityGroupIngress),
        time: iso(now),
        account: arn.account.to_owned(),
        region: region.to_owned(),
        actor: Actor {
            arn: caller.to_owned(),
            name: arn.resource.split_once('/').map_or(arn.resource, |(_, name)| name).to_owned(),
            kind: String::new(),
            account: Some(arn.account.to_owned()),
            role: None,
            source_identity: None,
            via: Some("portcullis undo".to_owned()),
            ip: String::new(),
            agent: String::new(),
        },
        lead: Lead::Group(GroupLead { group: GroupRef::Id(kept.group.clone()), touched }),
    };
    Ok(Revisit {
        subject: kept.group.clone(),
        event: call.id.clone(),
        due: due(at, 0),
        why: Why::Snooze,
        tries: 0,
        call,
        version: 1,
        settled: false,
    })
}
