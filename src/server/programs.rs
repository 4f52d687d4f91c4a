//! Where the system keeps the programs of Postgres: `initdb` and `postgres`, side by side.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::ServerError;
use crate::child;

/// The oldest major version that the desk works with.
const OLDEST: u32 = 14;

/// The Postgres programs of this machine, the best first.
#[derive(Debug, Clone)]
pub struct Programs {
    best: Installation,
    folders: Vec<PathBuf>,
}

/// One installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installation {
    pub bin: PathBuf,
    pub major: u32,
}

impl Programs {
    /// Looks in `KAYGIA_DESK_PG_BIN` alone if that is set; else on the PATH, by pg_config, and where systems keep them.
    pub fn find() -> Result<Self, ServerError> {
        if let Some(named) = std::env::var_os("KAYGIA_DESK_PG_BIN").filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            if !holds_programs(&named) {
                return Err(ServerError::ProgramsNotThere(named));
            }
            return Self::among(vec![named]);
        }
        Self::among(candidates())
    }

    /// The folder of the programs that a new cluster is made with.
    pub fn folder(&self) -> &Path {
        &self.best.bin
    }

    /// The major version of the programs that a new cluster is made with.
    pub fn major(&self) -> u32 {
        self.best.major
    }

    pub(super) fn best(&self) -> &Installation {
        &self.best
    }

    /// The programs that can run a cluster of version `major`.
    pub(super) fn of_version(&self, major: u32) -> Option<Installation> {
        if self.best.major == major {
            return Some(self.best.clone());
        }
        self.folders.iter().filter_map(|bin| Installation::at(bin)).find(|found| found.major == major)
    }

    fn among(folders: Vec<PathBuf>) -> Result<Self, ServerError> {
        let mut too_old = None;
        for bin in &folders {
            match Installation::at(bin) {
                Some(best) if best.major >= OLDEST => return Ok(Self { best, folders }),
                Some(old) => {
                    too_old.get_or_insert(old);
                }
                None => {}
            }
        }
        Err(match too_old {
            Some(old) => ServerError::ProgramsTooOld { bin: old.bin, major: old.major },
            None => ServerError::ProgramsMissing,
        })
    }
}

impl Installation {
    fn at(bin: &Path) -> Option<Self> {
        let output =
            child::command(bin.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { bin: bin.to_path_buf(), major })
    }

    /// A locale that folds the case of every script, sorts by code point, and is there on a bare system.
    pub fn locale(&self) -> Vec<&'static str> {
        match (cfg!(target_os = "macos"), self.major >= 17) {
            (true, true) => vec!["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],
            (true, false) => vec!["--locale=en_US.UTF-8"],
            (false, _) => vec!["--locale=C.UTF-8"],
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect())
        .unwrap_or_default();
    folders.extend(by_pg_config());
    folders.extend(versions("/usr/lib/postgresql", "", "bin"));
    folders.extend(versions("/usr", "pgsql-", "bin"));
    folders.extend(versions("/usr/libexec", "postgresql", ""));
    folders.extend(versions("/opt/homebrew/opt", "postgresql@", "bin"));
    folders.extend(versions("/usr/local/opt", "postgresql@", "bin"));
    folders.extend(versions("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    folders.push(PathBuf::from("/usr/local/pgsql/bin"));
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let folder = folder.canonicalize().unwrap_or(folder);
        if holds_programs(&folder) && !found.contains(&folder) {
            found.push(folder);
        }
    }
    found
}

fn by_pg_config() -> Option<PathBuf> {
    let output = child::command("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim_end())).filter(|folder| folder.is_absolute())
}

/// `root/{prefix}{version}/{leaf}` for each version there, the highest first.
fn versions(root: &str, prefix: &str, leaf: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(leaf)))
        })
        .collect();
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn holds_programs(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

/// `postgres (PostgreSQL) 15.20 (Debian ..)`, `postgres (PostgreSQL) 18beta1`.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn the_major_version_is_read_from_every_usual_form() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("postgres (PostgreSQL) 9.6.24\n"), Some(9));
        assert_eq!(major_version("postgres: command not found\n"), None);
    }
}
