//! Whether a server answers: one start-up packet over its socket, without a client library.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::OWNER;

/// How a wait for a server ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It takes connections.
    Ready,
    /// It ended meanwhile.
    Gone,
    /// It answers, but does not let us in; its words.
    Refused(String),
    /// The deadline passed.
    Late,
}

enum Answer {
    Ready,
    NotYet,
    Refused(String),
}

/// Asks until the server takes connections, `gone` says that there is none any more, or the deadline passes.
pub(super) fn wait(socket: &Path, deadline: Instant, mut gone: impl FnMut() -> bool) -> Waited {
    let socket = socket.join(".s.PGSQL.5432");
    loop {
        match ask(&socket) {
            Answer::Ready => return Waited::Ready,
            Answer::Refused(words) => return Waited::Refused(words),
            Answer::NotYet if gone() => return Waited::Gone,
            Answer::NotYet if Instant::now() >= deadline => return Waited::Late,
            Answer::NotYet => pause(),
        }
    }
}

/// The rhythm of every wait for another process.
pub(super) fn pause() {
    std::thread::sleep(Duration::from_millis(3));
}

fn ask(socket: &Path) -> Answer {
    let Ok(mut stream) = UnixStream::connect(socket) else { return Answer::NotYet };
    try_ask(&mut stream).unwrap_or(Answer::NotYet)
}

fn try_ask(stream: &mut UnixStream) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let parameters = format!("user\0{OWNER}\0database\0postgres\0\0");
    let mut packet = Vec::new();
    packet.extend((8 + parameters.len() as u32).to_be_bytes());
    packet.extend((3_u32 << 16).to_be_bytes());
    packet.extend(parameters.as_bytes());
    stream.write_all(&packet)?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    if head[0] != b'E' {
        // Terminate, so that the server does not log a lost connection.
        stream.write_all(&[b'X', 0, 0, 0, 4])?;
        return Ok(Answer::Ready);
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).clamp(4, 64 * 1024);
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body)?;
    let field = |kind: u8| {
        let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&kind))?;
        Some(String::from_utf8_lossy(&field[1..]).into_owned())
    };
    match field(b'C').as_deref() {
        // Starting up, or still going down.
        Some("57P03") => Ok(Answer::NotYet),
        // Too many connections: it is certainly up.
        Some("53300") => Ok(Answer::Ready),
        _ => Ok(Answer::Refused(field(b'M').unwrap_or_else(|| "no reason given".to_owned()))),
    }
}
