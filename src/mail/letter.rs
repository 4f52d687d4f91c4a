//! What a mail says: templates of ours with a few words filled in.

use super::Server;
use crate::domain::mail::MailKind;
use crate::domain::time::Timestamp;
use crate::domain::token::TokenCode;
use jiff::tz::TimeZone;
use lettre::Address;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message, SinglePart};
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

/// What is filled in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// A code, and until when it is good.
    pub code: Option<(&'a TokenCode, Timestamp)>,
    /// The beginning of a link, to which the code is added; from the settings only.
    pub link: Option<&'a str>,
    /// A ticket's number.
    pub number: Option<&'a str>,
}

/// A mail before it has an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Writes the mail of a kind.
pub fn write(kind: MailKind, words: Words<'_>) -> Letter {
    let template = template(kind);
    let (subject, body) = template.split_once("\n\n").unwrap_or((template, ""));
    let (code, until) = words.code.map_or_else(Default::default, |(code, until)| {
        (code.expose().to_owned(), until.full(&TimeZone::UTC))
    });
    let link = match words.link {
        Some(link) => format!("The shortest way:\n\n    {link}{code}\n"),
        None => "Type it on the sign-in screen, under \"I have a code\".\n".to_owned(),
    };
    let number = words.number.filter(|number| is_number(number)).unwrap_or_default();
    let body = body
        .replace("{code}", &code)
        .replace("{until}", &until)
        .replace("{link}", &link)
        .replace(" {number}", &if number.is_empty() { String::new() } else { format!(" {number}") });
    Letter { subject: subject.to_owned(), body }
}

/// A ticket's number is the web app's text: only what looks like one goes into a mail.
fn is_number(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'#'))
}

const fn template(kind: MailKind) -> &'static str {
    match kind {
        MailKind::PasswordReset => include_str!("../../assets/mail/password_reset.txt"),
        MailKind::EmailVerification => include_str!("../../assets/mail/email_verification.txt"),
        MailKind::PasswordChanged => include_str!("../../assets/mail/password_changed.txt"),
        MailKind::EmailChanged => include_str!("../../assets/mail/email_changed.txt"),
        MailKind::EmailReplaced => include_str!("../../assets/mail/email_replaced.txt"),
        MailKind::RoleChanged => include_str!("../../assets/mail/role_changed.txt"),
        MailKind::SessionsEnded => include_str!("../../assets/mail/sessions_ended.txt"),
        MailKind::TicketAnswered => include_str!("../../assets/mail/ticket_answered.txt"),
    }
}

/// A mail as it goes over the line: sender, receiver, and the text with its headers.
pub struct Sealed {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

/// Why a mail can't be sent to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// What the account has is no address.
    #[error("the account's e-mail address is none that mail can be sent to")]
    Address,
    /// The mail could not be put together.
    #[error("the mail could not be put together")]
    Message,
}

/// Puts a mail together. `id` makes its Message-ID: the same one however often it is sent.
pub fn seal(
    server: &Server,
    letter: &Letter,
    to: &str,
    id: &str,
    at: Timestamp,
) -> Result<Sealed, Unsendable> {
    let to = address(to)?;
    let from = server.from.clone();
    let micros = u64::try_from(at.micros()).unwrap_or_default();
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(letter.subject.clone())
        .date(UNIX_EPOCH + Duration::from_micros(micros))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .raw_header(automatic()?)
        .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(letter.body.clone()))
        .map_err(|_| Unsendable::Message)?;
    Ok(Sealed { from: from.email, to, bytes: message.formatted() })
}

/// Tells out-of-office answers to be quiet.
fn automatic() -> Result<lettre::message::header::HeaderValue, Unsendable> {
    use lettre::message::header::{HeaderName, HeaderValue};
    let name = HeaderName::new_from_ascii("Auto-Submitted".to_owned()).map_err(|_| Unsendable::Message)?;
    Ok(HeaderValue::new(name, "auto-generated".to_owned()))
}

/// One address and nothing else.
fn address(text: &str) -> Result<Address, Unsendable> {
    let text = text.trim_matches(' ');
    let odd = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '\\' | '(' | ')')
    };
    if text.is_empty() || text.len() > 254 || text.chars().any(odd) {
        return Err(Unsendable::Address);
    }
    Address::from_str(text).map_err(|_| Unsendable::Address)
}

impl Sealed {
    /// The text with its headers, as it goes out.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
