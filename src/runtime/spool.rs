//! Drafts that the database could not take, kept in files of this machine.
//!
//! One file for each person, ticket and kind, readable by its owner only, replaced as a whole: written beside,
//! synced, renamed. Names are hashed, since ids are any text. A file is removed only after the database has
//! confirmed the draft that it holds.
//!
//! Invariant: whatever fails, the older file stays as it was.

use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::ticket::{Draft, TicketStatus};
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// No draft is longer, with room for its marks.
const LONGEST_FILE: u64 = 8 << 20;
const KIND: &str = "reply";

/// Where drafts are kept.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    database: String,
    /// One file is kept or forgotten at a time. What was settled last for a file is not kept again by a latecomer.
    settled: Arc<Mutex<HashMap<PathBuf, Settled>>>,
}

/// Why a kept draft is not needed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The database has exactly this text.
    Saved(Draft),
    /// It was sent or thrown away.
    Over(CommentId),
}

impl Settled {
    /// Whether a draft of this text needs no keeping.
    fn settles(&self, comment: &CommentId, content: &str) -> bool {
        match self {
            Self::Saved(draft) => draft.comment == *comment && draft.content == content,
            Self::Over(over) => over == comment,
        }
    }
}

/// A draft as it lies in its file.
#[derive(Serialize, Deserialize)]
struct Kept {
    database: String,
    user: String,
    ticket: String,
    comment: String,
    content: String,
    last_comment: Option<String>,
    status_after: Option<String>,
    version: i64,
}

impl Spool {
    /// In the state folder of this machine's user; `database` tells the drafts of several databases apart.
    pub fn new(state_folder: &Path, database: impl Into<String>) -> Self {
        Self { folder: state_folder.join("drafts"), database: database.into(), settled: Arc::default() }
    }

    /// Keeps a draft in place of an earlier one for the same ticket.
    pub fn keep(&self, user: &UserId, ticket: &TicketId, draft: &Draft) -> io::Result<()> {
        let kept = Kept {
            database: self.database.clone(),
            user: user.as_str().to_owned(),
            ticket: ticket.as_str().to_owned(),
            comment: draft.comment.as_str().to_owned(),
            content: draft.content.clone(),
            last_comment: draft.last_comment.as_ref().map(|id| id.as_str().to_owned()),
            status_after: draft.status_after.as_ref().map(|status| status.as_str().to_owned()),
            version: draft.version,
        };
        let bytes = serde_json::to_vec(&kept)?;
        let path = self.path(user, ticket);
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.get(&path).is_some_and(|settled| settled.settles(&draft.comment, &draft.content)) {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let replaced = write_synced(&beside, &bytes).and_then(|()| fs::rename(&beside, &path));
        if replaced.is_err() {
            let _ = fs::remove_file(&beside);
        }
        replaced?;
        File::open(&self.folder)?.sync_all()
    }

    /// Forgets the draft of a ticket, unless it is another or a newer one.
    pub fn forget(&self, user: &UserId, ticket: &TicketId, settled: &Settled) -> io::Result<()> {
        let mut all = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(user, ticket);
        all.insert(path.clone(), settled.clone());
        let Some(kept) = read(&path) else { return Ok(()) };
        if settled.settles(&CommentId::new(kept.comment), &kept.content) {
            fs::remove_file(&path)
        } else {
            Ok(())
        }
    }

    /// What is kept for somebody. Files that are not whole or not ours are left where they are.
    pub fn kept(&self, user: &UserId) -> Vec<(TicketId, Draft)> {
        let paths =
            || fs::read_dir(&self.folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        paths().for_each(|path| settle_orphan(&path));
        let mut drafts = Vec::new();
        for path in paths() {
            if let Some(kept) = read(&path)
                && path.extension().is_some_and(|extension| extension == "json")
                && kept.database == self.database
                && kept.user == user.as_str()
            {
                drafts.push((TicketId::new(kept.ticket.clone()), kept.into_draft()));
            }
        }
        drafts.sort_by(|(one, _), (other, _)| one.cmp(other));
        drafts
    }

    fn path(&self, user: &UserId, ticket: &TicketId) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [&self.database, user.as_str(), ticket.as_str(), KIND] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let name = digest.iter().take(16).fold(0_u128, |name, byte| name << 8 | u128::from(*byte));
        self.folder.join(format!("{name:032x}.json"))
    }
}

impl Kept {
    fn into_draft(self) -> Draft {
        Draft {
            comment: CommentId::new(self.comment),
            content: self.content,
            last_comment: self.last_comment.map(CommentId::new),
            status_after: self.status_after.as_deref().map(TicketStatus::parse),
            older_content: None,
            version: self.version,
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read(path: &Path) -> Option<Kept> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST_FILE).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// `HASH.PID.tmp` of a process that was killed in the middle: the newest text if it is whole, else nothing.
fn settle_orphan(path: &Path) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut parts = name.split('.');
    let (Some(hash), Some(pid), Some("tmp")) = (parts.next(), parts.next(), parts.next()) else { return };
    let pid = pid.parse().ok().and_then(Pid::from_raw);
    if pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH)) {
        return;
    }
    let settled = match read(path) {
        Some(_) => fs::rename(path, path.with_file_name(format!("{hash}.json"))),
        None => fs::remove_file(path),
    };
    if let Err(error) = settled {
        tracing::warn!(%error, "a remnant of a draft stays on this machine");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::proptest;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn draft(content: &str) -> Draft {
        Draft {
            comment: CommentId::new("c1"),
            content: content.to_owned(),
            last_comment: Some(CommentId::new("c0")),
            status_after: Some(TicketStatus::Pending),
            older_content: None,
            version: 3,
        }
    }

    fn spool() -> (TempDir, Spool, UserId, TicketId) {
        let folder = TempDir::new().unwrap();
        let spool = Spool::new(folder.path(), "db");
        (folder, spool, UserId::new("ada"), TicketId::new("t1"))
    }

    #[test]
    fn a_kept_draft_is_read_back_until_its_text_is_saved_or_its_comment_settled() {
        let (_folder, spool, ada, ticket) = spool();
        spool.keep(&ada, &ticket, &draft("one")).unwrap();
        spool.keep(&ada, &ticket, &draft("two\n\u{1b}[31m 🙂")).unwrap();
        assert_eq!(spool.kept(&ada), [(ticket.clone(), draft("two\n\u{1b}[31m 🙂"))]);
        let forgets = |settled| {
            spool.forget(&ada, &ticket, &settled).unwrap();
            spool.kept(&ada).is_empty()
        };
        assert!(!forgets(Settled::Over(CommentId::new("another"))));
        assert!(!forgets(Settled::Saved(draft("one"))), "an older text was saved");
        assert!(forgets(Settled::Saved(draft("two\n\u{1b}[31m 🙂"))));
        assert!(forgets(Settled::Saved(draft("two"))));
        spool.keep(&ada, &ticket, &draft("sent")).unwrap();
        assert!(forgets(Settled::Over(CommentId::new("c1"))));
    }

    #[test]
    fn people_and_databases_do_not_see_each_others_drafts() {
        let (folder, spool, ada, ticket) = spool();
        spool.keep(&ada, &ticket, &draft("mine")).unwrap();
        assert_eq!(spool.kept(&UserId::new("alan")), []);
        assert_eq!(Spool::new(folder.path(), "other").kept(&ada), []);
    }

    #[test]
    fn only_its_owner_reads_a_draft() {
        let (folder, spool, ada, ticket) = spool();
        spool.keep(&ada, &ticket, &draft("private")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("drafts")), 0o700);
        assert_eq!(mode(&spool.path(&ada, &ticket)), 0o600);
    }

    #[test]
    fn when_nothing_can_be_written_the_older_draft_stays() {
        // The story: the disk is full while an offline colleague types on. The last draft that did fit must survive.
        let (_folder, spool, ada, ticket) = spool();
        spool.keep(&ada, &ticket, &draft("older")).unwrap();
        // A folder in the place of the file that is written first fails for root too.
        let path = spool.path(&ada, &ticket);
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("in the way"), "").unwrap();
        assert!(spool.keep(&ada, &ticket, &draft("newer")).is_err());
        assert_eq!(spool.kept(&ada), [(ticket, draft("older"))]);
    }

    #[test]
    fn half_a_file_is_never_taken_for_a_draft_and_remnants_go() {
        let (_folder, spool, ada, ticket) = spool();
        spool.keep(&ada, &ticket, &draft("whole")).unwrap();
        let path = spool.path(&ada, &ticket);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        // No process has this number.
        let remnant = path.with_extension("4194305.tmp");
        fs::write(&remnant, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(spool.kept(&ada), []);
        assert!(!remnant.exists() && path.exists());
    }

    #[test]
    fn a_whole_text_of_a_process_that_was_killed_before_the_rename_is_not_lost() {
        let (_folder, spool, ada, ticket) = spool();
        spool.keep(&ada, &ticket, &draft("newer")).unwrap();
        let path = spool.path(&ada, &ticket);
        let remnant = path.with_extension("4194305.tmp");
        fs::rename(&path, &remnant).unwrap();
        spool.keep(&ada, &ticket, &draft("older")).unwrap();
        assert_eq!(spool.kept(&ada), [(ticket, draft("newer"))]);
        assert!(!remnant.exists());
    }

    proptest! {
        #[test]
        fn any_ids_and_any_text_are_kept(user in "\\PC{0,9}", ticket in ".{0,300}", content in ".*") {
            let folder = TempDir::new().unwrap();
            let spool = Spool::new(folder.path(), "db");
            let (user, ticket) = (UserId::new(user), TicketId::new(ticket));
            spool.keep(&user, &ticket, &draft(&content)).unwrap();
            proptest::prop_assert_eq!(spool.kept(&user), vec![(ticket, draft(&content))]);
        }
    }
}
