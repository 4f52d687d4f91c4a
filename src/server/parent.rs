//! The small parent process: a shell that runs one program until a pipe ends.
//!
//! It must need nothing of us once it runs: we may be gone without a word. Its standard input is the pipe
//! whose write ends the desks hold, its standard output the lock of the folder (so that the lock lives exactly as
//! long as the server), its standard error the log.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;

pub(super) const SHELL: &str = "/bin/sh";

/// `$1`: the signal of the end; `$2`: the name of the pipe, or empty; `$3`, `$4`: what to remove at the end, or empty;
/// then the program.
///
/// The reader waits until nobody holds the pipe. A desk may open the pipe just after that: therefore the reader first
/// takes the name away, and only then looks once more. Whoever opened it before has written a line or is about
/// to, and gets the name back; whoever comes later finds no pipe, and waits for the lock.
///
/// Without a name the program is initdb: it and what it starts hold the lock too, so that whoever comes after a kill waits
/// until the last of them is gone. A server must not: one whose parent was killed would bar the next one for good.
///
/// INT and QUIT ask postgres to end. Right after the start they may still be ignored, as shells have it for programs in
/// the background; TERM covers that moment, and means nothing new later. CONT wakes a stopped server for its end.
const SCRIPT: &str = r#"
signal=$1 hold=$2 remove=$3 also=$4
shift 4
exec 3<&0
[ -n "$hold" ] || exec 4>&1
"$@" </dev/null 3<&- >&2 &
server=$!
(
    while :; do
        while read -r line <&3; do :; done
        [ -n "$hold" ] || break
        mv "$hold" "$hold.off" || break
        read -r line <&3 || break
        mv "$hold.off" "$hold"
    done
    exec 3<&-
    kill "-$signal" "$server"
    kill -TERM "$server"
    kill -CONT "$server"
) >/dev/null 2>&1 4>&- &
reader=$!
exec 3<&- 4>&- </dev/null
trap 'kill "-$signal" "$server"' HUP INT TERM
wait "$server"
code=$?
while kill -0 "$server" 2>/dev/null; do
    wait "$server"
    code=$?
done
kill "$reader" 2>/dev/null
wait "$reader" 2>/dev/null
[ -z "$remove" ] || rm -rf -- "$remove"
[ -z "$also" ] || rm -rf -- "$also"
exit "$code"
"#;

/// How a program is told to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// In order, with everything on disk.
    Clean,
    /// At once, whatever its processes are doing.
    Quick,
}

/// The parent for `program`; the caller connects its three streams.
pub(super) fn command(
    account: &Account,
    ending: Ending,
    hold: Option<&Path>,
    leftovers: Vec<PathBuf>,
    program: &[OsString],
) -> Command {
    let mut command = account.command(SHELL);
    let signal = match ending {
        Ending::Clean => "INT",
        Ending::Quick => "QUIT",
    };
    command.arg("-c").arg(SCRIPT).args(["kaygia-desk-server", signal]).arg(hold.unwrap_or(Path::new("")));
    let mut leftovers = leftovers.into_iter();
    for _ in 0..2 {
        command.arg(leftovers.next().unwrap_or_default());
    }
    command.args(program);
    command
}
