//! An SMTP server of the tests' own, on a port of this machine, that does what its script says.

use kaygia_desk::mail::{Security, Server, Settings};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

/// What is done with one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Taken.
    Take,
    /// `451` to the receiver.
    Later,
    /// `550` to the receiver.
    Never,
    /// `451` after the text.
    LaterAfterText,
    /// Taken, and the line cut before the answer.
    TakeAndCut,
    /// The line cut before the text.
    Cut,
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    /// With its headers, dots unstuffed.
    pub text: String,
    /// What came before, by command.
    pub encrypted: bool,
    pub signed_in: Option<String>,
}

impl Taken {
    /// A header's value, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
        let start = format!("{}:", name.to_ascii_lowercase());
        let line = head.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with(&start))?;
        Some(line[start.len()..].trim().to_owned())
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

struct Inner {
    script: Mutex<VecDeque<Act>>,
    taken: Mutex<Vec<Taken>>,
    starttls: bool,
    acceptor: Option<TlsAcceptor>,
    implicit: bool,
}

/// The server.
#[derive(Clone)]
pub struct Smtp {
    inner: Arc<Inner>,
    port: u16,
    certificate: Option<Vec<u8>>,
}

impl Smtp {
    /// One without TLS.
    pub async fn plain() -> Self {
        Self::start(Security::Plain, "localhost").await
    }

    /// One whose certificate is for `name`.
    pub async fn start(security: Security, name: &str) -> Self {
        let (acceptor, certificate) = if security == Security::Plain {
            (None, None)
        } else {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![cert.der().clone()], key)
                .unwrap();
            (Some(TlsAcceptor::from(Arc::new(config))), Some(cert.pem().into_bytes()))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            script: Mutex::default(),
            taken: Mutex::default(),
            starttls: security == Security::StartTls,
            implicit: security == Security::Implicit,
            acceptor,
        });
        let server = Self { inner, port, certificate };
        let inner = server.inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = inner.clone();
                tokio::spawn(async move {
                    if inner.implicit {
                        let acceptor = inner.acceptor.clone().unwrap();
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = talk(&inner, stream, true).await;
                        }
                    } else if let Ok(Some(stream)) = talk(&inner, stream, false).await {
                        let acceptor = inner.acceptor.clone().unwrap();
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = talk(&inner, stream, true).await;
                        }
                    }
                });
            }
        });
        server
    }

    /// What is done with the next mails, one after the other; then all are taken.
    pub fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.inner.script.lock().unwrap().extend(acts);
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.inner.taken.lock().unwrap().clone()
    }

    /// The settings for a desk that trusts this server.
    pub fn settings(&self, security: Security) -> Settings {
        Settings {
            host: "localhost".to_owned(),
            port: Some(self.port),
            security,
            credentials: None,
            from: "Kaygia Desk <desk@kaygia.example>".to_owned(),
            roots: self.certificate.clone(),
        }
    }

    pub fn server(&self, security: Security) -> Server {
        Server::new(self.settings(security)).unwrap()
    }
}

/// Talks until the other side goes, or (some) until TLS begins.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    inner: &Inner,
    stream: S,
    encrypted: bool,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    if !encrypted || inner.implicit {
        stream.write_all(b"220 test ESMTP\r\n").await?;
    }
    let (mut from, mut to, mut signed_in) = (String::new(), Vec::new(), None);
    let mut act = Act::Take;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let upper = line.trim_end().to_ascii_uppercase();
        let answer: &[u8] = if upper.starts_with("EHLO") {
            if inner.starttls && !encrypted {
                b"250-test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 STARTTLS\r\n"
            } else {
                b"250-test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN\r\n"
            }
        } else if upper == "STARTTLS" {
            stream.write_all(b"220 go ahead\r\n").await?;
            return Ok(Some(stream.into_inner()));
        } else if upper.starts_with("AUTH PLAIN") {
            signed_in = Some(line.trim_end()[11..].to_owned());
            b"235 ok\r\n"
        } else if upper.starts_with("MAIL FROM") {
            from = line.trim_end()["MAIL FROM:".len()..].to_owned();
            to.clear();
            act = inner.script.lock().unwrap().pop_front().unwrap_or(Act::Take);
            b"250 ok\r\n"
        } else if upper.starts_with("RCPT TO") {
            to.push(line.trim_end()["RCPT TO:".len()..].to_owned());
            match act {
                Act::Later => b"451 try later\r\n",
                Act::Never => b"550 no such user\r\n",
                Act::Take | Act::LaterAfterText | Act::TakeAndCut | Act::Cut => b"250 ok\r\n",
            }
        } else if upper == "DATA" {
            if act == Act::Cut {
                return Ok(None);
            }
            stream.write_all(b"354 go on\r\n").await?;
            let mut text = String::new();
            loop {
                line.clear();
                if stream.read_line(&mut line).await? == 0 {
                    return Ok(None);
                }
                if line == ".\r\n" {
                    break;
                }
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
            }
            if act == Act::LaterAfterText {
                b"452 full\r\n"
            } else {
                let taken = Taken {
                    from: from.clone(),
                    to: to.clone(),
                    text,
                    encrypted,
                    signed_in: signed_in.clone(),
                };
                inner.taken.lock().unwrap().push(taken);
                if act == Act::TakeAndCut {
                    return Ok(None);
                }
                b"250 taken\r\n"
            }
        } else if upper == "QUIT" {
            stream.write_all(b"221 bye\r\n").await?;
            return Ok(None);
        } else {
            b"250 ok\r\n"
        };
        stream.write_all(answer).await?;
    }
}
