//! One connection: hosts tried one by one, each with a time limit that covers the handshake.
//!
//! The driver's own connect timeout ends with the TCP handshake, so that a frozen first host would swallow every
//! attempt; and the host that answered last is tried first.

use super::address::{Address, Candidate};
use super::limited::{Encrypted, Plain};
use super::{Options, Session, trust};
use crate::store::error::{Error, Meaning, Result};
use futures_util::stream::{self, StreamExt};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Makes connections to one address. Cheap to clone; clones share what was learnt about the hosts.
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    candidates: Vec<Candidate>,
    shown: String,
    tls: Option<MakeRustlsConnect>,
    limit: Duration,
    lucky: AtomicUsize,
}

impl Connector {
    /// Reads the address and, where a remote host is named, the certificates to trust. Connects to nothing yet.
    pub fn new(address: &Address, options: Options) -> Result<Self> {
        let mut candidates = address.candidates();
        for candidate in &mut candidates {
            if options.pooled && candidate.config.get_options().is_some() {
                let sentence = "a pooled connection takes no `options` in its address";
                return Err(Error::new(Meaning::Address, sentence));
            }
            settle(&mut candidate.config, options);
            if !candidate.tls && matches!(candidate.config.get_hosts(), [Host::Tcp(_)]) {
                // The driver asks for nothing and hands the stream over as it is: to be measured, see `limited`.
                candidate.config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
            }
        }
        let tls = if candidates.iter().any(|candidate| candidate.tls) {
            Some(trust::trust(address)?)
        } else {
            None
        };
        let limit = match address.config.get_connect_timeout() {
            Some(limit) if !limit.is_zero() => *limit,
            _ if candidates.len() > 1 => Duration::from_secs(2),
            // With the sign of life of an idle connection before it, somebody waits less than six seconds for an answer.
            _ => Duration::from_millis(4500),
        };
        let lucky = if address.shuffled() { random_start(candidates.len()) } else { 0 };
        let shown = address.to_string();
        Ok(Self {
            shared: Arc::new(Shared { candidates, shown, tls, limit, lucky: AtomicUsize::new(lucky) }),
        })
    }

    /// A connection, and the task that drives it until the client is dropped.
    pub async fn connect(&self) -> Result<(Client, JoinHandle<()>)> {
        self.open(None).await
    }

    /// A connection whose notifications arrive on the channel; it closes when the connection ends.
    pub async fn connect_listening(&self) -> Result<(Client, UnboundedReceiver<Notification>)> {
        let (sender, receiver) = unbounded_channel();
        let (client, _) = self.open(Some(sender)).await?;
        Ok((client, receiver))
    }

    async fn open(&self, notices: Option<UnboundedSender<Notification>>) -> Result<(Client, JoinHandle<()>)> {
        let shared = &*self.shared;
        let count = shared.candidates.len();
        let first = shared.lucky.load(Ordering::Relaxed);
        let mut failure = None;
        for turn in 0..count {
            let i = (first + turn) % count;
            let candidate = &shared.candidates[i];
            let attempt = async {
                match &shared.tls {
                    Some(tls) if candidate.tls => {
                        drive(&candidate.config, Encrypted(tls.clone()), notices.clone()).await
                    }
                    _ => drive(&candidate.config, Plain, notices.clone()).await,
                }
            };
            let error = match tokio::time::timeout(shared.limit, attempt).await {
                Ok(Ok(opened)) => {
                    shared.lucky.store(i, Ordering::Relaxed);
                    return Ok(opened);
                }
                Ok(Err(error)) => error,
                Err(_) => Error::timed_out("connecting"),
            };
            failure = Some(worse(failure, error.during(&candidate.name)));
        }
        Err(failure.unwrap_or_else(|| Error::new(Meaning::Address, "the database's address names no host")))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({})", self.shared.shown)
    }
}

impl deadpool_postgres::Connect for Connector {
    fn connect(
        &self,
        _config: &Config,
    ) -> Pin<
        Box<
            dyn Future<Output = std::result::Result<(Client, JoinHandle<()>), tokio_postgres::Error>>
                + Send
                + '_,
        >,
    > {
        Box::pin(async move {
            match self.open(None).await {
                Ok(opened) => Ok(opened),
                Err(error) => carry(error).await,
            }
        })
    }
}

/// Of the failures of several hosts, the one that tells most: a refusal beats silence.
fn worse(earlier: Option<Error>, now: Error) -> Error {
    match earlier {
        Some(earlier) if matches!(now.meaning(), Meaning::Unavailable | Meaning::Timeout) => earlier,
        _ => now,
    }
}

async fn drive<T>(
    config: &Config,
    tls: T,
    notices: Option<UnboundedSender<Notification>>,
) -> Result<(Client, JoinHandle<()>)>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, mut connection) = config.connect(tls).await?;
    let task = tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
        while let Some(message) = messages.next().await {
            match message {
                Ok(AsyncMessage::Notification(notice)) => {
                    if let Some(notices) = &notices {
                        // Nobody listens any more: the client is about to go as well.
                        let _ = notices.send(notice);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(detail = Error::from(error).detail(), "database connection ended");
                    break;
                }
            }
        }
    });
    Ok((client, task))
}

/// What every connection of ours sets. On a pooled link nothing: the settings would leak to the next client.
fn settle(config: &mut Config, options: Options) {
    if options.pooled {
        return;
    }
    let mut settings = config.get_options().map(|own| format!("{own} ")).unwrap_or_default();
    settings.push_str(
        "-c TimeZone=UTC -c search_path=pg_catalog -c default_transaction_isolation=read\\ committed",
    );
    settings.push_str(match options.session {
        Session::Desk => {
            " -c statement_timeout=5s -c lock_timeout=2s -c idle_in_transaction_session_timeout=15s"
        }
        Session::Maintenance => {
            " -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=60s"
        }
    });
    config.options(settings);
    if config.get_application_name().is_none() {
        config.application_name("kaygia-desk");
    }
}

/// Something between a half and one; without randomness, one.
pub(super) fn unevenness() -> f64 {
    let mut byte = [0_u8; 1];
    match getrandom::fill(&mut byte) {
        Ok(()) => 0.5 + f64::from(byte[0]) / 510.0,
        Err(_) => 1.0,
    }
}

fn random_start(count: usize) -> usize {
    let mut byte = [0_u8; 1];
    match getrandom::fill(&mut byte) {
        Ok(()) => usize::from(byte[0]) % count.max(1),
        Err(_) => 0,
    }
}

/// Packs an error of ours into one of the driver's, since the pool passes no other: through a stream that only fails.
/// [`Error::from`] finds it again.
async fn carry<T>(error: Error) -> std::result::Result<T, tokio_postgres::Error> {
    let mut config = Config::new();
    config.user("nobody").ssl_mode(SslMode::Disable);
    loop {
        let _never = config.connect_raw(Broken(error.clone()), NoTls).await?;
    }
}

struct Broken(Error);

impl Broken {
    fn error(&self) -> io::Error {
        io::Error::other(self.0.clone())
    }
}

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.error()))
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(self.error()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.error()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.error()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn an_error_of_ours_survives_the_pool() {
        let ours = Error::new(Meaning::TooManyConnections, "no room");
        let carried = carry::<()>(ours.clone()).await.unwrap_err();
        assert_eq!(Error::from(carried), ours);
    }
}
