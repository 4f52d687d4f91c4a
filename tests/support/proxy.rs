//! A wire that can be cut: a proxy between the desk and the server, on a port of this machine.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Notify, watch};
use tokio_postgres::config::Host;

/// A proxy in front of one database.
pub struct Proxy {
    url: String,
    wire: Arc<Wire>,
}

/// What is to happen to the wire.
struct Wire {
    /// Cut when this many statements of clients have passed; 0 = never.
    cut_after: AtomicUsize,
    /// The statement at which it is cut still reaches the server.
    delivered: AtomicBool,
    /// Count only statements that end a transaction.
    commits_only: AtomicBool,
    /// Cut when a transaction is to end, whatever was counted.
    commit_at_latest: AtomicBool,
    passed: AtomicUsize,
    cuts: AtomicUsize,
    cut_now: Notify,
    frozen: watch::Sender<bool>,
    refuses: AtomicBool,
}

impl Proxy {
    /// In front of the database at `url`, which names a socket's folder.
    pub async fn before(url: &str) -> Self {
        let config = tokio_postgres::Config::from_str(url).unwrap();
        let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{url} is no socket") };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let socket = folder.join(format!(".s.PGSQL.{port}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let url = format!("postgresql://{user}@127.0.0.1:{own}/{name}");
        let wire = Arc::new(Wire {
            cut_after: AtomicUsize::new(0),
            delivered: AtomicBool::new(false),
            commits_only: AtomicBool::new(false),
            commit_at_latest: AtomicBool::new(false),
            passed: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
            cut_now: Notify::new(),
            frozen: watch::channel(false).0,
            refuses: AtomicBool::new(false),
        });
        tokio::spawn(accept(listener, socket, wire.clone()));
        Self { url, wire }
    }

    /// The address of the same database, through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Cuts the wire at the nth statement from now; the server carries it out, but its answer is lost.
    pub fn cut_after(&self, nth: usize) {
        self.arm(nth, true, false);
    }

    /// Cuts the wire at the nth statement from now, before the server sees it.
    pub fn cut_before(&self, nth: usize) {
        self.arm(nth, false, false);
    }

    /// Cuts the wire when COMMIT was sent; the server commits, but its answer is lost.
    pub fn cut_after_commit(&self) {
        self.arm(1, true, true);
    }

    /// Cuts the wire in place of the next COMMIT.
    pub fn cut_before_commit(&self) {
        self.arm(1, false, true);
    }

    /// Cuts the wire at the nth statement from now, or at COMMIT if that comes first.
    #[allow(dead_code, reason = "for the suite of faults")]
    pub fn cut_at(&self, nth: usize, delivered: bool) {
        self.arm(nth, delivered, false);
        self.wire.commit_at_latest.store(true, Ordering::SeqCst);
    }

    fn arm(&self, nth: usize, delivered: bool, commits_only: bool) {
        self.wire.passed.store(0, Ordering::SeqCst);
        self.wire.delivered.store(delivered, Ordering::SeqCst);
        self.wire.commits_only.store(commits_only, Ordering::SeqCst);
        self.wire.commit_at_latest.store(false, Ordering::SeqCst);
        self.wire.cut_after.store(nth, Ordering::SeqCst);
    }

    /// How many statements have passed since the wire was armed.
    #[allow(dead_code, reason = "for the suite of faults")]
    pub fn passed(&self) -> usize {
        self.wire.passed.load(Ordering::SeqCst)
    }

    /// How often the wire was cut.
    pub fn cuts(&self) -> usize {
        self.wire.cuts.load(Ordering::SeqCst)
    }

    /// Cuts all connections at once.
    pub fn cut(&self) {
        self.wire.cut_now.notify_waiters();
    }

    /// From now on nothing passes and nothing ends, as with a server that is stopped; or again as usual.
    pub fn freeze(&self, frozen: bool) {
        self.wire.frozen.send_replace(frozen);
    }

    /// From now on new connections are refused; or again as usual.
    pub fn refuse(&self, refuses: bool) {
        self.wire.refuses.store(refuses, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, wire: Arc<Wire>) {
    while let Ok((client, _)) = listener.accept().await {
        if wire.refuses.load(Ordering::SeqCst) {
            continue;
        }
        // An answer in small pieces must not wait for its turn on the wire.
        client.set_nodelay(true).unwrap();
        // A server that is gone refuses, and so does the wire.
        let Ok(server) = UnixStream::connect(&socket).await else { continue };
        let wire = wire.clone();
        tokio::spawn(async move {
            let cut = wire.cut_now.notified();
            tokio::pin!(cut);
            cut.as_mut().enable();
            tokio::select! {
                () = &mut cut => {}
                () = carry(client, server, &wire) => {}
            }
        });
    }
}

/// Carries bytes both ways until one side ends or the wire is cut.
async fn carry(mut client: TcpStream, mut server: UnixStream, wire: &Wire) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut frozen = wire.frozen.subscribe();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        turned(&mut frozen, false).await;
        tokio::select! {
            // A frozen wire stops in the midst of waiting.
            () = turned(&mut frozen, true) => {}
            read = from_client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let statements = statements(&up[..length]);
                if let Some(nth) = statements.iter().position(|(from, to)| wire.is_cut_by(&up[*from..*to])) {
                    let (from, to) = statements[nth];
                    // What was sent together arrives as far as the cut.
                    if wire.delivered.load(Ordering::SeqCst) {
                        let _ = to_server.write_all(&up[..to]).await;
                        let commit = is_commit(&up[from..to]);
                        let mut answer = Vec::new();
                        // The server answers when it has carried out what it was sent; the answer is thrown away.
                        while !is_answered(&answer, nth + 1, commit)
                            && let Ok(length @ 1..) = from_server.read(&mut down).await
                        {
                            answer.extend_from_slice(&down[..length]);
                        }
                    } else {
                        let _ = to_server.write_all(&up[..from]).await;
                    }
                    wire.cuts.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if to_server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = from_server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if to_client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Where each statement begins and ends in what a client sent: up to its Query or Sync, as the server answers them.
fn statements(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut found, mut from, mut at) = (Vec::new(), 0, 0);
    while at + 5 <= bytes.len() && bytes[at] != 0 {
        let length = u32::from_be_bytes([bytes[at + 1], bytes[at + 2], bytes[at + 3], bytes[at + 4]]);
        let ends = matches!(bytes[at], b'Q' | b'S');
        at = (at + 1 + length as usize).min(bytes.len());
        if ends {
            found.push((from, at));
            from = at;
        }
    }
    // The first words of a connection, or the beginning of something longer.
    if from < bytes.len() {
        found.push((from, bytes.len()));
    }
    found
}

fn is_commit(statement: &[u8]) -> bool {
    statement.windows(7).any(|part| part == b"COMMIT\0")
}

/// Whether the server has said as often that it is ready for more, and of a COMMIT that no transaction is open.
fn is_answered(answer: &[u8], statements: usize, commit: bool) -> bool {
    let mut ready = answer.windows(6).filter(|part| part.starts_with(b"Z\0\0\0\x05"));
    if commit { ready.any(|part| part[5] == b'I') } else { ready.count() >= statements }
}

/// Waits until the wire is frozen, or is not.
async fn turned(frozen: &mut watch::Receiver<bool>, to: bool) {
    let _ = frozen.wait_for(|frozen| *frozen == to).await;
}

impl Wire {
    fn is_cut_by(&self, bytes: &[u8]) -> bool {
        let commit = is_commit(bytes);
        let armed = self.cut_after.load(Ordering::SeqCst);
        if armed == 0 || self.commits_only.load(Ordering::SeqCst) && !commit {
            return false;
        }
        let last = self.passed.fetch_add(1, Ordering::SeqCst) + 1 >= armed;
        if !(last || commit && self.commit_at_latest.load(Ordering::SeqCst)) {
            return false;
        }
        self.cut_after.store(0, Ordering::SeqCst);
        true
    }
}
