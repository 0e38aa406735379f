//! Batches, and slots written in place.

use ringway::{
    channel::{TryRecvError, TrySendError},
    ring::Kind,
    wait::Wait,
};

use crate::{ends, fill, support::patience::dies};

theme! { batches: what_does_not_fit_stays what_is_there_is_taken a_claim_is_sent_as_far_as_it_is_written
an_iterator_that_panics_has_sent_what_it_yielded a_closure_that_panics_costs_one_item }

pub(crate) fn what_does_not_fit_stays<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(64);
    let mut items = 0..1000;
    let sent = tx.try_send_many(&mut items).expect("room") as u64;
    assert!(sent >= 64);
    assert_eq!(items, sent..1000);
    assert_eq!(tx.try_send_many(&mut items), Err(TrySendError::Full(())));
    assert_eq!(tx.try_send_many(&mut (0..0)).unwrap_or(0), 0);
    let mut received = Vec::new();
    assert_eq!(rx.recv_many(&mut received, 1000), Ok(sent as usize));
    assert!((0..sent).eq(received));
}

pub(crate) fn what_is_there_is_taken<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(256);
    assert_eq!(rx.try_recv_each(5, |_| ()), Err(TryRecvError::Empty));
    tx.send_many(&mut (0..200)).expect("open");
    let mut received = Vec::new();
    assert_eq!(rx.try_recv_each(150, |item| received.push(item)), Ok(150));
    assert_eq!(rx.recv_each(0, |_| ()), Ok(0));
    assert_eq!(rx.recv_many(&mut received, usize::MAX), Ok(50));
    assert!((0..200).eq(received));
}

pub(crate) fn a_claim_is_sent_as_far_as_it_is_written<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(8);
    let mut claim = tx.claim(3).expect("room");
    assert_eq!((claim.slots(), claim.written()), (3, 0));
    claim.push(1).expect("a slot");
    claim.slot().expect("a slot").write(2);
    assert_eq!(claim.take_back(), Some(1), "what was not said to be written is not");
    claim.push(1).expect("a slot");
    assert_eq!(claim.commit(), 1);
    tx.try_claim(2).expect("room").abandon();
    std::mem::forget(tx.try_claim(1).expect("room"));
    tx.send(2).expect("room");
    assert!([1, 2].into_iter().eq(rx.try_iter()));
    fill(&mut tx);
    assert!(tx.try_claim(1).is_err_and(|refused| refused.is_full()));
}

pub(crate) fn an_iterator_that_panics_has_sent_what_it_yielded<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(256);
    let mut items = (0..100).inspect(|&number| assert!(number != 70, "meant to panic"));
    dies(|| {
        let _ = tx.send_many(&mut items);
    });
    assert!((0..70).eq(rx.try_iter()));
    tx.send(1).expect("goes on");
    assert_eq!(rx.recv(), Ok(1));
}

pub(crate) fn a_closure_that_panics_costs_one_item<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(256);
    tx.send_many(&mut (0..100)).expect("open");
    dies(|| {
        let _ = rx.recv_each(100, |number| assert!(number != 70, "meant to panic"));
    });
    assert!((71..100).eq(rx.try_iter()));
}
