//! `portcullis plan FILE` with what people really hand over: read as what it is, or two lines that help.

mod bare;

use std::io::Write;
use std::process::Stdio;

use bare::command;
use serde_json::{Value, json};

/// The exit status, and what is printed to each stream, for this on standard input.
fn given(input: &[u8], options: &[&str]) -> (i32, String, String) {
    let mut child = command(&[&["plan", "-"], options].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What is printed of an input that is none.
fn refused(input: impl AsRef<[u8]>, options: &[&str]) -> String {
    let (status, out, error) = given(input.as_ref(), options);
    assert!(status == 2 && out.is_empty(), "{out}{error}");
    error
}

fn example() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/recreation/examples/valkey-with-replicas.json"
    );
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn whatever_the_encoding_and_in_however_many_pieces_it_is_the_same_plan() {
    let whole = example();
    let (status, plan, error) = given(whole.as_bytes(), &[]);
    assert!(status == 0 && plan.starts_with("Plan: orders") && error.is_empty(), "{error}");
    let marked = format!("\u{feff}{whole}");
    let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // As `cat groups.json clusters.json …`: a file a list, and one of them twice.
    let Value::Object(lists) = serde_json::from_str(&whole).unwrap() else { panic!("an object") };
    let mut files: Vec<String> =
        lists.into_iter().map(|(name, list)| format!("{:#}\n", json!({ name: list }))).collect();
    files.push(files[0].clone());
    let backwards: Vec<String> = files.iter().rev().cloned().collect();
    for same in
        [marked.as_bytes(), &utf16, files.concat().as_bytes(), backwards.concat().as_bytes()]
    {
        assert_eq!(given(same, &[]), (0, plan.clone(), String::new()));
    }
}

#[test]
fn a_part_says_what_is_missing_and_the_command_for_it() {
    let mut document: Value = serde_json::from_str(&example()).unwrap();
    document.as_object_mut().unwrap().remove("TagList");
    let (status, out, _) = given(document.to_string().as_bytes(), &[]);
    let command = "aws elasticache list-tags-for-resource --region eu-west-1 --resource-name \
                   arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:orders";
    let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(status == 1 && flat.contains(command), "{out}");
    let alone = json!({"CacheClusters": document["CacheClusters"]}).to_string();
    insta::assert_snapshot!(refused(&alone, &[]));
    insta::assert_snapshot!(refused("{}", &[]));
    insta::assert_snapshot!(refused("", &[]));
}

#[test]
fn several_caches_are_told_apart_by_their_arns() {
    let cluster = |id: &str| {
        let arn = format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:{id}");
        json!({"CacheClusterId": id, "ARN": arn, "Engine": "memcached"})
    };
    let both = json!({"CacheClusters": [cluster("a"), cluster("b")]}).to_string();
    insta::assert_snapshot!(refused(&both, &[]));
    insta::assert_snapshot!(refused(&both, &["--cache", "c"]));
    let (status, out, _) = given(both.as_bytes(), &["--cache", "b"]);
    assert!(status == 1 && out.starts_with("Refused: b"), "{out}");
}

/// AWS CLI 2.x prints these for `--output yaml`, `table` and `text`.
#[test]
fn other_output_than_json_says_the_option() {
    let yaml = "CacheClusters:\n- ARN: arn:aws:elasticache:eu-west-1:111122223333:cluster:a\n";
    insta::assert_snapshot!(refused(yaml, &[]));
    let table = "----------------------\n|DescribeCacheClusters|\n+--------------------+\n";
    insta::assert_snapshot!(refused(table, &[]));
    insta::assert_snapshot!(refused("CACHECLUSTERS\tTrue\tTrue\n", &[]));
    insta::assert_snapshot!(refused("{\"CacheClusters\": [],\n oops}", &[]));
    insta::assert_snapshot!(refused("{\"CacheClusters\": [\n", &[]));
    insta::assert_snapshot!(refused([0x1f, 0x8b, 0x08, 0xff], &[]));
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let output = command(&["plan", "no-such-file.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap());
}
