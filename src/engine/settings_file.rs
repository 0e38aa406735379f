//! Settings from TOML, each with its line.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::settings::check_key;
use crate::router::SettingError;

type Values = BTreeMap<Vec<String>, (String, String)>;

/// All values of a file, by key.
pub(super) fn read(text: &str, place: &str) -> Result<Values, SettingError> {
    let reader = Reader { text, place };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.refuse(at, "TOML", error.message(), "valid TOML")
    })?;
    let mut values = Values::new();
    reader.read_table(table.get_ref(), &[], &mut values)?;
    Ok(values)
}

struct Reader<'a> {
    text: &'a str,
    place: &'a str,
}

impl Reader<'_> {
    /// The values of a table, and of those within it.
    fn read_table(&self, table: &DeTable<'_>, within: &[&str], values: &mut Values) -> Result<(), SettingError> {
        for (key, value) in table {
            let path = [within, &[key.get_ref().as_ref()]].concat();
            match (value.get_ref(), &path[..]) {
                (DeValue::Table(inner), ["topic" | "queue"] | ["topic" | "queue", _] | ["queue", _, "delivery"]) => {
                    self.read_table(inner, &path, values)?
                }
                (_, [kind @ ("topic" | "queue"), name]) => {
                    let allowed = format!("a table [{kind}.{name}]");
                    return Err(self.refuse(key.span().start, kind, name, &allowed));
                }
                _ => {
                    check_key(&path).map_err(|error| SettingError { place: self.at(key.span().start), ..error })?;
                    self.read_value(path.iter().map(|&word| word.to_owned()).collect(), value, values)?;
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
