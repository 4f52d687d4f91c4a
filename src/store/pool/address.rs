//! The database's address: what the driver understands, and what it does not (`sslmode=verify-full`, `sslrootcert`).
//!
//! Rule for encryption: none for sockets and this machine, unless asked for; for every other host always, with the
//! certificate and the host's name checked and the password bound to the channel. Nothing falls back by itself.

use crate::store::error::{Error, Meaning, Result};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, LoadBalanceHosts, SslMode};

/// Parameters that we read ourselves; the driver refuses them.
const OURS: [&str; 6] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "gssencmode"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    ByHost,
    Never,
    Always,
}

/// A parsed address. Debug and Display show neither user nor password.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    encryption: Encryption,
    own_channel_binding: bool,
    /// A file of certificates to trust instead of the system's.
    pub(super) root_cert: Option<PathBuf>,
    /// As whom we show ourselves to the server.
    pub(super) identity: Option<Identity>,
}

/// A certificate of our own.
#[derive(Clone)]
pub(super) struct Identity {
    /// The file with it, and what leads to its authority.
    pub certificate: PathBuf,
    /// The file with its key.
    pub key: PathBuf,
}

/// One server to try: a host of the address, alone.
#[derive(Clone)]
pub(super) struct Candidate {
    pub config: Config,
    pub name: String,
    pub tls: bool,
}

impl Address {
    /// Reads `postgresql://..` or `key=value ..`.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if !is_url && (text.contains("://") || !text.contains('=')) {
            return Err(bad("write postgresql://user@host/database"));
        }
        let (rest, pairs) = if is_url { split_url(text) } else { split_pairs(text)? };
        let mut config = Config::from_str(&rest).map_err(|error| {
            bad(&std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(bad("it names no host"));
        }
        let mut encryption = Encryption::ByHost;
        let (mut root_cert, mut certificate, mut client_key) = (None, None, None);
        let (mut own_channel_binding, mut own_idle) = (false, false);
        for (key, value) in &pairs {
            match (key.as_str(), value.as_str()) {
                ("sslmode", "disable") => encryption = Encryption::Never,
                ("sslmode", "require" | "verify-ca" | "verify-full") => encryption = Encryption::Always,
                ("sslmode", "allow" | "prefer") => {}
                ("sslmode", other) => return Err(bad(&format!("sslmode={other} is unknown"))),
                ("sslrootcert", "system") => {}
                ("sslrootcert", file) => root_cert = Some(PathBuf::from(file)),
                ("sslcert", file) => certificate = Some(PathBuf::from(file)),
                ("sslkey", file) => client_key = Some(PathBuf::from(file)),
                ("sslpassword", _) => {
                    return Err(bad(
                        "a key with a password is not supported (sslpassword): name one without, \
                                    in a file that only you can read",
                    ));
                }
                ("channel_binding", _) => own_channel_binding = true,
                ("keepalives_idle", _) => own_idle = true,
                _ => {}
            }
        }
        let identity = match (certificate, client_key) {
            (None, None) => None,
            (Some(_), Some(_)) if encryption == Encryption::Never => {
                return Err(bad("a certificate of one's own (sslcert) is never shown with sslmode=disable"));
            }
            (Some(certificate), Some(key)) => {
                encryption = Encryption::Always;
                Some(Identity { certificate, key })
            }
            _ => return Err(bad("sslcert=FILE and sslkey=FILE go together")),
        };
        if !own_idle {
            config.keepalives_idle(Duration::from_secs(30));
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(Duration::from_secs(10));
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(3);
        }
        Ok(Self { config, encryption, own_channel_binding, root_cert, identity })
    }

    /// Each server of the address alone, in order, with its own rule for encryption.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let hosts = self.config.get_hosts();
        let addrs = self.config.get_hostaddrs();
        let ports = self.config.get_ports();
        let mut bare = self.config.clone();
        // The driver keeps hosts in lists that can only grow: rebuild from the parts.
        clear_hosts(&mut bare);
        (0..hosts.len().max(addrs.len()))
            .map(|i| {
                let (host, addr) = (hosts.get(i), addrs.get(i).copied());
                let port = ports.get(i).or_else(|| ports.first()).copied().unwrap_or(5432);
                let mut config = bare.clone();
                let name = match host {
                    Some(Host::Tcp(host)) => {
                        config.host(host);
                        format!("{host}:{port}")
                    }
                    Some(Host::Unix(folder)) => {
                        config.host_path(folder);
                        folder.join(format!(".s.PGSQL.{port}")).display().to_string()
                    }
                    None => addr.map_or_else(String::new, |addr| format!("{addr}:{port}")),
                };
                if let Some(addr) = addr {
                    config.hostaddr(addr);
                }
                config.port(port);
                config.load_balance_hosts(LoadBalanceHosts::Disable);
                let tls = match (self.encryption, is_local(host, addr)) {
                    (_, Local::Socket) | (Encryption::Never, _) | (Encryption::ByHost, Local::Loopback) => {
                        false
                    }
                    (Encryption::Always, _) | (Encryption::ByHost, Local::Remote) => true,
                };
                config.ssl_mode(if tls { SslMode::Require } else { SslMode::Disable });
                if !self.own_channel_binding {
                    // A certificate is bound to the encryption by itself; without a password there is none to bind.
                    let by_certificate = self.identity.is_some() && config.get_password().is_none();
                    config.channel_binding(if tls && !by_certificate {
                        ChannelBinding::Require
                    } else {
                        ChannelBinding::Prefer
                    });
                }
                Candidate { config, name, tls }
            })
            .collect()
    }

    /// Whether some remote server would be reached without encryption, because the address says so.
    pub fn plain_text_to_remote(&self) -> bool {
        self.encryption == Encryption::Never
            && (0..self.config.get_hosts().len().max(self.config.get_hostaddrs().len())).any(|i| {
                is_local(self.config.get_hosts().get(i), self.config.get_hostaddrs().get(i).copied())
                    == Local::Remote
            })
    }

    pub(super) fn shuffled(&self) -> bool {
        self.config.get_load_balance_hosts() == LoadBalanceHosts::Random
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.candidates().into_iter().map(|candidate| candidate.name).collect();
        write!(f, "{} on {}", self.config.get_dbname().unwrap_or("the default database"), names.join(", "))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

fn bad(why: &str) -> Error {
    Error::new(Meaning::Address, format!("the database's address is not valid: {why}"))
}

#[derive(PartialEq, Eq)]
enum Local {
    Socket,
    Loopback,
    Remote,
}

fn is_local(host: Option<&Host>, addr: Option<IpAddr>) -> Local {
    if let Some(addr) = addr {
        return if addr.is_loopback() { Local::Loopback } else { Local::Remote };
    }
    match host {
        Some(Host::Unix(_)) => Local::Socket,
        Some(Host::Tcp(name)) => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            let loopback = bare.eq_ignore_ascii_case("localhost")
                || bare.parse::<IpAddr>().is_ok_and(|addr| addr.is_loopback());
            if loopback { Local::Loopback } else { Local::Remote }
        }
        None => Local::Remote,
    }
}

/// Everything of the config but its hosts.
fn clear_hosts(config: &mut Config) {
    let old = config.clone();
    *config = Config::new();
    if let Some(user) = old.get_user() {
        config.user(user);
    }
    if let Some(password) = old.get_password() {
        config.password(password);
    }
    if let Some(name) = old.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = old.get_options() {
        config.options(options);
    }
    if let Some(name) = old.get_application_name() {
        config.application_name(name);
    }
    if let Some(limit) = old.get_connect_timeout() {
        config.connect_timeout(*limit);
    }
    if let Some(limit) = old.get_tcp_user_timeout() {
        config.tcp_user_timeout(*limit);
    }
    config.keepalives(old.get_keepalives());
    config.keepalives_idle(old.get_keepalives_idle());
    if let Some(interval) = old.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = old.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    config.ssl_negotiation(old.get_ssl_negotiation());
    config.target_session_attrs(old.get_target_session_attrs());
    config.channel_binding(old.get_channel_binding());
}

/// A URL without the parameters that are ours, and all parameters.
fn split_url(url: &str) -> (String, Vec<(String, String)>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), Vec::new());
    };
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (key.to_owned(), unescape(value)))
        .collect();
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !OURS.contains(&pair.split('=').next().unwrap_or_default()))
        .collect();
    let rest = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    (rest, pairs)
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|two| std::str::from_utf8(two).ok());
        match (bytes[i], hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `key=value ..` without the parameters that are ours, and all parameters.
fn split_pairs(text: &str) -> Result<(String, Vec<(String, String)>)> {
    let mut chars = text.chars().peekable();
    let mut pairs = Vec::new();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            break;
        }
        let mut key = String::new();
        for c in chars.by_ref() {
            if c == '=' {
                break;
            }
            key.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        let mut closed = !quoted;
        while let Some(c) = chars.next() {
            match c {
                '\\' => value.extend(chars.next()),
                '\'' if quoted => {
                    closed = true;
                    break;
                }
                c if !quoted && c.is_whitespace() => break,
                c => value.push(c),
            }
        }
        if !closed {
            return Err(bad("a quote is not closed"));
        }
        pairs.push((key.trim().to_owned(), value));
    }
    let rest: Vec<String> = pairs
        .iter()
        .filter(|(key, _)| !OURS.contains(&key.as_str()))
        .map(|(key, value)| format!("{key}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'")))
        .collect();
    Ok((rest.join(" "), pairs))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn modes(url: &str) -> Vec<(String, bool, ChannelBinding)> {
        Address::parse(url)
            .unwrap()
            .candidates()
            .into_iter()
            .map(|c| (c.name, c.tls, c.config.get_channel_binding()))
            .collect()
    }

    #[test]
    fn encryption_follows_the_host_and_never_falls_back() {
        use ChannelBinding::{Prefer, Require};
        let cases = [
            ("postgresql://u@localhost/d", "localhost:5432", false, Prefer),
            ("postgresql://u@127.0.0.1:5433/d", "127.0.0.1:5433", false, Prefer),
            ("postgresql://u@localhost/d?sslmode=require", "localhost:5432", true, Require),
            ("postgresql://u@db.example.org/d", "db.example.org:5432", true, Require),
            ("postgresql://u@db.example.org/d?sslmode=prefer", "db.example.org:5432", true, Require),
            ("postgresql://u@db.example.org/d?sslmode=verify-full", "db.example.org:5432", true, Require),
            ("postgresql://u@db.example.org/d?channel_binding=prefer", "db.example.org:5432", true, Prefer),
            ("postgresql://u@db.example.org/d?sslmode=disable", "db.example.org:5432", false, Prefer),
            ("host=db.example.org user=u sslmode=verify-ca", "db.example.org:5432", true, Require),
            ("host=/run/pg user=u sslmode=require", "/run/pg/.s.PGSQL.5432", false, Prefer),
            ("postgresql://u@%2Frun%2Fpg/d?sslmode=verify-full", "/run/pg/.s.PGSQL.5432", false, Prefer),
            ("host=localhost hostaddr=10.1.2.3 user=u", "localhost:5432", true, Require),
            ("postgresql://u@localhost/d?sslcert=/c&sslkey=/k", "localhost:5432", true, Prefer),
            ("postgresql://u:p@db.example.org/d?sslcert=/c&sslkey=/k", "db.example.org:5432", true, Require),
        ];
        for (url, name, tls, binding) in cases {
            assert_eq!(modes(url), [(name.to_owned(), tls, binding)], "{url}");
        }
    }

    #[test]
    fn every_host_becomes_a_candidate_of_its_own() {
        let names: Vec<String> = modes("postgresql://u@a:1,b:2,/d?target_session_attrs=read-write")
            .into_iter()
            .map(|(name, _, _)| name)
            .collect();
        assert_eq!(names[..2], ["a:1", "b:2"]);
    }

    #[test]
    fn bad_addresses_are_refused_with_the_reason_and_without_the_password() {
        for url in [
            "",
            "nonsense",
            "http://example.org",
            "mysql://root:hunter2@db/x",
            "postgresql://u:hunter2@db/d?sslmode=maybe",
            "postgresql://u:hunter2@db:port/d",
            "user=u password=hunter2",
            "host='db password=hunter2",
            "postgresql://u:hunter2@db/d?sslcert=x",
            "postgresql://u:hunter2@db/d?sslkey=x",
            "postgresql://u:hunter2@db/d?sslcert=x&sslkey=y&sslmode=disable",
            "postgresql://u@db/d?sslcert=x&sslkey=y&sslpassword=hunter2",
            "postgresql://u:hunter2@db/d?what=ever",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(*error.meaning(), Meaning::Address, "{url}");
            assert!(!error.sentence().contains("hunter2"), "{url}: {error}");
        }
        let shown = format!("{:?}", Address::parse("postgresql://me:hunter2@db/d").unwrap());
        assert_eq!(shown, "Address(d on db:5432)");
    }
}
