//! Channels whose ends sleep: nobody sleeps on what is there, and a close, a cancelled future or a dead end wakes who waits.
//! A wake-up that is lost shows as a deadlock.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loom::thread;
use ringway::{
    channel::{DropNewest, ItemOrGap, Receiver, RecvError, SendError, Sender, channel},
    ring::{
        Capacity, Kind, broadcast::Broadcast, broadcast_multi::BroadcastMulti, lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
    },
    wait::Park,
};

use crate::{
    explore::{explore, explore_briefly},
    steps::{Numbered, Wide},
    task::{Task, block_on},
};

fn ends<T, K: Kind<T>>(capacity: usize) -> (Sender<T, K, Park>, Receiver<T, K, Park>) {
    channel(Capacity::exactly(capacity)).expect("a small ring")
}

/// How a receive ended.
fn received<T: Numbered>(result: Result<T, RecvError>) -> Option<u64> {
    result.ok().map(Numbered::number)
}

#[test]
fn spsc_a_receiver_sleeps_for_an_item() {
    explore("channel spsc: send | recv", 30, [Some(1)], || {
        let (mut tx, mut rx) = ends::<u64, Spsc>(1);
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx
        });
        let item = received(rx.recv());
        sender.join().unwrap();
        item
    });
}

/// One item a line and one slot: the second send needs the slot of the first.
#[test]
fn spsc_a_sender_sleeps_for_room() {
    explore("channel spsc: send send | recv recv, wide", 100, [[Some(1), Some(2)]], || {
        let (mut tx, mut rx) = ends::<Wide, Spsc>(1);
        let sender = thread::spawn(move || {
            tx.send(Wide::with(1)).expect("open");
            tx.send(Wide::with(2)).expect("open");
            tx
        });
        let items = [received(rx.recv()), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

#[test]
fn spsc_the_sender_leaves() {
    explore("channel spsc: send drop | recv recv", 100, [[Some(1), None]], || {
        let (mut tx, mut rx) = ends::<u64, Spsc>(1);
        let sender = thread::spawn(move || tx.send(1).expect("open"));
        let items = [received(rx.recv()), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

/// A close by the receiver against sends of which the second may be asleep: refused and back, or received.
#[test]
fn spsc_the_receiver_closes() {
    // Room that the receiver makes after its close is not used.
    let accepted = [(0, vec![]), (1, vec![1])];
    explore("channel spsc: send send | close recv*, wide", 200, accepted, || {
        let (mut tx, mut rx) = ends::<Wide, Spsc>(1);
        let sender = thread::spawn(move || {
            let sent = (1..=2).take_while(|&number| tx.send(Wide::with(number)).is_ok()).count();
            (sent, tx)
        });
        rx.close();
        let mut items = Vec::new();
        while let Some(item) = received(rx.recv()) {
            items.push(item);
        }
        (sender.join().unwrap().0, items)
    });
}

/// Nothing else than the close wakes the sender: no room is made.
#[test]
fn spsc_a_close_wakes_a_sleeping_sender() {
    explore("channel spsc: send | close, full", 20, [Err(SendError::Closed(2))], || {
        let (mut tx, mut rx) = ends::<u64, Spsc>(1);
        while tx.try_send(1).is_ok() {}
        let sender = thread::spawn(move || tx.send(2));
        rx.close();
        sender.join().unwrap()
    });
}

#[test]
fn spsc_the_receiver_leaves_a_sleeping_sender() {
    explore("channel spsc: send send | drop, wide", 50, [0, 1], || {
        let (mut tx, rx) = ends::<Wide, Spsc>(1);
        let sender = thread::spawn(move || {
            let mut sent = 0;
            while sent < 2 {
                match tx.send(Wide::with(sent)) {
                    Ok(()) => sent += 1,
                    Err(SendError::Closed(item)) => {
                        assert_eq!(item.number(), sent, "another item came back");
                        break;
                    }
                    Err(SendError::PeerDied(_)) => panic!("nobody died"),
                }
            }
            sent
        });
        drop(rx);
        sender.join().unwrap()
    });
}

#[test]
fn lanes_two_senders() {
    explore_briefly("channel lanes: send | send | recv recv", 200, [[1, 2]], || {
        let (mut tx, mut rx) = ends::<u64, Lanes>(1);
        let mut other = tx.clone();
        let senders =
            [thread::spawn(move || tx.send(1).map(|()| tx)), thread::spawn(move || other.send(2).map(|()| other))];
        let mut items = [1, 2].map(|_| received(rx.recv()).expect("open"));
        items.sort_unstable();
        for sender in senders {
            assert!(sender.join().unwrap().is_ok());
        }
        items
    });
}

#[test]
fn lanes_a_sender_sleeps_for_room_in_its_lane() {
    explore("channel lanes: send send | recv recv, wide", 100, [[Some(1), Some(2)]], || {
        let (mut tx, mut rx) = ends::<Wide, Lanes>(1);
        let sender = thread::spawn(move || {
            tx.send(Wide::with(1)).expect("open");
            tx.send(Wide::with(2)).expect("open");
            tx
        });
        let items = [received(rx.recv()), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

#[test]
fn mpmc_two_receivers_sleep() {
    explore_briefly("channel mpmc: send send | recv | recv", 500, [[1, 2]], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(2);
        let mut other = rx.clone();
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx.send(2).expect("open");
            tx
        });
        let receiver = thread::spawn(move || received(other.recv()).expect("open"));
        let mut items = [received(rx.recv()).expect("open"), receiver.join().unwrap()];
        items.sort_unstable();
        sender.join().unwrap();
        items
    });
}

/// One commit uncovers two items, and two receivers sleep.
#[test]
fn mpmc_a_claim_stands_before_an_item() {
    explore_briefly("channel mpmc: claim… commit | recv | recv", 200, [[1, 2]], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(2);
        let (mut other_tx, mut other) = (tx.clone(), rx.clone());
        let mut claim = tx.try_claim(1).expect("room");
        claim.push(1).expect("a slot");
        other_tx.send(2).expect("room");
        let receivers = [
            thread::spawn(move || received(rx.recv()).expect("open")),
            thread::spawn(move || received(other.recv()).expect("open")),
        ];
        claim.commit();
        let mut items = receivers.map(|receiver| receiver.join().unwrap());
        items.sort_unstable();
        items
    });
}

#[test]
fn mpmc_a_sender_sleeps_for_room() {
    explore("channel mpmc: send | recv recv, full", 50, [[Some(1), Some(2)]], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(1);
        tx.send(1).expect("room");
        let sender = thread::spawn(move || {
            tx.send(2).expect("open");
            tx
        });
        let items = [received(rx.recv()), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

/// The last word reaches every sleeper: one learns of the end, the others of what it learnt.
#[test]
fn mpmc_everybody_learns_of_the_end() {
    explore_briefly("channel mpmc: abandon drop recv | recv", 100, [[None, None]], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(2);
        let mut other = rx.clone();
        let receiver = thread::spawn(move || received(other.recv()));
        tx.try_claim(1).expect("room").abandon();
        drop(tx);
        [received(rx.recv()), receiver.join().unwrap()]
    });
}

/// A close is told at once; the end, only when the claims are over, and then to one, who tells the others.
#[test]
fn mpmc_everybody_learns_of_an_end_that_waited_for_a_claim() {
    explore("channel mpmc: claim… close abandon recv by a task | recv", 100, [[None, None]], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(1);
        let (mut closing, mut other) = (tx.clone(), rx.clone());
        let claim = tx.try_claim(1).expect("room");
        closing.close();
        let receiver = thread::spawn(move || received(other.recv()));
        let mut task = Task::new(rx.recv_async());
        assert!(task.poll().is_none(), "a claim is open");
        claim.abandon();
        [received(task.finish()), receiver.join().unwrap()]
    });
}

/// A future that was called and is dropped passes its call on. No sender leaves meanwhile: that would wake everybody.
#[test]
fn mpmc_a_cancelled_receive_passes_its_call_on() {
    explore("channel mpmc: send | poll cancel recv by a task", 300, [(None, Some(1)), (Some(1), None)], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(1);
        let mut other = rx.clone();
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx
        });
        let mut first = Task::new(rx.recv_async());
        let cancelled = first.poll().and_then(received);
        let mut second = Task::new(other.recv_async());
        let early = second.poll();
        drop(first);
        if cancelled.is_some() {
            rx.close();
        }
        let item = received(early.unwrap_or_else(|| second.finish()));
        sender.join().unwrap();
        (cancelled, item)
    });
}

#[test]
fn a_task_sleeps_for_an_item() {
    explore("channel spsc: send | recv by a task", 30, [Some(1)], || {
        let (mut tx, mut rx) = ends::<u64, Spsc>(1);
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx
        });
        let item = received(block_on(rx.recv_async()));
        sender.join().unwrap();
        item
    });
}

/// Once a task has slept on a side, notifiers take full fences, and who sleeps after it as a thread pairs with those.
#[test]
fn a_thread_sleeps_where_a_task_has() {
    explore("channel spsc: send send | recv by a task, recv", 200, [[Some(1), Some(2)]], || {
        let (mut tx, mut rx) = ends::<u64, Spsc>(2);
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx.send(2).expect("open");
            tx
        });
        let items = [received(block_on(rx.recv_async())), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

/// The second task comes while the first, which tells notifiers to take full fences, has not made them see it yet.
#[test]
fn the_second_task_sleeps_beside_the_first() {
    explore("channel broadcast: send | poll | recv by a task", 200, [Some(1)], || {
        let (mut tx, rx) = ends::<u64, Broadcast>(2);
        let (mut first, mut second) = (rx.clone(), rx);
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx
        });
        let sleeper = thread::spawn(move || received(block_on(second.recv_async())));
        let mut task = Task::new(first.recv_async());
        task.poll();
        let item = sleeper.join().unwrap();
        sender.join().unwrap();
        item
    });
}

#[test]
fn a_task_sleeps_for_room() {
    explore("channel spsc: send × 2 by a task | recv recv, wide", 100, [[Some(1), Some(2)]], || {
        let (mut tx, mut rx) = ends::<Wide, Spsc>(1);
        let sender = thread::spawn(move || {
            block_on(tx.send_async(Wide::with(1))).expect("open");
            block_on(tx.send_async(Wide::with(2))).expect("open");
            tx
        });
        let items = [received(rx.recv()), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

#[test]
fn broadcast_everybody_wakes() {
    explore_briefly("channel broadcast: send | recv | recv", 200, [[Some(1), Some(1)]], || {
        let (mut tx, mut rx) = ends::<u64, Broadcast>(1);
        let mut other = rx.clone();
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx
        });
        let receiver = thread::spawn(move || received(other.recv()));
        let items = [received(rx.recv()), receiver.join().unwrap()];
        sender.join().unwrap();
        items
    });
}

/// The slowest receiver gates the sender, and leaves.
#[test]
fn broadcast_the_slowest_leaves() {
    explore_briefly("channel broadcast: send send | drop recv recv", 100, [[Some(1), Some(2)]], || {
        let (mut tx, mut rx) = ends::<Wide, Broadcast>(1);
        let slow = rx.clone();
        let sender = thread::spawn(move || {
            tx.send(Wide::with(1)).expect("open");
            tx.send(Wide::with(2)).expect("open");
            tx
        });
        drop(slow);
        let items = [received(rx.recv()), received(rx.recv())];
        sender.join().unwrap();
        items
    });
}

/// With no receiver in, a sender sleeps on the push that it has caught up with by a lap.
#[test]
fn broadcast_multi_senders_without_receivers() {
    explore("channel broadcast_multi: send | send send", 100, [()], || {
        let (mut tx, rx) = ends::<u64, BroadcastMulti>(1);
        let mut other = tx.clone();
        drop(rx);
        let sender = thread::spawn(move || {
            other.send(1).expect("open");
            other
        });
        tx.send(2).expect("open");
        tx.send(3).expect("open");
        sender.join().unwrap();
    });
}

/// What was lost last is told before the end.
#[test]
fn mpmc_a_loss_is_told_before_the_end() {
    explore("channel mpmc: drop-newest close | recv-or-gap*, full", 100, [(1, 1), (2, 0)], || {
        let (mut tx, mut rx) = ends::<u64, Mpmc>(1);
        tx.try_send(1).expect("room");
        let sender = thread::spawn(move || {
            tx.send_with(DropNewest, 2).expect("open");
            tx.close();
            tx
        });
        let (mut items, mut lost) = (0, 0);
        while let Ok(next) = rx.recv_or_gap() {
            match next {
                ItemOrGap::Item(_) => items += 1,
                ItemOrGap::Gap(more) => lost += more,
            }
        }
        sender.join().unwrap();
        (items, lost)
    });
}

/// A claim that waits for room finds the channel closed: the receiver, who may have put the end off for it, is told.
#[test]
fn spsc_a_claim_waits_while_the_receiver_closes() {
    explore("channel spsc: claim | recv close recv*, wide, full", 100, [(false, vec![1]), (true, vec![1, 2])], || {
        let (mut tx, mut rx) = ends::<Wide, Spsc>(1);
        assert!(tx.try_send(Wide::with(1)).is_ok());
        let sender = thread::spawn(move || {
            let claimed = tx.claim(1).map(|mut claim| {
                assert!(claim.push(Wide::with(2)).is_ok());
                claim.commit()
            });
            (claimed.is_ok(), tx)
        });
        let mut items = vec![received(rx.recv()).expect("an item")];
        rx.close();
        items.extend(std::iter::from_fn(|| received(rx.recv())));
        (sender.join().unwrap().0, items)
    });
}

/// Unwinds with `end` in its hands.
fn dies_with<E>(end: E) {
    let death = catch_unwind(AssertUnwindSafe(|| {
        let _end = end;
        resume_unwind(Box::new("meant to die"));
    }));
    assert!(death.is_err());
}

#[test]
fn a_receivers_death_is_told() {
    let accepted = [Err(SendError::PeerDied(1)), Ok(())];
    explore("channel spsc: send | die", 20, accepted, || {
        let (mut tx, rx) = ends::<u64, Spsc>(1);
        let receiver = thread::spawn(move || dies_with(rx));
        let sent = tx.send(1);
        receiver.join().unwrap();
        sent
    });
}
