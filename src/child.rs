//! Programs that we start: an editor, `apt-get`, `ps`. None of them gets what opens the database.
//!
//! The only place that makes a command, but for the private server's, which starts from an empty environment.

use std::ffi::OsStr;
use std::process::Command;

/// A program with our environment, less every variable that may hold a secret.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if may_be_secret(&name) {
            command.env_remove(name);
        }
    }
    command
}

/// The database's address, what libpq reads (PGPASSWORD, PGPASSFILE ..), and all of our own.
fn may_be_secret(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name == b"DATABASE_URL" || name.starts_with(b"PG") || name.starts_with(b"KAYGIA_DESK_")
}

#[cfg(test)]
mod tests {
    use super::may_be_secret;

    #[test]
    fn what_opens_the_database_is_kept_back_and_the_rest_is_not() {
        for name in ["DATABASE_URL", "PGPASSWORD", "PGSERVICEFILE", "KAYGIA_DESK_SESSION", "KAYGIA_DESK_X"] {
            assert!(may_be_secret(name.as_ref()), "{name}");
        }
        for name in ["HOME", "PATH", "TERM", "EDITOR", "PAGER", "LANG", "SSH_AUTH_SOCK", "DATABASE_URLS"] {
            assert!(!may_be_secret(name.as_ref()), "{name}");
        }
    }
}
