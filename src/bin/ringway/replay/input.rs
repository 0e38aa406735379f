//! Where rows come from: a file, standard input, or the tape; unzipped if its first bytes say that it is zipped.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, IsTerminal, Read, Seek, Write},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use crate::fault::Fault;

use super::tape::Tape;

/// Bytes of a file that are read at a time.
const BLOCK: usize = 128 * 1024;

/// An open input.
pub(crate) struct Input {
    /// What the user calls it.
    pub(crate) name: String,
    pub(crate) bytes: Box<dyn Read + Send>,
    pub(crate) is_gzip: bool,
    /// The file itself, to see how far it was read.
    pub(crate) progress: Option<Progress>,
}

/// How far a file was read.
pub(crate) struct Progress {
    /// Shares its place in the file with the one that is read.
    file: File,
    /// Bytes of the file.
    pub(crate) bytes: u64,
}

impl Progress {
    /// Bytes that were read so far.
    pub(crate) fn read(&mut self) -> u64 {
        self.file.stream_position().unwrap_or(0)
    }
}

impl Input {
    /// Opens `file`, standard input for `-`, the tape for none.
    ///
    /// # Errors
    /// A [`Fault`], if it can't be opened, or is packed in a way that is not read here.
    pub(crate) fn open(file: Option<&Path>, seed: u64, tape_rows: u64) -> Result<Self, Fault> {
        let Some(path) = file else {
            let bytes = Box::new(Tape::new(seed, tape_rows));
            return Ok(Self { name: format!("built-in tape, seed {seed}"), bytes, is_gzip: false, progress: None });
        };
        if path == Path::new("-") {
            if io::stdin().is_terminal() {
                // A hint that nobody sees does no harm.
                let _ = writeln!(io::stderr(), "ringway: rows come from the terminal; Ctrl-D ends them");
            }
            return Self::unpack("standard input".into(), Box::new(io::stdin()), None);
        }
        let name = path.display().to_string();
        let open = || {
            let file = File::open(path)?;
            let about = file.metadata()?;
            let progress =
                about.is_file().then(|| Ok::<_, io::Error>(Progress { file: file.try_clone()?, bytes: about.len() }));
            Ok::<_, io::Error>((file, about.is_dir(), progress.transpose()?))
        };
        let (file, is_folder, progress) = open().map_err(|error| Fault::new(format!("{name}: {}", plainly(&error))))?;
        if is_folder {
            return Err(Fault::new(format!("{name} is a directory; name a file in it")));
        }
        Self::unpack(name, Box::new(file), progress)
    }

    fn unpack(name: String, mut source: Box<dyn Read + Send>, progress: Option<Progress>) -> Result<Self, Fault> {
        let mut magic = Vec::with_capacity(6);
        let read = source.by_ref().take(6).read_to_end(&mut magic);
        read.map_err(|error| Fault::new(format!("{name}: {}", plainly(&error))))?;
        let is_gzip = magic.starts_with(b"\x1f\x8b");
        let packed = [
            (&b"\x28\xb5\x2f\xfd"[..], "zstd", "zstdcat"),
            (b"\xfd7zXZ", "xz", "xzcat"),
            (b"BZh", "bzip2", "bzcat"),
            (b"PK\x03\x04", "zip", "unzip -p"),
            (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
        ];
        if let Some((_, kind, command)) = packed.into_iter().find(|(start, ..)| magic.starts_with(start)) {
            return Err(Fault::new(format!(
                "{name} is packed by {kind}, which is not read here; run `{command} FILE | ringway replay -`"
            )));
        }
        let all = Cursor::new(magic).chain(source);
        let bytes: Box<dyn Read + Send> =
            if is_gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(BLOCK, all))) } else { Box::new(all) };
        Ok(Self { name, bytes, is_gzip, progress })
    }

    /// What went wrong with reading, in the user's words.
    pub(crate) fn fault(name: &str, is_gzip: bool, error: &io::Error) -> Fault {
        let gzip_kinds = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
        Fault::new(match error.kind() {
            io::ErrorKind::UnexpectedEof if is_gzip => {
                format!("{name}: the gzip data end too early; the file was cut off, fetch it again")
            }
            kind if is_gzip && gzip_kinds.contains(&kind) => {
                format!("{name}: the gzip data are damaged ({error}); `gzip -t` tells the same, fetch it again")
            }
            _ => format!("{name}: {}", plainly(error)),
        })
    }
}

/// What the system says, in the user's words.
fn plainly(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file; check the path (`-` is standard input)".into(),
        io::ErrorKind::PermissionDenied => "it may not be read; check its permissions".into(),
        _ => error.to_string(),
    }
}
