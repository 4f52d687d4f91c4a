//! Accounts on a real database: made, changed, switched off, given roles; and two who do it at once.

use crate::support::world::{World, desk_at, world};
use kaygia_desk::auth::{Actor, Password};
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::account::{AccountChange, AccountFields, ClientTexts, Erasure};
use kaygia_desk::domain::command::{Change, Command};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::user::Role;

pub fn create(id: &str, email: &str, role: Role) -> Command {
    let fields = AccountFields { email: email.to_owned(), name: "Mary".to_owned(), company: None, role };
    Command::CreateUser { user: UserId::new(id), fields: Box::new(fields) }
}

pub fn edit(id: &str, change: AccountChange) -> Command {
    Command::EditUser { user: UserId::new(id), changes: vec![change] }
}

pub fn email(seen: &str, to: &str) -> AccountChange {
    AccountChange::Email(Change::new(seen.to_owned(), to.to_owned()))
}

pub fn set_active(id: &str, to: bool) -> Command {
    Command::SetActive { user: UserId::new(id), change: Change::new(!to, to) }
}

pub fn set_role(id: &str, seen: Role, to: Role) -> Command {
    Command::SetRole { user: UserId::new(id), change: Change::new(seen, to) }
}

pub fn erase(id: &str, typed: &str, texts: ClientTexts) -> Command {
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    Command::EraseUser(Box::new(Erasure::new(UserId::new(id), typed.to_owned(), texts, random)))
}

/// A world whose staff have passwords.
pub async fn staffed() -> World {
    let world = world().await;
    world.sql("UPDATE public.users SET password_hash = '$2b$04$x' WHERE role <> 'CLIENT'").await;
    world
}

async fn row(world: &World, id: &str) -> String {
    let columns = "concat_ws('|', email, name, coalesce(company, '-'), role, coalesce(password_hash, 'none'), \
                   email_verified, active)";
    world.value(&format!("SELECT {columns} FROM public.users WHERE id = '{id}'")).await
}

fn invalid(result: Result<impl std::fmt::Debug, Failure>) -> String {
    match result {
        Err(Failure::Invalid(why) | Failure::Denied(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_account_made_by_staff_has_no_password_and_is_not_verified() {
    let world = staffed().await;
    let ada = world.actor("ada").await;
    let made = world.execute(&ada, create("m", "Mary@Shelley.example", Role::Client)).await.unwrap();
    assert!(made.event.is_some());
    assert_eq!(row(&world, "m").await, "Mary@Shelley.example|Mary|-|CLIENT|none|f|t");
    let again = world.execute(&ada, create("m", "Mary@Shelley.example", Role::Client)).await.unwrap();
    assert_eq!(again.event, None, "sent again after a lost answer");
    for taken in ["mary@shelley.example", "MARY@shelley.EXAMPLE"] {
        let why = invalid(world.execute(&ada, create("n", taken, Role::Client)).await);
        assert!(why.starts_with("an account with this e-mail address exists already"), "{why}");
    }
    let staff = world.execute(&ada, create("s", "s@kaygia.example", Role::Admin)).await;
    assert_eq!(invalid(staff), "only a super administrator changes the accounts of staff");
    let logged = "SELECT string_agg(concat_ws(' ', action, actor_id, entity_id, after), ';' ORDER BY id) \
                  FROM desk.events WHERE entity = 'user'";
    assert_eq!(
        world.value(logged).await,
        r#"user.create ada m {"role": "CLIENT"};denied ada s {"command": "user.create"}"#
    );
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let world = staffed().await;
    let ada = world.actor("ada").await;
    for bad in [
        "",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "Ada <a@b.c>",
        "a@[127.0.0.1]",
        "a b@c.d",
        "a@b\r\nBcc: x@y.z",
        "a@b..c",
        "erased-1@invalid",
    ] {
        assert!(world.execute(&ada, create("m", bad, Role::Client)).await.is_err(), "{bad:?}");
    }
    assert_eq!(world.value("SELECT count(*) FROM public.users").await, "3");
}

#[tokio::test]
async fn a_changed_address_is_unverified_and_its_codes_are_worthless() {
    let world = staffed().await;
    let alan = world.actor("alan").await;
    let ada = world.actor("ada").await;
    world
        .sql("INSERT INTO public.email_verifications (id, token, user_id, expires_at) VALUES ('v', 't', 'ada', now())")
        .await;
    world.execute(&alan, edit("ada", email("ada@example.test", "ada@new.example"))).await.unwrap();
    assert_eq!(row(&world, "ada").await, "ada@new.example|Ada Lovelace|-|ADMIN|$2b$04$x|f|t");
    assert_eq!(world.value("SELECT used FROM public.email_verifications").await, "true");
    let after = world.desk.fetch(&ada, Query::Staff).await;
    assert!(matches!(after, Err(Failure::SignedOut(_))), "{after:?}");
    let twin = world.execute(&alan, edit("ada", email("ada@new.example", "GRACE@example.test"))).await;
    assert!(invalid(twin).starts_with("an account with this e-mail address exists already"));
    let kept = "SELECT after FROM desk.events WHERE action = 'user.edit'";
    assert_eq!(world.value(kept).await, r#"{"changed": ["email"]}"#, "never the address");
}

#[tokio::test]
async fn an_edit_touches_its_columns_alone_and_overwrites_nothing_unseen() {
    let world = staffed().await;
    let ada = world.actor("ada").await;
    world.sql("UPDATE public.users SET company = 'Acme Global' WHERE id = 'grace'").await;
    let name = AccountChange::Name(Change::new(Some("Grace Hopper".into()), Some("Grace B. Hopper".into())));
    let done = world.execute(&ada, edit("grace", name.clone())).await.unwrap();
    assert!(done.event.is_some());
    assert_eq!(row(&world, "grace").await, "grace@example.test|Grace B. Hopper|Acme Global|CLIENT|none|t|t");
    let stale = AccountChange::Company(Change::new(Some("Acme Ltd".into()), Some("Acme".into())));
    match world.execute(&ada, edit("grace", stale)).await {
        Err(Failure::Overtaken { field: "company", now, by: None }) => {
            assert_eq!(now.as_str(), "Acme Global");
        }
        other => panic!("{other:?}"),
    }
    let back = edit("grace", name.inverse());
    world.desk.undo(&ada, back, done.event).await.unwrap();
    assert!(row(&world, "grace").await.starts_with("grace@example.test|Grace Hopper|"));
}

#[tokio::test]
async fn an_account_switched_off_loses_its_sessions_at_once_and_can_come_back() {
    let world = staffed().await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    world.execute(&alan, set_active("ada", false)).await.unwrap();
    assert!(matches!(world.desk.fetch(&ada, Query::Staff).await, Err(Failure::SignedOut(_))));
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions WHERE user_id = 'ada'").await, "0");
    world.execute(&alan, set_active("ada", true)).await.unwrap();
    assert!(world.desk.fetch(&world.actor("ada").await, Query::Staff).await.is_ok());
}

#[tokio::test]
async fn a_role_lowered_ends_the_session() {
    let world = staffed().await;
    world.user("bob", "Bob", "SUPER_ADMIN").await;
    let (alan, bob) = (world.actor("alan").await, world.actor("bob").await);
    world.execute(&alan, set_role("bob", Role::SuperAdmin, Role::Admin)).await.unwrap();
    let after = world.execute(&bob, set_role("ada", Role::Admin, Role::SuperAdmin)).await;
    assert!(matches!(after, Err(Failure::SignedOut(_))), "{after:?}");
    let late = world.execute(&alan, set_role("bob", Role::SuperAdmin, Role::Client)).await;
    assert!(matches!(late, Err(Failure::Overtaken { field: "role", .. })), "{late:?}");
}

/// Two who share an address by case, made at the same moment: one of them is refused, whoever it is.
#[tokio::test]
async fn two_accounts_made_at_once_never_share_an_address() {
    let world = staffed().await;
    let ada = world.actor("ada").await;
    let other = desk_at(world.db.url());
    for round in 0..40 {
        let one = create(&format!("a{round}"), &format!("mary{round}@x.example"), Role::Client);
        let two = create(&format!("b{round}"), &format!("MARY{round}@X.example"), Role::Client);
        let (one, two) = tokio::join!(world.desk.execute(&ada, one), other.execute(&ada, two));
        assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|made| **made).count(), 1, "{one:?} {two:?}");
    }
    let twins =
        "SELECT count(*) FROM (SELECT FROM public.users GROUP BY lower(email) HAVING count(*) > 1) AS t";
    assert_eq!(world.value(twins).await, "0");
}

/// Two super administrators who take each other's place away at the same moment, in every way there is: one of them
/// stays, always.
#[tokio::test]
async fn two_who_act_at_once_leave_one_super_administrator() {
    let world = staffed().await;
    world.user("bob", "Bob", "SUPER_ADMIN").await;
    let other = desk_at(world.db.url());
    let ways: [fn(&str) -> Command; 4] = [
        |id| set_role(id, Role::SuperAdmin, Role::Admin),
        |id| set_active(id, false),
        |id| edit(id, email(&format!("{id}@example.test"), &format!("{id}@new.example"))),
        |id| erase(id, id, ClientTexts::Keep),
    ];
    let (mut refused, mut rounds) = (0, 0);
    for _ in 0..8 {
        for one_way in ways {
            for other_way in ways {
                world
                    .sql(
                        "UPDATE public.users SET role = 'SUPER_ADMIN', active = true, email_verified = true, \
                         password_hash = '$2b$04$x', email = id || '@example.test' WHERE id IN ('alan', 'bob')",
                    )
                    .await;
                let (alan, bob) = (world.actor("alan").await, world.actor("bob").await);
                let (one, two) = tokio::join!(
                    world.desk.execute(&alan, one_way("bob")),
                    other.execute(&bob, other_way("alan"))
                );
                rounds += 1;
                refused += u32::from(one.is_err()) + u32::from(two.is_err());
                let left = "SELECT count(*) FROM public.users WHERE role = 'SUPER_ADMIN' AND active \
                            AND email_verified AND password_hash IS NOT NULL";
                assert_eq!(world.value(left).await, "1", "{one:?} {two:?}");
            }
        }
    }
    assert_eq!((rounds, refused), (128, 128));
}

#[tokio::test]
async fn the_last_super_administrator_stays_and_nobody_locks_himself_out() {
    let world = staffed().await;
    let alan = world.actor("alan").await;
    for command in [
        set_role("alan", Role::SuperAdmin, Role::Admin),
        set_active("alan", false),
        edit("alan", email("alan@example.test", "alan@new.example")),
        erase("alan", "alan", ClientTexts::Keep),
    ] {
        let name = command.name();
        assert!(matches!(world.execute(&alan, command).await, Err(Failure::Denied(_))), "{name}");
    }
    // Another one without a password is nobody who could administer.
    world.user("bob", "Bob", "SUPER_ADMIN").await;
    let bob = world.actor("bob").await;
    let why = invalid(world.execute(&bob, set_active("alan", false)).await);
    assert_eq!(why, "this is the last active super administrator: make another one first");
}

#[tokio::test]
async fn the_operator_makes_the_first_super_administrator_only() {
    let world = staffed().await;
    let add = || Command::AddUser {
        user: UserId::new("root"),
        email: "root@kaygia.example".to_owned(),
        name: "Root".to_owned(),
        company: None,
        role: Role::SuperAdmin,
        password_hash: kaygia_desk::domain::command::PasswordHash::new("$2b$04$x"),
    };
    let why = invalid(world.execute(&Actor::operator(), add()).await);
    assert!(why.contains("desk login"), "{why}");
    world.sql("UPDATE public.users SET active = false WHERE id = 'alan'").await;
    assert!(world.execute(&Actor::operator(), add()).await.unwrap().event.is_some());
    assert_eq!(world.execute(&Actor::operator(), add()).await.unwrap().event, None, "sent again");
}

/// The old one is asked, all other sessions end, this one stays, and codes that are out are worthless.
#[tokio::test]
async fn ones_own_password_changes_where_the_old_one_is_right() {
    let world = staffed().await;
    let old = "an old boat at the pier";
    let hash = bcrypt::hash(old, 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}' WHERE id = 'ada'")).await;
    let (here, elsewhere) = (world.actor("ada").await, world.actor("ada").await);
    world
        .sql("INSERT INTO public.password_resets (id, token, user_id, expires_at) VALUES ('r', 't', 'ada', now())")
        .await;
    let password = |text: &str| Password::new(text.to_owned());
    let new = "a new boat under a moon";
    let weak = world.desk.change_password(&here, password(old), password("ada@example.test")).await;
    assert!(invalid(weak).starts_with("the password is little more than a name"));
    world.desk.change_password(&here, password(old), password(new)).await.unwrap();
    assert!(world.desk.fetch(&here, Query::Staff).await.is_ok(), "this session stays");
    let ended = world.desk.fetch(&elsewhere, Query::Staff).await;
    assert!(matches!(ended, Err(Failure::SignedOut(_))), "{ended:?}");
    assert_eq!(world.value("SELECT used FROM public.password_resets").await, "true");
    let kept = world.value("SELECT password_hash FROM public.users WHERE id = 'ada'").await;
    assert!(bcrypt::verify(new, &kept).unwrap() && kept.starts_with("$2b$12$"));
    let wrong = world.desk.change_password(&here, password("another boat"), password(old)).await;
    assert_eq!(invalid(wrong), "the old password is not right");
    let refused = "SELECT count(*) FROM desk.events WHERE action = 'session.refused' AND entity_id = 'ada'";
    assert_eq!(world.value(refused).await, "1");
    let logged = "SELECT string_agg(after::text, '') FROM desk.events WHERE action = 'user.password'";
    assert_eq!(world.value(logged).await, "{}");
}

/// A command made elsewhere, by somebody who never knew the hash, changes nothing.
#[tokio::test]
async fn a_password_is_not_set_over_a_hash_that_was_not_seen() {
    let world = staffed().await;
    let ada = world.actor("ada").await;
    let hash = kaygia_desk::domain::command::PasswordHash::new;
    let change = Change::new(hash("guessed"), hash("$2b$04$mine"));
    let refused = world.execute(&ada, Command::ChangeMyPassword { change }).await;
    assert!(invalid(refused).starts_with("the password was changed elsewhere meanwhile"));
    assert_eq!(world.value("SELECT password_hash FROM public.users WHERE id = 'ada'").await, "$2b$04$x");
}

#[tokio::test]
async fn the_staff_is_listed_for_those_who_administer_it_alone() {
    let world = staffed().await;
    world.user("Ada", "Twin", "CLIENT").await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    let Answer::StaffAccounts(none) = world.fetch(&ada, Query::StaffAccounts).await else { panic!() };
    assert_eq!(none, []);
    let Answer::StaffAccounts(rows) = world.fetch(&alan, Query::StaffAccounts).await else { panic!() };
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.person.id.as_str(), row.sessions, row.verified, row.has_password, row.twin))
        .collect();
    assert_eq!(rows, [("ada", 1, true, true, true), ("alan", 1, true, true, false)]);
    let Answer::Clients(clients) = world.fetch(&ada, Query::Clients("twin".to_owned())).await else {
        panic!()
    };
    assert!(clients.iter().all(|row| row.twin) && clients.len() == 1);
    let hidden = world.fetch(&ada, Query::Erasure(UserId::new("grace"))).await;
    assert_eq!(hidden, Answer::Erasure(None));
    let shown = world.fetch(&alan, Query::Erasure(UserId::new("grace"))).await;
    assert!(matches!(shown, Answer::Erasure(Some(_))));
}
