//! A text in the editor that its writer is used to.
//!
//! The text lies in a file that only its owner reads, in a folder of its own, and both are gone afterwards. The
//! caller lends the terminal meanwhile and takes it back.

use crate::child;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What a shell says when it does not find the program.
const NOT_FOUND: i32 = 127;
/// A text of this size is not read back: somebody opened another file in its place.
const LONGEST_TEXT: u64 = 1 << 20;

/// The editor's command line: `$VISUAL`, else `$EDITOR`, else `vi`.
pub fn command(variable: impl Fn(&str) -> Option<OsString>) -> OsString {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into())
}

/// Opens `text` in the editor and answers what it became; an error is a sentence.
///
/// `editor` is what a shell would run, arguments and all. When the future is dropped the editor is killed.
pub async fn edit(editor: &OsString, text: &str, folder: &Path) -> Result<String, String> {
    let place = Place::new(folder, text).map_err(|error| format!("could not hand the text over: {error}"))?;
    let mut script = editor.clone();
    script.push(" \"$1\"");
    let status = Command::from(child::command("/bin/sh"))
        .arg("-c")
        .arg(script)
        .arg("desk")
        .arg(&place.file)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("could not start the editor: {error}"))?;
    if status.code() == Some(NOT_FOUND) {
        let editor = editor.to_string_lossy();
        return Err(format!("the editor `{editor}` was not found; set EDITOR to one that is installed"));
    }
    if !status.success() {
        return Err("the editor ended with an error; the text is as it was".to_owned());
    }
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

/// A folder with the text, gone when dropped.
struct Place {
    folder: PathBuf,
    file: PathBuf,
}

impl Place {
    fn new(parent: &Path, text: &str) -> io::Result<Self> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let folder = parent.join(format!("edit-{:016x}", u64::from_be_bytes(random)));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let place = Self { file: folder.join("reply.md"), folder };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place.file)?;
        file.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tempfile::TempDir;

    async fn run(editor: &str, text: &str) -> (Result<String, String>, usize) {
        let folder = TempDir::new().unwrap();
        let result = edit(&editor.into(), text, folder.path()).await;
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

    #[test]
    fn visual_goes_before_editor() {
        let of = |visual: &str, editor: &str| {
            command(|name| Some(if name == "VISUAL" { visual } else { editor }.into())).into_string().unwrap()
        };
        assert_eq!(
            (of("code -w", "nano"), of("", "nano"), of("", "")),
            ("code -w".into(), "nano".into(), "vi".into())
        );
    }
}
