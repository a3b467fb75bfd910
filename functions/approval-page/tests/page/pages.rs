//! The pages, whole, as snapshots: `INSTA_UPDATE=always` writes them. Read them as if you were asked.

use crate::account::{NOW, hostile, question, record, server, writes};
use portcullis_approval::{About, Answer, Asked, Record, Through};
use portcullis_approval_page::page::{Asking, Filled, Notice, STYLE, Subject, already, recorded};
use portcullis_testkit::hostile::{shows_all, texts};

/// What the page is about, a line an element.
fn main(page: &str) -> String {
    let start = page.find("<main").expect("a main part");
    let end = page.find("</main>").expect("its end");
    page[start..end].replace("><", ">\n<")
}

fn asking(record: &Record, about: About) -> String {
    let question = &question(about, &record.fingerprint);
    let (asked, from) = (&asked(record, about), "203.0.113.7");
    Asking { record, question, asked, from, filled: Filled::default() }.page().into_string()
}

fn asked(record: &Record, about: About) -> Asked {
    record.asked(about).unwrap()
}

fn answer(yes: bool) -> Answer {
    let by = "Ada Lovelace (from 203.0.113.7)".to_owned();
    let reason = "not before <Monday>".to_owned();
    Answer { yes, by, reason, at: NOW, through: Through::Page }
}

#[test]
fn the_first_question() {
    for example in ["memcached-several-nodes", "valkey-with-replicas", "valkey-three-shards"] {
        let (record, _) = record(example);
        insta::assert_snapshot!(
            format!("move.{example}"),
            main(&asking(&record, About::Recreation))
        );
    }
}

#[test]
fn the_second_question() {
    for example in ["memcached-single-node", "redis-with-snapshots"] {
        let (record, _) = record(example);
        let page = main(&asking(&record, About::Deletion));
        insta::assert_snapshot!(format!("deletion.{example}"), page);
    }
}

#[test]
fn the_question_about_a_server() {
    let page = asking(&server("i-0123456789abcdef0-14960460", ""), About::Hardening);
    insta::assert_snapshot!("hardening", main(&page));
}

#[test]
fn every_difference_is_on_the_page_in_words() {
    use portcullis_recreation::plan::Disposition;
    for example in ["memcached-several-nodes", "valkey-with-replicas", "valkey-three-shards"] {
        let (record, plan) = record(example);
        let page = asking(&record, About::Recreation).replace("<wbr>", "");
        let changed =
            plan.inputs.iter().filter(|input| matches!(input.disposition, Disposition::Changed(_)));
        assert_eq!(page.matches(">changed</b>").count(), changed.clone().count(), "{example}");
        for input in changed {
            for line in
                input.now.lines().iter().chain(&input.then.lines()).filter(|line| *line != "-")
            {
                assert!(page.contains(&format!("<code>{line}</code>")), "{example}: {line}");
            }
        }
        for loss in &plan.losses {
            assert!(page.contains(&loss.what), "{example}: {}", loss.what);
        }
    }
}

#[test]
fn what_follows_an_answer() {
    let (moved, _) = record("valkey-with-replicas");
    let server = server("i-0123456789abcdef0-14960460", "");
    for (record, about) in
        [(&moved, About::Recreation), (&moved, About::Deletion), (&server, About::Hardening)]
    {
        for yes in [true, false] {
            let subject = Subject { record, asked: &asked(record, about) };
            let name = format!("recorded.{}.{}", about.as_str(), if yes { "yes" } else { "no" });
            insta::assert_snapshot!(name, main(&recorded(&subject, &answer(yes)).into_string()));
        }
    }
    let subject = Subject { record: &moved, asked: &asked(&moved, About::Recreation) };
    insta::assert_snapshot!("already", main(&already(&subject, &answer(true), true).into_string()));
}

#[test]
fn what_is_no_question() {
    let mut pages = String::new();
    for notice in [
        Notice::NotValid,
        Notice::Expired,
        Notice::Gone,
        Notice::PlanChanged,
        Notice::AskedAgain,
        Notice::Updated,
        Notice::NotAsked,
        Notice::NobodyWaits,
        Notice::CrossSite,
        Notice::NotAForm,
        Notice::TooLong,
        Notice::Method,
        Notice::Busy,
        Notice::Failed,
    ] {
        let page = main(&notice.page().into_string());
        pages.push_str(&format!("{notice:?}: {}\n{page}\n\n", notice.status()));
    }
    insta::assert_snapshot!("notices", pages);
}

#[test]
fn around_every_page_is_the_same() {
    let page = Notice::NotValid.page().into_string().replace(STYLE, "/* page/style.css */");
    insta::assert_snapshot!("whole", page.replace("><", ">\n<"));
}

#[test]
fn what_others_wrote_stays_text() {
    let (record, _) = hostile();
    let page = asking(&record, About::Recreation);
    assert_eq!(page.matches("&lt;script&gt;alert(1)").count(), 7, "{}", page);
    assert_eq!(page.matches("\\u{202e}").count(), 7);
    for raw in ["<script", "onload='", "\u{202e}", "style=", "javascript:", "src="] {
        assert!(!page.replace("&quot; onload='", "").contains(raw), "{raw}");
    }
}

#[test]
fn nothing_that_others_wrote_hides_on_a_page() {
    for text in texts() {
        let (record, _) = writes(&text);
        let server = server("i-0123456789abcdef0-14960460", &text);
        let by =
            |text: &str| Answer { by: text.to_owned(), reason: text.to_owned(), ..answer(false) };
        let subject = Subject { record: &record, asked: &asked(&record, About::Recreation) };
        for page in [
            asking(&record, About::Recreation),
            asking(&record, About::Deletion),
            asking(&server, About::Hardening),
            already(&subject, &by(&text), true).into_string(),
            recorded(&subject, &by(&text)).into_string(),
        ] {
            // The style is the page's own, with line breaks.
            shows_all("the page", &page.replace(STYLE, ""));
            assert!(!page.contains("<script") && !page.contains("\n\n"), "{page}");
        }
    }
}
