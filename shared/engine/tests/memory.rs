//! What is remembered, held to a world in which events come twice, late and at the same time, writes are lost,
//! and invocations die anywhere.

mod memory {
    pub(crate) mod world;
}

use memory::world::{Fault, World};
use portcullis_engine::ledger::{OCCURRENCES, State};
use portcullis_engine::settings::Mode;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Open(i32, usize),
    Touch(i32, usize),
    Remove(i32),
    Wait(i64),
    Deliver(usize),
    Fire(usize),
    Go(usize, Fault),
}

/// `blind` of ten times there is no memory.
fn steps(blind: u32) -> impl Strategy<Value = Vec<Step>> {
    let port = prop::sample::select(vec![22, 6379]);
    let fault = prop_oneof![
        8 => Just(Fault::None),
        1 => Just(Fault::Dies),
        1 => Just(Fault::Refused),
        1 => Just(Fault::AnswerLost),
        1 => Just(Fault::Late),
        blind => Just(Fault::NoMemory),
    ];
    let step = prop_oneof![
        3 => (port.clone(), 1..4_usize).prop_map(|(port, copies)| Step::Open(port, copies)),
        1 => (port.clone(), 1..3_usize).prop_map(|(port, copies)| Step::Touch(port, copies)),
        1 => port.prop_map(Step::Remove),
        1 => prop_oneof![1..10_i64, 20..90_i64, 1800..7200_i64].prop_map(Step::Wait),
        5 => (0..8_usize).prop_map(Step::Deliver),
        1 => (0..8_usize).prop_map(Step::Fire),
        20 => (0..8_usize, fault).prop_map(|(which, fault)| Step::Go(which, fault)),
    ];
    prop::collection::vec(step, 1..120)
}

fn played(mode: Mode, steps: &[Step]) -> World {
    let mut world = World::new(mode);
    for step in steps {
        match *step {
            // What is forgotten may be counted and told again.
            Step::Open(..) if world.opened.len() == OCCURRENCES => {}
            Step::Open(port, copies) => world.open(port, copies),
            Step::Touch(port, copies) => world.touch(port, copies),
            Step::Remove(port) => world.remove(port),
            Step::Wait(seconds) => world.wait(seconds),
            Step::Deliver(which) => world.deliver(which),
            Step::Fire(which) => world.fire(which),
            Step::Go(which, fault) => world.step(which, fault),
        }
    }
    world.settle();
    world
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Observe)]
}

/// Twice only if an invocation died after the alert went out, and before it could remember that; or if it had no
/// memory. And once more if EC2 refused to revoke what was told to be gone.
fn each_coming_was_told_once(world: &World) -> Result<(), TestCaseError> {
    for opened in &world.opened {
        let told = world.alerts.iter().filter(|((rule, _), _)| *rule == opened.rule);
        let recovered = world.recovered.get(&opened.rule).copied().unwrap_or_default();
        let times: usize = told.clone().map(|(_, times)| times).sum();
        prop_assert!(times > 0, "{} was never told", opened.rule);
        let forgotten = world.forgotten.get(&opened.rule).copied().unwrap_or_default();
        let failed = world.alerts.get(&(opened.rule.clone(), "failed")).copied();
        for ((rule, became), times) in told {
            let failed = failed.filter(|_| *became == "gone").unwrap_or_default();
            let most = 1 + forgotten + failed;
            prop_assert!(*times <= most, "{rule} was told {times} times as {became}");
        }
        prop_assert!(recovered <= 1 + forgotten, "{} recovered {recovered} times", opened.rule);
    }
    Ok(())
}

fn no_coming_was_lost(world: &World) -> Result<(), TestCaseError> {
    for opened in &world.opened {
        let entry = &world.table.entries[&opened.key];
        let times = world.opened.iter().filter(|other| other.key == opened.key).count();
        prop_assert_eq!(entry.times, u64::try_from(times).unwrap());
        let own = entry
            .occurrences
            .iter()
            .filter(|occurrence| occurrence.rule.as_ref() == Some(&opened.rule));
        prop_assert_eq!(own.clone().count(), 1);
        for occurrence in own {
            prop_assert!(occurrence.reported.is_some(), "{occurrence:?}");
            prop_assert!(
                occurrence.lease.as_ref().is_none_or(|lease| lease.until < world.now),
                "{occurrence:?}"
            );
        }
    }
    Ok(())
}

/// What is open is remembered as open, and what we closed as closed.
fn the_table_says_how_it_is(world: &World) -> Result<(), TestCaseError> {
    for entry in world.table.entries.values() {
        let rule = &entry.rule.as_ref().unwrap().rule;
        if let Some(live) = world.live.values().find(|live| entry.key == world.key(live)) {
            prop_assert_eq!(rule, &live.id);
            prop_assert_eq!(entry.state, State::Open);
            let because_of_a_fight = world.mode == Mode::Enforce;
            prop_assert!(!because_of_a_fight || entry.returns >= 3, "{:?}", entry);
        } else if world.closed.contains(rule) {
            prop_assert_eq!(entry.state, State::Closed);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_coming_is_told_once_and_none_is_lost(mode in mode(), steps in steps(0)) {
        let world = played(mode, &steps);
        each_coming_was_told_once(&world)?;
        no_coming_was_lost(&world)?;
        the_table_says_how_it_is(&world)?;
    }

    #[test]
    fn without_a_memory_everything_is_closed_and_told(steps in steps(3)) {
        let world = played(Mode::Enforce, &steps);
        each_coming_was_told_once(&world)?;
        for live in world.live.values() {
            let entry = &world.table.entries[&world.key(live)];
            prop_assert!(entry.returns >= 3, "{:?} is open, and there is no fight", entry);
        }
    }

    /// Every rule comes back some seconds after the one before, and is gone by then.
    #[test]
    fn what_comes_back_a_third_time_within_an_hour_is_not_closed(gaps in prop::collection::vec(60..2400_i64, 1..30)) {
        let mut world = World::new(Mode::Enforce);
        let mut back: Vec<i64> = Vec::new();
        let mut closed = false;
        for gap in gaps {
            world.wait(gap);
            world.remove(22);
            let time = world.now;
            world.open(22, 1);
            world.settle();
            if closed {
                back.push(time);
            }
            let within_the_hour = back.iter().filter(|back| time - **back < 3600).count();
            closed = within_the_hour < 3;
            prop_assert_eq!(world.live.is_empty(), closed, "after {} of {:?}", within_the_hour, back);
        }
        let entry = world.table.entries.values().next().unwrap();
        prop_assert_eq!(entry.returns, u64::try_from(back.len()).unwrap());
    }
}
