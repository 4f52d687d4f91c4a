//! Where the desk keeps its files: the XDG folders, or root's own ones.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{ConfigError, Environment};

const NAME: &str = "kaygia-desk";

/// The folders of the desk on this machine; none of them needs to exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// What may be lost but should not be: the log, drafts that could not be saved in the database.
    pub state: PathBuf,
    /// What must not be lost: the database of the demo.
    pub data: PathBuf,
}

impl Places {
    /// The folder of the private server of the demo.
    pub fn server(&self) -> PathBuf {
        self.data.join("server")
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.state.join("desk.log")
    }

    /// Refuses a state folder that somebody else could put something into. One that is not there yet is made ours.
    pub fn check_state(&self) -> Result<(), ConfigError> {
        let Ok(folder) = std::fs::metadata(&self.state) else { return Ok(()) };
        let me = rustix::process::geteuid().as_raw();
        if folder.uid() != me && folder.uid() != 0 {
            return Err(ConfigError::Foreign(self.state.clone()));
        }
        if folder.mode() & 0o022 != 0 {
            return Err(ConfigError::OpenFolder(self.state.clone()));
        }
        Ok(())
    }

    pub(super) fn find(environment: &Environment) -> Result<Self, ConfigError> {
        let place = |own: &str, xdg: &str, below_home: &str| {
            let named = environment.absolute_path(own);
            named
                .or_else(|| environment.absolute_path(xdg).map(|folder| folder.join(NAME)))
                .or_else(|| environment.home().map(|home| home.join(below_home).join(NAME)))
        };
        // Root's home is closed to the account that runs root's server.
        let system = PathBuf::from("/var/lib").join(NAME);
        let data = if environment.is_superuser() {
            environment.absolute_path("KAYGIA_DESK_DATA_DIR").or_else(|| Some(system.clone()))
        } else {
            place("KAYGIA_DESK_DATA_DIR", "XDG_DATA_HOME", ".local/share")
        };
        let state = place("KAYGIA_DESK_STATE_DIR", "XDG_STATE_HOME", ".local/state")
            .or_else(|| environment.is_superuser().then(|| system.join("state")));
        Ok(Self { state: state.ok_or(ConfigError::Homeless)?, data: data.ok_or(ConfigError::Homeless)? })
    }

    pub(super) fn config_file(environment: &Environment) -> Option<PathBuf> {
        let folder = environment
            .absolute_path("XDG_CONFIG_HOME")
            .or_else(|| environment.home().map(|home| home.join(".config")))?;
        Some(folder.join(NAME).join("config.toml"))
    }
}
