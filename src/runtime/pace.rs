//! When a frame may be drawn: at once, unless there were many just now.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// More frames than this within [`WINDOW`] are too many.
const FRAMES: usize = 6;
const WINDOW: Duration = Duration::from_millis(100);
/// Then the next one waits for so long after the last.
const SIXTIETH: Duration = Duration::from_micros(16_667);

/// The moments of the last frames.
#[derive(Debug, Default)]
pub struct Pace(VecDeque<Instant>);

impl Pace {
    /// A frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        if self.0.len() > FRAMES {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// When the next frame may be drawn; not after `now` = at once.
    pub fn next(&self, now: Instant) -> Instant {
        match (self.0.front(), self.0.back()) {
            (Some(first), Some(last)) if self.0.len() > FRAMES && now - *first < WINDOW => *last + SIXTIETH,
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frames_of_a_burst_are_drawn_at_once_and_then_sixty_a_second() {
        let start = Instant::now();
        let (mut pace, mut now, mut waits) = (Pace::default(), start, 0);
        for frame in 0..67 {
            let next = pace.next(now);
            waits += usize::from(next > now);
            assert!(frame > FRAMES || next == now, "frame {frame} waits");
            now = next.max(now);
            pace.drawn(now);
        }
        assert!((50..=60).contains(&waits), "{waits}");
        assert!((Duration::from_millis(850)..Duration::from_millis(1050)).contains(&(now - start)));
        assert_eq!(pace.next(now + WINDOW), now + WINDOW);
    }
}
