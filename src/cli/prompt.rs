//! Questions on the terminal; passwords without an echo.
//!
//! Whatever happens while a password is typed, Ctrl-C included, the terminal gets its echo back.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::Failure;

/// No password is longer; whatever is piped in by mistake is.
const LIMIT: usize = 1024;

/// The answer to a yes-or-no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
}

/// Whether somebody sits in front of a terminal and can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on the terminal; anything but a yes is a no.
pub(super) fn ask(question: &str) -> Result<Answer, Failure> {
    let failed = |error: io::Error| Failure::Told(format!("could not ask on the terminal: {error}"));
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ").and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().take(LIMIT as u64).read_line(&mut line).map_err(failed)?;
    let yes = matches!(line.trim().to_lowercase().as_str(), "y" | "yes");
    Ok(if yes { Answer::Yes } else { Answer::No })
}

/// A line typed on the terminal.
pub(super) fn line(label: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::Told(format!("could not ask on the terminal: {error}"));
    let mut err = io::stderr();
    write!(err, "{label}").and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().take(LIMIT as u64).read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// A password: typed on a terminal, else the first line of standard input.
pub(super) fn password() -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return first_line("password", &mut io::stdin().lock());
    }
    let failed = |error: io::Error| Failure::Told(format!("could not ask on the terminal: {error}"));
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(failed)?;
    hidden(&mut terminal, "Password: ")
}

/// A new password: typed twice on a terminal, else the first line of standard input.
pub(super) fn new_password() -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return first_line("password", &mut io::stdin().lock());
    }
    let failed = |error: io::Error| Failure::Told(format!("could not ask on the terminal: {error}"));
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(failed)?;
    let once = hidden(&mut terminal, "Password: ")?;
    let again = hidden(&mut terminal, "Once more: ")?;
    if once == again { Ok(once) } else { Err(Failure::Told("the two passwords differ".to_owned())) }
}

/// A code: typed on a terminal without an echo, else the first line of standard input.
pub(super) fn code() -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return first_line("code", &mut io::stdin().lock());
    }
    let failed = |error: io::Error| Failure::Told(format!("could not ask on the terminal: {error}"));
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(failed)?;
    hidden(&mut terminal, "Code: ")
}

fn first_line(what: &str, input: &mut impl BufRead) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    input
        .take(LIMIT as u64 + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Failure::Told(format!("could not read the {what} from standard input: {error}")))?;
    if bytes.is_empty() {
        return Err(Failure::Told(format!("standard input holds no {what}; write it on a line of its own")));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    text(&bytes)
}

fn text(bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    if bytes.len() > LIMIT {
        return Err(Failure::Told("the password is too long".to_owned()));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| Failure::Told("the password is not UTF-8".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads keys one by one, since the terminal's own line editing would leave the echo off after Ctrl-C.
fn hidden(terminal: &mut File, label: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::Told(format!("could not ask on the terminal: {error}"));
    // Quiet before the question: whoever types at once must not see it either.
    let quiet = Quiet::new(terminal).map_err(failed)?;
    terminal.write_all(label.as_bytes()).map_err(failed)?;
    let typed = type_in(terminal);
    drop(quiet);
    let _ = terminal.write_all(b"\n");
    text(&typed.map_err(|end| match end {
        End::Interrupted => Failure::Interrupted,
        End::Failed(error) => failed(error),
    })?)
}

enum End {
    Interrupted,
    Failed(io::Error),
}

fn type_in(terminal: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, End> {
    let mut typed = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    loop {
        let mut byte = [0];
        match terminal.read(&mut byte) {
            Ok(0) => return Err(End::Interrupted),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(End::Failed(error)),
        }
        match byte[0] {
            b'\r' | b'\n' => return Ok(typed),
            // Ctrl-C, and Ctrl-D on an empty line.
            3 => return Err(End::Interrupted),
            4 if typed.is_empty() => return Err(End::Interrupted),
            // Backspace takes one character, however many bytes it has.
            8 | 127 => while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {},
            // Ctrl-U.
            21 => typed.clear(),
            0..=31 => {}
            byte if typed.len() <= LIMIT => typed.push(byte),
            _ => {}
        }
    }
}

/// No echo, no line editing and no signals, as long as this value lives.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn new(terminal: &File) -> io::Result<Self> {
        let terminal = terminal.try_clone()?;
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::{End, first_line, type_in};

    fn typed(keys: &[u8]) -> Option<Vec<u8>> {
        match type_in(&mut &*keys) {
            Ok(typed) => Some(typed.to_vec()),
            Err(End::Interrupted) => None,
            Err(End::Failed(error)) => unreachable!("{error}"),
        }
    }

    #[test]
    fn typing_ends_with_enter_and_understands_the_usual_keys() {
        assert_eq!(typed(b"secret\r"), Some(b"secret".to_vec()));
        assert_eq!(typed("sé\x7fe\n".as_bytes()), Some(b"se".to_vec()));
        assert_eq!(typed(b"\x7f\x7fa\n"), Some(b"a".to_vec()));
        assert_eq!(typed(b"wrong\x15right\n"), Some(b"right".to_vec()));
        assert_eq!(typed(b"half\x03"), None);
        assert_eq!(typed(b"\x04"), None);
        assert_eq!(typed(b"a\x04\n"), Some(b"a".to_vec()));
    }

    #[test]
    fn a_piped_password_is_the_first_line() {
        let read = |mut text: &[u8]| {
            first_line("password", &mut text).map(|line| line.to_string()).map_err(|e| e.to_string())
        };
        assert_eq!(read(b"correct horse\nbattery\n"), Ok("correct horse".to_owned()));
        assert_eq!(read(b"correct horse\r\n"), Ok("correct horse".to_owned()));
        assert_eq!(read(b"no line end"), Ok("no line end".to_owned()));
        assert!(read(b"").is_err_and(|error| error.contains("no password")));
        assert!(read(b"\xff\n").is_err_and(|error| error.contains("UTF-8")));
        assert!(read(&[b'x'; 2000]).is_err_and(|error| error.contains("too long")));
    }
}
