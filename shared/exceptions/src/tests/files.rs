//! What is wrong with files is told, all of it, with its place.

use std::fs;

use portcullis_engine::exceptions::{Answer, Exceptions};

use super::world::{policies, problems, world};
use crate::{Policies, Unreadable, schema_differs};

const ANY: &str = "permit (principal, action, resource);";

/// A policy that is in order but for what stands before it.
fn annotated(annotations: &str) -> String {
    problems(&format!("{annotations}\n{ANY}\n"))
}

#[test]
fn a_policy_needs_an_id_and_a_reason() {
    assert_eq!(annotated("@id(\"a\") @reason(\"b\")"), "");
    for (annotations, expected) in [
        ("@id(\"a\")", "test.cedar:1:1: the policy has no `@reason`"),
        ("@id(\"a\")\n@reason(\" \")", "test.cedar:2:1: the policy has no `@reason`"),
        ("@id(\"a\")\n@reason", "test.cedar:2:1: the policy has no `@reason`"),
        ("@reason(\"b\")", "test.cedar:1:1: the policy has no `@id`"),
        ("@reason(\"b\")\n  @id(\"\")", "test.cedar:2:3: `` is no id"),
        ("@id(\"a b\") @reason(\"b\")", "test.cedar:1:1: `a b` is no id"),
        ("@id(\"a\\u{202e}b\")\n@reason(\"b\")", "test.cedar:1:1: `a\u{202e}b` is no id"),
    ] {
        assert_eq!(annotated(annotations), expected, "{annotations}");
    }
    for hidden in ["a\\nb", "a\\u{1b}[2J", "a\\u{202e}b"] {
        let found = annotated(&format!("@id(\"a\")\n@reason(\"{hidden}\")"));
        assert!(found.starts_with("test.cedar:2:1: the `@reason` has characters"), "{found}");
    }
    let long = "x".repeat(65);
    assert!(annotated(&format!("@id(\"{long}\") @reason(\"b\")")).contains("is no id"));
    assert_eq!(
        annotated(""),
        "test.cedar:2:1: the policy has no `@id`\ntest.cedar:2:1: the policy has no `@reason`"
    );
}

#[test]
fn an_annotation_that_is_mistyped_is_not_overlooked() {
    for name in ["untill", "Until", "expires", "ID"] {
        let found = annotated(&format!("@id(\"a\")\n@reason(\"b\")\n@{name}(\"2026-12-31\")"));
        assert_eq!(found, format!("test.cedar:3:1: `@{name}` is no annotation of an exception"));
    }
    let twice =
        annotated("@id(\"a\")\n@reason(\"b\")\n@until(\"2026-12-31\")\n@until(\"2027-12-31\")");
    assert!(twice.contains("duplicate annotation") && twice.starts_with("test.cedar:"), "{twice}");
}

#[test]
fn an_end_is_a_day_or_a_moment() {
    let with = |until: &str| annotated(&format!("@id(\"a\")\n@reason(\"b\")\n@until(\"{until}\")"));
    for until in ["2026-12-31", "2028-02-29", "2026-12-31T18:00:00Z", "2026-12-31T18:00:00+01:00"] {
        assert_eq!(with(until), "", "{until}");
    }
    for until in [
        "",
        "31.12.2026",
        "2026-13-01",
        "2026-02-29",
        "2026-12-31T18:00",
        "2026-12-31 ",
        "never",
        "2026-12-31T25:00:00Z",
        "9999-12-31",
    ] {
        assert_eq!(with(until), format!("test.cedar:3:1: `{until}` is no moment"), "{until}");
    }
}

#[test]
fn an_id_is_used_once_over_all_files() {
    let text = format!("@id(\"a\") @reason(\"b\")\n{ANY}");
    let twice = format!("{text}\n{text}");
    assert_eq!(problems(&twice), "test.cedar:3:1: the id `a` is used twice");
    let files = ["one.cedar", "two.cedar"].map(|name| (name.to_owned(), text.clone()));
    let found = Policies::parse(files).unwrap_err();
    assert_eq!(found.to_string(), "two.cedar:1:1: the id `a` is used twice");
    let help = found.iter().next().unwrap().help.clone();
    assert_eq!(help.as_deref(), Some("it is that of a policy in one.cedar too"));
}

#[test]
fn every_problem_of_every_file_is_told() {
    let broken = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let found = Policies::parse([
        broken("a.cedar", "@id(\"a\")\n@reason(\"b\")\npermit (principal, action resource);\n"),
        broken("b.cedar", "@reason(\"b\")\npermit (principal, action, resource) when { principal.nmae == \"x\" };\n"),
        broken("c.cedar", "@id(\"c\")\n@reason(\"b\")\npermit (principal, action, resource);\n"),
        broken("d.cedar", "@id(\"c\")\npermit (principal, action == Portcullis::Action::\"open-ingres\", resource);\n"),
    ])
    .unwrap_err();
    insta::assert_snapshot!(found.to_string());
}

#[test]
fn what_cedar_cannot_parse_has_its_line() {
    for (text, line) in [
        ("permit", 1),
        ("\n\n@id(\"a\"\npermit (principal, action, resource);", 4),
        ("@id(\"a\") @reason(\"b\")\npermit (principal, action, resource)\nwhen { 1 + };", 3),
        ("// Only a comment and\nnonsense", 2),
    ] {
        let found = problems(text);
        let place = format!("test.cedar:{line}:");
        assert!(found.lines().all(|problem| problem.starts_with(&place)), "{found}");
        assert!(!found.is_empty());
    }
}

#[test]
fn types_are_checked() {
    for condition in [
        "context.fromPort == \"443\"",
        "context.fromport == 443",
        "principal.role == \"deploy\"",
        "resource.getTag(\"exposure\") == \"web\"",
        "resource.tags.exposure == \"web\"",
        "context.cidr.isInRange(ip(\"10.0.0.0/8\"))",
        "resource.vpc == \"vpc-01\"",
        "context.fromPort in [80, 443]",
        "context.time < \"2026-12-31\"",
        "context.cidr == ip(\"10.0.0.0/33\")",
        "ip(context.protocol).isIpv4()",
        "true || resource == Portcullis::Group::\"sg-01\"",
    ] {
        let found = problems(&ingress(condition));
        assert!(found.starts_with("test.cedar:4:"), "{condition}: {found}");
    }
    let of_cache = "@id(\"a\") @reason(\"b\")\npermit (principal, action == Portcullis::Action::\"no-auth\", resource)\n\
        when { context.protocol == \"tcp\" };";
    assert!(problems(of_cache).starts_with("test.cedar:3:"), "{}", problems(of_cache));
}

#[test]
fn a_policy_that_can_never_apply_is_a_problem() {
    let cache = "permit (principal, action == Portcullis::Action::\"open-ingress\", resource is Portcullis::Cache);";
    for policy in [cache.to_owned(), ingress("principal has rolle && false")] {
        let found = problems(&format!("@id(\"x\") @reason(\"b\") {policy}"));
        assert!(!found.is_empty(), "{policy}");
    }
}

#[test]
fn letters_that_look_like_others_are_a_problem() {
    for text in ["w\u{0435}b", "web\u{202e}"] {
        let found = problems(&ingress(&format!("context.protocol == \"{text}\"")));
        assert!(found.contains("test.cedar:"), "{text}: {found}");
    }
}

fn ingress(condition: &str) -> String {
    format!(
        "@id(\"a\")\n@reason(\"b\")\npermit (principal, action == Portcullis::Action::\"open-ingress\", resource)\n\
         when {{ {condition} }};\n"
    )
}

#[test]
fn templates_are_refused() {
    let found =
        problems("@id(\"a\") @reason(\"b\")\npermit (principal == ?principal, action, resource);");
    assert!(found.starts_with("test.cedar:1:1: templates are not used here"), "{found}");
}

#[test]
fn the_place_of_a_problem_counts_characters_and_crlf_lines() {
    let found = problems(
        "// äöü\r\n@id(\"a\")\r\n@reason(\"ü\")\r\n@untill(\"x\")\r\npermit (principal, action, resource);",
    );
    assert_eq!(found, "test.cedar:4:1: `@untill` is no annotation of an exception");
    let found = problems(&ingress("context.protocol == \"äöü\" && context.fromport == 1"));
    assert!(found.starts_with("test.cedar:4:37: "), "{found}");
}

#[test]
fn the_same_policy_twice_in_a_file_has_two_places() {
    let found = problems(&format!("@reason(\"b\")\n{ANY}\n@reason(\"b\")\n{ANY}\n"));
    assert_eq!(
        found,
        "test.cedar:1:1: the policy has no `@id`\ntest.cedar:3:1: the policy has no `@id`"
    );
}

#[test]
fn no_policy_at_all_tolerates_nothing() {
    for policies in [policies(""), policies("// Nothing.\n")] {
        assert_eq!(world("tcp 443", "52.94.76.1/32").ask(&policies), Answer::Fault);
        assert_eq!(world("tcp 443", "0.0.0.0/0").early().ask(&policies), Answer::Fault);
    }
}

#[test]
fn of_a_directory_only_its_own_cedar_files_count() {
    let dir = tempfile::tempdir().unwrap();
    let tolerates = || {
        Policies::read(dir.path()).map(|policies| {
            let answer = world("tcp 22", "0.0.0.0/0").ask(&policies);
            super::world::suppressed(&answer).map(str::to_owned)
        })
    };
    assert_eq!(tolerates(), Ok(None));
    let text = format!("@id(\"a\") @reason(\"b\") {ANY}");
    fs::create_dir(dir.path().join("strict")).unwrap();
    for other in ["strict/a.cedar", "a.cedar.bak", ".a.cedar", "a.txt", "a.cedarschema"] {
        fs::write(dir.path().join(other), &text).unwrap();
    }
    assert_eq!(tolerates(), Ok(None));
    fs::write(dir.path().join("a.cedar"), &text).unwrap();
    assert_eq!(tolerates(), Ok(Some("a".to_owned())));
}

#[test]
fn a_directory_that_is_not_there_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let found = Policies::read(&dir.path().join("none")).unwrap_err().to_string();
    assert!(found.contains("the directory cannot be read: No such file"), "{found}");
}

#[test]
fn what_cannot_be_read_is_told_beside_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.cedar"), b"// fine\n// \xff\n").unwrap();
    fs::create_dir(dir.path().join("b.cedar")).unwrap();
    fs::write(dir.path().join("c.cedar"), ANY).unwrap();
    let found = Policies::read(dir.path()).unwrap_err().to_string();
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines[0], "a.cedar: the file is not UTF-8: see line 2");
    assert!(lines[1].starts_with("b.cedar: the file cannot be read: "), "{found}");
    assert!(lines[2].starts_with("c.cedar:1:1: the policy has no `@id`"), "{found}");
    // One that is in order beside one that is not tolerates nothing either.
    fs::write(dir.path().join("c.cedar"), format!("@id(\"a\") @reason(\"b\") {ANY}")).unwrap();
    assert_eq!(Policies::read(dir.path()).unwrap_err().iter().count(), 2);
}

#[test]
fn what_is_unreadable_tolerates_nothing_and_says_why() {
    let unreadable = Unreadable::new("the directory is gone");
    let answer = unreadable.ask(&world("tcp 443", "10.0.0.0/8").asked());
    assert_eq!(answer, Answer::Unreadable("the directory is gone".to_owned()));
}

#[test]
fn a_schema_that_lies_beside_and_is_another_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!schema_differs(dir.path()));
    fs::write(dir.path().join("portcullis.cedarschema"), crate::SCHEMA).unwrap();
    assert!(!schema_differs(dir.path()));
    fs::write(dir.path().join("portcullis.cedarschema"), "entity Old;").unwrap();
    assert!(schema_differs(dir.path()));
}

#[test]
fn what_follows_from_a_mistake_is_not_told_beside_it() {
    let text = "@id(\"a\")\n@reason(\"b\")\npermit (principal, action == Portcullis::Action::\"open-ingres\", resource)\nwhen { context.fromPort == \"22\" };";
    let found = problems(text);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(
        found.starts_with("test.cedar:3:30: ") && found.contains("unrecognized action"),
        "{found}"
    );
    // Two mistakes are two.
    let text = "@id(\"a\")\n@reason(\"b\")\npermit (principal, action, resource)\nwhen { context.fromPort == \"22\" && principal.nam == \"x\" };";
    assert!(problems(text).lines().count() >= 2, "{}", problems(text));
}
