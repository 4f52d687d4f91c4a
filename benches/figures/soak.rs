//! A working day in short: fifty desks on one server, five actions a second in all, as long as
//! `KAYGIA_DESK_BENCH_MINUTES` says (10). Minutes, so no part of a plain run.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use kaygia_desk::auth::SessionToken;

use crate::database::{Database, settle};
use crate::glass::{Glass, shows};
use crate::keys::{PAGE_DOWN, has_rows, show_view};
use crate::process::Pid;
use crate::queries::{page, selected};
use crate::table::{Table, Times, mib};

const DESKS: usize = 50;
/// Each desk takes up to five, and somebody else wants one too.
pub const CONNECTIONS: usize = DESKS * 5 + 10;
/// Those who press keys: each has five desks, and does one thing after the other.
const HANDS: usize = 10;
/// Actions a second, of all together.
const RATE: f64 = 5.0;
/// Tickets of each member of staff, so that no two write on one.
const EACH: usize = 12;
/// How often memory is looked at.
const LOOKS: u32 = 40;
/// What is begun later than this was not begun in time.
const LATE: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(10);

/// What somebody does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Open,
    Reply,
    Page,
}

/// One key whose answer was waited for.
struct Done {
    deed: Deed,
    took: Duration,
    late: bool,
}

/// The memory of all desks at one moment.
struct Look {
    all: u64,
    most: u64,
}

/// Fills a table with what fifty desks needed.
pub async fn soak(table: &mut Table, database: &Database) {
    let time = duration();
    let sessions = colleagues(database).await;
    let mut desks: Vec<Glass> = sessions.iter().map(|token| database.desk_as(token)).collect();
    for desk in &mut desks {
        desk.expect("the queue", has_rows);
        show_view(desk, "1");
    }
    let pids: Vec<Pid> = desks.iter().map(Glass::pid).collect();
    eprintln!("{DESKS} desks are up; {:.1} minutes of work", time.as_secs_f64() / 60.0);
    let begun = Instant::now();
    let (sender, done) = channel();
    let (done, looks) = std::thread::scope(|scope| {
        for (hand, desks) in desks.chunks_mut(DESKS / HANDS).enumerate() {
            let sender = sender.clone();
            scope.spawn(move || work(hand, desks, (begun, time), &sender));
        }
        drop(sender);
        watch(&done, &pids, (begun, time))
    });
    report(table, time, &done, &looks);
}

fn duration() -> Duration {
    let minutes = std::env::var("KAYGIA_DESK_BENCH_MINUTES").ok();
    let minutes: f64 = minutes.map_or(10.0, |minutes| minutes.parse().expect("a number of minutes"));
    Duration::from_secs_f64(minutes * 60.0)
}

/// A member of staff for each desk, with tickets of twenty messages, and a session.
async fn colleagues(database: &Database) -> Vec<SessionToken> {
    database.conversations(DESKS * EACH).await;
    let people = "INSERT INTO public.users (id, email, name, role, active, email_verified)
                  SELECT 'soak' || n, 'soak' || n || '@figures.test', 'Colleague ' || n, 'ADMIN', true, true
                  FROM generate_series(1, $1::int4) AS n";
    database.client.execute(people, &[&(DESKS as i32)]).await.expect("colleagues");
    let given = "UPDATE desk.tickets AS t SET assignee_id = 'soak' || m.n
                 FROM (SELECT id, 1 + (row_number() OVER (ORDER BY id) - 1) / $1::int4 AS n FROM pg_temp.mine) AS m
                 WHERE t.ticket_id = m.id";
    let given = database.client.execute(given, &[&(EACH as i32)]).await.expect("tickets of theirs");
    assert_eq!(given, (DESKS * EACH) as u64, "tickets of theirs");
    settle(&database.client).await;
    let mut sessions = Vec::new();
    for n in 1..=DESKS {
        sessions.push(database.session_of(&format!("soak{n}")).await);
    }
    sessions
}

/// One thing after the other, each at its moment, each on the next desk.
fn work(hand: usize, desks: &mut [Glass], (begun, time): (Instant, Duration), done: &Sender<Done>) {
    let step = Duration::from_secs_f64(HANDS as f64 / RATE);
    let mut due = begun + step.mul_f64(hand as f64 / HANDS as f64);
    let count = desks.len();
    let mut turn = 0;
    while due < begun + time {
        let desk = &mut desks[turn % count];
        desk.listen(due.saturating_duration_since(Instant::now()));
        let late = due.elapsed() > LATE;
        // Each desk comes to everything in time.
        let deed = match (turn / count * 3 + turn % count + hand) % 10 {
            0..=5 => Deed::Open,
            6 | 7 => Deed::Reply,
            _ => Deed::Page,
        };
        let tell = |deed, took| done.send(Done { deed, took, late }).expect("somebody who listens");
        match deed {
            Deed::Open => {
                tell(Deed::Open, open(desk));
                back(desk);
            }
            Deed::Reply => {
                open(desk);
                tell(Deed::Reply, reply(desk, &format!("Answer {turn} by hand {hand}.")));
                back(desk);
            }
            Deed::Page => {
                show_view(desk, "7");
                let took = page(desk, PAGE_DOWN);
                tell(Deed::Page, took.unwrap_or_else(|| panic!("no page came:\n{}", desk.text())));
                show_view(desk, "1");
            }
        }
        due += step;
        turn += 1;
    }
}

/// The next ticket, from Enter to the end of its conversation.
fn open(desk: &mut Glass) -> Duration {
    let moved = desk.press("j");
    if desk.burst(moved, Duration::from_millis(8)).is_none() {
        let moved = desk.press("gg");
        desk.burst(moved, Duration::from_millis(8));
    }
    let Some(number) = selected(desk) else { panic!("no ticket is selected:\n{}", desk.text()) };
    let since = desk.press("\r");
    let last = format!("the end of {number}.");
    let took = desk.until(since, LIMIT, |screen| shows(screen, &last));
    took.unwrap_or_else(|| panic!("{number} did not open:\n{}", desk.text()))
}

/// From `y` to the answer in the conversation.
fn reply(desk: &mut Glass, text: &str) -> Duration {
    desk.press("r");
    desk.expect("the composer", |screen| shows(screen, "Reply to "));
    desk.press(text);
    desk.expect("what was typed", |screen| shows(screen, text));
    desk.press("\x1b");
    desk.expect("the review bar", |screen| shows(screen, "Send to "));
    let since = desk.press("y");
    let sent = |screen: &vt100::Screen| {
        !shows(screen, "Send to ") && !shows(screen, "Sending to ") && shows(screen, text)
    };
    let took = desk.until(since, LIMIT, sent);
    took.unwrap_or_else(|| panic!("{text} was not sent:\n{}", desk.text()))
}

/// To the list again, at rest.
fn back(desk: &mut Glass) {
    let pressed = desk.press("q");
    desk.burst(pressed, Duration::from_millis(100));
}

/// Collects what was done, and looks at the memory now and then.
fn watch(done: &Receiver<Done>, pids: &[Pid], (begun, time): (Instant, Duration)) -> (Vec<Done>, Vec<Look>) {
    let (mut all, mut looks) = (Vec::new(), Vec::new());
    loop {
        let next = begun + time.mul_f64((looks.len() + 1) as f64 / f64::from(LOOKS));
        match done.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(one) => all.push(one),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return (all, looks),
        }
        if Instant::now() >= next {
            let sizes: Vec<u64> = pids.iter().map(|pid| pid.resident()).collect();
            looks.push(Look { all: sizes.iter().sum(), most: sizes.iter().copied().max().unwrap_or(0) });
        }
    }
}

fn report(table: &mut Table, time: Duration, done: &[Done], looks: &[Look]) {
    let times = |deed| {
        let mut times = Times::default();
        done.iter().filter(|one| one.deed == deed).for_each(|one| times.push(one.took));
        times
    };
    let of = format!("{DESKS} desks, {:.1} min", time.as_secs_f64() / 60.0);
    let (open, reply, page) = (times(Deed::Open), times(Deed::Reply), times(Deed::Page));
    table.time(&format!("{of}: open a ticket, p95"), Duration::from_millis(100), open.quantile(0.95), &open);
    table.time(&format!("{of}: send a reply, p95"), Duration::from_millis(150), reply.quantile(0.95), &reply);
    table.info(&format!("{of}: page"), &page, "");
    let (planned, late) = (time.as_secs_f64() * RATE, done.iter().filter(|one| one.late).count());
    let beside =
        format!("{} of {planned:.0}, {:.2} a second", done.len(), done.len() as f64 / time.as_secs_f64());
    let missing = (planned - done.len() as f64).max(0.0) + late as f64;
    table.percent(&format!("{of}: left out or late"), 1.0, missing / planned * 100.0, beside);
    let most = looks.iter().map(|look| look.most).max().unwrap_or(u64::MAX);
    table.memory(&format!("{of}: RSS of the largest"), 40 << 20, most);
    // Three looks each, since one alone says little.
    let mean = |looks: &[Look]| looks.iter().map(|look| look.all).sum::<u64>() / looks.len().max(1) as u64;
    let last = &looks[looks.len() / 2..];
    let (first, end) = (mean(&last[..last.len().min(3)]), mean(&last[last.len().saturating_sub(3)..]));
    let beside = format!("all {DESKS}: {} to {}", mib(first), mib(end));
    let growth = (end as f64 / first.max(1) as f64 - 1.0) * 100.0;
    table.percent(&format!("{of}: growth in the last half"), 5.0, growth.max(0.0), beside);
}
