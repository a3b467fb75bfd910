//! What is remembered, held to a world in which events come twice, late and at the same time, writes are lost,
//! and invocations die anywhere.

mod memory {
    pub(crate) mod world;
}

use memory::world::{Fault, OFFICE, Stages, World};
use portcullis_engine::finding::Check;
use portcullis_engine::ledger::{OCCURRENCES, State, Why};
use portcullis_engine::resolution::Resolution;
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

/// `blind` of ten times there is no memory; `halfway` of ten times an invocation dies between a grant and the revoke.
fn step(blind: u32, halfway: u32) -> impl Strategy<Value = Step> {
    let port = prop::sample::select(vec![22, 6379]);
    let fault = prop_oneof![
        8 => Just(Fault::None),
        1 => Just(Fault::Dies),
        halfway => Just(Fault::Halfway),
        1 => Just(Fault::Refused),
        1 => Just(Fault::AnswerLost),
        1 => Just(Fault::Late),
        blind => Just(Fault::NoMemory),
    ];
    prop_oneof![
        3 => (port.clone(), 1..4_usize).prop_map(|(port, copies)| Step::Open(port, copies)),
        1 => (port.clone(), 1..3_usize).prop_map(|(port, copies)| Step::Touch(port, copies)),
        1 => port.prop_map(Step::Remove),
        1 => prop_oneof![1..10_i64, 20..90_i64, 1800..7200_i64].prop_map(Step::Wait),
        5 => (0..8_usize).prop_map(Step::Deliver),
        1 => (0..8_usize).prop_map(Step::Fire),
        20 => (0..8_usize, fault).prop_map(|(which, fault)| Step::Go(which, fault)),
    ]
}

fn steps_dying(blind: u32, halfway: u32) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(blind, halfway), 1..120)
}

fn play(world: &mut World, step: Step) {
    match step {
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

fn steps(blind: u32) -> impl Strategy<Value = Vec<Step>> {
    steps_dying(blind, 0)
}

fn played(mode: Mode, steps: &[Step]) -> World {
    played_late(mode, steps, &[0])
}

fn played_late(mode: Mode, steps: &[Step], lags: &[i64]) -> World {
    played_in(World::new(mode), steps, lags)
}

fn played_in(mut world: World, steps: &[Step], lags: &[i64]) -> World {
    for (step, lag) in steps.iter().zip(lags.iter().cycle()) {
        world.lag = *lag;
        play(&mut world, *step);
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

/// A limit, a lag, a flapping rule or a pause delays: after all revisits, nothing is open that was to be closed.
fn nothing_is_left_open_in_silence(world: &World) -> Result<(), TestCaseError> {
    prop_assert!(world.mode == Mode::Observe || world.live.is_empty(), "{:?}", world.live);
    prop_assert!(
        world.revisits.values().all(|revisit| revisit.settled || world.mode == Mode::Observe)
    );
    Ok(())
}

/// What is open is remembered as open, and what we closed as closed.
fn the_table_says_how_it_is(world: &World) -> Result<(), TestCaseError> {
    for entry in world.table.entries.values() {
        let rule = &entry.rule.as_ref().unwrap().rule;
        if let Some(live) = world.live.values().find(|live| entry.key == world.key(live)) {
            prop_assert_eq!(rule, &live.id);
            prop_assert_eq!(entry.state, State::Open);
        } else if world.closed.contains(rule) {
            prop_assert_eq!(entry.state, State::Closed);
        }
    }
    Ok(())
}

/// ElastiCache shows a cache within minutes, and within hours that it is available; or never does.
fn stages() -> impl Strategy<Value = Stages> {
    let available =
        prop::option::weighted(0.8, (0..3 * 86_400_i64, prop::sample::select(vec![6379, 7000])));
    (0..280_i64, 0..900_i64, 0..900_i64, available).prop_map(
        |(shown, grouped, carried, available)| {
            let last = shown + grouped + carried;
            Stages {
                shown,
                grouped: shown + grouped,
                carried: last,
                available: available.map(|(after, port)| (last + after, port)),
            }
        },
    )
}

/// In place of each rule that was closed, the office has one of the same port, and the ledger has its id.
fn the_office_has_what_was_closed(world: &World) -> Result<(), TestCaseError> {
    for opened in world.opened.iter().filter(|opened| world.closed.contains(&opened.rule)) {
        let entry = &world.table.entries[&opened.key];
        let port = entry.rule.as_ref().unwrap().from_port;
        let has: Vec<_> = world.granted.iter().filter(|grant| grant.from_port == port).collect();
        let [grant] = has.as_slice() else { panic!("{port}: {has:?}") };
        prop_assert_eq!(grant.to_port, port);
        prop_assert_eq!(grant.source.to_string(), OFFICE);
        let kept: Vec<&String> = entry.grants.iter().map(|grant| &grant.rule).collect();
        prop_assert_eq!(kept, [&grant.id]);
    }
    Ok(())
}

/// An invocation dies before each step, or in the midst of remediating: the next one comes to the same end.
#[test]
fn wherever_it_dies_the_office_has_it_once_and_the_world_does_not() {
    let mut deaths = 0;
    for fault in [Fault::Dies, Fault::Halfway] {
        for at in 0..12 {
            let mut world = World::knowing(Mode::Enforce);
            world.open(22, 1);
            world.deliver(0);
            for _ in 0..at {
                world.step(0, Fault::None);
            }
            if fault == Fault::Halfway && !world.is_remediating() {
                continue;
            }
            deaths += 1;
            world.step(0, fault);
            world.settle();
            assert!(world.live.is_empty(), "{fault:?} before step {at}");
            assert_eq!(world.granted.len(), 1, "{fault:?} before step {at}: {:?}", world.granted);
            the_office_has_what_was_closed(&world).unwrap();
            let [entry] = world.table.entries.values().collect::<Vec<_>>()[..] else { panic!() };
            assert_eq!((entry.state, entry.grants.len()), (State::Closed, 1));
        }
    }
    assert_eq!(deaths, 13, "one of them halfway");
}

/// Known networks soften what is done, and never hold it up.
#[test]
fn a_group_without_room_is_closed_all_the_same() {
    let mut world = World::knowing(Mode::Enforce);
    world.open(22, 1);
    world.deliver(0);
    while !world.is_remediating() {
        world.step(0, Fault::None);
    }
    world.step(0, Fault::Full);
    world.settle();
    assert!(world.live.is_empty() && world.granted.is_empty());
    assert_eq!(world.alerts.values().sum::<usize>(), 1);
}

/// Why it is looked at again, of each that is.
fn reasons(world: &World) -> Vec<Why> {
    let open = world.revisits.values().filter(|revisit| !revisit.settled);
    open.map(|revisit| revisit.why).collect()
}

#[test]
fn a_rule_that_was_snoozed_is_closed_and_told_when_the_snooze_ends() {
    let mut world = World::new(Mode::Enforce);
    world.snooze(22, 7200);
    let ends = world.now + 7200;
    world.open(22, 2);
    world.settle_until(ends - 60);
    assert!(world.live.contains_key(&22) && world.alerts.is_empty());
    assert_eq!(reasons(&world), [Why::Snooze]);
    // A schedule that fires early, or once more, finds the snooze still running.
    world.fire(0);
    world.settle_until(ends - 60);
    assert!(world.live.contains_key(&22) && world.now < ends);
    world.settle();
    assert!(world.live.is_empty() && world.now >= ends && reasons(&world).is_empty());
    assert_eq!(world.alerts.values().sum::<usize>(), 1);
    assert_eq!(world.again, [Some((Why::Snooze, vec!["bob".to_owned()]))]);
}

#[test]
fn a_pause_never_consumes_a_revisit() {
    let mut world = World::new(Mode::Enforce);
    world.wait(600);
    world.lag = 300;
    world.open(22, 1);
    world.settle_until(world.now);
    assert_eq!(reasons(&world), [Why::Lag]);
    world.mode = Mode::Observe;
    world.settle();
    assert!(world.live.contains_key(&22) && !world.alerts.is_empty());
    assert_eq!(reasons(&world), [Why::Paused]);
    world.mode = Mode::Enforce;
    world.settle();
    assert!(world.live.is_empty() && reasons(&world).is_empty());
}

#[test]
fn a_rule_that_ec2_refused_to_revoke_and_then_does_not_show_is_looked_at_again() {
    let mut world = World::new(Mode::Enforce);
    world.wait(600);
    world.open(22, 1);
    world.deliver(0);
    (0..20).for_each(|_| world.step(0, Fault::Refused));
    assert!(world.live.contains_key(&22));
    // The retry sees the group as it was before the call.
    world.lag = 120;
    world.deliver(0);
    (0..40).for_each(|_| world.step(0, Fault::None));
    assert!(world.live.contains_key(&22));
    assert_eq!(reasons(&world), [Why::Lag]);
    world.settle();
    assert!(world.live.is_empty() && reasons(&world).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_coming_is_told_once_and_none_is_lost(mode in mode(), steps in steps(0)) {
        let world = played(mode, &steps);
        each_coming_was_told_once(&world)?;
        no_coming_was_lost(&world)?;
        nothing_is_left_open_in_silence(&world)?;
        the_table_says_how_it_is(&world)?;
    }

    #[test]
    fn with_a_known_network_the_same_holds_and_it_has_what_was_closed(mode in mode(), steps in steps_dying(0, 1)) {
        let world = played_in(World::knowing(mode), &steps, &[0]);
        each_coming_was_told_once(&world)?;
        no_coming_was_lost(&world)?;
        nothing_is_left_open_in_silence(&world)?;
        the_table_says_how_it_is(&world)?;
        the_office_has_what_was_closed(&world)?;
        prop_assert!(mode == Mode::Enforce || world.granted.is_empty());
    }

    /// EC2 shows what a call did up to so many seconds later, each time anew.
    #[test]
    fn what_ec2_shows_late_is_closed_and_no_all_clear_is_wrong(
        mode in mode(),
        lags in prop::collection::vec(prop_oneof![Just(0), Just(5), Just(10), Just(60), 0..200_i64], 120),
        steps in steps(0),
    ) {
        let world = played_late(mode, &steps, &lags);
        prop_assert_eq!(&world.wrongly_gone, &Vec::<String>::new());
        nothing_is_left_open_in_silence(&world)?;
        for opened in &world.opened {
            let told = world.alerts.iter().filter(|((rule, _), _)| *rule == opened.rule);
            prop_assert!(told.map(|(_, times)| times).sum::<usize>() > 0, "{} was never told", opened.rule);
        }
    }

    #[test]
    fn without_a_memory_everything_is_closed_and_told(steps in steps(3)) {
        let world = played(Mode::Enforce, &steps);
        each_coming_was_told_once(&world)?;
        nothing_is_left_open_in_silence(&world)?;
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
            world.settle_until(time);
            if closed {
                back.push(time);
            }
            // Three within an hour, and since then no hour without one.
            let last = back.last().copied().unwrap_or_default();
            let times = back.iter().filter(|back| last - **back < 3600).count();
            closed = times < 3 || time - last >= 3600;
            prop_assert_eq!(world.live.is_empty(), closed, "after {} of {:?}", times, back);
        }
        let entry = world.table.entries.values().next().unwrap();
        prop_assert_eq!(entry.returns, u64::try_from(back.len()).unwrap());
    }
}

proptest! {
    // A cache that is never available is looked at two hundred times.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// A port that a snapshot may bring is not known before the cache is available: then it is decided for good.
    #[test]
    fn a_cache_is_followed_until_it_is_available_and_decided_for_good(
        stages in stages(),
        is_open in any::<bool>(),
        steps in prop::collection::vec(step(0, 0), 1..80),
        copies in 1..3_usize,
    ) {
        let mut world = World::new(Mode::Enforce);
        if is_open {
            world.admit(6379);
        }
        world.make(stages, copies);
        let made = world.now;
        for step in &steps {
            match *step {
                Step::Open(..) | Step::Touch(..) | Step::Remove(_) => {}
                step => play(&mut world, step),
            }
        }
        world.settle();
        prop_assert!(reasons(&world).is_empty(), "{:?}", reasons(&world));
        prop_assert_eq!(&world.rashly, &Vec::<String>::new());
        let of_port = world.told.iter().filter(|(check, ..)| *check == Check::DefaultPort);
        let told: Vec<(Resolution, i64)> = of_port.map(|(_, resolution, at)| (*resolution, at - made)).collect();
        for (resolution, age) in &told {
            let is_early = *resolution == Resolution::Pending && *age < 86_400;
            prop_assert!(!is_early || world.unscheduled, "told as pending after {age} s");
        }
        let is_on_default = stages.available.is_some_and(|(_, port)| port == 6379);
        prop_assert_eq!(world.executions.len(), usize::from(is_on_default));
        match told.last() {
            Some((Resolution::Started | Resolution::AlreadyStarted, _)) => prop_assert!(is_on_default),
            Some((Resolution::Pending, _)) => prop_assert!(!is_on_default),
            None => prop_assert!(!is_on_default),
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert!(stages.available.is_none() || world.live.is_empty() || !is_on_default, "it is open");
        prop_assert_eq!(world.closed.is_empty(), !is_open || world.live.contains_key(&6379));
    }
}
