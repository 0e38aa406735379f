//! From a value to its place on an axis, and the few values that an axis names.

use crate::show;

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Linear,
    Log,
    /// Shares, by log 1/(1-p): each nine takes the same room.
    Tail,
}

/// An axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Values from `low` to `high`, laid out from `start` to `end`.
    pub(super) fn new(kind: Kind, (low, high): (f64, f64), (start, end): (f64, f64)) -> Self {
        let low = if kind == Kind::Log { low.max(1e-6) } else { low };
        let high = if high > low { high } else { low + low.abs().max(1e-6) };
        Self { kind, low, high, start, end }
    }

    /// The place of a value; one beyond the ends is at the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let [low, high, value] = [self.low, self.high, value.clamp(self.low, self.high)].map(|value| self.laid(value));
        self.start + (value - low) / (high - low) * (self.end - self.start)
    }

    /// Whether the value lies between the ends.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Values to name, ascending.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let all = match self.kind {
            Kind::Tail => vec![0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999_999, 0.999_999_9],
            Kind::Linear => {
                let step = nice((self.high - self.low) / 5.0);
                (0..=12).map(|nth| ((self.low / step).ceil() + f64::from(nth)) * step).collect()
            }
            Kind::Log => self.log_ticks(),
        };
        all.into_iter().filter(|&tick| self.holds(tick)).collect()
    }

    fn log_ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let steps: &[f64] = match decades {
            decades if decades < 0.7 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
            decades if decades < 2.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let every = if decades > 7.0 { 2 } else { 1 };
        let exponents = exponents.filter(|exponent| exponent % every == 0);
        exponents.flat_map(|exponent| steps.iter().map(move |step| step * 10f64.powi(exponent))).collect()
    }

    fn laid(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log => value.log10(),
            Kind::Tail => -(1.0 - value).max(1e-9).log10(),
        }
    }
}

/// The next of 1, 2 and 5 of the same decade or above.
fn nice(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    factors.into_iter().map(|factor| factor * decade).find(|&nice| nice >= step * 0.999).unwrap_or(step)
}

/// The smallest and the largest of the values.
pub(super) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let both = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    values.into_iter().fold(None, |found, value| Some(both(found.unwrap_or((value, value)), value)))
}

/// A time on an axis, without digits that say nothing: `200 ns`, `1 µs`.
pub(super) fn time(ns: f64) -> String {
    plain(&show::time(ns))
}

/// Items a second on an axis: `2.5 M`.
pub(super) fn items(each_second: f64) -> String {
    plain(&super::super::words::items(each_second))
}

/// `1.00 µs` as `1 µs`.
fn plain(text: &str) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}").trim_end().to_owned()
}

/// A share as a percentile: `p99.9`.
pub(super) fn percentile(share: f64) -> String {
    match share {
        0.0 => "min".into(),
        _ => format!("p{}", (share * 1e9).round() / 1e7),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Scale, items, percentile, time};

    #[test]
    fn values_find_their_places() {
        let log = Scale::new(Kind::Log, (1.0, 100.0), (0.0, 200.0));
        assert_eq!([0.1, 1.0, 10.0, 100.0, 1e9].map(|value| log.at(value).round()), [0.0, 0.0, 100.0, 200.0, 200.0]);
        let tail = Scale::new(Kind::Tail, (0.0, 0.999), (0.0, 300.0));
        assert_eq!([0.0, 0.9, 0.99, 0.999, 1.0].map(|value| tail.at(value).round()), [0.0, 100.0, 200.0, 300.0, 300.0]);
        let down = Scale::new(Kind::Linear, (0.0, 10.0), (100.0, 0.0));
        assert_eq!(down.at(2.5), 75.0);
        assert!(Scale::new(Kind::Log, (0.0, 0.0), (0.0, 1.0)).at(0.0).is_finite(), "an empty range is a range");
    }

    #[test]
    fn few_values_are_named() {
        let ticks = |kind, low, high| Scale::new(kind, (low, high), (0.0, 1.0)).ticks();
        assert_eq!(ticks(Kind::Linear, 0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(Kind::Log, 30.0, 2e6), [1e2, 1e3, 1e4, 1e5, 1e6]);
        assert_eq!(ticks(Kind::Log, 0.5, 4.5), [0.5, 1.0, 2.0]);
        assert_eq!(ticks(Kind::Tail, 0.0, 0.999), [0.0, 0.5, 0.9, 0.99, 0.999]);
        for (low, high) in [(1e-3, 1e-3), (0.1, 0.2), (1.0, 1e9), (7.0, 7.1)] {
            assert!(
                ticks(Kind::Log, low, high).len() <= 9 && ticks(Kind::Linear, low, high).len() <= 9,
                "{low} {high}"
            );
        }
    }

    #[test]
    fn names_of_values_are_short() {
        assert_eq!((time(1000.0), time(200.0), time(0.5)), ("1 µs".into(), "200 ns".into(), "0.5 ns".into()));
        assert_eq!((items(2.5e6), items(0.0)), ("2.5 M".into(), "0".into()));
        assert_eq!([0.0, 0.5, 0.999, 0.99999].map(percentile), ["min", "p50", "p99.9", "p99.999"]);
    }
}
