//! Whom we trust at the other end of an encrypted connection, and as whom we show ourselves.

use super::address::{Address, Identity};
use crate::store::error::{Error, Meaning, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::Display;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

/// Encryption as an address wants it. Reads the files that it names.
pub(super) fn trust(address: &Address) -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(file) = &address.root_cert {
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|why| tls(format!("a certificate is not usable: {why}")))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        let sentence = "no certificate to trust was found, so no remote database can be verified: install \
                        ca-certificates, or name a file by sslrootcert=FILE in the address";
        return Err(tls(sentence.to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| tls(format!("no encryption is available: {why}")))?
        .with_root_certificates(roots);
    let mut config = match &address.identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = certificates(certificate)?;
            if chain.is_empty() {
                return Err(tls(format!("{} holds no certificate", certificate.display())));
            }
            builder.with_client_auth_cert(chain, private_key(key)?).map_err(|why| {
                let (certificate, key) = (certificate.display(), key.display());
                tls(format!("the certificate {certificate} can't be used with the key {key}: {why}"))
            })?
        }
    };
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable =
        |why: &dyn Display| tls(format!("the certificates of {} can't be read: {why}", file.display()));
    CertificateDer::pem_file_iter(file)
        .map_err(|why| unreadable(&why))?
        .map(|certificate| certificate.map_err(|why| unreadable(&why)))
        .collect()
}

/// The key is as good as a password: nobody else reads it, but that of a whole machine may be root's and a group's.
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let name = file.display();
    let unreadable = |why: io::Error| tls(format!("the key {name} can't be read: {why}"));
    let mut source = fs::File::open(file).map_err(unreadable)?;
    let metadata = source.metadata().map_err(unreadable)?;
    let closed = if metadata.uid() == 0 { 0o027 } else { 0o077 };
    if metadata.mode() & closed != 0 {
        return Err(tls(format!("the key {name} can be read by others; run `chmod 600 {name}`")));
    }
    let mut pem = Zeroizing::new(Vec::new());
    source.read_to_end(&mut pem).map_err(unreadable)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        tls(format!("{name} holds no key that can be used: it must be PEM, and not encrypted by a password"))
    })
}

fn tls(sentence: String) -> Error {
    Error::new(Meaning::Tls, sentence)
}
