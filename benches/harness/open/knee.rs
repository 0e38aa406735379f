//! Up to which load latency holds.

/// How much longer the 99th percentile may be than at its best.
const LONGER_MAX: f64 = 10.0;
/// The share of what was offered that has to get through.
const ACHIEVED_MIN: f64 = 0.98;

/// What one load came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// Items a second that were sent, by the plan.
    pub(crate) offered: f64,
    /// Items a second that came.
    pub(crate) achieved: f64,
    /// Their 99th percentile.
    pub(crate) p99_ns: f64,
}

/// The highest of the loads, which rise, up to which each got through with a 99th percentile of at most ten times the best
/// one. `None` if not even the first did.
pub(crate) fn knee(points: &[Point]) -> Option<Point> {
    let best = points.iter().map(|point| point.p99_ns).fold(f64::INFINITY, f64::min);
    let holds = |point: &&Point| point.p99_ns <= best * LONGER_MAX && point.achieved >= point.offered * ACHIEVED_MIN;
    points.iter().take_while(holds).last().copied()
}

#[cfg(test)]
mod tests {
    use super::{Point, knee};

    fn points(p99s: &[f64], capacity: f64) -> Vec<Point> {
        let point = |(nth, &p99_ns): (usize, &f64)| {
            let offered = (nth + 1) as f64 * 10.0;
            Point { offered, achieved: offered.min(capacity), p99_ns }
        };
        p99s.iter().enumerate().map(point).collect()
    }

    #[test]
    fn the_knee_is_before_latency_grows_or_items_are_held_back() {
        let offered = |p99s: &[f64], capacity| knee(&points(p99s, capacity)).map(|point| point.offered);
        assert_eq!(offered(&[200.0, 220.0, 300.0, 9000.0, 1e6], 100.0), Some(30.0));
        assert_eq!(offered(&[200.0, 220.0, 300.0, 400.0], 30.0), Some(30.0));
        assert_eq!(offered(&[200.0; 5], 100.0), Some(50.0));
        // The first load may be the worst: a receiver that sleeps between items wakes late.
        assert_eq!(offered(&[900.0, 200.0, 220.0], 100.0), Some(30.0));
        assert_eq!(offered(&[1e6, 200.0], 100.0), None);
        assert_eq!(knee(&[]), None);
    }
}
