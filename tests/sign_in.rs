//! Signing in: who gets in, what every refusal has in common, what a session is worth.

use crate::support::world::{World, assign, desk_at, reply, world};
use kaygia_desk::auth::{OUR_COST, Password, SessionToken};
use kaygia_desk::desk::{Gateway, SignInFailure, SignedIn};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::TicketId;
use kaygia_desk::domain::query::Query;
use kaygia_desk::domain::ticket::TicketStatus;
use kaygia_desk::store::auth as store;

const PASSWORD: &str = "correct horse battery";

/// Gives an account a password whose hash has this prefix and cost.
async fn set_password(world: &World, user: &str, prefix: &str, cost: u32) {
    let hash = bcrypt::hash(PASSWORD, cost).unwrap().replacen("$2b$", prefix, 1);
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}' WHERE id = '{user}'")).await;
}

async fn staff() -> World {
    let world = world().await;
    for user in ["ada", "alan", "grace"] {
        set_password(&world, user, "$2b$", 4).await;
    }
    world
}

async fn attempt(world: &World, email: &str, password: &str) -> Result<SignedIn, SignInFailure> {
    world.desk.sign_in(email, Password::new(password.to_owned())).await
}

#[tokio::test]
async fn whoever_signs_in_gets_a_session_and_leaves_an_event_and_a_date() {
    let world = staff().await;
    let signed_in = attempt(&world, "ada@example.test", PASSWORD).await.unwrap();
    assert_eq!(signed_in.actor.name().as_str(), "Ada Lovelace");
    assert!(world.desk.fetch(&signed_in.actor, Query::Staff).await.is_ok());
    let kept = world
        .value(
            "SELECT concat_ws(' ', user_id, token_hash, expires_at - created_at, origin) FROM desk.sessions",
        )
        .await;
    assert_eq!(kept, format!("ada {} 12:00:00 test", signed_in.token.hash()));
    assert!(!kept.contains(signed_in.token.expose()), "the token itself is kept nowhere");
    let log = "SELECT string_agg(concat_ws(' ', actor_kind, actor_id, action, entity), ',') FROM desk.events";
    assert_eq!(world.value(log).await, "staff ada session.sign_in session");
    let dated =
        "SELECT last_logged_in = (SELECT created_at FROM desk.sessions) FROM public.users WHERE id = 'ada'";
    assert_eq!(world.value(dated).await, "true");
}

#[tokio::test]
async fn hashes_of_the_web_app_let_in_whatever_their_prefix_and_cost() {
    let world = staff().await;
    for (prefix, cost) in [("$2a$", 4), ("$2b$", 5), ("$2y$", 6)] {
        set_password(&world, "ada", prefix, cost).await;
        assert!(attempt(&world, "ada@example.test", PASSWORD).await.is_ok(), "{prefix} {cost}");
    }
}

#[tokio::test]
async fn every_refusal_is_the_same_and_is_logged_without_what_was_typed() {
    let world = staff().await;
    for id in ["off", "unverified", "none", "costly", "owner", "odd"] {
        world.user(id, id, "ADMIN").await;
        set_password(&world, id, "$2b$", 4).await;
    }
    world.sql("ALTER TYPE public.role ADD VALUE 'OWNER'").await;
    world
        .sql(
            "UPDATE public.users SET active = false WHERE id = 'off'; \
             UPDATE public.users SET email_verified = false WHERE id = 'unverified'; \
             UPDATE public.users SET password_hash = NULL WHERE id = 'none'; \
             UPDATE public.users SET password_hash = overlay(password_hash PLACING '31' FROM 5) WHERE id = 'costly'; \
             UPDATE public.users SET password_hash = 'plain' WHERE id = 'odd'; \
             UPDATE public.users SET role = 'OWNER' WHERE id = 'owner'",
        )
        .await;
    for id in ["grace", "off", "unverified", "none", "costly", "owner", "odd"] {
        let refused = attempt(&world, &format!("{id}@example.test"), PASSWORD).await.unwrap_err();
        assert_eq!(refused, SignInFailure::Refused, "{id}");
    }
    for (email, password) in [
        ("ada@example.test", "wrong"),
        ("nobody@example.test", PASSWORD),
        ("", ""),
        ("%", PASSWORD),
        ("ada@example.test\0", PASSWORD),
    ] {
        // How long to wait is the throttle's affair.
        world.sql("TRUNCATE desk.sign_ins").await;
        let refused = attempt(&world, email, password).await.unwrap_err();
        assert_eq!(refused, SignInFailure::Refused, "{email}");
    }
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions").await, "0");
    let log = "SELECT string_agg(concat_ws(' ', actor_kind, actor_id, action, entity_id, before, after), ',' ORDER BY id) FROM desk.events";
    let log = world.value(log).await;
    assert!(log.starts_with("system session.refused grace {},system session.refused off {}"), "{log}");
    assert!(log.ends_with("system session.refused unknown {}"), "{log}");
    assert!(!log.contains('@'), "{log}");
}

#[tokio::test]
async fn every_attempt_costs_as_much_as_the_costliest_hash_of_staff_that_is_worked_at() {
    let world = staff().await;
    let cost = async |email: &str| store::account(&world.db.client, email).await.unwrap().1;
    assert_eq!(cost("ada@example.test").await, 4);
    set_password(&world, "alan", "$2y$", 6).await;
    set_password(&world, "grace", "$2b$", 8).await;
    world.user("costly", "C", "ADMIN").await;
    world
        .sql("UPDATE public.users SET password_hash = '$2b$31$' || repeat('x', 53) WHERE id = 'costly'")
        .await;
    for email in ["ada@example.test", "grace@example.test", "costly@example.test", "nobody@example.test"] {
        assert_eq!(cost(email).await, 6, "{email}");
    }
    world.sql("UPDATE public.users SET password_hash = NULL").await;
    assert_eq!(cost("ada@example.test").await, OUR_COST);
}

#[tokio::test]
async fn an_address_means_one_account_or_none() {
    let world = staff().await;
    for (id, email) in
        [("b1", "Bob@example.test"), ("b2", "bob@example.test"), ("padded", "  Carl@Example.test ")]
    {
        world.user(id, id, "ADMIN").await;
        set_password(&world, id, "$2b$", 4).await;
        world.sql(&format!("UPDATE public.users SET email = '{email}' WHERE id = '{id}'")).await;
    }
    let cases = [
        ("Bob@example.test", Some("b1")),
        ("bob@example.test", Some("b2")),
        ("BOB@example.test", None),
        ("carl@example.test", Some("padded")),
        (" ADA@EXAMPLE.TEST ", Some("ada")),
        ("_da@example.test", None),
        ("da@example.test", None),
    ];
    for (typed, user) in cases {
        let entered = attempt(&world, typed, PASSWORD).await.ok();
        assert_eq!(entered.as_ref().and_then(|one| one.actor.user()).map(|id| id.as_str()), user, "{typed}");
    }
}

#[tokio::test]
async fn a_password_counts_up_to_72_bytes_as_in_the_web_app() {
    let world = staff().await;
    let long = "é".repeat(36);
    let hash = bcrypt::hash(&long, 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}' WHERE id = 'ada'")).await;
    assert!(attempt(&world, "ada@example.test", &format!("{long} and more")).await.is_ok());
    assert!(attempt(&world, "ada@example.test", &long[..70]).await.is_err());
}

#[tokio::test]
async fn a_session_opens_again_by_its_token_until_it_ends() {
    let world = staff().await;
    let first = attempt(&world, "ada@example.test", PASSWORD).await.unwrap();
    let again = desk_at(world.db.url()).resume(first.token.clone()).await.unwrap();
    assert_eq!(again.actor.session(), first.actor.session());
    let other = SessionToken::from_random([7; 32]);
    assert_eq!(world.desk.resume(other).await.unwrap_err(), SignInFailure::SessionEnded);
    world.desk.sign_out(&again.actor).await.unwrap();
    assert_eq!(world.desk.resume(first.token).await.unwrap_err(), SignInFailure::SessionEnded);
    let refused = world.desk.fetch(&first.actor, Query::Staff).await.unwrap_err();
    assert_eq!(refused, Failure::SignedOut("your session has ended: sign in again".to_owned()));
}

#[tokio::test]
async fn an_expired_session_is_over_by_the_servers_clock_and_is_swept_at_the_next_sign_in() {
    let world = staff().await;
    let token = world.token("ada").await;
    let actor = world.desk.resume(token.clone()).await.unwrap().actor;
    world.sql("UPDATE desk.sessions SET expires_at = clock_timestamp() AT TIME ZONE 'utc' - interval '1 second'").await;
    assert!(matches!(world.desk.fetch(&actor, Query::Staff).await, Err(Failure::SignedOut(_))));
    assert_eq!(world.desk.resume(token).await.unwrap_err(), SignInFailure::SessionEnded);
    attempt(&world, "ada@example.test", PASSWORD).await.unwrap();
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions").await, "1");
}

/// The story: somebody was dismissed, and kept answering clients until the evening because nobody closed their desk.
#[tokio::test]
async fn whoever_loses_access_while_signed_in_can_neither_read_nor_write() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let losses = [
        "UPDATE public.users SET role = 'CLIENT' WHERE id = 'ada'",
        "UPDATE public.users SET active = false WHERE id = 'ada'",
        "UPDATE public.users SET email_verified = false WHERE id = 'ada'",
        "DELETE FROM desk.sessions WHERE user_id = 'ada'",
        "DELETE FROM public.users WHERE id = 'ada'",
    ];
    for loss in losses {
        world.sql("UPDATE public.users SET role = 'ADMIN', active = true, email_verified = true WHERE id = 'ada'").await;
        let ada = world.actor("ada").await;
        world.sql(loss).await;
        let read = world.desk.fetch(&ada, Query::Thread(TicketId::new("t"))).await;
        assert!(matches!(read, Err(Failure::SignedOut(_))), "{loss}: {read:?}");
        for command in [
            reply("t", "r", (TicketStatus::Open, TicketStatus::Pending), None),
            assign("t", None, Some("ada")),
        ] {
            let written = world.execute(&ada, command).await;
            assert!(matches!(written, Err(Failure::SignedOut(_))), "{loss}: {written:?}");
        }
    }
    let left = "SELECT concat_ws(' ', (SELECT count(*) FROM public.ticket_comments), (SELECT assignee_id FROM desk.tickets), \
                       (SELECT status FROM public.support_tickets))";
    assert_eq!(world.value(left).await, "0 OPEN");
}

#[tokio::test]
async fn a_ticket_goes_to_active_staff_and_belongs_to_a_client() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    world.sql("UPDATE public.users SET active = false WHERE id = 'alan'").await;
    for user in ["alan", "grace", "nobody"] {
        let refused = world.execute(&ada, assign("t", None, Some(user))).await.unwrap_err();
        assert_eq!(
            refused,
            Failure::Denied("a ticket can be given to active staff only".to_owned()),
            "{user}"
        );
    }
}
