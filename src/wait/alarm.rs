//! Wakes tasks at a time: one thread for all of them, started by the first that waits.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
    task::Waker,
    thread,
    time::Instant,
};

use parking_lot::{Condvar, Mutex};

/// The alarms of this process. The machine's own lock and thread, in a model too: models have no time.
struct Bell {
    /// Guards the alarms that are set; a task takes it when it goes to sleep with a time to wake up at. No code of a user's runs
    /// under it: wakers are cloned before, and woken or dropped after.
    alarms: Mutex<Alarms>,
    sooner: Condvar,
}

#[derive(Default)]
struct Alarms {
    /// By time, and by a number of their own.
    wakers: BTreeMap<(Instant, u64), Waker>,
    next: u64,
    is_running: bool,
}

static BELL: LazyLock<Bell> = LazyLock::new(|| Bell { alarms: Mutex::default(), sooner: Condvar::new() });

/// The alarm of one task; goes with it.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Instant, u64)>);

impl Alarm {
    /// Wakes the task at that time, and no more at the one before.
    pub(crate) fn set(&mut self, at: Instant, waker: &Waker) {
        if self.is_set(at, waker) {
            return;
        }
        let waker = waker.clone();
        let mut alarms = BELL.alarms.lock();
        let before = self.0.take().and_then(|key| alarms.wakers.remove(&key));
        let key = (at, alarms.next);
        alarms.next += 1;
        alarms.wakers.insert(key, waker);
        self.0 = Some(key);
        if !alarms.is_running {
            alarms.is_running = thread::Builder::new().name("ringway-alarm".to_owned()).spawn(ring).is_ok();
        }
        if alarms.wakers.keys().next() == Some(&key) {
            BELL.sooner.notify_one();
        }
        drop(alarms);
        drop(before);
    }

    fn is_set(&self, at: Instant, waker: &Waker) -> bool {
        let is_listed = |key| BELL.alarms.lock().wakers.get(&key).is_some_and(|listed| listed.will_wake(waker));
        self.0.is_some_and(|key| key.0 == at && is_listed(key))
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = self.0.and_then(|key| BELL.alarms.lock().wakers.remove(&key));
        drop(waker);
    }
}

/// Wakes each task when its time has come, for ever.
fn ring() {
    let mut alarms = BELL.alarms.lock();
    loop {
        let next = alarms.wakers.first_entry();
        match next {
            None => BELL.sooner.wait(&mut alarms),
            Some(next) if next.key().0 > Instant::now() => {
                let at = next.key().0;
                BELL.sooner.wait_until(&mut alarms, at);
            }
            Some(next) => {
                let waker = next.remove();
                drop(alarms);
                // The task's own code, which may panic.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                alarms = BELL.alarms.lock();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, mpsc},
        task::Wake,
        time::Duration,
    };

    use super::*;

    struct Tells(mpsc::Sender<Instant>);

    impl Wake for Tells {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(Instant::now());
        }
    }

    #[test]
    fn an_alarm_rings_in_time_and_not_when_it_is_gone() {
        let (tell, told) = mpsc::channel();
        let [unheard, heard] = [(); 2].map(|()| Arc::new(Tells(tell.clone())));
        let waker = Waker::from(heard);
        let (start, hour) = (Instant::now(), Duration::from_secs(3600));
        let (mut late, mut soon, mut gone) = (Alarm::default(), Alarm::default(), Alarm::default());
        late.set(start + Duration::from_millis(30), &waker);
        soon.set(start + hour, &waker);
        soon.set(start + Duration::from_millis(10), &waker);
        gone.set(start + hour, &Waker::from(Arc::clone(&unheard)));
        assert_eq!(Arc::strong_count(&unheard), 2);
        drop(gone);
        assert_eq!(Arc::strong_count(&unheard), 1, "nobody is left to wake it");
        let first = told.recv_timeout(Duration::from_secs(30)).expect("it rings");
        let second = told.recv_timeout(Duration::from_secs(30)).expect("it rings");
        assert!(first - start >= Duration::from_millis(10) && second - start >= Duration::from_millis(30));
        assert!(told.try_recv().is_err());
    }
}
