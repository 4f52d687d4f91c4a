//! What Linux says of a process.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// A process.
#[derive(Clone, Copy)]
pub struct Pid(pub u32);

/// Nanoseconds of CPU of each thread.
pub struct Cpu(BTreeMap<u32, u64>);

impl Pid {
    /// Resident memory, in bytes.
    pub fn resident(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("a running program");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kib * 1024
    }

    /// CPU of all threads so far. The scheduler's own count: the ticks of `stat` are too coarse for an idle program.
    pub fn cpu(self) -> Cpu {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).expect("a running program");
        let threads = threads.filter_map(|thread| {
            let thread = thread.ok()?;
            let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let id = thread.file_name().to_str()?.parse().ok()?;
            Some((id, times.split_whitespace().next()?.parse().ok()?))
        });
        Cpu(threads.collect())
    }
}

impl Cpu {
    /// What was used since an earlier reading.
    pub fn since(&self, before: &Self) -> Duration {
        let used = self.0.iter().map(|(id, now)| now.saturating_sub(*before.0.get(id).unwrap_or(&0)));
        Duration::from_nanos(used.sum())
    }
}
