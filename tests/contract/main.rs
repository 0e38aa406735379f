//! What every ring promises, as one suite over every kind.
//!
//! A theme is a file: generic tests, and the list of them at its end. A kind is a line below: the themes that it signs.
//! What differs between kinds (who may clone, what a claim leaves behind) is in `support/kinds.rs`.
#![cfg(not(ringway_loom))]

#[path = "../support/mod.rs"]
mod support;

/// Stamps the tests of a theme for a kind.
macro_rules! stamp {
    ($theme:ident, $Kind:ty: $($test:ident)*) => {
        mod $theme {
            $(#[test] fn $test() { crate::$theme::$test::<$Kind>(); })*
        }
    };
}

/// Stamps the themes that a kind signs.
macro_rules! contract {
    ($kind:ident: $Kind:ty, $($theme:ident)*) => {
        mod $kind {
            $($theme! { $Kind })*
        }
    };
}

#[macro_use]
mod batches;
#[macro_use]
mod broadcasting;
#[macro_use]
mod capacities;
#[macro_use]
mod claims;
#[macro_use]
mod closing;
#[macro_use]
mod displacing;
#[macro_use]
mod drops;
#[macro_use]
mod looking;
#[macro_use]
mod order;
#[macro_use]
mod panics;
#[macro_use]
mod payloads;
#[macro_use]
mod random_calls;
#[macro_use]
mod sharing;
#[macro_use]
mod traps;
mod bounds;
mod leaving;
mod slices;

contract! { spsc: ringway::ring::spsc::Spsc,
order capacities batches claims looking closing drops payloads panics traps random_calls
closing_consumers claims_and_closing_consumers dying_consumers traps_of_closing }

contract! { dense: ringway::ring::dense::Dense,
order capacities batches claims looking closing drops payloads panics traps random_calls
closing_consumers claims_and_closing_consumers dying_consumers traps_of_closing }

contract! { lanes: ringway::ring::lanes::Lanes,
order capacities batches claims looking closing drops payloads panics traps random_calls
closing_consumers claims_and_closing_consumers dying_consumers traps_of_closing
sharing_producers sharing_consumers }

contract! { mpmc: ringway::ring::mpmc::Mpmc,
order capacities batches claims looking closing drops payloads panics traps random_calls
closing_consumers claims_and_closing_consumers dying_consumers traps_of_closing
sharing_producers sharing_consumers tombstones displacing }

contract! { broadcast: ringway::ring::broadcast::Broadcast,
order capacities batches claims looking closing drops payloads panics traps random_calls
broadcasting }

contract! { broadcast_multi: ringway::ring::broadcast_multi::BroadcastMulti,
order capacities batches claims looking closing drops payloads panics traps random_calls
broadcasting sharing_producers tombstones }
