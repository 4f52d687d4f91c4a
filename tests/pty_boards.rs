//! Boards and clients in the real program on a real database: what is drawn is what was written, whoever wrote it.

use crate::pty::glass::Glass;
use crate::pty::start::{becomes, desk};
use crate::support::world::World;
use tempfile::TempDir;

/// Signed in, at the boards, with three projects of Grace's.
async fn at_the_boards() -> (World, TempDir, Glass) {
    let (world, state) = desk().await;
    for (id, status, end) in [
        ("shop", "PENDING", Some("2031-03-01")),
        ("site", "PENDING", Some("2032-03-01")),
        ("app", "APPROVED", None),
    ] {
        world.project(id, "grace", status, end).await;
    }
    let mut glass = Glass::desk(world.db.url(), &state);
    glass.sign_in("ada");
    glass.shows("live");
    glass.keys("gb");
    glass.shows("Title of shop");
    glass.shows("Pending 2");
    (world, state, glass)
}

fn project(field: &str) -> String {
    format!("SELECT {field} FROM public.projects WHERE id = 'shop'")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_moves_for_everybody_and_the_web_apps_move_arrives() {
    let (world, _state, mut glass) = at_the_boards().await;
    glass.keys("L");
    glass.shows("Approved 2");
    becomes(&world, &project("status"), "APPROVED").await;
    let log = "SELECT concat_ws(' ', action, before ->> 'status', after ->> 'status', actor_id) FROM desk.events \
               WHERE entity = 'project' AND entity_id = 'shop'";
    becomes(&world, log, "project.edit PENDING APPROVED ada").await;
    // Two columns on, by the web app: the board follows by itself.
    world.sql("UPDATE public.projects SET status = 'REVIEW' WHERE id = 'shop'").await;
    glass.shows("Review 1");
    glass.shows("Approved 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_edited_field_by_field_and_a_conflict_shows_what_the_web_app_wrote() {
    let (world, _state, mut glass) = at_the_boards().await;
    glass.keys("e");
    glass.shows("Edit Title of shop");
    // It takes keys when all of the project is there.
    glass.shows("what the client asked for");
    glass.keys(" anew\t\t\t\t1250.50\x18\r");
    glass.shows("Title of shop anew");
    becomes(&world, &project("title"), "Title of shop anew").await;
    becomes(&world, &project("budget"), "1250.5").await;
    let untouched = "to_char(end_date, 'YYYY-MM-DD') || ' ' || status || ' ' || client_id || ' ' || type";
    becomes(&world, &project(untouched), "2031-03-01 PENDING grace WEBSITE").await;

    // The web app renames it while the form is open: nothing is overwritten, and both names are in sight.
    glass.wait("the form to close", |screen| !screen.contents().contains("what the client asked for"));
    glass.keys("e");
    glass.shows("Edit Title of shop anew");
    glass.shows("what the client asked for");
    world.sql("UPDATE public.projects SET title = 'Renamed by the web app' WHERE id = 'shop'").await;
    glass.keys(" of mine\x18\r");
    glass.shows("Renamed by the web app");
    glass.shows("meanwhile");
    glass.shows("Title of shop anew of mine");
    becomes(&world, &project("title"), "Renamed by the web app").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_clients_takes_every_sign_as_it_is_and_opens_the_profile() {
    let (world, state) = desk().await;
    for (id, name) in [("p", "% Wool Ltd"), ("u", "_snake GmbH"), ("b", "\\back"), ("q", "'Hara; DROP")] {
        world.user(id, name, "CLIENT").await;
    }
    world.project("shop", "grace", "REVIEW", None).await;
    let mut glass = Glass::desk(world.db.url(), &state);
    glass.sign_in("ada");
    glass.keys("gc");
    glass.shows("5 clients");
    // As wildcards each would find everybody, or fail. Short texts are beginnings of names, longer ones are anywhere.
    for (text, found) in [
        ("%", "% Wool Ltd"),
        ("_", "_snake GmbH"),
        ("\\", "\\back"),
        ("'", "'Hara; DROP"),
        ("% wo", "% Wool Ltd"),
        ("ra; d", "'Hara; DROP"),
    ] {
        glass.keys(&format!("/\x15{text}"));
        glass.wait(found, |screen| {
            let text = screen.contents();
            let names = ["Grace Hopper", "% Wool Ltd", "_snake GmbH", "\\back", "'Hara; DROP"];
            text.contains("1 client ") && names.iter().all(|name| text.contains(name) == (*name == found))
        });
        glass.keys("\r");
    }
    glass.keys("/\x15grace\r");
    glass.shows("grace@example.test");
    glass.keys("\r");
    glass.shows("Title of shop");
    glass.shows("Subject of t3");
    // Somebody else's change to the person in view arrives.
    world.sql("UPDATE public.users SET name = 'Grace Brewster Hopper' WHERE id = 'grace'").await;
    glass.shows("Grace Brewster Hopper");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mouse_fills_in_a_form() {
    let (world, _state, mut glass) = at_the_boards().await;
    glass.keys("e");
    glass.shows("Edit Title of shop");
    // A press and a release, as a terminal that reports by SGR sends them.
    let click = |glass: &mut Glass, wanted: &str, right: u16| {
        let line = glass.text().lines().position(|line| line.contains(wanted)).unwrap();
        let text = glass.text();
        let line_text = text.lines().nth(line).unwrap();
        let column = line_text[..line_text.find(wanted).unwrap()].chars().count() as u16 + 1 + right;
        glass.keys(&format!("\x1b[<0;{column};{y}M\x1b[<0;{column};{y}m", y = line + 1));
    };
    click(&mut glass, "Budget", 13);
    glass.keys("1250");
    click(&mut glass, "Title  ", 13);
    glass.keys("New ");
    glass.shows("New Title of shop");
    click(&mut glass, "save", 1);
    becomes(&world, &project("title || ' ' || budget"), "New Title of shop 1250").await;
}
