//! Whether the time of a refusal says why: 200 attempts of each kind, one of each in every round, so that
//! whatever else the machine does meets them all. Minutes, so no part of a plain run.

use std::time::Instant;

use kaygia_desk::auth::{OUR_COST, Password};
use kaygia_desk::desk::{Desk, Gateway, SignInFailure};
use kaygia_desk::store::pool::{self, Options};

use crate::database::Database;
use crate::table::{Table, Times, ms};

const ATTEMPTS: usize = 200;
/// Medians differ by no more, in percent of the smallest.
const APART: f64 = 5.0;
const PASSWORD: &str = "correct horse battery";

/// Accounts with an address each; what is typed; why it is refused.
const KINDS: [(&str, &str, &str); 9] = [
    ("unknown", PASSWORD, "nobody's address"),
    ("staff", "wrong horse battery", "wrong password"),
    ("staff10", "wrong horse battery", "wrong password, cheaper hash"),
    ("client", PASSWORD, "a client"),
    ("off", PASSWORD, "switched off"),
    ("unverified", PASSWORD, "not verified"),
    ("none", PASSWORD, "no hash"),
    ("dear", PASSWORD, "a hash that costs too much"),
    ("staff", LONG, "more than 72 bytes"),
];
/// Each goes through all kinds, once: none shares a factor with their number.
const STEPS: [usize; 6] = [1, 2, 4, 5, 7, 8];
const LONG: &str =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890";

/// At the cost of our own hashes, beside cheaper ones, and at the web app's cost alone.
pub async fn refusals(table: &mut Table, database: &Database) {
    for top in [10, OUR_COST] {
        accounts(database, top).await;
        let pool = pool::connect(&database.url(), Options::default()).expect("an address");
        let desk = Desk::new(pool, "figures 1");
        let mut times: Vec<Times> = KINDS.iter().map(|_| Times::default()).collect();
        for round in 0..=ATTEMPTS {
            // In another order each time, so that none always follows the same one.
            let step = STEPS[round % STEPS.len()];
            for at in 0..KINDS.len() {
                let at = (at * step + round) % KINDS.len();
                let ((user, password, why), times) = (&KINDS[at], &mut times[at]);
                // How long to wait is another question.
                database.client.batch_execute("TRUNCATE desk.sign_ins").await.expect("no counts");
                let password = Password::new((*password).to_owned());
                let begun = Instant::now();
                let answer = desk.sign_in(&format!("{user}@figures.test"), password).await;
                let took = begun.elapsed();
                assert!(matches!(answer, Err(SignInFailure::Refused)), "{why}: {answer:?}");
                // The first round warms up.
                if round > 0 {
                    times.push(took);
                }
            }
        }
        let medians: Vec<_> = times.iter().map(Times::p50).collect();
        let (least, most) = (medians.iter().min().expect("kinds"), medians.iter().max().expect("kinds"));
        for ((_, _, why), times) in KINDS.iter().zip(&times) {
            table.info(&format!("refused at cost {top}: {why}"), times, "");
        }
        let apart = (most.as_secs_f64() / least.as_secs_f64() - 1.0) * 100.0;
        let what = format!("medians of refusals at cost {top} apart");
        table.percent(&what, APART, apart, format!("{} to {}", ms(*least), ms(*most)));
    }
}

async fn accounts(database: &Database, top: u32) {
    let hash = |cost| bcrypt::hash(PASSWORD, cost).expect("a hash");
    let (dearest, cheaper) = (hash(top), hash(top.min(10)));
    let dear = dearest.replacen(&format!("${top}$"), "$31$", 1);
    // Whose passwords nobody knows would decide the cost otherwise.
    let statement = format!(
        "UPDATE public.users SET password_hash = NULL;
         DELETE FROM public.users WHERE email LIKE '%@figures.test';
         INSERT INTO public.users (id, email, name, role, active, email_verified, password_hash) VALUES
           ('f1', 'staff@figures.test', 'S', 'ADMIN', true, true, '{dearest}'),
           ('f2', 'staff10@figures.test', 'S', 'ADMIN', true, true, '{cheaper}'),
           ('f3', 'client@figures.test', 'C', 'CLIENT', true, true, '{dearest}'),
           ('f4', 'off@figures.test', 'O', 'ADMIN', false, true, '{dearest}'),
           ('f5', 'unverified@figures.test', 'U', 'ADMIN', true, false, '{cheaper}'),
           ('f6', 'none@figures.test', 'N', 'ADMIN', true, true, NULL),
           ('f7', 'dear@figures.test', 'D', 'ADMIN', true, true, '{dear}')"
    );
    database.client.batch_execute(&statement).await.expect("accounts");
}
