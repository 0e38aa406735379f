//! The command line.

use std::{ffi::OsString, path::PathBuf};

use crate::{
    entries,
    harness::{
        open::families::FAMILIES,
        rows::ROWS,
        schedule::{ALL, Wanted},
    },
};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Runs ringway and its peers in one process, rounds interleaved, and writes results as JSON; `ringway report` shows them.

  --only A,B       rows whose name contains A or B, or of a group of that name (default: all)
  --peers A,B      peers whose name contains A or B, or 'all' or 'none' (default: all, in open loops those that are best
                   known); ringway and the ceilings always run
  --rounds N       rounds, 11 or more for a result worth quoting (default: 61; open loops take 15 at the most)
  --name NAME      write compare-NAME.json (default: compare.json)
  --out DIR        where to (default: benches/results)
  --quick          3 short rounds: shows that it works, not how fast
  --list           print rows and contenders, run nothing
  --help           print this
";

/// The name that no peer has.
const NO_PEER: &str = "none";
/// Rounds of a run that did not ask for a number.
const ROUNDS: usize = 61;
/// Rounds of a quick run.
const ROUNDS_QUICK: usize = 3;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    /// What is to be measured.
    pub(crate) wanted: Wanted,
    /// Where the report goes.
    pub(crate) out: PathBuf,
    /// The report's name.
    pub(crate) name: String,
    /// Print what there is, and stop.
    pub(crate) list: bool,
    /// Print the help, and stop.
    pub(crate) help: bool,
}

impl Args {
    /// Reads the arguments; the error is one line that says what is wrong.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        use lexopt::Arg::Long;

        let mut args = Self {
            wanted: Wanted::default(),
            out: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../results")),
            name: String::new(),
            list: false,
            help: false,
        };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(one_line)? {
            match argument {
                Long("only") => args.wanted.only = list(&text(&mut parser)?, "--only")?,
                Long("peers") => args.wanted.peers = list(&text(&mut parser)?, "--peers")?,
                Long("rounds") => {
                    let value = text(&mut parser)?;
                    let rounds = value.parse().ok().filter(|rounds| (1..=10_000).contains(rounds));
                    args.wanted.rounds = rounds.ok_or_else(|| format!("--rounds takes 1 to 10000, not '{value}'"))?;
                }
                Long("name") => {
                    args.name = text(&mut parser)?;
                    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                    if args.name.is_empty() || !args.name.chars().all(plain) {
                        return Err(format!("--name takes letters, digits, '-', '_' and '.', not '{}'", args.name));
                    }
                }
                Long("out") => args.out = PathBuf::from(parser.value().map_err(one_line)?),
                Long("quick") => args.wanted.quick = true,
                Long("list") => args.list = true,
                Long("help") => args.help = true,
                other => return Err(format!("{}; --help lists the options", other.unexpected())),
            }
        }
        if args.wanted.rounds == 0 {
            args.wanted.rounds = if args.wanted.quick { ROUNDS_QUICK } else { ROUNDS };
        }
        args.check_names()?;
        Ok(args)
    }

    /// The file of the results.
    pub(crate) fn path(&self) -> PathBuf {
        let stem = if self.name.is_empty() { "compare".into() } else { format!("compare-{}", self.name) };
        self.out.join(stem + ".json")
    }

    /// The command that does this again, without the directory, which is nobody else's.
    pub(crate) fn command(&self) -> String {
        let mut command = String::from("cargo run --release --manifest-path benches/compare/Cargo.toml --");
        for (option, values) in [("--only", &self.wanted.only), ("--peers", &self.wanted.peers)] {
            if !values.is_empty() {
                command.push_str(&format!(" {option} {}", values.join(",")));
            }
        }
        command.push_str(&format!(" --rounds {}", self.wanted.rounds));
        if self.wanted.quick {
            command.push_str(" --quick");
        }
        if !self.name.is_empty() {
            command.push_str(&format!(" --name {}", self.name));
        }
        command
    }

    /// A name that matches nothing is a slip, not an empty run.
    fn check_names(&self) -> Result<(), String> {
        for part in &self.wanted.only {
            let is_row = ROWS.iter().any(|row| row.is_called(part));
            let is_open = || {
                FAMILIES.iter().any(|family| family.is_called(part) && !entries::open(family, &self.wanted).is_empty())
            };
            if !is_row && !is_open() {
                return Err(format!("--only '{part}' matches no row; --list shows them"));
            }
        }
        for part in &self.wanted.peers {
            if part != NO_PEER && part != ALL && !entries::all().iter().any(|entry| entry.name.contains(part.as_str()))
            {
                return Err(format!("--peers '{part}' matches no peer; --list shows them"));
            }
        }
        Ok(())
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().map_err(one_line)?;
    value.into_string().map_err(|value| format!("not UTF-8: {value:?}"))
}

fn list(value: &str, option: &str) -> Result<Vec<String>, String> {
    let parts: Vec<String> = value.split(',').map(|part| part.trim().to_owned()).collect();
    if parts.iter().any(String::is_empty) {
        return Err(format!("{option} takes names separated by commas, not '{value}'"));
    }
    Ok(parts)
}

fn one_line(error: lexopt::Error) -> String {
    error.to_string().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Args;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn names_that_match_nothing_are_refused() {
        assert!(parse("--only spcs").is_err_and(|error| error.contains("'spcs' matches no row")));
        assert!(parse("--peers rtbr").is_err_and(|error| error.contains("'rtbr' matches no peer")));
        assert!(parse("--only spsc,").is_err_and(|error| error.contains("separated by commas")));
    }

    #[test]
    fn the_command_says_what_was_asked() {
        let args = parse("--only spsc,pair --peers rtrb --rounds 5 --out /elsewhere --name x").expect("good arguments");
        assert!(args.command().ends_with("-- --only spsc,pair --peers rtrb --rounds 5 --name x"));
        assert_eq!(args.path(), Path::new("/elsewhere/compare-x.json"));
    }

    #[test]
    fn wrong_values_say_so_in_one_line() {
        for line in ["--rounds 0", "--rounds many", "--fast", "--name a/b", "extra", "--only"] {
            let error = parse(line).expect_err(line);
            assert!(!error.contains('\n') && !error.is_empty(), "{line}: {error}");
        }
    }
}
