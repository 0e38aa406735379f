//! Tests that may take their process with them.

use std::{env, process::Command};

/// Says which test a child is to run.
const CHILD: &str = "RINGWAY_TEST_CHILD";

/// Runs `work` in a process of its own: this binary again, with nothing but the test of that name.
///
/// A stack that overflows, or a panic in a drop during a panic, can't be caught in any other way.
#[track_caller]
pub(crate) fn in_a_child(test: &str, work: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return work();
    }
    let myself = env::current_exe().expect("a test binary");
    let child = Command::new(myself).args(["--exact", test]).env(CHILD, test).output().expect("it ran");
    let said = String::from_utf8_lossy(&child.stdout);
    let complained = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {said}{complained}", child.status);
    assert!(said.contains("1 passed"), "the child did not find {test}: {said}");
}
