//! Rules of delivery from outside the code: those that are data.

use std::{
    fmt::{self, Display},
    str::FromStr,
    time::Duration,
};

use super::Settings;
use crate::channel::{parse_time, time_text};
use crate::delivery::{Backoff, DedupWindow, Jitter, Rules};
use crate::router::SettingError;
use crate::time::checked;

impl Settings {
    /// `rules`, of which those that are as by default are taken from outside where something is said there; and a line for each.
    pub(super) fn rules(&self, queue: &str, mut rules: Rules) -> Result<(Rules, String), SettingError> {
        let default = Rules::default();
        let Rules { capacity, in_flight_max, lease, retry, dead_letters, dedup, .. } = &mut rules;
        let mut reading = Reading { settings: self, queue, lines: String::new() };
        reading.rule("capacity", capacity, default.capacity)?;
        reading.rule("in_flight_max", in_flight_max, default.in_flight_max)?;
        reading.rule("lease", lease, default.lease)?;
        reading.rule("backoff", &mut retry.backoff, default.retry.backoff)?;
        reading.rule("jitter", &mut retry.jitter, default.retry.jitter)?;
        reading.rule("attempts_max", &mut retry.attempts_max, default.retry.attempts_max)?;
        reading.rule("total_max", &mut retry.total_max, default.retry.total_max)?;
        reading.rule("dead_letters", &mut dead_letters.capacity, default.dead_letters.capacity)?;
        reading.rule("dedup", dedup, default.dedup)?;
        let lines = reading.lines;
        Ok((rules, lines))
    }
}

struct Reading<'a> {
    settings: &'a Settings,
    queue: &'a str,
    lines: String,
}

impl Reading<'_> {
    fn rule<V: Word>(&mut self, key: &str, value: &mut V, default: V) -> Result<(), SettingError> {
        let code = (*value != default).then_some(Worded(*value));
        let key_of = ["queue", self.queue, "delivery", key];
        let picked = self.settings.pick(code, &key_of, V::ALLOWED, |_| true, Worded(default))?;
        self.lines += &picked.line(key);
        *value = picked.value.0;
        Ok(())
    }
}

/// What a rule is written as.
trait Word: Copy + PartialEq {
    const ALLOWED: &'static str;
    fn read(text: &str) -> Option<Self>;
    fn write(self) -> String;
}

struct Worded<V>(V);

impl<V: Word> FromStr for Worded<V> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        V::read(text).map(Self).ok_or(())
    }
}

impl<V: Word> Display for Worded<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.write())
    }
}

impl Word for usize {
    const ALLOWED: &'static str = "1 to 4294950911";

    fn read(text: &str) -> Option<Self> {
        checked(text.parse().ok()?).ok()
    }

    fn write(self) -> String {
        self.to_string()
    }
}

impl Word for u32 {
    const ALLOWED: &'static str = "1 to 4294967295";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|&number| number > 0)
    }

    fn write(self) -> String {
        self.to_string()
    }
}

impl Word for Duration {
    const ALLOWED: &'static str = "30s (ns, us, ms, s), none";

    fn read(text: &str) -> Option<Self> {
        if text == "none" { Some(Self::MAX) } else { parse_time(text) }
    }

    fn write(self) -> String {
        if self == Self::MAX { "none".to_owned() } else { time_text(self) }
    }
}

impl Word for Backoff {
    const ALLOWED: &'static str = "fixed:1s, linear:1s:60s, exponential:10ms:10s, sidekiq";

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(':');
        let (kind, times) = (words.next()?, words.map(parse_time).collect::<Option<Vec<_>>>()?);
        match (kind, &times[..]) {
            ("fixed", &[wait]) => Some(Self::Fixed(wait)),
            ("linear", &[step, cap]) => Some(Self::Linear { step, cap }),
            ("exponential", &[base, cap]) => Some(Self::Exponential { base, cap }),
            ("sidekiq", &[]) => Some(Self::Sidekiq),
            _ => None,
        }
    }

    fn write(self) -> String {
        match self {
            Self::Fixed(wait) => format!("fixed:{}", time_text(wait)),
            Self::Linear { step, cap } => format!("linear:{}:{}", time_text(step), time_text(cap)),
            Self::Exponential { base, cap } => format!("exponential:{}:{}", time_text(base), time_text(cap)),
            Self::Sidekiq => "sidekiq".to_owned(),
        }
    }
}

const JITTERS: [(&str, Jitter); 4] =
    [("none", Jitter::None), ("full", Jitter::Full), ("equal", Jitter::Equal), ("decorrelated", Jitter::Decorrelated)];

impl Word for Jitter {
    const ALLOWED: &'static str = "none, full, equal, decorrelated";

    fn read(text: &str) -> Option<Self> {
        JITTERS.iter().find(|(word, _)| *word == text).map(|&(_, jitter)| jitter)
    }

    fn write(self) -> String {
        JITTERS.iter().find(|(_, jitter)| *jitter == self).map_or("", |&(word, _)| word).to_owned()
    }
}

impl Word for Option<DedupWindow> {
    const ALLOWED: &'static str = "none, or a time and a count: 120s:10000";

    fn read(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(None);
        }
        let (time, count) = text.split_once(':')?;
        Some(Some(DedupWindow { time: parse_time(time)?, count: Word::read(count)? }))
    }

    fn write(self) -> String {
        self.map_or("none".to_owned(), |DedupWindow { time, count }| format!("{}:{count}", time_text(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::CapacityError;

    #[track_caller]
    fn both_ways<V: Word + fmt::Debug>(values: &[(V, &str)]) {
        for &(value, text) in values {
            assert_eq!((value.write().as_str(), V::read(text)), (text, Some(value)));
        }
        for wrong in ["", "x", "0", "-1", "1.5s", "fixed", "fixed:1s:2s", "sidekiq:1s", "linear:1s", "1s:0", "1s:1:1"] {
            assert_eq!(V::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_rule_is_read_as_it_is_written() {
        let (second, ms) = (Duration::from_secs(1), Duration::from_millis(1));
        both_ways(&[(1_usize, "1"), (4096, "4096")]);
        both_ways(&[(1_u32, "1"), (u32::MAX, "4294967295")]);
        both_ways(&[(second, "1s"), (ms, "1ms"), (Duration::ZERO, "0s"), (Duration::MAX, "none")]);
        both_ways(&[
            (Backoff::Fixed(second), "fixed:1s"),
            (Backoff::Linear { step: ms, cap: second }, "linear:1ms:1s"),
            (Backoff::Exponential { base: ms, cap: second }, "exponential:1ms:1s"),
            (Backoff::Sidekiq, "sidekiq"),
        ]);
        both_ways(&JITTERS.map(|(word, jitter)| (jitter, word)));
        both_ways(&[(None, "none"), (Some(DedupWindow { time: second, count: 7 }), "1s:7")]);
        let Err(CapacityError::TooMany { max, .. }) = checked(usize::MAX) else { panic!("it is too many") };
        assert_eq!(usize::ALLOWED, format!("1 to {max}"));
    }
}
