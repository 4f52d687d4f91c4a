//! Keys that need no query, beside the floors; bytes; memory; idleness.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::glass::{Burst, Glass, line, shows};
use crate::table::{Table, Times, mib, ms};

/// Silence that ends a frame. Well below the 80 ms after which the preview follows, three programs included.
const FRAME: Duration = Duration::from_millis(12);
/// Silence that ends all that follows a key.
const REST: Duration = Duration::from_millis(250);
const KEYS: usize = 300;
const PAGES: usize = 100;

pub const PAGE_DOWN: &str = "\x1b[6~";
pub const PAGE_UP: &str = "\x1b[5~";
const REDRAW: &str = "\x0c";

/// Programs that do the least: ratatui's share of a key, and the terminal's.
pub struct Floors {
    ratatui: Glass,
    echo: Glass,
}

impl Floors {
    /// Starts both.
    pub fn start() -> Self {
        let own = std::env::current_exe().expect("our own program");
        let mut ratatui = Glass::start(&own, &["floor"], &[]);
        ratatui.expect("the floor program", |screen| shows(screen, "READY"));
        let mut echo =
            Glass::start(Path::new("/bin/sh"), &["-c", "stty raw -echo; echo READY; exec cat"], &[]);
        echo.expect("the echo", |screen| shows(screen, "READY"));
        ratatui.settle(REST);
        echo.settle(REST);
        Self { ratatui, echo }
    }
}

/// What a key cost in the desk and, right after it, in the floors.
#[derive(Default)]
struct Compared {
    desk: Times,
    ratatui: Times,
    echo: Times,
    bytes: Vec<usize>,
    floor_bytes: Vec<usize>,
}

impl Compared {
    fn press(&mut self, desk: &mut Glass, floors: &mut Floors, key: &str) {
        if let Some(Burst { last, bytes }) = burst(desk, key) {
            self.desk.push(last);
            self.bytes.push(bytes);
        }
        if let Some(Burst { last, bytes }) = burst(&mut floors.ratatui, key) {
            self.ratatui.push(last);
            self.floor_bytes.push(bytes);
        }
        if let Some(Burst { last, .. }) = burst(&mut floors.echo, "x") {
            self.echo.push(last);
        }
    }

    fn report(&self, table: &mut Table, what: &str, pressed: usize, limit: usize) {
        assert!(
            self.desk.len() * 10 >= pressed * 9,
            "{what}: {} of {pressed} keys answered",
            self.desk.len()
        );
        let floor = self.ratatui.p50();
        let beside = format!(
            "floor program {}; p99 {} and {}; echo {}",
            ms(floor),
            ms(self.desk.quantile(0.99)),
            ms(self.ratatui.quantile(0.99)),
            ms(self.echo.p50())
        );
        table.time(
            &format!("{what}, key to screen p50 (1.5 x floor)"),
            floor.mul_f64(1.5),
            self.desk.p50(),
            beside,
        );
        let beside = format!("most {} B; floor program {} B", most(&self.bytes), median(&self.floor_bytes));
        table.bytes(&format!("{what}, bytes"), limit, median(&self.bytes), beside);
    }
}

fn burst(glass: &mut Glass, key: &str) -> Option<Burst> {
    let at = glass.press(key);
    glass.burst(at, FRAME)
}

/// Row moves, pages within the rows that are loaded, and the whole screen. Leaves the desk at the top of its view.
pub fn without_queries(table: &mut Table, desk: &mut Glass, floors: &mut Floors) {
    show_view(desk, "7");
    let mut moves = Compared::default();
    for at in 0..KEYS {
        moves.press(desk, floors, if at / 30 % 2 == 0 { "j" } else { "k" });
    }
    moves.report(table, "row move", KEYS, 400);

    show_view(desk, "7");
    desk.settle(REST);
    let mut pages = Compared::default();
    for at in 0..PAGES {
        pages.press(desk, floors, if at % 2 == 0 { PAGE_DOWN } else { PAGE_UP });
    }
    pages.report(table, "page within loaded rows", PAGES, 2_500);

    let whole: Vec<usize> = (0..5)
        .filter_map(|_| {
            desk.settle(REST);
            burst(desk, REDRAW).map(|burst| burst.bytes)
        })
        .collect();
    table.bytes("full screen, bytes", 8_000, most(&whole), "Ctrl-l, with a conversation beside the list");
    let rest: Vec<usize> = (0..9)
        .map(|at| {
            desk.settle(REST);
            let since = desk.press(if at % 2 == 0 { PAGE_DOWN } else { PAGE_UP });
            desk.burst(since, REST).map_or(0, |burst| burst.bytes)
        })
        .collect();
    table.info("page and the preview that follows, bytes", format!("{} B", median(&rest)), "");
}

/// Ten seconds without a key: nothing may be written, and hardly anything computed.
pub fn idle(table: &mut Table, desk: &mut Glass) {
    const WINDOW: Duration = Duration::from_secs(10);
    show_view(desk, "7");
    desk.settle(Duration::from_secs(2));
    // A window in which an age on the screen changes is not the one that is meant.
    for _ in 0..4 {
        let (before, cpu, begun) = (desk.text(), desk.pid().cpu(), Instant::now());
        let bytes = desk.listen(WINDOW);
        let (used, passed) = (desk.pid().cpu().since(&cpu), begun.elapsed());
        if desk.text() == before {
            let percent = used.as_secs_f64() / passed.as_secs_f64() * 100.0;
            table.percent("idle 10 s, CPU of all threads", 0.1, percent, ms(used));
            table.bytes("idle 10 s, bytes", 0, bytes, "");
            return;
        }
    }
    panic!("the screen changed in each window of {} s:\n{}", WINDOW.as_secs(), desk.text());
}

/// Memory after the start and after a thousand pages.
pub fn memory(table: &mut Table, database: &Database) {
    let mut desk = start(database);
    desk.settle(Duration::from_secs(1));
    table.memory("RSS after start", 25 << 20, desk.pid().resident());
    show_view(&mut desk, "7");
    let mut way = PAGE_DOWN;
    for _ in 0..1_000 {
        let since = desk.press(way);
        // At an end of the list nothing changes: turn round.
        if desk.until_quiet(since, Duration::from_millis(40), Duration::from_millis(8)).is_none() {
            way = if way == PAGE_DOWN { PAGE_UP } else { PAGE_DOWN };
        }
    }
    desk.settle(REST);
    table.memory("RSS after 1,000 pages", 40 << 20, desk.pid().resident());
    table.info("RSS of the floor program", mib(Floors::start().ratatui.pid().resident()), "");
}

/// Starts the desk and waits until its queue has rows.
pub fn start(database: &Database) -> Glass {
    let mut desk = database.desk();
    desk.expect("the queue", has_rows);
    desk.settle(REST);
    desk
}

/// Whether tickets are listed.
pub fn has_rows(screen: &vt100::Screen) -> bool {
    let first: String = line(screen, 3).chars().take(20).collect();
    first.contains("TKT-")
}

/// Opens a view from the beginning.
pub fn show_view(desk: &mut Glass, digit: &str) {
    desk.press(digit);
    desk.expect("the view", |screen| line(screen, 1).trim_start().starts_with(digit) && has_rows(screen));
    desk.settle(REST);
}

fn median(sizes: &[usize]) -> usize {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

fn most(sizes: &[usize]) -> usize {
    sizes.iter().copied().max().unwrap_or(0)
}
