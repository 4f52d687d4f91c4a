//! Sessions that end while somebody works: by a colleague, by the web app, by a new password.

use crate::support::connect;
use crate::support::world::{World, desk_from, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::query::Query;
use kaygia_desk::runtime::hub::{Heard, Hub};
use kaygia_desk::store::listen::{Ear, Patience};
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::sessions;
use kaygia_desk::store::transaction::Transaction;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

/// What somebody's screen must have heard by.
const SOON: Duration = Duration::from_secs(5);

/// Another desk that listens.
async fn listening(world: &World) -> (Hub, Receiver<Heard>) {
    let pool = pool::connect(world.db.url(), Options::default()).unwrap();
    let ear = Ear::new(pool.connector().clone(), Patience::default());
    let hub = Hub::start(ear, desk_from(world.db.url(), "other"));
    let mut heard = hub.subscribe();
    while heard.recv().await.unwrap() != Heard::Changed(vec![Change::Everything]) {}
    (hub, heard)
}

/// Waits until a desk hears of somebody's sessions.
async fn hears_of(heard: &mut Receiver<Heard>, user: &str) -> Duration {
    let since = Instant::now();
    let wanted = Change::Session(UserId::new(user));
    let hearing = async {
        loop {
            if matches!(heard.recv().await.unwrap(), Heard::Changed(changes) if changes.contains(&wanted)) {
                return;
            }
        }
    };
    timeout(SOON, hearing).await.unwrap_or_else(|_| panic!("nobody told of {user}"));
    since.elapsed()
}

async fn why(world: &World, actor: &Actor) -> String {
    match world.desk.fetch(actor, Query::Session).await {
        Err(Failure::SignedOut(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_desk_hears_at_once_what_a_session_rested_on() {
    let world = world().await;
    let (_hub, mut heard) = listening(&world).await;
    let changes = [
        (
            "UPDATE public.users SET role = 'SUPER_ADMIN' WHERE id = 'ada'",
            "your role was changed: sign in again",
        ),
        (
            "UPDATE public.users SET role = 'CLIENT' WHERE id = 'ada'",
            "your account no longer has access to the desk",
        ),
        (
            "UPDATE public.users SET active = false WHERE id = 'ada'",
            "your account no longer has access to the desk",
        ),
        (
            "UPDATE public.users SET email_verified = false WHERE id = 'ada'",
            "your account no longer has access to the desk",
        ),
        (
            "UPDATE public.users SET password_hash = '$2b$04$x' WHERE id = 'ada'",
            "your password was changed: sign in again",
        ),
        (
            "UPDATE public.users SET password_hash = NULL WHERE id = 'ada'",
            "your password was changed: sign in again",
        ),
        ("DELETE FROM desk.sessions WHERE user_id = 'ada'", "your session has ended: sign in again"),
    ];
    for (change, sentence) in changes {
        world
            .sql(
                "UPDATE public.users SET role = 'ADMIN', active = true, email_verified = true, \
                   password_hash = '$2b$04$y' WHERE id = 'ada'; NOTIFY desk, 's the way back'",
            )
            .await;
        hears_of(&mut heard, "the way back").await;
        let ada = world.actor("ada").await;
        let alan = world.actor("alan").await;
        world.sql(change).await;
        println!("{change}: heard after {:?}", hears_of(&mut heard, "ada").await);
        assert_eq!(why(&world, &ada).await, sentence, "{change}");
        assert!(world.desk.fetch(&alan, Query::Session).await.is_ok(), "nobody else is asked to leave");
    }
}

#[tokio::test]
async fn what_a_session_does_not_rest_on_is_no_news_to_it() {
    let world = world().await;
    let ada = world.actor("ada").await;
    let (_hub, mut heard) = listening(&world).await;
    world.sql("UPDATE public.users SET name = 'Countess', last_logged_in = now() WHERE id = 'ada'").await;
    world.sql("UPDATE public.users SET active = false WHERE id = 'alan'").await;
    loop {
        let Heard::Changed(changes) = heard.recv().await.unwrap() else { continue };
        assert!(!changes.contains(&Change::Session(UserId::new("ada"))), "{changes:?}");
        if changes.contains(&Change::Session(UserId::new("alan"))) {
            break;
        }
    }
    assert!(world.desk.fetch(&ada, Query::Session).await.is_ok());
}

/// The story: a colleague was switched off by mistake, switched on again the next day, and a desk that was open all
/// the while was simply back.
#[tokio::test]
async fn a_session_that_lost_its_ground_does_not_come_back_with_it() {
    let world = world().await;
    for (loss, way_back) in [("active = false", "active = true"), ("role = 'CLIENT'", "role = 'ADMIN'")] {
        let token = world.token("ada").await;
        let ada = world.desk.resume(token.clone()).await.unwrap().actor;
        world.sql(&format!("UPDATE public.users SET {loss} WHERE id = 'ada'")).await;
        world.sql(&format!("UPDATE public.users SET {way_back} WHERE id = 'ada'")).await;
        assert_eq!(why(&world, &ada).await, "your session has ended: sign in again", "{loss}");
        assert!(world.desk.resume(token).await.is_err(), "{loss}");
    }
    // A trigger never waits: the session that it finds locked ends when it is used next.
    let token = world.token("ada").await;
    let ada = world.desk.resume(token.clone()).await.unwrap().actor;
    let holder = connect(world.db.owner_url()).await;
    holder.batch_execute("BEGIN; SELECT FROM desk.sessions WHERE user_id = 'ada' FOR UPDATE").await.unwrap();
    world.sql("SET lock_timeout = '200ms'; UPDATE public.users SET active = false WHERE id = 'ada'").await;
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(why(&world, &ada).await, "your account no longer has access to the desk");
    world.sql("UPDATE public.users SET active = true WHERE id = 'ada'").await;
    assert!(world.desk.resume(token).await.is_err());
    let log = "SELECT string_agg(action, ',' ORDER BY id) FROM desk.events WHERE actor_id = 'ada'";
    assert_eq!(world.value(log).await, "session.end", "the trigger leaves no event, the desk does");
}

/// The story: after somebody's password had been found on the internet, it was changed in the web app at once. The
/// desk that the finder had opened stayed open.
#[tokio::test]
async fn a_session_ends_with_the_password_that_it_was_begun_with() {
    let world = world().await;
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}'")).await;
    let password = || kaygia_desk::auth::Password::new("correct horse".to_owned());
    let ada = world.desk.sign_in("ada@example.test", password()).await.unwrap();
    // Somebody else's password, and the same password again in the web app: only a new hash matters.
    world.sql("UPDATE public.users SET password_hash = NULL WHERE id = 'alan'").await;
    assert!(world.desk.fetch(&ada.actor, Query::Session).await.is_ok());
    let again = bcrypt::hash("correct horse", 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{again}' WHERE id = 'ada'")).await;
    assert_eq!(why(&world, &ada.actor).await, "your password was changed: sign in again");
    assert!(world.desk.resume(ada.token).await.is_err());
    let kept = world.value("SELECT string_agg(s::text, ',') FROM desk.sessions AS s").await;
    assert!(!kept.contains("$2b$"), "{kept}");
}

#[tokio::test]
async fn all_sessions_of_somebody_end_but_the_one_that_changed_the_password() {
    let world = world().await;
    let (here, there) = (world.actor("ada").await, world.actor("ada").await);
    let alan = world.actor("alan").await;
    let mut client = connect(world.db.url()).await;
    let tx = Transaction::begin(&mut client);
    tx.batch_execute("UPDATE public.users SET password_hash = '$2b$04$new' WHERE id = 'ada'").await.unwrap();
    assert_eq!(sessions::end_all_of(&tx, &UserId::new("ada"), here.session()).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert!(world.desk.fetch(&here, Query::Session).await.is_ok());
    assert!(world.desk.fetch(&alan, Query::Session).await.is_ok());
    assert_eq!(why(&world, &there).await, "your session has ended: sign in again");
    let tx = Transaction::begin(&mut client);
    assert_eq!(sessions::end_all_of(&tx, &UserId::new("ada"), None).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(why(&world, &here).await, "your session has ended: sign in again");
}

#[tokio::test]
async fn the_web_app_is_never_held_up_nor_refused_by_what_tells_of_sessions() {
    let world = world().await;
    let _ada = world.actor("ada").await;
    let web = connect(world.db.owner_url()).await;
    let other = connect(world.db.owner_url()).await;
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        web.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}; SELECT FROM public.users"))
            .await
            .unwrap();
        other.batch_execute("UPDATE desk.sessions SET last_seen_at = last_seen_at").await.unwrap();
        web.batch_execute("UPDATE public.users SET active = NOT active WHERE id = 'ada'; COMMIT")
            .await
            .unwrap();
    }
    // A role that knows nothing of the desk.
    world
        .sql(
            "DROP ROLE IF EXISTS web_of_sessions; CREATE ROLE web_of_sessions; \
             GRANT SELECT, UPDATE ON public.users TO web_of_sessions; SET ROLE web_of_sessions; \
             UPDATE public.users SET role = 'ADMIN', active = false; RESET ROLE; \
             DROP OWNED BY web_of_sessions; DROP ROLE web_of_sessions",
        )
        .await;
    // Many at once, and an id that fits no notification.
    world
        .sql(
            "INSERT INTO public.users (id, email, name, role) \
             SELECT repeat('x', 2000) || n, n || '@many.test', 'n', 'ADMIN' FROM generate_series(1, 600) AS n; \
             UPDATE public.users SET active = true; \
             UPDATE public.users SET active = false WHERE email LIKE '7%@many.test'",
        )
        .await;
}
