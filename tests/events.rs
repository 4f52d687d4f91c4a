//! Everything that is done leaves its event, nothing that is written about people or clients does, and whoever may
//! read the log reads the right part of it.

use crate::support::world::{World, assign, reply, set_status, world};
use kaygia_desk::auth::{Actor, Password};
use kaygia_desk::desk::{Gateway, SignInFailure};
use kaygia_desk::domain::account::{AccountChange, AccountFields, ClientTexts, Erasure};
use kaygia_desk::domain::command::{
    Change, Command, LastComment, PasswordHash, ProjectChange, ProjectFields,
};
use kaygia_desk::domain::event::{Event, EventsOf, EventsPage, LogFilter};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, EventId, ProjectId, TicketId, UserId};
use kaygia_desk::domain::project::{ProjectStatus, ProjectType};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::session::Which;
use kaygia_desk::domain::ticket::{Draft, Priority, TicketStatus};
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::token::TokenKind;
use kaygia_desk::domain::user::Role;
use std::collections::BTreeSet;

/// What the log must never hold.
const PLANT: &str = "Zinnober";
/// One more than the highest number in [`place`].
const COMMANDS: usize = 22;

/// Each command's own number: a new one does not build until it is listed here, and then fails until it is tried.
fn place(command: &Command) -> usize {
    match command {
        Command::Assign { .. } => 0,
        Command::SetStatus { .. } => 1,
        Command::SetPriority { .. } => 2,
        Command::SetWaiting { .. } => 3,
        Command::Reply { .. } => 4,
        Command::CreateTicket { .. } => 5,
        Command::SaveDraft { .. } => 6,
        Command::DiscardDraft { .. } => 7,
        Command::MarkSeen { .. } => 8,
        Command::CreateProject { .. } => 9,
        Command::EditProject { .. } => 10,
        Command::IssueToken { .. } => 11,
        Command::AddUser { .. } => 12,
        Command::CreateUser { .. } => 13,
        Command::EditUser { .. } => 14,
        Command::SetActive { .. } => 15,
        Command::SetRole { .. } => 16,
        Command::ChangeMyPassword { .. } => 17,
        Command::EraseUser(_) => 18,
        Command::ExportUser { .. } => 19,
        Command::ExportEvents => 20,
        Command::EndSessions { .. } => 21,
    }
}

/// Drafts and read marks are somebody's own, change many times a minute, and are no business of anybody else's.
fn leaves_an_event(command: &Command) -> bool {
    !matches!(command, Command::SaveDraft { .. } | Command::DiscardDraft { .. } | Command::MarkSeen { .. })
}

fn planted() -> String {
    format!("{PLANT} <{PLANT}@example.test>")
}

fn commands() -> Vec<Command> {
    let ticket = || TicketId::new("t");
    let text = || Some(planted());
    let address = format!("{PLANT}@example.test");
    let draft = Draft {
        comment: CommentId::new("d"),
        content: planted(),
        last_comment: None,
        status_after: None,
        older_content: None,
        version: 0,
    };
    let fields = ProjectFields {
        title: planted(),
        client: UserId::new("grace"),
        status: ProjectStatus::Pending,
        kind: ProjectType::Website,
        budget: None,
        start_date: None,
        end_date: None,
        description: text(),
        requirements: text(),
    };
    let account =
        AccountFields { email: address.clone(), name: planted(), company: text(), role: Role::Client };
    let grace = || UserId::new("grace");
    vec![
        Command::EndSessions { user: UserId::new("ada"), which: Which::All },
        assign("t", None, Some("ada")),
        set_status("t", TicketStatus::Open, TicketStatus::Pending),
        Command::SetPriority { ticket: ticket(), change: Change::new(Priority::Normal, Priority::High) },
        Command::SaveDraft { ticket: ticket(), draft },
        Command::DiscardDraft { ticket: ticket(), comment: CommentId::new("d") },
        Command::MarkSeen { ticket: ticket(), up_to: Some(Timestamp::from_micros(1_700_000_000_000_000)) },
        Command::Reply {
            ticket: ticket(),
            comment: CommentId::new("c"),
            content: planted(),
            status: Change::new(TicketStatus::Pending, TicketStatus::Pending),
            last_comment: LastComment::Any,
        },
        Command::CreateTicket {
            ticket: TicketId::new("t2"),
            client: grace(),
            subject: planted(),
            description: planted(),
            priority: Priority::Normal,
        },
        Command::CreateProject { project: ProjectId::new("p"), fields: Box::new(fields) },
        Command::EditProject {
            project: ProjectId::new("p"),
            changes: vec![
                ProjectChange::Title(Change::new(planted(), format!("New {PLANT}"))),
                ProjectChange::Description(Change::new(text(), None)),
                ProjectChange::Requirements(Change::new(text(), Some(format!("New {PLANT}")))),
            ],
        },
        Command::IssueToken { user: grace(), kind: TokenKind::PasswordReset },
        Command::CreateUser { user: UserId::new("new"), fields: Box::new(account) },
        Command::EditUser {
            user: UserId::new("new"),
            changes: vec![
                AccountChange::Name(Change::new(text(), Some(format!("New {PLANT}")))),
                AccountChange::Company(Change::new(text(), Some(format!("New {PLANT}")))),
            ],
        },
        Command::SetActive { user: grace(), change: Change::new(true, false) },
        Command::SetRole { user: UserId::new("ada"), change: Change::new(Role::Admin, Role::SuperAdmin) },
        Command::ExportUser { user: UserId::new("new") },
        Command::ExportEvents,
        Command::EraseUser(Box::new(Erasure::new(UserId::new("new"), address, ClientTexts::Erase, [7; 16]))),
    ]
}

async fn newest(world: &World) -> String {
    world
        .value("SELECT concat_ws(' ', actor_kind, actor_id, action, entity, entity_id) FROM desk.events ORDER BY id DESC LIMIT 1")
        .await
}

/// The story: somebody asks who handed out a password reset last month, and the log knows nothing of it.
#[tokio::test]
async fn every_command_leaves_its_event_and_no_text_of_anybody() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "2 hours").await;
    world.sql("UPDATE public.users SET email = id || '@example.test'").await;
    let (alan, _) = (world.actor("alan").await, world.token("ada").await);
    let mut tried = BTreeSet::new();
    let add = Command::AddUser {
        user: UserId::new("first"),
        email: format!("first-{PLANT}@example.test"),
        name: planted(),
        company: Some(planted()),
        role: Role::Admin,
        password_hash: PasswordHash::new(format!("$2b$04${PLANT}")),
    };
    let waiting = world.row(&alan, "t").await.waiting_since;
    let waiting = Command::SetWaiting { ticket: TicketId::new("t"), change: Change::new(waiting, None) };
    let mine = Change::new(PasswordHash::new(""), PasswordHash::new(format!("$2b$04$New{PLANT}")));
    let mut all = vec![(Actor::operator(), add), (alan.clone(), waiting)];
    all.extend(commands().into_iter().map(|command| (alan.clone(), command)));
    all.push((alan, Command::ChangeMyPassword { change: mine }));
    for (actor, command) in all {
        if matches!(command, Command::ChangeMyPassword { .. }) {
            world.sql("UPDATE public.users SET password_hash = '' WHERE id = 'alan'").await;
        }
        let before = world.value("SELECT count(*) FROM desk.events").await.parse::<i64>().unwrap();
        let done = world.execute(&actor, command.clone()).await;
        assert!(done.is_ok(), "{command:?}: {done:?}");
        let after = world.value("SELECT count(*) FROM desk.events").await.parse::<i64>().unwrap();
        tried.insert(place(&command));
        if !leaves_an_event(&command) {
            assert_eq!(after, before, "{command:?}");
            continue;
        }
        assert!(after > before, "{command:?} left no event");
        let who = actor.user().map_or("operator".to_owned(), |user| format!("staff {}", user.as_str()));
        let entity = command.subject().0;
        let left = format!("{who} {} {entity}", command.name());
        assert!(newest(&world).await.starts_with(&left), "{left}: {}", newest(&world).await);
    }
    assert_eq!(tried.into_iter().collect::<Vec<_>>(), (0..COMMANDS).collect::<Vec<_>>());
    let log = "SELECT string_agg(concat_ws(' ', actor_id, action, entity, entity_id, before, after, origin), E'\\n') FROM desk.events";
    let log = world.value(log).await;
    for never in [PLANT, "@example", "Grace", "Hopper", "Lovelace", "Acme", "$2b$"] {
        assert!(!log.contains(never), "{never} in:\n{log}");
    }
}

/// A session from its beginning to its end, with somebody else at the keyboard in between.
#[tokio::test]
async fn a_session_leaves_an_event_at_each_turn() {
    let world = world().await;
    let password = |text: &str| Password::new(text.to_owned());
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}'")).await;
    let actor = world.desk.sign_in("ada@example.test", password("correct horse")).await.unwrap().actor;
    world.desk.locked(&actor).await.unwrap();
    assert_eq!(world.desk.unlock(&actor, password("battery")).await, Err(SignInFailure::Refused));
    let wait = "UPDATE desk.sign_ins SET next_at = next_at - interval '1 hour', last_at = last_at - interval '1 hour'";
    world.sql(wait).await;
    world.desk.unlock(&actor, password("correct horse")).await.unwrap();
    world.desk.sign_out(&actor).await.unwrap();
    let log = "SELECT string_agg(concat_ws(' ', actor_kind, actor_id, action, entity, \
                      CASE entity_id WHEN $session THEN 'this one' ELSE entity_id END, before, after, origin), '; ' ORDER BY id) \
                 FROM desk.events";
    let session = format!("'{}'", actor.session().unwrap().as_str());
    assert_eq!(
        world.value(&log.replace("$session", &session)).await.split("; ").collect::<Vec<_>>(),
        [
            "staff ada session.sign_in session this one {} test",
            "staff ada session.lock session this one {} test",
            "system session.refused user ada {} test",
            "staff ada session.unlock session this one {} test",
            "staff ada session.sign_out session this one {} test",
        ]
    );
    let alan = world.actor("alan").await;
    let of = EventsOf::Log(LogFilter::parse("action:session.", &jiff::tz::TimeZone::UTC).unwrap());
    assert_eq!(
        told(&events(&world, &alan, of, None, 9).await.0),
        [
            "Ada Lovelace signed out",
            "Ada Lovelace came back to the locked screen",
            "system refused a sign-in",
            "Ada Lovelace locked the screen",
            "Ada Lovelace signed in",
        ]
    );
}

#[tokio::test]
async fn what_is_denied_leaves_an_event_and_nothing_else() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "2 hours").await;
    let ada = world.actor("ada").await;
    let erase =
        Command::SetRole { user: UserId::new("ada"), change: Change::new(Role::Admin, Role::SuperAdmin) };
    assert!(matches!(world.execute(&ada, erase).await, Err(Failure::Denied(_))));
    let log = "SELECT concat_ws(' ', actor_kind, actor_id, action, entity, entity_id, after, origin) FROM desk.events ORDER BY id DESC LIMIT 1";
    assert_eq!(world.value(log).await, r#"staff ada denied user ada {"command": "user.role"} test"#);
    let to_client = assign("t", None, Some("grace"));
    assert!(matches!(world.execute(&ada, to_client).await, Err(Failure::Denied(_))));
    assert_eq!(world.value(log).await, r#"staff ada denied ticket t {"command": "ticket.assign"} test"#);
    world.sql("UPDATE public.users SET role = 'CLIENT' WHERE id = 'ada'").await;
    let reply = reply("t", "r", (TicketStatus::Open, TicketStatus::Open), None);
    assert!(matches!(world.execute(&ada, reply).await, Err(Failure::SignedOut(_))));
    assert_eq!(
        world.value("SELECT count(*) FROM desk.events WHERE action = 'denied' AND after ->> 'command' = 'ticket.reply'").await,
        "1"
    );
    assert_eq!(world.value("SELECT count(*) FROM public.ticket_comments").await, "0");
}

async fn events(
    world: &World,
    actor: &Actor,
    of: EventsOf,
    before: Option<EventId>,
    limit: u16,
) -> (Vec<Event>, bool) {
    match world.fetch(actor, Query::Events(EventsPage { of, before, limit })).await {
        Answer::Events { events, more } => (events, more),
        other => panic!("{other:?}"),
    }
}

fn told(events: &[Event]) -> Vec<String> {
    let undone = |event: &Event| if event.undone_by.is_some() { " (undone)" } else { "" };
    events.iter().map(|event| format!("{} {}{}", event.actor_name, event.words(), undone(event))).collect()
}

#[tokio::test]
async fn the_history_of_a_ticket_is_told_in_words_newest_first_in_pages() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "2 hours").await;
    world.ticket("u", "grace", "OPEN", "2 hours").await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    world.execute(&ada, assign("t", None, Some("alan"))).await.unwrap();
    world.execute(&ada, assign("u", None, Some("alan"))).await.unwrap();
    let set = set_status("t", TicketStatus::Open, TicketStatus::Pending);
    let done = world.execute(&alan, set.clone()).await.unwrap();
    world.desk.undo(&alan, set.inverse().unwrap(), done.event).await.unwrap();
    world.execute(&ada, reply("t", "r", (TicketStatus::Open, TicketStatus::Resolved), None)).await.unwrap();
    let of = || EventsOf::Ticket(TicketId::new("t"));
    let (all, more) = events(&world, &ada, of(), None, 10).await;
    assert_eq!(
        told(&all),
        [
            "Ada Lovelace replied, and set the status OPEN -> RESOLVED",
            "Alan Turing took back: set the status PENDING -> OPEN",
            "Alan Turing set the status OPEN -> PENDING (undone)",
            "Ada Lovelace gave it to Alan Turing",
        ]
    );
    assert!(!more);
    assert_eq!((all[0].origin.as_str(), all[0].subject.as_ref().unwrap().as_str()), ("test", "N-t"));
    let (first, more) = events(&world, &ada, of(), None, 3).await;
    assert_eq!((first.len(), more), (3, true));
    let (rest, more) = events(&world, &ada, of(), Some(first[2].id), 3).await;
    assert_eq!((told(&rest), more), (told(&all[3..]), false));
}

#[tokio::test]
async fn the_log_is_filtered_by_person_action_and_time_and_an_admin_reads_the_own_part() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "2 hours").await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    world.execute(&ada, assign("t", None, Some("ada"))).await.unwrap();
    world.execute(&alan, set_status("t", TicketStatus::Open, TicketStatus::Pending)).await.unwrap();
    world.sql("INSERT INTO desk.events (actor_kind, action, entity, entity_id) VALUES ('system', 'session.refused', 'user', 'unknown'), ('operator', 'a_b', 'x', 'y')").await;
    let zone = jiff::tz::TimeZone::UTC;
    let today = world.value("SELECT (clock_timestamp() AT TIME ZONE 'utc')::date").await;
    let cases = [
        (String::new(), vec!["a_b", "session.refused", "ticket.status", "ticket.assign"]),
        ("who:lovelace".to_owned(), vec!["ticket.assign"]),
        ("who:ALAN".to_owned(), vec!["ticket.status"]),
        ("who:alan action:ticket.assign".to_owned(), vec![]),
        ("who:%".to_owned(), vec![]),
        ("who:_da".to_owned(), vec![]),
        ("who:\"a' OR true --\"".to_owned(), vec![]),
        ("who:system".to_owned(), vec!["session.refused"]),
        ("who:operator".to_owned(), vec!["a_b"]),
        ("action:ticket".to_owned(), vec!["ticket.status", "ticket.assign"]),
        ("action:a_".to_owned(), vec!["a_b"]),
        ("action:_".to_owned(), vec![]),
        ("action:%".to_owned(), vec![]),
        (format!("action:ticket since:{today} until:{today}"), vec!["ticket.status", "ticket.assign"]),
        ("until:2026-01-01".to_owned(), vec![]),
        ("since:2999-01-01".to_owned(), vec![]),
    ];
    for (filter, actions) in cases {
        let of = EventsOf::Log(LogFilter::parse(&filter, &zone).unwrap());
        let (found, _) = events(&world, &alan, of.clone(), None, 10).await;
        let found: Vec<&str> = found.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(found, actions, "{filter}");
        let (own, _) = events(&world, &ada, of, None, 10).await;
        assert!(
            own.iter().all(|event| event.actor.as_ref().is_some_and(|id| id.as_str() == "ada")),
            "{filter}"
        );
    }
    let (own, _) = events(&world, &ada, EventsOf::Log(LogFilter::default()), None, 10).await;
    assert_eq!(told(&own), ["Ada Lovelace gave it to Ada Lovelace"]);
}
