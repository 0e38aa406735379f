//! Settings from outside the code: environment over file over default, and code over all of them.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use crate::router::SettingError;

/// What the environment and a file say.
///
/// | setting | variable | allowed |
/// |---|---|---|
/// | `workers` | `RINGWAY_WORKERS` | 1 to 1024 |
/// | `pin` | `RINGWAY_PIN` | `none`, `spread`, or CPUs: `0,2` (in a file also `[0, 2]`) |
/// | `batch_items` | `RINGWAY_BATCH_ITEMS` | 1 and more |
/// | `batch_time_us` | `RINGWAY_BATCH_TIME_US` | 1 and more |
/// | `topic.NAME.shards` | `RINGWAY_TOPIC_NAME_SHARDS` | 1 to 1024 |
/// | `topic.NAME.capacity` | `RINGWAY_TOPIC_NAME_CAPACITY` | 1 to 2³² |
/// | `queue.NAME.shards`, `.capacity` | `RINGWAY_QUEUE_NAME_SHARDS`, `…_CAPACITY` | as for a topic |
/// | `queue.NAME.full` | `RINGWAY_QUEUE_NAME_FULL` | `block`, `block:5ms`, `reject`, `drop-newest`, `drop-oldest` |
/// | `queue.NAME.order` | `RINGWAY_QUEUE_NAME_ORDER` | `total`, `per-publisher` |
/// | `queue.NAME.sharing` | `RINGWAY_QUEUE_NAME_SHARING` | `keyed`, `shared` |
/// | `queue.NAME.delivery.capacity` | `RINGWAY_QUEUE_NAME_DELIVERY_CAPACITY` | 1 to 4294950911 |
/// | `….in_flight_max`, `….dead_letters` | `…_IN_FLIGHT_MAX`, `…_DEAD_LETTERS` | as the capacity |
/// | `….lease` | `…_LEASE` | `30s` (`ns`, `us`, `ms`, `s`), `none` |
/// | `….attempts_max` | `…_ATTEMPTS_MAX` | 1 to 2³² - 1 |
/// | `….backoff` | `…_BACKOFF` | `fixed:1s`, `linear:1s:60s`, `exponential:10ms:10s`, `sidekiq` |
/// | `….jitter` | `…_JITTER` | `none`, `full`, `equal`, `decorrelated` |
/// | `….total_max` | `…_TOTAL_MAX` | as the lease |
/// | `….dedup` | `…_DEDUP` | `none`, or a time and a count: `120s:10000` |
///
/// In a variable the name is written in capitals, with `_` for what is neither letter nor digit. In a file a name with dots is
/// quoted: `[topic."orders.eu"]`. A value that is not allowed is refused with its place, never replaced. A variable that
/// nothing asks for, as one with a slip in its name, is told by [`effective_config`](super::Engine::effective_config).
///
/// Code speaks of a rule of delivery where that differs from [`Rules::default`](crate::delivery::Rules): one that is as by
/// default is left to be set from outside. What goes with code of the handler's is in code only: what an error means, what an
/// envelope says, and the order by key, lanes, rates and breaker that go by it.
///
/// # Examples
/// ```
/// use ringway::{Engine, engine::Settings};
///
/// let settings = Settings::from_variables([("RINGWAY_TOPIC_TRADES_SHARDS".into(), "4".into())]);
/// let engine = Engine::builder().workers(1).settings(settings).start()?;
/// assert_eq!(engine.topic::<u64>("trades").open()?.shards(), 4);
/// assert!(engine.effective_config().contains("shards = 4 # RINGWAY_TOPIC_TRADES_SHARDS"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    /// By the words of the key: the value, and its place.
    file: BTreeMap<Vec<String>, (String, String)>,
    /// What the application takes instead of the defaults, by the words of the key.
    fallbacks: BTreeMap<Vec<String>, String>,
}

/// The place of what the application says for itself.
const APPLICATION: &str = "default of the application";

const OF_ENGINE: &[&str] = &["workers", "pin", "batch_items", "batch_time_us"];
const OF_TOPIC: &[&str] = &["shards", "capacity"];
const OF_QUEUE: &[&str] = &["shards", "capacity", "full", "order", "sharing"];
const OF_DELIVERY: &[&str] =
    &["capacity", "in_flight_max", "lease", "backoff", "jitter", "attempts_max", "total_max", "dead_letters", "dedup"];

/// Refuses the key, in words, of no setting; the place is the caller's to say.
pub(super) fn check_key(path: &[&str]) -> Result<(), SettingError> {
    let (keys, tables) = match path {
        ["topic", _, _] => (OF_TOPIC, String::new()),
        ["queue", name, _] => (OF_QUEUE, format!(", [queue.{name}.delivery]")),
        ["queue", _, "delivery", _] => (OF_DELIVERY, String::new()),
        _ => (OF_ENGINE, ", [topic.NAME], [queue.NAME]".to_owned()),
    };
    let (key, found) = match path {
        [within @ .., word] if keys != OF_ENGINE => (within.join("."), (*word).to_owned()),
        _ => ("key".to_owned(), path.join(".")),
    };
    if keys.contains(&&*found) {
        return Ok(());
    }
    let allowed = keys.join(", ") + &tables;
    Err(SettingError { key, place: String::new(), found, allowed })
}

/// A value, and where it is from.
#[derive(Debug, Clone)]
pub(super) struct Picked<V> {
    pub(super) value: V,
    pub(super) origin: String,
}

impl<V: Display> Picked<V> {
    /// As a line of a file.
    pub(super) fn line(&self, key: &str) -> String {
        let Self { value, origin } = self;
        let text = value.to_string();
        let quote = if text.parse::<u64>().is_ok() { "" } else { "\"" };
        format!("{key} = {quote}{text}{quote} # {origin}\n")
    }
}

impl Settings {
    /// The variables of this process that start with `RINGWAY_`.
    pub fn from_environment() -> Self {
        // A value that is no text is kept, to be refused where it is used.
        let text = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.to_string_lossy().into_owned())));
        Self::from_variables(text)
    }

    /// These variables, those that start with `RINGWAY_`.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().filter(|(key, _)| key.starts_with("RINGWAY_")).collect();
        Self { variables, ..Self::default() }
    }

    /// Adds a file's text in TOML; `place` is what errors call it by.
    ///
    /// # Errors
    /// [`SettingError`]: no TOML, or a key that means nothing. Values are checked when they are used.
    #[cfg(feature = "config")]
    pub fn file(mut self, text: &str, place: &str) -> Result<Self, SettingError> {
        self.file = super::settings_file::read(text, place)?;
        Ok(self)
    }

    /// What the application takes where neither the code, the environment nor a file says anything, instead of the default: a
    /// program that has a default of its own leaves it to be set from outside. The key is in words: `&["workers"]`,
    /// `&["topic", "trades", "shards"]`; one that means nothing is refused when the engine starts.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Engine, engine::Settings};
    ///
    /// let fallback = |variables: &[(&str, &str)]| {
    ///     let variables = variables.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    ///     Settings::from_variables(variables).fallback(&["workers"], 3)
    /// };
    /// let start = |variables| Engine::builder().settings(fallback(variables)).start();
    /// assert_eq!(start(&[])?.pinned().len(), 3);
    /// assert_eq!(start(&[("RINGWAY_WORKERS", "2")])?.pinned().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fallback(mut self, key: &[&str], value: impl Display) -> Self {
        self.fallbacks.insert(key.iter().map(|&word| word.to_owned()).collect(), value.to_string());
        self
    }

    /// Refuses keys of the application that mean nothing; values are checked when they are used.
    pub(super) fn check_fallbacks(&self) -> Result<(), SettingError> {
        self.fallbacks.keys().try_for_each(|key| {
            let path: Vec<_> = key.iter().map(String::as_str).collect();
            check_key(&path).map_err(|error| SettingError { place: APPLICATION.to_owned(), ..error })
        })
    }

    /// What is set outside and had no effect, as a comment: `text` names the places of all that had.
    pub(super) fn without_effect(&self, text: &str) -> String {
        let places = self.variables.keys().chain(self.file.values().map(|(_, place)| place));
        let unused: Vec<&str> =
            places.filter(|place| !text.contains(&format!("# {place}\n"))).map(String::as_str).collect();
        if unused.is_empty() {
            return String::new();
        }
        format!("# without effect: {}: nothing of that name is open, or code says otherwise\n", unused.join(", "))
    }

    /// The value of a setting: from code, or else from the environment, the file, the fallback or the default. `allowed` says
    /// what `is_allowed` accepts.
    pub(super) fn pick<V: FromStr + Display>(
        &self,
        code: Option<V>,
        key: &[&str],
        allowed: &str,
        is_allowed: impl Fn(&V) -> bool,
        default: V,
    ) -> Result<Picked<V>, SettingError> {
        if let Some(value) = code {
            return Ok(Picked { value, origin: "code".to_owned() });
        }
        let variable = variable(key);
        let key: Vec<String> = key.iter().map(|&word| word.to_owned()).collect();
        let (text, origin) = match (self.variables.get(&variable), self.file.get(&key), self.fallbacks.get(&key)) {
            (Some(text), ..) => (text, variable),
            (None, Some((text, place)), _) => (text, place.clone()),
            (None, None, Some(text)) => (text, APPLICATION.to_owned()),
            (None, None, None) => return Ok(Picked { value: default, origin: "default".to_owned() }),
        };
        match text.trim().parse().ok().filter(is_allowed) {
            Some(value) => Ok(Picked { value, origin }),
            None => {
                let key = key.join(".");
                Err(SettingError { key, place: origin, found: text.clone(), allowed: allowed.to_owned() })
            }
        }
    }
}

/// The name of the variable of a key.
fn variable(key: &[&str]) -> String {
    let word = |word: &&str| word.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_ascii_uppercase();
    let words: Vec<String> = key.iter().map(word).collect();
    format!("RINGWAY_{}", words.join("_"))
}
