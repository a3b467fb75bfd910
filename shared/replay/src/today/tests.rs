use portcullis_engine::case::PolicyContext;
use portcullis_engine::facts::{Interface, Source, Tag};
use portcullis_engine::settings::Mode;
use portcullis_testkit::example;
use portcullis_testkit::narrow::NARROW;
use serde_json::{Value, json};

use super::*;
use crate::finding::{Finding, Verdict};
use crate::input::Input;
use crate::replay::{Options, replay_beside};
use crate::sorted::{Merged, Runs};
use crate::split::Splitter;

/// The account as it is today: nothing but what a test says.
#[derive(Default)]
struct Account {
    details: Option<GroupDetails>,
    rules: Vec<IngressRule>,
    list: Vec<&'static str>,
    interfaces: Vec<Interface>,
}

impl Account {
    /// With the group, as it was made.
    fn with_group(tags: Vec<Tag>) -> Self {
        let details = GroupDetails { name: "web".to_owned(), vpc: Some("vpc-1".to_owned()), tags };
        Self { details: Some(details), ..Self::default() }
    }

    fn read(&self, read: &Read) -> Option<Fact> {
        Some(match read {
            Read::Details(id) => {
                Fact::Details(id.clone(), self.details.clone().ok_or("it is gone".to_owned()))
            }
            Read::Rules(id) => {
                let shown = Shown { rules: self.rules.clone(), ..Shown::default() };
                Fact::Rules(id.clone(), Ok(shown))
            }
            Read::List(id) => {
                let nets = self.list.iter().map(|net| net.parse().unwrap());
                Fact::List(id.clone(), PrefixList::Entries(nets.collect()))
            }
            Read::Interfaces(id) => {
                Fact::Interfaces(id.clone(), Interfaces::Read(self.interfaces.clone()))
            }
            _ => return None,
        })
    }
}

fn rule(id: &str, source: &str) -> IngressRule {
    IngressRule {
        id: id.to_owned(),
        source: Source::cidr(source).unwrap(),
        ..example::rule(1, 22, source)
    }
}

/// Somebody opens port 22 in a group of which no record tells the creation.
fn opens(at: usize, rule: &str, source: &str) -> Value {
    let source = if source.starts_with("pl-") {
        json!({"prefixListId": source})
    } else {
        json!({"cidrIpv4": source})
    };
    let mut item = json!({"groupId": "sg-1", "securityGroupRuleId": rule, "isEgress": false,
        "ipProtocol": "tcp", "fromPort": 22, "toPort": 22});
    item.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    json!({"eventName": "AuthorizeSecurityGroupIngress", "eventID": format!("e-{at}"),
        "eventTime": format!("2026-03-02T08:{at:02}:00Z"), "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "requestParameters": {"groupId": "sg-1"},
        "responseElements": {"securityGroupRuleSet": {"items": [item]}}})
}

fn findings(history: &[Value], account: Option<Account>) -> Vec<Finding> {
    let settings = example::settings(Mode::Enforce);
    let policy = PolicyContext { settings: &settings, exceptions: NARROW };
    let mut runs = Runs::default();
    let bytes = serde_json::to_vec(history).unwrap();
    let mut add = |record| runs.add(record).unwrap();
    Input::default().read(bytes.as_slice(), &mut Splitter::default(), &mut add);
    let mut merged = Merged::new([runs]).unwrap();
    let named = std::mem::take(&mut merged.named);
    let today = account.map(|account| {
        Today::new(Box::new(move |_: &Place, read: &Read| account.read(read)), named)
    });
    let options = Options { from: i64::MIN, to: i64::MAX, delay: 0, stack: "portcullis" };
    let (_, outcomes) = replay_beside(merged, &[policy], &options, today.as_ref()).unwrap();
    outcomes.into_iter().next().unwrap().findings
}

#[test]
fn a_prefix_list_has_the_entries_of_today() {
    let history = [opens(1, "sgr-01", "pl-1")];
    assert_eq!(findings(&history, None)[0].verdict, Verdict::Unknown);
    let account = || Account { list: vec!["0.0.0.0/0"], ..Account::with_group(Vec::new()) };
    let found = findings(&history, Some(account()));
    assert_eq!(found[0].verdict, Verdict::Closed);
    assert!(found[0].as_of_today.contains(&"prefix lists"), "{found:?}");
    let private = Account { list: vec!["10.0.0.0/8"], ..account() };
    assert_eq!(findings(&history, Some(private)), []);
}

#[test]
fn a_rule_that_no_record_names_was_there_before_the_history() {
    let history = [opens(1, "sgr-01", "52.0.0.0/9"), opens(9, "sgr-02", "10.0.0.0/8")];
    let with = |id: &str| Account {
        rules: vec![rule(id, "52.128.0.0/9"), rule("sgr-01", "52.0.0.0/9")],
        ..Account::with_group(Vec::new())
    };
    let found = findings(&history, Some(with("sgr-00")));
    assert!(found[0].evidence.ends_with("together with other rules"), "{found:?}");
    assert_eq!(found[0].unknown, [""; 0]);
    assert!(found[0].as_of_today.contains(&"older rules"));
    // It is opened later: at the first call it was not there.
    let named = findings(&history, Some(with("sgr-02")));
    assert!(!named[0].evidence.ends_with("together with other rules"), "{named:?}");
    assert!(!named[0].as_of_today.contains(&"older rules"));
}

#[test]
fn a_group_that_is_protected_today_counts_as_protected() {
    let history = [opens(1, "sgr-01", "0.0.0.0/0")];
    let protect = Tag { key: "portcullis:protect".to_owned(), value: String::new() };
    assert_eq!(findings(&history, None)[0].verdict, Verdict::Closed);
    let found = findings(&history, Some(Account::with_group(vec![protect])));
    assert_eq!(found[0].verdict, Verdict::Reported);
    assert!(found[0].as_of_today.contains(&"names and tags"), "{found:?}");
}

#[test]
fn of_a_group_that_is_gone_nothing_is_known() {
    let history = [opens(1, "sgr-01", "0.0.0.0/0")];
    let without = findings(&history, None);
    assert_eq!(findings(&history, Some(Account::default())), without);
    // That nothing carries a group of today is known, and less severe.
    let found = findings(&history, Some(Account::with_group(Vec::new())));
    assert!(found[0].severity < without[0].severity, "{found:?}");
    assert!(found[0].as_of_today.contains(&"network interfaces"));
}
