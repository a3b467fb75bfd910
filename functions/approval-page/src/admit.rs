//! What is taken as an answer at all, before anything is asked of AWS.

use lambda_http::Request;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::{CONTENT_TYPE, HOST, ORIGIN};

use crate::page::Notice;

/// More than the longest answer, percent-encoded.
const LONGEST: usize = 16 * 1024;

/// Why a POST is no answer; `None` if it may be one.
pub(crate) fn refused(request: &Request) -> Option<Notice> {
    let headers = request.headers();
    if !same_site(headers) {
        Some(Notice::CrossSite)
    } else if !is_form(headers) {
        Some(Notice::NotAForm)
    } else if request.body().len() > LONGEST {
        Some(Notice::TooLong)
    } else {
        None
    }
}

/// Whether the page itself sent it, as far as the browser says. The page has `Referrer-Policy:
/// no-referrer`, under which a browser sends `Origin: null` with its form: then Sec-Fetch-Site must
/// say whose it is. A client that sends neither is no browser, and nobody's hand is misled by it.
fn same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let (site, origin) = (text("sec-fetch-site"), text(ORIGIN.as_str()));
    let ours = |origin: &str| {
        let host = text(HOST.as_str());
        origin.strip_prefix("https://").is_some_and(|origin| Some(origin) == host)
    };
    match (site, origin) {
        (Some("same-origin" | "none"), Some("null") | None) | (None, None) => true,
        (Some("same-origin" | "none") | None, Some(origin)) => ours(origin),
        (Some(_), _) => false,
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_site(site: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", "page.example".parse().unwrap());
        for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        super::same_site(&headers)
    }

    #[test]
    fn only_the_page_itself_sends_an_answer() {
        let own = Some("https://page.example");
        for (site, origin) in [
            (Some("same-origin"), Some("null")),
            (Some("same-origin"), own),
            (Some("same-origin"), None),
            (Some("none"), Some("null")),
            (None, own),
            (None, None),
        ] {
            assert!(same_site(site, origin), "{site:?} {origin:?}");
        }
        for (site, origin) in [
            (Some("cross-site"), Some("null")),
            (Some("cross-site"), own),
            (Some("same-site"), None),
            (Some("same-origin"), Some("https://other.example")),
            (None, Some("null")),
            (None, Some("https://other.example")),
            (None, Some("https://page.example.evil.example")),
            (None, Some("http://page.example")),
        ] {
            assert!(!same_site(site, origin), "{site:?} {origin:?}");
        }
    }
}
