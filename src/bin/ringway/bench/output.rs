//! The folder that results go to. It is made before anything is measured: a wrong name must not cost ten minutes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::fault::Fault;

/// A folder that can be written.
#[derive(Debug)]
pub(super) struct Output(PathBuf);

impl Output {
    /// Makes the folder, and tries to write there.
    ///
    /// # Errors
    /// A [`Fault`], if that does not go.
    pub(super) fn open(folder: &Path) -> Result<Self, Fault> {
        let refused = |error| Fault::new(format!("--out: {} can't be written: {error}", folder.display()));
        fs::create_dir_all(folder).map_err(refused)?;
        let output = Self(folder.to_owned());
        fs::write(output.path("bench.json.new"), "").map_err(refused)?;
        fs::remove_file(output.path("bench.json.new")).map_err(refused)?;
        Ok(output)
    }

    /// A file there.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a whole file; who reads it at the same time sees the old one or the new one.
    ///
    /// # Errors
    /// A [`Fault`], if that does not go.
    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf, Fault> {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        fs::write(&new, bytes)
            .and_then(|()| fs::rename(&new, &path))
            .map_err(|error| Fault::new(format!("{} can't be written: {error}", path.display())))?;
        Ok(path)
    }
}
