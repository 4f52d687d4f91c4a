//! Whoever stands between the desk and the server: one who only listens, one who takes the encryption away, one who
//! has a valid certificate of his own.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What is done with what passes.
pub enum Deed {
    /// Written down.
    Listen,
    /// "No encryption here", and on in plain text.
    Strip,
    /// Encryption ends here, with this certificate, and begins anew.
    Impersonate(Box<Identity>),
    /// The same, and the server's offer to bind the password to the channel is left out.
    ImpersonateWithoutBinding(Box<Identity>),
}

/// A certificate with its key, and whom to trust as a client.
#[derive(Clone)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Vec<u8>,
    pub roots: RootCertStore,
    pub name: String,
}

/// A listener in front of the server.
pub struct Between {
    pub port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Between {
    pub async fn new(server: u16, deed: Deed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (deed, written) = (Arc::new(deed), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (deed, written) = (Arc::clone(&deed), Arc::clone(&written));
                // A refused handshake ends a connection, and is what the tests are about.
                tokio::spawn(async move { serve(client, server, &deed, &written).await.ok() });
            }
        });
        Self { port, seen }
    }

    /// All that clients sent, as it could be read here: decrypted where the encryption ended here.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut client: TcpStream,
    server: u16,
    deed: &Deed,
    seen: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    match deed {
        Deed::Listen => carry(client, server, seen, |bytes| bytes).await,
        Deed::Strip => {
            ask(&mut client, seen).await?;
            client.write_all(b"N").await?;
            carry(client, server, seen, |bytes| bytes).await
        }
        Deed::Impersonate(identity) | Deed::ImpersonateWithoutBinding(identity) => {
            ask(&mut client, seen).await?;
            client.write_all(b"S").await?;
            let client = identity.acceptor().accept(client).await?;
            server.write_all(&SSL_REQUEST).await?;
            assert_eq!(server.read_u8().await?, b'S');
            let name = ServerName::try_from(identity.name.clone()).unwrap();
            let server = identity.connector().connect(name, server).await?;
            let strip = matches!(deed, Deed::ImpersonateWithoutBinding(_));
            carry(client, server, seen, |bytes| if strip { without_binding(&bytes) } else { bytes }).await
        }
    }
}

async fn ask(client: &mut TcpStream, seen: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    seen.lock().unwrap().extend(request);
    assert_eq!(request, SSL_REQUEST, "the first thing sent is not the wish for encryption");
    Ok(())
}

async fn carry(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    seen: &Mutex<Vec<u8>>,
    to_client: impl Fn(Vec<u8>) -> Vec<u8>,
) -> std::io::Result<()> {
    let (mut from_client, mut client) = tokio::io::split(client);
    let (mut from_server, mut server) = tokio::io::split(server);
    let (mut up, mut down) = (vec![0; 16_384], vec![0; 16_384]);
    loop {
        tokio::select! {
            read = from_client.read(&mut up) => {
                let length = read?;
                seen.lock().unwrap().extend(&up[..length]);
                if length == 0 {
                    return Ok(());
                }
                server.write_all(&up[..length]).await?;
                server.flush().await?;
            }
            read = from_server.read(&mut down) => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                client.write_all(&to_client(down[..length].to_vec())).await?;
                client.flush().await?;
            }
        }
    }
}

/// The server's list of mechanisms, less the one that binds: the message is made anew, with its length.
fn without_binding(bytes: &[u8]) -> Vec<u8> {
    let plus = b"SCRAM-SHA-256-PLUS\0";
    let Some(at) = bytes.windows(plus.len()).position(|part| part == plus) else { return bytes.to_vec() };
    let mut bytes = bytes.to_vec();
    bytes.drain(at..at + plus.len());
    // R, the length, the kind (10 = SASL).
    let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) - u32::try_from(plus.len()).unwrap();
    bytes[1..5].copy_from_slice(&length.to_be_bytes());
    bytes
}

impl Identity {
    fn acceptor(&self) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), PrivateKeyDer::Pkcs8(self.key.clone().into()))
            .unwrap();
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn connector(&self) -> TlsConnector {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
