//! The use cases over a wire that is cut: everything exactly once, and everything resumes by itself.

use crate::support::proxy::Proxy;
use crate::support::world::{World, assign, desk_at, reply, set_status, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::domain::change::Change as Heard;
use kaygia_desk::domain::command::{Change, Command, ProjectFields};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, ProjectId, TicketId, UserId};
use kaygia_desk::domain::project::{ProjectStatus, ProjectType};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::ticket::{Draft, Priority, TicketStatus};
use kaygia_desk::store::error::Meaning;
use kaygia_desk::store::listen::{Listener, Patience};
use kaygia_desk::store::pool::connect::Connector;
use kaygia_desk::store::pool::{self, Options};
use std::time::Duration;

use TicketStatus::{Open, Pending};

/// A ticket `t`, and ada at a desk behind a proxy.
async fn behind_a_proxy() -> (World, Actor, Proxy, Desk) {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    let proxy = Proxy::before(world.db.url()).await;
    let desk = desk_at(proxy.url());
    (world, ada, proxy, desk)
}

#[tokio::test]
async fn a_reply_whose_commit_got_lost_is_there_once() {
    let (world, ada, proxy, desk) = behind_a_proxy().await;
    for (n, after) in [true, false, true, false].into_iter().enumerate() {
        if after {
            proxy.cut_after_commit();
        } else {
            proxy.cut_before_commit();
        }
        let done = desk.execute(&ada, reply("t", &format!("r{n}"), (Open, Open), None)).await.unwrap();
        assert_eq!(proxy.cuts(), n + 1);
        assert!(done.event.is_some(), "the event of the sending is found again");
        // Whether it was written now or was there already.
        let comments = done.answered.map(|answered| answered.comments).or(done.row.map(|row| row.comments));
        assert_eq!(comments, Some(n as i32 + 1));
    }
    let events = world.value("SELECT count(*) FROM desk.events WHERE action = 'ticket.reply'").await;
    assert_eq!(events, "4");
}

/// The story: a support desk sent a client the same answer three times, because its connection broke while the
/// answer was on its way. Here the wire is cut at every statement that a reply consists of, on either side of it.
#[tokio::test]
async fn a_reply_is_sent_exactly_once_wherever_the_wire_is_cut() {
    let (world, ada, proxy, desk) = behind_a_proxy().await;
    let mut sent = 0;
    for delivered in [true, false] {
        for nth in 1.. {
            let cuts = proxy.cuts();
            let comment = format!("r{nth} {delivered}");
            if delivered {
                proxy.cut_after(nth);
            } else {
                proxy.cut_before(nth);
            }
            let done = desk.execute(&ada, reply("t", &comment, (Open, Open), None)).await;
            assert!(done.is_ok(), "{comment}: {done:?}");
            sent += 1;
            let there = world
                .value("SELECT concat_ws(' ', count(*), count(DISTINCT id)) FROM public.ticket_comments")
                .await;
            assert_eq!(there, format!("{sent} {sent}"), "{comment}");
            if proxy.cuts() == cuts {
                break;
            }
        }
    }
    // Begin, four that look, seven that write, commit, and the connection's own first words: on either side of each.
    assert!(proxy.cuts() >= 28, "{}", proxy.cuts());
    let events = world.value("SELECT count(*) FROM desk.events WHERE action = 'ticket.reply'").await;
    assert_eq!(events, sent.to_string());
}

#[tokio::test]
async fn every_other_command_too_takes_effect_once_when_its_commit_got_lost() {
    let (world, ada, proxy, desk) = behind_a_proxy().await;
    let draft = Draft {
        comment: CommentId::new("d"),
        content: "text".to_owned(),
        last_comment: None,
        status_after: None,
        older_content: None,
        version: 0,
    };
    let fields = ProjectFields {
        title: "P".to_owned(),
        client: UserId::new("grace"),
        status: ProjectStatus::Pending,
        kind: ProjectType::Other,
        budget: None,
        start_date: None,
        end_date: None,
        description: None,
        requirements: None,
    };
    let commands = [
        assign("t", None, Some("ada")),
        set_status("t", Open, Pending),
        Command::SetPriority {
            ticket: TicketId::new("t"),
            change: Change::new(Priority::Normal, Priority::Low),
        },
        Command::CreateTicket {
            ticket: TicketId::new("new"),
            client: UserId::new("grace"),
            subject: "S".to_owned(),
            description: "D".to_owned(),
            priority: Priority::Normal,
        },
        Command::CreateProject { project: ProjectId::new("p"), fields: Box::new(fields) },
        Command::SaveDraft { ticket: TicketId::new("t"), draft },
    ];
    for command in commands {
        proxy.cut_after_commit();
        let done = desk.execute(&ada, command.clone()).await.unwrap();
        assert_eq!(done.other_text, None, "{command:?}");
    }
    assert_eq!(proxy.cuts(), 6);
    let left = "SELECT concat_ws(' ', (SELECT count(*) FROM public.support_tickets), (SELECT count(*) FROM public.projects), \
                       (SELECT count(*) FROM desk.drafts), (SELECT count(*) FROM desk.events WHERE entity <> 'session'))";
    assert_eq!(world.value(left).await, "2 1 1 5");
}

#[tokio::test]
async fn a_read_outlives_lost_connections() {
    let (_world, ada, proxy, desk) = behind_a_proxy().await;
    for _ in 0..3 {
        assert!(desk.fetch(&ada, Query::Thread(TicketId::new("t"))).await.is_ok());
        proxy.cut();
    }
    proxy.refuse(true);
    proxy.cut();
    let down = desk.fetch(&ada, Query::Staff).await.unwrap_err();
    assert!(matches!(down, Failure::Unavailable(_)), "{down:?}");
    let unsent = desk.execute(&ada, reply("t", "r", (Open, Open), None)).await.unwrap_err();
    assert!(matches!(unsent, Failure::Unavailable(_)), "{unsent:?}");
    proxy.refuse(false);
    assert!(desk.fetch(&ada, Query::Staff).await.is_ok());
    assert!(desk.execute(&ada, reply("t", "r", (Open, Open), None)).await.is_ok());
}

#[tokio::test]
async fn a_frozen_server_is_given_up_and_used_again_when_it_thaws() {
    let (_world, ada, proxy, desk) = behind_a_proxy().await;
    desk.fetch(&ada, Query::Staff).await.unwrap();
    proxy.freeze(true);
    let frozen = desk.fetch(&ada, Query::Staff).await.unwrap_err();
    assert!(matches!(frozen, Failure::Unavailable(_)), "{frozen:?}");
    proxy.freeze(false);
    assert!(desk.fetch(&ada, Query::Staff).await.is_ok());
}

#[tokio::test]
async fn twenty_who_read_at_once_leave_a_connection_for_the_one_who_writes() {
    let (world, ada, _proxy, _desk) = behind_a_proxy().await;
    let reads = (0..20).map(|_| world.desk.fetch(&ada, Query::Thread(TicketId::new("t"))));
    let (reads, written) = tokio::join!(
        futures_util::future::join_all(reads),
        world.execute(&ada, assign("t", None, Some("ada")))
    );
    assert!(reads.iter().all(Result::is_ok));
    written.unwrap();
}

#[tokio::test]
async fn what_triggers_left_is_folded_on_demand() {
    let (world, ada, _proxy, desk) = behind_a_proxy().await;
    let holder = world.db.connect().await;
    holder.batch_execute("BEGIN; SELECT FROM desk.tickets WHERE ticket_id = 't' FOR UPDATE").await.unwrap();
    world.comment("c", "t", "grace", "CLIENT", "0 seconds").await;
    assert_eq!(world.row(&ada, "t").await.comments, 0);
    assert!(desk.fold().await.unwrap(), "somebody holds the row: come again");
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(!desk.fold().await.unwrap());
    assert_eq!(world.row(&ada, "t").await.comments, 1);
}

fn connector(url: &str) -> Connector {
    pool::connector(url, Options::default()).unwrap()
}

/// Long enough for a busy machine, short enough for a test.
const HASTY: Patience = Patience { silence: Duration::from_millis(200), answer: Duration::from_millis(500) };

#[tokio::test]
async fn a_listener_hears_what_the_web_app_and_colleagues_change() {
    let (world, ada, _proxy, desk) = behind_a_proxy().await;
    let pool = pool::connect(world.db.url(), Options::default()).unwrap();
    let mut listener = Listener::connect(pool.connector(), Patience::default()).await.unwrap();
    world.sql("UPDATE public.support_tickets SET subject = 'New' WHERE id = 't'").await;
    let Heard::Ticket(ticket, version) = listener.next().await.unwrap() else { panic!() };
    assert_eq!((ticket.as_str(), version), ("t", world.row(&ada, "t").await.version));
    let done = desk.execute(&ada, assign("t", None, Some("ada"))).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Heard::Ticket(TicketId::new("t"), done.row.unwrap().version));
    world.sql("UPDATE public.users SET active = false WHERE id = 'alan'").await;
    assert_eq!(listener.next().await.unwrap(), Heard::Session(UserId::new("alan")));
    assert!(matches!(listener.next().await.unwrap(), Heard::User(user, _) if user.as_str() == "alan"));
}

#[tokio::test]
async fn a_listener_notices_that_its_connection_is_cut_and_hears_again_after_reconnecting() {
    let (world, _ada, proxy, _desk) = behind_a_proxy().await;
    let connector = connector(proxy.url());
    let mut listener = Listener::connect(&connector, Patience::default()).await.unwrap();
    proxy.cut();
    assert_eq!(*listener.next().await.unwrap_err().meaning(), Meaning::Unavailable);
    proxy.refuse(true);
    assert!(Listener::connect(&connector, HASTY).await.is_err());
    proxy.refuse(false);
    let mut listener = Listener::connect(&connector, Patience::default()).await.unwrap();
    world.sql("UPDATE public.support_tickets SET subject = 'New' WHERE id = 't'").await;
    assert!(matches!(listener.next().await.unwrap(), Heard::Ticket(..)));
}

#[tokio::test]
async fn a_listener_notices_that_the_server_is_frozen_and_bears_silence() {
    let (world, _ada, proxy, _desk) = behind_a_proxy().await;
    let mut listener = Listener::connect(&connector(proxy.url()), HASTY).await.unwrap();
    let silence = tokio::time::timeout(HASTY.silence * 3, listener.next()).await;
    assert!(silence.is_err(), "signs of life are no changes");
    world.sql("UPDATE public.support_tickets SET subject = 'New' WHERE id = 't'").await;
    assert!(matches!(listener.next().await.unwrap(), Heard::Ticket(..)));
    proxy.freeze(true);
    assert_eq!(*listener.next().await.unwrap_err().meaning(), Meaning::Timeout);
}

#[tokio::test]
async fn an_answer_carries_the_servers_clock() {
    let (world, ada, _proxy, desk) = behind_a_proxy().await;
    let loaded = desk.fetch(&ada, Query::Staff).await.unwrap();
    let now =
        world.value("SELECT extract(epoch FROM clock_timestamp())::bigint").await.parse::<i64>().unwrap();
    assert!((loaded.server_now.micros() / 1_000_000 - now).abs() < 60);
    assert!(matches!(loaded.answer, Answer::Staff(staff) if staff.len() == 2));
}
