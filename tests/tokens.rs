//! Codes for new passwords and verifications: who gets one, what one is worth, what is kept of it.

use crate::support::world::{World, desk_from, world};
use kaygia_desk::auth::{Actor, Password};
use kaygia_desk::desk::{Desk, Gateway, RedeemFailure};
use kaygia_desk::domain::command::{Command, Done, IssuedCode, PasswordHash};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::house::House;
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::token::{Redeemed, TokenCode, TokenFormat, TokenKind, TokenRules};
use kaygia_desk::store::pool::{self, Options};
use kaygia_desk::store::tokens::{self, Attempt, Notice, Run, Swept};
use kaygia_desk::store::transaction::Transaction;
use std::time::Duration;

const NEW: &str = "a whole new password";

fn issue_for(user: &str, kind: TokenKind) -> Command {
    Command::IssueToken { user: UserId::new(user), kind }
}

fn code_of(done: Done) -> IssuedCode {
    done.code.expect("a code to hand over")
}

impl World {
    async fn issued(&self, actor: &Actor, user: &str, kind: TokenKind) -> TokenCode {
        code_of(self.execute(actor, issue_for(user, kind)).await.unwrap()).code
    }

    async fn reset(&self, actor: &Actor, user: &str) -> TokenCode {
        self.issued(actor, user, TokenKind::PasswordReset).await
    }
}

const fn house(tokens: TokenRules) -> House {
    House { tokens, mail: None }
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

async fn redeem(desk: &Desk, code: &TokenCode, new: Option<Password>) -> Result<Redeemed, RedeemFailure> {
    desk.redeem(code.clone(), new).await
}

/// A verification costs no hashing, so that the many refusals of these tests take no time.
async fn verifies(desk: &Desk, code: &TokenCode) -> bool {
    match redeem(desk, code, None).await {
        Ok(redeemed) => redeemed == Redeemed { kind: TokenKind::EmailVerification, password_set: false },
        Err(failure) => {
            assert_eq!(failure, RedeemFailure::Refused);
            false
        }
    }
}

#[tokio::test]
async fn a_reset_sets_the_password_ends_every_session_and_is_used_once() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world.token("ada").await;
    let done = world.execute(&alan, issue_for("ada", TokenKind::PasswordReset)).await.unwrap();
    let code = code_of(done).code;
    let redeemed = redeem(&world.desk, &code, Some(password(NEW))).await.unwrap();
    assert_eq!(redeemed, Redeemed { kind: TokenKind::PasswordReset, password_set: true });
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions WHERE user_id = 'ada'").await, "0");
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions WHERE user_id = 'alan'").await, "1");
    assert!(world.desk.sign_in("ada@example.test", Password::new(NEW.to_owned())).await.is_ok());
    assert_eq!(redeem(&world.desk, &code, Some(password(NEW))).await, Err(RedeemFailure::Refused));
    let log = "SELECT string_agg(concat_ws(' ', actor_kind, actor_id, action, entity, entity_id, after), '; ' ORDER BY id) \
                 FROM desk.events WHERE action LIKE 'token.%'";
    assert_eq!(
        world.value(log).await,
        "staff alan token.issue user ada {\"way\": \"shown\", \"kind\": \"password_reset\"}; \
         system token.redeem user ada {\"kind\": \"password_reset\", \"password\": true}; \
         system token.refused user unknown {}"
    );
}

#[tokio::test]
async fn a_verification_verifies_and_leaves_the_password_of_who_has_one() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world
        .sql("UPDATE public.users SET email_verified = false, password_hash = 'old' WHERE id = 'grace'")
        .await;
    let code = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    assert!(verifies(&world.desk, &code).await);
    assert!(!verifies(&world.desk, &code).await);
    let now = "SELECT concat_ws(' ', email_verified, password_hash) FROM public.users WHERE id = 'grace'";
    assert_eq!(world.value(now).await, "t old");
}

#[tokio::test]
async fn the_first_verification_of_a_new_account_may_bring_its_password() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world.user("new", "New Colleague", "ADMIN").await;
    world.sql("UPDATE public.users SET email_verified = false WHERE id = 'new'").await;
    let code = world.issued(&alan, "new", TokenKind::EmailVerification).await;
    let redeemed = redeem(&world.desk, &code, Some(password(NEW))).await.unwrap();
    assert_eq!(redeemed, Redeemed { kind: TokenKind::EmailVerification, password_set: true });
    assert!(world.desk.sign_in("new@example.test", Password::new(NEW.to_owned())).await.is_ok());
}

#[tokio::test]
async fn a_password_that_no_account_may_have_leaves_the_code_good() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let code = world.reset(&alan, "ada").await;
    let refused = redeem(&world.desk, &code, Some(password("too short"))).await;
    assert!(matches!(refused, Err(RedeemFailure::Password(_))), "{refused:?}");
    assert_eq!(redeem(&world.desk, &code, None).await, Err(RedeemFailure::Refused));
    assert!(redeem(&world.desk, &code, Some(password(NEW))).await.is_ok());
}

/// The story: a reset link that worked twice let whoever read the mail later take the account.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_redeem_one_code_at_once_one_succeeds() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let code = world.reset(&alan, "ada").await;
    let hash = PasswordHash::new(bcrypt::hash(NEW, 10).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(50));
    for _ in 0..50 {
        let (code, hash, start) = (code.clone(), hash.clone(), start.clone());
        let mut client = world.db.connect().await;
        tasks.spawn(async move {
            start.wait().await;
            let attempt = Attempt {
                code: &code,
                format: TokenFormat::Sha256Hex,
                hash: Some(&hash),
                source: "somewhere",
                origin: "test",
                notice: Notice::None,
            };
            let tx = Transaction::begin(&mut client);
            let redeemed = tokens::redeem(&tx, &attempt).await.unwrap();
            tx.commit().await.unwrap();
            redeemed.is_some()
        });
    }
    let successes = tasks.join_all().await.into_iter().filter(|success| *success).count();
    assert_eq!(successes, 1);
    let log = "SELECT count(*) FILTER (WHERE action = 'token.redeem') || ' ' || \
                      count(*) FILTER (WHERE action = 'token.refused') FROM desk.events";
    assert_eq!(world.value(log).await, "1 49");
}

/// The story: the reset page of a help desk had no limit, and somebody's mailbox was flooded with it.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_requests_for_one_account_three_an_hour_are_granted() {
    let world = world().await;
    world.sql("INSERT INTO public.users (id, email, role, email_verified) \
               SELECT 'boss' || n, 'boss' || n || '@example.test', 'SUPER_ADMIN', true FROM generate_series(1, 100) n")
        .await;
    let desks = [world.desk.clone(), desk_from(world.db.url(), "elsewhere 2")];
    let mut actors = Vec::new();
    for n in 1..=100 {
        actors.push(world.actor(&format!("boss{n}")).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..1000 {
        let (desk, actor) = (desks[n % 2].clone(), actors[n % 100].clone());
        tasks.spawn(async move { desk.execute(&actor, issue_for("ada", TokenKind::PasswordReset)).await });
    }
    let answers = tasks.join_all().await;
    let granted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(granted, 3);
    let told = "3 codes were issued for this account within the last hour: use the newest, or wait";
    let refusals = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refusals.clone().all(|why| *why == Failure::Denied(told.to_owned())));
    world.sql("UPDATE desk.token_asks SET asked_at = asked_at - interval '61 minutes'").await;
    assert!(world.execute(&actors[0], issue_for("ada", TokenKind::PasswordReset)).await.is_ok());
}

#[tokio::test]
async fn a_member_of_staff_issues_twenty_an_hour_and_others_go_on() {
    let world = world().await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    world
        .sql("INSERT INTO public.users (id, email) SELECT 'c' || n, 'c' || n FROM generate_series(1, 21) n")
        .await;
    for n in 1..=20 {
        world.execute(&ada, issue_for(&format!("c{n}"), TokenKind::EmailVerification)).await.unwrap();
    }
    let refused = world.execute(&ada, issue_for("c21", TokenKind::EmailVerification)).await.unwrap_err();
    assert_eq!(refused.sentence(), "you issued 20 codes within the last hour: wait, or ask a colleague");
    assert!(world.execute(&alan, issue_for("c21", TokenKind::EmailVerification)).await.is_ok());
}

#[tokio::test]
async fn expiry_goes_by_the_servers_clock_and_no_setting_makes_it_longer_than_an_hour_or_a_day() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let years = Duration::from_secs(3 * 365 * 24 * 3600);
    let endless = house(TokenRules { reset: years, verification: years, ..TokenRules::default() });
    let desk = world.desk.clone().under(endless);
    let left = "SELECT extract(epoch FROM expires_at - created_at)::int FROM public.";
    let reset = code_of(desk.execute(&alan, issue_for("ada", TokenKind::PasswordReset)).await.unwrap());
    assert_eq!(world.value(&format!("{left}password_resets")).await, "3600");
    let server = world
        .value("SELECT (extract(epoch FROM expires_at) * 1000000)::bigint FROM public.password_resets")
        .await;
    assert_eq!(reset.until.micros().to_string(), server);
    let code =
        code_of(desk.execute(&alan, issue_for("grace", TokenKind::EmailVerification)).await.unwrap()).code;
    assert_eq!(world.value(&format!("{left}email_verifications")).await, "86400");
    let ten = Duration::from_secs(600);
    let hour = house(TokenRules { reset: ten, ..TokenRules::default() });
    world
        .desk
        .clone()
        .under(hour)
        .execute(&alan, issue_for("grace", TokenKind::PasswordReset))
        .await
        .unwrap();
    assert_eq!(world.value(&format!("{left}password_resets ORDER BY expires_at LIMIT 1")).await, "600");
    world.sql("UPDATE public.email_verifications SET expires_at = clock_timestamp() AT TIME ZONE 'utc' - interval '1 second'").await;
    assert!(!verifies(&world.desk, &code).await);
    world.sql("UPDATE public.email_verifications SET expires_at = clock_timestamp() AT TIME ZONE 'utc' + interval '1 minute'").await;
    assert!(verifies(&world.desk, &code).await);
}

#[tokio::test]
async fn a_newer_code_cancels_older_ones_of_its_kind() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let first = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    let reset = world.reset(&alan, "grace").await;
    let second = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    assert!(!verifies(&world.desk, &first).await);
    assert!(verifies(&world.desk, &second).await);
    assert!(redeem(&world.desk, &reset, Some(password(NEW))).await.is_ok(), "another kind is another code");
}

#[tokio::test]
async fn wrong_expired_used_foreign_and_odd_codes_are_refused_in_the_same_words() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world
        .sql(
            "INSERT INTO public.email_verifications (id, token, user_id, expires_at) VALUES \
               ('w', '%', 'grace', now() + interval '1 hour'), ('e', '', 'grace', now() + interval '1 hour')",
        )
        .await;
    let stored = {
        world.issued(&alan, "grace", TokenKind::EmailVerification).await;
        world.value("SELECT token FROM public.email_verifications WHERE NOT used AND length(token) > 1").await
    };
    assert_eq!(stored.len(), 64);
    let texts = ["%", "", "' OR '1'='1", "_", "\0", &stored, &stored[..43], &"A".repeat(43)];
    for text in texts {
        let source = desk_from(world.db.url(), &format!("somewhere {} 1", text.len()));
        assert!(!verifies(&source, &TokenCode::typed(text)).await, "{text:?}");
    }
    let left = "SELECT count(*) FROM public.email_verifications WHERE NOT used AND length(token) = 64";
    assert_eq!(world.value(left).await, "1");
}

/// The story: a code went to an address; then the account got another address, or more rights.
#[tokio::test]
async fn a_code_is_void_once_the_account_is_another_one() {
    let changes = [
        "UPDATE public.users SET email = 'other@example.test' WHERE id = 'grace'",
        "UPDATE public.users SET role = 'ADMIN' WHERE id = 'grace'",
        "UPDATE public.users SET active = false WHERE id = 'grace'",
    ];
    let world = world().await;
    let alan = world.actor("alan").await;
    let code = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    for change in changes {
        world.sql("UPDATE public.users SET email = 'grace@example.test', role = 'CLIENT', active = true WHERE id = 'grace'").await;
        world.sql(change).await;
        assert!(!verifies(&world.desk, &code).await, "{change}");
    }
    world.sql("UPDATE public.users SET active = true WHERE id = 'grace'").await;
    assert!(verifies(&world.desk, &code).await);
}

#[tokio::test]
async fn ten_refusals_close_a_source_for_a_while_and_no_other() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let code = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    let (here, again, there) = (
        desk_from(world.db.url(), "ada@host 1"),
        desk_from(world.db.url(), "ada@host 2"),
        desk_from(world.db.url(), "ada@other 1"),
    );
    for _ in 0..10 {
        assert!(!verifies(&here, &TokenCode::typed("guess")).await);
    }
    assert!(!verifies(&again, &code).await, "another process of the same host");
    let far = world.issued(&alan, "ada", TokenKind::EmailVerification).await;
    assert!(verifies(&there, &far).await);
    world.sql("UPDATE desk.token_tries SET at = at - interval '16 minutes'").await;
    assert!(verifies(&again, &code).await);
}

#[tokio::test]
async fn what_the_database_keeps_opens_nothing() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let code = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    let reset = world.reset(&alan, "ada").await;
    let dump = world.value(
        "SELECT string_agg(query_to_xml(format('SELECT * FROM %I.%I', schemaname, tablename), true, false, '')::text, '') \
           FROM pg_tables WHERE schemaname IN ('public', 'desk')",
    ).await;
    for secret in [&code, &reset] {
        assert!(!dump.contains(secret.expose()));
    }
    let kept = world.value("SELECT token FROM public.email_verifications").await;
    assert!(dump.contains(&kept), "the dump holds the tables");
    // Straight at the function too, past whatever the desk makes of a typed text.
    for format in ["sha256-hex", "plain"] {
        let tried = format!("SELECT count(*) FROM desk.token_redeem('{kept}', '{format}', NULL, 'dump')");
        assert_eq!(world.value(&tried).await, "0", "{format}");
    }
    assert!(verifies(&world.desk, &code).await);
}

#[tokio::test]
async fn a_web_app_that_keeps_codes_as_they_are_gets_them_so() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let tokens = TokenRules { format: TokenFormat::Plain, ..TokenRules::default() };
    let desk = world.desk.clone().under(house(tokens));
    let code =
        code_of(desk.execute(&alan, issue_for("grace", TokenKind::EmailVerification)).await.unwrap()).code;
    assert_eq!(world.value("SELECT token FROM public.email_verifications").await, code.expose());
    assert!(!verifies(&world.desk, &code).await, "the other format does not find it");
    assert!(verifies(&desk, &code).await);
}

#[tokio::test]
async fn the_database_itself_asks_for_the_session_and_the_role() {
    let world = world().await;
    world.actor("ada").await;
    world.actor("alan").await;
    world.sql("UPDATE public.users SET password_hash = 'x' WHERE id = 'alan'").await;
    world
        .sql("UPDATE desk.sessions SET password_mark = encode(sha256('x'), 'hex') WHERE user_id = 'alan'")
        .await;
    let session = async |user: &str| {
        world.value(&format!("SELECT id FROM desk.sessions WHERE user_id = '{user}'")).await
    };
    let (ada, alan) = (session("ada").await, session("alan").await);
    let clerk = world.db.connect_as_desk().await;
    let ask = async |id: usize, user: &str, session: Option<&str>| {
        let id = format!("{id:032x}");
        let row = clerk
            .query_one("SELECT desk.token_ask($1, 'password_reset', $2, $3)", &[&id, &user, &session])
            .await
            .unwrap();
        row.get::<_, Option<String>>(0)
    };
    let cases = [
        ("grace", Some(ada.as_str()), None),
        ("alan", Some(&ada), Some("forbidden")),
        ("ada", Some(&alan), None),
        ("grace", Some("made up"), Some("forbidden")),
        ("grace", None, Some("forbidden")),
        ("nobody", Some(&alan), Some("gone")),
    ];
    for (at, (user, session, answer)) in cases.into_iter().enumerate() {
        assert_eq!(ask(at, user, session).await.as_deref(), answer, "{user} {session:?}");
    }
    clerk.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let malformed = Some("malformed".to_owned());
    assert_eq!(ask(10, "grace", Some(&ada)).await, malformed, "an old snapshot shows no newer asks");
    clerk.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(ask(0, "ada", Some(&alan)).await, malformed, "an ask is for one account");
    // The owner of the functions is the operator; and on a new desk, whoever is there.
    let own = "SELECT desk.token_ask('ffffffffffffffffffffffffffffffff', 'password_reset', 'grace', NULL)";
    assert_eq!(world.value(own).await, "null");
    world.sql("UPDATE public.users SET password_hash = NULL").await;
    assert_eq!(ask(11, "grace", None).await, None);
}

#[tokio::test]
async fn sweeping_removes_what_is_used_or_expired_and_nothing_else() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let old = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    let live = world.issued(&alan, "grace", TokenKind::EmailVerification).await;
    world.reset(&alan, "grace").await;
    world.sql("UPDATE public.password_resets SET expires_at = now() - interval '1 day'").await;
    world.sql("INSERT INTO desk.token_tries (source, at) VALUES ('x', now() - interval '2 hours')").await;
    assert!(!verifies(&world.desk, &old).await);
    let client = pool::connector(world.db.url(), Options::default()).unwrap().connect().await.unwrap().0;
    let due = Swept { resets: 1, verifications: 1, counted: 1 };
    assert_eq!(tokens::sweep(&client, Run::Dry).await.unwrap(), due);
    assert_eq!(tokens::sweep(&client, Run::Dry).await.unwrap(), due, "counting changes nothing");
    assert_eq!(tokens::sweep(&client, Run::Real).await.unwrap(), due);
    assert_eq!(tokens::sweep(&client, Run::Real).await.unwrap(), Swept::default());
    assert!(verifies(&world.desk, &live).await);
}
