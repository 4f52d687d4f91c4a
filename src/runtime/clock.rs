//! The clock of one process: the system's time at its start, and how long it has run since.
//!
//! The system's clock leaps: somebody sets it, or it is set right after a start with a wrong one. Here an hour is an
//! hour all the same, so that no leap locks the screen of somebody who types, or ends a session before its time.
//! Where the system counts it, the time that a machine sleeps is counted: a laptop that is opened again is locked.

use crate::domain::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(any(target_os = "linux", target_os = "android"))]
const RUNNING: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const RUNNING: ClockId = ClockId::Monotonic;

/// A clock that never leaps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begun: Timestamp,
    at: Duration,
}

impl Clock {
    /// Begins with the system's time.
    pub fn start() -> Self {
        // A clock before 1970 is as good as none.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Self { begun: Timestamp::from_micros(micros), at: running() }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.begun.after(running().saturating_sub(self.at))
    }
}

fn running() -> Duration {
    let now = clock_gettime(RUNNING);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_systems_time_and_goes_on() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = Clock::start();
        let first = clock.now();
        let apart = first.micros() - i64::try_from(before.as_micros()).unwrap_or(0);
        assert!((0..60_000_000).contains(&apart), "{apart}");
        while clock.now() == first {
            std::thread::yield_now();
        }
        assert!(clock.now() > first);
    }
}
