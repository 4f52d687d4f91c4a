//! Sending mail: whichever desk is up takes what is due, one mail after the other.
//!
//! Invariant: a mail that the server has surely not taken is sent again; one that it surely has is not; one in doubt
//! is sent once more and marked.

use super::{Desk, failure};
use crate::domain::failure::Failure;
use crate::domain::house::House;
use crate::domain::mail::MailKind;
use crate::domain::token::{TokenCode, TokenKind};
use crate::mail::Server;
use crate::mail::letter::{self, Words};
use crate::mail::line::{self, Line};
use crate::store::mails::{self, Fate, Held};
use crate::store::transaction::Transaction;

/// How often it is tried to write down what became of a mail: not written down, it is in doubt.
const NOTES: usize = 5;

/// A desk with a server that takes its mail.
#[derive(Clone, Debug)]
pub struct Post {
    desk: Desk,
    server: Server,
}

/// What one round came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Taken by the server.
    pub sent: usize,
    /// To be tried again.
    pub later: usize,
    /// Given up.
    pub failed: usize,
    /// Why the round ended early: the server can't be reached.
    pub stopped: Option<String>,
}

impl Post {
    /// `desk` must be under the house's rules already.
    pub fn new(desk: Desk, server: Server) -> Self {
        Self { desk, server }
    }

    /// Sends what is due. Ends when nothing is, when the server takes no mail, or before a mail when `go_on` says no.
    pub async fn round(&self, go_on: impl Fn() -> bool) -> Result<Round, Failure> {
        let mut round = Round::default();
        let mut line: Option<Line> = None;
        while go_on() {
            let Some(held) = self.take().await? else { break };
            let sealed = match self.seal(&held).await? {
                Ok(sealed) => sealed,
                Err(why) => {
                    self.settle(&held, Fate::Never, &why).await?;
                    round.failed += 1;
                    continue;
                }
            };
            let mut open = match line.take() {
                Some(open) => open,
                None => match Line::open(&self.server).await {
                    Ok(open) => open,
                    Err(why) => {
                        self.settle(&held, Fate::Later, &why).await?;
                        tracing::warn!("mail: {why}");
                        round.later += 1;
                        round.stopped = Some(why);
                        return Ok(round);
                    }
                },
            };
            let fate = open.send(&sealed).await;
            let (fate, why) = match fate {
                line::Fate::Sent => {
                    line = Some(open);
                    (Fate::Sent, String::new())
                }
                line::Fate::Later(why) => (Fate::Later, why),
                line::Fate::Never(why) => (Fate::Never, why),
                line::Fate::Doubtful(why) => (Fate::Doubtful, why),
            };
            match fate {
                Fate::Sent => round.sent += 1,
                Fate::Later | Fate::Doubtful => round.later += 1,
                Fate::Never => round.failed += 1,
            }
            if fate != Fate::Sent {
                tracing::warn!(mail = held.id, "mail: {why}");
            }
            self.settle(&held, fate, &why).await?;
        }
        if let Some(line) = line {
            line.close().await;
        }
        Ok(round)
    }

    async fn take(&self) -> Result<Option<Held>, Failure> {
        self.desk
            .pool
            .write(async |client| mails::take(client).await)
            .await
            .map_err(|error| failure::of_store(&error))
    }

    /// The mail as it goes out, or why it never will.
    async fn seal(&self, held: &Held) -> Result<Result<letter::Sealed, String>, Failure> {
        let Some(to) = &held.to else { return Ok(Err("nobody to send it to".to_owned())) };
        let House { mail, tokens } = &*self.desk.house;
        let rules = mail.clone().unwrap_or_default();
        let (kind, link) = match held.kind {
            MailKind::PasswordReset => (Some(TokenKind::PasswordReset), rules.reset_link),
            MailKind::EmailVerification => (Some(TokenKind::EmailVerification), rules.verify_link),
            MailKind::PasswordChanged
            | MailKind::EmailChanged
            | MailKind::EmailReplaced
            | MailKind::RoleChanged
            | MailKind::SessionsEnded
            | MailKind::TicketAnswered => (None, None),
        };
        let mut words = Words { number: held.number.as_deref(), link: link.as_deref(), code: None };
        let code = random_code()?;
        if let Some(kind) = kind {
            let until = self
                .desk
                .pool
                .write(async |client| {
                    let tx = Transaction::begin(client);
                    let until = mails::issue(&tx, held, kind, &code, tokens).await?;
                    tx.commit().await?;
                    Ok(until)
                })
                .await
                .map_err(|error| failure::of_store(&error))?;
            let Some(until) = until else {
                return Ok(Err("the account was changed, or a newer code was asked for".to_owned()));
            };
            words.code = Some((&code, until));
        }
        let letter = letter::write(held.kind, words);
        Ok(letter::seal(&self.server, &letter, to, &held.id, held.now).map_err(|why| why.to_string()))
    }

    async fn settle(&self, held: &Held, fate: Fate, why: &str) -> Result<(), Failure> {
        let mut note = 1;
        loop {
            let settled = self
                .desk
                .pool
                .write(async |client| {
                    let tx = Transaction::begin(client);
                    mails::settle(&tx, held, fate, why, &self.desk.origin).await?;
                    tx.commit().await?;
                    Ok(())
                })
                .await;
            match settled {
                Ok(()) => return Ok(()),
                Err(_) if note < NOTES => note += 1,
                Err(error) => return Err(failure::of_store(&error)),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a code is made when its mail is sent, and lies nowhere else")]
fn random_code() -> Result<TokenCode, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::Internal("this system gives no random bytes".to_owned()))?;
    Ok(TokenCode::from_random(&bytes))
}
