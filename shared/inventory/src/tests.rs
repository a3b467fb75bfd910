mod everything;
mod finding;
mod rights;
mod wire;

use std::fs;

use portcullis_recreation::document;
use portcullis_recreation::facts::Facts;
use serde_json::{Value, json};

use crate::{LookError, document as read};
use wire::Described;

/// The examples of the planner, by name.
fn examples() -> Vec<(String, Value)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../recreation/examples");
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    };
    files.map(read).collect()
}

fn example(name: &str) -> Value {
    examples().into_iter().find(|(other, _)| other == name).unwrap().1
}

fn facts(document: &Value) -> Facts {
    document::read(&document.to_string(), None).unwrap()
}

/// The account of a document, with all that names no cache.
fn account(document: &Value) -> Described {
    Described::new(document.clone(), facts(document).cache.arn().unwrap())
}

async fn look(account: &Described, cache: &str) -> Value {
    read(&account.clients(), cache).await.unwrap()
}

async fn refused(account: &Described, cache: &str) -> LookError {
    read(&account.clients(), cache).await.unwrap_err()
}

/// The example with what a live look gives beside it, and without what it never gives.
fn as_looked_at(example: &Value) -> Value {
    let mut example = example.clone();
    let lists = example.as_object_mut().unwrap();
    for name in ["ConnectPolicies", "EndpointHolders", "Limits", "MadeBy", "ResourceRecordSets"] {
        lists.remove(name);
    }
    lists.entry("SecurityGroupRules").or_insert_with(|| json!([]));
    let ids = facts(&Value::Object(lists.clone())).cache.clusters().to_vec();
    let ids = ids.iter().flat_map(|cluster| cluster.group_ids());
    let groups =
        ids.map(|id| json!({"GroupId": id, "GroupName": format!("{id}-name"), "Tags": []}));
    let groups: Value = groups.collect();
    lists.insert("SecurityGroups".to_owned(), groups);
    example
}

#[tokio::test]
async fn every_example_is_the_same_live_as_from_its_file() {
    for (name, example) in examples() {
        let expected = as_looked_at(&example);
        let id = facts(&expected).cache.id().to_owned();
        let looked = look(&account(&expected), &id).await;
        assert_eq!(facts(&looked), facts(&expected), "{name}");
    }
}

#[tokio::test]
async fn every_page_is_read() {
    let mut counts = 0;
    for (name, example) in examples() {
        let example = as_looked_at(&example);
        let id = facts(&example).cache.id().to_owned();
        let (whole, paged) = (account(&example), account(&example).paged(1));
        assert_eq!(look(&whole, &id).await, look(&paged, &id).await, "{name}");
        counts += paged.calls().len() - whole.calls().len();
    }
    assert!(counts > 20, "there were pages to read: {counts}");
}
