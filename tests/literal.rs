//! What is typed to find something is text, whatever SQL or its patterns would make of it.

use crate::support::world::{World, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::domain::event::{EventsOf, EventsPage, LogFilter};
use kaygia_desk::domain::query::{Answer, BoardFilter, Query, QueuePage, TicketFilter, TicketSort, Window};

/// Each stands in one client's name, another's company, one title and one number; none matches another's.
const NASTY: [&str; 30] = [
    "100%",
    "50% off",
    "a_b_c",
    "___",
    "%%%",
    "%_%",
    "\\\\\\",
    "a\\%b",
    "a\\_b",
    "x'; DROP TABLE public.users; --",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "'';--",
    "/* x */",
    "$1 $2 $3",
    "$$ x $$",
    "E'\\x41'",
    "U&'\\0041'",
    "::text",
    "{a,b}",
    "(SELECT 1)",
    "a|b|c",
    "^abc$",
    ".*.*",
    "[a-z]+",
    "?!?",
    "~~*~~",
    "NULL::x",
    "\u{ff05}\u{ff05}x",
    "İıſK",
];

async fn found(world: &World, actor: &Actor, query: Query) -> Vec<String> {
    match world.fetch(actor, query).await {
        Answer::Clients(rows) => rows.iter().map(|row| row.person.id.as_str().to_owned()).collect(),
        Answer::Account(found) => found.iter().map(|person| person.id.as_str().to_owned()).collect(),
        Answer::Board(columns) => columns
            .iter()
            .flat_map(|column| column.cards.iter().map(|card| card.id.as_str().to_owned()))
            .collect(),
        Answer::Queue { rows, .. } => rows.iter().map(|row| row.id.as_str().to_owned()).collect(),
        Answer::TicketByNumber(ticket) => ticket.iter().map(|id| id.as_str().to_owned()).collect(),
        Answer::Events { events, .. } => {
            events.iter().filter_map(|event| event.actor.as_ref()).map(|id| id.as_str().to_owned()).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The story: `%` in the reset form of a desk matched every token there was (CVE-2020-1772).
#[tokio::test]
async fn what_is_typed_is_found_as_it_is_and_finds_nothing_else() {
    let world = world().await;
    for (n, text) in NASTY.iter().enumerate() {
        let (client, id) = (format!("c{n}"), format!("x{n}"));
        world.user(&client, text, "CLIENT").await;
        world.ticket(&id, &client, "OPEN", "1 hour").await;
        world.project(&id, &client, "PENDING", None).await;
        let db = &world.db.client;
        db.execute("UPDATE public.support_tickets SET ticket_number = $2 WHERE id = $1", &[&id, text])
            .await
            .unwrap();
        db.execute("UPDATE public.users SET email = $2 WHERE id = $1", &[&client, text]).await.unwrap();
        db.execute("UPDATE public.projects SET title = $2 WHERE id = $1", &[&id, text]).await.unwrap();
        // Somebody whose company alone is called so.
        let (other, theirs) = (format!("k{n}"), format!("y{n}"));
        world.user(&other, "Plain Name", "CLIENT").await;
        world.ticket(&theirs, &other, "OPEN", "2 hours").await;
        world.project(&theirs, &other, "PENDING", None).await;
        db.execute("UPDATE public.users SET company = $2 WHERE id = $1", &[&other, text]).await.unwrap();
        db.execute(
            "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id) VALUES ('staff', $1, $2, 'x', 'y')",
            &[&client, text],
        )
        .await
        .unwrap();
    }
    let alan = world.actor("alan").await;
    let mut wrong = Vec::new();
    for (n, text) in NASTY.iter().enumerate() {
        let text = (*text).to_owned();
        let page = |filter| {
            Query::Queue(QueuePage { filter, sort: TicketSort::Activity, window: Window::First, limit: 50 })
        };
        let log = |filter| Query::Events(EventsPage { of: EventsOf::Log(filter), before: None, limit: 50 });
        let (client, id) = (format!("c{n}"), format!("x{n}"));
        // By the name of one and the company of another.
        let (clients, both) = (format!("{client} k{n}"), format!("{id} y{n}"));
        let cases = [
            ("account", &client, Query::Account(text.clone())),
            ("clients", &clients, Query::Clients(text.clone())),
            ("board", &both, Query::Board(BoardFilter { client: None, text: text.clone() })),
            ("client's tickets", &both, page(TicketFilter::ClientText(text.clone()))),
            ("number", &id, page(TicketFilter::Number(text.clone()))),
            ("jump", &id, Query::TicketByNumber(text.clone())),
            ("who", &client, log(LogFilter { who: Some(text.clone()), ..LogFilter::default() })),
            ("action", &client, log(LogFilter { action: Some(text.clone()), ..LogFilter::default() })),
        ];
        for (what, expected, query) in cases {
            let mut found = found(&world, &alan, query).await;
            found.sort_unstable();
            if found.join(" ") != *expected {
                wrong.push(format!("{what} {text:?}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(world.value("SELECT count(*) FROM public.users WHERE role = 'CLIENT'").await, "61");
}
