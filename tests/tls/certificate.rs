//! A role that proves itself by a certificate of its own, named in the address as libpq has it.

use super::cluster::Cluster;
use super::{Authority, HOST, PASSWORD, refused};
use kaygia_desk::store::error::Meaning;
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::sql;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_a_certificate_is_let_in_by_it_and_nobody_by_another() {
    let hba = [
        "hostssl all by_certificate 127.0.0.1/32 cert",
        "hostssl all by_both 127.0.0.1/32 scram-sha-256 clientcert=verify-full",
    ];
    let cluster = Cluster::start(&hba, &[]);
    let (authority, stranger) = (Authority::new("the desk's tests"), Authority::new("somebody"));
    let trusted = cluster.write("ca.pem", &authority.pem);
    let (certificate, key) = authority.sign(HOST, (2020, 2090));
    let certificate = cluster.write("server.pem", &certificate.pem());
    let key = cluster.write("server.key", &key.serialize_pem());
    let owner = cluster.owner().await;
    owner
        .batch_execute(&format!(
            "CREATE ROLE by_certificate LOGIN; CREATE ROLE by_both LOGIN PASSWORD '{PASSWORD}'"
        ))
        .await
        .unwrap();
    for (setting, value) in [
        ("ssl_cert_file", certificate.display().to_string()),
        ("ssl_key_file", key.display().to_string()),
        ("ssl_ca_file", trusted.display().to_string()),
        ("ssl", "on".to_owned()),
    ] {
        owner.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await.unwrap();
    }
    owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while cluster.owner().await.query_one("SHOW ssl", &[]).await.unwrap().get::<_, String>(0) != "on" {
        tokio::task::yield_now().await;
    }
    let port = cluster.port();
    let identity = |by: &Authority, role: &str| {
        let (certificate, key) = by.sign_for_role(role);
        let name = format!("{role}-{}", by.pem.len());
        let certificate = cluster.write(&format!("{name}.pem"), &certificate.pem());
        let key = cluster.write(&format!("{name}.key"), &key.serialize_pem());
        (certificate, key)
    };
    let url = |role: &str, more: &str| {
        format!(
            "host={HOST} hostaddr=127.0.0.1 port={port} user={role} dbname=postgres sslrootcert={} {more}",
            trusted.display()
        )
    };
    let named = |(certificate, key): &(std::path::PathBuf, std::path::PathBuf)| {
        format!("sslcert={} sslkey={}", certificate.display(), key.display())
    };

    let own = identity(&authority, "by_certificate");
    let both = identity(&authority, "by_both");
    for (role, more) in
        [("by_certificate", named(&own)), ("by_both", format!("{} password='{PASSWORD}'", named(&both)))]
    {
        let (db, _) =
            pool::connector(&url(role, &more), Options::default()).unwrap().connect().await.unwrap();
        let row = sql::row(&db, "SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]);
        assert_eq!(sql::get::<&str>(&row.await.unwrap(), "client_dn").unwrap(), format!("/CN={role}"));
    }

    let without = refused(&url("by_certificate", "")).await;
    assert_eq!(*without.meaning(), Meaning::SignIn, "{without}");
    let of_another = refused(&url("by_certificate", &named(&both))).await;
    assert_eq!(*of_another.meaning(), Meaning::SignIn, "{of_another}");
    let of_a_stranger = refused(&url("by_certificate", &named(&identity(&stranger, "by_certificate")))).await;
    assert_eq!(*of_a_stranger.meaning(), Meaning::Tls, "{of_a_stranger}");
    assert!(of_a_stranger.sentence().contains("does not accept the certificate"), "{of_a_stranger}");

    // What can't be used is told before anything is sent.
    let told = |more: &str| {
        let connector = pool::connector(&url("by_certificate", more), Options::default());
        connector.err().map(|error| error.sentence().to_owned()).unwrap_or_default()
    };
    let mixed = named(&(own.0.clone(), both.1.clone()));
    assert!(told(&mixed).contains("can't be used with the key"), "{}", told(&mixed));
    let no_key = named(&(own.0.clone(), own.0.clone()));
    assert!(told(&no_key).contains("holds no key that can be used"), "{}", told(&no_key));
    set_permissions(&own.1, Permissions::from_mode(0o644)).unwrap();
    assert!(told(&named(&own)).contains("can be read by others; run `chmod 600"), "{}", told(&named(&own)));
}
