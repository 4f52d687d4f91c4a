//! Erasing people: afterwards a dump of the whole database says nothing of them, and everything of the others.

use crate::accounts::{edit, email, erase, staffed};
use crate::support::world::{World, reply};
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::account::{AccountChange, ClientTexts};
use kaygia_desk::domain::command::{Change, Command, ProjectChange, ProjectFields};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, ProjectId, TicketId, UserId};
use kaygia_desk::domain::project::{ProjectStatus, ProjectType};
use kaygia_desk::domain::query::Query;
use kaygia_desk::domain::ticket::{Draft, TicketStatus};
use kaygia_desk::server::Programs;
use std::process::Command as Process;

/// What a dump of the whole database says.
pub fn dump(world: &World) -> String {
    // Beside the server itself: the folder of the programs may hold links to some of them only.
    let server = Programs::find().unwrap().folder().join("postgres").canonicalize().unwrap();
    let program = server.with_file_name("pg_dump");
    let output = Process::new(program).arg("--inserts").arg(world.db.owner_url()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Its first and last line hold a random word of its own, in which anything may stand.
    let text = String::from_utf8(output.stdout).unwrap().to_lowercase();
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// In every field that may hold a text of a client, a word that stands nowhere else: `zq` and the field.
const PLANTED: [&str; 15] = [
    "zqname",
    "zqmail",
    "zqcompany",
    "zqhash",
    "zqsubject",
    "zqdescription",
    "zqcomment",
    "zqtitle",
    "zqabout",
    "zqwish",
    "zqoldname",
    "zqoldmail",
    "zqoldtitle",
    "zqodd",
    "zqdraft",
];

pub async fn planted() -> World {
    let world = staffed().await;
    world
        .sql(
            "INSERT INTO public.users (id, email, name, company, password_hash, email_verified) \
             VALUES ('c', 'Zqoldmail@x.example', 'Zqoldname', 'Zqcompany', 'zqhash', true)",
        )
        .await;
    let (alan, ada) = (world.actor("alan").await, world.actor("ada").await);
    let name = AccountChange::Name(Change::new(Some("Zqoldname".into()), Some("Zqname".into())));
    world.execute(&alan, edit("c", name)).await.unwrap();
    world.execute(&alan, edit("c", email("Zqoldmail@x.example", "Zqmail@x.example"))).await.unwrap();
    for n in 0..50 {
        world.ticket(&format!("t{n}"), "c", "OPEN", "2 hours").await;
        world.comment(&format!("k{n}"), &format!("t{n}"), "c", "CLIENT", "1 hour").await;
    }
    world
        .sql(
            "UPDATE public.support_tickets SET subject = 'zqsubject ' || id, description = 'zqdescription'; \
             UPDATE public.ticket_comments SET content = 'zqcomment zqodd ' || id WHERE user_id = 'c'",
        )
        .await;
    world.ticket("g", "grace", "OPEN", "2 hours").await;
    world.comment("gk", "g", "grace", "CLIENT", "1 hour").await;
    for n in 0..5 {
        let open = (TicketStatus::Open, TicketStatus::Open);
        let seen = format!("k{n}");
        world.execute(&ada, reply(&format!("t{n}"), &format!("r{n}"), open, Some(&seen))).await.unwrap();
    }
    let draft = |content: &str| Draft {
        comment: CommentId::new("d"),
        content: content.to_owned(),
        last_comment: None,
        status_after: None,
        older_content: None,
        version: 0,
    };
    let save =
        |ticket: &str, text: &str| Command::SaveDraft { ticket: TicketId::new(ticket), draft: draft(text) };
    world.execute(&ada, save("t9", "Dear zqdraft")).await.unwrap();
    world.execute(&ada, save("g", "Dear Grace")).await.unwrap();
    let fields = ProjectFields {
        title: "Zqoldtitle".to_owned(),
        client: UserId::new("c"),
        status: ProjectStatus::Pending,
        kind: ProjectType::Other,
        budget: None,
        start_date: None,
        end_date: None,
        description: Some("zqabout".to_owned()),
        requirements: Some("zqwish".to_owned()),
    };
    let project = ProjectId::new("p");
    world
        .execute(&ada, Command::CreateProject { project: project.clone(), fields: Box::new(fields) })
        .await
        .unwrap();
    let title = ProjectChange::Title(Change::new("Zqoldtitle".into(), "Zqtitle".into()));
    world.execute(&ada, Command::EditProject { project, changes: vec![title] }).await.unwrap();
    // A ticket opened for them at the desk, and the sign-in of somebody who is no staff.
    world
        .execute(
            &ada,
            Command::CreateTicket {
                ticket: TicketId::new("made"),
                client: UserId::new("c"),
                subject: "zqsubject".to_owned(),
                description: "zqdescription".to_owned(),
                priority: kaygia_desk::domain::ticket::Priority::Normal,
            },
        )
        .await
        .unwrap();
    let _ =
        world.desk.sign_in("Zqmail@x.example", kaygia_desk::auth::Password::new("zqhash".to_owned())).await;
    world
}

fn found(dump: &str) -> Vec<&'static str> {
    PLANTED.into_iter().filter(|word| dump.contains(word)).collect()
}

#[tokio::test]
async fn a_dump_says_nothing_of_an_erased_client_and_everything_of_the_others() {
    let world = planted().await;
    let before = dump(&world);
    // What was overwritten before is not there, nor in the log.
    let there: Vec<_> = PLANTED.into_iter().filter(|word| !word.starts_with("zqold")).collect();
    assert_eq!(found(&before), there);
    let alan = world.actor("alan").await;
    let replies =
        "SELECT string_agg(content, ',' ORDER BY id) FROM public.ticket_comments WHERE user_id = 'ada'";
    let said = world.value(replies).await;
    world.execute(&alan, erase("c", "Zqmail@x.example", ClientTexts::Erase)).await.unwrap();
    assert_eq!(found(&dump(&world)), Vec::<&str>::new());
    assert_eq!(world.value(replies).await, said);
    assert_eq!(world.value("SELECT count(*) FROM public.support_tickets").await, "52");
    assert_eq!(world.value("SELECT count(*) FROM desk.tickets WHERE client_id = 'c'").await, "51");
    assert_eq!(world.value("SELECT count(*) FROM public.ticket_comments").await, "56");
    let kept = "SELECT concat_ws(' ', (SELECT subject FROM public.support_tickets WHERE id = 'g'), \
                (SELECT content FROM public.ticket_comments WHERE id = 'gk'), \
                (SELECT content FROM desk.drafts WHERE ticket_id = 'g'))";
    assert_eq!(world.value(kept).await, "Subject of g Text of gk Dear Grace");
    let left = "SELECT concat_ws('|', name, left(email, 7), right(email, 8), coalesce(company, '-'), \
                coalesce(password_hash, '-'), email_verified, active, role) FROM public.users WHERE id = 'c'";
    assert_eq!(world.value(left).await, "erased client|erased-|@invalid|-|-|f|f|CLIENT");
    let search = world.value("SELECT search FROM desk.users WHERE user_id = 'c'").await;
    assert!(search.starts_with("erased client erased-"), "{search}");
    let event = "SELECT after FROM desk.events WHERE action = 'user.erase'";
    assert_eq!(world.value(event).await, r#"{"texts": true, "active": false}"#);
}

#[tokio::test]
async fn texts_stay_unless_asked_for_and_can_go_later() {
    let world = planted().await;
    let alan = world.actor("alan").await;
    world.execute(&alan, erase("c", "c", ClientTexts::Keep)).await.unwrap();
    let left = found(&dump(&world));
    assert!(left.contains(&"zqsubject") && left.contains(&"zqdraft"), "{left:?}");
    assert!(!["zqname", "zqmail", "zqcompany", "zqhash"].iter().any(|word| left.contains(word)), "{left:?}");
    world.execute(&alan, erase("c", "", ClientTexts::Erase)).await.unwrap();
    assert_eq!(found(&dump(&world)), Vec::<&str>::new());
}

#[tokio::test]
async fn an_erasure_needs_the_address_or_the_id_typed_and_cannot_be_undone() {
    let world = planted().await;
    let alan = world.actor("alan").await;
    for typed in ["", "grace@example.test", "Zqmail@x.exampl"] {
        let refused = world.execute(&alan, erase("c", typed, ClientTexts::Erase)).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{typed}: {refused:?}");
    }
    let command = erase("c", " Zqmail@x.example ", ClientTexts::Keep);
    assert!(world.execute(&alan, command.clone()).await.unwrap().event.is_some());
    assert_eq!(world.execute(&alan, command.clone()).await.unwrap().event, None, "sent again");
    assert_eq!(command.inverse(), None);
    let on = Command::SetActive { user: UserId::new("c"), change: Change::new(false, true) };
    let refused = world.execute(&alan, on).await;
    assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn erased_staff_keep_their_replies_as_former_staff() {
    let world = planted().await;
    let (ada, alan) = (world.actor("ada").await, world.actor("alan").await);
    let texts = world.execute(&alan, erase("ada", "ada", ClientTexts::Erase)).await;
    assert!(matches!(texts, Err(Failure::Invalid(_))), "{texts:?}");
    world.execute(&alan, erase("ada", "ada", ClientTexts::Keep)).await.unwrap();
    let thread = world.thread(&alan, "t1").await;
    let last = thread.comments.last().unwrap();
    assert_eq!((last.author_name.as_str(), last.content.as_str()), ("former staff", "Answer r1"));
    assert!(matches!(world.desk.fetch(&ada, Query::Staff).await, Err(Failure::SignedOut(_))));
    assert_eq!(world.value("SELECT count(*) FROM desk.drafts WHERE user_id = 'ada'").await, "0");
    let dump = dump(&world);
    assert!(!dump.contains("lovelace") && !dump.contains("ada@example.test"));
}

/// More than one transaction takes: it goes on by itself until nothing is left.
#[tokio::test]
async fn a_client_with_thousands_of_texts_is_erased_in_portions() {
    let world = staffed().await;
    world
        .sql(
            "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) \
             SELECT 'b' || n, 'B-' || n, 'zqsubject', 'zqdescription', 'grace' FROM generate_series(1, 2500) AS n; \
             INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender) \
             SELECT 'c' || n, 'zqcomment', 'b' || n, 'grace', 'CLIENT' FROM generate_series(1, 2500) AS n",
        )
        .await;
    while world.desk.fold().await.unwrap() {}
    let alan = world.actor("alan").await;
    let began = std::time::Instant::now();
    let done = world.execute(&alan, erase("grace", "grace", ClientTexts::Erase)).await.unwrap();
    println!("erased 2,500 tickets and 2,500 comments in {:?}", began.elapsed());
    assert!(done.event.is_some());
    assert_eq!(found(&dump(&world)), Vec::<&str>::new());
    assert_eq!(world.value("SELECT count(*) FROM desk.events WHERE action = 'user.erase'").await, "1");
}
