//! What is excepted is said in plain words, and what ends is marked.

use super::world::{policies, shipped};
use crate::{Policies, Tone, draw, report};
use portcullis_testkit::hostile;

/// 2026-11-21T10:00:00Z
const NOW: i64 = 1_795_255_200;

fn plain(_: Tone, text: &str) -> String {
    text.to_owned()
}

#[test]
fn the_shipped_policies_are_listed() {
    insta::assert_snapshot!(report(&shipped(), NOW, &plain));
}

#[test]
fn what_ends_soon_and_what_has_ended_is_marked() {
    let ends = [
        ("over", "permit", "2026-11-20"),
        ("today", "permit", "2026-11-21"),
        ("tomorrow", "permit", "2026-11-22"),
        ("soon", "permit", "2026-12-20"),
        ("later", "permit", "2026-12-21"),
        ("at-noon", "forbid", "2026-11-21T12:00:00Z"),
        ("at-ten", "forbid", "2026-11-21T10:00:00Z"),
    ];
    let text: String = ends
        .map(|(id, effect, until)| {
            format!("@id(\"{id}\") @reason(\"Why {id}.\") @until(\"{until}\") {effect} (principal, action, resource);\n")
        })
        .concat();
    let marked = |tone, text: &str| match tone {
        Tone::Warning => format!("<{text}>"),
        Tone::Heading | Tone::Plain => text.to_owned(),
    };
    insta::assert_snapshot!(report(&policies(&text), NOW, &marked));
}

#[test]
fn nothing_tolerated_is_said() {
    assert_eq!(report(&policies(""), NOW, &plain), "Nothing is suppressed.\n");
    let forbid = policies("@id(\"a\") @reason(\"Why.\") forbid (principal, action, resource);");
    let expected = "Nothing is suppressed.\n\nNever suppressed, whatever the policies above permit\n  a: every check \
                    (test.cedar)\n    Why.\n";
    assert_eq!(report(&forbid, NOW, &plain), expected);
}

fn drawn(files: &[(&str, &str)]) -> String {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    anstream::adapter::strip_str(&draw(&Policies::parse(files).unwrap_err())).to_string()
}

#[test]
fn problems_are_drawn_with_their_line_and_a_caret() {
    let vendor = "\
        // The vendor.\n\
        @id(\"vendor\")\n\
        @untill(\"2026-12-31\")\n\
        permit (principal, action == Portcullis::Action::\"open-ingress\", resource)\n\
        when { context.fromPort == \"443\" && principal.nmae == \"alice\" };\n";
    insta::assert_snapshot!(drawn(&[
        ("syntax.cedar", "@id(\"a\") @reason(\"b\")\npermit (principal, action resource);\n"),
        ("unfinished.cedar", "@id(\"a\") @reason(\"b\")\npermit"),
        ("vendor.cedar", vendor),
    ]));
}

#[test]
fn what_is_drawn_cannot_act_upon_a_terminal() {
    let shown = drawn(&[(
        "a.cedar",
        "@id(\"\u{1b}[2J\")\n@reason(\"b\") // \u{202e}\u{7}\npermit (principal, action, resource);",
    )]);
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    for text in hostile::texts() {
        let text = text.escape_debug();
        for file in [
            format!("@id(\"{text}\")\n@reason(\"b\")\npermit (principal, action, resource);"),
            format!("@id(\"a\")\n@reason(\"{text}\")\npermit (principal, action, resource);"),
            format!("@id(\"a\")\n@reason(\"b\") // {}\npermit (principal action);", text),
        ] {
            hostile::shows_all("a problem", &drawn(&[("a.cedar", &file)]));
        }
    }
}
