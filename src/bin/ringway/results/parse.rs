//! From JSON to a [`Run`]. What is wrong is told with its place: `cells[3].ns[0]: a number is wanted`.
//!
//! Fields that are not known are passed over; one that a figure depends on is asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Calls, Cell, Excluded, Knee, Latency, Matrix, Moment, Part, Run, SCHEMA};

type Parsed<T> = Result<T, String>;

/// A value and where it stands.
struct Node<'v> {
    value: &'v Value,
    place: String,
}

impl<'v> Node<'v> {
    fn wanted<T>(&self, what: &str) -> Parsed<T> {
        Err(format!("{}: {what} is wanted", self.place))
    }

    /// The field, unless it is absent or null.
    fn get(&self, name: &str) -> Option<Node<'v>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let place = if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) };
        Some(Node { value, place })
    }

    fn need(&self, name: &str) -> Parsed<Node<'v>> {
        let at = if self.place.is_empty() { "the file" } else { &self.place };
        self.get(name).ok_or_else(|| format!("{at} has no `{name}`"))
    }

    fn text(&self) -> Parsed<String> {
        self.value.as_str().map_or_else(|| self.wanted("a text"), |text| Ok(text.to_owned()))
    }

    fn text_of(&self, name: &str) -> Parsed<String> {
        self.get(name).map_or(Ok(String::new()), |node| node.text())
    }

    fn flag_of(&self, name: &str) -> Parsed<bool> {
        let Some(node) = self.get(name) else { return Ok(false) };
        node.value.as_bool().map_or_else(|| node.wanted("true or false"), Ok)
    }

    fn count(&self) -> Parsed<u64> {
        self.value.as_u64().map_or_else(|| self.wanted("a whole number"), Ok)
    }

    fn count_of(&self, name: &str, absent: u64) -> Parsed<u64> {
        self.get(name).map_or(Ok(absent), |node| node.count())
    }

    /// A number from 0 on: there are no others in a result file.
    fn number(&self) -> Parsed<f64> {
        let number = self.value.as_f64().filter(|number| number.is_finite() && *number >= 0.0);
        number.map_or_else(|| self.wanted("a number from 0 on"), Ok)
    }

    fn number_or_null(&self) -> Parsed<Option<f64>> {
        if self.value.is_null() { Ok(None) } else { self.number().map(Some) }
    }

    fn number_of(&self, name: &str) -> Parsed<Option<f64>> {
        self.get(name).map(|node| node.number()).transpose()
    }

    fn list<T>(&self, each: impl Fn(&Node<'v>) -> Parsed<T>) -> Parsed<Vec<T>> {
        let Some(values) = self.value.as_array() else { return self.wanted("a list") };
        let place = |nth| format!("{}[{nth}]", self.place);
        values.iter().enumerate().map(|(nth, value)| each(&Node { value, place: place(nth) })).collect()
    }

    fn list_of<T>(&self, name: &str, each: impl Fn(&Node<'v>) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.get(name).map_or(Ok(Vec::new()), |node| node.list(each))
    }

    /// Numbers, exactly so many.
    fn tuple<const N: usize>(&self) -> Parsed<[Option<f64>; N]> {
        let numbers = self.list(Node::number_or_null)?;
        numbers.try_into().or_else(|_| self.wanted(&format!("a list of {N} numbers")))
    }

    fn fields(&self) -> Parsed<impl Iterator<Item = (&'v String, Node<'v>)> + use<'v>> {
        let Some(fields) = self.value.as_object() else { return self.wanted("an object") };
        let place = self.place.clone();
        Ok(fields.iter().map(move |(name, value)| (name, Node { value, place: format!("{place}.{name}") })))
    }

    /// Facts of any kind, as text.
    fn facts_of(&self, name: &str) -> Parsed<BTreeMap<String, String>> {
        let Some(node) = self.get(name) else { return Ok(BTreeMap::new()) };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Ok(node.fields()?.map(|(name, node)| (name.clone(), text(node.value))).collect())
    }
}

impl Run {
    /// Takes a file's text apart.
    pub(crate) fn parse(text: &str) -> Parsed<Self> {
        let value: Value = serde_json::from_str(text).map_err(|error| match error.is_eof() {
            true => format!("the JSON ends too early ({error}): was the file cut off?"),
            false => format!("no JSON: {error}"),
        })?;
        let file = Node { value: &value, place: String::new() };
        if !value.is_object() {
            return Err("no result file: an object is wanted".into());
        }
        match file.get("schema").map(|schema| schema.value) {
            None => return Err(format!("no result file: it has no `schema`, and {SCHEMA} is wanted")),
            Some(schema) if schema.as_u64() != Some(SCHEMA) => {
                return Err(format!("schema {schema} is not known to this version, which reads {SCHEMA}"));
            }
            Some(_) => {}
        }
        let head = file.need("head")?;
        Ok(Self {
            tool: head.need("tool")?.text()?,
            command: head.text_of("command")?,
            date: head.text_of("date")?,
            commit: head.text_of("commit")?,
            version: head.text_of("version")?,
            seconds: head.number_of("seconds")?,
            rounds: head.get("rounds").map(|node| node.count()).transpose()?,
            is_quick: head.flag_of("quick")?,
            machine: head.facts_of("machine")?,
            disturbance: head.facts_of("disturbance")?,
            not_comparable: head.list_of("not_comparable", Node::text)?,
            excluded: head.list_of("excluded", excluded)?,
            cells: file.need("cells")?.list(cell)?,
            latencies: file.list_of("latencies", latency)?,
            knees: file.list_of("knees", knee)?,
            matrix: file.get("matrix").map(|node| matrix(&node)).transpose()?,
        })
    }
}

fn excluded(node: &Node<'_>) -> Parsed<Excluded> {
    Ok(Excluded { entry: node.need("entry")?.text()?, row: node.need("row")?.text()?, reason: node.text_of("reason")? })
}

/// The one of these that is called so.
fn named<T: Copy>(node: &Node<'_>, all: &[T], name: fn(T) -> &'static str) -> Parsed<T> {
    let text = node.text()?;
    let names = || all.iter().map(|&one| name(one)).collect::<Vec<_>>().join(", ");
    all.iter().copied().find(|&one| name(one) == text).map_or_else(|| node.wanted(&format!("one of {}", names())), Ok)
}

fn cell(node: &Node<'_>) -> Parsed<Cell> {
    let ns = node.need("ns")?.list(Node::number_or_null)?;
    let by_round = |name: &str| -> Parsed<Vec<Option<f64>>> {
        let figures = node.list_of(name, Node::number_or_null)?;
        match figures.len() {
            length if length == 0 || length == ns.len() => Ok(figures),
            length => Err(format!("{}.{name} has {length} figures, and ns has {}", node.place, ns.len())),
        }
    };
    let regimes: Vec<char> = node.need("regimes")?.text()?.chars().collect();
    if regimes.len() != ns.len() {
        return Err(format!("{}.regimes has {} letters, and ns has {} figures", node.place, regimes.len(), ns.len()));
    }
    Ok(Cell {
        row: node.need("row")?.text()?,
        group: node.text_of("group")?,
        entry: node.need("entry")?.text()?,
        version: node.text_of("version")?,
        part: named(&node.need("part")?, &Part::ALL, Part::name)?,
        form: node.text_of("form")?,
        is_ours: node.flag_of("ours")?,
        calls: node.get("calls").map_or(Ok(Calls::Try), |node| named(&node, &Calls::ALL, Calls::name))?,
        producers: node.count_of("producers", 1)?,
        consumers: node.count_of("consumers", 1)?,
        capacity: node.count_of("capacity", 0)?,
        payload: node.text_of("payload")?,
        batch: node.count_of("batch", 1)?,
        unit: node.get("unit").map_or(Ok("ns".to_owned()), |node| node.text())?,
        p99_ns: by_round("p99_ns")?,
        probe_ns: by_round("probe")?,
        cpu: by_round("cpu")?,
        faults: node.list_of("faults", Node::text)?,
        hangs: node.list_of("hangs", Node::text)?,
        regimes,
        ns,
    })
}

fn latency(node: &Node<'_>) -> Parsed<Latency> {
    let percentiles = node.need("percentiles")?;
    let percentiles = percentiles.fields()?.map(|(name, node)| Ok((name.clone(), node.number_or_null()?)));
    let point = |node: &Node<'_>| match node.tuple()? {
        [Some(share), Some(ns)] if share <= 1.0 => Ok((share, ns)),
        _ => node.wanted("a share up to 1, and ns"),
    };
    let mut curve = node.list_of("curve", point)?;
    curve.sort_by(|left, right| left.0.total_cmp(&right.0));
    Ok(Latency {
        cell: node.need("cell")?.text()?,
        entry: node.need("entry")?.text()?,
        part: named(&node.need("part")?, &Part::ALL, Part::name)?,
        arrivals: node.text_of("arrivals")?,
        is_closed_loop: node.flag_of("closed_loop")?,
        offered: node.number_of("offered")?,
        achieved: node.number_of("achieved")?,
        load: node.number_of("load")?,
        count: node.need("count")?.count()?,
        left_out: node.count_of("left_out", 0)?,
        percentiles: percentiles.collect::<Parsed<_>>()?,
        curve,
        timeline: node.list_of("timeline", moment)?,
        hdr: node.get("hdr").map(|node| node.text()).transpose()?,
        is_jitter: node.flag_of("jitter")?,
    })
}

fn moment(node: &Node<'_>) -> Parsed<Moment> {
    match node.tuple()? {
        [Some(second), Some(p999_ns), jitter_ns] => Ok(Moment { second, p999_ns, jitter_ns }),
        _ => node.wanted("a second, p99.9 and the longest pause"),
    }
}

fn knee(node: &Node<'_>) -> Parsed<Knee> {
    Ok(Knee {
        entry: node.need("entry")?.text()?,
        arrivals: node.text_of("arrivals")?,
        offered: node.need("offered")?.number()?,
        p99_ns: node.number_of("p99_ns")?,
    })
}

fn matrix(node: &Node<'_>) -> Parsed<Matrix> {
    let cpus = node.need("cpus")?.list(Node::count)?;
    let ns = node.need("ns")?.list(|row| row.list(Node::number_or_null))?;
    if ns.len() != cpus.len() || ns.iter().any(|row| row.len() != cpus.len()) {
        return Err(format!("{}: {} CPUs want as many rows and columns", node.place, cpus.len()));
    }
    Ok(Matrix { cpus, ns })
}

#[cfg(test)]
mod tests {
    use super::Run;

    const HEAD: &str = r#""schema":1,"head":{"tool":"compare"}"#;

    #[track_caller]
    fn assert_refused(text: &str, words: &str) {
        let said = Run::parse(text).expect_err("refused");
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, words) in [
            ("", "ends too early"),
            ("{\"schema\":1,\"head\":{", "ends too early"),
            ("schema", "no JSON: expected value at line 1"),
            ("[]", "an object is wanted"),
            ("{}", "no `schema`, and 1 is wanted"),
            (r#"{"schema":2}"#, "schema 2 is not known to this version, which reads 1"),
            (r#"{"schema":"1"}"#, "schema \"1\" is not known"),
            (r#"{"schema":1}"#, "the file has no `head`"),
            (r#"{"schema":1,"head":{}}"#, "head has no `tool`"),
            (r#"{"schema":1,"head":{"tool":"x"}}"#, "the file has no `cells`"),
            (r#"{"schema":1,"head":{"tool":"x"},"cells":{}}"#, "cells: a list is wanted"),
            (r#"{"schema":1,"head":{"tool":"x","rounds":-1},"cells":[]}"#, "head.rounds: a whole number is wanted"),
        ] {
            assert_refused(text, words);
        }
        for (cell, words) in [
            ("{}", "cells[0] has no `ns`"),
            (r#"{"ns":[1,"a"]}"#, "cells[0].ns[1]: a number from 0 on is wanted"),
            (r#"{"ns":[-1]}"#, "cells[0].ns[0]: a number from 0 on"),
            (r#"{"ns":[1,2],"regimes":"n"}"#, "cells[0].regimes has 1 letters, and ns has 2 figures"),
            (r#"{"ns":[1],"regimes":"n","row":"a","entry":"b","part":"c"}"#, "cells[0].part: one of ringway, peer,"),
            (
                r#"{"ns":[1],"regimes":"n","row":"a","entry":"b","part":"peer","probe":[1,2]}"#,
                "cells[0].probe has 2 figures",
            ),
        ] {
            assert_refused(&format!("{{{HEAD},\"cells\":[{cell}]}}"), words);
        }
    }

    #[test]
    fn fields_that_are_not_known_are_passed_over() {
        let cell = r#"{"ns":[1,null],"regimes":"n-","row":"a","entry":"b","part":"peer that never sleeps","new":{}}"#;
        let run = Run::parse(&format!("{{{HEAD},\"later\":[],\"cells\":[{cell}]}}")).expect("read");
        assert_eq!((run.cells[0].ns[0], run.cells[0].ns[1], run.cells[0].batch), (Some(1.0), None, 1));
        assert_eq!(run.name(), "compare unknown commit");
    }

    #[test]
    fn distributions_are_read() {
        let latencies = r#"{"cell":"open loop","entry":"e","part":"ringway","arrivals":"poisson","offered":1e6,"count":9,
            "load":0.5,"percentiles":{"50":100,"99.99":null},"curve":[[0.9,300],[0.5,100]],"timeline":[[0,5,null]],"jitter":true}"#;
        let text = format!(
            "{{{HEAD},\"cells\":[],\"latencies\":[{latencies}],\"matrix\":{{\"cpus\":[0,1],\"ns\":[[null,9],[9,null]]}}}}"
        );
        let run = Run::parse(&text).expect("read");
        let found = &run.latencies[0];
        assert!(run.is_of_sweep("open loop 50 %") && !run.is_of_sweep("open loop") && !run.is_of_sweep("other 50 %"));
        assert_eq!((found.at("50"), found.at("99.99"), found.at("90")), (Some(100.0), None, None));
        assert_eq!(found.curve, [(0.5, 100.0), (0.9, 300.0)]);
        assert!(found.is_jitter && !found.is_closed_loop && found.timeline[0].jitter_ns.is_none());
        assert_eq!(run.matrix.expect("a matrix").ns[0], [None, Some(9.0)]);
        assert_refused(&text.replace("[9,null]]", "[9]]"), "matrix: 2 CPUs want as many rows and columns");
        assert_refused(&text.replace("[0.5,", "[1.5,"), "latencies[0].curve[1]: a share up to 1, and ns");
    }
}
