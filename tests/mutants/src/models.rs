//! The models, as processes.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// One test of the binary, under one kind of fences.
pub(crate) struct Model {
    pub(crate) name: String,
    /// What `sync::light_fence` and `sync::heavy_fence` are: see `.ci/loom`.
    fences: &'static str,
    /// Numbers of the sites that it reaches.
    pub(crate) reaches: BTreeSet<usize>,
    /// How long it takes unharmed.
    pub(crate) takes: Duration,
}

/// What became of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// It failed, and why, in a word.
    Failed(&'static str),
    /// It did not end in time.
    Hung,
}

const FENCES: [&str; 2] = ["asymmetric", "symmetric"];

/// Processes at a time.
const SIDE_BY_SIDE: usize = 2;

/// For an unharmed model. The slowest takes half a minute.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs every model of the binary on the unharmed tree, but for those whose name contains one of the texts of `skip`; the
/// quickest first.
pub(crate) fn unharmed(root: &Path, binary: &Path, skip: Option<&str>) -> Result<Vec<Model>, String> {
    let list =
        Command::new(binary).args(["--list", "--format", "terse"]).output().map_err(|error| error.to_string())?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let skipped = |name: &str| skip.is_some_and(|texts| texts.split(',').any(|text| name.contains(text)));
    let names = list.lines().filter_map(|line| line.strip_suffix(": test")).filter(|name| !skipped(name));
    let wanted: Vec<_> = names.flat_map(|name| FENCES.map(|fences| (name, fences))).collect();
    let models = side_by_side(wanted.len(), |nth| {
        let (name, fences) = wanted[nth];
        let trace = root.join(format!("target/mutants/trace-{nth}"));
        let _ = fs::remove_file(&trace);
        let mut model = Model { name: name.to_owned(), fences, reaches: BTreeSet::new(), takes: PATIENCE };
        let started = Instant::now();
        let (verdict, said) = model.run(binary, Err(&trace), PATIENCE);
        model.takes = started.elapsed();
        if verdict != Verdict::Passed {
            return Err(format!("{name} fails on the unharmed tree, {fences}: {verdict:?}\n{said}"));
        }
        let numbers = fs::read_to_string(&trace).unwrap_or_default();
        let _ = fs::remove_file(&trace);
        model.reaches = numbers.lines().filter_map(|line| line.parse().ok()).collect();
        Ok(model)
    });
    let mut models = models.into_iter().collect::<Result<Vec<_>, _>>()?;
    models.sort_by_key(|model| model.takes);
    Ok(models)
}

/// Does so many things, as many at a time as there are processes for.
pub(crate) fn side_by_side<R: Send>(things: usize, each: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= things {
                        return;
                    }
                    let result = each(nth);
                    done.lock().expect("no worker panics").push((nth, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no worker panics");
    done.sort_by_key(|&(nth, _)| nth);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Model {
    /// Its name, and under which fences if not those of Linux.
    pub(crate) fn title(&self) -> String {
        if self.fences == FENCES[0] { self.name.clone() } else { format!("{}, {}", self.name, self.fences) }
    }

    /// Runs it with `change` (`site:to`), or unharmed and traced to the given file. Returns what it printed, too.
    pub(crate) fn run(&self, binary: &Path, change: Result<&str, &Path>, limit: Duration) -> (Verdict, String) {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut command = Command::new(binary);
        command
            .args(["--exact", &self.name, "--test-threads", "1", "--nocapture"])
            .stdin(Stdio::null())
            .stdout(writer.try_clone().expect("a second handle"))
            .stderr(writer)
            .env("RUST_BACKTRACE", "0")
            .env("RINGWAY_FENCES", self.fences)
            .env_remove("RINGWAY_MUTANT");
        match change {
            Ok(change) => command.env("RINGWAY_MUTANT", change),
            Err(trace) => command.env("RINGWAY_MUTANT_TRACE", trace),
        };
        if std::env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
            command.env("LOOM_MAX_PREEMPTIONS", "2");
        }
        let mut child = command.spawn().expect("the models start");
        // Only the child may hold the pipe's other end now: it closes when the child ends.
        drop(command);
        let (said_sender, said) = mpsc::channel();
        let listener = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = reader.read_to_end(&mut bytes);
            let _ = said_sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        let in_time = said.recv_timeout(limit);
        if in_time.is_err() {
            child.kill().expect("a child to end");
        }
        let status = child.wait().expect("a child to wait for");
        listener.join().expect("it only reads");
        match in_time {
            Err(_) => (Verdict::Hung, String::new()),
            Ok(said) if status.success() => (Verdict::Passed, said),
            Ok(said) => (Verdict::Failed(why(&said)), said),
        }
    }
}

/// The first thing that went wrong, in a word.
fn why(said: &str) -> &'static str {
    let marks = [
        ("Causality violation", "race"),
        ("is not accepted", "wrong outcome"),
        ("never came to", "missing outcome"),
        ("fewer than", "too few executions"),
        ("maximum number of branches", "no progress"),
        ("deadlock", "deadlock"),
        ("leaked", "leak"),
        ("panicked at", "assertion"),
    ];
    let first = marks.iter().filter_map(|&(mark, word)| said.find(mark).map(|at| (at, word)));
    // Every panic says that it is one, before it says what it is.
    let told = first.clone().filter(|&(_, word)| word != "assertion").min();
    told.or(first.min()).map_or("crash", |(_, word)| word)
}
