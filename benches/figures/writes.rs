//! Replies, and what others write.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use crate::database::Database;
use crate::glass::{Glass, shows};
use crate::keys::{show_view, start};
use crate::table::{Table, Times};

const LIMIT: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_millis(250);
const REPLIES: usize = 36;
const CHANGES: usize = 20;
/// The desk reads again at most twice a second while changes keep coming: these come one by one.
const APART: Duration = Duration::from_millis(1_200);

/// From `y` to the message in the conversation, which is read from the database after the commit.
pub async fn replies(table: &mut Table, database: &Database) {
    let mut desk = start(database);
    let mut times = Times::default();
    for at in 0..REPLIES {
        show_view(&mut desk, "1");
        let text = format!("Answer number {at} of this run.");
        desk.press("r");
        desk.expect("the composer", |screen| shows(screen, "Reply to "));
        desk.settle(REST);
        desk.press(&text);
        desk.expect("what was typed", |screen| shows(screen, &text));
        desk.settle(REST);
        desk.press("\x1b");
        desk.expect("the review bar", |screen| shows(screen, "Send to "));
        desk.settle(REST);
        let since = desk.press("y");
        let sent = |screen: &vt100::Screen| {
            !shows(screen, "Send to ") && !shows(screen, "Sending to ") && shows(screen, &text)
        };
        let Some(time) = desk.until(since, LIMIT, sent) else {
            panic!("reply {at} was not sent:\n{}", desk.text())
        };
        times.push(time);
        assert!(
            is_committed(&database.client, &text).await,
            "{text} is on the screen, but not in the database"
        );
        desk.settle(REST);
        desk.press("q");
        desk.settle(REST);
    }
    let beside = format!("{times}; fsync on; a bare commit: {}", commits(&database.client).await);
    table.time("reply: y to committed and on screen, p50", Duration::from_millis(6), times.p50(), beside);
}

async fn is_committed(client: &Client, text: &str) -> bool {
    let found = "SELECT EXISTS (SELECT FROM public.ticket_comments WHERE content = $1 AND sender = 'ADMIN'
                                AND created_at > (now() AT TIME ZONE 'utc') - interval '10 minutes')";
    client.query_one(found, &[&text]).await.expect("the reply").get(0)
}

/// What the disk alone takes: one row, committed.
async fn commits(client: &Client) -> Times {
    let setup = "CREATE TABLE IF NOT EXISTS public.figures_commit (id bigint GENERATED ALWAYS AS IDENTITY)";
    client.batch_execute(setup).await.expect("a table");
    let mut times = Times::default();
    for _ in 0..REPLIES {
        let begun = Instant::now();
        client.execute("INSERT INTO public.figures_commit DEFAULT VALUES", &[]).await.expect("a row");
        times.push(begun.elapsed());
    }
    client.batch_execute("DROP TABLE public.figures_commit").await.expect("no table");
    times
}

/// A client writes in the web app: from before the statement to the text on the screen.
pub async fn changes_of_others(table: &mut Table, database: &Database) {
    let mut desk = start(database);
    show_view(&mut desk, "1");
    desk.press("\r");
    desk.settle(REST);
    // The end of the conversation, where a new message comes.
    desk.press("G");
    desk.settle(REST);
    let number = open_number(&desk);
    let mut times = Times::default();
    for at in 0..CHANGES {
        desk.settle(APART);
        let text = format!("Any news? I ask for the {at}. time.");
        let since = Instant::now();
        comment_as_the_web_app(&database.client, &number, &text).await;
        desk.press("");
        let shown = desk.until(since, LIMIT, |screen| shows(screen, &text));
        let Some(time) = shown else { panic!("{text} did not come to the screen:\n{}", desk.text()) };
        times.push(time);
        desk.press("G");
    }
    table.time("another session's change to my screen, p50", Duration::from_millis(100), times.p50(), &times);
}

/// The number in the head of the conversation.
fn open_number(desk: &Glass) -> String {
    let head = desk.line(1);
    let after = head.rsplit_once("TKT-").map_or("", |(_, after)| after);
    format!("TKT-{}", after.split_whitespace().next().unwrap_or_default())
}

async fn comment_as_the_web_app(client: &Client, number: &str, text: &str) {
    let added = client
        .execute(
            "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender)
             SELECT gen_random_uuid()::text, $2, id, client_id, 'CLIENT' FROM public.support_tickets
             WHERE ticket_number = $1",
            &[&number, &text],
        )
        .await
        .expect("a comment");
    assert_eq!(added, 1, "{number}");
}
