//! What comes in by dependencies: one terminal, one runtime, one TLS; deny.toml says the same to `cargo deny`.

use std::collections::BTreeMap;

#[test]
fn the_terminal_the_runtime_and_tls_are_there_once() {
    let versions = versions(include_str!("../Cargo.lock"));
    for name in ["ratatui", "ratatui-core", "crossterm", "tokio", "rustls"] {
        assert_eq!(versions.get(name).map(Vec::len), Some(1), "{name}: {:?}", versions.get(name));
    }
}

#[test]
fn nothing_that_was_refused_has_come_in() {
    let versions = versions(include_str!("../Cargo.lock"));
    let refused = refused(include_str!("../deny.toml"));
    assert!(
        refused.contains(&"openssl-sys".to_owned()) && refused.contains(&"rsa".to_owned()),
        "{refused:?}"
    );
    for name in refused {
        assert!(!versions.contains_key(&name), "{name} is refused by deny.toml");
    }
}

#[test]
fn every_package_comes_from_the_registry() {
    let lock: toml::Table = toml::from_str(include_str!("../Cargo.lock")).unwrap();
    for package in lock["package"].as_array().unwrap() {
        let source = package.get("source").and_then(toml::Value::as_str);
        let ours = package["name"].as_str() == Some("kaygia-desk");
        assert!(ours || source.is_some_and(|source| source.starts_with("registry+")), "{package:?}");
    }
}

fn versions(lock: &str) -> BTreeMap<String, Vec<String>> {
    let lock: toml::Table = toml::from_str(lock).unwrap();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let text = |key: &str| package[key].as_str().unwrap().to_owned();
        versions.entry(text("name")).or_default().push(text("version"));
    }
    versions
}

fn refused(policy: &str) -> Vec<String> {
    let policy: toml::Table = toml::from_str(policy).unwrap();
    let rows = policy["bans"]["deny"].as_array().unwrap();
    let refused = rows.iter().filter(|row| row.get("deny-multiple-versions").is_none());
    refused.map(|row| row["crate"].as_str().unwrap().to_owned()).collect()
}
