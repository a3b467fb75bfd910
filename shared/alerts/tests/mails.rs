//! Mails that wake somebody. The first three lines of each say what happened, who did it, and what to do now.

use portcullis_alerts::alert::Alert;
use portcullis_engine::action::{Action, Because, Outcome, Outcomes, Per, Remedy};
use portcullis_engine::decide::{self, Decision, DecisionContext};
use portcullis_engine::event::{Event, Lead};
use portcullis_engine::facts::{
    CacheFacts, CacheKind, Engine, GroupFacts, IngressRule, PrefixList, Tag,
};
use portcullis_engine::report::Seen;
use portcullis_engine::settings::Mode;
use portcullis_testkit::example;
use portcullis_testkit::example::{cache, group, making, stack, touching};
use portcullis_testkit::narrow::context;

fn event(lead: Lead) -> Event {
    let mut event = example::event(lead);
    event.time = "2026-11-21T02:14:07Z".to_owned();
    event.actor.via = Some("AWS CLI".to_owned());
    event.actor.agent = "aws-cli/2.31.0".to_owned();
    event
}

fn rule(id: usize, port: i32, source: &str) -> IngressRule {
    let (id, description) = (format!("sgr-{id:017x}"), Some("for the demo".to_owned()));
    IngressRule { id, description, ..example::rule(0, port, source) }
}

/// An event, what was decided, and what was read.
type Decided<T> = (Event, Decision, T);

fn decided(facts: &GroupFacts, mode: Mode) -> Decided<GroupFacts> {
    let ids: Vec<&str> = facts.rules.iter().map(|rule| rule.id.as_str()).collect();
    let lead = touching(facts, &ids);
    let event = event(Lead::Group(lead.clone()));
    let decision = decide::group(&event, &lead, facts, &context(mode));
    (event, decision, facts.clone())
}

/// A cache on its default port, without encryption and without authentication.
fn decided_cache(machine: Option<&str>) -> Decided<CacheFacts> {
    let groups = vec![group(vec![rule(1, 6379, "10.0.0.0/8")])];
    let facts = cache(CacheKind::ReplicationGroup, Engine::Valkey, groups);
    let lead = making(&facts);
    let event = event(Lead::Cache(lead.clone()));
    let decision = decide::cache(
        &event,
        &lead,
        &facts,
        &[],
        &DecisionContext { machine, ..context(Mode::Enforce) },
    );
    (event, decision, facts)
}

/// The outcome of every action, as `came` has it.
fn outcomes(decision: &Decision, came: impl Fn(usize, &Action) -> Outcome) -> Outcomes {
    let actions = decision.actions().into_iter().enumerate();
    actions.map(|(at, action)| (action.id().to_owned(), came(at, action))).collect()
}

/// Withholds what would be done, as memory and limits do.
fn withheld(mut decision: Decision, because: &Because) -> Decision {
    for finding in &mut decision.findings {
        if let Remedy::Do(action) = &finding.remedy {
            finding.remedy =
                Remedy::NotRemediated { action: action.clone(), because: because.clone() };
        }
    }
    decision
}

/// Holds the mail to its snapshot, and its first three lines to what they must say.
fn mail(
    name: &str,
    event: &Event,
    decision: &Decision,
    seen: Seen<'_>,
    outcomes: &Outcomes,
    [says, next]: [&str; 2],
) {
    let context = context(decision.mode);
    let mut report = example::report(event, decision, seen, &context, outcomes);
    if let Seen::Group(_) = seen {
        report.deployment = stack("portcullis");
    }
    let alert = Alert::compose(&report);
    insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", alert.subject, alert.mail));
    let lines: Vec<&str> = alert.mail.lines().take(3).collect();
    let [what, who, now] = lines.as_slice() else { panic!("{lines:?}") };
    let severity = report.severity().as_str().to_uppercase();
    assert!(alert.subject.starts_with(&format!("[{severity}] ")), "{}", alert.subject);
    assert!(what.starts_with(&format!("{severity}: ")) && what.contains(says), "{what}");
    let start: String = says.chars().take(20).collect();
    assert!(alert.subject.contains(&start), "{}", alert.subject);
    assert!(who.starts_with("deploy/alice called ") && who.contains("from 192.0.2.10"), "{who}");
    assert!(now.starts_with("Next: ") && now.contains(next), "{now}");
    assert!(now.len() < 240, "{now}");
    assert!(alert.subject.ends_with(" (111122223333 eu-west-1)"), "{}", alert.subject);
}

#[test]
fn closed() {
    let (event, decision, facts) = decided(&group(vec![rule(1, 6379, "0.0.0.0/0")]), Mode::Enforce);
    let outcomes = outcomes(&decision, |_, _| Outcome::Done(None));
    let next = "it is closed. If the rule was intended, restore it: portcullis undo f-";
    let seen = Seen::Group(&facts);
    mail("closed", &event, &decision, seen, &outcomes, ["closed TCP 6379 from 0.0.0.0/0", next]);
}

/// The record of the call was cut off: who called, and when, is all that is known.
#[test]
fn unnamed() {
    let event = event(Lead::Unknown);
    let decision = decide::unnamed(&event, &context(Mode::Enforce));
    let says = "could not evaluate AuthorizeSecurityGroupIngress, which names no security group";
    let next = "find out which security group AuthorizeSecurityGroupIngress changed";
    mail("unnamed", &event, &decision, Seen::Nothing, &Outcomes::new(), [says, next]);
}

#[test]
fn not_closed() {
    let (event, decision, facts) = decided(&group(vec![rule(1, 22, "::/0")]), Mode::Enforce);
    let outcomes = outcomes(&decision, |_, _| {
        Outcome::Failed("still open: RevokeSecurityGroupIngress: UnauthorizedOperation".to_owned())
    });
    let next = "close it yourself, at once: it is STILL OPEN";
    let seen = Seen::Group(&facts);
    mail("not_closed", &event, &decision, seen, &outcomes, ["NOT CLOSED TCP 22 from ::/0", next]);
}

#[test]
fn closed_in_part() {
    let rules = [22, 3306, 6379]
        .into_iter()
        .enumerate()
        .map(|(at, port)| rule(at, port, "0.0.0.0/0"))
        .collect();
    let (event, decision, facts) = decided(&group(rules), Mode::Enforce);
    let outcomes = outcomes(&decision, |at, _| match at {
        0 => Outcome::Done(None),
        _ => Outcome::Failed("still open: RequestLimitExceeded".to_owned()),
    });
    let next = "close 2 rules yourself, at once: they are STILL OPEN";
    let seen = Seen::Group(&facts);
    mail(
        "closed_in_part",
        &event,
        &decision,
        seen,
        &outcomes,
        ["CLOSED ONLY 1 of 3 open rules", next],
    );
}

#[test]
fn observed() {
    let (event, decision, facts) = decided(&group(vec![rule(1, 6379, "0.0.0.0/0")]), Mode::Observe);
    let next = "close it if not intended: it is open, because observe mode changes nothing";
    let seen = Seen::Group(&facts);
    mail("observed", &event, &decision, seen, &Outcomes::new(), ["left open TCP 6379", next]);
}

#[test]
fn protected() {
    let mut facts = group(vec![rule(1, 443, "0.0.0.0/0")]);
    let tag = Tag { key: "portcullis:protect".to_owned(), value: "true".to_owned() };
    facts.details.get_or_insert_default().tags.push(tag);
    let (event, decision, facts) = decided(&facts, Mode::Enforce);
    let next = "close it if not intended: it is open, because the group is protected by its tag";
    let seen = Seen::Group(&facts);
    mail("protected", &event, &decision, seen, &Outcomes::new(), ["left open TCP 443", next]);
}

#[test]
fn unreadable() {
    let mut facts = group(vec![rule(1, 6379, "pl-0a1b2c3d")]);
    let why = "GetManagedPrefixListEntries: UnauthorizedOperation".to_owned();
    facts.prefix_lists.insert("pl-0a1b2c3d".to_owned(), PrefixList::Unknown(why));
    let (event, decision, facts) = decided(&facts, Mode::Enforce);
    let next = "check whether it is intended, and close it if not";
    let seen = Seen::Group(&facts);
    mail(
        "unreadable",
        &event,
        &decision,
        seen,
        &Outcomes::new(),
        ["could not evaluate TCP 6379", next],
    );
}

#[test]
fn put_back_again_and_again() {
    let (event, decision, facts) = decided(&group(vec![rule(1, 6379, "0.0.0.0/0")]), Mode::Enforce);
    let through = Some("Terraform".to_owned());
    let fight = Because::Flapping {
        times: 3,
        who: "deploy/alice".to_owned(),
        through,
        until: 1_795_258_800,
    };
    let decision = withheld(decision, &fight);
    let next = "stop what opens the rule (deploy/alice): it is open, and Portcullis revokes it only after an hour";
    let seen = Seen::Group(&facts);
    mail("fight", &event, &decision, seen, &Outcomes::new(), ["left open TCP 6379", next]);
}

#[test]
fn too_many_at_once() {
    let rules = (0..3).map(|at| rule(at, 8000 + i32::try_from(at).unwrap(), "0.0.0.0/0")).collect();
    let (event, decision, facts) = decided(&group(rules), Mode::Enforce);
    let decision = withheld(decision, &Because::TooMany { most: 25, per: Per::Event });
    let next = "close 3 rules yourself: they are open, because a limit was reached";
    let seen = Seen::Group(&facts);
    mail("too_many", &event, &decision, seen, &Outcomes::new(), ["left open 3 open rules", next]);
}

#[test]
fn a_cache_that_a_person_mends() {
    let (event, decision, facts) = decided_cache(None);
    let next =
        "Fix plaintext-transit, no-auth, default-port: the commands for this cache are below";
    let seen = Seen::Cache(&facts);
    mail(
        "cache",
        &event,
        &decision,
        seen,
        &Outcomes::new(),
        ["action needed: plaintext-transit", next],
    );
}

#[test]
fn a_cache_that_moves() {
    let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:portcullis-recreate";
    let (event, decision, facts) = decided_cache(Some(machine));
    let outcomes = outcomes(&decision, |_, action| {
        Outcome::Started(action.starts().map(|start| start.execution()).unwrap_or_default())
    });
    let next = "Wait for the plan of the re-creation: nothing is changed before you approve it";
    let seen = Seen::Cache(&facts);
    mail("move", &event, &decision, seen, &outcomes, ["re-creation started: default-port", next]);
}
