//! A text in the editor that its writer is used to.
//!
//! The text lies in a file that only its owner reads, in a folder of its own, and both are gone afterwards. The
//! caller lends the terminal meanwhile and takes it back.
//!
//! Invariant: what the editor has written is never thrown away unread. When the desk ends meanwhile, the editor is
//! asked to end and its text is read back; what it leaves beside the text (a swap file, a rescued copy) stays, and is
//! told at the next start.

use crate::child;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What a shell says when it does not find the program.
const NOT_FOUND: i32 = 127;
/// A text of this size is not read back: somebody opened another file in its place.
const LONGEST_TEXT: u64 = 1 << 20;
/// An editor that is asked to end may take this long to rescue its text.
const RESCUE: Duration = Duration::from_millis(250);
const TEXT: &str = "reply.md";

/// Which editor is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `$VISUAL`, else `$EDITOR`, else `vi`.
    OfTheEnvironment,
    /// This command line.
    Named(OsString),
    /// None, since an editor can start a shell.
    Off,
}

impl Choice {
    /// The editor's command line; none when there is to be no editor.
    pub fn command(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        match self {
            Self::OfTheEnvironment => {
                Some(set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into()))
            }
            Self::Named(command) => Some(command.clone()),
            Self::Off => None,
        }
    }
}

/// Opens `text` in the editor and answers what it became; an error is a sentence.
///
/// `editor` is what a shell would run, arguments and all. When `stop` says so, or is dropped, the editor is asked to
/// end and what is in the file is the answer. When the future is dropped the editor is killed.
pub async fn edit(
    editor: &OsString,
    text: &str,
    folder: &Path,
    stop: oneshot::Receiver<()>,
) -> Result<String, String> {
    let mut place =
        Place::new(folder, text).map_err(|error| format!("could not hand the text over: {error}"))?;
    run(editor, &mut place, stop).await?;
    let length = fs::metadata(&place.file).map_or(0, |file| file.len());
    if length > LONGEST_TEXT {
        return Err("the text is longer than 1 MB; it is as it was".to_owned());
    }
    let bytes = fs::read(&place.file)
        .map_err(|error| format!("could not read the text again: {error}; it is as it was"))?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    // Editors end the last line.
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// Opens a copy of `text` in the editor; what becomes of it does not matter.
pub async fn show(
    editor: &OsString,
    text: &str,
    folder: &Path,
    stop: oneshot::Receiver<()>,
) -> Result<(), String> {
    let mut place =
        Place::new(folder, text).map_err(|error| format!("could not hand the text over: {error}"))?;
    let shown = run(editor, &mut place, stop).await;
    place.cut_off = false;
    shown
}

/// Folders that editors left whose desk ended before them.
pub fn left(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let is_left = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let pid = name.strip_prefix("edit-").and_then(|rest| rest.split('-').next()?.parse().ok());
        let pid = pid.and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
    };
    let mut left: Vec<PathBuf> = folders.filter(is_left).collect();
    left.sort();
    left
}

async fn run(editor: &OsString, place: &mut Place, stop: oneshot::Receiver<()>) -> Result<(), String> {
    let mut script = editor.clone();
    script.push(" \"$1\"");
    let mut child = Command::from(child::command("/bin/sh"))
        .arg("-c")
        .arg(script)
        .arg("desk")
        .arg(&place.file)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("could not start the editor: {error}"))?;
    place.cut_off = true;
    let status = tokio::select! {
        status = child.wait() => status.map_err(|error| format!("could not wait for the editor: {error}"))?,
        _ = stop => {
            ask_to_end(&mut child).await;
            return Ok(());
        }
    };
    if was_killed(status) {
        return Ok(());
    }
    place.cut_off = false;
    if status.code() == Some(NOT_FOUND) {
        let editor = editor.to_string_lossy();
        return Err(format!("the editor `{editor}` was not found; set EDITOR to one that is installed"));
    }
    if !status.success() {
        return Err("the editor ended with an error; the text is as it was".to_owned());
    }
    Ok(())
}

/// Editors rescue their text when they are told to end.
async fn ask_to_end(child: &mut Child) {
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(RESCUE, child.wait()).await.is_err() {
        let _ = child.start_kill();
    }
}

/// By a signal, told by the shell as a number above 128 if it has run the editor as a child.
fn was_killed(status: ExitStatus) -> bool {
    status.signal().is_some() || status.code().is_some_and(|code| code > 128)
}

/// A folder with the text, gone when dropped, unless an editor was cut off and left something in it.
struct Place {
    folder: PathBuf,
    file: PathBuf,
    cut_off: bool,
}

impl Place {
    fn new(parent: &Path, text: &str) -> io::Result<Self> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let name = format!("edit-{}-{:016x}", std::process::id(), u64::from_be_bytes(random));
        let folder = parent.join(name);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let place = Self { file: folder.join(TEXT), folder, cut_off: false };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place.file)?;
        file.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(place)
    }

    fn holds_more(&self) -> bool {
        let mut entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name() != TEXT)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.cut_off || !self.holds_more() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tempfile::TempDir;

    async fn run(editor: &str, text: &str) -> (Result<String, String>, usize) {
        let folder = TempDir::new().unwrap();
        let (_stop, stopped) = oneshot::channel();
        let result = edit(&editor.into(), text, folder.path(), stopped).await;
        (result, fs::read_dir(folder.path()).unwrap().count())
    }

    #[tokio::test]
    async fn the_text_comes_back_as_the_editor_left_it_and_nothing_remains() {
        let append = "f() { printf 'more é\\n' >> \"$1\"; ls -l \"$1\" | cut -c1-10 >> \"$1\"; }; f";
        assert_eq!(run(append, "line").await, (Ok("line\nmore é\n-rw-------".to_owned()), 0));
        assert_eq!(run("true", "two\nlines\n").await, (Ok("two\nlines".to_owned()), 0));
    }

    #[tokio::test]
    async fn an_editor_that_fails_or_is_missing_leaves_the_text() {
        assert_eq!(
            run("false", "x").await,
            (Err("the editor ended with an error; the text is as it was".into()), 0)
        );
        let (missing, left) = run("no-such-editor --flag 2>/dev/null", "x").await;
        assert!(
            missing.unwrap_err().starts_with("the editor `no-such-editor --flag 2>/dev/null` was not found")
        );
        assert_eq!(left, 0);
    }

    /// Edits until the editor has made a file of this name, then ends.
    async fn cut_off(editor: &str, sign: &str) -> (Result<String, String>, TempDir) {
        let folder = TempDir::new().unwrap();
        let (stop, stopped) = oneshot::channel();
        let path = folder.path().to_owned();
        let editor = editor.into();
        let task = tokio::spawn(async move { edit(&editor, "as it was", &path, stopped).await });
        let made = |folder: &Path| {
            let mut entries = fs::read_dir(folder).unwrap();
            entries.any(|entry| entry.unwrap().path().join(sign).exists())
        };
        while !made(folder.path()) {
            tokio::task::yield_now().await;
        }
        stop.send(()).unwrap();
        (task.await.unwrap(), folder)
    }

    #[tokio::test]
    async fn what_the_editor_wrote_before_the_desk_ends_comes_back() {
        let writes = "f() { printf 'written' > \"$1\"; mkdir \"$1.d\"; rmdir \"$1.d\"; touch \"$1.swp\"; exec tail -f /dev/null; }; f";
        let (result, folder) = cut_off(writes, "reply.md.swp").await;
        assert_eq!(result, Ok("written".to_owned()));
        // What lies beside the text stays, in a folder of a process that is gone by the next start.
        let kept: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!((kept.len(), left(folder.path())), (1, Vec::new()), "this process is not gone");
        let gone = folder.path().join("edit-4194305-00");
        fs::rename(&kept[0], &gone).unwrap();
        assert_eq!(left(folder.path()), [gone]);
    }

    #[tokio::test]
    async fn an_editor_that_rescues_its_text_on_the_way_out_is_given_the_time() {
        let rescues =
            "f() { trap 'echo rescued > \"$1\"; exit 1' TERM; touch \"$1.swp\"; while :; do :; done; }; f";
        let (result, _folder) = cut_off(rescues, "reply.md.swp").await;
        assert_eq!(result, Ok("rescued".to_owned()));
    }

    #[test]
    fn visual_goes_before_editor() {
        let of = |visual: &str, editor: &str| {
            let variable = |name: &str| Some(if name == "VISUAL" { visual } else { editor }.into());
            Choice::OfTheEnvironment.command(variable).unwrap().into_string().unwrap()
        };
        assert_eq!(
            (of("code -w", "nano"), of("", "nano"), of("", "")),
            ("code -w".into(), "nano".into(), "vi".into())
        );
    }
}
