//! Encryption to a remote server: a real Postgres with TLS, good and bad certificates, and somebody in the middle.
//!
//! A password never leaves for anybody but the server that knows it: what could be read on the way is written down
//! and searched.

mod between;
mod certificate;
mod cluster;
mod remote;

use between::{Between, Deed, Identity};
use cluster::Cluster;
use kaygia_desk::store::error::{Error, Meaning};
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::sql;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The server's name; where it lies is said beside it, so that no name service is asked.
const HOST: &str = "db.kaygia.test";
const ROLE: &str = "role_of_the_desk";
const PASSWORD: &str = "planted password of the desk";
/// A role whose password the server asks for as it is.
const CLEAR: &str = "role_in_clear";

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: rustls::pki_types::CertificateDer<'static>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        Self { pem: own.pem(), der: own.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for a name, valid from one year to another, and its key.
    fn sign(&self, name: &str, years: (i32, i32)) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

impl Authority {
    /// A certificate for a role of the database, and its key.
    fn sign_for_role(&self, role: &str) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, role);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A server with a good certificate, and the desk's role.
struct Server {
    cluster: Cluster,
    authority: Authority,
    trusted: PathBuf,
}

impl Server {
    async fn start() -> Self {
        let hba = [
            "hostssl all role_of_the_desk 127.0.0.1/32 scram-sha-256",
            "host all role_of_the_desk 127.0.0.1/32 scram-sha-256",
            "host all role_in_clear 127.0.0.1/32 password",
        ];
        let cluster = Cluster::start(&hba, &[("ssl_min_protocol_version", "TLSv1.2")]);
        let authority = Authority::new("the desk's tests");
        let trusted = cluster.write("ca.pem", &authority.pem);
        let server = Self { cluster, authority, trusted };
        server.show(&server.authority.sign(HOST, (2020, 2090))).await;
        for role in [ROLE, CLEAR] {
            let role = format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'");
            server.cluster.owner().await.batch_execute(&role).await.unwrap();
        }
        server
    }

    /// From now on it shows this certificate.
    async fn show(&self, (certificate, key): &(rcgen::Certificate, KeyPair)) {
        let name = certificate.pem().len().to_string()
            + &key.serialize_pem()[100..110].replace(['/', '+', '\n'], "_");
        let certificate = self.cluster.write(&format!("{name}.pem"), &certificate.pem());
        let key = self.cluster.write(&format!("{name}.key"), &key.serialize_pem());
        self.set("ssl_cert_file", &certificate.display().to_string()).await;
        self.set("ssl_key_file", &key.display().to_string()).await;
        self.set("ssl", "on").await;
    }

    async fn set(&self, setting: &str, value: &str) {
        let owner = self.cluster.owner().await;
        owner.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await.unwrap();
        owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // The next process is made by a parent that has read it.
        loop {
            let now = self.cluster.owner().await.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
            if now.get::<_, String>(0) == value {
                return;
            }
        }
    }

    fn url(&self, port: u16) -> String {
        format!(
            "host={HOST} hostaddr=127.0.0.1 port={port} user={ROLE} password='{PASSWORD}' dbname=postgres \
             sslmode=verify-full sslrootcert={}",
            self.trusted.display()
        )
    }

    fn identity(&self) -> Identity {
        let (certificate, key) = self.authority.sign(HOST, (2020, 2090));
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der.clone()).unwrap();
        let chain = vec![certificate.der().clone()];
        Identity { chain, key: key.serialize_der(), roots, name: HOST.to_owned() }
    }
}

async fn refused(url: &str) -> Error {
    match pool::connector(url, Options::default()).unwrap().connect().await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

fn nothing_in(seen: &[u8], what: &str) {
    for secret in [PASSWORD, ROLE, "SCRAM"] {
        let found = seen.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "{what}: {secret} could be read: {}", String::from_utf8_lossy(seen));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_server_is_verified_and_bound_or_refused() {
    let server = Server::start().await;
    let port = server.cluster.port();

    // As it should be: encrypted, verified, bound. An address on this machine asks for what a remote host gets anyway.
    let listening = Between::new(port, Deed::Listen).await;
    for more in ["", " channel_binding=require"] {
        let url = server.url(listening.port) + more;
        let (db, _) = pool::connector(&url, Options::default()).unwrap().connect().await.unwrap();
        let row = sql::row(&db, "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]);
        let row = row.await.unwrap();
        assert!(sql::get::<bool>(&row, "ssl").unwrap());
        assert_eq!(sql::get::<&str>(&row, "version").unwrap(), "TLSv1.3");
    }
    assert!(listening.seen().len() > 1000);
    nothing_in(&listening.seen(), "a good connection");

    let mut told = Vec::new();
    // Somebody with a valid certificate of the same authority, for the same name.
    for deed in [
        Deed::Impersonate(Box::new(server.identity())),
        Deed::ImpersonateWithoutBinding(Box::new(server.identity())),
    ] {
        let middle = Between::new(port, deed).await;
        let error = refused(&server.url(middle.port)).await;
        assert_eq!(*error.meaning(), Meaning::Tls, "{error}");
        let seen = middle.seen();
        assert!(seen.windows(ROLE.len()).any(|part| part == ROLE.as_bytes()), "the one in the middle reads");
        assert!(!seen.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
        told.push(("a man in the middle", error.sentence().to_owned()));
    }

    // Certificates that are not the server's, not any more, or of nobody.
    let stranger = Authority::new("somebody");
    let bad = [
        ("another name", server.authority.sign("other.example", (2020, 2090)), "is for another name"),
        ("expired", server.authority.sign(HOST, (2020, 2021)), "has expired"),
        ("not valid yet", server.authority.sign(HOST, (2080, 2090)), "is not valid yet"),
        ("unknown authority", stranger.sign(HOST, (2020, 2090)), "is signed by nobody this machine trusts"),
    ];
    for (what, certificate, words) in &bad {
        server.show(certificate).await;
        let listening = Between::new(port, Deed::Listen).await;
        let error = refused(&server.url(listening.port)).await;
        assert_eq!(*error.meaning(), Meaning::Tls, "{what}: {error}");
        assert!(error.sentence().contains(words), "{what}: {error}");
        assert!(listening.seen().len() > 100, "{what}: it was not even tried");
        nothing_in(&listening.seen(), what);
        told.push((what, error.sentence().to_owned()));
    }
    let alone = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    server.show(&(alone.cert, alone.signing_key)).await;
    let error = refused(&server.url(port)).await;
    assert!(error.sentence().contains("is signed by nobody this machine trusts"), "{error}");

    // No encryption at all: by somebody in between, and by the server itself.
    server.show(&server.authority.sign(HOST, (2020, 2090))).await;
    let stripping = Between::new(port, Deed::Strip).await;
    let error = refused(&server.url(stripping.port)).await;
    assert!(error.sentence().contains("never falls back to plain text"), "{error}");
    nothing_in(&stripping.seen(), "stripped");
    assert_eq!(stripping.seen().len(), 8, "more than the wish for encryption was sent");
    told.push(("no encryption", error.sentence().to_owned()));
    server.set("ssl", "off").await;
    let listening = Between::new(port, Deed::Listen).await;
    let error = refused(&server.url(listening.port)).await;
    assert!(error.sentence().contains("never falls back to plain text"), "{error}");
    assert_eq!(listening.seen().len(), 8, "more than the wish for encryption was sent");

    let sentences: BTreeSet<&str> =
        told.iter().map(|(_, sentence)| sentence.split_once(": ").unwrap().1).collect();
    assert_eq!(sentences.len(), told.len(), "{told:#?}");
    println!("refused:");
    for (what, sentence) in &told {
        println!("  {what:<20} {sentence}");
    }
}

/// The driver would answer whoever asks; on this machine that may be anybody who took the port first.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_as_it_is_only_where_nobody_reads_it() {
    let server = Server::start().await;
    let listening = Between::new(server.cluster.port(), Deed::Listen).await;
    let url = server.url(listening.port).replace(ROLE, CLEAR);
    let plain = url.replace("verify-full", "disable");
    for url in
        [&plain, &url.replace("sslmode=verify-full", "channel_binding=disable").replace(HOST, "localhost")]
    {
        let error = refused(url).await;
        assert_eq!(*error.meaning(), Meaning::Tls, "{error}");
        assert!(error.sentence().contains("none was sent"), "{error}");
    }
    let seen = String::from_utf8_lossy(&listening.seen()).into_owned();
    assert!(seen.contains(CLEAR) && !seen.contains("planted"), "{seen}");
    // Bound to the channel it can't be; verified and encrypted, as it is wished, it can.
    assert_eq!(*refused(&url).await.meaning(), Meaning::Tls);
    let wished = url + " channel_binding=prefer";
    let (db, _) = pool::connector(&wished, Options::default()).unwrap().connect().await.unwrap();
    let row = sql::row(&db, "SELECT current_user::text AS name", &[]).await.unwrap();
    assert_eq!(sql::get::<&str>(&row, "name").unwrap(), CLEAR);
}

/// This machine needs no encryption, and a name that nobody knows is told as that: a real look-up.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_knows_is_told_as_that() {
    let error = refused("postgresql://desk:planted@db.kaygia.invalid/kaygia").await;
    assert_eq!(*error.meaning(), Meaning::Unavailable, "{error}");
    assert!(
        error.sentence().starts_with("db.kaygia.invalid:5432: no address is known for the name"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_for_which_there_can_be_no_certificate_is_told_as_that() {
    let server = Server::start().await;
    let port = server.cluster.port();
    let error = refused(&format!("host=0x7f000001 port={port} user=desk dbname=postgres")).await;
    assert_eq!(*error.meaning(), Meaning::Tls, "{error}");
    assert!(
        error.sentence().contains("no certificate can be for this host as the address names it"),
        "{error}"
    );
}
