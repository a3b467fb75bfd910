//! One request: a link, checked, then what it leads to.

use anyhow::Result;
use lambda_http::http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, RETRY_AFTER},
};
use lambda_http::{Body, Request, Response};
use maud::Markup;
use portcullis_approval::{
    Answer, Asked, Checked, Decided, Link, Question, Record, Table, Through,
};

use crate::limit::Limit;
use crate::page::{self, Filled, Notice, Subject};
use crate::reply::Reply;
use crate::{admit, headers};

/// Where moves are kept, and how links are checked.
#[derive(Debug)]
pub struct Approvals {
    /// The table of requests.
    pub table: Table,
    /// Checks links.
    pub kms: aws_sdk_kms::Client,
    /// Wakes the workflow.
    pub sfn: aws_sdk_sfn::Client,
    /// The ARN of the key that links are signed with.
    pub key: String,
    /// How many links are checked.
    pub limit: Limit,
    /// Counts a link that was not checked, because there were too many.
    pub not_checked: fn(),
}

/// A page and its status.
type Shown = (StatusCode, Markup);

/// Answers a request that came from the address `from`. It logs one line, without the query: whoever
/// has that can answer.
pub async fn handle(desk: &Approvals, request: &Request, from: &str, now: i64) -> Response<Body> {
    let link = Link::parse(request.uri().path(), request.uri().query().unwrap_or_default());
    let (status, page) = match show(desk, request, link.as_ref(), from, now).await {
        Ok(shown) => shown,
        Err(error) => {
            tracing::error!("{error:#}");
            notice(Notice::Failed)
        }
    };
    let (id, about) = link.as_ref().map_or(("", ""), |link| (&link.id, link.about.as_str()));
    let method = request.method().as_str();
    tracing::info!(method, id, about, from, status = status.as_u16(), "answered");
    let body =
        if request.method() == Method::HEAD { Body::Empty } else { Body::Text(page.into_string()) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    headers::set(response.headers_mut());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What costs nothing is checked first, so that a flood of junk reaches neither KMS nor the table.
async fn show(
    desk: &Approvals,
    request: &Request,
    link: Option<&Link>,
    from: &str,
    now: i64,
) -> Result<Shown> {
    let answers = request.method() == Method::POST;
    if !answers && ![Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(notice(Notice::Method));
    }
    let Some(link) = link else { return Ok(notice(Notice::NotValid)) };
    if let Some(refused) = answers.then(|| admit::refused(request)).flatten() {
        return Ok(notice(refused));
    }
    if link.until <= now {
        return Ok(notice(Notice::Expired));
    }
    if !desk.limit.admits(now) {
        (desk.not_checked)();
        return Ok(notice(Notice::Busy));
    }
    match link.check(&desk.kms, &desk.key, now).await? {
        Checked::Valid => {}
        Checked::Expired => return Ok(notice(Notice::Expired)),
        Checked::Forged => return Ok(notice(Notice::NotValid)),
    }
    let Some(record) = desk.table.read(&link.id).await? else { return Ok(notice(Notice::Gone)) };
    let question = match asked(&record, link) {
        Ok(question) => question,
        Err(why) => return Ok(notice(why)),
    };
    let what = match record.asked(link.about) {
        Ok(asked) => asked,
        Err(error) => {
            tracing::warn!("{error:#}");
            return Ok(notice(Notice::Updated));
        }
    };
    let visit = Visit { desk, link, record: &record, question, asked: &what, from, now };
    if answers { visit.take(&Reply::read(request.body())).await } else { Ok(visit.look()) }
}

/// The question that the link was sent for.
fn asked<'a>(record: &'a Record, link: &Link) -> Result<&'a Question, Notice> {
    let question = record.question(link.about).ok_or(Notice::NotAsked)?;
    if question.plan != link.plan || record.fingerprint != link.plan {
        return Err(Notice::PlanChanged);
    }
    if question.until == link.until { Ok(question) } else { Err(Notice::AskedAgain) }
}

/// Somebody with a good link, and what it leads to.
struct Visit<'a> {
    desk: &'a Approvals,
    link: &'a Link,
    record: &'a Record,
    question: &'a Question,
    asked: &'a Asked,
    from: &'a str,
    now: i64,
}

impl Visit<'_> {
    fn look(&self) -> Shown {
        match &self.question.answer {
            Some(answer) => {
                let stuck = !self.question.passed_on;
                (StatusCode::OK, page::already(&self.subject(), answer, stuck))
            }
            None => (StatusCode::OK, self.ask(Filled::default())),
        }
    }

    async fn take(&self, reply: &Reply) -> Result<Shown> {
        if reply.plan != self.link.plan {
            return Ok(notice(Notice::PlanChanged));
        }
        if let Some(missing) = reply.missing() {
            let Reply { decision, name, reason, .. } = reply;
            return Ok((
                StatusCode::UNPROCESSABLE_ENTITY,
                self.ask(Filled { decision, name, reason, missing }),
            ));
        }
        let answer = Answer {
            yes: reply.decision == "approve",
            by: format!("{} (from {})", reply.name, self.from),
            reason: reply.reason.clone(),
            at: self.now,
            through: Through::Page,
        };
        let desk = self.desk;
        Ok(
            match portcullis_approval::answer(&desk.table, &desk.sfn, self.link.to(), &answer)
                .await?
            {
                Decided::Recorded => (StatusCode::OK, page::recorded(&self.subject(), &answer)),
                Decided::Already(earlier) => {
                    (StatusCode::CONFLICT, page::already(&self.subject(), &earlier, false))
                }
                Decided::NobodyWaits => notice(Notice::NobodyWaits),
                Decided::NotAsked => notice(Notice::NotAsked),
                Decided::TooLate => notice(Notice::Expired),
            },
        )
    }

    fn subject(&self) -> Subject<'_> {
        Subject { record: self.record, asked: self.asked }
    }

    fn ask(&self, filled: Filled<'_>) -> Markup {
        let Self { record, question, asked, from, .. } = *self;
        page::Asking { record, question, asked, from, filled }.page()
    }
}

fn notice(notice: Notice) -> Shown {
    (notice.status(), notice.page())
}
