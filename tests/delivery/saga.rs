//! Sagas under every failure and every crash.

use std::{collections::HashSet, time::Duration};

use ringway::{
    delivery::{DedupWindow, Id, Idempotent, Saga, SagaAction, SagaError, SagaEvent},
    time::Instant,
};

const STEPS: u32 = 5;

/// A world that steps change. An action that is carried out twice would be seen.
struct World {
    effects: [i32; STEPS as usize],
    done: Idempotent<SagaEvent>,
}

impl World {
    fn new() -> Self {
        let window = DedupWindow { time: Duration::MAX, count: 100 };
        Self { effects: [0; STEPS as usize], done: Idempotent::new(window).expect("room") }
    }

    fn carry_out(&mut self, saga: &Saga, failing: Option<u32>) -> Option<SagaEvent> {
        let (action, effects) = (saga.next(), &mut self.effects);
        let work = || match action {
            SagaAction::Run(step) if Some(step) == failing => SagaEvent::Failed(step),
            SagaAction::Run(step) => {
                effects[step as usize] += 1;
                SagaEvent::Done(step)
            }
            SagaAction::Compensate(step) => {
                effects[step as usize] -= 1;
                SagaEvent::Compensated(step)
            }
            SagaAction::Completed | SagaAction::RolledBack => unreachable!("it is over"),
        };
        (!saga.is_over()).then(|| *self.done.run(saga.key(action), Instant::START, work))
    }
}

/// Every step fails in turn, or none; and the process dies after every action in turn, before its event is written.
#[test]
fn all_steps_are_done_in_the_end_or_none() {
    for failing in (0..STEPS).map(Some).chain([None]) {
        for crash in 0..2 * STEPS as usize {
            let (mut world, mut saga) = (World::new(), Saga::new(7_u64, STEPS));
            let mut actions = 0;
            while let Some(event) = world.carry_out(&saga, failing) {
                if actions == crash {
                    saga = Saga::resume(7_u64, STEPS, saga.log()).expect("its own log");
                } else {
                    saga.record(event).expect("the event of its action");
                }
                actions += 1;
            }
            let (end, effect) = match failing {
                Some(_) => (SagaAction::RolledBack, 0),
                None => (SagaAction::Completed, 1),
            };
            assert_eq!((saga.next(), world.effects), (end, [effect; STEPS as usize]), "{failing:?}, {crash}");
            assert!(saga.log().len() <= 2 * STEPS as usize);
        }
    }
}

#[test]
fn events_of_other_actions_are_refused() {
    let mut saga = Saga::new(1_u64, 2);
    let expected = SagaAction::Run(0);
    for event in [SagaEvent::Done(1), SagaEvent::Compensated(0), SagaEvent::Failed(1)] {
        assert_eq!(saga.record(event), Err(SagaError { event, expected }));
    }
    saga.record(SagaEvent::Done(0)).expect("it was next");
    let event = SagaEvent::Compensated(0);
    assert_eq!(Saga::resume(1_u64, 2, &[SagaEvent::Done(0), event]).err().map(|error| error.event), Some(event));
    assert_eq!(Saga::new(1_u64, 0).next(), SagaAction::Completed);
}

#[test]
fn keys_of_actions_differ() {
    let mut keys: HashSet<Id> = HashSet::new();
    for id in 0..100_u64 {
        let saga = Saga::new(id, 100);
        for step in 0..100 {
            assert!(
                keys.insert(saga.key(SagaAction::Run(step))) && keys.insert(saga.key(SagaAction::Compensate(step)))
            );
        }
    }
}
