//! New tickets and their numbers, projects and their fields, the board, clients, hostile ids.

use crate::support::world::{World, assign, desk_at, empty_world, reply, set_status, world};
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::command::{Change, Command, PasswordHash, ProjectChange, ProjectFields};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{ProjectId, TicketId, UserId};
use kaygia_desk::domain::money::Budget;
use kaygia_desk::domain::project::{Project, ProjectStatus, ProjectType};
use kaygia_desk::domain::query::{Answer, BoardColumn, BoardFilter, Query};
use kaygia_desk::domain::ticket::{Priority, TicketStatus};
use kaygia_desk::domain::time::date_to_timestamp;
use kaygia_desk::domain::user::Role;

fn create(id: &str, client: &str) -> Command {
    Command::CreateTicket {
        ticket: TicketId::new(id),
        client: UserId::new(client),
        subject: "Subject".to_owned(),
        description: "Description".to_owned(),
        priority: Priority::High,
    }
}

async fn number_of(world: &World, actor: &Actor, id: &str) -> String {
    let row = world.execute(actor, create(id, "grace")).await.unwrap().row.unwrap();
    row.number.as_str().to_owned()
}

#[tokio::test]
async fn numbers_go_on_as_the_newest_ticket_has_them() {
    let world = world().await;
    let ada = world.actor("ada").await;
    assert_eq!(number_of(&world, &ada, "first").await, "TKT-1001", "the default");
    let number = async |id: &str, number: &str| {
        world.ticket(id, "grace", "OPEN", "0 seconds").await;
        world
            .sql(&format!("UPDATE public.support_tickets SET ticket_number = '{number}' WHERE id = '{id}'"))
            .await;
    };
    number("a", "ACME-000041").await;
    assert_eq!(number_of(&world, &ada, "b").await, "ACME-000042", "width and prefix of the newest");
    number("c", "TKT-5").await;
    assert_eq!(number_of(&world, &ada, "d").await, "TKT-1002", "the highest of that prefix, not the newest");
    number("e", "no digits").await;
    number("f", "X99999999999999999999999999").await;
    assert_eq!(
        number_of(&world, &ada, "g").await,
        "TKT-1003",
        "what has no number to go on from is passed over"
    );
    number("h", "Y999999999999999999").await;
    assert_eq!(number_of(&world, &ada, "i").await, "Y1000000000000000000");
}

#[tokio::test]
async fn many_tickets_opened_at_once_get_one_number_each_and_exactly_one_ticket() {
    let world = world().await;
    let ada = world.actor("ada").await;
    let desks = [desk_at(world.db.url()), desk_at(world.db.url()), desk_at(world.db.url())];
    let creations = (0..24).map(|n| desks[n % 3].execute(&ada, create(&format!("t{n}"), "grace")));
    for done in futures_util::future::join_all(creations).await {
        assert!(done.unwrap().event.is_some());
    }
    assert_eq!(
        world.value("SELECT concat_ws(' ', count(*), min(ticket_number), max(ticket_number)) FROM public.support_tickets").await,
        "24 TKT-1001 TKT-1024"
    );
}

#[tokio::test]
async fn a_new_ticket_belongs_to_its_client_waits_and_is_read_by_its_author() {
    let world = world().await;
    let ada = world.actor("ada").await;
    let row = world.execute(&ada, create("t", "grace")).await.unwrap().row.unwrap();
    assert_eq!((row.client.account_name(), row.priority, row.unread), ("Acme Ltd", Priority::High, false));
    assert_eq!(row.waiting_since, Some(row.created_at));
    let again = world.execute(&ada, create("t", "grace")).await.unwrap();
    assert_eq!((again.event, again.row.unwrap().number.as_str()), (None, "TKT-1001"));
    world.user("hugo", "Hugo", "CLIENT").await;
    assert!(matches!(world.execute(&ada, create("t", "hugo")).await, Err(Failure::Invalid(_))));
}

#[tokio::test]
async fn ids_of_any_kind_go_through_every_query_and_command() {
    let world = world().await;
    let long = "x".repeat(300);
    let ada = world.actor("ada").await;
    for id in ["-rf", "..", "'; DROP TABLE users; --", "%_\\", "Ünïcode 東京", "A", "a", long.as_str()] {
        world
            .db
            .client
            .execute(
                "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) \
                 VALUES ($1, $1, 's', 'd', 'grace')",
                &[&id],
            )
            .await
            .unwrap();
        world.execute(&ada, assign(id, None, Some("ada"))).await.unwrap();
        world
            .execute(
                &ada,
                reply(id, &format!("comment {id}"), (TicketStatus::Open, TicketStatus::Pending), None),
            )
            .await
            .unwrap();
        world.execute(&ada, set_status(id, TicketStatus::Pending, TicketStatus::Closed)).await.unwrap();
        let thread = world.thread(&ada, id).await;
        assert_eq!((thread.ticket.id.as_str(), thread.comments.len()), (id, 1));
        let found = world.fetch(&ada, Query::TicketByNumber(id.to_owned())).await;
        assert_eq!(found, Answer::TicketByNumber(Some(TicketId::new(id))));
    }
}

fn fields(title: &str) -> ProjectFields {
    ProjectFields {
        title: title.to_owned(),
        client: UserId::new("grace"),
        status: ProjectStatus::Pending,
        kind: ProjectType::ECommerce,
        budget: Some(Budget::new(24500.5)),
        start_date: None,
        end_date: Some(date_to_timestamp(jiff::civil::date(2026, 12, 1))),
        description: None,
        requirements: Some("All of it".to_owned()),
    }
}

async fn project(world: &World, actor: &Actor, id: &str) -> Project {
    match world.fetch(actor, Query::Project(ProjectId::new(id))).await {
        Answer::Project(Some(project)) => *project,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_project_is_made_once_and_edited_field_by_field() {
    let world = world().await;
    let ada = world.actor("ada").await;
    let make = Command::CreateProject { project: ProjectId::new("p"), fields: Box::new(fields("Shop")) };
    assert!(world.execute(&ada, make.clone()).await.unwrap().event.is_some());
    assert!(world.execute(&ada, make).await.unwrap().event.is_none(), "sent twice, made once");
    let edit = |changes: Vec<ProjectChange>| Command::EditProject { project: ProjectId::new("p"), changes };
    let changes = vec![
        ProjectChange::Status(Change::new(ProjectStatus::Pending, ProjectStatus::Review)),
        ProjectChange::Budget(Change::new(Some(Budget::new(24500.5)), None)),
        ProjectChange::Requirements(Change::new(Some("All of it".to_owned()), Some("More".to_owned()))),
    ];
    world.execute(&ada, edit(changes.clone())).await.unwrap();
    let now = project(&world, &ada, "p").await;
    assert_eq!(
        (now.card.status, now.card.budget, now.card.title.as_str()),
        (ProjectStatus::Review, None, "Shop")
    );
    assert_eq!(now.requirements.unwrap().as_str(), "More");
    assert_eq!(
        world
            .value("SELECT concat_ws(' ', before, after) FROM desk.events WHERE action = 'project.edit'")
            .await,
        r#"{"budget": "24500.5", "status": "PENDING", "requirements": 9} {"budget": null, "status": "REVIEW", "requirements": 4}"#
    );
    let undo = Command::EditProject { project: ProjectId::new("p"), changes }.inverse().unwrap();
    world.desk.undo(&ada, undo, Some(kaygia_desk::domain::ids::EventId(7))).await.unwrap();
    assert_eq!(project(&world, &ada, "p").await.card.budget, Some(Budget::new(24500.5)));
    assert_eq!(world.value("SELECT undoes FROM desk.events ORDER BY id DESC LIMIT 1").await, "7");
    world.sql("UPDATE public.projects SET title = 'Theirs' WHERE id = 'p'").await;
    let both = vec![
        ProjectChange::Status(Change::new(ProjectStatus::Pending, ProjectStatus::Cancelled)),
        ProjectChange::Title(Change::new("Shop".to_owned(), "Mine".to_owned())),
    ];
    let refused = world.execute(&ada, edit(both)).await.unwrap_err();
    assert!(
        matches!(&refused, Failure::Overtaken { field: "title", now, by: None } if now.as_str() == "Theirs")
    );
    assert_eq!(project(&world, &ada, "p").await.card.status, ProjectStatus::Pending, "all or none");
}

#[tokio::test]
async fn budgets_that_are_no_numbers_are_shown_and_can_be_replaced() {
    let world = world().await;
    let ada = world.actor("ada").await;
    world.project("p", "grace", "PENDING", None).await;
    for odd in ["NaN", "Infinity", "-1", "3.4e38"] {
        world.sql(&format!("UPDATE public.projects SET budget = '{odd}' WHERE id = 'p'")).await;
        let seen = project(&world, &ada, "p").await.card.budget;
        let change = ProjectChange::Budget(Change::new(seen, Some(Budget::new(5.0))));
        let command = Command::EditProject { project: ProjectId::new("p"), changes: vec![change] };
        assert!(world.execute(&ada, command).await.unwrap().event.is_some(), "{odd}");
    }
}

async fn board(world: &World, actor: &Actor, filter: BoardFilter) -> Vec<BoardColumn> {
    match world.fetch(actor, Query::Board(filter)).await {
        Answer::Board(columns) => columns,
        other => panic!("{other:?}"),
    }
}

fn titles(column: &BoardColumn) -> Vec<&str> {
    column.cards.iter().map(|card| card.title.as_str()).collect()
}

#[tokio::test]
async fn the_board_has_its_columns_in_order_and_goes_on_where_a_column_ends() {
    let world = world().await;
    world.sql("ALTER TYPE public.project_status ADD VALUE 'PARKED' BEFORE 'PENDING'").await;
    world.user("hugo", "Hugo", "CLIENT").await;
    for n in 0..130 {
        let end = (n % 3 > 0).then(|| format!("2026-{:02}-01", n % 12 + 1));
        world
            .project(&format!("p{n:03}"), if n % 2 == 0 { "grace" } else { "hugo" }, "REVIEW", end.as_deref())
            .await;
    }
    world.project("late", "hugo", "PARKED", Some("infinity")).await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    let columns = board(&world, &ada, BoardFilter::default()).await;
    let names: Vec<&str> = columns.iter().map(|column| column.status.as_str()).collect();
    assert_eq!(names, ["PENDING", "APPROVED", "IN_PROGRESS", "REVIEW", "COMPLETED", "CANCELLED", "PARKED"]);
    let review = &columns[3];
    assert_eq!((review.count.number(), review.cards.len(), columns[0].cards.len()), (130, 50, 0));
    assert_eq!(titles(&columns[6]), ["Title of late"]);
    let of_grace = review.cards.iter().find(|card| card.client.id.as_str() == "grace").unwrap();
    assert_eq!(of_grace.open_tickets, 1);
    let mut walked = review.cards.clone();
    loop {
        let after = Box::new(walked.last().unwrap().clone());
        let query =
            Query::BoardColumn { filter: BoardFilter::default(), status: ProjectStatus::Review, after };
        let Answer::BoardColumn { cards, .. } = world.fetch(&ada, query).await else { panic!() };
        if cards.is_empty() {
            break;
        }
        walked.extend(cards);
    }
    let expected = world
        .db
        .client
        .query("SELECT id FROM public.projects WHERE status = 'REVIEW' ORDER BY end_date NULLS LAST, lower(title), id", &[])
        .await
        .unwrap();
    let expected: Vec<String> = expected.iter().map(|row| row.get(0)).collect();
    assert_eq!(walked.iter().map(|card| card.id.as_str().to_owned()).collect::<Vec<_>>(), expected);
    let narrow = BoardFilter { client: Some(UserId::new("hugo")), text: "of p00".to_owned() };
    assert_eq!(board(&world, &ada, narrow).await[3].count.number(), 5);
    for (text, found) in [("acme", 65), ("hopper", 65), ("grace@", 0), ("TITLE OF P12", 10), ("%", 0)] {
        let filter = BoardFilter { client: None, text: text.to_owned() };
        assert_eq!(board(&world, &ada, filter).await[3].count.number(), found, "{text}");
    }
}

#[tokio::test]
async fn clients_are_found_as_one_types_and_staff_by_name() {
    let world = world().await;
    for (id, name) in [("h1", "Hugo Hall"), ("h2", "hulda"), ("x", "Xaver the Huge")] {
        world.user(id, name, "CLIENT").await;
    }
    world.user("off", "Off", "ADMIN").await;
    world.sql("UPDATE public.users SET active = false WHERE id = 'off'; UPDATE public.users SET name = NULL WHERE id = 'x'").await;
    world.ticket("t", "grace", "CLOSED", "1 hour").await;
    world.comment("c", "t", "grace", "CLIENT", "0 seconds").await;
    world.project("p", "grace", "COMPLETED", None).await;
    let ada = world.actor("ada").await;
    let find = async |text: &str| -> Vec<String> {
        let Answer::Clients(rows) = world.fetch(&ada, Query::Clients(text.to_owned())).await else {
            panic!()
        };
        rows.iter().map(|row| row.person.id.as_str().to_owned()).collect()
    };
    assert_eq!(find("").await, ["grace", "h1", "h2", "x"]);
    assert_eq!(find("hu").await, ["h1", "h2"]);
    assert_eq!(find("HAL").await, ["h1"]);
    assert_eq!(find("x@example").await, ["x"]);
    assert_eq!(find("lovelace").await, [""; 0], "staff are no clients");
    let Answer::Client(Some(profile)) = world.fetch(&ada, Query::Client(UserId::new("grace"))).await else {
        panic!()
    };
    assert_eq!((profile.client.open_tickets, profile.client.projects, profile.tickets.len()), (1, 1, 1));
    assert!(profile.email_verified && profile.last_logged_in.is_none());
    let Answer::Staff(staff) = world.fetch(&ada, Query::Staff).await else { panic!() };
    assert_eq!(
        staff.iter().map(|person| person.display_name()).collect::<Vec<_>>(),
        ["Ada Lovelace", "Alan Turing"]
    );
}

#[tokio::test]
async fn an_operator_makes_accounts_whose_addresses_differ_in_more_than_case() {
    let world = empty_world().await;
    let add = |id: &str, email: &str| Command::AddUser {
        user: UserId::new(id),
        email: email.to_owned(),
        name: "Ada".to_owned(),
        company: None,
        role: Role::Admin,
        password_hash: PasswordHash::new("$2b$04$xxxxxxxxxxxxxxxxxxxxxuxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    };
    let operator = Actor::operator();
    world.execute(&operator, add("u", "ada@kaygia.example")).await.unwrap();
    assert!(
        world.execute(&operator, add("u", "ada@kaygia.example")).await.unwrap().event.is_none(),
        "sent twice"
    );
    assert!(matches!(
        world.execute(&operator, add("v", "ADA@kaygia.example")).await,
        Err(Failure::Invalid(_))
    ));
    assert!(matches!(world.execute(&operator, add("w", "no address")).await, Err(Failure::Invalid(_))));
    assert_eq!(
        world.value("SELECT concat_ws(' ', id, role, email_verified, active) FROM public.users").await,
        "u ADMIN t t"
    );
    assert_eq!(
        world.value("SELECT concat_ws(' ', actor_kind, after) FROM desk.events").await,
        r#"operator {"role": "ADMIN"}"#
    );
}

#[tokio::test]
async fn texts_that_cannot_be_stored_are_refused_with_a_reason() {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    let mut blank = reply("t", "r", (TicketStatus::Open, TicketStatus::Open), None);
    for (text, why) in
        [(" \n", "the message is empty"), ("a\0b", "the message holds a NUL character: remove it")]
    {
        if let Command::Reply { content, .. } = &mut blank {
            *content = text.to_owned();
        }
        assert_eq!(world.execute(&ada, blank.clone()).await.unwrap_err(), Failure::Invalid(why.to_owned()));
    }
    let odd = set_status("t", TicketStatus::Open, TicketStatus::Unknown("ON_HOLD".into()));
    let refused = world.execute(&ada, odd).await.unwrap_err();
    assert_eq!(refused, Failure::Invalid("the database does not know this value".to_owned()));
}
