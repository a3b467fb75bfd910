//! Documents as people have them, in `field/`, and the right answer to each: for each a snapshot, of the
//! plan, the refusal, or why it is no input.

use std::path::{Path, PathBuf};

use portcullis_recreation::document;
use portcullis_recreation::plan::{Answer, Choices, Plan, plan};
use portcullis_recreation::text::{plain, text};

fn field() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field")
}

fn document(name: &str) -> String {
    std::fs::read_to_string(field().join(format!("{name}.json"))).unwrap()
}

fn answer(name: &str, cache: Option<&str>, choices: &Choices) -> String {
    match document::read(&document(name), cache) {
        Ok(facts) => text(&plan(&facts, choices), &plain),
        Err(wrong) => format!("no input: {wrong}\n{}\n", wrong.remedy),
    }
}

fn planned(name: &str, cache: Option<&str>) -> Plan {
    let facts = document::read(&document(name), cache).unwrap();
    match plan(&facts, &Choices::default()) {
        Answer::Plan(plan) => *plan,
        Answer::Refused(refusal) => panic!("{name}: {:?}", refusal.reasons),
    }
}

fn snapshot(name: &str, answer: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("field/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, answer));
}

#[test]
fn every_document_of_the_field_is_answered_as_its_snapshot_says() {
    let mut names: Vec<String> = std::fs::read_dir(field())
        .unwrap()
        .filter_map(|file| Some(file.unwrap().path()).filter(|path| path.extension().is_some()))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 16);
    for name in names {
        snapshot(&name, answer(&name, None, &Choices::default()));
    }
}

#[test]
fn the_same_id_in_two_regions_is_told_apart_by_the_arn() {
    for region in ["eu-central-1", "us-west-2"] {
        let arn = format!("arn:aws:elasticache:{region}:222233334444:replicationgroup:orders");
        let plan = planned("same-id-in-two-regions", Some(&arn));
        assert_eq!(plan.cache.arn, arn);
        let zones = plan.create.zones();
        assert!(zones.len() == 2 && zones.iter().all(|zone| zone.starts_with(region)), "{zones:?}");
        assert!(plan.endpoints.iter().all(|place| place.address.contains(&short(region))));
        assert!(plan.steps.iter().flat_map(|s| &s.commands).any(|c| c.contains(region)));
    }
    let by_id = document::read(&document("same-id-in-two-regions"), Some("orders")).unwrap_err();
    assert_eq!(by_id.to_string(), "several caches have this id");
    assert!(by_id.remedy.starts_with("say which:\n  --cache arn:aws:elasticache:"), "{by_id:?}");
}

/// `eu-central-1` as endpoints have it, `euc1`.
fn short(region: &str) -> String {
    if region == "eu-central-1" { "euc1".to_owned() } else { "usw2".to_owned() }
}

#[test]
fn a_token_in_a_secret_is_carried() {
    let secret = "arn:aws:secretsmanager:eu-central-1:222233334444:secret:till/auth-AbCdEf";
    let choices = Choices { auth_token_secret: Some(secret.to_owned()), ..Choices::default() };
    snapshot(
        "auth-token-json-secret.with-secret",
        answer("auth-token-json-secret", None, &choices),
    );
}

#[test]
fn the_tags_of_the_field_are_carried_to_the_letter() {
    let plan = planned("tags-with-odd-characters", None);
    let written: serde_json::Value =
        serde_json::from_str(&document("tags-with-odd-characters")).unwrap();
    for tag in written["TagList"].as_array().unwrap() {
        assert!(
            plan.create.tags.iter().any(|t| tag["Key"] == t.key && tag["Value"] == t.value),
            "{tag}"
        );
    }
}

#[test]
fn the_member_for_daily_snapshots_is_the_one_at_its_place() {
    let plan = planned("first-member-gone", None);
    let commands: Vec<&String> = plan.steps.iter().flat_map(|step| &step.commands).collect();
    let wanted = format!("--snapshotting-cluster-id {}-002", plan.create.id);
    assert!(commands.iter().any(|command| command.contains(&wanted)), "{commands:?}");
    assert!(commands[0].contains("--cache-cluster-id mixer-002"), "of a replica: {}", commands[0]);
}
