//! Whole distributions of latencies. They are merged, never averaged, and a percentile without the samples for it is not told.

use std::time::{Duration, SystemTime};

use hdrhistogram::{
    Histogram,
    serialization::{V2DeflateSerializer, interval_log::IntervalLogWriterBuilder},
};
use serde_json::{Value, json};

use crate::harness::document::rounded;

/// The longest latency that is told from longer ones.
const LONGEST: Duration = Duration::from_secs(100);
/// Samples without which the 99.99th percentile is not told.
pub(crate) const SAMPLES_FOR_P9999: u64 = 1_000_000;
/// Points of a curve for each factor of ten in 1 / (1 - p).
const POINTS: i32 = 8;

/// Latencies, in ns.
#[derive(Debug, Clone)]
pub(crate) struct Distribution(Histogram<u64>);

impl Distribution {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_max(LONGEST.as_nanos() as u64, 3).expect("the bounds are in order"))
    }

    /// From when each item was due to when it came.
    pub(crate) fn between(due: &[u64], came: &[u64]) -> Self {
        let mut latencies = Self::new();
        due.iter().zip(came).for_each(|(&due, &came)| latencies.record(due, came));
        latencies
    }

    /// One more item.
    pub(crate) fn record(&mut self, due: u64, came: u64) {
        self.0.saturating_record(came.saturating_sub(due));
    }

    /// Adds what another holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency below which so many of a hundred are.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        self.0.value_at_percentile(percent)
    }

    /// The 99.99th percentile, if there are samples for it.
    pub(crate) fn p9999(&self) -> Option<u64> {
        (self.count() >= SAMPLES_FOR_P9999).then(|| self.percentile(99.99))
    }

    /// The percentiles by name; null where there are no samples for one.
    pub(crate) fn percentiles(&self) -> Value {
        let at = |percent| (self.count() > 0).then(|| self.percentile(percent));
        json!({
            "50": at(50.0), "90": at(90.0), "99": at(99.0), "99.9": at(99.9), "99.99": self.p9999(), "max": at(100.0),
        })
    }

    /// Points for a chart over log 1 / (1 - p): share, and ns. It ends where a single sample would be a point.
    pub(crate) fn curve(&self) -> Value {
        let steps = (0..).map(|step| 10f64.powf(f64::from(step) / f64::from(POINTS)));
        let steps = steps.take_while(|&step| step <= self.count() as f64);
        let point = |step: f64| {
            let share = 1.0 - 1.0 / step;
            json!([(share * 1e9).round() / 1e9, rounded(self.0.value_at_quantile(share) as f64)])
        };
        steps.map(point).collect()
    }

    /// As a histogram log, which the common tools read: one line of text with the compressed histogram in it.
    pub(crate) fn log(&self, name: &str, took: Duration) -> Vec<u8> {
        let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
        let comment = format!("{name}, latencies in ns from the due time");
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment(&comment)
            .with_start_time(SystemTime::now())
            .begin_log_with(&mut bytes, &mut serializer)
            .expect("memory can be written");
        log.write_histogram(&self.0, Duration::ZERO, took, None).expect("memory can be written");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;
    use std::time::Duration;

    fn of(latencies: &[u64]) -> Distribution {
        Distribution::between(&vec![0; latencies.len()], latencies)
    }

    #[test]
    fn what_is_merged_is_what_would_have_been_recorded_together() {
        let (few, many) = (of(&[100; 10]), of(&(1..=990).map(|nth| nth * 1000).collect::<Vec<_>>()));
        let mut merged = few.clone();
        merged.merge(&many);
        assert_eq!((merged.count(), merged.percentile(1.0)), (1000, 100));
        // The mean of the two medians would be 247 µs.
        assert!(merged.percentile(50.0).abs_diff(490_000) < 1000, "{}", merged.percentile(50.0));
    }

    #[test]
    fn too_few_samples_have_no_p9999() {
        assert_eq!(of(&[5; 999_999]).p9999(), None);
        assert_eq!(of(&[5; 1_000_000]).p9999(), Some(5));
        assert!(of(&[5; 10]).percentiles()["99.99"].is_null());
        assert!(Distribution::new().percentiles()["50"].is_null());
    }

    #[test]
    fn the_curve_rises_and_ends_with_the_samples() {
        let curve = of(&(1..=1000).collect::<Vec<_>>()).curve();
        let points = curve.as_array().expect("an array");
        assert_eq!(points.len(), 25);
        assert!(points.windows(2).all(|pair| pair[0][1].as_f64() <= pair[1][1].as_f64()));
        assert_eq!(points[24][0], 0.999);
        assert_eq!(Distribution::new().curve().as_array().map(Vec::len), Some(0));
    }

    #[test]
    fn a_log_is_read_back() {
        use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
        let bytes = of(&[7, 8, 9000]).log("a test", Duration::from_secs(2));
        let entries: Vec<_> = IntervalLogIterator::new(&bytes).collect::<Result<_, _>>().expect("a log");
        assert!(
            entries.iter().any(|entry| matches!(entry, LogEntry::Interval(log) if log.max() > 8.9e-6)),
            "{entries:?}"
        );
    }
}
