//! How to get Postgres' programs onto this machine, by the package manager that it has.

use std::path::Path;

/// A package manager that knows a package with Postgres' programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageManager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, Red Hat.
    Dnf,
    /// Arch.
    Pacman,
    /// Alpine.
    Apk,
    /// macOS.
    Brew,
}

impl PackageManager {
    /// The one of this machine.
    pub fn of_this_machine() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::among(|program| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    }

    /// The command that a person types to install Postgres.
    pub fn command(self) -> &'static str {
        match self {
            Self::Apt => "apt-get update && apt-get install -y postgresql",
            Self::Dnf => "dnf install -y postgresql-server postgresql-contrib",
            Self::Pacman => "pacman -S --noconfirm postgresql",
            Self::Apk => "apk add postgresql postgresql-contrib",
            Self::Brew => "brew install postgresql@17",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Apk => "apk",
            Self::Brew => "brew",
        }
    }

    fn among(has: impl Fn(&Path) -> bool) -> Option<Self> {
        [Self::Apt, Self::Dnf, Self::Pacman, Self::Apk, Self::Brew]
            .into_iter()
            .find(|manager| has(Path::new(manager.program())))
    }
}

/// What to do where no programs are found, as the end of a sentence.
pub fn advice() -> String {
    match PackageManager::of_this_machine() {
        Some(PackageManager::Apt) => {
            format!("run `desk server install --yes` (or, as root, `{}`)", PackageManager::Apt.command())
        }
        Some(PackageManager::Brew) => format!("run `{}`", PackageManager::Brew.command()),
        Some(manager) => format!("run, as root, `{}`", manager.command()),
        None => {
            "install PostgreSQL 14 or newer, or name the folder of initdb and postgres in KAYGIA_DESK_PG_BIN"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PackageManager;

    #[test]
    fn the_package_manager_is_the_one_whose_program_is_there() {
        let with = |name: &'static str| PackageManager::among(move |program| program.as_os_str() == name);
        assert_eq!(with("apt-get"), Some(PackageManager::Apt));
        assert_eq!(with("dnf"), Some(PackageManager::Dnf));
        assert_eq!(with("pacman"), Some(PackageManager::Pacman));
        assert_eq!(with("apk"), Some(PackageManager::Apk));
        assert_eq!(with("brew"), Some(PackageManager::Brew));
        assert_eq!(with("emerge"), None);
    }
}
