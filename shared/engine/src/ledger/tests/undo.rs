use super::*;

fn closed(rule: &IngressRule) -> Entry {
    let mut desk = Desk::new();
    desk.deal(&event("e-1", &[rule]), &fixtures::group(vec![rule.clone()]));
    desk.entry().clone()
}

fn nothing(undo: Undo) -> String {
    let Undo::NothingToUndo(why) = undo else { panic!("{undo:?}") };
    why
}

#[test]
fn what_was_closed_is_put_back_as_it_was() {
    let mut one = rule("sgr-1", "tcp 6379", WORLD);
    one.description = Some("for the demo".to_owned());
    let private = rule("sgr-2", "tcp 6379", "10.0.0.0/8");
    assert_eq!(undo(&closed(&one), Some(&[private])), Undo::Restore(one));
}

#[test]
fn what_is_back_under_another_id_is_not_put_back_twice() {
    let entry = closed(&rule("sgr-1", "tcp 6379", WORLD));
    let back = rule("sgr-2", "tcp 6379", WORLD);
    assert_eq!(undo(&entry, Some(&[back])), Undo::AlreadyBack("sgr-2".to_owned()));
}

#[test]
fn a_group_that_is_gone_takes_no_rule() {
    assert_eq!(undo(&closed(&rule("sgr-1", "tcp 6379", WORLD)), None), Undo::GroupGone);
}

#[test]
fn what_we_did_not_close_is_not_undone() {
    let mut entry = closed(&rule("sgr-1", "tcp 6379", WORLD));
    entry.state = State::Open;
    assert_eq!(nothing(undo(&entry, Some(&[]))), "it was not closed");
    let open = rule("sgr-2", "tcp 6379", WORLD);
    assert_eq!(undo(&entry, Some(&[open])), Undo::AlreadyBack("sgr-2".to_owned()), "it is snoozed");
    entry.state = State::Resolved;
    assert_eq!(nothing(undo(&entry, Some(&[]))), "it was not closed: somebody else removed it");
    let setting = Entry { rule: None, ..entry };
    assert_eq!(
        nothing(undo(&setting, None)),
        "it is about a setting of sg-01, which was not changed"
    );
}

#[test]
fn what_may_have_been_closed_without_a_memory_can_be_put_back() {
    let one = rule("sgr-1", "tcp 6379", WORLD);
    let mut desk = Desk::new();
    // So long after the event, what EC2 does not show is gone.
    desk.now += 300;
    desk.deal(&event("e-1", &[&one]), &fixtures::group(vec![]));
    assert_eq!(desk.entry().state, State::Resolved);
    assert_eq!(undo(desk.entry(), Some(&[])), Undo::Restore(one));
}
