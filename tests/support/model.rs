//! What a ring must answer: the promises of `ringway::ring`, on plain deques and in one thread.
//!
//! Where the documentation leaves a choice, so does the model: how many slots tombstones take, and whether a ring that
//! gives slots back by the half is full yet.

use std::collections::VecDeque;

use ringway::ring::{PopError, PushError};

use super::kinds::Facts;

/// An accepted item.
#[derive(Debug, Clone, Copy)]
struct Item {
    value: u64,
    producer: usize,
    /// So many were accepted before it.
    nth: u64,
}

/// What lies before a consumer; one view for all that compete, one for each of a broadcast.
#[derive(Debug, Clone, Default)]
struct View {
    items: VecDeque<Item>,
    /// Slots that claims may have left unwritten.
    tombstones: usize,
    /// Items that consumers have peeked at: in their hands, but maybe in a slot too.
    held: Vec<Item>,
    /// What consumers had in hand when they were dropped: it comes when nothing else can.
    left: VecDeque<Item>,
}

impl View {
    fn occupied(&self) -> usize {
        self.items.len() + self.tombstones + self.held.len()
    }
}

/// A consumer, for as long as the run goes on.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// What lies before it.
    view: usize,
    /// Whether it was told `Closed`: then nothing comes to it, whatever others leave.
    end: bool,
}

/// A forgotten claim whose producer was not used since.
#[derive(Debug, Clone, Copy)]
struct Open {
    producer: usize,
    slots: usize,
    /// Items from this one on were pushed behind it.
    since: u64,
}

#[derive(Debug)]
pub(crate) struct Model {
    facts: Facts,
    pub(crate) capacity: usize,
    views: Vec<Option<View>>,
    consumers: Vec<Seen>,
    /// Whether something was pushed, or claimed, on a broadcast without consumers.
    ungated: bool,
    /// What the consumer that left last had not seen, of a broadcast.
    left_last: View,
    pub(crate) closed: bool,
    open: Vec<Open>,
    /// Those who live.
    producers: Vec<usize>,
    /// The next value to be made.
    next: u64,
    accepted: u64,
}

impl Model {
    pub(crate) fn new(facts: Facts, capacity: usize) -> Self {
        Self {
            facts,
            capacity,
            views: vec![Some(View::default())],
            consumers: vec![Seen { view: 0, end: false }],
            ungated: false,
            left_last: View::default(),
            closed: false,
            open: Vec::new(),
            producers: vec![0],
            next: 0,
            accepted: 0,
        }
    }

    pub(crate) fn next_value(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    pub(crate) fn producer_joins(&mut self, producer: usize) {
        self.producers.push(producer);
    }

    pub(crate) fn producer_leaves(&mut self, producer: usize) {
        self.producers.retain(|&other| other != producer);
        self.closed |= self.producers.is_empty();
    }

    fn living(&self) -> impl Iterator<Item = &View> {
        self.views.iter().flatten()
    }

    fn view(&mut self, consumer: usize) -> &mut View {
        self.view_at(self.consumers[consumer].view)
    }

    fn view_at(&mut self, view: usize) -> &mut View {
        self.views[view].as_mut().expect("a consumer of this view lives")
    }

    /// Items inside, from where the slowest consumer stands; of one lane, where each producer has its own.
    fn inside(&self, producer: usize) -> usize {
        let counts = |item: &&Item| !self.facts.lanes || item.producer == producer;
        self.living().map(|view| view.items.iter().filter(counts).count()).max().unwrap_or(0)
    }

    /// A producer is used, which ends the claim that it forgot.
    pub(crate) fn used(&mut self, producer: usize) {
        let ended: usize = self.open.extract_if(.., |open| open.producer == producer).map(|open| open.slots).sum();
        self.leaves_unwritten(ended);
    }

    /// A claim of so many slots was granted.
    pub(crate) fn claims(&mut self, producer: usize, slots: usize) {
        assert!(!self.closed, "a closed ring granted a claim");
        assert!(slots > 0, "a claim of nothing");
        self.ungated |= self.views.iter().all(Option::is_none);
        let inside = self.inside(producer);
        assert!(inside + slots <= self.facts.hold(self.capacity), "{slots} slots granted with {inside} items inside");
    }

    pub(crate) fn forgets(&mut self, producer: usize, slots: usize) {
        self.open.push(Open { producer, slots, since: self.accepted });
    }

    pub(crate) fn has_open_claims(&self) -> bool {
        !self.open.is_empty()
    }

    pub(crate) fn has_forgotten(&self, producer: usize) -> bool {
        self.open.iter().any(|open| open.producer == producer)
    }

    /// A claim left so many slots, or fewer, unwritten. They, too, have overwritten what lay there.
    pub(crate) fn leaves_unwritten(&mut self, slots: usize) {
        self.ungated |= slots > 0 && self.views.iter().all(Option::is_none);
        if self.facts.tombstones {
            let hold = self.facts.hold(self.capacity);
            for view in self.views.iter_mut().flatten() {
                view.tombstones = (view.tombstones + slots).min(hold);
            }
        }
    }

    pub(crate) fn accepts(&mut self, producer: usize, value: u64) {
        assert!(!self.closed, "{value} was accepted after the close");
        let inside = self.inside(producer);
        assert!(inside < self.facts.hold(self.capacity), "{value} was accepted with {inside} items inside");
        self.ungated |= self.views.iter().all(Option::is_none);
        for view in self.views.iter_mut().flatten().chain([&mut self.left_last]) {
            view.items.push_back(Item { value, producer, nth: self.accepted });
        }
        self.accepted += 1;
    }

    pub(crate) fn refuses(&self, producer: usize, error: PushError<()>) {
        if self.closed {
            return assert!(error.is_closed(), "a closed ring said Full");
        }
        assert!(error.is_full(), "an open ring said Closed");
        let open: usize = if self.facts.tombstones { self.open.iter().map(|open| open.slots).sum() } else { 0 };
        if self.facts.broadcast && open > 0 {
            return; // The open claim stops the producers a lap later, whatever the consumers have seen.
        }
        let occupied = if self.facts.lanes {
            // This producer may have taken over the lane of any that is gone.
            let others = |item: &&Item| item.producer != producer && self.producers.contains(&item.producer);
            let all: usize = self.living().map(View::occupied).sum();
            all - self.living().flat_map(|view| view.items.iter().filter(others)).count()
        } else {
            self.living().map(View::occupied).max().unwrap_or(0) + open
        };
        assert!(occupied >= self.capacity, "refused with {occupied} of {} slots occupied", self.capacity);
    }

    /// `value` comes to a consumer, if it is its turn.
    pub(crate) fn pops(&mut self, consumer: usize, value: u64) {
        self.takes(consumer, value);
    }

    /// `value` makes room for another, if it is its turn.
    pub(crate) fn displaces(&mut self, value: u64) {
        self.takes_from(0, value);
    }

    fn takes(&mut self, consumer: usize, value: u64) -> Item {
        let Seen { view, end } = self.consumers[consumer];
        assert!(!end, "{value} came to a consumer that was told the end");
        self.takes_from(view, value)
    }

    fn takes_from(&mut self, view: usize, value: u64) -> Item {
        let Facts { lanes, tombstones, .. } = self.facts;
        let open = self.open.iter().map(|open| open.since).min().filter(|_| tombstones);
        let view = self.view_at(view);
        let is_behind = |item: &Item| open.is_some_and(|since| since <= item.nth);
        if view.left.front().is_some_and(|item| item.value == value) && view.items.front().is_none_or(is_behind) {
            return view.left.pop_front().expect("it is there");
        }
        let at = view.items.iter().position(|item| item.value == value);
        let at = at.unwrap_or_else(|| panic!("{value} came out and is not inside"));
        let Item { producer, nth, .. } = view.items[at];
        assert!(open.is_none_or(|since| nth < since), "{value} came out past an open claim");
        let overtaken = |item: &&Item| !lanes || item.producer == producer;
        let earlier = view.items.iter().take(at).find(overtaken);
        assert!(earlier.is_none(), "{value} came out before {earlier:?}");
        view.items.remove(at).expect("it was found there")
    }

    pub(crate) fn peeks(&mut self, consumer: usize, value: u64) {
        let item = self.takes(consumer, value);
        self.view(consumer).held.push(item);
    }

    /// An item that was peeked at leaves the ring.
    pub(crate) fn releases(&mut self, consumer: usize, value: u64) {
        self.lets_go(consumer, value);
    }

    /// As [`releases`](Self::releases), but the item is left to the others.
    pub(crate) fn leaves(&mut self, consumer: usize, value: u64) {
        let item = self.lets_go(consumer, value);
        self.view(consumer).left.push_back(item);
    }

    /// As [`releases`](Self::releases), but the item goes back to the front.
    pub(crate) fn puts_back(&mut self, consumer: usize, value: u64) {
        let item = self.lets_go(consumer, value);
        self.view(consumer).items.push_front(item);
    }

    fn lets_go(&mut self, consumer: usize, value: u64) -> Item {
        let held = &mut self.view(consumer).held;
        let at = held.iter().position(|item| item.value == value).expect("it was peeked at");
        held.swap_remove(at)
    }

    pub(crate) fn pops_nothing(&mut self, consumer: usize, error: PopError) {
        let Facts { tombstones, lanes, .. } = self.facts;
        let closed = self.closed;
        let open = self.open.iter().map(|open| open.since).min();
        let Seen { view, end } = self.consumers[consumer];
        assert!(!end || error == PopError::Closed, "a consumer that was told the end was told that more may come");
        self.consumers[consumer].end = error == PopError::Closed;
        let view = self.view_at(view);
        assert!(end || view.left.is_empty(), "{error:?} with {:?} left by others", view.left);
        if let Some(front) = view.items.front() {
            let claimed = tombstones && open.is_some_and(|since| since <= front.nth);
            // Who peeks keeps the turn of a lane.
            let blocked = claimed || lanes && !view.held.is_empty();
            return assert!(blocked && error == PopError::Empty, "{error:?} with {} items inside", view.items.len());
        }
        if lanes && !view.held.is_empty() {
            assert_eq!(error, PopError::Empty, "an item is in another's hands, and its lane has not ended");
        } else if open.is_none() {
            view.tombstones = 0; // Whoever finds nothing has skipped them.
            assert_eq!(error == PopError::Closed, closed, "{error:?} from a ring that is drained, closed: {closed}");
        } else {
            assert!(closed || error == PopError::Empty, "Closed from an open ring");
        }
    }

    /// Whether a pop must have an item, or the end.
    pub(crate) fn must_answer(&mut self, consumer: usize) -> bool {
        let Facts { tombstones, lanes, .. } = self.facts;
        let open = self.open.iter().map(|open| open.since).min();
        let closed = self.closed;
        let Seen { view, end } = self.consumers[consumer];
        let view = self.view_at(view);
        let is_clear = !lanes || view.held.is_empty();
        let is_there = match view.items.front() {
            Some(front) => !(tombstones && open.is_some_and(|since| since <= front.nth)),
            None => closed && open.is_none(),
        };
        end || is_clear && is_there || !view.left.is_empty()
    }

    pub(crate) fn depth_of_consumer(&mut self, consumer: usize, depth: usize) {
        let open: usize = self.open.iter().map(|open| open.slots).sum();
        // Of a lane that is another's turn the slots count that are not given back.
        let kept = if self.facts.lanes { self.facts.hold(self.capacity) - self.capacity } else { 0 };
        let view = self.view(consumer);
        let kept = kept * view.held.len();
        let (least, most) = (view.items.len() + view.left.len(), view.occupied() + view.left.len() + open + kept);
        assert!((least..=most).contains(&depth), "a consumer's depth is {depth}, not in {least}..={most}");
    }

    pub(crate) fn depth_of_producer(&self, producer: usize, depth: usize, room: usize) {
        let hold = self.facts.hold(self.capacity);
        let inside = self.inside(producer);
        assert!((inside..=hold).contains(&depth), "a producer's depth is {depth}, not in {inside}..={hold}");
        assert!(inside + room <= hold, "room for {room} with {inside} items inside");
    }

    /// A clone of a consumer: on a broadcast with a view of its own, else with the shared one. It knows of the end what its
    /// origin does.
    pub(crate) fn clones(&mut self, consumer: usize) -> usize {
        let mut clone = self.consumers[consumer];
        if self.facts.broadcast {
            let mut copy = self.view(consumer).clone();
            // What its origin has only looked at, the clone has still to see.
            copy.held.drain(..).for_each(|item| copy.items.push_front(item));
            self.views.push(Some(copy));
            clone.view = self.views.len() - 1;
        }
        self.consumer_joins(clone)
    }

    /// A consumer that sees what comes from now on, of a broadcast without open claims.
    pub(crate) fn subscribes(&mut self) -> usize {
        self.views.push(Some(View::default()));
        self.consumer_joins(Seen { view: self.views.len() - 1, end: false })
    }

    fn consumer_joins(&mut self, seen: Seen) -> usize {
        self.consumers.push(seen);
        self.consumers.len() - 1
    }

    pub(crate) fn consumer_leaves(&mut self, consumer: usize) {
        if self.facts.broadcast {
            let view = self.consumers[consumer].view;
            self.left_last = self.views[view].take().expect("the consumer of this view lived");
        }
    }

    /// Displacing failed because the oldest slot is in other hands.
    pub(crate) fn busy(&self) {
        let held = self.living().any(|view| !view.held.is_empty());
        assert!(held || !self.open.is_empty(), "Busy, with no claim open and nothing held");
    }

    /// What the last end got. On a broadcast that is what the consumer that left last had not seen, as far as producers
    /// that nothing gated did not overwrite it.
    pub(crate) fn remains(&mut self, values: Vec<u64>) {
        self.open.clear();
        if self.facts.broadcast {
            let unseen: Vec<u64> = self.left_last.items.iter().map(|item| item.value).collect();
            assert!(unseen.ends_with(&values), "{values:?} came back of {unseen:?}");
            let overwritten = unseen.len() - values.len();
            return assert!(overwritten == 0 || self.ungated, "{overwritten} items were inside and did not come back");
        }
        for value in values {
            let left = &mut self.view_at(0).left;
            if left.front().is_some_and(|item| item.value == value) {
                left.pop_front();
            } else {
                self.takes_from(0, value);
            }
        }
        let left = self.view_at(0).items.len() + self.view_at(0).left.len();
        assert_eq!(left, 0, "{left} items were inside and did not come back");
    }
}
