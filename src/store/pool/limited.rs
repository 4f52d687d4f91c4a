//! What a server may send: a message that claims to be longer is not read, a password is not asked for in clear where
//! others could read it, and the connection ends.
//!
//! The driver keeps what it reads until a message is whole. A server that is broken, or hostile, and announces two
//! gigabytes or never ends its words would fill the memory of this machine. So every connection over the network is
//! measured below the driver, encrypted or not. And the driver hands a password to whoever asks for it as it is: on a
//! connection that is neither encrypted nor verified that may be anybody who took the port before the server did.

use crate::store::error::{Error, Meaning};
use futures_util::future::{MapOk, Ready, TryFutureExt, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

/// Of a message. The longest are rows with somebody's whole text in them.
const LONGEST: usize = 64 << 20;
/// Of what a server says of an error, and of all that it says before it is ready for the first question.
const WORDS: usize = 1 << 20;
/// "Send the password as it is", the code in a message of the letter R (PostgreSQL 18, 54.7 Message Formats).
const CLEAR_PASSWORD: [u8; 4] = 3_u32.to_be_bytes();

/// Encryption that is measured.
#[derive(Clone)]
pub(super) struct Encrypted<T>(pub T);

/// No encryption, and measured: for the driver a kind of encryption that changes no byte.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl<S, T> MakeTlsConnect<S> for Encrypted<T>
where
    T: MakeTlsConnect<S>,
{
    type Stream = Measured<T::Stream>;
    type TlsConnect = Encrypted<T::TlsConnect>;
    type Error = T::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, Self::Error> {
        self.0.make_tls_connect(domain).map(Encrypted)
    }
}

impl<S, T: TlsConnect<S>> TlsConnect<S> for Encrypted<T> {
    type Stream = Measured<T::Stream>;
    type Error = T::Error;
    type Future = MapOk<T::Future, fn(T::Stream) -> Measured<T::Stream>>;

    fn connect(self, stream: S) -> Self::Future {
        let measured = |inner| Measured {
            inner,
            meter: Meter { private: true, ..Meter::default() },
            binding: T::Stream::channel_binding,
        };
        self.0.connect(stream).map_ok(measured)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> MakeTlsConnect<S> for Plain {
    type Stream = Measured<S>;
    type TlsConnect = Self;
    type Error = io::Error;

    fn make_tls_connect(&mut self, _: &str) -> io::Result<Self> {
        Ok(*self)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for Plain {
    type Stream = Measured<S>;
    type Error = io::Error;
    type Future = Ready<io::Result<Measured<S>>>;

    fn connect(self, inner: S) -> Self::Future {
        ready(Ok(Measured { inner, meter: Meter::default(), binding: |_| ChannelBinding::none() }))
    }
}

/// A stream of messages of the server.
pub(super) struct Measured<S> {
    inner: S,
    meter: Meter,
    binding: fn(&S) -> ChannelBinding,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Measured<S> {
    fn channel_binding(&self) -> ChannelBinding {
        (self.binding)(&self.inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = bytes.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, bytes);
        if let Poll::Ready(Ok(())) = read {
            self.meter.pass(&bytes.filled()[before..])?;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Follows the messages: a letter, the length of the rest in four bytes, the rest.
#[derive(Debug, Default)]
struct Meter {
    head: [u8; 5],
    known: usize,
    left: usize,
    greeting: usize,
    greeted: bool,
    /// The first bytes of the body, read where the message is one of the way a password is checked.
    code: [u8; 4],
    coded: usize,
    /// Nobody else reads the connection, and its other end is verified.
    private: bool,
}

impl Meter {
    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let body = self.left.min(bytes.len());
            if !self.private && self.head[0] == b'R' {
                self.asks(&bytes[..body])?;
            }
            self.left -= body;
            bytes = &bytes[body..];
            let head = (self.head.len() - self.known).min(bytes.len());
            self.head[self.known..self.known + head].copy_from_slice(&bytes[..head]);
            self.known += head;
            bytes = &bytes[head..];
            if self.known == self.head.len() {
                self.begins()?;
            }
        }
        Ok(())
    }

    /// A part of what the server says about how it checks a password.
    fn asks(&mut self, body: &[u8]) -> io::Result<()> {
        let part = (self.code.len() - self.coded).min(body.len());
        self.code[self.coded..self.coded + part].copy_from_slice(&body[..part]);
        self.coded += part;
        if part > 0 && self.coded == self.code.len() && self.code == CLEAR_PASSWORD {
            let sentence = "the server asks for the password as it is, over a connection that is not encrypted: none was \
                            sent. Is it your server? Then write scram-sha-256 in place of password in its pg_hba.conf, \
                            or sslmode=verify-full in the address";
            return Err(io::Error::other(Error::new(Meaning::Tls, sentence)));
        }
        Ok(())
    }

    /// A message begins: its letter and length are known.
    fn begins(&mut self) -> io::Result<()> {
        let [letter, length @ ..] = self.head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.known = 0;
        self.coded = 0;
        self.left = length.saturating_sub(4);
        self.greeted |= letter == b'Z';
        if !self.greeted {
            self.greeting = self.greeting.saturating_add(length);
        }
        let longest = if matches!(letter, b'E' | b'N') { WORDS } else { LONGEST };
        if length < 4 || length > longest || self.greeting > WORDS {
            let sentence = "what answers at the database's address does not speak as a Postgres does: is the address right?";
            return Err(io::Error::other(Error::new(Meaning::Unavailable, sentence)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn message(letter: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![letter];
        bytes.extend(u32::try_from(length + 4).unwrap().to_be_bytes());
        bytes.extend(vec![b'x'; length]);
        bytes
    }

    #[test]
    fn messages_are_followed_however_they_arrive() {
        let sent = [
            message(b'R', 4),
            message(b'Z', 1),
            message(b'D', 3_000_000),
            message(b'E', 500),
            message(b'Z', 1),
        ];
        let bytes = sent.concat();
        for size in [1, 2, 3, 5, 7, 4096, bytes.len()] {
            let mut meter = Meter::default();
            bytes.chunks(size).for_each(|chunk| meter.pass(chunk).unwrap());
            assert_eq!((meter.left, meter.known), (0, 0), "{size}");
        }
    }

    #[test]
    fn a_password_is_not_asked_for_in_clear_however_it_arrives() {
        let asked = |private: bool, code: u32, size: usize| {
            let bytes = [&[b'R'][..], &8_u32.to_be_bytes(), &code.to_be_bytes()].concat();
            let mut meter = Meter { private, ..Meter::default() };
            bytes.chunks(size).all(|chunk| meter.pass(chunk).is_ok())
        };
        for size in 1..=9 {
            assert!(!asked(false, 3, size), "{size}");
            assert!(asked(true, 3, size) && asked(false, 0, size) && asked(false, 10, size), "{size}");
        }
        // What looks like it within a row is none.
        let mut meter = Meter::default();
        meter.pass(&[message(b'Z', 1), message(b'D', 9), message(b'R', 4)].concat()).unwrap();
    }

    #[test]
    fn what_is_too_long_ends_the_connection_before_it_is_read() {
        let refused = |before: &[Vec<u8>], letter: u8, length: u32| {
            let mut meter = Meter::default();
            meter.pass(&before.concat()).unwrap();
            let [a, b, c, d] = length.to_be_bytes();
            meter.pass(&[letter, a, b, c, d]).is_err()
        };
        let ready = [message(b'Z', 1)];
        assert!(refused(&ready, b'D', u32::MAX));
        assert!(refused(&ready, b'D', (64 << 20) + 1));
        assert!(!refused(&ready, b'D', 64 << 20));
        assert!(refused(&ready, b'E', (1 << 20) + 1));
        assert!(refused(&ready, b'D', 3));
        // Before the first question a server has little to say, in one message or in many.
        assert!(refused(&[], b'R', 2 << 20));
        let many = vec![message(b'N', 1000); 1040];
        assert!(refused(&many, b'N', 20_000));
    }
}
