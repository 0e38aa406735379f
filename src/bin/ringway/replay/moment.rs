//! Recorded times, as they stand in files: numbers of a unit, RFC 3339, and the stamps of access logs.

use std::fmt;

use crate::args::Unit;

/// How a file writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// `1381219217034`, `1509494400.25`
    Number(Unit),
    /// `2013-10-08T08:00:17.034Z`, `2013-10-08 08:00:17`
    Rfc3339,
    /// `17/May/2015:10:05:03 +0000`
    AccessLog,
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

impl Notation {
    /// The notation of `text`, which is the first time of a file; `name` is its column's, if it has one.
    pub(crate) fn guess(text: &[u8], name: &str) -> Option<Self> {
        let calendars = [Self::Rfc3339, Self::AccessLog];
        if let Some(calendar) = calendars.into_iter().find(|notation| notation.nanos(text).is_some()) {
            return Some(calendar);
        }
        let value = number(text, 1)?;
        let named = [("_ns", Unit::Ns), ("_us", Unit::Us), ("_ms", Unit::Ms), ("_s", Unit::S)];
        let by_name = named.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, unit)| unit);
        // A time of the last fifty years, or the next, tells its unit by its size.
        let by_size = match value.unsigned_abs() {
            0..100_000_000_000 => Unit::S,
            100_000_000_000..100_000_000_000_000 => Unit::Ms,
            100_000_000_000_000..100_000_000_000_000_000 => Unit::Us,
            _ => Unit::Ns,
        };
        Some(Self::Number(by_name.unwrap_or(by_size)))
    }

    /// Nanoseconds since 1970, or since whatever the numbers count from.
    pub(crate) fn nanos(self, text: &[u8]) -> Option<i64> {
        match self {
            Self::Number(Unit::S) => number(text, 1_000_000_000),
            Self::Number(Unit::Ms) => number(text, 1_000_000),
            Self::Number(Unit::Us) => number(text, 1000),
            Self::Number(Unit::Ns) => number(text, 1),
            Self::Rfc3339 => rfc3339(text),
            Self::AccessLog => access_log(text),
        }
    }
}

impl fmt::Display for Notation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number(Unit::S) => "s",
            Self::Number(Unit::Ms) => "ms",
            Self::Number(Unit::Us) => "µs",
            Self::Number(Unit::Ns) => "ns",
            Self::Rfc3339 => "RFC 3339",
            Self::AccessLog => "access log",
        })
    }
}

/// A decimal number of units of so many nanoseconds; what is finer than a nanosecond is cut.
fn number(text: &[u8], unit: i64) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &b""[..]),
    };
    let mut nanos = integer(whole)?.checked_mul(unit)?;
    let mut place = unit;
    for &digit in fraction {
        if !digit.is_ascii_digit() {
            return None;
        }
        place /= 10;
        nanos = nanos.checked_add(place * i64::from(digit - b'0'))?;
    }
    Some(if negative { -nanos } else { nanos })
}

/// One digit or more, nothing else.
fn integer(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// A time of day as hours, minutes, seconds.
fn seconds_of_day(hours: &[u8], minutes: &[u8], seconds: &[u8]) -> Option<i64> {
    let (hours, minutes, seconds) = (integer(hours)?, integer(minutes)?, integer(seconds)?);
    // 60 is a leap second, which counts as the first of the next minute.
    (hours < 24 && minutes < 60 && seconds <= 60).then_some(hours * 3600 + minutes * 60 + seconds)
}

/// Days since 1970 of a date of the Gregorian calendar.
///
/// # Source
/// H. Hinnant, "chrono-compatible low-level date algorithms": years start in March, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// `Z`, `+02:00`, `+0200` or nothing, in seconds east of Greenwich.
fn zone(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (sign, integer(&[h1, h2])?, integer(&[m1, m2])?)
        }
        _ => return None,
    };
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    Some(if sign == b'-' { -seconds } else { seconds })
}

fn rfc3339(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(19)?;
    let marks = [date[4], date[7], date[10], date[13], date[16]];
    if !matches!(marks, [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
        return None;
    }
    let days = days(integer(&date[..4])?, integer(&date[5..7])?, integer(&date[8..10])?)?;
    let seconds = seconds_of_day(&date[11..13], &date[14..16], &date[17..])?;
    let digits = match rest {
        [b'.' | b',', digits @ ..] => digits.iter().take_while(|digit| digit.is_ascii_digit()).count() + 1,
        _ => 0,
    };
    let mut fraction = [b'0'; 9];
    let kept = digits.saturating_sub(1).min(9);
    fraction[..kept].copy_from_slice(rest.get(1..1 + kept).unwrap_or_default());
    if digits == 1 {
        return None;
    }
    let seconds = days * 86_400 + seconds - zone(&rest[digits..])?;
    seconds.checked_mul(1_000_000_000)?.checked_add(integer(&fraction)?)
}

fn access_log(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b"[").unwrap_or(text);
    let text = text.strip_suffix(b"]").unwrap_or(text);
    let (stamp, rest) = text.split_at_checked(20)?;
    let marks = [stamp[2], stamp[6], stamp[11], stamp[14], stamp[17]];
    if marks != *b"//:::" {
        return None;
    }
    let month = MONTHS.iter().position(|&name| name[..] == stamp[3..6])? as i64 + 1;
    let days = days(integer(&stamp[7..11])?, month, integer(&stamp[..2])?)?;
    let seconds = seconds_of_day(&stamp[12..14], &stamp[15..17], &stamp[18..])?;
    (days * 86_400 + seconds - zone(rest.strip_prefix(b" ").unwrap_or(rest))?).checked_mul(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::{Notation, Unit};

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_notation_is_guessed() {
        for (text, name, notation) in [
            ("1381219217034", "", Notation::Number(Unit::Ms)),
            ("1723161255030314667", "recv_ns", Notation::Number(Unit::Ns)),
            ("1309478401", "ts_s", Notation::Number(Unit::S)),
            ("1309478401.25", "", Notation::Number(Unit::S)),
            ("1309478401250000", "", Notation::Number(Unit::Us)),
            ("17", "offset_us", Notation::Number(Unit::Us)),
            ("2013-10-08T08:00:17.034Z", "time", Notation::Rfc3339),
            ("17/May/2015:10:05:03 +0000", "", Notation::AccessLog),
        ] {
            assert_eq!(Notation::guess(text.as_bytes(), name), Some(notation), "{text}");
        }
        for text in ["", "-", "yesterday", "1.2.3", "1e9", "0x10", "2013-10-08", "99999999999999999999"] {
            assert_eq!(Notation::guess(text.as_bytes(), ""), None, "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_fraction() {
        let nanos = |unit, text: &str| Notation::Number(unit).nanos(text.as_bytes());
        assert_eq!(nanos(Unit::S, "1.5"), Some(1_500_000_000));
        assert_eq!(nanos(Unit::S, "-0.000000001"), Some(-1));
        assert_eq!(nanos(Unit::Ms, "2.0000019"), Some(2_000_001));
        assert_eq!(nanos(Unit::Ns, "1723161255030314667"), Some(1_723_161_255_030_314_667));
        assert_eq!(nanos(Unit::Ns, "9223372036854775807"), Some(i64::MAX));
        assert!(["", ".5", "1,5", "9223372036854775808", "1. 5"].iter().all(|text| nanos(Unit::Ns, text).is_none()));
        assert_eq!(nanos(Unit::S, "9223372037"), None, "more nanoseconds than there are numbers");
    }

    #[test]
    fn calendars_are_right() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1969-12-31T23:59:59.9Z", -1, 900_000_000),
            ("2000-02-29 12:00:00", 951_825_600, 0),
            ("2013-10-08T08:00:17.034Z", 1_381_219_217, 34_000_000),
            ("2013-10-08T10:00:17.034+02:00", 1_381_219_217, 34_000_000),
            ("2013-10-08T03:30:17,034-0430", 1_381_219_217, 34_000_000),
            ("2024-12-31T23:59:59.1234567891Z", 1_735_689_599, 123_456_789),
        ] {
            assert_eq!(Notation::Rfc3339.nanos(text.as_bytes()), Some(seconds * SECOND + nanos), "{text}");
        }
        for text in [
            "2013-02-29T00:00:00Z",
            "2013-13-01T00:00:00Z",
            "2013-00-01T00:00:00Z",
            "2013-10-08T24:00:00Z",
            "2013-10-08T08:00:17.Z",
            "2013-10-08T08:00:17+2",
            "2013-10-08T08:00:1",
            "2013-10-08T08:0x:17",
        ] {
            assert_eq!(Notation::Rfc3339.nanos(text.as_bytes()), None, "{text}");
        }
        let log = |text: &str| Notation::AccessLog.nanos(text.as_bytes());
        assert_eq!(log("17/May/2015:10:05:03 +0000"), Some(1_431_857_103 * SECOND));
        assert_eq!(log("[17/May/2015:12:05:03 +0200]"), Some(1_431_857_103 * SECOND));
        assert!(
            ["17/Mai/2015:10:05:03 +0000", "32/May/2015:10:05:03 +0000", "17/May/2015"]
                .iter()
                .all(|text| log(text).is_none())
        );
    }
}
