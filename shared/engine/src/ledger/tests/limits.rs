use super::*;
use crate::action::Per;
use crate::limits::Room;

use crate::event::Actor;
use crate::severity::Severity;

fn facts(rules: &[IngressRule]) -> GroupFacts {
    fixtures::group(rules.to_vec())
}

fn rules(count: usize) -> Vec<IngressRule> {
    (0..count).map(|at| rule(&format!("sgr-{at:02}"), &format!("tcp {}", 20 + at), WORLD)).collect()
}

fn opening(id: &str, rules: &[IngressRule]) -> Event {
    event(id, &rules.iter().collect::<Vec<_>>())
}

/// The rules that are to be closed.
fn closed(decision: &Decision) -> Vec<&str> {
    decision.actions().into_iter().map(crate::action::Action::id).collect()
}

/// What is decided when the rule comes back for this many times, by `actor`, every ten minutes.
fn came_back(times: usize, actor: &Actor) -> (Desk, Processed) {
    let mut desk = Desk::new();
    let mut last = None;
    for at in 0..=times {
        let one = rule(&format!("sgr-{at}"), "tcp 6379", WORLD);
        let mut event = event(&format!("e-{at}"), &[&one]);
        event.time = format!("2026-11-21T10:{}0:00Z", at);
        event.actor = actor.clone();
        last = Some(desk.deal(&event, &facts(&[one])));
    }
    (desk, last.unwrap())
}

fn actor(name: &str, via: Option<&str>) -> Actor {
    Actor { name: name.to_owned(), via: via.map(str::to_owned), ..Actor::default() }
}

#[test]
fn the_third_comeback_within_an_hour_is_not_closed_and_pages() {
    let terraform = actor("deploy/ci", Some("Terraform"));
    let (_, dealt) = came_back(2, &terraform);
    assert_eq!(closed(&dealt.decision), ["sgr-2"]);
    let (desk, dealt) = came_back(3, &terraform);
    assert_eq!(closed(&dealt.decision), [""; 0]);
    let finding = &dealt.report.findings[0];
    let (who, through) = ("deploy/ci".to_owned(), Some("Terraform".to_owned()));
    // An hour after the last one, at 10:30.
    let until = NOW + 30 * 60 + 3600;
    assert_eq!(
        because(&finding.finding),
        Some(&Because::Flapping { times: 3, who, through, until })
    );
    // Nothing carries the group: without the fight it is low.
    assert_eq!(finding.severity, Severity::High);
    assert_eq!((desk.entry().state, desk.entry().returns), (State::Open, 3));
    assert_eq!(desk.entry().latest().unwrap().outcome, Standing::Ended(Resolution::NotRemediated));
}

#[test]
fn a_fight_stays_one_when_its_event_is_delivered_again_hours_later() {
    let (mut desk, _) = came_back(3, &actor("ci", Some("eks.amazonaws.com")));
    let three = rule("sgr-3", "tcp 6379", WORLD);
    let again = Event { time: "2026-11-21T10:30:00Z".to_owned(), ..event("e-3", &[&three]) };
    desk.now += 7200;
    let dealt = desk.deal(&again, &facts(std::slice::from_ref(&three)));
    assert!(closed(&dealt.decision).is_empty() && dealt.reported().is_empty());
    // Touched after the hour, it is closed, and that is told.
    let later = Event { time: "2026-11-21T11:30:00Z".to_owned(), ..event("e-9", &[&three]) };
    let dealt = desk.deal(&later, &facts(&[three]));
    assert_eq!((closed(&dealt.decision), dealt.reported()), (vec!["sgr-3"], vec!["sgr-3"]));
}

#[test]
fn a_fight_is_not_forgotten_however_often_the_rule_is_made_anew_in_it() {
    let (mut desk, _) = came_back(3, &actor("ci", Some("eks.amazonaws.com")));
    for at in 31..59 {
        let one = rule(&format!("sgr-{at}"), "tcp 6379", WORLD);
        let mut event = event(&format!("e-{at}"), &[&one]);
        event.time = format!("2026-11-21T10:{at}:00Z");
        let dealt = desk.deal(&event, &facts(&[one]));
        assert_eq!(closed(&dealt.decision), [""; 0], "{at}");
    }
    assert_eq!((desk.entry().times, desk.entry().occurrences.len()), (32, OCCURRENCES + 3));
}

/// A person is closed each time, but for what nobody does by hand.
#[test]
fn what_a_person_opens_is_closed_each_time_unless_it_recurs_ten_times_within_an_hour() {
    for via in [None, Some("AWS console"), Some("AWS CLI"), Some("an AWS SDK")] {
        let mut desk = Desk::new();
        let mut closed_times = 0;
        for at in 0..=11 {
            let one = rule(&format!("sgr-{at}"), "tcp 6379", WORLD);
            let mut event = event(&format!("e-{at}"), &[&one]);
            event.time = format!("2026-11-21T10:{:02}:00Z", 4 * at);
            event.actor = actor("alice", via);
            let dealt = desk.deal(&event, &facts(&[one]));
            closed_times += closed(&dealt.decision).len();
        }
        assert_eq!(closed_times, 10, "{via:?}: the first one, and nine recurrences");
    }
}

/// A user agent is the caller's own word.
#[test]
fn an_hour_on_the_word_of_a_tool_is_given_once_a_day() {
    let terraform = actor("deploy/ci", Some("Terraform"));
    let (mut desk, dealt) = came_back(3, &terraform);
    assert_eq!(closed(&dealt.decision), [""; 0]);
    let mut open = |id: &str, time: &str, now: i64, is_revisit: bool| {
        let one = rule(id, "tcp 6379", WORLD);
        let event = Event {
            time: time.to_owned(),
            actor: terraform.clone(),
            ..event(&format!("e-{id}"), &[&one])
        };
        (desk.now, desk.is_revisit) = (now, is_revisit);
        closed(&desk.deal(&event, &facts(&[one])).decision).len()
    };
    let at = |minute: i64| NOW + 60 * minute;
    // Looked at again, too early and when the hour is over.
    assert_eq!(open("sgr-3", "2026-11-21T10:30:00Z", at(89), true), 0);
    assert_eq!(open("sgr-3", "2026-11-21T10:30:00Z", at(90), true), 1);
    // From now on it is closed each time, however often it recurs, up to ten times within the hour.
    let mut closed = 0;
    for minute in 31..=42 {
        let time = format!("2026-11-21T11:{minute}:00Z");
        closed += open(&format!("sgr-{minute}"), &time, at(60 + minute), false);
    }
    assert_eq!(closed, 9);
}

#[test]
fn a_fight_says_who_how_often_through_what_and_what_ends_it() {
    let words = |actor: &Actor| {
        because(&came_back(3, actor).1.report.findings[0].finding).unwrap().to_string()
    };
    insta::assert_snapshot!(words(&actor("deploy/ci", Some("Terraform"))), @r#"it is flapping: it recurred 3 times within an hour after a revoke, the last time by deploy/ci through Terraform, by its own word. It is open now (ComebacksPerHour), and is revoked at 2026-11-21T11:30:00Z if it has not recurred until then: change it where it is declared, then close it"#);
    insta::assert_snapshot!(words(&actor("eks", Some("eks.amazonaws.com"))), @r#"it is flapping: it recurred 3 times within an hour after a revoke, the last time by eks through eks.amazonaws.com. It is open now (ComebacksPerHour), and is revoked at 2026-11-21T11:30:00Z if it has not recurred until then: change what makes this service open it, then close it"#);
    insta::assert_snapshot!(words(&actor("node\nDone: nothing to see", Some("a\nb.amazonaws.com"))), @r#"it is flapping: it recurred 3 times within an hour after a revoke, the last time by node\nDone: nothing to see through a\nb.amazonaws.com. It is open now (ComebacksPerHour), and is revoked at 2026-11-21T11:30:00Z if it has not recurred until then: change what makes this service open it, then close it"#);
}

#[test]
fn a_rule_that_is_at_fault_twice_is_one() {
    let open = [rule("sgr-00", "udp 11211", WORLD), rule("sgr-01", "tcp 22", WORLD)];
    let mut desk = Desk::new();
    for (most, expected) in [(2, vec!["sgr-00", "sgr-01"]), (1, vec!["sgr-01"]), (0, vec![])] {
        desk.limits.actions_per_event = most;
        let (decision, _) = desk.lease(&opening("e-1", &open), &facts(&open));
        assert_eq!(decision.findings.len(), 3);
        assert_eq!(closed(&decision), expected);
        let left: Vec<_> = decision.findings.iter().filter_map(because).collect();
        let too_many = Because::TooMany { most, per: Per::Event };
        assert_eq!(left, vec![&too_many; [3, 2, 0][most]]);
    }
}

#[test]
fn what_was_too_much_for_a_pass_stays_until_the_next_one() {
    let open = rules(5);
    let mut desk = Desk::new();
    desk.limits.actions_per_event = 2;
    let event = opening("e-1", &open);
    let first = desk.deal(&event, &facts(&open));
    let gone: Vec<String> = closed(&first.decision).into_iter().map(str::to_owned).collect();
    assert_eq!((gone.len(), first.reported().len()), (2, 5));
    let left: Vec<_> = open.into_iter().filter(|rule| !gone.contains(&rule.id)).collect();
    let Lead::Group(lead) = &event.lead else { panic!("not about a group") };
    let closing = |waits| {
        let context = DecisionContext { waits, ..desk.context() };
        let decision = decide::group(&event, lead, &facts(&left), &context);
        closed(&decision).len()
    };
    assert_eq!((closing(true), closing(false)), (0, 2));
}

#[test]
fn a_minute_has_room_for_what_is_left_of_it() {
    let open = rules(5);
    let groups = [facts(&open)];
    let decided = decided(&opening("e-1", &open), &groups[0]);
    for (before, room) in [(0, 5), (95, 5), (97, 3), (100, 0), (1000, 0)] {
        let of_minute = Room { most: 100, per: Per::Minute, used: before };
        let decision = decided.clone().within(of_minute, &groups, &Reaches::default());
        assert_eq!(closed(&decision).len(), room, "{before}");
        let left: Vec<_> = decision.findings.iter().filter_map(because).collect();
        let too_many = Because::TooMany { most: 100, per: Per::Minute };
        assert_eq!(left, vec![&too_many; 5 - room], "{before}");
    }
}

#[test]
fn too_many_says_which_setting_it_was() {
    let words = |per| Because::TooMany { most: 25, per }.to_string();
    insta::assert_snapshot!(words(Per::Event), @r#"more than 25 rules were to be revoked at once for one event (ActionsPerEvent). The most dangerous are revoked first, and this one is open until its turn comes in one of the next minutes"#);
    insta::assert_snapshot!(words(Per::Minute), @r#"more than 25 rules were to be revoked within a minute (ActionsPerMinute). The most dangerous are revoked first, and this one is open until its turn comes in one of the next minutes"#);
}
