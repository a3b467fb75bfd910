//! Every format of a report in which strangers wrote whatever they could.

use portcullis_engine::scan::{Calls, Counts};
use portcullis_engine::severity::Severity;
use portcullis_testkit::{hostile, schema};
use serde_json::{Value, json};

use crate::{
    Document, Finding, Owner, SCHEMA, Scope, Server, Subject, Summary, Suppressed, Unknown,
    UnusedGroup, controls, csv, html, ocsf, table,
};

fn subject(name: &str) -> Subject {
    Subject {
        kind: "security-group".to_owned(),
        id: "sg-01".to_owned(),
        arn: "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-01".to_owned(),
        name: Some(name.to_owned()),
        vpc: Some("vpc-01".to_owned()),
    }
}

fn finding(id: &str, severity: Severity, name: &str, description: &str) -> Finding {
    let rule = json!({"id": "sgr-01", "protocol": "tcp", "fromPort": 22, "toPort": 22, "source": "0.0.0.0/0",
        "description": description});
    let reach = json!({"interfaces": 1, "publicAddresses": ["203.0.113.7", "203.0.113.8"]});
    let public = json!({"ipv4Addresses": 3_702_258_432_u64, "ipv6Prefix": null});
    Finding {
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        subject: subject(name),
        owner: Some(Owner {
            kind: "terraform".to_owned(),
            who: "Terraform or OpenTofu".to_owned(),
            by: format!("the tag {name}"),
            advice: "change the rule".to_owned(),
        }),
        finding: json!({
            "id": id, "check": "open-ingress", "severity": severity.as_str(),
            "title": "TCP 22 from 0.0.0.0/0 lets the internet in",
            "evidence": {"group": "sg-01", "rule": rule, "public": public, "togetherWith": [], "cachePort": null,
                "reach": reach},
            "action": "revoke-ingress", "move": null, "execution": null, "outcome": "withheld",
            "because": "an audit changes nothing", "cameBack": null, "undo": null,
        }),
        admits: Some("all public IPv4 addresses".to_owned()),
        reach: Some("1 network interface carries the group".to_owned()),
        command: Some("aws ec2 revoke-security-group-ingress".to_owned()),
        steps: Vec::new(),
        exception: Some("permit (principal, action, resource);\n".to_owned()),
        controls: controls("open-ingress", Some((22, 22))),
    }
}

fn document(findings: Vec<Finding>, name: &str) -> Document {
    let scope = |region: &str| Scope {
        account: "111122223333".to_owned(),
        account_name: Some(name.to_owned()),
        region: region.to_owned(),
        complete: true,
        seconds: 1.5,
        counts: Counts { groups: 3, suspects: 1, rules: 1, prefix_lists: 0, caches: 0 },
        calls: Calls { made: 7, throttled: 0 },
    };
    Document {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        started: "2026-11-21T10:00:00Z".to_owned(),
        finished: "2026-11-21T10:00:05Z".to_owned(),
        complete: false,
        caller: Some(name.to_owned()),
        exceptions: name.to_owned(),
        scopes: vec![scope("eu-west-1"), scope("us-east-1")],
        findings,
        suppressed: vec![Suppressed {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            subject: subject(name),
            check: "open-ingress".to_owned(),
            what: Some("TCP 443 from 0.0.0.0/0".to_owned()),
            rule: Some("sgr-02".to_owned()),
            exception: "public-https".to_owned(),
            reason: name.to_owned(),
            until: None,
        }],
        servers: vec![Server {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            instance: "i-01".to_owned(),
            subject: "sg-01".to_owned(),
            managed: Some("Online".to_owned()),
        }],
        unused: Some(vec![UnusedGroup {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            id: "sg-09".to_owned(),
            name: name.to_owned(),
            vpc: None,
        }]),
        unknown: vec![Unknown {
            account: "111122223333".to_owned(),
            region: Some("us-east-1".to_owned()),
            call: "DescribeVpcs".to_owned(),
            right: None,
            error: name.to_owned(),
            count: 1,
            effect: "something is unknown".to_owned(),
        }],
        summary: Summary::default(),
    }
    .sorted()
}

fn small() -> Document {
    let low = finding("f-2", Severity::Low, "quiet", "for the office");
    let critical = finding("f-1", Severity::Critical, "web", "open to all");
    document(vec![low, critical], "ops/alice")
}

#[test]
fn what_strangers_wrote_is_shown_and_acts_on_nothing() {
    for text in hostile::texts() {
        let document = document(vec![finding("f-1", Severity::High, &text, &text)], &text);
        let (table, csv) = (table(&document, 80, &|_, word| word.to_owned()), csv(&document));
        let (html, ocsf) = (html(&document), ocsf(&document));
        for (surface, shown) in [("table", &table), ("HTML", &html), ("OCSF", &ocsf)] {
            hostile::shows_all(surface, shown);
        }
        hostile::shows_all("CSV", &csv.replace("\r\n", "\n"));
        assert!(!html.contains("<script"), "{html}");
        let tags = html.matches("<article").count();
        assert_eq!(tags, 1, "no text makes an element");
    }
}

#[test]
fn no_cell_is_a_formula_and_each_row_has_every_column() {
    for name in ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "=HYPERLINK(\"http://x\",\"y\"),z"] {
        let csv = csv(&document(vec![finding("f-1", Severity::High, name, name)], name));
        let rows = cells(&csv);
        assert_eq!(rows.len(), 4, "{csv}");
        for row in &rows {
            assert_eq!(row.len(), crate::csv::COLUMNS.len(), "{row:?}");
            let acts = |cell: &String| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(!row.iter().any(acts), "{row:?}");
        }
    }
}

/// Reads RFC 4180.
fn cells(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    rows
}

#[test]
fn the_table_fits_the_terminal_and_the_worst_comes_first() {
    let document = small();
    for width in [40, 80] {
        let table = table(&document, width, &|_, word| word.to_owned());
        let lines: Vec<&str> = table.lines().collect();
        let last = lines.len() - 1;
        let wide = lines[..last].iter().find(|line| line.chars().count() > width);
        assert!(width < 80 || wide.is_none(), "{wide:?}");
        assert!(table.find("CRITICAL") < table.find("LOW"), "{table}");
    }
    insta::assert_snapshot!(table(&document, 80, &|_, word| word.to_owned()));
}

#[test]
fn each_event_is_a_compliance_finding_of_ocsf() {
    for line in ocsf(&small()).lines() {
        schema::holds("ocsf-compliance-finding", &serde_json::from_str::<Value>(line).unwrap());
    }
    let all: Vec<Value> =
        ocsf(&small()).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<_> = all.iter().map(|event| event["compliance"]["status"].clone()).collect();
    assert_eq!(statuses, ["Fail", "Fail", "Fail", "Warning"]);
    assert_eq!(all[0]["severity_id"], 5);
    assert_eq!(all[0]["finding_info"]["uid"], "portcullis/111122223333/eu-west-1/f-1");
}

#[test]
fn reports_are_merged_and_counted() {
    let merged = Document::merged(vec![small(), small()]).unwrap();
    assert_eq!(merged.findings.len(), 4);
    assert_eq!(merged.servers, small().servers, "an instance is named once");
    assert_eq!(merged.unused.as_ref().map(Vec::len), Some(2));
    let without = Document { unused: None, ..small() };
    let both = Document::merged(vec![without, small()]).unwrap();
    assert_eq!(both.unused, small().unused);
    assert_eq!(merged.summary.by_severity["critical"], 2);
    assert_eq!(merged.summary.by_owner["Terraform or OpenTofu"], 4);
    assert_eq!(Document::merged(Vec::new()), None);
    let read: Document = serde_json::from_value(serde_json::to_value(&merged).unwrap()).unwrap();
    assert_eq!(read, merged, "what is kept is what is read");
}

#[test]
fn many_findings_are_all_there_and_the_page_stays_small() {
    let one = |at: usize| finding(&format!("f-{at}"), Severity::High, "web", "open");
    let page = html(&document((0..5000).map(one).collect(), "ops"));
    assert_eq!(page.matches("<article").count(), 1000);
    assert_eq!(page.matches("<li>TCP 22").count(), 4000);
    assert!(page.len() < 12_000_000, "{}", page.len());
    assert!(!page.contains("<details open"), "so many are closed");
}
