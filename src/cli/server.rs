//! `desk server install`: get Postgres' programs onto this machine, without a cluster of its own.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use clap::Subcommand;

use super::prompt::{self, Answer};
use super::{Exit, Failure, note, say};
use crate::child;
use crate::server::install::PackageManager;
use crate::server::{Programs, ServerError};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Install Postgres' programs by the system's package manager, unless they are there
    Install {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Whether somebody has agreed beforehand that packages are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    Given,
    Ask,
}

pub(super) fn run(command: &Command) -> Result<Exit, Failure> {
    let Command::Install { yes } = command;
    let programs = programs(if *yes { Consent::Given } else { Consent::Ask })?;
    say(format_args!("PostgreSQL {} is installed in {}.", programs.major(), programs.folder().display()));
    Ok(Exit::Done)
}

/// The programs, installed first if they are missing and that is agreed to.
pub(super) fn programs(consent: Consent) -> Result<Programs, Failure> {
    let missing = match Programs::find() {
        Ok(programs) => return Ok(programs),
        Err(missing @ (ServerError::ProgramsMissing | ServerError::ProgramsTooOld { .. })) => missing,
        Err(error) => return Err(Failure::told(error)),
    };
    let manager = PackageManager::of_this_machine();
    let root = if rustix::process::geteuid().is_root() {
        Root::Already
    } else if is_on_path("sudo") {
        Root::BySudo
    } else {
        Root::Never
    };
    match plan(manager, root, consent, prompt::can_ask()) {
        Plan::Tell => return Err(Failure::told(missing)),
        Plan::Ask => {
            let question =
                format!("PostgreSQL is not installed. Run `{}` now?", PackageManager::Apt.command());
            if prompt::ask(&question)? == Answer::No {
                return Err(Failure::told(missing));
            }
        }
        Plan::Install => {}
    }
    install_with_apt(root)?;
    Programs::find().map_err(Failure::told)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Already,
    BySudo,
    Never,
}

#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// Say which command installs it.
    Tell,
    /// Ask, then install.
    Ask,
    /// Install.
    Install,
}

fn plan(manager: Option<PackageManager>, root: Root, consent: Consent, can_ask: bool) -> Plan {
    if manager != Some(PackageManager::Apt) || root == Root::Never {
        return Plan::Tell;
    }
    match consent {
        Consent::Given => Plan::Install,
        Consent::Ask if can_ask => Plan::Ask,
        Consent::Ask => Plan::Tell,
    }
}

/// Debian makes a cluster and starts it with the package, unless told before that none is wanted.
fn install_with_apt(root: Root) -> Result<(), Failure> {
    note("Installing PostgreSQL with apt-get ...");
    as_root(root, &["apt-get", "-q", "update"])?;
    apt_install(root, "postgresql-common")?;
    let folder = Path::new("/etc/postgresql-common/createcluster.d");
    as_root(root, &["mkdir", "-p", "/etc/postgresql-common/createcluster.d"])?;
    append(root, &folder.join("kaygia-desk.conf"))?;
    // Old versions of the package know one file only.
    let main = Path::new("/etc/postgresql-common/createcluster.conf");
    let reads_folder = |text: String| text.lines().any(|line| line.starts_with("include_dir"));
    if !fs::read_to_string(main).is_ok_and(reads_folder) {
        append(root, main)?;
    }
    apt_install(root, "postgresql")
}

fn append(root: Root, path: &Path) -> Result<(), Failure> {
    let script = r#"grep -qs '^create_main_cluster' "$1" || echo 'create_main_cluster = false' >> "$1""#;
    as_root(root, &["sh", "-c", script, "desk", &path.to_string_lossy()])
}

fn apt_install(root: Root, package: &str) -> Result<(), Failure> {
    let options = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"];
    let mut words =
        vec!["apt-get", "-q", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    words.extend(options);
    words.push(package);
    as_root(root, &words)
}

fn as_root(root: Root, words: &[&str]) -> Result<(), Failure> {
    let mut line: Vec<&str> = if root == Root::BySudo { vec!["sudo"] } else { Vec::new() };
    line.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    line.extend(words);
    // What apt says goes to standard error: it is progress, not an answer.
    let status = child::command(line[0])
        .args(&line[1..])
        .stdin(Stdio::inherit())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| Failure::Told(format!("could not run {}: {error}", line[0])))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Told(format!(
        "`{}` failed ({status}); see its messages above, then try again",
        words.join(" ")
    )))
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::{Consent, PackageManager, Plan, Root, plan};

    #[test]
    fn only_apt_with_root_and_consent_installs() {
        let apt = Some(PackageManager::Apt);
        assert_eq!(plan(apt, Root::Already, Consent::Given, false), Plan::Install);
        assert_eq!(plan(apt, Root::BySudo, Consent::Given, false), Plan::Install);
        assert_eq!(plan(apt, Root::Already, Consent::Ask, true), Plan::Ask);
        assert_eq!(plan(apt, Root::Already, Consent::Ask, false), Plan::Tell);
        assert_eq!(plan(apt, Root::Never, Consent::Given, true), Plan::Tell);
        assert_eq!(plan(Some(PackageManager::Dnf), Root::Already, Consent::Given, true), Plan::Tell);
        assert_eq!(plan(None, Root::Already, Consent::Given, true), Plan::Tell);
    }
}
