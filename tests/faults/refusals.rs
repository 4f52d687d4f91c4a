//! A refusal says nothing of why, by its words or by what it asks the database. Its time is printed here and held to
//! its limit by `cargo bench --bench figures -- refusals`, on a machine that does nothing else.

use crate::cluster::Cluster;
use crate::run::{self, Dice};
use crate::support::database_at;
use crate::support::world::{World, desk_from, world_in};
use kaygia_desk::auth::Password;
use kaygia_desk::desk::{Desk, Gateway, SignInFailure};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const ATTEMPTS: usize = 200;
const PASSWORD: &str = "correct horse battery";
/// The highest cost among the hashes of staff, and a cheaper one that is topped up to it.
const COSTS: (u32, u32) = (7, 5);

/// Whose address, what is typed, and why it is refused.
const KINDS: [(&str, &str, &str); 8] = [
    ("nobody", PASSWORD, "unknown"),
    ("staff", "wrong horse battery", "known, wrong password"),
    ("cheaper", "wrong horse battery", "known, cheaper hash"),
    ("off", PASSWORD, "inactive"),
    ("unverified", PASSWORD, "not verified"),
    ("client", PASSWORD, "CLIENT"),
    ("none", PASSWORD, "no hash"),
    ("staff", LONG, "more than 72 bytes"),
];
const LONG: &str =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890";

async fn accounts(world: &World) {
    let hash = |cost| bcrypt::hash(PASSWORD, cost).unwrap();
    let (top, cheaper) = (hash(COSTS.0), hash(COSTS.1));
    let statement = format!(
        "INSERT INTO public.users (id, email, name, role, active, email_verified, password_hash) VALUES
           ('f1', 'staff@example.test', 'S', 'ADMIN', true, true, '{top}'),
           ('f2', 'cheaper@example.test', 'S', 'ADMIN', true, true, '{cheaper}'),
           ('f3', 'client@example.test', 'C', 'CLIENT', true, true, '{top}'),
           ('f4', 'off@example.test', 'O', 'ADMIN', false, true, '{top}'),
           ('f5', 'unverified@example.test', 'U', 'ADMIN', true, false, '{cheaper}'),
           ('f6', 'none@example.test', 'N', 'ADMIN', true, true, NULL)"
    );
    world.sql(&statement).await;
}

/// One attempt that is refused; the words, and how long it took.
async fn refused(
    world: &World,
    desk: &Desk,
    (user, password, why): (&str, &str, &str),
) -> (String, Duration) {
    // How long to wait is another question.
    world.sql("DELETE FROM desk.sign_ins").await;
    let password = Password::new(password.to_owned());
    let begun = Instant::now();
    let answer = desk.sign_in(&format!("{user}@example.test"), password).await;
    let took = begun.elapsed();
    match answer {
        Err(SignInFailure::Refused) => (SignInFailure::Refused.to_string(), took),
        other => panic!("{why}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_30_every_refusal_asks_the_database_the_same() {
    let _place = run::beside_others().await;
    let cluster = Cluster::new(&["log_statement=all", "log_line_prefix=%a "]).await;
    let world = world_in(database_at(&cluster.url("postgres")).await).await;
    accounts(&world).await;
    let desk = desk_from(world.db.url(), "refusals");
    refused(&world, &desk, KINDS[0]).await;

    // What each sends, in its order, without the values.
    let mut asked: Vec<Vec<String>> = Vec::new();
    let mut words = BTreeSet::new();
    for kind in KINDS {
        let before = cluster.log().len();
        words.insert(refused(&world, &desk, kind).await.0);
        // The server writes a line before it does what the line says: all are there.
        let log = cluster.log()[before..].to_owned();
        let ours = log.lines().filter(|line| line.starts_with("kaygia-desk LOG:  "));
        asked.push(ours.map(str::to_owned).collect());
    }
    for (statements, (_, _, why)) in asked.iter().zip(KINDS) {
        assert_eq!(statements, &asked[0], "{why}");
    }
    assert!(asked[0].len() >= 6, "{:?}", asked[0]);
    assert_eq!(words.len(), 1, "{words:?}");

    // One of each kind in turn, in another order each time: whatever else the machine does meets them all alike.
    let mut times = vec![Vec::new(); KINDS.len()];
    let mut dice = Dice::new(30);
    for _ in 0..ATTEMPTS {
        let mut left: Vec<usize> = (0..KINDS.len()).collect();
        while !left.is_empty() {
            let which = left.swap_remove(dice.below(left.len() as u64) as usize);
            times[which].push(refused(&world, &desk, KINDS[which]).await.1);
        }
    }
    let medians: Vec<_> = times.iter().map(|times| run::percentile(times, 50)).collect();
    let (least, most) = (medians.iter().min().unwrap(), run::longest(&medians));
    let apart = (most.as_secs_f64() / least.as_secs_f64() - 1.0) * 100.0;
    println!(
        "fault 30: {} kinds of refusal, {ATTEMPTS} attempts each, in turn, at cost {}: one text, the same {} statements, medians \
         {least:.1?} to {most:.1?}, {apart:.1} % apart (at cost 12: `cargo bench --bench figures -- refusals`)",
        KINDS.len(),
        COSTS.0,
        asked[0].len()
    );
}
