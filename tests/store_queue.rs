//! The queue: views, order, pages in both directions, counts, search.

use crate::support::world::{Page, World, empty_world, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::domain::ids::{TicketId, UserId};
use kaygia_desk::domain::query::{
    Answer, Assignee, Place, Query, TicketFilter, TicketSort, TicketTerm, Window,
};
use kaygia_desk::domain::ticket::TicketStatus;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn all(terms: &[TicketTerm]) -> TicketFilter {
    TicketFilter::All(terms.to_vec())
}

/// Forty tickets over all statuses, some waiting, some answered, some at the very same moment.
async fn forty() -> (World, Actor) {
    let world = world().await;
    world.user("hugo", "Hugo", "CLIENT").await;
    for n in 0..40_u32 {
        let status = ["OPEN", "PENDING", "RESOLVED", "CLOSED"][n as usize % 4];
        let id = format!("t{n:02}");
        let ago = format!("{} days", n / 2 + 2);
        world.ticket(&id, if n % 3 == 0 { "hugo" } else { "grace" }, status, &ago).await;
        if n % 5 == 1 {
            world.comment(&format!("c{n}"), &id, "ada", "ADMIN", "1 day").await;
        }
    }
    world.sql("UPDATE desk.tickets SET assignee_id = 'ada' WHERE ticket_id IN ('t00', 't05', 't08')").await;
    let ada = world.actor("ada").await;
    (world, ada)
}

/// The model: what SQL over the web app's tables alone says.
async fn model(world: &World, terms: &str, sort: TicketSort) -> Vec<String> {
    let order = match sort {
        TicketSort::Waiting => "m.waiting_since, m.last DESC, m.id",
        TicketSort::Activity => "m.last DESC, m.id DESC",
    };
    let statement = format!(
        "SELECT m.id FROM (SELECT t.id, t.status::text AS status, d.assignee_id, d.waiting_since, \
                coalesce((SELECT max(c.created_at) FROM public.ticket_comments c WHERE c.ticket_id = t.id), t.created_at) AS last \
           FROM public.support_tickets t JOIN desk.tickets d ON d.ticket_id = t.id) m WHERE {terms} ORDER BY {order}"
    );
    world.db.client.query(&statement, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_view_finds_what_the_web_apps_tables_say_in_both_orders() {
    let (world, ada) = forty().await;
    let active = "(m.status IN ('OPEN', 'PENDING') OR m.waiting_since IS NOT NULL)";
    let now = "(clock_timestamp() AT TIME ZONE 'utc')";
    let views = [
        (
            all(&[TicketTerm::Active, TicketTerm::Assignee(Assignee::Me)]),
            format!("{active} AND m.assignee_id = 'ada'"),
        ),
        (
            all(&[TicketTerm::Assignee(Assignee::Nobody), TicketTerm::Active]),
            format!("{active} AND m.assignee_id IS NULL"),
        ),
        (
            all(&[TicketTerm::Status(TicketStatus::Pending), TicketTerm::SilentFor(7 * DAY)]),
            format!("m.status = 'PENDING' AND m.last < {now} - interval '7 days'"),
        ),
        (all(&[TicketTerm::Active]), active.to_owned()),
        (
            all(&[TicketTerm::Status(TicketStatus::Resolved), TicketTerm::UpdatedWithin(14 * DAY)]),
            format!("m.status = 'RESOLVED' AND m.last > {now} - interval '14 days'"),
        ),
        (all(&[]), "true".to_owned()),
        (
            all(&[TicketTerm::Assignee(Assignee::Person(UserId::new("ada")))]),
            "m.assignee_id = 'ada'".to_owned(),
        ),
    ];
    for (filter, terms) in views {
        for sort in [TicketSort::Waiting, TicketSort::Activity] {
            let expected = model(&world, &terms, sort).await;
            assert!(!expected.is_empty(), "{terms}");
            assert_eq!(world.ids(&ada, filter.clone(), sort).await, expected, "{terms} {sort:?}");
            walks_both_ways(&world, &ada, &filter, sort, &expected).await;
        }
        let Answer::Counts(counts) = world.fetch(&ada, Query::Counts(vec![filter.clone(), filter])).await
        else {
            panic!()
        };
        let expected = model(&world, &terms, TicketSort::Activity).await.len();
        assert_eq!(counts.iter().map(|count| count.number() as usize).collect::<Vec<_>>(), [expected; 2]);
    }
}

/// Pages forwards, then backwards, then from the middle; the flags are exact at every step.
async fn walks_both_ways(
    world: &World,
    ada: &Actor,
    filter: &TicketFilter,
    sort: TicketSort,
    expected: &[String],
) {
    let page = async |window: Window| -> Page { world.page(ada, filter.clone(), sort, window, 7).await };
    let check = |page: &Page, from: usize| {
        let to = (from + 7).min(expected.len());
        assert_eq!(page.ids(), expected[from..to]);
        assert_eq!((page.before, page.after), (from > 0, to < expected.len()), "{from} {sort:?} {filter:?}");
    };
    let mut from = 0;
    let mut forward = page(Window::First).await;
    check(&forward, 0);
    while forward.after {
        from += 7;
        forward = page(Window::After(Place::of(forward.rows.last().unwrap(), sort))).await;
        check(&forward, from);
    }
    let mut at = expected.len().saturating_sub(7);
    let mut backward = page(Window::Last).await;
    check(&backward, at);
    while backward.before && at >= 7 {
        at -= 7;
        backward = page(Window::Before(Place::of(&backward.rows[0], sort))).await;
        check(&backward, at);
    }
    let middle = world.page(ada, filter.clone(), sort, Window::First, 1000).await;
    let half = expected.len() / 2;
    check(&page(Window::From(Place::of(&middle.rows[half], sort))).await, half);
}

#[tokio::test]
async fn a_place_whose_ticket_moved_away_still_divides_the_queue() {
    let (world, ada) = forty().await;
    let filter = all(&[TicketTerm::Active]);
    let first = world.page(&ada, filter.clone(), TicketSort::Waiting, Window::First, 1).await;
    let place = Place::of(&first.rows[0], TicketSort::Waiting);
    world
        .sql(&format!("DELETE FROM public.support_tickets WHERE id = '{}'", first.rows[0].id.as_str()))
        .await;
    let rest = world.page(&ada, filter, TicketSort::Waiting, Window::After(place), 5).await;
    assert!(!rest.before, "nothing is left before the place");
    assert!(rest.after);
}

#[tokio::test]
async fn a_clients_text_finds_the_tickets_of_all_clients_that_match_newest_activity_first() {
    let (world, ada) = forty().await;
    let expected = model(
        &world,
        "m.id IN (SELECT id FROM public.support_tickets WHERE client_id = 'grace')",
        TicketSort::Activity,
    )
    .await;
    for text in ["acme", "HOPPER", "grace hop", "grace@example"] {
        let filter = TicketFilter::ClientText(text.to_owned());
        assert_eq!(world.ids(&ada, filter.clone(), TicketSort::Waiting).await, expected, "{text}");
        walks_both_ways(&world, &ada, &filter, TicketSort::Activity, &expected).await;
    }
    let everybody = TicketFilter::ClientText("example.test".to_owned());
    assert_eq!(world.ids(&ada, everybody, TicketSort::Waiting).await.len(), 40);
    for text in ["%", "_", "\\", "a%e", "lovelace"] {
        let none = TicketFilter::ClientText(text.to_owned());
        assert_eq!(world.ids(&ada, none, TicketSort::Waiting).await, [""; 0], "{text}");
    }
    let of_hugo = world.ids(&ada, TicketFilter::Client(UserId::new("hugo")), TicketSort::Waiting).await;
    assert_eq!(of_hugo.len(), 14);
    let short = world.ids(&ada, TicketFilter::ClientText("hu".to_owned()), TicketSort::Waiting).await;
    assert_eq!(short, of_hugo);
}

#[tokio::test]
async fn a_number_is_found_exactly_by_its_numeric_part_or_by_its_beginning() {
    let world = world().await;
    for (id, number, ago) in [
        ("a", "TKT-1042", "3 hours"),
        ("b", "TKT-10420", "2 hours"),
        ("c", "OLD-1042", "9 days"),
        ("d", "0001042", "8 days"),
        ("e", "50%_off", "7 days"),
        ("f", "TKT-7", "1 hour"),
    ] {
        world.ticket(id, "grace", "OPEN", ago).await;
        world
            .sql(&format!("UPDATE public.support_tickets SET ticket_number = '{number}' WHERE id = '{id}'"))
            .await;
    }
    let ada = world.actor("ada").await;
    let cases: [(&str, &[&str]); 8] = [
        ("TKT-1042", &["a", "b"]),
        ("tkt-1042", &["a", "b"]),
        ("#TKT-7", &["f"]),
        ("1042", &["d", "c", "a", "b"]),
        ("104", &["a", "b"]),
        ("50%", &["e"]),
        ("%", &[]),
        ("OLD", &["c"]),
    ];
    for (typed, expected) in cases {
        let page = world
            .page(&ada, TicketFilter::Number(typed.to_owned()), TicketSort::Waiting, Window::First, 9)
            .await;
        assert_eq!(page.ids(), expected, "{typed}");
        assert!(!page.before && !page.after);
    }
    for (typed, found) in [
        ("1042", Some("a")),
        ("OLD-1042", Some("c")),
        ("0001042", Some("d")),
        ("tkt-7", Some("f")),
        ("9", None),
        ("", None),
    ] {
        let answer = world.fetch(&ada, Query::TicketByNumber(typed.to_owned())).await;
        assert_eq!(answer, Answer::TicketByNumber(found.map(TicketId::new)), "{typed}");
    }
}

#[tokio::test]
async fn unread_is_what_somebody_else_wrote_since_i_looked() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "5 hours").await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    assert!(world.row(&ada, "t").await.unread, "never seen");
    let seen = world.row(&ada, "t").await.last_activity_at;
    let mark = |up_to| kaygia_desk::domain::command::Command::MarkSeen { ticket: TicketId::new("t"), up_to };
    let done = world.execute(&ada, mark(Some(seen))).await.unwrap();
    assert!(!done.row.unwrap().unread);
    assert!(world.row(&alan, "t").await.unread, "another reader's marks are their own");
    world.comment("c1", "t", "alan", "ADMIN", "1 hour").await;
    assert!(world.row(&ada, "t").await.unread);
    assert!(!world.row(&alan, "t").await.unread, "I wrote it myself");
    world.execute(&ada, mark(Some(world.row(&ada, "t").await.last_activity_at))).await.unwrap();
    assert!(!world.row(&ada, "t").await.unread);
    world.execute(&ada, mark(None)).await.unwrap();
    assert!(world.row(&ada, "t").await.unread);
}

#[tokio::test]
async fn infinite_times_and_unknown_values_are_shown_and_paged_like_any() {
    let world = world().await;
    world.sql("ALTER TYPE public.ticket_status ADD VALUE 'ON_HOLD'; ALTER TYPE public.comment_sender ADD VALUE 'BOT'").await;
    for (id, status, at) in
        [("a", "ON_HOLD", "infinity"), ("b", "OPEN", "-infinity"), ("c", "OPEN", "2026-01-01")]
    {
        world.ticket(id, "grace", status, "1 day").await;
        world.sql(&format!("UPDATE public.support_tickets SET created_at = '{at}' WHERE id = '{id}'")).await;
    }
    world.sql("SELECT desk.fold(100)").await;
    world.comment("k", "c", "ada", "BOT", "1 hour").await;
    let ada = world.actor("ada").await;
    for sort in [TicketSort::Waiting, TicketSort::Activity] {
        let whole = world.ids(&ada, all(&[]), sort).await;
        assert_eq!(whole.len(), 3);
        let mut walked = Vec::new();
        let mut window = Window::First;
        loop {
            let page = world.page(&ada, all(&[]), sort, window, 1).await;
            walked.extend(page.ids());
            if !page.after {
                break;
            }
            window = Window::After(Place::of(&page.rows[0], sort));
        }
        assert_eq!(walked, whole, "{sort:?}");
    }
    assert_eq!(world.row(&ada, "a").await.status, TicketStatus::Unknown("ON_HOLD".into()));
    assert_eq!(world.thread(&ada, "c").await.comments[0].side.label(), "BOT");
    let held = all(&[TicketTerm::Status(TicketStatus::Unknown("ON_HOLD".into()))]);
    assert_eq!(world.ids(&ada, held, TicketSort::Waiting).await, ["a"]);
}

#[tokio::test]
async fn an_empty_database_has_an_empty_queue() {
    let world = empty_world().await;
    world.user("ada", "Ada", "ADMIN").await;
    let ada = world.actor("ada").await;
    for window in [Window::First, Window::Last] {
        let page = world.page(&ada, all(&[TicketTerm::Active]), TicketSort::Waiting, window, 50).await;
        assert!(page.rows.is_empty() && !page.before && !page.after);
    }
    assert_eq!(world.fetch(&ada, Query::Counts(Vec::new())).await, Answer::Counts(Vec::new()));
}
