//! Where an export goes: a new file that nobody else can read, or standard output.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Failure, note};

/// It takes what is written. A file that is not kept goes: half of an export must not pass for all of it.
pub(super) struct Output {
    to: BufWriter<Box<dyn Write + Send>>,
    unfinished: Option<PathBuf>,
}

impl Output {
    /// A file, which must not be there yet; standard output where none is named.
    pub(super) fn open(path: Option<&PathBuf>) -> Result<Self, Failure> {
        let to: Box<dyn Write + Send> = match path {
            None => Box::new(io::stdout()),
            Some(path) => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                Box::new(file.map_err(|error| Failure::Told(unopened(path, &error)))?)
            }
        };
        Ok(Self { to: BufWriter::new(to), unfinished: path.cloned() })
    }

    /// Adds a piece.
    pub(super) fn write(&mut self, piece: &str) -> Result<(), String> {
        self.to.write_all(piece.as_bytes()).map_err(|error| unwritten(&error))
    }

    /// All of it is there: the file stays, and is named beside what it holds.
    pub(super) fn keep(mut self, holds: impl FnOnce(&str) -> String) -> Result<(), Failure> {
        self.to.flush().map_err(|error| Failure::Told(unwritten(&error)))?;
        if let Some(path) = self.unfinished.take() {
            note(format_args!("{}", holds(&path.display().to_string())));
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(path) = &self.unfinished {
            let _ = fs::remove_file(path);
        }
    }
}

fn unopened(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{path} is there already, and stays as it is: name a new file")
        }
        _ => format!("{path} could not be made: {error}"),
    }
}

fn unwritten(error: &io::Error) -> String {
    format!("the export could not be written: {error}")
}
