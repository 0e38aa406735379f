//! Fields of one line of NDJSON. serde_json checks the whole line; nothing is built, and values stay where they stand.

use std::{borrow::Cow, fmt};

use serde_core::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer as Json, value::RawValue};

use super::bad::Bad;

/// Finds the fields with these paths: `a` or `a.b`. What a field holds comes as it was written, without quotes.
///
/// A line that is no JSON is bad, also behind the last field that was looked for. Of two fields with one name the last
/// one counts.
pub(crate) fn pick<'l, const N: usize>(
    line: &'l [u8],
    paths: [Option<&str>; N],
) -> Result<[Option<Value<'l>>; N], Bad> {
    let mut found = [const { None }; N];
    let mut text = Json::from_slice(line);
    let picked = Paths { paths: &paths, found: &mut found }.deserialize(&mut text);
    match picked.and_then(|()| text.end()) {
        Ok(()) => Ok(found),
        Err(error) => Err(Bad::NotJson { column: error.column() }),
    }
}

/// Names of the fields on the outside, in order.
pub(crate) fn names(line: &[u8]) -> Option<Vec<String>> {
    struct Names(Vec<String>);
    impl<'l> Visitor<'l> for Names {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'l>>(mut self, mut fields: A) -> Result<Self::Value, A::Error> {
            while let Some((name, IgnoredAny)) = fields.next_entry()? {
                self.0.push(name);
            }
            Ok(self.0)
        }
    }
    let mut text = Json::from_slice(line);
    let names = text.deserialize_map(Names(Vec::new())).ok()?;
    text.end().is_ok().then_some(names)
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'l>(&'l RawValue);

impl<'l> Value<'l> {
    /// A string, number or truth value as bytes; `None` for null, lists and objects.
    pub(crate) fn text(self) -> Option<Cow<'l, [u8]>> {
        let written = self.0.get();
        match written.as_bytes() {
            [b'"', inside @ .., b'"'] if memchr::memchr(b'\\', inside).is_none() => Some(Cow::Borrowed(inside)),
            [b'"', ..] => serde_json::from_str::<String>(written).ok().map(|text| Cow::Owned(text.into_bytes())),
            [b'{' | b'[', ..] | b"null" => None,
            plain => Some(Cow::Borrowed(plain)),
        }
    }
}

/// The paths that still lead somewhere inside the value at hand.
struct Paths<'p, 'l, const N: usize> {
    paths: &'p [Option<&'p str>; N],
    found: &'p mut [Option<Value<'l>>; N],
}

impl<'l, const N: usize> DeserializeSeed<'l> for Paths<'_, 'l, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'l>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_map(self)
    }
}

impl<'l, const N: usize> Visitor<'l> for Paths<'_, 'l, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = fields.next_key()? {
            let is_wanted = self
                .paths
                .iter()
                .flatten()
                .any(|path| path.strip_prefix(&*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
            if !is_wanted {
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'l RawValue = fields.next_value()?;
            let mut inside = [None; N];
            for (nth, path) in self.paths.iter().enumerate() {
                match path.and_then(|path| path.strip_prefix(&*name)) {
                    Some("") => self.found[nth] = Some(Value(value)),
                    Some(rest) => inside[nth] = rest.strip_prefix('.'),
                    None => {}
                }
            }
            if inside.iter().any(Option::is_some) && value.get().starts_with('{') {
                let paths = Paths { paths: &inside, found: &mut *self.found };
                paths.deserialize(&mut Json::from_str(value.get())).map_err(A::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// A field's name, borrowed where it has no escapes.
struct Name<'l>(Cow<'l, str>);

impl<'l> serde_core::Deserialize<'l> for Name<'l> {
    fn deserialize<D: Deserializer<'l>>(name: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'l> Visitor<'l> for Text {
            type Value = Name<'l>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E: Error>(self, name: &'l str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        name.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::{names, pick};
    use crate::replay::bad::Bad;

    fn found(line: &str, path: &str) -> Option<String> {
        let [value] = pick(line.as_bytes(), [Some(path)]).unwrap_or_else(|bad| panic!("{line}: {bad}"));
        value?.text().map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn fields_are_found_as_they_were_written() {
        for (line, path, wanted) in [
            (r#"{"a":"x","b":1}"#, "a", Some("x")),
            (r#"{"a":"x","b":1.50}"#, "b", Some("1.50")),
            (r#"{"t":true,"f":{"g":{"h":-1e3}}}"#, "f.g.h", Some("-1e3")),
            (r#"{"t":true}"#, "t", Some("true")),
            (r#"{"a.b":1,"a":{"b":2}}"#, "a.b", Some("2")),
            (r#"{"a":{"b":2},"a.b":1}"#, "a.b", Some("1")),
            (r#"{"a":1,"a":2}"#, "a", Some("2")),
            (r#"{"a":"\u0041\n\"","b":0}"#, "a", Some("A\n\"")),
            (r#"{"\u0061":7}"#, "a", Some("7")),
            (r#"  {"a" : "x" }  "#, "a", Some("x")),
            (r#"{"a":null}"#, "a", None),
            (r#"{"a":[1]}"#, "a", None),
            (r#"{"a":{"c":1}}"#, "a.b", None),
            (r#"{"a":5}"#, "a.b", None),
            (r#"{"ab":5}"#, "a", None),
            (r#"{}"#, "a", None),
            (r#"{"a":""}"#, "a", Some("")),
        ] {
            assert_eq!(found(line, path).as_deref(), wanted, "{line} {path}");
        }
    }

    #[test]
    fn several_are_found_at_once() {
        let line = r#"{"k":{"x":"key","y":[{"x":1}]},"t":12,"z":"\\"}"#;
        let values = pick(line.as_bytes(), [Some("k.x"), Some("t"), Some("k.q")]).expect("sound");
        let texts = values.map(|value| value.and_then(|value| value.text()).map(|text| text.into_owned()));
        assert_eq!(texts, [Some(b"key".to_vec()), Some(b"12".to_vec()), None]);
    }

    #[test]
    fn what_is_no_object_is_bad() {
        for line in
            ["", "1", "[1]", r#"{"a":1"#, r#"{"a":1} x"#, r#"{"a":1,}"#, "{'a':1}", r#"{"a":tru}"#, "{\"a\":\"\u{1}\"}"]
        {
            assert!(matches!(pick(line.as_bytes(), [Some("a")]), Err(Bad::NotJson { .. })), "{line}");
        }
        assert!(pick(b"{\"a\":\"\xff\"}", [Some("a")]).is_err(), "not UTF-8");
    }

    #[test]
    fn names_are_listed() {
        assert_eq!(names(br#"{"a":1,"b":{"c":2}}"#), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(names(b"[1]"), None);
        assert_eq!(names(b"{} x"), None);
    }
}
