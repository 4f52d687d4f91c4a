//! The token of a session that its owner wants to keep, in a file of this machine; one for each database.
//!
//! It opens the desk to whoever reads it, so the file is its owner's alone: one that others can read, or that
//! belongs to somebody else, is refused, not repaired. It holds nothing else.

use crate::auth::SessionToken;
use rustix::fs::OFlags;
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What was answered to the offer to stay signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Every time.
    Always,
    /// Not again.
    Never,
}

/// Where the token is kept.
#[derive(Clone, Debug)]
pub struct Stay {
    folder: PathBuf,
    name: String,
}

/// Why a token that is there is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else may have read or written it.
    #[error(
        "{} may have been read by others, so its session is not used; remove it and sign in with `desk login`",
        .0.display()
    )]
    Exposed(PathBuf),
    /// It can't be read.
    #[error("{} cannot be read: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Stay {
    /// In the state folder of this machine's user; `database` tells the sessions of several databases apart.
    pub fn new(state_folder: &Path, database: &str) -> Self {
        let digest = Sha256::digest(database.as_bytes());
        let name = digest.iter().take(16).fold(0_u128, |name, byte| name << 8 | u128::from(*byte));
        Self { folder: state_folder.join("login"), name: format!("{name:032x}") }
    }

    /// The token, if one is kept.
    pub fn token(&self) -> Result<Option<SessionToken>, Refused> {
        let path = self.file();
        let unreadable = |error| Refused::Unreadable { path: path.clone(), error };
        // A link may lead to somebody else's file, and a pipe would be waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(Refused::Exposed(path));
            }
            Err(error) => return Err(unreadable(error)),
        };
        let metadata = file.metadata().map_err(unreadable)?;
        let ours =
            metadata.is_file() && metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o777 == 0o600;
        if !ours {
            return Err(Refused::Exposed(path));
        }
        let mut text = zeroize::Zeroizing::new(String::with_capacity(128));
        file.take(128).read_to_string(&mut text).map_err(unreadable)?;
        Ok(SessionToken::parse(&text))
    }

    /// Keeps a token in place of an earlier one.
    pub fn keep(&self, token: &SessionToken) -> io::Result<()> {
        self.write(&self.file(), token.expose().as_bytes())
    }

    /// Forgets the token.
    pub fn forget(&self) -> io::Result<()> {
        match fs::remove_file(self.file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Forgets this token; one that has taken its place since, as by `desk login`, stays.
    pub fn forget_this(&self, token: &SessionToken) -> io::Result<()> {
        match self.token() {
            Ok(Some(kept)) if kept.hash() != token.hash() => Ok(()),
            _ => self.forget(),
        }
    }

    /// What was answered before.
    pub fn choice(&self) -> Option<Choice> {
        match fs::read_to_string(self.choice_file()).ok()?.trim() {
            "always" => Some(Choice::Always),
            "never" => Some(Choice::Never),
            _ => None,
        }
    }

    /// Remembers the answer.
    pub fn choose(&self, choice: Choice) -> io::Result<()> {
        let word = match choice {
            Choice::Always => "always",
            Choice::Never => "never",
        };
        self.write(&self.choice_file(), word.as_bytes())
    }

    /// Where the token lies.
    pub fn file(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn choice_file(&self) -> PathBuf {
        self.folder.join(format!("{}.choice", self.name))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Its whole name before the end: the token and the answer may be written at the same moment.
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(beside);
        let _ = fs::remove_file(&beside);
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let replaced = written
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.write_all(b"\n")?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&beside, path));
        if replaced.is_err() {
            let _ = fs::remove_file(&beside);
        }
        replaced?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Choice, Refused, Stay};
    use crate::auth::SessionToken;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn token() -> SessionToken {
        SessionToken::from_random([7; 32])
    }

    #[test]
    fn the_token_and_the_answer_are_written_at_once_and_both_are_there() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..100 {
            let stay = Stay::new(folder.path(), &format!("database {round}"));
            std::thread::scope(|scope| {
                scope.spawn(|| stay.choose(Choice::Always).unwrap());
                scope.spawn(|| stay.keep(&token()).unwrap());
            });
            assert_eq!(stay.choice(), Some(Choice::Always), "round {round}");
            assert_eq!(stay.token().unwrap().unwrap().hash(), token().hash(), "round {round}");
        }
    }

    #[test]
    fn a_token_is_kept_for_its_owner_and_for_one_database() {
        let state = tempfile::tempdir().unwrap();
        let (one, other) = (Stay::new(state.path(), "kaygia 1"), Stay::new(state.path(), "kaygia 2"));
        assert!(one.token().unwrap().is_none());
        one.keep(&SessionToken::from_random([1; 32])).unwrap();
        one.keep(&token()).unwrap();
        assert_eq!(one.token().unwrap().unwrap().expose(), token().expose());
        assert!(other.token().unwrap().is_none());
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&one.file()), mode(&state.path().join("login"))), (0o600, 0o700));
        one.forget_this(&SessionToken::from_random([1; 32])).unwrap();
        assert!(one.token().unwrap().is_some(), "another one has taken its place");
        one.forget_this(&token()).unwrap();
        one.forget().unwrap();
        assert!(one.token().unwrap().is_none());
        assert_eq!(fs::read_dir(state.path().join("login")).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_others_could_read_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let stay = Stay::new(state.path(), "kaygia");
        stay.keep(&token()).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(stay.file(), Permissions::from_mode(mode)).unwrap();
            assert!(matches!(stay.token(), Err(Refused::Exposed(_))), "{mode:o}");
        }
        let elsewhere = state.path().join("elsewhere");
        fs::rename(stay.file(), &elsewhere).unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
        symlink(&elsewhere, stay.file()).unwrap();
        assert!(matches!(stay.token(), Err(Refused::Exposed(_))), "a link");
    }

    #[test]
    fn what_is_no_token_is_none() {
        let state = tempfile::tempdir().unwrap();
        let stay = Stay::new(state.path(), "kaygia");
        stay.keep(&token()).unwrap();
        fs::write(stay.file(), "0123").unwrap();
        assert!(stay.token().unwrap().is_none());
        assert_eq!(stay.choice(), None);
        for choice in [Choice::Never, Choice::Always] {
            stay.choose(choice).unwrap();
            assert_eq!(stay.choice(), Some(choice));
        }
    }
}
