//! The ends that have joined a ring: a list that grows to the largest number that were in at once, and never shrinks.
//!
//! Members are walked without locks while others join and leave. One that left keeps its place for the next to join.
#![allow(unsafe_code)]

use std::{iter, ptr, ptr::NonNull};

use crate::sync::{AtomicBool, AtomicPtr, Ordering};

pub(super) struct Members<V> {
    first: AtomicPtr<Member<V>>,
}

/// A place in the list. It stays where it is as long as the list does.
pub(super) struct Member<V> {
    value: V,
    /// Whether an end owns this place.
    taken: AtomicBool,
    /// Set before the member is linked, and never again.
    next: *mut Member<V>,
}

impl<V> Members<V> {
    pub(super) fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Takes a place that somebody left, if there is one. What was done to its value until then has happened before.
    pub(super) fn rejoin(&self) -> Option<&Member<V>> {
        self.iter().find(|member| {
            // ORDER: Acquire on success; the last owner's words are visible. Partner: the Release in `leave`. A failure
            // says nothing but that the place is taken.
            member.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        })
    }

    /// Adds a place.
    pub(super) fn join(&self, value: V) -> &Member<V> {
        let member = Box::into_raw(Box::new(Member { value, taken: AtomicBool::new(true), next: ptr::null_mut() }));
        // ORDER: Relaxed; a guess, confirmed below.
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: made above and not linked yet, so nobody else sees it.
            unsafe { (*member).next = first };
            // ORDER: Release publishes the member, and by the chain of these the ones behind it, to the Acquire in `iter`.
            match self.first.compare_exchange_weak(first, member, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(seen) => first = seen,
            }
        }
        // SAFETY: linked members live as long as the list.
        unsafe { &*member }
    }

    /// All places, the newest first, taken or not.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member<V>> {
        // ORDER: Acquire; what was linked is visible. Partner: the Release in `join`.
        let first = self.first.load(Ordering::Acquire);
        // SAFETY: null, or a linked member, which lives as long as the list.
        let first = unsafe { first.as_ref() };
        iter::successors(first, |member| member.next())
    }

    /// The place after `member`, walking round.
    #[inline]
    pub(super) fn after<'a>(&'a self, member: &'a Member<V>) -> &'a Member<V> {
        member.next().or_else(|| self.iter().next()).unwrap_or(member)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut V> {
        // ORDER: Relaxed; `&mut self`.
        let mut next = self.first.load(Ordering::Relaxed);
        iter::from_fn(move || {
            // SAFETY: null, or a linked member; the list is borrowed exclusively, and each is visited once.
            let member = unsafe { next.as_mut() }?;
            next = member.next;
            Some(&mut member.value)
        })
    }
}

impl<V> Member<V> {
    #[inline(always)]
    pub(super) fn value(&self) -> &V {
        &self.value
    }

    fn next(&self) -> Option<&Self> {
        // SAFETY: null, or a member linked before this one, which lives as long.
        unsafe { self.next.as_ref() }
    }

    /// Gives the place up, for the next to [`rejoin`](Members::rejoin).
    pub(super) fn leave(&self) {
        // ORDER: Release; this owner's words are over. Partner: the Acquire in `rejoin`.
        self.taken.store(false, Ordering::Release);
    }

    /// For an end that keeps the list alive by other means.
    pub(super) fn as_ptr(&self) -> NonNull<Self> {
        NonNull::from(self)
    }
}

impl<V> Drop for Members<V> {
    fn drop(&mut self) {
        // ORDER: Relaxed; `&mut self`.
        let mut next = self.first.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: made by `Box::into_raw` in `join`, linked once, and freed here only.
            let member = unsafe { Box::from_raw(next) };
            next = member.next;
        }
    }
}

// SAFETY: members are shared by reference and freed by the owner of the list; `next` is written before it is shared.
unsafe impl<V: Send + Sync> Send for Members<V> {}
// SAFETY: as above.
unsafe impl<V: Send + Sync> Sync for Members<V> {}
