//! What a person is told to do about a cache depends on its kind, engine and version, and on what is not known of them.

use portcullis_alerts::guidance::{Kind, Step, of};
use portcullis_engine::action::Outcomes;
use portcullis_engine::decide;
use portcullis_engine::event::Lead;
use portcullis_engine::facts::{CacheFacts, CacheKind, Engine, EngineVersion, Subnets};
use portcullis_engine::finding::Check;
use portcullis_engine::report::{Deployment, Report, Seen};
use portcullis_engine::settings::Mode;
use portcullis_engine::severity::Severity;
use portcullis_testkit::{example, narrow};

/// On a port of its own, of a version that is not shown; not encrypted, and without authentication.
fn cache(kind: CacheKind, engine: Engine) -> CacheFacts {
    let (id, ports) = ("sessions".to_owned(), vec![7000]);
    CacheFacts { id, version: None, ports, ..example::cache(kind, engine, Vec::new()) }
}

fn reported(facts: &CacheFacts) -> Report {
    let lead = example::making(facts);
    let event = example::event(Lead::Cache(lead.clone()));
    let context = narrow::context(Mode::Enforce);
    let decision = decide::cache(&event, &lead, facts, &[], &context);
    example::report(&event, &decision, Seen::Cache(facts), &context, &Outcomes::new())
}

/// The kinds of steps, check by check, about a cache that is at fault in everything but what is changed.
fn guided(kind: CacheKind, engine: Engine, change: impl FnOnce(&mut CacheFacts)) -> Vec<Vec<Kind>> {
    steps_of(kind, engine, change).iter().map(|steps| kinds(steps)).collect()
}

fn kinds(steps: &[Step]) -> Vec<Kind> {
    steps.iter().map(|step| step.kind).filter(|kind| *kind != Kind::Note).collect()
}

fn steps_of(
    kind: CacheKind,
    engine: Engine,
    change: impl FnOnce(&mut CacheFacts),
) -> Vec<Vec<Step>> {
    let mut facts = cache(kind, engine);
    change(&mut facts);
    let report = reported(&facts);
    report.findings.iter().map(|reported| of(&report, &reported.finding)).collect()
}

fn version(text: &str) -> impl FnOnce(&mut CacheFacts) {
    move |facts| facts.version = Some(EngineVersion::new(text))
}

const GROUP: CacheKind = CacheKind::ReplicationGroup;
const NODE: CacheKind = CacheKind::CacheCluster;

#[test]
fn the_version_decides_whether_encryption_is_turned_on_in_place() {
    use Kind::{
        EncryptedGroup, InPlace, JoinGroup, PreferEncryption, RequireEncryption, SeeVersion,
    };
    let encryption = |kind, engine, text: &str| guided(kind, engine, version(text)).remove(0);
    let in_place = [PreferEncryption, RequireEncryption, InPlace];
    for (engine, text) in
        [(Engine::Redis, "7.0.5"), (Engine::Redis, "7.1.0"), (Engine::Valkey, "7.2.6")]
    {
        assert_eq!(encryption(GROUP, engine, text), in_place, "{text}");
    }
    for text in ["7.0.4", "6.2.6", "5.0.6"] {
        assert_eq!(encryption(GROUP, Engine::Redis, text), [EncryptedGroup], "{text}");
        assert_eq!(encryption(NODE, Engine::Redis, text), [JoinGroup, EncryptedGroup], "{text}");
    }
    let of_a_node = [JoinGroup, PreferEncryption, RequireEncryption];
    assert_eq!(encryption(NODE, Engine::Redis, "7.1.0"), of_a_node);
    for text in ["7.0", "seven"] {
        assert_eq!(encryption(GROUP, Engine::Redis, text), [SeeVersion], "{text}");
    }
}

#[test]
fn what_is_not_known_is_looked_up_and_not_guessed() {
    let unknown = || Engine::Unknown("new".to_owned());
    for kind in [GROUP, NODE] {
        for engine in [Engine::Redis, unknown()] {
            let expected = [[Kind::SeeVersion], [Kind::SeeVersion]];
            assert_eq!(guided(kind, engine.clone(), |_| {}), expected, "{kind:?} {engine:?}");
        }
    }
    assert_eq!(guided(NODE, Engine::Memcached, |_| {}), [[Kind::SeeVersion]]);
    // Every version of Valkey can do both.
    let valkey = guided(GROUP, Engine::Valkey, |_| {});
    assert!(!valkey.concat().contains(&Kind::SeeVersion), "{valkey:?}");
}

#[test]
fn memcached_is_encrypted_only_when_it_is_made() {
    let memcached = |text| guided(NODE, Engine::Memcached, version(text));
    assert_eq!(memcached("1.6.12"), [[Kind::EncryptedMemcached]]);
    assert_eq!(memcached("1.6.6"), [[Kind::EncryptedNewerMemcached]]);
}

/// With encryption, and nothing else to tell.
fn users(kind: CacheKind, engine: Engine, text: &str) -> Vec<Kind> {
    let change = |facts: &mut CacheFacts| {
        facts.version = Some(EngineVersion::new(text));
        facts.transit_encryption = Some(true);
    };
    guided(kind, engine, change).remove(0)
}

#[test]
fn the_version_decides_how_clients_log_in() {
    use Kind::{
        AttachToGroup, DefaultUser, GroupWithToken, IamUser, InPlace, JoinGroup, Password,
        PasswordUser, RotateToken, SetToken, Token, TurnOffDefault, UserGroup,
    };
    let with_default = [IamUser, DefaultUser, UserGroup, AttachToGroup, TurnOffDefault, InPlace];
    assert_eq!(users(GROUP, Engine::Redis, "7.0.4"), with_default);
    assert_eq!(users(GROUP, Engine::Valkey, "8.0.1"), [IamUser, UserGroup, AttachToGroup, InPlace]);
    let passwords =
        [Password, PasswordUser, DefaultUser, UserGroup, AttachToGroup, TurnOffDefault, InPlace];
    assert_eq!(users(GROUP, Engine::Redis, "6.2.6"), passwords);
    assert_eq!(users(GROUP, Engine::Redis, "6.x"), passwords);
    assert_eq!(users(GROUP, Engine::Redis, "5.0.6"), [Token, RotateToken, SetToken]);
    assert_eq!(users(GROUP, Engine::Redis, "5.0.5"), [Token, GroupWithToken]);
    assert_eq!(
        users(NODE, Engine::Valkey, "8.0.1"),
        [JoinGroup, IamUser, UserGroup, AttachToGroup]
    );
}

/// ElastiCache: `Modification of transit encryption is not supported for access control enabled clusters.`
#[test]
fn encryption_is_required_before_there_are_users() {
    let preferred = |facts: &mut CacheFacts| {
        facts.transit_encryption = Some(true);
        facts.plaintext_too = true;
    };
    let steps = guided(GROUP, Engine::Valkey, preferred).remove(0);
    assert_eq!(steps.first(), Some(&Kind::RequireEncryption));
    // Where plaintext-transit is not told, its steps come with those of the users.
    let mut report = reported(&cache(GROUP, Engine::Valkey));
    report.findings.retain(|reported| reported.finding.check == Check::NoAuth);
    let steps = kinds(&of(&report, &report.findings[0].finding));
    let first = [Kind::PreferEncryption, Kind::RequireEncryption, Kind::IamUser];
    assert_eq!(steps.get(..3), Some(first.as_slice()));
}

#[test]
fn whether_it_is_encrypted_may_be_unknown() {
    let steps = steps_of(GROUP, Engine::Valkey, |facts| facts.transit_encryption = None).remove(0);
    assert!(steps[0].words.contains("does not show whether the cache has it"), "{steps:?}");
    assert_eq!(steps[1].kind, Kind::IamUser);
}

#[test]
fn what_is_made_for_a_cache_has_an_id_that_is_taken() {
    let id = "Checkout-sessions-of-the-blue-environmen";
    let steps = steps_of(GROUP, Engine::Redis, |facts| {
        facts.id = id.to_owned();
        version("7.1.0")(facts);
    });
    let commands: Vec<String> = steps.concat().into_iter().flat_map(|step| step.commands).collect();
    let mut seen = 0;
    for command in &commands {
        let words: Vec<&str> = command.split(' ').collect();
        for (option, values) in words.iter().zip(words.iter().skip(1)) {
            if ["--user-id", "--user-group-id", "--user-group-ids-to-add", "--user-ids"]
                .contains(option)
            {
                let lower = values
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                assert!(values.len() <= 40 && lower && !values.contains("--"), "{command}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "{commands:#?}");
}

#[test]
fn an_id_that_is_none_goes_into_no_command() {
    for id in ["orders; reboot", "$(reboot)", "orders'", ""] {
        let steps = steps_of(GROUP, Engine::Valkey, |facts| facts.id = id.to_owned());
        assert!(steps.concat().is_empty(), "{id}: {steps:?}");
    }
}

#[test]
fn a_cache_that_is_being_made_is_waited_for_once() {
    for (kind, waited) in [
        (
            GROUP,
            "aws elasticache wait replication-group-available --region eu-west-1 --replication-group-id sessions",
        ),
        (
            NODE,
            "aws elasticache wait cache-cluster-available --region eu-west-1 --cache-cluster-id sessions",
        ),
        (
            CacheKind::ServerlessCache,
            "aws elasticache describe-serverless-caches --region eu-west-1 --serverless-cache-name sessions --query 'ServerlessCaches[].Status' --output text",
        ),
    ] {
        let steps = steps_of(kind, Engine::Valkey, |facts| facts.status = "creating".to_owned());
        let waits: Vec<Step> =
            steps.concat().into_iter().filter(|step| step.kind == Kind::Wait).collect();
        assert_eq!(waits.len(), 1);
        assert_eq!(waits[0].commands, [waited]);
        assert_eq!(steps[0][0].kind, Kind::Wait, "it comes first");
    }
    let steps = steps_of(CacheKind::ServerlessCache, Engine::Valkey, |facts| {
        facts.status = "AVAILABLE".to_owned();
    });
    assert!(!kinds(&steps.concat()).contains(&Kind::Wait));
}

#[test]
fn the_planner_is_told_region_and_stack_and_a_move_only_where_there_is_one() {
    let mut facts = CacheFacts { ports: vec![6379], ..cache(GROUP, Engine::Valkey) };
    (facts.transit_encryption, facts.authentication) = (Some(true), Some(true));
    for (moves, expected) in [
        (false, vec!["portcullis plan sessions --region eu-west-1 --stack guard"]),
        (
            true,
            vec![
                "portcullis plan sessions --region eu-west-1 --stack guard",
                "portcullis move sessions --region eu-west-1 --stack guard",
            ],
        ),
    ] {
        let stack = Some("guard".to_owned());
        let deployment = Deployment { stack, moves, ..Deployment::default() };
        let report = Report { deployment, ..reported(&facts) };
        let [reported] = report.findings.as_slice() else { panic!("{report}") };
        assert_eq!(reported.severity, Severity::Low);
        let steps = of(&report, &reported.finding);
        let commands: Vec<&str> =
            steps.iter().flat_map(|step| &step.commands).map(String::as_str).collect();
        assert_eq!(commands, expected);
    }
}

#[test]
fn what_is_pending_or_being_done_has_no_steps() {
    let steps = steps_of(GROUP, Engine::Valkey, |facts| {
        (facts.transit_encryption, facts.authentication) = (Some(true), Some(true));
        facts.network.subnets = Subnets::Unknown("throttled".to_owned());
    });
    assert_eq!(steps, [Vec::new()]);
}
