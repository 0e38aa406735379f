//! Random rules and calls, shrunk when a promise breaks.

use proptest::prelude::*;

use super::model::run;

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tracker_keeps_its_promises(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        run(&bytes);
    }
}
