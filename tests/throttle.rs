//! Guessing gets slow, by address and by place, over all desks; and the right person still gets in.

use crate::support::connect;
use crate::support::world::{World, world};
use kaygia_desk::auth::{Limits, Password};
use kaygia_desk::desk::{Desk, Gateway, SignInFailure, SignedIn};
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::sign_ins::{self, Claimed};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const PASSWORD: &str = "correct horse";

async fn staff() -> World {
    let world = world().await;
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}'")).await;
    world
}

/// A desk at another place.
fn desk_of(world: &World, source: &str) -> Desk {
    let pool = pool::connect(world.db.url(), Options::default()).unwrap();
    Desk::new(pool, source).for_sign_ins(source, Limits::default())
}

async fn attempt(desk: &Desk, email: &str, password: &str) -> Result<SignedIn, SignInFailure> {
    desk.sign_in(email, Password::new(password.to_owned())).await
}

async fn guess(desk: &Desk, email: &str) -> SignInFailure {
    attempt(desk, email, "wrong").await.unwrap_err()
}

/// Moves the counters' clock on: as if so much time had passed.
async fn pass(world: &World, time: &str) {
    world
        .sql(&format!(
            "UPDATE desk.sign_ins SET last_at = last_at - interval '{time}', next_at = next_at - interval '{time}', \
               known_until = known_until - interval '{time}'"
        ))
        .await;
}

#[tokio::test]
async fn a_wait_follows_each_refusal_and_grows_alike_for_known_and_unknown_addresses() {
    let world = staff().await;
    let mut waits = Vec::new();
    for email in ["ada@example.test", "nobody@example.test", "grace@example.test", " ADA2@example.test "] {
        let desk = desk_of(&world, email);
        let mut of_this = Vec::new();
        for _ in 0..9 {
            assert_eq!(guess(&desk, email).await, SignInFailure::Refused, "{email}");
            let refused = attempt(&desk, email, PASSWORD).await.unwrap_err();
            let SignInFailure::TooSoon(wait) = refused else { panic!("{email}: {refused:?}") };
            of_this.push(refused.to_string());
            // The wait told is enough, and not a second too long.
            pass(&world, &format!("{} microseconds", wait.as_micros() + 1)).await;
        }
        waits.push(of_this);
    }
    println!("{:?}", waits[0]);
    assert_eq!(waits[0].len(), 9);
    assert_eq!(waits[0][0], "too many attempts: try again in 1 s");
    assert_eq!(waits[0][8], "too many attempts: try again in 15 min");
    for other in &waits {
        assert_eq!(*other, waits[0], "the same words whoever it is");
    }
}

/// The story: 10,000 guesses at one account came from 50 sessions at a time, and the limit of each session let a
/// few through before any other had counted.
#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_guesses_at_once_at_most_twenty_reach_the_password_in_an_hour() {
    let world = staff().await;
    // The guessers have one place of their own each, and one of them is where Ada works.
    assert!(attempt(&desk_of(&world, "place 0"), "ada@example.test", PASSWORD).await.is_ok());
    let mut granted = 0;
    let mut asked = 0;
    // Somebody who asks all the time is let in when it is time: seven moments say what an hour of asking does.
    for minutes in [0, 1, 2, 5, 10, 20, 22] {
        pass(&world, &format!("{minutes} minutes")).await;
        let mut guessers = JoinSet::new();
        for place in 0..50 {
            let client = connect(world.db.url()).await;
            guessers.spawn(async move {
                let mut granted = 0;
                for n in 0..29 {
                    let email = if n % 2 == 0 { "ada@example.test" } else { " Ada@EXAMPLE.test" };
                    let claimed = sign_ins::claim(&client, email, &format!("place {place}")).await.unwrap();
                    granted += usize::from(matches!(claimed, Claimed::Granted(_)));
                }
                (granted, 29)
            });
        }
        while let Some(done) = guessers.join_next().await {
            let (of_one, tried) = done.unwrap();
            granted += of_one;
            asked += tried;
        }
    }
    println!("{asked} guesses within an hour, {granted} reached the password");
    assert!(asked >= 10_000, "{asked}");
    assert!(granted >= 2, "it was tried at all");
    assert!(granted <= 20, "{granted}");
}

#[tokio::test]
async fn in_an_hour_of_patient_guessing_an_address_gets_ten_attempts() {
    let world = staff().await;
    let client = connect(world.db.url()).await;
    let (mut elapsed, mut granted) = (Duration::ZERO, 0);
    while elapsed < Duration::from_secs(3600) {
        match sign_ins::claim(&client, "ada@example.test", "elsewhere").await.unwrap() {
            Claimed::Granted(_) => granted += 1,
            Claimed::Wait(wait) => {
                elapsed += wait;
                pass(&world, &format!("{} microseconds", wait.as_micros() + 1)).await;
            }
        }
    }
    assert_eq!(granted, 10);
}

/// The story: whoever wanted a colleague out of the way for an afternoon typed nonsense into their sign-in.
#[tokio::test]
async fn strangers_who_guess_do_not_hold_up_who_signs_in_from_a_known_place() {
    let world = staff().await;
    let (home, elsewhere) = (desk_of(&world, "home"), desk_of(&world, "elsewhere"));
    assert!(attempt(&home, "ada@example.test", PASSWORD).await.is_ok());
    assert_eq!(guess(&elsewhere, "ada@example.test").await, SignInFailure::Refused);
    assert!(matches!(guess(&elsewhere, "ada@example.test").await, SignInFailure::TooSoon(_)));
    assert!(attempt(&home, "ada@example.test", PASSWORD).await.is_ok());
    // The known place has an allowance, no open door.
    assert_eq!(guess(&home, "ada@example.test").await, SignInFailure::Refused);
    assert!(matches!(attempt(&home, "ada@example.test", PASSWORD).await, Err(SignInFailure::TooSoon(_))));
    pass(&world, "1 second").await;
    assert!(attempt(&home, "ada@example.test", PASSWORD).await.is_ok());
    assert!(
        attempt(&home, "ada@example.test", PASSWORD).await.is_ok(),
        "what was right leaves nothing behind"
    );
    pass(&world, "31 days").await;
    assert_eq!(guess(&home, "ada@example.test").await, SignInFailure::Refused);
    assert!(
        matches!(guess(&elsewhere, "ada@example.test").await, SignInFailure::TooSoon(_)),
        "a stranger again"
    );
}

/// The story: somebody found a desk unlocked, and tried the colleague's passwords where the old one is asked for: there
/// were as many tries as there were guesses.
#[tokio::test]
async fn the_old_password_and_the_one_of_the_lock_are_guessed_no_faster_than_at_the_sign_in() {
    let world = staff().await;
    let desk = desk_of(&world, "office");
    let actor = attempt(&desk, "ada@example.test", PASSWORD).await.unwrap().actor;
    let password = |text: &str| Password::new(text.to_owned());
    let next = "a boat, a moat, a goat";
    let change = async |old: &str| {
        let changed = desk.change_password(&actor, password(old), password(next)).await;
        changed.map_err(|failure| failure.sentence())
    };
    let unlock = async |old: &str| desk.unlock(&actor, password(old)).await.map_err(|why| why.to_string());
    let seconds = "SELECT ceil(extract(epoch FROM max(next_at) - (clock_timestamp() AT TIME ZONE 'utc'))) FROM desk.sign_ins";
    let mut at_the_sign_in = Vec::new();
    let home = desk_of(&world, "home");
    assert!(attempt(&home, "alan@example.test", PASSWORD).await.is_ok());
    for _ in 0..8 {
        assert_eq!(guess(&home, "alan@example.test").await, SignInFailure::Refused);
        at_the_sign_in.push(guess(&home, "alan@example.test").await.to_string());
        pass(&world, &format!("{} seconds", world.value(seconds).await)).await;
    }
    let mut waits = Vec::new();
    // Each door counts for the other.
    for n in 0..8 {
        let refused =
            if n % 2 == 0 { change("wrong").await.map(drop) } else { unlock("wrong").await }.unwrap_err();
        assert!(!refused.starts_with("too many attempts"), "{refused}");
        // Even the right one has to wait now, at both doors and at the sign-in.
        let wait = change(PASSWORD).await.unwrap_err();
        assert_eq!(unlock(PASSWORD).await.unwrap_err(), wait);
        assert_eq!(attempt(&desk, "ada@example.test", PASSWORD).await.unwrap_err().to_string(), wait);
        waits.push(wait);
        pass(&world, &format!("{} seconds", world.value(seconds).await)).await;
    }
    println!("{waits:?}");
    assert_eq!(waits, at_the_sign_in);
    assert_eq!(waits[0], "too many attempts: try again in 1 s");
    let refusals = "SELECT count(*) FROM desk.events WHERE action = 'session.refused' AND entity_id = 'ada'";
    assert_eq!(world.value(refusals).await, "8");
    assert!(change(PASSWORD).await.is_ok(), "who waits and is right is let in");
    assert!(attempt(&desk, "ada@example.test", next).await.is_ok());
}

#[tokio::test]
async fn who_comes_from_a_new_place_gets_in_between_two_guesses() {
    let world = staff().await;
    let (guesser, travelling) = (desk_of(&world, "elsewhere"), desk_of(&world, "train"));
    for _ in 0..8 {
        assert_eq!(guess(&guesser, "ada@example.test").await, SignInFailure::Refused);
        pass(&world, "15 minutes").await;
    }
    assert!(attempt(&travelling, "ada@example.test", PASSWORD).await.is_ok());
    assert!(attempt(&travelling, "ada@example.test", PASSWORD).await.is_ok(), "and is known from then on");
}

#[tokio::test]
async fn a_place_that_tries_many_addresses_has_to_wait_and_its_known_people_do_not() {
    let world = staff().await;
    let office = desk_of(&world, "office");
    assert!(attempt(&office, "ada@example.test", PASSWORD).await.is_ok());
    let mut tried = 0;
    let wait = loop {
        match guess(&office, &format!("n{tried}@example.test")).await {
            SignInFailure::Refused => tried += 1,
            SignInFailure::TooSoon(wait) => break wait,
            other => panic!("{other:?}"),
        }
    };
    assert!((20..=22).contains(&tried), "{tried}");
    assert!(wait <= Duration::from_secs(2), "{wait:?}");
    assert!(attempt(&office, "ada@example.test", PASSWORD).await.is_ok());
    assert!(matches!(attempt(&office, "alan@example.test", PASSWORD).await, Err(SignInFailure::TooSoon(_))));
    pass(&world, "10 minutes").await;
    assert!(attempt(&office, "alan@example.test", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_count_outlives_the_desk_and_without_it_nobody_is_let_in() {
    let world = staff().await;
    assert_eq!(guess(&desk_of(&world, "home"), "ada@example.test").await, SignInFailure::Refused);
    let restarted = desk_of(&world, "home");
    assert!(matches!(guess(&restarted, "ada@example.test").await, SignInFailure::TooSoon(_)));
    pass(&world, "1 hour").await;
    world.sql("ALTER TABLE desk.sign_ins RENAME TO gone").await;
    let refused = attempt(&restarted, "ada@example.test", PASSWORD).await.unwrap_err();
    assert!(matches!(refused, SignInFailure::Unavailable(_)), "{refused:?}");
    world.sql("ALTER TABLE desk.gone RENAME TO sign_ins").await;
    assert!(attempt(&restarted, "ada@example.test", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn what_is_counted_names_nobody_and_is_swept_when_it_says_nothing_any_more() {
    let world = staff().await;
    let client = connect(world.db.url()).await;
    let home = desk_of(&world, "home");
    assert!(attempt(&home, "ada@example.test", PASSWORD).await.is_ok());
    assert_eq!(guess(&home, "alan@example.test").await, SignInFailure::Refused);
    let kept = world.value("SELECT string_agg(s::text, ' ') FROM desk.sign_ins AS s").await;
    assert!(!kept.contains("ada") && !kept.contains("alan") && !kept.contains("home"), "{kept}");
    assert_eq!(sign_ins::old(&client).await.unwrap(), 0);
    pass(&world, "3 days").await;
    let left = "SELECT string_agg(split_part(key, ' ', 1), ',' ORDER BY key) FROM desk.sign_ins";
    assert_eq!(sign_ins::old(&client).await.unwrap(), 3);
    assert_eq!(world.value(left).await, "account,account,known,source");
    assert_eq!(sign_ins::sweep(&client).await.unwrap(), 3);
    assert_eq!(world.value(left).await, "known");
    pass(&world, "30 days").await;
    assert_eq!(sign_ins::sweep(&client).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_two_passwords_are_hashed_at_a_time() {
    let world = staff().await;
    // A cost at which hashing takes long enough to be seen overlapping.
    let hash = bcrypt::hash(PASSWORD, 8).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}' WHERE id = 'ada'")).await;
    let desk = Arc::new(desk_of(&world, "home"));
    let mut attempts = JoinSet::new();
    for n in 0..12 {
        let desk = Arc::clone(&desk);
        attempts.spawn(async move { guess(&desk, &format!("n{n}@example.test")).await });
    }
    let mut most = 0;
    while !attempts.is_empty() {
        most = most.max(desk.hashing_now());
        match tokio::time::timeout(Duration::from_millis(1), attempts.join_next()).await {
            Ok(Some(done)) => assert_eq!(done.unwrap(), SignInFailure::Refused),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(most, 2);
}
