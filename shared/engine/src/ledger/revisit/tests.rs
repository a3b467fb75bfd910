use super::*;
use crate::event::{
    Actor, Altered, Attached, CacheLead, Carrier, EventName, GroupLead, Inherits, RuleLead,
    RuleShape, Touched,
};
use crate::facts::{CacheKind, Protocol, Source, Tag};
use crate::fixtures;

/// `2026-11-29T10:00:00Z`
const TEN: i64 = 1_795_946_400;

fn actor() -> Actor {
    let text = str::to_owned;
    Actor {
        arn: text("arn:aws:sts::111122223333:assumed-role/deploy/alice"),
        name: text("deploy/alice"),
        kind: text("AssumedRole"),
        account: Some(text("111122223333")),
        role: Some(text("deploy")),
        source_identity: Some(text("alice@example.com")),
        via: Some(text("Terraform")),
        ip: text("198.51.100.7"),
        agent: text("terraform/1.9"),
    }
}

fn revisit(lead: Lead) -> Revisit {
    let name = match &lead {
        Lead::List(_) => EventName::ModifyManagedPrefixList,
        Lead::Group(_) | Lead::Unknown => EventName::ModifySecurityGroupRules,
        Lead::Cache(_) => EventName::CreateReplicationGroup,
    };
    let call = Event { name: Some(name), actor: actor(), ..fixtures::event(lead) };
    Revisit {
        subject: Revisit::subject(&call),
        event: call.id.clone(),
        due: TEN + 60,
        why: Why::Lag,
        tries: 1,
        call,
        version: 2,
        settled: false,
    }
}

fn of_group(group: GroupRef, touched: Touched) -> Revisit {
    revisit(Lead::Group(GroupLead { group, touched }))
}

fn rules() -> Touched {
    let shape =
        |source: Source| RuleShape { protocol: Protocol::Tcp, from_port: 22, to_port: 23, source };
    let rule = |id: &str, source| RuleLead {
        id: Some(id.to_owned()),
        shape: Some(shape(source)),
        edit: true,
    };
    Touched::Rules(vec![
        rule("sgr-1", Source::cidr("0.0.0.0/0").unwrap()),
        rule("sgr-2", Source::PrefixList("pl-1".to_owned())),
        rule("sgr-3", Source::Group("sg-2".to_owned())),
        RuleLead { id: Some("sgr-4".to_owned()), shape: None, edit: false },
        RuleLead { id: None, shape: Some(shape(Source::cidr("::/0").unwrap())), edit: false },
    ])
}

fn all() -> Vec<Revisit> {
    let text = str::to_owned;
    let cache = |inherits, kind| CacheLead {
        kind,
        id: text("orders"),
        engine: Some(text("valkey")),
        port: Some(6379),
        inherits,
        security_groups: vec![text("sg-1")],
        tags: vec![Tag { key: text("team"), value: text("web") }],
        altered: None,
    };
    vec![
        of_group(GroupRef::Id(text("sg-01")), rules()),
        of_group(GroupRef::Name(text("web")), Touched::Unknown(text("truncated"))),
        of_group(
            GroupRef::Id(text("sg-02")),
            Touched::Attached(Attached {
                to: Carrier::Interface(text("eni-1")),
                unreported: Vec::new(),
            }),
        ),
        revisit(Lead::Unknown),
        revisit(Lead::Cache(cache(None, CacheKind::ReplicationGroup))),
        revisit(Lead::Cache(cache(Some(Inherits::Snapshot(text("s"))), CacheKind::CacheCluster))),
        revisit(Lead::Cache(cache(Some(Inherits::Primary(text("p"))), CacheKind::ServerlessCache))),
        revisit(Lead::Cache(cache(Some(Inherits::Global(text("g"))), CacheKind::CacheCluster))),
        revisit(Lead::Cache(CacheLead {
            altered: Some(Altered { groups: true, transit: false, authentication: true }),
            ..cache(None, CacheKind::ReplicationGroup)
        })),
        revisit(Lead::List(crate::event::ListLead { id: "pl-1".to_owned(), before: Some(3) })),
    ]
}

#[test]
fn a_record_is_read_as_it_was_written() {
    for revisit in all() {
        let stored = serde_json::to_value(&revisit).unwrap();
        assert_eq!(serde_json::from_value::<Revisit>(stored).unwrap(), revisit);
    }
}

/// Tables in use have them.
#[test]
fn the_stored_names_do_not_change() {
    let mut group = of_group(GroupRef::Id("sg-01".to_owned()), rules());
    if let Lead::Group(lead) = &mut group.call.lead
        && let Touched::Rules(rules) = &mut lead.touched
    {
        rules.truncate(1);
    }
    insta::assert_snapshot!(serde_json::to_string(&group).unwrap(), @r#"{"subject":"revisit/sg-01","finding":"e-1","due":"2026-11-29T10:01:00Z","why":"lag","tries":1,"version":2,"settled":false,"call":{"name":"ModifySecurityGroupRules","time":"2026-11-21T10:00:00Z","account":"111122223333","region":"eu-west-1","actor":{"arn":"arn:aws:sts::111122223333:assumed-role/deploy/alice","name":"deploy/alice","kind":"AssumedRole","account":"111122223333","role":"deploy","sourceIdentity":"alice@example.com","via":"Terraform","ip":"198.51.100.7","agent":"terraform/1.9"},"lead":{"group":{"id":"sg-01","name":null,"rules":[{"id":"sgr-1","shape":{"protocol":"tcp","from":22,"to":23,"source":"0.0.0.0/0"},"edit":true}],"unknown":null}}}}"#);
    let cache = all().remove(5);
    insta::assert_snapshot!(serde_json::to_string(&cache).unwrap(), @r#"{"subject":"revisit/cache-cluster/orders","finding":"e-1","due":"2026-11-29T10:01:00Z","why":"lag","tries":1,"version":2,"settled":false,"call":{"name":"CreateReplicationGroup","time":"2026-11-21T10:00:00Z","account":"111122223333","region":"eu-west-1","actor":{"arn":"arn:aws:sts::111122223333:assumed-role/deploy/alice","name":"deploy/alice","kind":"AssumedRole","account":"111122223333","role":"deploy","sourceIdentity":"alice@example.com","via":"Terraform","ip":"198.51.100.7","agent":"terraform/1.9"},"lead":{"cache":{"kind":"cache-cluster","id":"orders","engine":"valkey","port":6379,"inherits":{"snapshot":"s"},"groups":["sg-1"],"tags":[["team","web"]]}}}}"#);
}

#[test]
fn what_is_no_record_is_not_read_as_one() {
    let stored = serde_json::to_value(all().remove(0)).unwrap();
    for (name, value) in [("subject", "sg-01"), ("due", "tomorrow"), ("why", "boredom")] {
        let mut wrong = stored.clone();
        wrong[name] = value.into();
        assert!(serde_json::from_value::<Revisit>(wrong).is_err(), "{name}");
    }
    let mut wrong = stored;
    wrong["call"]["name"] = "RunInstances".into();
    assert!(serde_json::from_value::<Revisit>(wrong).is_err());
}

#[test]
fn it_is_due_at_a_whole_minute_that_a_schedule_can_still_be_made_for() {
    for (now, delay, expected) in [
        (TEN, 0, TEN + 60),
        (TEN, 10, TEN + 60),
        (TEN, 60, TEN + 60),
        (TEN, 61, TEN + 120),
        (TEN + 49, 0, TEN + 60),
        (TEN + 50, 10, TEN + 60),
        (TEN + 51, 10, TEN + 120),
        (TEN - 10, 10, TEN),
    ] {
        assert_eq!(due(now, delay), expected, "{now} {delay}");
    }
}

#[test]
fn a_schedule_is_named_by_subject_event_and_minute() {
    let of = |subject: &str, event: &str, due| {
        let mut revisit = all().remove(0);
        (revisit.subject, revisit.event, revisit.due) = (subject.to_owned(), event.to_owned(), due);
        revisit.schedule()
    };
    let schedule = of("sg-01", "e-1", TEN + 60);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(schedule.name.chars().all(allowed) && schedule.name.len() == 28, "{}", schedule.name);
    assert!(schedule.name.starts_with("r-") && schedule.name.ends_with("-20261129T1001"));
    assert_eq!(schedule.expression, "at(2026-11-29T10:01:00)");
    assert_eq!(schedule, of("sg-01", "e-1", TEN + 60));
    let others = [("sg-02", "e-1", 60), ("sg-01", "e-2", 60), ("sg-01", "e-1", 120)];
    for (subject, event, after) in others {
        assert_ne!(schedule.name, of(subject, event, TEN + after).name);
    }
}

#[test]
fn the_words_are_those_that_are_stored() {
    for why in Why::ALL {
        assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
    }
}
