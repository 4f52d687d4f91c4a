//! What every test of this suite begins with: its place beside the others, and the limit of the whole run.

use crate::pty::glass::Glass;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{
    Mutex as AsyncMutex, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
};

/// No run takes longer; one that does has failed.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// So many that keep the machine busy run side by side.
const BUSY: usize = 2;

static PLACES: RwLock<()> = RwLock::const_new(());
static BUSY_PLACES: Semaphore = Semaphore::const_new(BUSY);
static CALM: AsyncMutex<Weak<RwLockWriteGuard<'static, ()>>> = AsyncMutex::const_new(Weak::new());
static STARTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Runs while others do, and keeps the machine busy.
pub async fn beside_others() -> (SemaphorePermit<'static>, RwLockReadGuard<'static, ()>) {
    watch();
    let busy = BUSY_PLACES.acquire().await.unwrap();
    (busy, PLACES.read().await)
}

/// Runs while others do, for long: it mostly waits, and would only disturb those who measure short times.
pub async fn for_long() -> RwLockReadGuard<'static, ()> {
    watch();
    PLACES.read().await
}

/// Runs whatever else does: it mostly waits, and what it measures takes seconds.
pub fn in_passing() {
    watch();
}

/// Measures short times and mostly waits: beside others of its kind, while nobody keeps the machine busy.
pub async fn among_the_calm() -> Arc<RwLockWriteGuard<'static, ()>> {
    watch();
    let mut calm = CALM.lock().await;
    if let Some(place) = calm.upgrade() {
        return place;
    }
    let place = Arc::new(PLACES.write().await);
    *calm = Arc::downgrade(&place);
    place
}

/// Runs while nobody else does that keeps the machine busy or measures short times.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    watch();
    PLACES.write().await
}

/// A process that must not outlive the run.
pub fn started(pid: u32) {
    STARTED.lock().unwrap().push(pid);
}

/// It was waited for: its number may belong to somebody else now.
pub fn ended(pid: u32) {
    STARTED.lock().unwrap().retain(|other| *other != pid);
}

fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        std::thread::spawn(|| {
            // The limit itself, not a wait for something.
            std::thread::sleep(LIMIT);
            eprintln!("the suite of faults did not end within {} minutes", LIMIT.as_secs() / 60);
            for pid in STARTED.lock().unwrap().iter() {
                let _ = Command::new("kill").args(["-CONT", &pid.to_string()]).status();
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
            std::process::exit(1);
        });
    });
}

/// A program of the system that a test cannot do without.
pub fn needs(program: &str, package: &str) {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    assert!(found, "this test needs {program}: install it by `apt-get install {package}`");
}

/// Even numbers without a pattern; the same in every run, so that a failure can be looked at again.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// The longest, of those measured.
pub fn longest(times: &[Duration]) -> Duration {
    times.iter().copied().max().unwrap_or_default()
}

/// The one that `percent` of those measured do not exceed.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Types keys one by one into a text, lines of ten, and measures how long each takes to stand on the screen.
pub fn type_and_time(glass: &mut Glass, keys: usize) -> Vec<Duration> {
    static LINES: AtomicUsize = AtomicUsize::new(0);
    let mut times = Vec::new();
    while times.len() < keys {
        // No other line begins like it.
        let mut text = format!("Q{}", LINES.fetch_add(1, Ordering::SeqCst));
        glass.keys(&format!("\r{text}"));
        glass.shows(&text);
        for key in "abcdefghij".chars() {
            text.push(key);
            let since = Instant::now();
            glass.keys(&key.to_string());
            glass.shows(&text);
            times.push(since.elapsed());
        }
    }
    times
}

/// A program that a test can't do without: its path, or a sentence.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs {name}: apt-get install {package}"))
}
