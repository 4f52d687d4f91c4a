//! From the command to the queue with rows.

use std::time::Duration;

use crate::database::Database;
use crate::keys::has_rows;
use crate::table::{Table, Times, ms};

const STARTS: usize = 15;
const LIMIT: Duration = Duration::from_secs(30);

/// On the large database, and what the small one takes in turn.
pub fn starts(table: &mut Table, large: &Database, small: &Database) {
    let (mut on_large, mut on_small) = (Times::default(), Times::default());
    // The first start of all reads the program from disk.
    once(large);
    once(small);
    for _ in 0..STARTS {
        on_large.push(once(large));
        on_small.push(once(small));
    }
    let what = "start to a queue with rows on M, p50";
    table.time(what, Duration::from_millis(80), on_large.p50(), &on_large);
    let ratio = on_large.p50().as_secs_f64() / on_small.p50().as_secs_f64();
    table.ratio("the same, M against S", 1.3, ratio, format!("S {}", ms(on_small.p50())));
}

fn once(database: &Database) -> Duration {
    let mut desk = database.desk();
    let since = desk.started();
    match desk.until(since, LIMIT, has_rows) {
        Some(time) => time,
        None => panic!("no rows came:\n{}", desk.text()),
    }
}
