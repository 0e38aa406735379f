//! Several ends on a side.

use ringway::{channel::RecvError, ring::Kind, wait::Wait};

use crate::{beside, ends, support::patience::dies};

theme! { many: each_senders_items_stay_in_order only_the_last_sender_closes one_of_several_that_dies_is_told
weak_senders_keep_nothing_open }

const SENDERS: u64 = 3;
const EACH: u64 = 500;

pub(crate) fn each_senders_items_stay_in_order<K, W: Wait>()
where
    K: Kind<u64, Producer: Clone + 'static> + 'static,
{
    for slots in [1, 4, 64] {
        let (tx, mut rx) = ends::<u64, K, W>(slots);
        let senders: Vec<_> = (0..SENDERS)
            .map(|id| {
                let mut tx = tx.clone();
                beside(move || (0..EACH).try_for_each(|nth| tx.send(id * EACH + nth)))
            })
            .collect();
        drop(tx);
        let mut next = [0; SENDERS as usize];
        for item in &mut rx {
            let (id, nth) = (item / EACH, item % EACH);
            assert_eq!(nth, next[id as usize], "of sender {id}");
            next[id as usize] += 1;
        }
        assert_eq!(next, [EACH; SENDERS as usize]);
        senders.into_iter().for_each(|sender| assert!(sender.join().unwrap().is_ok()));
    }
}

pub(crate) fn only_the_last_sender_closes<K: Kind<u64, Producer: Clone>, W: Wait>() {
    let (tx, mut rx) = ends::<u64, K, W>(4);
    let mut another = tx.clone();
    assert_eq!(rx.senders(), 2);
    drop(tx);
    another.send(1).expect("open");
    assert_eq!((rx.recv(), rx.is_closed(), rx.senders()), (Ok(1), false, 1));
    drop(another);
    assert_eq!(rx.recv(), Err(RecvError::Closed));
}

pub(crate) fn one_of_several_that_dies_is_told<K: Kind<u64, Producer: Clone>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    let another = tx.clone();
    dies(move || {
        let _dies_with_it = another;
        panic!("in the middle of its work");
    });
    tx.send(1).expect("the others go on");
    drop(tx);
    assert_eq!(rx.recv(), Ok(1));
    assert_eq!(rx.recv(), Err(RecvError::PeerDied));
}

pub(crate) fn weak_senders_keep_nothing_open<K: Kind<u64, Producer: Clone>, W: Wait>() {
    let (tx, mut rx) = ends::<u64, K, W>(4);
    let (weak, another) = (tx.downgrade(), tx.downgrade());
    let mut strong = weak.upgrade().expect("tx is in");
    drop(tx);
    strong.send(1).expect("open");
    assert_eq!((rx.senders(), rx.recv()), (1, Ok(1)));
    let mut last = another.clone().upgrade().expect("strong is in");
    drop(strong);
    last.send(2).expect("open");
    drop(last);
    assert!(weak.upgrade().is_none() && another.upgrade().is_none());
    assert_eq!((rx.recv(), rx.recv()), (Ok(2), Err(RecvError::Closed)));
    assert!(rx.into_remaining().is_some_and(|mut left| left.next().is_none()), "the last end, weak ones aside");
}
