//! What answers at the database's address is no Postgres, or one that means harm: short rows, lengths of gigabytes,
//! passwords that would take years, words without an end.

use crate::run;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does to whoever connects.
#[derive(Clone, Copy, Debug)]
enum Malice {
    /// Rows with fewer values than they were announced with.
    ShortRows,
    /// A row of two gigabytes, begun and never ended.
    HugeRow,
    /// The first answer says that it is two gigabytes long, and goes on for ever.
    HugeGreeting,
    /// A length of less than nothing.
    NegativeLength,
    /// A password check of 2^31 rounds.
    SlowPassword,
    /// An error whose text never ends.
    EndlessError,
    /// Notices without an end, before anything else.
    EndlessNotices,
    /// An error to each question, whose text never ends.
    EndlessAnswer,
    /// Another kind of server.
    Http,
    /// Nothing at all.
    Silence,
}

const ALL: [Malice; 10] = [
    Malice::ShortRows,
    Malice::HugeRow,
    Malice::HugeGreeting,
    Malice::NegativeLength,
    Malice::SlowPassword,
    Malice::EndlessError,
    Malice::EndlessNotices,
    Malice::EndlessAnswer,
    Malice::Http,
    Malice::Silence,
];

fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[letter][..], &length.to_be_bytes(), body].concat()
}

fn announced(letter: u8, length: u32) -> Vec<u8> {
    [&[letter][..], &length.to_be_bytes()].concat()
}

/// "You are in", and ready for the first question.
fn welcome() -> Vec<u8> {
    [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', b"server_version\x0015.18\0"),
        message(b'S', b"client_encoding\0UTF8\0"),
        message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// Sends the same for as long as somebody reads it.
async fn forever(client: &mut TcpStream) {
    let words = vec![b'w'; 65_536];
    while client.write_all(&words).await.is_ok() {}
}

async fn receive(client: &mut TcpStream, malice: Malice) -> std::io::Result<()> {
    let mut asked = vec![0; 65_536];
    // What it begins with is not looked at; whoever says nothing is gone again.
    if client.read(&mut asked).await? == 0 {
        return Ok(());
    }
    match malice {
        Malice::ShortRows | Malice::HugeRow | Malice::EndlessAnswer => {
            client.write_all(&welcome()).await?;
            loop {
                if client.read(&mut asked).await? == 0 {
                    return Ok(());
                }
                // Parsed, bound; one column of an integer.
                let column =
                    [&b"\0\x01version\0"[..], &[0; 6], &[0, 0, 0, 23, 0, 4], &[255; 4], &[0, 1]].concat();
                client
                    .write_all(&[message(b'1', b""), message(b't', b"\0\0"), message(b'2', b"")].concat())
                    .await?;
                client.write_all(&message(b'T', &column)).await?;
                match malice {
                    Malice::ShortRows => {
                        let row = message(b'D', b"\0\0");
                        let end = [row, message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
                        client.write_all(&end).await?;
                    }
                    Malice::HugeRow => {
                        client.write_all(&announced(b'D', 0x7fff_ffff)).await?;
                        forever(client).await;
                    }
                    _ => {
                        client.write_all(&[&announced(b'E', 0x7fff_fff0)[..], b"SERROR\0M"].concat()).await?;
                        forever(client).await;
                    }
                }
            }
        }
        Malice::HugeGreeting => client.write_all(&announced(b'R', 0x7fff_ffff)).await?,
        Malice::NegativeLength => client.write_all(&announced(b'R', 0xffff_fff0)).await?,
        Malice::SlowPassword => {
            client.write_all(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0")).await?;
            let read = client.read(&mut asked).await?;
            let first = String::from_utf8_lossy(&asked[..read]).into_owned();
            let nonce = first.rsplit("r=").next().unwrap_or_default().to_owned();
            let challenge = format!("r={nonce}more,s=c2FsdHNhbHRzYWx0,i=2147483648");
            client.write_all(&message(b'R', &[b"\0\0\0\x0b", challenge.as_bytes()].concat())).await?;
            let _ = client.read(&mut asked).await?;
        }
        Malice::EndlessError => {
            client.write_all(&[&announced(b'E', 0x7fff_fff0)[..], b"SFATAL\0C28000\0M"].concat()).await?;
        }
        Malice::EndlessNotices => {
            let notice = message(b'N', b"SNOTICE\0C00000\0Mmore and more\0\0").repeat(1000);
            while client.write_all(&notice).await.is_ok() {}
        }
        Malice::Http => client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await?,
        Malice::Silence => {
            let _ = client.read(&mut asked).await?;
        }
    }
    if matches!(malice, Malice::HugeGreeting | Malice::NegativeLength | Malice::EndlessError) {
        forever(client).await;
    }
    Ok(())
}

/// A server of this kind; its port.
async fn impostor(malice: Malice) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            // Whoever is sent away ends the connection: that is what is wanted.
            tokio::spawn(async move { receive(&mut client, malice).await.ok() });
        }
    });
    port
}

/// How a command ended: its words, how long it took, the most memory it had.
async fn ended(url: String, arguments: &'static [&'static str]) -> (String, Duration, u64) {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments).env("DATABASE_URL", url).env("HOME", home.path());
    command.env("KAYGIA_DESK_STATE_DIR", home.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let since = Instant::now();
    let mut child = command.spawn().unwrap();
    let watched = tokio::task::spawn_blocking(move || {
        let mut most = 0;
        loop {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmHWM:") || line.starts_with("VmRSS:"));
            let resident = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            most = most.max(resident.unwrap_or(0) / 1024);
            let over = since.elapsed() > Duration::from_secs(30);
            if over {
                child.kill().unwrap();
            }
            if child.try_wait().unwrap().is_some() {
                let took = since.elapsed();
                let output = child.wait_with_output().unwrap();
                let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                return (said, took, most);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    watched.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_29_a_server_that_means_harm_is_left_with_a_sentence() {
    run::in_passing();
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    let mut told = Vec::new();
    for malice in ALL {
        let port = impostor(malice).await;
        for arguments in [&["doctor"][..], &["migrate", "--check"], &["user", "list"]] {
            let url = format!("postgresql://desk:planted@127.0.0.1:{port}/desk");
            let (said, took, memory) = ended(url, arguments).await;
            assert!(!said.contains("panicked") && !said.contains("planted"), "{malice:?}: {said}");
            assert!(said.contains("desk: ") || said.contains("error"), "{malice:?} {arguments:?}: {said:?}");
            assert!(!said.contains("www"), "{malice:?}: {} bytes", said.len());
            assert!(took <= Duration::from_secs(10), "{malice:?} {arguments:?}: {took:?}: {said}");
            assert!(memory < 200, "{malice:?} {arguments:?}: {memory} MB");
            slowest = slowest.max(took);
            largest = largest.max(memory);
            told.push(format!("{malice:?} {arguments:?} {took:.1?} {memory} MB: {}", said.trim()));
        }
    }
    println!(
        "fault 29: {} kinds of hostile server, {} commands: a sentence after at most {slowest:.1?}, at most {largest} MB",
        ALL.len(),
        told.len()
    );
    if std::env::var_os("KAYGIA_DESK_TEST_TELL").is_some() {
        println!("{}", told.join("\n"));
    }
}
