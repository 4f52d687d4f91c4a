//! The desk's mail from its cause to the server: nothing lost, nothing doubled, no code at rest.

use crate::support::smtp::{Act, Smtp};
use crate::support::world::{World, desk_from, world};
use kaygia_desk::auth::Password;
use kaygia_desk::desk::chores::{Cleaned, How};
use kaygia_desk::desk::post::{Post, Round};
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::domain::account::AccountChange;
use kaygia_desk::domain::command::{Change, Command, Done, LastComment};
use kaygia_desk::domain::event::{EventsOf, EventsPage, LogFilter};
use kaygia_desk::domain::house::House;
use kaygia_desk::domain::ids::{CommentId, TicketId, UserId};
use kaygia_desk::domain::mail::MailRules;
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::ticket::TicketStatus;
use kaygia_desk::domain::token::{TokenCode, TokenKind, TokenRules};
use kaygia_desk::domain::user::Role;
use kaygia_desk::mail::Security;
use kaygia_desk::store::mails;
use kaygia_desk::store::transaction::Transaction;
use std::collections::BTreeMap;

pub fn mailing(desk: &Desk, answers: bool) -> Desk {
    let mail = MailRules {
        answers,
        reset_link: Some("https://app.example/reset?token=".to_owned()),
        verify_link: None,
    };
    desk.clone().under(House { tokens: TokenRules::default(), mail: Some(mail) })
}

pub fn post(desk: &Desk, smtp: &Smtp) -> Post {
    Post::new(desk.clone(), smtp.server(Security::Plain))
}

pub async fn round(post: &Post) -> Round {
    post.round(|| true).await.unwrap()
}

pub fn issue(user: &str, kind: TokenKind) -> Command {
    Command::IssueToken { user: UserId::new(user), kind }
}

pub fn answer(ticket: &str, comment: &str) -> Command {
    Command::Reply {
        ticket: TicketId::new(ticket),
        comment: CommentId::new(comment),
        content: "See the attached secret plan.".to_owned(),
        status: Change::new(TicketStatus::Open, TicketStatus::Open),
        last_comment: LastComment::Any,
    }
}

impl World {
    /// Everything that waits is due now.
    async fn pass(&self) {
        self.sql("UPDATE desk.mails SET next_attempt_at = '-infinity' WHERE state IN ('queued', 'sending')")
            .await;
    }

    async fn mails(&self) -> String {
        self.value(
            "SELECT string_agg(concat_ws(' ', kind, to_user, state, attempts, doubts), '; ' ORDER BY created_at, kind) \
               FROM desk.mails",
        )
        .await
    }
}

/// The code in the text of a mail.
fn code_in(text: &str) -> TokenCode {
    let line = text.lines().map(str::trim).find(|line| line.len() == 43 && !line.contains(' '));
    TokenCode::typed(line.expect("a code on a line of its own"))
}

#[tokio::test]
async fn a_code_is_made_when_its_mail_is_sent_and_goes_to_the_address_of_the_row() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let smtp = Smtp::plain().await;
    let desk = mailing(&world.desk, false);
    let done = desk.execute(&alan, issue("grace", TokenKind::PasswordReset)).await.unwrap();
    assert_eq!(done, Done { event: done.event, ..Done::default() }, "nothing to hand over");
    assert_eq!(world.value("SELECT count(*) FROM public.password_resets").await, "0");
    assert_eq!(world.mails().await, "password_reset grace queued 0 0");
    assert_eq!(round(&post(&desk, &smtp)).await, Round { sent: 1, ..Round::default() });
    let mail = smtp.taken().pop().unwrap();
    assert_eq!(mail.to, ["<grace@example.test>"]);
    let code = code_in(&mail.text);
    let kept = world.value("SELECT string_agg(m::text, '') FROM desk.mails m").await;
    assert!(!kept.contains(code.expose()) && !kept.contains('@'), "{kept}");
    let password = Some(Password::new("a whole new password".to_owned()));
    assert!(desk.redeem(code, password).await.unwrap().password_set);
    assert_eq!(world.mails().await, "password_reset grace sent 1 0; password_changed grace queued 0 0");
    round(&post(&desk, &smtp)).await;
    assert_eq!(smtp.taken().pop().unwrap().header("Subject").as_deref(), Some("Your password was changed"));
}

/// The story: a reset was asked for, and before the mail went out the account got another address.
#[tokio::test]
async fn a_code_for_an_account_that_changed_meanwhile_is_not_mailed() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let smtp = Smtp::plain().await;
    let desk = mailing(&world.desk, false);
    desk.execute(&alan, issue("grace", TokenKind::PasswordReset)).await.unwrap();
    world.sql("UPDATE public.users SET email = 'other@example.test' WHERE id = 'grace'").await;
    assert_eq!(round(&post(&desk, &smtp)).await, Round { failed: 1, ..Round::default() });
    assert_eq!((smtp.taken().len(), world.mails().await), (0, "password_reset grace failed 1 0".to_owned()));
}

#[tokio::test]
async fn of_a_code_asked_for_twice_the_newer_one_is_mailed() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let smtp = Smtp::plain().await;
    let desk = mailing(&world.desk, false);
    smtp.script([Act::Later]);
    desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap();
    round(&post(&desk, &smtp)).await;
    desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap();
    round(&post(&desk, &smtp)).await;
    world.pass().await;
    assert_eq!(round(&post(&desk, &smtp)).await.failed, 1, "the older one is overtaken");
    let [mail] = &smtp.taken()[..] else { panic!("one mail") };
    assert!(desk.redeem(code_in(&mail.text), None).await.is_ok());
}

/// The story: two desks made the codes of one account at the same instant, and the older one stayed good.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_codes_made_at_once_the_newer_one_alone_is_good() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    let kind = TokenKind::PasswordReset;
    for _ in 0..2 {
        desk.execute(&alan, issue("grace", kind)).await.unwrap();
    }
    let (mut one, mut two) = (world.db.connect_as_desk().await, world.db.connect_as_desk().await);
    let older = mails::take(&one).await.unwrap().unwrap();
    let newer = mails::take(&two).await.unwrap().unwrap();
    let codes = [[1; 32], [2; 32]].map(|bytes| TokenCode::from_random(&bytes));
    let [first, second] = codes.clone();
    let tx = Transaction::begin(&mut one);
    assert!(mails::issue(&tx, &older, kind, &first, &TokenRules::default()).await.unwrap().is_some());
    let waits = tokio::spawn(async move {
        let tx = Transaction::begin(&mut two);
        let until = mails::issue(&tx, &newer, kind, &second, &TokenRules::default()).await.unwrap();
        tx.commit().await.unwrap();
        until
    });
    let blocked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while !waits.is_finished() && world.value(blocked).await != "1" {
        tokio::task::yield_now().await;
    }
    // An older snapshot would see neither of them, so nothing is issued there.
    let stranger = world.db.connect_as_desk().await;
    stranger.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let issue = format!("SELECT desk.token_issue('{}', repeat('0', 64), 60) IS NULL", older.id);
    assert!(stranger.query_one(&issue, &[]).await.unwrap().get::<_, bool>(0));
    tx.commit().await.unwrap();
    assert!(waits.await.unwrap().is_some());
    let [first, second] = codes;
    let password = || Some(Password::new("a whole new password".to_owned()));
    assert!(desk.redeem(first, password()).await.is_err(), "the older one");
    assert!(desk.redeem(second, password()).await.is_ok());
}

#[tokio::test]
async fn who_is_told_of_what_and_nobody_where_no_mail_is_set_up() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    world.user("mary", "Mary", "ADMIN").await;
    let promote = |user| Command::SetRole {
        user: UserId::new(user),
        change: Change::new(Role::Admin, Role::SuperAdmin),
    };
    world.desk.execute(&alan, promote("mary")).await.unwrap();
    world.desk.execute(&alan, answer("t", "c0")).await.unwrap();
    mailing(&world.desk, false).execute(&alan, answer("t", "c1")).await.unwrap();
    assert_eq!(world.mails().await, "null");
    let desk = mailing(&world.desk, true);
    desk.execute(&alan, promote("ada")).await.unwrap();
    desk.execute(&alan, answer("t", "c2")).await.unwrap();
    desk.execute(&alan, answer("t", "c2")).await.unwrap();
    assert_eq!(world.mails().await, "role_changed ada queued 0 0; ticket_answered grace queued 0 0");
    let smtp = Smtp::plain().await;
    assert_eq!(round(&post(&desk, &smtp)).await.sent, 2);
    let told = smtp.taken().pop().unwrap();
    assert!(told.body().starts_with("Your ticket N-t has an answer."), "{}", told.body());
    assert!(!told.text.contains("secret plan") && !told.text.contains("Grace"));
    world.sql("UPDATE public.users SET email_verified = false WHERE id = 'grace'").await;
    desk.execute(&alan, answer("t", "c3")).await.unwrap();
    assert_eq!(round(&post(&desk, &smtp)).await, Round { failed: 1, ..Round::default() });
    assert_eq!(smtp.taken().len(), 2, "nothing goes to an address that nobody verified");
}

fn move_to(user: &str, from: &str, to: &str) -> Command {
    let change = AccountChange::Email(Change::new(from.to_owned(), to.to_owned()));
    Command::EditUser { user: UserId::new(user), changes: vec![change] }
}

/// The story: somebody at the desk gave a client's account an address of his own, and the only one who was told of it
/// was he.
#[tokio::test]
async fn of_a_new_address_the_old_one_hears_too_and_then_nothing_is_left_of_it() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let smtp = Smtp::plain().await;
    let desk = mailing(&world.desk, false);
    world.desk.execute(&alan, move_to("grace", "grace@example.test", "g1@example.test")).await.unwrap();
    assert_eq!(world.mails().await, "null", "nobody is told where no mail is set up");
    let gone = move_to("grace", "g1@example.test", "thief@example.test");
    desk.execute(&alan, gone.clone()).await.unwrap();
    desk.execute(&alan, gone).await.unwrap();
    assert_eq!(world.mails().await, "email_changed grace queued 0 0; email_replaced grace queued 0 0");
    smtp.script([Act::Later, Act::Later]);
    round(&post(&desk, &smtp)).await;
    let kept = "SELECT string_agg(m::text, ' ') FROM desk.mails AS m";
    assert!(world.value(kept).await.contains("g1@example.test"), "it is tried again");
    world.pass().await;
    assert_eq!(round(&post(&desk, &smtp)).await.sent, 2);
    let taken = smtp.taken();
    let mut told: Vec<(&str, &str)> =
        taken.iter().map(|mail| (mail.to[0].as_str(), mail.body().split('\n').next().unwrap())).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (
                "<g1@example.test>",
                "The account that you have with us has another e-mail address from now on.\r"
            ),
            (
                "<thief@example.test>",
                "The account that you have with us has this e-mail address from now on.\r"
            ),
        ]
    );
    for rows in [kept, "SELECT string_agg(e::text, ' ') FROM desk.events AS e"] {
        let rows = world.value(rows).await;
        assert!(!rows.contains("g1@") && !rows.contains("thief"), "{rows}");
    }
}

#[tokio::test]
async fn an_old_address_goes_when_its_mail_is_given_up_too() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    let moved = |from: &str, to: &str| move_to("grace", from, to);
    // Refused for good; in doubt twice; too old; no address at all.
    let causes = [Act::Never, Act::TakeAndCut, Act::Later, Act::Take];
    for (n, act) in causes.into_iter().enumerate() {
        let (from, to) = (format!("old{n}@example.test"), format!("new{n}@example.test"));
        let from = if act == Act::Take { "no address".to_owned() } else { from };
        world.sql(&format!("UPDATE public.users SET email = '{from}' WHERE id = 'grace'")).await;
        desk.execute(&alan, moved(&from, &to)).await.unwrap();
        world.sql("DELETE FROM desk.mails WHERE kind = 'email_changed'").await;
        let smtp = Smtp::plain().await;
        smtp.script([act; 4]);
        if act == Act::Later {
            world.sql("UPDATE desk.mails SET created_at = created_at - interval '49 hours' WHERE state = 'queued'").await;
        }
        for _ in 0..3 {
            round(&post(&desk, &smtp)).await;
            world.pass().await;
        }
    }
    let states = "SELECT string_agg(state, ' ' ORDER BY state) FROM desk.mails WHERE kind = 'email_replaced'";
    assert_eq!(world.value(states).await, "doubtful failed failed failed");
    assert_eq!(world.value("SELECT count(to_address) FROM desk.mails").await, "0");
    let given_up = "SELECT count(*) FROM desk.events WHERE action = 'mail.fail' AND actor_kind = 'system'";
    assert_eq!(world.value(given_up).await, "4");
}

#[tokio::test]
async fn an_address_that_leads_to_the_same_mailbox_is_told_once() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    world.sql("UPDATE public.users SET email = ' grace@example.test' WHERE id = 'grace'").await;
    desk.execute(&alan, move_to("grace", " grace@example.test", "Grace@example.test")).await.unwrap();
    assert_eq!(world.mails().await, "email_changed grace queued 0 0");
    let other =
        "INSERT INTO desk.mails (kind, to_user, to_address) VALUES ('role_changed', 'ada', 'a@example.test')";
    assert!(world.db.client.batch_execute(other).await.is_err(), "no other kind keeps an address");
}

#[tokio::test]
async fn a_mail_leaves_an_event_when_it_is_sent_with_ids_alone() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let desk = mailing(&world.desk, true);
    desk.execute(&alan, answer("t", "c")).await.unwrap();
    let smtp = Smtp::plain().await;
    smtp.script([Act::LaterAfterText]);
    let events = "SELECT string_agg(concat_ws(' ', e.actor_kind, e.action, e.entity, e.entity_id = m.id, e.before, e.after, e.origin), '; ') \
                    FROM desk.events AS e CROSS JOIN desk.mails AS m WHERE e.action LIKE 'mail%'";
    round(&post(&desk, &smtp)).await;
    assert_eq!(world.value(events).await, "null", "it is not over yet");
    world.pass().await;
    assert_eq!(round(&post(&desk, &smtp)).await.sent, 1);
    let after = r#"{"kind": "ticket_answered", "state": "sent", "user_id": "grace", "ticket_id": "t"}"#;
    assert_eq!(world.value(events).await, format!("system mail.send mail t {after} test"));
    let log = EventsPage { of: EventsOf::Log(LogFilter::default()), before: None, limit: 1 };
    let Answer::Events { events, .. } = world.fetch(&alan, Query::Events(log)).await else { panic!() };
    assert_eq!(events[0].words(), "sent the mail \"ticket answered\" to Grace Hopper");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_answers_are_five_hundred_mails_whatever_the_server_does() {
    let world = world().await;
    let ada = world.actor("ada").await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let desk = mailing(&world.desk, true);
    for n in 0..500 {
        desk.execute(&ada, answer("t", &format!("c{n}"))).await.unwrap();
    }
    let smtp = Smtp::plain().await;
    let mut bytes = [0; 400];
    getrandom::fill(&mut bytes).unwrap();
    smtp.script(bytes.map(|byte| match byte % 5 {
        0 => Act::Later,
        1 => Act::LaterAfterText,
        2 => Act::Cut,
        _ => Act::Take,
    }));
    let other = mailing(&desk_from(world.db.url(), "elsewhere 2"), true);
    let (one, two) = (post(&desk, &smtp), post(&other, &smtp));
    let mut rounds = 0;
    while world.value("SELECT count(*) FROM desk.mails WHERE state <> 'sent'").await != "0" {
        let (first, second) = tokio::join!(one.round(|| true), two.round(|| true));
        assert_eq!(first.unwrap().failed + second.unwrap().failed, 0);
        world.pass().await;
        rounds += 1;
        assert!(rounds < 200, "{}", world.mails().await);
    }
    let mut ids = BTreeMap::new();
    for mail in smtp.taken() {
        *ids.entry(mail.header("Message-ID").unwrap()).or_insert(0) += 1;
    }
    assert_eq!((ids.len(), ids.values().max()), (500, Some(&1)));
    let many = world.value("SELECT count(*) FROM desk.mails WHERE attempts > 1").await;
    assert_ne!(many, "0", "the server refused some");
}

#[tokio::test]
async fn a_server_that_is_down_for_an_hour_loses_nothing_and_doubles_nothing() {
    let world = world().await;
    let ada = world.actor("ada").await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let desk = mailing(&world.desk, true);
    for n in 0..5 {
        desk.execute(&ada, answer("t", &format!("c{n}"))).await.unwrap();
    }
    let smtp = Smtp::plain().await;
    let mut settings = smtp.settings(Security::Plain);
    // Bound and given back: nobody listens there.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    settings.port = Some(free);
    let down = Post::new(desk.clone(), kaygia_desk::mail::Server::new(settings).unwrap());
    for _ in 0..20 {
        let stopped = round(&down).await;
        assert_eq!((stopped.sent, stopped.later), (0, 1), "the others are not tried in vain");
        world.pass().await;
    }
    assert_eq!(world.value("SELECT count(*) FROM desk.mails WHERE state = 'queued'").await, "5");
    assert_eq!(round(&post(&desk, &smtp)).await.sent, 5);
    world.pass().await;
    assert_eq!((round(&post(&desk, &smtp)).await.sent, smtp.taken().len()), (0, 5));
}

#[tokio::test]
async fn waiting_grows_from_half_a_minute_to_an_hour_and_ends_after_two_days() {
    let world = world().await;
    let alan = world.actor("alan").await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let desk = mailing(&world.desk, true);
    desk.execute(&alan, answer("t", "c")).await.unwrap();
    let smtp = Smtp::plain().await;
    smtp.script([Act::Later; 20]);
    let post = post(&desk, &smtp);
    let wait = "SELECT extract(epoch FROM next_attempt_at - (clock_timestamp() AT TIME ZONE 'utc'))::int FROM desk.mails";
    let mut waits: Vec<i32> = Vec::new();
    for _ in 0..10 {
        round(&post).await;
        waits.push(world.value(wait).await.parse().unwrap());
        world.pass().await;
    }
    assert!((22..=36).contains(&waits[0]), "{waits:?}");
    assert!((45..=72).contains(&waits[1]), "{waits:?}");
    assert!((2870..=4320).contains(&waits[9]), "{waits:?}");
    world.sql("UPDATE desk.mails SET created_at = created_at - interval '49 hours'").await;
    round(&post).await;
    assert_eq!(world.mails().await, "ticket_answered grace failed 11 0");
}

#[tokio::test]
async fn a_refusal_for_good_is_not_tried_again() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap();
    let smtp = Smtp::plain().await;
    smtp.script([Act::Never]);
    assert_eq!(round(&post(&desk, &smtp)).await, Round { failed: 1, ..Round::default() });
    world.pass().await;
    assert_eq!(round(&post(&desk, &smtp)).await, Round::default());
    let kept = world.value("SELECT last_error FROM desk.mails").await;
    assert_eq!(kept, "the mail server answered 550");
}

#[tokio::test]
async fn a_mail_in_doubt_is_sent_once_more_under_the_same_id_and_marked() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap();
    let smtp = Smtp::plain().await;
    smtp.script([Act::TakeAndCut]);
    let post = post(&desk, &smtp);
    assert_eq!(round(&post).await.later, 1);
    world.pass().await;
    assert_eq!(round(&post).await.sent, 1);
    assert_eq!(world.mails().await, "email_verification grace sent 2 1");
    let [first, second] = &smtp.taken()[..] else { panic!("two mails") };
    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
    // A mail program may show only one of the two: whichever it is, its code is good, and only once in all.
    assert_ne!(code_in(&first.text), code_in(&second.text));
    assert!(desk.redeem(code_in(&first.text), None).await.is_ok());
    assert!(desk.redeem(code_in(&second.text), None).await.is_err());
}

#[tokio::test]
async fn a_second_doubt_ends_it() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap();
    let smtp = Smtp::plain().await;
    smtp.script([Act::TakeAndCut; 3]);
    let post = post(&desk, &smtp);
    for _ in 0..4 {
        round(&post).await;
        world.pass().await;
    }
    assert_eq!(smtp.taken().len(), 2);
    assert_eq!(world.mails().await, "email_verification grace doubtful 2 2");
}

#[tokio::test]
async fn a_desk_that_died_with_a_mail_in_hand_leaves_a_doubt() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let desk = mailing(&world.desk, false);
    desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap();
    world.sql("UPDATE desk.mails SET state = 'sending', attempts = 1, next_attempt_at = clock_timestamp() AT TIME ZONE 'utc' + interval '9 minutes'").await;
    let smtp = Smtp::plain().await;
    let post = post(&desk, &smtp);
    assert_eq!(round(&post).await, Round::default(), "somebody holds it");
    world.pass().await;
    assert_eq!(round(&post).await.sent, 1);
    assert_eq!(world.mails().await, "email_verification grace sent 2 1");
}

#[tokio::test]
async fn cleaning_up_counts_first_and_removes_what_is_old() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let used =
        world.desk.execute(&alan, issue("grace", TokenKind::EmailVerification)).await.unwrap().code.unwrap();
    world.desk.redeem(used.code, None).await.unwrap();
    world
        .sql(
            "INSERT INTO desk.mails (kind, to_user, state, created_at) VALUES \
               ('role_changed', 'ada', 'sent', now() - interval '31 days'), \
               ('role_changed', 'ada', 'failed', now() - interval '29 days'), \
               ('role_changed', 'ada', 'queued', now() - interval '31 days'); \
             INSERT INTO desk.sessions (id, user_id, token_hash, expires_at) VALUES \
               ('old', 'ada', 'old', now() - interval '25 hours'), ('new', 'ada', 'new', now() - interval '23 hours')",
        )
        .await;
    let due = Cleaned { verifications: 1, sessions: 1, mails: 1, ..Cleaned::default() };
    assert_eq!(world.desk.clean_up(How::Dry).await.unwrap(), due);
    assert_eq!(world.desk.clean_up(How::Real).await.unwrap(), due);
    assert_eq!(world.desk.clean_up(How::Real).await.unwrap(), Cleaned::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_desks_one_cleans_up_each_day() {
    let world = world().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let desk = desk_from(world.db.url(), &format!("host {n}"));
        tasks.spawn(async move { desk.clean_up_daily().await.unwrap().is_some() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|mine| *mine).count(), 1);
    world.sql("UPDATE desk.chores SET done_at = done_at - interval '25 hours'").await;
    assert!(world.desk.clean_up_daily().await.unwrap().is_some());
    assert!(world.desk.clean_up_daily().await.unwrap().is_none());
}
