//! The line to the server: one connection, one mail after the other, and what became of each.

use super::letter::Sealed;
use super::{Security, Server};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use std::io;
use tokio::time::timeout;

/// A connection that takes mail.
pub struct Line {
    connection: AsyncSmtpConnection,
    server: Server,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server has taken it.
    Sent,
    /// The server did not take it now.
    Later(String),
    /// The server will never take it.
    Never(String),
    /// The connection was lost when the text had gone out: perhaps it was taken.
    Doubtful(String),
}

impl Line {
    /// Connects, encrypts and signs in. Why not, as words for the operator: without addresses and passwords.
    pub async fn open(server: &Server) -> Result<Self, String> {
        let work = open(server);
        match timeout(server.patience, work).await {
            Ok(Ok(connection)) => Ok(Self { connection, server: server.clone() }),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err("the mail server did not answer in time".to_owned()),
        }
    }

    /// Hands one mail over. After anything but `Sent` and refusals the line is not to be used again.
    pub async fn send(&mut self, mail: &Sealed) -> Fate {
        let patience = self.server.patience;
        match timeout(patience, self.announce(mail)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return refused(&error),
            Err(_) => return Fate::Later("the mail server did not answer in time".to_owned()),
        }
        // From here on only an answer tells whether the server has it.
        match timeout(patience, self.connection.message(&mail.bytes)).await {
            Ok(Ok(_)) => Fate::Sent,
            Ok(Err(error)) if error.status().is_some() => refused(&error),
            Ok(Err(error)) => Fate::Doubtful(words(&error)),
            Err(_) => Fate::Doubtful("the mail server did not answer in time".to_owned()),
        }
    }

    /// Sender, receiver, and that the text comes.
    async fn announce(&mut self, mail: &Sealed) -> Result<(), Error> {
        let info = self.connection.server_info();
        let mut options = Vec::new();
        if !(mail.to.to_string() + mail.from.as_ref()).is_ascii()
            && info.supports_feature(Extension::SmtpUtfEight)
        {
            options.push(MailParameter::SmtpUtfEight);
        }
        if !mail.bytes.is_ascii() && info.supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.connection.command(Mail::new(Some(mail.from.clone()), options)).await?;
        self.connection.command(Rcpt::new(mail.to.clone(), Vec::new())).await?;
        self.connection.command(Data).await?;
        Ok(())
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _ = timeout(self.server.patience, self.connection.quit()).await;
    }
}

async fn open(server: &Server) -> Result<AsyncSmtpConnection, Error> {
    let name = ClientId::Domain(server.from.email.domain().to_owned());
    let (address, patience) = ((server.host.as_str(), server.port), Some(server.patience));
    let mut connection = match server.security {
        Security::Implicit => {
            AsyncSmtpConnection::connect_tokio1(address, patience, &name, Some(tls(server)?), None).await?
        }
        Security::StartTls | Security::Plain => {
            AsyncSmtpConnection::connect_tokio1(address, patience, &name, None, None).await?
        }
    };
    if server.security == Security::StartTls {
        connection.starttls(tls(server)?, &name).await?;
    }
    if let Some((user, password)) = &server.credentials {
        let credentials = Credentials::new(user.clone(), password.to_string());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
    }
    Ok(connection)
}

fn tls(server: &Server) -> Result<TlsParameters, Error> {
    let mut builder = TlsParametersBuilder::new(server.host.clone());
    if let Some(roots) = &server.roots {
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(roots)?);
    }
    builder.build_rustls()
}

fn refused(error: &Error) -> Fate {
    if error.is_permanent() { Fate::Never(words(error)) } else { Fate::Later(words(error)) }
}

/// What TLS refuses comes as an error of the connection, of data that can't be.
fn untrusted(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// What the operator is told: the code of the answer, never its text, which may quote addresses.
fn words(error: &Error) -> String {
    if let Some(code) = error.status() {
        format!("the mail server answered {code}")
    } else if error.is_timeout() {
        "the mail server did not answer in time".to_owned()
    } else if error.is_tls() || untrusted(error) {
        "no trusted, encrypted connection to the mail server".to_owned()
    } else if error.is_client() {
        "the mail server lacks something that the desk needs: STARTTLS, a way to sign in, or SMTPUTF8"
            .to_owned()
    } else {
        "the connection to the mail server failed".to_owned()
    }
}
