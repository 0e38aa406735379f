//! Each side waits for the other.

use ringway::{ring::Kind, wait::Wait};

use crate::{beside, ends, fill};

theme! { waiting: a_receiver_waits_for_each_item a_sender_waits_for_room a_stream_through_few_slots ping_pong
batches_wait_too claims_wait }

pub(crate) fn a_receiver_waits_for_each_item<K: Kind<u64, Producer: 'static> + 'static, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(64);
    let (mut ask, mut asked) = ends::<u64, ringway::ring::spsc::Spsc, W>(2);
    let sender = beside(move || {
        // Only after it was asked for each, so that the receiver has to wait.
        while let Ok(number) = asked.recv() {
            tx.send(number).expect("open");
        }
    });
    for number in 0..200 {
        ask.send(number).expect("open");
        assert_eq!(rx.recv(), Ok(number));
    }
    drop(ask);
    sender.join().unwrap();
    assert!(rx.recv().is_err());
}

pub(crate) fn a_sender_waits_for_room<K: Kind<u64, Producer: 'static> + 'static, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    let sent = fill(&mut tx);
    let sender = beside(move || (sent..sent + 100).try_for_each(|number| tx.send(number)));
    for number in 0..sent + 100 {
        assert_eq!(rx.recv(), Ok(number));
    }
    assert!(sender.join().unwrap().is_ok());
    assert!(rx.recv().is_err());
}

pub(crate) fn a_stream_through_few_slots<K: Kind<u64, Producer: 'static> + 'static, W: Wait>() {
    for slots in [1, 2, 8, 64] {
        let (mut tx, mut rx) = ends::<u64, K, W>(slots);
        let sender = beside(move || (0..2000).try_for_each(|number| tx.send(number)));
        assert!((0..2000).eq(rx.iter()), "an item was lost, doubled or overtaken");
        assert!(sender.join().unwrap().is_ok());
    }
}

pub(crate) fn ping_pong<K: Kind<u64, Producer: 'static, Consumer: 'static> + 'static, W: Wait>() {
    let (mut there, mut ping) = ends::<u64, K, W>(1);
    let (mut back, mut pong) = ends::<u64, K, W>(1);
    let other = beside(move || {
        for number in &mut ping {
            back.send(number + 1).expect("open");
        }
    });
    for number in 0..300 {
        there.send(number).expect("open");
        assert_eq!(pong.recv(), Ok(number + 1));
    }
    drop(there);
    other.join().unwrap();
}

pub(crate) fn batches_wait_too<K: Kind<u64, Producer: 'static> + 'static, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(8);
    let sender = beside(move || tx.send_many(&mut (0..1000)));
    let mut items = Vec::new();
    while let Ok(taken) = rx.recv_many(&mut items, 5) {
        assert!((1..=5).contains(&taken));
    }
    assert!((0..1000).eq(items));
    assert_eq!(sender.join().unwrap(), Ok(1000));
}

pub(crate) fn claims_wait<K: Kind<u64, Producer: 'static> + 'static, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    let sender = beside(move || {
        let mut next = 0;
        while next < 500 {
            let mut claim = tx.claim(3).expect("open");
            // Every other claim leaves a slot unwritten.
            let written = if next % 2 == 0 { claim.slots() } else { claim.slots() - 1 };
            for _ in 0..written {
                claim.push(next).expect("a slot");
                next += 1;
            }
            assert_eq!(claim.commit(), written);
            if written == 0 {
                tx.send(next).expect("open");
                next += 1;
            }
        }
        next
    });
    let items: Vec<_> = rx.iter().collect();
    assert_eq!(items.len() as u64, sender.join().unwrap());
    assert!((0..).zip(items).all(|(number, item)| number == item));
}
