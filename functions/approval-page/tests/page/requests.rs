//! Requests, good and bad, and what is left in the account after each.

use crate::account::{Account, BASE, NOT_CHECKED, NOW, UNTIL, record};
use lambda_http::http::{Request as Builder, StatusCode};
use lambda_http::{Body, Request, Response};
use portcullis_approval::{About, Record, To, sign};
use portcullis_approval_page::{CHECKS_PER_SECOND, handle};

const FROM: &str = "203.0.113.7";
const FORM: &str = "application/x-www-form-urlencoded";

fn get(link: &str) -> Request {
    asks("GET", link)
}

fn asks(method: &str, link: &str) -> Request {
    Builder::builder().method(method).uri(link).body(Body::Empty).unwrap()
}

/// What a browser sends from the page.
fn post(link: &str, body: &str) -> Request {
    Builder::post(link)
        .header("host", "page.example")
        .header("origin", "null")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", FORM)
        .body(Body::Text(body.to_owned()))
        .unwrap()
}

fn approves(link: &str) -> Request {
    let plan = link.split("plan=").nth(1).unwrap().split('&').next().unwrap();
    post(link, &format!("decision=approve&name=Ada+Lovelace&reason=&plan={plan}"))
}

async fn answered(account: &Account, request: &Request) -> (StatusCode, String) {
    let response = handle(&account.desk(), request, FROM, NOW).await;
    guarded(&response);
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    (response.status(), text)
}

/// The headers that every answer has, whatever it is.
fn guarded(response: &Response<Body>) {
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'; style-src 'sha256-",
        "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("strict-transport-security", "max-age=31536000"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex, nofollow"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(header(name), value, "{name}");
    }
    assert!(header("permissions-policy").contains("camera=()"));
}

/// The answer that the table keeps.
async fn kept(account: &Account, id: &str, about: About) -> Option<portcullis_approval::Answer> {
    let record = account.desk().table.read(id).await.unwrap().unwrap();
    record.question(about).unwrap().answer.clone()
}

async fn asked() -> (Account, String) {
    let account = Account::default();
    let link = account.asks("valkey-with-replicas", About::Recreation).await;
    (account, link)
}

const ID: &str = "valkey-with-replicas-1a2b3c4d";

#[tokio::test]
async fn whoever_only_looks_changes_nothing() {
    let (account, link) = asked().await;
    let before = account.now().items.clone();
    let (status, page) = answered(&account, &get(&link)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Move orders to port"), "{page}");
    // A mail scanner opens what it finds, and looks twice.
    for found in
        page.split(['"', '\'', ' ', '<', '>']).filter(|part| part.starts_with(['#', '/', 'h', '?']))
    {
        let Ok(uri) =
            format!("{BASE}{}", found.trim_start_matches('/')).parse::<lambda_http::http::Uri>()
        else {
            continue;
        };
        answered(&account, &get(&uri.to_string())).await;
    }
    for method in ["GET", "HEAD", "GET"] {
        let response = handle(&account.desk(), &asks(method, &link), FROM, NOW).await;
        guarded(&response);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body().is_empty(), method == "HEAD");
    }
    let state = account.now();
    assert!(
        state.calls.iter().all(|call| ["VerifyMac", "GetItem"].contains(call)),
        "{:?}",
        state.calls
    );
    assert_eq!((&state.items, &state.woken), (&before, &Vec::new()));
}

#[tokio::test]
async fn an_answer_is_recorded_and_wakes_the_workflow() {
    let (account, link) = asked().await;
    let (status, page) = answered(&account, &approves(&link)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Approved: the re-creation of orders"), "{page}");
    let answer = kept(&account, ID, About::Recreation).await.unwrap();
    assert!(answer.yes);
    assert_eq!((answer.by.as_str(), answer.at), ("Ada Lovelace (from 203.0.113.7)", NOW));
    assert_eq!(account.now().woken, ["token of move"]);
}

#[tokio::test]
async fn a_deletion_is_rejected_with_a_reason_only() {
    let account = Account::default();
    let link = account.asks("memcached-single-node", About::Deletion).await;
    let plan = link.split("plan=").nth(1).unwrap().split('&').next().unwrap();
    let body = format!("decision=reject&name=Ada&plan={plan}");
    let (status, page) = answered(&account, &post(&link, &body)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("To reject, give a reason.") && page.contains("value=\"Ada\""), "{page}");
    let id = "memcached-single-node-1a2b3c4d";
    assert_eq!(kept(&account, id, About::Deletion).await, None);
    let (status, page) =
        answered(&account, &post(&link, &format!("{body}&reason=%3Cb%3Elater"))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("&lt;b&gt;later") && page.contains("Both caches stay."), "{page}");
    let answer = kept(&account, id, About::Deletion).await.unwrap();
    assert_eq!((answer.yes, answer.reason.as_str()), (false, "<b>later"));
}

#[tokio::test]
async fn the_first_answer_counts() {
    let (account, link) = asked().await;
    answered(&account, &approves(&link)).await;
    let plan = &record("valkey-with-replicas").0.fingerprint;
    let second = post(&link, &format!("decision=reject&name=Eve&reason=no&plan={plan}"));
    for again in [approves(&link), second, get(&link)] {
        let (status, page) = answered(&account, &again).await;
        let expected = if again.method() == "GET" { StatusCode::OK } else { StatusCode::CONFLICT };
        assert_eq!(status, expected);
        assert!(
            page.contains("Already answered by <strong>Ada Lovelace (from 203.0.113.7)</strong>"),
            "{page}"
        );
        assert!(page.contains("<strong>approved</strong>") && !page.contains("<form"), "{page}");
    }
    assert!(kept(&account, ID, About::Recreation).await.unwrap().yes);
    assert_eq!(account.now().woken.len(), 1);
}

#[tokio::test]
async fn an_answer_that_nobody_was_told_of_is_passed_on_again() {
    let (account, link) = asked().await;
    account.now().ended = false;
    account.now().lost = true;
    let (status, _) = answered(&account, &approves(&link)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(kept(&account, ID, About::Recreation).await.unwrap().yes);
    account.now().lost = false;
    let (_, page) = answered(&account, &get(&link)).await;
    assert!(page.contains("Notify the workflow again"), "{page}");
    assert!(account.now().woken.is_empty());
    assert_eq!(answered(&account, &approves(&link)).await.0, StatusCode::CONFLICT);
    assert_eq!(account.now().woken, ["token of move"]);
    assert!(!answered(&account, &get(&link)).await.1.contains("Notify the workflow again"));
}

#[tokio::test]
async fn a_move_that_has_ended_is_said_to_have() {
    let (account, link) = asked().await;
    account.now().ended = true;
    let (status, page) = answered(&account, &approves(&link)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("The re-creation ended before your answer"), "{page}");
}

#[tokio::test]
async fn a_link_with_anything_changed_shows_nothing() {
    let (account, link) = asked().await;
    let other = account
        .asks("valkey-three-shards", About::Recreation)
        .await
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    let own = link.split('?').next().unwrap().to_owned();
    let forged = [
        link.replace(&own, &other),
        link.replace(ID, "no-such-move"),
        link.replace("about=move", "about=deletion"),
        link.replace(&UNTIL.to_string(), &(UNTIL + 1).to_string()),
        link.replace("plan=", "plan=0"),
        link.replace("sig=", "sig=A").replace("=\n", "")[..link.len()].to_owned(),
        format!("{link}&about=move"),
        own.clone(),
        BASE.to_owned(),
        format!("{own}?about=move&until={UNTIL}&plan=x&sig=%00"),
    ];
    let (_, page) = answered(&account, &get(BASE)).await;
    account.now().calls.clear();
    for link in forged {
        for request in [get(&link), post(&link, "decision=approve&name=Eve&plan=00000000")] {
            assert_eq!(
                answered(&account, &request).await,
                (StatusCode::FORBIDDEN, page.clone()),
                "{link}"
            );
        }
    }
    assert!(
        account.now().calls.iter().all(|call| *call == "VerifyMac"),
        "{:?}",
        account.now().calls
    );
    assert!(!page.contains("orders") && !page.contains(ID), "{page}");
    assert_eq!(kept(&account, ID, About::Recreation).await, None);
}

#[tokio::test]
async fn a_flood_of_links_reaches_kms_a_few_times_a_second_and_people_after_it() {
    let (account, link) = asked().await;
    let desk = account.desk();
    let forged = format!("{}AAAA", &link[..link.len() - 4]);
    let floods = [(NOW, 300), (NOW + 1, 2), (NOW + 2, 300)];
    let limit = usize::try_from(CHECKS_PER_SECOND).unwrap();
    for (now, requests) in floods {
        account.now().calls.clear();
        let before = NOT_CHECKED.get();
        for at in 0..requests {
            let request = if at % 2 == 0 { get(&forged) } else { approves(&forged) };
            let response = handle(&desk, &request, FROM, now).await;
            guarded(&response);
            let (status, again) = (response.status(), response.headers().get("retry-after"));
            if at < limit {
                assert_eq!((status, again), (StatusCode::FORBIDDEN, None))
            } else {
                assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                assert_eq!(again.unwrap(), "1");
            }
        }
        assert_eq!(account.now().calls, vec!["VerifyMac"; requests.min(limit)]);
        assert_eq!(NOT_CHECKED.get() - before, requests.saturating_sub(limit));
    }
    // What costs nothing is told at once, and the second after it somebody answers.
    for junk in [BASE.to_owned(), link.replace("about=move", "about=x")] {
        assert_eq!(handle(&desk, &get(&junk), FROM, NOW + 2).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(kept(&account, ID, About::Recreation).await, None);
    assert_eq!(handle(&desk, &approves(&link), FROM, NOW + 3).await.status(), StatusCode::OK);
    assert_eq!(account.now().woken, ["token of move"]);
}

#[tokio::test]
async fn an_expired_link_costs_nothing() {
    let (account, link) = asked().await;
    for request in [get(&link), approves(&link)] {
        let response = handle(&account.desk(), &request, FROM, UNTIL).await;
        guarded(&response);
        assert_eq!(response.status(), StatusCode::GONE);
    }
    assert!(account.now().calls.is_empty());
    assert_eq!(kept(&account, ID, About::Recreation).await, None);
}

#[tokio::test]
async fn what_is_not_sent_by_the_page_is_refused_before_anything_is_asked() {
    let (account, link) = asked().await;
    let with = |name: &'static str, value: &str| {
        let mut request = approves(&link);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let mut long = approves(&link);
    *long.body_mut() = Body::Text("x".repeat(16 * 1024 + 1));
    let mut bare = approves(&link);
    bare.headers_mut().remove("content-type");
    let cases = [
        (with("sec-fetch-site", "cross-site"), StatusCode::FORBIDDEN),
        (with("sec-fetch-site", "same-site"), StatusCode::FORBIDDEN),
        (with("origin", "https://evil.example"), StatusCode::FORBIDDEN),
        (with("content-type", "application/json"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            with("content-type", "multipart/form-data; boundary=x"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (bare, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (long, StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (request, status) in cases {
        assert_eq!(answered(&account, &request).await.0, status, "{request:?}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
        let response = handle(&account.desk(), &asks(method, &link), FROM, NOW).await;
        guarded(&response);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
    }
    assert!(account.now().calls.is_empty(), "{:?}", account.now().calls);
}

#[tokio::test]
async fn a_form_of_another_plan_records_nothing() {
    let (account, link) = asked().await;
    for body in ["decision=approve&name=Ada&plan=00000000", "decision=approve&name=Ada", ""] {
        let (status, page) = answered(&account, &post(&link, body)).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        assert!(page.contains("The plan has changed since the mail"), "{page}");
    }
    assert_eq!(kept(&account, ID, About::Recreation).await, None);
    assert!(account.now().woken.is_empty());
}

#[tokio::test]
async fn a_link_of_an_earlier_question_says_so() {
    let account = Account::default();
    let (planned, plan) = record("redis-single-node");
    let desk = account.desk();
    let old =
        To { id: &planned.id, about: About::Recreation, plan: &plan.fingerprint, until: UNTIL - 1 };
    let earlier = sign(&desk.kms, "key", BASE, old).await.unwrap();
    let changed =
        sign(&desk.kms, "key", BASE, To { plan: "00000000", until: UNTIL, ..old }).await.unwrap();
    let unasked = sign(&desk.kms, "key", BASE, To { about: About::Deletion, ..old }).await.unwrap();
    let (_, page) = answered(&account, &get(&earlier)).await;
    assert!(page.contains("This re-creation is no longer on record"), "{page}");
    assert_eq!(answered(&account, &get(&earlier)).await.0, StatusCode::NOT_FOUND);
    account.puts(&planned, About::Recreation, &plan.fingerprint).await;
    for (link, says) in [
        (&earlier, "A later mail replaces this one"),
        (&changed, "The plan has changed since the mail"),
        (&unasked, "There is no request at this moment"),
    ] {
        for request in [get(link), approves(link)] {
            let (status, page) = answered(&account, &request).await;
            assert_eq!(status, StatusCode::CONFLICT, "{says}");
            assert!(page.contains(says) && page.contains("What you can do"), "{page}");
        }
    }
    assert_eq!(kept(&account, &planned.id, About::Recreation).await, None);
}

#[tokio::test]
async fn a_plan_that_would_be_another_today_is_not_shown() {
    let account = Account::default();
    let (planned, _) = record("redis-single-node");
    // Of this version's form, and of the eight digits of earlier ones.
    for other in ["0000000000000000", "00000000"] {
        let stale = Record { fingerprint: other.to_owned(), ..planned.clone() };
        let link = account.puts(&stale, About::Recreation, other).await;
        for request in [get(&link), approves(&link)] {
            let (status, page) = answered(&account, &request).await;
            assert_eq!(status, StatusCode::CONFLICT);
            assert!(page.contains("Portcullis was updated since the mail"), "{page}");
        }
        assert_eq!(kept(&account, &planned.id, About::Recreation).await, None);
    }
    assert!(account.now().woken.is_empty());
}
