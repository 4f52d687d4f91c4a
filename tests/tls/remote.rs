//! A server on an address of this machine that is not the loopback, and an address of the database that says nothing
//! of encryption: it is verified and bound all the same, or refused.

use super::cluster::Cluster;
use super::{Authority, PASSWORD, ROLE, refused};
use kaygia_desk::store::error::Meaning;
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::sql;
use std::net::{IpAddr, UdpSocket};

/// How others reach this machine. Nothing is sent: the system only says which of its addresses it would use.
fn own_address() -> IpAddr {
    let route = |to: &str| {
        let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let outside = ["192.0.2.1:9", "198.51.100.1:9", "10.255.255.254:9"];
    let found = outside.into_iter().filter_map(route).find(|ip| !ip.is_loopback() && !ip.is_unspecified());
    found.or_else(listed).expect("this test needs an address of this machine that is not the loopback")
}

/// The first of the addresses that the machine lists, where there is no route to anywhere.
fn listed() -> Option<IpAddr> {
    let output = std::process::Command::new("hostname").arg("-I").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().filter_map(|word| word.parse::<IpAddr>().ok()).find(|ip| !ip.is_loopback())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_address_that_says_nothing_of_encryption_is_verified_and_bound_or_refused() {
    let own = own_address();
    let listens = format!("127.0.0.1,{own}");
    // The server itself would take anybody, encrypted or not.
    let hba = format!("host all {ROLE} {own}/32 scram-sha-256");
    let cluster = Cluster::start(&[&hba], &[("listen_addresses", &listens)]);
    let owner = cluster.owner().await;
    owner.batch_execute(&format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")).await.unwrap();
    let authority = Authority::new("the desk's tests");
    let trusted = cluster.write("ca.pem", &authority.pem);
    let show = async |name: &str, certificate: String, key: String| {
        let certificate = cluster.write(&format!("{name}.pem"), &certificate);
        let key = cluster.write(&format!("{name}.key"), &key);
        for (setting, value) in [
            ("ssl_cert_file", certificate.display().to_string()),
            ("ssl_key_file", key.display().to_string()),
        ] {
            owner.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await.unwrap();
        }
        owner.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let value = certificate.display().to_string();
        while cluster.owner().await.query_one("SHOW ssl_cert_file", &[]).await.unwrap().get::<_, String>(0)
            != value
        {
            tokio::task::yield_now().await;
        }
    };
    let password = PASSWORD.replace(' ', "%20");
    let port = cluster.port();
    let url = |more: &str| {
        format!(
            "postgresql://{ROLE}:{password}@{own}:{port}/postgres?sslrootcert={}{more}",
            trusted.display()
        )
    };

    // Without encryption on the server there is none of the desk's passwords on the wire.
    let error = refused(&url("")).await;
    assert_eq!(*error.meaning(), Meaning::Tls, "{error}");
    assert!(error.sentence().contains("never falls back to plain text"), "{error}");

    let (certificate, key) = authority.sign(&own.to_string(), (2020, 2090));
    show("fits", certificate.pem(), key.serialize_pem()).await;
    let (db, _) = pool::connector(&url(""), Options::default()).unwrap().connect().await.unwrap();
    let row = sql::row(
        &db,
        "SELECT s.ssl, host(a.client_addr) AS client FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) \
          WHERE s.pid = pg_backend_pid()",
        &[],
    );
    let row = row.await.unwrap();
    assert!(sql::get::<bool>(&row, "ssl").unwrap());
    assert_eq!(sql::get::<&str>(&row, "client").unwrap(), own.to_string());
    // The weaker wishes of other programs change nothing.
    for more in ["&sslmode=prefer", "&sslmode=allow", "&sslmode=require"] {
        pool::connector(&url(more), Options::default()).unwrap().connect().await.unwrap();
    }

    // A certificate of the right authority, for somebody else.
    let (certificate, key) = authority.sign("db.kaygia.test", (2020, 2090));
    show("another", certificate.pem(), key.serialize_pem()).await;
    let another = refused(&url("")).await;
    assert_eq!(*another.meaning(), Meaning::Tls, "{another}");
    assert!(another.sentence().contains("is for another name"), "{another}");

    let alone = rcgen::generate_simple_self_signed(vec![own.to_string()]).unwrap();
    show("alone", alone.cert.pem(), alone.signing_key.serialize_pem()).await;
    for more in ["", "&sslmode=prefer", "&sslmode=allow", "&sslmode=require"] {
        let error = refused(&url(more)).await;
        assert_eq!(*error.meaning(), Meaning::Tls, "{more}: {error}");
        assert!(error.sentence().contains("is signed by nobody this machine trusts"), "{more}: {error}");
        assert_ne!(error.sentence(), another.sentence());
    }
    println!(
        "remote: {own} without a word on encryption: the certificate that fits connects, self-signed is refused"
    );
}
