//! Settings from TOML, each with its line.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::router::SettingError;

type Values = BTreeMap<Vec<String>, (String, String)>;

const OF_ENGINE: &[&str] = &["workers", "pin", "batch_items", "batch_time_us"];
const OF_TOPIC: &[&str] = &["shards", "capacity"];
const OF_QUEUE: &[&str] = &["shards", "capacity", "full", "order", "sharing"];
const OF_DELIVERY: &[&str] =
    &["capacity", "in_flight_max", "lease", "backoff", "jitter", "attempts_max", "total_max", "dead_letters", "dedup"];

/// All values of a file, by key.
pub(super) fn read(text: &str, place: &str) -> Result<Values, SettingError> {
    let reader = Reader { text, place };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.refuse(at, "TOML", error.message(), "valid TOML")
    })?;
    let mut values = Values::new();
    for (key, value) in table.get_ref() {
        let word = key.get_ref().as_ref();
        match (word, value.get_ref()) {
            ("topic", DeValue::Table(named)) => reader.read_named(named, word, OF_TOPIC, &mut values)?,
            ("queue", DeValue::Table(named)) => reader.read_named(named, word, OF_QUEUE, &mut values)?,
            _ if OF_ENGINE.contains(&word) => reader.read_value(vec![word.to_owned()], value, &mut values)?,
            _ => {
                let allowed = format!("{}, [topic.NAME], [queue.NAME]", OF_ENGINE.join(", "));
                return Err(reader.refuse(key.span().start, "key", word, &allowed));
            }
        }
    }
    Ok(values)
}

struct Reader<'a> {
    text: &'a str,
    place: &'a str,
}

impl Reader<'_> {
    /// The tables of topics, or of queues.
    fn read_named(
        &self,
        named: &DeTable<'_>,
        kind: &str,
        of: &[&str],
        values: &mut Values,
    ) -> Result<(), SettingError> {
        for (name, table) in named {
            let DeValue::Table(table) = table.get_ref() else {
                let allowed = format!("a table [{kind}.{}]", name.get_ref());
                return Err(self.refuse(name.span().start, kind, name.get_ref(), &allowed));
            };
            self.read_keys(table, &[kind, name.get_ref()], of, values)?;
        }
        Ok(())
    }

    /// The values of a table, and of that with a queue's rules of delivery.
    fn read_keys(
        &self,
        table: &DeTable<'_>,
        within: &[&str],
        of: &[&str],
        values: &mut Values,
    ) -> Result<(), SettingError> {
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let path = [within, &[word]].concat();
            match (&path[..], value.get_ref()) {
                (["queue", _, "delivery"], DeValue::Table(rules)) => {
                    self.read_keys(rules, &path, OF_DELIVERY, values)?
                }
                _ if of.contains(&word) => {
                    self.read_value(path.iter().map(|&word| word.to_owned()).collect(), value, values)?
                }
                _ => {
                    let mut allowed = of.join(", ");
                    if let ["queue", name] = within {
                        allowed += &format!(", [queue.{name}.delivery]");
                    }
                    return Err(self.refuse(key.span().start, &within.join("."), word, &allowed));
                }
            }
        }
        Ok(())
    }

    fn read_value(
        &self,
        key: Vec<String>,
        value: &Spanned<DeValue<'_>>,
        values: &mut Values,
    ) -> Result<(), SettingError> {
        let at = value.span().start;
        let plain = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.to_string()),
            _ => None,
        };
        let text = match value.get_ref() {
            DeValue::Array(list) => {
                list.iter().map(|value| plain(value.get_ref())).collect::<Option<Vec<_>>>().map(|list| list.join(","))
            }
            value => plain(value),
        };
        let found = self.text.get(value.span()).unwrap_or_default();
        let text = text.ok_or_else(|| self.refuse(at, &key.join("."), found, "a text or a whole number"))?;
        values.insert(key, (text, self.at(at)));
        Ok(())
    }

    /// The place of a byte, by its line.
    fn at(&self, byte: usize) -> String {
        let line = 1 + self.text.as_bytes().iter().take(byte).filter(|&&byte| byte == b'\n').count();
        format!("{}:{line}", self.place)
    }

    fn refuse(&self, at: usize, key: &str, found: &str, allowed: &str) -> SettingError {
        SettingError { key: key.to_owned(), place: self.at(at), found: found.to_owned(), allowed: allowed.to_owned() }
    }
}
