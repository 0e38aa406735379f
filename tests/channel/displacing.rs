//! Making room by giving up the oldest item, and policies chosen at run time.

use std::time::Duration;

use ringway::{
    channel::{Block, DropOldest, DropOldestError, End, Losses, Policy, Refusal, Sent},
    ring::{Displace, Kind},
    wait::Wait,
};

use crate::{beside, ends, fill};

theme! { displacing: the_oldest_goes_and_is_counted an_open_claim_is_not_displaced a_policy_does_what_it_names
a_waiting_sender_gets_the_room_that_displacing_leaves }

pub(crate) fn the_oldest_goes_and_is_counted<K: Kind<u64, Producer: Displace>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    let displaced: Vec<_> = (0..100).filter_map(|number| tx.send_with(DropOldest, number).expect("open")).collect();
    assert!((0..96).eq(displaced));
    assert_eq!(tx.losses(), Losses { dropped_newest: 0, dropped_oldest: 96 });
    assert!((96..100).eq(rx.try_iter()));
    tx.close();
    assert_eq!(
        tx.send_with(DropOldest, 9),
        Err(DropOldestError::Closed { item: 9, displaced: None, end: End::Closed })
    );
}

/// A send that is meant never to wait must not wait for another end's open claim either.
pub(crate) fn an_open_claim_is_not_displaced<K: Kind<u64, Producer: Displace + Clone>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    let mut other = tx.clone();
    let claim = other.claim(1).expect("room");
    tx.send(1).expect("room");
    assert_eq!(tx.send_with(DropOldest, 2), Err(DropOldestError::Busy(2)));
    claim.abandon();
    assert_eq!(tx.send_with(DropOldest, 2), Ok(None), "a tombstone makes room, and is no loss");
    assert!([1, 2].into_iter().eq(rx.try_iter()));
    assert_eq!(tx.losses().total(), 0);
}

pub(crate) fn a_policy_does_what_it_names<K: Kind<u64, Producer: Displace>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    for policy in
        [Policy::Block, Policy::BlockFor(Duration::ZERO), Policy::Reject, Policy::DropNewest, Policy::DropOldest]
    {
        assert_eq!(tx.send_with(policy, 1), Ok(Sent::In));
        assert_eq!(rx.recv(), Ok(1));
    }
    fill(&mut tx);
    let refused = |policy: Policy, tx: &mut ringway::channel::Sender<u64, K, W>| {
        let refused = tx.send_with(policy, 9).expect_err("full");
        assert_eq!((refused.item, refused.displaced), (9, None));
        refused.why
    };
    assert_eq!(refused(Policy::Reject, &mut tx), Refusal::Full);
    assert_eq!(refused(Policy::BlockFor(Duration::from_micros(50)), &mut tx), Refusal::Timeout);
    assert_eq!(tx.send_with(Policy::DropNewest, 9), Ok(Sent::DroppedNewest(9)));
    assert_eq!(tx.send_with(Policy::DropOldest, 9), Ok(Sent::DroppedOldest(0)));
    tx.close();
    for policy in
        [Policy::Block, Policy::BlockFor(Duration::MAX), Policy::Reject, Policy::DropNewest, Policy::DropOldest]
    {
        assert_eq!(refused(policy, &mut tx), Refusal::Closed);
    }
}

pub(crate) fn a_waiting_sender_gets_the_room_that_displacing_leaves<K, W: Wait>()
where
    K: Kind<u64, Producer: Displace + Clone + 'static> + 'static,
{
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    fill(&mut tx);
    let mut other = tx.clone();
    let waiting = beside(move || other.send_with(Block, 7));
    for _ in 0..100 {
        tx.send_with(DropOldest, 8).expect("open");
    }
    drop(tx);
    let received: Vec<_> = rx.iter().collect();
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!(received.iter().filter(|&&item| item == 7).count(), 1);
}
